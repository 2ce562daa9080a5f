// @ts-check
/** A sealed audit with real httpd: from init to recovery, and what must be refused on the way. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { DEVICES } from '../entra/world.mjs';
import { AUDIT, audit } from '../lib/audit-tool.mjs';
import { assertOk, assertProblem } from '../lib/expect.mjs';
import { FaultyDisk } from '../lib/faulty-disk.mjs';
import { Jar } from '../lib/jar.mjs';
import { recovers, refusesInTime } from '../lib/refusals.mjs';
import { startStage } from '../lib/stage.mjs';
import { chainProblems, query } from '../lib/store.mjs';
import { waitFor } from '../lib/wait.mjs';

const TROUBLE = [/amlaps:.*AML02[0-4]\d/, /AH00052: child pid \d+ exit signal Killed/];
const COPY = 'AMLapsAuditLog {root}/state/copy.jsonl required\nAMLapsStoreTimeout 2';
const HEALTH = '<Location "/health">\nRequire all granted\nSetHandler amlaps-health\n</Location>';

/** A stage whose audit is sealed: httpd makes the store, the tool the state. */
class Sealed {
  /** @param {import('../lib/stage.mjs').StageOptions} [options] */
  static async start(options = {}) {
    const stage = await startStage({ amlaps: COPY, server: HEALTH, sessionCache: 'file', ...options });
    const sealed = new Sealed(stage);
    await stage.httpd.stop();
    await sealed.key(['init', sealed.state, stage.store]);
    sealed.use(`AMLapsAuditSeal ${sealed.state}`);
    await stage.httpd.start();
    return sealed;
  }

  /** @param {import('../lib/stage.mjs').Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.lines = String(stage.httpd.options.amlaps);
    this.state = stage.httpd.path('state/amlaps.seal');
    this.copy = stage.httpd.path('state/copy.jsonl');
    this.keys = '';
  }

  /** Runs what prints a key, and keeps it. @param {string[]} words */
  async key(words) {
    const { code, out, err } = await audit(words);
    assert.equal(code, 0, err);
    assert.match(out, /^amlaps-key:\d+:[0-9a-f]{64}\n$/);
    assert.ok(!err.includes(out.trim()), 'the key is on standard output alone');
    this.keys += out;
    return err;
  }

  /** @param {string} lines besides those of the stage */
  use(lines) {
    this.stage.httpd.configure({ amlaps: `${this.lines}\n${lines}` });
  }

  async reveal() {
    const helpdesk = await this.stage.signIn('helpdesk');
    return helpdesk.password('contoso', DEVICES.lon001);
  }

  /** @param {string[]} [more] */
  verify(more = ['--state', this.state, '--anchor', this.copy]) {
    return audit(['verify', this.stage.store, '--key', '-', ...more], this.keys);
  }

  async expectGood() {
    const { code, out, err } = await this.verify();
    assert.equal(code, 0, out + err);
    assert.deepEqual(chainProblems(await this.stage.records()), []);
  }

  /** @param {number} seq @param {RegExp} [why] */
  async expectBad(seq, why = /./) {
    const { code, out } = await this.verify();
    assert.equal(code, 1, out);
    assert.match(out, new RegExp(`^BAD record ${seq}: `));
    assert.match(out, why);
  }

  /** @returns {Promise<[number, string]>} the status, and how the seal stands */
  async health() {
    const answer = await new Jar().request(`${this.stage.origin}/health`);
    return [answer.status, answer.json().checks.seal.status];
  }
}

