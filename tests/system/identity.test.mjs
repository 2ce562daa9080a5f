// @ts-check
/** Who somebody is comes from the claims, exactly typed; what is not known never grants. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { GROUPS } from '../entra/world.mjs';
import { ruleSection } from '../lib/amlaps-conf.mjs';
import { startIssuer } from '../lib/claims.mjs';
import { assertOk, assertProblem } from '../lib/expect.mjs';
import { freePort } from '../lib/ports.mjs';
import { Session } from '../lib/signin.mjs';
import { startStage } from '../lib/stage.mjs';

const FRED = 'ffffffff-1111-4222-8333-444444444444';

/** @type {import('../lib/stage.mjs').Stage} */
let stage;
/** @type {import('../lib/claims.mjs').Issuer} */
let issuer;
before(async () => {
  issuer = await startIssuer();
  stage = await startStage({
    issuer,
    rules: [
      ruleSection('Helpdesk', ['AMLapsDevice name LON-00*', `AMLapsAllow password group ${GROUPS.londonHelpdesk}`]),
      ruleSection('Roles', ['AMLapsDevice name LON-01*', 'AMLapsAllow password role Laps.Reader']),
      ruleSection('Users', ['AMLapsDevice name LON-02*', `AMLapsAllow password user Carol@Contoso.com ${FRED}`]),
      ruleSection('Named group', ['AMLapsDevice name PAR-00*', 'AMLapsAllow password group "Paris, helpdesk"']),
      ruleSection('Everybody', ['AMLapsDevice name PAR-01*', 'AMLapsAllow password anyone']),
      ruleSection('Not the interns', ['AMLapsDevice name PAR-01*', 'AMLapsDeny password role Intern']),
      ruleSection('Not the suspended', ['AMLapsDevice name PAR-011', 'AMLapsDeny all group 11111111-2222-4333-8444-555555555555']),
      ruleSection('Kiosks', [`AMLapsDevice group ${GROUPS.londonDevices}`, 'AMLapsAllow password role Kiosk.Reader']),
    ].join('\n'),
  });
});
after(async () => {
  await issuer?.close();
  await stage?.close([/amlaps:.*AML/]);
});

/** @param {Record<string, any>} claims @param {Record<string, any>} [userinfo] */
const personWith = (claims, userinfo) => issuer.signIn(stage.base, claims, userinfo);

/** @param {import('../lib/signin.mjs').Session} session @param {string} name of a device */
const reveal = (session, name) => session.password('contoso', stage.device(name).deviceId, { reason: 'x' });

describe('rules about people', () => {
  test('group of the claim', async () => {
    const session = await personWith({ groups: [GROUPS.allStaff, GROUPS.londonHelpdesk.toUpperCase()] });
    assertOk(await reveal(session, 'LON-001'));
    assertProblem(await reveal(session, 'LON-010'), 'not_authorized');
  });

  test('group by the name that the claim carries, a comma in it too', async () => {
    assertOk(await reveal(await personWith({ groups: ['Paris, helpdesk'] }), 'PAR-001'));
    assertProblem(await reveal(await personWith({ groups: ['Paris', ' helpdesk', 'Paris,helpdesk'] }), 'PAR-001'), 'not_authorized');
  });

  test('role', async () => {
    assertOk(await reveal(await personWith({ roles: ['Other', 'Laps.Reader'] }), 'LON-010'));
    assertProblem(await reveal(await personWith({ roles: ['Laps.Readers', 'Laps', 'Laps.Reader,Other'] }), 'LON-010'), 'not_authorized');
    assertProblem(await reveal(await personWith({ groups: ['Laps.Reader'] }), 'LON-010'), 'not_authorized');
  });

  test('user by name in any case, or by object id', async () => {
    assertOk(await reveal(await personWith({ preferred_username: 'CAROL@contoso.COM' }), 'LON-020'));
    assertOk(await reveal(await personWith({ oid: FRED }), 'LON-020'));
    assertProblem(await reveal(await personWith({ preferred_username: 'carol@contoso.com.evil.example' }), 'LON-020'), 'not_authorized');
    assertProblem(await reveal(await personWith({ name: 'carol@contoso.com' }), 'LON-020'), 'not_authorized');
  });

  test('anyone, and a deny that beats it', async () => {
    assertOk(await reveal(await personWith({}), 'PAR-010'));
    assertProblem(await reveal(await personWith({ roles: ['Intern'] }), 'PAR-010'), 'not_authorized');
  });

  test('a group that is gone from the claims grants nothing any more, whatever other sessions of the person have', async () => {
    const claims = { oid: 'eeeeeeee-1111-4222-8333-444444444444', name: 'Eve' };
    const before = await personWith({ ...claims, groups: [GROUPS.londonHelpdesk] });
    assertOk(await reveal(before, 'LON-001'));
    const after = await personWith({ ...claims, groups: [GROUPS.allStaff] });
    assertProblem(await reveal(after, 'LON-001'), 'not_authorized');
    const answers = await Promise.all([before, after, before, after].map((session) => reveal(session, 'LON-001')));
    assert.deepEqual(answers.map(({ status }) => status), [200, 403, 200, 403]);
  });

  test('group of the device, transitive', async () => {
    const session = await personWith({ roles: ['Kiosk.Reader'] });
    assertOk(await reveal(session, 'LON-001'));
    assertProblem(await reveal(session, 'PAR-002'), 'not_authorized');
  });
});

