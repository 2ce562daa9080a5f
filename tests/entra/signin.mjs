// @ts-check
/** Sign-in of people at one tenant: the certified oidc-provider, made to look like Entra's v2.0 endpoints. */
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
// @ts-ignore: the package brings no types
import Provider from 'oidc-provider';
import { closure } from './directory.mjs';
import { errorPage, signInPage, signOutPage, signedOutPage } from './signin-pages.mjs';
import { storeOf } from './signin-store.mjs';

/** Entra lists no more groups than this in a token. */
const MOST_GROUPS = 200;

/** The provider needs one; it leads nowhere. */
const NO_REDIRECT = 'http://127.0.0.1:9/no-redirect-uri-registered';

/**
 * `sub` differs from app to app, so that nobody uses it as a name.
 * @param {import('./world.mjs').Person} person @param {string} clientId
 */
const subjectOf = (person, clientId) => createHash('sha256').update(`${clientId}/${person.id}`).digest('base64url');

/** @param {import('./world.mjs').Tenant} tenant @param {import('./world.mjs').Person} person */
function groupClaims(tenant, person) {
  const groups = closure(tenant, person.groups);
  if (groups.length <= MOST_GROUPS) return groups.length ? { groups } : {};
  return {
    _claim_names: { groups: 'src1' },
    // Entra still names the retired Azure AD Graph here
    _claim_sources: { src1: { endpoint: `https://graph.windows.net/${tenant.id}/users/${person.id}/getMemberObjects` } },
  };
}

/**
 * @param {import('./world.mjs').Tenant} tenant @param {import('./world.mjs').Person} person
 * @param {string} clientId @param {string} use  id_token or userinfo
 */
export function claimsOf(tenant, person, clientId, use) {
  const sub = subjectOf(person, clientId);
  const name = person.displayName;
  const email = person.userPrincipalName;
  if (use === 'userinfo') {
    return { sub, name, given_name: name.split(' ')[0], family_name: name.split(' ').slice(1).join(' '), email };
  }
  return {
    sub, name, email, preferred_username: person.userPrincipalName, oid: person.id, tid: tenant.id, ver: '2.0',
    ...groupClaims(tenant, person), ...(person.roles.length ? { roles: person.roles } : {}),
  };
}

export class SignIn {
  /** @param {import('./entra.mjs').Simulator} sim @param {import('./world.mjs').Tenant & { signIn: any }} tenant */
  constructor(sim, tenant) {
    this.sim = sim;
    this.tenant = tenant;
    this.mount = `/${tenant.id}`;
    this.issuer = `${sim.url}${this.mount}/v2.0`;
    this.provider = new Provider(this.issuer, this.#configuration());
    // the public address counts, whatever name a client used to get here
    this.provider.proxy = true;
    this.callback = this.provider.callback();
  }

  #client() {
    const { clientId, secret, name } = this.tenant.signIn;
    const uris = this.sim.redirectUris.length ? this.sim.redirectUris : [NO_REDIRECT];
    return {
      client_id: clientId, client_secret: secret, client_name: name, redirect_uris: uris, post_logout_redirect_uris: uris,
      grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'client_secret_post',
    };
  }

