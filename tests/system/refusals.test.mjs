// @ts-check
/** What the login refuses, in the words that an admin needs: several tenants, each wrong in its own way. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { startEntra } from '../entra/entra.mjs';
import { DEVICES, defaultWorld } from '../entra/world.mjs';
import { readerSecret, signInOf, tenantOf } from '../lib/amlaps-conf.mjs';
import { assertProblem } from '../lib/expect.mjs';
import { HTDOCS_LINE } from '../lib/httpd-conf.mjs';
import { Httpd } from '../lib/httpd.mjs';
import { freePort } from '../lib/ports.mjs';
import { HELPDESK_RULE, NO_LIMITS, Stage } from '../lib/stage.mjs';

const EXPIRED = 'expired~secret';
const UNKNOWN = randomUUID();

/** @type {Record<string, { tenantId?: string, clientId?: string, secret?: string, says: RegExp }>} */
const WRONG = {
  secret: { secret: 'not~this-one', says: /the client secret is wrong: put the secret's value \(not its id\) where AMLapsClientSecret points.*takes some minutes \(401 invalid_client: AADSTS7000215/ },
  expired: { secret: EXPIRED, says: /the client secret has expired: make a new one \(Microsoft Entra admin center, App registrations, Certificates & secrets\).*\(401 invalid_client: AADSTS7000222/ },
  app: { clientId: UNKNOWN, says: new RegExp(`refuses the app ${UNKNOWN}: the app is not known in this tenant: check AMLapsClientId and AMLapsTenantId; an app made just now takes some minutes.*AADSTS700016`) },
  tenant: { tenantId: UNKNOWN, says: /the tenant is not known: check AMLapsTenantId, and AMLapsCloud or AMLapsLoginURL \(400 invalid_request: AADSTS90002/ },
};

/** @type {Stage} */
let stage;
before(async () => {
  const port = await freePort();
  const world = defaultWorld();
  world.tenants[0].apps[0].secrets.push({ value: EXPIRED, expires: '2020-01-01T00:00:00Z' });
  const entra = await startEntra({ redirectUris: [`http://localhost:${port}/laps/oidc/callback`], world });
  const contoso = tenantOf(entra, 'contoso');
  const httpd = await Httpd.start({
    port, signIn: signInOf(entra),
    files: Object.fromEntries(Object.entries(WRONG).map(([name, { secret }]) => [`secret/${name}`, { content: secret ?? readerSecret(contoso), mode: 0o400 }])),
    amlaps: [
      ...Object.entries(WRONG).map(([name, { tenantId = contoso.id, clientId = contoso.apps[0].clientId }]) => [`<AMLapsTenant ${name}>`, `AMLapsTenantId ${tenantId}`,
        `AMLapsClientId ${clientId}`, `AMLapsClientSecret file:{root}/secret/${name}`, `AMLapsLoginURL ${entra.loginUrl}`, `AMLapsGraphURL ${entra.graphUrl}`, '</AMLapsTenant>'].join('\n')),
      HELPDESK_RULE, NO_LIMITS, 'AMLapsStore sqlite3:{root}/state/amlaps.db', HTDOCS_LINE,
    ].join('\n'),
  });
  stage = new Stage(entra, httpd);
});
after(() => stage?.close([/amlaps:.*AML03(10|60)/]));

for (const [name, { says }] of Object.entries(WRONG)) {
  test(`${name}: the problem says what to do, and the log has Microsoft's ids under the same id`, async () => {
    const problem = assertProblem(await (await stage.signIn('helpdesk')).password(name, DEVICES.lon001, { reason: 'x' }), 'tenant_credential_invalid');
    assert.ok(problem.detail.startsWith(`tenant ${name}: the login refuses the app `), problem.detail);
    assert.match(problem.detail, says);
    const log = stage.httpd.errorLog();
    const line = log.split('\n').find((text) => text.includes('AML0310') && text.includes(`client-request-id ${problem.id}`));
    assert.match(line ?? log, new RegExp(`\\(status 40[01], attempts 1, request-id [0-9a-f-]{36}, client-request-id ${problem.id}\\)`));
    assert.ok(line?.includes(problem.detail), 'the same words');
    for (const [what, secret] of Object.entries({ ...stage.secrets(), wrong: 'not~this-one' })) assert.ok(!(problem.detail + log).includes(secret), what);
  });
}
