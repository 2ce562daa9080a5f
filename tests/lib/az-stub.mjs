// @ts-check
/**
 * Stands in for the az CLI: answers as it does, refuses options that it does not have (az 2.45 and its reference), and notes each call, files that it was
 * given included, as a line of JSON in $AZ_CALLS. The first $AZ_CONSENTS_FAIL consents fail, as they do while a new service principal is not known everywhere;
 * $AZ_FAIL is the beginning of a call that fails.
 */
import fs from 'node:fs';
import process from 'node:process';

const OPTIONS = {
  'account show': ['--query', '--output'],
  'cloud show': ['--query', '--output'],
  'ad app create': ['--display-name', '--sign-in-audience', '--required-resource-accesses', '--app-roles', '--web-redirect-uris', '--query', '--output'],
  'ad sp create': ['--id', '--query', '--output'],
  'ad app credential reset': ['--id', '--cert', '--append', '--display-name', '--query', '--output'],
  'ad app permission admin-consent': ['--id'],
  rest: ['--method', '--url', '--body', '--headers', '--query', '--output'],
};
const CLOUDS = {
  AzureCloud: { activeDirectory: 'https://login.microsoftonline.com', microsoftGraphResourceId: 'https://graph.microsoft.com/' },
  AzureUSGovernment: { activeDirectory: 'https://login.microsoftonline.us', microsoftGraphResourceId: 'https://graph.microsoft.us/' },
};

/** @param {string} message @returns {never} */
function fail(message) {
  process.stderr.write(`ERROR: ${message}\n`);
  process.exit(2);
}

const words = process.argv.slice(2);
const flag = words.findIndex((word) => word.startsWith('--'));
const command = words.slice(0, flag < 0 ? words.length : flag).join(' ');
const known = OPTIONS[/** @type {keyof typeof OPTIONS} */ (command)] ?? fail(`'${command}' is misspelled or not recognized by the system.`);

/** @type {Record<string, string[]>} */
const given = {};
let at = '';
for (const word of words.slice(flag < 0 ? words.length : flag)) {
  if (word.startsWith('--')) {
    if (!known.includes(word)) fail(`unrecognized arguments: ${word}`);
    given[at = word] = [];
  } else {
    given[at].push(word.startsWith('@') ? fs.readFileSync(word.slice(1), 'utf8') : word);
  }
}
const calls = process.env.AZ_CALLS ?? fail('AZ_CALLS is not set');
const before = fs.existsSync(calls) ? fs.readFileSync(calls, 'utf8').trim().split('\n').map((line) => JSON.parse(line)) : [];
fs.appendFileSync(calls, `${JSON.stringify({ command, ...given })}\n`);
if (process.env.AZ_FAIL && words.join(' ').startsWith(process.env.AZ_FAIL)) fail('Insufficient privileges to complete the operation.');

const count = before.filter((call) => call.command === command).length;
const cloud = process.env.AZ_CLOUD ?? 'AzureCloud';
const endpoints = CLOUDS[/** @type {keyof typeof CLOUDS} */ (cloud)];
/** What `--query … --output tsv` prints. @type {Record<string, Record<string, string>>} */
const ANSWERS = {
  'account show': { tenantId: '8aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11' },
  'cloud show': { name: cloud, ...Object.fromEntries(Object.entries(endpoints).map(([name, url]) => [`endpoints.${name}`, url])) },
  'ad app create': { appId: `aaaaaaaa-0000-4000-8000-00000000000${count + 1}` },
  'ad sp create': { id: `bbbbbbbb-0000-4000-8000-00000000000${count + 1}` },
};
if (command === 'ad app permission admin-consent' && count < Number(process.env.AZ_CONSENTS_FAIL ?? 0)) {
  fail('Request_BadRequest({"code":"Request_ResourceNotFound"})');
}
const query = given['--query']?.[0];
if (query) {
  const value = ANSWERS[command]?.[query] ?? fail(`the stub does not know ${command} --query ${query}`);
  process.stdout.write(given['--output']?.[0] === 'tsv' ? `${value}\n` : `"${value}"\n`);
} else if (given['--output']?.[0] !== 'none' && command !== 'ad app permission admin-consent') {
  process.stdout.write('{\n  "much": "more"\n}\n');
}
