// @ts-check
/** What the rules need to know beside a device's facts: looked up side by side, kept for a while, and unknown where it cannot be had. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { DEVICES, GROUPS, UNITS, defaultWorld, guidOf } from '../entra/world.mjs';
import { ruleSection } from '../lib/amlaps-conf.mjs';
import { assertOk, assertProblem } from '../lib/expect.mjs';
import { startStage } from '../lib/stage.mjs';
import { waitFor } from '../lib/wait.mjs';

/** One child: what it keeps in memory is what the next request finds. */
const ONE_CHILD = 'StartServers 1\nServerLimit 2\nThreadsPerChild 40\nMaxRequestWorkers 40\nMinSpareThreads 1\nMaxSpareThreads 80';

const RULES = [
  ruleSection('London office', [`AMLapsDevice unit ${UNITS.london}`, `AMLapsAllow password group ${GROUPS.londonHelpdesk}`]),
  ruleSection('Kiosks are closed', [`AMLapsDevice group ${GROUPS.londonKiosks}`, `AMLapsDeny password group ${GROUPS.londonHelpdesk}`]),
  ruleSection('By the claim', ['AMLapsDevice name PAR-001', `AMLapsAllow password claim groups ${GROUPS.londonHelpdesk}`]),
  ruleSection('By a condition', ['AMLapsDevice name PAR-002 PAR-003', 'AMLapsAllow password anyone', `AMLapsWhen "'${GROUPS.londonHelpdesk}' in claims('groups')"`]),
  ruleSection('Closed to the claim', ['AMLapsDevice name PAR-003', `AMLapsDeny password claim groups ${GROUPS.londonHelpdesk}`]),
  ruleSection('My own', ['AMLapsDevice owner', 'AMLapsAllow password anyone']),
].join('\n');

/** The app may look groups of people up. */
function world() {
  const made = defaultWorld();
  made.tenants[0].apps[0].roles.push('GroupMember.Read.All', 'User.ReadBasic.All');
  return made;
}

/** @type {import('../lib/stage.mjs').Stage} */
let stage;
/** @param {string} [more] @param {string[]} [tenants] */
const start = (more = '', tenants) => startStage({
  world: world(), mpmSettings: ONE_CHILD, sessionCache: 'file', rules: RULES, amlaps: `AMLapsGraphTimeout 3\n${more}`, ...(tenants ? { tenants } : {}),
});

async function fresh() {
  stage.entra.control.reset();
  await stage.httpd.renew();
}
const paths = () => stage.graphRequests().map((r) => `${r.method} ${decodeURIComponent(r.path)}`);
const parts = () => stage.graphRequests().flatMap((r) => r.parts ?? []);
/** @param {string} name */
const device = (name) => stage.device(name).deviceId;
/** @param {string} who @param {string} id */
const reveal = async (who, id) => (await stage.signIn(who)).password('contoso', id, { reason: 'x' });

