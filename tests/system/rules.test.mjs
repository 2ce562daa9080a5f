// @ts-check
/** The rule language: conditions, expiry, claims, tenants, what equals what, virtual hosts, and the warnings about rules. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { guidOf } from '../entra/world.mjs';
import { ruleSection } from '../lib/amlaps-conf.mjs';
import { Httpd } from '../lib/httpd.mjs';

const GROUP = '4f0c8c55-7a9e-4b0e-8a57-51f2c1a4c0de';
const OTHER = '0f2b7b3c-6a55-4c59-8d1e-0c7a4c1f9e21';
const ID = '7d0a2f1e-44b7-4a0e-9c7b-2d9e8f6f1c33';

/** @param {string} name */
const tenant = (name) => `<AMLapsTenant ${name}>
  AMLapsTenantId 8aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11
  AMLapsClientId 535fb089-9ff3-47b6-9bfb-4f1264799865
  AMLapsClientSecret file:{root}/secret/good
</AMLapsTenant>`;
const FIRST = [tenant('contoso'), tenant('fabrikam'), 'AMLapsStore sqlite3:{root}/state/amlaps.db', 'AMLapsHtdocs {root}/htdocs'].join('\n');

/** @type {Httpd} */
let httpd;
before(async () => { httpd = await Httpd.create({ env: { TZ: 'UTC' }, files: { 'secret/good': { content: 'x\n', mode: 0o400 } } }); });
after(() => httpd?.discard());

/** @param {string} amlaps @param {string} [server] */
function configtest(amlaps, server = '') {
  httpd.configure({ amlaps: `${FIRST}\n${amlaps}`, server });
  return httpd.configtest();
}

/** @param {string} name @param {string[]} lines @param {string} [of] */
const rule = (name, lines, of) => ruleSection(name, lines, of);

/**
 * The rules answer each expectation; the opposite of each is refused, so that none of them is empty.
 * @param {string} name @param {string} rules @param {string[]} expectations `allow …` or `deny …`, without AMLapsExpect
 */
function answers(name, rules, expectations) {
  test(name, async () => {
    const good = await configtest([rules, ...expectations.map((e) => `AMLapsExpect ${e}`)].join('\n'));
    assert.ok(good.ok, good.output);
    for (const expectation of expectations) {
      const flipped = expectation.startsWith('allow') ? expectation.replace('allow', 'deny') : expectation.replace('deny', 'allow');
      const { ok, output } = await configtest(`${rules}\nAMLapsExpect ${flipped}`);
      assert.ok(!ok && output.includes('AML0118'), `also true: ${flipped}\n${output}`);
    }
  });
}

/** A rule for everybody on LON-* under a condition. @param {string} condition */
const when = (condition) => rule('A', ['AMLapsDevice name LON-*', 'AMLapsAllow password anyone', `AMLapsWhen ${condition}`]);

