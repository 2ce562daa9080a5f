// @ts-check
/** Status for operators and health for machines. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertApiHeaders, assertMembers, assertOk, assertProblem, summary, UTC } from '../lib/expect.mjs';
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
  after(() => stage.close());

  test('health needs no sign-in, tells codes alone and is not kept', async () => {
    const answer = await health(stage);
    const body = assertOk(answer);
    assert.deepEqual(body, {
      status: 'ok',
      checks: { configuration: { status: 'ok' }, store: { status: 'ok' }, token: { contoso: { status: 'ok' } } },
    });
    assert.equal((await health(stage, '', { method: 'HEAD' })).status, 200);
    const refused = await health(stage, '', { method: 'POST', body: '' });
    assert.equal(refused.status, 405);
    assert.match(refused.headers.allow, /GET/);
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
    assertMembers(body, ['tenants', 'store', 'time', 'version']);
    assert.deepEqual(body.store, { status: 'ok' });
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
    assertProblem(await session.get('api/v1/status'), 'not_authorized');
    assertProblem(await new Jar().request(`${stage.base}api/v1/status`, { headers: { 'Sec-Fetch-Mode': 'cors', Accept: 'application/json' } }),
      'not_authenticated');
  });

  test('the last answer and the last error of Graph', async () => {
    const operator = await stage.signIn('auditor');
    const person = await stage.signIn('helpdesk');
    assertOk(await person.password('contoso', stage.device('LON-001').deviceId, { reason: 'x' }));
    const before = assertOk(await operator.get('api/v1/status')).tenants[0].graph;
    assert.equal(before.lastAnswer.status, 200);
    assert.match(before.lastAnswer.time, UTC);
    assert.ok(before.lastAnswer.requestId);
  });
});
