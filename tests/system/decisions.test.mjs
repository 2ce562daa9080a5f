// @ts-check
/** The rule language over HTTP: what people with real claims get, and what the audit says of it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { GROUPS, PEOPLE } from '../entra/world.mjs';
import { ruleSection as rule } from '../lib/amlaps-conf.mjs';
import { startIssuer } from '../lib/claims.mjs';
import { assertOk, assertProblem } from '../lib/expect.mjs';
import { startStage } from '../lib/stage.mjs';

describe('over HTTP', () => {
  const TODAY = new Date().toISOString().slice(0, 10);
  const HELPDESK = `AMLapsAllow all group ${GROUPS.londonHelpdesk}`;
  const BROKEN = `AMLapsWhen "claim('nothing') -ipmatch '10.0.0.0/8'"`;
  /** One rule for each device; what its password gives. @type {[string, string[], 'ok' | import('../lib/expect.mjs').Code][]} */
  const CASES = [
    ['LON-001', [HELPDESK, `AMLapsWhen "'${GROUPS.londonKiosks}' in device_groups()"`], 'ok'],
    ['LON-006', [HELPDESK, `AMLapsWhen "'${GROUPS.londonKiosks}' in device_groups()"`], 'not_authorized'],
    ['LON-002', [HELPDESK, `AMLapsWhen "-R '127.0.0.0/8' && %{HTTPS} == 'off'"`], 'ok'],
    ['LON-003', [HELPDESK, `AMLapsWhen "-R '10.0.0.0/8'"`], 'not_authorized'],
    ['LON-004', [HELPDESK, `AMLapsWhen "%{TIME_YEAR} -ge 2026 && %{DEVICE_OS} == 'Windows' && %{DEVICE_ENABLED} == 'true' && %{DEVICE_NAME} == 'LON-004'"`], 'ok'],
    ['LON-012', [HELPDESK, `AMLapsWhen "%{DEVICE_ENABLED} == 'true'"`], 'not_authorized'],
    ['LON-008', [HELPDESK, `AMLapsWhen "'${GROUPS.londonHelpdesk}' in claims('groups') && claim('oid') == '${PEOPLE.helpdesk}'"`], 'ok'],
    ['LON-009', [HELPDESK, BROKEN], 'not_authorized'],
    ['LON-010', [HELPDESK, `AMLapsExpires ${TODAY}`], 'ok'],
    ['LON-011', [HELPDESK, 'AMLapsExpires 2020-12-31'], 'not_authorized'],
    ['LON-018', ['AMLapsAllow all claim preferred_username helpdesk@contoso.com'], 'ok'],
    ['LON-019', ['AMLapsAllow all claim preferred_username Helpdesk@contoso.com'], 'not_authorized'],
  ];
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  /** @type {Awaited<ReturnType<import('../lib/stage.mjs').Stage['signIn']>>} */
  let helpdesk;
  before(async () => {
    stage = await startStage({
      rules: CASES.map(([name, lines]) => rule(`Rule of ${name}`, [`AMLapsDevice name ${name}`, ...lines])).join('')
        + rule('Paris', ['AMLapsDevice name PAR-*', HELPDESK]) + rule('Closed by the main server', ['AMLapsDevice name PAR-004 LON-020', 'AMLapsDeny password anyone'])
        + rule('Broken denial', ['AMLapsDevice name PAR-001', HELPDESK.replace('Allow', 'Deny'), BROKEN])
        + rule('Broken denial of others', ['AMLapsDevice name PAR-002', 'AMLapsDeny all role Laps.Auditor', BROKEN])
        + rule('Denial that is over', ['AMLapsDevice name PAR-003', 'AMLapsDeny all anyone', 'AMLapsExpires 2020-12-31']),
      logLevel: 'info amlaps:debug',
      vhost: rule('Of the virtual host', ['AMLapsDevice name LON-02*', HELPDESK]),
    });
    helpdesk = await stage.signIn('helpdesk');
  });
  after(() => stage?.close([/AML0190/, /AML0503/, /AML0401/]));

  /** @param {string} name */
  const ask = (name) => helpdesk.password('contoso', stage.device(name).deviceId, { reason: 'x' });

  for (const [name, lines, expected] of CASES) {
    test(`${lines.at(-1)}: ${expected}`, async () => {
      const asked = stage.passwordRequests().length;
      const answer = await ask(name);
      if (expected === 'ok') {
        assert.equal(assertOk(answer).rule, `Rule of ${name}`);
      } else {
        assertProblem(answer, expected);
        assert.equal(stage.passwordRequests().length, asked);
      }
    });
  }

  test('a denial that cannot be evaluated refuses, says which rule in the audit, and asks Graph for no password', async () => {
    const start = await stage.lastSeq();
    const asked = stage.passwordRequests().length;
    assertProblem(await ask('PAR-001'), 'policy_undecidable');
    assert.equal(stage.passwordRequests().length, asked);
    const [record] = await stage.records(start);
    assert.equal(record.outcome, 'denied');
    assert.equal(record.code, 'policy_undecidable');
    assert.match(stage.httpd.errorLog(), /AML0190: AMLapsWhen claim\('nothing'\) -ipmatch .*policy_undecidable/);
    const told = stage.httpd.errorLog().split('\n').length;
    assertProblem(await ask('PAR-001'), 'policy_undecidable');
    const lines = stage.httpd.errorLog().split('\n').slice(told - 1).filter((line) => /-ipmatch|valuat/.test(line));
    assert.equal(lines.filter((line) => line.includes('AML0190')).length, 1, lines.join('\n'));
    assert.doesNotMatch(lines.join('\n'), /Evaluation of expression/);
  });
  test('but not where it is about others, or over', async () => {
    assertOk(await ask('PAR-002'));
    assertOk(await ask('PAR-003'));
  });
  test('a virtual host has the rules of both, and no denial is lost', async () => {
    assert.equal(assertOk(await ask('LON-021')).rule, 'Of the virtual host');
    assert.equal(assertOk(await ask('PAR-005')).rule, 'Paris');
    assertProblem(await ask('PAR-004'), 'not_authorized');
    assertProblem(await ask('LON-020'), 'not_authorized');
  });
  test('debug log and audit name the granting or denying rule', async () => {
    /** @type {[string, string, string | undefined][]} */
    const decided = [['LON-001', 'allow by rule "Rule of LON-001"', 'Rule of LON-001'], ['PAR-004', 'deny by rule "Closed by the main server"', 'Closed by the main server'],
      ['PAR-001', 'undecidable by rule "Broken denial"', 'Broken denial'], ['LON-003', 'deny, no rule grants it', undefined]];
    for (const [name, words, ruleName] of decided) {
      const start = await stage.lastSeq();
      const length = stage.httpd.errorLog().length;
      await ask(name);
      const records = await stage.records(start);
      assert.ok(records.length);
      for (const record of records) assert.equal(record.rule ?? undefined, ruleName, JSON.stringify(record));
      const lines = stage.httpd.errorLog().slice(length).split('\n').filter((line) => line.includes('AML0409'));
      assert.equal(lines.length, 1, lines.join('\n'));
      assert.ok(lines[0].includes(`AML0409: request ${records[0].id}: password of device ${stage.device(name).deviceId} of tenant contoso: ${words}`), lines[0]);
      if (ruleName) assert.match(lines[0], /" \(\S+httpd\.conf:\d+\)/);
    }
  });
  test('so does the refusal to show a device', async () => {
    const start = await stage.lastSeq();
    assertProblem(await helpdesk.get(`api/v1/devices/contoso/${stage.device('PAR-001').deviceId}`), 'policy_undecidable');
    const [record] = await stage.records(start);
    assert.equal(record.event, 'search');
    assert.equal(record.rule, 'Broken denial');
  });
  test('warnings about rules stand once in the log of a start', () => {
    const log = stage.httpd.errorLog() + stage.httpd.read('logs/stderr.log');
    assert.deepEqual((log.match(/AML0503: .*<AMLapsRule "[^"]+">/g) ?? []).map((line) => line.replace(/.*<AMLapsRule /, '')),
      ['"Rule of LON-011">', '"Denial that is over">']);
  });
});

