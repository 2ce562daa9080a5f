// @ts-check
/** Bad input: ids that are none, awkward names, forged identities, ways into the handler that are not a request. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DEVICES } from '../entra/world.mjs';
import { assertOk, assertProblem, summary } from '../lib/expect.mjs';
import { Session } from '../lib/signin.mjs';
import { startStage } from '../lib/stage.mjs';

const CLAIMS = JSON.stringify({ oid: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee', tid: '8aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11',
  preferred_username: 'helpdesk@contoso.com', name: 'Hanna Helpdesk', groups: ['4f0c8c55-7a9e-4b0e-8a57-51f2c1a4c0de'] });

/** @type {import('../lib/stage.mjs').Stage} */
let stage;
/** @type {Awaited<ReturnType<import('../lib/stage.mjs').Stage['signIn']>>} */
let helpdesk;
before(async () => {
  stage = await startStage({
    load: ['alias', 'rewrite', 'include', 'setenvif', 'env', 'auth_basic', 'authn_file'],
    files: {
      'www/page.shtml': '<!--#include virtual="/laps/api/v1/session" -->|<!--#include virtual="/laps/" -->',
      'www/inner/.keep': '', 'www/listed/.keep': '',
      'www/passed/.keep': '',
      // DirectoryIndex and FallbackResource take only what a file stands behind
      'www/laps/api/v1/session': 'a file', 'www/laps/index.html': 'a file',
      // user "basic", password "demo"
      'conf/htpasswd': 'basic:{SHA}ieSV55Qc+eQOaYDRSha/AjzNTJE=\n',
    },
    vhost: `
      <Directory "{root}/www">
        Options +Includes
        AddOutputFilter INCLUDES .shtml
      </Directory>
      <Location "/open">
        SetHandler amlaps
      </Location>
      <Location "/open-env">
        SetHandler amlaps
        SetEnvIf X-Claims "(.+)" OIDC_id_token_payload=$1
      </Location>
      <Location "/fixed-env">
        SetHandler amlaps
        SetEnv OIDC_id_token_payload "${CLAIMS.replace(/"/g, '\\"')}"
      </Location>
      <Location "/basic">
        SetHandler amlaps
        AuthType Basic
        AuthName basic
        AuthUserFile "{root}/conf/htpasswd"
        Require valid-user
        SetEnv OIDC_id_token_payload "${CLAIMS.replace(/"/g, '\\"')}"
      </Location>
      <Location "/error">
        ErrorDocument 404 /laps/api/v1/session
      </Location>
      <Directory "{root}/www/inner">
        RewriteEngine On
        RewriteRule "(.*)" "/laps/api/v1/session"
      </Directory>
      <Directory "{root}/www/listed">
        DirectoryIndex /laps/api/v1/session
      </Directory>
      <Directory "{root}/www/passed">
        FallbackResource /laps/api/v1/session
      </Directory>`,
  });
  helpdesk = await stage.signIn('helpdesk');
});
after(() => stage?.close([/AML0139/, /auth_openidc:(warn|error).*(header|scrub)/i, /\[include:error\].*unable to include/]));

describe('ids', () => {
  test('that are none are refused before Graph hears of them', async () => {
    const asked = stage.graphRequests().length;
    const id = DEVICES.lon001;
    for (const bad of ['x', 'LON-001', id.replace(/-/g, ''), `{${id}}`, `%7B${id}%7D`, `${id}0`, id.slice(1), `${id}%00`, `${id}%0a`, `%20${id}`,
      '00000000-0000-0000-0000-000000000000', `${id}'`, `${id})`, `..%2f${id}`, `${id}%2f`, `${id.slice(0, -1)}%D9%A1`, `${'a'.repeat(4000)}`,
      id.replace(/^./, 'g'), '*', '%25', `${id}%3F$select=x`]) {
      for (const answer of [await helpdesk.get('x', { target: `/laps/api/v1/devices/contoso/${bad}` }),
        await helpdesk.post('x', {}, { target: `/laps/api/v1/devices/contoso/${bad}/password` })]) {
        assert.ok([400, 404].includes(answer.status), `${bad}: ${summary(answer)}`);
        if (answer.headers['content-type']?.startsWith('application/problem')) assertProblem(answer, answer.status === 400 ? 'bad_request' : 'not_found');
      }
    }
    assert.equal(stage.graphRequests().length, asked);
  });

  test('the example that a refusal gives is one that is taken', async () => {
    const zeros = '00000000-0000-0000-0000-000000000000';
    const { detail } = assertProblem(await helpdesk.password('contoso', zeros), 'bad_request');
    const [example] = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(detail) ?? [''];
    assertProblem(await helpdesk.password('contoso', example), 'not_authorized');
  });

  test('of tenants that are none', async () => {
    for (const tenant of ['fabrikam', 'CONTOSO', 'contoso%20', '..', '%2e', 'a'.repeat(3000), '%D9%85']) {
      const answer = await helpdesk.get('x', { target: `/laps/api/v1/devices/${tenant}/${DEVICES.lon001}` });
      assert.ok([400, 403, 404].includes(answer.status), `${tenant}: ${summary(answer)}`);
    }
  });
});

