// @ts-check
/** The trail in PostgreSQL: one chain over several servers, and what becomes of requests while the database is away, slow or another. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { makeAuthority } from '../entra/certificate.mjs';
import { DEVICES } from '../entra/world.mjs';
import { assertOk, assertProblem, summary } from '../lib/expect.mjs';
import { Load, assertRecorded } from '../lib/load.mjs';
import { CHECKOUT } from '../lib/paths.mjs';
import { Postgres } from '../lib/postgres.mjs';
import { recovers, refusesInTime } from '../lib/refusals.mjs';
import { startStage } from '../lib/stage.mjs';
import { chainProblems } from '../lib/store.mjs';
import { waitFor } from '../lib/wait.mjs';

/** Lines of trouble that the tests make. */
const TROUBLE = [/amlaps:.*AML02\d\d/, /AH00020: Configuration Failed/];

/** amlaps-audit of this build. @param {string[]} args @returns {Promise<{ code: number, out: string, err: string }>} */
const audit = (args) => new Promise((resolve) => {
  execFile(path.join(CHECKOUT, 'build/amlaps-audit'), args, { maxBuffer: 1 << 28 },
    (error, out, err) => resolve({ code: Number(error?.code ?? 0), out, err }));
});

/** Whatever the error log says. @param {import('../lib/stage.mjs').Stage | undefined} stage @param {(Postgres | undefined)[]} servers */
async function end(stage, ...servers) {
  try {
    await stage?.close(TROUBLE);
  } finally {
    servers.forEach((server) => server?.discard());
  }
}

