// @ts-check
/** The module beside other modules of httpd that an admin may have for the whole server: HTTP/2, caches, compression, other addresses, other error pages. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import zlib from 'node:zlib';
import { makeCertificate } from '../entra/certificate.mjs';
import { DEVICES, guidOf } from '../entra/world.mjs';
import { assertOk, assertProblem, assertSecurityHeaders } from '../lib/expect.mjs';
import { answerOf, connectHttp2 } from '../lib/http2.mjs';
import { Jar } from '../lib/jar.mjs';
import { freePort } from '../lib/ports.mjs';
import { filesBelow, findSecretsInFiles } from '../lib/secrets.mjs';
import { startStage } from '../lib/stage.mjs';
import { waitFor } from '../lib/wait.mjs';

/** @typedef {import('../lib/stage.mjs').Stage} Stage */
/** @typedef {Awaited<ReturnType<Stage['signIn']>>} Session */

const DEVICE = `/laps/api/v1/devices/contoso/${DEVICES.lon001}`;
const POST = { 'content-type': 'application/json', 'x-amlaps-request': '1' };
const PARIS = guidOf('device contoso PAR-001');
const REASON = '{"reason":"x"}';

describe('mod_negotiation', () => {
  /** @type {Stage} */
  let stage;
  before(async () => {
    stage = await startStage({ load: ['negotiation'], vhost: 'Options +MultiViews' });
  });
  after(() => stage?.close());

  test('looks for no files beside the page and the API', async () => {
    const session = await stage.signIn('helpdesk');
    assertOk(await session.get('api/v1/session'));
    assertOk(await session.password('contoso', DEVICES.lon001, { reason: 'x' }));
    assertProblem(await session.get('api/v1/nope'), 'not_found');
    for (const file of ['', 'app.js', 'i18n/de.json']) assert.equal((await session.get(file)).status, 200, file);
    assert.equal((await session.get('app')).status, 404);
    assert.equal((await session.request('/index', { headers: { Accept: 'text/html' } })).status, 200, 'what is none of ours is negotiated');
  });
});

