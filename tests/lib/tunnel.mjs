// @ts-check
/** An HTTP proxy that opens tunnels (CONNECT) and leads all of them to one place, whatever host they are for. */
import http from 'node:http';
import net from 'node:net';

/** @param {number} port where every tunnel ends, on 127.0.0.1 */
export async function startTunnel(port) {
  /** What was asked for, as "host:port". @type {string[]} */
  const asked = [];
  /** @type {Set<import('node:stream').Duplex>} */
  const open = new Set();
  const server = http.createServer((req, res) => {
    asked.push(`${req.method} ${req.url}`);
    res.writeHead(405);
    res.end();
  });
  server.on('connect', (req, client) => {
    asked.push(String(req.url));
    const target = net.connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      client.pipe(target);
      target.pipe(client);
    });
    for (const [one, other] of [[client, target], [target, client]]) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.once('close', () => { open.delete(one); other.destroy(); });
    }
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(undefined));
  });
  const address = /** @type {net.AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${address.port}`,
    asked,
    close: () => new Promise((resolve) => {
      server.close(() => resolve(undefined));
      server.closeAllConnections();
      for (const socket of open) socket.destroy();
    }),
  };
}
