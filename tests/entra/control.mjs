// @ts-check
/** How tests steer the simulator and look into it: as an object in the same process, or over HTTP below /_control. */
import { guidOf } from './ids.mjs';

/**
 * @typedef {import('./entra.mjs').Simulator} Simulator
 * @typedef {import('./world.mjs').Tenant} Tenant
 *
 * @typedef {object} WorldChange
 * @property {string} [tenant]   name; the first one when absent
 * @property {any[]} [devices]   replace those of the same deviceId, or are added
 * @property {any[]} [people]    by userPrincipalName
 * @property {any[]} [groups]    by id
 * @property {any[]} [apps]      by clientId
 * @property {{ devices?: string[], people?: string[] }} [remove]
 */

/**
 * @template {Record<string, any>} T
 * @param {T[]} list @param {any[]} changes @param {string} key @param {(item: any) => any} complete
 */
function merge(list, changes, key, complete) {
  for (const change of changes) {
    const at = list.findIndex((one) => String(one[key]).toLowerCase() === String(change[key]).toLowerCase());
    if (at < 0) list.push(complete(change));
    else list[at] = { ...list[at], ...change };
  }
}

/** Identifiers are compared in lower case everywhere. @param {any} object @param {string[]} names */
function lower(object, names) {
  for (const name of names) {
    if (typeof object[name] === 'string') object[name] = object[name].toLowerCase();
    if (Array.isArray(object[name])) object[name] = object[name].map((/** @type {string} */ id) => id.toLowerCase());
  }
}

/** @param {Tenant} tenant */
export function normalise(tenant) {
  // a world from a file may leave out what it does not need
  for (const list of /** @type {const} */ (['domains', 'apps', 'groups', 'units', 'people', 'devices'])) tenant[list] ??= [];
  lower(tenant, ['id']);
  for (const device of tenant.devices) lower(device, ['id', 'deviceId', 'groups', 'units', 'owner']);
  for (const group of tenant.groups) lower(group, ['id', 'memberOf']);
  for (const person of tenant.people) lower(person, ['id', 'groups']);
  for (const app of tenant.apps) lower(app, ['clientId', 'objectId']);
}

/** @param {any} device */
const completeDevice = (device) => ({
  id: guidOf(`object ${device.deviceId}`), displayName: null, laps: null, ...device,
  properties: { accountEnabled: true, operatingSystem: 'Windows', operatingSystemVersion: '10.0.26100.1', trustType: 'AzureAd', ...device.properties },
});

/** @param {any} person */
const completePerson = (person) => ({
  id: guidOf(`person ${person.userPrincipalName}`), displayName: person.userPrincipalName, password: 'demo', groups: [], roles: [], demo: '', ...person,
});

/** @param {any} app */
const completeApp = (app) => ({ objectId: guidOf(`sp ${app.clientId}`), name: app.clientId, secrets: [], roles: [], ...app });

