// @ts-check
/** Assertions about answers that every test of the API shares. */
import assert from 'node:assert/strict';

/** @typedef {import('./jar.mjs').Answer} Answer */

/** Codes of problems and their status, as the contract lists them. */
export const STATUS = /** @type {const} */ ({
  bad_request: 400, cross_site: 403, not_found: 404, method_not_allowed: 405, not_authenticated: 401, not_authorized: 403,
  reason_required: 422, reason_invalid: 422, rate_limited: 429, no_password: 404, policy_undecidable: 503,
  tenant_credential_invalid: 502, tenant_permission_missing: 502, tenant_throttled: 503, tenant_unreachable: 504,
  tenant_error: 502, audit_unavailable: 503, notification_failed: 503, busy: 503,
});

/** @typedef {keyof typeof STATUS} Code */

export const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
  + "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
const PERMISSIONS = 'clipboard-write=(self), clipboard-read=(), camera=(), microphone=(), geolocation=(), display-capture=(), '
  + 'payment=(), usb=()';

/** @param {string} text @param {RegExp} separator */
const parts = (text, separator) => text.split(separator).map((part) => part.trim()).filter(Boolean).sort();

/** All members of the contract are there; others may be added to it. @param {object} value @param {string[]} names */
export function assertMembers(value, names) {
  assert.deepEqual(names.filter((name) => !Object.hasOwn(value, name)), [], `missing in ${JSON.stringify(Object.keys(value))}`);
}

/** @param {Answer} answer */
export const summary = (answer) => `${answer.url} answered ${answer.status} ${answer.text.slice(0, 400)}`;

/** The security headers that every answer of the module carries, once each. @param {Answer} answer */
export function assertSecurityHeaders(answer) {
  const { headers } = answer;
  const context = summary(answer);
  assert.deepEqual(parts(headers['content-security-policy'] ?? '', /;/), parts(CSP, /;/), `Content-Security-Policy: ${context}`);
  assert.deepEqual(parts(headers['permissions-policy'] ?? '', /,/), parts(PERMISSIONS, /,/), `Permissions-Policy: ${context}`);
  assert.equal(headers['x-content-type-options'], 'nosniff', context);
  assert.equal(headers['referrer-policy'], 'no-referrer', context);
  assert.equal(headers['cross-origin-opener-policy'], 'same-origin', context);
  assert.equal(headers['cross-origin-resource-policy'], 'same-origin', context);
}

/** An answer of the API: security headers, and nobody may keep it. @param {Answer} answer */
export function assertApiHeaders(answer) {
  assertSecurityHeaders(answer);
  assert.equal(headers(answer, 'cache-control'), 'no-store', summary(answer));
}

/** @param {Answer} answer @param {string} name */
const headers = (answer, name) => answer.headers[name];

/**
 * A good answer of the API.
 * @param {Answer} answer
 * @returns {any} its JSON
 */
export function assertOk(answer) {
  assert.equal(answer.status, 200, summary(answer));
  assertApiHeaders(answer);
  assert.match(answer.headers['content-type'], /^application\/json(; *charset=utf-8)?$/i, summary(answer));
  return answer.json();
}

/**
 * An RFC 9457 problem with a code of the contract.
 * @param {Answer} answer
 * @param {keyof typeof STATUS} code
 * @returns {any} its JSON
 */
export function assertProblem(answer, code) {
  assert.equal(answer.headers['content-type']?.split(';')[0], 'application/problem+json', summary(answer));
  const problem = answer.json();
  assert.equal(problem.code, code, summary(answer));
  assert.equal(answer.status, STATUS[code], summary(answer));
  assert.equal(problem.status, STATUS[code], summary(answer));
  for (const member of ['title', 'detail']) {
    assert.ok(typeof problem[member] === 'string' && problem[member].length > 3, `${member}: ${summary(answer)}`);
  }
  assert.match(problem.id, GUID, `id: ${summary(answer)}`);
  assertApiHeaders(answer);
  return problem;
}
