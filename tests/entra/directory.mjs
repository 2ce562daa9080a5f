// @ts-check
/** Graph's devices, and what devices and people are members of. */
import { GUID, GraphError, refuse } from './answers.mjs';
import { DEVICES, MEMBERSHIPS, OWNERS, schema } from './collections.mjs';
import { isTrue, parseExpand, parseSelect, query, select } from './odata.mjs';

/**
 * @typedef {import('./graph.mjs').Call} Call
 * @typedef {import('./graph.mjs').Reply} Reply
 */

const READ_DIRECTORY = ['Directory.Read.All', 'Directory.ReadWrite.All'];
const READ_DEVICES = ['Device.Read.All', 'Device.ReadWrite.All', ...READ_DIRECTORY];
const READ_GROUPS = ['GroupMember.Read.All', 'Group.Read.All', 'Group.ReadWrite.All', ...READ_DIRECTORY];
const READ_UNITS = ['AdministrativeUnit.Read.All', ...READ_DIRECTORY];
const READ_USERS = ['User.ReadBasic.All', 'User.Read.All', 'User.ReadWrite.All', ...READ_DIRECTORY];

const MOST_IDS = 20;

/** @param {string[]} roles @param {Call} call */
const may = (roles, call) => roles.some((role) => call.roles.includes(role));

/** @param {string[]} roles @param {Call} call */
function need(roles, call) {
  if (!may(roles, call)) throw refuse.directory();
}

/** Extension attributes of the schema's type, all unset. */
const NO_EXTENSIONS = Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`extensionAttribute${i + 1}`, null]));

/** @param {import('./world.mjs').Device} device */
function deviceEntity(device) {
  const own = { ...device.properties, id: device.id, deviceId: device.deviceId, displayName: device.displayName };
  const all = [...schema.properties('device')].map(([name, { nullable }]) => [name, nullable ? null : []]);
  return { ...Object.fromEntries(all), extensionAttributes: NO_EXTENSIONS, ...own };
}

/** @param {Call} call @param {string} resource @param {string[] | null} names @param {string} [suffix] */
const context = (call, resource, names, suffix = '') =>
  `${call.sim.graphUrl}/v1.0/$metadata#${resource}${names ? `(${names.join(',')})` : ''}${suffix}`;

/** @param {Call} call @param {any[]} entities @param {import('./odata.mjs').Queryable} of @param {string} resource @returns {any} */
export function listBody(call, entities, of, resource) {
  const link = `${call.sim.graphUrl}${call.path}`;
  const { value, count, nextLink } = query(entities, of, { options: call.options, eventual: call.eventual, link });
  return {
    '@odata.context': context(call, resource, parseSelect(call.options.get('$select'), of)),
    ...(count === undefined ? {} : { '@odata.count': count }),
    ...(nextLink ? { '@odata.nextLink': nextLink } : {}),
    value,
  };
}

/** @param {Call} call @param {string} id object id */
function deviceById(call, id) {
  if (!GUID.test(id)) throw refuse.badRequest(`Invalid object identifier '${id}'.`);
  const device = call.tenant.devices.find((one) => one.id === id.toLowerCase());
  if (!device) throw refuse.absent(id);
  return device;
}

/** @param {Call} call @param {{ id?: string, deviceId?: string }} key */
function deviceOf(call, { id, deviceId }) {
  if (deviceId === undefined) return deviceById(call, String(id));
  if (!GUID.test(deviceId)) throw refuse.badRequest(`Invalid value specified for property 'deviceId' of resource 'Device'.`);
  const device = call.tenant.devices.find((one) => one.deviceId === deviceId.toLowerCase());
  if (!device) throw refuse.absent(deviceId);
  return device;
}

/** @param {Call} call @returns {Reply} */
export function listDevices(call) {
  need(READ_DEVICES, call);
  const expanded = parseExpand(call.options.get('$expand'), DEVICES);
  const entities = call.tenant.devices.map((device) => ({
    ...deviceEntity(device), ...(expanded ? { registeredOwners: ownersOf(call, device).map((owner) => select(owner, expanded.names)) } : {}),
  }));
  const body = listBody(call, entities, DEVICES, 'devices');
  return { body, shape: { kind: 'collection', type: 'device' } };
}