describe('AMLapsWhen: what it can say', () => {
  /** @param {string} condition @param {string[]} yes keys under which it holds @param {string[]} no */
  const holds = (condition, yes, no) => answers(condition, when(condition),
    [...yes.map((keys) => `allow password device=LON-1 ${keys}`), ...no.map((keys) => `deny password device=LON-1 ${keys}`)]);

  holds(`"-R '10.0.0.0/8'"`, ['address=10.1.2.3'], ['address=11.1.2.3', 'address=::1']);
  holds(`"-R '2001:db8::/32'"`, ['address=2001:db8::7'], ['address=2001:db9::7', 'address=10.1.2.3']);
  holds(`"%{REMOTE_ADDR} -ipmatch '10.1.0.0/16' || %{REMOTE_ADDR} == '192.0.2.1'"`, ['address=10.1.9.9', 'address=192.0.2.1'], ['address=10.2.0.1']);
  holds(`"%{TIME_YEAR} -eq 2027 && %{TIME_MON} == '03' && %{TIME_DAY} == '04'"`, ['time=2027-03-04T12:00:00Z'],
    ['time=2027-03-06T12:00:00Z', 'time=2026-03-04T12:00:00Z']);
  holds(`"%{TIME_MIN} -ge 30 && %{TIME_SEC} -lt 10"`, ['time=2027-03-04T12:30:09Z'], ['time=2027-03-04T12:29:09Z', 'time=2027-03-04T12:30:10Z']);
  holds(`"%{TIME_WDAY} -eq 4"`, ['time=2027-03-04T12:00:00Z'], ['time=2027-03-06T12:00:00Z']);
  holds(`"%{TIME} -gt 20270304000000"`, ['time=2027-03-06T00:00:00Z'], ['time=2027-03-02T00:00:00Z']);
  holds(`"%{HTTPS} == 'on'"`, [''], []);
  holds(`"%{DEVICE_NAME} == 'LON-1'"`, [''], []);
  holds(`"%{DEVICE_NAME} -strmatch 'LON-*' && tolower(%{DEVICE_NAME}) == 'lon-1' && %{DEVICE_NAME} -strcmatch 'lon-?'"`, [''], []);
  holds(`"%{DEVICE_NAME} -strmatch 'lon-*'"`, [], ['']);
  holds(`"%{DEVICE_ID} == '${ID}'"`, [`device-id=${ID.toUpperCase()}`], ['']);
  holds(`"%{DEVICE_OS} in { 'Windows', 'Linux' }"`, ['os=Windows'], ['os=MacMDM', '']);
  holds(`"%{DEVICE_JOIN} != 'hybrid'"`, ['join=entra', ''], ['join=hybrid']);
  holds(`"%{DEVICE_COMPLIANT} == 'true'"`, ['compliant=yes'], ['compliant=no', '']);
  holds(`"-z %{DEVICE_COMPLIANT}"`, [''], ['compliant=no', 'compliant=yes']);
  holds(`"! %{DEVICE_ENABLED} == 'false'"`, ['enabled=yes', ''], ['enabled=no']);
  holds(`"'${GROUP}' in device_groups()"`, [`device-groups=${OTHER},${GROUP.toUpperCase()}`], [`device-groups=${OTHER}`, '']);
  holds(`"claim('department') == 'Field, \\"north\\"'"`, [`"claim.department=Field, \\"north\\""`], ['claim.department=Field', '']);
  holds(`"claim('acr') in { 'c1', 'c2' } && -n claim('acr')"`, ['claim.acr=c2'], ['claim.acr=c3', '']);
  holds(`"'mfa' in claims('amr')"`, ['claim.amr=pwd claim.amr=mfa', 'claim.amr=mfa'], ['claim.amr=pwd', 'claim.amr=pwd,mfa', '']);
  holds(`"'${GROUP.toUpperCase()}' in device_groups() && ! \\"${OTHER.toUpperCase()}\\" -in device_groups()"`, [`device-groups=${GROUP}`],
    [`device-groups=${GROUP},${OTHER}`, '', `device-groups=${OTHER}`]);
  holds(`"'${GROUP}' in claims('groups') && 'Laps.Reader' in claims('roles')"`, [`groups=${GROUP} roles=Laps.Reader`],
    [`groups=${GROUP}`, 'roles=Laps.Reader']);
  holds(`"claim('preferred_username') =~ /@contoso\\.com$/"`, ['user=a@contoso.com'], ['user=a@contoso.com.example', '']);
  holds(`"%{DEVICE_NAME} !~ m#^lon-[0-9]+$#"`, [''], []);
  holds(`"%{DEVICE_NAME}=~/^lon-\\d$/i && ! %{DEVICE_NAME} !~ m|(?i)^LON| && 'x' =~ /^x$/"`, [''], []);
  holds(`"claim('site') =~ /^it's$/ && %{DEVICE_NAME} !~ /PAR/ || claim('site') =~ m'^no'"`, [`claim.site=it's`, 'claim.site=north'], ['claim.site=it', '']);
  // what makes PCRE give up, which httpd takes for "no match": hundreds of letters to the sixth
  holds(`"claim('site') =~ /a.*a.*a.*a.*a.*a.*=|a$/"`, [`claim.site=${'a'.repeat(600)}`], [`claim.site=${'a'.repeat(600)}b`]);
  holds(`"claim('site') == 'costs \\$5'"`, ['"claim.site=costs $5"'], ['claim.site=x']);
  holds(`"true"`, [''], []);
  holds(`-R '10.0.0.0/8'`, ['address=10.0.0.1'], ['address=9.0.0.1']);
});

