// @ts-check
// Firefox by WebDriver BiDi, which it speaks itself: no driver program, no patched browser. What tests of the page need.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { findCommand } from "../lib/paths.mjs";

/** Nothing is fetched, asked or shown but what a test wants. */
const PREFS = {
  "app.normandy.enabled": false, "app.update.disabledForTesting": true, "browser.aboutwelcome.enabled": false, "browser.safebrowsing.enabled": false,
  "browser.search.update": false, "browser.shell.checkDefaultBrowser": false, "browser.startup.page": 0, "datareporting.policy.dataSubmissionEnabled": false,
  "extensions.getAddons.cache.enabled": false, "extensions.update.enabled": false, "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false, "network.http.speculative-parallel-limit": 0, "services.settings.server": "data:,#remote-settings-dummy/v1",
  "toolkit.telemetry.enabled": false, "toolkit.telemetry.unified": false, "remote.active-protocols": 1,
};

/** The address that Firefox prints when it listens. @param {import("node:child_process").ChildProcess} process */
function listening(process) {
  return new Promise((resolve, reject) => {
    let said = "";
    process.once("error", reject);
    process.once("exit", (code) => reject(new Error(`Firefox ended with ${code}: ${said}`)));
    process.stderr?.on("data", (data) => {
      said += data;
      const [, address] = /WebDriver BiDi listening on (ws:\/\/\S+)/.exec(said) ?? [];
      if (address) resolve(address);
    });
  });
}

/** Commands and their answers over one socket; log entries are kept. @param {string} address */
async function connect(address) {
  const socket = new WebSocket(`${address}/session`);
  await new Promise((resolve, reject) => { socket.once("open", resolve); socket.once("error", reject); });
  /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void}>} */
  const waiting = new Map();
  /** @type {any[]} */
  const entries = [];
  let last = 0;
  socket.on("message", (data) => {
    const message = JSON.parse(String(data));
    if (message.type === "event") entries.push(message.params);
    else if (message.type === "success") waiting.get(message.id)?.resolve(message.result);
    else waiting.get(message.id)?.reject(new Error(`${message.error}: ${message.message}`));
    waiting.delete(message.id);
  });
  /** @param {string} method @param {object} params @returns {Promise<any>} */
  const send = (method, params = {}) => new Promise((resolve, reject) => {
    last += 1;
    waiting.set(last, { resolve, reject });
    socket.send(JSON.stringify({ id: last, method, params }));
  });
  return { send, entries, close: () => socket.close() };
}

/** A plain value of BiDi's serialized one. @param {any} value @returns {any} */
function plainValue(value) {
  if (value.type === "array") return value.value.map(plainValue);
  if (value.type === "object") return Object.fromEntries(value.value.map(([key, one]) => [key, plainValue(one)]));
  return value.type === "null" || value.type === "undefined" ? null : value.value;
}

const KEYS = { Enter: "\uE006", Tab: "\uE004", Escape: "\uE00C", ArrowDown: "\uE015", Space: " " };

/** One tab. */
class Tab {
  /** @param {Awaited<ReturnType<typeof connect>>} wire @param {string} context */
  constructor(wire, context) {
    this.wire = wire;
    this.context = context;
  }

  /** Warnings and errors of the console so far. */
  get said() {
    return this.wire.entries.filter(({ level, text }) => ["warn", "error"].includes(level) && !/^(?:downloadable font|Layout was forced)/.test(text)).map(({ text }) => text);
  }

  /** @param {string} url */
  goto(url) {
    return this.wire.send("browsingContext.navigate", { context: this.context, url, wait: "complete" });
  }

  /** What an expression gives in the page, as in a gesture. @param {string} expression @returns {Promise<any>} */
  async evaluate(expression) {
    const answer = await this.wire.send("script.evaluate", { expression, target: { context: this.context }, awaitPromise: true, userActivation: true });
    if (answer.type !== "success") throw new Error(answer.exceptionDetails.text);
    return plainValue(answer.result);
  }

  /** Waits until an expression is true; after ten seconds says what stands there instead. @param {string} expression */
  async until(expression) {
    const end = Date.now() + 10_000;
    while (!await this.evaluate(`Boolean(${expression})`)) {
      if (Date.now() > end) throw new Error(`never true: ${expression}; the page says: ${await this.evaluate("document.body.innerText")}`);
      await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
  }

  /** Real clicks, in the middle. @param {string} element an expression @param {number} [clicks] */
  async click(element, clicks = 1) {
    await this.until(element);
    const [x, y] = await this.evaluate(`(() => { const one = ${element}; one.scrollIntoView({ block: "center" }); const box = one.getBoundingClientRect(); return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)]; })()`);
    await this.wire.send("input.performActions", { context: this.context, actions: [{ type: "pointer", id: "mouse", actions: [
      { type: "pointerMove", x, y }, ...Array(clicks).fill([{ type: "pointerDown", button: 0 }, { type: "pointerUp", button: 0 }]).flat()] }] });
  }

  /** Real keys: a name of KEYS, or characters. @param {string} text */
  async type(text) {
    const keys = KEYS[text] ? [KEYS[text]] : [...text];
    await this.wire.send("input.performActions", { context: this.context, actions: [{ type: "key", id: "keys", actions:
      keys.flatMap((value) => [{ type: "keyDown", value }, { type: "keyUp", value }]) }] });
  }

  /** @param {number} width @param {number} height */
  resize(width, height) {
    return this.wire.send("browsingContext.setViewport", { context: this.context, viewport: { width, height } });
  }
}

/** Starts Firefox with a profile of its own. Close what this returns. @param {Record<string, string | number | boolean>} [prefs] */
export async function launchFirefox(prefs = {}) {
  const profile = mkdtempSync(join(tmpdir(), "amlaps-firefox-"));
  writeFileSync(join(profile, "user.js"), Object.entries({ ...PREFS, ...prefs }).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`).join(""));
  const command = findCommand("firefox-esr", "firefox");
  if (!command) throw new Error("No Firefox found: install firefox-esr.");
  const process = spawn(command, ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "about:blank"],
    { stdio: ["ignore", "ignore", "pipe"], env: { ...globalThis.process.env, HOME: profile, MOZ_DISABLE_CONTENT_SANDBOX: "1" } });
  const ended = new Promise((resolve) => { process.once("exit", resolve); });
  const close = async () => {
    process.kill("SIGTERM");
    await ended;
    rmSync(profile, { recursive: true, force: true });
  };
  try {
    const wire = await connect(await listening(process));
    await wire.send("session.new", { capabilities: { alwaysMatch: { unhandledPromptBehavior: { default: "ignore" } } } });
    await wire.send("session.subscribe", { events: ["log.entryAdded"] });
    // Keys press the buttons of an active window alone, and the first tab does not make it one.
    const { context } = await wire.send("browsingContext.create", { type: "tab" });
    await wire.send("browsingContext.activate", { context });
    return { tab: new Tab(wire, context), close: async () => { wire.close(); await close(); } };
  } catch (error) {
    await close();
    throw error;
  }
}