describe('groups from the token', () => {
  before(async () => {
    stage = await start();
    for (const name of ['helpdesk', 'overage', 'owner', 'nobody']) await stage.signIn(name);
  });
  after(() => stage?.close([/amlaps:.*AML/]));
  beforeEach(fresh);

  test('a cold reveal by id is two requests, its look-ups within the first', async () => {
    assertOk(await reveal('helpdesk', device('LON-020')));
    assert.equal(stage.graphRequests().length, 2, paths().join('\n'));
    assert.match(paths()[0], /POST \/v1\.0\/\$batch$/);
    assert.deepEqual(parts().map((line) => line.replace(/^.*\)\/?/, '').replace(/\?.*/, '')).sort(), ['', 'registeredOwners', 'transitiveMemberOf']);
    assert.match(paths()[1], /deviceLocalCredentials/);
  });

  test('a warm one is one, and what was found is kept', async () => {
    assertOk(await reveal('helpdesk', device('LON-020')));
    assertOk(await reveal('helpdesk', device('LON-020')));
    assertOk(await reveal('helpdesk', device('LON-020')));
    assert.equal(stage.graphRequests().length, 4, paths().join('\n'));
  });

  test('an overage is resolved in the same two requests', async () => {
    assertOk(await reveal('overage', device('LON-020')));
    assert.equal(stage.graphRequests().length, 2, paths().join('\n'));
    assert.ok(parts().includes(`POST /v1.0/users/${stage.person('overage').id}/getMemberGroups`), JSON.stringify(stage.graphRequests().map((r) => r.parts)));
    assertProblem(await reveal('overage', device('LON-002')), 'not_authorized');
    assert.equal(parts().filter((line) => line.includes('getMemberGroups')).length, 1, 'kept');
  });

  test('what is looked up counts as the claim of groups', async () => {
    for (const who of ['overage', 'helpdesk']) {
      assertOk(await reveal(who, device('PAR-001')));
      assertOk(await reveal(who, device('PAR-002')));
      assertProblem(await reveal(who, device('PAR-003')), 'not_authorized');
    }
    for (const name of ['PAR-001', 'PAR-002', 'PAR-003']) assertProblem(await reveal('nobody', device(name)), 'not_authorized');
  });

  test('a group that denies is found where it is nested, and then nothing is read', async () => {
    assertProblem(await reveal('helpdesk', device('LON-001')), 'not_authorized');
    assert.equal(stage.passwordRequests().length, 0);
  });

  test('the registered owner may, and nobody else', async () => {
    assertOk(await reveal('owner', DEVICES.ownersLaptop));
    assert.equal(stage.graphRequests().length, 2, paths().join('\n'));
    assertProblem(await reveal('nobody', DEVICES.ownersLaptop), 'not_authorized');
    assertProblem(await reveal('owner', device('PAR-001')), 'not_authorized');
  });

  for (const status of [404, 501]) {
    test(`without $batch (${status}) it is asked one by one`, async () => {
      stage.entra.control.set({ fault: { match: '$batch', kind: 'status', status } });
      assertOk(await reveal('helpdesk', device('LON-020')));
      assert.equal(paths().filter((line) => line.includes('$batch')).length, 1);
      assert.equal(stage.graphRequests().length, 5, paths().join('\n'));
    });
  }

  for (const [what, match, who, code] of /** @type {const} */ ([
    ['groups of the device', 'transitiveMemberOf', 'helpdesk', 'tenant_permission_missing'],
    ['groups of the person', 'getMemberGroups', 'overage', 'tenant_permission_missing'],
    ['the owner', 'registeredOwners', 'owner', 'tenant_permission_missing'],
  ])) {
    test(`${what} that cannot be read grant nothing`, async () => {
      stage.entra.control.set({ fault: { match, kind: 'status', status: 403 } });
      const id = who === 'owner' ? DEVICES.ownersLaptop : device('LON-020');
      assertProblem(await reveal(who, id), code);
      // what is unknown of the person does not tell which devices exist
      if (who === 'overage') assertProblem(await reveal(who, 'dddddddd-0000-4000-8000-000000000002'), code);
      assert.equal(stage.passwordRequests().length, 0);
    });
  }

  for (const status of [401, 429, 503]) {
    test(`a part that fails for a moment (${status}) is asked for once more`, async () => {
      stage.entra.control.set({ fault: { match: 'transitiveMemberOf', kind: 'status', status, times: 1, retryAfter: 1 } });
      assertOk(await reveal('helpdesk', device('LON-020')));
      assert.equal(stage.graphRequests().length, 3, paths().join('\n'));
    });
  }

  test('a list that is not understood is unknown', async () => {
    for (const value of [{ value: [{}] }, { value: ['x'] }, {}, { value: [], '@odata.nextLink': 'https://elsewhere.example/v1.0/x' }]) {
      stage.entra.control.reset();
      await stage.httpd.renew();
      stage.entra.control.set({ fault: { match: 'getMemberGroups', kind: 'json', value } });
      assertProblem(await reveal('overage', device('LON-020')), 'tenant_error');
      assert.equal(stage.passwordRequests().length, 0);
    }
  });

  test('a device that does not exist costs one request, and for a while none', async () => {
    const id = 'dddddddd-0000-4000-8000-000000000001';
    assertProblem(await reveal('helpdesk', id), 'not_authorized');
    assertProblem(await reveal('helpdesk', id), 'not_authorized');
    assert.equal(stage.graphRequests().length, 1, paths().join('\n'));
  });
});

