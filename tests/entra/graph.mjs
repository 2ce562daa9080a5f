// @ts-check
/** Microsoft Graph v1.0: who asks, where to, and what comes back. */
import { GRAPH_JSON, GraphError, commonHeaders, errorBody, refuse, requestIds } from './answers.mjs';
import { answerBatch } from './batch.mjs';
import { schema } from './collections.mjs';
import {
  countDevices, deviceMemberAction, deviceMemberOf, getDevice, listDevices, registeredOwners, userMemberAction, userMemberOf,
} from './directory.mjs';
import { spoil, standIn, standsIn } from './faults.mjs';
import { getCredentials, listAudits, listCredentials } from './laps.mjs';
import { parseQuery } from './odata.mjs';
import { SchemaError } from './schema.mjs';

/**
 * @typedef {object} GraphRequest
 * @property {string} method
 * @property {string} url       path and query as they came
 * @property {import('node:http').IncomingHttpHeaders} headers
 * @property {Buffer} body
 * @property {(line: string) => void} [onPart]  told of each part of a $batch
 *
 * @typedef {object} Call  a request of a known app
 * @property {import('./entra.mjs').Simulator} sim
 * @property {import('./world.mjs').Tenant} tenant
 * @property {any} claims       of the access token
 * @property {string[]} roles
 * @property {string} path      as it came
 * @property {Map<string, string>} options
 * @property {boolean} eventual
 * @property {import('node:http').IncomingHttpHeaders} headers
 * @property {Buffer} body
 * @property {{ requestId: string, clientRequestId: string }} ids
 *
 * @typedef {object} Reply
 * @property {number} [status]
 * @property {any} [body]
 * @property {string} [text]    instead of body: text/plain
 * @property {import('./schema.mjs').Shape} [shape]  what body is checked against
 * @property {(body: any) => any} [deform]           applied after the check: for answers that Microsoft gives against its schema
 */

const KEYED = '(?:\\(deviceId=\'(?<deviceId>[^\']*)\'\\)|/(?<id>[^/()$]+))';
const CAST = '(?:/microsoft\\.graph\\.(?<cast>group|administrativeUnit))?';

/** @type {[string, RegExp, (call: Call, key: Record<string, string>) => Reply][]} */
const ROUTES = [
  ['GET', /^\/devices$/, listDevices],
  ['GET', /^\/devices\/\$count$/, countDevices],
  ['GET', new RegExp(`^/devices${KEYED}$`), getDevice],
  ['GET', new RegExp(`^/devices${KEYED}/(?<relation>memberOf|transitiveMemberOf)${CAST}$`), deviceMemberOf],
  ['GET', new RegExp(`^/devices${KEYED}/registeredOwners$`), registeredOwners],
  // documented for the object id only
  ['POST', /^\/devices\/(?<id>[^/]+)\/(?<action>checkMemberGroups|getMemberGroups)$/, deviceMemberAction],
  ['GET', new RegExp(`^/users/(?<id>[^/]+)/(?<relation>memberOf|transitiveMemberOf)${CAST}$`), userMemberOf],
  ['POST', /^\/users\/(?<id>[^/]+)\/(?<action>checkMemberGroups|getMemberGroups)$/, userMemberAction],
  ['GET', /^\/directory\/deviceLocalCredentials$/, listCredentials],
  ['GET', /^\/directory\/deviceLocalCredentials\/(?<deviceId>[^/]+)$/, getCredentials],
  ['GET', /^\/auditLogs\/directoryAudits$/, listAudits],
];

/** Segments that exist somewhere: the first that does not is the one Graph names. */
const SEGMENTS = /^(devices(\(.*\))?|users|directory|deviceLocalCredentials|auditLogs|directoryAudits|[0-9a-f-]{36})$/i;

/** @param {string} path @returns {string} decoded, below the version */
function resource(path) {
  let segments;
  try {
    segments = path.split('/').slice(1).map(decodeURIComponent);
  } catch {
    throw refuse.badUri('Bad Request - Invalid URL');
  }
  const [version, ...rest] = segments;
  if (version !== 'v1.0') throw refuse.segment(rest[0] ?? version);
  return `/${rest.join('/')}`;
}

