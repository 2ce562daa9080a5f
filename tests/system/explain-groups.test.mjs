// @ts-check
/** POST api/v1/explain where groups come from Graph: those of the person that is asked about, and of who asks. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DEVICES, GROUPS, PEOPLE, defaultWorld } from '../entra/world.mjs';
import { ruleSection } from '../lib/amlaps-conf.mjs';
import { assertOk, assertProblem } from '../lib/expect.mjs';
import { startStage } from '../lib/stage.mjs';

describe('POST api/v1/explain with groups from Graph', () => {
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  before(async () => {
    const world = defaultWorld();
    world.tenants[0].apps[0].roles.push('GroupMember.Read.All', 'User.ReadBasic.All');
    stage = await startStage({
      world, amlaps: 'AMLapsGroupsFrom graph\nAMLapsCacheTime 0\nAMLapsOperator user helpdesk@contoso.com overage@contoso.com',
      rules: ruleSection('London', ['AMLapsDevice name LON-*', `AMLapsAllow password group "Field team" ${GROUPS.londonHelpdesk}`])
        + ruleSection('Condition', ['AMLapsDevice name LON-*', 'AMLapsAllow history anyone', `AMLapsWhen "'${GROUPS.londonHelpdesk}' in claims('groups')"`]),
    });
  });
  after(() => stage?.close([/AML0321/]));

  /** Does "London" allow, is the condition true, and how often were groups asked for? @param {any} body @param {string} [who] */
  async function ask(body, who = 'helpdesk') {
    const asked = () => stage.graphRequests().filter((/** @type {any} */ r) => JSON.stringify(r).includes('getMemberGroups')).length;
    const session = await stage.signIn(who);
    const before = asked();
    const { rules: [london, condition] } = assertOk(await session.post('api/v1/explain', body));
    return [london.allows.length > 0, condition.matched, asked() - before];
  }
  const GIVEN = { tenant: 'contoso', name: 'LON-1' };
  const REAL = { tenant: 'contoso', deviceId: DEVICES.lon001 };

  for (const { what, device } of [{ what: 'with facts', device: GIVEN }, { what: 'by its id', device: REAL }]) {
    test(`groups that are given stand, of a device ${what}`, async () => {
      assert.deepEqual(await ask({ person: { username: 'a@contoso.com', groups: ['field TEAM'] }, device }), [true, false, 0]);
      assert.deepEqual(await ask({ person: { oid: PEOPLE.nobody, groups: [GROUPS.londonHelpdesk] }, device }), [true, true, 0]);
      assert.deepEqual(await ask({ person: { oid: PEOPLE.helpdesk, groups: [] }, device }), [false, false, 0]);
    });

    test(`the caller's are looked up, of a device ${what}`, async () => {
      assert.deepEqual(await ask({ device }), [true, true, 1]);
      assert.deepEqual(await ask({ device }, 'overage'), [true, true, 1]);
    });

    test(`those of a person named by id are looked up, of a device ${what}`, async () => {
      assert.deepEqual(await ask({ person: { oid: PEOPLE.helpdesk }, device }, 'overage'), [true, true, 1]);
      assert.deepEqual(await ask({ person: { oid: PEOPLE.nobody }, device }), [false, false, 1]);
      assert.deepEqual(await ask({ person: { username: 'helpdesk@contoso.com' }, device }), [false, null, 0]);
    });
  }

  test('what cannot be looked up stays unknown', async () => {
    stage.entra.control.set({ fault: { match: 'getMemberGroups', kind: 'status', status: 403 } });
    assert.deepEqual((await ask({ device: GIVEN })).slice(0, 2), [false, null]);
    stage.entra.control.set({ fault: null });
  });
});

describe('operators by group, of whom the token leaves the groups out', () => {
  /** @param {string[]} permissions that the app has beside its usual ones @param {string} line */
  const start = (permissions, line) => {
    const world = defaultWorld();
    world.tenants[0].apps[0].roles.push(...permissions);
    return startStage({ world, amlaps: line, rules: ruleSection('London', ['AMLapsDevice name LON-*', 'AMLapsAllow all role X']) });
  };
  const LOOKS_UP = ['GroupMember.Read.All', 'User.ReadBasic.All'];
  const BODY = { person: {}, device: { tenant: 'contoso', name: 'LON-1' } };

  for (const line of [`AMLapsOperator group ${GROUPS.londonHelpdesk}`, `AMLapsOperator claim groups ${GROUPS.londonHelpdesk}`]) {
    test(`are looked up: ${line.split(' ').slice(1, -1).join(' ')}`, async () => {
      const stage = await start(LOOKS_UP, line);
      try {
        const overage = await stage.signIn('overage');
        assert.deepEqual(assertOk(await overage.get('api/v1/session')).roles, ['operator']);
        assertOk(await overage.post('api/v1/explain', BODY));
        assertProblem(await (await stage.signIn('nobody')).post('api/v1/explain', BODY), 'not_authorized');
      } finally {
        await stage.close();
      }
    });
  }

  test('are none where the app may not look them up, and the log says why', async () => {
    const stage = await start([], `AMLapsOperator group ${GROUPS.londonHelpdesk}`);
    try {
      const overage = await stage.signIn('overage');
      const length = stage.httpd.errorLog().length;
      assert.deepEqual(assertOk(await overage.get('api/v1/session')).roles, []);
      assert.match(stage.httpd.errorLog().slice(length), /AML0\d+: .*GroupMember\.Read\.All/);
      assertProblem(await overage.post('api/v1/explain', BODY), 'tenant_permission_missing');
    } finally {
      await stage.close([/amlaps:.*AML/]);
    }
  });
});
