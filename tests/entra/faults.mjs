// @ts-check
/** What may go wrong with one answer. Some faults stand in for the answer, some deform it, some spoil its way to the client. */
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { GraphError, errorOf } from './answers.mjs';
import { guidOf } from './ids.mjs';

/**
 * @typedef {object} Fault
 * @property {string} [match]  where it strikes: a part of "METHOD /path?query", or "re:" and a regular expression; all when absent
 * @property {number} [times]  how often; for ever when absent
 * @property {number} [skip]   how many matching requests pass unharmed first
 * @property {string} kind
 *
 * @typedef {object} Answer
 * @property {number} status
 * @property {Record<string, string>} headers
 * @property {string | Buffer | null} body   null: none at all
 * @property {Transport} [transport]
 *
 * @typedef {{ kind: 'slow' | 'delay' | 'hang' | 'stall' | 'reset' | 'abort' | 'cut', ms?: number, bytes?: number }} Transport
 */

/** Kinds and their own members. @type {Record<string, string[]>} */
export const FAULT_KINDS = {
  // stand in for the answer: the request has no effect and leaves no audit event
  status: ['status', 'code', 'message', 'retryAfter', 'headers'],
  html503: ['retryAfter'],
  htmlMessage: ['status'],
  unknownError: ['status', 'code'],
  redirect: ['location', 'status'],
  empty: [],
  noContent: [],
  garbage: ['bytes'],
  deepJson: ['depth'],
  json: ['value', 'status'],
  raw: ['body', 'type', 'status'],
  gzipBomb: ['bytes'],
  // deform the true answer
  truncate: [],
  huge: ['bytes'],
  wrongDevice: ['deviceId'],
  duplicateKeys: [],
  html200: [],
  emptyPage: [],
  endlessNextLink: [],
  foreignNextLink: ['url'],
  // spoil the way of the true answer
  slow: ['ms', 'bytes'],
  delay: ['ms'],
  hang: [],
  stall: [],
  reset: [],
  abort: [],
  cut: [],
};

const HTML = '<!DOCTYPE html>\r\n<html><head><title>Service Unavailable</title></head>'
  + '<body><h2>Our services aren\'t available right now</h2><p>We\'re working to restore all services as soon as possible.</p></body></html>';

/** @param {any} fault @returns {Record<string, string>} */
function retryAfter({ retryAfter }) {
  if (retryAfter === undefined) return {};
  const date = /^date([+-]\d+)$/.exec(String(retryAfter));
  return { 'Retry-After': date ? new Date(Date.now() + Number(date[1]) * 1000).toUTCString() : String(retryAfter) };
}

/** @typedef {(error: GraphError) => Answer} Refuse  makes the area's own error answer */

/** @type {Record<string, (fault: any, refuse: Refuse) => Answer>} */
const INSTEAD = {
  status: (fault, refuse) => {
    const error = errorOf(fault.status, fault.code, fault.message);
    Object.assign(error.headers, retryAfter(fault), fault.headers);
    return refuse(error);
  },
  html503: (fault) => ({ status: 503, headers: { 'Content-Type': 'text/html', ...retryAfter(fault) }, body: HTML }),
  htmlMessage: ({ status = 503 }, refuse) => refuse(new GraphError(status, 'UnknownError', HTML)),
  unknownError: ({ status = 500, code = 'UnknownError' }, refuse) => refuse(new GraphError(status, code, '')),
  redirect: ({ location = 'http://127.0.0.1:9/stolen', status = 302 }) => ({ status, headers: { Location: location }, body: '' }),
  empty: () => ({ status: 200, headers: {}, body: '' }),
  noContent: () => ({ status: 204, headers: {}, body: null }),
  garbage: ({ bytes = 4096 }) => ({ status: 200, headers: { 'Content-Type': 'application/json' }, body: randomBytes(bytes) }),
  deepJson: ({ depth = 100000 }) => ({
    status: 200, headers: { 'Content-Type': 'application/json' }, body: `{"value":${'['.repeat(depth)}${']'.repeat(depth)}}`,
  }),
  json: ({ value, status = 200 }) => ({ status, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(value) }),
  // compressed though nobody asked for it: some kilobytes on the way, far more for who unpacks them
  gzipBomb: ({ bytes = 100 << 20 }) => ({
    status: 200, headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' }, body: gzipSync(Buffer.alloc(bytes, ' ')),
  }),
  raw: ({ body = '', type = 'application/json', status = 200 }) => ({ status, headers: { 'Content-Type': type }, body }),
};

/** @param {Answer} answer */
const text = (answer) => String(answer.body ?? '');

/** Changes the answer as JSON; one that is no object stays. @param {Answer} answer @param {(body: any) => void} change */
function edit(answer, change) {
  let body;
  try {
    body = JSON.parse(text(answer));
  } catch {
    return answer;
  }
  if (body === null || typeof body !== 'object') return answer;
  change(body);
  return { ...answer, body: JSON.stringify(body) };
}

/** @param {Answer} answer @param {string} json members with a trailing comma */
const prepend = (answer, json) => ({ ...answer, body: text(answer).replace(/^\{/, `{${json}`) });

/** @type {Record<string, (fault: any, answer: Answer, url: string) => Answer>} */
const DEFORM = {
  truncate: (_, answer) => ({ ...answer, body: text(answer).slice(0, Math.floor(text(answer).length / 2)) }),
  huge: ({ bytes = 10 << 20 }, answer) => prepend(answer, `"padding":"${'x'.repeat(bytes)}",`),
  wrongDevice: ({ deviceId = guidOf('another device') }, answer) => edit(answer, (body) => {
    const entity = body.value && !Array.isArray(body.value) ? body.value : body;
    entity[entity.deviceId === undefined ? 'id' : 'deviceId'] = deviceId;
  }),
  duplicateKeys: (_, answer) => prepend(answer, `"id":"${guidOf('another device')}","deviceId":"${guidOf('another device')}","credentials":[],`),
  html200: (_, answer) => ({ ...answer, status: 200, headers: { ...answer.headers, 'Content-Type': 'text/html' }, body: HTML }),
  emptyPage: (_, answer, url) => edit(answer, (body) => Object.assign(body, { value: [], '@odata.nextLink': url })),
  endlessNextLink: (_, answer, url) => edit(answer, (body) => Object.assign(body, { '@odata.nextLink': url })),
  foreignNextLink: ({ url = 'http://127.0.0.1:9' }, answer, own) => edit(answer, (body) => {
    const { pathname, search } = new URL(own);
    body['@odata.nextLink'] = `${url}${pathname}${search}`;
  }),
};

/** Whether the request must not be carried out at all. @param {Fault} fault */
export const standsIn = (fault) => fault.kind in INSTEAD;

/** @param {Fault} fault @param {Refuse} refuse @returns {Answer} */
export const standIn = (fault, refuse) => INSTEAD[fault.kind](fault, refuse);

/**
 * @param {any} fault @param {Answer} answer
 * @param {string} url absolute, of the request
 * @returns {Answer}
 */
export function spoil(fault, answer, url) {
  if (DEFORM[fault.kind]) return DEFORM[fault.kind](fault, answer, url);
  return { ...answer, transport: { kind: fault.kind, ms: fault.ms, bytes: fault.bytes } };
}