describe('claims of wrong types', () => {
  test('groups or roles that are no lists of texts are no identity', async () => {
    for (const claims of [
      { groups: { [GROUPS.londonHelpdesk]: true } }, { groups: 7 }, { groups: [GROUPS.londonHelpdesk, 7] }, { groups: [[GROUPS.londonHelpdesk]] },
      { groups: [null] }, { roles: { 'Laps.Reader': 1 } }, { roles: [1] }, { roles: true },
    ]) {
      const session = await personWith(claims);
      assertProblem(await session.get('api/v1/session'), 'not_authenticated');
      assertProblem(await reveal(session, 'PAR-010'), 'not_authenticated');
    }
  });

  test('who has them is not sent to sign in again, which would not help', async () => {
    const session = await personWith({ groups: GROUPS.londonHelpdesk });
    assert.match(assertProblem(await session.get('api/v1/session'), 'not_authenticated').detail, /^You are signed in, but .* does not help; tell your administrator the id\.$/);
    const { problem } = JSON.parse(/id="session">([^<]*)</.exec((await session.request('')).text)?.[1] ?? '');
    assert.match(problem.detail, /^You are signed in, but /);
    assert.equal(problem.code, 'unusable', 'the page has words of its own, not those of a session that has ended');
    const stranger = await new Session(`${stage.origin}/laps/`).get('api/v1/session');
    assert.equal(assertProblem(stranger, 'not_authenticated').detail, 'Sign in again to continue.');
  });

  test('an object id that is no text', async () => {
    for (const oid of [7, true, ['x'], { a: 1 }, 'x'.repeat(2000), 'a\u0001b']) {
      const session = await personWith({ oid });
      assertProblem(await session.get('api/v1/session'), 'not_authenticated');
    }
  });

  test('names that are no texts', async () => {
    for (const claims of [{ name: ['x'] }, { name: 7 }, { preferred_username: { a: 1 } }]) {
      const session = await personWith(claims);
      assertProblem(await session.get('api/v1/session'), 'not_authenticated');
    }
  });

  test('a person without oid is known by issuer and subject', async () => {
    const session = await personWith({ oid: undefined, tid: undefined });
    const { user } = assertOk(await session.get('api/v1/session'));
    assert.ok(user.id, JSON.stringify(user));
    assertOk(await reveal(session, 'PAR-010'));
    const record = (await stage.records()).at(-1);
    assert.equal(record.actor.oid, undefined);
    assert.ok(record.actor.sub ?? record.actor.subject, JSON.stringify(record.actor));
  });
});

describe('UserInfo', () => {
  test('gives nobody a group, a role or another name', async () => {
    const more = { groups: [GROUPS.londonHelpdesk], roles: ['Laps.Reader'], oid: FRED, preferred_username: 'carol@contoso.com' };
    const session = await personWith({}, more);
    for (const name of ['LON-001', 'LON-010', 'LON-020']) assertProblem(await reveal(session, name), 'not_authorized');
    assert.notEqual(assertOk(await session.get('api/v1/session')).user.username, 'carol@contoso.com');
  });
});

