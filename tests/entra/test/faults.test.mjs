// @ts-check
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { DEVICES } from '../world.mjs';
import { start } from './client.mjs';

/** @type {Awaited<ReturnType<typeof start>>} */
let at;
let token = '';
before(async () => {
  at = await start();
  token = await at.bearer();
});
beforeEach(() => at.entra.control.reset());
after(() => at.entra.close());

const LAPS = `/directory/deviceLocalCredentials/${DEVICES.lon001}?$select=credentials`;
/** @param {any} fault */
function strike(fault) {
  at.entra.control.set({ fault: { match: 'deviceLocalCredentials', times: 1, ...fault } });
  return at.graph(LAPS, { token });
}

test('stand-ins: the request has no effect', async () => {
  const date = Date.parse((await strike({ kind: 'status', status: 429, retryAfter: 'date+600' })).headers['retry-after']) - Date.now();
  assert.ok(date > 500000 && date <= 600000);
  const throttled = await strike({ kind: 'status', status: 429, retryAfter: '2.128' });
  assert.deepEqual([throttled.status, throttled.headers['retry-after'], throttled.json().error.code, throttled.json().error.message, throttled.json().error.innerError.code],
    [429, '2.128', 'TooManyRequests', 'Please retry again later.', '429']);
  assert.equal((await strike({ kind: 'status', status: 429 })).headers['retry-after'], undefined);
  assert.equal((await strike({ kind: 'status', status: 401 })).json().error.message, 'Lifetime validation failed, the token is expired.');
  assert.equal((await strike({ kind: 'status', status: 403, code: 'x', message: 'y' })).json().error.code, 'x');
  const html = await strike({ kind: 'html503', retryAfter: '1' });
  assert.deepEqual([html.status, html.headers['content-type'], html.headers['retry-after'], html.text.slice(0, 9)], [503, 'text/html', '1', '<!DOCTYPE']);
  assert.match((await strike({ kind: 'htmlMessage' })).json().error.message, /^<!DOCTYPE/);
  const unknown = await strike({ kind: 'unknownError', code: '' });
  assert.deepEqual([unknown.status, unknown.json().error.code, unknown.json().error.message], [500, '', '']);
  const away = await strike({ kind: 'redirect', location: 'http://127.0.0.1:9/x' });
  assert.deepEqual([away.status, away.headers.location], [302, 'http://127.0.0.1:9/x']);
  assert.deepEqual([(await strike({ kind: 'empty' })).status, (await strike({ kind: 'empty' })).text], [200, '']);
  const { status, headers } = await strike({ kind: 'noContent' });
  assert.deepEqual([status, headers['content-length'], headers['transfer-encoding']], [204, undefined, undefined]);
  assert.equal((await strike({ kind: 'garbage', bytes: 99 })).body.length, 99);
  const bomb = await strike({ kind: 'gzipBomb', bytes: 1 << 20 });
  assert.ok(bomb.body.length < 2000 && gunzipSync(bomb.body).length === 1 << 20);
  assert.equal((await strike({ kind: 'deepJson', depth: 5 })).text, '{"value":[[[[[]]]]]}');
  assert.deepEqual((await strike({ kind: 'json', value: [1], status: 418 })).json(), [1]);
  assert.equal((await strike({ kind: 'raw', body: 'x', type: 'text/plain' })).text, 'x');
  assert.deepEqual(at.entra.control.audits(), []);
});

test('deformed: the true answer, spoilt', async () => {
  const good = (await at.graph(LAPS, { token })).json();
  const half = await strike({ kind: 'truncate' });
  assert.throws(() => half.json());
  assert.ok(half.text.startsWith('{"@odata.context"'));
  const huge = await strike({ kind: 'huge' });
  assert.ok(huge.body.length > 10 << 20);
  assert.deepEqual(huge.json().credentials, good.credentials);
  const wrong = (await strike({ kind: 'wrongDevice', deviceId: DEVICES.lapsTest2 })).json();
  assert.deepEqual([wrong.id, wrong.credentials], [DEVICES.lapsTest2, good.credentials]);
  assert.equal((await strike({ kind: 'duplicateKeys' })).text.match(/"credentials":/g)?.length, 2);
  assert.equal((await strike({ kind: 'html200' })).headers['content-type'], 'text/html');
  at.entra.control.set({ fault: { match: '/v1.0/devices', kind: 'wrongDevice', times: 1 } });
  const device = (await at.graph(`/devices(deviceId='${DEVICES.lon001}')`, { token })).json();
  assert.ok(device.deviceId !== DEVICES.lon001 && device.displayName === 'LON-001');
});

