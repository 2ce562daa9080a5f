// @ts-check
// A stand-in for the module: serves htdocs/ and the HTTP API of the contract, with the headers that the module sends,
// and can be told to answer anything. For states of the page that are hard to reach with the real thing, and for
// working on the page: `node fake-api.mjs [PORT]`.

import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const HTDOCS = fileURLToPath(new URL("../../htdocs/", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".svg": "image/svg+xml" };

export const HEADERS = {
  "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    + "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  "Permissions-Policy": "clipboard-write=(self), clipboard-read=(), camera=(), microphone=(), geolocation=(), display-capture=(), payment=(), usb=()",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
};

const hours = (count) => new Date(Date.now() - count * 3_600_000).toISOString();
const idOf = (number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;

/** A device with everything that the API tells of it; `over` replaces members. */
export function device(number, over = {}) {
  return {
    tenant: "contoso", deviceId: idOf(number), name: `LON-${String(number).padStart(3, "0")}`, os: "Windows", osVersion: "10.0.26100.4946",
    join: "AzureAd", enabled: true, compliant: true, managed: true, manufacturer: "Dell Inc.", model: "Latitude 7450",
    lastSeen: hours(3 + number * 7), hasPassword: true, backedUp: hours(51), expires: hours(-24 * 12),
    actions: { password: { rule: "London helpdesk", reason: { mode: "optional", hint: null, pattern: null } } },
    ...over,
  };
}

export const PASSWORD = "rT7#kQ0lI-O1x.";
export const OLDER = ["Kd8$wP2nVz+4Tq", "m9!BfH3sXc=6Ru"];

/** What one disclosure answers. */
export const credential = (over = {}) => ({
  account: "LapsAdmin", sid: "S-1-5-21-3623811015-3361044348-30300820-500", password: PASSWORD,
  backedUp: hours(51), expires: hours(-24 * 12), current: true, ...over,
});

/** A problem as the module words it. */
export const problem = (status, code, detail = "", headers = {}) => ({
  status, headers, type: "application/problem+json",
  body: { type: `https://amlaps.invalid/problems/${code}`, status, title: code, detail, code, id: "7f3a91c2-5b0e-4d1c-9a55-0c6a0f0e1b2c" },
});

/**
 * Starts a server on a free port of the loopback.
 * @param {{port?: number, mount?: string, session?: object, devices?: object[]}} options
 */
export async function startFake({ port = 0, mount = "/laps/", session = {}, devices = [1, 2, 3].map((number) => device(number)) } = {}) {
  const fake = {
    url: "",
    session: {
      user: { id: "a1", name: "Alice Example", username: "alice@contoso.example" }, roles: [], tenants: [{ name: "contoso" }],
      ui: { title: null, logo: null, notice: null, help: null, hideAfter: 60, language: null }, version: "1.0.0", ...session,
    },
    devices,
    more: false,
    gaps: [],
    credentials: { password: () => [credential()], history: () => OLDER.map((password, index) => credential({ password, current: false, expires: null, backedUp: hours(800 * (index + 1)) })) },
    /** What the audit holds, and how much of it one page does. @type {any[]} */
    records: [],
    auditLimit: 100,
    verification: () => ({ ok: true, complete: true, records: 1042, last: 1042, head: "ab".repeat(32), problems: [], cursor: null }),
    /** @type {any} */
    explanation: { permissions: { password: { decision: "deny", rule: null }, history: { decision: "deny", rule: null } }, rules: [] },
    /** @type {any} */
    status: { time: hours(0), version: "1.0.0", tenants: [], store: { status: "ok" } },
    /** @type {{method: string, path: string, headers: import("node:http").IncomingHttpHeaders, body: string}[]} */
    requests: [],
    /** One-off answers by operation (search, device, password, history; session: what the page is given, or the API gives then); a function may wait. */
    next: {},
    close: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); }),
  };
  const server = createServer((request, answer) => {
    handle(fake, mount, request, answer).catch((error) => { answer.writeHead(500).end(String(error)); });
  });
  await new Promise((resolve) => { server.listen(port, "127.0.0.1", () => resolve(undefined)); });
  fake.url = `http://localhost:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}${mount}`;
  return fake;
}