/** @param {Simulator} sim */
export function controlOf(sim) {
  return {
    /** @param {any} changes see knobs.mjs */
    set: (changes) => sim.knobs.set(changes),
    /** Knobs, faults, records and counters as at the start; the world and issued tokens stay. */
    reset: () => {
      sim.knobs.reset();
      sim.requests.length = 0;
      sim.audits.clear();
      Object.assign(sim.counts, { signin: 0, token: 0, graph: 0 });
      Object.assign(sim.stats, { schemaErrors: 0, schemaErrorTexts: [] });
      sim.seenConnections.clear();
      sim.secureBytes = 0;
    },
    requests: () => sim.requests,
    stats: () => ({
      tokenRequests: sim.counts.token, graphRequests: sim.counts.graph, signInRequests: sim.counts.signin,
      connections: sim.seenConnections.size, secureBytes: sim.secureBytes, ...sim.stats,
    }),
    knobs: () => ({
      ...sim.knobs.settings,
      faults: sim.knobs.faults.map(({ left, passing: _, ...fault }) => ({ ...fault, left: left === Infinity ? null : left })),
    }),
    world: () => sim.world,
    /** @param {string} [tenant] name */
    audits: (tenant) => sim.auditsOf(sim.tenant(tenant)),
    /** Every secret whose leak a test should look for. */
    canaries: () => ({
      passwords: sim.world.tenants.flatMap(({ devices }) => devices.flatMap(({ laps }) => laps?.credentials.map(({ password }) => password) ?? [])),
      secrets: sim.world.tenants.flatMap(({ apps, signIn }) => [...apps.flatMap(({ secrets }) => secrets.map(({ value }) => value)), ...(signIn ? [signIn.secret] : [])]),
    }),
    expireTokens: () => sim.tokens.expireAll(),
    /** @param {string[]} uris redirect URIs, and where a sign-out may return to */
    addRedirectUris: (uris) => {
      sim.redirectUris = [...new Set([...sim.redirectUris, ...uris])];
    },
    /** Idle connections end, as servers end them: what a client keeps is stale. */
    closeConnections: () => sim.sockets.forEach((socket) => socket.destroy()),
    /** The same without a farewell, as a firewall ends what it has forgotten: the next byte is answered by a reset. */
    resetConnections: () => sim.sockets.forEach((socket) => socket.resetAndDestroy()),
    /** @param {WorldChange} change */
    updateWorld: (change) => {
      const tenant = sim.tenant(change.tenant);
      merge(tenant.devices, change.devices ?? [], 'deviceId', completeDevice);
      merge(tenant.people, change.people ?? [], 'userPrincipalName', completePerson);
      merge(tenant.groups, change.groups ?? [], 'id', (group) => ({ displayName: group.id, ...group }));
      merge(tenant.apps, change.apps ?? [], 'clientId', completeApp);
      const gone = new Set([...(change.remove?.devices ?? []), ...(change.remove?.people ?? [])].map((key) => key.toLowerCase()));
      tenant.devices = tenant.devices.filter(({ deviceId }) => !gone.has(deviceId.toLowerCase()));
      tenant.people = tenant.people.filter(({ userPrincipalName }) => !gone.has(userPrincipalName.toLowerCase()));
      normalise(tenant);
    },
  };
}

/** @typedef {ReturnType<typeof controlOf>} Control */

/** @type {Record<string, (control: Control, body: any) => any>} */
const ROUTES = {
  'POST /knobs': (control, body) => (control.set(body), control.knobs()),
  'GET /knobs': (control) => control.knobs(),
  'POST /reset': (control) => (control.reset(), {}),
  'GET /requests': (control) => control.requests(),
  'GET /stats': (control) => control.stats(),
  'GET /world': (control) => control.world(),
  'POST /world': (control, body) => (control.updateWorld(body), {}),
  'GET /audits': (control) => control.audits(),
  'GET /canaries': (control) => control.canaries(),
  'POST /expire-tokens': (control) => (control.expireTokens(), {}),
  'POST /redirect-uris': (control, body) => (control.addRedirectUris(body.uris), {}),
};

/**
 * @param {Control} control
 * @param {import('node:http').ServerResponse} res @param {string} method @param {string} path below /_control @param {Buffer} body
 */
export function answerControl(control, res, method, path, body) {
  const reply = (/** @type {number} */ status, /** @type {any} */ value) => {
    res.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
    res.end(JSON.stringify(value));
  };
  if (method === 'POST' && path === '/close-connections') {
    res.writeHead(204, { Connection: 'close' });
    return res.end(() => control.closeConnections());
  }
  const handler = ROUTES[`${method} ${path}`];
  if (!handler) return reply(404, { error: `there are ${Object.keys(ROUTES).join(', ')}, POST /close-connections` });
  try {
    return reply(200, handler(control, body.length ? JSON.parse(body.toString()) : {}));
  } catch (error) {
    return reply(400, { error: /** @type {Error} */ (error).message });
  }
}
