// @ts-check
// What the Revealed view opens on request: one tool at a time, in a box that is emptied with the password.

/** @type {Record<string, () => Promise<{tool: import("../types.js").Tool}>>} */
const TOOLS = { spell: () => import("./spell.js"), qr: () => import("./qr.js") };

/**
 * @param {HTMLElement} box @param {string} key @param {() => string} password  empty when it was hidden meanwhile
 * @param {() => void} closed
 * @returns {Promise<() => void>} what closes the tool
 */
export async function open(box, key, password, closed) {
  const { tool } = await /** @type {() => Promise<{tool: import("../types.js").Tool}>} */ (TOOLS[key])();
  const wipe = password() ? await tool(box, password) : () => {};
  return () => {
    wipe();
    box.replaceChildren();
    closed();
  };
}