async function handle(fake, mount, request, answer) {
  const { pathname, searchParams } = new URL(request.url, "http://localhost");
  if (!pathname.startsWith(mount)) return send(answer, { status: 404, type: "text/plain", text: "not here" });
  const path = pathname.slice(mount.length);
  if (path === "" || path === "index.html") return servePage(fake, request, answer);
  if (!path.startsWith("api/v1/")) return serveFile(answer, path);
  let body = "";
  for await (const chunk of request) body += chunk;
  fake.requests.push({ method: request.method, path: path.slice(7), headers: request.headers, body });
  const { operation, reply } = route(fake, path.slice(7), searchParams, request, body);
  const scripted = fake.next[operation];
  if (scripted) {
    delete fake.next[operation];
    const given = typeof scripted === "function" ? await scripted(reply) : scripted;
    if (given === "hang up") return answer.destroy();
    return send(answer, given);
  }
  return send(answer, reply());
}

function route(fake, path, query, request, body) {
  const ok = (value) => ({ status: 200, body: value });
  if (path === "devices") {
    const text = (query.get("search") ?? "").toLowerCase();
    const found = fake.devices.filter((one) => one.name?.toLowerCase().startsWith(text) || one.deviceId === text)
      .map(({ hasPassword, backedUp, expires, ...one }) => ({ ...one, actions: Object.keys(one.actions) }));
    return { operation: "search", reply: () => (text.length < 2 ? problem(400, "bad_request", "At least 2 characters.") : ok({ devices: found, more: fake.more, gaps: fake.gaps })) };
  }
  if (path === "session") return { operation: "session", reply: () => ok(fake.session) };
  if (path === "audit") return { operation: "audit", reply: () => ok(auditPage(fake, query)) };
  if (path === "audit/verify") return { operation: "verify", reply: () => ok(fake.verification(query.get("cursor"))) };
  if (path === "explain") return { operation: "explain", reply: () => ok(fake.explanation) };
  if (path === "status") return { operation: "status", reply: () => ok(fake.status) };
  const [, tenant, id, action] = /^devices\/([^/]+)\/([^/]+)(?:\/(password|history))?$/.exec(path) ?? [];
  const found = fake.devices.find((one) => one.tenant === decodeURIComponent(tenant ?? "") && one.deviceId === id);
  if (!found) return { operation: action ?? "device", reply: () => problem(403, "not_authorized") };
  if (!action) return { operation: "device", reply: () => ok(found) };
  return { operation: action, reply: () => disclose(fake, found, action, request, body) };
}

/** Newest first, a few at a time, filtered as the module does. */
function auditPage(fake, query) {
  const before = Number(query.get("cursor") ?? Infinity);
  const fits = (record) => record.seq < before && (!query.get("event") || record.event === query.get("event"))
    && (!query.get("outcome") || record.outcome === query.get("outcome"))
    && (!query.get("actor") || [record.actor?.name, record.actor?.username].includes(query.get("actor")))
    && (!query.get("device") || [record.device?.name, record.device?.deviceId].includes(query.get("device")))
    && (!query.get("since") || record.time >= query.get("since")) && (!query.get("until") || record.time < query.get("until"));
  const found = fake.records.filter(fits).sort((a, b) => b.seq - a.seq);
  const records = found.slice(0, fake.auditLimit);
  return { records, cursor: found.length > records.length ? String(records.at(-1).seq) : null };
}

/** The two records of a request. */
export function audited(seq, over = {}) {
  const record = {
    v: 1, seq: seq + 1, time: hours(seq / 3), id: idOf(1000 + seq), stage: "outcome", event: "password", outcome: "granted", code: "ok",
    actor: { oid: idOf(7), tid: idOf(8), username: "alice@contoso.example", name: "Alice Example" }, address: "192.0.2.10",
    device: { tenant: "contoso", deviceId: idOf(1), name: "LON-001" }, rule: "London helpdesk", reason: `INC${String(seq).padStart(7, "0")}`,
    graph: { requestId: idOf(2000 + seq), status: 200, attempts: 1 }, credential: { account: "LapsAdmin", backedUp: hours(51) },
    prev: "0".repeat(64), hash: "ab".repeat(32), ...over,
  };
  const { credential, graph, ...rest } = record;
  return [record, { ...rest, seq: record.seq - 1, stage: "intent", outcome: "pending", code: undefined, hash: "cd".repeat(32) }];
}

