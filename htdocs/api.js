// @ts-check
/** @import {ActionName, Device, DeviceKey, Disclosure, Found} from "./types.d.ts" */
// The HTTP API. Every failure, also of what lies between us and the server, becomes a Problem.

import { Problem } from "./app.js";

/** When to try again. @param {string | null} value  Retry-After: seconds or an HTTP date @param {number} now  milliseconds */
export function retryTime(value, now) {
  if (!value) return null;
  const time = /^\d+$/.test(value.trim()) ? now + Number(value) * 1000 : Date.parse(value);
  return Number.isNaN(time) ? null : new Date(time);
}

/** One without a code of ours comes from httpd, mod_auth_openidc or a proxy. @param {number} status @param {any} body @param {string | null} retryAfter */
export function toProblem(status, body, retryAfter) {
  /** @param {string} name */
  const text = (name) => (typeof body?.[name] === "string" ? body[name] : "");
  return new Problem(text("code") || (status === 401 ? "not_authenticated" : "unknown"),
    { detail: text("detail"), id: text("id"), retryAt: retryTime(retryAfter, Date.now()) });
}

/** @param {string} path  below api/v1/ @param {RequestInit} [init] @returns {Promise<any>} */
export async function call(path, init = {}) {
  let answer;
  let body;
  try {
    answer = await fetch(`api/v1/${path}`, {
      ...init,
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      headers: { Accept: "application/json", "X-AMLaps-Request": "1", ...(init.body ? { "Content-Type": "application/json" } : {}) },
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

/** @param {DeviceKey} device */
const pathOf = ({ tenant, deviceId }) => `devices/${encodeURIComponent(tenant)}/${encodeURIComponent(deviceId)}`;

/** @param {string} text @param {AbortSignal} signal @returns {Promise<Found>} */
export const findDevices = (text, signal) => call(`devices?search=${encodeURIComponent(text)}`, { signal });

/** @param {DeviceKey} device @param {AbortSignal} signal @returns {Promise<Device>} */
export const getDevice = (device, signal) => call(pathOf(device), { signal });

/** @param {ActionName} action @param {DeviceKey} device @param {string} reason @param {AbortSignal} signal @returns {Promise<Disclosure>} */
export const disclose = (action, device, reason, signal) =>
  call(`${pathOf(device)}/${action}`, { method: "POST", body: JSON.stringify({ reason }), signal });