describe('overage', () => {
  const SOURCES = { src1: { endpoint: 'https://graph.windows.net/x/users/y/getMemberObjects' } };
  const SIGNS = [
    { _claim_names: { groups: 'src1' }, _claim_sources: SOURCES }, { _claim_names: { groups: 'src1' } }, { hasgroups: true },
    { hasgroups: 'true' }, { hasgroups: true, groups: [GROUPS.allStaff] },
  ];

  test('that the app may not look up is told where a group decides, undecidable where a group could deny', async () => {
    for (const claims of SIGNS) {
      const session = await personWith(claims);
      assertProblem(await reveal(session, 'LON-001'), 'tenant_permission_missing');
      assertProblem(await reveal(session, 'PAR-011'), 'policy_undecidable');
    }
  });

  test('that the app may not look up is told for every device alike, however often, also for one that nobody has', async () => {
    const session = await personWith({ hasgroups: true });
    // More than there are children: each of them keeps what it has looked at.
    for (let i = 0; i < 6; i++) {
      assertProblem(await reveal(session, 'LON-030'), 'tenant_permission_missing');
      assertProblem(await session.get(`api/v1/devices/contoso/${stage.device('LON-030').deviceId}`), 'tenant_permission_missing');
      assertProblem(await session.password('contoso', FRED), 'tenant_permission_missing');
    }
  });

  test('that the app may not look up is told by a search too, whether there are such devices or not', async () => {
    const session = await personWith({ hasgroups: true });
    for (const [text, names] of /** @type {[string, string[]][]} */ ([['LON-00', []], ['PAR-010', ['PAR-010']], ['ZZ', []]])) {
      const { devices, gaps } = assertOk(await session.get(`api/v1/devices?search=${text}`));
      assert.deepEqual(devices.map((/** @type {any} */ d) => d.name), names);
      assert.deepEqual(gaps, [{ tenant: 'contoso', code: 'tenant_permission_missing' }], text);
    }
    const known = await personWith({ groups: [GROUPS.allStaff] });
    assert.deepEqual(assertOk(await known.get('api/v1/devices?search=LON-00')).gaps, []);
  });

  test('does not hinder what no group decides', async () => {
    for (const claims of SIGNS) assertOk(await reveal(await personWith(claims), 'PAR-010'));
  });

  test('without it the same deny lets others through', async () => {
    assertOk(await reveal(await personWith({ groups: [GROUPS.allStaff] }), 'PAR-011'));
    assertOk(await reveal(await personWith({}), 'PAR-011'));
    assertProblem(await reveal(await personWith({ groups: ['11111111-2222-4333-8444-555555555555'] }), 'PAR-011'), 'not_authorized');
  });
});