describe('AMLapsWhen: everything else is refused, with the list', () => {
  /** @param {string} condition @param {RegExp[]} patterns */
  const refuses = (condition, ...patterns) => test(condition || 'nothing', async () => {
    const { ok, output, signal } = await configtest(when(condition));
    assert.equal(signal, null, output);
    assert.ok(!ok, `accepted: ${condition}`);
    assert.match(output, /Syntax error on line \d+ of .*httpd\.conf/);
    assert.match(output, /AMLapsWhen: /);
    assert.match(output, /allowed are the variables REMOTE_ADDR, .*DEVICE_ENABLED, the functions claim\('name'\).*operators -R/);
    for (const pattern of patterns) assert.match(output, pattern);
  });

  for (const variable of ['HTTP_HOST', 'HTTP_USER_AGENT', 'REMOTE_USER', 'REMOTE_HOST', 'QUERY_STRING', 'REQUEST_URI', 'REQUEST_METHOD', 'THE_REQUEST',
    'SERVER_NAME', 'SSL_CLIENT_S_DN', 'OIDC_CLAIM_groups', 'AUTH_TYPE', 'DEVICE', 'DEVICE_GROUPS', 'NONSENSE']) {
    refuses(`"%{${variable}} == 'x'"`, new RegExp(`'${variable}'`));
  }
  for (const call of ["req('Host')", "http('Host')", "req_novary('Host')", "resp('X')", "reqenv('x')", "env('x')", "osenv('PATH')", "note('x')",
    "file('/etc/hostname')", "filesize('/etc/hostname')", "escape('x')", "unescape('x')", "base64('x')", "unbase64('x')", "md5('x')", "sha1('x')",
    "ldap('x')", "nonsense('x')"]) {
    refuses(`"${call} == 'x'"`, new RegExp(`'${call.split('(')[0]}'`));
  }
  for (const operator of ['d', 'e', 'f', 's', 'L', 'h', 'F', 'U', 'A', 'x']) refuses(`"-${operator} '/etc/hostname'"`, new RegExp(`'${operator}'`));
  refuses(`"%{DEVICE_NAME} -fnmatch 'L*'"`, /'fnmatch'/);
  refuses(`"%{req:Host} == 'x'"`, /'req'/);
  refuses(`"'x' in groups('x')"`, /'groups'/);
  refuses(`"'x' in claim('x')"`, /write claims\('name'\) there/);
  refuses(`"claims('x') == 'x'"`, /write 'text' in claims\('name'\), or claim\('name'\)/);
  refuses(`"device_groups() == 'x'"`, /write 'text' in device_groups\(\)/);
  refuses(`"-R 'London'"`, /'London' is no address range/);
  refuses(`"-R '10.0.0.0/33'"`, /no address range/);
  refuses(`"%{REMOTE_ADDR} -ipmatch '10.0.0'x"`);
  refuses(`"%{DEVICE_NAME} =="`);
  refuses(`"%{DEVICE_NAME} == 'x' &&"`);
  refuses('""');
  refuses('');
  refuses(`"%{DEVICE_NAME} =~ /(/"`);
  refuses(`"%{DEVICE_NAME} =~ /^(a+)+$/"`, /\(a\+\)\+/);
  refuses(`"true && %{DEVICE_NAME} !~ m#(x*)*y#i"`, /\(x\*\)\*/);
  refuses(`"%{DEVICE_NAME} =~ /L/s"`, /flag 's'/);
  refuses(`"%{DEVICE_NAME} =~ 'LON'"`);
  refuses(`"%{DEVICE_NAME} =~ /LON"`);
  refuses(`"%{DEVICE_NAME} =~ /^(L)/ && $1 == 'L'"`, /'\$1'/);
  refuses(`"%{DEVICE_NAME} =~ /^(L)/ && 'a$0b' == 'aLb'"`, /'\$0'/);
  refuses(`"%{DEVICE_NAME} -amlaps_found '0'"`, /'amlaps_found'/);
  refuses(`"%{DEVICE_NAME} -amlaps_missing %{DEVICE_NAME}"`, /'amlaps_missing'/);

  test('a second condition in one rule', async () => {
    const { ok, output } = await configtest(when('"true"\nAMLapsWhen "true"'));
    assert.ok(!ok);
    assert.match(output, /AMLapsWhen: .*&&/);
  });
  test('a pattern that only stands in a text', async () => {
    const { ok, output } = await configtest(when(`"%{DEVICE_NAME} == 'a =~ /(a+)+/ b'"`));
    assert.ok(ok, output);
  });
});

