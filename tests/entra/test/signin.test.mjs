// @ts-check
import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Jar } from '../../lib/jar.mjs';
import { decodeJwt } from '../tokens.mjs';
import { GROUPS, PEOPLE } from '../world.mjs';
import { REDIRECT, authorization, start } from './client.mjs';

/** @type {Awaited<ReturnType<typeof start>>} */
let at;
/** @type {any} */
let metadata;
before(async () => {
  at = await start();
  metadata = (await at.jar.request(at.entra.metadataUrl)).json();
});
after(() => at.entra.close());

/** Follows redirects up to the one that leaves Entra. @param {Jar} jar @param {import('../../lib/jar.mjs').Answer} answer */
async function leave(jar, answer) {
  while (answer.status >= 300 && answer.status < 400) {
    const next = new URL(answer.headers.location, answer.url);
    if (next.href.startsWith(REDIRECT)) return next.searchParams;
    answer = await jar.request(next);
  }
  return answer;
}

/** @param {string} username @param {any} [changes] @param {Jar} [jar] */
async function signIn(username, changes, jar = new Jar()) {
  const { verifier, url } = authorization(at.entra, changes);
  const page = await jar.follow(url);
  const answer = await jar.request(page.url, { method: 'POST', body: new URLSearchParams({ username, password: 'demo' }) });
  const back = await leave(jar, answer);
  assert.ok(back instanceof URLSearchParams, 'back at the client');
  return { jar, verifier, back };
}

/** @param {{ verifier: string, back: URLSearchParams }} from @param {any} [changes] */
const redeem = ({ verifier, back }, changes = {}) => at.jar.request(metadata.token_endpoint, {
  method: 'POST', cookies: false, body: new URLSearchParams({
    grant_type: 'authorization_code', code: back.get('code') ?? '', redirect_uri: REDIRECT, code_verifier: verifier,
    client_id: at.tenant.signIn?.clientId ?? '', client_secret: at.tenant.signIn?.secret ?? '', ...changes,
  }),
});

/** The checked claims of an ID token. @param {string} jwt */
async function idToken(jwt) {
  const token = decodeJwt(jwt);
  const { keys } = (await at.jar.request(metadata.jwks_uri)).json();
  const key = createPublicKey({ key: keys.find((/** @type {any} */ one) => one.kid === token?.header.kid), format: 'jwk' });
  assert.ok(token && verify('sha256', token.signed, key, token.signature), 'signed with a published key');
  return token.claims;
}

test('discovery names Entra-like addresses of this server, and no private key is published', async () => {
  const root = `${at.entra.url}/${at.tenant.id}`;
  assert.equal(metadata.issuer, `${root}/v2.0`);
  assert.equal(metadata.authorization_endpoint, `${root}/oauth2/v2.0/authorize`);
  assert.equal(metadata.token_endpoint, `${root}/oauth2/v2.0/token`);
  assert.equal(metadata.end_session_endpoint, `${root}/oauth2/v2.0/logout`);
  assert.deepEqual(metadata.code_challenge_methods_supported, ['S256']);
  assert.deepEqual(Object.keys((await at.jar.request(metadata.jwks_uri)).json().keys[0]).filter((name) => 'dpq'.includes(name)), []);
  const unknown = await at.jar.request(`${at.entra.url}/nowhere.example/v2.0/.well-known/openid-configuration`);
  assert.deepEqual([unknown.status, unknown.json().error, unknown.json().error_codes], [400, 'invalid_tenant', [90002]]);
});

test('code flow with PKCE: the claims of Entra v2', async () => {
  const done = await signIn('HELPDESK@contoso.com');
  assert.equal(done.back.get('state'), 'state-1');
  const answer = await redeem(done);
  assert.equal(answer.status, 200, answer.text);
  const claims = await idToken(answer.json().id_token);
  assert.deepEqual([claims.iss, claims.aud, claims.nonce, claims.ver], [metadata.issuer, at.tenant.signIn?.clientId, 'nonce-1', '2.0']);
  assert.deepEqual([claims.oid, claims.tid, claims.preferred_username, claims.name, claims.email],
    [PEOPLE.helpdesk, at.tenant.id, 'helpdesk@contoso.com', 'Hanna Helpdesk', 'helpdesk@contoso.com']);
  assert.match(claims.sub, /^[A-Za-z0-9_-]{43}$/);
  assert.deepEqual([...claims.groups].sort(), [GROUPS.allStaff, GROUPS.londonHelpdesk, GROUPS.staffLondon].sort());
  assert.equal(claims.roles, undefined);
  const info = (await at.jar.request(metadata.userinfo_endpoint, { headers: { Authorization: `Bearer ${answer.json().access_token}` } })).json();
  assert.deepEqual(info, { sub: claims.sub, name: 'Hanna Helpdesk', given_name: 'Hanna', family_name: 'Helpdesk', email: 'helpdesk@contoso.com' });
});

test('roles, and no oid without the profile scope', async () => {
  const claims = await idToken((await redeem(await signIn('auditor@contoso.com', { scope: 'openid' }))).json().id_token);
  assert.deepEqual(claims.roles, ['Laps.Auditor']);
  assert.deepEqual([claims.oid, claims.name, claims.tid], [undefined, undefined, at.tenant.id]);
});

