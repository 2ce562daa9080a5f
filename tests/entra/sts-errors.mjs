// @ts-check
/** Errors of the token service, in the form that all of Entra's sign-in endpoints use. */
import { randomUUID } from 'node:crypto';

export class StsError extends Error {
  /** @param {number} status @param {string} error @param {number} code AADSTS number @param {string} text */
  constructor(status, error, code, text) {
    super(text);
    this.status = status;
    this.error = error;
    this.code = code;
    /** @type {Record<string, string>} */
    this.headers = {};
  }
}

/** @param {import('node:http').IncomingHttpHeaders} headers @returns {Record<string, string>} */
export function stsHeaders(headers) {
  const sent = headers['client-request-id'];
  return {
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-store, no-cache',
    Pragma: 'no-cache',
    Expires: '-1',
    'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
    'X-Content-Type-Options': 'nosniff',
    'x-ms-request-id': randomUUID(),
    'x-ms-ests-server': '2.1.22400.6 - WEULR1 ProdSlices',
    ...(typeof sent === 'string' && sent ? { 'client-request-id': sent } : {}),
  };
}

/** @param {StsError} error @param {import('node:http').IncomingHttpHeaders} requestHeaders @returns {import('./faults.mjs').Answer} */
export function stsAnswer({ status, error, code, message, headers: own }, requestHeaders) {
  const headers = { ...stsHeaders(requestHeaders), ...own };
  const timestamp = new Date().toISOString().replace('T', ' ').replace(/\.\d+/, '');
  const trace = headers['x-ms-request-id'];
  const correlation = headers['client-request-id'] ?? randomUUID();
  const body = {
    error,
    error_description: `AADSTS${code}: ${message}\r\nTrace ID: ${trace}\r\nCorrelation ID: ${correlation}\r\nTimestamp: ${timestamp}`,
    error_codes: [code], timestamp, trace_id: trace, correlation_id: correlation,
    error_uri: `https://login.microsoftonline.com/error?code=${code}`,
  };
  return { status, headers, body: JSON.stringify(body) };
}

/** @param {string} tenant as the client named it */
export const tenantNotFound = (tenant) => `Tenant '${tenant}' not found. Check to make sure you have the correct tenant ID and are `
  + 'signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.';
