// @ts-check
/** What `apachectl configtest` finds before a start would: where the page, copies and files are to be; and that nothing is done before a start. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { SECRET_FILE, STORE, casesOf, rule, tenant } from '../lib/config-cases.mjs';
import { Httpd } from '../lib/httpd.mjs';

const GOOD_RULE = rule('AMLapsDevice name LON-*\nAMLapsAllow password group 4f0c8c55-7a9e-4b0e-8a57-51f2c1a4c0de');

/** @type {Httpd} */
let httpd;
before(async () => {
  httpd = await Httpd.create({
    files: {
      ...SECRET_FILE,
      'conf/text': 'no database, but long enough to be read as one\n',
      'conf/key.pem': '-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n',
    },
  });
});
after(() => httpd?.discard());

const { configtest, refuses } = casesOf(() => httpd);

describe('inert', () => {
  test('a loaded module without configuration changes nothing', async () => {
    httpd.configure({ amlaps: '' });
    await httpd.start();
    try {
      assert.deepEqual(fs.readdirSync(httpd.path('state')), []);
      httpd.assertLogClean();
      assert.doesNotMatch(httpd.errorLog(), /amlaps:(error|warn)/);
    } finally {
      await httpd.stop();
    }
  });

  test('the default store is not touched by configtest', async () => {
    const { ok } = await configtest(`${tenant()}${GOOD_RULE}${STORE}`);
    assert.ok(ok);
    assert.deepEqual(fs.readdirSync(httpd.path('state')), []);
  });
});

