// @ts-check
/** SetHandler amlaps-metrics and the section of mod_status: counted by all children, of nobody in particular. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DEVICES } from '../entra/world.mjs';
import { assertOk, assertProblem, assertSecurityHeaders, summary } from '../lib/expect.mjs';
import { startHook } from '../lib/hook.mjs';
import { Jar } from '../lib/jar.mjs';
import { CHECKOUT } from '../lib/paths.mjs';
import { readMetrics } from '../lib/prometheus.mjs';
import { startStage } from '../lib/stage.mjs';
import { waitFor } from '../lib/wait.mjs';

const FOUR_CHILDREN = 'StartServers 4\nServerLimit 8\nThreadsPerChild 4\nMaxRequestWorkers 32\nMinSpareThreads 16\nMaxSpareThreads 20';
const PLACES = '<Location "/metrics">\nSetHandler amlaps-metrics\nRequire local\n</Location>\n<Location "/server-status">\nSetHandler server-status\nRequire local\n</Location>';

/** @param {import('../lib/stage.mjs').Stage} stage */
async function scrapeOf(stage) {
  const answer = await new Jar().request(`${stage.origin}/metrics`);
  assert.equal(answer.status, 200, summary(answer));
  assertSecurityHeaders(answer);
  assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  return readMetrics(answer.text);
}
/** @param {ReturnType<typeof readMetrics>} families @param {string} name @param {Record<string, string>} [labels] */
const value = (families, name, labels = {}) => families.get(name.replace(/_(bucket|sum|count)$/, ''))?.samples
  .filter((s) => s.name === name && Object.entries(labels).every(([k, v]) => s.labels[k] === v)).reduce((sum, s) => sum + s.value, 0) ?? NaN;

