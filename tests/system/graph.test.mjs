// @ts-check
/** Whatever Microsoft answers: one code of the contract for each, no more requests than needed, and no password in between. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { DEVICES, GROUPS, guidOf } from '../entra/world.mjs';
import { ruleSection } from '../lib/amlaps-conf.mjs';
import { MPM_RACE } from '../lib/errorlog.mjs';
import { assertOk, assertProblem, summary } from '../lib/expect.mjs';
import { HELPDESK_RULE, startStage } from '../lib/stage.mjs';

/** One child: what it keeps in memory is what the next request finds. */
const ONE_CHILD = 'StartServers 1\nServerLimit 2\nThreadsPerChild 40\nMaxRequestWorkers 40\nMinSpareThreads 1\nMaxSpareThreads 80';
const LAPS = 'GET /v1.0/directory/deviceLocalCredentials/';
const DEVICE = 'GET /v1.0/devices(';
const SEARCH = 'GET /v1.0/devices?';

/** @type {import('../lib/stage.mjs').Stage} */
let stage;
/** @type {Awaited<ReturnType<import('../lib/stage.mjs').Stage['signIn']>>} */
let helpdesk;
before(async () => {
  stage = await startStage({
    mpmSettings: ONE_CHILD, sessionCache: 'file', amlaps: 'AMLapsGraphTimeout 3',
    rules: HELPDESK_RULE + ruleSection('Kiosks are closed', [`AMLapsDevice group ${GROUPS.parisDevices}`, 'AMLapsDeny history anyone']),
  });
  helpdesk = await stage.signIn('helpdesk');
});
after(() => stage?.close([/amlaps:.*AML/, MPM_RACE]));

/** A child that knows nothing, and a simulator that behaves. */
async function fresh() {
  stage.entra.control.reset();
  await stage.httpd.renew();
}
beforeEach(fresh);

/** @param {string} [id] @param {any} [body] */
const reveal = (id = DEVICES.lon001, body = { reason: 'x' }) => helpdesk.password('contoso', id, body);
const warm = async () => assertOk(await helpdesk.get(`api/v1/devices/contoso/${DEVICES.lon001}`));
/** @param {any} fault */
const fault = (fault) => stage.entra.control.set({ fault });

describe('what it costs', () => {
  test('a warm reveal is exactly one Graph request', async () => {
    await warm();
    const asked = stage.graphRequests().length;
    assertOk(await reveal());
    const requests = stage.graphRequests().slice(asked);
    assert.equal(requests.length, 1, requests.map((r) => r.path).join('\n'));
    assert.match(requests[0].path, new RegExp(`^/v1\\.0/directory/deviceLocalCredentials/${DEVICES.lon001}\\?(\\$|%24)select=credentials$`));
  });

  test('a device that a search has shown is warm', async () => {
    assertOk(await helpdesk.get('api/v1/devices?search=LON-001'));
    const asked = stage.graphRequests().length;
    assertOk(await reveal());
    assert.equal(stage.graphRequests().length - asked, 1);
  });

  test('a cold one by id is at most three', async () => {
    assertOk(await reveal());
    const requests = stage.graphRequests();
    assert.ok(requests.length <= 3, requests.map((r) => r.path).join('\n'));
  });

  test('one token serves all', async () => {
    await Promise.all(Array.from({ length: 20 }, () => reveal().then(assertOk)));
    assert.equal(stage.entra.control.stats().tokenRequests, 1);
  });

  test('the password is never kept', async () => {
    for (let i = 0; i < 3; i++) assertOk(await reveal());
    assert.equal(stage.passwordRequests().length, 3);
  });
});

