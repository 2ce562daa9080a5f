// @ts-check
/** Channels are told what was recorded: signed, escaped, at least once, and without holding up anybody. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { DEVICES } from '../entra/world.mjs';
import { assertOk, assertProblem } from '../lib/expect.mjs';
import { startHook } from '../lib/hook.mjs';
import { Postgres } from '../lib/postgres.mjs';
import { findSecret } from '../lib/secrets.mjs';
import { HELPDESK_RULE, startStage } from '../lib/stage.mjs';
import { query } from '../lib/store.mjs';
import { waitFor } from '../lib/wait.mjs';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** @param {string} name @param {string} lines */
const channel = (name, lines) => `<AMLapsChannel ${name}>\n${lines}\n</AMLapsChannel>\n`;
/** @param {import('../lib/hook.mjs').Post} post */
const parsed = (post) => JSON.parse(post.body);
/** Waiting notifications and dead letters of a channel. @param {import('../lib/stage.mjs').Stage} stage @param {string} name */
async function queue(stage, name) {
  const rows = await query(stage.store, `SELECT dead, attempts, why, body FROM notification WHERE channel = '${name}'`);
  return { waiting: rows.filter((row) => !row.dead), dead: rows.filter((row) => row.dead) };
}

/**
 * Ends the receivers whatever the stage's log says: they would keep this process alive.
 * @param {import('../lib/stage.mjs').Stage | undefined} stage @param {RegExp[]} allowed @param {...({ close(): Promise<void> } | undefined)} others
 */
async function endAll(stage, allowed, ...others) {
  try {
    await stage?.close(allowed);
  } finally {
    await Promise.all(others.map((other) => other?.close()));
  }
}