describe('when the password was backed up', () => {
  const UNKNOWN = { hasPassword: null, backedUp: null, expires: null };
  const NONE = { ...UNKNOWN, hasPassword: false };
  before(async () => {
    stage = await startStage({ world: world(), mpmSettings: ONE_CHILD, sessionCache: 'file', amlaps: 'AMLapsGraphTimeout 5', rules: [
      RULES,
      ruleSection('Others', [`AMLapsDevice id ${DEVICES.withoutLaps} ${DEVICES.mac}`, 'AMLapsAllow password anyone']),
      ruleSection('Archive', ['AMLapsDevice name PAR-005', 'AMLapsAllow history anyone']),
    ].join('\n') });
    await Promise.all(['helpdesk', 'nobody'].map((name) => stage.signIn(name)));
  });
  after(() => stage?.close([/amlaps:.*AML/]));
  beforeEach(fresh);

  /** @param {string} id @param {string} [who] */
  const view = async (id, who = 'helpdesk') => (await stage.signIn(who)).get(`api/v1/devices/contoso/${id}`);
  /** @param {string} id */
  const facts = async (id) => {
    const { hasPassword, backedUp, expires } = assertOk(await view(id));
    return { hasPassword, backedUp, expires };
  };
  const ofLaps = () => paths().filter((line) => line.includes('deviceLocalCredentials'));

  test('is told with the device, as the password itself tells it', async () => {
    const told = await facts(device('LON-020'));
    const [{ backedUp, expires }] = assertOk(await reveal('helpdesk', device('LON-020'))).credentials;
    assert.ok(backedUp && expires);
    assert.deepEqual(told, { hasPassword: true, backedUp, expires });
  });

  test('costs a cold view by id a second request, after the first has granted something; a reload none', async () => {
    await facts(device('LON-020'));
    assert.equal(stage.graphRequests().length, 2, paths().join('\n'));
    assert.match(paths()[0], /POST \/v1\.0\/\$batch$/);
    assert.match(paths()[1], /^GET \/v1\.0\/directory\/deviceLocalCredentials\/[0-9a-f-]{36}\?\$select=id,deviceName,lastBackupDateTime,refreshDateTime$/);
    await facts(device('LON-020'));
    assert.equal(stage.graphRequests().length, 2, paths().join('\n'));
    assert.deepEqual(stage.entra.control.audits(), [], "Microsoft's audit knows of no password that was read");
  });

  test('costs a reveal nothing', async () => {
    await facts(device('LON-020'));
    assertOk(await reveal('helpdesk', device('LON-020')));
    assert.equal(ofLaps().length, 2, paths().join('\n'));
    assertOk(await reveal('helpdesk', device('LON-021')));
    assert.equal(ofLaps().length, 3, paths().join('\n'));
  });

  test('is told to those who may read older passwords alone', async () => {
    assert.equal((await facts(device('PAR-005'))).hasPassword, true);
  });

  test('is never asked of a device that may not be seen: that costs what one costs that does not exist', async () => {
    const costs = [];
    for (const id of [device('LON-021'), device('PAR-006'), 'dddddddd-0000-4000-8000-000000000003']) {
      const asked = stage.graphRequests().length;
      assertProblem(await view(id, 'nobody'), 'not_authorized');
      costs.push(stage.graphRequests().length - asked);
    }
    assert.deepEqual(costs, [1, 1, 1]);
    assert.deepEqual(ofLaps(), []);
  });

  for (const noPasswordStyle of /** @type {const} */ (['404', '204', 'empty', 'noCredentials', 'braces'])) {
    test(`a device without a password has none: ${noPasswordStyle}`, async () => {
      stage.entra.control.set({ noPasswordStyle });
      assert.deepEqual(await facts(DEVICES.withoutLaps), NONE);
    });
  }

  test('a Mac has none', async () => assert.deepEqual(await facts(DEVICES.mac), NONE));

  for (const [what, id, fault] of /** @type {const} */ ([
    ['forbidden', 'AML0321', { kind: 'status', status: 403 }], ['throttled', 'AML0322', { kind: 'status', status: 429, retryAfter: '2' }],
    ['failing', 'AML0323', { kind: 'status', status: 503 }], ['silent', 'AML0303', { kind: 'hang' }], ['no JSON', 'AML0325', { kind: 'html200' }],
    ['of another device', 'AML0351', { kind: 'json', value: { id: '11111111-2222-4333-8444-555555555555', lastBackupDateTime: '2026-01-01T00:00:00Z' } }],
    ['no time', 'AML0352', { kind: 'json', value: { id: guidOf('device contoso LON-020'), lastBackupDateTime: 'yesterday' } }],
  ])) {
    test(`what cannot be found out is unknown, fails nothing and is in the log: ${what}`, async () => {
      stage.entra.control.set({ fault: { match: 'select=id,deviceName', ...fault } });
      const logged = stage.httpd.errorLog().length, begun = Date.now();
      assert.deepEqual(await facts(device('LON-020')), UNKNOWN);
      assert.ok(Date.now() - begun < 4000, `${Date.now() - begun} ms`);
      assert.match(stage.httpd.errorLog().slice(logged), new RegExp(`${id}: tenant contoso: `));
    });
  }
});

