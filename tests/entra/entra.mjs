// @ts-check
/** A simulated Microsoft Entra on one port: sign-in, tokens and Graph. It refuses what Microsoft refuses. */
import { createHash } from 'node:crypto';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { answerControl, controlOf, normalise } from './control.mjs';
import { spoil, standIn, standsIn } from './faults.mjs';
import { answerGraph } from './graph.mjs';
import { Knobs } from './knobs.mjs';
import { isManaged, managedIdentity } from './managed.mjs';
import { pause, send } from './send.mjs';
import { SignIn } from './signin.mjs';
import { StsError, stsAnswer, tenantNotFound } from './sts-errors.mjs';
import { clientCredentials, findTenant, tokenForm } from './token.mjs';
import { Tokens } from './tokens.mjs';
import { defaultWorld } from './world.mjs';

/** Graph keeps idle connections for minutes; Node's five seconds would hide a client's mistakes with old ones. */
const KEEP_ALIVE_MS = 120000;
const MOST_BODY = 4 << 20;
/** Under load the oldest records go first; the counters go on. */
const MOST_RECORDS = 50000;

/**
 * @typedef {object} Recorded  one request as it came; never a secret of it
 * @property {string} time
 * @property {'signin' | 'token' | 'graph'} area
 * @property {string} method
 * @property {string} path      with query
 * @property {number} status    0: not answered yet, or never
 * @property {number} ms
 * @property {number} connection
 * @property {string} http      its version, such as 1.1
 * @property {Record<string, string>} headers
 * @property {string[]} [parts]   of a $batch: method and path of each
 * @property {string} [fault]   kind that struck
 *
 * @typedef {object} Options
 * @property {number} [port]    0: any free one
 * @property {string} [host]
 * @property {{ key: string | Buffer, cert: string | Buffer }} [tls]
 * @property {boolean} [http2]  with `tls`: HTTP/2 for clients that offer it
 * @property {import('./world.mjs').World} [world]
 * @property {string} [baseUrl]  what clients call the server, when not http(s)://host:port
 * @property {string} [graphUrl] Graph's root, where that is another server
 * @property {string[]} [redirectUris]  of the sign-in app; a sign-out may return to them too
 * @property {boolean} [withControl]    false: nothing below /_control
 */

export class Simulator {
  /** @param {Required<Pick<Options, 'world' | 'redirectUris' | 'withControl'>> & Options} options */
  constructor(options) {
    this.world = options.world;
    this.redirectUris = options.redirectUris;
    this.withControl = options.withControl;
    for (const tenant of this.world.tenants) normalise(tenant);
    this.knobs = new Knobs();
    /** @type {Recorded[]} */
    this.requests = [];
    this.counts = { signin: 0, token: 0, graph: 0 };
    this.stats = { schemaErrors: 0, schemaErrorTexts: /** @type {string[]} */ ([]) };
    /** @type {Map<string, any[]>} */
    this.audits = new Map();
    /** By socket, or by session with HTTP/2. @type {WeakMap<object, number>} */
    this.connections = new WeakMap();
    this.connectionCount = 0;
    /** Connections that brought a request since the last reset. @type {Set<number>} */
    this.seenConnections = new Set();
    const handler = (/** @type {http.IncomingMessage} */ req, /** @type {http.ServerResponse} */ res) => {
      this.#handle(req, res).catch((error) => this.#crash(res, error));
    };
    this.server = /** @type {http.Server} */ (/** @type {unknown} */ (!options.tls ? http.createServer(handler)
      : options.http2 ? http2.createSecureServer({ ...options.tls, allowHTTP1: true }, /** @type {any} */ (handler)) : https.createServer(options.tls, handler)));
    this.server.keepAliveTimeout = KEEP_ALIVE_MS;
    /** Open connections, whatever is spoken on them. @type {Set<import('node:net').Socket>} */
    this.sockets = new Set();
    this.server.on('connection', (/** @type {import('node:net').Socket} */ socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
    /** Bytes that clients sent inside of TLS. */
    this.secureBytes = 0;
    this.server.on('secureConnection', (/** @type {import('node:tls').TLSSocket} */ socket) => {
      socket.once('close', () => { this.secureBytes += socket.bytesRead; });
    });
    /** Public address, and Graph's root; known once the server listens. */
    this.url = '';
    this.graphUrl = '';
    this.tokens = new Tokens();
    /** @type {Map<string, SignIn>} */
    this.signIns = new Map();
    this.control = controlOf(this);
  }

  /** Once the address is known: tokens and sign-in carry it. @param {string} url @param {string} [graphUrl] */
  open(url, graphUrl = url) {
    this.url = url;
    this.graphUrl = graphUrl;
    this.tokens.audience = graphUrl;
    this.signIns = new Map(this.world.tenants.filter(({ signIn }) => signIn)
      .map((tenant) => [tenant.id, new SignIn(this, /** @type {any} */ (tenant))]));
  }

  /** @param {string} [name] */
  tenant(name) {
    const found = this.world.tenants.find((tenant) => name === undefined || tenant.name === name);
    if (!found) throw new Error(`no tenant '${name}'`);
    return found;
  }

  /** @param {import('./world.mjs').Tenant} tenant @returns {any[]} directoryAudit entities, oldest first */
  auditsOf({ id }) {
    if (!this.audits.has(id)) this.audits.set(id, []);
    return /** @type {any[]} */ (this.audits.get(id));
  }

  /** @param {http.ServerResponse} res @param {unknown} error */
  #crash(res, error) {
    process.stderr.write(`simulated Entra: ${error instanceof Error ? error.stack : error}\n`);
    this.stats.schemaErrors++;
    this.stats.schemaErrorTexts.push(String(error));
    if (!res.headersSent) res.writeHead(500, { 'Content-Type': 'text/plain' });
    res.end('the simulator failed\n');
  }

  /** @param {http.IncomingMessage} req @param {http.ServerResponse} res */
  async #handle(req, res) {
    const url = req.url ?? '/';
    const method = req.method ?? 'GET';
    const control = /^\/_control(\/[^?]*)/.exec(url);
    if (control && this.withControl) return answerControl(this.control, res, method, control[1], await readBody(req));
    const area = /^\/(v1\.0|beta)(\/|\?|$)/.test(url) ? 'graph' : /^\/[^/]+\/oauth2\/v2\.0\/token(\?|$)/.test(url) || isManaged(url) ? 'token' : 'signin';
    const record = this.#record(req, res, area);
    const body = await readBody(req);
    if (!body) return res.destroy();
    const fault = this.knobs.strike(`${method} ${url}`);
    if (fault) record.fault = fault.kind;
    if (area === 'graph') return this.#graph(req, res, body, fault, record);
    if (isManaged(url)) return this.#managed(req, res, fault);
    return this.#login(req, res, body, fault, record);
  }