describe('what is sent', () => {
  test('the headers that Microsoft asks for, and our id', async () => {
    stage.entra.control.set({ strictHeaders: true });
    const answer = assertOk(await reveal());
    for (const request of stage.graphRequests()) {
      assert.match(request.headers['user-agent'], /mod_amlaps/);
      assert.equal(request.headers['client-request-id'], answer.id);
      assert.match(request.headers.authorization, /^bearer /);
      assert.equal(request.headers.cookie, undefined);
      assert.doesNotMatch(request.path, /LON-001|helpdesk/, 'no name in a request by id');
    }
    assert.equal(stage.passwordRequests().length, 1);
  });

  test('answers fit the schema of Microsoft', async () => {
    assertOk(await helpdesk.get('api/v1/devices?search=LON'));
    assertOk(await reveal());
    const { schemaErrors, schemaErrorTexts } = stage.entra.control.stats();
    assert.equal(schemaErrors, 0, schemaErrorTexts.join('\n'));
  });
});

describe('forms of an answer', () => {
  const PASSWORD = () => stage.passwords('LON-001')[0];
  for (const knobs of [{ wrapped: true }, { encoding: 'utf16le' }, { encoding: 'utf16le-bom' }, { encoding: 'utf8-bom' }, { noZone: true },
    ...[0, 1, 2, 3, 4, 5, 6, 7].map((fractionDigits) => ({ fractionDigits })), { gzip: false }, { unsorted: true, history: 3 }, { unsorted: true, history: 1 }, { history: 40, unsorted: true },
    { twoAccounts: true }]) {
    test(JSON.stringify(knobs), async () => {
      stage.entra.control.set(knobs);
      const answer = assertOk(await reveal());
      assert.equal(answer.credentials[0].password, PASSWORD());
      assert.equal(answer.credentials.length, 1);
    });
  }

  test('history of none is no password', async () => {
    stage.entra.control.set({ history: 0 });
    assertProblem(await reveal(), 'no_password');
  });

  test('equal dates still give one current password of the device', async () => {
    stage.entra.control.set({ equalDates: true, history: 3 });
    const answer = assertOk(await reveal());
    assert.equal(answer.credentials.length, 1);
    assert.ok(answer.credentials[0].password.length > 5);
  });

  for (const style of ['404', '204', 'empty', 'noCredentials', 'null', 'array', 'braces']) {
    test(`no password, said as ${style}`, async () => {
      stage.entra.control.set({ noPasswordStyle: style });
      assertProblem(await reveal(DEVICES.withoutLaps), 'no_password');
      assertProblem(await reveal(DEVICES.mac), 'no_password');
    });
  }

  test('no password is no error of the system in the log', async () => {
    const { id } = assertProblem(await reveal(DEVICES.withoutLaps), 'no_password');
    const line = stage.httpd.errorLog().split('\n').find((text) => text.includes(id) && text.includes('AML0350'));
    assert.match(String(line), /\[pid \d+:tid \d+\] \[client \S+\] AML0350: /);
  });

  test('bytes that are no text are an error, not a password', async () => {
    stage.entra.control.set({ encoding: 'odd' });
    assertProblem(await reveal(), 'tenant_error');
  });
});

