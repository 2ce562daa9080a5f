// @ts-check
/**
 * Reveals a second, with both records of each on disk, against mod_proxy to the same Graph behind the same session of mod_auth_openidc, against the
 * same handler with the store off, with one that does nothing but append and sync, which is what the disk and our one writer allow, and with a disk whose syncs
 * take longer, or no time: by turns, in one run.
 * `node tests/bench/reveals.bench.mjs [SECONDS [ROUNDS]]`, after `make bench` has built.
 */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { startEntra } from '../entra/entra.mjs';
import { ruleSection, secretFiles, signInOf, tenantOf } from '../lib/amlaps-conf.mjs';
import { HTDOCS_LINE } from '../lib/httpd-conf.mjs';
import { Httpd } from '../lib/httpd.mjs';
import { freePort } from '../lib/ports.mjs';
import { signIn } from '../lib/signin.mjs';
import { NO_LIMITS } from '../lib/stage.mjs';
import { BUILD, DEVICE, startGraph, tenantAt } from './graph-server.mjs';

const SECONDS = Number(process.argv[2] ?? 4);
const ROUNDS = Number(process.argv[3] ?? 3);
const CONNECTIONS = [1, 16, 64];
const DELAYS = [0, 30];
const SHIM = path.join(BUILD, 'bench/slow-sync.so');

/** A slow Graph gets more time: at first all connections ask at once, and it takes them many of its answers to come apart. @param {number} delay */
const secondsWith = (delay) => delay > 0 ? 3 * SECONDS : SECONDS;

/** Not measured: what a way does once a minute (the facts of a device are looked up anew) or once at all is no part of a round of a few seconds. */
const WARM_UP = 1;

/** Few children with many threads: see docs/install.md. */
const MPM = 'StartServers 1\nServerLimit 1\nThreadsPerChild 128\nThreadLimit 128\nMaxRequestWorkers 128\nMinSpareThreads 1\nMaxSpareThreads 128\nMaxKeepAliveRequests 0';

/**
 * @typedef {{ name: string, module: string, store: string, env?: Record<string, string> }} Way
 * @type {Way[]}
 */
const WAYS = [
  { name: 'sqlite', module: 'mod_amlaps.so', store: 'sqlite3:{root}/state/amlaps.db' },
  { name: 'bare append', module: 'off/mod_amlaps.so', store: 'sqlite3:{root}/state/amlaps.bare' },
  { name: 'store off', module: 'off/mod_amlaps.so', store: 'off' },
  { name: 'sqlite, sync +2 ms', module: 'mod_amlaps.so', store: 'sqlite3:{root}/state/amlaps.db', env: { LD_PRELOAD: SHIM, AMLAPS_SYNC_MS: '2' } },
  { name: 'sqlite, no sync', module: 'mod_amlaps.so', store: 'sqlite3:{root}/state/amlaps.db', env: { LD_PRELOAD: SHIM, AMLAPS_SYNC_MS: 'none' } },
];

/** @param {Awaited<ReturnType<typeof startEntra>>} entra @param {string[]} graphs @param {Way} way @param {number} port */
async function startHttpd(entra, graphs, way, port) {
  const tenants = DELAYS.map((delay, i) => tenantAt(entra, `delay${delay}`, graphs[i]));
  const proxied = DELAYS.map((delay, i) => [
    `<Location "/proxied/delay${delay}/">`, 'AuthType openid-connect', 'Require valid-user',
    `ProxyPass ${graphs[i]}/v1.0/directory/deviceLocalCredentials/`, '</Location>',
  ].join('\n'));
  return Httpd.start({
    modulePath: path.join(BUILD, way.module), port, signIn: signInOf(entra), load: ['proxy', 'proxy_http'], mpmSettings: MPM, logLevel: 'warn', env: way.env,
    amlaps: [...tenants, ruleSection('All', ['AMLapsDevice all', 'AMLapsAllow all anyone']), NO_LIMITS, `AMLapsStore ${way.store}`,
      'AMLapsGraphConnections 128', HTDOCS_LINE].join('\n'),
    vhost: ['OIDCCookiePath /', ...proxied].join('\n'),
    files: secretFiles(entra, ['contoso']),
  });
}