/** @param {Call} call @returns {Reply} */
export function countDevices(call) {
  need(READ_DEVICES, call);
  if (!call.eventual) throw refuse.badRequest('$count is not currently supported.');
  const options = new Map([...call.options].filter(([name]) => ['$filter', '$search'].includes(name)).concat([['$count', 'true']]));
  const { count } = query(call.tenant.devices.map(deviceEntity), DEVICES, { options, eventual: true, link: `${call.sim.graphUrl}${call.path}` });
  return { text: String(count) };
}

/** @param {Call} call @param {Record<string, string>} key @returns {Reply} */
export function getDevice(call, key) {
  need(READ_DEVICES, call);
  const names = parseSelect(call.options.get('$select'), DEVICES);
  const device = deviceOf(call, key);
  const body = { '@odata.context': context(call, 'devices', names, '/$entity'), ...select(deviceEntity(device), names) };
  return { body, shape: { kind: 'entity', type: 'device' } };
}

/**
 * Direct groups, then the groups those are in, and so on.
 * @param {import('./world.mjs').Tenant} tenant @param {string[]} direct
 */
export function closure(tenant, direct) {
  const all = new Set(direct);
  for (const id of all) {
    for (const parent of tenant.groups.find((group) => group.id === id)?.memberOf ?? []) all.add(parent);
  }
  return [...all];
}

/** A member whose kind the app may not read shrinks to its id. @param {any} entity @param {boolean} readable */
const shrink = (entity, readable) => (readable ? entity : Object.fromEntries(Object.entries(entity).map(([name, value]) =>
  [name, name === 'id' || name.startsWith('@') || Array.isArray(value) ? value : null])));

/** @param {Call} call @param {string[]} groups @param {string[]} units */
function memberships(call, groups, units) {
  const readGroups = may(READ_GROUPS, call);
  const readUnits = may(READ_UNITS, call);
  const names = new Map([...call.tenant.groups, ...call.tenant.units].map(({ id, displayName }) => [id, displayName]));
  return [
    ...groups.map((id) => shrink({
      '@odata.type': '#microsoft.graph.group', id, deletedDateTime: null, displayName: names.get(id) ?? null, description: null,
      groupTypes: [], mailEnabled: false, securityEnabled: true, visibility: null,
    }, readGroups)),
    ...units.map((id) => shrink({
      '@odata.type': '#microsoft.graph.administrativeUnit', id, deletedDateTime: null, displayName: names.get(id) ?? null,
      description: null, visibility: null,
    }, readUnits)),
  ];
}

/** @param {Call} call @param {any[]} entities @param {string | undefined} cast @returns {Reply} */
function membershipReply(call, entities, cast) {
  if (!cast) {
    return {
      body: listBody(call, entities, MEMBERSHIPS, 'directoryObjects'),
      shape: { kind: 'collection', type: 'directoryObject', derived: ['group', 'administrativeUnit', 'user'] },
    };
  }
  if (!call.eventual || !isTrue(call.options.get('$count'))) throw refuse.unsupported('Unsupported Query.');
  const wanted = entities.filter((entity) => entity['@odata.type'] === `#microsoft.graph.${cast}`);
  const plain = wanted.map(({ '@odata.type': _, ...entity }) => entity);
  const body = listBody(call, plain, { ...MEMBERSHIPS, type: cast }, cast === 'group' ? 'groups' : 'directory/administrativeUnits');
  return { body, shape: { kind: 'collection', type: cast } };
}

/** @param {Call} call @param {Record<string, string>} key @returns {Reply} */
export function deviceMemberOf(call, { relation, cast, ...key }) {
  need(READ_DEVICES, call);
  const device = deviceOf(call, key);
  const direct = device.groups ?? [];
  const groups = relation === 'memberOf' ? direct : closure(call.tenant, direct);
  return membershipReply(call, memberships(call, groups, device.units ?? []), cast);
}

