// @ts-check
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { GRAPH_JSON } from '../answers.mjs';
import { DEVICES, FABRIKAM, GROUPS, PEOPLE, UNITS } from '../world.mjs';
import { EVENTUAL, start } from './client.mjs';

/** @type {Awaited<ReturnType<typeof start>>} */
let at;
let token = '';
before(async () => {
  at = await start();
  token = await at.bearer();
});
after(async () => {
  const { schemaErrorTexts } = at.entra.control.stats();
  await at.entra.close();
  assert.deepEqual(schemaErrorTexts, []);
});

/** @param {string} path @param {any} [options] */
const get = (path, options) => at.graph(path, { token, ...options });
/** @param {string} path @param {any} value @param {any} [options] */
const post = (path, value, options = {}) => get(path, { method: 'POST', body: JSON.stringify(value), ...options, headers: { 'Content-Type': 'application/json', ...options.headers } });

/** @param {import('../../lib/jar.mjs').Answer} answer @param {number} status @param {string} code @param {string} [message] */
function refused(answer, status, code, message) {
  const { error } = answer.json();
  assert.deepEqual([answer.status, error.code], [status, code], answer.text);
  if (message !== undefined) assert.equal(error.message, message);
  assert.deepEqual(Object.keys(error.innerError), ['date', 'request-id', 'client-request-id']);
  assert.equal(error.innerError['request-id'], answer.headers['request-id']);
  assert.match(answer.headers['content-type'], /^application\/json/);
}

/** @param {import('../../lib/jar.mjs').Answer} answer @returns {any[]} */
function listed(answer) {
  assert.equal(answer.status, 200, answer.text);
  return answer.json().value;
}
const names = (/** @type {any} */ answer) => listed(answer).map(({ displayName }) => displayName);

describe('bearer tokens', () => {
  test('each refusal of a token', async () => {
    const bad = async (/** @type {string | undefined} */ value) => at.graph('/devices', { token: value });
    refused(await bad(undefined), 401, 'InvalidAuthenticationToken', 'Access token is empty.');
    refused(await bad('Bearer '), 401, 'InvalidAuthenticationToken', 'Access token is empty.');
    refused(await bad('Bearer garbage'), 401, 'InvalidAuthenticationToken', 'CompactToken parsing failed with error code: 80049217');
    assert.match((await bad('Bearer x')).headers['www-authenticate'], /^Bearer realm="", authorization_uri=/);

    const [head, claims, signature] = token.replace('Bearer ', '').split('.');
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const forge = (/** @type {any} */ changes) => {
      const body = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(claims, 'base64url').toString()), ...changes })).toString('base64url');
      return [`Bearer ${head}.${body}.${signature}`, `Bearer ${head}.${body}.${sign('sha256', Buffer.from(`${head}.${body}`), privateKey).toString('base64url')}`];
    };
    for (const changes of [{ roles: ['AuditLog.Read.All'] }, { tid: '11111111-1111-4111-8111-111111111111' }, { tid: FABRIKAM }]) {
      for (const value of forge(changes)) refused(await bad(value), 401, 'InvalidAuthenticationToken', 'CompactToken validation failed with reason code: 80049228.');
    }
  });

  test('an expired one', async () => {
    at.entra.control.set({ token: { expiresIn: -1 } });
    const expired = await at.bearer();
    at.entra.control.set({ token: { expiresIn: null } });
    refused(await at.graph('/devices', { token: expired }), 401, 'InvalidAuthenticationToken', 'Lifetime validation failed, the token is expired.');
  });

  test('a tenant sees its own devices only', async () => {
    refused(await get(`/devices(deviceId='${DEVICES.fabrikam1}')`), 404, 'Request_ResourceNotFound',
      `Resource '${DEVICES.fabrikam1}' does not exist or one of its queried reference-property objects are not present.`);
    const other = at.entra.world.tenants[1];
    const answer = await at.token({ ...at.credentials, client_id: other.apps[0].clientId, client_secret: other.apps[0].secrets[0].value }, 'fabrikam.com');
    const theirs = await at.graph('/devices?$select=displayName', { token: `Bearer ${answer.json().access_token}` });
    assert.deepEqual(names(theirs).sort(), ['FAB-001', 'FAB-002']);
  });

  test('each area refuses a token without its role in its own words', async () => {
    const none = await at.bearer([]);
    for (const path of ['/devices', `/devices(deviceId='${DEVICES.lon001}')`, `/devices(deviceId='${DEVICES.lon001}')/transitiveMemberOf`,
      `/users/${PEOPLE.helpdesk}/transitiveMemberOf`, '/auditLogs/directoryAudits']) {
      refused(await at.graph(path, { token: none }), 403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.');
    }
    for (const path of ['/directory/deviceLocalCredentials', `/directory/deviceLocalCredentials/${DEVICES.lon001}?$select=credentials`]) {
      refused(await at.graph(path, { token: none }), 403, 'authorization_error', "Failed to authorize, token doesn't have the required permissions.");
    }
  });
});

