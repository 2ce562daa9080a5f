// @ts-check
/** @import {Tool} from "../types.js" */
// What the Revealed view opens on request: one tool at a time, each in a place of its own that goes with the password.

import { h } from "../app.js";

/** @type {Record<string, () => Promise<{tool: Tool}>>} */
const TOOLS = { spell: () => import("./spell.js"), qr: () => import("./qr.js") };

/**
 * Opens a tool, or closes it when it is open.
 * @param {string} key @param {HTMLElement} opener  its button @param {HTMLElement} box
 * @param {() => string} password  empty when it was hidden meanwhile @param {() => void} closeOther  what is open now
 * @returns {() => void} what closes it
 */
export function toggle(key, opener, box, password, closeOther) {
  const wanted = opener.ariaExpanded === "false";
  closeOther();
  if (!wanted) return () => {};
  let wipe = () => {};
  let closed = false;
  // Its own: a tool that ends late must not empty the next one's.
  const place = h("div", { class: "tool" });
  box.append(place);
  opener.ariaExpanded = "true";
  const close = () => {
    closed = true;
    wipe();
    place.remove();
    opener.ariaExpanded = "false";
  };
  TOOLS[key]?.().then(async ({ tool }) => {
    if (closed || !password()) return;
    wipe = await tool(place, password);
    if (closed) close();
  }).catch((error) => {
    close();
    throw error;
  });
  return close;
}