describe('AMLapsGroupsFrom graph', () => {
  before(async () => {
    stage = await start('AMLapsGroupsFrom graph');
    await stage.signIn('helpdesk');
  });
  after(() => stage?.close([/amlaps:.*AML/]));
  beforeEach(fresh);

  test('the claim does not count, the directory does', async () => {
    assertOk(await reveal('helpdesk', device('LON-020')));
    assert.equal(stage.graphRequests().length, 2, paths().join('\n'));
    assert.ok(parts().some((line) => line.includes('getMemberGroups')));
    const person = stage.tenant('contoso').people.find(({ id }) => id === stage.person('helpdesk').id);
    assert.ok(person);
    const groups = [...person.groups];
    try {
      stage.entra.control.updateWorld({ tenant: 'contoso', people: [{ userPrincipalName: person.userPrincipalName, groups: [] }] });
      await stage.httpd.renew();
      assertProblem(await reveal('helpdesk', device('LON-020')), 'not_authorized');
    } finally {
      stage.entra.control.updateWorld({ tenant: 'contoso', people: [{ userPrincipalName: person.userPrincipalName, groups }] });
    }
  });

  test('a person whom the tenant does not know is unknown', async () => {
    stage.entra.control.set({ fault: { match: 'getMemberGroups', kind: 'status', status: 404 } });
    assertProblem(await reveal('helpdesk', device('LON-020')), 'tenant_error');
    assertProblem(await reveal('helpdesk', device('LON-020')), 'tenant_error');
    assert.equal(parts().filter((line) => line.includes('getMemberGroups')).length, 1, 'kept for a while');
  });
});

describe('AMLapsCacheTime', () => {
  const SHORT = 2;
  before(async () => {
    stage = await start(`AMLapsCacheTime ${SHORT}`);
    await stage.signIn('helpdesk');
  });
  after(() => stage?.close());
  beforeEach(fresh);
  const device20 = async () => assertOk(await (await stage.signIn('helpdesk')).get(`api/v1/devices/contoso/${device('LON-020')}`));

  test('is how long facts and memberships are kept', async () => {
    // what is kept, is from some moment after this
    const began = Date.now();
    await device20();
    const asked = stage.graphRequests().length;
    await device20();
    // a slow machine may have waited too long for this to be asked at all
    if (Date.now() - began < SHORT * 1000) assert.equal(stage.graphRequests().length, asked);
    await waitFor('the facts to be asked for again', async () => {
      await device20();
      return stage.graphRequests().length > asked;
    });
    assert.ok(Date.now() - began >= SHORT * 1000, `${Date.now() - began} ms`);
  });

  test('of 0 keeps nothing', async () => {
    const { amlaps } = stage.httpd.options;
    stage.httpd.configure({ amlaps: `${amlaps}\nAMLapsCacheTime 0` });
    try {
      await fresh();
      await device20();
      const asked = stage.graphRequests().length;
      assert.ok(asked >= 1);
      await device20();
      assert.equal(stage.graphRequests().length, 2 * asked);
    } finally {
      stage.httpd.configure({ amlaps });
    }
  });
});

