// @ts-check
/** What Graph and the way to it can do to us, row by row of the list of faults; graph.test.mjs has those of one answer. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import { startEntra } from '../entra/entra.mjs';
import { DEVICES, GROUPS } from '../entra/world.mjs';
import { ruleSection, tenantOf } from '../lib/amlaps-conf.mjs';
import { assertOk, assertProblem } from '../lib/expect.mjs';
import { startBlackHole, startWatched } from '../lib/nowhere.mjs';
import { freePort } from '../lib/ports.mjs';
import { HELPDESK_RULE, startStage } from '../lib/stage.mjs';

/** One child: what it keeps in memory is what the next request finds. */
const ONE_CHILD = 'StartServers 1\nServerLimit 2\nThreadsPerChild 40\nMaxRequestWorkers 40\nMinSpareThreads 1\nMaxSpareThreads 80';
const LAPS = 'GET /v1.0/directory/deviceLocalCredentials/';
const SEARCH = 'GET /v1.0/devices?';
const DEADLINE = 3000;

/** @type {import('../lib/stage.mjs').Stage} */
let stage;
/** @type {Awaited<ReturnType<import('../lib/stage.mjs').Stage['signIn']>>} */
let helpdesk;
/** Where nothing may arrive. @type {Awaited<ReturnType<typeof startWatched>>} */
let elsewhere;
before(async () => {
  elsewhere = await startWatched();
  stage = await startStage({
    mpmSettings: ONE_CHILD, sessionCache: 'file', amlaps: 'AMLapsGraphTimeout 3',
    rules: HELPDESK_RULE + ruleSection('Kiosks are closed', [`AMLapsDevice group ${GROUPS.parisDevices}`, 'AMLapsDeny history anyone']),
  });
  helpdesk = await stage.signIn('helpdesk');
});
after(async () => {
  try {
    await stage?.close([/amlaps:.*AML/]);
  } finally {
    await elsewhere?.close();
  }
});
beforeEach(async () => {
  stage.entra.control.reset();
  await stage.httpd.renew();
});

/** @param {string} [id] */
const reveal = (id = DEVICES.lon001) => helpdesk.password('contoso', id, { reason: 'x' });
const history = (id = DEVICES.lon001) => helpdesk.post(`api/v1/devices/contoso/${id}/history`, { reason: 'x' });
const warm = async () => assertOk(await helpdesk.get(`api/v1/devices/contoso/${DEVICES.lon001}`));
/** @param {any} fault */
const fault = (fault) => stage.entra.control.set({ fault });
const tokenRequests = () => stage.entra.control.stats().tokenRequests;
/** The answer of Graph for LON-001, with these credentials. @param {any[]} credentials */
const answer = (credentials) => fault({
  match: LAPS, kind: 'json',
  value: { id: DEVICES.lon001, deviceName: 'LON-001', lastBackupDateTime: '2026-11-20T10:00:00Z', refreshDateTime: '2026-12-20T10:00:00Z', credentials },
});
const base64 = (/** @type {string} */ text) => Buffer.from(text).toString('base64');
/** @param {any} [changes] */
const credential = (changes) => ({
  accountName: 'Administrator', accountSid: 'S-1-5-21-1-2-3-500', backupDateTime: '2026-11-20T10:00:00Z', passwordBase64: base64('a good password'), ...changes,
});
/** The log's lines of one message that were written since. @param {number} from @param {string} id */
const logged = (from, id) => stage.httpd.errorLog().slice(from).split('\n').filter((line) => line.includes(id));

describe('G1: a token that Graph calls expired', () => {
  test('is renewed once, and the request repeated once', async () => {
    await warm();
    stage.entra.control.expireTokens();
    assertOk(await reveal());
    assert.equal(tokenRequests(), 2);
    assert.deepEqual(stage.passwordRequests().map((r) => r.status), [401, 200]);
  });
});

describe('G2: consent that was withdrawn', () => {
  test('is told with what to do, and neither Graph nor the login is hammered', async () => {
    await warm();
    const from = stage.httpd.errorLog().length;
    stage.entra.control.set({ token: { roles: ['Device.Read.All'] } });
    stage.entra.control.expireTokens();
    for (let i = 0; i < 5; i++) assertProblem(await reveal(), 'tenant_permission_missing');
    assert.equal(stage.passwordRequests().filter((r) => r.status === 403).length, 5, 'one for each reveal');
    assert.ok(tokenRequests() <= 2, String(tokenRequests()));
    const [line] = logged(from, 'DeviceLocalCredential.Read.All');
    assert.match(line ?? '', /consent/);
  });
});

