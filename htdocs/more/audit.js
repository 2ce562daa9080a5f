// @ts-check
/** @import {App} from "../app.js" */
/** @import {Child, State} from "../types.js" */
/** @import {AuditRecord, FactRows, Happening} from "./types.js" */
// The audit for auditors: what happened, newest first, with filters; whether the chain holds; the export.

import { failure, here } from "./ready.js";
import { button, call, formatDate, h, has, name, plain, say, t } from "../app.js";
import { badge, buttons, code, copyButton, factList, quiet, time } from "../parts.js";
import { charts } from "./charts.js";

const FILTERS = /** @type {const} */ (["actor", "device", "event", "outcome", "since", "until"]);
const EVENTS = ["password", "history", "search", "audit", "explain", "start"];
const OUTCOMES = ["granted", "denied", "failed", "pending"];

/** A word of the record in the reader's language, or as it stands. @param {string} kind @param {string | undefined} word */
const said = (kind, word) => (word && has(`${kind}.${word}`) ? t(`${kind}.${word}`) : plain(word ?? ""));

/** What the address asks for, as the API takes it. @param {URLSearchParams} given */
function query(given) {
  const asked = new URLSearchParams();
  for (const filter of FILTERS) {
    const value = (given.get(filter) ?? "").trim();
    if (value) asked.set(filter, /^(since|until)$/.test(filter) && /^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(value) ? new Date(value).toISOString() : value);
  }
  return asked;
}

/** Intent and outcome of one request are one happening, by the newest of them. @param {AuditRecord[]} records @returns {Happening[]} */
export function happenings(records) {
  /** @type {Map<string, Happening>} */
  const byId = new Map();
  for (const record of records) {
    const known = record.id ? byId.get(record.id) : undefined;
    if (known && record.stage === "intent") known.intent = record;
    else byId.set(record.id ?? `seq ${record.seq}`, { record });
  }
  return [...byId.values()];
}

/** @param {AuditRecord["actor"]} actor */
const who = (actor) => actor?.name || actor?.username || actor?.oid || actor?.subject || "";

/** @param {AuditRecord} record */
const what = (record) => record.device?.name || record.device?.deviceId || record.search || "";

/** @param {string} label @param {string | undefined} id @returns {[string, Child]} */
const idFact = (label, id) => [label, id && [code(id), copyButton(t("audit.copy"), id)]];

/** Who asked for what. @param {AuditRecord} record @returns {FactRows} */
const questionFacts = ({ actor, address, device, rule, reason, search }) => [
  [t("audit.person"), actor && [name(who(actor)), actor.username && actor.name ? [" ", h("span", { class: "quiet" }, plain(actor.username))] : null]],
  [t("audit.address"), address && code(address)],
  [t("fact.tenant"), device?.tenant && plain(device.tenant)],
  idFact(t("fact.id"), device?.deviceId),
  [t("audit.rule"), rule && name(rule)],
  [t("audit.reason"), reason && name(reason), true],
  [t("audit.search"), search && name(search)],
];

/** What became of it, and where it stands. @param {Happening} happening @returns {FactRows} */
function answerFacts({ record, intent }) {
  const { graph, credential } = record;
  return [
    [t("audit.code"), record.code && code(record.code)],
    [t("audit.account"), credential?.account && [code(credential.account), credential.backedUp ? [" ", time(credential.backedUp)] : null]],
    [t("audit.graph"), graph && t("audit.graphAnswer", { status: graph.status ?? 0, count: graph.attempts })],
    idFact(t("audit.requestId"), graph?.requestId),
    [t("audit.id"), record.id && [code(record.id), copyButton(t("audit.copy"), record.id), quiet(t("audit.idHint"))], true],
    [t("audit.began"), intent && time(intent.time)],
    [t("audit.place"), [intent && `${intent.seq}, `, record.seq]],
    [t("audit.hash"), record.hash && code(record.hash), true],
  ];
}

/** @param {Happening} happening */
const details = (happening) => h("div", { class: "details" }, factList([...questionFacts(happening.record), ...answerFacts(happening)]));

/** @param {Happening} happening */
function row(happening) {
  const { record } = happening;
  const inside = h("div");
  const tone = record.outcome === "granted" || record.outcome === "pending" ? "calm" : "warn";
  const entry = h("details", { class: "record", ontoggle: () => { if (entry.open && !inside.firstChild) inside.append(details(happening)); } },
    h("summary", null,
      h("span", { class: "when" }, record.time ? h("time", { datetime: record.time, title: record.time }, formatDate(new Date(record.time), { dateStyle: "short", timeStyle: "medium" })) : t("audit.broken", { seq: record.seq })),
      h("span", { class: "event" }, said("event", record.event), badge(said("outcome", record.outcome), tone)),
      h("span", { class: "about" }, name(who(record.actor)), what(record) && [" \u2192 ", name(what(record))])),
    inside);
  return h("li", null, entry);
}

/** @param {string} filter @param {string[]} words @param {string} kind @param {string} value */
function choice(filter, words, kind, value) {
  const select = h("select", { id: `f-${filter}` }, h("option", { value: "" }, t("audit.any")), words.map((word) => h("option", { value: word }, said(kind, word))));
  select.value = words.includes(value) ? value : "";
  return select;
}

