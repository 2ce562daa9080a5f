// @ts-check
/**
 * What a reveal costs at Microsoft, with 30 ms for each answer: its time beside a request straight to the same Graph, by turns; tokens for 64 first requests
 * at once; connections for 10,000 requests. `node tests/bench/requests.bench.mjs [REQUESTS]`, after `make bench` has built.
 */
import http from 'node:http';
import process from 'node:process';
import { startEntra } from '../entra/entra.mjs';
import { ruleSection, secretFiles, signInOf, tenantOf } from '../lib/amlaps-conf.mjs';
import { HTDOCS_LINE } from '../lib/httpd-conf.mjs';
import { Httpd } from '../lib/httpd.mjs';
import { freePort } from '../lib/ports.mjs';
import { signIn } from '../lib/signin.mjs';
import { NO_LIMITS } from '../lib/stage.mjs';
import { DEVICE, startGraph, tenantAt } from './graph-server.mjs';

const DELAY = 30;
const TURNS = 200;
const AT_ONCE = 64;
const REQUESTS = Number(process.argv[2] ?? 10000);
const CHILDREN = 2;
const POOL = 32;
/** Always a thread that is free: without one mpm_event ends connections that are kept. */
const THREADS = 2 * AT_ONCE;
const MPM = `StartServers ${CHILDREN}\nServerLimit ${CHILDREN * 2}\nThreadsPerChild ${THREADS}\nThreadLimit ${THREADS}\nMaxRequestWorkers ${CHILDREN * THREADS}\n`
  + `MinSpareThreads 1\nMaxSpareThreads ${CHILDREN * THREADS}\nMaxKeepAliveRequests 0`;

/** Milliseconds until the whole answer is there. @param {string} url @param {http.RequestOptions} options @param {string} [body] @returns {Promise<number>} */
function time(url, options, body) {
  return new Promise((resolve, reject) => {
    const start = process.hrtime.bigint();
    const request = http.request(url, options, (answer) => {
      answer.resume();
      answer.once('end', () => {
        if (answer.statusCode === 200) resolve(Number(process.hrtime.bigint() - start) / 1e6);
        else reject(new Error(`${url}: ${answer.statusCode}`));
      });
    });
    request.once('error', reject);
    request.end(body);
  });
}

/** @param {number[]} list */
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

/** @param {string} what @param {string} figure @param {string} words */
const line = (what, figure, words) => process.stdout.write(`  ${what.padEnd(46)}${figure.padStart(9)}  ${words}\n`);

/** Fails the run: a figure that is promised. @param {boolean} holds @param {string} what */
function promise(holds, what) {
  if (holds) return;
  process.stdout.write(`  NOT SO: ${what}\n`);
  process.exitCode = 1;
}

async function main() {
  const port = await freePort();
  const entra = await startEntra({ redirectUris: [`http://localhost:${port}/laps/oidc/callback`] });
  const graph = await startGraph(DELAY);
  const newAgent = () => new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
  let agent = newAgent();
  /** @type {Httpd | undefined} */
  let httpd;
  try {
    httpd = await Httpd.start({
      port, signIn: signInOf(entra), sessionCache: 'file', mpmSettings: MPM, logLevel: 'warn', files: secretFiles(entra, ['contoso']),
      amlaps: [tenantAt(entra, 'contoso', graph.url), ruleSection('All', ['AMLapsDevice all', 'AMLapsAllow all anyone']), NO_LIMITS,
        'AMLapsStore sqlite3:{root}/state/amlaps.db', `AMLapsGraphConnections ${POOL}`, HTDOCS_LINE].join('\n'),
    });
    const alice = tenantOf(entra, 'contoso').people[0];
    const session = await signIn(httpd.base, { username: alice.userPrincipalName, password: alice.password });
    const cookie = session.jar.cookieHeader(new URL(httpd.base));
    const reveal = () => time(`${/** @type {Httpd} */ (httpd).base}api/v1/devices/contoso/${DEVICE}/password`, {
      agent, method: 'POST', headers: { Cookie: cookie, 'Content-Type': 'application/json', 'X-AMLaps-Request': '1', 'Sec-Fetch-Site': 'same-origin' },
    }, '{"reason":"INC0012345"}');
    const direct = () => time(`${graph.url}/v1.0/directory/deviceLocalCredentials/${DEVICE}?$select=credentials`, { agent, headers: { 'User-Agent': 'bench' } });

    for (let i = 0; i < 10; i++) await Promise.all([reveal(), direct()]);
    const times = { reveal: /** @type {number[]} */ ([]), direct: /** @type {number[]} */ ([]) };
    let before = await graph.counters();
    for (let i = 0; i < TURNS; i++) {
      times.direct.push(await direct());
      times.reveal.push(await reveal());
    }
    let after = await graph.counters();
    const [straight, whole] = [median(times.direct), median(times.reveal)];
    process.stdout.write(`Graph ${DELAY} ms\n`);
    line('a request straight to Graph, median', `${straight.toFixed(1)} ms`, '');
    line('a warm reveal, median', `${whole.toFixed(1)} ms`, `${(whole - straight).toFixed(1)} ms more, both records on disk; ${(whole / straight).toFixed(2)}`);
    const asked = after.passwords + after.devices + after.others - before.passwords - before.devices - before.others - TURNS;
    line('requests to Graph for a warm reveal', (asked / TURNS).toFixed(2), '');
    // the other child may not have known the device yet
    promise(asked <= TURNS + CHILDREN, 'a warm reveal is one request to Graph');

    before = await graph.counters();
    await httpd.renew();
    // connections to the children before are of no use any longer
    agent.destroy();
    agent = newAgent();
    await Promise.all(Array.from({ length: AT_ONCE }, reveal));
    after = await graph.counters();
    const children = httpd.children().length;
    const tokens = after.tokens - before.tokens;
    line(`tokens for ${AT_ONCE} first requests at once`, String(tokens), `${children} children`);
    promise(tokens <= children, 'a child asks for one token, however many people wait for it');

    let left = REQUESTS - AT_ONCE;
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) await reveal();
    }));
    after = await graph.counters();
    const connections = after.connections - before.connections;
    line(`connections for ${REQUESTS} requests, ${AT_ONCE} at once`, String(connections), `at most ${POOL} in each of ${children} children`);
    promise(after.passwords - before.passwords === REQUESTS, 'each of them was one request to Graph');
    promise(connections <= POOL * children, 'connections are kept');
  } finally {
    agent.destroy();
    if (httpd) {
      if (process.exitCode) process.stderr.write(httpd.errorLog());
      await httpd.stop();
      httpd.discard();
    }
    graph.stop();
    await entra.close();
  }
}

await main();