describe('mod_http2', () => {
  /** @type {Stage} */
  let stage;
  /** @type {string} */
  let cookie;
  /** @type {Awaited<ReturnType<typeof connectHttp2>>} */
  let h2;
  before(async () => {
    stage = await startStage({
      load: ['http2', 'remoteip'],
      server: 'Protocols h2c http/1.1\nRemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1',
    });
    const session = await stage.signIn('helpdesk');
    cookie = session.jar.cookieHeader(new URL(stage.base));
    h2 = await connectHttp2(stage.origin);
  });
  after(async () => {
    await h2?.close();
    await stage?.close();
  });

  /** @param {Record<string, any>} [headers] @param {string} [body] */
  const reveal = (headers = { 'sec-fetch-site': 'same-origin' }, body = REASON) => h2.request('POST', `${DEVICE}/password`, { cookie, ...POST, ...headers }, body);

  test('a password comes over one connection with others, each with its own record', async () => {
    const from = await stage.lastSeq();
    const answers = (await Promise.all(Array.from({ length: 20 }, () => reveal()))).map(assertOk);
    for (const answer of answers) assert.equal(answer.credentials[0].password, stage.passwords('LON-001')[0]);
    const granted = (await stage.records(from)).filter((r) => r.outcome === 'granted').map((r) => r.id);
    assert.deepEqual(answers.map(({ id }) => id).sort(), granted.sort());
  });

  test('where a POST comes from is checked as over HTTP/1.1', async () => {
    assertOk(await reveal({ origin: stage.origin }));
    assertProblem(await reveal({}), 'cross_site');
    assertProblem(await reveal({ origin: 'http://evil.example' }), 'cross_site');
    assertProblem(await reveal({ 'sec-fetch-site': 'cross-site' }), 'cross_site');
    assertProblem(await h2.request('GET', '/laps/api/v1/session', { cookie, 'sec-fetch-site': 'same-site' }), 'cross_site');
  });

  test('the address is the one that mod_remoteip finds, for each request its own', async () => {
    const from = await stage.lastSeq();
    for (const address of ['203.0.113.7', '2001:db8::7']) assertOk(await reveal({ 'sec-fetch-site': 'same-origin', 'x-forwarded-for': `198.51.100.1, ${address}` }));
    assertOk(await reveal());
    const addresses = (await stage.records(from)).filter((r) => r.outcome === 'granted').map((r) => r.address);
    assert.deepEqual(addresses, ['203.0.113.7', '2001:db8::7', '127.0.0.1']);
  });

  test('without a session there is a problem', async () => {
    assertProblem(await h2.request('GET', '/laps/api/v1/session'), 'not_authenticated');
    assertProblem(await h2.request('POST', `${DEVICE}/password`, { ...POST, 'sec-fetch-site': 'same-origin' }, REASON), 'not_authenticated');
  });

  test('bodies have the same limit, in however many frames', async () => {
    assertOk(await reveal(undefined, REASON.padEnd(16384)));
    assertProblem(await reveal(undefined, REASON.padEnd(16385)), 'bad_request');
    assertProblem(await reveal(undefined, '{"reason":'), 'bad_request');
  });

  test('the page and its parts', async () => {
    const page = await h2.request('GET', '/laps/', { cookie });
    assert.equal(page.status, 200);
    assertSecurityHeaders(page);
    const script = await h2.request('GET', '/laps/app.js', { cookie });
    assert.equal(script.text, stage.httpd.read('htdocs/app.js'));
    const known = await h2.request('GET', '/laps/app.js', { cookie, 'if-none-match': script.headers.etag });
    assert.equal(known.status, 304);
  });

  test('an answer that the browser takes later is whole: its memory is not overwritten before', async () => {
    const slow = await connectHttp2(stage.origin, { settings: { initialWindowSize: 0 } });
    try {
      const from = await stage.lastSeq();
      const stream = slow.open('POST', `${DEVICE}/password`, { cookie, ...POST, 'sec-fetch-site': 'same-origin' });
      const answer = answerOf(stream, stage.origin);
      let came = 0;
      stream.on('data', (chunk) => { came += chunk.length; });
      stream.end(REASON);
      await waitFor('the record', async () => (await stage.records(from)).some((r) => r.outcome === 'granted'));
      // others use the memory that the first request may have given back
      for (let i = 0; i < 20; i++) assertOk(await reveal());
      assert.equal(came, 0, 'the answer waits');
      slow.client.settings({ initialWindowSize: 65535 });
      assert.equal(assertOk(await answer).credentials[0].password, stage.passwords('LON-001')[0]);
    } finally {
      await slow.close();
    }
  });

  test('a stream that the browser resets while Graph is asked leaves a record, and the others alone', async () => {
    const [from, asked] = [await stage.lastSeq(), stage.passwordRequests().length];
    stage.entra.control.set({ fault: { match: 'deviceLocalCredentials', kind: 'delay', ms: 500, times: 2 } });
    try {
      const stream = h2.open('POST', `${DEVICE}/password`, { cookie, ...POST, 'sec-fetch-site': 'same-origin' });
      stream.on('error', () => undefined);
      stream.end(REASON);
      const other = reveal();
      await stage.untilPasswordRequest(asked);
      stream.close(8);
      assertOk(await other);
    } finally {
      stage.entra.control.set({ fault: null });
    }
    await waitFor('both outcomes', async () => (await stage.records(from)).filter((r) => r.outcome === 'granted').length === 2);
  });
});

/** The virtual host of a stage once more, with TLS and HTTP/2. @param {Stage} stage @param {number} port */
function overTls(stage, port) {
  const [host] = /<VirtualHost [^]*<\/VirtualHost>/.exec(stage.httpd.read('conf/httpd.conf')) ?? [''];
  const own = String(stage.httpd.port);
  const secure = host.replaceAll(`http://localhost:${own}`, `https://localhost:${port}`).replaceAll(`:${own}`, `:${port}`);
  return `Listen 127.0.0.1:${port} https\n`
    + secure.replace('</VirtualHost>', 'Protocols h2\nSSLEngine on\nSSLCertificateFile conf/tls.pem\nSSLCertificateKeyFile secret/tls.key\n</VirtualHost>');
}

test('mod_http2 and mod_ssl: the server\'s own origin is https', async () => {
  const [{ key, cert }, port] = [await makeCertificate(), await freePort()];
  const stage = await startStage({
    load: ['http2', 'ssl'], sessionCache: 'file', files: { 'conf/tls.pem': cert, 'secret/tls.key': { content: key, mode: 0o400 } },
  });
  try {
    const cookie = (await stage.signIn('helpdesk')).jar.cookieHeader(new URL(stage.base));
    stage.httpd.configure({ server: overTls(stage, port) });
    await stage.httpd.renew();
    const h2 = await connectHttp2(`https://localhost:${port}`);
    try {
      const reveal = (/** @type {Record<string, any>} */ headers) => h2.request('POST', `${DEVICE}/password`, { cookie, ...POST, ...headers }, REASON);
      assert.equal(assertOk(await reveal({ origin: `https://localhost:${port}` })).credentials[0].password, stage.passwords('LON-001')[0]);
      assertOk(await reveal({ 'sec-fetch-site': 'same-origin' }));
      assertProblem(await reveal({ origin: `http://localhost:${port}` }), 'cross_site');
      assertProblem(await reveal({ origin: stage.origin }), 'cross_site');
    } finally {
      await h2.close();
    }
  } finally {
    // no cache of TLS sessions, OpenSSL and mod_ssl are updated apart, a certificate of our own is its own authority
    await stage.close([/AH01873/, /AH01882/, /AH01906/]);
  }
});

