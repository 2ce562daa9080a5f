// @ts-check
/** What other sites make a browser send is refused, and a POST is answered only to the page itself: who asks from where, with which body. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { DEVICES } from '../entra/world.mjs';
import { assertOk, assertProblem } from '../lib/expect.mjs';
import { startStage } from '../lib/stage.mjs';

/** @type {import('../lib/stage.mjs').Stage} */
let stage;
/** @type {Awaited<ReturnType<import('../lib/stage.mjs').Stage['signIn']>>} */
let helpdesk;
before(async () => {
  stage = await startStage({
    amlaps: 'AMLapsAuditor user helpdesk@contoso.com\nAMLapsOperator user helpdesk@contoso.com',
    server: ['health', 'metrics'].map((name) => `<Location "/${name}">\n    SetHandler amlaps-${name}\n    Require all granted\n</Location>`).join('\n'),
  });
  helpdesk = await stage.signIn('helpdesk');
});
after(() => stage?.close());

const PATH = `api/v1/devices/contoso/${DEVICES.lon001}/password`;
const GOOD = { 'Content-Type': 'application/json', 'X-AMLaps-Request': '1', 'Sec-Fetch-Site': 'same-origin' };

/** @param {Record<string, string | string[] | undefined>} headers @param {string | Buffer} [body] */
function send(headers, body = '{"reason":"x"}') {
  const sent = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
  return helpdesk.request(PATH, { method: 'POST', headers: /** @type {any} */ (sent), body });
}

describe('requests of other sites', () => {
  /** @type {number} */
  let start;
  beforeEach(async () => { start = await stage.lastSeq(); });

  /** Nothing was disclosed since `start`. */
  async function nothingGranted() {
    const granted = (await stage.records(start)).filter((r) => r.outcome === 'granted' || r.stage === 'intent');
    assert.deepEqual(granted, []);
  }

  test('Sec-Fetch-Site × Origin', async () => {
    const own = stage.origin;
    const port = new URL(own).port;
    const origins = [undefined, own, 'http://evil.example', 'null', `https://localhost:${port}`, 'http://localhost:1',
      `http://localhost.evil.example:${port}`, `${own}.evil.example`, ''];
    for (const site of [undefined, 'same-origin', 'same-site', 'cross-site', 'none', '', 'same-origin, cross-site', 'x-same-origin']) {
      for (const origin of origins) {
        // no browser sends a foreign Origin with same-origin: not part of the promise
        if (site === 'same-origin' && origin !== undefined && origin !== own) continue;
        const good = site === 'same-origin' || (site === undefined && origin === own);
        const answer = await send({ ...GOOD, 'Sec-Fetch-Site': site, Origin: origin });
        if (good) assertOk(answer);
        else assertProblem(answer, 'cross_site');
      }
    }
  });

  test('two Sec-Fetch-Site or two Origin headers are no answer to where from', async () => {
    assertProblem(await send({ ...GOOD, 'Sec-Fetch-Site': ['same-origin', 'cross-site'] }), 'cross_site');
    assertProblem(await send({ ...GOOD, 'Sec-Fetch-Site': undefined, Origin: [stage.origin, 'http://evil.example'] }), 'cross_site');
    await nothingGranted();
  });

  test('content types that a form can send', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain; application/json',
      'application/jsonp', 'application/json, text/plain', 'text/json', '', undefined]) {
      assertProblem(await send({ ...GOOD, 'Content-Type': type }), 'cross_site');
    }
    await nothingGranted();
    for (const type of ['application/json; charset=utf-8', 'application/json;charset=UTF-8', 'Application/JSON']) {
      assertOk(await send({ ...GOOD, 'Content-Type': type }));
    }
  });

  test('without the header of our page', async () => {
    for (const value of [undefined, '', '0', 'true', '1, 1', '11']) {
      assertProblem(await send({ ...GOOD, 'X-AMLaps-Request': value }), 'cross_site');
    }
    await nothingGranted();
  });

  test('every method but POST discloses nothing', async () => {
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'LOCK', 'POSTX']) {
      const answer = await helpdesk.request(PATH, { method, headers: GOOD, body: '{"reason":"x"}' });
      assert.ok(answer.status === 405 || answer.status === 501, `${method}: ${answer.status}`);
      assert.ok(!answer.text.includes(stage.passwords('LON-001')[0]));
    }
    const overridden = await helpdesk.request(PATH, { headers: { ...GOOD, 'X-HTTP-Method-Override': 'POST' } });
    assert.equal(overridden.status, 405);
    await nothingGranted();
  });

  test('a refused request reaches neither Graph nor a store of ours with a grant', async () => {
    const before = stage.graphRequests().length;
    assertProblem(await send({ ...GOOD, 'Sec-Fetch-Site': 'cross-site' }), 'cross_site');
    assert.equal(stage.graphRequests().length, before);
    await nothingGranted();
  });
});