test('more than 200 groups: a reference to them instead', async () => {
  const claims = await idToken((await redeem(await signIn('overage@contoso.com'))).json().id_token);
  assert.equal('groups' in claims, false);
  assert.deepEqual(claims._claim_names, { groups: 'src1' });
  assert.deepEqual(claims._claim_sources, {
    src1: { endpoint: `https://graph.windows.net/${at.tenant.id}/users/${PEOPLE.overage}/getMemberObjects` },
  });
});

test('without PKCE, or with plain, there is no code', async () => {
  for (const changes of [{ code_challenge: undefined, code_challenge_method: undefined }, { code_challenge_method: 'plain' }]) {
    const back = await leave(new Jar(), await new Jar().request(authorization(at.entra, changes).url));
    assert.ok(back instanceof URLSearchParams);
    assert.equal(back.get('error'), 'invalid_request');
    assert.equal(back.get('code'), null);
  }
});

test('a code is worth nothing with a wrong verifier, a wrong secret, or twice', async () => {
  const wrongVerifier = await redeem(await signIn('nobody@contoso.com'), { code_verifier: 'x'.repeat(43) });
  assert.deepEqual([wrongVerifier.status, wrongVerifier.json().error], [400, 'invalid_grant']);
  const done = await signIn('nobody@contoso.com');
  assert.equal((await redeem(done, { client_secret: 'wrong' })).status, 401);
  assert.equal((await redeem(done)).status, 200);
  assert.equal((await redeem(done)).json().error, 'invalid_grant');
});

test('the client may authenticate by Basic as well', async () => {
  const done = await signIn('nobody@contoso.com');
  const { clientId, secret } = /** @type {any} */ (at.tenant.signIn);
  const answer = await at.jar.request(metadata.token_endpoint, {
    method: 'POST', headers: { Authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'authorization_code', code: done.back.get('code') ?? '', redirect_uri: REDIRECT, code_verifier: done.verifier }),
  });
  assert.equal(answer.status, 200, answer.text);
});

test('an address that is not registered gets nothing', async () => {
  const answer = await new Jar().request(authorization(at.entra, { redirect_uri: 'http://127.0.0.1:9/evil' }).url);
  assert.equal(answer.status, 400);
  assert.equal(answer.headers.location, undefined);
  at.entra.control.addRedirectUris(['http://127.0.0.1:9/evil']);
  assert.equal((await new Jar().request(authorization(at.entra, { redirect_uri: 'http://127.0.0.1:9/evil' }).url)).status, 303);
});

test('the page: labelled fields, a wrong password is told, what was typed is escaped', async () => {
  const jar = new Jar();
  const page = await jar.follow(authorization(at.entra).url);
  assert.equal(page.status, 200);
  for (const id of ['username', 'password']) {
    assert.match(page.text, new RegExp(`<label for="${id}">`));
    assert.match(page.text, new RegExp(`<input id="${id}" name="${id}"`));
  }
  assert.doesNotMatch(page.text, /<script|hidden/);
  const again = await jar.request(page.url, { method: 'POST', body: new URLSearchParams({ username: '"><b>', password: 'no' }) });
  assert.equal(again.status, 200);
  assert.match(again.text, /role="alert"[^>]*>Your account or password is incorrect/);
  assert.ok(again.text.includes('value="&quot;&gt;&lt;b&gt;"'));
  const wrong = await jar.request(page.url, { method: 'POST', body: new URLSearchParams({ username: 'nobody@contoso.com', password: 'Demo' }) });
  assert.match(wrong.text, /incorrect[\s\S]*value="nobody@contoso.com"/);
  const right = await jar.request(page.url, { method: 'POST', body: new URLSearchParams({ username: 'nobody@contoso.com', password: 'demo' }) });
  assert.ok(await leave(jar, right) instanceof URLSearchParams);
  assert.equal((await new Jar().request(page.url)).status, 400, 'no page for who did not begin here');
});

test('single sign-on until the sign-out', async () => {
  const { jar, back, verifier } = await signIn('owner@contoso.com');
  const { id_token: hint } = (await redeem({ back, verifier })).json();
  const again = await leave(jar, await jar.request(authorization(at.entra).url));
  assert.ok(again instanceof URLSearchParams && again.get('code'), 'no page the second time');

  const query = new URLSearchParams({ id_token_hint: hint, post_logout_redirect_uri: REDIRECT, state: 'out' });
  const page = await jar.request(`${metadata.end_session_endpoint}?${query}`);
  assert.equal(page.status, 200);
  const action = /action="([^"]+)"/.exec(page.text)?.[1] ?? '';
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
  const out = await leave(jar, await jar.request(action, { method: 'POST', body: new URLSearchParams({ xsrf, logout: 'yes' }) }));
  assert.ok(out instanceof URLSearchParams);
  assert.equal(out.get('state'), 'out');
  const after = await jar.follow(authorization(at.entra).url);
  assert.match(after.text, /id="password"/, 'the page is back');
  assert.ok(!JSON.stringify(at.entra.control.requests()).includes(hint));
  assert.equal(at.entra.control.stats().tokenRequests, 0, 'codes of people are no token requests of apps');
});
