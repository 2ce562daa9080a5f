// @ts-check
/** The shapes of the API: session, search, one device, password, history, problems, headers, the page's files. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DEVICES, GROUPS, defaultWorld, guidOf } from '../entra/world.mjs';
import { ruleSection } from '../lib/amlaps-conf.mjs';
import { GUID, UTC, assertApiHeaders, assertMembers, assertOk, assertProblem, assertSecurityHeaders, summary } from '../lib/expect.mjs';
import { HELPDESK_RULE, startStage } from '../lib/stage.mjs';

const HINT = 'A ticket number such as INC0012345';

const ODD_DEVICE = guidOf('odd');

/** Sixty machines of one prefix: more than a search shows. */
function worldWithCrowd() {
  const world = defaultWorld();
  const [contoso] = world.tenants;
  const model = contoso.devices[0];
  for (let i = 1; i <= 60; i++) {
    const name = `LON-CROWD-${String(i).padStart(2, '0')}`;
    contoso.devices.push({ ...model, id: guidOf(`object ${name}`), deviceId: guidOf(name), displayName: name });
  }
  contoso.devices.push({ ...model, id: guidOf('object odd'), deviceId: ODD_DEVICE, displayName: 'LON-"ODD" \\ <Zoë> \u2028 \u{1F600}', properties: {} });
  return world;
}

/** The text that RFC 8785 has for this, but for the members named `last`, which come at the end. @param {any} value @param {string[]} last @returns {string} */
function canonical(value, ...last) {
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, ...last)).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const names = Object.keys(value).sort((a, b) => Number(last.includes(a)) - Number(last.includes(b)) || (a < b ? -1 : 1));
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name], ...last)}`).join(',')}}`;
}

/** @type {import('../lib/stage.mjs').Stage} */
let stage;
/** @type {Awaited<ReturnType<import('../lib/stage.mjs').Stage['signIn']>>} */
let helpdesk;

before(async () => {
  stage = await startStage({
    world: worldWithCrowd(),
    tenants: ['contoso', 'fabrikam'],
    rules: [
      HELPDESK_RULE,
      ruleSection('Paris with a ticket', [
        'AMLapsDevice name PAR-*', `AMLapsAllow password group ${GROUPS.londonHelpdesk}`,
        `AMLapsReason required "^INC[0-9]{7}$" "${HINT}"`, 'AMLapsReasonChoice "INC0000001" "INC0000002"', 'AMLapsReasonChoice INC0000003', 'AMLapsQR on',
      ]),
      ruleSection('Documented devices', [
        `AMLapsDevice id ${DEVICES.lapsTest}`, 'AMLapsAllow all user helpdesk@contoso.com', 'AMLapsReason hidden',
      ]),
    ].join('\n'),
  });
  helpdesk = await stage.signIn('helpdesk');
});
after(() => stage?.close([/AML0321: .*the groups of the person/]));

/** @param {string} path @param {any} [body] @returns {Promise<any>} */
const posted = async (path, body) => assertOk(await helpdesk.post(`api/v1/devices/${path}`, body));

describe('session', () => {
  test('who, which tenants, how the page looks', async () => {
    const session = assertOk(await helpdesk.get('api/v1/session'));
    assertMembers(session, ['roles', 'tenants', 'ui', 'user', 'version']);
    assert.deepEqual(session.user, { id: stage.person('helpdesk').id, name: 'Hanna Helpdesk', username: 'helpdesk@contoso.com' });
    assert.deepEqual(session.roles, []);
    assert.deepEqual(session.tenants, [{ name: 'contoso' }, { name: 'fabrikam' }]);
    assert.equal(typeof session.ui, 'object');
    assert.match(session.version, /^\d+\.\d+/);
  });
});