describe('reading for other sites', () => {
  const ROUTES = ['session', 'devices?search=LON', `devices/contoso/${DEVICES.lon001}`, `devices/contoso/${DEVICES.lon001.replace(/.$/, '0')}`,
    'audit', 'audit/verify', 'audit/export', 'status'];
  const FOREIGN = ['cross-site', 'same-site', '', 'x-same-origin', 'Same-Origin', 'same-origin, cross-site', 'none, cross-site'];

  /** @param {string} path @param {string | undefined} site @param {string} [method] */
  const read = (path, site, method = 'GET') => helpdesk.request(path, { method, headers: site === undefined ? {} : { 'Sec-Fetch-Site': site } });

  for (const route of ROUTES) {
    test(`Sec-Fetch-Site × ${route}`, async () => {
      for (const site of [undefined, 'none', 'same-origin']) {
        const answer = await read(`api/v1/${route}`, site);
        assert.ok(answer.status === 200 || answer.json().code === 'not_authorized', `${site}: ${answer.status} ${answer.text.slice(0, 200)}`);
        assert.equal((await read(`api/v1/${route}`, site, 'HEAD')).status, answer.status);
      }
      const [records, asked] = [await stage.lastSeq(), stage.graphRequests().length];
      for (const site of FOREIGN) {
        assertProblem(await read(`api/v1/${route}`, site), 'cross_site');
        const head = await read(`api/v1/${route}`, site, 'HEAD');
        assert.equal(head.status, 403);
        assert.equal(head.text, '');
      }
      assert.equal(await stage.lastSeq(), records, 'nothing is recorded');
      assert.equal(stage.graphRequests().length, asked, 'and Graph is not asked');
    });
  }

  test('that are two headers', async () => {
    assertProblem(await helpdesk.request('api/v1/session', { headers: { 'Sec-Fetch-Site': ['same-origin', 'cross-site'] } }), 'cross_site');
  });

  for (const path of ['', 'app.js', '/health', '/metrics']) {
    test(`does not close /laps/ + ${path || 'the page'}: links lead there`, async () => {
      const wanted = (await read(path, undefined)).status;
      assert.ok([200, 503].includes(wanted), String(wanted));
      for (const site of ['cross-site', 'same-site', 'none', 'same-origin']) assert.equal((await read(path, site)).status, wanted, site);
    });
  }

  test('does not use up the limit of searches', async () => {
    const own = await startStage({ limits: 'AMLapsLimit search 1/hour' });
    try {
      const session = await own.signIn('helpdesk');
      for (let i = 0; i < 3; i++) assertProblem(await session.get('api/v1/devices?search=LON', { headers: { 'Sec-Fetch-Site': 'cross-site' } }), 'cross_site');
      assertOk(await session.get('api/v1/devices?search=LON'));
      assertProblem(await session.get('api/v1/devices?search=LON'), 'rate_limited');
    } finally {
      await own.close();
    }
  });
});

describe('bodies', () => {
  test('of 16 KiB are read, longer ones are not', async () => {
    const body = (/** @type {number} */ size) => '{"reason":"x"}'.padEnd(size);
    assertOk(await send(GOOD, body(16384)));
    assertProblem(await send(GOOD, body(16385)), 'bad_request');
    assertProblem(await send(GOOD, body(1000000)), 'bad_request');
    assertProblem(await send({ ...GOOD, 'Transfer-Encoding': 'chunked' }, body(16385)), 'bad_request');
    assertOk(await send({ ...GOOD, 'Transfer-Encoding': 'chunked' }, body(16384)));
  });

  test('that are not one JSON object', async () => {
    for (const body of ['', ' ', 'x', '{', '[]', '["reason"]', '"x"', 'null', '1', 'true', '{"reason":"x"} {}', '{"reason":"x"},', "{'reason':'x'}",
      '{"reason":"x",}', '{reason:"x"}', '\ufeff{"reason":"x"}', '{"reason":"\ud800"}'.replace('\ud800', '\\ud800'), 'reason=x', `${'['.repeat(8000)}`,
      `{"reason":${'['.repeat(4000)}${']'.repeat(4000)}}`]) {
      assertProblem(await send(GOOD, body), 'bad_request');
    }
    assertProblem(await send(GOOD, Buffer.from('7b22726561736f6e223a22ff227d', 'hex')), 'bad_request');
    assertProblem(await send(GOOD, Buffer.from('7b22726561736f6e223a2261c080227d', 'hex')), 'bad_request');
    assertProblem(await send(GOOD, Buffer.from('{"reason":"x\u0000"}')), 'bad_request');
  });

  test('with unknown or repeated members', async () => {
    for (const body of ['{"reason":"x","more":1}', '{"Reason":"x"}', '{"reason ":"x"}', '{"reason":"x","reason":"x"}', '{"reason":"x","\\u0072eason":"y"}',
      '{"":"x"}', '{"__proto__":{}}', '{"deviceId":"x"}']) {
      assertProblem(await send(GOOD, body), 'bad_request');
    }
  });

  test('with wrong types', async () => {
    for (const value of ['null', '1', '1.5', 'true', '[]', '["x"]', '{}', '1e999']) {
      assertProblem(await send(GOOD, `{"reason":${value}}`), 'bad_request');
    }
  });

  test('may come in pieces', async () => {
    assertOk(await send({ ...GOOD, 'Transfer-Encoding': 'chunked' }));
    assertOk(await send(GOOD, '{}'));
    assertOk(await send(GOOD, ' {"reason":"\\u0078"}\n'));
  });
});
