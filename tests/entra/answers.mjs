// @ts-check
/** Graph's answers in general: its errors, and the headers that every answer carries. */
import { randomUUID } from 'node:crypto';

export const GRAPH_JSON = 'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8';

/** The application id of Microsoft Graph itself, the same in every tenant. */
export const GRAPH_APP_ID = '00000003-0000-0000-c000-000000000000';

export const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export class GraphError extends Error {
  /** @param {number} status @param {string} code @param {string} message @param {Record<string, string>} [headers] */
  constructor(status, code, message, headers = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

export const refuse = {
  /** The directory's own code; LAPS and Intune have others. */
  directory: () => new GraphError(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.'),
  laps: () => new GraphError(403, 'authorization_error', "Failed to authorize, token doesn't have the required permissions."),
  /** @param {string} message */
  token: (message) => new GraphError(401, 'InvalidAuthenticationToken', message, {
    'WWW-Authenticate': 'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
      + `client_id="${GRAPH_APP_ID}"`,
  }),
  /** @param {string} segment */
  segment: (segment) => new GraphError(400, 'BadRequest', `Resource not found for the segment '${segment}'.`),
  method: () => new GraphError(405, 'Request_BadRequest', 'Specified HTTP method is not allowed for the request target.'),
  /** @param {string} id */
  absent: (id) => new GraphError(404, 'Request_ResourceNotFound',
    `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`),
  /** @param {string} message */
  badRequest: (message) => new GraphError(400, 'Request_BadRequest', message),
  /** What the URI parser in front of all services says. @param {string} message */
  badUri: (message) => new GraphError(400, 'BadRequest', message),
  /** @param {string} message */
  unsupported: (message) => new GraphError(400, 'Request_UnsupportedQuery', message),
};

/** Codes and texts of the errors that a fault may bring. */
const TRANSIENT = new Map([
  [401, ['InvalidAuthenticationToken', 'Lifetime validation failed, the token is expired.']],
  [403, ['Authorization_RequestDenied', 'Insufficient privileges to complete the operation.']],
  [404, ['Request_ResourceNotFound', 'Resource does not exist or one of its queried reference-property objects are not present.']],
  [429, ['TooManyRequests', 'Please retry again later.']],
  [500, ['InternalServerError', 'Internal server error.']],
  [502, ['UnknownError', 'Bad Gateway']],
  [503, ['ServiceUnavailable', 'The service is temporarily unavailable.']],
  [504, ['GatewayTimeout', 'Gateway Timeout']],
  [509, ['BandwidthLimitExceeded', 'The application has been throttled.']],
]);

/** @param {number} status @param {string} [code] @param {string} [message] */
export function errorOf(status, code, message) {
  const [usualCode, usualMessage] = TRANSIENT.get(status) ?? ['UnknownError', ''];
  return new GraphError(status, code ?? usualCode, message ?? usualMessage);
}

/** Graph writes the time of an error without zone. */
const errorDate = () => new Date().toISOString().slice(0, 19);

/**
 * @param {GraphError} error
 * @param {{ requestId: string, clientRequestId: string }} ids
 */
export function errorBody({ status, code, message }, { requestId, clientRequestId }) {
  const ids = { date: errorDate(), 'request-id': requestId, 'client-request-id': clientRequestId };
  if (status === 429) {
    return { error: { code, innerError: { code: '429', message: 'Please retry after', status: '429', ...ids }, message } };
  }
  return { error: { code, message, innerError: ids } };
}

/** @param {import('node:http').IncomingHttpHeaders} headers */
export function requestIds(headers) {
  const requestId = randomUUID();
  const sent = headers['client-request-id'];
  return { requestId, clientRequestId: typeof sent === 'string' && sent ? sent : requestId };
}

/** @param {{ requestId: string, clientRequestId: string }} ids */
export const commonHeaders = ({ requestId, clientRequestId }) => ({
  Vary: 'Accept-Encoding',
  'Strict-Transport-Security': 'max-age=31536000',
  'request-id': requestId,
  'client-request-id': clientRequestId,
  'x-ms-ags-diagnostic': '{"ServerInfo":{"DataCenter":"UK South","Slice":"E","Ring":"3","ScaleUnit":"002","RoleInstance":"LO1PEPF0000008B"}}',
});
