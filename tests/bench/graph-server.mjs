// @ts-check
/** The fast login host and Graph of graph-server.c, for the scripts beside it. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { tenantOf } from '../lib/amlaps-conf.mjs';
import { CHECKOUT } from '../lib/paths.mjs';
import { freePort } from '../lib/ports.mjs';

export const BUILD = path.join(CHECKOUT, 'build');
/** Every device is there; this is one. */
export const DEVICE = '0d6a6a5e-53f2-4c4e-9f3e-000000000001';

/** @typedef {{ tokens: number, passwords: number, devices: number, others: number, connections: number }} Counters */

/** @param {number} delay milliseconds before each answer */
export async function startGraph(delay) {
  const port = await freePort();
  const child = spawn(path.join(BUILD, 'bench/graph-server'), [String(port), String(delay)], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('exit', () => reject(new Error('the graph server ended')));
  });
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    /** What was asked so far; asking opens a connection, which is not counted. @returns {Promise<Counters>} */
    counters: (() => {
      let own = 0;
      return async () => {
        const counters = await (await fetch(`${url}/counters`, { headers: { Connection: 'close' } })).json();
        return { ...counters, connections: counters.connections - ++own };
      };
    })(),
    stop: () => child.kill(),
  };
}

/** A tenant whose login and Graph are that server. @param {import('../entra/entra.mjs').startEntra extends (...a: any) => Promise<infer T> ? T : never} entra @param {string} name @param {string} url */
export function tenantAt(entra, name, url) {
  const contoso = tenantOf(entra, 'contoso');
  return [`<AMLapsTenant ${name}>`, `AMLapsTenantId ${contoso.id}`, `AMLapsClientId ${contoso.apps[0].clientId}`,
    'AMLapsClientSecret file:{root}/secret/contoso.secret', `AMLapsLoginURL ${url}`, `AMLapsGraphURL ${url}`, '</AMLapsTenant>'].join('\n');
}