describe('a search', () => {
  before(async () => {
    stage = await startStage({
      world: world(), mpmSettings: ONE_CHILD, sessionCache: 'file',
      rules: ruleSection('London devices', [`AMLapsDevice group ${GROUPS.londonDevices}`, `AMLapsAllow password group ${GROUPS.londonHelpdesk}`])
        + ruleSection('Kiosks are closed', [`AMLapsDevice group ${GROUPS.londonKiosks}`, 'AMLapsDeny password anyone']),
    });
    await Promise.all(['overage', 'helpdesk', 'nobody'].map((name) => stage.signIn(name)));
  });
  after(() => stage?.close([/amlaps:.*AML032[14]/]));
  beforeEach(fresh);

  test('that filters fifty devices by group takes at most three more requests', async () => {
    const { devices } = assertOk(await (await stage.signIn('overage')).get('api/v1/devices?search=LON-0'));
    assert.equal(devices.length, 42, 'LON-006 to LON-046, one name twice');
    const known = stage.tenant('contoso').devices.filter((d) => d.displayName?.startsWith('LON-0')).length;
    assert.ok(known >= 47, String(known));
    assert.ok(stage.graphRequests().length <= 4, paths().join('\n'));
    assert.ok(!devices.some((/** @type {any} */ d) => ['LON-001', 'LON-005'].includes(d.name)), 'kiosks are denied');
  });

  test('says so where groups of devices could not be looked up, and nothing where they could', async () => {
    const overage = await stage.signIn('overage');
    stage.entra.control.set({ fault: { match: 'transitiveMemberOf', kind: 'status', status: 403 } });
    const hidden = assertOk(await overage.get('api/v1/devices?search=LON-01'));
    assert.deepEqual(hidden.devices, []);
    assert.deepEqual(hidden.gaps, [{ tenant: 'contoso', code: 'tenant_permission_missing' }]);
    stage.entra.control.reset();
    assert.deepEqual(assertOk(await overage.get('api/v1/devices?search=LON-01')).gaps, []);
    assert.deepEqual(assertOk(await overage.get('api/v1/devices?search=PAR')).gaps, []);
  });

  /** @param {string} who @param {any} fault */
  const searchWith = async (who, fault) => {
    stage.entra.control.set({ fault: { match: 'transitiveMemberOf', kind: 'status', ...fault } });
    return assertOk(await (await stage.signIn(who)).get('api/v1/devices?search=LON-0'));
  };

  test('names the tenant where the groups of some devices could not be looked up, and the log says why', async () => {
    const { devices, gaps } = await searchWith('helpdesk', { status: 400, times: 1 });
    assert.ok(devices.length >= 40, String(devices.length));
    assert.deepEqual(gaps, [{ tenant: 'contoso', code: 'tenant_error' }]);
    assert.match(stage.httpd.errorLog(), /AML0324: tenant contoso: Graph does not give the groups of a device/);
  });

  test('tells nothing of it to those whom no rule could grant anything', async () => {
    assert.deepEqual(await searchWith('nobody', { status: 403 }), { devices: [], gaps: [], more: false });
  });
});

