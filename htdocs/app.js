// @ts-check
/** @import {Api, Catalogue, Child, Device, Face, Find, Listed, Problems, Session, State} from "./types.js" */
// What every view stands on, and the form of Find: the first view takes three requests, page, style and this.

// ---- Elements. Nothing parses markup, whatever a name holds.

/** Functions become listeners (`onclick`), `true` an empty attribute; false and nothing are left out. @type {Face["h"]} */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if ((value ?? false) !== false) element.setAttribute(name, value === true ? "" : `${value}`);
  }
  append(element, children);
  return element;
}

/** @type {Face["append"]} */
export function append(parent, children) {
  parent.append(.../** @type {any[]} */ (children).flat(Infinity).filter((child) => child || child === 0));
}

/** `clears`: the clipboard too. @type {Face["button"]} */
export const button = (label, style, press, clears) => h("button", { type: "button", class: style, "data-clear": clears, onclick: press }, label);

/** @param {string} id */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no #${id}`);
  return element;
}

/** A text from outside; what could turn or hide its surroundings becomes U+FFFD. @param {string} text */
export const plain = (text) => text.replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]/gu, "\ufffd");

/** Isolated from the direction around it. @param {string} text */
export const name = (text) => h("bdi", null, plain(text));

// ---- Texts. One flat catalogue per language, plural forms by suffixes as i18next's (`_one`).

/** @type {Catalogue} */
let texts = {};
let locale = "en";

/** `wanted` by the browser: a reader of English in Britain wants British dates. @type {Face["use"]} */
export function use(catalogue, wanted = []) {
  texts = catalogue;
  locale = wanted.find((tag) => tag.split("-")[0] === language()) ?? language();
}

/** Of the texts; names files below i18n/. @returns {string} */
export const language = () => texts["@meta"].lang;

/** @param {Catalogue} more */
export const addTexts = (more) => Object.assign(texts, more);

/** @param {string} key */
export const has = (key) => typeof texts[key] === "string";

/** A text with `{{placeholders}}` filled, in pieces; `count` chooses the form. @type {Face["rich"]} */
export function rich(key, slots) {
  const { count } = slots;
  const form = typeof count === "number" ? `_${new Intl.PluralRules(locale).select(count)}` : "";
  return String(texts[key + form] ?? texts[`${key}_other`] ?? key).split(/\{\{(\w+)\}\}/).map((part, index) => {
    if (index % 2 === 0) return part;
    const value = slots[part] ?? "";
    return typeof value === "number" ? new Intl.NumberFormat(locale).format(value) : value;
  });
}

/** @type {Face["t"]} */
export const t = (key, values = {}) => rich(key, values).join("");

/** @type {Face["formatDate"]} */
export const formatDate = (date, how = { dateStyle: "medium", timeStyle: "short" }) => new Intl.DateTimeFormat(locale, how).format(date);

/** @param {Date} date */
export const formatTime = (date) => formatDate(date, { timeStyle: "medium" });

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["year", 31_557_600], ["month", 2_629_800], ["day", 86_400], ["hour", 3600], ["minute", 60]];

/** In the largest unit that fits. @type {Face["formatRelative"]} */
export function formatRelative(date, now) {
  const seconds = (+date - +now) / 1000;
  const [unit, length] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["minute", 60];
  const count = Math.trunc(seconds / length);
  // Not "yesterday": that is told by the calendar.
  return new Intl.RelativeTimeFormat(locale, { numeric: count ? "always" : "auto" }).format(count, unit);
}

// ---- From view to view. A password has no URL of its own: going back leaves it behind.

/** Milliseconds; then a wait is told in words. */
export const WAIT = 400;

/** Who may open `?view=NAME`. @type {Record<string, string>} */
const ROLES = { audit: "auditor", why: "operator", status: "operator" };

/** `code` is the contract's, or `offline`, `sent`, `unknown`, `lost` or `unusable`. */
export class Problem extends Error {
  time = new Date();
  detail = "";
  id = "";
  /** @type {Date | null} */
  retryAt = null;

  /** @param {string} code @param {Partial<Problem>} [more] */
  constructor(code, more) {
    super(code);
    Object.assign(this, more);
    this.code = code;
  }
}

// ---- The HTTP API. Every failure, also of what lies between, becomes a Problem.

/** @type {Api["retryTime"]} */
export function retryTime(value, now) {
  if (!value) return null;
  const time = new Date(/^\d+$/.test(value) ? +value * 1000 + now : value);
  return +time ? time : null;
}

/** @type {Api["toProblem"]} */
export function toProblem(status, body, retryAfter) {
  /** @param {string} key */
  const text = (key) => (typeof body?.[key] === "string" ? body[key] : "");
  return new Problem(text("code") || (status === 401 ? "not_authenticated" : "unknown"),
    { detail: text("detail"), id: text("id"), retryAt: retryTime(retryAfter, Date.now()) });
}