describe('metrics', () => {
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  /** @type {any} */
  let helpdesk;
  before(async () => {
    stage = await startStage({ mpmSettings: FOUR_CHILDREN, sessionCache: 'file', load: ['status', 'authz_host'], amlaps: PLACES });
    helpdesk = await stage.signIn('helpdesk');
  });
  after(() => stage?.close([/amlaps:.*AML/, /AML02\d\d/, /AH10392: children are killed successively/, /AML0\d+: (GET|POST)/]));

  const scrape = () => scrapeOf(stage);
  /** @param {Record<string, string>} [headers] */
  const status = async (headers) => (await new Jar().request(`${stage.origin}/server-status?auto`, { headers })).text;

  test('what four children count adds up', async () => {
    const first = await scrape();
    const asked = stage.graphRequests().length;
    const nobody = await stage.signIn('nobody');
    const agents = Array.from({ length: 40 }, (_, i) => i);
    await Promise.all(agents.map(async () => { assertOk(await helpdesk.password('contoso', DEVICES.lon001)); }));
    await Promise.all(agents.slice(0, 10).map(async () => { assertProblem(await nobody.password('contoso', DEVICES.lon001), 'not_authorized'); }));
    for (let i = 0; i < 5; i++) assertOk(await helpdesk.post(`api/v1/devices/contoso/${DEVICES.lon001}/history`, {}));
    assertProblem(await helpdesk.get('api/v1/devices?search=x'), 'bad_request');
    assertProblem(await helpdesk.get('api/v1/nothing'), 'not_found');
    const second = await scrape();
    /** @param {string} name @param {Record<string, string>} [labels] */
    const more = (name, labels) => value(second, name, labels) - value(first, name, labels);
    const requests = 'amlaps_api_requests_total';
    assert.equal(more(requests, { endpoint: 'password', outcome: 'ok' }), 40);
    assert.equal(value(second, requests, { endpoint: 'password', outcome: 'not_authorized' }), 10);
    assert.equal(more(requests, { endpoint: 'history', outcome: 'ok' }), 5);
    assert.equal(value(second, requests, { endpoint: 'search', outcome: 'bad_request' }), 1);
    assert.equal(value(second, requests, { endpoint: 'other', outcome: 'not_found' }), 1);
    assert.equal(more('amlaps_reveals_total', { event: 'password', outcome: 'granted' }), 40);
    assert.equal(more('amlaps_reveals_total', { event: 'password', outcome: 'denied' }), 10);
    assert.equal(more('amlaps_api_request_duration_seconds_count', { endpoint: 'password' }), 50);
    assert.ok(more('amlaps_api_request_duration_seconds_sum', { endpoint: 'password' }) > 0);
    const graph = stage.graphRequests().slice(asked);
    assert.equal(more('amlaps_graph_requests_total'), graph.length);
    assert.equal(more('amlaps_graph_requests_total', { code: '2xx' }), graph.filter((r) => r.status < 400).length);
    assert.equal(more('amlaps_graph_request_duration_seconds_count'), graph.length);
    const records = await stage.records();
    assert.equal(value(second, 'amlaps_audit_records_total'), records.filter((r) => r.event !== 'start').length);
    assert.equal(value(second, 'amlaps_audit_write_failures_total'), 0);
    assert.equal(value(second, 'amlaps_graph_inflight'), 0);
  });

  test('gauges', async () => {
    const families = await scrape();
    assert.equal(value(families, 'amlaps_rules'), 1);
    assert.equal(value(families, 'amlaps_audit_up'), 1);
    assert.equal(value(families, 'amlaps_token_usable', { tenant: 'contoso' }), 1);
    const left = value(families, 'amlaps_token_expiry_timestamp_seconds', { tenant: 'contoso' }) - Date.now() / 1000;
    assert.ok(left > 1800 && left < 90000, `${left} s`);
    assert.ok(Math.abs(value(families, 'amlaps_config_last_reload_timestamp_seconds') - Date.now() / 1000) < 600);
    assert.equal(value(families, 'amlaps_build_info'), 1);
    assert.equal(value(families, 'amlaps_graph_connections_max'), 32);
  });

  test('requests that are at Graph are seen while they are there', async () => {
    const asked = stage.passwordRequests().length;
    stage.entra.control.set({ fault: { match: 'deviceLocalCredentials', kind: 'delay', ms: 1500, times: 1 } });
    const pending = helpdesk.password('contoso', DEVICES.lon001);
    await stage.untilPasswordRequest(asked);
    assert.equal(value(await scrape(), 'amlaps_graph_inflight'), 1);
    assertOk(await pending);
    assert.equal(value(await scrape(), 'amlaps_graph_inflight'), 0);
  });

  test('no person and no device', async () => {
    const text = (await new Jar().request(`${stage.origin}/metrics`)).text;
    for (const word of ['helpdesk', 'nobody', 'LON-001', DEVICES.lon001, stage.person('helpdesk').id, '127.0.0.1']) {
      assert.ok(!text.toLowerCase().includes(word.toLowerCase()), word);
    }
    const labels = new Set([...(await scrape()).values()].flatMap((family) => family.samples.flatMap((s) => Object.keys(s.labels))));
    assert.deepEqual([...labels].sort(), ['code', 'endpoint', 'event', 'le', 'outcome', 'tenant', 'version']);
  });

  test('a child that is killed takes nothing along, nor does a graceful restart', async () => {
    const total = () => scrape().then((families) => value(families, 'amlaps_api_requests_total', { endpoint: 'password', outcome: 'ok' }));
    const before = await total();
    stage.entra.control.set({ fault: { match: 'deviceLocalCredentials', kind: 'hang', times: 1 } });
    const asked = stage.passwordRequests().length;
    const lost = helpdesk.password('contoso', DEVICES.lon001).catch(() => undefined);
    await stage.untilPasswordRequest(asked);
    for (const pid of stage.httpd.children()) process.kill(pid, 'SIGKILL');
    await lost;
    stage.entra.control.reset();
    await waitFor('new children', async () => (await new Jar().request(`${stage.origin}/metrics`).catch(() => undefined))?.status === 200);
    assert.equal(await total(), before);
    assert.equal(value(await scrape(), 'amlaps_graph_inflight'), 0, 'what the dead were doing');
    await stage.httpd.renew();
    assert.equal(await total(), before);
    assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    assert.equal(await total(), before + 1);
  });

  test('a store that fails is counted', async () => {
    const { lockStore } = await import('../lib/store.mjs');
    const lock = await lockStore(stage.store);
    assertProblem(await helpdesk.password('contoso', DEVICES.lon001), 'audit_unavailable');
    await lock.release();
    const families = await scrape();
    assert.equal(value(families, 'amlaps_audit_write_failures_total'), 1);
    assert.equal(value(families, 'amlaps_api_requests_total', { endpoint: 'password', outcome: 'audit_unavailable' }), 1);
  });

  test('mod_status has the same, as lines and as a table', async () => {
    const families = await scrape();
    const lines = Object.fromEntries((await status()).split('\n').filter((line) => line.startsWith('Amlaps')).map((line) => line.split(': ')));
    assert.equal(Number(lines.AmlapsRequestsTotal), value(families, 'amlaps_api_requests_total'));
    assert.equal(Number(lines.AmlapsRevealsTotal), value(families, 'amlaps_reveals_total', { outcome: 'granted' }));
    assert.equal(Number(lines.AmlapsRevealsDenied), value(families, 'amlaps_reveals_total', { outcome: 'denied' }));
    assert.equal(Number(lines.AmlapsAuditWriteFailuresTotal), 1);
    const page = (await new Jar().request(`${stage.origin}/server-status`)).text;
    assert.match(page, new RegExp(`<h2>mod_amlaps</h2>[\\s\\S]*<td>Passwords shown</td><td>${lines.AmlapsRevealsTotal}</td>`));
  });

  test('nothing of channels where there is none', async () => {
    assert.deepEqual([...(await scrape()).keys()].filter((name) => name.includes('notification')), []);
  });

  test('only GET and HEAD', async () => {
    const answer = await new Jar().request(`${stage.origin}/metrics`, { method: 'POST', body: 'x' });
    assertProblem(answer, 'method_not_allowed');
    assert.equal(answer.headers.allow, 'GET, HEAD');
  });
});