describe('faults of one request', () => {
  /** @type {[string, any, ...import('../lib/expect.mjs').Code[]][]} */
  const CASES = [
    ['429 with a long Retry-After', { kind: 'status', status: 429, retryAfter: 120 }, 'tenant_throttled'],
    ['429 with a fraction', { kind: 'status', status: 429, retryAfter: '7.5' }, 'tenant_throttled'],
    ['429 with a date', { kind: 'status', status: 429, retryAfter: 'date+90' }, 'tenant_throttled'],
    ['429 without Retry-After', { kind: 'status', status: 429 }, 'tenant_throttled'],
    ['429 with nonsense', { kind: 'status', status: 429, retryAfter: 'soon' }, 'tenant_throttled'],
    ['429 with a huge number', { kind: 'status', status: 429, retryAfter: '99999999999999999999999' }, 'tenant_throttled'],
    ['503 in HTML', { kind: 'html503' }, 'tenant_error', 'tenant_unreachable'],
    ['an HTML page as message', { kind: 'htmlMessage' }, 'tenant_error', 'tenant_unreachable'],
    ['UnknownError', { kind: 'unknownError' }, 'tenant_error'],
    ['an empty code', { kind: 'unknownError', code: '' }, 'tenant_error'],
    ['504', { kind: 'status', status: 504 }, 'tenant_error', 'tenant_unreachable'],
    ['400', { kind: 'status', status: 400 }, 'tenant_error'],
    ['403', { kind: 'status', status: 403 }, 'tenant_permission_missing'],
    ['401 for ever', { kind: 'status', status: 401 }, 'tenant_credential_invalid'],
    ['a redirect', { kind: 'redirect' }, 'tenant_error'],
    ['half of the JSON', { kind: 'truncate' }, 'tenant_error', 'tenant_unreachable'],
    ['garbage', { kind: 'garbage' }, 'tenant_error'],
    ['JSON that is too deep', { kind: 'deepJson' }, 'tenant_error'],
    ['ten megabytes', { kind: 'huge' }, 'tenant_error'],
    ['HTML with 200', { kind: 'html200' }, 'tenant_error'],
    ...[401, 403, 404].map((status) => /** @type {[string, any, 'tenant_error']} */ ([`HTML with ${status}`, { kind: 'raw', status, type: 'text/html', body: '<html>blocked</html>' }, 'tenant_error'])),
    ['another device', { kind: 'wrongDevice' }, 'tenant_error'],
    ['repeated members', { kind: 'duplicateKeys' }, 'tenant_error'],
    ['JSON that is no object', { kind: 'json', value: [1] }, 'tenant_error'],
    ['an error with 200', { kind: 'json', value: { error: { code: 'UnknownError', message: '' } } }, 'tenant_error'],
    ['wrong types', { kind: 'json', value: { id: 1, credentials: 'x' } }, 'tenant_error'],
    ['a reset connection', { kind: 'reset' }, 'tenant_unreachable'],
    ['a connection that breaks off', { kind: 'abort' }, 'tenant_unreachable', 'tenant_error'],
    ['silence', { kind: 'hang' }, 'tenant_unreachable'],
    ['a trickle', { kind: 'slow', ms: 1000, bytes: 4 }, 'tenant_unreachable'],
  ];
  for (const [name, value, ...codes] of CASES) {
    test(`password: ${name}`, async () => {
      await warm();
      fault({ match: LAPS, ...value });
      const began = Date.now();
      const answer = await reveal();
      const { code } = answer.json();
      assert.ok(codes.includes(code), `${codes} expected, ${summary(answer)}`);
      const problem = assertProblem(answer, code);
      assert.ok(Date.now() - began < 6000, `${Date.now() - began} ms`);
      assert.ok(!answer.text.includes(stage.passwords('LON-001')[0]));
      if (code === 'tenant_throttled') assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
      const [intent, outcome] = (await stage.records()).filter((r) => r.id === problem.id);
      assert.equal(intent.outcome, 'pending');
      assert.equal(outcome.outcome, 'failed');
      assert.equal(outcome.code, code);
    });
  }

  /** What is wrong while the device is looked for, by whom nothing was decided yet. @type {typeof CASES} */
  const BEFORE = [
    ['429', { kind: 'status', status: 429, retryAfter: 120 }, 'tenant_throttled'], ['403', { kind: 'status', status: 403 }, 'tenant_permission_missing'],
    ['silence', { kind: 'hang' }, 'tenant_unreachable'], ['garbage', { kind: 'garbage' }, 'tenant_error'], ['another device', { kind: 'wrongDevice' }, 'tenant_error'],
    ['HTML with 404', { kind: 'raw', status: 404, type: 'text/html', body: '<html>blocked</html>' }, 'tenant_error'],
  ];
  for (const [name, value, ...codes] of BEFORE) {
    test(`device: ${name}`, async () => {
      fault({ match: DEVICE, ...value });
      const answer = await reveal();
      assertProblem(answer, codes[0]);
      assert.equal(stage.passwordRequests().length, 0);
    });
    if (value.kind === 'wrongDevice') continue;
    test(`search: ${name}`, async () => {
      fault({ match: SEARCH, ...value });
      assertProblem(await helpdesk.get('api/v1/devices?search=LON'), codes[0]);
    });
  }

  test('groups that cannot be read make a deny undecidable', async () => {
    fault({ match: 'transitiveMemberOf', kind: 'status', status: 403 });
    assertProblem(await helpdesk.post(`api/v1/devices/contoso/${DEVICES.lon001}/history`, { reason: 'x' }), 'policy_undecidable');
    assertOk(await reveal());
  });

  test('groups that Graph gives later say when', async () => {
    fault({ match: 'transitiveMemberOf', kind: 'status', status: 429, retryAfter: 60 });
    const answer = await helpdesk.post(`api/v1/devices/contoso/${DEVICES.lon001}/history`, { reason: 'x' });
    assertProblem(answer, 'policy_undecidable');
    assert.equal(answer.headers['retry-after'], '60');
  });
});