  /** @param {string} sub */
  #personOf(sub) {
    return this.tenant.people.find((one) => subjectOf(one, this.tenant.signIn.clientId) === sub);
  }

  #configuration() {
    const key = this.sim.tokens;
    const jwk = { ...key.privateKey.export({ format: 'jwk' }), kid: key.kid, use: 'sig', alg: 'RS256' };
    const cookie = { httpOnly: true, sameSite: /** @type {'lax'} */ ('lax'), signed: true, path: this.mount };
    return {
      adapter: storeOf((id) => (id === this.tenant.signIn.clientId ? this.#client() : undefined)),
      clients: [],
      jwks: { keys: [jwk] },
      pkce: { methods: ['S256'], required: () => true },
      conformIdTokenClaims: false,
      claims: {
        openid: ['sub', 'tid', 'ver', 'groups', 'roles'],
        profile: ['name', 'given_name', 'family_name', 'preferred_username', 'oid'],
        email: ['email'],
      },
      scopes: ['openid', 'profile', 'email', 'offline_access'],
      responseTypes: ['code'],
      subjectTypes: ['public'],
      clientAuthMethods: ['client_secret_post', 'client_secret_basic'],
      cookies: {
        keys: [randomBytes(32).toString('base64url')], names: { session: 'ESTSAUTH', interaction: 'esctx', resume: 'esctx_resume' },
        long: cookie, short: { ...cookie, path: undefined },
      },
      routes: {
        authorization: '/oauth2/v2.0/authorize', token: '/oauth2/v2.0/token', jwks: '/discovery/v2.0/keys',
        userinfo: '/openid/userinfo', end_session: '/oauth2/v2.0/logout',
      },
      ttl: {
        AccessToken: 3600, AuthorizationCode: 600, IdToken: 3600, RefreshToken: 86400, Interaction: 3600, Session: 86400, Grant: 86400,
      },
      features: {
        devInteractions: { enabled: false },
        rpInitiatedLogout: {
          enabled: true,
          logoutSource: async (/** @type {any} */ ctx, /** @type {string} */ form) => { ctx.body = signOutPage(form); },
          postLogoutSuccessSource: async (/** @type {any} */ ctx) => { ctx.body = signedOutPage(); },
        },
      },
      interactions: { url: (/** @type {any} */ _, /** @type {any} */ { uid }) => `${this.mount}/login/${uid}` },
      findAccount: (/** @type {any} */ _, /** @type {string} */ sub) => this.#account(sub),
      loadExistingGrant: (/** @type {any} */ ctx) => this.#grant(ctx),
      renderError: (/** @type {any} */ ctx, /** @type {any} */ out) => {
        ctx.type = 'html';
        ctx.body = errorPage(out);
      },
    };
  }

  /** @param {string} sub */
  #account(sub) {
    const person = this.#personOf(sub);
    return person && {
      accountId: sub,
      claims: async (/** @type {string} */ use) => claimsOf(this.tenant, person, this.tenant.signIn.clientId, use),
    };
  }

  /** The admin has consented for everybody: nobody is asked. @param {any} ctx */
  async #grant({ oidc }) {
    const id = oidc.result?.consent?.grantId ?? oidc.session.grantIdFor(oidc.client.clientId);
    const known = id && await this.provider.Grant.find(id);
    if (known) return known;
    const grant = new this.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope('openid profile email offline_access');
    await grant.save();
    return grant;
  }

  /**
   * Whatever lies below the tenant's path but the client credentials grant.
   * @param {import('node:http').IncomingMessage} req @param {import('node:http').ServerResponse} res
   * @param {string} path  below the tenant, with query
   * @param {Buffer} body
   * @param {URLSearchParams | null} form  of a token request, client credentials included
   */
  async handle(req, res, path, body, form) {
    if (path.startsWith('/login/')) return this.#page(this.#again(req, path, body), res, body);
    const own = path.replace(/^\/v2\.0(?=\/\.well-known\/)/, '');
    if (!form) return this.callback(this.#again(req, own, body), res);
    const { authorization: _, ...headers } = req.headers;
    const text = Buffer.from(form.toString());
    const request = this.#again(req, own, text);
    request.headers = { ...request.headers, ...headers, 'content-length': String(text.length) };
    delete request.headers.authorization;
    return this.callback(request, res);
  }

  /**
   * The request once more, as one that nobody has read yet and that lies below a mount point.
   * @param {import('node:http').IncomingMessage} req @param {string} path @param {Buffer} body
   * @returns {any}
   */
  #again(req, path, body) {
    const { protocol, host } = new URL(this.sim.url);
    const headers = { ...req.headers, host, 'x-forwarded-proto': protocol.slice(0, -1), 'x-forwarded-host': host };
    return Object.assign(Readable.from(body.length ? [body] : [], { objectMode: false }), {
      method: req.method, url: path, originalUrl: `${this.mount}${path}`, headers, socket: req.socket, connection: req.socket,
      httpVersion: req.httpVersion, httpVersionMajor: req.httpVersionMajor, httpVersionMinor: req.httpVersionMinor,
    });
  }

  /** @param {any} req @param {import('node:http').ServerResponse} res @param {Buffer} body */
  async #page(req, res, body) {
    const show = (/** @type {number} */ status, /** @type {string} */ html) => {
      res.writeHead(status, {
        'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store', 'X-Frame-Options': 'DENY', 'X-Content-Type-Options': 'nosniff',
        'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
      });
      res.end(html);
    };
    try {
      await this.provider.interactionDetails(req, res);
    } catch {
      return show(400, errorPage({ error: 'invalid_request', error_description: 'AADSTS165000: Invalid Request: the sign-in has ended or was not begun here.' }));
    }
    const of = { app: this.tenant.signIn.name, tenant: this.tenant.name };
    if (req.method !== 'POST') return show(200, signInPage(of));
    const form = new URLSearchParams(body.toString());
    const username = form.get('username') ?? '';
    const person = this.tenant.people.find(({ userPrincipalName }) => userPrincipalName.toLowerCase() === username.trim().toLowerCase());
    if (!person || person.password !== form.get('password')) {
      return show(200, signInPage({ ...of, username, problem: 'Your account or password is incorrect. (AADSTS50126)' }));
    }
    const login = { accountId: subjectOf(person, this.tenant.signIn.clientId), amr: ['pwd'], remember: true };
    return this.provider.interactionFinished(req, res, { login }, { mergeWithLastSubmission: false });
  }
}