describe('a session of another virtual host, which mod_auth_openidc takes', () => {
  /** @type {import('../lib/stage.mjs').Stage} */
  let shared;
  let [other, sameApp, thinned] = ['', '', ''];
  let twice = 0;
  /** @type {import('../lib/claims.mjs').Issuer} */
  let theirs;
  before(async () => {
    theirs = await startIssuer();
    const [port, same, thin] = [await freePort(), await freePort(), await freePort()];
    twice = await freePort();
    other = `http://localhost:${port}/laps/`;
    const host = (/** @type {number} */ at, /** @type {string} */ lines) => `Listen 127.0.0.1:${at}\n<VirtualHost 127.0.0.1:${at}>\n${lines}
      <Location "/laps">\nAuthType openid-connect\nRequire valid-user\nSetHandler amlaps\n</Location>\n</VirtualHost>\n`;
    const app = (/** @type {string} */ name, /** @type {import('../lib/claims.mjs').Issuer} */ of) => `<IfDefine ${name}>\nServerName ${name}
      OIDCProviderMetadataURL ${of.metadataUrl}\nOIDCClientID ${of.clientId}\nOIDCClientSecret ${of.clientSecret}
      OIDCRedirectURI http://${name}:${twice}/laps/oidc/callback\n</IfDefine>\n`;
    const settings = ['OIDCCryptoPassphrase "a passphrase for tests on one machine"', 'OIDCPKCEMethod S256', 'OIDCCacheType file', 'OIDCCacheDir "{root}/sessions"',
      'OIDCPassIDTokenAs payload', 'OIDCPassClaimsAs environment', 'OIDCPassUserInfoAs json', 'OIDCCookiePath /laps', 'OIDCRemoteUserClaim sub'].join('\n');
    shared = await startStage({
      issuer, sessionCache: 'file', rules: ruleSection('London', ['AMLapsDevice name LON-*', 'AMLapsAllow password anyone']),
      files: { 'conf/twice.conf': host(twice, `${settings}\n` + app('localhost', issuer) + app('127.0.0.1', theirs)).replace(/^Listen.*/, '') },
      server: `Listen 127.0.0.1:${twice}\n${['localhost', '127.0.0.1'].map((name) => `Define ${name}\nInclude {root}/conf/twice.conf\nUnDefine ${name}\n`).join('')}`
        + host(port, `${settings}\nOIDCProviderMetadataURL ${theirs.metadataUrl}\nOIDCClientID ${theirs.clientId}\nOIDCClientSecret ${theirs.clientSecret}
        OIDCRedirectURI ${other}oidc/callback`)
        + host(same, `${settings}\nOIDCProviderMetadataURL ${issuer.metadataUrl}\n<IfModule mod_auth_openidc.c>\noidcclientid "${issuer.clientId}"\n</IfModule>
        OIDCClientSecret ${issuer.clientSecret}\nOIDCRedirectURI http://localhost:${same}/laps/oidc/callback`)
        + host(thin, `${settings}\nOIDCProviderMetadataURL ${issuer.metadataUrl}\nOIDCClientID ${issuer.clientId}\nOIDCClientSecret ${issuer.clientSecret}
        OIDCRedirectURI http://localhost:${thin}/laps/oidc/callback\nOIDCWhiteListedClaims sub oid tid name`),
    });
    sameApp = `http://localhost:${same}/laps/`;
    thinned = `http://localhost:${thin}/laps/`;
  });
  after(async () => {
    await theirs?.close();
    await shared?.close([/amlaps:.*AML0159/]);
  });

  /** @param {Session} session @param {string} base where its cookie is played */
  const playedAt = (session, base) => new Session(base, session.jar);

  test('with another sign-in app is none', async () => {
    const stranger = await theirs.signIn(other, { oid: FRED });
    assertOk(await stranger.get('api/v1/session'));
    const played = playedAt(stranger, shared.base);
    assertProblem(await played.get('api/v1/session'), 'not_authenticated');
    const start = await shared.lastSeq();
    assertProblem(await reveal(played, 'LON-001'), 'not_authenticated');
    assert.deepEqual(await shared.records(start), []);
    assert.match((await played.get('')).text, /"code":"unusable"/);
    assert.match(shared.httpd.errorLog(), /AML0159: .*OIDCCryptoPassphrase/);
  });

  test('with the same one is as good there', async () => {
    const session = await issuer.signIn(shared.base, {});
    for (const base of [shared.base, sameApp]) assertOk(await reveal(playedAt(session, base), 'LON-001'));
    const several = await issuer.signIn(shared.base, { aud: ['x', issuer.clientId], azp: issuer.clientId });
    assertOk(await reveal(playedAt(several, sameApp), 'LON-001'));
  });

  test('that stands in the same lines, included twice, is none, and its own is one', async () => {
    const own = await theirs.signIn(`http://127.0.0.1:${twice}/laps/`, { oid: FRED });
    assertOk(await own.get('api/v1/session'));
    assertProblem(await playedAt(own, shared.base).get('api/v1/session'), 'not_authenticated');
    assertOk(await reveal(await issuer.signIn(`http://localhost:${twice}/laps/`, {}), 'LON-001'));
  });

  test('whose claims were thinned out is none, and the log names what took them', async () => {
    const session = await issuer.signIn(thinned, {});
    assertProblem(await session.get('api/v1/session'), 'not_authenticated');
    assert.match(shared.httpd.errorLog(), /AML0159: .*OIDCWhiteListedClaims/);
  });
});