describe('webhooks', () => {
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  /** @type {import('../lib/hook.mjs').Hook} */
  let hook;
  before(async () => {
    hook = await startHook();
    stage = await startStage({
      files: { 'secret/hook': { content: `${SECRET}\n`, mode: 0o400 }, 'secret/slack-url': { content: `${hook.url('/slack/T0/B0/x')}\n`, mode: 0o400 } },
      rules: HELPDESK_RULE.replace('</AMLapsRule>', 'AMLapsNotify success json slack teams\n</AMLapsRule>'),
      amlaps: [
        channel('json', `AMLapsWebhook json ${hook.url('/json')}\nAMLapsWebhookSecret file:{root}/secret/hook`),
        channel('slack', 'AMLapsWebhook slack file:{root}/secret/slack-url'),
        channel('teams', `AMLapsWebhook teams ${hook.url('/teams?sig=a%20b')}`),
        'AMLapsNotify failure json',
      ].join(''),
    });
  });
  after(async () => {
    await endAll(stage, [/amlaps:.*AML051[24]/], hook);
  });
  afterEach(() => { hook.reset(); stage.entra.control.reset(); });

  test('a grant is told to the channels of its rule, as it was recorded', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    const answer = assertOk(await helpdesk.password('contoso', DEVICES.lon001, { reason: 'INC0012345' }));
    const posts = await hook.until(3);
    assert.deepEqual(posts.map((post) => post.path).sort(), ['/json', '/slack/T0/B0/x', '/teams?sig=a%20b']);
    const json = posts.find((post) => post.path === '/json');
    assert.ok(json);
    const record = (await stage.records()).at(-1);
    assert.deepEqual(parsed(json), { type: 'laps.password.revealed', timestamp: record.time, data: record });
    assert.equal(json.method, 'POST');
    assert.equal(json.headers['content-type'], 'application/json');
    assert.equal(json.headers['webhook-id'], `${answer.id}-granted`);
    assert.match(String(json.headers['user-agent']), /^mod_amlaps\//);
    // the official library takes the signature, and refuses a body with one letter changed
    const headers = /** @type {Record<string, string>} */ (json.headers);
    assert.deepEqual(new Webhook(SECRET).verify(json.body, headers), parsed(json));
    assert.throws(() => new Webhook(SECRET).verify(json.body.replace('LON', 'LOM'), headers));
    for (const post of posts.filter((p) => p.path !== '/json')) assert.equal(post.headers['webhook-signature'], undefined);
    await waitFor('an empty queue', async () => (await query(stage.store, 'SELECT count(*) AS n FROM notification'))[0].n === 0);
  });

  test('no password is in any of them', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    assertOk(await helpdesk.post(`api/v1/devices/contoso/${DEVICES.lon001}/history`, { reason: 'x' }));
    const posts = await hook.until(6);
    const secrets = stage.secrets();
    for (const post of posts) {
      const text = JSON.stringify(post);
      for (const [name, secret] of Object.entries(secrets)) assert.deepEqual(findSecret(name, secret, post.path, text), []);
    }
  });

  test('Slack gets blocks of plain text, Teams a card of text runs', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    assertOk(await helpdesk.password('contoso', DEVICES.lon001, { reason: 'INC0012345' }));
    const posts = await hook.until(3);
    const slack = parsed(/** @type {any} */ (posts.find((p) => p.path.startsWith('/slack'))));
    assert.match(slack.text, /^The password of LON-001 shown to Hanna Helpdesk/);
    assert.equal(slack.mrkdwn, false);
    assert.deepEqual([...new Set(slack.blocks.flatMap((/** @type {any} */ b) => [b.text, ...b.fields ?? [], ...b.elements ?? []])
      .filter(Boolean).map((/** @type {any} */ t) => t.type))], ['plain_text']);
    assert.ok(JSON.stringify(slack).includes('INC0012345'));
    const teams = parsed(/** @type {any} */ (posts.find((p) => p.path.startsWith('/teams'))));
    assert.equal(teams.type, 'message');
    const [{ contentType, content }] = teams.attachments;
    assert.equal(contentType, 'application/vnd.microsoft.card.adaptive');
    assert.deepEqual([content.type, content.version], ['AdaptiveCard', '1.4']);
    const runs = content.body.flatMap((/** @type {any} */ block) => block.inlines);
    assert.ok(runs.every((/** @type {any} */ run) => run.type === 'TextRun'));
    assert.ok(runs.some((/** @type {any} */ run) => run.text === 'helpdesk@contoso.com' || run.text === 'Hanna Helpdesk (helpdesk@contoso.com)'));
  });

  test('a refusal is told to everybody\'s channels alone, under its own type', async () => {
    const nobody = await stage.signIn('nobody');
    const problem = assertProblem(await nobody.password('contoso', DEVICES.lon001), 'not_authorized');
    const [post] = await hook.until(1);
    assert.equal(parsed(post).type, 'laps.password.denied');
    assert.equal(parsed(post).data.id, problem.id);
    assert.equal(post.headers['webhook-id'], `${problem.id}-denied`);
    assert.equal(hook.posts.length, 1);
  });

  test('hostile text becomes no markup, mention or link', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    const reason = '<!channel> <https://evil.example|click> @here *x* [y](http://evil.example) <at>All</at> "}]} www.evil.example';
    assertOk(await helpdesk.password('contoso', DEVICES.lon001, { reason }));
    const posts = await hook.until(3);
    assert.equal(parsed(/** @type {any} */ (posts.find((p) => p.path === '/json'))).data.reason, reason);
    const slack = JSON.stringify(parsed(/** @type {any} */ (posts.find((p) => p.path.startsWith('/slack')))));
    for (const bad of ['<', '>', '://evil', 'www.evil', 'evil.example']) assert.ok(!slack.includes(bad), bad);
    const teams = parsed(/** @type {any} */ (posts.find((p) => p.path.startsWith('/teams'))));
    assert.ok(!JSON.stringify(teams.attachments[0].content.body).includes('://'));
    assert.ok(!JSON.stringify(teams).includes('evil.example'));
    assert.equal(JSON.stringify(teams).includes('entities'), false);
  });

  test('a channel that is down delays no reveal and no other channel, and gets all of it later', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    hook.reply = (post) => (post.path === '/json' ? { status: 500, body: 'broken' } : { status: 200 });
    const begun = Date.now();
    for (let i = 0; i < 5; i++) assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    assert.ok(Date.now() - begun < 5000);
    await hook.until(10, (post) => post.path !== '/json');
    await hook.until(2, (post) => post.path === '/json');
    assert.match((await queue(stage, 'json')).waiting.map((row) => row.why).join(), /answered 500: broken/);
    hook.reply = () => ({ status: 200 });
    await waitFor('an empty queue', async () => (await query(stage.store, 'SELECT count(*) AS n FROM notification'))[0].n === 0, { timeout: 60000 });
    const ids = hook.posts.filter((post) => post.path === '/json').map((post) => post.headers['webhook-id']);
    assert.equal(new Set(ids).size, 5);
    assert.ok(ids.length > 5);
    assert.match(stage.httpd.errorLog(), /AML0512: channel json was not told: the receiver answered 500: broken/);
    assert.match(stage.httpd.errorLog(), /AML0513: channel json takes notifications again/);
  });

  test('Retry-After is honoured', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    hook.reply = (post) => (post.path === '/json' && hook.posts.filter((p) => p.path === '/json').length === 1
      ? { status: 429, headers: { 'retry-after': '4' } } : { status: 200 });
    assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    const [first, second] = await hook.until(2, (post) => post.path === '/json');
    assert.ok(second.time - first.time >= 3900, `${second.time - first.time} ms`);
    assert.equal(second.headers['webhook-id'], first.headers['webhook-id']);
    assert.equal(second.body, first.body);
    const headers = /** @type {Record<string, string>} */ (second.headers);
    assert.ok(new Webhook(SECRET).verify(second.body, headers), 'signed anew');
  });

  test('a redirect is not followed, a huge answer is not read, a cut connection is tried again', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    const elsewhere = await startHook();
    try {
      const answers = [
        { status: 302, headers: { location: elsewhere.url('/latest/meta-data') } }, { cut: true }, { status: 200, body: Buffer.alloc(10 << 20, 'x') },
      ];
      hook.reply = (post) => (post.path === '/json' ? answers.shift() ?? { status: 500 } : { status: 200 });
      assertOk(await helpdesk.password('contoso', DEVICES.lon001));
      await hook.until(3, (post) => post.path === '/json', 30000);
      // the receiver said 200 before it said too much: it has the message
      await waitFor('an empty queue', async () => (await query(stage.store, 'SELECT count(*) AS n FROM notification'))[0].n === 0);
      assert.equal(hook.posts.filter((post) => post.path === '/json').length, 3);
      assert.equal(elsewhere.posts.length, 0);
    } finally {
      await elsewhere.close();
    }
  });

  test('a receiver that is gone for good makes a dead letter', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    hook.reply = (post) => ({ status: post.path === '/json' ? 410 : 200 });
    const { id } = assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    await waitFor('a dead letter', async () => (await queue(stage, 'json')).dead.length === 1);
    const [letter] = (await queue(stage, 'json')).dead;
    assert.match(letter.why, /410/);
    assert.equal(JSON.parse(letter.body).id, id);
    assert.match(stage.httpd.errorLog(), new RegExp(`AML0514: the notification of ${id} to channel json is given up after 1 attempts`));
  });

  test('what a receiver says of itself counts, however much it says besides', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    const much = 'x'.repeat(9000);
    const replies = [{ status: 429, headers: { 'retry-after': '4' }, body: much }, { status: 410, body: much }];
    hook.reply = (post) => (post.path === '/json' ? replies.shift() ?? { status: 200 } : { status: 200 });
    const begun = Date.now();
    const { id } = assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    const [letter] = await waitFor('a dead letter', async () => {
      const { dead } = await queue(stage, 'json');
      const own = dead.filter((row) => JSON.parse(row.body).id === id);
      return own.length > 0 && own;
    }, { timeout: 30000 });
    assert.ok(Date.now() - begun >= 3900, `${Date.now() - begun} ms`);
    assert.match(letter.why, /^the receiver answered 410/);
    assert.equal(letter.attempts, 2);
  });
});