describe('G3: what does not exist', () => {
  test('is told apart for who may see the device alone', async () => {
    assertProblem(await reveal(DEVICES.withoutLaps), 'no_password');
    const nobody = await stage.signIn('nobody');
    const of = async (/** @type {string} */ id) => {
      const { id: _, ...problem } = assertProblem(await nobody.password('contoso', id, { reason: 'x' }), 'not_authorized');
      return problem;
    };
    const seen = await of(DEVICES.lon001);
    assert.deepEqual(await of(DEVICES.withoutLaps), seen);
    assert.deepEqual(await of('dddddddd-0000-4000-8000-000000000009'), seen);
  });
});

describe('G4, G5: throttling', () => {
  test('Retry-After of two minutes is honoured, and handed on', async () => {
    await warm();
    fault({ match: LAPS, kind: 'status', status: 429, retryAfter: 120 });
    const first = await reveal();
    assertProblem(first, 'tenant_throttled');
    const wait = Number(first.headers['retry-after']);
    assert.ok(wait > 100 && wait <= 121, String(wait));
    const asked = stage.graphRequests().length;
    const others = await Promise.all(Array.from({ length: 10 }, () => reveal()));
    others.forEach((one) => assertProblem(one, 'tenant_throttled'));
    assert.equal(stage.graphRequests().length, asked);
  });

  for (const retryAfter of ['-1', '1e12', '1000000000000', 'date-100', 'date+99999999', '', ' ', '0', '0.0000001', 'NaN']) {
    test(`Retry-After '${retryAfter}' blocks between a second and five minutes`, async () => {
      await warm();
      fault({ match: LAPS, kind: 'status', status: 429, retryAfter });
      const began = Date.now();
      const refused = await reveal();
      assertProblem(refused, 'tenant_throttled');
      assert.ok(Date.now() - began < DEADLINE + 2000);
      const wait = Number(refused.headers['retry-after']);
      assert.ok(wait >= 1 && wait <= 301, String(wait));
      assert.ok(stage.passwordRequests().length <= 2);
    });
  }
});

describe('G6: bursts of errors', () => {
  for (const status of [500, 502, 503, 504, 509]) {
    test(`${status} is asked again once, not at once`, async () => {
      await warm();
      fault({ match: LAPS, kind: 'status', status });
      const { code } = (await reveal()).json();
      assert.ok(['tenant_error', 'tenant_throttled', 'tenant_unreachable'].includes(code), code);
      const [first, second, ...more] = stage.passwordRequests();
      assert.ok(second.time - first.time >= 400, `${second.time - first.time} ms`);
      assert.equal(more.length, 0);
    });
  }
});

describe('G7: answers that do not end', () => {
  for (const [name, value] of /** @type {[string, any][]} */ ([
    ['silence behind the headers', { kind: 'stall' }], ['a byte a second', { kind: 'slow', ms: 1000, bytes: 1 }], ['silence', { kind: 'hang' }]])) {
    test(`${name}: the deadline counts for all of it`, async () => {
      await warm();
      fault({ match: LAPS, ...value });
      const began = Date.now();
      assertProblem(await reveal(), 'tenant_unreachable');
      const took = Date.now() - began;
      assert.ok(took >= DEADLINE - 500 && took < DEADLINE + 2500, `${took} ms`);
    });
  }
});

describe('G8, G11: passwords that are none', () => {
  for (const [name, second] of /** @type {[string, any][]} */ ([
    ['base64 that is none', credential({ passwordBase64: '***' })], ['base64 that is cut', credential({ passwordBase64: base64('abcdef').slice(0, 7) })],
    ['empty', credential({ passwordBase64: '' })], ['a NUL inside', credential({ passwordBase64: base64('ab\0cdef') })],
    ['a line feed inside', credential({ passwordBase64: base64('ab\ncdef') })], ['not there', credential({ passwordBase64: undefined })],
    ['null', credential({ passwordBase64: null })], ['a number', credential({ passwordBase64: 1234 })],
    ['a member of another name', credential({ passwordBase64: undefined, password: base64('a new name') })]])) {
    test(`${name}: nothing of the answer is shown, not even the good one`, async () => {
      await warm();
      answer([credential(), { ...second, backupDateTime: '2026-11-19T10:00:00Z' }]);
      for (const refused of [await reveal(), await history()]) {
        assertProblem(refused, 'tenant_error');
        assert.ok(!refused.text.includes('good password'));
      }
    });
  }

  test('members that are new are ignored', async () => {
    await warm();
    answer([credential({ '@odata.type': '#microsoft.graph.deviceLocalCredential', newMember: { a: [1, 2.5, null] } })]);
    assert.equal(assertOk(await reveal()).credentials[0].password, 'a good password');
  });
});