const MACHINES = ['health', 'metrics'].map((name) => `<Location "/${name}">\n    SetHandler amlaps-${name}\n    Require all granted\n</Location>`).join('\n');

/** What an admin may set who wants everything cached. */
const EAGER = ['CacheStoreNoStore On', 'CacheStorePrivate On', 'CacheIgnoreCacheControl On', 'CacheIgnoreNoLastMod On', 'CacheStoreExpired On',
  'CacheDefaultExpire 3600', 'CacheIgnoreQueryString On'].join('\n');

for (const [how, settings] of [
  ['as it comes', ''], ['that keeps all it can', EAGER], ['that keeps all it can, behind authentication', `${EAGER}\nCacheQuickHandler Off`],
]) {
  describe(`mod_cache ${how}`, () => {
    /** @type {Stage} */
    let stage;
    /** @type {Session} */
    let helpdesk;
    before(async () => {
      stage = await startStage({
        load: ['cache', 'cache_disk'], amlaps: 'AMLapsAuditor user helpdesk@contoso.com\nAMLapsOperator user helpdesk@contoso.com',
        server: `CacheRoot {root}/cache\nCacheEnable disk /\nCacheHeader On\nCacheMinExpire 600\n${settings}\n${MACHINES}`,
        files: { 'cache/.keep': '', 'www/kept.html': '<title>kept</title>' },
      });
      stage.httpd.own('cache', 0o700);
      helpdesk = await stage.signIn('helpdesk');
    });
    after(() => stage?.close());

    const cached = () => filesBelow(stage.httpd.path('cache')).filter((file) => !file.endsWith('.keep'));

    test('works at all: it answers for a file of the server', async () => {
      const get = () => new Jar().request(`${stage.origin}/kept.html`);
      await get();
      assert.match((await get()).headers['x-cache'] ?? '', /^HIT/);
    });

    test('keeps no password', async () => {
      for (const kind of ['password', 'history', 'password']) assertOk(await helpdesk.post(`api/v1/devices/contoso/${DEVICES.lon001}/${kind}`, { reason: 'x' }));
      assert.deepEqual(findSecretsInFiles(stage.secrets(), [stage.httpd.path('cache')]), []);
    });

    for (const path of ['', 'app.js', 'api/v1/session', 'api/v1/devices?search=LON', `api/v1/devices/contoso/${DEVICES.lon001}`,
      `api/v1/devices/contoso/${PARIS}`, 'api/v1/audit', 'api/v1/audit/verify', 'api/v1/audit/export', 'api/v1/status', 'api/v1/nothing']) {
      test(`does not answer for /laps/${path}`, async () => {
        const kept = cached().length;
        const answers = [await helpdesk.get(path), await helpdesk.get(path)];
        for (const answer of answers) assert.doesNotMatch(answer.headers['x-cache'] ?? '', /^HIT/);
        assert.equal(answers[0].status, answers[1].status);
        for (let i = 0; i < 2; i++) {
          const stranger = await new Jar().request(stage.base + path);
          assert.ok([302, 401].includes(stranger.status), `a stranger gets ${stranger.status}`);
          assert.doesNotMatch(stranger.headers['x-cache'] ?? '', /^HIT/);
          for (const name of ['LON-001', 'helpdesk@contoso.com']) assert.ok(!stranger.text.includes(name));
        }
        assert.equal(cached().length, kept, 'nothing is kept');
      });
    }

    for (const path of ['/health', '/metrics']) {
      test(`does not answer for ${path}`, async () => {
        for (let i = 0; i < 2; i++) {
          const answer = await new Jar().request(stage.origin + path);
          assert.equal(answer.status, 200);
          assert.doesNotMatch(answer.headers['x-cache'] ?? '', /^HIT/);
        }
      });
    }

    test('each search is recorded', async () => {
      const from = await stage.lastSeq();
      for (let i = 0; i < 3; i++) assertOk(await helpdesk.get('api/v1/devices?search=LON'));
      assert.equal((await stage.records(from)).filter((r) => r.event === 'search' && r.outcome === 'granted').length, 3);
    });

    test('holds nobody\'s name or device when all is done', () => {
      assert.deepEqual(findSecretsInFiles({ ...stage.secrets(), device: 'LON-001', person: 'helpdesk@contoso.com' }, [stage.httpd.path('cache')]), []);
    });
  });
}