describe('status', () => {
  test('tells operators how each channel stands', async () => {
    const hook = await startHook();
    const stage = await startStage({
      amlaps: `${channel('good', `AMLapsWebhook json ${hook.url('/good')}`)}${channel('must', `AMLapsWebhook teams ${hook.url('/must')}\nAMLapsRequired on`)}
${channel('bad', `AMLapsWebhook slack ${hook.url('/bad')}`)}${channel('gone', `AMLapsWebhook json ${hook.url('/gone')}`)}
AMLapsNotify success good bad gone must\nAMLapsOperator user helpdesk@contoso.com\n`,
    });
    try {
      hook.reply = (post) => ({ status: post.path === '/bad' ? 500 : post.path === '/gone' ? 410 : 200 });
      const helpdesk = await stage.signIn('helpdesk');
      const before = Date.now();
      const unknown = assertOk(await helpdesk.get('api/v1/status')).channels;
      assert.deepEqual(unknown.map((/** @type {any} */ c) => [c.name, c.kind, c.required, c.status]),
        [['good', 'json', false, 'unknown'], ['must', 'teams', true, 'unknown'], ['bad', 'slack', false, 'unknown'], ['gone', 'json', false, 'unknown']]);
      assertOk(await helpdesk.password('contoso', DEVICES.lon001));
      const [good, must, bad, gone] = await waitFor('all four to be tried', async () => {
        const { channels } = assertOk(await helpdesk.get('api/v1/status'));
        return channels.every((/** @type {any} */ c) => c.status !== 'unknown') && channels;
      });
      assert.deepEqual([good.status, good.queued, good.oldest, good.deadLetters, good.lastError], ['ok', 0, null, 0, null]);
      assert.ok(Date.parse(good.lastSuccess) >= before - 1 && Date.parse(good.lastSuccess) <= Date.now());
      assert.deepEqual([must.status, must.queued, must.lastError], ['ok', 0, null]);
      assert.deepEqual([bad.status, bad.queued, bad.deadLetters, bad.lastSuccess], ['failed', 1, 0, null]);
      assert.ok(Date.parse(bad.oldest) >= before - 1);
      assert.match(bad.lastError.detail, /answered 500/);
      assert.deepEqual([gone.status, gone.queued, gone.deadLetters], ['failed', 0, 1]);
      hook.reply = (post) => ({ status: post.path === '/must' ? 503 : 200 });
      assertProblem(await helpdesk.password('contoso', DEVICES.lon001), 'notification_failed');
      const failed = assertOk(await helpdesk.get('api/v1/status')).channels[1];
      assert.equal(failed.status, 'failed');
      assert.match(failed.lastError.detail, /answered 503/);
    } finally {
      await endAll(stage, [/amlaps:.*AML051[245]/], hook);
    }
  });
});

