// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadSchema } from '../schema.mjs';
import { DEVICES } from '../world.mjs';
import { start } from './client.mjs';

const schema = loadSchema();

test('what the schema allows passes', () => {
  schema.check({ '@odata.context': 'x', id: '1', displayName: null, accountEnabled: true, approximateLastSignInDateTime: '2026-01-01T00:00:00Z', systemLabels: [], deviceVersion: 2,
    alternativeSecurityIds: [{ type: 2, identityProvider: null, key: 'AAAA' }], extensionAttributes: { extensionAttribute1: 'x' } }, { kind: 'entity', type: 'device' });
  schema.check({ value: [{ '@odata.type': '#microsoft.graph.group', id: '1' }] }, { kind: 'collection', type: 'directoryObject', derived: ['group'] });
  schema.check({ value: ['1'] }, { kind: 'values', type: 'Edm.String' });
});

test('what it does not allow is found, and where', () => {
  const device = /** @type {const} */ ({ kind: 'entity', type: 'device' });
  const laps = /** @type {const} */ ({ kind: 'entity', type: 'deviceLocalCredentialInfo' });
  const members = /** @type {const} */ ({ kind: 'collection', type: 'directoryObject', derived: ['group'] });
  /** @type {[any, any, RegExp][]} */
  const wrong = [
    [{ id: '1', serialNumber: 'x' }, device, /: \$: 'device' has no property 'serialNumber'$/],
    [{ id: null }, device, /: \$\.id: null, but Nullable="false"$/],
    [{ accountEnabled: 'true' }, device, /: \$\.accountEnabled: "true" is no Edm\.Boolean$/],
    [{ approximateLastSignInDateTime: '2026-01-01' }, device, /is no Edm\.DateTimeOffset/],
    [{ systemLabels: null }, device, /Nullable="false"/],
    [{ systemLabels: 'x' }, device, /not a list/],
    [{ systemLabels: [null] }, device, /: \$\.systemLabels\[0\]: null/],
    [{ credentials: [{ passwordBase64: 1 }] }, laps, /: \$\.credentials\[0\]\.passwordBase64: 1 is no Edm\.String$/],
    [{ credentials: [{ password: 'x' }] }, laps, /'deviceLocalCredential' has no property 'password'/],
    [{ value: [{ id: '1' }] }, members, /lacks @odata\.type/],
    [{ value: [{ '@odata.type': '#microsoft.graph.device', id: '1' }] }, members, /cannot stand here/],
    [{ value: {} }, members, /not a list/],
    [{ value: [], more: 1 }, members, /has no member 'more'/],
    [{ result: 'maybe' }, { kind: 'entity', type: 'directoryAudit' }, /is no graph\.operationResult/],
    [{ value: [1] }, { kind: 'values', type: 'Edm.String' }, /\$\.value\[0\]: 1 is no Edm\.String/],
  ];
  for (const [body, shape, message] of wrong) assert.throws(() => schema.check(body, shape), message, JSON.stringify(body));
});

test('a world that breaks the schema makes the simulator fail, and count it', async () => {
  const at = await start();
  try {
    const token = await at.bearer();
    const device = at.tenant.devices.find(({ deviceId }) => deviceId === DEVICES.lon001);
    Object.assign(device?.properties ?? {}, { isManaged: 'yes' });
    const path = `/devices(deviceId='${DEVICES.lon001}')`;
    const answer = await at.graph(path, { token });
    assert.equal(answer.status, 500);
    assert.match(answer.text, /isManaged/);
    assert.equal((await at.graph(`${path}?$select=id`, { token })).status, 200);
    const { schemaErrors, schemaErrorTexts } = at.entra.control.stats();
    assert.deepEqual([schemaErrors, schemaErrorTexts], [1, [`GET /v1.0${path}: $.isManaged: "yes" is no Edm.Boolean`]]);
  } finally {
    await at.entra.close();
  }
});