describe('AMLapsWhen: an evaluation error', () => {
  const BROKEN = `AMLapsWhen "claim('site') -ipmatch '10.0.0.0/8'"`;
  const ALLOW = rule('Allow', ['AMLapsDevice name LON-*', 'AMLapsAllow all user a@contoso.com']);
  const FAILING = rule('Failing', ['AMLapsDevice name LON-1', 'AMLapsDeny password user a@contoso.com', BROKEN]);

  test('is neither a grant nor a denial', async () => {
    for (const verdict of ['allow', 'deny']) {
      const { ok, output } = await configtest(`${ALLOW}${FAILING}AMLapsExpect ${verdict} password user=a@contoso.com device=LON-1`);
      assert.ok(!ok, `${verdict} held`);
      assert.match(output, /the rules answer undecidable for password by "Failing"/);
      assert.match(output, /AMLapsWhen claim\('site'\) -ipmatch '10\.0\.0\.0\/8' at \S+:\d+ could not be evaluated/);
    }
  });
  answers('matters to nobody else, to no other device and to no other permission', ALLOW + FAILING,
    ['allow history user=a@contoso.com device=LON-1', 'allow password user=a@contoso.com device=LON-2',
      'allow password user=a@contoso.com device=LON-1 claim.site=11.0.0.1', 'deny password user=a@contoso.com device=LON-1 claim.site=10.0.0.1']);
  test('a host name is no address, and is not looked up', async () => {
    const { ok, output } = await configtest(`${rule('A', ['AMLapsDevice all', 'AMLapsAllow password user a@contoso.com',
      `AMLapsWhen "claim('site') -ipmatch '127.0.0.0/8'"`])}
      AMLapsExpect deny password user=a@contoso.com claim.site=localhost\nAMLapsExpect allow password user=a@contoso.com claim.site=127.0.0.1`);
    assert.ok(ok, output);
  });
  test('never grants', async () => {
    const { ok, output } = await configtest(`${rule('A', ['AMLapsDevice all', 'AMLapsAllow password user a@contoso.com', BROKEN])}
      AMLapsExpect deny password user=a@contoso.com device=LON-1 claim.site=example.org`);
    assert.ok(ok, output);
    assert.match(output, /AML0190/);
  });
});

describe('AMLapsExpires', () => {
  const rules = rule('A', ['AMLapsDevice all', 'AMLapsAllow password user a@contoso.com', 'AMLapsExpires 2031-02-28'])
    + rule('B', ['AMLapsDevice all', 'AMLapsDeny password user a@contoso.com', 'AMLapsExpires 2031-02-27']);
  answers('the day counts to its end, in UTC', rules, [
    'deny password user=a@contoso.com time=2031-02-27T23:59:59Z', 'allow password user=a@contoso.com time=2031-02-28T00:00:00Z',
    'allow password user=a@contoso.com time=2031-02-28T23:59:59Z', 'deny password user=a@contoso.com time=2031-03-01T00:00:00Z',
    'allow password user=a@contoso.com time=2031-03-01T00:30:00+02:00']);
  for (const day of ['2031-02-29', '2031-13-01', '31-02-28', '28.02.2031', '2031-2-8', 'never', '"2031-02-28 "']) {
    test(`${day} is no day`, async () => {
      const { ok, output } = await configtest(rule('A', ['AMLapsDevice all', 'AMLapsAllow password role x', `AMLapsExpires ${day}`]));
      assert.ok(!ok);
      assert.match(output, /AMLapsExpires: .*YYYY-MM-DD/);
    });
  }
});

