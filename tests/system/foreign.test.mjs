// @ts-check
/** Answers below the mount that are not the handler's own, and what httpd does around it. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { DEVICES } from '../entra/world.mjs';
import { assertApiHeaders, assertProblem, assertSecurityHeaders } from '../lib/expect.mjs';
import { Jar } from '../lib/jar.mjs';
import { startStage } from '../lib/stage.mjs';

/** @type {import('../lib/stage.mjs').Stage} */
let stage;
before(async () => {
  stage = await startStage({
    amlaps: 'AMLapsAuditLog {root}/state/copy.jsonl',
    load: ['rewrite'],
    server: 'ErrorDocument 414 /sorry.html',
    files: { 'www/sorry.html': '<title>sorry</title>' },
    vhost: 'TraceEnable On\nErrorDocument 401 /plain.txt\nErrorDocument 404 /plain.txt\nRewriteEngine On\n'
      + [403, 405, 429, 500, 503].map((status) => `RewriteRule "^/laps/api/v1/answers/${status}$" - [R=${status}]\n`).join('')
      + '<Location "/laps/api/v1/devices">\n    LimitRequestBody 100\n</Location>',
  });
});
after(() => stage?.close([/AML/, /AH01587|AH01588|AH02830|AH10244/]));

/** @param {string} path @param {Record<string, string>} [headers] */
const anonymous = (path, headers = {}) => new Jar().request(stage.origin + path, { headers });

for (const accept of ['*/*', 'text/html', 'application/json']) {
  test(`without a session the API answers 401 with a problem, whatever is accepted (${accept})`, async () => {
    const answer = await anonymous('/laps/api/v1/session', { accept });
    assertProblem(answer, 'not_authenticated');
  });
}

test('so does its root without a slash', async () => {
  assertProblem(await anonymous('/laps/api'), 'not_authenticated');
});

test('the page still leads to the sign-in', async () => {
  const answer = await anonymous('/laps/', { accept: 'text/html', 'sec-fetch-mode': 'navigate' });
  assert.equal(answer.status, 302);
});

test('an ErrorDocument does not take the place of a problem', async () => {
  const session = await stage.signIn('helpdesk');
  assertProblem(await session.get('api/v1/nothing'), 'not_found');
});

for (const path of ['/laps/a%2Fb', '/laps/a%00b']) {
  test(`httpd's own answer to ${path} has the security headers`, async () => {
    const answer = await anonymous(path);
    assert.ok(answer.status >= 400, String(answer.status));
    assertSecurityHeaders(answer);
  });
}

