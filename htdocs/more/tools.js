// @ts-check
/** @import {Tool} from "../types.js" */
/** @import {Toggle} from "./types.js" */
// What the Revealed view opens on request: one tool at a time, each in a place of its own that goes with the password.

import { h, say, t } from "../app.js";

/** Firefox keeps what failed by its address. */
let tries = 0;

/** @param {string} key @returns {Promise<{tool: Tool}>} */
const load = (key) => import(`./${key}.js${tries ? `?again=${tries}` : ""}`);

/** Opens a tool, or closes it when it is open. @type {Toggle} */
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
  load(key).then(async ({ tool }) => {
    if (closed || !password()) return;
    wipe = await tool(place, password);
    if (closed) close();
  }).catch((error) => {
    tries += 1;
    if (!closed) {
      place.replaceChildren(h("p", null, t("problem.offline.text")));
      say(t("problem.offline.text"));
      opener.ariaExpanded = "false";
    }
    throw error;
  });
  return close;
}
