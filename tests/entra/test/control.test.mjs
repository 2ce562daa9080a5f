// @ts-check
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { createInterface } from 'node:readline';
import { after, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Jar } from '../../lib/jar.mjs';
import { waitFor } from '../../lib/wait.mjs';
import { makeCertificate } from '../certificate.mjs';
import { startEntra } from '../entra.mjs';
import { DEVICES, GROUPS } from '../world.mjs';
import { start } from './client.mjs';

/** @type {Awaited<ReturnType<typeof start>>} */
let at;
let token = '';
before(async () => {
  at = await start();
  token = await at.bearer();
});
beforeEach(() => at.entra.control.reset());
after(() => at.entra.close());

/** @param {string} method @param {string} path @param {any} [value] */
const control = (method, path, value) => at.jar.request(`${at.entra.url}/_control${path}`, { method, body: value && JSON.stringify(value) });

test('knobs over HTTP', async () => {
  assert.equal((await control('POST', '/knobs', { wrapped: true, fault: { kind: 'reset', times: 2 } })).json().wrapped, true);
  assert.deepEqual((await control('GET', '/knobs')).json().faults, [{ kind: 'reset', times: 2, match: '', left: 2, struck: 0 }]);
  assert.equal((await control('POST', '/reset')).status, 200);
  assert.deepEqual([at.entra.control.knobs().wrapped, at.entra.control.knobs().faults], [false, []]);
  assert.match((await control('POST', '/knobs', { nonsense: 1 })).json().error, /no knob/);
  assert.equal((await control('GET', '/nothing')).status, 404);
});

test('requests are recorded without secrets, statistics count', async () => {
  await at.token(at.credentials);
  await at.graph('/devices?$top=1', { token, headers: { 'x-note': 'hello' } });
  await at.graph('/nothing', { token });
  const requests = await waitFor('both records to be complete', async () => {
    const all = (await control('GET', '/requests')).json();
    return all.length === 3 && all.every((/** @type {any} */ one) => one.status) && all;
  });
  assert.deepEqual(requests.map((/** @type {any} */ one) => [one.area, one.method, one.status]), [['token', 'POST', 200], ['graph', 'GET', 200], ['graph', 'GET', 400]]);
  const [, devices] = requests;
  assert.equal(devices.path, '/v1.0/devices?$top=1');
  assert.equal(devices.headers['x-note'], 'hello');
  const hash = createHash('sha256').update(token.replace('Bearer ', '')).digest('hex').slice(0, 8);
  assert.equal(devices.headers.authorization, `bearer ${hash}`);
  const text = JSON.stringify(requests);
  for (const secret of [token.slice(7), at.credentials.client_secret]) assert.ok(!text.includes(secret));
  const { tokenRequests, graphRequests, schemaErrors, schemaErrorTexts } = (await control('GET', '/stats')).json();
  assert.deepEqual([tokenRequests, graphRequests, schemaErrors, schemaErrorTexts], [1, 2, 0, []]);
});

test('connections are told apart, so that their reuse can be counted', async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < 3; i++) await at.graph('/devices?$top=1', { token, agent });
  assert.equal(at.entra.control.stats().connections, 1);
  assert.equal(new Set(at.entra.control.requests().map(({ connection }) => connection)).size, 1);
  await control('POST', '/close-connections');
  await waitFor('the kept connection to end', () => !Object.keys(agent.freeSockets).length);
  await at.graph('/devices?$top=1', { token, agent });
  assert.equal(at.entra.control.stats().connections, 2);
  agent.destroy();
});

