// @ts-check
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { DEVICES } from '../world.mjs';
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

/** @param {string} deviceId @param {any} [options] */
const read = (deviceId, options) => at.graph(`/directory/deviceLocalCredentials/${deviceId}?$select=credentials`, { token, ...options });
/** @param {string} deviceId @param {any} [knobs] */
async function entity(deviceId, knobs = {}) {
  at.entra.control.set(knobs);
  const answer = await read(deviceId);
  assert.equal(answer.status, 200, answer.text);
  return answer.json();
}
/** @param {string} base64 */
const bytes = (base64) => Buffer.from(base64, 'base64');
/** @param {any} one */
const utf8 = ({ passwordBase64 }) => bytes(passwordBase64).toString();
/** @param {string} id */
const deviceOf = (id) => /** @type {import('../world.mjs').Device} */ (at.tenant.devices.find(({ deviceId }) => deviceId === id));

test("Microsoft's documented example, byte for byte", async () => {
  assert.deepEqual(await entity(DEVICES.lapsTest.toUpperCase()), {
    '@odata.context': `${at.entra.graphUrl}/v1.0/$metadata#directory/deviceLocalCredentials(credentials)/$entity`,
    id: DEVICES.lapsTest, deviceName: 'LAPS_TEST',
    lastBackupDateTime: '2023-04-21T13:45:30.0000000Z', refreshDateTime: '2020-05-20T13:45:30.0000000Z',
    credentials: [
      ['ContosoLocalAdminAccount', 1965, '2023-04-21', 'UQBRAEAAZAA4AGYAOABnAFkA'],
      ['ContosoLocalAdminAccount', 1965, '2023-03-22', 'KgBEADkAawBsAGsAZgAjADQA'],
      ['Administrator', 500, '2023-02-23', 'TABwAGQAOQAqACgAKQAzADQA'],
    ].map(([accountName, rid, day, passwordBase64]) => ({
      accountName, accountSid: `S-1-5-21-2318549658-1590267884-3984890135-${rid}`, backupDateTime: `${day}T13:45:30.0000000Z`, passwordBase64,
    })),
  });
});

test('credentials come only when selected, and never in the list', async () => {
  const one = (await at.graph(`/directory/deviceLocalCredentials/${DEVICES.lon001}`, { token })).json();
  assert.deepEqual(Object.keys(one), ['@odata.context', 'id', 'deviceName', 'lastBackupDateTime', 'refreshDateTime']);
  const list = (await at.graph("/directory/deviceLocalCredentials?$select=id,credentials&$filter=deviceName eq 'LON-001'".replaceAll(' ', '%20'), { token })).json();
  assert.deepEqual(list.value.map((/** @type {any} */ item) => [Object.keys(item), item.id]),
    [[['id', 'deviceName', 'lastBackupDateTime', 'refreshDateTime'], DEVICES.lon001]]);
  assert.ok(!JSON.stringify((await at.graph('/directory/deviceLocalCredentials?$top=999', { token })).json()).includes('passwordBase64'));
});

test('what is asked for without credentials, by itself and in a batch', async () => {
  const path = (/** @type {string} */ names) => `/directory/deviceLocalCredentials/${DEVICES.lon001}?$select=${names}`;
  const members = ['@odata.context', 'id', 'deviceName', 'lastBackupDateTime', 'refreshDateTime'];
  const plain = path('deviceName,lastBackupDateTime,refreshDateTime');
  assert.deepEqual(Object.keys((await at.graph(plain, { token })).json()), members);
  assert.equal((await at.graph(path('deviceName,passwordBase64'), { token })).json().error.code, 'BadRequest');
  const requests = [{ id: '1', method: 'GET', url: plain, headers: { 'User-Agent': 'test/1' } }, { id: '2', method: 'GET', url: plain },
    { id: '3', method: 'GET', url: path('passwordBase64'), headers: { 'User-Agent': 'test/1' } }];
  const batch = await at.graph('/$batch', { token, method: 'POST', body: JSON.stringify({ requests }), headers: { 'Content-Type': 'application/json' } });
  const [one, two, three] = batch.json().responses.sort((/** @type {any} */ a, /** @type {any} */ b) => a.id - b.id);
  assert.deepEqual([one.status, Object.keys(one.body)], [200, members]);
  assert.deepEqual([two.status, two.body.error.code, three.status], [400, 'invalid_request', 400]);
  assert.deepEqual(at.entra.control.audits(), []);
});

test('the headers this service demands', async () => {
  const none = await at.jar.request(`${at.entra.graphUrl}/v1.0/directory/deviceLocalCredentials`, { headers: { Authorization: token, 'User-Agent': '' } });
  assert.deepEqual([none.status, none.json().error.code, none.json().error.message],
    [400, 'invalid_request', 'Parameter (User-Agent) is required but missing from headers']);
  at.entra.control.set({ strictHeaders: true });
  assert.equal((await read(DEVICES.lon001)).json().error.message, 'Parameter (ocp-client-name) is required but missing from headers');
  const headers = { 'ocp-client-name': 'test', 'ocp-client-version': '1' };
  assert.equal((await read(DEVICES.lon001, { headers })).status, 200);
});