for (const [status, code, detail] of /** @type {[number, string, RegExp][]} */ ([
  [403, 'not_authorized', /^The web server's configuration/],
  [405, 'method_not_allowed', /^The web server does not take this method/],
  [429, 'rate_limited', /limit of requests/],
  [500, 'busy', /^The web server failed/],
  [503, 'busy', /Try again in a few seconds/],
])) {
  test(`httpd's own ${status} under the API says what httpd knows, and nothing of devices`, async () => {
    const answer = await anonymous(`/laps/api/v1/answers/${status}`);
    const problem = JSON.parse(answer.body);
    assert.equal(answer.status, status);
    assert.deepEqual([problem.status, problem.code], [status, code]);
    assert.match(problem.detail, detail);
    assert.doesNotMatch(problem.detail, /device/);
  });
}

test('TRACE gives nothing back, also where httpd would', async () => {
  const headers = { 'X-Sent': 'a-secret' };
  const session = await stage.signIn('helpdesk');
  assert.match((await new Jar().request(`${stage.origin}/x`, { method: 'TRACE', headers })).text, /X-Sent: a-secret/, 'httpd does');
  assertProblem(await new Jar().request(`${stage.base}api/v1/session`, { method: 'TRACE', headers }), 'not_authenticated');
  for (const path of ['', 'api/v1/session', `api/v1/devices/contoso/${DEVICES.lon001}/password`]) {
    const answer = await session.request(path, { method: 'TRACE', headers });
    assertProblem(answer, 'method_not_allowed');
    assert.doesNotMatch(answer.headers.allow, /TRACE/);
    assert.doesNotMatch(answer.text, /a-secret/);
    assertSecurityHeaders(answer);
  }
});

test('a header Expect that httpd does not know is named', async () => {
  const text = await raw(`GET /laps/api/v1/session HTTP/1.1\r\nHost: ${new URL(stage.origin).host}\r\nExpect: more\r\nConnection: close\r\n\r\n`);
  const [head, json] = text.split('\r\n\r\n');
  assert.match(head, /^HTTP\/1\.1 417 /);
  assert.match(JSON.parse(json).detail, /^Of the header Expect/);
});

test('an address that is too long for httpd is named', async () => {
  const path = '/laps/api/v1/devices';
  for (const target of [`${path}?search=${'x'.repeat(9000)}`, `${path}/${'x'.repeat(9000)}/y`]) {
    const answer = await anonymous(target);
    assert.equal(answer.status, 414);
    assertApiHeaders(answer);
    const { code, detail } = answer.json();
    assert.deepEqual([code, detail], ['bad_request', 'The address is longer than the web server takes.']);
  }
  assert.doesNotMatch((await anonymous(`/other?${'x'.repeat(9000)}`)).headers['content-type'], /problem/);
});

/** Sends bytes as they are and reads to the end. @param {string} text @returns {Promise<string>} */
function raw(text) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(new URL(stage.origin).port), '127.0.0.1', () => socket.write(text));
    let all = '';
    socket.setEncoding('latin1');
    socket.on('data', (data) => { all += data; });
    socket.on('end', () => resolve(all));
    socket.on('error', reject);
  });
}

/** @param {string} body @param {string[]} headers */
async function post(body, headers) {
  const session = await stage.signIn('helpdesk');
  const path = `/laps/api/v1/devices/contoso/${stage.device('LON-001').deviceId}/password`;
  const cookie = session.jar.cookieHeader(new URL(stage.origin + path));
  return raw([`POST ${path} HTTP/1.1`, `Host: ${new URL(stage.origin).host}`, `Cookie: ${cookie}`, 'Content-Type: application/json',
    'X-AMLaps-Request: 1', 'Sec-Fetch-Site: same-origin', 'Connection: close', ...headers, '', body].join('\r\n'));
}

for (const [name, body, headers] of /** @type {[string, string, string[]][]} */ ([
  ['a chunk that is none', 'zz\r\n{}\r\n0\r\n\r\n', ['Transfer-Encoding: chunked']],
  ['a body beyond LimitRequestBody', `{"reason":"${'x'.repeat(200)}"}`, ['Content-Length: 213']],
])) {
  test(`${name} gets one answer, and it is a problem`, async () => {
    const text = await post(body, headers);
    assert.equal(text.match(/HTTP\/1\.1 /g)?.length, 1, text);
    const [head, json] = text.split('\r\n\r\n');
    assert.match(head, /^HTTP\/1\.1 4(00|13) /);
    assert.equal(JSON.parse(json).code, 'bad_request');
    assert.match(JSON.parse(json).detail, /^The (web server refused the request|request is longer than the web server takes)\.$/);
    assert.equal(text.match(/urn:amlaps:problem:/g)?.length, 1, text);
  });
}

test('programs that a child runs do not get the copy of the audit', () => {
  const copy = fs.realpathSync(stage.httpd.path('state/copy.jsonl'));
  let seen = 0;
  for (const pid of stage.httpd.children()) {
    for (const fd of fs.readdirSync(`/proc/${pid}/fd`)) {
      let target = '';
      try {
        target = fs.readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        continue; // closed meanwhile
      }
      if (target !== copy) continue;
      seen++;
      const flags = parseInt(/flags:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0', 8);
      assert.ok(flags & 0o2000000, 'open across exec');
    }
  }
  assert.ok(seen > 0, 'no child has the copy open');
});
