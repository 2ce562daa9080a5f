// @ts-check
/** Records as events of ECS, OCSF and CEF, by the programs in conf/siem and the real jq; and docs/audit.md names every member that there is. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DEVICES } from '../entra/world.mjs';
import { assertOk, assertProblem } from '../lib/expect.mjs';
import { CHECKOUT } from '../lib/paths.mjs';
import { startStage } from '../lib/stage.mjs';
import { waitFor } from '../lib/wait.mjs';

const HOSTILE = 'a=b|c\\d\ne=f\tg=\\n|CEF:0|x src=6.6.6.6';
/** @param {string} name */
const program = (name) => path.join(CHECKOUT, 'conf/siem', name);

/** @param {string} name @param {any[]} records @returns {string[]} */
const convert = (name, records) => execFileSync('jq', ['-rc', '-f', program(name)], {
  input: records.map((r) => JSON.stringify(r)).join('\n'), encoding: 'utf8', env: { ...process.env, TZ: 'America/New_York' },
}).trimEnd().split('\n');

/** A line of CEF, read by its rules. @param {string} line */
function readCef(line) {
  const fields = [...line.matchAll(/((?:\\[\\|]|[^\\|])*)(?:\||$)/gy)].map((m) => m[1]);
  const header = fields.slice(0, 7).map((f) => f.replace(/\\(.)/g, '$1'));
  const rest = line.slice(fields.slice(0, 7).join('|').length + 1);
  /** @type {Record<string, string>} */
  const extension = {};
  const keys = [...rest.matchAll(/(?:^| )([A-Za-z0-9]+)=/g)];
  keys.forEach((match, i) => {
    const start = (match.index ?? 0) + match[0].length;
    const raw = rest.slice(start, keys[i + 1]?.index ?? rest.length);
    assert.match(raw, /^(?:\\[\\=nr]|[^\\=])*$/, `${match[1]} is not escaped: ${raw}`);
    assert.ok(!(match[1] in extension), `${match[1]} stands twice`);
    extension[match[1]] = raw.replace(/\\(.)/g, (_, c) => ({ n: '\n', r: '\r' })[/** @type {'n'} */ (c)] ?? c);
  });
  return { header, extension };
}