/** @param {Call} call @param {string} key object id or user principal name */
function personOf(call, key) {
  const wanted = key.toLowerCase();
  const person = call.tenant.people.find(({ id, userPrincipalName }) => id === wanted || userPrincipalName.toLowerCase() === wanted);
  if (!person) throw refuse.absent(key);
  return person;
}

/** @param {Call} call @param {Record<string, string>} key @returns {Reply} */
export function userMemberOf(call, { id, relation, cast }) {
  need(READ_USERS, call);
  need(READ_GROUPS, call);
  const { groups } = personOf(call, id);
  return membershipReply(call, memberships(call, relation === 'memberOf' ? groups : closure(call.tenant, groups), []), cast);
}

/** @param {Call} call @param {import('./world.mjs').Device} device */
function ownersOf(call, { owner }) {
  return call.tenant.people.filter(({ id }) => id === owner).map(({ id, displayName, userPrincipalName }) => shrink({
    '@odata.type': '#microsoft.graph.user', id, businessPhones: [], displayName, givenName: displayName.split(' ')[0], jobTitle: null,
    mail: userPrincipalName, surname: displayName.split(' ').slice(1).join(' '), userPrincipalName,
  }, may(READ_USERS, call)));
}

/** @param {Call} call @param {Record<string, string>} key @returns {Reply} */
export function registeredOwners(call, key) {
  need(READ_DEVICES, call);
  const body = listBody(call, ownersOf(call, deviceOf(call, key)), OWNERS, 'directoryObjects');
  return { body, shape: { kind: 'collection', type: 'directoryObject', derived: ['user'] } };
}

/** The parameters of an action. @param {Call} call @returns {any} */
function actionBody(call) {
  if (!/^application\/json\b/i.test(call.headers['content-type'] ?? '')) {
    throw refuse.badUri('A missing or empty content type header was found when trying to read a message. The content type header is required.');
  }
  try {
    const body = JSON.parse(call.body.toString());
    if (body !== null && typeof body === 'object' && !Array.isArray(body)) return body;
  } catch {
    // said below, for whatever is no JSON object
  }
  throw refuse.badUri('Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.');
}

/** @param {Call} call @param {string[]} groups all that the object is in @param {string} action @returns {Reply} */
function memberAction(call, groups, action) {
  const parameters = actionBody(call);
  const values = (/** @type {string[]} */ value) => /** @type {Reply} */ ({
    body: { '@odata.context': `${call.sim.graphUrl}/v1.0/$metadata#Collection(Edm.String)`, value },
    shape: { kind: 'values', type: 'Edm.String' },
  });
  if (action === 'getMemberGroups') {
    const { securityEnabledOnly = false } = parameters;
    if (typeof securityEnabledOnly !== 'boolean') throw refuse.badRequest("Invalid value specified for parameter 'securityEnabledOnly'.");
    if (groups.length > 11000) throw new GraphError(400, 'Directory_ResultSizeLimitExceeded', 'The result set is too large.');
    return values(groups);
  }
  const { groupIds } = parameters;
  if (!Array.isArray(groupIds) || !groupIds.every((id) => typeof id === 'string')) {
    throw refuse.badRequest("Invalid value specified for parameter 'groupIds'.");
  }
  if (groupIds.length > MOST_IDS) {
    throw refuse.badRequest(`The number of values in 'groupIds' exceeds the maximum of ${MOST_IDS}.`);
  }
  for (const id of groupIds) if (!GUID.test(id)) throw refuse.badRequest(`Invalid object identifier '${id}'.`);
  return values([...new Set(groupIds.map((id) => id.toLowerCase()))].filter((id) => groups.includes(id)));
}

/** @param {Call} call @param {Record<string, string>} key @returns {Reply} */
export function deviceMemberAction(call, { id, action }) {
  need(READ_DEVICES, call);
  return memberAction(call, closure(call.tenant, deviceById(call, id).groups ?? []), action);
}

/** @param {Call} call @param {Record<string, string>} key @returns {Reply} */
export function userMemberAction(call, { id, action }) {
  need(READ_USERS, call);
  need(READ_GROUPS, call);
  return memberAction(call, closure(call.tenant, personOf(call, id).groups), action);
}