describe('people', () => {
  const LINES = ['AMLapsDevice all', `AMLapsAllow password user Älice@Contoso.com ${guidOf('oid')}`,
    `AMLapsAllow password group ${GROUP} "Köln, \\"Field\\" team" "A,B"`, 'AMLapsAllow password role Laps.Reader "Two Words"',
    'AMLapsAllow password claim department "Field Service"', 'AMLapsAllow password claim Level 7 true'];
  answers('what equals what', rule('A', LINES), [
    'allow password user=äLICE@contoso.COM', 'deny password user=älice@contoso.com.', 'deny password user=alice@contoso.com', 'deny password user=',
    `allow password oid=${guidOf('oid').toUpperCase()}`, `deny password user=${guidOf('oid')}`, `deny password oid=${guidOf('other')}`,
    `allow password groups=${OTHER},${GROUP.toUpperCase()}`, `deny password groups=${GROUP.slice(0, -1)}`, `deny password user=${GROUP}`,
    'deny password groups=A', 'deny password groups=B', 'deny password groups=A,B',
    'allow password roles=x,Laps.Reader', 'deny password roles=laps.reader', 'allow password "roles=Two Words"',
    'allow password "claim.department=Field Service"', 'deny password "claim.department=field service"', 'deny password "claim.Department=Field Service"',
    'allow password claim.Level=7 claim.Level=8', 'deny password claim.Level=07', 'deny password claim.Level=7,8', 'deny password groups=*']);
  answers('claim in a denial', rule('A', ['AMLapsDevice all', 'AMLapsAllow all role Reader', 'AMLapsDeny history claim risk high']), [
    'allow all roles=Reader', 'allow password roles=Reader claim.risk=high', 'deny history roles=Reader claim.risk=high', 'allow history roles=Reader claim.risk=HIGH']);
});

describe('devices', () => {
  /** @param {string} line */
  const on = (line) => rule('A', [`AMLapsDevice ${line}`, 'AMLapsAllow password user a@contoso.com']);
  /** @param {string} keys */
  const asked = (keys) => `password user=a@contoso.com ${keys}`;
  answers('names: letter case, * and ?, nothing else is special', on('name LON-?? *-Kiösk [ab] "with space*"'), [
    `allow ${asked('device=lon-01')}`, `deny ${asked('device=LON-1')}`, `deny ${asked('device=LON-001')}`, `allow ${asked('device=X-KIÖSK')}`,
    `allow ${asked('device=LON-ü1')}`, `deny ${asked('device=a')}`, `allow ${asked('device=[AB]')}`, `allow ${asked('"device=With Space 1"')}`, `deny ${asked('')}`]);
  answers('an empty name is matched by * alone', on('name *'), [`allow ${asked('')}`, `allow ${asked('device=x')}`]);
  answers('equal names: an id decides', on(`id ${ID}`), [
    `allow ${asked(`device=LON-1 device-id=${ID.toUpperCase()}`)}`, `deny ${asked(`device=LON-1 device-id=${OTHER}`)}`, `deny ${asked('device=LON-1')}`]);
  answers('groups, units, owner', on(`group ${GROUP}`) + rule('B', [`AMLapsDevice unit ${GROUP.toUpperCase()}`, 'AMLapsAllow password role unit'])
    + rule('C', ['AMLapsDevice owner', 'AMLapsAllow password anyone']), [
    `allow ${asked(`device-groups=${OTHER},${GROUP}`)}`, `deny ${asked(`device-units=${GROUP}`)}`, `allow password roles=unit device-units=${GROUP}`,
    `deny password roles=unit device-groups=${GROUP}`, 'allow password owner=yes', 'deny password owner=no']);
  answers('rules of one tenant', rule('A', ['AMLapsDevice all', 'AMLapsAllow password role x'], 'fabrikam')
    + rule('B', ['AMLapsDevice name X', 'AMLapsDeny password role x'], 'contoso'), [
    'deny password roles=x', 'deny password roles=x tenant=contoso', 'allow password roles=x tenant=fabrikam', 'allow password roles=x tenant=fabrikam device=X']);
  test('an empty value is refused', async () => {
    for (const lines of [['AMLapsDevice name ""', 'AMLapsAllow password anyone'], ['AMLapsDevice all', 'AMLapsAllow password group ""'],
      ['AMLapsDevice all', 'AMLapsAllow password claim "" x'], ['AMLapsDevice all', 'AMLapsDeny password user a@contoso.com ""']]) {
      const { ok, output } = await configtest(rule('A', lines));
      assert.ok(!ok, lines.join('\n'));
      assert.match(output, /empty value/);
    }
  });
});

