// @ts-check
/** @import {App} from "../app.js" */
// What the views of auditors and operators share, and need before they are shown: each imports this first.

import { Problem, addTexts, h, language, say } from "../app.js";
import { problemBody, problemTitle } from "../problem.js";

const answer = await fetch(`i18n/more/${language()}.json`);
if (!answer.ok) throw new Error(`${answer.url}: ${answer.status}`);
addTexts(await answer.json());
await new Promise((resolve, reject) => {
  document.head.append(h("link", { rel: "stylesheet", href: "more/more.css", onload: resolve, onerror: reject }));
});

/** Marks the link of a view as the place where one is; call what it gives when one leaves. @param {string} view */
export function here(view) {
  const link = /** @type {HTMLElement | null} */ (document.querySelector(`nav [href="?view=${view}"]`));
  link?.setAttribute("aria-current", "page");
  return () => link?.removeAttribute("aria-current");
}

/** A problem in the place of what was asked for. @param {App} app @param {unknown} problem */
export function failure(app, problem) {
  if (!(problem instanceof Problem)) throw problem;
  say(problemTitle(problem));
  return h("div", { class: "panel problem" }, h("h2", null, problemTitle(problem)), problemBody(app, problem));
}
