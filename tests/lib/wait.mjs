// @ts-check
/** Waiting for a condition instead of sleeping. */

const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Polls until `condition` gives something truthy and returns that; fails with `what` after `timeout` ms.
 * @template T
 * @param {string} what
 * @param {() => T | Promise<T>} condition
 * @param {{ timeout?: number, interval?: number }} [options]
 * @returns {Promise<NonNullable<Awaited<T>>>}
 */
export async function waitFor(what, condition, { timeout = 10000, interval = 20 } = {}) {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await condition();
    if (value) return /** @type {any} */ (value);
    if (Date.now() > end) throw new Error(`waited ${timeout} ms in vain for: ${what}`);
    await pause(interval);
  }
}
