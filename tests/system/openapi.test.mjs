// @ts-check
/** docs/openapi.yaml and the running module say the same: every operation, every status that it has, every member. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DEVICES, GROUPS, defaultWorld } from '../entra/world.mjs';
import { ruleSection } from '../lib/amlaps-conf.mjs';
import { audit } from '../lib/audit-tool.mjs';
import { startHook } from '../lib/hook.mjs';
import { Api } from '../lib/openapi.mjs';
import { Session } from '../lib/signin.mjs';
import { HELPDESK_RULE, startStage } from '../lib/stage.mjs';
import { waitFor } from '../lib/wait.mjs';

/**
 * @typedef {import('../lib/stage.mjs').Stage} Stage
 * @typedef {{ path: string, body?: any }} Question
 * @typedef {Partial<Question> & { as?: string, code?: string, headers?: Record<string, string>, method?: string, also?: (body: any) => void }} Case
 *   what differs from the good question; `as`: who asks, '' is nobody
 */

const api = new Api();
const LON001 = `devices/contoso/${DEVICES.lon001}`;
const DOCUMENTED = `devices/contoso/${DEVICES.lapsTest}`;
const WITHOUT = `devices/contoso/${DEVICES.withoutLaps}`;
const NOWHERE = `devices/nowhere/${DEVICES.lon001}`;
const INQUIRY = {
  person: { username: 'a@contoso.com', oid: DEVICES.lon001, groups: [GROUPS.londonHelpdesk], roles: ['Laps.Reader'], claims: { site: 'LON' } },
  device: { tenant: 'contoso', name: 'LON-1', groups: [GROUPS.parisDevices], units: [], os: 'Windows', join: 'AzureAd', compliant: true, enabled: null, owner: false },
  address: '10.1.2.3', time: '2026-11-22T16:00:00Z',
};

/** What each operation is asked in its good case. @type {Record<string, Question>} */
const GOOD = {
  getSession: { path: 'session' },
  searchDevices: { path: 'devices?search=LON&tenant=contoso' },
  getDevice: { path: LON001 },
  readPassword: { path: `${LON001}/password`, body: { reason: 'a visit' } },
  readHistory: { path: `${DOCUMENTED}/history`, body: { reason: 'a visit' } },
  explain: { path: 'explain', body: INQUIRY },
  readAudit: { path: 'audit' },
  verifyAudit: { path: 'audit/verify' },
  exportAudit: { path: 'audit/export' },
  getStatus: { path: 'status' },
};

/** @param {Stage} stage @param {string} id @param {Case} how */
async function ask(stage, id, how) {
  const { method } = api.operation(id);
  const { as = 'helpdesk', path: place = GOOD[id].path, body = GOOD[id].body } = how;
  const session = as ? await stage.signIn(as) : new Session(stage.base);
  const options = { method: how.method ?? method, ...(how.headers ? { headers: how.headers } : {}) };
  return options.method === 'GET' ? session.get(`api/v1/${place}`, options) : session.post(`api/v1/${place}`, body, options);
}

/** @param {Stage} stage @param {string} id @param {number} status @param {Case} [how] */
async function expects(stage, id, status, how = {}) {
  const answer = await ask(stage, id, how);
  const body = api.assertAnswer(id, answer);
  assert.equal(answer.status, status, `${id}: ${answer.text.slice(0, 300)}`);
  if (how.code) assert.equal(body.code, how.code, answer.text);
  if (status >= 400) {
    assert.deepEqual([body.status, body.type], [status, `urn:amlaps:problem:${body.code}`]);
    if (['rate_limited', 'tenant_throttled', 'busy'].includes(body.code)) assert.match(answer.headers['retry-after'] ?? '', /^[1-9]\d*$/);
  }
  how.also?.(body);
}

/** @param {string} text of an export */
function assertLines(text) {
  const lines = text.trimEnd().split('\n');
  for (const line of lines) api.assertFits(JSON.parse(line), { $ref: '#/components/schemas/Record' }, line);
  assert.ok(lines.length > 1, text);
}

