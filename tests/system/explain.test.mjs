// @ts-check
/** Why a decision is what it is: AMLapsExpect, AMLapsExplain, POST api/v1/explain. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { DEVICES, GROUPS, PEOPLE, UNITS } from '../entra/world.mjs';
import { ruleSection } from '../lib/amlaps-conf.mjs';
import { assertMembers, assertOk, assertProblem } from '../lib/expect.mjs';
import { Httpd } from '../lib/httpd.mjs';
import { startStage } from '../lib/stage.mjs';

const TENANT = `<AMLapsTenant contoso>
  AMLapsTenantId 8aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11
  AMLapsClientId 535fb089-9ff3-47b6-9bfb-4f1264799865
  AMLapsClientSecret file:{root}/secret/good
</AMLapsTenant>
AMLapsStore sqlite3:{root}/state/amlaps.db
AMLapsHtdocs {root}/htdocs
`;
const BROKEN = `AMLapsWhen "claim('site') -ipmatch '10.0.0.0/8'"`;
const RULES = ruleSection('London', ['AMLapsDevice name LON-* PAR-LAB', `AMLapsAllow password group "Field team" ${GROUPS.londonHelpdesk}`])
  + ruleSection('Board', [`AMLapsDevice group ${GROUPS.parisDevices}`, 'AMLapsDeny all anyone'])
  + ruleSection('History', ['AMLapsDevice id 7d0a2f1e-44b7-4a0e-9c7b-2d9e8f6f1c33', 'AMLapsAllow history user alice@contoso.com'])
  + ruleSection('Office hours', ['AMLapsDevice name NIGHT-*', 'AMLapsAllow all role Laps.Reader', "AMLapsWhen \"-R '10.0.0.0/8'\""])
  + ruleSection('Visitors', ['AMLapsDevice name NIGHT-9', 'AMLapsDeny password role Laps.Reader', BROKEN]);

describe('at the command line', () => {
  /** @type {Httpd} */
  let httpd;
  before(async () => { httpd = await Httpd.create({ env: { TZ: 'UTC' }, files: { 'secret/good': { content: 'x\n', mode: 0o400 } } }); });
  after(() => httpd?.discard());

  /** @param {string} lines @param {...string} more */
  function configtest(lines, ...more) {
    httpd.configure({ amlaps: TENANT + RULES + lines });
    return httpd.configtest(...more);
  }
  /** @param {RegExp} pattern what httpd says instead of starting */
  async function refusesToStart(pattern) {
    const started = await httpd.start().then(() => true, (err) => { assert.match(err.message, pattern); });
    if (started) await httpd.stop();
    assert.ok(!started, 'httpd starts');
  }
  /** The number of the line on which a text stands in the configuration. @param {string} text */
  const lineOf = (text) => httpd.read('conf/httpd.conf').split('\n').findIndex((line) => line.includes(text)) + 1;

  describe('AMLapsExpect', () => {
    const GOOD = ['allow password groups=x,FIELD*TEAM device=LON-1', 'deny history "groups=Field team" device=LON-1', 'deny all user=alice@contoso.com device=LON-1',
      'allow history user=alice@contoso.com device-id=7d0a2f1e-44b7-4a0e-9c7b-2d9e8f6f1c33', 'Allow ALL roles=Laps.Reader device=NIGHT-1 address=10.0.0.1',
      'allow password,history roles=Laps.Reader device=NIGHT-1 address=10.0.0.1', 'deny password roles=Laps.Reader device=NIGHT-1 address=11.0.0.1']
      .map((line) => (line.includes('*') ? line.replace('groups=x,FIELD*TEAM', '"groups=x,FIELD TEAM"') : line));

    test('what holds lets httpd start', async () => {
      const { ok, output } = await configtest(GOOD.map((line) => `AMLapsExpect ${line}`).join('\n'));
      assert.ok(ok, output);
      await httpd.start();
      await httpd.stop();
    });

    test('what does not hold stops configtest and start, with the expectation, the answer and the rules', async () => {
      const bad = `AMLapsExpect allow password "groups=Field team" device=PAR-LAB device-groups=${GROUPS.parisDevices}`;
      const { ok, output } = await configtest(`AMLapsExpect ${GOOD[1]}\n${bad}`);
      assert.ok(!ok);
      assert.ok(output.includes(`httpd.conf:${lineOf(bad)}: ${bad}: the rules answer deny for password by "Board"`), output);
      assert.match(output, /AML0118: +1 +matched +"London" \(\S+:\d+\), allows password$/m);
      assert.match(output, /AML0118: +AMLapsDevice name PAR-LAB at \S+:\d+ matches "PAR-LAB"; AMLapsAllow password group Field team at \S+:\d+: the person is in it$/m);
      assert.match(output, /AML0118: +2 +matched +"Board" \(\S+:\d+\), denies password and history$/m);
      await refusesToStart(/did not start[\s\S]*AML0118: .*the rules answer deny/);
    });

    test('each permission of a list must be answered so', async () => {
      const { ok, output } = await configtest('AMLapsExpect allow all "groups=Field team" device=LON-1');
      assert.ok(!ok);
      assert.match(output, /the rules answer deny for history, no rule grants it/);
      assert.ok(!(await configtest('AMLapsExpect deny all "groups=Field team" device=LON-1')).ok);
      assert.ok(!(await configtest('AMLapsExpect deny history,password "groups=Field team" device=LON-1')).ok);
    });

    test('undecidable is neither allow nor deny', async () => {
      for (const verdict of ['allow', 'deny']) {
        const { ok, output } = await configtest(`AMLapsExpect ${verdict} password roles=Laps.Reader device=NIGHT-9 address=10.0.0.1`);
        assert.ok(!ok, verdict);
        assert.match(output, /the rules answer undecidable for password by "Visitors"/);
      }
      await refusesToStart(/the rules answer undecidable/);
    });

    /** @type {[string, RegExp][]} */
    const MISTAKES = [
      ['', /AMLapsExpect takes allow or deny/], ['allow', /takes allow or deny/], ['allow password', /takes allow or deny/],
      ['maybe password user=a@b', /takes allow or deny/], ['undecidable password user=a@b', /takes allow or deny/], ['allow pasword user=a@b', /password, history or all/],
      ['allow password, user=a@b', /password, history or all/], ['deny password alice', /'alice' is no KEY=VALUE/], ['deny password =alice', /is no KEY=VALUE/],
      ['deny password usr=a@b', /'usr' is no key; write one of tenant, user, /], ['deny password claim.=x', /'claim\.' is no key/],
      ['deny password tenant=fabrikam', /tenant=fabrikam: write the NAME of an <AMLapsTenant>/], ['deny password tenant=Contoso', /tenant=Contoso/],
      ['deny password oid=alice', /oid=alice: write a GUID/], ['deny password device-id=LON-1', /device-id=LON-1: write a GUID/],
      ['deny password device-groups=Board', /'Board' is no GUID/], [`deny password device-units=${UNITS.london},x`, /'x' is no GUID/],
      ['deny password owner=maybe', /owner=yes or owner=no/], ['deny password compliant=true', /compliant=yes or compliant=no/],
      ['deny password address=10', /address=10: write an IP address/], ['deny password address=localhost', /address=localhost/],
      ['deny password time=noon', /time=noon: write ISO 8601/], ['deny password user=a@b user=c@d', /'user' stands twice/],
    ];
    for (const [line, pattern] of MISTAKES) {
      test(`refused: ${line || 'nothing'}`, async () => {
        const { ok, output, signal } = await configtest(`AMLapsExpect ${line}`);
        assert.equal(signal, null);
        assert.ok(!ok);
        assert.match(output, pattern);
        assert.match(output, new RegExp(`httpd\\.conf:${lineOf('AMLapsExpect')}: AMLapsExpect|line ${lineOf('AMLapsExpect')} of `));
      });
    }
  });

  describe('AMLapsExplain', () => {
    test('prints every rule in order, what it gave and why, then the decisions', async () => {
      const { ok, output } = await configtest('', '-c', `AMLapsExplain "groups=x,Field team" user=alice@contoso.com claim.site=::1 device=LON-1 device-groups=${GROUPS.parisDevices}`);
      assert.ok(ok, output);
      const conf = httpd.path('conf/httpd.conf');
      const at = (/** @type {string} */ name, line = 0) => `${conf}:${Number(lineOf(`<AMLapsRule "${name}"`)) + line}`;
      const lines = output.split('\n');
      const first = lines.findIndex((line) => line.startsWith('"groups=x,Field team" user='));
      assert.ok(first >= 0, output);
      assert.deepEqual(lines.slice(first + 1, first + 13), [
        `   1  matched    "London" (${at('London')}), allows password`,
        `      AMLapsDevice name LON-* at ${at('London', 1)} matches "LON-1"; AMLapsAllow password group Field team at ${at('London', 2)}: the person is in it`,
        `   2  matched    "Board" (${at('Board')}), denies password and history`,
        `      AMLapsDevice group ${GROUPS.parisDevices} at ${at('Board', 1)} matches the device's groups; AMLapsDeny all anyone at ${at('Board', 2)}: that is everybody`,
        `   3  no match   "History" (${at('History')})`,
        `      AMLapsDevice id 7d0a2f1e-44b7-4a0e-9c7b-2d9e8f6f1c33 at ${at('History', 1)} does not match the device's id`,
        `   4  no match   "Office hours" (${at('Office hours')})`,
        `      AMLapsDevice name NIGHT-* at ${at('Office hours', 1)} does not match "LON-1"; AMLapsWhen -R '10.0.0.0/8' at ${at('Office hours', 3)} is false`,
        `   5  no match   "Visitors" (${at('Visitors')})`,
        `      AMLapsDevice name NIGHT-9 at ${at('Visitors', 1)} does not match "LON-1"; AMLapsWhen claim('site') -ipmatch '10.0.0.0/8' at ${at('Visitors', 3)} is false`,
        'password  deny by "Board"',
        'history   deny by "Board"',
      ]);
      assert.match(output, /Syntax OK/);
    });

    test('a grant, what no rule grants, a false condition and one that fails', async () => {
      const day = await configtest('', '-c', 'AMLapsExplain roles=Laps.Reader device=NIGHT-9 address=10.0.0.1');
      assert.match(day.output, /4 {2}matched {4}"Office hours" .*, allows password and history\n.*AMLapsWhen -R '10\.0\.0\.0\/8' at \S+ is true; AMLapsAllow all role Laps\.Reader at \S+: the person has it\n/);
      assert.match(day.output, /5 {2}unknown {4}"Visitors" \(\S+\)\n.*could not be evaluated; AMLapsDeny password role Laps\.Reader at \S+: the person has it\n/);
      assert.match(day.output, /\npassword +undecidable by "Visitors"\nhistory +allow by "Office hours"\n/);
      const night = await configtest('', '-c', 'AMLapsExplain roles=Laps.Reader device=NIGHT-1 address=192.0.2.1');
      assert.match(night.output, /4 {2}no match {3}"Office hours" \(\S+\)\n.*AMLapsWhen -R '10\.0\.0\.0\/8' at \S+ is false\n/);
      assert.match(night.output, /\npassword +deny, no rule grants it\nhistory +deny, no rule grants it\n/);
    });

    test('also where an expectation fails', async () => {
      const { ok, output } = await configtest('AMLapsExpect allow password device=LON-1', '-c', 'AMLapsExplain device=LON-2');
      assert.ok(!ok);
      assert.match(output, /^device=LON-2\n {3}1 {2}matched/m);
    });

    test('for each server with rules of its own', async () => {
      httpd.configure({ amlaps: TENANT + RULES, server: `<VirtualHost 127.0.0.1:1>\nServerName b.example.org\n${ruleSection('B', ['AMLapsDevice all', 'AMLapsAllow all role b'])}</VirtualHost>` });
      const { output } = await httpd.configtest('-c', 'AMLapsExplain roles=b device=X');
      assert.match(output, /^roles=b device=X\n[\s\S]*password +deny, no rule grants it\n/m);
      assert.match(output, /^virtual host b\.example\.org: roles=b device=X\n[\s\S]* 6 {2}matched {4}"B" [\s\S]*password +allow by "B"\n/m);
    });

    test('control characters of a value reach no terminal', async () => {
      const { output } = await configtest('', '-c', 'AMLapsExplain "device=LON-\x1b[31mred" user=alice@contoso.com');
      assert.match(output, /matches "LON-\\x1B\[31mred"/i);
      assert.ok(!output.includes('\x1b'), JSON.stringify(output.slice(0, 200)));
    });

    test('mistakes are reported', async () => {
      for (const [line, pattern] of /** @type {[string, RegExp][]} */ ([['usr=x', /AMLapsExplain: 'usr' is no key/], ['', /AMLapsExplain takes KEY=VALUE/],
        ['time=x', /AMLapsExplain: time=x/]])) {
        const { ok, output } = await configtest('', '-c', `AMLapsExplain ${line}`);
        assert.ok(!ok);
        assert.match(output, pattern);
      }
    });

    test('says nothing at a start', async () => {
      httpd.configure({ amlaps: `${TENANT}${RULES}AMLapsExplain device=LON-1` });
      await httpd.start();
      await httpd.stop();
      assert.doesNotMatch(httpd.read('logs/stderr.log') + httpd.errorLog(), /device=LON-1/);
    });
  });
});

