// @ts-check
/** @import {Find, Found} from "./types.js" */
// What the Find view does. No combobox but real buttons.

import { findDevices } from "./api.js";
import { h, keep, name, plain, Problem, rich, say, t, WAIT } from "./app.js";
import { badge, joinText, quiet, staleBadge, time, words } from "./parts.js";
import { problemBody, problemText, problemTitle } from "./problem.js";

const DEBOUNCE = 250;
const STATUS_AFTER = 1400;

/** Going back costs no request. @type {{query: string, found: Found} | undefined} */
let last;

/** @type {Find["byName"]} */
export function byName(devices, query) {
  const sets = new Map([[query.toLowerCase(), /** @type {typeof devices} */ ([])]]);
  for (const device of devices) {
    const key = device.name.toLowerCase();
    sets.set(key, [...(sets.get(key) ?? []), device]);
  }
  return [...sets.values()].filter((set) => set[0]);
}

/** @type {Find["newest"]} */
export const newest = ([first, second]) => (first?.lastSeen && first.lastSeen !== second?.lastSeen ? first : undefined);

/** @type {Find["marked"]} */
function marked(text, query) {
  const shown = plain(text);
  const at = shown.toLowerCase().indexOf(query.toLowerCase());
  const end = at + query.length;
  return h("bdi", { class: "name" }, at < 0 ? shown : [shown.slice(0, at), h("mark", null, shown.slice(at, end)), shown.slice(end)]);
}

/** @type {Find["row"]} */
function row(app, device, query, same, isNewest) {
  const facts = [words(device.os, device.osVersion), joinText(device.join), words(device.manufacturer, device.model), app.severalTenants && plain(device.tenant),
    same && t("find.id", { id: device.deviceId.slice(-8) })];
  return h("li", null, h("button", { type: "button", class: "row", onclick: () => app.openDevice(device) },
    h("span", null, marked(device.name, query),
      isNewest && badge(t("mark.newest")),
      device.enabled === false && badge(t("mark.disabled"), "warn"),
      staleBadge(device),
      !device.actions.includes("password") && badge(t("mark.noPassword"))),
    h("span", { class: "seen quiet" }, device.lastSeen ? [t("find.seen"), " ", time(device.lastSeen)] : t("find.notSeen")),
    h("span", { class: "more quiet" }, facts.filter(Boolean).join(" · "))));
}

/** @type {Find["sameName"]} */
function sameName(app, set, query, index) {
  if (set.length === 1) return set.map((device) => row(app, device, query));
  const id = `same-${index}`;
  const best = newest(set);
  return h("li", { class: "same" },
    h("p", { id }, rich("find.same", { count: set.length, name: name(set[0]?.name ?? "") })),
    h("ul", { "aria-labelledby": id }, set.map((device) => row(app, device, query, true, device === best))));
}

/** @type {Find["resultList"]} */
function resultList(app, { devices, gaps = [], more }, query) {
  return h("div", { class: "found" },
    gaps.map(({ tenant, code }) => h("p", { class: "panel problem" }, t("find.gap", { tenant: plain(tenant), problem: problemTitle(new Problem(code)) }))),
    devices[0] ? [
      quiet(t("find.count", { count: devices.length }), more && [" ", t("find.more")]),
      h("ul", { class: "results", "aria-label": t("find.results") }, byName(devices, query).map((set, index) => sameName(app, set, query, index)))]
      : h("div", { class: "panel" },
        h("p", { class: "lead" }, rich("find.none", { query: name(query) })),
        h("ul", { class: "causes" }, [1, 2, 3].map((cause) => h("li", null, t(`find.none${cause}`))))));
}

/** @type {Find["searcher"]} */
export function searcher(app, field, results) {
  let request = new AbortController();
  let debounce = 0;
  let waiting = 0;
  let status = 0;

  /** @param {string} text */
  const announce = (text) => { status = setTimeout(say, STATUS_AFTER, text); };

  const stop = () => {
    request.abort();
    [debounce, waiting, status].forEach(clearTimeout);
    results.ariaBusy = "false";
  };

  /** @param {Found} found @param {string} query */
  const show = (found, query) => {
    results.replaceChildren(resultList(app, found, query));
    announce([".found > .quiet, .lead", ".problem"].flatMap((part) => [...results.querySelectorAll(part)].map(({ textContent }) => textContent)).join(" "));
  };

  /** @param {boolean} [asked]  by Enter or the button, not by typing */
  const search = async (asked) => {
    stop();
    const query = field.value.trim();
    keep(query);
    if ([...query].length < 2) {
      results.replaceChildren(asked ? quiet(t("find.short")) : "");
      if (asked) announce(t("find.short"));
      return;
    }
    const { signal } = request = new AbortController();
    results.ariaBusy = "true";
    waiting = setTimeout(() => results.replaceChildren(quiet(t("find.searching"))), WAIT);
    try {
      last = { query, found: await findDevices(query, signal) };
      stop();
      show(last.found, query);
      import("./device.js").catch(() => {});
    } catch (error) {
      if (signal.aborted) return;
      stop();
      if (!(error instanceof Problem) || error.code === "not_authenticated") return app.fail(error);
      results.replaceChildren(h("div", { class: "panel problem" }, h("h2", null, problemTitle(error)), problemBody(app, error)));
      announce(problemText(error));
    }
  };

  return {
    stop,
    typed() {
      stop();
      debounce = setTimeout(search, DEBOUNCE);
    },
    asked: () => search(true),
    again: () => (last?.query === field.value ? show(last.found, last.query) : search(true)),
    move: (event) => move(event, field, results),
  };
}

/** Escape in the field empties it. @type {Find["move"]} */
function move(event, field, results) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  const stops = [field, .../** @type {NodeListOf<HTMLElement>} */ (results.querySelectorAll(".row"))];
  const at = stops.findIndex((stop) => stop === document.activeElement);
  const to = /** @type {Record<string, number>} */ ({ ArrowDown: at + 1, ArrowUp: at - 1, Home: at && 1, End: at && stops.length - 1, Escape: 0 })[event.key] ?? at;
  if (event.key === "Escape" && at === 0 && field.value) {
    field.value = "";
    field.dispatchEvent(new Event("input"));
  } else if (at < 0 || at === to || !stops[to]) return;
  event.preventDefault();
  stops[to]?.focus();
}