test('notifications are counted by channel, and go on being counted over a graceful restart', async () => {
  const hook = await startHook();
  const stage = await startStage({
    sessionCache: 'file', load: ['status', 'authz_host'],
    amlaps: `${PLACES}\n<AMLapsChannel soc>\nAMLapsWebhook json ${hook.url('/soc')}\n</AMLapsChannel>\n<AMLapsChannel desk>\nAMLapsWebhook json ${hook.url('/desk')}\n</AMLapsChannel>
      <AMLapsChannel gone>\nAMLapsWebhook json ${hook.url('/gone')}\n</AMLapsChannel>\nAMLapsNotify success soc desk gone`,
  });
  const attempts = 'amlaps_notification_attempts_total';
  const [queued, dead] = ['amlaps_notifications_queued', 'amlaps_notifications_dead'];
  const of = (/** @type {Awaited<ReturnType<typeof scrapeOf>>} */ families) => Object.fromEntries(['soc', 'desk', 'gone'].map((channel) => [channel,
    [value(families, attempts, { channel, outcome: 'delivered' }), value(families, queued, { channel }), value(families, dead, { channel })]]));
  try {
    const helpdesk = await stage.signIn('helpdesk');
    await waitFor('the queues to be counted', async () => (await scrapeOf(stage)).get(queued)?.samples.length === 3);
    assert.deepEqual(of(await scrapeOf(stage)), { soc: [0, 0, 0], desk: [0, 0, 0], gone: [0, 0, 0] });
    hook.reply = ({ path }) => ({ status: path === '/desk' ? 500 : path === '/gone' ? 410 : 204 });
    assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    await waitFor('one of each end', async () => {
      const now = of(await scrapeOf(stage));
      return now.soc[0] === 1 && now.desk[1] === 1 && now.gone[2] === 1;
    });
    const families = await scrapeOf(stage);
    assert.deepEqual(of(families), { soc: [1, 0, 0], desk: [0, 1, 0], gone: [0, 0, 1] });
    assert.equal(value(families, attempts, { channel: 'soc', outcome: 'failed' }), 0);
    assert.ok(value(families, attempts, { channel: 'desk', outcome: 'failed' }) >= 1);
    assert.equal(value(families, attempts, { channel: 'gone', outcome: 'failed' }), 1);
    await stage.httpd.renew();
    hook.reply = () => ({ status: 204 });
    // after some attempts that failed during the reload the next one is made later
    await waitFor('what waited to be delivered', async () => of(await scrapeOf(stage)).desk.join() === '1,0,0', { timeout: 30000 });
    assert.deepEqual(of(await scrapeOf(stage)), { soc: [1, 0, 0], desk: [1, 0, 0], gone: [0, 0, 1] });
    const lines = (await new Jar().request(`${stage.origin}/server-status?auto`)).text;
    assert.match(lines, /^AmlapsNotificationsDelivered: 2$/m);
  } finally {
    await stage.close([/amlaps:.*AML051[24]/]);
    await hook.close();
  }
});

