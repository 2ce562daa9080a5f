// @ts-check
/** `make demo`: a simulated Entra and an httpd with the module, until Ctrl-C. */
import process from 'node:process';
import { startEntra } from './entra/entra.mjs';
import { GROUPS, defaultWorld } from './entra/world.mjs';
import { ruleSection, secretFiles, signInOf, tenantOf, tenantSection } from './lib/amlaps-conf.mjs';
import { HTDOCS_LINE } from './lib/httpd-conf.mjs';
import { Httpd } from './lib/httpd.mjs';
import { probePort } from './lib/ports.mjs';

/** Ends the demo with a sentence instead of a stack. */
class PlainError extends Error {}

function portFromEnvironment() {
  const text = process.env.PORT || '8080';
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65535) throw new PlainError(`PORT=${text} is no port: use a number from 1 to 65535.`);
  return port;
}

/** @param {number} port */
async function checkPort(port) {
  const err = await probePort(port);
  if (!err) return;
  const other = `make demo PORT=${port === 8081 ? 8082 : 8081}`;
  if (err.code === 'EADDRINUSE') throw new PlainError(`Port ${port} is in use. Stop what listens there, or choose another one: ${other}`);
  if (err.code === 'EACCES') throw new PlainError(`Port ${port} may not be used by this user. Choose another one: ${other}`);
  throw new PlainError(`Port ${port} cannot be used (${err.message}). Choose another one: ${other}`);
}

/** @param {Awaited<ReturnType<typeof startEntra>>} entra */
function directives(entra) {
  return [
    tenantSection(entra, 'contoso'),
    ruleSection('London helpdesk', [
      'AMLapsDevice name LON-*',
      `AMLapsAllow  all group ${GROUPS.londonHelpdesk}`,
      'AMLapsReason required "^INC[0-9]{7}$" "A ticket number such as INC0012345"',
    ]),
    ruleSection('Own laptop', ['AMLapsDevice owner', 'AMLapsAllow  password anyone', 'AMLapsReason optional']),
    'AMLapsAuditor  role Laps.Auditor',
    'AMLapsOperator user operator@contoso.com',
    'AMLapsStore  sqlite3:{root}/state/amlaps.db',
    HTDOCS_LINE,
  ].join('\n');
}

/** What each account may do under the rules above. */
const MAY = {
  helpdesk: 'reads the passwords of LON-*, with a reason such as INC0012345',
  auditor: 'reads and verifies the audit (role Laps.Auditor); no passwords',
  operator: 'sees how tenants and store do, and why the rules decide as they do; no passwords',
  nobody: 'may sign in, and nothing else',
  owner: 'reads the password of her own laptop NB-OLGA',
  overage: 'is in more than 200 groups, which the token does not list: Graph is asked; reads LON-* like the helpdesk',
};

/** @param {string[][]} rows */
function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column])).join('   ').trimEnd()}`).join('\n');
}

/** @param {Awaited<ReturnType<typeof startEntra>>} entra @param {Httpd} httpd */
function greeting(entra, httpd) {
  const rows = tenantOf(entra, 'contoso').people.map((person) => [
    person.userPrincipalName, person.password, person.displayName,
    MAY[/** @type {keyof typeof MAY} */ (person.userPrincipalName.split('@')[0])] ?? person.demo,
  ]);
  return [
    '', `mod_amlaps with a simulated Entra:  ${httpd.base}`, '',
    table([['User name', 'Password', 'Who', 'What they may do'], ...rows]), '',
    'Sign in, search for LON, choose a device. Nothing leaves this machine. Ctrl-C stops everything.', '',
  ].join('\n');
}

/** Resolves with the signal that asks the demo to end, or rejects when httpd ends by itself. @param {Promise<string>} stopped @param {Httpd} httpd */
async function untilStopped(stopped, httpd) {
  const ended = httpd.ended?.then(() => 'httpd');
  if (await Promise.race([stopped, ended]) === 'httpd') {
    throw new PlainError(`httpd ended by itself:\n${httpd.read('logs/stderr.log')}${httpd.errorLog().split('\n').slice(-10).join('\n')}`);
  }
}

async function main() {
  /** @type {Promise<string>} */
  const stopped = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => resolve(signal));
  });
  const port = portFromEnvironment();
  await checkPort(port);
  const world = defaultWorld();
  // What an app needs besides to resolve the groups of people whose token does not list them.
  world.tenants[0].apps[0].roles.push('GroupMember.Read.All', 'User.ReadBasic.All');
  const entra = await startEntra({ world, redirectUris: [`http://localhost:${port}/laps/oidc/callback`] });
  /** @type {Httpd | undefined} */
  let httpd;
  try {
    httpd = await Httpd.start({
      port, signIn: signInOf(entra), amlaps: directives(entra), files: secretFiles(entra, ['contoso']),
      server: 'RedirectMatch "^/$" "/laps/"', load: ['alias'],
    });
    process.stdout.write(`${greeting(entra, httpd)}\n`);
    await untilStopped(stopped, httpd);
    process.stdout.write('\nStopping ...\n');
  } finally {
    if (httpd) {
      await httpd.stop();
      httpd.discard();
    }
    await entra.close();
  }
}

// a terminal that is gone takes no last words
process.stdout.on('error', () => {});
try {
  await main();
  process.exit(0);
} catch (err) {
  process.stderr.write(`${err instanceof PlainError ? err.message : `The demo could not start.\n${err instanceof Error ? err.message : err}`}\n`);
  process.exit(1);
}