describe('POST api/v1/explain', () => {
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  /** @type {Awaited<ReturnType<import('../lib/stage.mjs').Stage['signIn']>>} */
  let operator;
  /** @type {Awaited<ReturnType<import('../lib/stage.mjs').Stage['signIn']>>} */
  let helpdesk;
  before(async () => {
    stage = await startStage({
      tenants: ['contoso', 'fabrikam'],
      rules: RULES + ruleSection('Kiosks', [`AMLapsDevice group ${GROUPS.londonKiosks}`, `AMLapsDevice unit ${UNITS.london}`, 'AMLapsAllow history role Laps.Auditor'])
        + ruleSection('Fabrikam', ['AMLapsDevice all', 'AMLapsAllow password user bob@contoso.com'], 'fabrikam')
        + ruleSection('Ends', ['AMLapsDevice name ENDS', 'AMLapsAllow password role r', 'AMLapsExpires 2090-01-31'])
        + ruleSection('Own', ['AMLapsDevice owner', 'AMLapsAllow password user carol@contoso.com'])
        + ruleSection('Facts', ['AMLapsDevice name FACTS', 'AMLapsAllow password anyone', `AMLapsWhen "%{DEVICE_OS} == 'Windows' && %{DEVICE_JOIN} == 'j' && \
%{DEVICE_COMPLIANT} == 'true' && %{DEVICE_ENABLED} == 'false' && claim('acr') == 'c1' && 'g' in claims('groups') && -R '192.0.2.0/24' && %{TIME_YEAR} -eq 2031"`]),
      amlaps: 'AMLapsOperator role Laps.Auditor',
    });
    operator = await stage.signIn('auditor');
    helpdesk = await stage.signIn('helpdesk');
  });
  after(() => stage?.close([/AML0190/]));
  /** @type {number} */
  let start;
  beforeEach(async () => { start = await stage.lastSeq(); });

  /** @param {any} body @param {typeof operator} [who] */
  const explain = (body, who = operator) => who.post('api/v1/explain', body);
  /** @param {any} body @returns {Promise<any>} */
  const explained = async (body) => assertOk(await explain(body));
  /** @param {any} answer @param {string} name */
  const ruleOf = (answer, name) => answer.rules.find((/** @type {any} */ r) => r.rule === name);

  test('the shape of the contract', async () => {
    const answer = await explained({ person: { username: 'a@contoso.com', groups: ['Field team'] }, device: { tenant: 'contoso', name: 'LON-1', groups: [GROUPS.parisDevices] } });
    assert.deepEqual(Object.keys(answer).sort(), ['permissions', 'rules']);
    assert.deepEqual(answer.permissions, { password: { decision: 'deny', rule: 'Board' }, history: { decision: 'deny', rule: 'Board' } });
    assert.deepEqual(answer.rules.map((/** @type {any} */ r) => r.rule), ['London', 'Board', 'History', 'Office hours', 'Visitors', 'Kiosks', 'Fabrikam', 'Ends', 'Own', 'Facts']);
    for (const rule of answer.rules) {
      assertMembers(rule, ['rule', 'matched', 'allows', 'denies', 'why']);
      assert.equal(typeof rule.why, 'string');
    }
    const { why: london, ...first } = answer.rules[0];
    assert.deepEqual(first, { rule: 'London', matched: true, allows: ['password'], denies: [] });
    assert.match(london, /AMLapsDevice name LON-\* .*matches "LON-1"; AMLapsAllow password group Field team at \S+: the person is in it/);
    const { why: board, ...second } = answer.rules[1];
    assert.deepEqual(second, { rule: 'Board', matched: true, allows: [], denies: ['password', 'history'] });
    assert.match(board, /AMLapsDeny all anyone/);
    assert.equal(ruleOf(answer, 'History').matched, false);
  });

  test('allow, deny by none, and undecidable', async () => {
    const allowed = await explained({ person: { groups: ['field TEAM'] }, device: { name: 'lon-1' } });
    assert.deepEqual(allowed.permissions, { password: { decision: 'allow', rule: 'London' }, history: { decision: 'deny', rule: null } });
    const unsure = await explained({ person: { roles: ['Laps.Reader'] }, device: { name: 'NIGHT-9' }, address: '10.0.0.1' });
    assert.deepEqual(unsure.permissions, { password: { decision: 'undecidable', rule: 'Visitors' }, history: { decision: 'allow', rule: 'Office hours' } });
    assert.equal(ruleOf(unsure, 'Visitors').matched, null);
  });

  test('without a person it is about the caller', async () => {
    const answer = await explained({ device: { tenant: 'contoso', name: 'X', units: [UNITS.london.toUpperCase()] } });
    assert.deepEqual(answer.permissions.history, { decision: 'allow', rule: 'Kiosks' });
    const nobody = await explained({ person: {}, device: { tenant: 'contoso', name: 'X', units: [UNITS.london] } });
    assert.deepEqual(nobody.permissions.history, { decision: 'deny', rule: null });
  });

  test('every fact counts', async () => {
    const full = {
      person: { username: 'a@contoso.com', groups: ['g'], claims: { acr: 'c1' } },
      device: { name: 'FACTS', os: 'Windows', join: 'j', compliant: true, enabled: false }, address: '192.0.2.7', time: '2031-06-01T12:00:00Z',
    };
    assert.equal((await explained(full)).permissions.password.rule, 'Facts');
    for (const change of [{ person: { ...full.person, groups: [] } }, { person: { ...full.person, claims: {} } }, { device: { ...full.device, os: 'Linux' } },
      { device: { ...full.device, join: 'k' } }, { device: { ...full.device, compliant: false } }, { device: { ...full.device, enabled: true } },
      { device: { ...full.device, compliant: null } }, { address: '192.0.3.7' }, { address: undefined }, { time: '2030-06-01T12:00:00Z' }, { time: undefined }]) {
      assert.equal((await explained({ ...full, ...change })).permissions.password.decision, 'deny', JSON.stringify(change));
    }
    const ends = (/** @type {string} */ time) => explained({ person: { roles: ['r'] }, device: { name: 'ENDS' }, time });
    assert.equal((await ends('2090-01-31T23:00:00Z')).permissions.password.decision, 'allow');
    assert.equal((await ends('2090-02-01T00:00:00Z')).permissions.password.decision, 'deny');
    assert.equal((await explained({ person: { username: 'carol@contoso.com' }, device: { name: 'X', owner: true } })).permissions.password.rule, 'Own');
    assert.equal((await explained({ person: { username: 'carol@contoso.com' }, device: { name: 'X', owner: false } })).permissions.password.decision, 'deny');
    assert.equal((await explained({ person: { username: 'Bob@contoso.com' }, device: { tenant: 'fabrikam', name: 'X' } })).permissions.password.rule, 'Fabrikam');
    assert.equal((await explained({ person: { username: 'alice@contoso.com' }, device: { deviceId: '7D0A2F1E-44B7-4A0E-9C7B-2D9E8F6F1C33', name: '' } })).permissions.history.rule,
      'History');
  });

  test('a device given by tenant and id alone is looked up, and nothing is disclosed', async () => {
    const before = stage.passwordRequests().length;
    const answer = await explained({ person: { roles: ['Laps.Auditor'], groups: [GROUPS.londonHelpdesk] }, device: { tenant: 'contoso', deviceId: DEVICES.lon001.toUpperCase() } });
    assert.deepEqual(answer.permissions, { password: { decision: 'allow', rule: 'London' }, history: { decision: 'allow', rule: 'Kiosks' } });
    assert.match(ruleOf(answer, 'London').why, /matches "LON-001"/);
    assert.match(ruleOf(answer, 'Kiosks').why, new RegExp(`AMLapsDevice group ${GROUPS.londonKiosks} .*matches the device's groups`));
    assert.equal(stage.passwordRequests().length, before);
    assert.ok(stage.graphRequests().length > 0);
    // Carol is Olga here: a rule of owners needs the object id.
    const own = async (/** @type {object} */ person) => ruleOf(await explained({ person: { username: 'carol@contoso.com', ...person }, device: { deviceId: DEVICES.ownersLaptop } }), 'Own');
    assert.deepEqual((await own({ oid: PEOPLE.owner })).allows, ['password']);
    assert.equal((await own({ oid: PEOPLE.nobody })).matched, false);
    const nobodyKnows = await own({});
    assert.equal(nobodyKnows.matched, null);
    assert.match(nobodyKnows.why, /cannot be judged because the person's object id is not known/);
    const invented = await explained({ person: { roles: ['Laps.Auditor'] }, device: { tenant: 'contoso', deviceId: DEVICES.lon001, name: 'OTHER' } });
    assert.equal(invented.permissions.history.decision, 'deny', 'a device with facts is taken as it is given');
    assertProblem(await explain({ device: { tenant: 'contoso', deviceId: PEOPLE.nobody } }), 'not_found');
    assertProblem(await explain({ device: { tenant: 'fabrikam', deviceId: DEVICES.lon001 } }), 'not_found');
    assert.equal(stage.passwordRequests().length, before);
  });

  test('is for operators alone, whatever they ask about', async () => {
    const graph = stage.graphRequests().length;
    for (const body of [{ device: { name: 'X' } }, { person: { username: 'helpdesk@contoso.com' }, device: { tenant: 'contoso', deviceId: DEVICES.lon001 } },
      { device: { tenant: 'contoso', deviceId: PEOPLE.nobody } }]) {
      assert.match(assertProblem(await explain(body, helpdesk), 'not_authorized').detail, /^This is for operators\..*AMLapsOperator/);
    }
    assert.equal(stage.graphRequests().length, graph, 'nothing is looked up for others');
    const records = await stage.records(start);
    assert.deepEqual(records.map((r) => [r.event, r.outcome, r.code, r.actor.username]), Array(3).fill(['explain', 'denied', 'not_authorized', 'helpdesk@contoso.com']));
    const roles = async (/** @type {typeof operator} */ who) => assertOk(await who.get('api/v1/session')).roles;
    assert.ok((await roles(operator)).includes('operator'));
    assert.deepEqual(await roles(helpdesk), []);
  });

  test('is recorded', async () => {
    await explained({ person: { username: 'mallory@contoso.com' }, device: { tenant: 'contoso', name: 'LON-1' } });
    await explained({ device: { tenant: 'contoso', deviceId: DEVICES.lon001 } });
    assertProblem(await explain({ device: { tenant: 'contoso', deviceId: PEOPLE.nobody } }), 'not_found');
    // what is supposed of a real device is not recorded as if it were so
    await explained({ device: { tenant: 'contoso', deviceId: DEVICES.lon001, name: 'MADE-UP' } });
    assertProblem(await explain({ device: { tenant: 'contoso', deviceId: DEVICES.lon001, name: 'MADE-UP' } }, helpdesk), 'not_authorized');
    const records = await stage.records(start);
    assert.deepEqual(records.map((r) => [r.event, r.stage, r.outcome, r.actor.username, r.device?.name, r.device?.deviceId]), [
      ['explain', 'outcome', 'granted', 'auditor@contoso.com', 'LON-1', undefined],
      ['explain', 'outcome', 'granted', 'auditor@contoso.com', 'LON-001', DEVICES.lon001],
      ['explain', 'outcome', 'failed', 'auditor@contoso.com', undefined, PEOPLE.nobody],
      ['explain', 'outcome', 'granted', 'auditor@contoso.com', undefined, DEVICES.lon001],
      ['explain', 'outcome', 'denied', 'helpdesk@contoso.com', undefined, DEVICES.lon001],
    ]);
  });

  test('bad bodies', async () => {
    const device = { name: 'X' };
    for (const body of [{}, [], 'x', null, { person: {} }, { device: null }, { device: 'LON-1' }, { device, more: 1 }, { device, person: null }, { device, person: [] },
      { device, person: { user: 'x' } }, { device, person: { username: 1 } }, { device, person: { oid: [] } }, { device, person: { groups: 'x' } },
      { device, person: { groups: [1] } }, { device, person: { roles: {} } }, { device, person: { claims: [] } }, { device, person: { claims: 'x' } },
      { device: { ...device, serial: 1 } }, { device: { name: 1 } }, { device: { ...device, deviceId: 'LON-1' } }, { device: { ...device, groups: ['x'] } },
      { device: { ...device, units: UNITS.london } }, { device: { ...device, os: 1 } }, { device: { ...device, owner: 'yes' } }, { device: { ...device, compliant: 1 } },
      { device: { ...device, tenant: 1 } }, { device, address: 'localhost' }, { device, address: '10' }, { device, address: 1 }, { device, time: 'noon' }, { device, time: 1 }]) {
      assertProblem(await explain(body), 'bad_request');
    }
    for (const body of ['{"device":{"name":"X"},"device":{"name":"Y"}}', '{"device":{"name":"X","name":"Y"}}', '{"device":{"name":"X"}', JSON.stringify({ device }).padEnd(16385)]) {
      assertProblem(await operator.post('api/v1/explain', undefined, { body }), 'bad_request');
    }
    assertProblem(await explain({ device: { ...device, tenant: 'northwind' } }), 'not_found');
    assert.deepEqual((await stage.records(start)).filter((r) => r.outcome === 'granted'), []);
  });

  test('bad bodies are told what is missing or wrong, and what it looks like', async () => {
    const device = { name: 'X' };
    /** @type {[any, RegExp][]} */
    const said = [
      [{}, /^The body lacks the member device, an object such as \{"tenant":"contoso","deviceId":"[0-9a-f-]{36}"\} or \{"name":"LON-001"\}\.$/],
      [{ device: null }, /^The member device must be an object such as \{/], [{ device, more: 1 }, /known: person, device, address, time\.$/],
      [{ device: { ...device, serial: 1 } }, /known: tenant, deviceId, name, groups, units, os, join, compliant, enabled, owner\.$/],
      [{ device, person: [] }, /^The member person must be an object such as \{"username":/], [{ device, person: { claims: 'x' } }, /^The member claims must be an object such as/],
      [{ device, person: { groups: 'x' } }, /^The member groups must be a list of texts, as in \["A","B"\]\.$/],
      [{ device: { ...device, units: ['x'] } }, /^The member units must be a list of GUIDs/], [{ device: { ...device, owner: 'yes' } }, /^The member owner must be true, false or null\.$/],
      [{ device: { deviceId: 'LON-1' } }, /^The member deviceId must be a GUID of the form/], [{ device: { name: 1 } }, /^The member name must be a text\.$/],
      [{ device, address: 'localhost' }, /^The member address must be an IP address such as/], [{ device, time: 'noon' }, /^The member time must be a time as in 2026-/],
    ];
    for (const [body, pattern] of said) {
      assert.match(assertProblem(await explain(body), 'bad_request').detail, pattern);
    }
  });

  test('only by POST, and only for the page itself', async () => {
    assertProblem(await operator.get('api/v1/explain'), 'method_not_allowed');
    assertProblem(await operator.post('api/v1/explain', { device: { name: 'X' } }, { headers: { 'Sec-Fetch-Site': 'cross-site' } }), 'cross_site');
    assert.deepEqual(await stage.records(start), []);
  });
});