describe('faults that pass', () => {
  for (const [name, value] of /** @type {[string, any][]} */ ([
    ['one 401', { kind: 'status', status: 401 }], ['one reset', { kind: 'reset' }], ['one 503', { kind: 'status', status: 503 }],
    ['one 429 of a second', { kind: 'status', status: 429, retryAfter: 1 }],
  ])) {
    test(`${name} is asked again`, async () => {
      await warm();
      fault({ match: LAPS, times: 1, ...value });
      const answer = assertOk(await reveal());
      assert.equal(answer.credentials[0].password, stage.passwords('LON-001')[0]);
      assert.equal(stage.passwordRequests().length, 2);
      const outcome = (await stage.records()).filter((r) => r.id === answer.id).at(-1);
      // a kept connection that dies before the answer is replaced by libcurl itself, unseen by the module
      if (value.kind !== 'reset') assert.equal(outcome.graph.attempts, 2);
    });
  }

  test('connections that Graph closed are not an error', async () => {
    await warm();
    for (let i = 0; i < 5; i++) {
      stage.entra.control.closeConnections();
      assertOk(await reveal());
    }
  });

  test('a throttled tenant is left alone until it may be asked', async () => {
    fault({ match: LAPS, kind: 'status', status: 429, retryAfter: 120 });
    await warm();
    assertProblem(await reveal(), 'tenant_throttled');
    const asked = stage.graphRequests().length;
    for (let i = 0; i < 5; i++) assertProblem(await reveal(), 'tenant_throttled');
    assert.equal(stage.graphRequests().length, asked);
  });

  test('after a fault the next request works', async () => {
    fault({ match: LAPS, kind: 'garbage', times: 1 });
    assertProblem(await reveal(), 'tenant_error');
    assertOk(await reveal());
  });
});

describe('tokens', () => {
  /** @param {any} value @param {import('../lib/expect.mjs').Code} code */
  async function refused(value, code) {
    fault({ match: '/oauth2/v2.0/token', ...value });
    await stage.httpd.renew();
    assertProblem(await reveal(), code);
    assert.equal(stage.graphRequests().length, 0, 'nothing without a token');
  }
  test('a wrong secret', () => refused({ kind: 'status', status: 401 }, 'tenant_credential_invalid'));
  test('a throttled login', () => refused({ kind: 'status', status: 429, retryAfter: 60 }, 'tenant_throttled'));
  test('a broken login', () => refused({ kind: 'status', status: 503 }, 'tenant_error'));
  test('a silent login', () => refused({ kind: 'hang' }, 'tenant_unreachable'));
  test('a login that is garbage', () => refused({ kind: 'garbage' }, 'tenant_error'));
  test('a redirecting login', () => refused({ kind: 'redirect' }, 'tenant_error'));

  test('without the permissions', async () => {
    stage.entra.control.set({ token: { roles: ['Device.Read.All'] } });
    await stage.httpd.renew();
    const problem = assertProblem(await reveal(), 'tenant_permission_missing');
    assert.match(`${problem.detail}${stage.httpd.errorLog()}`, /DeviceLocalCredential\.Read\.All/);
  });

  for (const expiresIn of ['3599', 'missing', 1, 1e12]) {
    test(`that last ${expiresIn} s`, async () => {
      stage.entra.control.set({ token: { expiresIn } });
      await stage.httpd.renew();
      for (let i = 0; i < 3; i++) assertOk(await reveal());
    });
  }

  // the simulated Graph holds such a token for expired from the first moment
  for (const expiresIn of [-1, 0]) {
    test(`that last ${expiresIn} s are refused by Graph, and not asked for without end`, async () => {
      stage.entra.control.set({ token: { expiresIn } });
      await stage.httpd.renew();
      for (let i = 0; i < 3; i++) {
        const { code } = (await reveal()).json();
        assert.ok(['tenant_credential_invalid', 'tenant_error'].includes(code), code);
      }
      assert.ok(stage.entra.control.stats().tokenRequests <= 6);
      assert.equal(stage.passwordRequests().filter((r) => r.status === 200).length, 0);
    });
  }

  test('that Graph calls expired are renewed', async () => {
    await warm();
    stage.entra.control.expireTokens();
    assertOk(await reveal());
    assert.equal(stage.entra.control.stats().tokenRequests, 2);
  });

  test('a login that fails is not hammered', async () => {
    fault({ match: '/oauth2/v2.0/token', kind: 'status', status: 401 });
    await stage.httpd.renew();
    const before = stage.entra.control.stats().tokenRequests;
    for (let i = 0; i < 10; i++) assertProblem(await reveal(), 'tenant_credential_invalid');
    assert.ok(stage.entra.control.stats().tokenRequests - before <= 1);
  });
});