describe('G9: the password of another device', () => {
  test('is not shown, and the log says whose it was not', async () => {
    await warm();
    const from = stage.httpd.errorLog().length;
    fault({ match: LAPS, kind: 'wrongDevice' });
    const refused = await reveal();
    const problem = assertProblem(refused, 'tenant_error');
    assert.ok(!refused.text.includes(stage.passwords('LON-001')[0]));
    assert.equal(stage.passwordRequests().length, 1, 'asking again would not make it right');
    const [line] = logged(from, 'AML0351');
    assert.match(line ?? '', new RegExp(`:error.*${DEVICES.lon001}`));
    const outcome = (await stage.records()).filter((r) => r.id === problem.id).at(-1);
    assert.equal(outcome.code, 'tenant_error');
    assert.equal(outcome.outcome, 'failed');
  });
});

describe('G10: answers that are too large', () => {
  /** The most memory that the child has had. */
  const peak = () => Number(/^VmHWM:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${stage.httpd.children()[0]}/status`, 'utf8'))?.[1]);
  for (const [name, value] of /** @type {[string, any][]} */ ([
    ['100 MB', { kind: 'huge', bytes: 100 << 20 }], ['10,000 levels', { kind: 'deepJson', depth: 10000 }], ['100 MB in gzip that nobody asked for', { kind: 'gzipBomb' }]])) {
    test(`${name}: refused, and the child does not grow`, async () => {
      for (let i = 0; i < 3; i++) assertOk(await reveal());
      const before = peak();
      assert.ok(before > 1000, String(before));
      fault({ match: LAPS, ...value });
      for (let i = 0; i < 3; i++) assertProblem(await reveal(), 'tenant_error');
      assert.ok(peak() - before < 10240, `${peak() - before} kB more`);
      assert.equal(stage.passwordRequests().length, 6, 'asking again would not make it smaller');
    });
  }
});

describe('G12: two devices of one name', () => {
  test('are two, and a name is no id', async () => {
    const { devices } = assertOk(await helpdesk.get('api/v1/devices?search=LON-'));
    const names = devices.map((/** @type {any} */ d) => d.name);
    const twice = devices.filter((/** @type {any} */ d) => names.filter((/** @type {string} */ n) => n === d.name).length > 1);
    assert.equal(twice.length, 2);
    assert.notEqual(twice[0].deviceId, twice[1].deviceId);
    assertProblem(await reveal(twice[0].name), 'bad_request');
  });
});

describe('G13: links to a next page', () => {
  test('and redirects that lead elsewhere: nobody goes there', async () => {
    const url = `http://127.0.0.1:${elsewhere.port}`;
    fault({ match: SEARCH, kind: 'foreignNextLink', url, times: 1 });
    assertProblem(await helpdesk.get('api/v1/devices?search=LON-001'), 'tenant_error');
    fault({ match: LAPS, kind: 'redirect', location: `${url}/stolen`, times: 1 });
    assertProblem(await reveal(), 'tenant_error');
    fault({ match: '/oauth2/v2.0/token', kind: 'redirect', location: `${url}/stolen`, times: 1 });
    await stage.httpd.renew();
    assertProblem(await reveal(), 'tenant_error');
    assert.equal(elsewhere.connections(), 0);
  });

  test('of a device’s groups that never end, or lead elsewhere, leave a deny undecidable', async () => {
    fault({ match: 'transitiveMemberOf', kind: 'endlessNextLink' });
    assertProblem(await history(), 'policy_undecidable');
    assert.ok(stage.graphRequests().length <= 22, String(stage.graphRequests().length));
    stage.entra.control.reset();
    await stage.httpd.renew();
    fault({ match: 'transitiveMemberOf', kind: 'foreignNextLink', url: `http://127.0.0.1:${elsewhere.port}` });
    assertProblem(await history(), 'policy_undecidable');
    assert.equal(stage.passwordRequests().length, 0);
    assert.equal(elsewhere.connections(), 0);
  });
});

describe('G16: connections that break', () => {
  for (const kind of ['cut', 'abort', 'reset']) {
    test(`${kind}: asked again once`, async () => {
      await warm();
      fault({ match: LAPS, kind, times: 1 });
      const { id, credentials } = assertOk(await reveal());
      assert.equal(credentials[0].password, stage.passwords('LON-001')[0]);
      assert.equal(stage.passwordRequests().length, 2);
      assert.ok((await stage.records()).some((r) => r.id === id && r.outcome === 'granted'));
      stage.entra.control.reset();
      fault({ match: LAPS, kind });
      const refused = await reveal();
      assertProblem(refused, 'tenant_unreachable');
      assert.ok(!refused.text.includes(stage.passwords('LON-001')[0]));
      // one that dies before the answer began is replaced by libcurl itself before the module hears of it
      assert.ok(stage.passwordRequests().length <= (kind === 'reset' ? 4 : 2), String(stage.passwordRequests().length));
    });
  }

  test('kept ones that were reset meanwhile are replaced, for a GET and for a $batch', async () => {
    await warm();
    for (let i = 0; i < 3; i++) {
      stage.entra.control.resetConnections();
      assertOk(await reveal());
    }
    stage.entra.control.resetConnections();
    assert.equal(assertOk(await history(stage.device('LON-007').deviceId)).device.name, 'LON-007');
    assert.ok(stage.graphRequests('$batch').length >= 1);
  });
});