describe('a sealed audit', () => {
  /** @type {Sealed} */
  let sealed;
  before(async () => { sealed = await Sealed.start({ servers: 4, amlaps: `${COPY}\nAMLapsAuditor user auditor@contoso.com` }); });
  after(() => sealed?.stage.close(TROUBLE));

  test('begins with a record that tells so, and serves', async () => {
    assertOk(await sealed.reveal());
    const first = (await sealed.stage.records()).find((record) => record.event === 'audit');
    assert.deepEqual([first.code, first.seal], ['sealed', { first: first.seq }]);
    assert.match(sealed.keys, new RegExp(`^amlaps-key:${first.seq}:`));
    const { mode, uid } = fs.statSync(sealed.state);
    assert.equal(mode & 0o777, 0o600);
    assert.equal(uid, fs.statSync(sealed.stage.store).uid);
    assert.deepEqual(await sealed.health(), [200, 'ok']);
    await sealed.expectGood();
  });

  test('gives its copies anchors, which the hash does not cover', async () => {
    const lines = fs.readFileSync(sealed.copy, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
    const rows = await query(sealed.stage.store, 'SELECT seq, anchor FROM record ORDER BY seq');
    const anchors = new Map(rows.map((row) => [row.seq, row.anchor]));
    assert.ok(lines.filter((line) => line.anchor).length >= 2);
    for (const line of lines) assert.equal(line.anchor ?? null, anchors.get(line.seq));
  });

  test('gives an export by the API its anchors too, so that it verifies', async () => {
    const auditor = await sealed.stage.signIn('auditor');
    const exported = await auditor.get('api/v1/audit/export');
    assert.equal(exported.status, 200);
    const file = sealed.stage.httpd.write('state/api.jsonl', exported.text);
    const { code, out } = await audit(['verify', file, '--key', '-', '--anchor', sealed.copy], sealed.keys);
    assert.equal(code, 0, out);
    assert.equal((await sealed.verify(['--anchor', file])).code, 0, 'it is a copy to compare with, as any other');
  });

  test('is one chain from all children, over graceful restarts and kills', async () => {
    const { httpd } = sealed.stage;
    const helpdesk = await sealed.stage.signIn('helpdesk');
    let over = false;
    let granted = 0;
    const load = Array.from({ length: 8 }, async () => {
      while (!over) {
        // a killed child answers nothing
        const answer = await helpdesk.password('contoso', DEVICES.lon001).catch(() => undefined);
        granted += answer?.status === 200 ? 1 : 0;
        if (answer?.status !== 200) await helpdesk.get('').catch(() => undefined);
      }
    });
    for (let i = 0; i < 5; i++) {
      await waitFor('some answers', () => granted > 10 * i, { timeout: 20000 });
      for (const pid of httpd.children().slice(0, 2)) process.kill(pid, 'SIGKILL');
    }
    await httpd.graceful();
    await waitFor('answers after the restart', () => granted > 60, { timeout: 20000 });
    over = true;
    await Promise.all(load);
    await sealed.expectGood();
    assertOk(await sealed.reveal());
  });

  test('goes on while its beginning is exported, and both parts verify', async () => {
    const helpdesk = await sealed.stage.signIn('helpdesk');
    const before = new Date().toISOString();
    for (let i = 0; i < 5; i++) assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    const { code, out, err } = await audit(['export', sealed.stage.store, '--before', before, '--state', sealed.state]);
    assert.equal(code, 0, err);
    const file = sealed.stage.httpd.write('state/export.jsonl', out);
    const exported = out.trim().split('\n').map((line) => JSON.parse(line));
    assert.ok(exported.every((record) => record.time < before));
    assertOk(await sealed.reveal());
    assert.equal((await sealed.stage.records())[0].seq, exported.length + 1);
    assert.equal((await audit(['verify', file, '--key', '-'], sealed.keys)).code, 0);
    const rest = await sealed.verify();
    assert.equal(rest.code, 0, rest.out);
    assert.match(rest.out, new RegExp(`records up to ${exported.length} were exported`));
  });

  test('is not unsealed by taking the directive away', async () => {
    sealed.use('');
    await sealed.stage.httpd.renew();
    await refusesInTime(sealed.stage, 2);
    assert.match(sealed.stage.httpd.errorLog(), /AML0233/);
    sealed.use(`AMLapsAuditSeal ${sealed.state}`);
    await sealed.stage.httpd.renew();
    assertOk(await sealed.reveal());
  });

  test('refuses without its state, and after a recovery tells of it', async () => {
    const last = await sealed.stage.lastSeq();
    fs.rmSync(sealed.state);
    await refusesInTime(sealed.stage, 2);
    await waitFor('health to be red', async () => (await sealed.health())[0] === 503, { timeout: 15000 });
    assert.deepEqual(await sealed.health(), [503, 'failed']);
    const { ok, output } = await sealed.stage.httpd.configtest();
    assert.ok(!ok);
    assert.match(output, /AMLapsAuditSeal: there is no sealing state .*amlaps-audit recover/);
    await sealed.key(['recover', sealed.state, sealed.stage.store]);
    await recovers(sealed.stage);
    const told = (await sealed.stage.records()).find((record) => record.code === 'recovered');
    assert.deepEqual([told.seq, told.event, told.seal], [last + 1, 'audit', { first: last + 1 }]);
    assert.equal((await sealed.verify()).code, 0);
    // the old key alone does not know the new one
    sealed.keys = sealed.keys.split('\n').slice(0, 1).join('\n');
    await sealed.expectBad(last + 1, /new key/);
  });
});

describe('an old copy of a sealed audit', () => {
  /** @type {Sealed} */
  let sealed;
  before(async () => { sealed = await Sealed.start(); });
  after(() => sealed?.stage.close(TROUBLE));

  /** @param {string[]} names @returns {() => void} puts them back */
  function snapshot(names) {
    const files = names.map((name) => sealed.stage.httpd.path(`state/${name}`));
    const contents = files.map((file) => fs.readFileSync(file));
    return () => files.forEach((file, i) => fs.writeFileSync(file, contents[i]));
  }

  test('is refused as long as store or state are not both old, and the anchors find it where they are', async () => {
    const { httpd } = sealed.stage;
    const store = ['amlaps.db', 'amlaps.db-wal', 'amlaps.db-shm'];
    assertOk(await sealed.reveal());
    const last = await sealed.stage.lastSeq();
    await httpd.stop();
    const oldStore = snapshot(store);
    const oldState = snapshot(['amlaps.seal']);
    await httpd.start();
    for (let i = 0; i < 3; i++) assertOk(await sealed.reveal());
    await httpd.stop();
    const newState = snapshot(['amlaps.seal']);
    const newStore = snapshot(store);
    oldState();
    await httpd.start();
    await refusesInTime(sealed.stage, 1);
    await httpd.stop();
    newState();
    oldStore();
    await httpd.start();
    await refusesInTime(sealed.stage, 1);
    assert.match(httpd.errorLog(), /AML0232.*one of them was replaced or changed/);
    await sealed.expectBad(last + 1, /missing/);
    await httpd.stop();
    oldState();
    const { code, out } = await sealed.verify(['--state', sealed.state]);
    assert.equal(code, 0, `without an anchor nobody can know: ${out}`);
    await sealed.expectBad(last + 1, /missing: the anchor file has it/);
    newState();
    newStore();
    await httpd.start();
    assertOk(await sealed.reveal());
    await sealed.expectGood();
  });
});

describe('the disk under the sealing state', () => {
  const disk = new FaultyDisk();
  /** @type {Sealed} */
  let sealed;
  before(async () => {
    sealed = await Sealed.start({ env: disk.environment('amlaps.seal') });
    assertOk(await sealed.reveal());
  });
  after(async () => {
    disk.works();
    try {
      await sealed?.stage.close(TROUBLE);
    } finally {
      disk.discard();
    }
  });
  afterEach(() => disk.works());

  for (const fault of /** @type {const} */ (['ENOSPC', 'EROFS', 'short'])) {
    test(`whose writes end with ${fault} refuses, and the state follows the store when it takes them`, async () => {
      const asked = sealed.stage.passwordRequests().length;
      disk.fails(fault);
      await refusesInTime(sealed.stage, 2);
      assert.equal(sealed.stage.passwordRequests().length, asked);
      disk.works();
      await recovers(sealed.stage);
      await sealed.expectGood();
    });
  }

  test('whose sync failed once is not trusted until httpd is restarted', async () => {
    disk.fails('sync');
    await refusesInTime(sealed.stage, 1);
    disk.works();
    await refusesInTime(sealed.stage, 3);
    assert.match(sealed.stage.httpd.errorLog(), /AML0236/);
    await sealed.stage.httpd.stop();
    await sealed.stage.httpd.start();
    await recovers(sealed.stage);
    await sealed.expectGood();
  });
});

describe('two servers with one sealed audit', () => {
  test('take turns where they share the state, and the one without it is refused', async () => {
    const sealed = await Sealed.start();
    /** @type {import('../lib/stage.mjs').Stage | undefined} */
    let other;
    try {
      other = await startStage({
        store: `AMLapsStore sqlite3:${sealed.stage.store}`, amlaps: `AMLapsAuditSeal ${sealed.state}\nAMLapsStoreTimeout 5`, sessionCache: 'file',
      });
      const people = [await sealed.stage.signIn('helpdesk'), await other.signIn('helpdesk')];
      const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => people[i % 2].password('contoso', DEVICES.lon001)));
      answers.forEach(assertOk);
      assert.equal((await sealed.verify(['--state', sealed.state])).code, 0);
      const mine = sealed.stage.httpd.path('state/amlaps.seal.other');
      fs.copyFileSync(sealed.state, mine);
      fs.chownSync(mine, fs.statSync(sealed.state).uid, fs.statSync(sealed.state).gid);
      fs.chmodSync(mine, 0o600);
      for (let i = 0; i < 2; i++) assertOk(await sealed.reveal());
      other.httpd.configure({ amlaps: String(other.httpd.options.amlaps).replace(sealed.state, mine) });
      await other.httpd.renew();
      assertProblem(await people[1].password('contoso', DEVICES.lon001), 'audit_unavailable');
      assert.match(other.httpd.errorLog(), /AML0232/);
      assertOk(await sealed.reveal());
    } finally {
      await other?.close(TROUBLE);
      await sealed.stage.close(TROUBLE);
    }
  });
});

