// @ts-check
/** `make demo`: on the port that was asked for, and gone without a trace at Ctrl-C. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { CHECKOUT } from '../lib/paths.mjs';
import { freePort, probePort } from '../lib/ports.mjs';
import { signIn } from '../lib/signin.mjs';
import { waitFor } from '../lib/wait.mjs';

const run = promisify(execFile);

/** What `make demo` would run. @param {string[]} words @param {Record<string, string>} [env] */
async function plan(words, env = {}) {
  const { PORT: _, MAKEFLAGS: __, MAKELEVEL: ___, ...clean } = process.env;
  return (await run('make', ['-n', 'demo', ...words], { cwd: CHECKOUT, env: { ...clean, ...env } })).stdout;
}

test('PORT= changes the port, as a word and in the environment', async () => {
  assert.match(await plan([]), /PORT=8080 /);
  assert.match(await plan(['PORT=18081']), /PORT=18081 /);
  assert.match(await plan([], { PORT: '18082' }), /PORT=18082 /);
  assert.match(await plan(['PORT=18083'], { PORT: '18082' }), /PORT=18083 /);
});

test('the demo prints its address and accounts, serves them, and ends at Ctrl-C', async () => {
  const port = await freePort();
  const demo = spawn(process.execPath, [path.join(CHECKOUT, 'tests/demo.mjs')], { env: { ...process.env, PORT: String(port) }, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => { demo.once('exit', (code, signal) => resolve(signal ?? code)); });
  let output = '';
  demo.stdout.on('data', (chunk) => { output += chunk; });
  demo.stderr.on('data', (chunk) => { output += chunk; });
  try {
    await waitFor('the demo to be ready', () => { assert.equal(demo.exitCode, null, output); return output.includes('Ctrl-C'); }, { timeout: 30000 });
    assert.ok(output.includes(`http://localhost:${port}/laps/`), output);
    for (const name of ['helpdesk', 'owner', 'auditor', 'nobody']) assert.match(output, new RegExp(`${name}@contoso\\.com +demo +\\S`));
    const session = await signIn(`http://localhost:${port}/laps/`, { username: 'helpdesk@contoso.com' });
    const { devices } = JSON.parse((await session.get('api/v1/devices?search=LON-001')).text);
    assert.deepEqual(devices.map((/** @type {{ name: string }} */ device) => device.name), ['LON-001']);
  } finally {
    demo.kill('SIGINT');
  }
  assert.equal(await ended, 0, output);
  assert.equal(await probePort(port), null, 'nobody listens any more');
});
