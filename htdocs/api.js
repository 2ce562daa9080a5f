// @ts-check
/** @import {Api} from "./types.js" */
// What the views ask the HTTP API for.

import { call } from "./app.js";

/** @param {import("./types.js").DeviceKey} key */
const pathOf = ({ tenant, deviceId }) => `devices/${encodeURIComponent(tenant)}/${deviceId}`;

/** Entra need not know a name. @param {any} device */
const named = (device) => Object.assign(device, { name: device.name || device.deviceId });

/** @type {Api["findDevices"]} */
export const findDevices = (text, signal) => call(`devices?search=${encodeURIComponent(text)}`, { signal })
  .then((found) => ({ ...found, devices: found.devices.map(named) }));

/** @type {Api["getDevice"]} */
export const getDevice = (device, signal) => call(pathOf(device), { signal }).then(named);

/** @type {Api["disclose"]} */
export const disclose = ({ device, action, nth, reason }, signal) => call(`${pathOf(device)}/${action}`,
  { method: "POST", body: JSON.stringify(action === "history" ? { reason, nth } : { reason }), signal });
