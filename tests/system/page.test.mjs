// @ts-check
/** What the server puts into the page, so that the first view takes no request for it: the session and the texts. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import { assertOk, assertSecurityHeaders } from '../lib/expect.mjs';
import { Session } from '../lib/signin.mjs';
import { HELPDESK_RULE, startStage } from '../lib/stage.mjs';

const TITLE = '</script><b>&Title';

/** @type {import('../lib/stage.mjs').Stage} */
let stage;
/** @type {Awaited<ReturnType<import('../lib/stage.mjs').Stage['signIn']>>} */
let helpdesk;

/** A catalogue that is no language of the page's own. @param {string} tag @param {string} [says] */
const addCatalogue = (tag, says = tag) => fs.writeFileSync(stage.httpd.path(`htdocs/i18n/${tag}.json`), JSON.stringify({ '@meta': { lang: tag }, says }));

before(async () => {
  stage = await startStage({ rules: HELPDESK_RULE, amlaps: `AMLapsTitle "${TITLE}"` });
  helpdesk = await stage.signIn('helpdesk');
  addCatalogue('qaa', '<!-- </script> & id="session">');
  addCatalogue('qab-x');
  addCatalogue('qac');
});
after(() => stage?.close());

/** @param {string} html @param {string} id @returns {any} */
function block(html, id) {
  const [, content] = new RegExp(`<script type="application/json" id="${id}">([^<>&]*)</script>`).exec(html) ?? [];
  assert.ok(content, `no data block ${id} in ${html}`);
  return JSON.parse(content);
}

/** @param {string} wishes @param {string} [path] */
async function textsFor(wishes, path = '') {
  const answer = await helpdesk.get(path, { headers: { 'Accept-Language': wishes } });
  assert.equal(answer.status, 200);
  return block(answer.text, 'texts');
}

test('the page holds the session that the API gives, and cannot be broken out of', async () => {
  const answer = await helpdesk.get('');
  assertSecurityHeaders(answer);
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.deepEqual(block(answer.text, 'session'), { session: assertOk(await helpdesk.get('api/v1/session')) });
  assert.equal(block(answer.text, 'session').session.ui.title, TITLE);
  assert.equal(answer.text.match(/<\/script>/g)?.length, 3, 'the script and the two blocks');
  assert.equal((await helpdesk.get('index.html')).text, answer.text);
});

test('a text in a catalogue is data too, and no place for the session', async () => {
  const answer = await helpdesk.get('', { headers: { 'Accept-Language': 'qaa' } });
  assert.equal(block(answer.text, 'texts').says, '<!-- </script> & id="session">');
  assert.equal(block(answer.text, 'session').session.user.username, 'helpdesk@contoso.com');
});

test('the language is the first of the browser that there is, by weight', async () => {
  const english = JSON.parse(fs.readFileSync(stage.httpd.path('htdocs/i18n/en.json'), 'utf8'));
  for (const [wishes, lang] of [
    ['', 'en'], ['zz', 'en'], ['qac', 'qac'], ['QAC-de', 'qac'], ['qab-X', 'qab-x'], ['qab', 'en'], ['zz, qac;q=0.5, qaa;q=0.9', 'qaa'], ['qaa;q=0, qac', 'qac'],
    [`${'a'.repeat(36)}, qac`, 'qac'], ['../../index, ..%2f, /etc, -, *, qac', 'qac'], [`${'zz,'.repeat(40)}qac`, 'en'],
  ]) {
    assert.equal((await textsFor(wishes))['@meta'].lang, lang, wishes);
  }
  assert.deepEqual(await textsFor('en'), english);
});

test('a title that no admin wrote is left to the texts of the page, and the API has the default', async () => {
  const other = await startStage({ rules: HELPDESK_RULE });
  try {
    const session = await other.signIn('helpdesk');
    const api = assertOk(await session.get('api/v1/session'));
    assert.equal(api.ui.title, 'Local administrator passwords');
    assert.deepEqual(block((await session.get('')).text, 'session'), { session: { ...api, ui: { ...api.ui, title: null } } });
  } finally {
    await other.close();
  }
});

test('a style sheet of the admin comes behind the page\'s own', async () => {
  const other = await startStage({ rules: HELPDESK_RULE, amlaps: 'AMLapsStyle /amlaps/style.css\nAMLapsResult "Call 4357 after use."' });
  try {
    const { text } = await (await other.signIn('helpdesk')).get('');
    assert.match(text, /<link rel="stylesheet" href="app\.css">\n<link rel="stylesheet" href="\/amlaps\/style\.css">/);
    assert.equal(block(text, 'session').session.ui.result, 'Call 4357 after use.');
  } finally {
    await other.close();
  }
});

test('the language of the admin comes first, where the page has it', async () => {
  for (const [language, lang] of [['qaa', 'qaa'], ['zz', 'qac']]) {
    const other = await startStage({ rules: HELPDESK_RULE, amlaps: `AMLapsLanguage ${language}` });
    try {
      const session = await other.signIn('helpdesk');
      for (const tag of ['qaa', 'qac']) fs.copyFileSync(stage.httpd.path(`htdocs/i18n/${tag}.json`), other.httpd.path(`htdocs/i18n/${tag}.json`));
      assert.equal(block((await session.get('', { headers: { 'Accept-Language': 'qac' } })).text, 'texts')['@meta'].lang, lang);
    } finally {
      await other.close();
    }
  }
});

test('without texts and without a person the page still comes, and the log says what is missing', async () => {
  const bare = await startStage({ rules: HELPDESK_RULE, location: 'AuthType None\nRequire all granted' });
  try {
    fs.rmSync(bare.httpd.path('htdocs/i18n/en.json'));
    const answer = await new Session(bare.base).get('');
    assert.equal(answer.status, 200);
    assert.match(answer.text, /id="texts"><\/script>/);
    assert.equal(block(answer.text, 'session').problem.code, 'not_authenticated');
  } finally {
    await bare.close([/AML0139: /, /AML0183: /]);
  }
});