describe('compression of the whole server', () => {
  /** @type {Stage} */
  let stage;
  /** @type {Session} */
  let helpdesk;
  before(async () => {
    stage = await startStage({
      load: ['filter', 'deflate', 'brotli', 'setenvif'], server: 'SetOutputFilter BROTLI_COMPRESS;DEFLATE\nSetEnvIf User-Agent force force-gzip',
    });
    helpdesk = await stage.signIn('helpdesk');
  });
  after(() => stage?.close());

  for (const coding of ['gzip', 'br', 'gzip, deflate, br']) {
    test(`an answer with passwords is not compressed (${coding})`, async () => {
      for (const agent of ['x', 'force']) {
        const headers = { 'Accept-Encoding': coding, 'User-Agent': agent };
        for (const kind of ['password', 'history']) {
          const answer = await helpdesk.post(`api/v1/devices/contoso/${DEVICES.lon001}/${kind}`, { reason: 'x' }, { headers });
          assert.equal(answer.headers['content-encoding'], undefined);
          assertOk(answer);
          assert.equal(Number(answer.headers['content-length']), answer.body.length);
        }
      }
    });
  }

  test('others are, and are what they were', async () => {
    for (const path of ['app.js', '', 'api/v1/session']) {
      const [plain, packed] = [await helpdesk.get(path), await helpdesk.get(path, { headers: { 'Accept-Encoding': 'gzip' } })];
      assert.equal(packed.headers['content-encoding'], 'gzip', path);
      assert.deepEqual(zlib.gunzipSync(packed.body), plain.body);
      assertSecurityHeaders(packed);
    }
  });

  test('problems can be read, whoever made them', async () => {
    for (const [jar, code] of /** @type {[Jar, import('../lib/expect.mjs').Code][]} */ ([[helpdesk.jar, 'not_found'], [new Jar(), 'not_authenticated']])) {
      const answer = await jar.request(`${stage.base}api/v1/nothing`, { headers: { 'Accept-Encoding': 'gzip' } });
      const text = answer.headers['content-encoding'] === 'gzip' ? zlib.gunzipSync(answer.body).toString() : answer.text;
      assertProblem({ ...answer, text, json: () => JSON.parse(text) }, code);
    }
  });
});

for (const how of ['SetOutputFilter INCLUDES', 'AddOutputFilterByType INCLUDES application/json text/html text/csv',
  'FilterProvider SSI INCLUDES "%{CONTENT_TYPE} =~ m#.#"\nFilterChain SSI']) {
  describe(`mod_include of the whole server, by ${how.replace('\n', ', ')}`, () => {
    const COMMANDS = "x<!--#include virtual='/inc.txt' --><!--#printenv -->y";
    /** @type {Stage} */
    let stage;
    /** @type {Session} */
    let helpdesk;
    before(async () => {
      stage = await startStage({
        load: ['include', 'filter'], server: `Options +Includes\n${how}`, amlaps: 'AMLapsAuditor user helpdesk@contoso.com',
        files: { 'www/inc.txt': 'INCLUDED', 'www/all.html': COMMANDS },
      });
      stage.device('LON-002').displayName = `LON-002${COMMANDS}`;
      helpdesk = await stage.signIn('helpdesk');
    });
    // mod_include says that it takes its filter out
    after(() => stage?.close([/AH01374/]));

    test('works at all: in a file of the server', async () => {
      assert.match((await new Jar().request(`${stage.origin}/all.html`)).text, /^xINCLUDED.*REQUEST_URI=\/all\.html/s);
    });

    test('does nothing that a reason says', async () => {
      assertOk(await helpdesk.password('contoso', DEVICES.lon001, { reason: COMMANDS }));
      assert.equal(assertOk(await helpdesk.get('api/v1/audit?event=password')).records[0].reason, COMMANDS);
      for (const format of ['csv', 'jsonl']) {
        const { text } = await helpdesk.get(`api/v1/audit/export?format=${format}`);
        assert.ok(text.includes(COMMANDS) && !text.includes('OIDC_'), text);
      }
    });

    test('does nothing that the name of a device says', async () => {
      const [device] = assertOk(await helpdesk.get('api/v1/devices?search=LON-002')).devices;
      assert.equal(device.name, `LON-002${COMMANDS}`);
      assert.equal(assertOk(await helpdesk.password('contoso', device.deviceId, { reason: 'x' })).device.name, device.name);
    });

    test('leaves the page and its files as they are', async () => {
      for (const path of ['', 'index.html', 'app.js']) assert.equal((await helpdesk.get(path)).status, 200, path);
    });
  });
}