describe('a channel that never answers', () => {
  test('is given up after its time, and delays nobody', async () => {
    const hook = await startHook();
    const stage = await startStage({
      amlaps: `${channel('dead', `AMLapsWebhook json ${hook.url()}\nAMLapsGiveUp 3`)}AMLapsNotify all dead\n`,
    });
    try {
      hook.reply = () => ({ status: 503 });
      const helpdesk = await stage.signIn('helpdesk');
      for (let i = 0; i < 20; i++) assertOk(await helpdesk.password('contoso', DEVICES.lon001));
      await waitFor('dead letters', async () => (await queue(stage, 'dead')).dead.length === 20, { timeout: 60000 });
      assert.ok(hook.posts.length >= 2);
      assert.ok(hook.posts.length < 20, 'what is old is not tried one by one');
    } finally {
      await endAll(stage, [/amlaps:.*AML051[24]/], hook);
    }
  });
});

describe('over restarts and kills', () => {
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  /** @type {import('../lib/hook.mjs').Hook} */
  let hook;
  before(async () => {
    hook = await startHook();
    stage = await startStage({ amlaps: `${channel('soc', `AMLapsWebhook json ${hook.url()}`)}AMLapsNotify success soc\n`, sessionCache: 'file' });
  });
  after(async () => {
    await endAll(stage, [/amlaps:.*AML05/, /exit signal Killed/], hook);
  });
  afterEach(() => hook.reset());

  test('what waits is delivered after a restart', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    hook.reply = () => ({ status: 503 });
    const { id } = assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    await hook.until(1);
    await stage.httpd.stop();
    assert.equal((await queue(stage, 'soc')).waiting.length, 1);
    hook.reset();
    await stage.httpd.start();
    const [post] = await hook.until(1);
    assert.equal(parsed(post).data.id, id);
  });

  test('a graceful restart hands the lead over', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    await stage.httpd.graceful();
    const { id } = assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    const [post] = await hook.until(1);
    assert.equal(parsed(post).data.id, id);
  });

  test('a child killed between delivery and its note delivers again: at least once', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    hook.reply = () => ({ hang: true });
    const { id } = assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    await hook.until(1);
    hook.reply = () => ({ status: 200 });
    for (const pid of stage.httpd.children()) process.kill(pid, 'SIGKILL');
    const posts = await hook.until(2, () => true, 60000);
    assert.deepEqual(posts.map((post) => parsed(post).data.id), [id, id]);
    assert.equal(posts[0].headers['webhook-id'], posts[1].headers['webhook-id']);
    await waitFor('an empty queue', async () => (await query(stage.store, 'SELECT count(*) AS n FROM notification'))[0].n === 0);
  });

  test('one child delivers, each once, while all children queue', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    const answers = await Promise.all(Array.from({ length: 60 }, () => helpdesk.password('contoso', DEVICES.lon001).then(assertOk)));
    const posts = await hook.until(60);
    assert.deepEqual(posts.map((post) => parsed(post).data.id).sort(), answers.map((answer) => answer.id).sort());
    await waitFor('an empty queue', async () => (await query(stage.store, 'SELECT count(*) AS n FROM notification'))[0].n === 0);
    assert.equal(hook.posts.length, 60);
  });

  test('what waits is delivered by a channel that only a virtual host without a tenant still has', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    hook.reply = () => ({ status: 503 });
    const { id } = assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    await hook.until(1);
    await stage.httpd.stop();
    const soc = `${channel('soc', `AMLapsWebhook json ${hook.url()}`)}AMLapsNotify success soc\n`;
    stage.httpd.configure({ amlaps: '', vhost: stage.httpd.options.amlaps?.replace(soc, ''), server: `<VirtualHost 127.0.0.1:1>\nServerName idle.example\n${soc}</VirtualHost>` });
    hook.reset();
    await stage.httpd.start();
    const [post] = await hook.until(1);
    assert.equal(parsed(post).data.id, id);
  });
});