describe('search', () => {
  /** @param {string} text @param {string} [more] @returns {Promise<any>} */
  const search = async (text, more = '') =>
    assertOk(await helpdesk.get(`api/v1/devices?search=${encodeURIComponent(text)}${more}`));

  test('finds by the beginning of the name, whatever the case, with the facts', async () => {
    const found = await search('lon-001');
    assert.equal(found.more, false);
    assert.deepEqual(found.devices.map((/** @type {any} */ d) => d.name), ['LON-001']);
    const [device] = found.devices;
    const { properties = {} } = stage.device('LON-001');
    assertMembers(device, ['actions', 'compliant', 'deviceId', 'enabled', 'join', 'lastSeen', 'managed', 'manufacturer', 'model', 'name',
      'os', 'osVersion', 'tenant']);
    assert.equal(device.tenant, 'contoso');
    assert.equal(device.deviceId, DEVICES.lon001);
    assert.equal(device.os, 'Windows');
    assert.equal(device.osVersion, properties.operatingSystemVersion);
    assert.equal(device.enabled, true);
    assert.equal(device.compliant, properties.isCompliant);
    assert.equal(device.managed, true);
    assert.equal(device.manufacturer, properties.manufacturer);
    assert.equal(device.model, properties.model);
    assert.match(device.lastSeen, UTC);
    assert.deepEqual([...device.actions].sort(), ['history', 'password']);
  });

  test('shows only devices on which the person has a permission', async () => {
    assert.deepEqual((await search('FAB-')).devices, []);
    assert.deepEqual((await search('NB-OLGA')).devices, []);
    const paris = await search('PAR-001');
    assert.deepEqual(paris.devices.map((/** @type {any} */ d) => d.actions), [['password']]);
    const nobody = await stage.signIn('nobody');
    const nothing = assertOk(await nobody.get('api/v1/devices?search=LON'));
    assert.deepEqual(nothing.devices, []);
    assert.equal(nothing.more, false);
  });

  test('among equal names the newest sign-in comes first', async () => {
    const ids = (await search('LON-007')).devices.map((/** @type {any} */ d) => d.deviceId);
    assert.deepEqual(ids, [DEVICES.lon007, DEVICES.lon007Older]);
  });

  test('at most fifty, and says that there are more', async () => {
    const crowd = await search('LON-CROWD');
    assert.equal(crowd.devices.length, 50);
    assert.equal(crowd.more, true);
    const names = crowd.devices.map((/** @type {any} */ d) => d.name);
    assert.deepEqual(names, [...names].sort(), 'in the order of their names');
  });

  test('of one tenant', async () => {
    assert.equal((await search('LON-001', '&tenant=contoso')).devices.length, 1);
    assert.deepEqual((await search('LON-001', '&tenant=fabrikam')).devices, []);
    assert.equal((await search('LON-001', '&tenant=')).devices.length, 1);
  });
});

describe('one device', () => {
  test('its facts, and what the person may do with it under which rule', async () => {
    const device = assertOk(await helpdesk.get(`api/v1/devices/contoso/${DEVICES.lon001}`));
    assert.equal(device.name, 'LON-001');
    assert.equal(device.tenant, 'contoso');
    assert.equal(device.deviceId, DEVICES.lon001);
    assert.deepEqual(Object.keys(device.actions).sort(), ['history', 'password']);
    assert.equal(device.actions.password.rule, 'London helpdesk');
    assert.equal(device.actions.password.reason.mode, 'optional');
    assertMembers(device, ['actions', 'backedUp', 'compliant', 'deviceId', 'enabled', 'expires', 'hasPassword', 'join', 'lastSeen', 'managed', 'manufacturer', 'model', 'name', 'os', 'osVersion', 'tenant']);
    const { laps } = stage.device('LON-001');
    assert.deepEqual([device.hasPassword, Date.parse(device.backedUp), Date.parse(device.expires)],
      [true, Date.parse(laps?.credentials[0].backedUp ?? ''), Date.parse(laps?.refresh ?? '')]);
  });

  test('the reason its rule asks for', async () => {
    const { deviceId } = stage.device('PAR-002');
    const { actions } = assertOk(await helpdesk.get(`api/v1/devices/contoso/${deviceId}`));
    assert.deepEqual(Object.keys(actions), ['password']);
    assert.deepEqual(actions.password.reason, { mode: 'required', hint: HINT, pattern: '^INC[0-9]{7}$', choices: ['INC0000001', 'INC0000002', 'INC0000003'] });
    assert.equal(actions.password.qr, true);
  });

  test('a device that nobody has is not told apart from one that is not allowed', async () => {
    const nobody = await stage.signIn('nobody');
    const problems = [];
    for (const [session, id] of /** @type {const} */ ([
      [nobody, DEVICES.lon001], [nobody, '11111111-2222-4333-8444-555555555555'],
      [helpdesk, DEVICES.ownersLaptop], [helpdesk, '11111111-2222-4333-8444-555555555555'],
    ])) {
      for (const answer of [await session.get(`api/v1/devices/contoso/${id}`), await session.password('contoso', id)]) {
        const { id: _, ...problem } = assertProblem(answer, 'not_authorized');
        problems.push(JSON.stringify(problem).replaceAll(id, 'ID'));
        const names = Object.keys(answer.headers).sort();
        assert.ok(!names.includes('retry-after'), summary(answer));
      }
    }
    assert.equal(new Set(problems.filter((_, i) => i % 2 === 0)).size, 1, 'GET');
    assert.equal(new Set(problems.filter((_, i) => i % 2 === 1)).size, 1, 'POST');
  });
});

