// @ts-check
/** Limits on the real httpd: each scope and period, Retry-After, several children, restarts, and whose address counts. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { DEVICES } from '../entra/world.mjs';
import { assertOk, assertProblem, summary } from '../lib/expect.mjs';
import { startStage, stageDirectives } from '../lib/stage.mjs';
import { chainProblems, readRecords } from '../lib/store.mjs';
import { waitFor } from '../lib/wait.mjs';

const run = promisify(execFile);
const TROUBLE = [/amlaps:.*AML0220/];
const PERIODS = { minute: 60, hour: 3600, day: 86400 };
/** @param {number} seconds */
const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** @param {import('../lib/jar.mjs').Answer} answer */
function retryAfter(answer) {
  assertProblem(answer, 'rate_limited');
  assert.match(answer.headers['retry-after'], /^[1-9]\d*$/, summary(answer));
  return Number(answer.headers['retry-after']);
}

describe('a limit', () => {
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  let number = 0;
  before(async () => { stage = await startStage({ sessionCache: 'file' }); });
  after(() => stage?.close(TROUBLE));

  /** A new store with one limit in force. @param {string} scope @param {string} limit */
  async function limited(scope, limit) {
    const rest = ['user', 'address', 'search'].filter((name) => name !== scope).map((name) => `AMLapsLimit ${name} 1000/minute`).join('\n');
    const file = stage.httpd.path(`state/${++number}.db`);
    await stage.httpd.stop();
    stage.httpd.configure({ amlaps: stageDirectives(stage.entra, { limits: `AMLapsLimit ${scope} ${limit}\n${rest}`, store: `AMLapsStore sqlite3:${file}` }) });
    await stage.httpd.start();
    return file;
  }

  /** As if all attempts had been made then. @param {string} file @param {number} time */
  async function date(file, time) {
    await stage.httpd.stop();
    await run('sqlite3', ['-bail', file, `UPDATE attempt SET time = ${time}`]);
    await stage.httpd.start();
  }

  /**
   * The refusal short before the end of a limit; longer before it where this machine is slow.
   * @param {string} file @param {number} seconds @param {() => Promise<import('../lib/jar.mjs').Answer>} attempt
   */
  async function lastRefusal(file, seconds, attempt) {
    for (let left = 4; ; left *= 2) {
      const then = Date.now();
      await date(file, then - (seconds - left) * 1000);
      const answer = await attempt();
      if (answer.status === 429) return { told: retryAfter(answer), left };
      assert.ok(Date.now() - then >= left * 1000 - 1000, `not refused ${left} s before the end`);
      assert.ok(left < 60, 'httpd takes a minute to restart');
      // too late: what is older than a day was forgotten, so the limit is filled anew
      for (let i = 0; i < 3; i++) await attempt();
    }
  }

  /** @type {Record<string, () => Promise<import('../lib/jar.mjs').Answer>>} */
  const attempts = {
    user: async () => (await stage.signIn('helpdesk')).password('contoso', DEVICES.lon001),
    // several people of one address, allowed or not
    address: async () => (await stage.signIn(['helpdesk', 'nobody', 'owner'][number++ % 3])).password('contoso', DEVICES.lon001),
    search: async () => (await stage.signIn('helpdesk')).get('api/v1/devices?search=LON'),
  };

  for (const scope of /** @type {const} */ (['user', 'address', 'search'])) {
    for (const [period, seconds] of Object.entries(PERIODS)) {
      test(`by ${scope} and ${period} refuses what is beyond it, says for how long, and means it`, async () => {
        const attempt = attempts[scope];
        const file = await limited(scope, `3/${period}`);
        const began = Date.now();
        for (let i = 0; i < 3; i++) assert.notEqual((await attempt()).status, 429, `attempt ${i + 1}`);
        const told = retryAfter(await attempt());
        const passed = (Date.now() - began) / 1000;
        assert.ok(told <= seconds && told >= seconds - passed - 1, `told ${told} s, ${passed} s after the first`);
        const rest = await lastRefusal(file, seconds, attempt);
        assert.ok(rest.told <= rest.left, `told ${rest.told} s, ${rest.left} s at most are left`);
        await sleep(rest.told);
        assert.notEqual((await attempt()).status, 429, 'after the time that was told');
        const records = await readRecords(file);
        assert.deepEqual(chainProblems(records), []);
        assert.ok(records.filter((r) => r.code === 'rate_limited').length >= 2);
      });
    }
  }

  test('of several the longest counts, and history counts with passwords', async () => {
    await limited('user', '2/minute 2/day');
    const helpdesk = await stage.signIn('helpdesk');
    assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    assertOk(await helpdesk.post(`api/v1/devices/contoso/${DEVICES.lon001}/history`, {}));
    assert.ok(retryAfter(await helpdesk.password('contoso', DEVICES.lon001)) > 3600);
  });
});

