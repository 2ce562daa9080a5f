// @ts-check
/** What the disk under the store can do: freeze, fail, fill up, be read-only, lose files. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import { DEVICES } from '../entra/world.mjs';
import { audit } from '../lib/audit-tool.mjs';
import { freezableDisk } from '../lib/disk.mjs';
import { assertOk, assertProblem } from '../lib/expect.mjs';
import { FaultyDisk } from '../lib/faulty-disk.mjs';
import { Jar } from '../lib/jar.mjs';
import { recovers, refusesInTime } from '../lib/refusals.mjs';
import { startStage } from '../lib/stage.mjs';
import { chainProblems } from '../lib/store.mjs';
import { waitFor } from '../lib/wait.mjs';

const TROUBLE = [/amlaps:.*AML0[12]\d\d/];
const HEALTH = '<Location "/health">\nRequire all granted\nSetHandler amlaps-health\n</Location>';

/** @param {import('../lib/stage.mjs').Stage} stage */
const health = async (stage) => (await new Jar().request(`${stage.origin}/health`)).status;

describe('a disk', () => {
  /** Seconds; who waits for the disk waits for as long. */
  const TIMEOUT = 2;
  const disk = new FaultyDisk();
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  before(async () => {
    stage = await startStage({ env: disk.environment('amlaps.db'), amlaps: `AMLapsStoreTimeout ${TIMEOUT}`, server: HEALTH, sessionCache: 'file' });
    const helpdesk = await stage.signIn('helpdesk');
    assertOk(await helpdesk.password('contoso', DEVICES.lon001));
  });
  after(async () => {
    disk.works();
    try {
      await stage?.close(TROUBLE);
    } finally {
      disk.discard();
    }
  });
  afterEach(async () => {
    disk.works();
    assert.deepEqual(chainProblems(await stage.records()), []);
  });

  test('that freezes refuses all of fifty at once in time; the page and other addresses go on, and so does all when it thaws', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    const asked = stage.passwordRequests().length;
    disk.fails('freeze');
    const began = Date.now();
    const waiting = Promise.all(Array.from({ length: 50 }, () => helpdesk.password('contoso', DEVICES.lon001)));
    while (Date.now() - began < 800) {
      const then = Date.now();
      assert.equal((await new Jar().request(`${stage.origin}/index.html`)).status, 200);
      assert.equal((await helpdesk.get('')).status, 200);
      assert.ok(Date.now() - then < TIMEOUT * 1000, `other addresses took ${Date.now() - then} ms`);
    }
    for (const answer of await waiting) assertProblem(answer, 'audit_unavailable');
    assert.ok(Date.now() - began < TIMEOUT * 1000 + 4000, `the last was refused after ${Date.now() - began} ms`);
    await refusesInTime(stage);
    await waitFor('health to be red', async () => await health(stage) === 503, { timeout: 15000 });
    disk.works();
    const thawed = Date.now();
    await recovers(stage);
    assert.ok(Date.now() - thawed < 3000, `served again after ${Date.now() - thawed} ms`);
    assert.equal(stage.passwordRequests().length - asked, (await stage.records()).filter((r) => r.event === 'password' && r.outcome === 'granted').length - 1,
      'Graph was asked for what was granted alone');
  });

  for (const fault of /** @type {const} */ (['EROFS', 'ENOSPC', 'EFBIG', 'short'])) {
    test(`whose writes end with ${fault} refuses, and is used again when it takes them`, async () => {
      disk.fails(fault);
      await refusesInTime(stage);
      disk.works();
      await recovers(stage);
    });
  }

  test('whose sync failed once is not trusted again, not after a reload either, until httpd is stopped and started', async () => {
    disk.fails('sync');
    await refusesInTime(stage, 1);
    disk.works();
    await refusesInTime(stage, 5);
    assert.match(stage.httpd.errorLog(), /AML0205/);
    await waitFor('health to be red', async () => await health(stage) === 503, { timeout: 15000 });
    await stage.httpd.replaceChildren();
    await refusesInTime(stage, 2);
    await waitFor('health to be red', async () => await health(stage) === 503, { timeout: 15000 });
    await stage.httpd.stop();
    await stage.httpd.start();
    await recovers(stage);
  });

  test('from which the store is taken away refuses until it is put back', async () => {
    await stage.httpd.stop();
    await stage.httpd.start();
    await recovers(stage);
    fs.renameSync(stage.store, `${stage.store}.away`);
    await refusesInTime(stage);
    assert.match(stage.httpd.errorLog(), /AML0206.*is gone/);
    await stage.httpd.replaceChildren();
    await refusesInTime(stage);
    assert.ok(!fs.existsSync(stage.store), 'a reload makes no new one');
    fs.renameSync(`${stage.store}.away`, stage.store);
    await recovers(stage);
  });
});

