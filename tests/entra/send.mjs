// @ts-check
/** Writes an answer to the wire: well, slowly, halfway, or not at all. */
import { gzipSync } from 'node:zlib';

/**
 * @typedef {import('node:http').ServerResponse} ServerResponse
 * @typedef {import('./faults.mjs').Answer} Answer
 */

/** Resolves early when the client goes away. @param {number} ms @param {ServerResponse} res @returns {Promise<void>} */
export const pause = (ms, res) => new Promise((resolve) => {
  const done = () => {
    clearTimeout(timer);
    res.off('close', done);
    resolve();
  };
  const timer = setTimeout(done, ms);
  res.on('close', done);
});

/** @param {ServerResponse} res @param {Buffer} body @param {number} ms @param {number} bytes */
async function drip(res, body, ms, bytes) {
  for (let at = 0; at < body.length && !res.destroyed; at += bytes) {
    res.write(body.subarray(at, at + bytes));
    await pause(ms, res);
  }
  res.end();
}

/** A reset, not an orderly end; with HTTP/2, where others may share the connection, of the stream. @param {ServerResponse} res */
function reset(res) {
  const stream = /** @type {any} */ (res).stream;
  if (stream) return stream.close(2);
  const socket = /** @type {any} */ (res.socket);
  if (typeof socket?.resetAndDestroy === 'function' && !socket.encrypted) socket.resetAndDestroy();
  else socket?.destroy();
}

/** What comes behind the first half. @type {Record<string, (res: ServerResponse) => void>} */
const HALF = {
  stall: () => {},
  abort: (res) => /** @type {any} */ (res).stream?.close(2) ?? res.socket?.destroy(),
  cut: reset,
};

/**
 * Without `framed`, answers are chunked, as Graph's are.
 * @param {ServerResponse} res @param {Answer} answer
 * @param {{ gzip?: boolean, framed?: boolean }} [how]
 */
export async function send(res, { status, headers, body, transport }, { gzip = false, framed = false } = {}) {
  if (transport?.kind === 'hang') return;
  if (transport?.kind === 'reset') return reset(res);
  if (transport?.kind === 'delay') await pause(transport.ms ?? 1000, res);
  if (res.destroyed) return;
  let bytes = Buffer.from(body ?? '');
  const all = { ...headers };
  if (gzip && bytes.length) {
    bytes = gzipSync(bytes);
    all['Content-Encoding'] = 'gzip';
  }
  const half = HALF[transport?.kind ?? ''];
  if (body !== null && (framed || half || bytes.length === 0)) all['Content-Length'] = String(bytes.length);
  res.writeHead(status, all);
  if (half) {
    res.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => half(res));
  } else if (transport?.kind === 'slow') {
    await drip(res, bytes, transport.ms ?? 100, transport.bytes ?? 1);
  } else {
    if (bytes.length) res.write(bytes);
    res.end();
  }
}