test('limits are exact over four children and a graceful restart in the middle of 200 requests', async () => {
  const stage = await startStage({
    limits: 'AMLapsLimit user 20/day\nAMLapsLimit address 1000/day\nAMLapsLimit search 5/day', sessionCache: 'file',
    mpmSettings: 'StartServers 4\nServerLimit 8\nThreadsPerChild 25\nMaxRequestWorkers 200\nMinSpareThreads 25\nMaxSpareThreads 100',
  });
  try {
    await waitFor('four children', () => stage.httpd.children().length === 4);
    const helpdesk = await stage.signIn('helpdesk');
    const burst = () => Promise.all(Array.from({ length: 100 }, () => helpdesk.password('contoso', DEVICES.lon001)));
    const [first, , second] = await Promise.all([burst(), stage.httpd.graceful(), burst()]);
    const answers = [...first, ...second];
    assert.equal(answers.filter((answer) => answer.status === 200).length, 20);
    for (const answer of answers) if (answer.status !== 200) assertProblem(answer, 'rate_limited');
    assert.equal(stage.passwordRequests().length, 20);
    assert.deepEqual(chainProblems(await stage.records()), []);
  } finally {
    await stage.close(TROUBLE);
  }
});

describe('behind a proxy', () => {
  /** @param {string} proxy @param {(stage: import('../lib/stage.mjs').Stage, from: (address: string) => Promise<import('../lib/jar.mjs').Answer>) => Promise<void>} check */
  async function behind(proxy, check) {
    const stage = await startStage({
      load: ['remoteip'], server: `RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy ${proxy}`,
      limits: 'AMLapsLimit user 1000/day\nAMLapsLimit address 2/day\nAMLapsLimit search 1000/day',
    });
    try {
      const helpdesk = await stage.signIn('helpdesk');
      await check(stage, (address) => helpdesk.password('contoso', DEVICES.lon001, {}, { headers: { 'X-Forwarded-For': address } }));
    } finally {
      await stage.close(TROUBLE);
    }
  }

  test('that is trusted, the address that it forwards counts', () => behind('127.0.0.1', async (stage, from) => {
    assertOk(await from('203.0.113.1'));
    assertOk(await from('203.0.113.1'));
    assertProblem(await from('203.0.113.1'), 'rate_limited');
    assertOk(await from('203.0.113.2'));
    assertOk(await from('2001:db8::7'));
    const records = await stage.records();
    assert.deepEqual([...new Set(records.filter((r) => r.event === 'password').map((r) => r.address))], ['203.0.113.1', '203.0.113.2', '2001:db8::7']);
  }));

  test('that is not, nobody gets around a limit by naming another address', () => behind('10.9.9.9', async (stage, from) => {
    assertOk(await from('203.0.113.1'));
    assertOk(await from('203.0.113.2'));
    assertProblem(await from('203.0.113.3'), 'rate_limited');
    assert.deepEqual([...new Set((await stage.records()).filter((r) => r.event === 'password').map((r) => r.address))], ['127.0.0.1']);
  }));
});
