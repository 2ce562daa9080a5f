// @ts-check
/** Nothing is disclosed that is not first durably recorded; the chain holds; limits are exact. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import { DEVICES } from '../entra/world.mjs';
import { audit } from '../lib/audit-tool.mjs';
import { smallDisk } from '../lib/disk.mjs';
import { Jar } from '../lib/jar.mjs';
import { GUID, assertOk, assertProblem } from '../lib/expect.mjs';
import { startStage } from '../lib/stage.mjs';
import { chainProblems, lockStore, query } from '../lib/store.mjs';
import { waitFor } from '../lib/wait.mjs';

/** Millisecond times of records are cut, not rounded. */
const CUT = 1;

describe('records', () => {
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  before(async () => {
    stage = await startStage({ amlaps: 'AMLapsAuditLog {root}/logs/audit.log required', load: ['alias'] });
  });
  after(() => stage?.close([/amlaps:.*AML/]));
  afterEach(() => stage.entra.control.reset());

  test('a grant is an intent before Graph is asked and an outcome before the answer', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    const start = await stage.lastSeq();
    const asked = stage.passwordRequests().length;
    const answer = assertOk(await helpdesk.password('contoso', DEVICES.lon001, { reason: 'INC0012345' }));
    const answered = Date.now();
    const records = await stage.records(start);
    assert.deepEqual(records.map((r) => [r.stage, r.event, r.outcome]), [['intent', 'password', 'pending'], ['outcome', 'password', 'granted']]);
    const [intent, outcome] = records;
    const [request, ...others] = stage.passwordRequests().slice(asked);
    assert.equal(others.length, 0);
    assert.ok(Date.parse(intent.time) - CUT <= request.time, `intent ${intent.time}, Graph ${new Date(request.time).toISOString()}`);
    assert.ok(Date.parse(outcome.time) + CUT >= request.time && Date.parse(outcome.time) <= answered + CUT);
    for (const record of records) {
      assert.equal(record.v, 1);
      assert.equal(record.id, answer.id);
      assert.match(record.id, GUID);
      assert.match(record.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.equal(record.actor.oid, stage.person('helpdesk').id);
      assert.equal(record.actor.tid, stage.tenant('contoso').id);
      assert.equal(record.actor.username, 'helpdesk@contoso.com');
      assert.equal(record.actor.name, 'Hanna Helpdesk');
      assert.equal(record.address, '127.0.0.1');
      assert.deepEqual(record.device, { tenant: 'contoso', deviceId: DEVICES.lon001, name: 'LON-001' });
      assert.equal(record.rule, 'London helpdesk');
      assert.equal(record.reason, 'INC0012345');
    }
    assert.equal(outcome.code, 'ok');
    assert.equal(outcome.graph.status, 200);
    assert.equal(outcome.graph.attempts, 1);
    assert.match(outcome.graph.requestId, GUID);
    assert.equal(outcome.credential.account, 'Administrator');
    assert.match(outcome.credential.backedUp, /Z$/);
    assert.equal(request.headers['client-request-id'], answer.id);
  });

  test('the intent is on disk while Graph is still thinking', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    assertOk(await helpdesk.get(`api/v1/devices/contoso/${DEVICES.lon001}`));
    const start = await stage.lastSeq();
    stage.entra.control.set({ fault: { match: 'deviceLocalCredentials', kind: 'delay', ms: 1500, times: 1 } });
    let answered = false;
    const asked = stage.passwordRequests().length;
    const pending = helpdesk.password('contoso', DEVICES.lon001).then((answer) => { answered = true; return answer; });
    await stage.untilPasswordRequest(asked);
    const [intent, ...more] = await stage.records(start);
    assert.ok(!answered);
    assert.deepEqual([intent.stage, intent.outcome, more.length], ['intent', 'pending', 0]);
    assertOk(await pending);
    assert.equal((await stage.records(start)).length, 2);
  });

  test('a refusal is one record, and tells apart what the person cannot', async () => {
    const nobody = await stage.signIn('nobody');
    const start = await stage.lastSeq();
    const first = assertProblem(await nobody.password('contoso', DEVICES.lon001), 'not_authorized');
    const second = assertProblem(await nobody.password('contoso', '11111111-2222-4333-8444-555555555555'), 'not_authorized');
    const records = await stage.records(start);
    assert.deepEqual(records.map((r) => [r.stage, r.event, r.outcome, r.code]),
      [['outcome', 'password', 'denied', 'not_authorized'], ['outcome', 'password', 'denied', 'device_not_found']]);
    assert.deepEqual(records.map((r) => r.id), [first.id, second.id]);
  });

  test('a failure of Graph is an outcome too', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    const start = await stage.lastSeq();
    const problem = assertProblem(await helpdesk.password('contoso', DEVICES.withoutLaps), 'no_password');
    const records = await stage.records(start);
    assert.deepEqual(records.map((r) => [r.stage, r.outcome, r.id]), [['intent', 'pending', problem.id], ['outcome', 'failed', problem.id]]);
    assert.equal(records[1].code, 'no_password');
  });

  test('a search is recorded with its text', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    const start = await stage.lastSeq();
    assertOk(await helpdesk.get('api/v1/devices?search=LON-00'));
    const records = await stage.records(start);
    assert.ok(records.length >= 1);
    assert.ok(records.every((r) => r.event === 'search'));
    assert.ok(JSON.stringify(records).includes('LON-00'));
  });

  test('the history is an event of its own', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    const start = await stage.lastSeq();
    assertOk(await helpdesk.post(`api/v1/devices/contoso/${DEVICES.lon001}/history`, { reason: 'x' }));
    assert.deepEqual((await stage.records(start)).map((r) => [r.event, r.outcome]), [['history', 'pending'], ['history', 'granted']]);
  });

  test('awkward reasons survive, and the chain holds over them', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    for (const reason of ['"quoted" \\ back', "it's 100%", 'مكتب \u202e!', '\u{1f5a5} ü €', '</script>', '\u2028\u2029', '\ue000\uffff\u{10ffff}']) {
      assertOk(await helpdesk.password('contoso', DEVICES.lon001, { reason }));
      assert.equal((await stage.records()).at(-1).reason, reason);
    }
    assert.deepEqual(chainProblems(await stage.records()), []);
  });

  test('no terminal obeys what a refused reason holds, in a copy and in an export, and both verify', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    const reason = 'a\u009b2J\u0085\u007f\u202e\u2066z Zoë';
    assertProblem(await helpdesk.password('contoso', DEVICES.lon001, { reason }), 'reason_invalid');
    assert.equal((await stage.records()).at(-1).reason, reason);
    const exported = await audit(['export', stage.store]);
    const file = stage.httpd.write('logs/export.jsonl', exported.out);
    for (const text of [stage.httpd.read('logs/audit.log'), exported.out]) {
      assert.doesNotMatch(text, /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/);
      assert.match(text, /"reason":"a\\u009b2J\\u0085\\u007f\\u202e\\u2066z Zoë"/);
    }
    for (const name of [stage.httpd.path('logs/audit.log'), file]) {
      const verified = await audit(['verify', name]);
      assert.equal(verified.code, 0, verified.out + verified.err);
    }
  });

  test('the chain holds, in one sequence, under parallel requests', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    await Promise.all(Array.from({ length: 60 }, () => helpdesk.password('contoso', DEVICES.lon001).then(assertOk)));
    const records = await stage.records();
    assert.deepEqual(chainProblems(records), []);
    const granted = records.filter((r) => r.outcome === 'granted' && r.event === 'password');
    const intents = new Set(records.filter((r) => r.stage === 'intent').map((r) => r.id));
    assert.ok(granted.length >= 60 && granted.every((r) => intents.has(r.id)));
  });

  test('the copy in the file is the same trail', async () => {
    const records = await stage.records();
    const lines = stage.httpd.read('logs/audit.log').trim().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(lines.map(({ anchor, ...record }) => record).sort((a, b) => a.seq - b.seq), records);
  });

  test('the store is closed to others', async () => {
    for (const name of fs.readdirSync(stage.httpd.path('state'))) {
      assert.equal(fs.statSync(stage.httpd.path(`state/${name}`)).mode & 0o007, 0, name);
    }
    const [{ journal_mode: mode }] = await query(stage.store, 'PRAGMA journal_mode');
    assert.equal(mode, 'wal');
  });
});

