// @ts-check
/** Managed identities: the metadata services of an Azure VM, an App Service and an Arc server. */
import { readFileSync } from 'node:fs';
import { timingSafeEqual } from 'node:crypto';

/**
 * @typedef {import('./entra.mjs').Simulator} Simulator
 * @typedef {import('./faults.mjs').Answer} Answer
 */

export const VM_PATH = '/metadata/identity/oauth2/token';
export const APP_SERVICE_PATH = '/msi/token';

/** @param {string} url */
export const isManaged = (url) => [VM_PATH, APP_SERVICE_PATH].includes(url.split('?')[0]);

/** @param {number} status @param {any} body @param {Record<string, string>} [headers] @returns {Answer} */
const json = (status, body, headers = {}) => ({ status, headers: { 'Content-Type': 'application/json; charset=utf-8', ...headers }, body: JSON.stringify(body) });

/** @param {number} status @param {string} error @param {string} text */
const refuse = (status, error, text) => json(status, { error, error_description: text });

/** @param {string | undefined} a @param {string} b */
const same = (a, b) => a !== undefined && Buffer.byteLength(a) === Buffer.byteLength(b) && timingSafeEqual(Buffer.from(a), Buffer.from(b));

/**
 * The app whose identity the machine has: `managed: 'system'`, or asked for by its client id, `managed: 'user'`.
 * @param {Simulator} sim @param {string | null} clientId
 */
function identityOf(sim, clientId) {
  for (const tenant of sim.world.tenants) {
    const app = tenant.apps.find((one) => (clientId ? one.managed === 'user' && one.clientId === clientId.toLowerCase() : one.managed === 'system'));
    if (app) return { tenant, app };
  }
  return undefined;
}

/** @param {Simulator} sim @param {URLSearchParams} query */
function token(sim, query) {
  const resource = query.get('resource') ?? '';
  if (resource.replace(/\/$/, '') !== sim.graphUrl) {
    return { error: refuse(400, 'invalid_resource', `AADSTS500011: The resource principal named ${resource} was not found in the tenant.`) };
  }
  const found = identityOf(sim, query.get('client_id'));
  if (!found) return { error: refuse(400, 'invalid_request', 'Identity not found') };
  const { expiresIn, roles } = sim.knobs.settings.token;
  const lifetime = Number.isFinite(Number(expiresIn ?? NaN)) ? Number(expiresIn) : 86399;
  const value = sim.tokens.issue(found.tenant, found.app, { roles: roles ?? found.app.roles, lifetime, proof: 'certificate' });
  return { value, lifetime, clientId: found.app.clientId, resource };
}

/** Every number is a string here. @param {Simulator} sim @param {URLSearchParams} query @param {boolean} withLife */
function grant(sim, query, withLife) {
  const { error, value, lifetime = 0, clientId, resource } = token(sim, query);
  if (error) return error;
  const now = Math.floor(Date.now() / 1000);
  return json(200, {
    access_token: value, expires_on: String(now + lifetime), resource, token_type: 'Bearer', client_id: clientId,
    ...(withLife ? { refresh_token: '', expires_in: String(lifetime), not_before: String(now - 300) } : {}),
  });
}

/** @param {Simulator} sim @param {URLSearchParams} query @param {import('node:http').IncomingHttpHeaders} headers */
function arc(sim, query, headers) {
  const { keyFile } = sim.knobs.settings.managed;
  const key = /^Basic (.*)$/s.exec(headers.authorization ?? '')?.[1];
  if (key === undefined) return json(401, {}, { 'WWW-Authenticate': `Basic realm=${keyFile}` });
  if (!same(key, readFileSync(String(keyFile), 'utf8'))) return refuse(401, 'unauthorized_client', 'the key is wrong');
  return grant(sim, query, true);
}

/**
 * @param {Simulator} sim @param {string} method @param {string} url @param {import('node:http').IncomingHttpHeaders} headers
 * @returns {Answer}
 */
export function managedIdentity(sim, method, url, headers) {
  const { pathname, searchParams: query } = new URL(url, 'http://localhost');
  const { header, keyFile } = sim.knobs.settings.managed;
  const version = query.get('api-version');
  if (method !== 'GET') return refuse(405, 'bad_request_102', 'Method not allowed');
  if (pathname === APP_SERVICE_PATH) {
    if (version !== '2019-08-01') return json(400, { statusCode: 400, message: `Invalid api-version '${version}'` });
    return same(/** @type {string} */ (headers['x-identity-header']), header ?? '') ? grant(sim, query, false)
      : json(403, { statusCode: 403, message: 'Invalid X-IDENTITY-HEADER' });
  }
  if (String(headers.metadata).toLowerCase() !== 'true') return refuse(400, 'bad_request_102', 'Required metadata header not specified');
  if (version !== (keyFile ? '2020-06-01' : '2018-02-01')) return refuse(400, 'invalid_request', `Invalid api-version '${version}'`);
  return keyFile ? arc(sim, query, headers) : grant(sim, query, true);
}