/** Good cases beside GOOD itself. @type {[string, Case][]} */
const OTHERS = [
  ['searchDevices', { path: `devices?search=${DEVICES.lon001}` }],
  ['searchDevices', { path: 'devices?search=LON', as: 'nobody' }],
  ['getDevice', { path: 'PAR-001' }],
  ['getDevice', { path: WITHOUT }],
  ['readPassword', { body: {} }],
  ['readHistory', { body: { nth: 1 } }],
  ['readHistory', { path: WITHOUT.replace(DEVICES.withoutLaps, DEVICES.lon001).concat('/history') }],
  ['explain', { body: { device: { tenant: 'contoso', deviceId: DEVICES.lon001 } } }],
  ['readAudit', { path: 'audit?event=password&outcome=granted&limit=1&actor=helpdesk@contoso.com&device=LON-001&since=2020-01-01T00:00:00Z&until=2100-01-01T00:00:00Z' }],
  ['exportAudit', { path: 'audit/export?format=jsonl', also: assertLines }],
  ['exportAudit', { path: 'audit/export?format=csv' }],
];

/** What is refused whatever the state of tenant and store. @type {[string, number, Case][]} */
const REFUSED = [
  ...Object.keys(GOOD).flatMap((id) => /** @type {[string, number, Case][]} */ ([
    [id, 401, { as: '', code: 'not_authenticated' }],
    [id, 403, { headers: { 'Sec-Fetch-Site': 'cross-site' }, code: 'cross_site' }],
    [id, 405, { method: api.operation(id).method === 'GET' ? 'POST' : 'GET', code: 'method_not_allowed' }],
  ])),
  ...['readPassword', 'readHistory', 'explain'].map((id) => /** @type {[string, number, Case]} */ ([id, 403, { headers: { 'X-AMLaps-Request': '' }, code: 'cross_site' }])),
  ...['getDevice', 'readPassword', 'readHistory', 'explain', 'readAudit', 'verifyAudit', 'exportAudit', 'getStatus']
    .map((id) => /** @type {[string, number, Case]} */ ([id, 403, { as: 'nobody', code: 'not_authorized' }])),
  ['searchDevices', 400, { path: 'devices?search=L', code: 'bad_request' }],
  ['searchDevices', 404, { path: 'devices?search=LON&tenant=nowhere', code: 'not_found' }],
  ['getDevice', 400, { path: 'devices/contoso/LON-001', code: 'bad_request' }],
  ['getDevice', 404, { path: NOWHERE, code: 'not_found' }],
  ['readPassword', 400, { body: { nth: 1 }, code: 'bad_request' }],
  ['readPassword', 404, { path: `${WITHOUT}/password`, code: 'no_password' }],
  ['readPassword', 404, { path: `${NOWHERE}/password`, code: 'not_found' }],
  ['readPassword', 422, { path: 'PAR-001/password', body: {}, code: 'reason_required' }],
  ['readPassword', 422, { path: 'PAR-001/password', body: { reason: 'x' }, code: 'reason_invalid' }],
  ['readHistory', 400, { body: { nth: 0 }, code: 'bad_request' }],
  ['readHistory', 404, { path: `${WITHOUT}/history`, code: 'no_password' }],
  ['readHistory', 404, { path: `${NOWHERE}/history`, code: 'not_found' }],
  ['readHistory', 422, { path: 'PAR-001/history', body: {}, code: 'reason_required' }],
  ['explain', 400, { body: {}, code: 'bad_request' }],
  ['explain', 404, { body: { device: { tenant: 'nowhere' } }, code: 'not_found' }],
  ['readAudit', 400, { path: 'audit?limit=0', code: 'bad_request' }],
  ['verifyAudit', 400, { path: 'audit/verify?limit=1', code: 'bad_request' }],
  ['exportAudit', 400, { path: 'audit/export?format=xml', code: 'bad_request' }],
];

/** What a limit refuses, asked until it does. @type {[string, Case][]} */
const LIMITED = [['searchDevices', {}], ['getDevice', { as: 'nobody' }], ['readPassword', {}], ['readHistory', {}]];

/** All but the session need Graph where groups are looked up. */
const REMOTE = Object.keys(GOOD).filter((id) => id !== 'getSession');

const CASES = [
  ...Object.keys(GOOD).map((id) => `${id} 200`), ...REFUSED.map(([id, status]) => `${id} ${status}`), ...LIMITED.map(([id]) => `${id} 429`),
  ...REMOTE.flatMap((id) => [502, 503, 504].map((status) => `${id} ${status}`)),
  'getSession 503', // of a child that cannot even begin with its store, which is not to be had at will
];