describe('virtual hosts', () => {
  /** @param {string} lines */
  const vhost = (lines) => `<VirtualHost 127.0.0.1:1>\nServerName other.example.org\n${lines}\n</VirtualHost>`;
  const MAIN = rule('Main', ['AMLapsDevice name LON-*', 'AMLapsAllow password role x'])
    + rule('Main denies', ['AMLapsDevice name LON-9*', 'AMLapsDeny all role x']);

  test('rules add up, and a denial of the main server stays', async () => {
    const own = rule('Own', ['AMLapsDevice name PAR-* LON-99', 'AMLapsAllow password role x']);
    const expectations = ['allow password roles=x device=PAR-1', 'allow password roles=x device=LON-1', 'deny password roles=x device=LON-99',
      'deny history roles=x device=PAR-1'].map((e) => `AMLapsExpect ${e}`).join('\n');
    const good = await configtest(MAIN, vhost(own + expectations));
    assert.ok(good.ok, good.output);
    const main = await configtest(`${MAIN}AMLapsExpect allow password roles=x device=PAR-1`, vhost(own));
    assert.ok(!main.ok, 'a rule of the virtual host counts in the main server');
  });
  test('an expectation of the main server holds in virtual hosts too', async () => {
    const { ok, output } = await configtest(`${MAIN}AMLapsExpect deny password roles=x device=PAR-1`,
      vhost(rule('Own', ['AMLapsDevice name PAR-*', 'AMLapsAllow password role x'])));
    assert.ok(!ok);
    assert.match(output, /AML0118: .*AMLapsExpect deny password roles=x device=PAR-1: the rules of the virtual host other\.example\.org answer allow for password by "Own"/);
  });
  test('equal descriptions are refused', async () => {
    const { ok, output } = await configtest(MAIN, vhost(rule('Main', ['AMLapsDevice all', 'AMLapsAllow password role y'])));
    assert.ok(!ok);
    assert.match(output, /AML0104: .*httpd\.conf:\d+: <AMLapsRule "Main"> is a duplicate name/);
  });
  test('but for tenants apart', async () => {
    const { ok, output } = await configtest(rule('A', ['AMLapsDevice all', 'AMLapsAllow password role y'], 'contoso'),
      vhost(rule('A', ['AMLapsDevice all', 'AMLapsAllow password role y'], 'fabrikam')));
    assert.ok(ok, output);
  });
});

