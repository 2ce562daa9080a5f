// @ts-check
/** The first fifty are the first there are, over all tenants. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { defaultWorld } from '../entra/world.mjs';
import { ruleSection } from '../lib/amlaps-conf.mjs';
import { startStage } from '../lib/stage.mjs';

const world = defaultWorld();

/** Adds devices like the first of a tenant, in no order. @param {string} name @param {string[]} names */
function addDevices(name, names) {
  const tenant = world.tenants.find((t) => t.name === name);
  if (!tenant) throw new Error(`no tenant ${name}`);
  const model = tenant.devices[0];
  names.forEach((displayName, index) => {
    const tail = `${name === 'contoso' ? 'a' : 'b'}${String(index).padStart(11, '0')}`;
    tenant.devices.push({
      ...model, displayName, laps: null, groups: [], units: [],
      id: `00000000-1111-4000-8000-${tail}`, deviceId: `00000000-2222-4000-8000-${tail}`,
    });
  });
}
const numbers = (/** @type {number} */ count) => Array.from({ length: count }, (_, i) => String((i * 37) % count).padStart(3, '0'));
addDevices('contoso', numbers(130).map((n) => `ZZ-${n}`));
addDevices('fabrikam', ['ZZ-0005', 'ZZ-A']);

/** @type {import('../lib/stage.mjs').Stage} */
let stage;
before(async () => {
  stage = await startStage({
    world, tenants: ['contoso', 'fabrikam'], rules: ruleSection('Everybody', ['AMLapsDevice name ZZ-*', 'AMLapsAllow password anyone']),
  });
});
after(() => stage?.close([/AML0507/]));

test('fifty of many are the first in the order of names, of both tenants', async () => {
  const answer = (await (await stage.signIn('nobody')).get('api/v1/devices?search=ZZ')).json();
  const expected = [...numbers(130).map((n) => `ZZ-${n}`), 'ZZ-0005', 'ZZ-A'].sort().slice(0, 50);
  assert.deepEqual(answer.devices.map((/** @type {{name: string}} */ d) => d.name), expected);
  assert.equal(answer.more, true);
  assert.ok(answer.devices.some((/** @type {{tenant: string}} */ d) => d.tenant === 'fabrikam'));
});
