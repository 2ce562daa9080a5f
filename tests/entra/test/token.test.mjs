// @ts-check
import assert from 'node:assert/strict';
import { constants, createHash, sign } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { makeCertificate } from '../certificate.mjs';
import { decodeJwt } from '../tokens.mjs';
import { start } from './client.mjs';

/** @type {Awaited<ReturnType<typeof start>>} */
let at;
before(async () => { at = await start(); });
after(() => at.entra.close());

/** @param {import('../../lib/jar.mjs').Answer} answer @param {number} status @param {string} error @param {number} code */
function refused(answer, status, error, code) {
  const body = answer.json();
  assert.deepEqual([answer.status, body.error, body.error_codes], [status, error, [code]], answer.text);
  assert.match(body.error_description, new RegExp(`^AADSTS${code}: [\\s\\S]+\\r\\nTrace ID: [0-9a-f-]{36}\\r\\nCorrelation ID: [0-9a-f-]{36}\\r\\nTimestamp: \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\dZ$`));
  assert.match(body.timestamp, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/);
  assert.equal(body.error_uri, `https://login.microsoftonline.com/error?code=${code}`);
  assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
  assert.equal(answer.headers['x-ms-request-id'], body.trace_id);
  assert.ok(answer.headers['x-ms-ests-server']);
  return body.error_description;
}

describe('client secret', () => {
  test('a token, by tenant id and by domain, by form and by Basic', async () => {
    const { client_secret: secret, client_id: id, ...rest } = at.credentials;
    const basic = `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`;
    const answers = [
      await at.token(at.credentials), await at.token(at.credentials, 'contoso.com'), await at.token(rest, at.tenant.id, { Authorization: basic }),
    ];
    for (const answer of answers) {
      const body = answer.json();
      assert.equal(answer.status, 200);
      assert.deepEqual(Object.keys(body), ['token_type', 'expires_in', 'ext_expires_in', 'access_token']);
      assert.ok(Number.isInteger(body.expires_in) && body.expires_in >= 3599 && body.expires_in < 5400);
      const claims = decodeJwt(body.access_token)?.claims;
      assert.equal(claims.exp - claims.iat, body.expires_in);
      assert.deepEqual([claims.aud, claims.appid, claims.idtyp, claims.tid, claims.oid, claims.appidacr],
        [at.entra.graphUrl, id, 'app', at.tenant.id, at.app.objectId, '1']);
      assert.deepEqual(claims.roles, ['Device.Read.All', 'DeviceLocalCredential.Read.All']);
    }
  });

  test('each refusal', async () => {
    const { credentials: good, token } = at;
    refused(await token(good, '11111111-1111-4111-8111-111111111111'), 400, 'invalid_request', 90002);
    refused(await token(good, 'common'), 400, 'invalid_request', 9001023);
    refused(await token({ ...good, client_id: '11111111-1111-4111-8111-111111111111' }), 400, 'unauthorized_client', 700016);
    refused(await token({ ...good, grant_type: 'password' }), 400, 'unsupported_grant_type', 70003);
    refused(await token({ ...good, scope: 'https://foo.microsoft.com/.default' }), 400, 'invalid_scope', 70011);
    refused(await token({ ...good, scope: `${at.entra.graphUrl}/User.Read` }), 400, 'invalid_scope', 1002012);
    refused(await token({ ...good, scope: `${good.scope} https://foo.microsoft.com/.default` }), 400, 'invalid_request', 700022);
    refused(await token({ ...good, client_secret: '' }), 401, 'invalid_client', 7000218);
    assert.match(refused(await token({ ...good, client_secret: 'wrong' }), 401, 'invalid_client', 7000215),
      new RegExp(`^AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${at.app.clientId}'\\.`));
    refused(await token({ ...good, client_secret: at.app.secrets[1].value }), 401, 'invalid_client', 7000222);
    const json = await at.jar.request(`${at.entra.url}/${at.tenant.id}/oauth2/v2.0/token`, {
      method: 'POST', body: new URLSearchParams(good), headers: { 'Content-Type': 'application/json' },
    });
    refused(json, 400, 'invalid_request', 900144);
    refused(await at.jar.request(`${at.entra.url}/${at.tenant.id}/oauth2/v2.0/token`), 400, 'invalid_request', 900561);
  });

  test('a secret that is not percent-encoded is another secret', async () => {
    const body = Object.entries(at.credentials).map(([name, value]) => `${name}=${value}`).join('&');
    const answer = await at.jar.request(`${at.entra.url}/${at.tenant.id}/oauth2/v2.0/token`, {
      method: 'POST', body, headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    });
    refused(answer, 401, 'invalid_client', 7000215);
  });

  test('a disabled app, and one of another tenant', async () => {
    at.app.disabled = true;
    refused(await at.token(at.credentials), 400, 'unauthorized_client', 7000112);
    at.app.disabled = false;
    refused(await at.token(at.credentials, 'fabrikam.com'), 400, 'unauthorized_client', 700016);
  });
});

