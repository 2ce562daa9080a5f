// @ts-check
/** @import {Child, State} from "../types.js" */
/** @import {Explained, Why} from "./types.js" */
// Why the rules decide as they do: a person and a device in, every rule with its reasons out. Nothing is disclosed.

import { failure, here } from "./ready.js";
import { button, call, h, name, plain, say, t } from "../app.js";
import { badge, buttons, code, quiet, words } from "../parts.js";

/** What a field of the form is in the inquiry. @type {Why["fields"]} */
const FIELDS = [
  ["username", "person", "text"], ["oid", "person", "text"], ["groups", "person", "list"], ["roles", "person", "list"], ["claims", "person", "json"],
  ["tenant", "device", "text"], ["deviceId", "device", "text"], ["name", "device", "text"], ["deviceGroups", "device", "list"], ["units", "device", "list"],
  ["os", "device", "text"], ["join", "device", "text"], ["enabled", "device", "yesNo"], ["compliant", "device", "yesNo"], ["owner", "device", "yesNo"],
  ["address", "", "text"], ["time", "", "time"],
];

const GUID = "\\s*[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\\s*";

/** Lists are written with commas or line by line. @param {string} kind @param {string} value */
function read(kind, value) {
  switch (kind) {
    case "list": return value.split(/[,\n]/).map((one) => one.trim()).filter(Boolean);
    case "json": return JSON.parse(value);
    case "yesNo": return value === "yes";
    case "time": return new Date(value).toISOString();
    default: return value;
  }
}

/** The inquiry that an address asks for. @param {URLSearchParams} given */
export function inquiry(given) {
  /** @type {Record<string, any>} */
  const asked = { device: {} };
  for (const [field, part, kind] of FIELDS) {
    const value = (given.get(field) ?? "").trim();
    if (!value) continue;
    const place = part ? (asked[part] ??= {}) : asked;
    place[field === "deviceGroups" ? "groups" : field] = read(kind, value);
  }
  return asked;
}

/** @type {Why["control"]} */
function control(app, field, kind, value) {
  const id = `w-${field}`;
  const choices = kind === "yesNo" ? [["", t("why.notSaid")], ["yes", t("fact.yes")], ["no", t("fact.no")]]
    : field === "tenant" && app.severalTenants ? app.session.tenants.map((tenant) => [tenant.name, tenant.name])
      : field === "join" ? [["", t("why.notSaid")], ["AzureAd", t("join.entra")], ["ServerAd", t("join.hybrid")], ["Workplace", t("join.registered")]] : null;
  if (choices) {
    const select = h("select", { id }, choices.map(([word, label]) => h("option", { value: word }, plain(label))));
    select.value = choices.some(([word]) => word === value) ? value : String(choices[0][0]);
    return select;
  }
  const input = kind === "list" || kind === "json" ? h("textarea", { id, rows: 1, spellcheck: "false" })
    : h("input", { id, type: kind === "time" ? "datetime-local" : "text", autocomplete: "off", spellcheck: "false", maxlength: 1024, ...(field === "deviceId" && { pattern: GUID, title: "01234567-89ab-cdef-0123-456789abcdef" }) });
  input.value = value;
  return input;
}

/** @type {Why["form"]} */
function form(app, given, ask) {
  const error = h("p", { class: "error", id: "w-error", role: "alert" });
  const fields = FIELDS.filter(([field]) => field !== "tenant" || app.severalTenants)
    .map(([field, part, kind]) => ({ field, part, element: control(app, field, kind, given.get(field) ?? "") }));
  /** @param {string} part @param {string} title @param {Child} hint */
  const group = (part, title, hint) => h("fieldset", { class: "panel" }, h("legend", null, title), hint && quiet(hint),
    h("div", { class: "filters" }, fields.filter((one) => one.part === part).map(({ field, element }) =>
      h("div", { class: "field" }, h("label", { for: element.id }, t(`why.${field}`)), element))));
  return h("form", {
    class: "stack", "aria-label": t("why.form"),
    onsubmit: (event) => {
      event.preventDefault();
      const address = new URLSearchParams({ view: "why" });
      for (const { field, element } of fields) if (element.value.trim()) address.set(field, element.value.trim());
      try {
        inquiry(address);
      } catch {
        error.textContent = t("why.notRead");
        return;
      }
      error.textContent = "";
      ask(address);
    },
  }, group("person", t("why.person"), t("why.personHint")), group("device", t("why.device"), t("why.deviceHint")), group("", t("why.circumstances"), ""),
  error, buttons(h("button", { class: "primary" }, t("why.ask")), button(t("audit.clear"), "", () => app.go("?view=why"))));
}