test('under an optional copy that freezes holds up nobody, and the copy has all records after it thaws', async () => {
  const disk = new FaultyDisk();
  /** @type {import('../lib/stage.mjs').Stage | undefined} */
  let stage;
  try {
    stage = await startStage({
      env: disk.environment('optional.log'), amlaps: 'AMLapsStoreTimeout 2\nAMLapsAuditLog {root}/state/optional.log',
      mpmSettings: 'StartServers 4\nServerLimit 4\nThreadsPerChild 25\nMaxRequestWorkers 100\nMinSpareThreads 25\nMaxSpareThreads 100',
    });
    const copy = stage.httpd.path('state/optional.log');
    const copied = () => fs.readFileSync(copy, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line).seq);
    const helpdesk = await stage.signIn('helpdesk');
    assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    assert.equal(copied().length, (await stage.records()).length, 'the copy is written before the answer');
    disk.fails('freeze');
    const began = Date.now();
    for (let i = 0; i < 4; i++) {
      const answers = await Promise.all(Array.from({ length: 25 }, () => helpdesk.password('contoso', DEVICES.lon001)));
      answers.forEach(assertOk);
    }
    assert.ok(Date.now() - began < 15000, `a hundred passwords took ${Date.now() - began} ms`);
    assert.match(stage.httpd.errorLog(), /AML0209.*optional\.log gives no answer; is its disk frozen/);
    disk.works();
    await waitFor('the copy to have all', async () => copied().length === (await stage?.records())?.length, { timeout: 15000 });
    assert.deepEqual(copied(), copied().map((_, i) => i + 1), 'each once, in order');
  } finally {
    disk.works();
    await stage?.close(TROUBLE);
    disk.discard();
  }
});

test('a frozen or read-only file system refuses in time, and everything else goes on, over a reload too', async (t) => {
  const disk = freezableDisk();
  if (!disk) return t.skip('no file system can be mounted here; the preloaded one stands for it');
  /** @type {import('../lib/stage.mjs').Stage | undefined} */
  let stage;
  try {
    stage = await startStage({
      store: `AMLapsStore sqlite3:${disk.path}/store/amlaps.db`, sessionCache: 'file',
      amlaps: `AMLapsStoreTimeout 1\nAMLapsAuditLog ${disk.path}/copy.log required`,
    });
    stage.store = `${disk.path}/store/amlaps.db`;
    const helpdesk = await stage.signIn('helpdesk');
    assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    disk.freeze();
    try {
      await refusesInTime(stage);
      const { httpd } = stage;
      const old = httpd.children();
      await httpd.reload();
      // httpd itself takes up to a second for it, in which nobody is served
      await waitFor('new children', () => httpd.children().some((pid) => !old.includes(pid)));
      await refusesInTime(stage);
    } finally {
      disk.thaw();
    }
    await recovers(stage);
    disk.lock();
    try {
      await stage.httpd.replaceChildren();
      await refusesInTime(stage);
      assert.match(stage.httpd.errorLog(), /AML0110.*httpd goes on/);
    } finally {
      disk.unlock();
    }
    await stage.httpd.replaceChildren();
    await recovers(stage);
    assert.deepEqual(chainProblems(await stage.records()), []);
  } finally {
    try {
      await stage?.close(TROUBLE);
    } finally {
      disk.release();
    }
  }
});

