// @ts-check
/** AMLapsAuditLog: files, piped programs and syslog; what is required, what is missed, what comes after. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DEVICES } from '../entra/world.mjs';
import { assertOk, assertProblem, summary } from '../lib/expect.mjs';
import { Httpd } from '../lib/httpd.mjs';
import { Load } from '../lib/load.mjs';
import { startStage } from '../lib/stage.mjs';
import { chainProblems } from '../lib/store.mjs';
import { waitFor } from '../lib/wait.mjs';

const RECEIVER = path.join(path.dirname(fileURLToPath(import.meta.url)), '../lib/syslog.pl');
/** The pipe's program: keeps what it reads. */
const KEEP = { 'bin/keep': { content: '#!/bin/sh\nexec cat >>"$1"\n', mode: 0o755 } };
const TIMEOUT = 'AMLapsStoreTimeout 2';

/** @param {string} file @returns {any[]} */
function records(file) {
  if (!fs.existsSync(file)) return [];
  return fs.readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line.slice(line.indexOf('{'))));
}

/** A receiver for syslog that can be stopped and started. */
class Receiver {
  /** @param {string} socket @param {string} file */
  constructor(socket, file) {
    Object.assign(this, { socket, file });
    this.socket = socket;
    this.file = file;
    /** @type {import('node:child_process').ChildProcess | undefined} */
    this.process = undefined;
  }

  async start() {
    const child = spawn('perl', [RECEIVER, this.socket, this.file], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.process = child;
    await new Promise((resolve, reject) => {
      child.stdout.once('data', resolve);
      child.once('exit', (code) => reject(new Error(`the receiver ended with ${code}`)));
    });
  }

  async stop() {
    const child = this.process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }
}

/** The processes that the parent of httpd started and that run a command. @param {import('../lib/httpd.mjs').Httpd} httpd @param {string} word */
const programs = (httpd, word) => httpd.children().filter((pid) => {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`${word}\0`);
  } catch {
    return false;
  }
});

