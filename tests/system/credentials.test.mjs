// @ts-check
/** What an app proves itself with: certificate, federated token, managed identity. And its tokens: renewed in time, and what they allow. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import fs from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import { makeAuthority, makeCertificate } from '../entra/certificate.mjs';
import { startEntra } from '../entra/entra.mjs';
import { CONTOSO, DEVICES, defaultWorld, guidOf } from '../entra/world.mjs';
import { signInOf } from '../lib/amlaps-conf.mjs';
import { assertOk, assertProblem } from '../lib/expect.mjs';
import { HTDOCS_LINE } from '../lib/httpd-conf.mjs';
import { Httpd } from '../lib/httpd.mjs';
import { freePort } from '../lib/ports.mjs';
import { HELPDESK_RULE, NO_LIMITS, Stage } from '../lib/stage.mjs';
import { waitFor } from '../lib/wait.mjs';

const ONE_CHILD = 'StartServers 1\nServerLimit 2\nThreadsPerChild 40\nMaxRequestWorkers 40\nMinSpareThreads 1\nMaxSpareThreads 80';
const READ = ['Device.Read.All', 'DeviceLocalCredential.Read.All'];
const APP = Object.fromEntries(['certificate', 'rs256', 'federated', 'vm', 'user', 'secret'].map((name) => [name, guidOf(`app ${name}`)]));
const AUDIENCE = 'api://AzureADTokenExchange';
const ISSUER = 'https://kubernetes.example/cluster';
const SUBJECT = 'system:serviceaccount:laps:httpd';

const segment = (/** @type {any} */ value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token of another issuer. @param {import('node:crypto').KeyObject} key @param {any} [claims] */
function foreignToken(key, claims = {}) {
  const now = Math.floor(Date.now() / 1000);
  const text = `${segment({ alg: 'RS256', typ: 'JWT', kid: '1' })}.${segment({ iss: ISSUER, sub: SUBJECT, aud: AUDIENCE, iat: now, nbf: now, exp: now + 3600, ...claims })}`;
  return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`;
}

const newIssuer = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
/** @param {import('node:crypto').KeyObject} key */
const trust = (key) => ({ issuer: ISSUER, subject: SUBJECT, audience: AUDIENCE, key: String(key.export({ type: 'spki', format: 'pem' })) });

/** @param {string} name @param {string} credential @param {{ url: string }} entra @param {string} [clientId] */
const section = (name, credential, entra, clientId = APP[name]) => [
  `<AMLapsTenant ${name}>`, `AMLapsTenantId ${CONTOSO}`, ...(clientId ? [`AMLapsClientId ${clientId}`] : []), credential,
  `AMLapsLoginURL ${entra.url}`, `AMLapsGraphURL ${entra.url}`, '</AMLapsTenant>'].join('\n');

/** @param {any[]} apps */
function world(apps) {
  const made = defaultWorld();
  made.tenants[0].apps.push(...apps.map((app) => ({ objectId: guidOf(`sp ${app.clientId}`), name: app.clientId, secrets: [], roles: READ, ...app })));
  return made;
}

/**
 * @param {any[]} apps @param {(entra: any) => string[]} sections
 * @param {Partial<import('../lib/httpd.mjs').HttpdOptions> & { prepare?: (httpd: Httpd) => void }} [options]
 */
async function start(apps, sections, { prepare, env, ...options } = {}) {
  const port = await freePort();
  const entra = await startEntra({ redirectUris: [`http://localhost:${port}/laps/oidc/callback`], world: world(apps) });
  const filled = Object.fromEntries(Object.entries(env ?? {}).map(([name, value]) => [name, value.replaceAll('{entra}', entra.url)]));
  try {
    const httpd = await Httpd.create({
      port, mpmSettings: ONE_CHILD, sessionCache: 'file', signIn: signInOf(entra), ...options, env: filled,
      amlaps: [...sections(entra), HELPDESK_RULE, NO_LIMITS, 'AMLapsStore sqlite3:{root}/state/amlaps.db', HTDOCS_LINE, 'AMLapsGraphTimeout 4'].join('\n'),
    });
    prepare?.(httpd);
    await httpd.start();
    return new Stage(entra, httpd);
  } catch (err) {
    await entra.close();
    throw err;
  }
}

/** A folder that the children may read, and nobody else. @param {Httpd} httpd @param {Record<string, string>} files */
function forChildren(httpd, files) {
  fs.mkdirSync(httpd.path('shown'), { recursive: true });
  httpd.own('shown', 0o700);
  for (const [name, content] of Object.entries(files)) {
    httpd.write(`shown/${name}`, content, 0o600);
    httpd.own(`shown/${name}`, 0o400);
  }
}