describe('password', () => {
  test('the current one with its account and times', async () => {
    const { deviceId, laps } = stage.device('LON-001');
    const answer = await posted(`contoso/${deviceId}/password`, { reason: 'a visit' });
    assertMembers(answer, ['credentials', 'device', 'id', 'rule']);
    assert.match(answer.id, GUID);
    assert.equal(answer.rule, 'London helpdesk');
    assert.equal(answer.device.name, 'LON-001');
    assert.equal(answer.device.deviceId, deviceId);
    assert.equal(answer.credentials.length, 1);
    const [credential] = answer.credentials;
    assertMembers(credential, ['account', 'backedUp', 'current', 'expires', 'password', 'sid']);
    assert.equal(credential.password, stage.passwords('LON-001')[0]);
    assert.equal(credential.account, 'Administrator');
    assert.equal(credential.sid, laps?.credentials[0].sid);
    assert.equal(credential.current, true);
    assert.equal(Date.parse(credential.backedUp) / 1000 | 0, Date.parse(laps?.credentials[0].backedUp ?? '') / 1000 | 0);
    assert.equal(Date.parse(credential.expires) / 1000 | 0, Date.parse(laps?.refresh ?? '') / 1000 | 0);
    assert.match(credential.backedUp, UTC);
  });

  test('letters beyond ASCII and passphrases arrive unchanged', async () => {
    for (const name of ['LON-017', 'LON-018']) {
      const answer = await posted(`contoso/${stage.device(name).deviceId}/password`);
      assert.equal(answer.credentials[0].password, stage.passwords(name)[0]);
    }
  });

  test('UTF-16 passwords arrive as the same letters, and the newest is the current one', async () => {
    const answer = await posted(`contoso/${DEVICES.lapsTest}/password`);
    assert.deepEqual(answer.credentials.map((/** @type {any} */ c) => [c.password, c.account, c.current]),
      [['QQ@d8f8gY', 'ContosoLocalAdminAccount', true]]);
  });

  test('an id in capitals is the same device', async () => {
    const answer = await posted(`contoso/${DEVICES.lon001.toUpperCase()}/password`);
    assert.equal(answer.device.deviceId, DEVICES.lon001);
  });

  test('a device without a password', async () => {
    assertProblem(await helpdesk.password('contoso', DEVICES.withoutLaps, { reason: 'x' }), 'no_password');
  });

  test('the reason that the rule requires', async () => {
    const { deviceId } = stage.device('PAR-002');
    for (const body of [{}, { reason: '' }, { reason: ' \t ' }]) {
      const problem = assertProblem(await helpdesk.password('contoso', deviceId, body), 'reason_required');
      assert.ok(JSON.stringify(problem).includes(HINT), JSON.stringify(problem));
    }
    for (const reason of ['because', 'INC12', 'xINC0012345', 'INC0012345\n']) {
      const problem = assertProblem(await helpdesk.password('contoso', deviceId, { reason }), 'reason_invalid');
      assert.ok(JSON.stringify(problem).includes(HINT), JSON.stringify(problem));
    }
    const answer = await posted(`contoso/${deviceId}/password`, { reason: 'INC0012345' });
    assert.equal(answer.rule, 'Paris with a ticket');
  });

  test('a reason too long or with control characters is invalid under every rule', async () => {
    for (const reason of ['x'.repeat(4097), 'a\u0001b', 'a\u001b[31mb']) {
      const { detail } = assertProblem(await helpdesk.password('contoso', DEVICES.lon001, { reason }), 'reason_invalid');
      assert.match(detail, /more than 4096 characters, or control characters/, 'no form is asked for here');
    }
  });

  test('the longest reasons are accepted, and recorded as they were given', async () => {
    for (const reason of ['x'.repeat(4096), 'ü'.repeat(4096), '"'.repeat(4096), '\u{1F511}'.repeat(4000)]) {
      const start = await stage.lastSeq();
      await posted(`contoso/${DEVICES.lon001}/password`, { reason });
      assert.deepEqual((await stage.records(start)).map((record) => [record.outcome, record.reason]), [['pending', reason], ['granted', reason]]);
    }
  });
});