describe('a search where owners count too', () => {
  before(async () => {
    stage = await startStage({
      world: world(), mpmSettings: ONE_CHILD, sessionCache: 'file',
      rules: ruleSection('London devices', [`AMLapsDevice group ${GROUPS.londonDevices}`, `AMLapsAllow password group ${GROUPS.londonHelpdesk}`])
        + ruleSection('My own', ['AMLapsDevice owner', 'AMLapsAllow password anyone']),
    });
    await Promise.all([stage.signIn('overage'), stage.signIn('owner')]);
  });
  after(() => stage?.close([/amlaps:.*AML/]));
  beforeEach(fresh);
  /** @param {string} who @param {string} text */
  const search = async (who, text) => assertOk(await (await stage.signIn(who)).get(`api/v1/devices?search=${text}`)).devices;

  test('takes no more requests than without: three beside the search itself', async () => {
    const known = stage.tenant('contoso').devices.filter((d) => d.displayName?.startsWith('LON-0')).length;
    assert.ok(known >= 47, String(known));
    assert.equal((await search('overage', 'LON-0')).length, known);
    assert.ok(stage.graphRequests().length <= 4, paths().join('\n'));
    assert.ok(parts().some((line) => line.includes('$expand=registeredOwners')), parts().join('\n'));
    const asked = stage.graphRequests().length;
    assert.equal((await search('overage', 'LON-0')).length, known);
    assert.equal(stage.graphRequests().length, asked + 1, 'what was found is kept');
  });

  /** Two laptops of names that begin alike. */
  function addNeighbour() {
    stage.entra.control.updateWorld({ tenant: 'contoso', devices: [{ deviceId: guidOf('device contoso NB-OTTO'), displayName: 'NB-OTTO', groups: [], units: [] }] });
  }

  test('finds what is owned, and nothing else', async () => {
    addNeighbour();
    assert.deepEqual((await search('owner', 'NB-O')).map((/** @type {any} */ d) => d.deviceId), [DEVICES.ownersLaptop]);
  });

  test('asks for each device where Graph does not tell of several at once', async () => {
    addNeighbour();
    stage.entra.control.set({ fault: { match: 'expand=registeredOwners', kind: 'status', status: 400 } });
    assert.deepEqual((await search('owner', 'NB-O')).map((/** @type {any} */ d) => d.deviceId), [DEVICES.ownersLaptop]);
    assert.match(stage.httpd.errorLog(), /AML0380/);
  });
});

describe('people of one tenant, devices of another', () => {
  before(async () => {
    stage = await startStage({
      world: world(), mpmSettings: ONE_CHILD, sessionCache: 'file', tenants: ['contoso', 'fabrikam'], amlaps: 'AMLapsGroupsFrom graph',
      rules: ruleSection('Both', ['AMLapsDevice all', `AMLapsAllow password group ${GROUPS.londonHelpdesk}`])
        + ruleSection('Own', ['AMLapsDevice owner', 'AMLapsDeny history anyone']),
    });
  });
  after(() => stage?.close([/amlaps:.*AML/]));

  test('the same id is another device in each tenant, whatever is kept', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    const deviceId = device('LON-030');
    stage.entra.control.updateWorld({ tenant: 'fabrikam', devices: [{ deviceId, displayName: 'FAB-TWIN', laps: null }] });
    await fresh();
    const nameIn = async (/** @type {string} */ tenant) => assertOk(await helpdesk.get(`api/v1/devices/${tenant}/${deviceId}`)).name;
    assert.deepEqual([await nameIn('contoso'), await nameIn('fabrikam'), await nameIn('contoso')], ['LON-030', 'FAB-TWIN', 'LON-030']);
    stage.entra.control.updateWorld({ tenant: 'fabrikam', remove: { devices: [deviceId] } });
    await fresh();
  });

  test('the person is asked for at home alone, with the token of home', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    assertOk(await helpdesk.password('fabrikam', DEVICES.fabrikam1, { reason: 'x' }));
    const asked = stage.graphRequests().filter((r) => r.path.includes('getMemberGroups') || r.parts?.some((line) => line.includes('getMemberGroups')));
    const read = stage.passwordRequests();
    assert.equal(asked.length, 1, paths().join('\n'));
    assert.equal(read.length, 1);
    assert.notEqual(asked[0].headers.authorization, read[0].headers.authorization);
    assert.ok(!paths().concat(parts()).some((line) => line.includes('registeredOwners')), 'object ids of contoso mean nothing in fabrikam');
  });
});