  /** @param {http.IncomingMessage} req @param {http.ServerResponse} res @param {Recorded['area']} area */
  #record(req, res, area) {
    const start = Date.now();
    const { authorization, cookie, ...headers } = req.headers;
    const seen = /** @type {Record<string, string>} */ (Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':'))));
    if (authorization) {
      const [scheme, value = ''] = authorization.split(' ');
      seen.authorization = `${scheme.toLowerCase()} ${createHash('sha256').update(value).digest('hex').slice(0, 8)}`;
    }
    if (cookie) seen.cookie = '(not recorded)';
    /** @type {Recorded} */
    const record = {
      time: new Date(start).toISOString(), area, method: req.method ?? '', status: 0, ms: 0,
      path: (req.url ?? '').replace(/\bid_token_hint=[^&]*/, 'id_token_hint=(not recorded)'),
      connection: this.#connectionOf(/** @type {any} */ (req).stream?.session ?? req.socket), http: req.httpVersion, headers: seen,
    };
    this.requests.push(record);
    if (this.requests.length > MOST_RECORDS) this.requests.splice(0, MOST_RECORDS / 10);
    this.counts[area]++;
    res.on('close', () => Object.assign(record, { status: res.headersSent ? res.statusCode : 0, ms: Date.now() - start }));
    return record;
  }

  /** The token endpoint serves people and apps: which, only the body tells. @param {Recorded} record @param {Recorded['area']} area */
  #belongsTo(record, area) {
    this.counts[record.area]--;
    this.counts[area]++;
    record.area = area;
  }

  /** @param {object} by */
  #connectionOf(by) {
    let id = this.connections.get(by);
    if (!id) this.connections.set(by, id = ++this.connectionCount);
    this.seenConnections.add(id);
    return id;
  }

  /** @param {http.IncomingMessage} req @param {http.ServerResponse} res @param {any} fault */
  async #managed(req, res, fault) {
    if (this.knobs.settings.tokenDelayMs) await pause(this.knobs.settings.tokenDelayMs, res);
    if (fault && standsIn(fault)) {
      const refuse = (/** @type {any} */ { status, message, headers }) => ({ status, headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify({ error: 'unknown', error_description: message }) });
      return send(res, standIn(fault, refuse), { framed: true });
    }
    const answer = managedIdentity(this, req.method ?? '', req.url ?? '/', req.headers);
    return send(res, fault ? spoil(fault, answer, `${this.url}${req.url}`) : answer, { framed: true });
  }

  /** @param {http.IncomingMessage} req @param {http.ServerResponse} res @param {Buffer} body @param {import('./knobs.mjs').LoadedFault | null} fault @param {Recorded} record */
  async #graph(req, res, body, fault, record) {
    const { delayMs, gzip } = this.knobs.settings;
    if (delayMs) await pause(delayMs, res);
    const request = { method: req.method ?? '', url: req.url ?? '', headers: req.headers, body, onPart: (/** @type {string} */ line) => (record.parts ??= []).push(line) };
    let answer = answerGraph(this, request, fault);
    if (fault && !standsIn(fault)) answer = spoil(fault, answer, `${this.graphUrl}${req.url}`);
    return send(res, answer, { gzip: gzip && /\bgzip\b/.test(String(req.headers['accept-encoding'] ?? '')) });
  }

  /** Everything below /{tenant}. @param {http.IncomingMessage} req @param {http.ServerResponse} res @param {Buffer} body @param {any} fault @param {Recorded} record */
  async #login(req, res, body, fault, record) {
    const form = record.area === 'token' ? tokenForm(req.headers, body) : null;
    const ofPerson = form && /^(authorization_code|refresh_token)$/.test(form.get('grant_type') ?? '');
    if (ofPerson) this.#belongsTo(record, 'signin');
    if (record.area === 'token' && this.knobs.settings.tokenDelayMs) await pause(this.knobs.settings.tokenDelayMs, res);
    const refuse = (/** @type {StsError} */ error) => stsAnswer(error, req.headers);
    if (fault && standsIn(fault)) {
      return send(res, standIn(fault, ({ status, message, headers }) => refuse(Object.assign(transient(status, message), { headers }))), { framed: true });
    }
    const [, name, rest] = /^\/([\w.-]+)(\/.*)$/s.exec(req.url ?? '') ?? [];
    try {
      if (!name) throw new StsError(404, 'invalid_request', 90015, 'There is nothing at this address.');
      const tenant = findTenant(this.world, name);
      const signIn = tenant && this.signIns.get(tenant.id);
      if (form && !(ofPerson && signIn)) return await this.#token(req, res, name, form, fault);
      if (!tenant) throw new StsError(400, 'invalid_tenant', 90002, tenantNotFound(name));
      if (!signIn) throw new StsError(400, 'unauthorized_client', 700016, `Nobody can sign in to '${tenant.name}': it has no app for that.`);
      if (fault?.kind === 'delay') await pause(fault.ms ?? 1000, res);
      if (fault?.kind === 'hang') return undefined;
      if (fault?.kind === 'reset') return res.destroy();
      return await signIn.handle(req, res, rest, body, form);
    } catch (error) {
      if (error instanceof StsError) return send(res, refuse(error), { framed: true });
      throw error;
    }
  }

  /** @param {http.IncomingMessage} req @param {http.ServerResponse} res @param {string} name @param {URLSearchParams} form @param {any} fault */
  async #token(req, res, name, form, fault) {
    if (req.method !== 'POST') {
      throw new StsError(400, 'invalid_request', 900561, `The endpoint only accepts POST requests. Received a ${req.method} request.`);
    }
    const answer = clientCredentials(this, name, form, req.headers);
    return send(res, fault ? spoil(fault, answer, `${this.url}${req.url}`) : answer, { framed: true });
  }
}