describe('records for others', () => {
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  /** @type {any[]} */
  let records;
  before(async () => {
    stage = await startStage({
      amlaps: 'AMLapsAuditor user auditor@contoso.com\nAMLapsOperator user auditor@contoso.com\n'
        + `AMLapsAuditLog "|$jq -rc --unbuffered -f ${program('cef.jq')} >>{root}/logs/cef.log"`,
    });
    const [helpdesk, auditor, nobody] = await Promise.all(['helpdesk', 'auditor', 'nobody'].map((name) => stage.signIn(name)));
    assertOk(await helpdesk.password('contoso', DEVICES.lon001, { reason: HOSTILE.replace(/[\n\t]/g, ' ') }));
    assertOk(await helpdesk.post(`api/v1/devices/contoso/${DEVICES.lon001}/history`, {}));
    assertOk(await helpdesk.get('api/v1/devices?search=LON-00'));
    assertProblem(await nobody.password('contoso', DEVICES.lon001), 'not_authorized');
    assertProblem(await helpdesk.password('contoso', DEVICES.withoutLaps), 'no_password');
    assertOk(await auditor.get('api/v1/audit'));
    assertOk(await auditor.post('api/v1/explain', { device: { tenant: 'contoso', deviceId: DEVICES.lon001 } }));
    records = await stage.records();
    records.push({ ...records.find((r) => r.reason), reason: HOSTILE, address: '2001:db8::1', seq: records.length + 1 });
  });
  after(() => stage?.close([/amlaps:.*AML/]));

  test('there is one of each event', () => {
    assert.deepEqual([...new Set(records.map((r) => r.event))].sort(), ['audit', 'explain', 'history', 'password', 'search', 'start']);
  });

  test('Elastic Common Schema', () => {
    const events = convert('ecs.jq', records).map((line) => JSON.parse(line));
    assert.equal(events.length, records.length);
    events.forEach((event, i) => {
      const record = records[i];
      assert.equal(event['@timestamp'], record.time);
      assert.equal(event.event.kind, 'event');
      assert.equal(event.event.outcome, { granted: 'success', denied: 'failure', failed: 'failure', pending: 'unknown' }[/** @type {'denied'} */ (record.outcome)]);
      assert.ok(Array.isArray(event.event.category) && Array.isArray(event.event.type));
      assert.equal(event.trace.id, record.id);
      assert.equal(event.user?.id, record.actor?.oid);
      assert.equal(event.source?.ip, record.address);
      assert.equal(event.event.reason, record.reason);
      assert.deepEqual(event.amlaps.device, record.device);
    });
    assert.equal(new Set(events.map((e) => e.event.id)).size, events.length, 'event.id is not unique');
    const denied = events.find((e) => e.event.code === 'not_authorized');
    assert.deepEqual(denied.event.type, ['access', 'denied']);
  });

  test('OCSF API Activity, Read', () => {
    const events = convert('ocsf.jq', records).map((line) => JSON.parse(line));
    events.forEach((event, i) => {
      const record = records[i];
      assert.equal(event.time, Date.parse(record.time), 'time in another time zone');
      assert.equal(event.type_uid, event.class_uid * 100 + event.activity_id);
      assert.equal(event.metadata.correlation_uid, record.id);
      if (record.event === 'start') {
        assert.deepEqual([event.class_uid, event.activity_id, event.device.hostname], [6002, 3, record.server.host]);
        return;
      }
      assert.deepEqual([event.category_uid, event.class_uid, event.type_uid], [6, 6003, 600302]);
      for (const name of ['actor', 'api', 'metadata', 'severity_id', 'src_endpoint', 'status_id']) assert.ok(event[name] !== undefined, name);
      assert.equal(event.actor.user.uid, record.actor.oid);
      assert.equal(event.src_endpoint.ip, record.address);
      assert.equal(event.resources?.[0].uid, record.device?.deviceId);
    });
  });

  test('CEF, whatever people write', () => {
    const lines = convert('cef.jq', records);
    assert.equal(lines.length, records.length, 'a record is more than one line');
    lines.forEach((line, i) => {
      const record = records[i];
      const { header, extension } = readCef(line);
      assert.deepEqual(header.slice(0, 3), ['CEF:0', 'mod_amlaps', 'mod_amlaps']);
      assert.equal(header[4], `${record.event}.${record.outcome}`);
      assert.match(header[6], /^(?:[0-9]|10)$/);
      assert.equal(extension.rt, String(Date.parse(record.time)));
      assert.equal(extension.externalId, record.id);
      assert.equal(extension.suser, record.actor?.username);
      assert.equal(extension.reason, record.reason);
      assert.equal(extension.msg, record.search);
      assert.equal(extension[record.address?.includes(':') ? 'c6a2' : 'src'], record.address);
    });
  });

  test('every event id of docs/audit.md is called what it is', () => {
    /** Name of CEF, `event.type` of ECS, and class and activity of OCSF. @type {Record<string, [string, string[], number]>} */
    const expected = { 'start.granted': ['httpd started', ['start'], 600203] };
    const subjects = { password: 'LAPS password', history: 'LAPS password history', search: 'Search for devices', audit: 'Audit read', explain: 'Explanation of a decision' };
    const types = { pending: ['access'], granted: ['access', 'allowed'], denied: ['access', 'denied'], failed: ['access', 'error'] };
    for (const [event, subject] of Object.entries(subjects)) {
      for (const [outcome, type] of Object.entries(types)) expected[`${event}.${outcome}`] = [`${subject} ${outcome}`, type, 600302];
    }
    /** @type {typeof expected} */
    const sealing = {
      sealed: ['Audit sealed', ['admin', 'creation'], 600301], recovered: ['Audit sealed anew', ['admin', 'change'], 600303],
      exported: ['Audit records exported and removed', ['admin', 'deletion'], 600304], alive: ['Audit alive', ['info'], 600299],
    };
    const text = fs.readFileSync(path.join(CHECKOUT, 'docs/audit.md'), 'utf8');
    const table = /^\| id \| what happened \|\n((?:\|.*\n)+)/m.exec(text)?.[1] ?? '';
    const ids = [...table.matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, cell]) => [...cell.matchAll(/`([a-z]+\.[a-z]+)`/g)].map(([, id]) => id));
    assert.ok(ids.length >= 19 && ids.includes('audit.granted'), ids.join(' '));
    const bare = { v: 1, seq: 7, time: '2026-11-22T16:00:01.234Z', id: '0c6a0f0e-6d0f-4a0e-8a55-7f0a7a5d4f11', stage: 'outcome', prev: '0'.repeat(64), hash: '1'.repeat(64) };
    const cases = ids.map((id) => ({ id, code: 'ok', want: expected[id] }))
      .concat(Object.entries(sealing).map(([code, want]) => ({ id: 'audit.granted', code, want })));
    const made = cases.map(({ id, code }) => ({ ...bare, event: id.split('.')[0], outcome: id.split('.')[1], code,
      ...(code === 'alive' || id === 'start.granted' ? {} : { actor: { username: 'root' } }), ...(id === 'start.granted' ? { server: { host: 'web1', version: '1', generation: 1 } } : {}) }));
    const [ecs, ocsf] = ['ecs.jq', 'ocsf.jq'].map((name) => convert(name, made).map((line) => JSON.parse(line)));
    convert('cef.jq', made).forEach((line, i) => {
      const { id, code, want } = cases[i];
      assert.deepEqual([id, code, readCef(line).header[5], ecs[i].event.type, ocsf[i].type_uid], [id, code, ...want]);
      assert.equal(readCef(line).header[4], id);
      assert.equal(ocsf[i].metadata.event_code, id);
      assert.equal(ecs[i].event.code, code);
    });
  });

  test('a piped program converts as it goes', async () => {
    const stored = await stage.records();
    const file = stage.httpd.path('logs/cef.log');
    await waitFor('all lines', () => fs.existsSync(file) && fs.readFileSync(file, 'utf8').split('\n').length - 1 === stored.length);
    const got = fs.readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => readCef(line).extension.cn1);
    assert.deepEqual(got, stored.map((r) => String(r.seq)));
  });

  test('docs/audit.md names every member and every event', () => {
    const text = fs.readFileSync(path.join(CHECKOUT, 'docs/audit.md'), 'utf8');
    const rows = [...text.matchAll(/^\| ((?:`[\w.]+`(?:, )?)+) \|/gm)].flatMap((m) => [...m[1].matchAll(/`([\w.]+)`/g)].map((n) => n[1]));
    for (const record of records) {
      for (const name of Object.keys(record)) assert.ok(rows.includes(name), `${name} is not documented`);
      assert.ok(rows.includes(`${record.event}.${record.outcome}`), `${record.event}.${record.outcome} is not documented`);
    }
  });
});