describe('client certificate', () => {
  const part = (/** @type {any} */ value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = () => Math.floor(Date.now() / 1000);
  /** @type {Awaited<ReturnType<typeof makeCertificate>>} */
  let pair;
  before(async () => {
    pair = await makeCertificate();
    at.app.certificates = [pair.cert];
  });

  /** @param {any} [claims] @param {any} [header] @param {string} [key] */
  function request(claims = {}, header = {}, key = pair.key) {
    const hash = (/** @type {string} */ name) => createHash(name).update(pair.der).digest('base64url');
    const full = { alg: 'PS256', typ: 'JWT', 'x5t#S256': hash('sha256'), ...header };
    if (full.alg === 'RS256') Object.assign(full, { 'x5t#S256': undefined, x5t: hash('sha1') });
    const id = at.app.clientId;
    const body = { aud: `${at.entra.url}/${at.tenant.id}/oauth2/v2.0/token`, iss: id, sub: id, jti: '1', nbf: now(), iat: now(), exp: now() + 600, ...claims };
    const signed = `${part(full)}.${part(body)}`;
    const padding = full.alg === 'PS256' ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : {};
    const { client_secret: _, ...form } = at.credentials;
    return at.token({
      ...form, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: `${signed}.${sign('sha256', Buffer.from(signed), { key, ...padding }).toString('base64url')}`,
    });
  }

  test('PS256 and RS256 are taken, with padded thumbprints and times as strings too', async () => {
    const answers = [await request(), await request({}, { alg: 'RS256' }), await request({ exp: String(now() + 300), nbf: String(now()), iat: undefined },
      { 'x5t#S256': `${createHash('sha256').update(pair.der).digest('base64url')}=` })];
    for (const answer of answers) {
      assert.equal(answer.status, 200, answer.text);
      assert.equal(decodeJwt(answer.json().access_token)?.claims.appidacr, '2');
    }
  });

  test('each refusal', async () => {
    const other = await makeCertificate();
    assert.match(refused(await request({}, {}, other.key), 401, 'invalid_client', 700027), /invalid signature/);
    assert.match(refused(await request({}, { 'x5t#S256': 'AAAA' }), 401, 'invalid_client', 700027), /The key was not found/);
    assert.match(refused(await request({ nbf: now() - 3600, exp: now() - 301 }), 401, 'invalid_client', 700024), /not within its valid time range/);
    refused(await request({ nbf: now() + 400, exp: now() + 900 }), 401, 'invalid_client', 700024);
    refused(await request({ aud: at.entra.url }), 401, 'invalid_client', 700023);
    refused(await request({ iss: 'someone', sub: 'someone' }), 401, 'invalid_request', 70021);
    assert.equal((await request({ nbf: now() - 600, exp: now() - 200 })).status, 200, 'five minutes of skew are tolerated');
  });
});