test('the world can change while it runs', async () => {
  const deviceId = '0D0D0D0D-1111-4111-8111-111111111111';
  const laps = { refresh: '2027-01-01T00:00:00Z', credentials: [{ account: 'a', sid: 'S-1-5-21-1-2-3-500', password: 'pw', backedUp: '2026-01-01T00:00:00Z' }] };
  await control('POST', '/world', { devices: [{ deviceId, displayName: 'NEW', groups: [GROUPS.londonDevices], laps }], people: [{ userPrincipalName: 'new@contoso.com', groups: [] }] });
  const device = (await at.graph(`/devices(deviceId='${deviceId}')?$select=id,displayName,deviceId`, { token })).json();
  assert.deepEqual([device.displayName, device.deviceId], ['NEW', deviceId.toLowerCase()]);
  const { credentials } = (await at.graph(`/directory/deviceLocalCredentials/${deviceId}?$select=credentials`, { token })).json();
  assert.equal(Buffer.from(credentials[0].passwordBase64, 'base64').toString(), 'pw');
  await control('POST', '/world', { devices: [{ deviceId: deviceId.toLowerCase(), displayName: 'RENAMED' }], remove: { people: ['new@contoso.com'] } });
  assert.equal((await at.graph(`/devices(deviceId='${deviceId}')`, { token })).json().displayName, 'RENAMED');
  assert.ok(!at.tenant.people.some(({ userPrincipalName }) => userPrincipalName === 'new@contoso.com'));
  await control('POST', '/world', { remove: { devices: [deviceId] } });
  assert.equal((await at.graph(`/devices(deviceId='${deviceId}')`, { token })).status, 404);
});

test('what a leak search looks for: every password and every secret, new at each start', async () => {
  const { passwords, secrets } = (await control('GET', '/canaries')).json();
  assert.ok(passwords.filter((/** @type {string} */ one) => one.startsWith('AMLAPS-CANARY-')).length > 50);
  assert.ok(passwords.includes('QQ@d8f8gY') && secrets.includes(at.credentials.client_secret));
  for (const character of '~._+/') assert.ok(at.credentials.client_secret.includes(character));
  const other = await start();
  const all = new Set(other.entra.control.canaries().secrets);
  await other.entra.close();
  assert.ok(secrets.every((/** @type {string} */ one) => !all.has(one)));
});

test('without control there is no way in', async () => {
  const entra = await startEntra({ withControl: false });
  const answer = await new Jar().request(`${entra.url}/_control/world`);
  await entra.close();
  assert.equal(answer.status, 400);
  assert.ok(!answer.text.includes('CANARY'));
});

test('TLS, with a certificate of the right or a wrong name; the public address counts', async () => {
  const { key, cert } = await makeCertificate({ names: ['DNS:login.example'] });
  const entra = await startEntra({ tls: { key, cert }, baseUrl: 'https://login.example/' });
  const get = (/** @type {any} */ options) => new Promise((resolve, reject) => {
    https.get({ host: '127.0.0.1', port: entra.port, path: new URL(entra.metadataUrl).pathname, ca: cert, agent: false, ...options }, (res) => {
      let text = '';
      res.on('data', (chunk) => { text += chunk; });
      res.on('end', () => resolve(JSON.parse(text)));
    }).on('error', reject);
  });
  try {
    await assert.rejects(get({}), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    const metadata = await get({ servername: 'login.example' });
    assert.equal(metadata.token_endpoint, `https://login.example/${at.tenant.id}/oauth2/v2.0/token`);
  } finally {
    await entra.close();
  }
});

test('as a program: one line of JSON, and a clean end', async () => {
  const child = spawn(process.execPath, [fileURLToPath(new URL('../main.mjs', import.meta.url)), '--redirect-uri', 'http://localhost:1/cb'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk) => { errors += chunk; });
  const line = await new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
  const told = JSON.parse(line);
  assert.equal((await new Jar().request(told.metadataUrl)).json().issuer, told.issuer);
  assert.deepEqual(told.tenants.map((/** @type {any} */ one) => one.name), ['contoso', 'fabrikam']);
  assert.ok(told.people.every((/** @type {any} */ one) => one.demo && one.password === 'demo'));
  const port = told.port;
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
  assert.equal(errors, '');
  await assert.rejects(new Jar().request(`http://127.0.0.1:${port}/`), { code: 'ECONNREFUSED' });
});

test('two devices of one name differ in their last sign-in', async () => {
  const twins = at.tenant.devices.filter(({ displayName }) => displayName === 'LON-007');
  assert.deepEqual(twins.map(({ deviceId }) => deviceId), [DEVICES.lon007, DEVICES.lon007Older]);
  const [newer, older] = twins.map(({ properties }) => Date.parse(properties?.approximateLastSignInDateTime));
  assert.ok(newer > older);
});