test('which permission suffices', async () => {
  const basic = await at.bearer(['DeviceLocalCredential.ReadBasic.All']);
  const metadata = () => at.graph(`/directory/deviceLocalCredentials/${DEVICES.lon001}`, { token: basic });
  assert.equal((await read(DEVICES.lon001, { token: basic })).json().error.code, 'authorization_error');
  assert.equal((await at.graph('/directory/deviceLocalCredentials', { token: basic })).status, 200);
  assert.equal((await metadata()).status, 200);
  at.entra.control.set({ readBasicItem: false });
  assert.equal((await metadata()).status, 403);
});

test('keyed by deviceId alone', async () => {
  assert.equal((await read(deviceOf(DEVICES.lon001).id)).status, 404);
  assert.equal((await read('11111111-1111-4111-8111-111111111111')).status, 404);
  assert.equal((await read('LON-001')).status, 400);
});

test('reading a password, and only that, is in the audit of Entra', async () => {
  const id = '94fb3b52-452a-4535-a601-69e0a90e3aa2';
  await at.graph(`/directory/deviceLocalCredentials/${DEVICES.lon001}`, { token });
  await read(DEVICES.withoutLaps);
  assert.deepEqual(at.entra.control.audits(), []);
  await read(DEVICES.lon001, { headers: { 'client-request-id': id, 'User-Agent': 'mod_amlaps/1.0 (Apache httpd)' } });
  const auditor = await at.bearer(['AuditLog.Read.All']);
  const filter = encodeURIComponent("activityDisplayName eq 'Recover device local administrator password' and activityDateTime ge 2026-01-01T00:00:00Z");
  const { value } = (await at.graph(`/auditLogs/directoryAudits?$filter=${filter}`, { token: auditor })).json();
  assert.equal(value.length, 1);
  const [event] = value;
  assert.deepEqual([event.category, event.loggedByService, event.correlationId, event.initiatedBy.app.appId, event.initiatedBy.user],
    ['Device', 'Device Registration Service', id, at.app.clientId, null]);
  assert.equal(event.targetResources[0].id, deviceOf(DEVICES.lon001).id);
  assert.ok(event.additionalDetails.some((/** @type {any} */ one) => one.value === 'mod_amlaps/1.0 (Apache httpd)'));
  assert.equal((await at.graph('/auditLogs/directoryAudits', { token })).status, 403);
});

test('every form of "no password"', async () => {
  const forms = [];
  for (const noPasswordStyle of ['404', '204', 'empty', 'noCredentials', 'null', 'array', 'braces']) {
    at.entra.control.set({ noPasswordStyle });
    const answer = await read(DEVICES.withoutLaps);
    const body = answer.status === 200 && answer.text ? answer.json() : answer.text;
    forms.push([answer.status, typeof body === 'object' ? [Object.keys(body).length, body.credentials] : body.length > 0]);
  }
  assert.deepEqual(forms, [[404, true], [204, false], [200, false], [200, [3, undefined]], [200, [4, null]], [200, [4, []]], [200, [0, undefined]]]);
  at.entra.control.reset();
  const mac = (await read(DEVICES.mac)).json();
  assert.deepEqual([mac.id, 'credentials' in mac], [DEVICES.mac, false]);
});

test('encodings', async () => {
  const [{ password }] = deviceOf(DEVICES.lon001).laps?.credentials ?? [{ password: '' }];
  assert.match(password, /^AMLAPS-CANARY-/);
  const of = async (/** @type {string} */ encoding) => bytes((await entity(DEVICES.lon001, { encoding })).credentials[0].passwordBase64);
  assert.equal((await of('utf8')).toString(), password);
  assert.deepEqual(await of('utf8-bom'), Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(password)]));
  assert.equal((await of('utf16le')).toString('utf16le'), password);
  assert.deepEqual((await of('utf16le-bom')).subarray(0, 2), Buffer.from([0xff, 0xfe]));
  assert.equal((await of('odd')).length, password.length * 2 - 1);
});

test('history, order, accounts, dates and wrapping', async () => {
  for (const history of [0, 1, 3, 40]) assert.equal((await entity(DEVICES.lon001, { history })).credentials.length, history);
  const three = (await entity(DEVICES.lon001, { history: 3 })).credentials;
  assert.equal(new Set(three.map(utf8)).size, 3);
  assert.deepEqual((await entity(DEVICES.lon001, { unsorted: true })).credentials, [...three].reverse());
  assert.deepEqual((await entity(DEVICES.lon001, { unsorted: false, twoAccounts: true })).credentials.map((/** @type {any} */ one) => one.accountName),
    ['Administrator', 'lapsadmin', 'Administrator']);
  assert.equal(new Set((await entity(DEVICES.lon001, { equalDates: true })).credentials.map((/** @type {any} */ one) => one.backupDateTime)).size, 1);
  for (const fractionDigits of [0, 1, 7]) {
    assert.match((await entity(DEVICES.lon001, { fractionDigits })).lastBackupDateTime, new RegExp(`:\\d\\d${fractionDigits ? `\\.\\d{${fractionDigits}}` : ''}Z$`));
  }
  const zoneless = await entity(DEVICES.lon001, { noZone: true });
  for (const date of [zoneless.lastBackupDateTime, zoneless.refreshDateTime, zoneless.credentials[0].backupDateTime]) assert.match(date, /\d$/);
  const wrapped = await entity(DEVICES.lon001, { wrapped: true });
  assert.deepEqual([Object.keys(wrapped), wrapped.value['@odata.type'], wrapped.value.id], [['value'], '#microsoft.graph.deviceLocalCredentialInfo', DEVICES.lon001]);
  assert.equal(at.entra.control.stats().schemaErrors, 0);
});