/** `path` below api/v1/. @type {Api["call"]} */
export async function call(path, init = {}) {
  let answer;
  let body;
  try {
    answer = await fetch(`api/v1/${path}`, {
      ...init,
      cache: "no-store",
      redirect: "error",
      headers: { Accept: "application/json", "X-AMLaps-Request": "1", ...(init.body && { "Content-Type": "application/json" }) },
    });
    body = await answer.json();
  } catch (error) {
    if (init.signal?.aborted) throw error;
    // An answer that is not JSON is somebody else's.
    if (!answer || !(error instanceof SyntaxError)) throw new Problem("offline");
  }
  if (answer.ok && body) return body;
  throw toProblem(answer.status, body, answer.headers.get("Retry-After"));
}

/** Of the text. @type {Problems["keyOf"]} */
export const keyOf = ({ code }, part) => `problem.${has(`problem.${code}.title`) ? code : "unknown"}.${part}`;

let leave = () => {};
let turn = 0;
/** @type {string[]} */
let toSay = [];

/** To those who hear the page. What is said at once is said together. @param {string} text  never a password */
export function say(text) {
  if (toSay.push(text) > 1) return;
  byId("status").textContent = "";
  setTimeout(() => {
    byId("status").textContent = toSay.join(" ");
    toSay = [];
  }, 100);
}

export class App {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.name = session.ui.title || t("app.title");
    this.severalTenants = session.tenants.length > 1;
    this.main = byId("main");
  }

  /** @param {string} text @param {string} [prefix] */
  title(text, prefix = "") {
    document.title = `${prefix}${text} – ${this.name}`;
  }

  /** Takes the focus and titles the document. @param {Child} content @param {string} [prefix] */
  heading(content, prefix) {
    const heading = h("h1", { tabindex: -1 }, content);
    this.title(heading.textContent ?? "", prefix);
    // Once in the page.
    queueMicrotask(() => heading.focus());
    return heading;
  }

  /** Nothing of the view before stays. @param {string} view @param {any} data */
  async show(view, data) {
    leave();
    leave = () => {};
    const mine = ++turn;
    try {
      const loaded = view === "find" ? { view: findView } : await import(`./${ROLES[view] ? "more/" : ""}${view}.js`);
      if (mine !== turn) return;
      const root = h("div", { class: "stack" });
      this.main.replaceChildren(root);
      leave = loaded.view(this, root, data);
      if (view !== "find") showIcon();
      scrollTo(0, 0);
    } catch (error) {
      if (mine === turn) await this.lost();
      throw error;
    }
  }

  /** A part did not come. It lies behind the sign-in, so ask why. @param {() => void} [then] */
  async lost(then) {
    const mine = ++turn;
    const problem = await call("session").then(() => new Problem("lost"), (error) => error);
    if (mine !== turn) return;
    then?.();
    leave();
    this.reload = async () => location.reload();
    this.main.replaceChildren(h("div", { class: "stack" },
      this.heading(t(keyOf(problem, "title")), t("problem.prefix")), h("p", { class: "panel problem" }, t(keyOf(problem, "text"))), h("p", null, renew(problem))));
  }

  /** @param {Listed} device */
  openDevice(device) {
    history.pushState(null, "", `?device=${device.tenant}/${device.deviceId}`);
    this.backTo(device);
  }

  /** @param {Listed | Device} device */
  backTo(device) {
    return this.show("device", { ...device, known: device });
  }

  /** @param {unknown} error @param {() => void} [back] */
  fail(error, back) {
    if (!(error instanceof Problem)) throw error;
    return this.show("problem", { problem: error, back });
  }

  /** @param {string} address */
  async go(address) {
    history.pushState(null, "", address);
    await this.reload();
    focusField();
  }

  searchButton() {
    return button(t("search.new"), "", () => this.go("."), true);
  }

  /** Shows the view that the URL names. */
  reload() {
    const given = new URLSearchParams(location.search);
    const view = given.get("view") ?? "";
    if (this.session.roles.includes(ROLES[view] ?? "")) return this.show(view, given);
    const target = parseTarget(given, this.session.tenants.map((tenant) => tenant.name));
    return this.show("deviceId" in target ? "device" : "find", target);
  }
}

/** A device by its id, or a search: several can have one name. @type {Face["parseTarget"]} */
function parseTarget(given, tenants) {
  const device = given.get("device") ?? "";
  const [, tenant = tenants.length === 1 ? tenants[0] : "", deviceId] = /^(?:([^/]+)\/)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i.exec(device) ?? [];
  return tenant && deviceId ? { tenant, deviceId } : { query: (device || given.get("q") || "").trim() };
}