describe('every answer', () => {
  test('headers of Graph, and our request id comes back', async () => {
    const own = '94FB3B52-452a-4535-a601-69e0a90e3aa2';
    const { headers } = await get('/devices?$top=1', { headers: { 'client-request-id': own } });
    assert.equal(headers['content-type'], GRAPH_JSON);
    assert.equal(headers['odata-version'], '4.0');
    assert.equal(headers['client-request-id'], own);
    assert.match(headers['request-id'], /^[0-9a-f-]{36}$/);
    assert.ok(headers.date && headers['x-ms-ags-diagnostic'] && headers['strict-transport-security']);
    const without = await get('/nothing');
    assert.equal(without.headers['client-request-id'], without.headers['request-id']);
  });

  test('wrong segments and wrong methods', async () => {
    refused(await get('/nothing'), 400, 'BadRequest', "Resource not found for the segment 'nothing'.");
    refused(await get(`/devices/${DEVICES.lon001}/nothing`), 400, 'BadRequest', "Resource not found for the segment 'nothing'.");
    refused(await post(`/devices(deviceId='${DEVICES.lon001}')/checkMemberGroups`, { groupIds: [] }), 400, 'BadRequest', "Resource not found for the segment 'checkMemberGroups'.");
    refused(await get(`/devices(deviceId=%2527${DEVICES.lon001}%2527)`), 400, 'BadRequest');
    refused(await get('/devices', { method: 'POST' }), 405, 'Request_BadRequest', 'Specified HTTP method is not allowed for the request target.');
    refused(await at.jar.request(`${at.entra.url}/beta/devices`, { headers: { Authorization: token } }), 400, 'BadRequest', "Resource not found for the segment 'devices'.");
  });
});