describe('amlaps-audit init that fails', () => {
  /** @type {string} */
  let root;
  const at = (/** @type {string[]} */ ...names) => path.join(root, ...names);
  const everything = () => fs.readdirSync(root, { recursive: true }).map(String).sort();
  before(() => { root = fs.mkdtempSync(path.join(os.tmpdir(), 'amlaps-init-')); });
  afterEach(() => { for (const name of fs.readdirSync(root)) fs.rmSync(at(name), { recursive: true }); });
  after(() => fs.rmSync(root, { recursive: true }));

  /** @param {string} state @param {string} store @param {RegExp} why */
  async function fails(state, store, why) {
    const before = everything();
    const { code, out, err } = await audit(['init', at(state), at(store)]);
    assert.deepEqual([code, out], [3, '']);
    assert.match(err, why);
    assert.deepEqual(everything(), before);
  }

  test('leaves no store where there was none', async () => {
    await fails('missing/amlaps.seal', 'amlaps.db', /AML0230: .*cannot be made/);
    fs.writeFileSync(at('taken'), '');
    await fails('taken', 'amlaps.db', /AML0230: .*exists already/);
  });

  test('leaves no folder that it made for the store, and each that was there', async () => {
    await fails('missing/amlaps.seal', 'new/amlaps.db', /AML0230: /);
    fs.mkdirSync(at('mine'));
    await fails('missing/amlaps.seal', 'mine/amlaps.db', /AML0230: /);
  });

  test('leaves neither store nor state whose key nobody has seen', async () => {
    const full = fs.openSync('/dev/full', 'w');
    try {
      const { status, stderr } = spawnSync(AUDIT, ['init', at('new/amlaps.seal'), at('new/amlaps.db')], { stdio: ['ignore', full, 'pipe'], encoding: 'utf8' });
      assert.equal(status, 3, stderr);
      assert.match(stderr, /AML0238: /);
    } finally {
      fs.closeSync(full);
    }
    assert.deepEqual(everything(), []);
  });

  test('leaves a store that was there, with and without records', async () => {
    assert.equal((await audit(['init', at('amlaps.seal'), at('amlaps.db')])).code, 0);
    await fails('other.seal', 'amlaps.db', /AML0239: .*sealed already/);
    assert.equal((await query(at('amlaps.db'), 'SELECT count(*) AS n FROM record'))[0].n, 1);
    execFileSync('sqlite3', [at('amlaps.db'), 'DELETE FROM record']);
    // The sqlite3 command has removed -wal and -shm; the tool makes them anew, as of any store.
    fs.writeFileSync(at('amlaps.db-wal'), '');
    fs.writeFileSync(at('amlaps.db-shm'), '');
    const { ino } = fs.statSync(at('amlaps.db'));
    await fails('missing/amlaps.seal', 'amlaps.db', /AML0230: /);
    assert.equal(fs.statSync(at('amlaps.db')).ino, ino);
  });
});