describe('pages of a search', () => {
  test('an empty page with a next one', async () => {
    fault({ match: SEARCH, kind: 'emptyPage', times: 2 });
    const { devices } = assertOk(await helpdesk.get('api/v1/devices?search=LON-001'));
    assert.deepEqual(devices.map((/** @type {any} */ d) => d.name), ['LON-001']);
  });

  test('a next page that never ends', async () => {
    fault({ match: SEARCH, kind: 'endlessNextLink' });
    const answer = await helpdesk.get('api/v1/devices?search=LON-001');
    assertOk(answer);
    assert.equal(answer.json().more, true);
    assert.deepEqual(answer.json().devices.map((/** @type {any} */ d) => d.deviceId), [DEVICES.lon001], 'once, however often it comes');
    assert.ok(stage.graphRequests('/devices').length <= 25);
  });

  test('a device that stands on two pages is one', async () => {
    fault({ match: SEARCH, kind: 'endlessNextLink', times: 1 });
    const { devices, more } = assertOk(await helpdesk.get('api/v1/devices?search=LON-007'));
    assert.deepEqual(devices.map((/** @type {any} */ d) => d.deviceId), [DEVICES.lon007, DEVICES.lon007Older]);
    assert.equal(more, false);
  });

  test('a next page at another host is not asked for', async () => {
    fault({ match: SEARCH, kind: 'foreignNextLink' });
    assertProblem(await helpdesk.get('api/v1/devices?search=LON-001'), 'tenant_error');
  });
});

describe('the worker', () => {
  test('waits no longer than its time, whatever fails one after the other', async () => {
    stage.entra.control.set({ delayMs: 1700, tokenDelayMs: 1300 });
    const began = Date.now();
    const answer = await reveal();
    assertProblem(answer, 'tenant_unreachable');
    assert.ok(Date.now() - began < 5000, `${Date.now() - began} ms`);
  });

  test('is refused at once when all connections are taken', async () => {
    stage.httpd.configure({ amlaps: `${stage.httpd.options.amlaps}\nAMLapsGraphConnections 2` });
    await fresh();
    await warm();
    fault({ match: LAPS, kind: 'delay', ms: 1500 });
    const answers = await Promise.all(Array.from({ length: 12 }, () => reveal()));
    const busy = answers.filter((a) => a.status !== 200);
    assert.ok(busy.length > 0 && busy.length < 12, `${answers.map((a) => a.status)}`);
    busy.forEach((answer) => assertProblem(answer, 'busy'));
  });
});

test('a tenant that is not there at all', async () => {
  const gone = guidOf('nowhere');
  assertProblem(await reveal(gone), 'not_authorized');
  assert.equal(stage.passwordRequests().length, 0);
});
