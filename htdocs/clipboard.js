// @ts-check
/** @import {Clipboard} from "./types.js" */
// Browsers let a page write to the clipboard inside a gesture only. So the page remembers that, never what, it copied,
// clears inside gestures, and shows a button until that is done.

import { button, byId, h, say, t } from "./app.js";

/** Milliseconds; then the next gesture clears. */
const CLEAR_AFTER = 30_000;

/** @type {HTMLElement | undefined} */
let bar;
/** @type {(held: boolean) => void} */
let changed = () => {};
let held = false;
let due = false;
// Whoever left the window may want to keep what they copied there.
let windowLeft = false;
let timer = 0;
let turn = 0;

/** Not on plain http. */
export const available = () => navigator.clipboard;

/** Whether it may hold a password, now and at each change. @type {Clipboard["watch"]} */
export function watch(listener) {
  changed = listener;
  changed(held);
}

/** From the first copy on gestures are watched. */
function getBar() {
  if (bar) return bar;
  window.addEventListener("blur", () => { windowLeft = true; });
  /** @param {Event} event */
  const onGesture = ({ type, target }) => {
    if (type === "click" && /** @type {Element} */ (target).closest("[data-clear]")) clear();
    else if (due && !windowLeft) clear(true);
  };
  for (const type of ["pointerdown", "click", "keydown"]) document.addEventListener(type, onGesture, true);
  bar = byId("clipboard");
  bar.ariaLabel = t("clipboard.bar");
  return bar;
}

/** The last one wins. @type {Clipboard["write"]} */
function write(text, then, refused = () => say(t("copy.refused"))) {
  const mine = ++turn;
  return navigator.clipboard.writeText(text).then(() => {
    if (mine === turn) then();
    return true;
  }, () => {
    if (mine === turn) refused();
    return false;
  });
}

/** Call inside a gesture. @type {Clipboard["copy"]} */
export const copySecret = (text) => write(text, remember);

/** @type {Clipboard["copy"]} */
export const copyPlain = (text) => write(text, () => {
  forget();
  say(t("copy.done"));
});

export function remember() {
  if (!available()) return;
  forget();
  held = true;
  windowLeft = false;
  timer = setTimeout(() => {
    due = true;
    if (document.hasFocus() && !windowLeft && navigator.userActivation?.isActive) clear(true);
  }, CLEAR_AFTER);
  show(t("clipboard.holds"));
  say(t("clipboard.copied"));
  changed(true);
}

function forget() {
  clearTimeout(timer);
  held = due = false;
  // The focus must not go away with the bar.
  if (getBar().contains(document.activeElement)) document.querySelector("h1")?.focus({ preventScroll: true });
  getBar().hidden = true;
  changed(false);
}

/** Call inside a gesture; silent about a refusal where nobody asked for it now. @type {Clipboard["clear"]} */
function clear(silent = false) {
  if (!held) return;
  due = false;
  write("", () => {
    forget();
    say(t("clipboard.cleared"));
  }, () => {
    due = silent;
    if (silent) return;
    show(t("clipboard.refused"));
    say(t("clipboard.refused"));
  });
}

/** @param {string} text */
function show(text) {
  getBar().replaceChildren(h("p", null, text), button(t("clipboard.clear"), "", undefined, true));
  getBar().hidden = false;
}