describe('a database', () => {
  /** @type {Postgres} */
  let database;
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  before(async () => {
    database = await Postgres.start();
    stage = await startStage({ store: database.directive(), amlaps: 'AMLapsStoreTimeout 1\nAMLapsAuditor user auditor@contoso.com', sessionCache: 'file' });
    const helpdesk = await stage.signIn('helpdesk');
    assertOk(await helpdesk.password('contoso', DEVICES.lon001));
  });
  after(async () => {
    await end(stage, database);
  });
  afterEach(async () => assert.deepEqual(chainProblems(await database.records()), []));

  test('holds the trail, in one chain under parallel requests', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    const answers = await Promise.all(Array.from({ length: 60 }, () => helpdesk.password('contoso', DEVICES.lon001).then(assertOk)));
    assertRecorded(await database.records(), new Set(answers.map((answer) => answer.id)));
  });

  test('is read by amlaps-audit', async () => {
    const records = await database.records();
    const verified = await audit(['verify', `pgsql:${database.conninfo()}`]);
    assert.equal(verified.code, 0, verified.err);
    assert.match(verified.out, new RegExp(`good: ${records.length} records.*${records.at(-1).hash}`));
    const exported = await audit(['export', `pgsql:${database.conninfo()}`]);
    assert.deepEqual(exported.out.trim().split('\n').map((line) => JSON.parse(line)), records);
    await database.sql("UPDATE amlaps.record SET body = replace(body, 'LON-001', 'LON-002') WHERE seq = 2");
    const bad = await audit(['verify', `pgsql:${database.conninfo()}`]);
    assert.equal(bad.code, 1);
    assert.match(bad.out, /BAD record 2/);
    await database.sql("UPDATE amlaps.record SET body = replace(body, 'LON-002', 'LON-001') WHERE seq = 2");
  });

  test('is read by auditors, page by page', async () => {
    const auditor = await stage.signIn('auditor');
    const records = (await database.records()).filter((r) => r.event === 'password').reverse();
    const got = [];
    let page = { cursor: '', records: [] };
    do {
      page = assertOk(await auditor.get(`api/v1/audit?event=password&limit=50${page.cursor ? `&cursor=${page.cursor}` : ''}`));
      got.push(...page.records);
    } while (page.cursor);
    assert.deepEqual(got, records);
    assert.equal(assertOk(await auditor.get('api/v1/audit/verify')).ok, true);
    const lines = (await auditor.get(`api/v1/audit/export?since=${records[1].time}`)).text.trim().split('\n').map((/** @type {string} */ line) => JSON.parse(line));
    assert.equal(lines[0].seq, (await database.records()).find((r) => r.time >= records[1].time).seq);
  });

  test('survives graceful restarts under load', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    const load = new Load(helpdesk, 6);
    for (let i = 0; i < 5; i++) {
      const before = load.answered.size;
      await stage.httpd.graceful();
      await waitFor('answers after the restart', () => load.answered.size >= before + 5);
    }
    await load.stop();
    assert.deepEqual(load.refused.map(summary).slice(0, 3), []);
    assertRecorded(await database.records(), load.answered);
  });

  test('that is lost in the middle of work refuses, and is used again when it is back', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    const load = new Load(helpdesk, 6);
    await waitFor('answers before the loss', () => load.answered.size >= 10);
    await database.crash();
    await waitFor('refusals', () => load.refused.length >= 3);
    await load.stop();
    for (const answer of load.refused) assertProblem(answer, 'audit_unavailable');
    await refusesInTime(stage);
    await database.boot();
    await recovers(stage);
    assertRecorded(await database.records(), load.answered);
  });

  test('that was restarted in between is connected to again without a refusal', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    await database.stop();
    await database.boot();
    for (let i = 0; i < 20; i++) assertOk(await helpdesk.password('contoso', DEVICES.lon001));
  });

  test('that hangs refuses within the deadline', async () => {
    database.freeze();
    try {
      await refusesInTime(stage);
    } finally {
      database.thaw();
    }
    await recovers(stage);
  });

  test('whose statements are slow refuses within the deadline', async () => {
    await database.sql(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(30); RETURN NEW; END';
      CREATE TRIGGER slow BEFORE INSERT ON amlaps.record FOR EACH ROW EXECUTE FUNCTION slow()`);
    try {
      await refusesInTime(stage);
    } finally {
      await waitFor('the server to give up the statements', async () => Number(await database.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mod_amlaps' AND state = 'active'")) === 0);
      await database.sql('DROP TRIGGER slow ON amlaps.record; DROP FUNCTION slow()');
    }
    await recovers(stage);
  });

  test('whose lock another holds refuses within the deadline', async () => {
    const holder = database.sql("SELECT pg_advisory_lock(x'414D4C50'::int, 'amlaps.record'::regclass::oid::int), pg_sleep(3600)").catch(() => '');
    await waitFor('the lock to be held', async () =>
      Number(await database.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")) > 0);
    await refusesInTime(stage);
    await database.sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted");
    await holder;
    await recovers(stage);
    assert.match(stage.httpd.errorLog(), /AML0253/);
  });

  test('that lost what it had confirmed is not gone on with', async () => {
    await recovers(stage);
    const kept = await database.sql('SELECT body FROM amlaps.record ORDER BY seq DESC LIMIT 4');
    assert.ok(kept);
    await database.sql('CREATE TABLE kept AS SELECT * FROM amlaps.record WHERE seq > (SELECT max(seq) FROM amlaps.record) - 4;'
      + ' DELETE FROM amlaps.record WHERE seq IN (SELECT seq FROM kept)');
    const helpdesk = await stage.signIn('helpdesk');
    await waitFor('the loss to be told', async () => {
      await helpdesk.password('contoso', DEVICES.lon001);
      return /AML0259/.test(stage.httpd.errorLog());
    });
    // by every child, and by those that a reload makes
    await stage.httpd.graceful();
    for (let i = 0; i < 10; i++) assertProblem(await helpdesk.password('contoso', DEVICES.lon001), 'audit_unavailable');
    await stage.httpd.stop();
    await database.sql('INSERT INTO amlaps.record SELECT * FROM kept; DROP TABLE kept');
    await stage.httpd.start();
    await recovers(stage);
  });

  test('that is not there at start does not keep httpd from starting', async () => {
    await stage.httpd.stop();
    await database.stop();
    await stage.httpd.start();
    assert.match(stage.httpd.errorLog(), /AML0250.*httpd starts, and answers audit_unavailable/);
    await refusesInTime(stage, 1);
    await database.boot();
    await database.sql('ALTER SCHEMA amlaps RENAME TO away');
    await recovers(stage);
    assert.equal((await database.records()).length > 0, true, 'a child made the schema');
    await stage.httpd.stop();
    await database.sql('DROP SCHEMA amlaps CASCADE; ALTER SCHEMA away RENAME TO amlaps');
    await stage.httpd.start();
    await recovers(stage);
  });

  test('of a newer module is refused at start', async () => {
    await stage.httpd.stop();
    await database.sql('UPDATE amlaps.version SET number = number + 1');
    await assert.rejects(stage.httpd.start(), /AML0258.*newer mod_amlaps/);
    const newer = await audit(['verify', `pgsql:${database.conninfo()}`]);
    assert.equal(newer.code, 3);
    assert.match(newer.err, /AML0258/);
    await database.sql('UPDATE amlaps.version SET number = number - 1');
    stage.httpd.process = undefined;
    await stage.httpd.start();
    await recovers(stage);
  });

  test('that would lose what it confirms is refused at start', async () => {
    await stage.httpd.stop();
    await database.stop();
    database.settings.fsync = 'off';
    await database.boot();
    await assert.rejects(stage.httpd.start(), /AML0257.*fsync=off/);
    stage.httpd.process = undefined;
    delete database.settings.fsync;
    await database.stop();
    await database.boot();
    await stage.httpd.start();
    await recovers(stage);
  });
});

describe('two servers on one database', () => {
  /** @type {Postgres} */
  let database;
  /** @type {import('../lib/stage.mjs').Stage[]} */
  let stages = [];
  before(async () => {
    database = await Postgres.start();
    const options = { store: database.directive(), limits: 'AMLapsLimit user 40/day\nAMLapsLimit address 10000/day\nAMLapsLimit search 100/day',
      amlaps: 'AMLapsStoreTimeout 5' };
    stages = [await startStage(options), await startStage(options)];
  });
  after(async () => {
    try {
      await stages[0]?.close();
    } finally {
      await end(stages[1], database);
    }
  });

  test('write one chain, and their limits are exact in sum', async () => {
    const sessions = await Promise.all(stages.map((stage) => stage.signIn('helpdesk')));
    const answers = (await Promise.all(sessions.map((session) =>
      Promise.all(Array.from({ length: 100 }, () => session.password('contoso', DEVICES.lon001)))))).flat();
    const granted = answers.filter((answer) => answer.status === 200);
    for (const answer of answers) if (answer.status !== 200) assertProblem(answer, 'rate_limited');
    assert.equal(granted.length, 40);
    assert.equal(stages[0].passwordRequests().length + stages[1].passwordRequests().length, 40);
    const records = await database.records();
    assert.deepEqual(chainProblems(records), []);
    assert.equal(records.filter((r) => r.code === 'rate_limited').length, 160);
    assertRecorded(records, new Set(granted.map((answer) => answer.json().id)));
  });
});

describe('a standby', () => {
  test('that commits wait for takes over without a lost record', async () => {
    const primary = await Postgres.start();
    /** @type {Postgres | undefined} */
    let standby;
    /** @type {import('../lib/stage.mjs').Stage | undefined} */
    let stage;
    try {
      standby = await primary.standby();
      stage = await startStage({ store: `AMLapsStore pgsql:host=127.0.0.1,127.0.0.1 port=${primary.port},${standby.port} dbname=amlaps user=amlaps` });
      const helpdesk = await stage.signIn('helpdesk');
      await primary.sql("ALTER DATABASE amlaps SET default_transaction_isolation = 'serializable'");
      await waitFor('the setting to arrive', async () => (await standby?.sql('SHOW default_transaction_isolation').catch(() => '')) === 'serializable');
      await waitFor('the standby to be read', async () => (await audit(['verify', `pgsql:host=127.0.0.1 port=${standby?.port} dbname=amlaps user=amlaps`])).code === 0);
      const load = new Load(helpdesk, 6);
      await waitFor('answers before the failover', () => load.answered.size >= 20);
      await primary.crash();
      await standby.promote();
      const before = load.answered.size;
      await waitFor('answers after the failover', () => load.answered.size >= before + 20, { timeout: 20000 });
      await load.stop();
      for (const answer of load.refused) assertProblem(answer, 'audit_unavailable');
      const records = await standby.records();
      assert.deepEqual(chainProblems(records), []);
      assertRecorded(records, load.answered);
    } finally {
      await end(stage, standby, primary);
    }
  });

  test('that is away holds back every commit, and no cancelled wait counts as one', async () => {
    const primary = await Postgres.start();
    /** @type {Postgres | undefined} */
    let standby;
    /** @type {import('../lib/stage.mjs').Stage | undefined} */
    let stage;
    try {
      standby = await primary.standby();
      stage = await startStage({ store: primary.directive(), amlaps: 'AMLapsStoreTimeout 5' });
      const helpdesk = await stage.signIn('helpdesk');
      assertOk(await helpdesk.password('contoso', DEVICES.lon001));
      const asked = stage.passwordRequests().length;
      await standby.stop();
      const pending = helpdesk.password('contoso', DEVICES.lon001);
      await waitFor('a commit to wait', async () => (await primary.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'", 'postgres')) === '1');
      await primary.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'", 'postgres');
      assertProblem(await pending, 'audit_unavailable');
      assert.match(stage.httpd.errorLog(), /AML0260/);
      assert.equal(stage.passwordRequests().length, asked);
      await standby.boot();
      await recovers(stage);
      assert.deepEqual(chainProblems(await primary.records()), []);
    } finally {
      await end(stage, standby, primary);
    }
  });
});

describe('a role', () => {
  const HBA = 'local all all trust\nhost all amlaps 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n';

  test('that may write but not change, with a password from a file', async () => {
    const database = await Postgres.start({ hba: HBA });
    /** @type {import('../lib/stage.mjs').Stage | undefined} */
    let stage;
    try {
      const guide = fs.readFileSync(path.join(CHECKOUT, 'docs/install.md'), 'utf8');
      const grants = /```sql\n(GRANT[\s\S]*?)```/.exec(guide);
      assert.ok(grants, 'docs/install.md lists the grants');
      const made = await startStage({ store: database.directive() });
      await made.close();
      await database.sql(`CREATE ROLE writer LOGIN PASSWORD 'AMLAPS-CANARY-writer'; ${grants[1].replaceAll('amlaps_writer', 'writer')}`);
      stage = await startStage({
        store: 'AMLapsStore pgsql:file:secret/store.conninfo',
        files: { 'secret/store.conninfo': { mode: 0o400,
          content: `host=127.0.0.1 port=${database.port}\ndbname=amlaps user=writer\npassword=AMLAPS-CANARY-writer\n` } },
      });
      const helpdesk = await stage.signIn('helpdesk');
      for (let i = 0; i < 3; i++) assertOk(await helpdesk.password('contoso', DEVICES.lon001));
      assertOk(await helpdesk.get('api/v1/devices?search=LON'));
      assert.deepEqual(chainProblems(await database.records()), []);
      for (const sql of ['UPDATE amlaps.record SET body = body', 'DELETE FROM amlaps.record', 'TRUNCATE amlaps.record', 'DROP TABLE amlaps.record']) {
        await assert.rejects(database.sql(`SET ROLE writer; ${sql}`), /permission denied|must be owner/, sql);
      }
      const verified = await audit(['verify', `pgsql:file:${stage.httpd.path('secret/store.conninfo')}`]);
      assert.equal(verified.code, 0, verified.err);
      assert.ok(!stage.httpd.errorLog().includes('AMLAPS-CANARY'));
      // a password that is wrong: nothing starts to be shown, and the message does not repeat it
      stage.httpd.write('secret/store.conninfo', `host=127.0.0.1 port=${database.port} dbname=amlaps user=writer password=AMLAPS-CANARY-wrong`, 0o400);
      await stage.httpd.stop();
      await stage.httpd.start();
      assertProblem(await (await stage.freshSignIn('helpdesk')).password('contoso', DEVICES.lon001), 'audit_unavailable');
      assert.match(stage.httpd.errorLog(), /AML0250.*password authentication failed/);
      assert.ok(!stage.httpd.errorLog().includes('AMLAPS-CANARY'));
    } finally {
      await end(stage, database);
    }
  });
});

test('a server that cannot prove who it is gets no record', async () => {
  const { ca, servers } = await makeAuthority({ good: {}, other: { names: ['DNS:db.example'] } });
  const tls = (/** @type {{ cert: string, key: string }} */ { cert, key }) => ({
    hba: 'local all all trust\nhostssl all all 127.0.0.1/32 trust\n',
    settings: { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key' },
    files: { 'server.crt': { content: cert, mode: 0o600 }, 'server.key': { content: key, mode: 0o600 } },
  });
  const good = await Postgres.start(tls(servers.good));
  const other = await Postgres.start(tls(servers.other));
  /** @type {import('../lib/stage.mjs').Stage | undefined} */
  let stage;
  try {
    const directive = (/** @type {Postgres} */ { port }) =>
      `AMLapsStore pgsql:host=localhost port=${port} dbname=amlaps user=amlaps sslmode=verify-full sslrootcert={root}/conf/ca.pem`;
    stage = await startStage({ store: directive(other), files: { 'conf/ca.pem': ca } });
    await refusesInTime(stage, 1);
    assert.match(stage.httpd.errorLog(), /AML0250.*server certificate for "db\.example".*does not match/);
    assert.equal(await other.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'amlaps'"), '0');
    stage.httpd.configure({ amlaps: String(stage.httpd.options.amlaps).replace(directive(other), directive(good)) });
    await stage.httpd.stop();
    await stage.httpd.start();
    assertOk(await (await stage.freshSignIn('helpdesk')).password('contoso', DEVICES.lon001));
    assert.equal(await good.sql("SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'mod_amlaps' AND NOT ssl"), '0');
    assert.deepEqual(chainProblems(await good.records()), []);
  } finally {
    await end(stage, good, other);
  }
});