describe('a person in more than 200 groups', () => {
  test('is refused where the app may not look the groups up, although the helpdesk is one of them', async () => {
    const overage = await stage.signIn('overage');
    const asked = stage.passwordRequests().length;
    const { detail } = assertProblem(await overage.password('contoso', DEVICES.lon001), 'tenant_permission_missing');
    assert.match(detail, /GroupMember\.Read\.All/);
    assert.equal(stage.passwordRequests().length, asked);
    assert.deepEqual(assertOk(await overage.get('api/v1/devices?search=LON')).devices, []);
  });
});

describe('the text of an answer that discloses', () => {
  for (const { what, id, action, body } of [
    { what: 'a current password', id: () => DEVICES.lon001, action: 'password', body: { reason: 'a visit' } },
    { what: 'one beyond ASCII', id: () => stage.device('LON-017').deviceId, action: 'password', body: {} },
    { what: 'one of a device with an odd name and few facts', id: () => ODD_DEVICE, action: 'password', body: {} },
    { what: 'older passwords', id: () => DEVICES.lapsTest, action: 'history', body: {} },
    { what: 'one older password', id: () => DEVICES.lapsTest, action: 'history', body: { nth: 1 } },
    { what: 'none', id: () => DEVICES.lapsTest, action: 'history', body: { nth: 3 } },
  ]) {
    test(`${what}: canonical, the secrets last, the device as a GET shows it`, async () => {
      const got = await helpdesk.post(`api/v1/devices/contoso/${id()}/${action}`, body);
      const answer = assertOk(got);
      assert.equal(got.text, canonical(answer, 'credentials', 'password'));
      assert.equal(Number(got.headers['content-length']), Buffer.byteLength(got.text));
      const { actions, hasPassword, backedUp, expires, ...device } = assertOk(await helpdesk.get(`api/v1/devices/contoso/${id()}`));
      assert.deepEqual(answer.device, device);
      assert.ok(actions);
      assert.equal(hasPassword, true);
      for (const credential of answer.credentials) {
        if (credential.current) assert.deepEqual([credential.backedUp, credential.expires], [backedUp, expires]);
      }
    });
  }
});

describe('history', () => {
  test('older passwords, newest first', async () => {
    const answer = await posted(`contoso/${DEVICES.lapsTest}/history`);
    assert.deepEqual(answer.credentials.filter((/** @type {any} */ c) => !c.current).map((/** @type {any} */ c) => [c.password, c.account]),
      [['*D9klkf#4', 'ContosoLocalAdminAccount'], ['Lpd9*()34', 'Administrator']]);
  });

  test('one by one, each its own record, with how many are older', async () => {
    const before = await stage.lastSeq();
    const given = [];
    for (const nth of [1, 2, 3]) {
      const { credentials, older } = await posted(`contoso/${DEVICES.lapsTest}/history`, { nth });
      given.push([credentials.map((/** @type {any} */ c) => c.password), older]);
    }
    assert.deepEqual(given, [[['*D9klkf#4'], 1], [['Lpd9*()34'], 0], [[], 0]]);
    const outcomes = (await stage.records(before)).filter((record) => record.stage === 'outcome');
    assert.deepEqual(outcomes.map((record) => [record.event, record.credential?.account]),
      [['history', 'ContosoLocalAdminAccount'], ['history', 'Administrator'], ['history', undefined]]);
    for (const nth of [0, -1, 1.5, '1', null, 1001]) {
      assertProblem(await helpdesk.post(`api/v1/devices/contoso/${DEVICES.lapsTest}/history`, { nth }), 'bad_request');
    }
    assertProblem(await helpdesk.post(`api/v1/devices/contoso/${DEVICES.lapsTest}/password`, { nth: 1 }), 'bad_request');
  });

  test('needs a permission of its own', async () => {
    const { deviceId } = stage.device('PAR-002');
    assertProblem(await helpdesk.post(`api/v1/devices/contoso/${deviceId}/history`, { reason: 'INC0012345' }), 'not_authorized');
  });
});