/** What wrk does: its figures as one line of JSON. @param {string} url @param {string} cookie @param {'reveal' | 'proxy'} what */
function script(url, cookie, what) {
  const origin = new URL(url).origin;
  const request = what === 'reveal'
    ? ['wrk.method = "POST"', 'wrk.body = "{\\"reason\\":\\"INC0012345\\"}"', 'wrk.headers["Content-Type"] = "application/json"',
      'wrk.headers["X-AMLaps-Request"] = "1"', `wrk.headers["Origin"] = "${origin}"`, 'wrk.headers["Sec-Fetch-Site"] = "same-origin"']
    : [];
  return [...request, `wrk.headers["Cookie"] = ${JSON.stringify(cookie)}`,
    'function done(s, l) io.write(string.format("FIGURES {\\"requests\\":%d,\\"duration\\":%d,\\"bad\\":%d,\\"p50\\":%d,\\"p99\\":%d}\\n", s.requests, '
    + 's.duration, s.errors.status + s.errors.connect + s.errors.read + s.errors.write + s.errors.timeout, l:percentile(50), l:percentile(99))) end',
  ].join('\n');
}

/** @param {string} directory @param {{ url: string, cookie: string, what: 'reveal' | 'proxy', connections: number, seconds: number }} load */
async function measure(directory, { url, cookie, what, connections, seconds }) {
  const file = path.join(directory, 'load.lua');
  fs.writeFileSync(file, script(url, cookie, what));
  const load = (/** @type {number} */ lasting) => promisify(execFile)('wrk',
    ['-t', connections > 1 ? '2' : '1', '-c', String(connections), '-d', `${lasting}s`, '-s', file, url]);
  await load(WARM_UP);
  const { stdout } = await load(seconds);
  const figures = JSON.parse(/^FIGURES (.*)$/m.exec(stdout)?.[1] ?? 'null');
  if (!figures || figures.bad > 0 || figures.requests === 0) throw new Error(`${url}: not every request was answered as it should be:\n${stdout}`);
  return { rate: figures.requests / (figures.duration / 1e6), p50: figures.p50 / 1000, p99: figures.p99 / 1000 };
}

/** @param {{ rate: number, p50: number, p99: number }[]} runs the one in the middle by its rate */
const middle = (runs) => [...runs].sort((a, b) => a.rate - b.rate)[Math.floor(runs.length / 2)];

async function main() {
  const ports = await Promise.all(WAYS.map(() => freePort()));
  const entra = await startEntra({ redirectUris: ports.map((port) => `http://localhost:${port}/laps/oidc/callback`) });
  const graphs = await Promise.all(DELAYS.map(startGraph));
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'amlaps-bench-'));
  /** @type {Httpd[]} */
  const servers = [];
  try {
    /** @type {string[]} */
    const cookies = [];
    const alice = tenantOf(entra, 'contoso').people[0];
    for (const [i, way] of WAYS.entries()) {
      servers.push(await startHttpd(entra, graphs.map(({ url }) => url), way, ports[i]));
      const session = await signIn(servers[i].base, { username: alice.userPrincipalName, password: alice.password });
      cookies.push(session.jar.cookieHeader(new URL(servers[i].base)));
    }
    for (const delay of DELAYS) {
      for (const connections of CONNECTIONS) {
        /** @type {Map<string, { rate: number, p50: number, p99: number }[]>} */
        const figures = new Map();
        for (let round = 0; round < ROUNDS; round++) {
          const loads = [{ name: 'mod_proxy', i: 0, what: /** @type {const} */ ('proxy'), at: `/proxied/delay${delay}/${DEVICE}` },
            ...WAYS.map(({ name }, i) => ({ name, i, what: /** @type {const} */ ('reveal'), at: `/laps/api/v1/devices/delay${delay}/${DEVICE}/password` }))];
          // Whoever comes behind a busy way finds another machine than who comes behind an idle one.
          if (round % 2 === 1) loads.reverse();
          for (const { name, i, what, at } of loads) {
            const result = await measure(directory, { url: `${servers[i].origin}${at}`, cookie: cookies[i], what, connections, seconds: secondsWith(delay) });
            figures.set(name, [...figures.get(name) ?? [], result]);
          }
        }
        const base = middle(figures.get('mod_proxy') ?? []).rate;
        process.stdout.write(`Graph ${delay} ms, c=${connections}\n`);
        for (const [name, runs] of figures) {
          const { rate, p50, p99 } = middle(runs);
          process.stdout.write(`  ${name.padEnd(20)}${rate.toFixed(0).padStart(7)}/s  ${(rate / base).toFixed(2)}  p50 ${p50.toFixed(1)} ms  p99 ${p99.toFixed(1)} ms\n`);
        }
      }
    }
  } finally {
    for (const server of servers) {
      await server.stop();
      if (process.exitCode) process.stderr.write(server.errorLog());
      server.discard();
    }
    graphs.forEach(({ stop }) => stop());
    await entra.close();
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

await main();
