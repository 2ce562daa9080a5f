// @ts-check
/** @import {Api} from "./types.js" */
// The HTTP API. Every failure, also of what lies between us and the server, becomes a Problem.

import { Problem } from "./app.js";

/** From Retry-After: seconds or an HTTP date. @type {Api["retryTime"]} */
export function retryTime(value, now) {
  if (!value) return null;
  const time = new Date(/^\d+$/.test(value) ? now + Number(value) * 1000 : value);
  return Number.isNaN(time.getTime()) ? null : time;
}

/** One without a code of ours comes from httpd, mod_auth_openidc or a proxy. @type {Api["toProblem"]} */
export function toProblem(status, body, retryAfter) {
  /** @param {string} name */
  const text = (name) => (typeof body?.[name] === "string" ? body[name] : "");
  return new Problem(text("code") || (status === 401 ? "not_authenticated" : "unknown"),
    { detail: text("detail"), id: text("id"), retryAt: retryTime(retryAfter, Date.now()) });
}

/** `path` below api/v1/. @type {Api["call"]} */
export async function call(path, init = {}) {
  let answer;
  let body;
  try {
    answer = await fetch(`api/v1/${path}`, {
      ...init,
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      headers: { Accept: "application/json", "X-AMLaps-Request": "1", ...(init.body && { "Content-Type": "application/json" }) },
    });
    body = await answer.json();
  } catch (error) {
    if (init.signal?.aborted) throw error;
    // An answer that is not JSON is somebody else's.
    if (!answer || !(error instanceof SyntaxError)) throw new Problem("offline");
  }
  if (answer.ok && body) return body;
  throw toProblem(answer.status, body, answer.headers.get("Retry-After"));
}

/** @param {import("./types.js").DeviceKey} device */
const pathOf = ({ tenant, deviceId }) => `devices/${encodeURIComponent(tenant)}/${deviceId}`;

/** @type {Api["findDevices"]} */
export const findDevices = (text, signal) => call(`devices?search=${encodeURIComponent(text)}`, { signal });

/** @type {Api["getDevice"]} */
export const getDevice = (device, signal) => call(pathOf(device), { signal });

/** @type {Api["disclose"]} */
export const disclose = ({ device, action, nth, reason }, signal) => call(`${pathOf(device)}/${action}`,
  { method: "POST", body: JSON.stringify(action === "history" ? { reason, nth } : { reason }), signal });