describe('limits', () => {
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  before(async () => {
    stage = await startStage({ limits: 'AMLapsLimit user 20/day\nAMLapsLimit address 1000/day\nAMLapsLimit search 5/day' });
  });
  after(() => stage?.close([/amlaps:.*AML/]));

  test('are exact with 200 requests at once', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    assertOk(await helpdesk.get(`api/v1/devices/contoso/${DEVICES.lon001}`));
    const answers = await Promise.all(Array.from({ length: 200 }, () => helpdesk.password('contoso', DEVICES.lon001)));
    const granted = answers.filter((a) => a.status === 200);
    assert.equal(granted.length, 20);
    for (const answer of answers.filter((a) => a.status !== 200)) {
      assertProblem(answer, 'rate_limited');
      assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
      assert.ok(Number(answer.headers['retry-after']) <= 86400);
    }
    const records = await stage.records();
    assert.equal(records.filter((r) => r.outcome === 'granted' && r.event === 'password').length, 20);
    assert.equal(stage.passwordRequests().length, 20);
    assert.equal(records.filter((r) => r.code === 'rate_limited').length, 180);
    assert.deepEqual(chainProblems(records), []);
  });

  test('do not touch others', async () => {
    assertProblem(await (await stage.signIn('nobody')).password('contoso', DEVICES.lon001), 'not_authorized');
  });

  test('every attempt counts, refused ones too', async () => {
    const owner = await stage.signIn('owner');
    for (let i = 0; i < 20; i++) assertProblem(await owner.password('contoso', DEVICES.lon001), 'not_authorized');
    assertProblem(await owner.password('contoso', DEVICES.lon001), 'rate_limited');
  });

  test('searches have their own', async () => {
    const owner = await stage.signIn('auditor');
    for (let i = 0; i < 5; i++) assertOk(await owner.get('api/v1/devices?search=LON'));
    assertProblem(await owner.get('api/v1/devices?search=LON'), 'rate_limited');
  });

  test('outlive a restart', async () => {
    await stage.httpd.stop();
    await stage.httpd.start();
    const helpdesk = await stage.freshSignIn('helpdesk');
    assertProblem(await helpdesk.password('contoso', DEVICES.lon001), 'rate_limited');
  });
});