describe('devices', () => {
  test('by object id and by alternate key, percent-encoded or not, in any case', async () => {
    const first = (await get(`/devices(deviceId='${DEVICES.desktop858.toUpperCase()}')?$select=id,deviceId,displayName`)).json();
    assert.deepEqual(first, {
      '@odata.context': `${at.entra.graphUrl}/v1.0/$metadata#devices(id,deviceId,displayName)/$entity`,
      id: '000005c3-b7a6-4c61-89fc-80bf5ccfc366', deviceId: DEVICES.desktop858, displayName: 'DESKTOP-858MANH',
    });
    const whole = (await get('/devices/000005c3-b7a6-4c61-89fc-80bf5ccfc366')).json();
    assert.deepEqual([whole.accountEnabled, whole.operatingSystemVersion, whole.isManaged, whole.systemLabels], [false, '10.0.19043.1165', null, []]);
    assert.equal((await get(`/devices%28deviceId=%27${DEVICES.desktop858}%27%29`)).json().id, first.id);
    refused(await get(`/devices/${DEVICES.desktop858}`), 404, 'Request_ResourceNotFound');
    refused(await get('/devices/xyz'), 400, 'Request_BadRequest', "Invalid object identifier 'xyz'.");
  });

  test('filters: quotes doubled, case ignored, several conditions', async () => {
    const filter = async (/** @type {string} */ text, /** @type {any} */ options) => get(`/devices?$select=displayName&$filter=${encodeURIComponent(text)}`, options);
    assert.deepEqual(names(await filter("displayName eq 'LON-O''Neil'")), ["LON-O'Neil"]);
    assert.deepEqual(names(await filter("displayName eq 'lon-007'")), ['LON-007', 'LON-007']);
    assert.equal(names(await filter("startswith(displayName,'par-')")).length, 12);
    assert.deepEqual(names(await filter("startswith(displayName, 'LON-') and operatingSystem eq 'MacMDM'")), ['LON-MAC-01']);
    assert.ok(names(await filter('accountEnabled eq false')).includes('LON-012'));
    assert.deepEqual(names(await filter(`deviceId eq '${DEVICES.lapsTest.toUpperCase()}'`)), ['LAPS_TEST']);
    assert.deepEqual(names(await filter("approximateLastSignInDateTime le 2025-12-31T00:00:00Z")), ['LON-007']);
    refused(await filter("displayName eq 'LON-O'Neil'"), 400, 'BadRequest');
    refused(await filter("manufacturer eq 'HP'"), 400, 'Request_UnsupportedQuery', "Unsupported or invalid query filter clause specified for property 'manufacturer' of resource 'Device'.");
    refused(await filter("contains(displayName,'ON')"), 400, 'Request_UnsupportedQuery');
    refused(await filter("accountEnabled eq 'false'"), 400, 'BadRequest');
    refused(await filter("displayName ne 'LON-001'"), 400, 'Request_UnsupportedQuery');
    assert.ok(!names(await get(`/devices?$select=displayName&$count=true&$top=999&$filter=${encodeURIComponent("displayName ne 'LON-001'")}`, { headers: EVENTUAL })).includes('LON-001'));
  });

  test('a plus sign in a query is a blank', async () => {
    assert.equal(names(await get("/devices?$filter=startswith(displayName,'PAR-')+and+operatingSystem+eq+'Windows'")).length, 12);
  });

  test('search goes by words, and needs the header', async () => {
    const search = async (/** @type {string} */ text) => names(await get(`/devices?$select=displayName&$top=999&$search=${encodeURIComponent(text)}`, { headers: EVENTUAL }));
    for (const found of ['desktop', '858', 'MANH', 'man']) assert.deepEqual(await search(`"displayName:${found}"`), ['DESKTOP-858MANH']);
    assert.deepEqual(await search('"displayName:ESKTOP"'), []);
    assert.deepEqual((await search('"displayName:OLGA" OR "displayName:desktop"')).sort(), ['DESKTOP-858MANH', 'NB-OLGA']);
    assert.deepEqual(await search('"displayName:LON-\\"quoted\\""'), ['LON-"quoted"']);
    refused(await get('/devices?$search="displayName:lon"'.replaceAll('"', '%22')), 400, 'Request_UnsupportedQuery',
      "Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'");
    refused(await get('/devices?$search=displayName:lon', { headers: EVENTUAL }), 400, 'BadRequest');
  });

  test('sorting and counting need the header and $count', async () => {
    const sorted = "/devices?$select=displayName&$filter=startswith(displayName,'PAR-')&$orderby=displayName";
    refused(await get(sorted), 400, 'Request_UnsupportedQuery', 'Sorting not supported for current query.');
    refused(await get(sorted, { headers: EVENTUAL }), 400, 'Request_UnsupportedQuery');
    const answer = await get(`${sorted}&$count=true`, { headers: EVENTUAL });
    assert.deepEqual(names(answer), Array.from({ length: 12 }, (_, i) => `PAR-${String(i + 1).padStart(3, '0')}`));
    assert.equal(answer.json()['@odata.count'], 12);
    assert.equal((await get('/devices?$count=true')).json()['@odata.count'], undefined, 'silently ignored without the header');
    refused(await get('/devices/$count'), 400, 'Request_BadRequest', '$count is not currently supported.');
    const count = await get('/devices/$count', { headers: EVENTUAL });
    assert.equal(count.text, String(at.tenant.devices.length));
    assert.match(count.headers['content-type'], /^text\/plain/);
  });

  test('pages: opaque, absolute, complete', async () => {
    const seen = [];
    let next = `${at.entra.graphUrl}/v1.0/devices?$select=id&$top=30&$count=true&$filter=startswith(displayName,'LON-')`;
    let pages = 0;
    for (; next; pages++) {
      const answer = await at.jar.request(next, { headers: { Authorization: token, ...EVENTUAL } });
      seen.push(...listed(answer).map(({ id }) => id));
      const body = answer.json();
      assert.equal('@odata.count' in body, pages === 0);
      next = body['@odata.nextLink'];
      if (next) assert.match(next, new RegExp(`^${at.entra.graphUrl}/v1\\.0/devices\\?.*\\$skiptoken=`));
    }
    assert.equal(pages, 2);
    assert.equal(new Set(seen).size, seen.length);
    assert.equal(seen.length, at.tenant.devices.filter(({ displayName }) => displayName?.startsWith('LON-')).length);
    assert.ok(seen.length > 50);
    refused(await get('/devices?$skiptoken=abc'), 400, 'Directory_ExpiredPageToken');
    const state = new URL((await get('/devices?$top=5')).json()['@odata.nextLink']).searchParams.get('$skiptoken');
    assert.equal((await get(`/devices?$top=5&$skiptoken=${state}`)).status, 200);
    refused(await get(`/devices?$top=6&$skiptoken=${state}`), 400, 'Directory_ExpiredPageToken');
  });

  test('options that the directory does not know', async () => {
    refused(await get('/devices?$select=nonsense'), 400, 'BadRequest',
      "Parsing OData Select and Expand failed: Could not find a property named 'nonsense' on type 'microsoft.graph.device'.");
    refused(await get('/devices?$top=1000'), 400, 'Request_UnsupportedQuery', "Invalid page size specified: '1000'. Must be between 1 and 999 inclusive.");
    refused(await get('/devices?$skip=5'), 400, 'Request_BadRequest', "'$skip' is not supported by the service.");
    refused(await get('/devices?$top=1&$top=2'), 400, 'BadRequest');
    refused(await get('/devices?$nonsense=1'), 400, 'BadRequest');
    refused(await get('/devices?$top=1&$expand=memberOf'), 400, 'Request_UnsupportedQuery');
    refused(await get('/devices?$top=1&$count=true&$expand=registeredOwners', { headers: EVENTUAL }), 400, 'Request_UnsupportedQuery');
    const any = (/** @type {number} */ count) => Array.from({ length: count }, () => `deviceId eq '${DEVICES.lon001}'`).join(' or ');
    assert.equal(listed(await get(`/devices?$filter=${any(15)}`)).length, 1);
    refused(await get(`/devices?$filter=${any(16)}`), 400, 'Request_UnsupportedQuery',
      "Too many child clauses specified in search filter expression containing 'OR' operators: 16. Max allowed: 15.");
  });
});

