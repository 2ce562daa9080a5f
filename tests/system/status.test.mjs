// @ts-check
/** Status for operators and health for machines. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DEVICES, GROUPS, defaultWorld } from '../entra/world.mjs';
import { secretFile } from '../lib/amlaps-conf.mjs';
import { assertApiHeaders, assertMembers, assertOk, assertProblem, GUID, summary, UTC } from '../lib/expect.mjs';
import { HTDOCS_LINE } from '../lib/httpd-conf.mjs';
import { Httpd } from '../lib/httpd.mjs';
import { Jar } from '../lib/jar.mjs';
import { startStage } from '../lib/stage.mjs';
import { waitFor } from '../lib/wait.mjs';

/** @typedef {import('../lib/stage.mjs').Stage} Stage */

const HEALTH = '<Location "/health">\n    Require all granted\n    SetHandler amlaps-health\n</Location>\n';

/** @param {Stage} stage @param {string} [query] @param {import('../lib/jar.mjs').Request} [options] */
const health = (stage, query = '', options) => new Jar().request(`${stage.origin}/health${query}`, options);

describe('one tenant', () => {
  /** @type {Stage} */
  let stage;
  before(async () => {
    stage = await startStage({ server: HEALTH, amlaps: 'AMLapsOperator user auditor@contoso.com' });
  });
  after(() => stage.close([/amlaps:.*AML0323/]));

  test('health needs no sign-in, tells codes alone and is not kept', async () => {
    const answer = await health(stage);
    const body = assertOk(answer);
    assert.deepEqual(body, {
      status: 'ok',
      checks: { configuration: { status: 'ok' }, store: { status: 'ok' }, seal: { status: 'off' }, token: { contoso: { status: 'ok' } } },
    });
    assert.equal((await health(stage, '', { method: 'HEAD' })).status, 200);
    for (const [method, body] of [['POST', ''], ['POST', 'x'], ['DELETE'], ['OPTIONS']]) {
      const refused = await health(stage, '?live', { method, body });
      assert.match(assertProblem(refused, 'method_not_allowed').detail, /^Use GET, HEAD here/);
      assert.equal(refused.headers.allow, 'GET, HEAD');
    }
  });

  test('?live says only that httpd serves', async () => {
    const answer = await health(stage, '?live');
    assert.equal(answer.status, 200);
    assertApiHeaders(answer);
    assert.deepEqual(answer.json(), { status: 'ok' });
  });

  test('status tells operators how each tenant stands', async () => {
    const session = await stage.signIn('auditor');
    const body = assertOk(await session.get('api/v1/status'));
    assertMembers(body, ['seal', 'tenants', 'store', 'time', 'version']);
    assert.deepEqual(body.store, { name: `sqlite3:${stage.store}`, status: 'ok' });
    assert.equal(body.tenants.length, 1);
    const [tenant] = body.tenants;
    assert.equal(tenant.name, 'contoso');
    assert.equal(tenant.token.status, 'ok');
    assert.match(tenant.token.issued, UTC);
    assert.ok(Date.parse(tenant.token.expires) > Date.now());
    assert.ok(Number.isInteger(tenant.token.age) && tenant.token.age >= 0);
    assert.equal(tenant.token.lastError, null);
    assert.deepEqual(tenant.permissions.missing, []);
    assert.deepEqual(tenant.credential, { kind: 'secret', expires: null, daysLeft: null });
  });

  test('nobody else reads it', async () => {
    const session = await stage.signIn('helpdesk');
    assert.match(assertProblem(await session.get('api/v1/status'), 'not_authorized').detail, /^This is for operators\..*AMLapsOperator/);
    assertProblem(await new Jar().request(`${stage.base}api/v1/status`, { headers: { 'Sec-Fetch-Mode': 'cors', Accept: 'application/json' } }),
      'not_authenticated');
  });

  test('the last answer and the last error of Graph, under the id that the person reads', async () => {
    const operator = await stage.signIn('auditor');
    const person = await stage.signIn('helpdesk');
    const graph = async () => assertOk(await operator.get('api/v1/status')).tenants[0].graph;
    assertOk(await person.password('contoso', DEVICES.lon001, { reason: 'x' }));
    const { lastAnswer } = await graph();
    assert.equal(lastAnswer.status, 200);
    assert.match(lastAnswer.time, UTC);
    assert.match(lastAnswer.requestId, GUID);
    assert.ok(Number.isInteger(lastAnswer.milliseconds) && lastAnswer.milliseconds >= 0);
    stage.entra.control.set({ fault: { match: 'deviceLocalCredentials', kind: 'status', status: 503, code: 'serviceNotAvailable' } });
    const problem = assertProblem(await person.password('contoso', DEVICES.lon001, { reason: 'x' }), 'tenant_error');
    stage.entra.control.reset();
    const { lastError } = await graph();
    assert.deepEqual([lastError.code, lastError.message, lastError.status, lastError.attempts, lastError.clientRequestId],
      ['tenant_error', 'AML0323', 503, 2, problem.id]);
    assert.equal(lastError.detail, problem.detail);
    const line = stage.httpd.errorLog().split('\n').find((text) => text.includes('AML0323') && text.includes(`client-request-id ${problem.id}`));
    assert.ok(line, 'a line of the log with that id');
    assert.ok(line.includes(`(status 503, attempts 2, request-id ${lastError.requestId}, client-request-id ${problem.id})`), line);
    assert.match(lastError.requestId, GUID);
  });
});