/** @param {App} app @param {URLSearchParams} given */
function filterForm(app, given) {
  /** @param {string} filter @returns {HTMLInputElement | HTMLSelectElement} */
  const field = (filter) => {
    const value = given.get(filter) ?? "";
    if (filter === "event") return choice(filter, EVENTS, "event", value);
    if (filter === "outcome") return choice(filter, OUTCOMES, "outcome", value);
    const input = h("input", { id: `f-${filter}`, type: /^(since|until)$/.test(filter) ? "datetime-local" : "text", maxlength: 256, autocomplete: "off", spellcheck: "false" });
    input.value = value;
    return input;
  };
  const fields = FILTERS.map((filter) => /** @type {const} */ ([filter, field(filter)]));
  return h("form", {
    class: "filters", "aria-label": t("audit.filters"),
    onsubmit: (event) => {
      event.preventDefault();
      const address = new URLSearchParams({ view: "audit" });
      for (const [filter, { value }] of fields) if (value.trim()) address.set(filter, value.trim());
      void app.go(`?${address}`);
    },
  }, fields.map(([filter, element]) => h("div", { class: "field" }, h("label", { for: `f-${filter}` }, t(`audit.${filter}`)), element)),
  buttons(h("button", { class: "primary" }, t("audit.apply")), button(t("audit.clear"), "", () => app.go("?view=audit"))));
}

/** Asks part by part until nothing is left. @param {App} app @param {AbortSignal} signal */
function verification(app, signal) {
  const result = h("div", { class: "result" });
  /** @type {AbortController | undefined} */
  let asking;
  const start = button(t("verify.button"), "", async () => {
    if (asking) return asking.abort();
    const mine = asking = new AbortController();
    const both = AbortSignal.any([signal, mine.signal]);
    start.textContent = t("verify.cancel");
    /** @type {string | null} */
    let cursor = "";
    try {
      do {
        const found = await call(`audit/verify${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""}`, { signal: both });
        cursor = found.cursor;
        if (cursor) result.replaceChildren(h("p", null, t("verify.going", { count: found.records })));
        else result.replaceChildren(verdict(found));
      } while (cursor);
    } catch (error) {
      if (!signal.aborted) result.replaceChildren(mine.signal.aborted ? quiet(t("verify.cancelled")) : failure(app, error));
    } finally {
      asking = undefined;
      start.textContent = t("verify.button");
    }
  });
  return h("section", { class: "panel", "aria-labelledby": "verify-title" },
    h("h2", { id: "verify-title" }, t("verify.title")), h("p", null, t("verify.text")), buttons(start), result);
}

/** @param {{ok: boolean, records: number, last: number, head: string, problems: {seq: number, problem: string}[]}} found */
function verdict({ ok, records, last, head, problems }) {
  const text = ok ? t("verify.good", { count: records }) : t("verify.bad", { seq: problems[0]?.seq ?? last + 1 });
  say(text);
  return h("div", { class: ok ? "verdict good" : "verdict bad" }, h("p", { class: "lead" }, h("strong", null, text)),
    problems.map(({ problem }) => h("p", null, plain(problem))), !ok && h("p", null, t("verify.todo")),
    factList([[t("verify.head"), code(head), true]]));
}

/** @param {URLSearchParams} asked */
const exportLinks = (asked) => buttons(["csv", "jsonl"].map((format) => {
  const address = new URLSearchParams(asked);
  address.set("format", format);
  return h("a", { class: "button", href: `api/v1/audit/export?${address}`, download: true }, t(`audit.${format}`));
}));

/** @type {State<URLSearchParams>} */
export const view = (app, root, given) => {
  const leaving = new AbortController();
  const away = here("audit");
  const asked = query(given);
  /** @type {AuditRecord[]} */
  let records = [];
  /** @type {string | null} */
  let cursor = null;
  const list = h("ul", { class: "records", "aria-label": t("audit.records") });
  const foot = h("div", { class: "stack", "aria-busy": "true" }, quiet(t("more.loading")));
  const pictures = h("div", { class: "pictures" });
  const more = async () => {
    foot.setAttribute("aria-busy", "true");
    const address = new URLSearchParams(asked);
    if (cursor) address.set("cursor", cursor);
    try {
      const page = await call(`audit?${address}`, { signal: leaving.signal });
      records = [...records, ...page.records];
      cursor = page.cursor;
      const found = happenings(records);
      list.replaceChildren(...found.map(row));
      pictures.replaceChildren(...charts(found.map(({ record }) => record)));
      const text = found.length > 0 ? t("audit.found", { count: found.length }) : t(cursor ? "audit.noneYet" : "audit.none");
      foot.replaceChildren(quiet(text, " ", !cursor && found.length > 0 && t("audit.end")),
        cursor ? buttons(button(t("audit.older"), "", more)) : "");
      say(text);
    } catch (error) {
      if (!leaving.signal.aborted) foot.replaceChildren(failure(app, error), buttons(button(t("problem.again"), "primary", more)));
    } finally {
      foot.removeAttribute("aria-busy");
    }
  };
  root.append(app.heading(t("audit.title")), h("p", null, t("audit.text")), filterForm(app, given), pictures, list, foot,
    h("section", { class: "panel", "aria-labelledby": "export-title" }, h("h2", { id: "export-title" }, t("audit.export")), h("p", null, t("audit.exportText")), exportLinks(asked)),
    verification(app, leaving.signal));
  void more();
  return () => {
    leaving.abort();
    away();
  };
};
