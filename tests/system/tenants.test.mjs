// @ts-check
/** Several tenants side by side: one is well, the others are not, and they come before it in the configuration. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { startEntra } from '../entra/entra.mjs';
import { DEVICES, GROUPS, defaultWorld } from '../entra/world.mjs';
import { ruleSection, secretFile, secretFiles, signInOf, tenantOf } from '../lib/amlaps-conf.mjs';
import { assertOk, assertProblem, summary } from '../lib/expect.mjs';
import { HTDOCS_LINE } from '../lib/httpd-conf.mjs';
import { Httpd } from '../lib/httpd.mjs';
import { Jar } from '../lib/jar.mjs';
import { freePort } from '../lib/ports.mjs';
import { NO_LIMITS, Stage } from '../lib/stage.mjs';
import { waitFor } from '../lib/wait.mjs';

const ONE_CHILD = 'StartServers 1\nServerLimit 2\nThreadsPerChild 64\nMaxRequestWorkers 64\nMinSpareThreads 1\nMaxSpareThreads 128';
const TIMEOUT = 4;
/** What is wrong with each, in the order of the configuration; contoso stands last. */
const BROKEN = /** @type {const} */ ({
  silent: 'tenant_unreachable', wrong: 'tenant_credential_invalid', gone: 'tenant_unreachable', throttled: 'tenant_throttled',
});

/** @type {Stage} */
let stage;
/** @type {Record<string, Awaited<ReturnType<typeof startEntra>>>} */
const servers = {};
/** @type {Awaited<ReturnType<Stage['signIn']>>} */
let helpdesk;

/** @param {any} entra @param {string} name @param {string} url @param {string} [secret] */
function section(entra, name, url, secret = secretFile('contoso')) {
  const { id, apps } = tenantOf(entra, 'contoso');
  return [`<AMLapsTenant ${name}>`, `AMLapsTenantId ${id}`, `AMLapsClientId ${apps[0].clientId}`, `AMLapsClientSecret file:{root}/${secret}`,
    `AMLapsLoginURL ${url}`, `AMLapsGraphURL ${url}`, '</AMLapsTenant>'].join('\n');
}

before(async () => {
  const port = await freePort();
  const world = defaultWorld();
  const entra = await startEntra({ redirectUris: [`http://localhost:${port}/laps/oidc/callback`], world });
  for (const name of ['silent', 'throttled']) servers[name] = await startEntra({ world });
  const closed = await freePort();
  const httpd = await Httpd.start({
    port, mpmSettings: ONE_CHILD, sessionCache: 'file', signIn: signInOf(entra), files: { ...secretFiles(entra, ['contoso']), 'secret/wrong.secret': { content: 'not~this-one\n', mode: 0o400 } },
    server: '<Location "/health">\nRequire all granted\nSetHandler amlaps-health\n</Location>',
    amlaps: [
      section(entra, 'silent', servers.silent.url), section(entra, 'wrong', entra.url, 'secret/wrong.secret'), section(entra, 'gone', `http://127.0.0.1:${closed}`),
      section(entra, 'throttled', servers.throttled.url), section(entra, 'contoso', entra.url),
      ruleSection('London helpdesk', ['AMLapsDevice name LON-*', `AMLapsAllow password group ${GROUPS.londonHelpdesk}`]), NO_LIMITS,
      'AMLapsStore sqlite3:{root}/state/amlaps.db', HTDOCS_LINE, `AMLapsGraphTimeout ${TIMEOUT}`, 'AMLapsGraphConnections 8', 'AMLapsOperator role Laps.Auditor',
    ].join('\n'),
  });
  stage = new Stage(entra, httpd);
  helpdesk = await stage.signIn('helpdesk');
});
after(async () => {
  try {
    // Each test restarts httpd: on a busy machine the parent's look at the store can outlast the quarter of a second that a new child waits for it.
    await stage?.close([/amlaps:.*AML03/]);
  } finally {
    await Promise.all(Object.values(servers).map((server) => server.close()));
  }
});

/** All is well but what the test breaks, and httpd knows nothing of before. */
beforeEach(async () => {
  for (const server of Object.values(servers)) server.control.reset();
  servers.silent.control.set({ fault: { match: '/v1.0/', kind: 'hang' } });
  servers.throttled.control.set({ fault: { match: '/v1.0/', kind: 'status', status: 429, retryAfter: 60 } });
  await stage.httpd.renew();
});

const search = async (tenant = '') => {
  const began = Date.now();
  const answer = await helpdesk.get(`api/v1/devices?search=LON-00${tenant && `&tenant=${tenant}`}`);
  return { answer, took: Date.now() - began };
};
/** @param {string} tenant */
const reveal = (tenant) => helpdesk.password(tenant, DEVICES.lon001, { reason: 'x' });