describe('G17: a password that changes between list and reveal', () => {
  test('the new one is shown, with when it was backed up, and recorded', async () => {
    const { deviceId, laps } = stage.device('LON-008');
    assertOk(await helpdesk.get('api/v1/devices?search=LON-008'));
    const rotated = { ...laps, credentials: [{ account: 'Administrator', sid: 'S-1-5-21-1-2-3-500', ...laps?.credentials[0], password: 'rotated-just-now', backedUp: '2026-11-25T08:00:00.0000000Z' }, ...laps?.credentials ?? []] };
    stage.entra.control.updateWorld({ tenant: 'contoso', devices: [{ deviceId, laps: rotated }] });
    try {
      const { id, credentials } = assertOk(await reveal(deviceId));
      assert.equal(credentials[0].password, 'rotated-just-now');
      assert.equal(Date.parse(credentials[0].backedUp), Date.parse('2026-11-25T08:00:00Z'));
      const outcome = (await stage.records()).filter((r) => r.id === id).at(-1);
      assert.equal(Date.parse(outcome.credential.backedUp), Date.parse('2026-11-25T08:00:00Z'));
    } finally {
      stage.entra.control.updateWorld({ tenant: 'contoso', devices: [{ deviceId, laps }] });
    }
  });
});

describe('connections', () => {
  test('are kept: one after the other, a hundred reveals need one', async () => {
    await warm();
    for (let i = 0; i < 100; i++) assertOk(await reveal());
    assert.ok(stage.entra.control.stats().connections <= 2, String(stage.entra.control.stats().connections));
  });
});

describe('G15: a login or a Graph that is nowhere', () => {
  /** @type {{ close: () => Promise<unknown> }[]} */
  const opened = [];
  const NOWHERE = ['unknown', 'refused', 'hole', 'hole6'];
  before(async () => {
    const [hole, hole6] = [await startBlackHole(), await startBlackHole('::1')];
    opened.push(hole, hole6);
    const urls = ['https://graph.nowhere.invalid', `http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${hole.port}`, `http://[::1]:${hole6.port}`];
    const { id, apps } = tenantOf(stage.entra, 'contoso');
    const section = (/** @type {string} */ name, /** @type {string} */ login, /** @type {string} */ graph) => [
      `<AMLapsTenant ${name}>`, `AMLapsTenantId ${id}`, `AMLapsClientId ${apps[0].clientId}`, 'AMLapsClientSecret file:{root}/secret/contoso.secret',
      `AMLapsLoginURL ${login}`, `AMLapsGraphURL ${graph}`, '</AMLapsTenant>'].join('\n');
    const sections = [];
    for (const [i, url] of urls.entries()) {
      const login = await startEntra({ world: stage.entra.world, graphUrl: url });
      opened.push(login);
      sections.push(section(`graph-${NOWHERE[i]}`, login.url, url), section(`login-${NOWHERE[i]}`, url, stage.entra.graphUrl));
    }
    stage.httpd.configure({ amlaps: `${stage.httpd.options.amlaps}\n${sections.join('\n')}` });
    await stage.httpd.renew();
  });
  after(async () => {
    for (const one of opened) await one.close();
  });

  for (const tenant of NOWHERE.flatMap((name) => [`graph-${name}`, `login-${name}`])) {
    test(`${tenant}: told in time, and the other tenant does not wait`, async () => {
      const began = Date.now();
      const lost = helpdesk.password(tenant, DEVICES.lon001, { reason: 'x' });
      assertOk(await reveal());
      const good = Date.now() - began;
      assertProblem(await lost, 'tenant_unreachable');
      assert.ok(Date.now() - began < DEADLINE + 2000, `${Date.now() - began} ms`);
      assert.ok(good < DEADLINE, `${good} ms for the tenant that works`);
    });
  }

  test('the log adds no cause of its own to what it says of a name that nobody knows', () => {
    const lines = stage.httpd.errorLog().split('\n').filter((line) => line.includes('cannot be resolved'));
    assert.ok(lines.length);
    for (const line of lines) assert.match(line, /\[pid \d+:tid \d+\] (?:\[client \S+\] )?AML\d{4}: /);
  });
});
