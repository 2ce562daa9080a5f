// @ts-check
/** While no record can be kept: nothing is shown, in time, and the rest of the server does not wait. */
import assert from 'node:assert/strict';
import { DEVICES } from '../entra/world.mjs';
import { assertProblem } from './expect.mjs';
import { Jar } from './jar.mjs';
import { waitFor } from './wait.mjs';

/** Refused within the deadline, with nothing shown and Graph not asked, while the rest of the server answers at once. */
export async function refusesInTime(/** @type {import('./stage.mjs').Stage} */ stage, count = 3) {
  const helpdesk = await stage.signIn('helpdesk');
  const asked = stage.passwordRequests().length;
  for (let i = 0; i < count; i++) {
    const began = Date.now();
    const pending = helpdesk.password('contoso', DEVICES.lon001, { reason: 'x' });
    const page = await new Jar().request(`${stage.origin}/index.html`);
    assert.equal(page.status, 200);
    assert.equal((await helpdesk.get('')).status, 200);
    const others = Date.now() - began;
    const answer = await pending;
    assertProblem(answer, 'audit_unavailable');
    const took = Date.now() - began;
    assert.ok(took < 4000, `refused after ${took} ms`);
    assert.ok(others < 1500, `other addresses took ${others} ms`);
    for (const password of stage.passwords('LON-001')) assert.ok(!answer.text.includes(password));
  }
  assert.equal(stage.passwordRequests().length, asked, 'Graph was not asked for the password');
}

/** @param {import('./stage.mjs').Stage} stage */
export const recovers = (stage) => waitFor('the trail to take records again', async () => {
  const helpdesk = await stage.signIn('helpdesk');
  return (await helpdesk.password('contoso', DEVICES.lon001)).status === 200;
}, { timeout: 20000 });
