// @ts-check
/** @import {ActionName, Child, Device, DeviceKey, Disclosure, Listed, Session, State} from "./types.d.ts" */
// The four states and the way between them. A password has no URL of its own: going back leaves it behind.

import { getSession, Problem } from "./api.js";
import * as clipboard from "./clipboard.js";
import { deviceView } from "./device.js";
import { append, byId, h } from "./dom.js";
import { fetchCatalogue, load, t } from "./i18n.js";
import { linked, plain } from "./parts.js";
import { problemView } from "./problem.js";
import { revealView } from "./reveal.js";
import { searchView } from "./search.js";

const main = byId("main");
const status = byId("status");

const focusField = () => document.getElementById("q")?.focus();
let leave = () => {};
/** @type {string[]} */
let toSay = [];

export class App {
  /** The reason, while one stays with the device. @type {{key: string, reason: string} | null} */
  draft = null;

  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.name = session.ui.title || t("app.title");
    this.severalTenants = session.tenants.length > 1;
  }

  /** @param {string} text @param {string} [prefix] */
  title(text, prefix = "") {
    document.title = `${prefix}${text} – ${this.name}`;
  }

  /** Of a state; takes the focus and gives the document its title. @param {Child} content @param {string} [prefix] */
  heading(content, prefix) {
    const heading = h("h1", { tabindex: -1 }, content);
    this.title(heading.textContent ?? "", prefix);
    // Once the state has put it into the page.
    queueMicrotask(() => heading.focus());
    return heading;
  }

  /** To those who hear the page. What is said at once is said together. @param {string} text  never a password */
  say(text) {
    if (toSay.push(text) > 1) return;
    status.textContent = "";
    setTimeout(() => {
      status.textContent = toSay.join(" ");
      toSay = [];
    }, 100);
  }

  /** @template V @param {State<V>} state @param {V} view */
  show(state, view) {
    leave();
    const root = h("div", { class: "stack" });
    main.replaceChildren(root);
    leave = state(this, root, view);
    window.scrollTo(0, 0);
  }

  /** @param {Listed} device */
  openDevice(device) {
    this.draft = null;
    history.pushState(null, "", `?device=${encodeURIComponent(device.tenant)}/${encodeURIComponent(device.deviceId)}`);
    this.backTo(device);
  }

  /** @param {Listed | Device} device */
  backTo(device) {
    this.show(deviceView, { tenant: device.tenant, deviceId: device.deviceId, known: device });
  }

  /** @param {{device: Device, action: ActionName, disclosure: Disclosure}} view */
  reveal(view) {
    this.show(revealView, view);
  }

  /** @param {unknown} problem @param {() => void} [back] */
  fail(problem, back) {
    if (!(problem instanceof Problem)) throw problem;
    this.show(problemView, { problem, back });
  }

  /** Call inside a gesture: it clears the clipboard. The field takes the focus, because it is what was asked for. */
  newSearch() {
    clipboard.clear();
    this.draft = null;
    history.pushState(null, "", location.pathname);
    this.show(searchView, { query: "" });
    queueMicrotask(focusField);
  }

  searchButton() {
    return h("button", { type: "button", onclick: () => this.newSearch() }, t("search.new"));
  }

  /** @param {string} query */
  replaceQuery(query) {
    history.replaceState(null, "", query ? `?q=${encodeURIComponent(query)}` : location.pathname);
  }

  /** Shows the state that the URL names. */
  reload() {
    const target = parseUrl(location.search, this.session.tenants.map((tenant) => tenant.name));
    if ("deviceId" in target) this.show(deviceView, target);
    else this.show(searchView, target);
  }
}

/** A device by tenant and id, or a search; also for `device=NAME`, because several can have it. @param {string} search @param {string[]} tenants @returns {DeviceKey | {query: string}} */
function parseUrl(search, tenants) {
  const given = new URLSearchParams(search);
  const device = given.get("device") ?? "";
  const [, tenant, deviceId] = /^(?:([^/]+)\/)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i.exec(device) ?? [];
  const where = tenant ?? (tenants.length === 1 ? tenants[0] : undefined);
  return deviceId && where ? { tenant: where, deviceId } : { query: (device || given.get("q") || "").trim() };
}

/** What stands around every state. @param {App} app */
function frame(app) {
  const { user, version, ui: { logo, notice, help } } = app.session;
  // The policy of the page lets pictures come from its own server only.
  const own = logo && new URL(logo, document.baseURI).origin === location.origin;
  /** @param {MouseEvent} event */
  const home = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    app.newSearch();
  };
  append(byId("top"), [
    h("a", { class: "home", href: location.pathname, onclick: home }, h("img", { src: own ? logo : "favicon.svg", alt: "" }), app.name),
    h("span", { class: "quiet", title: user.username && plain(user.username) }, h("bdi", null, plain(user.name || user.username || ""))),
  ]);
  if (notice) main.before(h("aside", { class: "notice", "aria-label": t("app.notice") }, h("p", null, linked(notice, t("app.noticeLink")))));
  append(byId("foot"), [help && h("span", null, linked(help, t("app.help"))), h("span", null, t("app.version", { version }))]);
}

async function start() {
  const english = fetchCatalogue("en");
  const answer = await getSession().catch((problem) => problem);
  const failed = answer instanceof Error;
  /** @type {Session} */
  const session = failed ? { user: { id: "", name: null, username: null }, roles: [], tenants: [], ui: {}, version: "" } : answer;
  await load([session.ui.language ?? "", ...navigator.languages], english);
  const app = new App(session);
  clipboard.attach(byId("clipboard"), (text) => app.say(text));
  if (failed) {
    app.reload = () => location.reload();
    app.fail(answer);
    return;
  }
  frame(app);
  app.reload();
  queueMicrotask(focusField);
  window.addEventListener("popstate", () => app.reload());
  // The browser may keep the whole page to show it again: without a password.
  window.addEventListener("pagehide", () => leave());
  window.addEventListener("pageshow", (event) => { if (event.persisted) app.reload(); });
}

start().catch((error) => {
  // The sentence stands in index.html, because there may be no texts.
  document.getElementById("broken")?.removeAttribute("hidden");
  throw error;
});