/** @type {Why["decision"]} */
const decision = (permission, { decision: word, rule }) => h("div", { class: `verdict ${word === "allow" ? "good" : "bad"}` },
  h("p", { class: "lead" }, h("strong", null, t(`event.${permission}`), ": ", t(`why.${word}`))),
  h("p", null, rule ? [t(word === "allow" ? "why.by" : "why.denier"), " ", name(rule)] : t("why.noRule")));

/** Clause by clause. A value in one may hold a semicolon too, so one ends only where another begins. @param {string} why */
export const clauses = (why) => why.split(/;\s+(?=AMLaps[A-Z]|no AMLaps|none of the \d|the rule\b)/);

/** What is configured, what it comes to, and, quietly, where it stands. @param {string} text @returns {Child} */
function clause(text) {
  const [, said, place, outcome] = /^(.*?) at (\S+:\d+)(?=[: ])(.*)$/.exec(text) ?? [];
  if (!place) return plain(text);
  return [said.startsWith("AMLaps") ? code(said) : plain(said), plain(outcome), " ", h("span", { class: "quiet" }, plain(place))];
}

/** @type {Why["ruleRow"]} */
const ruleRow = ({ rule, matched, allows, denies, why }, index) => h("li", { class: matched === false ? "unmatched" : "" },
  h("h3", null, h("span", { class: "quiet" }, `${index + 1}.`), " ", name(rule),
    badge(t(matched === null ? "why.unclear" : matched ? "why.matches" : "why.matchesNot"), matched === null ? "warn" : "calm")),
  [["why.gives", allows], ["why.takes", denies]].map(([key, permissions]) => permissions.length > 0
    && h("p", null, t(String(key)), " ", /** @type {string[]} */ (permissions).map((one) => t(`event.${one}`)).join(", "))),
  h("ul", { class: "reasons" }, clauses(why).map((one) => h("li", null, clause(one)))));

/** @param {Explained} found */
const answer = ({ permissions, rules }) => [
  h("h2", { tabindex: -1 }, t("why.answer")),
  h("div", { class: "decisions" }, decision("password", permissions.password), decision("history", permissions.history)),
  h("h2", null, t("why.rules")),
  rules.length > 0 ? h("ol", { class: "rules" }, rules.map(ruleRow)) : h("p", null, t("why.none")),
];

/** @type {State<URLSearchParams>} */
export const view = (app, root, given) => {
  let request = new AbortController();
  const away = here("why");
  const result = h("div", { class: "stack" });
  /** @param {URLSearchParams} address */
  const ask = async (address) => {
    // An answer to the question before would stand below this one.
    request.abort();
    const { signal } = request = new AbortController();
    result.replaceChildren(quiet(t("more.loading")));
    try {
      const found = await call("explain", { method: "POST", body: JSON.stringify(inquiry(address)), signal });
      result.replaceChildren(h("div", { class: "stack" }, answer(found)));
      say(["password", "history"].map((one) => words(t(`event.${one}`), t(`why.${found.permissions[one].decision}`))).join(". "));
      result.querySelector("h2")?.focus();
    } catch (problem) {
      if (signal.aborted) return;
      result.replaceChildren(failure(app, problem));
    }
  };
  root.append(app.heading(t("why.title")), h("p", null, t("why.text")), form(app, given, (address) => {
    history.replaceState(null, "", `?${address}`);
    void ask(address);
  }), result);
  // An address with a device in it is a question; asking it is recorded, so it takes a press all the same.
  return () => {
    request.abort();
    away();
  };
};
