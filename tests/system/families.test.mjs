// @ts-check
/** A Microsoft whose name leads over IPv6 into a black hole, and over IPv4 to where it should (G15). */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { makeAuthority } from '../entra/certificate.mjs';
import { startEntra } from '../entra/entra.mjs';
import { DEVICES, defaultWorld } from '../entra/world.mjs';
import { secretFiles, signInOf, tenantOf } from '../lib/amlaps-conf.mjs';
import { assertOk, assertProblem } from '../lib/expect.mjs';
import { HTDOCS_LINE } from '../lib/httpd-conf.mjs';
import { Httpd } from '../lib/httpd.mjs';
import { startBlackHole } from '../lib/nowhere.mjs';
import { CHECKOUT } from '../lib/paths.mjs';
import { freePort } from '../lib/ports.mjs';
import { HELPDESK_RULE, NO_LIMITS, Stage } from '../lib/stage.mjs';

const NAME = 'two-families.test';

/** @type {Stage} */
let stage;
/** @type {Awaited<ReturnType<typeof startEntra>>} */
let entra;
/** @type {(() => unknown)[]} */
const closing = [];
before(async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'amlaps-families-'));
  closing.push(() => fs.rmSync(folder, { recursive: true }));
  fs.chmodSync(folder, 0o755);
  const library = path.join(folder, 'two-families.so');
  execFileSync('cc', ['-D_GNU_SOURCE', '-shared', '-fPIC', '-o', library, path.join(CHECKOUT, 'tests/lib/two-families.c'), '-ldl']);
  const [{ ca, servers }, port, graphPort] = await Promise.all([makeAuthority({ own: { names: [`DNS:${NAME}`] } }), freePort(), freePort()]);
  const world = defaultWorld();
  const people = await startEntra({ redirectUris: [`http://localhost:${port}/laps/oidc/callback`], world });
  closing.push(() => people.close());
  entra = await startEntra({ world, tls: servers.own, port: graphPort, baseUrl: `https://${NAME}:${graphPort}` });
  closing.push(() => entra.close());
  const hole = await startBlackHole('::1', graphPort);
  closing.push(() => hole.close());
  const { id, apps } = tenantOf(people, 'contoso');
  const httpd = await Httpd.start({
    port, signIn: signInOf(people), env: { LD_PRELOAD: library }, files: { ...secretFiles(people, ['contoso']), 'conf/ca.pem': ca },
    amlaps: ['<AMLapsTenant contoso>', `AMLapsTenantId ${id}`, `AMLapsClientId ${apps[0].clientId}`, 'AMLapsClientSecret file:{root}/secret/contoso.secret',
      `AMLapsLoginURL ${entra.url}`, `AMLapsGraphURL ${entra.url}`, 'AMLapsCAFile {root}/conf/ca.pem', '</AMLapsTenant>', HELPDESK_RULE, NO_LIMITS,
      'AMLapsStore sqlite3:{root}/state/amlaps.db', HTDOCS_LINE, 'AMLapsGraphTimeout 4'].join('\n'),
  });
  stage = new Stage(people, httpd);
  await stage.signIn('helpdesk');
});
after(async () => {
  try {
    await stage?.httpd.close([/amlaps:.*AML03/]);
  } finally {
    for (const close of closing.reverse()) await close();
  }
});

const reveal = async () => (await stage.signIn('helpdesk')).password('contoso', DEVICES.lon001, { reason: 'x' });

test('the other family is tried before the time is up', async () => {
  const began = Date.now();
  const answer = assertOk(await reveal());
  assert.equal(answer.credentials[0].password, stage.passwords('LON-001')[0]);
  assert.ok(Date.now() - began < 3500, `${Date.now() - began} ms`);
  // with connections that are kept, the hole is not met again
  const again = Date.now();
  assertOk(await reveal());
  assert.ok(Date.now() - again < 1500, `${Date.now() - again} ms`);
});

test('where neither leads anywhere, the answer comes in time', async () => {
  await entra.close();
  const began = Date.now();
  assertProblem(await reveal(), 'tenant_unreachable');
  assert.ok(Date.now() - began < 6000, `${Date.now() - began} ms`);
});