describe('what start finds, before anybody asks', () => {
  /** @param {Stage} stage @param {string} id */
  const lines = (stage, id) => stage.httpd.errorLog().split('\n').filter((line) => line.includes(id));

  test('a wrong secret is in the log and makes health fail; one that is right again makes it well', async () => {
    const stage = await startStage({ server: HEALTH, files: { [secretFile('contoso')]: { content: 'not~this-one\n', mode: 0o400 } } });
    try {
      await waitFor('the log to tell', () => lines(stage, 'AML0360').length > 0);
      assert.match(lines(stage, 'AML0360')[0], new RegExp('\\[amlaps:error\\].*AML0360: tenant contoso: no token is to be had: tenant contoso: the login refuses the app .*: '
        + 'the client secret is wrong.*AADSTS7000215.* \\(status 401, attempts 1, request-id [0-9a-f-]{36}, client-request-id [0-9a-f-]{36}\\)'));
      const answer = await health(stage);
      assert.equal(answer.status, 503, summary(answer));
      assertApiHeaders(answer);
      assert.deepEqual(answer.json(), {
        status: 'failed',
        checks: { configuration: { status: 'ok' }, store: { status: 'ok' }, seal: { status: 'off' }, token: { contoso: { status: 'failed', code: 'tenant_credential_invalid' } } },
      });
      assert.equal((await health(stage, '?live')).status, 200);
      for (let i = 0; i < 20; i++) await health(stage);
      assert.ok(stage.entra.control.stats().tokenRequests <= 2, `${stage.entra.control.stats().tokenRequests} token requests`);
      stage.httpd.write(secretFile('contoso'), `${stage.tenant('contoso').apps[0].secrets.find((s) => !s.expires || Date.parse(s.expires) > Date.now())?.value}\n`, 0o400);
      await stage.httpd.renew();
      await waitFor('health to be well', async () => (await health(stage)).status === 200);
    } finally {
      await stage.close([/amlaps:.*AML03(10|60)/]);
    }
  });

  test('missing and excess permissions are in the log and in the status', async () => {
    const world = defaultWorld();
    world.tenants[0].apps[0].roles = ['Device.Read.All', 'Mail.ReadWrite'];
    const stage = await startStage({ world, server: HEALTH, amlaps: 'AMLapsOperator user auditor@contoso.com' });
    try {
      await waitFor('the log to tell', () => lines(stage, 'AML0349').length > 0);
      const { id, apps: [{ clientId }] } = stage.tenant('contoso');
      assert.match(lines(stage, 'AML0348')[0], new RegExp(`:warn.*tenant contoso: the app ${clientId} lacks the application permissions DeviceLocalCredential\\.Read\\.All; give them to it under API `
        + `permissions of its app registration, and consent at ${stage.entra.loginUrl}/${id}/adminconsent\\?client_id=${clientId}`));
      assert.match(lines(stage, 'AML0349')[0], /:notice.*Mail\.ReadWrite; take them away/);
      const [tenant] = assertOk(await (await stage.signIn('auditor')).get('api/v1/status')).tenants;
      assert.deepEqual(tenant.permissions, { missing: ['DeviceLocalCredential.Read.All'], excess: ['Mail.ReadWrite'] });
      assert.equal((await health(stage)).status, 200, 'a token is there; what is missing breaks no search');
      const { detail } = assertProblem(await (await stage.signIn('helpdesk')).password('contoso', DEVICES.lon001, { reason: 'x' }), 'tenant_permission_missing');
      assert.match(detail, /lacks the application permission DeviceLocalCredential\.Read\.All.*adminconsent.*takes some minutes/);
    } finally {
      await stage.close([/amlaps:.*AML03(21|48)/]);
    }
  });

  test('an app that nobody has consented to is told from one that lacks a permission', async () => {
    const world = defaultWorld();
    world.tenants[0].apps[0].roles = [];
    const stage = await startStage({ world });
    try {
      const { detail } = assertProblem(await (await stage.signIn('helpdesk')).password('contoso', DEVICES.lon001, { reason: 'x' }), 'tenant_permission_missing');
      assert.match(detail, /has no permission at all yet; give it \S+ under API permissions.*adminconsent.*takes some minutes/);
    } finally {
      await stage.close([/amlaps:.*AML03(21|48)/]);
    }
  });

  test('a login that is silent holds up neither health nor status', async () => {
    const stage = await startStage({ server: HEALTH, sessionCache: 'file', amlaps: 'AMLapsOperator user auditor@contoso.com\nAMLapsGraphTimeout 5' });
    try {
      const operator = await stage.signIn('auditor');
      stage.entra.control.set({ fault: { match: '/oauth2/v2.0/token', kind: 'hang' } });
      await stage.httpd.renew();
      const began = Date.now();
      const first = await health(stage);
      assert.equal(first.status, 503);
      assert.deepEqual(first.json().checks.token, { contoso: { status: 'unknown' } });
      assert.ok(Date.now() - began < 2500, `${Date.now() - began} ms`);
      await waitFor('the login to be given up', async () => (await health(stage)).json().checks.token.contoso.status === 'failed', { timeout: 20000 });
      const after = Date.now();
      const status = assertOk(await operator.get('api/v1/status')).tenants[0].token;
      assert.ok(Date.now() - after < 2500, `${Date.now() - after} ms`);
      assert.deepEqual([status.status, status.lastError.code, status.expires], ['failed', 'tenant_unreachable', null]);
      stage.entra.control.reset();
      await waitFor('health to be well without anybody asking', async () => (await health(stage)).status === 200, { timeout: 30000 });
    } finally {
      await stage.close([/amlaps:.*AML03/]);
    }
  });
});

