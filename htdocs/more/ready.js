// @ts-check
// What the views of auditors and operators need before they are shown: each imports this first.

import { addTexts, h, language } from "../app.js";

const answer = await fetch(`i18n/more/${language()}.json`);
if (!answer.ok) throw new Error(`${answer.url}: ${answer.status}`);
addTexts(await answer.json());
await new Promise((resolve, reject) => {
  document.head.append(h("link", { rel: "stylesheet", href: "more/more.css", onload: resolve, onerror: reject }));
});