test('two servers on one file write one chain, and their limits are exact in sum', async () => {
  const options = { limits: 'AMLapsLimit user 30/day\nAMLapsLimit address 10000/day\nAMLapsLimit search 100/day', amlaps: 'AMLapsStoreTimeout 5' };
  const first = await startStage(options);
  /** @type {import('../lib/stage.mjs').Stage | undefined} */
  let second;
  try {
    second = await startStage({ ...options, store: `AMLapsStore sqlite3:${first.store}` });
    const sessions = [await first.signIn('helpdesk'), await second.signIn('helpdesk')];
    const answers = (await Promise.all(sessions.map((session) =>
      Promise.all(Array.from({ length: 60 }, () => session.password('contoso', DEVICES.lon001)))))).flat();
    const codes = answers.map((answer) => (answer.status === 200 ? 'ok' : answer.json().code));
    // SQLite gives no turns to two servers: one may wait for longer than its deadline, and then refuses
    assert.deepEqual([...new Set(codes)].filter((code) => !['ok', 'rate_limited', 'audit_unavailable'].includes(code)), []);
    assert.ok(codes.filter((code) => code === 'ok').length <= 30, 'not one more than the limit');
    if (!codes.includes('audit_unavailable')) assert.equal(codes.filter((code) => code === 'ok').length, 30);
    const records = await first.records();
    assert.deepEqual(chainProblems(records), []);
    assert.equal(records.filter((r) => r.stage === 'intent').length, first.passwordRequests().length + second.passwordRequests().length);
  } finally {
    await second?.close(TROUBLE);
    await first.close(TROUBLE);
  }
});

describe('a reload', () => {
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  const COPY = 'logs/copies/a.log', SEAL = 'state/amlaps.seal', STORE = 'state/amlaps.db', PROGRAM = 'bin/keep';
  const files = { 'logs/copies/x': '', [PROGRAM]: { content: '#!/bin/sh\nexec cat >/dev/null\n', mode: 0o755 } };
  before(async () => {
    stage = await startStage({ files, sessionCache: 'file', amlaps: `AMLapsAuditLog {root}/${COPY} required\nAMLapsAuditLog "|{root}/${PROGRAM}" required` });
    await stage.signIn('helpdesk');
    await stage.httpd.stop();
    assert.equal((await audit(['init', stage.httpd.path(SEAL), stage.store])).code, 0);
    stage.httpd.configure({ amlaps: `${stage.httpd.options.amlaps}\nAMLapsAuditSeal {root}/${SEAL}` });
    await stage.httpd.start();
    await recovers(stage);
  });
  after(() => stage?.close([...TROUBLE, /AH0010[46]: .*piped log program/, /AH00488: long lost child came home/]));

  const at = (/** @type {string} */ name) => stage.httpd.path(name);
  const open = (/** @type {string} */ name, /** @type {number} */ wide, /** @type {number} */ right) =>
    ({ spoil: () => fs.chmodSync(at(name), wide), mend: () => fs.chmodSync(at(name), right) });
  const away = (/** @type {string} */ name) =>
    ({ spoil: () => fs.renameSync(at(name), at(`${name}.away`)), mend: () => fs.renameSync(at(`${name}.away`), at(name)) });
  const link = (/** @type {string} */ name) => ({
    spoil: () => { away(name).spoil(); fs.symlinkSync(at(`${name}.away`), at(name)); },
    mend: () => { fs.unlinkSync(at(name)); away(name).mend(); },
  });
  for (const [what, { spoil, mend }] of /** @type {[string, ReturnType<typeof away>][]} */ ([
    ['a store that everybody may write to', open(STORE, 0o666, 0o640)], ['a link in place of the store', link(STORE)],
    ['a copy that everybody may write to', open(COPY, 0o666, 0o640)], ['a link in place of a copy', link(COPY)], ['no folder of a copy', away('logs/copies')],
    ['no program of a copy', away(PROGRAM)], ['no sealing state', away(SEAL)], ['a sealing state that is open to others', open(SEAL, 0o644, 0o600)],
  ])) {
    test(`that meets ${what} leaves httpd running, and nothing is shown`, async () => {
      spoil();
      try {
        await stage.httpd.replaceChildren();
        await refusesInTime(stage);
        assert.equal((await new Jar().request(`${stage.origin}/index.html`)).status, 200);
      } finally {
        mend();
      }
      await stage.httpd.replaceChildren();
      await recovers(stage);
    });
  }

  test('after which a copy is not open says where the reason stands', () => {
    assert.match(stage.httpd.errorLog(), /\] AML0208: the audit copy \S+a\.log cannot be written: it could not be opened when httpd was reloaded \(AML0110\)/);
    assert.doesNotMatch(stage.httpd.errorLog(), /Bad file descriptor/);
  });
});
