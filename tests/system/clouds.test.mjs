// @ts-check
/** Each of Microsoft's clouds by its real host names: a proxy leads them to a simulated one that only takes its own audience and scope. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAuthority, makeCertificate } from '../entra/certificate.mjs';
import { startEntra } from '../entra/entra.mjs';
import { DEVICES, defaultWorld } from '../entra/world.mjs';
import { signInOf, tenantOf } from '../lib/amlaps-conf.mjs';
import { assertOk } from '../lib/expect.mjs';
import { HTDOCS_LINE } from '../lib/httpd-conf.mjs';
import { Httpd } from '../lib/httpd.mjs';
import { freePort } from '../lib/ports.mjs';
import { HELPDESK_RULE, NO_LIMITS, Stage } from '../lib/stage.mjs';
import { startTunnel } from '../lib/tunnel.mjs';

/** Microsoft identity platform, national clouds; Microsoft Graph, national cloud deployments; MSAL's metadata. @type {Record<string, [login: string, graph: string]>} */
const CLOUDS = {
  global: ['login.microsoftonline.com', 'graph.microsoft.com'],
  usgov: ['login.microsoftonline.us', 'graph.microsoft.us'],
  'usgov-dod': ['login.microsoftonline.us', 'dod-graph.microsoft.us'],
  china: ['login.partner.microsoftonline.cn', 'microsoftgraph.chinacloudapi.cn'],
  bleu: ['login.sovcloud-identity.fr', 'graph.svc.sovcloud.fr'],
  delos: ['login.sovcloud-identity.de', 'graph.svc.sovcloud.de'],
  govsg: ['login.sovcloud-identity.sg', 'graph.svc.sovcloud.sg'],
};

for (const [cloud, [login, graph]] of Object.entries(CLOUDS)) {
  test(`${cloud}: token and password come from its own hosts, through a proxy`, async () => {
    const [{ ca, servers }, pair, port] = await Promise.all([makeAuthority({ own: { names: [`DNS:${login}`, `DNS:${graph}`] } }), makeCertificate(), freePort()]);
    const world = defaultWorld();
    world.tenants[0].apps[0].certificates = [pair.cert];
    world.tenants[0].apps[0].secrets = [];
    /** @type {(() => Promise<unknown>)[]} */
    const closing = [];
    const opened = (/** @type {any} */ one) => { closing.unshift(() => one.close()); return one; };
    try {
      const people = opened(await startEntra({ redirectUris: [`http://localhost:${port}/laps/oidc/callback`], world }));
      const entra = opened(await startEntra({ world, tls: servers.own, baseUrl: `https://${login}`, graphUrl: `https://${graph}` }));
      const tunnel = opened(await startTunnel(entra.port));
      const { id, apps } = tenantOf(people, 'contoso');
      const stage = new Stage(people, await Httpd.start({
        port, signIn: signInOf(people), env: { https_proxy: tunnel.url },
        files: { 'conf/ca.pem': ca, 'conf/app.crt': pair.cert, 'secret/app.key': { content: pair.key, mode: 0o400 } },
        amlaps: ['<AMLapsTenant contoso>', `AMLapsTenantId ${id}`, `AMLapsClientId ${apps[0].clientId}`, 'AMLapsClientCertificate {root}/conf/app.crt {root}/secret/app.key',
          `AMLapsCloud ${cloud}`, 'AMLapsCAFile {root}/conf/ca.pem', '</AMLapsTenant>', HELPDESK_RULE, NO_LIMITS, 'AMLapsStore sqlite3:{root}/state/amlaps.db',
          HTDOCS_LINE].join('\n'),
      }));
      try {
        const answer = assertOk(await (await stage.signIn('helpdesk')).password('contoso', DEVICES.lon001, { reason: 'x' }));
        assert.equal(answer.credentials[0].password, stage.passwords('LON-001')[0]);
        assert.deepEqual([...new Set(tunnel.asked)].sort(), [`${graph}:443`, `${login}:443`].sort());
        const hosts = (/** @type {string} */ area) => [...new Set(entra.control.requests().filter((/** @type {any} */ r) => r.area === area).map((/** @type {any} */ r) => r.headers.host))];
        assert.deepEqual(hosts('token'), [login]);
        assert.deepEqual(hosts('graph'), [graph]);
      } finally {
        await stage.httpd.close([/amlaps:.*AML0347/]);
      }
    } finally {
      for (const close of closing) await close();
    }
  });
}
