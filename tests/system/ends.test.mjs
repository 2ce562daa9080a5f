// @ts-check
/** Requests and servers that end in the middle of something: what was disclosed is recorded, what is recorded verifies, and all goes on. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { DEVICES } from '../entra/world.mjs';
import { ruleSection } from '../lib/amlaps-conf.mjs';
import { MPM_RACE } from '../lib/errorlog.mjs';
import { assertOk, assertProblem } from '../lib/expect.mjs';
import { Load, assertRecorded } from '../lib/load.mjs';
import { startStage } from '../lib/stage.mjs';
import { chainProblems } from '../lib/store.mjs';
import { waitFor } from '../lib/wait.mjs';

const TROUBLE = [MPM_RACE, /amlaps:.*AML0\d\d\d/, /AH00045|AH00046|AH00052|AH00169|AH00098/];
const SLOW = { fault: { match: 'deviceLocalCredentials', kind: 'delay', ms: 1500, times: 1 } };

describe('a person who goes away', () => {
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  before(async () => { stage = await startStage({ limits: 'AMLapsLimit user 2/day\nAMLapsLimit address 100/day\nAMLapsLimit search 100/day' }); });
  after(() => stage?.close(TROUBLE));

  /** Asks for a password and hangs up before the answer. @param {Awaited<ReturnType<typeof stage.signIn>>} session */
  async function askAndLeave(session) {
    const asked = stage.passwordRequests().length;
    stage.entra.control.set(SLOW);
    const agent = new http.Agent();
    const pending = session.password('contoso', DEVICES.lon001, {}, { agent }).then(() => 'answered', () => 'gone');
    await stage.untilPasswordRequest(asked);
    Object.values(agent.sockets).flat().forEach((socket) => socket?.destroy());
    assert.equal(await pending, 'gone');
    agent.destroy();
  }

  test('before the body comes is recorded as one who got it, and counts', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    const start = await stage.lastSeq();
    await askAndLeave(helpdesk);
    const records = await waitFor('the outcome', async () => {
      const now = await stage.records(start);
      return now.length === 2 && now;
    });
    assert.deepEqual(records.map((r) => [r.stage, r.outcome]), [['intent', 'pending'], ['outcome', 'granted']]);
    assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    assertProblem(await helpdesk.password('contoso', DEVICES.lon001), 'rate_limited');
  });
});

describe('a body that comes late', () => {
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  /** @type {Date} */
  let end;
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  /** @type {Awaited<ReturnType<typeof stage.signIn>>} */
  let helpdesk;
  before(async () => {
    stage = await startStage({ load: ['rewrite'], sessionCache: 'file', files: { 'bin/slow': { content: '#!/bin/sh\nwhile read -r _; do sleep 21; echo slow; done\n', mode: 0o755 } },
      server: `RewriteEngine On\nRewriteMap slow prg:{root}/bin/slow\n<Location "/laps/api">\nRewriteEngine On\nRewriteCond %{HTTP:X-Slow} .
        RewriteRule .* - [E=x:\${slow:x}]\n</Location>`,
      rules: ruleSection('Until ten', ['AMLapsDevice name LON-*', 'AMLapsAllow password anyone', `AMLapsWhen "%{TIME} < '99991231235959'"`]) });
    helpdesk = await stage.signIn('helpdesk');
    // only now, so that a slow machine does not use up the hours with what comes before
    end = new Date(Date.now() + 10000);
    const local = [end.getMonth() + 1, end.getDate(), end.getHours(), end.getMinutes(), end.getSeconds()].map(two).join('');
    stage.httpd.configure({ amlaps: stage.httpd.options.amlaps?.replace('99991231235959', `${end.getFullYear()}${local}`) });
    await stage.httpd.renew();
  });
  after(() => stage?.close(TROUBLE));

  /** Sends the head of a request for a password. @param {number} length of the body that it promises @param {Record<string, string>} [headers] */
  function begin(length, headers) {
    const url = new URL(`api/v1/devices/contoso/${DEVICES.lon001}/password`, stage.base);
    const req = http.request({ host: '127.0.0.1', port: url.port, path: url.pathname, method: 'POST', headers: { Host: url.host, 'Content-Length': length,
      Cookie: helpdesk.jar.cookieHeader(url), 'Content-Type': 'application/json', 'X-AMLaps-Request': '1', 'Sec-Fetch-Site': 'same-origin', ...headers } });
    req.flushHeaders();
    /** @type {Promise<{ status: number | undefined, text: string }>} */
    const answer = new Promise((resolve, reject) => {
      req.on('error', reject);
      req.on('response', (res) => {
        let text = '';
        res.on('data', (chunk) => { text += chunk; });
        res.on('end', () => resolve({ status: res.statusCode, text }));
      });
    });
    return { req, answer };
  }

  test('does not keep the hours of a rule open', async () => {
    const early = begin(14);
    assertOk(await helpdesk.password('contoso', DEVICES.lon001, { reason: 'x' }));
    await waitFor('the end of the hours', () => Date.now() >= end.getTime(), { timeout: 15000 });
    const start = await stage.lastSeq();
    early.req.end('{"reason":"x"}');
    const { status, text } = await early.answer;
    assert.equal(status, 403, text);
    assert.deepEqual((await stage.records(start)).map((r) => [r.stage, r.outcome]), [['outcome', 'denied']]);
  });

  test('and never ends is not waited for, though some of it comes all the time; what httpd itself waits for does not count', async () => {
    const slow = begin(14, { 'X-Slow': '1' });
    slow.req.end('{"reason":"x"}');
    const start = await stage.lastSeq();
    const began = Date.now();
    const { req, answer } = begin(16000);
    const drops = setInterval(() => req.write(' '), 500);
    try {
      const { status, text } = await answer;
      assert.equal(status, 400, text);
      assert.match(JSON.parse(text).detail, /within 20 seconds/);
      assert.ok(Date.now() - began >= 20000);
    } finally {
      clearInterval(drops);
      req.destroy();
    }
    assert.equal((await slow.answer).status, 403, 'beyond the hours');
    assert.deepEqual((await stage.records(start)).map((r) => [r.stage, r.outcome]), [['outcome', 'denied']]);
  });
});

