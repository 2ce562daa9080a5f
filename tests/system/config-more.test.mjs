// @ts-check
/** More mistakes that `apachectl configtest` finds: what was once taken in silence. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { makeCertificate } from '../entra/certificate.mjs';
import { audit } from '../lib/audit-tool.mjs';
import { CLIENT, ID, SECRET_FILE, STORE, casesOf, rule, tenant } from '../lib/config-cases.mjs';
import { Httpd } from '../lib/httpd.mjs';

const GOOD_RULE = rule('AMLapsDevice name "LON *"\nAMLapsAllow password user "alice@contoso.com"');
const all = tenant() + GOOD_RULE;

/** @type {Httpd} */
let httpd;
before(async () => {
  const { cert: ca } = await makeCertificate();
  httpd = await Httpd.create({
    files: {
      ...SECRET_FILE,
      'seal/other': { content: 'made by somebody else\n', mode: 0o600 },
      'seal/newer': { content: 'amlaps-seal 2 and so on\n', mode: 0o600 },
      'conf/nonsense.pem': '-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n',
      'conf/no.der': `-----BEGIN CERTIFICATE-----\n${Buffer.from('no certificate').toString('base64')}\n-----END CERTIFICATE-----\n`,
      'conf/page.inc': '<Location "/laps">\nAuthType openid-connect\nRequire valid-user\nSetHandler amlaps\n</Location>\n',
      'conf/good.pem': ca,
      'conf/two.pem': `first\n${ca}second\n${ca}`,
      'conf/half.pem': `${ca}${ca.slice(0, 300)}`,
      'seal/empty': { content: '', mode: 0o600 },
    },
  });
  for (const name of ['state', 'second']) assert.equal((await audit(['init', httpd.path(`seal/${name}`), httpd.path(`seal/${name}.db`)])).code, 0);
});
after(() => httpd?.discard());

const { configtest, accepts, refuses } = casesOf(() => httpd);

