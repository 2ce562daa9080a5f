// @ts-check
/** POST /{tenant}/oauth2/v2.0/token with the client credentials grant. */
import { randomInt, timingSafeEqual } from 'node:crypto';
import { checkAssertion } from './assertion.mjs';
import { StsError, stsHeaders, tenantNotFound } from './sts-errors.mjs';

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** @param {import('./world.mjs').World} world @param {string} name GUID or verified domain */
export function findTenant(world, name) {
  const wanted = name.toLowerCase();
  return world.tenants.find(({ id, domains }) => id === wanted || domains.includes(wanted));
}

/**
 * The form of a token request. HTTP Basic is as good as members of the form.
 * @param {import('node:http').IncomingHttpHeaders} headers @param {Buffer} body
 * @returns {URLSearchParams}
 */
export function tokenForm(headers, body) {
  const type = (headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
  const form = new URLSearchParams(type === 'application/x-www-form-urlencoded' ? body.toString() : '');
  const basic = /^Basic\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  if (basic) {
    const [id, ...secret] = Buffer.from(basic, 'base64').toString().split(':');
    const decode = (/** @type {string} */ text) => new URLSearchParams(`x=${text.replaceAll('&', '%26')}`).get('x') ?? '';
    form.set('client_id', decode(id));
    form.set('client_secret', decode(secret.join(':')));
  }
  return form;
}

/** @param {URLSearchParams} form @param {string} name */
function required(form, name) {
  const value = form.get(name);
  if (!value) throw new StsError(400, 'invalid_request', 900144, `The request body must contain the following parameter: '${name}'.`);
  return value;
}

/** @param {string} scope @param {string} graphRoot */
function checkScope(scope, graphRoot) {
  const scopes = scope.split(' ').filter(Boolean);
  if (scopes.length > 1) {
    throw new StsError(400, 'invalid_request', 700022, `The provided value for the input parameter 'scope' is not valid because it contains more than one resource. The scope ${scope} is not valid.`);
  }
  if (scope.startsWith(`${graphRoot}/`) && scope !== `${graphRoot}/.default`) {
    throw new StsError(400, 'invalid_scope', 1002012, `The provided value for scope ${scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).`);
  }
  if (scope !== `${graphRoot}/.default`) {
    throw new StsError(400, 'invalid_scope', 70011, `The provided value for the input parameter 'scope' is not valid. The scope ${scope} is not valid.`);
  }
}

/** @param {string} a @param {string} b */
const same = (a, b) => Buffer.byteLength(a) === Buffer.byteLength(b) && timingSafeEqual(Buffer.from(a), Buffer.from(b));

/** @param {string} secret @param {import('./world.mjs').App} app */
function checkSecret(secret, app) {
  const known = app.secrets.find(({ value }) => same(value, secret));
  if (!known) {
    throw new StsError(401, 'invalid_client', 7000215, 'Invalid client secret provided. Ensure the secret being sent in the request is the client '
      + `secret value, not the client secret ID, for a secret added to app '${app.clientId}'.`);
  }
  if (known.expires && Date.parse(known.expires) < Date.now()) {
    throw new StsError(401, 'invalid_client', 7000222, `The provided client secret keys for app '${app.clientId}' are expired. Visit the Azure portal `
      + 'to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.');
  }
}

/**
 * @param {URLSearchParams} form @param {import('./world.mjs').App} app @param {string[]} audiences
 * @returns {'secret' | 'certificate' | 'federated'}
 */
function checkCredential(form, app, audiences) {
  const assertion = form.get('client_assertion');
  if (assertion) {
    const type = required(form, 'client_assertion_type');
    if (type !== ASSERTION_TYPE) {
      throw new StsError(400, 'invalid_request', 900144, `The value '${type}' of the parameter 'client_assertion_type' is not supported.`);
    }
    return checkAssertion(assertion, app, audiences);
  }
  const secret = form.get('client_secret');
  if (!secret) {
    throw new StsError(401, 'invalid_client', 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.");
  }
  checkSecret(secret, app);
  return 'secret';
}

/** @param {import('./entra.mjs').Simulator} sim @param {string} name @param {URLSearchParams} form */
function checkRequest(sim, name, form) {
  const grant = required(form, 'grant_type');
  if (/^(common|consumers|organizations)$/i.test(name)) {
    throw new StsError(400, 'invalid_request', 9001023, 'The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.');
  }
  const tenant = findTenant(sim.world, name);
  if (!tenant) throw new StsError(400, 'invalid_request', 90002, tenantNotFound(name));
  if (grant !== 'client_credentials') {
    throw new StsError(400, 'unsupported_grant_type', 70003, `The app requested an unsupported grant type '${grant}'.`);
  }
  const clientId = required(form, 'client_id');
  checkScope(required(form, 'scope'), sim.graphUrl);
  const app = tenant.apps.find((one) => one.clientId === clientId.toLowerCase());
  if (!app) {
    throw new StsError(400, 'unauthorized_client', 700016, `Application with identifier '${clientId}' was not found in the directory '${tenant.name}'. `
      + 'This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. '
      + 'You may have sent your authentication request to the wrong tenant.');
  }
  if (app.disabled) throw new StsError(400, 'unauthorized_client', 7000112, `Application '${app.clientId}'(${app.name}) is disabled.`);
  return { tenant, app };
}

/**
 * @param {import('./entra.mjs').Simulator} sim
 * @param {string} name      the tenant as the path names it
 * @param {URLSearchParams} form
 * @param {import('node:http').IncomingHttpHeaders} headers
 * @returns {import('./faults.mjs').Answer}
 */
export function clientCredentials(sim, name, form, headers) {
  const { tenant, app } = checkRequest(sim, name, form);
  const endpoints = [name, tenant.id, ...tenant.domains].map((one) => `${sim.url}/${one}/oauth2/v2.0/token`);
  const proof = checkCredential(form, app, endpoints);
  const { expiresIn, roles } = sim.knobs.settings.token;
  // Entra's tokens live 60 to 90 minutes, at random.
  const told = expiresIn ?? randomInt(3599, 5400);
  const lifetime = Number.isFinite(Number(told)) ? Number(told) : 3599;
  const body = {
    token_type: 'Bearer',
    ...(told === 'missing' ? {} : { expires_in: told }),
    ext_expires_in: lifetime,
    access_token: sim.tokens.issue(tenant, app, { roles: roles ?? app.roles, lifetime, proof }),
  };
  return { status: 200, headers: stsHeaders(headers), body: JSON.stringify(body) };
}