describe('a search over all', () => {
  test('finds what there is to find, and names the tenants that could not be searched and why', async () => {
    const { answer, took } = await search();
    const { devices, gaps } = assertOk(answer);
    assert.ok(devices.length > 0 && devices.every((/** @type {any} */ d) => d.tenant === 'contoso'), answer.text);
    assert.deepEqual(Object.fromEntries(gaps.map((/** @type {any} */ gap) => [gap.tenant, gap.code])), BROKEN);
    assert.ok(took < 8000, `${took} ms`);
  });

  test('asks those in trouble last, so that those that are well always have time', async () => {
    await search();
    const asked = stage.graphRequests('/devices').length;
    const began = Date.now();
    const pending = search();
    await waitFor('contoso to be searched', () => stage.graphRequests('/devices').length > asked);
    assert.ok(Date.now() - began < 1500, `${Date.now() - began} ms before a tenant that is well was asked`);
    assertOk((await pending).answer);
  });

  test('a tenant that recovers is searched again', async () => {
    assert.equal(assertOk((await search()).answer).gaps.length, 4);
    servers.silent.control.reset();
    await waitFor('silent to be searched again', async () => {
      const { devices, gaps } = assertOk((await search()).answer);
      return devices.some((/** @type {any} */ d) => d.tenant === 'silent') && !gaps.some((/** @type {any} */ gap) => gap.tenant === 'silent');
    });
  });

  test('over one alone has its problem, and its words', async () => {
    for (const [tenant, code] of Object.entries(BROKEN)) {
      const problem = assertProblem((await search(tenant)).answer, code);
      assert.ok(problem.detail.startsWith(`tenant ${tenant}: `), problem.detail);
    }
    assert.deepEqual(assertOk((await search('contoso')).answer).gaps, []);
  });
});

describe('passwords', () => {
  test('of a tenant that is well are read while others are not', async () => {
    const answers = await Promise.all([...Object.keys(BROKEN), 'contoso'].map(reveal));
    Object.values(BROKEN).forEach((code, i) => assertProblem(answers[i], code));
    assert.equal(assertOk(answers[4]).credentials[0].password, stage.passwords('LON-001')[0]);
  });

  test('a silent tenant takes the connections of no other', async () => {
    const codes = await Promise.all(Array.from({ length: 5 }, async () => (await reveal('silent')).json().code));
    assert.deepEqual(new Set(codes), new Set(['tenant_unreachable']));
    const stuck = Array.from({ length: 30 }, () => reveal('silent'));
    for (let i = 0; i < 10; i++) assertOk(await reveal('contoso'));
    for (const answer of await Promise.all(stuck)) assertProblem(answer, 'tenant_unreachable');
    assert.match(stage.httpd.errorLog(), /AML0361: tenant silent: /);
    servers.silent.control.reset();
    await waitFor('silent to answer again', async () => (await reveal('silent')).status === 200);
  });
});

describe('health and status', () => {
  test('serve on with what is well, and tell which is not', async () => {
    for (const tenant of Object.keys(BROKEN)) await reveal(tenant);
    const answer = await new Jar().request(`${stage.origin}/health`);
    const { status, checks } = assertOk(answer);
    assert.equal(status, 'degraded', summary(answer));
    assert.deepEqual(checks.token, {
      silent: { status: 'ok' }, wrong: { status: 'failed', code: 'tenant_credential_invalid' }, gone: { status: 'failed', code: 'tenant_unreachable' },
      throttled: { status: 'ok' }, contoso: { status: 'ok' },
    });
    const { tenants } = assertOk(await (await stage.signIn('auditor')).get('api/v1/status'));
    assert.deepEqual(tenants.map((/** @type {any} */ t) => [t.name, t.token.status, t.token.lastError?.code ?? null, t.graph.lastError?.code ?? null]), [
      ['silent', 'ok', null, 'tenant_unreachable'], ['wrong', 'failed', 'tenant_credential_invalid', 'tenant_credential_invalid'],
      ['gone', 'failed', 'tenant_unreachable', 'tenant_unreachable'], ['throttled', 'ok', null, 'tenant_throttled'], ['contoso', 'ok', null, null],
    ]);
    assert.ok(Date.parse(tenants[3].graph.throttledUntil) > Date.now());
    assert.equal(tenants[3].graph.lastAnswer.status, 429);
    assert.ok(tenants.every((/** @type {any} */ t) => [t.token.lastError, t.graph.lastError].every((e) => !e || e.detail.startsWith(`tenant ${t.name}: `))));
    for (const secret of Object.values(stage.secrets())) assert.ok(!JSON.stringify(tenants).includes(secret));
  });

  test('a login that is silent keeps no other tenant without a token', async () => {
    servers.silent.control.set({ fault: { match: '/oauth2/v2.0/token', kind: 'hang' } });
    await stage.httpd.renew();
    /** @param {Awaited<ReturnType<typeof startEntra>>} entra */
    const asked = (entra) => entra.control.requests().filter((request) => request.area === 'token').map((request) => Date.parse(request.time));
    await waitFor('a token of contoso', async () => (await new Jar().request(`${stage.origin}/health`)).json().checks.token.contoso.status === 'ok');
    const [silent] = asked(servers.silent).slice(-1);
    const others = asked(stage.entra).filter((time) => time >= silent - 500);
    assert.ok(others.length >= 2 && Math.min(...others.map((time) => time - silent)) < TIMEOUT * 1000 / 2, `${others.map((time) => time - silent)} ms after the silent one`);
  });
});