describe('what is not there', () => {
  test('unknown addresses', async () => {
    for (const path of ['api/v1/', 'api/v1/nothing', 'api/v2/session', 'api/v1/session/more', `api/v1/devices/contoso/${DEVICES.lon001}/secret`]) {
      assertProblem(await helpdesk.get(path), 'not_found');
    }
    const file = await helpdesk.get('no-such-file.js');
    assert.equal(file.status, 404);
    assertSecurityHeaders(file);
  });

  test('methods that an address does not have', async () => {
    const device = `api/v1/devices/contoso/${DEVICES.lon001}`;
    for (const [method, path, allow] of [
      ['GET', `${device}/password`, 'POST'], ['GET', `${device}/history`, 'POST'], ['PUT', `${device}/password`, 'POST'],
      ['DELETE', `${device}/password`, 'POST'], ['POST', device, 'GET'], ['POST', 'api/v1/session', 'GET'],
      ['POST', 'api/v1/devices?search=LON', 'GET'], ['DELETE', device, 'GET'], ['PROPFIND', 'api/v1/session', 'GET'],
    ]) {
      const answer = await helpdesk.post(path, {}, { method });
      assertProblem(answer, 'method_not_allowed');
      const allowed = (answer.headers.allow ?? '').split(/, */);
      assert.ok(allowed.includes(allow), `${method} ${path}: Allow: ${answer.headers.allow}`);
      assert.ok(!allowed.includes(method), `${method} ${path}: Allow: ${answer.headers.allow}`);
    }
  });

  test('HEAD answers as GET does, without a body', async () => {
    const answer = await helpdesk.get('api/v1/session', { method: 'HEAD' });
    assert.equal(answer.status, 200);
    assert.equal(answer.body.length, 0);
    assertApiHeaders(answer);
  });
});

describe('a part of an answer', () => {
  for (const range of ['bytes=0-4', 'bytes=99999-', 'bytes=0-4,10-14']) {
    test(`cannot be had: ${range}`, async () => {
      const headers = { Range: range, 'Request-Range': range };
      const answer = assertOk(await helpdesk.password('contoso', DEVICES.lon001, {}, { headers }));
      assert.equal(answer.credentials[0].password, stage.passwords('LON-001')[0]);
      assertOk(await helpdesk.get('api/v1/session', { headers }));
      assertProblem(await helpdesk.get('api/v1/nothing', { headers }), 'not_found');
      const page = await helpdesk.request('', { headers });
      assert.equal(page.status, 200, summary(page));
    });
  }

  test('of the page’s own files can', async () => {
    const answer = await helpdesk.request('app.js', { headers: { Range: 'bytes=0-4' } });
    assert.deepEqual([answer.status, answer.body.length], [206, 5]);
  });
});

describe('the page', () => {
  test('may not be kept, and its files are checked for change', async () => {
    const page = await helpdesk.request('');
    assert.equal(page.status, 200);
    assertSecurityHeaders(page);
    assert.equal(page.headers['cache-control'], 'no-store');
    assert.match(page.headers['content-type'], /^text\/html; *charset=utf-8$/i);
    const files = [...page.text.matchAll(/(?:src|href)="([^"#]+)"/g)].map((m) => m[1]).filter((name) => /\.(m?js|css|svg|png|ico)$/.test(name));
    assert.ok(files.some((f) => /js$/.test(f)) && files.some((f) => /css$/.test(f)), `${files}`);
    for (const name of files) {
      const url = new URL(name, page.url).pathname;
      const file = await helpdesk.request(url);
      assert.equal(file.status, 200, url);
      assertSecurityHeaders(file);
      assert.equal(file.headers['cache-control'], 'no-cache', url);
      assert.match(file.headers['content-type'], /\.m?js$/.test(name) ? /^text\/javascript/ : /\.css$/.test(name) ? /^text\/css/ : /^image\//, url);
      assert.ok(file.headers.etag, url);
      const again = await helpdesk.request(url, { headers: { 'If-None-Match': file.headers.etag } });
      assert.equal(again.status, 304, url);
      assertSecurityHeaders(again);
    }
  });

  test('without the slash leads to the page', async () => {
    const answer = await helpdesk.request('/laps');
    assert.ok([301, 302, 307, 308].includes(answer.status), summary(answer));
    assert.equal(new URL(answer.headers.location, stage.origin).pathname, '/laps/');
    assertSecurityHeaders(answer);
  });

  test('takes no POST', async () => {
    const answer = await helpdesk.post('', {});
    assert.equal(answer.status, 405);
    assertSecurityHeaders(answer);
  });
});
