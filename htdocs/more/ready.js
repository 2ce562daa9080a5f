// @ts-check
// What the views of auditors and operators need before they are shown: each imports this first.

import { addTexts, h, language } from "../app.js";

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