describe('search', () => {
  /** @param {string} query */
  const search = (query) => helpdesk.get('x', { target: `/laps/api/v1/devices?${query}` });

  test('needs two characters', async () => {
    for (const query of ['', 'search=', 'search=L', 'search=%20L%20', 'search=%C3%BC', 'search=%F0%9F%96%A5', 'tenant=contoso']) {
      assertProblem(await search(query), 'bad_request');
    }
  });

  test('refuses what is no text', async () => {
    for (const query of ['search=LO%00N', 'search=LO%E2%80%AEN', 'search=LO%0AN', 'search=LO%1BN', 'search=LO%7FN', 'search=%FF%FE', 'search=LO%C0%80', 'search=%ED%A0%80LO',
      'search=LON%', 'search=LON%2', 'search=LON%ZZ', `search=${'x'.repeat(5000)}`]) {
      assertProblem(await search(query), 'bad_request');
    }
  });

  test('refuses parameters given twice and tenants that are none', async () => {
    assertProblem(await search('search=LON&search=PAR'), 'bad_request');
    assertProblem(await search('search=LON&tenant=contoso&tenant=fabrikam'), 'bad_request');
    const answer = await search('search=LON&tenant=nowhere');
    assert.ok([400, 404].includes(answer.status), summary(answer));
  });

  test('says what is missing or wrong', async () => {
    /** @type {[string, RegExp][]} */
    const said = [['tenant=contoso', /^The query lacks search, .* as in search=LON-\.$/], ['search=L', /^Search for at least 2 characters/], ['search=', /^Search for at least 2 characters/],
      ['search=LO%0AN', /^Give search a text/], ['search=LON&search=PAR', /^The parameter search of the query stands twice/],
      ['search', /^The parameter search of the query has no value/], ['search=LON%2', /^The parameter search of the query has a broken percent-encoding/],
      ['find=LON', /^The query takes no parameter but search, tenant, /]];
    for (const [query, pattern] of said) {
      assert.match(assertProblem(await search(query), 'bad_request').detail, pattern);
    }
  });

  test('finds names that break what does not escape, and gives them back unchanged', async () => {
    const names = stage.tenant('contoso').devices.map((d) => d.displayName ?? '').filter((name) => /^LON-(?!\d{3}$|MAC)/.test(name));
    assert.ok(names.length >= 10, `${names}`);
    for (const name of names) {
      // a search takes no control characters, those of writing direction included: the text before one finds the device
      const control = /[\u0000-\u001f\u202e]/.exec(name);
      const text = control ? name.slice(0, control.index) : name;
      const found = assertOk(await search(`search=${encodeURIComponent(text)}`)).devices.map((/** @type {any} */ d) => d.name);
      // 'LON-' alone finds more than are shown
      if (text !== 'LON-') assert.ok(found.includes(name), `${JSON.stringify(text)} found ${JSON.stringify(found)}`);
      const device = stage.device(name);
      const answer = assertOk(await helpdesk.password('contoso', device.deviceId, { reason: name.replace(/[\u0000-\u001f]/g, ' ') }));
      assert.equal(answer.device.name, name);
      const record = (await stage.records()).at(-1);
      assert.equal(record.device.name, name);
    }
  });

  test('a quote does not widen the search', async () => {
    for (const text of ["LON-001' or startswith(displayName,'PAR", "x' or '1' eq '1", '"LON" OR "PAR"', 'LON-001"', "LON-001%27"]) {
      const { devices } = assertOk(await search(`search=${encodeURIComponent(text)}`));
      assert.deepEqual(devices, [], text);
    }
  });

  test('an asterisk and a question mark are letters', async () => {
    assert.deepEqual(assertOk(await search('search=LON*')).devices, []);
    assert.deepEqual(assertOk(await search('search=LO%3F')).devices, []);
  });
});

