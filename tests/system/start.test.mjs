// @ts-check
/** Each start and restart of httpd is in the audit, once, however many children there are. */
import assert from 'node:assert/strict';
import os from 'node:os';
import { after, before, describe, test } from 'node:test';
import { DEVICES } from '../entra/world.mjs';
import { assertOk } from '../lib/expect.mjs';
import { startStage } from '../lib/stage.mjs';
import { chainProblems } from '../lib/store.mjs';
import { waitFor } from '../lib/wait.mjs';

const FOUR_CHILDREN = 'StartServers 4\nServerLimit 8\nThreadsPerChild 8\nMaxRequestWorkers 64\nMinSpareThreads 8\nMaxSpareThreads 64';

describe('starts', () => {
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  before(async () => { stage = await startStage({ mpmSettings: FOUR_CHILDREN, sessionCache: 'file' }); });
  after(() => stage?.close([/AML02\d\d/]));

  const starts = async () => (await stage.records()).filter((record) => record.event === 'start');

  test('one record says when, where and which version', async () => {
    const [record, ...more] = await starts();
    assert.equal(more.length, 0);
    assert.equal(record.seq, 1);
    assert.deepEqual([record.stage, record.outcome, record.code, record.actor, record.address], ['outcome', 'granted', 'ok', undefined, undefined]);
    assert.deepEqual(Object.keys(record.server).sort(), ['generation', 'host', 'version']);
    assert.equal(record.server.host, os.hostname());
    assert.match(record.server.version, /^\d+\.\d+\.\d+$/);
  });

  test('a graceful restart is one more, and a child that dies is none', async () => {
    const [first] = await starts();
    await stage.httpd.renew();
    assert.equal((await starts()).length, 2);
    const old = stage.httpd.children();
    process.kill(old[0], 'SIGKILL');
    await waitFor('another child', () => stage.httpd.children().some((pid) => !old.includes(pid)));
    const helpdesk = await stage.signIn('helpdesk');
    for (let i = 0; i < 16; i++) assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    const [, second, ...more] = await starts();
    assert.equal(more.length, 0);
    assert.ok(second.server.generation > first.server.generation);
    assert.notEqual(second.id, first.id);
    assert.deepEqual(chainProblems(await stage.records()), []);
  });

  test('a stop and a start are one more', async () => {
    await stage.httpd.stop();
    await stage.httpd.start();
    assert.equal((await starts()).length, 3);
  });
});
