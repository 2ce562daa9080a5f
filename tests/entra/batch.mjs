// @ts-check
/** POST /v1.0/$batch: up to twenty requests in one, each with its own headers. */
import { GraphError, refuse } from './answers.mjs';

const MOST_REQUESTS = 20;

/**
 * @typedef {import('./graph.mjs').GraphRequest} GraphRequest
 * @typedef {import('./faults.mjs').Answer} Answer
 */

/** @param {Buffer} body @returns {any[]} */
function readRequests(body) {
  let requests;
  try {
    ({ requests } = JSON.parse(body.toString()));
  } catch {
    throw refuse.badUri('Invalid batch payload format.');
  }
  if (!Array.isArray(requests) || !requests.length) throw refuse.badUri('Invalid batch payload format.');
  if (requests.length > MOST_REQUESTS) {
    throw new GraphError(400, 'MaximumValueExceeded', `Number of batch request steps exceeds the maximum value of ${MOST_REQUESTS}.`);
  }
  const ids = new Set(requests.map((part) => part?.id));
  const sound = requests.every((part) => typeof part?.id === 'string' && /^[A-Z]+$/.test(part.method) && typeof part.url === 'string');
  if (!sound || ids.size !== requests.length) throw refuse.badUri('Invalid batch payload format.');
  return requests;
}

/**
 * Nothing but the authorization is taken from the outer request: a User-Agent must stand in the part itself.
 * @param {any} part @param {import('node:http').IncomingHttpHeaders} outer
 * @returns {GraphRequest}
 */
function inner(part, outer) {
  const own = Object.fromEntries(Object.entries(part.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]));
  if (part.body !== undefined && !own['content-type']) {
    throw new GraphError(400, 'BadRequest', 'Write request id : ' + part.id + ' does not contain Content-Type header or body.');
  }
  const url = `/v1.0${part.url.startsWith('/') ? '' : '/'}${part.url}`;
  if (url.startsWith('/v1.0/$batch')) throw refuse.badUri('Invalid batch payload format.');
  return {
    method: part.method, url, headers: { ...own, authorization: outer.authorization },
    body: Buffer.from(part.body === undefined ? '' : JSON.stringify(part.body)),
  };
}

/** What a fault has broken stays a text. @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** @param {string} id @param {Answer} answer */
function toPart(id, { status, headers, body }) {
  const type = headers['Content-Type'] ?? '';
  const text = String(body ?? '');
  return { id, status, headers, ...(text ? { body: type.startsWith('application/json') ? parsed(text) : text } : {}) };
}

/**
 * @param {Buffer} body
 * @param {(request: GraphRequest) => Answer} answer
 * @param {import('node:http').IncomingHttpHeaders} outer
 * @returns {import('./graph.mjs').Reply}
 */
export function answerBatch(body, answer, outer) {
  /** @type {Map<string, number>} */
  const done = new Map();
  const responses = readRequests(body).map((part) => {
    const unmet = (part.dependsOn ?? []).some((/** @type {string} */ id) => !((done.get(id) ?? 500) < 400));
    const failed = { error: { code: 'FailedDependency', message: 'A dependent request failed.' } };
    const response = unmet
      ? { id: part.id, status: 424, headers: { 'Content-Type': 'application/json' }, body: failed }
      : toPart(part.id, answer(inner(part, outer)));
    done.set(part.id, response.status);
    return response;
  });
  // Microsoft promises no order; the reverse shows a client that counts on one.
  return { body: { responses: responses.reverse() } };
}