/** @type {Stage} */
let stage;
/** @param {string} tenant @param {string} [id] */
const reveal = async (tenant, id = DEVICES.lon001) => (await stage.signIn('helpdesk')).password(tenant, id, { reason: 'x' });
/** @param {string} tenant */
async function works(tenant) {
  const answer = assertOk(await reveal(tenant));
  assert.equal(answer.credentials[0].password, stage.passwords('LON-001')[0]);
}
/** @param {string} tenant @param {RegExp} hint */
async function refused(tenant, hint) {
  const { detail } = assertProblem(await reveal(tenant), 'tenant_credential_invalid');
  assert.match(`${detail}${stage.httpd.errorLog()}`, hint);
  assert.equal(stage.passwordRequests().length, 0);
}

/** Graph has refused the token before, once, and taken the one that came after it. */
const newTokenWasTaken = () => assert.deepEqual(stage.passwordRequests().map((r) => r.status), [200, 401, 200]);

describe('each credential', () => {
  /** @type {Record<string, Awaited<ReturnType<typeof makeCertificate>>>} */
  const pairs = {};
  let issuer = newIssuer();
  before(async () => {
    [pairs.first, pairs.second, pairs.rs256] = await Promise.all([makeCertificate(), makeCertificate(), makeCertificate()]);
    stage = await start([
      { clientId: APP.certificate, certificates: [pairs.first.cert] },
      { clientId: APP.rs256, certificates: [pairs.rs256.cert] },
      { clientId: APP.federated, federated: [trust(issuer.publicKey)] },
      { clientId: APP.vm, managed: 'system' },
      { clientId: APP.user, managed: 'user' },
      { clientId: APP.secret, secrets: [{ value: 'first~secret+of/it' }] },
    ], (entra) => [
      section('certificate', 'AMLapsClientCertificate {root}/shown/cert.pem {root}/shown/key.pem', entra),
      section('rs256', 'AMLapsClientCertificate {root}/secret/both.pem rs256', entra),
      section('federated', 'AMLapsFederatedToken {root}/shown/token', entra),
      section('vm', 'AMLapsManagedIdentity system', entra, ''),
      section('user', `AMLapsManagedIdentity ${APP.user}`, entra, ''),
      section('secret', 'AMLapsClientSecret file:{root}/shown/secret', entra),
    ], {
      env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: '{entra}' },
      prepare: (httpd) => {
        forChildren(httpd, { 'cert.pem': pairs.first.cert, 'key.pem': pairs.first.key, token: `${foreignToken(issuer.privateKey)}\n`, secret: 'first~secret+of/it\n' });
        httpd.write('secret/both.pem', pairs.rs256.cert + pairs.rs256.key, 0o600);
      },
    });
    await stage.signIn('helpdesk');
  });
  after(() => stage?.close([/amlaps:.*AML/]));
  beforeEach(async () => {
    stage.entra.control.reset();
    await stage.httpd.renew();
  });

  for (const name of Object.keys(APP)) test(`${name} reads a password`, () => works(name));

  test('a certificate that is replaced works without a restart', async () => {
    await works('certificate');
    const app = stage.tenant('contoso').apps.find(({ clientId }) => clientId === APP.certificate);
    assert.ok(app);
    app.certificates = [pairs.second.cert];
    forChildren(stage.httpd, { 'cert.pem': pairs.second.cert, 'key.pem': pairs.second.key });
    stage.entra.control.expireTokens();
    await works('certificate');
    newTokenWasTaken();
  });

  for (const [name, spoiled] of /** @type {[string, () => Promise<Record<string, string>>][]} */ ([
    ['half replaced', async () => ({ 'cert.pem': pairs.first.cert })],
    ['replaced by an expired one', async () => {
      const { servers } = await makeAuthority({ old: { from: -20, until: -10 } });
      return { 'cert.pem': servers.old.cert, 'key.pem': servers.old.key };
    }],
    ['replaced by nonsense', async () => ({ 'cert.pem': 'nothing', 'key.pem': 'nothing' })],
    ['taken away', async () => ({})],
  ])) {
    test(`a pair that is ${name} while httpd runs: that of the start is used`, async () => {
      const files = await spoiled();
      try {
        await works('certificate');
        forChildren(stage.httpd, files);
        if (name === 'taken away') fs.rmSync(stage.httpd.path('shown/key.pem'));
        stage.entra.control.expireTokens();
        await works('certificate');
        newTokenWasTaken();
      } finally {
        forChildren(stage.httpd, { 'cert.pem': pairs.second.cert, 'key.pem': pairs.second.key });
      }
    });
  }

  test('a certificate that the app does not have is told as such', async () => {
    const app = stage.tenant('contoso').apps.find(({ clientId }) => clientId === APP.rs256);
    assert.ok(app);
    const { certificates } = app;
    app.certificates = [];
    try {
      await stage.httpd.renew();
      await refused('rs256', /AMLapsClientCertificate/);
    } finally {
      app.certificates = certificates;
    }
  });

  test('the federated token is read for every token request', async () => {
    await works('federated');
    issuer = newIssuer();
    const app = stage.tenant('contoso').apps.find(({ clientId }) => clientId === APP.federated);
    assert.ok(app);
    app.federated = [trust(issuer.publicKey)];
    forChildren(stage.httpd, { token: foreignToken(issuer.privateKey) });
    stage.entra.control.expireTokens();
    await works('federated');
  });

  test('a federated token that is over, or of somebody else', async () => {
    forChildren(stage.httpd, { token: foreignToken(issuer.privateKey, { nbf: 1e9, iat: 1e9, exp: 1e9 + 60 }) });
    await stage.httpd.renew();
    await refused('federated', /clock|AMLapsFederatedToken/);
    forChildren(stage.httpd, { token: foreignToken(issuer.privateKey, { sub: 'system:serviceaccount:other:pod' }) });
    await stage.httpd.renew();
    await refused('federated', /AMLapsFederatedToken: compare issuer, subject and audience/);
    forChildren(stage.httpd, { token: foreignToken(issuer.privateKey) });
  });

  test('a client secret that is replaced works without a restart', async () => {
    await works('secret');
    const app = stage.tenant('contoso').apps.find(({ clientId }) => clientId === APP.secret);
    assert.ok(app);
    app.secrets = [{ value: 'second~secret+of/it' }];
    forChildren(stage.httpd, { secret: 'second~secret+of/it\n' });
    stage.entra.control.expireTokens();
    await works('secret');
  });

  test('a metadata service that is away for a moment', async () => {
    stage.entra.control.set({ fault: { match: '/metadata/identity', kind: 'status', status: 410, times: 1 } });
    const asked = () => stage.entra.control.requests().filter((r) => r.path.startsWith('/metadata/identity'));
    const before = asked().length;
    await stage.httpd.renew();
    await works('vm');
    assert.equal(asked()[before].status, 410);
  });

  test('the token is renewed before it ends, and nobody waits for it', async () => {
    stage.entra.control.set({ token: { expiresIn: 6 } });
    await stage.httpd.renew();
    await works('certificate');
    stage.entra.control.set({ tokenDelayMs: 1500 });
    const asked = stage.entra.control.stats().tokenRequests;
    await waitFor('a renewal that nobody asked for', () => stage.entra.control.stats().tokenRequests > asked);
    const began = Date.now();
    await works('certificate');
    assert.ok(Date.now() - began < 1200, `${Date.now() - began} ms while the login takes 1500`);
    await waitFor('the next', () => stage.entra.control.stats().tokenRequests > asked + 1);
  });

  test('a login that fails is no harm while the token lasts', async () => {
    stage.entra.control.set({ token: { expiresIn: 8 } });
    await stage.httpd.renew();
    await works('certificate');
    stage.entra.control.set({ fault: { match: '/oauth2/v2.0/token', kind: 'status', status: 401 } });
    await waitFor('a renewal that fails', () => stage.httpd.errorLog().includes('AML0315'));
    await works('certificate');
  });

  test('permissions that are missing and that nothing needs are told once', async () => {
    const told = () => stage.httpd.errorLog().split('\n').filter((line) => /AML034[89]/.test(line) && line.includes('tenant certificate')
      && stage.httpd.children().some((pid) => line.includes(`[pid ${pid}:`)));
    stage.entra.control.set({ token: { roles: ['Device.Read.All', 'Directory.ReadWrite.All'] } });
    await stage.httpd.renew();
    assertProblem(await reveal('certificate'), 'tenant_permission_missing');
    stage.entra.control.expireTokens();
    assertProblem(await reveal('certificate'), 'tenant_permission_missing');
    const lines = told();
    assert.equal(lines.length, 2, lines.join('\n'));
    assert.match(lines[0], new RegExp(`:warn.*lacks the application permissions DeviceLocalCredential\\.Read\\.All; .*${stage.entra.url}/${CONTOSO}/adminconsent\\?client_id=${APP.certificate}`));
    assert.match(lines[1], /:notice.*Directory\.ReadWrite\.All/);
  });

  test('no key, token or assertion is written anywhere', () => {
    const log = stage.httpd.errorLog();
    for (const secret of ['first~secret', 'second~secret', 'PRIVATE KEY', foreignToken(issuer.privateKey).split('.')[0]]) {
      assert.ok(!log.includes(secret), secret);
    }
  });
});

