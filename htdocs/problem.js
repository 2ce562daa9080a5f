// @ts-check
/** @import {Problems} from "./types.js" */
// Problems in plain words, with a reference for support.

import { button, formatDate, formatTime, h, has, keyOf, linked, plain, renew, t } from "./app.js";
import { buttons, code, copyButton, factList } from "./parts.js";

/** To read out: eight digits of the audit id. @type {Problems["shortReference"]} */
export const shortReference = (id) => id.replace(/^(\w{4})(\w{4})-.*$/, "$1-$2").toUpperCase();

/** @type {Problems["reference"]} */
export const reference = (id) => [t("problem.reference"), id && [code(shortReference(id), id), copyButton(t("problem.copy"), id)]];

/** @type {Problems["problemTitle"]} */
export const problemTitle = (problem) => t(keyOf(problem, "title"));

/** @type {Problems["problemTitle"]} */
export function problemText(problem) {
  const { retryAt, time } = problem;
  const today = retryAt?.getDate() === time.getDate();
  return t(keyOf(problem, "text")) + (retryAt ? ` ${t(`problem.retry${today ? "At" : "On"}`, { time: (today ? formatTime : formatDate)(retryAt) })}` : "");
}

/** All but the heading. @type {Problems["problemBody"]} */
export function problemBody(app, problem) {
  const causes = [1, 2, 3].map((number) => keyOf(problem, `cause${number}`)).filter(has);
  const { help } = app.session.ui;
  return [
    h("p", { class: "lead" }, problemText(problem)),
    causes[0] && [h("p", null, t("problem.causes")), h("ul", { class: "causes" }, causes.map((cause) => h("li", null, t(cause))))],
    factList([
      [t("problem.detail"), plain(problem.detail), true], reference(problem.id), [t("problem.time"), formatTime(problem.time)],
      [t("app.help"), help && linked(help, t("app.help")), true],
    ]),
  ];
}

/** @type {Problems["view"]} */
export const view = (app, root, { problem, back }) => {
  root.append(
    app.heading(problemTitle(problem), t("problem.prefix")),
    h("div", { class: "panel problem" }, problemBody(app, problem)),
    buttons(
      problem.code === "not_authenticated" ? renew(problem)
        : [button(t(`problem.${back ? "back" : "again"}`), "primary", back ?? (() => app.reload())), app.searchButton()]));
  return () => {};
};