describe('without a store', () => {
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  before(async () => { stage = await startStage({ amlaps: 'AMLapsStoreTimeout 1' }); });
  after(() => stage?.close([/amlaps:.*AML/]));

  /** @param {() => Promise<void>} spoil @param {() => Promise<void>} mend */
  async function refusesWhile(spoil, mend) {
    const helpdesk = await stage.signIn('helpdesk');
    assertOk(await helpdesk.get(`api/v1/devices/contoso/${DEVICES.lon001}`));
    const asked = stage.passwordRequests().length;
    await spoil();
    try {
      for (let i = 0; i < 3; i++) {
        const began = Date.now();
        const answer = await helpdesk.password('contoso', DEVICES.lon001, { reason: 'x' });
        assertProblem(answer, 'audit_unavailable');
        assert.ok(!answer.text.includes(stage.passwords('LON-001')[0]));
        assert.ok(Date.now() - began < 4000, 'within its deadline');
      }
    } finally {
      await mend();
    }
    assert.equal(stage.passwordRequests().length, asked, 'Graph was not asked for the password');
  }

  test('a writer of somebody else that does not let go', async () => {
    /** @type {Awaited<ReturnType<typeof lockStore>>} */
    let lock;
    await refusesWhile(async () => { lock = await lockStore(stage.store); }, async () => { await lock.release(); });
    const helpdesk = await stage.signIn('helpdesk');
    await waitFor('the store to be taken again', async () => (await helpdesk.password('contoso', DEVICES.lon001)).status === 200);
    assert.deepEqual(chainProblems(await stage.records()), []);
  });

  test('a folder that is closed is not said to have lost it, and once open is used again', async () => {
    const from = stage.httpd.errorLog().length;
    const folder = (/** @type {number} */ mode) => async () => fs.chmodSync(stage.httpd.path('state'), mode);
    await refusesWhile(folder(0o000), folder(0o750));
    const helpdesk = await stage.signIn('helpdesk');
    await waitFor('the store to be taken again', async () => (await helpdesk.password('contoso', DEVICES.lon001)).status === 200);
    const log = stage.httpd.errorLog().slice(from);
    assert.match(log, /AML0201: .*amlaps\.db of the store cannot be looked at; let the user of httpd's children into its folder/);
    assert.doesNotMatch(log, /is gone/);
  });
});

describe('a full disk', () => {
  test('refuses, and asks Graph for nothing', async (t) => {
    const disk = smallDisk(2);
    if (!disk) return t.skip('no file system can be mounted here');
    /** @type {import('../lib/stage.mjs').Stage | undefined} */
    let stage;
    try {
      stage = await startStage({
        store: `AMLapsStore sqlite3:${disk.path}/amlaps.db`, mpmSettings: 'StartServers 1\nServerLimit 1\nThreadsPerChild 25\nMaxRequestWorkers 25',
        server: '<Location "/health">\nRequire all granted\nSetHandler amlaps-health\n</Location>',
      });
      const { origin } = stage;
      const store = async () => {
        const answer = await new Jar().request(`${origin}/health`);
        return [answer.status, answer.json().checks.store];
      };
      assert.deepEqual(await store(), [200, { status: 'ok' }]);
      const helpdesk = await stage.signIn('helpdesk');
      assertOk(await helpdesk.password('contoso', DEVICES.lon001));
      disk.fill();
      const reason = 'x'.repeat(4000);
      /** @type {import('../lib/jar.mjs').Answer | undefined} */
      let refused;
      for (let i = 0; i < 100 && !refused; i++) {
        const answer = await helpdesk.password('contoso', DEVICES.lon001, { reason });
        if (answer.status !== 200) refused = answer;
      }
      assert.ok(refused, 'the disk never filled');
      assertProblem(refused, 'audit_unavailable');
      const asked = stage.passwordRequests().length;
      assertProblem(await helpdesk.password('contoso', DEVICES.lon001, { reason }), 'audit_unavailable');
      assert.equal(stage.passwordRequests().length, asked);
      assert.deepEqual(await store(), [503, { status: 'failed', code: 'audit_unavailable' }]);
      disk.drain();
      await waitFor('health to see room without anybody asking for a password', async () => (await store())[0] === 200, { timeout: 25000 });
    } finally {
      try {
        await stage?.close([/amlaps:.*AML/]);
      } finally {
        disk.release();
      }
    }
  });
});
