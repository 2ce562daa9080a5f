// @ts-check
/** What lies below DocumentRoot means nothing to the module, and the module nothing to other handlers inside its Location. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertOk, assertProblem, summary } from '../lib/expect.mjs';
import { startStage } from '../lib/stage.mjs';

/** @type {import('../lib/stage.mjs').Stage} */
let stage;

before(async () => {
  stage = await startStage({
    server: '<Directory "{root}/www">\n    AllowOverride All\n</Directory>',
    vhost: '<Location "/laps/static">\n    SetHandler none\n    Require all granted\n</Location>',
    files: { 'www/laps/.htaccess': 'Require all denied\nThisIsNoDirective\n', 'www/laps/api': 'a file', 'www/laps/static/a.txt': 'text of a.txt' },
  });
});
after(() => stage.close([/\.htaccess: Invalid command/]));

test('neither files nor .htaccess of the same name change an answer', async () => {
  const session = await stage.signIn('helpdesk');
  assertOk(await session.get('api/v1/session'));
  const page = await session.request('');
  assert.equal(page.status, 200, summary(page));
});

test('a segment longer than any file name is not found', async () => {
  const session = await stage.signIn('helpdesk');
  assertProblem(await session.get(`api/v1/${'x'.repeat(300)}`), 'not_found');
});

test('another handler inside the Location has its files and their .htaccess', async () => {
  const session = await stage.signIn('helpdesk');
  assert.equal((await session.request('static/a.txt')).status, 500);
  stage.httpd.write('www/laps/.htaccess', '');
  const answer = await session.request('static/a.txt');
  assert.equal(answer.status, 200, summary(answer));
  assert.equal(answer.text, 'text of a.txt');
});
