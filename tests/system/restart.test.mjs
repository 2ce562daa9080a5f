// @ts-check
/** Graceful restarts and killed children under load: no lost record, no crash, no growth. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, describe, test } from 'node:test';
import { DEVICES } from '../entra/world.mjs';
import { MPM_RACE } from '../lib/errorlog.mjs';
import { assertOk, summary } from '../lib/expect.mjs';
import { Load, assertRecorded } from '../lib/load.mjs';
import { startStage } from '../lib/stage.mjs';
import { chainProblems } from '../lib/store.mjs';
import { waitFor } from '../lib/wait.mjs';

/** @param {number} pid @param {string} field */
const statusOf = (pid, field) => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
/** @param {number} pid */
const openFiles = (pid) => fs.readdirSync(`/proc/${pid}/fd`).length;

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
      const load = new Load(helpdesk, 8);
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
      const load = new Load(helpdesk, 8);
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
