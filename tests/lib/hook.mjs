// @ts-check
/** A receiver of webhooks on the loopback interface that writes down what it gets, and answers as a test wants it. */
import http from 'node:http';
import https from 'node:https';
import { waitFor } from './wait.mjs';

/**
 * @typedef {{ method: string, path: string, headers: http.IncomingHttpHeaders, body: string, time: number }} Post
 * @typedef {{ status?: number, headers?: Record<string, string>, body?: string | Buffer, hang?: boolean, cut?: boolean, wait?: number }} Reply
 *   `hang`: never answers; `cut`: closes the connection without an answer; `wait`: ms before the answer
 */

export class Hook {
  /** @param {http.Server} server @param {string} scheme */
  constructor(server, scheme) {
    this.server = server;
    this.scheme = scheme;
    /** @type {Post[]} */
    this.posts = [];
    /** What is answered, decided for each post. @type {(post: Post) => Reply} */
    this.reply = () => ({ status: 204 });
    server.on('request', (request, response) => this.#take(request, response));
  }

  /** @param {http.IncomingMessage} request @param {http.ServerResponse} response */
  async #take(request, response) {
    let body = '';
    request.setEncoding('utf8');
    try {
      for await (const chunk of request) body += chunk;
    } catch {
      return; // the sender went away
    }
    const post = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body, time: Date.now() };
    this.posts.push(post);
    const { status = 204, headers = {}, body: answer, hang, cut, wait = 0 } = this.reply(post);
    if (hang) return;
    if (cut) {
      request.socket.destroy();
      return;
    }
    setTimeout(() => {
      response.writeHead(status, headers);
      response.end(answer);
    }, wait);
  }

  get port() {
    return /** @type {import('node:net').AddressInfo} */ (this.server.address()).port;
  }

  /** @param {string} [path] */
  url(path = '/hook') {
    return `${this.scheme}://localhost:${this.port}${path}`;
  }

  /** Forgets what came and answers well again. */
  reset() {
    this.posts = [];
    this.reply = () => ({ status: 204 });
  }

  /** Waits for posts. @param {number} count @param {(post: Post) => boolean} [which] @param {number} [timeout] */
  async until(count, which = () => true, timeout = 20000) {
    await waitFor(`${count} posts`, () => this.posts.filter(which).length >= count, { timeout });
    return this.posts.filter(which);
  }

  /** @returns {Promise<void>} */
  close() {
    this.server.closeAllConnections();
    return new Promise((resolve) => { this.server.close(() => resolve()); });
  }
}

/** @param {{ key: string, cert: string }} [tls] @param {number} [port] @returns {Promise<Hook>} */
export async function startHook(tls, port = 0) {
  const server = tls ? https.createServer(tls) : http.createServer();
  await new Promise((resolve) => { server.listen(port, '127.0.0.1', () => resolve(undefined)); });
  return new Hook(server, tls ? 'https' : 'http');
}
