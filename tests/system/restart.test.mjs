// @ts-check
/** Graceful restarts and killed children under load: no lost record, no crash, no growth. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, describe, test } from 'node:test';
import { DEVICES } from '../entra/world.mjs';
import { MPM_RACE } from '../lib/errorlog.mjs';
import { assertOk, summary } from '../lib/expect.mjs';
import { startStage } from '../lib/stage.mjs';
import { chainProblems } from '../lib/store.mjs';
import { waitFor } from '../lib/wait.mjs';

/** @param {number} pid @param {string} field */
const statusOf = (pid, field) => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
/** @param {number} pid */
const openFiles = (pid) => fs.readdirSync(`/proc/${pid}/fd`).length;

/** Requests one after the other in several lines until told to stop. */
class Load {
  /** @param {import('../lib/stage.mjs').Stage} stage @param {Awaited<ReturnType<import('../lib/stage.mjs').Stage['signIn']>>} session @param {number} lines */
  constructor(stage, session, lines) {
    /** Ids of disclosures that were answered. @type {Set<string>} */
    this.answered = new Set();
    /** @type {import('../lib/jar.mjs').Answer[]} */
    this.refused = [];
    /** Requests whose connection was cut. */
    this.cut = 0;
    this.over = false;
    this.lines = Array.from({ length: lines }, async () => {
      while (!this.over) {
        try {
          const answer = await session.password('contoso', DEVICES.lon001, { reason: 'load' });
          if (answer.status === 200) this.answered.add(answer.json().id);
          else this.refused.push(answer);
        } catch {
          this.cut++;
        }
      }
    });
  }

  async stop() {
    this.over = true;
    await Promise.all(this.lines);
  }
}

/** Every answer has its intent and its outcome in the store. @param {any[]} records @param {Set<string>} answered */
function assertRecorded(records, answered) {
  const stages = new Map();
  for (const record of records) stages.set(record.id, `${stages.get(record.id) ?? ''}${record.stage}:${record.outcome} `);
  const lost = [...answered].filter((id) => stages.get(id) !== 'intent:pending outcome:granted ');
  assert.deepEqual(lost.map((id) => `${id}: ${stages.get(id)}`), []);
}

for (const mpm of /** @type {const} */ (['event', 'worker', 'prefork'])) {
  describe(mpm, () => {
    /** @type {import('../lib/stage.mjs').Stage | undefined} */
    let stage;
    after(() => stage?.httpd.discard());
    after(() => stage?.entra.close());

    test('20 graceful restarts under load', async () => {
      stage = await startStage({ mpm, sessionCache: 'file' });
      const { httpd } = stage;
      const helpdesk = await stage.signIn('helpdesk');
      assertOk(await helpdesk.password('contoso', DEVICES.lon001));
      const load = new Load(stage, helpdesk, 8);
      /** @type {number[]} */
      const memory = [];
      /** @type {number[]} */
      const files = [];
      for (let i = 0; i < 20; i++) {
        const before = load.answered.size;
        await httpd.graceful();
        await waitFor('answers after the restart', () => load.answered.size >= before + 5);
        memory.push(statusOf(httpd.pid, 'VmRSS'));
        files.push(openFiles(httpd.pid));
      }
      await load.stop();
      assert.ok(load.answered.size >= 100, `${load.answered.size} answers`);
      assert.deepEqual(load.refused.map(summary).slice(0, 3), []);
      const records = await stage.records();
      assert.deepEqual(chainProblems(records), []);
      assertRecorded(records, load.answered);
      // the first generations fill the allocator; from then on every restart must give back what it takes
      const growth = memory[19] - memory[9];
      assert.ok(growth < 1024, `the parent grew by ${growth} KiB in ten restarts: ${memory.join(' ')}`);
      assert.equal(files[19], files[9], `descriptors of the parent: ${files.join(' ')}`);
      await httpd.stop();
      httpd.assertLogClean([MPM_RACE]);
    });

    test('kill -9 of children under load', async () => {
      assert.ok(stage);
      const { httpd } = stage;
      await httpd.start();
      const helpdesk = await stage.signIn('helpdesk');
      const load = new Load(stage, helpdesk, 8);
      for (let i = 0; i < 5; i++) {
        const before = load.answered.size;
        await waitFor('answers before the kill', () => load.answered.size >= before + 10);
        const children = httpd.children();
        const victim = children[i % children.length];
        process.kill(victim, 'SIGKILL');
        await waitFor('the child to be gone', () => !httpd.children().includes(victim));
        const then = load.answered.size;
        await waitFor('answers after the kill', () => load.answered.size >= then + 10);
      }
      await load.stop();
      const records = await stage.records();
      assert.deepEqual(chainProblems(records), []);
      assertRecorded(records, load.answered);
      assertOk(await helpdesk.password('contoso', DEVICES.lon001));
      await httpd.stop();
      httpd.assertLogClean([/AH00051|AH00052: child pid \d+ exit signal Killed/, /amlaps:.*AML/, MPM_RACE]);
    });
  });
}