describe('a server', () => {
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  before(async () => { stage = await startStage({ sessionCache: 'file' }); });
  after(() => stage?.close(TROUBLE));

  /** The chain holds and goes on. */
  async function goesOn() {
    assertOk(await (await stage.signIn('helpdesk')).password('contoso', DEVICES.lon001));
    assert.deepEqual(chainProblems(await stage.records()), []);
  }

  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGWINCH', 'SIGKILL'])) {
    test(`that gets ${signal} while Graph is asked shows nothing that is not recorded`, async () => {
      const helpdesk = await stage.signIn('helpdesk');
      assertOk(await helpdesk.password('contoso', DEVICES.lon001));
      const start = await stage.lastSeq();
      const asked = stage.passwordRequests().length;
      stage.entra.control.set(SLOW);
      const pending = helpdesk.password('contoso', DEVICES.lon001).catch(() => null);
      await stage.untilPasswordRequest(asked);
      if (signal === 'SIGKILL') stage.httpd.kill();
      else process.kill(stage.httpd.pid, signal);
      const answer = await pending;
      await stage.httpd.ended;
      await stage.httpd.stop();
      const records = await stage.records(start);
      assert.equal(records[0].stage, 'intent');
      if (answer?.status === 200) assertRecorded(records, new Set([answer.json().id]));
      else for (const password of stage.passwords('LON-001')) assert.ok(!answer?.text.includes(password));
      await stage.httpd.start();
      await goesOn();
    });
  }

  test('whose parent is killed leaves nothing that keeps the next one from serving', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    const load = new Load(helpdesk, 4);
    await waitFor('answers', () => load.answered.size >= 10);
    process.kill(stage.httpd.pid, 'SIGKILL');
    await waitFor('the parent to be gone', () => !fs.existsSync(`/proc/${stage.httpd.pid}/exe`));
    stage.httpd.kill();
    await load.stop();
    await stage.httpd.stop();
    assert.ok(fs.existsSync(stage.httpd.path('run/httpd.pid')), 'the file that tells its process id is stale');
    await stage.httpd.start();
    await goesOn();
    assertRecorded(await stage.records(), load.answered);
  });

  test('that crashes again and again starts again', async () => {
    for (let i = 0; i < 5; i++) {
      const load = new Load(await stage.signIn('helpdesk'), 4);
      await waitFor('answers', () => load.answered.size >= 5);
      stage.httpd.kill();
      await load.stop();
      await stage.httpd.stop();
      await stage.httpd.start();
      assertRecorded(await stage.records(), load.answered);
    }
    await goesOn();
  });

  test('whose new configuration is wrong goes on with the old one', async () => {
    const { amlaps } = stage.httpd.options;
    const { pid } = stage.httpd;
    stage.httpd.configure({ amlaps: `${amlaps}\nAMLapsLimit user 0/minute` });
    assert.ok(!(await stage.httpd.configtest()).ok, 'apachectl asks before it sends the signal');
    await goesOn();
    assert.equal(stage.httpd.pid, pid);
    stage.httpd.configure({ amlaps });
    await stage.httpd.graceful();
    await goesOn();
  });
});