describe('paths', () => {
  test('do not lead out of the page’s files', async () => {
    for (const target of ['/laps/../conf/httpd.conf', '/laps/%2e%2e/conf/httpd.conf', '/laps/..%2fconf/httpd.conf', '/laps/%2e%2e%2fsecret/contoso.secret',
      '/laps/....//conf/httpd.conf', '/laps/index.html%00.js', '/laps//etc/passwd', '/laps/.git/config', '/laps/..\\conf\\httpd.conf', '/laps/./../state/amlaps.db',
      '/laps/index.html/', '/laps/index.html/x']) {
      const answer = await helpdesk.get('x', { target });
      assert.ok([400, 403, 404].includes(answer.status), `${target}: ${answer.status}`);
      assert.doesNotMatch(answer.text, /ServerRoot|AMLapsTenant|SQLite|root:/);
    }
  });
});

describe('forged identities', () => {
  const FORGED = {
    'OIDC_CLAIM_oid': 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee', 'OIDC-CLAIM-oid': 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
    'OIDC_CLAIM_groups': '4f0c8c55-7a9e-4b0e-8a57-51f2c1a4c0de', 'OIDC_CLAIM_preferred_username': 'helpdesk@contoso.com',
    'OIDC_id_token_payload': CLAIMS, 'OIDC-id-token-payload': CLAIMS, 'OIDC_userinfo_json': CLAIMS, 'OIDC_access_token': 'x',
    'REDIRECT_OIDC_id_token_payload': CLAIMS, 'X-Remote-User': 'helpdesk@contoso.com', 'Remote-User': 'helpdesk@contoso.com',
    'REMOTE_USER': 'helpdesk@contoso.com', 'X-Forwarded-User': 'helpdesk@contoso.com', Authorization: `Bearer ${CLAIMS}`,
    'X-Claims': CLAIMS,
  };

  test('in headers change nobody', async () => {
    const nobody = await stage.signIn('nobody');
    const { user } = assertOk(await nobody.get('api/v1/session', { headers: FORGED }));
    assert.equal(user.username, 'nobody@contoso.com');
    assertProblem(await nobody.password('contoso', DEVICES.lon001, {}, { headers: FORGED }), 'not_authorized');
  });

  test('in headers are no session', async () => {
    const answer = await new Session(stage.base).get('api/v1/session', { headers: FORGED });
    assert.equal(answer.status, 401);
  });

  test('where mod_auth_openidc does not stand in front nobody is anybody', async () => {
    for (const place of ['open', 'open-env', 'fixed-env']) {
      const stranger = new Session(`${stage.origin}/${place}/`);
      for (const session of [stranger, new Session(`${stage.origin}/${place}/`, helpdesk.jar)]) {
        const headers = { ...FORGED, Cookie: helpdesk.jar.cookieHeader(new URL(stage.base)) };
        assertProblem(await session.get('api/v1/session', { headers }), 'not_authenticated');
        assertProblem(await session.get('api/v1/devices?search=LON', { headers }), 'not_authenticated');
        assertProblem(await session.password('contoso', DEVICES.lon001, {}, { headers }), 'not_authenticated');
      }
    }
  });
});

describe('another kind of sign-in', () => {
  test('is none of ours, whatever the environment says', async () => {
    const session = new Session(`${stage.origin}/basic/`);
    const headers = { Authorization: `Basic ${Buffer.from('basic:demo').toString('base64')}` };
    assertProblem(await session.get('api/v1/session', { headers }), 'not_authenticated');
    assertProblem(await session.password('contoso', DEVICES.lon001, {}, { headers }), 'not_authenticated');
    assert.equal((await session.request('', { headers })).status, 200, 'the page itself is open to whom httpd lets in');
  });
});

describe('other ways into the handler', () => {
  for (const [name, path] of [['ErrorDocument', '/error/nothing'], ['a rewrite within a directory', '/inner/x'], ['DirectoryIndex', '/listed/'],
    ['FallbackResource', '/passed/x'], ['a server-side include', '/page.shtml']]) {
    test(name, async () => {
      const headers = { Cookie: helpdesk.jar.cookieHeader(new URL(stage.base)) };
      assert.match(headers.Cookie, /mod_auth_openidc_session=/);
      const answer = await helpdesk.get('x', { target: path, headers });
      assert.doesNotMatch(answer.text, /helpdesk@contoso\.com|Hanna|"user"/, summary(answer));
      const direct = assertOk(await helpdesk.get('api/v1/session'));
      assert.equal(direct.user.username, 'helpdesk@contoso.com');
    });
  }
});
