// @ts-check
/** Signing in through the real OpenID Connect redirect. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertOk, assertProblem } from '../lib/expect.mjs';
import { NAVIGATION, Session, signIn } from '../lib/signin.mjs';
import { startStage } from '../lib/stage.mjs';

/** @type {import('../lib/stage.mjs').Stage} */
let stage;
before(async () => { stage = await startStage(); });
after(() => stage?.close([
  /auth_openidc:(warn|error).*(state|session|cookie|code)/i,
]));

test('a first visit goes to the provider with code flow and PKCE', async () => {
  const answer = await new Session(stage.base).request('', { headers: NAVIGATION });
  assert.equal(answer.status, 302);
  const asked = new URL(answer.headers.location);
  assert.notEqual(asked.origin, stage.origin);
  const want = {
    response_type: 'code', code_challenge_method: 'S256', client_id: stage.tenant('contoso').signIn?.clientId,
    redirect_uri: `${stage.base}oidc/callback`,
  };
  for (const [name, value] of Object.entries(want)) assert.equal(asked.searchParams.get(name), value, name);
  assert.match(asked.searchParams.get('scope') ?? '', /\bopenid\b/);
  assert.match(asked.searchParams.get('code_challenge') ?? '', /^[\w-]{43}$/);
});

test('after signing in the person is back on the page and known to the API', async () => {
  const session = await stage.signIn('helpdesk');
  assert.equal(session.landed.url, stage.base);
  assert.equal(session.landed.status, 200);
  assert.match(session.landed.headers['content-type'], /^text\/html/);
  const { user } = assertOk(await session.get('api/v1/session'));
  assert.equal(user.username, 'helpdesk@contoso.com');
  assert.equal(user.name, 'Hanna Helpdesk');
  assert.equal(user.id, stage.person('helpdesk').id);
});

test('a deep link is where one lands after signing in', async () => {
  const session = await signIn(stage.base, stage.person('helpdesk'), { page: '?q=LON' });
  assert.equal(session.landed.url, `${stage.base}?q=LON`);
  assert.equal(session.landed.status, 200);
});

test('two people have sessions of their own', async () => {
  const names = ['helpdesk', 'nobody'];
  const sessions = await Promise.all(names.map((name) => stage.signIn(name)));
  const users = await Promise.all(sessions.map(async (s) => assertOk(await s.get('api/v1/session')).user.username));
  assert.deepEqual(users, names.map((name) => stage.person(name).username));
});

test('a wrong password gives no session', async () => {
  const person = { ...stage.person('helpdesk'), password: 'not the password' };
  await assert.rejects(signIn(stage.base, person), /sign-in of helpdesk@contoso\.com ended at/);
});

test('without a session the API answers 401 and redirects nobody', async () => {
  const session = new Session(stage.base);
  for (const path of ['api/v1/session', 'api/v1/devices?search=LON', 'api/v1/nothing']) {
    assertProblem(await session.get(path), 'not_authenticated');
  }
  const { deviceId } = stage.device('LON-001');
  assertProblem(await session.password('contoso', deviceId, { reason: 'x' }), 'not_authenticated');
});

test('a made-up session cookie is no session', async () => {
  const answer = await new Session(stage.base).get('api/v1/session', {
    headers: { Cookie: 'mod_auth_openidc_session=00000000-1111-2222-3333-444444444444' },
  });
  assert.equal(answer.status, 401);
});

test('signing out ends the session', async () => {
  const session = await stage.freshSignIn('nobody');
  assertOk(await session.get('api/v1/session'));
  const out = await session.request(`oidc/callback?logout=${encodeURIComponent(`${stage.origin}/`)}`, { headers: NAVIGATION });
  assert.equal(out.status, 302);
  assert.equal((await session.get('api/v1/session')).status, 401);
});