describe('memberships', () => {
  const device = `/devices(deviceId='${DEVICES.lon001}')`;
  test('transitive and direct, shrunk to the id without permission for groups', async () => {
    const all = listed(await get(`${device}/transitiveMemberOf`));
    assert.deepEqual(all.map(({ id }) => id).sort(), [GROUPS.londonKiosks, GROUPS.londonDevices, UNITS.london].sort());
    assert.deepEqual(all.map((one) => one.displayName), [null, null, null]);
    assert.deepEqual(all.find(({ id }) => id === UNITS.london)['@odata.type'], '#microsoft.graph.administrativeUnit');
    assert.deepEqual(listed(await get(`${device}/memberOf?$select=id`)).map(({ id }) => id).sort(), [GROUPS.londonKiosks, UNITS.london].sort());
    const { id } = at.tenant.devices.find(({ deviceId }) => deviceId === DEVICES.lon001) ?? { id: '' };
    const readable = await at.bearer(['Device.Read.All', 'GroupMember.Read.All']);
    const byId = listed(await at.graph(`/devices/${id}/transitiveMemberOf?$select=id,displayName`, { token: readable }));
    assert.deepEqual(byId.map(({ displayName }) => displayName).sort(), ['London devices', 'London kiosks', null]);
  });

  test('an OData cast needs the header and $count', async () => {
    const cast = `${device}/transitiveMemberOf/microsoft.graph.group`;
    refused(await get(cast), 400, 'Request_UnsupportedQuery');
    refused(await get(cast, { headers: EVENTUAL }), 400, 'Request_UnsupportedQuery');
    assert.deepEqual(listed(await get(`${cast}?$count=true&$select=id`, { headers: EVENTUAL })).map(({ id }) => id).sort(), [GROUPS.londonKiosks, GROUPS.londonDevices].sort());
    const unit = await get(`${device}/transitiveMemberOf/microsoft.graph.administrativeUnit?$count=true&$select=id`, { headers: EVENTUAL });
    assert.deepEqual(listed(unit), [{ id: UNITS.london }]);
  });

  test('checkMemberGroups and getMemberGroups of a device', async () => {
    const { id } = at.tenant.devices.find(({ deviceId }) => deviceId === DEVICES.lon001) ?? { id: '' };
    const answer = await post(`/devices/${id}/checkMemberGroups`, { groupIds: [GROUPS.londonDevices.toUpperCase(), GROUPS.parisDevices] });
    assert.deepEqual(answer.json(), { '@odata.context': `${at.entra.graphUrl}/v1.0/$metadata#Collection(Edm.String)`, value: [GROUPS.londonDevices] });
    const most = Array.from({ length: 21 }, () => GROUPS.parisDevices);
    assert.deepEqual(listed(await post(`/devices/${id}/checkMemberGroups`, { groupIds: most.slice(1) })), []);
    refused(await post(`/devices/${id}/checkMemberGroups`, { groupIds: most }), 400, 'Request_BadRequest');
    refused(await post(`/devices/${id}/checkMemberGroups`, { groupIds: ['x'] }), 400, 'Request_BadRequest', "Invalid object identifier 'x'.");
    refused(await post(`/devices/${id}/checkMemberGroups`, {}), 400, 'Request_BadRequest');
    refused(await post(`/devices/${id}/checkMemberGroups`, { groupIds: [] }, { headers: { 'Content-Type': 'text/plain' } }), 400, 'BadRequest');
    assert.equal(listed(await post(`/devices/${id}/getMemberGroups`, { securityEnabledOnly: true })).length, 2);
    refused(await post(`/devices/${DEVICES.lon001}/getMemberGroups`, {}), 404, 'Request_ResourceNotFound');
  });

  test('of people: two permissions, transitive, more than 200', async () => {
    refused(await at.graph(`/users/${PEOPLE.overage}/transitiveMemberOf`, { token: await at.bearer(['User.Read.All']) }), 403, 'Authorization_RequestDenied');
    const both = await at.bearer(['User.ReadBasic.All', 'GroupMember.Read.All']);
    const check = await post(`/users/${PEOPLE.overage}/checkMemberGroups`, { groupIds: [GROUPS.londonHelpdesk, GROUPS.allStaff] }, { token: both });
    assert.deepEqual(listed(check), [GROUPS.londonHelpdesk]);
    assert.equal(listed(await post(`/users/${PEOPLE.overage}/getMemberGroups`, { securityEnabledOnly: true }, { token: both })).length, 205);
    const groups = listed(await at.graph(`/users/helpdesk@contoso.com/transitiveMemberOf/microsoft.graph.group?$select=id&$top=999&$count=true`, { token: both, headers: EVENTUAL }));
    assert.equal(groups.length, 3);
    refused(await post(`/users/${DEVICES.lon001}/checkMemberGroups`, { groupIds: [] }, { token: both }), 404, 'Request_ResourceNotFound');
  });

  test('the registered owner, with a name only for who may read users', async () => {
    const path = `/devices(deviceId='${DEVICES.ownersLaptop}')/registeredOwners?$select=id,displayName,userPrincipalName`;
    assert.deepEqual(listed(await get(path)), [{ '@odata.type': '#microsoft.graph.user', id: PEOPLE.owner, displayName: null, userPrincipalName: null }]);
    const [owner] = listed(await at.graph(path, { token: await at.bearer(['Device.Read.All', 'User.ReadBasic.All']) }));
    assert.equal(owner.userPrincipalName, 'owner@contoso.com');
    assert.deepEqual(listed(await get(`/devices(deviceId='${DEVICES.lon001}')/registeredOwners`)), []);
    const several = `/devices?$filter=deviceId eq '${DEVICES.ownersLaptop}' or deviceId eq '${DEVICES.lon001}'&$select=deviceId&$expand=registeredOwners($select=id)`;
    assert.deepEqual(listed(await get(several)).sort((a, b) => a.registeredOwners.length - b.registeredOwners.length), [
      { deviceId: DEVICES.lon001, registeredOwners: [] },
      { deviceId: DEVICES.ownersLaptop, registeredOwners: [{ '@odata.type': '#microsoft.graph.user', id: PEOPLE.owner }] },
    ]);
  });
});