test('a Graph that is silent about somebody’s groups takes no more time than one interaction has', async () => {
  const world = defaultWorld();
  world.tenants[0].apps[0].roles.push('GroupMember.Read.All', 'User.ReadBasic.All');
  const stage = await startStage({ world, amlaps: `AMLapsCacheTime 0\nAMLapsGraphTimeout 5\nAMLapsAuditor group ${GROUPS.londonHelpdesk}\nAMLapsOperator group ${GROUPS.londonHelpdesk}` });
  try {
    const overage = await stage.signIn('overage');
    stage.entra.control.set({ fault: { match: '/v1.0/', kind: 'hang' } });
    const took = async (/** @type {() => Promise<import('../lib/jar.mjs').Answer>} */ ask) => {
      const began = Date.now();
      const answer = await ask();
      assert.ok(Date.now() - began < 8000, `${Date.now() - began} ms: ${summary(answer)}`);
      return answer;
    };
    const [session, page, ...refused] = await Promise.all([
      took(() => overage.get('api/v1/session')), took(() => overage.get('')), took(() => overage.get('api/v1/status')), took(() => overage.get('api/v1/audit')),
      took(() => overage.get('api/v1/audit/verify')), took(() => overage.get('api/v1/audit/export')),
      took(() => overage.post('api/v1/explain', { device: { tenant: 'contoso', deviceId: DEVICES.lon001 } })),
    ]);
    assert.deepEqual(assertOk(session).roles, []);
    assert.equal(page.status, 200);
    for (const answer of refused) assertProblem(answer, 'tenant_unreachable');
  } finally {
    await stage.close([/amlaps:.*AML0(303|411)/]);
  }
});

describe('children', () => {
  test('tell each other: one asks for the token at start, and all give the same answer', async () => {
    const stage = await startStage({
      server: HEALTH, amlaps: 'AMLapsOperator user auditor@contoso.com', mpmSettings: 'StartServers 4\nServerLimit 4\nThreadsPerChild 10\nMaxRequestWorkers 40\nMinSpareThreads 40\nMaxSpareThreads 40',
    });
    try {
      await waitFor('four children', () => stage.httpd.children().length === 4);
      const operator = await stage.signIn('auditor');
      const answers = await Promise.all(Array.from({ length: 40 }, () => operator.get('api/v1/status', { headers: { Connection: 'close' } })));
      assert.equal(new Set(answers.map((answer) => assertOk(answer).tenants[0].token.issued)).size, 1);
      const checks = await Promise.all(Array.from({ length: 40 }, () => health(stage)));
      assert.deepEqual(new Set(checks.map(({ status }) => status)), new Set([200]));
      assert.equal(stage.entra.control.stats().tokenRequests, 1);
    } finally {
      await stage.close();
    }
  });
});

test('health without any tenant fails, and says what', async () => {
  const httpd = await Httpd.start({ amlaps: HTDOCS_LINE, server: HEALTH });
  try {
    const answer = await new Jar().request(`${httpd.origin}/health`);
    assert.equal(answer.status, 503, summary(answer));
    assert.deepEqual(answer.json(), { status: 'failed', checks: { configuration: { status: 'failed', code: 'audit_unavailable' } } });
    assert.equal((await new Jar().request(`${httpd.origin}/health?live`)).status, 200);
  } finally {
    await httpd.close();
  }
});
