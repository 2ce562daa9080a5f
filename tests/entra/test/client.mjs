// @ts-check
/** A client of the simulator for its own tests. */
import { createHash, randomBytes } from 'node:crypto';
import { Jar } from '../../lib/jar.mjs';
import { startEntra } from '../entra.mjs';

export const REDIRECT = 'http://127.0.0.1:9/laps/oidc/callback';

export async function start(options = {}) {
  const entra = await startEntra({ redirectUris: [REDIRECT], ...options });
  const jar = new Jar();
  const tenant = entra.world.tenants[0];
  const app = tenant.apps[0];

  /** @param {Record<string, string>} form @param {string} [name] @param {Record<string, string>} [headers] */
  const token = (form, name = tenant.id, headers = {}) => jar.request(`${entra.url}/${name}/oauth2/v2.0/token`, {
    method: 'POST', body: new URLSearchParams(form), cookies: false, headers,
  });
  const credentials = {
    grant_type: 'client_credentials', client_id: app.clientId, client_secret: app.secrets[0].value, scope: `${entra.graphUrl}/.default`,
  };
  /** @param {string[]} [roles] granted to this token alone */
  const bearer = async (roles) => {
    entra.control.set({ token: { roles: roles ?? null } });
    const { access_token: value } = (await token(credentials)).json();
    entra.control.set({ token: { roles: null } });
    return `Bearer ${value}`;
  };
  /** @param {string} path below /v1.0 @param {import('../../lib/jar.mjs').Request & { token?: string }} [options] */
  const graph = (path, { token: value, headers, ...rest } = {}) => jar.request(`${entra.graphUrl}/v1.0${path}`, {
    cookies: false, ...rest, headers: { ...(value ? { Authorization: value } : {}), 'User-Agent': 'test/1', ...headers },
  });
  return { entra, jar, tenant, app, token, credentials, bearer, graph };
}

export const EVENTUAL = { ConsistencyLevel: 'eventual' };

/** An authorization request. @param {import('../entra.mjs').startEntra extends (...a: any) => Promise<infer T> ? T : never} entra @param {Record<string, string | undefined>} [changes] */
export function authorization(entra, changes = {}) {
  const verifier = randomBytes(32).toString('base64url');
  const parameters = {
    client_id: entra.world.tenants[0].signIn?.clientId, response_type: 'code', redirect_uri: REDIRECT, scope: 'openid profile email',
    state: 'state-1', nonce: 'nonce-1', code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
    ...changes,
  };
  const query = new URLSearchParams(Object.entries(parameters).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
  return { verifier, url: `${entra.url}/${entra.world.tenants[0].id}/oauth2/v2.0/authorize?${query}` };
}