describe('warnings about rules', () => {
  const FINE = ['AMLapsDevice name LON-*', 'AMLapsAllow password role x'];
  /** @param {string} name @param {string} rules @param {RegExp} pattern */
  const warns = (name, rules, pattern) => test(name, async () => {
    const { ok, output } = await configtest(rules);
    assert.ok(ok, output);
    const lines = output.split('\n').filter((line) => /AML05\d\d/.test(line));
    assert.equal(lines.length, 1, output);
    assert.match(lines[0], /\[amlaps:warn\].* AML05\d\d: \S*httpd\.conf:\d+: <AMLapsRule "[A-Z]">: .*: \w+/);
    assert.match(lines[0], pattern);
  });

  test('none for rules in order', async () => {
    const { output } = await configtest(rule('A', FINE) + rule('B', ['AMLapsDevice all', `AMLapsDeny history group ${GROUP} Helpdesk`]));
    assert.doesNotMatch(output, /AML05/);
  });
  warns('in the shadow of a denial for everybody', rule('A', FINE) + rule('B', ['AMLapsDevice all', 'AMLapsDeny all anyone']), /AML0501: .*"A".*rule "B" at \S+:\d+/);
  warns('its own denial takes all', rule('A', [...FINE, 'AMLapsDeny all anyone']), /AML0502/);
  warns('expired', rule('A', [...FINE, 'AMLapsExpires 2020-01-31']), /AML0503: .*2020-01-31/);
  warns('a GUID too short', rule('A', ['AMLapsDevice name X', `AMLapsAllow all group ${GROUP.slice(1)}`]), /AML0504: .*f0c8c55.*GUID/);
  warns('GUIDs with commas', rule('A', ['AMLapsDevice name X', `AMLapsAllow all group ${GROUP},${OTHER}`]), /AML0504: .*apart/);
  warns('a space at the end', rule('A', ['AMLapsDevice name X', 'AMLapsAllow all group "Helpdesk "']), /AML0504: .*space/);
  warns('a user who is none', rule('A', ['AMLapsDevice name X', 'AMLapsDeny all user alice']), /AML0505: .*alice@contoso\.com/);
  warns('user names as a pattern', rule('A', ['AMLapsDevice name X', 'AMLapsDeny all user *@fabrikam.com']), /AML0505: .*"\*@fabrikam\.com" is one user name, not a pattern/);
  warns('patterns with commas', rule('A', ['AMLapsDevice name SRV-*,DC-*', 'AMLapsDeny all role x']), /AML0508: .*"SRV-\*,DC-\*" is one pattern/);
  warns('a role as a pattern', rule('A', ['AMLapsDevice name X', 'AMLapsDeny all role Laps.*']), /AML0509: .*role "Laps\.\*" is one value, not a pattern/);
  warns('allowed and denied at once', rule('A', [...FINE, 'AMLapsDeny all role x y']), /AML0506: .*role x/);
  warns('everybody on everything', rule('A', ['AMLapsDevice all', 'AMLapsAllow password anyone']), /AML0507/);
  warns('a rule of a virtual host once', `${rule('A', FINE)}<VirtualHost 127.0.0.1:1>\n${rule('B', [...FINE, 'AMLapsExpires 2020-01-31'])}</VirtualHost>`,
    /AML0503: .*"B"/);
  warns('a rule of the main server once', `${rule('A', [...FINE, 'AMLapsExpires 2020-01-31'])}<VirtualHost 127.0.0.1:1>\n${rule('B', FINE)}</VirtualHost>`,
    /AML0503: .*"A"/);
  test('a virtual host may close what the main server opens', async () => {
    const { ok, output } = await configtest(`${rule('A', FINE)}<VirtualHost 127.0.0.1:1>\n${rule('B', ['AMLapsDevice all', 'AMLapsDeny all anyone'])}</VirtualHost>`);
    assert.ok(ok, output);
    assert.doesNotMatch(output, /AML05/);
  });
});

test('10,000 rules add to configtest less than five times what as many sections of httpd do', async () => {
  const many = (/** @type {(i: number) => string} */ write) => Array.from({ length: 10000 }, (_, i) => write(i)).join('');
  const one = rule('One', ['AMLapsDevice all', 'AMLapsAllow password role x']);
  const rules = many((i) => rule(`Rule number ${i}`, [`AMLapsDevice name SITE${i}-*`, `AMLapsAllow password group ${guidOf(String(i))}`, `AMLapsDeny history group ${guidOf(String(i + 1))}`]));
  const sections = one + many((i) => `<Directory "/site/${i}">\nAllowOverride None\nOptions None\nRequire all denied\n</Directory>\n`);
  /** What all children that have ended took of the processors, in ticks: unlike the time that passed it is not the others' on a busy machine. */
  const used = () => fs.readFileSync('/proc/self/stat', 'utf8').replace(/^.*\) /, '').split(' ').slice(13, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
  /** @param {string} configuration */
  const cost = async (configuration) => {
    const before = used();
    const { ok, output } = await configtest(configuration);
    assert.ok(ok, output.slice(0, 500));
    return used() - before;
  };
  // by turns and several times, as a tick is 10 ms and a machine is not always as fast
  let [least, ours, theirs] = [0, 0, 0];
  for (let i = 0; i < 8; i++) [least, ours, theirs] = [least + await cost(one), ours + await cost(rules), theirs + await cost(sections)];
  assert.ok(theirs > least && ours - least < 5 * (theirs - least), `${ours - least} ticks, those of httpd ${theirs - least}`);
});