describe('a channel that is required', () => {
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  /** @type {import('../lib/hook.mjs').Hook} */
  let hook;
  before(async () => {
    hook = await startHook();
    stage = await startStage({
      amlaps: `${channel('must', `AMLapsWebhook json ${hook.url('/must')}\nAMLapsRequired on`)}${channel('may', `AMLapsWebhook json ${hook.url('/may')}`)}
AMLapsNotify success must may\nAMLapsNotify failure may\n`,
    });
  });
  after(async () => {
    await endAll(stage, [/amlaps:.*AML051/], hook);
  });
  afterEach(() => hook.reset());

  test('has the notification before anybody has the password', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    const start = await stage.lastSeq();
    hook.reply = (post) => ({ status: 200, wait: post.path === '/must' ? 500 : 0 });
    let answered = 0;
    const pending = helpdesk.password('contoso', DEVICES.lon001, { reason: 'INC1' }).then((answer) => { answered = Date.now(); return answer; });
    const [post] = await hook.until(1, (p) => p.path === '/must');
    assert.equal(answered, 0);
    const { id } = assertOk(await pending);
    assert.ok(answered - post.time >= 450);
    const { type, data } = parsed(post);
    assert.equal(type, 'laps.password.revealed');
    assert.deepEqual([data.id, data.outcome, data.reason, data.device.name], [id, 'granted', 'INC1', 'LON-001']);
    await hook.until(1, (p) => p.path === '/may');
    assert.deepEqual((await stage.records(start)).map((r) => r.outcome), ['pending', 'granted']);
    assert.equal(hook.posts.filter((p) => p.path === '/must').length, 1);
  });

  for (const [name, reply] of /** @type {[string, import('../lib/hook.mjs').Reply][]} */ ([
    ['500', { status: 500, body: 'no way' }], ['302', { status: 302, headers: { location: '/elsewhere' } }], ['no answer', { hang: true }], ['a cut connection', { cut: true }],
  ])) {
    test(`means ${name}: nothing is shown, and the trail says so`, async () => {
      const helpdesk = await stage.signIn('helpdesk');
      const start = await stage.lastSeq();
      hook.reply = (post) => (post.path === '/must' ? reply : { status: 200 });
      const begun = Date.now();
      const answer = await helpdesk.password('contoso', DEVICES.lon001);
      const problem = assertProblem(answer, 'notification_failed');
      assert.ok(!/localhost|curl|answered|no way/.test(problem.detail), 'where the receiver is and what it says is for the log');
      assert.ok(Date.now() - begun < 8000, `${Date.now() - begun} ms`);
      for (const [secret, value] of Object.entries(stage.secrets())) assert.deepEqual(findSecret(secret, value, 'answer', answer.text), []);
      assert.deepEqual((await stage.records(start)).map((r) => [r.stage, r.outcome, r.code]),
        [['intent', 'pending', 'ok'], ['outcome', 'failed', 'notification_failed']]);
      const [post] = await hook.until(1, (p) => p.path === '/may');
      assert.deepEqual([parsed(post).type, parsed(post).data.id], ['laps.password.failed', problem.id]);
      assert.match(stage.httpd.errorLog(), new RegExp(`AML0515.*channel must must confirm`));
    });
  }

  test('is not asked about a refusal', async () => {
    const nobody = await stage.signIn('nobody');
    hook.reply = (post) => ({ status: post.path === '/must' ? 500 : 200 });
    assertProblem(await nobody.password('contoso', DEVICES.lon001), 'not_authorized');
    await hook.until(1);
    assert.deepEqual(hook.posts.map((post) => post.path), ['/may']);
  });
});