test('what waits is told of the store of the server that is asked', async () => {
  const hook = await startHook();
  const stage = await startStage({
    load: ['authz_host'], amlaps: `${PLACES.replace(/<Location "\/server-status">[^]*/, '')}\n<AMLapsChannel soc>\nAMLapsWebhook json ${hook.url()}\n</AMLapsChannel>\nAMLapsNotify success soc`,
  });
  const queued = 'amlaps_notifications_queued';
  try {
    await stage.httpd.stop();
    // inherits the channel, and has another store
    stage.httpd.configure({ server: `<VirtualHost 127.0.0.1:1>\nServerName other.example\nAMLapsStore sqlite3:{root}/state/other.db\n<Location "/laps">\nAuthType openid-connect\nRequire valid-user\nSetHandler amlaps\n</Location>\n</VirtualHost>` });
    // asks to be left alone for longer than the test takes: what waits is counted all the same
    hook.reply = () => ({ status: 503, headers: { 'Retry-After': '600' } });
    await stage.httpd.start();
    const helpdesk = await stage.signIn('helpdesk');
    assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    // the first failure is: sooner than a queue is counted that is never empty
    await waitFor('what failed to be counted', async () => value(await scrapeOf(stage), queued, { channel: 'soc' }) === 1);
    for (let i = 0; i < 2; i++) assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    await waitFor('what waits to be counted', async () => value(await scrapeOf(stage), queued, { channel: 'soc' }) === 3, { timeout: 30000 });
    // longer than the pause after which each store is asked again
    const end = Date.now() + 20000;
    await waitFor('both stores to be asked', async () => {
      assert.equal(value(await scrapeOf(stage), queued, { channel: 'soc' }), 3);
      return Date.now() > end;
    }, { timeout: 30000 });
  } finally {
    await stage.close([/amlaps:.*AML0512/]);
    await hook.close();
  }
});

test('what an older build counted before a reload is left alone', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'amlaps-counts-'));
  const ask = (/** @type {string[]} */ ...words) => execFileSync('sh', ['-c', words.join(' ')], { encoding: 'utf8' }).trim();
  const flags = ask('apxs=$(command -v apxs || command -v apxs2); echo -I$($apxs -q INCLUDEDIR) $($apxs -q EXTRA_CPPFLAGS) $($apxs -q EXTRA_INCLUDES)').split(/\s+/);
  try {
    fs.chmodSync(folder, 0o755);
    execFileSync('cc', ['-shared', '-fPIC', ...flags, '-o', path.join(folder, 'older.so'), path.join(CHECKOUT, 'tests/lib/older-counts.c')]);
    const stage = await startStage({ load: ['status', 'authz_host'], server: `LoadModule older_counts_module ${folder}/older.so`, amlaps: PLACES });
    try {
      assertOk(await (await stage.signIn('helpdesk')).password('contoso', DEVICES.lon001));
      assert.equal(value(await scrapeOf(stage), 'amlaps_reveals_total', { outcome: 'granted' }), 1);
    } finally {
      await stage.close();
    }
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