describe('batch', () => {
  test('parts stand for themselves', async () => {
    const answer = await post('/$batch', {
      requests: [
        { id: '1', method: 'GET', url: `/devices(deviceId='${DEVICES.lon001}')?$select=displayName` },
        { id: '2', method: 'GET', url: `/directory/deviceLocalCredentials/${DEVICES.lon001}` },
        { id: '3', method: 'GET', url: '/devices/$count', headers: EVENTUAL, dependsOn: ['2'] },
        { id: '4', method: 'GET', url: '/devices/$count', headers: EVENTUAL, dependsOn: ['1'] },
      ],
    });
    assert.equal(answer.status, 200);
    const by = Object.fromEntries(answer.json().responses.map((/** @type {any} */ one) => [one.id, one]));
    assert.equal(by[1].body.displayName, 'LON-001');
    assert.deepEqual([by[2].status, by[2].body.error.code], [400, 'invalid_request'], 'the outer User-Agent does not count');
    assert.equal(by[3].status, 424);
    assert.equal(by[4].body, String(at.tenant.devices.length));
  });

  test('at most twenty, and sound', async () => {
    const parts = Array.from({ length: 21 }, (_, i) => ({ id: String(i), method: 'GET', url: '/devices?$top=1' }));
    assert.equal((await post('/$batch', { requests: parts.slice(1) })).status, 200);
    refused(await post('/$batch', { requests: parts }), 400, 'MaximumValueExceeded', 'Number of batch request steps exceeds the maximum value of 20.');
    refused(await post('/$batch', { requests: [parts[0], parts[0]] }), 400, 'BadRequest');
    refused(await get('/$batch'), 405, 'Request_BadRequest');
  });
});