describe('required copies', () => {
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  /** @type {any} */
  let helpdesk;
  /** @type {Receiver} */
  let receiver;
  /** @type {string[]} */
  let copies;
  before(async () => {
    stage = await startStage({
      files: KEEP,
      amlaps: `${TIMEOUT}\nAMLapsAuditLog {root}/logs/audit.jsonl required\nAMLapsAuditLog "|{root}/bin/keep {root}/logs/piped.jsonl" required\n`
        + 'AMLapsAuditLog syslog:local3:{root}/run/log required',
    });
    copies = ['audit.jsonl', 'piped.jsonl', 'syslog.jsonl'].map((name) => stage.httpd.path(`logs/${name}`));
    receiver = new Receiver(stage.httpd.path('run/log'), copies[2]);
    await receiver.start();
    helpdesk = await stage.signIn('helpdesk');
    assertOk(await helpdesk.get(`api/v1/devices/contoso/${DEVICES.lon001}`));
  });
  after(async () => {
    await receiver?.stop();
    await stage?.close([/amlaps:.*AML/, /AH00106: piped log program/, /AH00488: long lost child came home/]);
  });

  const refused = async () => assertProblem(await helpdesk.password('contoso', DEVICES.lon001), 'audit_unavailable');
  const served = async () => assertOk(await helpdesk.password('contoso', DEVICES.lon001));
  const complete = () => waitFor('all copies to have all records', async () => {
    const stored = await stage.records();
    return copies.every((file) => records(file).length === stored.length);
  });
  const same = async () => {
    await complete();
    const stored = await stage.records();
    for (const file of copies) assert.deepEqual(records(file), stored, file);
    assert.deepEqual(chainProblems(stored), []);
  };

  test('each has each record, in the order of the chain', async () => {
    for (let i = 0; i < 5; i++) await Promise.all([served(), served(), helpdesk.get('api/v1/devices?search=LON-00').then(assertOk)]);
    await same();
    assert.match(fs.readFileSync(copies[2], 'utf8'), /^<157>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d amlaps\[\d+\]: \{"/);
  });

  test('a receiver of syslog that is down: nothing is shown; back again, it gets what it missed', async () => {
    await receiver.stop();
    const asked = stage.passwordRequests().length;
    await refused();
    await refused();
    assert.equal(stage.passwordRequests().length, asked, 'Graph was asked');
    assert.equal((await helpdesk.get('index.html')).status, 200);
    await receiver.start();
    await waitFor('the copy to be complete again', async () => records(copies[2]).length === (await stage.records()).length);
    await served();
    await same();
  });

  test('a receiver that hangs: refused within the deadline', async () => {
    receiver.process?.kill('SIGSTOP');
    let answer;
    let took = 0;
    for (let i = 0; i < 300; i++) {
      const start = Date.now();
      answer = await helpdesk.get('api/v1/devices?search=LON-00');
      took = Date.now() - start;
      if (answer.status !== 200) break;
    }
    assertProblem(/** @type {any} */ (answer), 'audit_unavailable');
    assert.ok(took < 5000, `${took} ms`);
    receiver.process?.kill('SIGCONT');
    await waitFor('service', async () => (await helpdesk.get('api/v1/devices?search=LON-00')).status === 200);
    await same();
  });

  test('a program that hangs: refused within the deadline, other pages go on', async () => {
    const [program] = programs(stage.httpd, 'cat');
    process.kill(program, 'SIGSTOP');
    let answer;
    for (let i = 0; i < 1000; i++) {
      answer = await helpdesk.get('api/v1/devices?search=LON-00');
      if (answer.status !== 200) break;
    }
    assertProblem(/** @type {any} */ (answer), 'audit_unavailable');
    const start = Date.now();
    const both = await Promise.all([refused(), helpdesk.get('index.html'), refused()]);
    assert.equal(/** @type {any} */ (both[1]).status, 200);
    assert.ok(Date.now() - start < 5000, `${Date.now() - start} ms`);
    process.kill(program, 'SIGCONT');
    await waitFor('service', async () => (await helpdesk.get('api/v1/devices?search=LON-00')).status === 200);
    await same();
  });

  test('a program that dies is started again, and the copy goes on', async () => {
    await complete();
    const [program] = programs(stage.httpd, 'cat');
    process.kill(program, 'SIGKILL');
    await served();
    await waitFor('another program', () => programs(stage.httpd, 'cat').some((pid) => pid !== program));
    await served();
    await same();
  });

  test('copies go on over a graceful restart', async () => {
    await complete();
    await stage.httpd.graceful();
    helpdesk = await stage.freshSignIn('helpdesk');
    await served();
    await same();
  });
});

describe('a program over restarts', () => {
  const KEPT = 'AMLapsAuditLog "||{root}/bin/keep {root}/logs/piped.jsonl" required';
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  /** @param {number} [than] */
  const program = async (than) => {
    await waitFor('one program', () => programs(stage.httpd, 'cat').filter((pid) => pid !== than).length === 1);
    return programs(stage.httpd, 'cat').filter((pid) => pid !== than)[0];
  };
  const inCopy = () => records(stage.httpd.path('logs/piped.jsonl')).map(({ seq }) => seq);
  /** All that the store has is in the copy, once and in order. */
  const whole = async () => {
    const stored = (await stage.records()).map(({ seq }) => seq);
    await waitFor('the last record', () => inCopy().at(-1) === stored.at(-1)).catch(() => undefined);
    assert.deepEqual(inCopy(), stored);
  };

  before(async () => { stage = await startStage({ sessionCache: 'file', files: KEEP, amlaps: KEPT }); });
  // what httpd says of programs that die, and of those that end after a reload
  after(() => stage.close([/AH00106: piped log program .* failed unexpectedly/, /AH00488: long lost child came home/]));

  test('that are graceful gets each record, and nobody is refused meanwhile', async () => {
    const pid = await program();
    const load = new Load(await stage.signIn('helpdesk'), 8);
    for (let i = 0; i < 8; i++) {
      const answered = load.answered.size;
      await stage.httpd.graceful();
      await waitFor('answers after the restart', () => load.answered.size >= answered + 5);
    }
    await load.stop();
    assert.deepEqual(load.refused.map(summary), []);
    await whole();
    assert.equal(await program(), pid, 'it is another one');
  });

  test('is started again when it dies after one', async () => {
    const pid = await program();
    process.kill(pid, 'SIGKILL');
    await program(pid);
    assertOk(await (await stage.signIn('helpdesk')).password('contoso', DEVICES.lon001));
    await whole();
  });

  test('that are not graceful is another one, and goes on', async () => {
    const pid = await program();
    const starts = stage.httpd.starts();
    process.kill(stage.httpd.pid, 'SIGHUP');
    await waitFor('the restart', () => stage.httpd.starts() > starts);
    await stage.started();
    await program(pid);
    assertOk(await (await stage.signIn('helpdesk')).password('contoso', DEVICES.lon001));
    await whole();
  });

  test('ends when the configuration no longer has it', async () => {
    const { amlaps = '' } = stage.httpd.options;
    stage.httpd.configure({ amlaps: amlaps.replace(KEPT, '') });
    await stage.httpd.graceful();
    await waitFor('it to end', () => programs(stage.httpd, 'cat').length === 0);
    stage.httpd.configure({ amlaps });
    await stage.httpd.graceful();
    assertOk(await (await stage.signIn('helpdesk')).password('contoso', DEVICES.lon001));
    await whole();
  });

  test('ends with httpd', async () => {
    const pid = await program();
    await stage.httpd.stop();
    await waitFor('it to end', () => !fs.existsSync(`/proc/${pid}`));
    await whole();
  });
});

test('servers with one command have a program each, and keep it over reloads, also when another joins', async () => {
  const hosts = (/** @type {string[]} */ ...names) => names.map((name) => `<VirtualHost *:{port}>
    ServerName ${name}\nAMLapsStore sqlite3:{root}/state/${name}.db\nAMLapsAuditLog "|{root}/bin/each"\n</VirtualHost>\n`).join('');
  const stage = await startStage({
    files: { 'bin/each': { content: '#!/bin/sh\nexec cat >>"{root}/logs/of-$$"\n', mode: 0o755 } }, server: hosts('a.test', 'b.test'),
  });
  const { httpd } = stage;
  const copies = () => fs.readdirSync(httpd.path('logs')).filter((name) => name.startsWith('of-')).map((name) => records(httpd.path(`logs/${name}`)));
  /** Each start leaves a record in each store. @param {number} all */
  const have = (all) => waitFor('the starts in the copies', () => copies().flat().length === all);
  try {
    await have(2);
    await httpd.graceful();
    await have(4);
    httpd.configure({ server: hosts('a.test', 'b.test', 'c.test') });
    await httpd.graceful();
    await have(7);
    assert.deepEqual(copies().map(chainProblems), [[], [], []]);
  } finally {
    await stage.close([/AH00488: long lost child came home/]);
  }
});

test('a program that servers inherit from one without a tenant stays when another server joins', async () => {
  const hosts = (/** @type {string[]} */ ...names) => names.map((name) => `<VirtualHost *:{port}>\nServerName ${name}
    AMLapsStore sqlite3:{root}/state/${name}.db\n<AMLapsTenant contoso>\nAMLapsTenantId 8aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11
    AMLapsClientId 8aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c12\nAMLapsClientSecret file:{root}/secret/s\nAMLapsLoginURL http://127.0.0.1:9
    AMLapsGraphURL http://127.0.0.1:9\n</AMLapsTenant>\n</VirtualHost>\n`).join('');
  const httpd = await Httpd.start({ files: { ...KEEP, 'secret/s': { content: 'secret', mode: 0o400 } }, amlaps: 'AMLapsAuditLog "||{root}/bin/keep {root}/logs/copy"',
    server: hosts('a.test', 'b.test') });
  try {
    const [pid, ...more] = await waitFor('the program', () => programs(httpd, 'cat').length > 0 && programs(httpd, 'cat'));
    httpd.configure({ server: hosts('a.test', 'b.test', 'c.test') });
    await httpd.graceful();
    await waitFor('the start of the new server', () => fs.existsSync(httpd.path('state/c.test.db')) && records(httpd.path('logs/copy')).length === 5);
    assert.deepEqual([more, programs(httpd, 'cat')], [[], [pid]]);
  } finally {
    await httpd.stop();
    httpd.discard();
  }
});

describe('optional copies', () => {
  test('one that is down is told about, and nobody waits', async () => {
    const stage = await startStage({ files: KEEP, amlaps: 'AMLapsAuditLog syslog:user:{root}/run/log\nAMLapsAuditLog "||{root}/bin/keep {root}/logs/piped.jsonl"' });
    try {
      const helpdesk = await stage.signIn('helpdesk');
      for (let i = 0; i < 3; i++) assertOk(await helpdesk.password('contoso', DEVICES.lon001));
      assert.match(stage.httpd.errorLog(), /AML0209: the audit copy syslog:user:.* cannot be written: No such file or directory/);
      await waitFor('the program to have it all', async () => records(stage.httpd.path('logs/piped.jsonl')).length === (await stage.records()).length);
    } finally {
      await stage.close([/AML0209/]);
    }
  });
});

describe('files under attack', () => {
  /** @type {[string, (file: string) => void, RegExp][]} */
  const ATTACKS = [
    ['removed', (file) => fs.unlinkSync(file), /AML0284/],
    ['renamed', (file) => fs.renameSync(file, `${file}.1`), /AML0284/],
    ['replaced', (file) => { fs.copyFileSync(file, `${file}.new`); fs.renameSync(`${file}.new`, file); }, /AML0284/],
    ['cut in place, as copytruncate does', (file) => fs.truncateSync(file, 0), /AML0285/],
    ['made writable for everybody', (file) => fs.chmodSync(file, 0o666), /AML0283/],
  ];
  for (const [what, attack, message] of ATTACKS) {
    test(`${what}: nothing is shown until httpd is reloaded`, async () => {
      const stage = await startStage({ amlaps: 'AMLapsAuditLog {root}/logs/audit.jsonl required', sessionCache: 'file' });
      const file = stage.httpd.path('logs/audit.jsonl');
      try {
        const helpdesk = await stage.signIn('helpdesk');
        assertOk(await helpdesk.password('contoso', DEVICES.lon001));
        attack(file);
        assertProblem(await helpdesk.password('contoso', DEVICES.lon001), 'audit_unavailable');
        assert.match(stage.httpd.errorLog(), message);
        if (fs.existsSync(file)) fs.chmodSync(file, 0o640);
        await stage.httpd.graceful();
        assertOk(await helpdesk.password('contoso', DEVICES.lon001));
        const stored = await stage.records();
        assert.deepEqual(records(file).at(-1), stored.at(-1));
        const [first] = records(file);
        assert.deepEqual(records(file), stored.slice(first.seq - 1), 'a gap in the copy');
      } finally {
        await stage.close([/AML0\d\d\d/]);
      }
    });
  }
});

describe('a copy that cannot be opened at a reload', () => {
  /** @type {[string, string, string, (root: string) => void, (root: string) => void][]} */
  const CASES = [
    ['whose folder is away', '{root}/copies/audit.jsonl', 'there is no folder', (root) => fs.renameSync(`${root}/copies`, `${root}/away`),
      (root) => fs.renameSync(`${root}/away`, `${root}/copies`)],
    ['that everybody may write to', '{root}/copies/audit.jsonl', 'everybody may write', (root) => fs.chmodSync(`${root}/copies/audit.jsonl`, 0o666),
      (root) => fs.chmodSync(`${root}/copies/audit.jsonl`, 0o640)],
    ['whose program is away', '"||{root}/bin/keep {root}/copies/audit.jsonl"', 'is no program', (root) => fs.renameSync(`${root}/bin/keep`, `${root}/away`),
      (root) => fs.renameSync(`${root}/away`, `${root}/bin/keep`)],
  ];
  for (const [what, where, why, away, back] of CASES) {
    test(`${what} leaves httpd running, and refuses until it can be`, async () => {
      const stage = await startStage({ sessionCache: 'file', files: { ...KEEP, 'copies/readme': '' }, amlaps: `AMLapsAuditLog ${where} required` });
      const { httpd } = stage;
      try {
        const helpdesk = await stage.signIn('helpdesk');
        assertOk(await helpdesk.password('contoso', DEVICES.lon001));
        away(httpd.root);
        await httpd.replaceChildren();
        assert.match(httpd.errorLog(), new RegExp(`AML0110: .* can't be opened for writing; .*${why}.*; httpd goes on without it`));
        assertProblem(await helpdesk.password('contoso', DEVICES.lon001), 'audit_unavailable');
        assert.match(httpd.errorLog(), /AML0208: .* cannot be written: it could not be opened when httpd was reloaded \(AML0110\)/);
        assert.equal((await httpd.configtest()).ok, false);
        back(httpd.root);
        await httpd.replaceChildren();
        assertOk(await helpdesk.password('contoso', DEVICES.lon001));
        const stored = await stage.records();
        await waitFor('all records', () => records(httpd.path('copies/audit.jsonl')).length === stored.length);
        assert.deepEqual(records(httpd.path('copies/audit.jsonl')), stored);
      } finally {
        await stage.close([/AML0110|AML0208/, /AH00488: long lost child came home/]);
      }
    });
  }
});