/** What the token service says in bad moments. @param {number} status @param {string} message */
function transient(status, message) {
  if (status === 429) return new StsError(429, 'temporarily_unavailable', 90055, 'The server is terminating the request because it encountered excessive request rates.');
  if (status === 401) return new StsError(401, 'invalid_client', 7000215, 'Invalid client secret provided.');
  if (status < 500) return new StsError(status, 'invalid_request', 90014, message);
  return new StsError(status, 'temporarily_unavailable', 90033, 'A transient error has occurred. Please try again.');
}

/** @param {http.IncomingMessage} req @returns {Promise<any>} null: too long or broken off */
async function readBody(req) {
  const chunks = [];
  let size = 0;
  try {
    for await (const chunk of req) {
      size += chunk.length;
      if (size > MOST_BODY) return null;
      chunks.push(chunk);
    }
  } catch {
    return null;
  }
  return Buffer.concat(chunks);
}

/** @param {Options} [options] */
export async function startEntra(options = {}) {
  const { port = 0, host = '127.0.0.1', tls, http2: withHttp2 = false, world = defaultWorld(), baseUrl, graphUrl, redirectUris = [], withControl = true } = options;
  const sim = new Simulator({ tls, http2: withHttp2, world, redirectUris, withControl });
  await new Promise((resolve, reject) => {
    sim.server.once('error', reject);
    sim.server.listen(port, host, () => resolve(undefined));
  });
  const { port: bound } = /** @type {import('node:net').AddressInfo} */ (sim.server.address());
  sim.open((baseUrl ?? `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${bound}`).replace(/\/$/, ''), graphUrl);
  const issuer = `${sim.url}/${world.tenants[0].id}/v2.0`;
  return {
    port: bound,
    url: sim.url,
    /** roots for AMLapsLoginURL and AMLapsGraphURL */
    loginUrl: sim.url,
    graphUrl: sim.graphUrl,
    issuer,
    metadataUrl: `${issuer}/.well-known/openid-configuration`,
    world,
    control: sim.control,
    openConnections: () => sim.sockets.size,
    /** Ends every connection and frees the port. */
    close: () => new Promise((resolve) => {
      sim.server.close(() => resolve(undefined));
      for (const socket of sim.sockets) socket.destroy();
    }),
  };
}