describe('the document', () => {
  test('is OpenAPI', async () => {
    assert.deepEqual(await api.problems(), []);
  });

  test('has an example that fits wherever it has one', () => {
    let count = 0;
    /** @param {any} node @param {string} at */
    const walk = (node, at) => {
      if (node === null || typeof node !== 'object') return;
      const examples = [...('example' in node ? [node.example] : []), ...Object.values(node.examples ?? {}).map((e) => e.value)];
      for (const example of node.schema ? examples : []) {
        api.assertFits(example, node.schema, `${at}: ${JSON.stringify(example)}`);
        count += 1;
      }
      for (const [name, value] of Object.entries(node)) walk(value, `${at}/${name}`);
    };
    walk(api.document, '#');
    assert.ok(count > 20, `${count} examples`);
  });

  test('has the operations of the module, and none else', () => {
    const source = fs.readFileSync(new URL('../../src/httpd/handler.c', import.meta.url), 'utf8');
    const routes = [...source.matchAll(/^ *\{ \{ ("[^}]*") \}, "([A-Z]+)", amlaps_api_/gm)]
      .map(([, segments, method]) => `${method} /${segments.replace(/[" ]/g, '').split(',').join('/')}`);
    assert.equal(routes.length, (source.match(/amlaps_api_\w+, AMLAPS_ENDPOINT/g) ?? []).length, 'each route is read');
    assert.deepEqual(api.operations.map(({ method, path }) => `${method} ${path.replace(/\{\w+\}/g, '*')}`).sort(), routes.sort());
  });

  test('has no status that is not asked for here', () => {
    const documented = api.operations.flatMap(({ id, operation }) => Object.keys(operation.responses).map((status) => `${id} ${status}`));
    assert.deepEqual(documented.sort(), [...new Set(CASES)].sort());
  });
});

test('records of a sealing are as the document has them', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'amlaps-openapi-'));
  try {
    const places = [path.join(folder, 'amlaps.seal'), path.join(folder, 'amlaps.db')];
    for (const what of ['init', 'recover']) assert.equal((await audit([what, ...places])).code, 0);
    const { out } = await audit(['export', places[1]]);
    assertLines(out);
    assert.deepEqual(out.match(/"code":"\w+"/g), ['"code":"sealed"', '"code":"recovered"']);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

describe('answers', () => {
  /** @type {Stage} */
  let stage;
  /** @type {import('../lib/hook.mjs').Hook} */
  let hook;
  before(async () => {
    hook = await startHook();
    hook.reply = (post) => ({ status: post.path === '/good' ? 204 : 410 });
    const channel = (/** @type {string} */ name) => `<AMLapsChannel ${name}>\nAMLapsWebhook json ${hook.url(`/${name}`)}\n</AMLapsChannel>`;
    stage = await startStage({
      tenants: ['contoso', 'fabrikam'],
      rules: [
        HELPDESK_RULE, ruleSection('Documented', [`AMLapsDevice id ${DEVICES.lapsTest}`, 'AMLapsAllow all user helpdesk@contoso.com']),
        ruleSection('Paris', ['AMLapsDevice name PAR-*', 'AMLapsAllow all user helpdesk@contoso.com', 'AMLapsReason required "^INC[0-9]+$" "A ticket"',
          'AMLapsReasonChoice INC1 INC2', 'AMLapsQR on']),
      ].join('\n'),
      amlaps: ['AMLapsAuditor user helpdesk@contoso.com', 'AMLapsOperator user helpdesk@contoso.com', 'AMLapsResult "Sign out again."', channel('good'), channel('bad'),
        'AMLapsNotify all good bad'].join('\n'),
    });
  });
  after(async () => {
    await hook?.close();
    await stage?.close([/amlaps:.*AML05/, /AML0323: .*the search for devices/]);
  });

  /** Paris has devices whose ids the world makes up. @param {Case} how */
  const placed = (how) => ({ ...how, ...(how.path ? { path: how.path.replace('PAR-001', `devices/contoso/${stage.device('PAR-001').deviceId}`) } : {}) });

  for (const [id, how] of [...Object.keys(GOOD).map((name) => /** @type {[string, Case]} */ ([name, {}])), ...OTHERS]) {
    test(`${id} 200 ${how.path ?? JSON.stringify(how.body ?? '')}`, async () => {
      const body = how.body ?? GOOD[id].body;
      if (body) api.assertRequest(id, body);
      await expects(stage, id, 200, placed(how));
    });
  }

  for (const [id, status, how] of REFUSED) {
    test(`${id} ${status} ${how.code}`, () => expects(stage, id, status, placed(how)));
  }

  test('getStatus 200 tells of channels', async () => {
    const channels = async () => (await ask(stage, 'getStatus', {})).json().channels;
    await waitFor('both channels to be tried', async () => (await channels()).every((/** @type {any} */ c) => c.lastSuccess ?? c.lastError));
    await expects(stage, 'getStatus', 200, { also: ({ channels: [good, bad] }) => assert.ok(good.lastSuccess && bad.lastError) });
  });

  test('searchDevices 200 tells of gaps', async () => {
    stage.entra.control.set({ fault: { match: '/v1.0/', kind: 'status', status: 500, times: 2 } });
    await expects(stage, 'searchDevices', 200, { path: 'devices?search=LON', also: ({ gaps }) => assert.equal(gaps.length, 1) });
    stage.entra.control.reset();
  });

  test('verifyAudit 200 and readAudit 200 tell of a broken record', async () => {
    execFileSync('sqlite3', ['-cmd', '.timeout 5000', stage.store, 'DROP TRIGGER IF EXISTS record_stays; UPDATE record SET body = \'broken\' WHERE seq = 2']);
    await expects(stage, 'verifyAudit', 200, { also: ({ problems }) => assert.equal(problems[0].seq, 2) });
    await expects(stage, 'readAudit', 200, { path: 'audit?limit=1000', also: ({ records }) => assert.deepEqual(records.at(-2), { seq: 2 }) });
  });
});

describe('beyond a limit', () => {
  /** @type {Stage} */
  let stage;
  before(async () => {
    stage = await startStage({
      limits: 'AMLapsLimit user 1/day\nAMLapsLimit address 100/day\nAMLapsLimit search 1/day',
      rules: HELPDESK_RULE + ruleSection('Documented', [`AMLapsDevice id ${DEVICES.lapsTest}`, 'AMLapsAllow all user helpdesk@contoso.com']),
    });
  });
  after(() => stage?.close([/amlaps:.*AML0220/]));

  for (const [id, how] of LIMITED) {
    test(`${id} 429`, async () => {
      await ask(stage, id, how);
      await expects(stage, id, 429, { ...how, code: 'rate_limited' });
    });
  }
});

describe('with a Graph in trouble', () => {
  /** @type {Stage} */
  let stage;
  before(async () => {
    const world = defaultWorld();
    world.tenants[0].apps[0].roles.push('GroupMember.Read.All', 'User.ReadBasic.All');
    const role = `group ${GROUPS.londonHelpdesk}`;
    stage = await startStage({ world, amlaps: `AMLapsGroupsFrom graph\nAMLapsCacheTime 0\nAMLapsAuditor ${role}\nAMLapsOperator ${role}` });
  });
  after(() => stage?.close([/amlaps:.*AML/]));

  for (const [status, code, fault] of /** @type {[number, string, any][]} */ ([
    [502, 'tenant_error', { kind: 'status', status: 500 }], [504, 'tenant_unreachable', { kind: 'reset' }],
    // the tenant is left alone from here on
    [503, 'tenant_throttled', { kind: 'status', status: 429, retryAfter: '300' }],
  ])) {
    for (const id of REMOTE) {
      test(`${id} ${status} ${code}`, async () => {
        stage.entra.control.set({ faults: [{ match: '/v1.0/', ...fault }] });
        await expects(stage, id, status, { code });
      });
    }
    test(`getSession 200 while it is ${code}`, () => expects(stage, 'getSession', 200));
  }
});

describe('without a store', () => {
  /** @type {Stage} */
  let stage;
  before(async () => {
    stage = await startStage({
      store: 'AMLapsStore "pgsql:host=127.0.0.1 port=1 dbname=amlaps user=amlaps"',
      amlaps: '<AMLapsChannel soc>\nAMLapsMail smtp://127.0.0.1:1 a@contoso.com b@contoso.com\n</AMLapsChannel>\nAMLapsStoreTimeout 1\nAMLapsAuditor user helpdesk@contoso.com\nAMLapsOperator user helpdesk@contoso.com',
    });
  });
  after(() => stage?.close([/amlaps:.*AML/]));

  for (const id of Object.keys(GOOD).filter((name) => !['getSession', 'getDevice', 'getStatus'].includes(name))) {
    test(`${id} 503 audit_unavailable`, () => expects(stage, id, 503, { code: 'audit_unavailable' }));
  }
  test('getStatus 200 tells so', () => expects(stage, 'getStatus', 200, { also: ({ store, channels }) => assert.deepEqual([store.status, channels], ['failed', null]) }));
});