const STATUSES = [400, 401, 403, 404, 405, 408, 411, 413, 414, 417, 422, 429, 431, 500, 501, 502, 503, 504];

/** Requests below the API that httpd answers itself, before and after it has read them. */
const UNDECODED = /** @type {const} */ ([
  [{ target: '/laps/api/v1/a%2Fb' }, 'not_found'], [{ target: '/laps/api/v1/a%00b' }, 'not_found'], [{ target: '/laps/api/v1/session%zz' }, 'bad_request'],
  [{ method: 'TRACE' }, 'method_not_allowed'],
]);
const UNREADABLE = /** @type {const} */ ([
  [{ method: 'POST', headers: { 'Transfer-Encoding': 'bogus' } }, 'bad_request'], [{ headers: { 'X-Long': 'x'.repeat(9000) } }, 'bad_request'],
]);

// httpd goes to another site before the module hears of a request that cannot be read
for (const [how, target, httpds] of /** @type {const} */ ([
  ['a file', '/sorry.html', [...UNDECODED, ...UNREADABLE]], ['a text', '"All is lost"', [...UNDECODED, ...UNREADABLE]],
  ['another site', 'http://sorry.example/', UNDECODED],
])) {
  describe(`ErrorDocument and ProxyErrorOverride of the whole server, with ${how}`, () => {
    /** @type {Stage} */
    let stage;
    /** @type {Session} */
    let helpdesk;
    before(async () => {
      // httpd sends nobody to another site for a 401
      const lines = STATUSES.map((status) => `ErrorDocument ${status} ${how === 'another site' && status === 401 ? '/sorry.html' : target}`);
      const everywhere = [...lines, 'ProxyErrorOverride On'].join('\n');
      stage = await startStage({
        load: ['proxy', 'proxy_http'], server: everywhere, vhost: `${everywhere}\n<Location "/laps/api/v1/status">\n    Require all denied\n</Location>`,
        limits: 'AMLapsLimit user 1000/minute\nAMLapsLimit address 1000/minute\nAMLapsLimit search 1/hour', files: { 'www/sorry.html': '<title>sorry</title>' },
      });
      helpdesk = await stage.signIn('helpdesk');
    });
    after(() => stage?.close([/AH01630|AH10244/, /amlaps:.*AML0323/]));

    test('counts at all', async () => {
      const answer = await new Jar().request(`${stage.origin}/nothing`);
      assert.match(`${answer.headers.location} ${answer.text}`, /sorry|All is lost/);
    });

    test('leaves the module\'s problems as they are', async () => {
      const password = `api/v1/devices/contoso/${DEVICES.lon001}/password`;
      assertProblem(await helpdesk.post(password, {}, { headers: { 'Sec-Fetch-Site': 'cross-site' } }), 'cross_site');
      assertProblem(await helpdesk.get('api/v1/session', { headers: { 'Sec-Fetch-Site': 'cross-site' } }), 'cross_site');
      assertProblem(await helpdesk.password('contoso', PARIS), 'not_authorized');
      assertProblem(await helpdesk.get('api/v1/audit'), 'not_authorized');
      assertProblem(await helpdesk.get('api/v1/nothing'), 'not_found');
      assertProblem(await helpdesk.get(password), 'method_not_allowed');
      assertProblem(await helpdesk.post(password, 'x'.repeat(20000)), 'bad_request');
      assertOk(await helpdesk.get('api/v1/devices?search=LON'));
      assertProblem(await helpdesk.get('api/v1/devices?search=LON'), 'rate_limited');
      stage.entra.control.set({ fault: { match: 'deviceLocalCredentials', kind: 'status', status: 500, times: 10 } });
      assertProblem(await helpdesk.password('contoso', DEVICES.lon001), 'tenant_error');
    });

    test('and those that stand for answers of httpd and mod_auth_openidc', async () => {
      assertProblem(await new Jar().request(`${stage.base}api/v1/session`), 'not_authenticated');
      assertProblem(await helpdesk.get('api/v1/status'), 'not_authorized');
      for (const [request, code] of httpds) assertProblem(await helpdesk.request('api/v1/session', request), code);
    });
  });
}
