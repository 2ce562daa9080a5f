// @ts-check
/** TLS to Microsoft with a private CA: whoever cannot prove to be the right server gets neither secret nor token. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makeAuthority, makeCertificate } from '../entra/certificate.mjs';
import { startEntra } from '../entra/entra.mjs';
import { DEVICES, defaultWorld } from '../entra/world.mjs';
import { secretFile, secretFiles, signInOf, tenantOf } from '../lib/amlaps-conf.mjs';
import { assertOk, assertProblem } from '../lib/expect.mjs';
import { HTDOCS_LINE } from '../lib/httpd-conf.mjs';
import { Httpd } from '../lib/httpd.mjs';
import { freePort } from '../lib/ports.mjs';
import { HELPDESK_RULE, NO_LIMITS, Stage } from '../lib/stage.mjs';

/** One child: the token that it asks for at start is the one that people use. */
const ONE_CHILD = 'StartServers 1\nServerLimit 2\nThreadsPerChild 40\nMaxRequestWorkers 40\nMinSpareThreads 1\nMaxSpareThreads 80';

/** @type {Stage} */
let stage;
/** Where people sign in, over plain HTTP. @type {Awaited<ReturnType<typeof startEntra>>} */
let people;
/** @type {Record<string, Awaited<ReturnType<typeof startEntra>>>} */
const servers = {};

/** @param {string} name @param {{ login: string, graph: string }} at */
const section = (name, { login, graph }) => {
  const { id, apps } = tenantOf(people, 'contoso');
  return [`<AMLapsTenant ${name}>`, `AMLapsTenantId ${id}`, `AMLapsClientId ${apps[0].clientId}`,
    `AMLapsClientSecret file:{root}/${secretFile('contoso')}`, 'AMLapsCAFile {root}/conf/ca.pem', `AMLapsLoginURL ${login}`, `AMLapsGraphURL ${graph}`,
    '</AMLapsTenant>'].join('\n');
};
before(async () => {
  const world = defaultWorld();
  const { ca, servers: certificates } = await makeAuthority({ good: {}, expired: { from: -20, until: -10 }, future: { from: 5, until: 20 }, wrongHost: { names: ['DNS:graph.example'] }, old: {} });
  const self = await makeCertificate();
  const port = await freePort();
  people = await startEntra({ redirectUris: [`http://localhost:${port}/laps/oidc/callback`], world });
  const begin = async (/** @type {string} */ name, /** @type {any} */ tls) => { servers[name] = await startEntra({ world, tls }); };
  for (const name of /** @type {const} */ (['good', 'expired', 'future', 'wrongHost'])) await begin(name, certificates[name]);
  await begin('selfSigned', self);
  await begin('tls11', { ...certificates.old, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' });
  const bad = Object.keys(servers).filter((name) => name !== 'good');
  for (const name of bad) servers[`login-${name}`] = await startEntra({ world, tls: certificates.good, graphUrl: servers[name].url });
  const both = (/** @type {string} */ name) => ({ login: servers[name].url, graph: servers[name].url });
  const httpd = await Httpd.start({
    port, mpmSettings: ONE_CHILD, signIn: signInOf(people), files: { ...secretFiles(people, ['contoso']), 'conf/ca.pem': ca, 'conf/other.pem': self.cert },
    amlaps: [
      ...['good', ...bad].map((name) => section(name, both(name))),
      // the login is right, Graph is not
      ...bad.map((name) => section(`graph-${name}`, { login: servers[`login-${name}`].url, graph: servers[name].url })),
      section('other-ca', both('good')).replace('{root}/conf/ca.pem', '{root}/conf/other.pem'),
      HELPDESK_RULE, NO_LIMITS, 'AMLapsStore sqlite3:{root}/state/amlaps.db', HTDOCS_LINE, 'AMLapsGraphTimeout 4',
    ].join('\n'),
  });
  stage = new Stage(people, httpd);
  await stage.signIn('helpdesk');
});
after(async () => {
  try {
    await stage?.close([/amlaps:.*AML03/]);
  } finally {
    await Promise.all(Object.values(servers).map((server) => server.close()));
  }
});

const asked = (/** @type {string} */ name) => servers[name].control.requests().length;
const reveal = async (/** @type {string} */ tenant) => (await stage.signIn('helpdesk')).password(tenant, DEVICES.lon001, { reason: 'x' });

describe('a private CA', () => {
  test('a server that it vouches for is trusted, over HTTP that curl and the server agree on', async () => {
    const answer = assertOk(await reveal('good'));
    assert.equal(answer.credentials[0].password, stage.passwords('LON-001')[0]);
    assert.equal(asked('good'), 3, 'a token, a device, a password');
  });

  for (const name of ['expired', 'future', 'wrongHost', 'selfSigned', 'tls11']) {
    test(`${name}: refused before the secret is sent`, async () => {
      const problem = assertProblem(await reveal(name), 'tenant_unreachable');
      assert.match(`${problem.detail}${stage.httpd.errorLog()}`, name === 'tls11' ? /TLS/ : /certificate is not trusted/);
      assert.equal(asked(name), 0);
    });
  }

  test('another CA than the one of AMLapsCAFile is not trusted, whatever the system trusts', async () => {
    const before = asked('good');
    assertProblem(await reveal('other-ca'), 'tenant_unreachable');
    assert.equal(asked('good'), before);
  });

  for (const name of ['expired', 'wrongHost', 'selfSigned', 'tls11']) {
    test(`Graph with ${name}: refused before the token is sent`, async () => {
      assertProblem(await reveal(`graph-${name}`), 'tenant_unreachable');
      assert.equal(servers[`login-${name}`].control.stats().tokenRequests, 1, 'there is a token');
      assert.equal(asked(name), 0);
    });
  }
});