describe('what start would find too', () => {
  const all = tenant() + GOOD_RULE;
  const handler = (section, end) => `${all}${section}\nSetHandler amlaps\n${end}\n`;

  refuses('a store that is no database', `${all}AMLapsStore sqlite3:{root}/conf/text\nAMLapsHtdocs {root}/htdocs`, /AMLapsStore.*no SQLite database/);
  refuses('a copy that is a folder', `${all}AMLapsAuditLog {root}/state`, /AMLapsAuditLog.*is a folder/);
  refuses('the same program twice', `${all}AMLapsAuditLog "|/bin/cat"\nAMLapsAuditLog "|/bin/cat" required`, /AMLapsAuditLog.*already/);
  test('a copy that everybody may write to, or that is a link', async () => {
    httpd.configure({ amlaps: `${all}AMLapsAuditLog {root}/state/copy` });
    fs.writeFileSync(httpd.path('state/copy'), '');
    fs.chmodSync(httpd.path('state/copy'), 0o666);
    assert.match((await httpd.configtest()).output, /everybody may write to '.*copy'/);
    fs.unlinkSync(httpd.path('state/copy'));
    fs.symlinkSync('/dev/null', httpd.path('state/copy'));
    assert.match((await httpd.configtest()).output, /'.*copy' is a symbolic link/);
    fs.unlinkSync(httpd.path('state/copy'));
  });
  refuses('the same copy twice', `${all}AMLapsAuditLog {root}/state/a\nAMLapsAuditLog {root}/state/a`, /AMLapsAuditLog.*already/);
  refuses('a copy into the store', `${all}AMLapsAuditLog {root}/state/amlaps.db`, /AMLapsAuditLog.*store's own file/);
  refuses('a handler in quotes in a folder', handler('<Directory "/">', '</Directory>').replace('SetHandler amlaps', 'SetHandler "amlaps"'), /SetHandler amlaps works inside <Location/);
  test('a page that is nowhere is a warning', async () => {
    const warning = /AML0138: there are tenants, but no Location has SetHandler amlaps/;
    for (const [line, warned] of /** @type {[string, boolean][]} */ ([['SetHandler amlap', true], ['SetHandler amlaps', false], ['SetHandler "amlaps"', false]])) {
      const { ok, output } = await configtest(`${all}<Location "/laps">\n${line}\n</Location>\n${STORE}`);
      assert.ok(ok, output);
      assert.equal(warning.test(output), warned, `${line}: ${output}`);
    }
  });
  describe('a page for which nobody is asked to sign in is a warning', () => {
    const warning = /AML0139: \S+httpd\.conf:(\d+): nothing asks anybody to sign in where this SetHandler amlaps stands; write Require valid-user/;
    const section = (/** @type {string} */ lines, path = '/laps', name = 'Location') => `<${name} "${path}">\n${lines}\n</${name}>\n`;
    const open = section('AuthType openid-connect\nSetHandler amlaps');
    const valid = 'AuthType openid-connect\nRequire valid-user';
    const host = (/** @type {string} */ lines) => `<VirtualHost 127.0.0.1:1>\nServerName b.example.org\n${lines}</VirtualHost>\n`;
    /** @type {[string, string, boolean][]} */
    const cases = [
      ['no Require', open, true],
      ['none in a virtual host', host(open), true],
      ['not even an AuthType', section('SetHandler amlaps'), true],
      ['Require all granted', section('AuthType openid-connect\nRequire all granted\nSetHandler amlaps'), true],
      ['Require valid-user beside Require all granted', section(`${valid}\nRequire all granted\nSetHandler amlaps`), true],
      ['a Require for folders, other places and what lies inside with a handler of its own', open + section('Require valid-user', '/lap') + section('Require valid-user', '/', 'Directory')
        + section('Require all denied\nSetHandler amlaps-health', '/laps/health'), true],
      ['a Require of another virtual host', `${host(open)}${host(section(valid)).replace('b.example', 'c.example')}`, true],
      ['Require valid-user', section(`${valid}\nSetHandler amlaps`), false],
      ['in a container', section('AuthType openid-connect\n<RequireAny>\nRequire valid-user\nRequire all denied\n</RequireAny>\nSetHandler amlaps'), false],
      ['in a condition', section('AuthType openid-connect\nSetHandler amlaps\n<If "true">\nRequire valid-user\n</If>'), false],
      ['from the Location around it', open + section(valid, '/'), false],
      ['from another one of the same path', section('Require all granted\nSetHandler amlaps') + section(valid, '/laps/'), false],
      ['from a pattern', open + section(valid, '^/l', 'LocationMatch'), false],
      ['from a condition', `${open}<If "true">\nRequire valid-user\n</If>\n`, false],
      ['inside it', open + section(valid, '/laps/api'), false],
      ['added by the virtual host', open + host(section(valid)), false],
    ];
    for (const [name, lines, warned] of cases) {
      test(`${warned ? '' : 'not '}${name}`, async () => {
        const { ok, output } = await configtest(`${all}${STORE}\n${lines}`);
        assert.ok(ok, output);
        const line = httpd.read('conf/httpd.conf').split('\n').indexOf('SetHandler amlaps') + 1;
        assert.deepEqual([...output.matchAll(new RegExp(warning, 'g'))].map((m) => Number(m[1])), warned ? [line] : [], output);
      });
    }
  });
  test('a handler in a Location in single quotes', async () => {
    const { ok, output } = await configtest(`${handler("<Location '/laps'>", '</Location>')}${STORE}`);
    assert.ok(ok, output);
    assert.doesNotMatch(output, /AML0136|AML0138/);
  });
  refuses('a handler in a Location without a path', handler('<Location laps>', '</Location>'), /SetHandler amlaps works inside <Location/);
  refuses('a handler under a pattern', handler('<LocationMatch "^/x">', '</LocationMatch>'), /SetHandler amlaps works inside <Location/);
  refuses('a handler under a ~ pattern', handler('<Location ~ "^/x">', '</Location>'), /SetHandler amlaps works inside <Location/);
  refuses('a handler in a folder', handler('<Directory "/">', '</Directory>'), /SetHandler amlaps works inside <Location/);
  refuses('a root with the version in it', tenant('AMLapsGraphURL https://graph.microsoft.com/v1.0') + GOOD_RULE, /AMLapsGraphURL.*root alone/);
  refuses('a root with the version in capitals', tenant('AMLapsGraphURL https://graph.microsoft.com/V1.0') + GOOD_RULE, /AMLapsGraphURL.*root alone/);
  refuses('a port that is none', tenant('AMLapsLoginURL https://login.microsoftonline.com:99999') + GOOD_RULE, /AMLapsLoginURL.*no port/);
  refuses('a key for a CA', tenant('AMLapsCAFile {root}/conf/key.pem') + GOOD_RULE, /AMLapsCAFile.*no PEM certificate/);
  refuses('control characters in a description', tenant() + rule('AMLapsDevice all\nAMLapsAllow all anyone', '"a\x07b"'), /AMLapsRule.*control characters/);
});