describe('a quoted value of an expectation', () => {
  for (const words of ['user="alice@contoso.com" device="LON 001"', "user='alice@contoso.com' device='LON 001'", '"user=alice@contoso.com" "device=LON 001"',
    'user=alice@contoso.com  device="LON 001" ', 'claim.x="a \\" b" claim.x="" user="alice@contoso.com" device="LON \\\\ 1"']) {
    accepts(words, `${all}AMLapsExpect allow password ${words}`);
  }
  accepts('whose quote stands in the middle', `${all}AMLapsExpect allow password user=alice@contoso.com device="LON 1" claim.x=a"b claim.x=it's`);
  refuses('is the value alone', `${all}AMLapsExpect allow password user="bob@contoso.com" device="LON 001"`, /AML0118: .*no rule grants it/);
  refuses('whose quote never ends', `${all}AMLapsExpect deny password user="alice`, /AMLapsExpect: user="alice has a quote that never ends; write KEY="VALUE"/);
  refuses('whose end is escaped', `${all}AMLapsExpect deny password user='alice\\'`, /AMLapsExpect: .*never ends; .*\\' for a quote/);
  refuses('with its key, whose quote never ends', `${all}AMLapsExpect deny password "user=alice`, /AMLapsExpect: "user=alice has a quote that never ends/);
  refuses('with more behind it', `${all}AMLapsExpect deny password user="alice"@contoso.com`, /AMLapsExpect: user="alice"@\S+ has more right behind its quotes/);
  test('on the command line', async () => {
    const { ok, output } = await configtest(all, '-c', 'AMLapsExplain user="alice@contoso.com" device="LON 001"');
    assert.ok(ok, output);
    assert.match(output, /password +allow by "London helpdesk"/);
    const cut = await configtest(all, '-c', 'AMLapsExplain user=alice@contoso.com device="LON 001');
    assert.ok(!cut.ok, cut.output);
    assert.match(cut.output, /AMLapsExplain: device="LON 001 has a quote that never ends/);
  });
});

test('questions and expectations on the command line are taken whole, however long they are', async () => {
  const ids = `groups=${ID},${CLIENT} device-groups=${CLIENT},${ID} device-units=${ID}`;
  const long = `tenant=contoso user=alice@contoso.com ${ids} device="LON 1" address=10.0.0.1 time=2026-11-22T16:00:00Z`;
  const { ok, output } = await configtest(all, '-c', `AMLapsExplain ${long}`, '-c', ' amlapsexplain  device=X ', '-c', `AMLapsExplain ${long} os=x`);
  assert.ok(ok, output);
  const none = 'history   deny, no rule grants it';
  const given = ['password  allow by "London helpdesk"', none];
  assert.deepEqual(output.split('\n').filter((line) => /device=|^password|^history/.test(line)),
    [long, ...given, 'device=X', none.replace('history ', 'password'), none, `${long} os=x`, ...given]);
  const wrong = await configtest(all, '-c', 'AMLapsExplain device=X', '-c', `AMLapsExplain ${long} claim.x="${'y'.repeat(300)}`);
  assert.ok(!wrong.ok, wrong.output);
  assert.match(wrong.output, /line 2 of -c\/-C directives:\nAMLapsExplain: .*has a quote that never ends/);
  const { ok: held, output: told } = await configtest(all, '-c', `AMLapsExpect deny password ${long}`, '-c', 'AMLapsExpect deny all device=X');
  assert.ok(!held, told);
  assert.match(told, /AML0118: -c\/-C directives:1: AMLapsExpect deny password tenant=contoso .*Z: the rules answer allow for password/);
  assert.ok((await configtest(all, '-c', `AMLapsExpect allow password ${long}`)).ok);
});

describe('what httpd takes whole from the command line', () => {
  const asked = 'user=alice@contoso.com device="LON 1"';
  const long = `${asked} groups=${ID},${CLIENT} device-groups=${CLIENT},${ID} device-units=${ID}`;
  const wrong = `AMLapsExpect deny password ${asked}`;
  const host = ['<VirtualHost 127.0.0.1:1>', 'ServerName v.example', ...tenant('', 'other').trim().split('\n')];
  /** @param {...string} lines */
  const given = (...lines) => configtest(all, ...lines.flatMap((line) => ['-c', line.replace('{root}', httpd.root)]));
  const refused = /AML0118: -c\/-C directives:\d: AMLapsExpect deny password .*: the rules answer allow for password/;

  for (const line of [wrong, `AMLapsExpect deny password ${long}`, ' '.repeat(250) + wrong]) {
    test(`is taken before the configuration too, with ${line.length} characters`, async () => assert.match((await configtest(all, '-C', line)).output, refused));
  }
  for (const key of [asked, long].map((keys) => keys.replace('alice', '${WHO}'))) {
    test(`has its variables, with ${key.length} characters`, async () => assert.match((await given('Define WHO alice', `AMLapsExpect deny password ${key}`)).output, refused));
  }
  test('stays under its condition', async () => {
    const { ok, output } = await given('<IfDefine NOTHING>', wrong, '</IfDefine>');
    assert.ok(ok, output);
  });
  for (const keys of ['device=X', `device=X ${long.slice(long.indexOf('groups='))}`]) {
    test(`stays in its virtual host, with ${keys.length} characters`, async () => {
      const { ok, output } = await given(...host, `AMLapsExplain tenant=other ${keys}`, 'AMLapsExpect deny all tenant=other device=Y', '</VirtualHost>');
      assert.ok(ok, output);
      assert.deepEqual(output.split('\n').filter((line) => /tenant=other/.test(line)), [`virtual host v.example: tenant=other ${keys}`]);
    });
  }
  test('is told apart where it begins alike', async () => {
    const questions = [long, 'device=A', `${long} os=x`, `${long} os=${'y'.repeat(1500)}`, 'device=B', `${' '.repeat(250)}device=C`];
    const { ok, output } = await given(...questions.map((keys) => `AMLapsExplain ${keys}`));
    assert.ok(ok, output);
    assert.deepEqual(output.split('\n').filter((line) => /^(user|device)=/.test(line)), questions.map((keys) => keys.trim()));
  });
  test('another directive behind a long question, which httpd takes for a part of it, is not passed over in silence', async () => {
    const { ok, output } = await given(`AMLapsExplain ${long}`, 'LogLevel debug');
    assert.ok(!ok, output);
    assert.match(output, /AML0119: .*AMLapsExplain: .*LogLevel/);
  });
});

describe('the words of a line', () => {
  const inRule = (/** @type {string} */ line) => all + rule(`AMLapsDevice all\nAMLapsAllow password role x\n${line}`, '"Other"');
  const comment = /: a comment can't stand behind a directive; give it a line of its own, or put quotes around a value that begins with '#'/;
  for (const line of ['AMLapsDevice name LON-* # London', 'AMLapsDeny all group Trainees #all of them', 'AMLapsReason required # ticket', 'AMLapsReasonChoice "Repair" # on site']) {
    refuses(line, inRule(line), new RegExp(`${line.split(' ')[0]}${comment.source}`));
  }
  refuses('of a role, with a comment', `${all}AMLapsAuditor role Laps.Auditor # Alice`, /AMLapsAuditor/, comment);
  refuses('of a section, with a comment', tenant() + rule('AMLapsDevice all\nAMLapsAllow password role x', '"Other" # London'), /<AMLapsRule/, comment);
  accepts('with # in quotes or within a word', inRule('AMLapsDeny all group "#Trainees" \'# 1\' C#'));

  for (const line of ['AMLapsDevice name "LON-* PAR-*', "AMLapsDeny all group Trainees 'Board", 'AMLapsReason required "^INC[0-9]+$" "A ticket', 'AMLapsDeny all group "a \\"']) {
    refuses(line, inRule(line), new RegExp(`${line.split(' ')[0]}: there is a quote that never ends; write "VALUE"`));
  }
  refuses('of a section, whose quote never ends', tenant() + rule('AMLapsDevice all\nAMLapsAllow password role x', '"Other'), /<AMLapsRule: there is a quote that never ends/);
  refuses('with more right behind a quote', inRule('AMLapsDeny all group "Board"Trainees'), /AMLapsDeny: there is more right behind a quote; write "VALUE" with a blank/);
  test('of a secret, whose quote never ends, are not told', async () => {
    const { ok, output } = await configtest(all.replace('file:{root}/secret/good', '"a~secret'));
    assert.ok(!ok, output);
    assert.match(output, /AMLapsClientSecret: there is a quote that never ends/);
    assert.doesNotMatch(output, /a~secret/);
  });
  accepts('with quotes in quotes', inRule('AMLapsDeny all group "Field \\"north\\"" \'it\\\'s\' it\'s "back\\\\"'));
});

describe('settings of other modules that are not safe', () => {
  const page = '<Location "/laps">\nAuthType openid-connect\nRequire valid-user\nSetHandler amlaps\n</Location>';
  const METADATA = 'https://login.microsoftonline.com/';
  /** @param {string} line @param {string | null} id of the warning, which names the line @param {string} [around] what stands around it */
  function warns(line, id, around = '@') {
    test(`${line}${around === '@' ? '' : ` in ${around.split('\n')[0]}`}${id ? '' : ' is none'}`, async () => {
      httpd.configure({ load: ['dumpio', 'remoteip'], amlaps: `${all}${STORE}\n${page}\n${around.replace('@', line)}` });
      const { ok, output } = await httpd.configtest();
      assert.ok(ok, output);
      const at = httpd.read('conf/httpd.conf').split('\n').lastIndexOf(line) + 1;
      assert.deepEqual([...output.matchAll(/(AML01(?:7\d|86)): \S+httpd\.conf:(\d+): .*; (set|write|remove)/g)].map((m) => `${m[1]} ${m[2]}`), id ? [`${id} ${at}`] : [], output);
    });
  }
  warns('OIDCCookieHTTPOnly Off', 'AML0171');
  warns('OIDCCookieHTTPOnly On', null);
  warns('OIDCSSLValidateServer "off"', 'AML0172');
  warns('OIDCSSLValidateServer On', null);
  warns('OIDCSessionType client-cookie', 'AML0173');
  warns('OIDCSessionType client-cookie:persistent', 'AML0173');
  warns('OIDCSessionType server-cache:persistent', null);
  warns('OIDCUnAuthAction pass', 'AML0174', '<Location "/x">\n@\n</Location>');
  warns("OIDCUnAuthAction 401 \"%{QUERY_STRING} == 'pass' || -z 'pass'\"", null, '<Location "/x">\n@\n</Location>');
  warns('OIDCPKCEMethod plain', 'AML0175');
  warns('OIDCPKCEMethod S256', null);
  warns('OIDCResponseType id_token', 'AML0176');
  warns('OIDCResponseType "code token"', 'AML0176');
  warns("OIDCResponseType 'code id_token'", 'AML0176');
  warns('OIDCResponseType code', null);
  for (const name of ['common', 'organizations', 'consumers']) {
    warns(`OIDCProviderMetadataURL ${METADATA}${name}/v2.0/.well-known/openid-configuration`, 'AML0177');
  }
  warns(`OIDCProviderIssuer ${METADATA}common/v2.0`, 'AML0177', '<VirtualHost 127.0.0.1:1>\n@\n</VirtualHost>');
  warns(`OIDCProviderMetadataURL ${METADATA}${ID}/v2.0/.well-known/openid-configuration`, null);
  warns(`OIDCProviderIssuer ${METADATA}uncommon/v2.0`, null);
  warns('DumpIOInput On', 'AML0178');
  warns('DumpIOOutput on', 'AML0178');
  warns('DumpIOInput Off', null);
  for (const word of ['', ' latin1', ' base64url']) {
    test(`OIDCPassClaimsAs environment${word}${/\d/.test(word) ? '' : ' is none'}`, async () => {
      httpd.configure({ load: [], amlaps: `${all}${STORE}\n${page}\nOIDCPassClaimsAs environment${word}` });
      const { ok, output } = await httpd.configtest();
      assert.ok(ok, output);
      assert.doesNotMatch(output, /AML0114/);
      assert.equal(output.includes(`AML0187: OIDCPassClaimsAs${word} `), /\d/.test(word), output);
    });
  }
  warns('RemoteIPHeader X-Forwarded-For', 'AML0186');
  warns('RemoteIPHeader X-Real-IP', 'AML0186', '<VirtualHost 127.0.0.1:1>\n@\n</VirtualHost>');
  for (const proxy of ['RemoteIPInternalProxy 10.0.0.1', 'RemoteIPTrustedProxy 10.0.0.1']) {
    warns('RemoteIPHeader X-Forwarded-For', null, `${proxy}\n<VirtualHost 127.0.0.1:1>\n@\n</VirtualHost>`);
  }
});

describe('the place of a mistake', () => {
  const soc = '<AMLapsChannel soc>\nAMLapsWebhook json https://hooks.example.org/x\n</AMLapsChannel>\n';
  /** @param {string} name @param {string} lines @param {string} wrong the line @param {(line: number) => RegExp} message */
  const places = (name, lines, wrong, message) => test(name, async () => {
    const { ok, output } = await configtest(lines);
    assert.ok(!ok, output);
    const text = httpd.read('conf/httpd.conf').split('\n');
    assert.match(output, message(text.lastIndexOf(text.filter((line) => line.startsWith(wrong)).at(-1) ?? '') + 1));
  });
  places('an unknown channel in a rule', `${soc}${tenant()}${rule('AMLapsDevice all\nAMLapsAllow all anyone\nAMLapsNotify all soc\nAMLapsNotify failure sco')}`,
    'AMLapsNotify failure', (line) => new RegExp(`AML0520: \\S+httpd\\.conf:${line}: AMLapsNotify names the unknown channel 'sco'`));
  places('an alien directive in a section', tenant('ServerAdmin a@b.c'), 'ServerAdmin',
    (line) => new RegExp(`line ${line} of \\S+httpd\\.conf:\\s+ServerAdmin can't stand in <AMLapsTenant>; what can: AMLapsTenantId`));
  const channel = (/** @type {string} */ lines) => `${all}<AMLapsChannel soc>\n${lines}\n</AMLapsChannel>\nAMLapsNotify all soc`;
  const hook = 'AMLapsWebhook slack https://hooks.example.org/x';
  const mail = 'AMLapsMail smtp://mail.example laps@contoso.com soc@contoso.com';
  for (const [name, lines] of [['AMLapsWebhook', 'AMLapsRequired on\nAMLapsWebhook json http://hooks.example.org/x'], ['AMLapsWebhookSecret', `${hook}\nAMLapsWebhookSecret file:secret/none`],
    ['AMLapsWebhookSecret', `${hook}\nAMLapsWebhookSecret file:secret/good`], ['AMLapsMailLogin', `${mail}\nAMLapsMailLogin laps file:secret/none`]]) {
    places(`${name} of a channel`, channel(lines), name, (line) => new RegExp(`AML0520: \\S+httpd\\.conf:${line}: ${name} of channel soc: `));
  }
  places('a template', channel(`${hook}\nAMLapsTemplate conf/nonsense.pem`), 'AMLapsTemplate', (line) => new RegExp(`line ${line} of \\S+httpd\\.conf:\\s+<AMLapsChannel soc>: AMLapsTemplate`));
  const seals = (/** @type {string} */ own) => `${all}AMLapsAuditSeal seal/state\n${STORE}\n<VirtualHost 127.0.0.1:1>\n${own}\n</VirtualHost>`;
  places('a store without a sealing state of its own', seals('AMLapsStore sqlite3:{root}/state/other.db'), 'AMLapsStore',
    (line) => new RegExp(`AML0198: \\S+httpd\\.conf:${line} and \\S+httpd\\.conf:\\d+: AMLapsAuditSeal: .*, at \\S+httpd\\.conf:\\d+; give`));
  places('a second sealing state of one store', seals('AMLapsAuditSeal seal/second'), 'AMLapsAuditSeal',
    (line) => new RegExp(`AML0198: \\S+httpd\\.conf:\\d+ and \\S+httpd\\.conf:${line}: AMLapsAuditSeal: `));
});

describe('without any tenant', () => {
  const host = (/** @type {string} */ lines, port = 1) => `<VirtualHost 127.0.0.1:${port}>\nServerName v${port}.example\n${lines}\n</VirtualHost>\n`;
  const soc = '<AMLapsChannel soc>\nAMLapsWebhook json https://hooks.example.org/x\n</AMLapsChannel>\n';
  const unchecked = /AML0179: \S+httpd\.conf:(\d+): AMLapsExpect stands without any tenant/g;
  /** @param {string} name @param {string} lines @param {number} warned how often */
  const warns = (name, lines, warned) => test(name, async () => {
    const { ok, output } = await configtest(lines);
    assert.ok(ok, output);
    assert.equal([...output.matchAll(unchecked)].length, warned, output);
  });
  refuses('an expectation with an unknown key', 'AMLapsExpect deny password usr=a@b.c', /AML0118: \S+httpd\.conf:\d+: AMLapsExpect .*'usr' is no key/);
  refuses('one of a virtual host', host('AMLapsExpect deny password device-id=x'), /AML0118: .*device-id=x: write a GUID/);
  refuses('one of a virtual host beside one with a tenant', host(all) + host('AMLapsExpect deny password usr=a', 2), /AML0118: .*'usr' is no key/);
  refuses('one that names a tenant', 'AMLapsExpect deny password tenant=contoso user=a', /AML0118: .*tenant=contoso: write the NAME/);
  refuses('a notification of an unknown channel', `${soc}AMLapsNotify all sco`, /AML0520: \S+httpd\.conf:\d+: AMLapsNotify names the unknown channel 'sco'; write one of soc/);
  refuses('a wrong URL of a channel', soc.replace('https:', 'http:'), /AML0520: \S+httpd\.conf:\d+: AMLapsWebhook of channel soc: .*https:/);
  refuses('one of a virtual host beside one with a tenant', host(all) + host(soc.replace('https:', 'http:'), 2), /AML0520: .*AMLapsWebhook of channel soc/);
  refuses('a channel of a virtual host that another one has', host(soc) + host(all + soc, 2), /AML0520: .*<AMLapsChannel soc> is a duplicate name/);
  test('a channel that AMLapsNotify names is not told to be told nothing', async () => {
    const { ok, output } = await configtest(host(all) + host(`${soc}AMLapsNotify all soc`, 2));
    assert.ok(ok, output);
    assert.doesNotMatch(output, /AML0521/);
  });
  refuses('one of a virtual host', soc + host('AMLapsNotify failure sco'), /AML0520: .*unknown channel 'sco'/);
  /** @param {string} name @param {string} lines @param {string[]} said each line that tells so, whatever the LogLevel */
  const explains = (name, lines, said) => test(name, async () => {
    const { ok, output } = await configtest(`LogLevel crit\n${lines}`, '-c', 'AMLapsExplain user=a@b.c device=X');
    assert.ok(ok, output);
    const told = output.match(/^.*user=.*\nAML0185: nothing can be explained, because there is no tenant .*; write a section <AMLapsTenant NAME>$/gm) ?? [];
    assert.deepEqual(told.map((text) => text.split('\n')[0]), said, output);
  });
  explains('an explanation says why there is none, once', host(''), ['user=a@b.c device=X']);
  explains('but not where a virtual host has one', host(all), []);
  explains('also of a virtual host', host(all) + host('AMLapsExplain user=d', 2), ['virtual host v2.example: user=d']);
  test('an explanation with an unknown key is a mistake', async () => {
    const { ok, output } = await configtest('', '-c', 'AMLapsExplain usr=a');
    assert.ok(!ok, output);
    assert.match(output, /AML0119: -c\/-C directives:1: AMLapsExplain: 'usr' is no key/);
  });
  warns('an expectation is told to be unchecked', 'AMLapsExpect deny password user=a device=b', 1);
  warns('also in a virtual host, once', `${host(all)}${host('AMLapsExpect deny password user=a\nAMLapsExpect deny all user=b', 2)}`, 1);
  warns('but for those that a virtual host with one inherits', `AMLapsExpect allow password tenant=contoso user=alice@contoso.com "device=LON 1"\nAMLapsNotify all soc\n`
    + host(`${soc}${all}`) + host('', 2), 0);
});

describe('SetHandler amlaps', () => {
  const page = '<Location "/laps">\nAuthType openid-connect\nRequire valid-user\nSetHandler amlaps\n</Location>\n';
  const host = (/** @type {string} */ lines, port = 1) => `<VirtualHost 127.0.0.1:${port}>\nServerName v${port}.example\n${lines}\n</VirtualHost>\n`;
  const nobody = /AML0105: \S+httpd\.conf:\d+: SetHandler amlaps has no tenant to serve; write a section <AMLapsTenant NAME> in its virtual host(?: at \S+httpd\.conf:\d+)?, or in the main server/;
  refuses('without any tenant', page, nobody);
  refuses('in a virtual host whose neighbour has the tenant', host(all) + host(page, 2), nobody);
  test('in a file that two virtual hosts include is told with the one without a tenant', async () => {
    const { ok, output } = await configtest(host(`${all}Include {root}/conf/page.inc`) + host('Include {root}/conf/page.inc', 2));
    assert.ok(!ok, output);
    const line = fs.readFileSync(httpd.path('conf/httpd.conf'), 'utf8').split('\n').indexOf('<VirtualHost 127.0.0.1:2>') + 1;
    assert.match(output, new RegExp(`AML0105: \\S+page\\.inc:4: .* in its virtual host at \\S+httpd\\.conf:${line}, or in the main`));
  });
  refuses('in a container there', host(all) + host(`<IfModule core.c>\n${page}</IfModule>`, 2), nobody);
  accepts('beside a tenant', host('') + host(all + page, 2));
  accepts('in a virtual host that inherits its tenant', all + host(page));
  accepts('in the main server, for the virtual host that has the tenant', page + host('') + host(all, 2));
});

describe('no rule is a warning', () => {
  const host = (/** @type {string} */ lines, port = 1) => `<VirtualHost 127.0.0.1:${port}>\nServerName v${port}.example\n${lines}\n</VirtualHost>\n`;
  const other = tenant('', 'fabrikam');
  /** @type {[string, string, number][]} */
  const cases = [['in the only server', tenant(), 1], ['in a main server and its virtual host', tenant() + host(other), 2], ['in one of two virtual hosts', host(all) + host(other, 2), 1],
    ['but not in a main server whose virtual hosts write them', tenant() + host('', 1) + host(GOOD_RULE, 2), 0], ['but not in a virtual host that inherits one', all + host(other), 0]];
  for (const [name, lines, warned] of cases) {
    test(name, async () => {
      const { ok, output } = await configtest(lines);
      assert.ok(ok, output);
      assert.equal([...output.matchAll(/AML0108: there is no <AMLapsRule>/g)].length, warned, output);
    });
  }
});

describe('a sealing state', () => {
  const good = () => fs.readFileSync(httpd.path('seal/state'));
  /** @param {string} name @param {(bytes: Buffer) => Buffer} change */
  const write = (name, change) => fs.writeFileSync(httpd.path(`seal/${name}`), change(good()), { mode: 0o600 });
  before(() => {
    write('cut', (bytes) => bytes.subarray(0, 200));
    write('torn', (bytes) => Buffer.concat([bytes.subarray(0, 4096), Buffer.from('torn'), bytes.subarray(4100)]));
  });
  accepts('that init has made', `${all}AMLapsAuditSeal seal/state`);
  accepts('with one slot that a power cut has torn', `${all}AMLapsAuditSeal seal/torn`);
  for (const name of ['other', 'empty', 'cut']) {
    refuses(`that is none: ${name}`, `${all}AMLapsAuditSeal seal/${name}`, new RegExp(`AMLapsAuditSeal: .*seal/${name} holds no whole state; .*amlaps-audit init made`));
  }
  refuses('of a newer version', `${all}AMLapsAuditSeal seal/newer`, /AMLapsAuditSeal: .* of a newer mod_amlaps; install that one again$/m);
  test('that who runs configtest may not read is left alone', { skip: process.getuid?.() !== 0 }, async () => {
    httpd.configure({ amlaps: `${STORE}\nAMLapsAuditSeal seal/other` });
    const { output } = await httpd.configtestUnprivileged();
    assert.doesNotMatch(output, /AMLapsAuditSeal/);
  });
});

describe('a copy of the audit', () => {
  before(() => [['logs', 'state/alias'], ['state', 'logs/self'], ['seal', 'logs/sealed']].forEach(([to, link]) => fs.symlinkSync(httpd.path(to), httpd.path(link))));
  const host = (/** @type {string} */ lines, port = 1) => `<VirtualHost 127.0.0.1:${port}>\nServerName v${port}.example\n${lines}\n</VirtualHost>\n`;
  for (const copy of ['{root}/logs/copy', 'syslog:local1', '"|/bin/cat -u"']) {
    refuses(`${copy} in the main server and in a virtual host`, `${all}AMLapsAuditLog ${copy}\n${host(`AMLapsAuditLog ${copy} required`)}`,
      /AML0137: \S+httpd\.conf:\d+: AMLapsAuditLog .* stands in the main server too, at \S+httpd\.conf:\d+; .*remove this one/);
  }
  accepts('of a virtual host beside another one', `${all}AMLapsAuditLog {root}/logs/copy\n${host('AMLapsAuditLog {root}/logs/copy1')}${host('AMLapsAuditLog {root}/logs/copy2', 2)}`);
  refuses('syslog in other letters, with a wrong facility', `${all}AMLapsAuditLog Syslog:kern`, /AMLapsAuditLog: .*facility/);
  refuses('syslog twice in other letters', `${all}AMLapsAuditLog SYSLOG:local0\nAMLapsAuditLog syslog:local0`, /AMLapsAuditLog: 'syslog:local0' stands at .* already/);
  accepts('syslog in other letters', `${all}AMLapsAuditLog SysLog`);
  refuses('into the sealing state', `${all}AMLapsAuditSeal seal/state\nAMLapsAuditLog seal/state`, /AML0137: .*AMLapsAuditLog \S+seal\/state is the sealing state's own file/);
  const store = (/** @type {string} */ name) => `AMLapsStore sqlite3:{root}/state/${name}.db\n`;
  const two = /AML0137: \S+httpd\.conf:\d+: AMLapsAuditLog \S+\/copy gets the records of the store sqlite3:\S+\.db .*no file can hold two chains; give each store a copy/;
  const apart = (/** @type {string} */ a, /** @type {string} */ b, one = 'one', other = 'other') => host(`${all}${store(one)}AMLapsAuditLog ${a}`)
    + host(`${tenant('', 'fabrikam')}${store(other)}AMLapsAuditLog ${b} required`, 2);
  refuses('of two virtual hosts with a store each', apart('{root}/logs/copy', '{root}/logs/copy'), two, /\.db \(at \S+:\d+\), and by \S+:\d+ of another server those of \S+\.db \(at/);
  refuses('of two virtual hosts, by two paths', apart('{root}/logs/copy', '{root}/state/alias/copy'), two);
  accepts('of two virtual hosts with one store', apart('{root}/logs/copy', '{root}/logs/copy', 'one', 'one'));
  accepts('of two virtual hosts with a store and a folder each', apart('{root}/logs/copy', '{root}/state/copy'));
  refuses('that a virtual host with a store of its own inherits', `${all}${store('one')}AMLapsAuditLog {root}/logs/copy\n${host(store('other'))}`, two, /by the same line of another server/);
  refuses('that two virtual hosts with a store each inherit', `AMLapsAuditLog {root}/logs/copy\n${host(`${all}${store('one')}`)}${host(`${tenant('', 'fabrikam')}${store('other')}`, 2)}`, two);
  accepts('that a virtual host with a store of its own does not inherit', `${all}${store('one')}${host(`${store('other')}AMLapsAuditLog {root}/logs/copy`)}`);
  for (const [where, owner] of [['state/amlaps.db-wal', "store's"], ['state/amlaps.db-shm', "store's"], ['logs/self/amlaps.db', "store's"], ['logs/sealed/state', "sealing state's"]]) {
    refuses(`into ${where}`, `${all}AMLapsAuditSeal seal/state\nAMLapsAuditLog {root}/${where} required`, new RegExp(`AML0137: .*AMLapsAuditLog \\S+/${where} is the ${owner} own file`));
  }
  refuses("into another server's store", apart('{root}/logs/copy', '{root}/state/one.db'), /AML0137: \S+:\d+: AMLapsAuditLog \S+\/one\.db is the store's own file/);
  refuses("into another server's store, named before it", apart('{root}/state/other.db-wal', '{root}/logs/copy'), /AML0137: .*other\.db-wal is the store's own file/);
  refuses('twice, by two paths', `${all}AMLapsAuditLog {root}/logs/copy\nAMLapsAuditLog {root}/state/alias/copy`, /AMLapsAuditLog: '\S+\/alias\/copy' stands at \S+:\d+ already/);
  refuses('in the main server and in a virtual host, by two paths', `${all}AMLapsAuditLog {root}/logs/copy\n${host('AMLapsAuditLog {root}/state/alias/copy')}`, /AML0137: .*alias\/copy stands in the main server too/);
  refuses('into the inherited sealing state', `${all}AMLapsAuditSeal seal/state\n${host('AMLapsAuditLog seal/state')}`, /AML0137: .*sealing state's own file/);
});

describe('a bundle of certificates', () => {
  for (const name of ['good', 'two']) accepts(name, tenant(`AMLapsCAFile conf/${name}.pem`) + GOOD_RULE);
  for (const name of ['nonsense.pem', 'no.der', 'half.pem']) {
    refuses(name, tenant(`AMLapsCAFile conf/${name}`) + GOOD_RULE, new RegExp(`AMLapsCAFile: 'conf/${name}' holds a certificate that is broken`));
  }
  refuses('without any', tenant('AMLapsCAFile conf/httpd.conf') + GOOD_RULE, /AMLapsCAFile: 'conf\/httpd\.conf' holds no PEM certificate/);
  refuses('that is a folder', tenant('AMLapsCAFile conf') + GOOD_RULE, /AMLapsCAFile: 'conf' /);
  refuses('that is missing', tenant('AMLapsCAFile conf/missing.pem') + GOOD_RULE, /AMLapsCAFile: 'conf\/missing\.pem' can't be read/);
});

describe('the functions of a condition', () => {
  const when = (/** @type {string} */ text) => tenant() + rule(`AMLapsDevice all\nAMLapsAllow all anyone\nAMLapsWhen "${text}"`);
  for (const text of ["claim('')", 'claim()', "Claim('')"]) refuses(text, when(`${text} == 'x'`), /AMLapsWhen: .*[cC]laim\(\) lacks the name of a claim; write one such as [cC]laim\('department'\)/);
  for (const text of ["claims('')", 'claims()']) refuses(text, when(`'x' in ${text}`), /AMLapsWhen: .*claims\(\) lacks the name/);
  for (const text of ["device_groups('y')", 'device_groups(%{DEVICE_NAME})']) refuses(text, when(`'x' in ${text}`), /AMLapsWhen: .*device_groups\(\) takes no argument; write 'GUID' in device_groups\(\)/);
  for (const text of ["'x' in device_groups()", "'x' in device_groups('')", "claim('x') == 'y'", "'x' in claims(tolower('X'))", '-z claim(%{DEVICE_NAME})']) accepts(text, when(text));
});