test('pages: empty, endless, foreign', async () => {
  const page = async () => (await at.graph("/devices?$top=5&$filter=startswith(displayName,'PAR-')", { token })).json();
  at.entra.control.set({ fault: { kind: 'emptyPage', times: 1 } });
  const empty = await page();
  assert.deepEqual(empty.value, []);
  assert.equal((await at.jar.request(empty['@odata.nextLink'], { headers: { Authorization: token } })).json().value.length, 5);
  at.entra.control.set({ faults: [{ kind: 'endlessNextLink' }] });
  let next = `${at.entra.graphUrl}/v1.0/devices?$top=5`;
  for (let i = 0; i < 5; i++) next = (await at.jar.request(next, { headers: { Authorization: token } })).json()['@odata.nextLink'];
  assert.ok(next.startsWith(at.entra.graphUrl));
  at.entra.control.set({ faults: [{ kind: 'foreignNextLink', url: 'http://127.0.0.1:9' }] });
  assert.ok((await page())['@odata.nextLink'].startsWith('http://127.0.0.1:9/v1.0/devices?'));
});

test('the way: slow, late, reset, broken off, never', async () => {
  const start = Date.now();
  await strike({ kind: 'delay', ms: 150 });
  assert.ok(Date.now() - start >= 145);
  assert.equal((await strike({ kind: 'slow', ms: 20, bytes: 200 })).status, 200);
  assert.ok(Date.now() - start >= 200);
  await assert.rejects(strike({ kind: 'reset' }), { code: 'ECONNRESET' });
  await assert.rejects(strike({ kind: 'abort' }));
  await assert.rejects(strike({ kind: 'cut' }), /within the answer/);
  at.entra.control.set({ fault: { kind: 'hang', times: 1 } });
  await assert.rejects(at.graph(LAPS, { token, timeout: 100 }), /no answer within 100 ms/);
  at.entra.control.set({ fault: { kind: 'stall', times: 1 } });
  await assert.rejects(at.graph(LAPS, { token, timeout: 200 }), /no answer within 200 ms/);
  assert.equal(at.entra.control.audits().length, 7, 'Microsoft carried these out');
});

test('how often, after how many, and where', async () => {
  at.entra.control.set({ faults: [{ match: 're:/devices\\(', kind: 'status', status: 503, skip: 1, times: 2 }] });
  const statuses = [];
  for (let i = 0; i < 5; i++) statuses.push((await at.graph(`/devices(deviceId=%27${DEVICES.lon001}%27)?$select=id`, { token })).status);
  assert.deepEqual(statuses, [200, 503, 503, 200, 200]);
  assert.equal((await at.graph(LAPS, { token })).status, 200);
  assert.equal(at.entra.control.knobs().faults[0].struck, 2);
  assert.deepEqual(at.entra.control.requests().map(({ fault }) => fault), [undefined, 'status', 'status', undefined, undefined, undefined]);
});

test('the token endpoint: faults in its own words, and what expires_in may be', async () => {
  at.entra.control.set({ faults: [{ match: '/oauth2/v2.0/token', kind: 'status', status: 503, retryAfter: 3, times: 1 }] });
  const busy = await at.token(at.credentials);
  assert.deepEqual([busy.status, busy.headers['retry-after'], busy.json().error, busy.json().error_codes], [503, '3', 'temporarily_unavailable', [90033]]);
  for (const [expiresIn, told] of [[1, 1], ['3599', '3599'], [-1, -1], ['missing', undefined]]) {
    at.entra.control.set({ token: { expiresIn } });
    assert.equal((await at.token(at.credentials)).json().expires_in, told);
  }
  at.entra.control.set({ faults: [{ match: '/oauth2/v2.0/token', kind: 'truncate', times: 1 }], token: { expiresIn: null } });
  const half = await at.token(at.credentials);
  assert.throws(() => half.json());
});

test('issued tokens can be made to expire', async () => {
  const mine = await at.bearer();
  at.entra.control.expireTokens();
  assert.equal((await at.graph('/devices?$top=1', { token: mine })).json().error.message, 'Lifetime validation failed, the token is expired.');
  token = await at.bearer();
  assert.equal((await at.graph('/devices?$top=1', { token })).status, 200);
});

test('delays of all of Graph, and of tokens', async () => {
  at.entra.control.set({ delayMs: 60, tokenDelayMs: 60 });
  const begin = Date.now();
  await at.graph('/devices?$top=1', { token });
  await at.token(at.credentials);
  assert.ok(Date.now() - begin >= 115);
});

test('gzip for who asks', async () => {
  const headers = { 'Accept-Encoding': 'gzip' };
  assert.equal((await at.graph('/devices?$top=1', { token, headers })).headers['content-encoding'], 'gzip');
  at.entra.control.set({ gzip: false });
  assert.equal((await at.graph('/devices?$top=1', { token, headers })).headers['content-encoding'], undefined);
});

test('knobs that do not exist are refused', () => {
  const { set: turn } = at.entra.control;
  assert.throws(() => turn(/** @type {any} */ ({ nonsense: 1 })), /no knob 'nonsense'/);
  assert.throws(() => turn({ history: -1 }), /cannot be -1/);
  assert.throws(() => turn({ fault: { kind: 'reset', match: 're:(' } }), SyntaxError);
  assert.throws(() => turn({ fault: { kind: 'nonsense' } }), /no fault 'nonsense'/);
  assert.throws(() => turn({ fault: /** @type {any} */ ({ kind: 'reset', status: 1 }) }), /has no member 'status'/);
});