/** The checks of the contract that a client can get wrong. */
function disclose(fake, found, action, request, body) {
  const { headers } = request;
  const guarded = request.method === "POST" && headers["content-type"] === "application/json" && headers["x-amlaps-request"] === "1"
    && headers["sec-fetch-site"] === "same-origin";
  if (!guarded) return problem(403, "cross_site");
  const given = JSON.parse(body);
  const known = action === "history" ? ["reason", "nth"] : ["reason"];
  if (Object.keys(given).some((key) => !known.includes(key)) || typeof given.reason !== "string") return problem(400, "bad_request");
  const { rule, reason } = found.actions[action];
  if (reason.mode === "required" && !given.reason.trim()) return problem(422, "reason_required", reason.hint ?? "");
  if (given.reason && reason.pattern && !new RegExp(reason.pattern).test(given.reason)) return problem(422, "reason_invalid", reason.hint ?? "");
  const all = fake.credentials[action]();
  const chosen = given.nth ? { credentials: all.slice(given.nth - 1, given.nth), older: Math.max(0, all.length - given.nth) } : { credentials: all };
  return { status: 200, body: { id: randomUUID(), device: { tenant: found.tenant, deviceId: found.deviceId, name: found.name }, rule, ...chosen } };
}

/** Text of a catalogue in a language of the browser, or of the admin's. */
function textsFor(fake, request) {
  const wishes = [fake.session.ui.language, ...(request.headers["accept-language"] ?? "").split(",").map((wish) => wish.split(";")[0].trim())];
  for (const tag of wishes.flatMap((wish) => (wish ? [wish.toLowerCase(), wish.toLowerCase().split("-")[0]] : []))) {
    const file = join(HTDOCS, "i18n", `${tag}.json`);
    if (existsSync(file)) return readFile(file, "utf8");
  }
  return readFile(join(HTDOCS, "i18n/en.json"), "utf8");
}

/** index.html with the session and the texts in it, as the module gives it. */
async function servePage(fake, request, answer) {
  let session = { status: 200, body: fake.session };
  if (fake.next.session) {
    session = fake.next.session;
    delete fake.next.session;
  }
  const blocks = { session: JSON.stringify({ [session.status === 200 ? "session" : "problem"]: session.body }), texts: await textsFor(fake, request) };
  const html = (await readFile(join(HTDOCS, "index.html"), "utf8")).replace(/id="(session|texts)">/g,
    (mark, id) => mark + blocks[id].replace(/[<>&]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`));
  return send(answer, { status: 200, type: "text/html", text: html });
}

async function serveFile(answer, path) {
  const file = normalize(join(HTDOCS, path));
  const type = TYPES[extname(file)];
  if (!file.startsWith(HTDOCS) || !type) return send(answer, { status: 404, type: "text/plain", text: "no such file" });
  try {
    const content = await readFile(file);
    answer.writeHead(200, { ...HEADERS, "Content-Type": `${type}; charset=utf-8`, "Cache-Control": "no-cache" }).end(content);
  } catch {
    send(answer, { status: 404, type: "text/plain", text: "no such file" });
  }
}

/** @param {any} given  status, then `body` as JSON or `text` as it is */
function send(answer, given) {
  const { status, body, text, type = "application/json", headers = {} } = given;
  answer.writeHead(status, { ...HEADERS, "Content-Type": `${type}; charset=utf-8`, "Cache-Control": "no-store", ...headers });
  answer.end(text ?? JSON.stringify(body));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const fake = await startFake({ port: Number(process.argv[2] ?? 0) });
  process.stdout.write(`${fake.url}\n`);
}
