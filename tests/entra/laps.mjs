// @ts-check
/** directory/deviceLocalCredentials: the device registration service behind Graph, with its own codes and demands. */
import { createHash, randomUUID } from 'node:crypto';
import { GUID, GraphError, refuse } from './answers.mjs';
import { AUDITS, CREDENTIALS } from './collections.mjs';
import { listBody } from './directory.mjs';
import { parseSelect, select } from './odata.mjs';

/**
 * @typedef {import('./graph.mjs').Call} Call
 * @typedef {import('./graph.mjs').Reply} Reply
 * @typedef {import('./world.mjs').Device} Device
 * @typedef {import('./world.mjs').Credential} Credential
 */

const READ = 'DeviceLocalCredential.Read.All';
const READ_BASIC = 'DeviceLocalCredential.ReadBasic.All';

/** @param {Call} call */
function requireHeaders(call) {
  const strict = call.sim.knobs.settings.strictHeaders ? ['ocp-client-name', 'ocp-client-version'] : [];
  for (const name of ['User-Agent', ...strict]) {
    if (!call.headers[name.toLowerCase()]) {
      throw new GraphError(400, 'invalid_request', `Parameter (${name}) is required but missing from headers`);
    }
  }
}

/** @type {Record<string, (password: string) => Buffer>} */
const ENCODE = {
  utf8: (text) => Buffer.from(text),
  'utf8-bom': (text) => Buffer.from(`\ufeff${text}`),
  utf16le: (text) => Buffer.from(text, 'utf16le'),
  'utf16le-bom': (text) => Buffer.from(`\ufeff${text}`, 'utf16le'),
  // what a reader of UTF-16 cannot take apart, and a reader of UTF-8 must not take
  odd: (text) => Buffer.from(text, 'utf16le').subarray(0, -1),
};

/** @param {string} iso @param {number} digits */
function withFraction(iso, digits) {
  const [, seconds, fraction] = /^(.*?)(?:\.(\d+))?Z$/.exec(iso) ?? ['', iso, ''];
  return `${seconds}${digits ? `.${(fraction ?? '').padEnd(7, '0').slice(0, digits)}` : ''}Z`;
}

/** An older password than the world has: made from the device, so that it is the same at each look. @param {Device} device @param {number} i @returns {Credential} */
const olderCredential = (device, i) => ({
  account: 'Administrator', sid: 'S-1-5-21-2318549658-1590267884-3984890135-500',
  password: `AMLAPS-CANARY-${createHash('sha256').update(`${device.deviceId}/${i}`).digest('base64url').slice(0, 16)}`,
  backedUp: new Date(Date.now() - (100 + 30 * i) * 86400000).toISOString(),
});

/**
 * The credentials of a device as the knobs want them.
 * @param {Device} device @param {import('./knobs.mjs').Settings} knobs
 * @returns {Credential[]}
 */
export function credentialsOf(device, knobs) {
  const kept = device.laps?.credentials ?? [];
  const length = knobs.history ?? kept.length;
  let list = Array.from({ length }, (_, i) => ({ ...(kept[i] ?? olderCredential(device, i)) }));
  if (knobs.twoAccounts) {
    list = list.map((one, i) => (i % 2 ? { ...one, account: 'lapsadmin', sid: one.sid.replace(/-\d+$/, '-1965') } : one));
  }
  if (knobs.equalDates && list.length) list = list.map((one) => ({ ...one, backedUp: list[0].backedUp }));
  return knobs.unsorted ? list.reverse() : list;
}

/** @param {Device} device @param {import('./knobs.mjs').Settings} knobs */
function entityOf(device, knobs) {
  const digits = knobs.fractionDigits;
  const list = credentialsOf(device, knobs);
  const newest = list.map(({ backedUp }) => backedUp).sort().at(-1) ?? device.laps?.refresh ?? '';
  return {
    id: device.deviceId,
    deviceName: device.displayName ?? '',
    lastBackupDateTime: withFraction(newest, digits),
    refreshDateTime: withFraction(device.laps?.refresh ?? newest, digits),
    credentials: list.map((one) => ({
      accountName: one.account,
      accountSid: one.sid,
      backupDateTime: withFraction(one.backedUp, digits),
      passwordBase64: ENCODE[knobs.encoding ?? one.encoding ?? 'utf8'](one.password).toString('base64'),
    })),
  };
}

/** @param {Call} call @returns {Reply} */
export function listCredentials(call) {
  requireHeaders(call);
  if (![READ, READ_BASIC].some((role) => call.roles.includes(role))) throw refuse.laps();
  const entities = call.tenant.devices.filter(({ laps }) => laps).map((device) => {
    const { credentials: _, ...metadata } = entityOf(device, call.sim.knobs.settings);
    return metadata;
  });
  return {
    body: listBody(call, entities, CREDENTIALS, 'directory/deviceLocalCredentials'),
    shape: { kind: 'collection', type: 'deviceLocalCredentialInfo' },
  };
}

