// @ts-check
/** Free TCP ports on the loopback interface. */
import fs from 'node:fs';
import net from 'node:net';

/**
 * The range below the kernel's ephemeral ports: a port picked there cannot be
 * taken by an outgoing connection between the moment it is probed and the
 * moment httpd binds it, nor while httpd is stopped for a moment.
 */
function range() {
  let end = 32768;
  try {
    end = Number(fs.readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/)[0]);
  } catch {
    // not Linux: the usual start of the range
  }
  const last = end > 12000 ? end - 1 : 32767;
  return { first: Math.max(10000, last - 12000), last };
}

/**
 * Resolves to null when the port can be bound on the loopback interface, else to the error.
 * @param {number} port
 * @returns {Promise<NodeJS.ErrnoException | null>}
 */
export function probePort(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', (err) => resolve(err));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(null)));
  });
}

/** A port that nobody listens on. */
export async function freePort() {
  const { first, last } = range();
  for (let i = 0; i < 200; i++) {
    const port = first + Math.floor(Math.random() * (last - first + 1));
    if (!await probePort(port)) return port;
  }
  throw new Error(`no free port between ${first} and ${last}`);
}
