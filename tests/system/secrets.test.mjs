// @ts-check
/** After a whole run no password, token or client secret stands anywhere, in any form. */
import assert from 'node:assert/strict';
import { subscribe } from 'node:diagnostics_channel';
import { after, before, test } from 'node:test';
import { DEVICES } from '../entra/world.mjs';
import { assertOk } from '../lib/expect.mjs';
import { disguises, findSecret, findSecretsInFiles } from '../lib/secrets.mjs';
import { startStage } from '../lib/stage.mjs';

/** @type {import('../lib/stage.mjs').Stage} */
let stage;
/** Tokens that Graph saw. @type {Set<string>} */
const tokens = new Set();
before(async () => {
  stage = await startStage({
    logLevel: 'trace8', tenants: ['contoso', 'fabrikam'], amlaps: 'AMLapsAuditLog {root}/logs/audit.log',
    load: ['status', 'info'], vhost: '<Location "/server-info">\nSetHandler server-info\n</Location>\n<Location "/server-status">\nSetHandler server-status\n</Location>',
  });
});
after(() => stage?.close([/amlaps:.*AML/, /auth_openidc/]));

/** Bearer tokens of the module: the simulator records only digests of them, so they are read where they arrive in this process. */
function watchTokens() {
  subscribe('http.server.request.start', (message) => {
    const { request } = /** @type {{ request: import('node:http').IncomingMessage }} */ (message);
    const { authorization = '' } = request.headers;
    if (/^bearer /i.test(authorization) && request.url?.startsWith('/v1.0/')) tokens.add(authorization.slice(7));
  });
}

test('the search itself finds every coat', () => {
  const secret = 'AMLAPS-CANARY-é/+"x';
  const coats = {
    text: secret, base64: Buffer.from(`{"password":"${secret}","y":1}`).toString('base64'), shifted: Buffer.from(`x${secret}y`).toString('base64'),
    'shifted twice': Buffer.from(`xx${secret}yy`).toString('base64'), hex: Buffer.from(secret).toString('hex'), HEX: Buffer.from(secret).toString('hex').toUpperCase(),
    json: JSON.stringify({ secret }), url: `?q=${encodeURIComponent(secret)}&x`, form: new URLSearchParams({ secret: `${secret} ` }).toString(),
  };
  for (const [name, coat] of Object.entries(coats)) assert.notDeepEqual(findSecret('canary', secret, name, coat), [], name);
  for (const encoded of [Buffer.from(`x${secret}`, 'utf16le'), Buffer.from(`x${secret}`, 'utf16le').swap16()]) {
    assert.notDeepEqual(findSecret('canary', secret, 'UTF-16', encoded), []);
  }
  assert.deepEqual(findSecret('canary', secret, 'elsewhere', 'AMLAPS-CANARY-other'), []);
  assert.ok(disguises(secret).length > 10);
});

test('after all kinds of requests nothing is left behind', async () => {
  watchTokens();
  /** @type {import('../lib/jar.mjs').Answer[]} */
  const others = [];
  const helpdesk = await stage.signIn('helpdesk');
  const nobody = await stage.signIn('nobody');
  const shown = [];
  for (const name of ['LON-001', 'LON-005', 'LON-016', 'LON-017', 'LON-018']) {
    const { deviceId } = stage.device(name);
    shown.push(assertOk(await helpdesk.password('contoso', deviceId, { reason: 'INC1' })));
    shown.push(assertOk(await helpdesk.post(`api/v1/devices/contoso/${deviceId}/history`, { reason: 'INC1' })));
    others.push(await helpdesk.get(`api/v1/devices/contoso/${deviceId}`), await nobody.password('contoso', deviceId));
  }
  others.push(await helpdesk.get('api/v1/devices?search=LON'), await helpdesk.get('api/v1/session'), await helpdesk.request(''));
  for (const kind of ['wrongDevice', 'truncate', 'duplicateKeys', 'html200', 'reset', 'abort']) {
    stage.entra.control.set({ faults: [{ match: 'GET /v1.0/directory/deviceLocalCredentials/', kind }] });
    others.push(await helpdesk.password('contoso', DEVICES.lon001, { reason: 'INC1' }));
  }
  stage.entra.control.set({ faults: [{ match: 'GET /v1.0/directory/deviceLocalCredentials/', kind: 'status', status: 401 }] });
  others.push(await helpdesk.password('contoso', DEVICES.lon001, { reason: 'INC1' }));
  stage.entra.control.set({ faults: [], encoding: 'odd' });
  others.push(await helpdesk.password('contoso', DEVICES.lon001, { reason: 'INC1' }));
  for (const path of ['/server-info', '/server-status']) others.push(await helpdesk.request(path, { cookies: false }));
  await stage.httpd.graceful();
  await stage.httpd.stop();

  assert.ok(shown.every((answer) => answer.credentials.length > 0 || answer.rule));
  assert.ok(tokens.size > 0, 'tokens were seen');
  const secrets = stage.secrets();
  [...tokens].forEach((token, i) => {
    const [, payload, signature] = token.split('.');
    Object.assign(secrets, { [`token ${i}`]: payload ?? token, ...(signature ? { [`signature of token ${i}`]: signature } : {}) });
  });
  const signIn = stage.tenant('contoso').signIn?.secret ?? '';
  assert.ok(signIn);
  // the secret file is where it belongs; the sign-in app's secret is a directive of mod_auth_openidc, which logs and keeps it as it likes
  delete secrets['client secret of LAPS sign-in'];
  const found = findSecretsInFiles(secrets, [stage.httpd.root], (file) => file.includes('/secret/'));
  for (const answer of others) {
    for (const [name, secret] of Object.entries(secrets)) found.push(...findSecret(name, secret, summaryOf(answer), wire(answer)));
  }
  assert.deepEqual(found.slice(0, 20), []);
  assert.match(stage.httpd.errorLog(), /:trace[1-8]\]/, 'the log was kept at trace8');
  assert.match(stage.httpd.read('logs/access.log'), /POST \/laps\/api\/v1\/devices\/contoso\//);
});

/** @param {import('../lib/jar.mjs').Answer} answer */
const summaryOf = (answer) => `the answer ${answer.status} of ${answer.url}`;

/** Headers and body as they came. @param {import('../lib/jar.mjs').Answer} answer */
const wire = (answer) => Buffer.concat([Buffer.from(answer.rawHeaders.join('\n')), answer.body]);