describe('where a managed identity comes from', () => {
  const apps = [{ clientId: APP.vm, managed: 'system' }];
  /** @param {Record<string, string>} env */
  const begin = async (env) => {
    stage = await start(apps, (entra) => [section('vm', 'AMLapsManagedIdentity system', entra, '')], { env });
    await stage.signIn('helpdesk');
  };

  test('an App Service', async () => {
    await begin({ IDENTITY_ENDPOINT: '{entra}/msi/token', IDENTITY_HEADER: 'a header that is a secret' });
    try {
      stage.entra.control.set({ managed: { header: 'a header that is a secret' } });
      await stage.httpd.renew();
      await works('vm');
      const [asked] = stage.entra.control.requests().filter((r) => r.area === 'token');
      assert.match(asked.path, /^\/msi\/token\?api-version=2019-08-01&resource=/);
      assert.ok(!stage.httpd.errorLog().includes('a header that is a secret'));
    } finally {
      await stage.close([/amlaps:.*AML/]);
    }
  });

  test('an App Service that does not know the identity', async () => {
    await begin({ IDENTITY_ENDPOINT: '{entra}/msi/token', IDENTITY_HEADER: 'wrong' });
    try {
      stage.entra.control.set({ managed: { header: 'right' } });
      await refused('vm', /AMLapsManagedIdentity/);
    } finally {
      await stage.close([/amlaps:.*AML/]);
    }
  });

  test('an Arc server whose challenge leaves its folder gets nothing', async () => {
    await begin({ IDENTITY_ENDPOINT: '{entra}/metadata/identity/oauth2/token', IMDS_ENDPOINT: '{entra}' });
    try {
      const file = stage.httpd.write('www/other.key', 'not for you', 0o644);
      stage.entra.control.reset();
      stage.entra.control.set({ managed: { keyFile: file } });
      await stage.httpd.renew();
      await refused('vm', /outside the folder of Arc/);
      const asked = stage.entra.control.requests().filter((r) => r.area === 'token');
      assert.equal(asked.length, 1);
      assert.equal(asked[0].headers.authorization, undefined);
    } finally {
      await stage.close([/amlaps:.*AML/]);
    }
  });
});