/** Nothing tells which of these a tenant really sends: clients have met them all. @param {Call} call @param {Device} device @param {boolean} secret @returns {Reply} */
function withoutPassword(call, device, secret) {
  const isMac = /^mac/i.test(device.properties?.operatingSystem ?? '');
  const style = isMac ? 'noCredentials' : call.sim.knobs.settings.noPasswordStyle;
  if (style === '404') throw absent(device.deviceId);
  if (style === '204') return { status: 204 };
  if (style === 'empty') return { text: '' };
  if (style === 'braces') return { body: {} };
  const body = { '@odata.context': contextOf(call, secret), id: device.deviceId, deviceName: device.displayName ?? '' };
  const shape = /** @type {const} */ ({ kind: 'entity', type: 'deviceLocalCredentialInfo' });
  if (!secret || style === 'noCredentials') return { body, shape };
  // null is against the schema, yet has been seen: so it comes after the check
  return style === 'null' ? { body, shape, deform: (entity) => ({ ...entity, credentials: null }) } : { body: { ...body, credentials: [] }, shape };
}

/** Which code this service uses is not known; a client can rely on the status alone. @param {string} id */
const absent = (id) => new GraphError(404, 'not_found', `The device ${id} could not be found.`);

/** @param {Call} call @param {boolean} secret */
const contextOf = (call, secret) =>
  `${call.sim.graphUrl}/v1.0/$metadata#directory/deviceLocalCredentials${secret ? '(credentials)' : ''}/$entity`;

/** @param {any} value @returns {any} */
const dropZone = (value) => JSON.parse(JSON.stringify(value).replace(/("(?:backup|lastBackup|refresh)DateTime":"[^"]*)Z"/g, '$1"'));

/** @param {Call} call @param {Record<string, string>} key @returns {Reply} */
export function getCredentials(call, { deviceId }) {
  requireHeaders(call);
  const { settings } = call.sim.knobs;
  const names = parseSelect(call.options.get('$select'), CREDENTIALS);
  const secret = names?.includes('credentials') ?? false;
  const enough = secret || !settings.readBasicItem ? [READ] : [READ, READ_BASIC];
  if (!enough.some((role) => call.roles.includes(role))) throw refuse.laps();
  if (!GUID.test(deviceId)) throw new GraphError(400, 'invalid_request', `The device id '${deviceId}' is not valid.`);
  const device = call.tenant.devices.find((one) => one.deviceId === deviceId.toLowerCase());
  if (!device) throw absent(deviceId);
  if (!device.laps) return withoutPassword(call, device, secret);
  if (secret) recordRecovery(call, device);
  return {
    body: { '@odata.context': contextOf(call, secret), ...select(entityOf(device, settings), secret ? ['credentials'] : [], CREDENTIALS.always) },
    shape: { kind: 'entity', type: 'deviceLocalCredentialInfo' },
    deform: (body) => {
      const entity = settings.noZone ? dropZone(body) : body;
      const { '@odata.context': _, ...rest } = entity;
      return settings.wrapped ? { value: { '@odata.type': '#microsoft.graph.deviceLocalCredentialInfo', ...rest } } : entity;
    },
  };
}

/** Microsoft's own trail: it sees the app, never the person. @param {Call} call @param {Device} device */
function recordRecovery(call, device) {
  const app = call.tenant.apps.find(({ clientId }) => clientId === call.claims.appid);
  call.sim.auditsOf(call.tenant).push({
    id: `Directory_${randomUUID()}`,
    category: 'Device',
    correlationId: GUID.test(call.ids.clientRequestId) ? call.ids.clientRequestId.toLowerCase() : call.ids.requestId,
    result: 'success',
    resultReason: '',
    activityDisplayName: 'Recover device local administrator password',
    activityDateTime: new Date().toISOString(),
    loggedByService: 'Device Registration Service',
    operationType: 'Read',
    initiatedBy: {
      user: null,
      app: { appId: app?.clientId ?? null, displayName: app?.name ?? null, servicePrincipalId: app?.objectId ?? null, servicePrincipalName: null },
    },
    targetResources: [{
      id: device.id, displayName: device.displayName, type: 'Device', userPrincipalName: null, groupType: null, modifiedProperties: [],
    }],
    additionalDetails: [
      { key: 'AdditionalInfo', value: 'Successfully recovered local credential by device id' },
      { key: 'Device Id', value: device.deviceId },
      { key: 'User-Agent', value: String(call.headers['user-agent']) },
    ],
  });
}

/** @param {Call} call @returns {Reply} */
export function listAudits(call) {
  if (!['AuditLog.Read.All', 'Directory.Read.All'].some((role) => call.roles.includes(role))) throw refuse.directory();
  const newestFirst = [...call.sim.auditsOf(call.tenant)].reverse();
  if (!call.options.has('$orderby')) call.options.set('$orderby', 'activityDateTime desc');
  return {
    body: listBody(call, newestFirst, AUDITS, 'auditLogs/directoryAudits'),
    shape: { kind: 'collection', type: 'directoryAudit' },
  };
}
