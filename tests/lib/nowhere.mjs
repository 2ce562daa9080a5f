// @ts-check
/** Addresses that lead nowhere: where nobody listens, where nobody answers, and where nothing may ever arrive. */
import { spawn } from 'node:child_process';
import net from 'node:net';
import process from 'node:process';

/** @param {net.Server} server @param {string} host @returns {Promise<number>} */
const listen = (server, host) => new Promise((resolve, reject) => {
  server.once('error', reject);
  server.listen(0, host, () => resolve(/** @type {net.AddressInfo} */ (server.address()).port));
});

/** A port that takes connections, counts them, and says nothing. */
export async function startWatched() {
  let connections = 0;
  /** @type {Set<net.Socket>} */
  const sockets = new Set();
  const server = net.createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  const port = await listen(server, '127.0.0.1');
  return {
    port,
    connections: () => connections,
    close: () => new Promise((resolve) => {
      server.close(() => resolve(undefined));
      for (const socket of sockets) socket.destroy();
    }),
  };
}

const LISTENER = `require('net').createServer().listen({ port: Number(process.argv[2]), host: process.argv[1], backlog: 1 },
  function () { process.stdout.write(this.address().port + '\\n'); })`;

/** Whether a connection comes about in time; the socket stays open. @param {number} port @param {string} host @param {net.Socket[]} kept */
const connects = (port, host, kept) => new Promise((resolve) => {
  const socket = net.connect({ port, host });
  kept.push(socket);
  // one that came about is heard of first, also where this process had no turn for so long
  const timer = setTimeout(() => setImmediate(() => resolve(false)), 400);
  socket.on('error', () => {});
  socket.once('connect', () => { clearTimeout(timer); resolve(true); });
});

/**
 * A port whose packets vanish, as behind a firewall that drops them: its process is stopped, and the queue of those who wait for it is full.
 * @param {string} [host] @param {number} [wanted] port, 0: any
 */
export async function startBlackHole(host = '127.0.0.1', wanted = 0) {
  const child = spawn(process.execPath, ['-e', LISTENER, host, String(wanted)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const port = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the listener ended with ${code}`)));
    child.stdout?.once('data', (data) => resolve(Number(data)));
  });
  child.kill('SIGSTOP');
  /** @type {net.Socket[]} */
  const kept = [];
  while (await connects(port, host, kept)) if (kept.length > 50) throw new Error('the queue of a stopped listener is never full');
  return {
    port,
    close: () => new Promise((resolve) => {
      process.off('exit', kill);
      for (const socket of kept) socket.destroy();
      child.removeAllListeners('exit');
      child.once('exit', () => resolve(undefined));
      kill();
    }),
  };
}
