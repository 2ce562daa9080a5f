// @ts-check
/**
 * An issuer of odd claims. The certified provider of the simulated Entra cannot be brought to issue what Entra would not;
 * this one signs whatever a test gives it, and mod_auth_openidc checks and passes it on as always.
 */
import { createHash, generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto';
import http from 'node:http';
import { CONTOSO } from '../entra/world.mjs';
import { signIn } from './signin.mjs';

const KID = 'odd';

/** @param {any} value */
const encode = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

export class Issuer {
  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    this.privateKey = privateKey;
    this.jwk = { ...publicKey.export({ format: 'jwk' }), kid: KID, use: 'sig', alg: 'RS256' };
    this.clientId = randomUUID();
    this.clientSecret = randomBytes(24).toString('base64url');
    this.url = '';
    /** `oid` is among the claims that tests spoil. */
    this.userClaim = 'sub';
    /** Claims of those who will sign in next. @type {{ claims: any, userinfo: any }[]} */
    this.next = [];
    /** By code, then by access token. @type {Map<string, { claims: any, userinfo: any, nonce?: string, challenge?: string }>} */
    this.grants = new Map();
    this.server = http.createServer((req, res) => this.#answer(req, res).catch((err) => {
      res.writeHead(500);
      res.end(String(err));
    }));
  }

  get metadataUrl() {
    return `${this.url}/.well-known/openid-configuration`;
  }

  /**
   * Signs in somebody with these claims; `undefined` leaves a usual claim out.
   * @param {string} base mount point of the module
   * @param {Record<string, any>} claims
   * @param {Record<string, any>} [userinfo] what UserInfo adds
   */
  signIn(base, claims, userinfo = {}) {
    const sub = randomUUID();
    const usual = { sub, oid: randomUUID(), tid: CONTOSO, name: 'Nemo Newcomer', preferred_username: `${sub}@contoso.com` };
    this.next.push({ claims: { ...usual, ...claims }, userinfo: { sub, ...userinfo } });
    return signIn(base, { username: usual.preferred_username });
  }

  /** @param {any} claims @param {string | undefined} nonce */
  #idToken(claims, nonce) {
    const now = Math.floor(Date.now() / 1000);
    const payload = { aud: this.clientId, ...claims, iss: this.url, iat: now, nbf: now - 60, exp: now + 3600, nonce };
    const text = `${encode({ alg: 'RS256', typ: 'JWT', kid: KID })}.${encode(payload)}`;
    return `${text}.${sign('sha256', Buffer.from(text), this.privateKey).toString('base64url')}`;
  }

  /** @param {http.IncomingMessage} req @param {http.ServerResponse} res */
  async #answer(req, res) {
    const url = new URL(req.url ?? '/', this.url);
    const json = (/** @type {any} */ value, status = 200) => {
      res.writeHead(status, { 'Content-Type': 'application/json' });
      res.end(JSON.stringify(value));
    };
    switch (url.pathname) {
      case '/.well-known/openid-configuration': return json(this.#metadata());
      case '/keys': return json({ keys: [this.jwk] });
      case '/authorize': return this.#authorize(url, res);
      case '/userinfo': {
        const grant = this.grants.get((req.headers.authorization ?? '').replace(/^Bearer /, ''));
        return grant ? json(grant.userinfo) : json({ error: 'invalid_token' }, 401);
      }
      case '/token': {
        let body = '';
        for await (const chunk of req) body += chunk;
        return this.#token(new URLSearchParams(body), json);
      }
      default: return json({ error: 'not_found' }, 404);
    }
  }

  #metadata() {
    return {
      issuer: this.url, authorization_endpoint: `${this.url}/authorize`, token_endpoint: `${this.url}/token`, jwks_uri: `${this.url}/keys`,
      userinfo_endpoint: `${this.url}/userinfo`, response_types_supported: ['code'], subject_types_supported: ['pairwise'],
      id_token_signing_alg_values_supported: ['RS256'], token_endpoint_auth_methods_supported: ['client_secret_post'],
      code_challenge_methods_supported: ['S256'], scopes_supported: ['openid', 'profile', 'email'],
    };
  }

  /** @param {URL} url @param {http.ServerResponse} res */
  #authorize(url, res) {
    const ask = url.searchParams;
    const person = this.next.shift();
    if (!person) throw new Error('nobody is announced to sign in');
    const code = randomUUID();
    this.grants.set(code, { ...person, nonce: ask.get('nonce') ?? undefined, challenge: ask.get('code_challenge') ?? undefined });
    const back = new URL(ask.get('redirect_uri') ?? '');
    back.searchParams.set('code', code);
    back.searchParams.set('state', ask.get('state') ?? '');
    res.writeHead(302, { Location: back.href });
    res.end();
  }

  /** @param {URLSearchParams} form @param {(value: any, status?: number) => void} json */
  #token(form, json) {
    const grant = this.grants.get(form.get('code') ?? '');
    const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
    if (!grant || challenge !== grant.challenge) return json({ error: 'invalid_grant' }, 400);
    const token = randomUUID();
    this.grants.set(token, grant);
    return json({ token_type: 'Bearer', expires_in: 3600, access_token: token, id_token: this.#idToken(grant.claims, grant.nonce) });
  }

  close() {
    return new Promise((resolve) => {
      this.server.close(() => resolve(undefined));
      this.server.closeAllConnections();
    });
  }
}

/** @returns {Promise<Issuer>} */
export async function startIssuer() {
  const issuer = new Issuer();
  await new Promise((resolve, reject) => {
    issuer.server.once('error', reject);
    issuer.server.listen(0, '127.0.0.1', () => resolve(undefined));
  });
  const address = /** @type {import('node:net').AddressInfo} */ (issuer.server.address());
  issuer.url = `http://127.0.0.1:${address.port}`;
  return issuer;
}