/** A real navigation: only that leads to the sign-in, and loads anew what failed. @param {Problem} problem */
export const renew = ({ code }) => h("a", { class: "button primary", href: location.pathname + location.search }, t(`problem.${code === "not_authenticated" ? "signIn" : "again"}`));

/** Later than the first view. */
const showIcon = () => byId("icon").setAttribute("href", "favicon.svg");

// ---- The Find view. What it does comes with the first key.

/** In the address. @param {string} query */
export const keep = (query) => history.replaceState(null, "", query ? `?q=${encodeURIComponent(query)}` : ".");

const focusField = () => document.getElementById("q")?.focus();

/** @type {State<{query: string}>} */
function findView(app, root, { query }) {
  root.append(app.heading(t("find.title")), /** @type {HTMLTemplateElement} */ (byId("find")).content.cloneNode(true));
  for (const element of root.querySelectorAll("[data-text]")) element.textContent = t(element.getAttribute("data-text") ?? "");
  const field = /** @type {HTMLInputElement} */ (byId("q"));
  field.value = query;
  let left = false;
  /** @type {ReturnType<Find["searcher"]> | undefined} */
  let searcher;
  /** @type {Promise<void> | undefined} */
  let loading;
  /** @param {"typed" | "asked" | "again"} what */
  const act = async (what) => {
    await (loading ??= import("./find.js").then((loaded) => { searcher = loaded.searcher(app, field, byId("results")); }, (error) => {
      if (!left) app.lost(() => keep(field.value.trim()));
      throw error;
    }));
    if (!left) searcher?.[what]();
    showIcon();
  };
  field.form?.addEventListener("submit", (event) => {
    event.preventDefault();
    act("asked");
  });
  field.addEventListener("input", () => act("typed"));
  root.addEventListener("keydown", (event) => searcher?.move(event));
  if (query) act("again");
  return () => {
    left = true;
    searcher?.stop();
  };
}

// ---- The frame, and the start.

/** @param {App} app */
function frame(app) {
  const { user, roles, version, ui: { logo, notice, help } } = app.session;
  /** @type {Face["link"]} */
  const link = (href, style, ...children) => h("a", {
    href, class: style, "data-clear": true,
    onclick: (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      app.go(href);
    },
  }, children);
  const views = Object.entries(ROLES).filter(([, role]) => roles.includes(role)).map(([view]) => link(`?view=${view}`, "", t(`nav.${view}`)));
  // The policy lets pictures come from this server only.
  const own = logo && new URL(logo, document.baseURI).origin === location.origin;
  append(byId("top"), [
    link(".", "home", own ? h("img", { src: logo, alt: "" }) : byId("logo"), app.name),
    views[0] && h("nav", { "aria-label": t("nav.label") }, views),
    h("span", { class: "quiet", title: user.username && plain(user.username) }, name(user.name || user.username || "")),
  ]);
  if (own) byId("logo").remove();
  if (notice) app.main.before(h("aside", { class: "notice", "aria-label": t("app.notice") }, h("p", { dir: "auto" }, linked(notice, t("app.noticeLink")))));
  append(byId("foot"), [help && h("span", null, linked(help, t("app.help"))), h("span", null, t("app.version", { version }))]);
}

/** A text of the admin with its addresses as links; an address alone gets `label`. @type {Face["linked"]} */
export function linked(text, label) {
  if (/^(?:https?:\/\/|mailto:|tel:|\/(?!\/))\S+$/.test(text)) return [h("a", { href: text }, label)];
  return text.split(/(https?:\/\/[^\s<>"]*[^\s<>".,;:!?)])/).map((part, index) => (index % 2 ? h("a", { href: part }, part) : part));
}

/** What the server put into the page. @param {string} id */
function take(id) {
  const block = byId(id);
  block.remove();
  return JSON.parse(block.textContent ?? "");
}

async function start() {
  use(take("texts"), navigator.languages);
  Object.assign(document.documentElement, { lang: language(), dir: texts["@meta"].dir });
  const { session, problem } = take("session");
  const app = new App(session ?? { tenants: [], ui: {} });
  if (problem) {
    app.reload = async () => location.reload();
    return app.fail(new Problem(problem.code, problem));
  }
  frame(app);
  // The second press of a double click falls on the view that the first opened.
  let before = 0;
  addEventListener("mousedown", ({ detail }) => { if (detail < 2) before = turn; }, true);
  addEventListener("click", (event) => {
    if (event.detail < 2 || before === turn) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
  addEventListener("popstate", () => app.reload());
  // Browsers may keep the page: without a password.
  addEventListener("pagehide", () => leave());
  addEventListener("pageshow", (event) => { if (event.persisted) app.reload(); });
  await app.reload();
  focusField();
}

// Tests have no page.
if (globalThis.document) {
  start().catch((error) => {
    document.getElementById("broken")?.removeAttribute("class");
    throw error;
  });
}