describe('two servers with one PostgreSQL store', () => {
  test('share the queue: each notification once, and what one leaves behind the other delivers', async () => {
    const hook = await startHook();
    const database = await Postgres.start();
    const options = {
      store: database.directive(), sessionCache: /** @type {const} */ ('file'),
      amlaps: `${channel('soc', `AMLapsWebhook json ${hook.url()}\nAMLapsWebhookSecret file:{root}/secret/hook`)}AMLapsNotify success soc\n`,
      files: { 'secret/hook': { content: SECRET, mode: 0o400 } },
    };
    /** @type {import('../lib/stage.mjs').Stage[]} */
    const stages = [];
    try {
      stages.push(await startStage(options), await startStage(options));
      const ids = (await Promise.all(stages.map(async (stage) => {
        const helpdesk = await stage.signIn('helpdesk');
        return Promise.all(Array.from({ length: 15 }, () => helpdesk.password('contoso', DEVICES.lon001).then(assertOk)));
      }))).flat().map((answer) => answer.id);
      const told = (await hook.until(30)).map((post) => parsed(post).data.id);
      assert.deepEqual([...told].sort(), [...ids].sort());
      await waitFor('an empty queue', async () => await database.sql('SELECT count(*) FROM amlaps.notification') === '0');
      assert.equal(hook.posts.length, 30);
      hook.reset();
      hook.reply = () => ({ status: 503 });
      const helpdesk = await stages[0].signIn('helpdesk');
      const { id } = assertOk(await helpdesk.password('contoso', DEVICES.lon001));
      await hook.until(1);
      await stages[0].httpd.stop();
      hook.reset();
      const [post] = await hook.until(1, (p) => parsed(p).data.id === id, 90000);
      assert.ok(new Webhook(SECRET).verify(post.body, /** @type {Record<string, string>} */ (post.headers)));
    } finally {
      const closed = await Promise.allSettled(stages.map((stage) => stage.close([/amlaps:.*AML051[234]/])));
      database.discard();
      await hook.close();
      for (const { reason } of closed.filter((one) => one.status === 'rejected').map((one) => /** @type {PromiseRejectedResult} */ (one))) throw reason;
    }
  });
});
