// @ts-check
/** HTTP/2 to the httpd of a test, in one connection. */
import http2 from 'node:http2';
import { once } from 'node:events';

/** @typedef {import('./jar.mjs').Answer} Answer */

/**
 * Over http:// the server is taken to speak HTTP/2 without being asked (`Protocols h2c http/1.1`); over https:// any certificate will do.
 * @param {string} origin
 * @param {http2.ClientSessionOptions} [options]
 */
export async function connectHttp2(origin, options) {
  const { protocol, port, host } = new URL(origin);
  const client = http2.connect(`${protocol}//127.0.0.1:${port}`, { rejectUnauthorized: false, ...options });
  await once(client, 'remoteSettings');
  const open = (/** @type {string} */ method, /** @type {string} */ path, /** @type {Record<string, any>} */ headers = {}) =>
    client.request({ ':method': method, ':path': path, ':authority': host, ...headers }, { endStream: method === 'GET' || method === 'HEAD' });
  return {
    client,
    open,
    /** @param {string} method @param {string} path @param {Record<string, any>} [headers] @param {string} [body] @returns {Promise<Answer>} */
    request(method, path, headers, body) {
      const stream = open(method, path, headers);
      const answer = answerOf(stream, origin + path);
      if (body !== undefined) stream.end(body);
      return answer;
    },
    close: () => new Promise((resolve) => { client.close(() => resolve(undefined)); }),
  };
}

/** @param {http2.ClientHttp2Stream} stream @param {string} url @returns {Promise<Answer>} */
export function answerOf(stream, url) {
  /** @type {Buffer[]} */
  const chunks = [];
  /** @type {http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader} */
  let head = {};
  return new Promise((resolve, reject) => {
    stream.setTimeout(20000, () => { stream.close(); reject(new Error(`${url}: no answer within 20 s`)); });
    stream.on('response', (headers) => { head = headers; });
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('end', () => {
      const body = Buffer.concat(chunks);
      const text = body.toString('utf8');
      const headers = Object.fromEntries(Object.entries(head).filter(([name]) => !name.startsWith(':')).map(([name, value]) => [name, String(value)]));
      resolve({ url, status: head[':status'] ?? 0, headers, setCookies: head['set-cookie'] ?? [], rawHeaders: [], body, text, json: () => JSON.parse(text) });
    });
  });
}
