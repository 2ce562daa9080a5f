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
    load: ['rewrite'],
    server: '<Directory "{root}/www">\n    AllowOverride All\n</Directory>',
    vhost: '<Location "/laps/static">\n    SetHandler none\n    Require all granted\n</Location>\n'
      + 'RewriteEngine On\nRewriteRule "^/laps/(logo\\.txt)$" "/pictures/$1" [PT]\nRewriteRule "^/laps/start$" "/laps/" [PT]\n'
      + '<Directory "{root}/www/pictures/closed">\n    Require all denied\n</Directory>\nRewriteRule "^/laps/(closed/.*)$" "/pictures/$1" [PT]',
    files: {
      'www/pictures/logo.txt': 'a logo', 'www/pictures/closed/a.txt': 'closed',
      'www/laps/.htaccess': 'Require all denied\nThisIsNoDirective\n', 'www/laps/api': 'a file', 'www/laps/static/a.txt': 'text of a.txt',
    },
  });
});
after(() => stage.close([/\.htaccess: Invalid command/, /AH01630: .*closed/]));

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

test('what mod_rewrite leads out of the Location is a file like others, with what its folder says', async () => {
  const session = await stage.signIn('helpdesk');
  const answer = await session.request('logo.txt');
  assert.equal(answer.status, 200, summary(answer));
  assert.equal(answer.text, 'a logo');
  assert.equal((await session.request('closed/a.txt')).status, 403);
});

test('what it leads elsewhere in the Location is not', async () => {
  const session = await stage.signIn('helpdesk');
  stage.httpd.write('www/laps/.htaccess', 'ThisIsNoDirective\n');
  const page = await session.request('start');
  assert.equal(page.status, 200, summary(page));
  assert.match(page.headers['content-type'], /^text\/html/);
});