describe('claims as they are issued', () => {
  /** @type {Awaited<ReturnType<typeof startIssuer>>} */
  let issuer;
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  before(async () => {
    issuer = await startIssuer();
    stage = await startStage({
      issuer: { metadataUrl: issuer.metadataUrl, clientId: issuer.clientId, clientSecret: issuer.clientSecret, userClaim: issuer.userClaim },
      rules: rule('A', ['AMLapsDevice name LON-*', 'AMLapsAllow password group "Field, north"', 'AMLapsAllow password claim level 7 true "Field, south"']),
    });
  });
  after(async () => {
    await stage?.close();
    await issuer?.close();
  });

  /** @param {any} claims @param {boolean} may */
  const signsIn = (claims, may) => test(`${JSON.stringify(claims)} may${may ? '' : ' not'}`, async () => {
    const session = await issuer.signIn(stage.base, claims);
    const answer = await session.password('contoso', stage.device('LON-001').deviceId, { reason: 'x' });
    if (may) assertOk(answer);
    else assertProblem(answer, 'not_authorized');
  });
  signsIn({ groups: ['Field, north'] }, true);
  signsIn({ groups: ['FIELD, NORTH'] }, true);
  signsIn({ groups: ['Field', 'north'] }, false);
  signsIn({ groups: ['Field', ' north', 'Field, north, east'] }, false);
  signsIn({ level: 7 }, true);
  signsIn({ level: '7' }, true);
  signsIn({ level: ['6', '7'] }, true);
  signsIn({ level: true }, true);
  signsIn({ level: 'Field, south' }, true);
  signsIn({ level: ['Field', 'south'] }, false);
  signsIn({ level: 7.5 }, false);
  signsIn({ level: { value: '7' } }, false);
  signsIn({ level: 'TRUE' }, false);
  signsIn({ Level: '7' }, false);
});