/** @param {string} method @param {string} path decoded */
function route(method, path) {
  const found = ROUTES.map(([verb, pattern, handler]) => ({ verb, handler, match: pattern.exec(path) })).filter(({ match }) => match);
  if (!found.length) {
    const segments = path.split('/').slice(1);
    throw refuse.segment(segments.find((segment) => !SEGMENTS.test(segment)) ?? segments[segments.length - 1]);
  }
  const right = found.find(({ verb }) => verb === method);
  if (!right) throw refuse.method();
  return { handler: right.handler, key: { ...right.match?.groups } };
}

/** @param {import('./entra.mjs').Simulator} sim @param {GraphRequest} request @param {Call['ids']} ids @returns {Reply} */
function carryOut(sim, { method, url, headers, body, onPart }, ids) {
  const { claims, tenant } = sim.tokens.judge(headers.authorization, sim.world);
  const [path, search = ''] = url.split(/\?(.*)/s);
  const decoded = resource(path);
  if (decoded === '/$batch') {
    if (method !== 'POST') throw refuse.method();
    return answerBatch(body, (/** @type {GraphRequest} */ part) => answerPart(sim, part, onPart), headers);
  }
  const { handler, key } = route(method, decoded);
  const eventual = String(headers.consistencylevel ?? '').toLowerCase() === 'eventual';
  return handler({
    sim, tenant, claims, roles: claims.roles ?? [], path, options: parseQuery(search), eventual, headers, body, ids,
  }, key);
}

/** A part is struck by faults as a request of its own would be, but for its way to the client. @param {import('./entra.mjs').Simulator} sim @param {GraphRequest} part @param {GraphRequest['onPart']} onPart */
function answerPart(sim, part, onPart) {
  const line = `${part.method} ${part.url}`;
  onPart?.(line);
  const fault = sim.knobs.strike(line);
  const answer = answerGraph(sim, part, fault);
  if (!fault || standsIn(fault)) return answer;
  const { transport: _, ...spoiled } = spoil(fault, answer, `${sim.graphUrl}${part.url}`);
  return spoiled;
}

/** @param {Reply} reply @param {Call['ids']} ids @returns {import('./faults.mjs').Answer} */
function toAnswer({ status = 200, body, text, shape, deform }, ids) {
  if (shape) schema.check(body, shape);
  const headers = { ...commonHeaders(ids), 'OData-Version': '4.0' };
  if (status === 204) return { status, headers, body: null };
  if (text !== undefined) return { status, headers: { 'Content-Type': 'text/plain', ...headers }, body: text };
  return { status, headers: { 'Content-Type': GRAPH_JSON, ...headers }, body: JSON.stringify(deform ? deform(body) : body) };
}

/** @param {GraphError} error @param {Call['ids']} ids @returns {import('./faults.mjs').Answer} */
const toErrorAnswer = (error, ids) => ({
  status: error.status,
  headers: { 'Content-Type': 'application/json', ...commonHeaders(ids), ...error.headers },
  body: JSON.stringify(errorBody(error, ids)),
});

/**
 * @param {import('./entra.mjs').Simulator} sim
 * @param {GraphRequest} request
 * @param {import('./faults.mjs').Fault | null} [fault]  one that stands in for the answer is used here
 * @returns {import('./faults.mjs').Answer}
 */
export function answerGraph(sim, request, fault = null) {
  const ids = requestIds(request.headers);
  if (fault && standsIn(fault)) {
    const answer = standIn(fault, (error) => toErrorAnswer(error, ids));
    return { ...answer, headers: { ...commonHeaders(ids), ...answer.headers } };
  }
  try {
    return toAnswer(carryOut(sim, request, ids), ids);
  } catch (error) {
    if (error instanceof GraphError) return toErrorAnswer(error, ids);
    if (!(error instanceof SchemaError)) throw error;
    sim.stats.schemaErrors++;
    sim.stats.schemaErrorTexts.push(`${request.method} ${request.url}: ${error.message}`);
    return { status: 500, headers: { 'Content-Type': 'text/plain' }, body: `the simulator would have broken Graph's schema: ${error.message}\n` };
  }
}
