// @ts-check
/** DNS that never answers: whoever asks for a password hears of it in time, and httpd ends in time. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { DEVICES } from '../entra/world.mjs';
import { assertProblem } from '../lib/expect.mjs';
import { CHECKOUT } from '../lib/paths.mjs';
import { startStage } from '../lib/stage.mjs';

/** @type {string} */
let folder;
/** @type {import('../lib/stage.mjs').Stage} */
let stage;
before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'amlaps-names-'));
  fs.chmodSync(folder, 0o755);
  const library = path.join(folder, 'silent-names.so');
  execFileSync('cc', ['-D_GNU_SOURCE', '-shared', '-fPIC', '-o', library, path.join(CHECKOUT, 'tests/lib/silent-names.c'), '-ldl']);
  stage = await startStage({
    env: { LD_PRELOAD: library },
    amlaps: '<AMLapsChannel must>\nAMLapsWebhook json https://hooks.silent.test/\nAMLapsRequired on\n</AMLapsChannel>\nAMLapsNotify success must\n',
  });
  await stage.signIn('helpdesk');
});
after(async () => {
  try {
    await stage?.close([/amlaps:.*AML0515/]);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

test('a channel that is required is given up within its time', async () => {
  const helpdesk = await stage.signIn('helpdesk');
  const begun = Date.now();
  assertProblem(await helpdesk.password('contoso', DEVICES.lon001), 'notification_failed');
  assert.ok(Date.now() - begun < 5000, `${Date.now() - begun} ms`);
  assert.match(stage.httpd.errorLog(), /AML0515.*hooks\.silent\.test: no answer in time: check DNS/);
});

test('httpd ends while names are still looked up', async () => {
  const helpdesk = await stage.signIn('helpdesk');
  assertProblem(await helpdesk.password('contoso', DEVICES.lon001), 'notification_failed');
  const begun = Date.now();
  await stage.httpd.stop();
  assert.ok(Date.now() - begun < 5000, `${Date.now() - begun} ms`);
});
