// @ts-check
/**
 * An HTTP client for tests: keeps cookies as a browser does (host, path,
 * expiry), follows no redirect by itself, and sends the request target and the
 * headers exactly as given, which fetch() would normalise.
 */
import http from 'node:http';

/**
 * @typedef {object} Answer
 * @property {string} url       address that answered
 * @property {number} status
 * @property {Record<string, string>} headers  names in lower case, several values joined by ", "
 * @property {string[]} setCookies
 * @property {string[]} rawHeaders  name, value, name, value, as received
 * @property {Buffer} body
 * @property {string} text
 * @property {() => any} json
 */

/**
 * @typedef {object} Request
 * @property {string} [method]
 * @property {Record<string, string | string[]>} [headers]
 * @property {string | Buffer | URLSearchParams} [body]
 * @property {boolean} [cookies]   false: neither send nor keep cookies
 * @property {number} [timeout]    ms of silence after which the request fails
 * @property {string} [target]     request target to send instead of the URL's own path
 * @property {http.Agent} [agent]
 */

/** @param {string} host @param {string} path @param {string} line */
function parseCookie(host, path, line) {
  const [pair, ...attributes] = line.split(';').map((s) => s.trim());
  const at = pair.indexOf('=');
  const cookie = {
    host, name: pair.slice(0, at), value: pair.slice(at + 1), expired: false,
    path: path.slice(0, Math.max(1, path.lastIndexOf('/'))),
  };
  for (const attribute of attributes) {
    const [name, ...rest] = attribute.split('=');
    const value = rest.join('=');
    if (/^path$/i.test(name) && value.startsWith('/')) cookie.path = value;
    if (/^max-age$/i.test(name) && Number(value) <= 0) cookie.expired = true;
    if (/^expires$/i.test(name) && Date.parse(value) <= Date.now()) cookie.expired = true;
  }
  return cookie;
}

/** @param {string} path @param {string} prefix */
const pathMatches = (path, prefix) =>
  path === prefix || (path.startsWith(prefix) && (prefix.endsWith('/') || path[prefix.length] === '/'));

export class Jar {
  constructor() {
    /** @type {ReturnType<typeof parseCookie>[]} */
    this.cookies = [];
  }

  /** @param {URL} url */
  cookieHeader(url) {
    return this.cookies
      .filter((c) => c.host === url.hostname && pathMatches(url.pathname, c.path))
      .map((c) => `${c.name}=${c.value}`).join('; ');
  }

  /** @param {URL} url @param {string[]} lines */
  keep(url, lines) {
    for (const line of lines) {
      const cookie = parseCookie(url.hostname, url.pathname, line);
      this.cookies = this.cookies.filter(
        (c) => c.host !== cookie.host || c.name !== cookie.name || c.path !== cookie.path);
      if (!cookie.expired) this.cookies.push(cookie);
    }
  }

  /**
   * @param {string | URL} address
   * @param {Request} [options]
   * @returns {Promise<Answer>}
   */
  request(address, options = {}) {
    const url = new URL(address);
    const { method = 'GET', cookies = true, timeout = 20000 } = options;
    /** @type {Record<string, string | string[]>} */
    const headers = { 'User-Agent': 'amlaps-tests', ...options.headers };
    let body = options.body;
    if (body instanceof URLSearchParams) {
      headers['Content-Type'] ??= 'application/x-www-form-urlencoded';
      body = body.toString();
    }
    const sent = cookies ? this.cookieHeader(url) : '';
    if (sent && headers.Cookie === undefined) headers.Cookie = sent;
    if (body !== undefined && !headers['Transfer-Encoding']) headers['Content-Length'] ??= String(Buffer.byteLength(body));
    return new Promise((resolve, reject) => {
      const req = http.request({
        host: url.hostname === 'localhost' ? '127.0.0.1' : url.hostname, port: url.port, method,
        path: options.target ?? url.pathname + url.search, agent: options.agent ?? false,
        headers: { Host: url.host, ...headers },
      }, (res) => {
        /** @type {Buffer[]} */
        const chunks = [];
        res.on('data', (chunk) => chunks.push(chunk));
        res.on('error', reject);
        res.on('aborted', () => reject(new Error(`${method} ${url}: connection lost within the answer`)));
        res.on('end', () => {
          const setCookies = res.headers['set-cookie'] ?? [];
          if (cookies) this.keep(url, setCookies);
          resolve(answer(url, res, setCookies, Buffer.concat(chunks)));
        });
      });
      req.setTimeout(timeout, () => req.destroy(new Error(`${method} ${url}: no answer within ${timeout} ms`)));
      req.on('error', reject);
      req.end(body);
    });
  }

  /**
   * GET that follows redirects until something else answers.
   * @param {string | URL} address
   * @param {Request} [options]
   */
  async follow(address, options = {}) {
    let got = await this.request(address, options);
    for (let hops = 0; got.status >= 300 && got.status < 400 && got.headers.location; hops++) {
      if (hops === 20) throw new Error(`more than 20 redirects from ${address}, last ${got.url}`);
      const { headers } = options;
      got = await this.request(new URL(got.headers.location, got.url), { headers });
    }
    return got;
  }
}

/** @param {URL} url @param {http.IncomingMessage} res @param {string[]} setCookies @param {Buffer} body @returns {Answer} */
function answer(url, res, setCookies, body) {
  /** @type {Record<string, string>} */
  const headers = {};
  for (const [name, value] of Object.entries(res.headers)) {
    headers[name] = Array.isArray(value) ? value.join(', ') : String(value);
  }
  const text = body.toString('utf8');
  return {
    url: url.href, status: res.statusCode ?? 0, headers, setCookies, rawHeaders: res.rawHeaders, body, text,
    json: () => {
      try {
        return JSON.parse(text);
      } catch (err) {
        throw new Error(`${url} answered ${res.statusCode} with no JSON: ${text.slice(0, 300)}`);
      }
    },
  };
}