test('a certificate that ends in days is in the log once, and in the status', async () => {
  const late = await makeCertificate({ days: 5 });
  stage = await start([{ clientId: APP.certificate, certificates: [late.cert] }], (entra) => [
    section('certificate', 'AMLapsClientCertificate {root}/secret/both.pem', entra), 'AMLapsOperator user auditor@contoso.com',
  ], { prepare: (httpd) => { httpd.write('secret/both.pem', late.cert + late.key, 0o600); } });
  try {
    const [{ token, credential }] = assertOk(await (await stage.signIn('auditor')).get('api/v1/status')).tenants;
    assert.equal(token.status, 'ok', JSON.stringify(token));
    assert.deepEqual([credential.kind, credential.daysLeft], ['certificate', 4]);
    assert.ok(Math.abs(Date.parse(credential.expires) - Date.now() - 5 * 86400e3) < 3600e3, credential.expires);
    const told = (/** @type {string} */ id) => stage.httpd.errorLog().split('\n').filter((line) => line.includes(id)).length;
    assert.equal(told('AML0134'), 1, 'at start');
    assert.equal(told('AML0336'), 0, 'and not again with the first token');
  } finally {
    await stage.close([/amlaps:.*AML0134/]);
  }
});

describe('configtest', () => {
  /** @type {Httpd} */
  let httpd;
  before(async () => {
    httpd = await Httpd.create();
    const [good, other, short, late, curve] = await Promise.all([
      makeCertificate(), makeCertificate(), makeCertificate({ algorithm: ['-newkey', 'rsa:1024'] }), makeCertificate({ days: 5 }),
      makeCertificate({ algorithm: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] })]);
    const { servers } = await makeAuthority({ expired: { from: -20, until: -10 }, future: { from: 5, until: 20 } });
    for (const [name, pair] of Object.entries({ good, other, short, late, curve, ...servers })) {
      httpd.write(`secret/${name}.crt`, pair.cert);
      httpd.write(`secret/${name}.key`, pair.key, 0o600);
    }
    httpd.write('secret/open.key', good.key, 0o644);
    httpd.write('secret/bags.pem', `\ufeffBag Attributes\n    localKeyID: 01\n${good.cert}Bag Attributes\n${good.key}`, 0o600);
    httpd.write('secret/marked.pem', `\ufeff${good.cert}${good.key}`, 0o600);
    httpd.write('secret/no.pem', 'nothing', 0o600);
  });
  after(() => httpd?.discard());

  /** @param {string} lines @param {string} [client] */
  async function check(lines, client = `AMLapsClientId ${APP.certificate}`) {
    httpd.configure({ amlaps: `<AMLapsTenant x>\nAMLapsTenantId ${CONTOSO}\n${client}\n${lines}\n</AMLapsTenant>\n${HELPDESK_RULE}${HTDOCS_LINE}\nAMLapsStore sqlite3:{root}/state/amlaps.db` });
    return httpd.configtest();
  }
  const S = '{root}/secret';
  for (const [what, lines, message] of /** @type {[string, string, RegExp][]} */ ([
    ['no credential', '', /lacks a credential; write one of AMLapsClientSecret, AMLapsClientCertificate, AMLapsFederatedToken and AMLapsManagedIdentity/],
    ['two', `AMLapsClientCertificate ${S}/good.crt ${S}/good.key\nAMLapsManagedIdentity system`, /two credentials, the other is AMLapsClientCertificate/],
    ['the same twice', 'AMLapsManagedIdentity system\nAMLapsManagedIdentity system', /two credentials/],
    ['a key of another certificate', `AMLapsClientCertificate ${S}/good.crt ${S}/other.key`, /do not belong together/],
    ['an expired one', `AMLapsClientCertificate ${S}/expired.crt ${S}/expired.key`, /has expired on \d{4}-\d\d-\d\d \(UTC\); make a new pair/],
    ['one of the future', `AMLapsClientCertificate ${S}/future.crt ${S}/future.key`, /is not valid before \d{4}-\d\d-\d\d \(UTC\); check this server's clock/],
    ['a short key', `AMLapsClientCertificate ${S}/short.crt ${S}/short.key`, /shorter than 2048/],
    ['a key on a curve', `AMLapsClientCertificate ${S}/curve.crt ${S}/curve.key`, /not of the kind RSA/],
    ['a key that everybody may read', `AMLapsClientCertificate ${S}/good.crt ${S}/open.key`, /world-readable/],
    ['a file that is missing', `AMLapsClientCertificate ${S}/none.crt ${S}/good.key`, /can't be read/],
    ['no certificate', `AMLapsClientCertificate ${S}/no.pem ${S}/good.key`, /holds no certificate/],
    ['a byte order mark in the certificate’s first line', `AMLapsClientCertificate ${S}/marked.pem`, /begins with a byte order mark/],
    ['no key', `AMLapsClientCertificate ${S}/good.crt ${S}/no.pem`, /no private key/],
    ['too many words', `AMLapsClientCertificate ${S}/good.crt ${S}/good.key PS256`, /write CERT\.pem/],
    ['no token', `AMLapsFederatedToken ${S}/no.pem`, /holds no token/],
    ['no file of a token', `AMLapsFederatedToken ${S}/none`, /can't be read/],
    ['another identity', 'AMLapsManagedIdentity mine', /neither system nor a GUID/],
    ['groups from elsewhere', 'AMLapsManagedIdentity system\n</AMLapsTenant>\nAMLapsGroupsFrom claims\n<AMLapsTenant y>', /AMLapsGroupsFrom: write token .* or graph/],
  ])) {
    test(`refuses ${what}`, async () => {
      const { ok, output } = await check(lines);
      assert.equal(ok, false, output);
      assert.match(output, message);
      assert.doesNotMatch(output, /PRIVATE KEY/);
    });
  }

  test('takes a good pair, and warns of one that ends soon', async () => {
    const good = await check(`AMLapsClientCertificate ${S}/good.crt ${S}/good.key`);
    assert.ok(good.ok, good.output);
    assert.doesNotMatch(good.output, /AML0134/);
    const late = await check(`AMLapsClientCertificate ${S}/late.crt ${S}/late.key RS256`);
    assert.ok(late.ok, late.output);
    assert.match(late.output, /AML0134: the certificate of tenant x ends in 4 days/);
  });

  test('takes a pair as openssl pkcs12 writes it and an editor on Windows saves it', async () => {
    const { ok, output } = await check(`AMLapsClientCertificate ${S}/bags.pem`);
    assert.ok(ok, output);
  });

  test('a managed identity needs no AMLapsClientId', async () => {
    const { ok, output } = await check('AMLapsManagedIdentity system', '');
    assert.ok(ok, output);
  });
});
