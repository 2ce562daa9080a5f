// @ts-check
/** TLS to Microsoft with a private CA: whoever cannot prove to be the right server gets neither secret nor token. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { makeAuthority, makeCertificate } from '../entra/certificate.mjs';
import { startEntra } from '../entra/entra.mjs';
import { DEVICES, defaultWorld } from '../entra/world.mjs';
import { secretFile, secretFiles, signInOf, tenantOf } from '../lib/amlaps-conf.mjs';
import { assertOk, assertProblem } from '../lib/expect.mjs';
import { HTDOCS_LINE } from '../lib/httpd-conf.mjs';
import { Httpd } from '../lib/httpd.mjs';
import { freePort } from '../lib/ports.mjs';
import { HELPDESK_RULE, NO_LIMITS, Stage } from '../lib/stage.mjs';
import { waitFor } from '../lib/wait.mjs';

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
  const { ca, servers: certificates } = await makeAuthority({ good: {}, expired: { from: -20, until: -10 }, future: { from: 5, until: 20 }, wrongHost: { names: ['DNS:graph.example'] }, old: {}, older: {} });
  const self = await makeCertificate();
  const port = await freePort();
  people = await startEntra({ redirectUris: [`http://localhost:${port}/laps/oidc/callback`], world });
  const begin = async (/** @type {string} */ name, /** @type {any} */ tls, http2 = false) => { servers[name] = await startEntra({ world, tls, http2 }); };
  for (const name of /** @type {const} */ (['good', 'expired', 'future', 'wrongHost'])) await begin(name, certificates[name]);
  await begin('selfSigned', self);
  await begin('tls11', { ...certificates.old, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' });
  await begin('tls10', { ...certificates.older, minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' });
  const bad = Object.keys(servers).filter((name) => name !== 'good');
  await begin('http2', certificates.good, true);
  for (const name of bad) servers[`login-${name}`] = await startEntra({ world, tls: certificates.good, graphUrl: servers[name].url });
  const both = (/** @type {string} */ name) => ({ login: servers[name].url, graph: servers[name].url });
  const httpd = await Httpd.start({
    port, mpmSettings: ONE_CHILD, signIn: signInOf(people), files: { ...secretFiles(people, ['contoso']), 'conf/ca.pem': ca, 'conf/other.pem': self.cert },
    amlaps: [
      ...['good', 'http2', ...bad].map((name) => section(name, both(name))),
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

/** Not one byte of a request: curl has left, perhaps after the handshake, before it sent anything. @param {string} name */
async function nothingArrived(name) {
  await waitFor('the connections to end', () => servers[name].openConnections() === 0);
  assert.equal(asked(name), 0);
  assert.equal(servers[name].control.stats().secureBytes, 0);
}
const asked = (/** @type {string} */ name) => servers[name].control.requests().length;
const reveal = async (/** @type {string} */ tenant) => (await stage.signIn('helpdesk')).password(tenant, DEVICES.lon001, { reason: 'x' });

describe('a private CA', () => {
  test('a server that it vouches for is trusted, over HTTP that curl and the server agree on', async () => {
    const answer = assertOk(await reveal('good'));
    assert.equal(answer.credentials[0].password, stage.passwords('LON-001')[0]);
    const requests = servers.good.control.requests();
    assert.equal(requests.filter((r) => r.area === 'graph').length, 2, 'a device, a password');
    servers.good.control.closeConnections();
    await waitFor('the connections to end', () => servers.good.openConnections() === 0);
    assert.ok(servers.good.control.stats().secureBytes > 1000, 'a token is longer');
    assert.deepEqual([...new Set(requests.map((r) => r.http))], ['1.1']);
  });

  for (const name of ['expired', 'future', 'wrongHost', 'selfSigned', 'tls11', 'tls10']) {
    test(`${name}: refused before the secret is sent`, async () => {
      const problem = assertProblem(await reveal(name), 'tenant_unreachable');
      assert.match(`${problem.detail}${stage.httpd.errorLog()}`, name.startsWith('tls') ? /TLS/ : /certificate is not trusted/);
      await nothingArrived(name);
    });
  }

  test('another CA than the one of AMLapsCAFile is not trusted, whatever the system trusts', async () => {
    const before = asked('good');
    assertProblem(await reveal('other-ca'), 'tenant_unreachable');
    assert.equal(asked('good'), before);
  });

  for (const name of ['expired', 'future', 'wrongHost', 'selfSigned', 'tls11', 'tls10']) {
    test(`Graph with ${name}: refused before the token is sent`, async () => {
      assertProblem(await reveal(`graph-${name}`), 'tenant_unreachable');
      assert.ok(servers[`login-${name}`].control.stats().tokenRequests >= 1, 'there is a token');
      await nothingArrived(name);
    });
  }
});

describe('HTTP/2 where the server offers it', () => {
  const LAPS = 'deviceLocalCredentials';
  beforeEach(() => servers.http2.control.reset());

  test('is spoken, and one connection serves many requests', async () => {
    for (let i = 0; i < 20; i++) {
      const answer = assertOk(await reveal('http2'));
      assert.equal(answer.credentials[0].password, stage.passwords('LON-001')[0]);
    }
    assert.deepEqual([...new Set(servers.http2.control.requests().map((r) => r.http))], ['2.0']);
    // each child has a connection of its own
    const { connections } = servers.http2.control.stats();
    assert.ok(connections <= stage.httpd.children().length, String(connections));
  });

  for (const kind of ['reset', 'abort', 'cut']) {
    test(`a stream that breaks (${kind}) is asked again once`, async () => {
      servers.http2.control.set({ fault: { match: LAPS, kind, times: 1 } });
      assertOk(await reveal('http2'));
      servers.http2.control.set({ fault: { match: LAPS, kind } });
      assertProblem(await reveal('http2'), 'tenant_unreachable');
    });
  }

  test('connections that the server has ended are replaced', async () => {
    for (let i = 0; i < 5; i++) {
      servers.http2.control.closeConnections();
      assertOk(await reveal('http2'));
    }
  });

  for (const kind of ['hang', 'stall']) {
    test(`silence (${kind}) ends with the deadline`, async () => {
      servers.http2.control.set({ fault: { match: LAPS, kind } });
      const began = Date.now();
      assertProblem(await reveal('http2'), 'tenant_unreachable');
      assert.ok(Date.now() - began < 6500, `${Date.now() - began} ms`);
    });
  }
});
