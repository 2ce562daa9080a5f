// @ts-check
/** `apachectl configtest` finds every mistake, names the directive and says what to write instead. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { makeCertificate } from '../entra/certificate.mjs';
import { audit } from '../lib/audit-tool.mjs';
import { CLIENT, ID, SECRET, SECRET_FILE, STORE, bare, casesOf, rule, tenant } from '../lib/config-cases.mjs';
import { Httpd } from '../lib/httpd.mjs';

const GROUP = '4f0c8c55-7a9e-4b0e-8a57-51f2c1a4c0de';
const GOOD_RULE = rule(`AMLapsDevice name LON-*\nAMLapsAllow password group ${GROUP}`);

/** @type {Httpd} */
let httpd;
before(async () => {
  httpd = await Httpd.create({
    env: { AMLAPS_TEST_SECRET: 'a~secret~of~the~environment', AMLAPS_TEST_EMPTY: '' },
    files: {
      ...SECRET_FILE,
      'secret/url': { content: 'https://hooks.example/services/T0/B0/a~secret\n', mode: 0o400 },
      'secret/whsec': { content: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n', mode: 0o400 },
      'conf/mail.txt': 'Subject: {title}\n\n{device}\n',
      'conf/teams.json': '{"type":"message","text":"{pasword}"}',
      'secret/empty': { content: '', mode: 0o400 },
      'secret/blank': { content: ' \n\n', mode: 0o400 },
      'secret/two-lines': { content: 'one\ntwo\n', mode: 0o400 },
      'secret/world': { content: 'a~secret\n', mode: 0o444 },
      'secret/writable': { content: 'a~secret\n', mode: 0o602 },
      'secret/bom': { content: '\ufeffa~secret\n', mode: 0o400 },
      'secret/long': { content: 'x'.repeat(100000), mode: 0o400 },
      'secret/store': { content: 'host=db.example.com dbname=amlaps user=amlaps password=a~secret\nsslmode=verify-full sslrootcert=/etc/passwd\n', mode: 0o400 },
      'secret/store-open': { content: 'dbname=amlaps password=a~secret\n', mode: 0o444 },
      'secret/store-words': { content: 'dbname=amlaps password=a~secret but = what\n', mode: 0o400 },
      'seal/readable': { content: 'made by amlaps-audit init', mode: 0o640 },
      'open/state': { content: 'made by amlaps-audit init', mode: 0o600 },
      'conf/prints': { content: '#!/bin/sh\necho a~secret~of~a~program\n', mode: 0o755 },
      'conf/fails': { content: '#!/bin/sh\nexit 3\n', mode: 0o755 },
      'conf/text': 'no database, but long enough to be read as one\n',
      'conf/ca.pem': (await makeCertificate()).cert,
    },
  });
  for (const name of ['state', 'first-name']) assert.equal((await audit(['init', httpd.path(`seal/${name}`), httpd.path(`seal/${name}.db`)])).code, 0);
  fs.symlinkSync(httpd.path('seal/state'), httpd.path('seal/link'));
  fs.linkSync(httpd.path('seal/first-name'), httpd.path('seal/second-name'));
  fs.chmodSync(httpd.path('open'), 0o775);
});
after(() => httpd?.discard());

const { configtest, accepts, refuses } = casesOf(() => httpd);

describe('right', () => {
  accepts('the complete configuration of the contract', tenant() + GOOD_RULE);
  accepts('nothing at all', 'AMLapsStore sqlite3:{root}/state/amlaps.db');
  accepts('a verified domain as tenant id', bare(`AMLapsTenantId contoso.onmicrosoft.com\nAMLapsClientId ${CLIENT}\n${SECRET}`) + GOOD_RULE);
  accepts('ids in capitals', bare(`AMLapsTenantId ${ID.toUpperCase()}\nAMLapsClientId ${CLIENT.toUpperCase()}\n${SECRET}`) + GOOD_RULE);
  accepts('a secret from the environment', bare(`AMLapsTenantId ${ID}\nAMLapsClientId ${CLIENT}\nAMLapsClientSecret env:AMLAPS_TEST_SECRET`) + GOOD_RULE);
  accepts('a secret from a program', bare(`AMLapsTenantId ${ID}\nAMLapsClientId ${CLIENT}\nAMLapsClientSecret "exec:{root}/conf/prints"`) + GOOD_RULE);
  for (const cloud of ['global', 'usgov', 'usgov-dod', 'china', 'bleu', 'delos', 'govsg']) {
    accepts(`the cloud ${cloud}`, tenant(`AMLapsCloud ${cloud}`) + GOOD_RULE);
  }
  accepts('https roots', tenant('AMLapsLoginURL https://login.example.org\nAMLapsGraphURL https://graph.example.org/') + GOOD_RULE);
  for (const host of ['127.0.0.1:8443', 'localhost:1', '[::1]:9', '127.8.8.8']) {
    accepts(`http to the loopback address ${host}`, tenant(`AMLapsLoginURL http://${host}\nAMLapsGraphURL http://${host}`) + GOOD_RULE);
  }
  accepts('two tenants and rules for each', tenant() + tenant('', 'fabrikam') + GOOD_RULE
    + rule('AMLapsDevice all\nAMLapsDeny all anyone', '"Fabrikam is closed" fabrikam'));
  accepts('every kind of device of this part', tenant() + rule(`AMLapsDevice all\nAMLapsDevice id ${ID} ${CLIENT}\nAMLapsDevice name A* ?B
    AMLapsDevice group ${GROUP}\nAMLapsAllow all anyone`));
  accepts('every kind of person of this part', tenant() + rule(`AMLapsDevice all\nAMLapsAllow password,history user alice@contoso.com ${ID}
    AMLapsAllow password group ${GROUP} "A named group"\nAMLapsAllow history role Laps.Reader\nAMLapsDeny all anyone`));
  accepts('every form of reason', tenant() + ['hidden', 'optional', 'required', 'required "^INC[0-9]+$"', 'optional "^INC[0-9]+$" "A ticket number"']
    .map((reason, i) => rule(`AMLapsDevice all\nAMLapsAllow all anyone\nAMLapsReason ${reason}`, `"Rule ${i}"`)).join(''));
  accepts('roles', `${tenant()}${GOOD_RULE}AMLapsAuditor role Laps.Auditor\nAMLapsAuditor group ${GROUP} "A named group"\nAMLapsOperator user alice@contoso.com`);
  accepts('tags of languages', `${tenant()}${GOOD_RULE}AMLapsLanguage en\n<VirtualHost 127.0.0.1:1>\nAMLapsLanguage pt-BR\n</VirtualHost>\n<VirtualHost 127.0.0.1:2>\nAMLapsLanguage zh-Hant-TW\n</VirtualHost>`);
  accepts('limits', `${tenant()}${GOOD_RULE}AMLapsLimit user 10/minute 50/hour 100/day\nAMLapsLimit address 5/hour\nAMLapsLimit search 60/minute`);
  accepts('the numbers', `${tenant()}${GOOD_RULE}AMLapsStoreTimeout 3\nAMLapsGraphTimeout 5\nAMLapsGraphConnections 8\nAMLapsCacheTime 30`);
  accepts('a store below the server root', `${tenant()}${GOOD_RULE}AMLapsStore sqlite3:state/amlaps.db`);
  accepts('a store whose directory is made at start', `${tenant()}${GOOD_RULE}AMLapsStore sqlite3:{root}/new/amlaps.db`);
  for (const [name, conninfo] of Object.entries({
    'by its socket': '"pgsql:host=/run/postgresql dbname=amlaps user=amlaps"', 'without quotes around it': 'pgsql:dbname=amlaps user=amlaps',
    'by an address': 'pgsql:postgresql://amlaps@localhost:5433/amlaps', 'on two hosts': 'pgsql:host=127.0.0.1,::1 port=5433 dbname=amlaps',
    'behind TLS': 'pgsql:host=db.example.com dbname=amlaps sslmode=verify-full sslrootcert={root}/conf/ca.pem',
    'from a file': 'pgsql:file:{root}/secret/store', 'from a file below the server root': 'pgsql:file:secret/store',
  })) accepts(`a database ${name}`, `${tenant()}${GOOD_RULE}AMLapsStore ${conninfo}`);
  accepts('a copy of the audit in a file', `${tenant()}${GOOD_RULE}AMLapsAuditLog {root}/logs/audit.log\nAMLapsAuditLog {root}/logs/audit2.log required`);
  accepts('a sealed audit', `${tenant()}${GOOD_RULE}AMLapsAuditSeal seal/state`);
  test('an audit that is not sealed, with a warning', async () => {
    const warned = (await configtest(`${tenant()}${GOOD_RULE}${STORE}`)).output;
    assert.match(warned, /AML0199: the audit in sqlite3:\S+ is not sealed/);
    assert.match(warned, /Syntax OK/);
    assert.doesNotMatch((await configtest(`${tenant()}${GOOD_RULE}${STORE}\nAMLapsAuditSeal {root}/seal/state`)).output, /AML0199/);
  });
  accepts('copies of the audit for programs and syslog', `${tenant()}${GOOD_RULE}AMLapsAuditLog "|/bin/cat -u"\nAMLapsAuditLog "||/bin/cat" required\nAMLapsAuditLog "|$cat >/dev/null"
    AMLapsAuditLog syslog\nAMLapsAuditLog syslog:local7 required\nAMLapsAuditLog syslog:auth:/run/systemd/journal/dev-log`);
  accepts('rules of the main server for tenants of a virtual host', `${GOOD_RULE}${rule('AMLapsDevice name A*\nAMLapsAllow password user a@b.c', '"Of contoso" contoso')}
    <VirtualHost 127.0.0.1:1>\n${tenant()}</VirtualHost>\n<VirtualHost 127.0.0.1:2>\n${tenant('', 'fabrikam')}</VirtualHost>`);
  accepts('rules in a virtual host for tenants of the main server', `${tenant()}<VirtualHost 127.0.0.1:1>\n${GOOD_RULE}</VirtualHost>`);
});

describe('tenant', () => {
  refuses('without id', bare(`AMLapsClientId ${CLIENT}\n${SECRET}`), /AMLapsTenantId/, /contoso/);
  refuses('without client id', bare(`AMLapsTenantId ${ID}\n${SECRET}`), /AMLapsClientId/, /contoso/);
  refuses('without credential', bare(`AMLapsTenantId ${ID}\nAMLapsClientId ${CLIENT}`), /AMLapsClientSecret/, /contoso/);
  test('whose secret is missing, naming the line of the secret', async () => {
    const { output } = await configtest(bare(`AMLapsTenantId ${ID}\nAMLapsClientId ${CLIENT}\nAMLapsClientSecret file:{root}/secret/nope`) + GOOD_RULE + STORE);
    const line = httpd.read('conf/httpd.conf').split('\n').findIndex((l) => l.startsWith('AMLapsClientSecret')) + 1;
    assert.match(output, new RegExp(`AML0102: \\S+/httpd\\.conf:${line}: AMLapsClientSecret of tenant contoso: .*name a file`));
  });
  refuses('with two credentials', tenant('AMLapsClientSecret env:AMLAPS_TEST_SECRET'), /AMLapsClientSecret/, /one|once|twice|already|second/i);
  refuses('without name', `<AMLapsTenant>\n</AMLapsTenant>`, /AMLapsTenant/, /name/i);
  refuses('with two names', `<AMLapsTenant a b>\nAMLapsTenantId ${ID}\n</AMLapsTenant>`, /AMLapsTenant/);
  refuses('with a name that is no word', tenant('', '"not a word"'), /AMLapsTenant/);
  refuses('with a slash in the name', tenant('', '"a/b"'), /AMLapsTenant/);
  refuses('of the same name twice', tenant() + tenant(), /AMLapsTenant/, /contoso/, /twice|already|duplicate|same name|once/i);
  refuses('with an id that is none', bare(`AMLapsTenantId "not a tenant"\nAMLapsClientId ${CLIENT}\n${SECRET}`), /AMLapsTenantId/, /GUID/i);
  refuses('with the id common', bare(`AMLapsTenantId common\nAMLapsClientId ${CLIENT}\n${SECRET}`), /AMLapsTenantId/);
  refuses('with a client id that is none', bare(`AMLapsTenantId ${ID}\nAMLapsClientId contoso.com\n${SECRET}`), /AMLapsClientId/, /GUID/i);
  refuses('with a client id a digit too short', bare(`AMLapsTenantId ${ID}\nAMLapsClientId ${CLIENT.slice(1)}\n${SECRET}`), /AMLapsClientId/, /GUID/i);
  refuses('with a client id of zeros', bare(`AMLapsTenantId ${ID}\nAMLapsClientId 00000000-0000-0000-0000-000000000000\n${SECRET}`), /AMLapsClientId/);
  refuses('with an id given twice', bare(`AMLapsTenantId ${ID}\nAMLapsTenantId ${ID}\nAMLapsClientId ${CLIENT}\n${SECRET}`), /AMLapsTenantId/);
  refuses('in an unknown cloud', tenant('AMLapsCloud moon'), /AMLapsCloud/, /global/, /usgov/);
  refuses('with a directive that is none', tenant('AMLapsNonsense x'), /AMLapsNonsense/);
  refuses('with a rule inside', tenant(GOOD_RULE), /AMLapsRule|AMLapsTenant/);
  refuses('with a CA file that is not there', tenant('AMLapsCAFile {root}/conf/missing.pem'), /AMLapsCAFile/, /missing\.pem/);
  refuses('inside a Location', `<Location /x>\n${tenant()}</Location>`, /AMLapsTenant/);
  refuses('never closed', `<AMLapsTenant contoso>\nAMLapsTenantId ${ID}`, /AMLapsTenant/);
  refuses('directives of a tenant outside of one', `AMLapsTenantId ${ID}`, /AMLapsTenantId/, /<AMLapsTenant/);
});

describe('client secret', () => {
  /** @param {string} value */
  const having = (value) => bare(`AMLapsTenantId ${ID}\nAMLapsClientId ${CLIENT}\nAMLapsClientSecret ${value}`) + GOOD_RULE;
  const NAME = /AMLapsClientSecret/;
  refuses('inline', having('"a~secret~Value"'), NAME, /file:/);
  refuses('in a file that is not there', having('file:{root}/secret/missing'), NAME, /missing/);
  refuses('in a directory', having('file:{root}/secret'), NAME);
  refuses('in an empty file', having('file:{root}/secret/empty'), NAME, /empty/i);
  refuses('in a file with blanks alone', having('file:{root}/secret/blank'), NAME, /empty|white space/i);
  refuses('in a file that everybody can read', having('file:{root}/secret/world'), NAME, /chmod|mode|0?[46][04]0|readable/i);
  refuses('in a file that everybody can write', having('file:{root}/secret/writable'), NAME);
  refuses('in a file of two lines', having('file:{root}/secret/two-lines'), NAME);
  refuses('in a file that begins with a byte order mark', having('file:{root}/secret/bom'), NAME, /secret\/bom' begins with a byte order mark; write it as UTF-8 without/);
  refuses('in a file too long', having('file:{root}/secret/long'), NAME);
  refuses('in a variable that is not set', having('env:AMLAPS_TEST_MISSING'), NAME, /AMLAPS_TEST_MISSING/);
  refuses('in an empty variable', having('env:AMLAPS_TEST_EMPTY'), NAME, /AMLAPS_TEST_EMPTY/);
  refuses('from a program that is not there', having('"exec:{root}/conf/missing"'), NAME, /missing/);
  refuses('from a program that fails', having('"exec:{root}/conf/fails"'), NAME, /fails/);
  refuses('without a path', having('file:'), NAME);
  test('that cannot be read by the one who starts httpd', async () => {
    httpd.write('conf/closed', 'a~secret', 0o000);
    httpd.configure({ amlaps: `${having('file:{root}/conf/closed')}\n${STORE}` });
    const { ok, output } = await httpd.configtestUnprivileged();
    assert.ok(!ok);
    assert.match(output, NAME);
    assert.match(output, /conf\/closed/);
  });
});

describe('roots', () => {
  for (const name of ['AMLapsLoginURL', 'AMLapsGraphURL']) {
    const pattern = new RegExp(name);
    refuses(`${name} http to another host`, tenant(`${name} http://graph.example.org`), pattern, /https/);
    refuses(`${name} http to a name that begins like loopback`, tenant(`${name} http://127.0.0.1.example.org`), pattern, /https/);
    refuses(`${name} http to localhost of another`, tenant(`${name} http://localhost.example.org`), pattern, /https/);
    refuses(`${name} with a person in it`, tenant(`${name} http://127.0.0.1@example.org`), pattern);
    refuses(`${name} of another scheme`, tenant(`${name} ftp://graph.example.org`), pattern, /https/);
    refuses(`${name} that is no URL`, tenant(`${name} graph.example.org`), pattern, /https/);
    refuses(`${name} with a query`, tenant(`${name} https://graph.example.org/?x=1`), pattern);
    refuses(`${name} with a fragment`, tenant(`${name} https://graph.example.org/#x`), pattern);
    refuses(`${name} with a space`, tenant(`${name} "https://graph example.org"`), pattern, /no root/);
    refuses(`${name} with a backslash`, tenant(`${name} "https://graph.example.org\\x"`), pattern, /no root/);
    refuses(`${name} without a host`, tenant(`${name} https://`), pattern);
  }
});

describe('rule', () => {
  const DEVICE = 'AMLapsDevice all';
  const ALLOW = 'AMLapsAllow all anyone';
  /** @param {string} name @param {string} lines @param {RegExp[]} patterns */
  const bad = (name, lines, ...patterns) => refuses(name, tenant() + rule(lines), ...patterns);
  bad('without device', ALLOW, /AMLapsDevice/, /London helpdesk/);
  bad('without allow and deny', DEVICE, /AMLapsAllow/, /AMLapsDeny/, /London helpdesk/);
  refuses('of an unknown tenant', tenant() + rule(`${DEVICE}\n${ALLOW}`, '"London helpdesk" fabrikam'), /AMLapsRule/, /fabrikam/, /AMLapsTenant|contoso/);
  refuses('of the same description twice', tenant() + GOOD_RULE + GOOD_RULE, /AMLapsRule/, /London helpdesk/);
  refuses('without description', tenant() + rule(`${DEVICE}\n${ALLOW}`, ''), /AMLapsRule/);
  refuses('with an empty description', tenant() + rule(`${DEVICE}\n${ALLOW}`, '""'), /AMLapsRule/);
  refuses('without any tenant', GOOD_RULE, /AMLapsTenant/);
  refuses('of a tenant that only another virtual host has', `${tenant()}<VirtualHost 127.0.0.1:1>\n${tenant('', 'fabrikam')}</VirtualHost>
    <VirtualHost 127.0.0.1:2>\n${rule(`${DEVICE}\n${ALLOW}`, '"London helpdesk" fabrikam')}</VirtualHost>`, /AML0103/, /fabrikam/);
  bad('for an unknown kind of device', `AMLapsDevice serial 1\n${ALLOW}`, /AMLapsDevice/, /serial/, /name/);
  bad('for a device id that is none', `AMLapsDevice id LON-001\n${ALLOW}`, /AMLapsDevice/, /GUID/i, /LON-001/);
  bad('for no device id', `AMLapsDevice id\n${ALLOW}`, /AMLapsDevice/);
  bad('for no name', `AMLapsDevice name\n${ALLOW}`, /AMLapsDevice/);
  bad('for a device group that is none', `AMLapsDevice group Kiosks\n${ALLOW}`, /AMLapsDevice/, /GUID/i);
  bad('for all and more', `AMLapsDevice all LON-*\n${ALLOW}`, /AMLapsDevice/);
  bad('with an unknown permission', `${DEVICE}\nAMLapsAllow pasword anyone`, /AMLapsAllow/, /pasword/, /password/);
  bad('with an empty permission', `${DEVICE}\nAMLapsAllow password, anyone`, /AMLapsAllow/);
  bad('with an unknown kind of person', `${DEVICE}\nAMLapsAllow password department IT`, /AMLapsAllow/, /department/, /group/);
  bad('without a kind of person', `${DEVICE}\nAMLapsAllow password`, /AMLapsAllow/);
  bad('for no user', `${DEVICE}\nAMLapsAllow password user`, /AMLapsAllow/);
  bad('for no group', `${DEVICE}\nAMLapsDeny password group`, /AMLapsDeny/);
  bad('for no role', `${DEVICE}\nAMLapsDeny password role`, /AMLapsDeny/);
  bad('for anyone and a name', `${DEVICE}\nAMLapsAllow password anyone alice`, /AMLapsAllow/);
  bad('with an unknown mode of reason', `${DEVICE}\n${ALLOW}\nAMLapsReason always`, /AMLapsReason/, /required/);
  bad('with a bad regular expression', `${DEVICE}\n${ALLOW}\nAMLapsReason required "(INC"`, /AMLapsReason/);
  bad('with a reason given twice', `${DEVICE}\n${ALLOW}\nAMLapsReason required\nAMLapsReason optional`, /AMLapsReason/);
  bad('with an empty choice', `${DEVICE}\n${ALLOW}\nAMLapsReasonChoice ""`, /AMLapsReasonChoice/);
  bad('with a choice of nothing', `${DEVICE}\n${ALLOW}\nAMLapsReasonChoice`, /AMLapsReasonChoice takes reasons in quotes/);
  bad('with too many choices', `${DEVICE}\n${ALLOW}\nAMLapsReasonChoice ${'a '.repeat(13)}`, /AMLapsReasonChoice: more than 12/);
  bad('with a QR code by another word', `${DEVICE}\n${ALLOW}\nAMLapsQR yes`, /AMLapsQR: "yes" is neither on nor off/);
  bad('with a QR code twice', `${DEVICE}\n${ALLOW}\nAMLapsQR on\nAMLapsQR off`, /AMLapsQR: .*keep one line/);
  refuses('a style sheet from elsewhere', `${tenant()}AMLapsStyle https://example.com/a.css`, /AMLapsStyle: write a path on this server .*style\.css/);
  refuses('a style sheet with characters of markup', `${tenant()}AMLapsStyle "/a.css\\"><script>"`, /AMLapsStyle: write a path of letters, digits/);
  refuses('an empty text for the result', `${tenant()}AMLapsResult ""`, /AMLapsResult/);
  refuses('directives of a rule outside of one', `${tenant()}AMLapsDevice all`, /AMLapsDevice/, /<AMLapsRule/);
  refuses('inside a Location', `${tenant()}<Location /x>\n${GOOD_RULE}</Location>`, /AMLapsRule/);
});

describe('channel', () => {
  /** @param {string} lines @param {string} [name] */
  const channel = (lines, name = 'soc') => `<AMLapsChannel ${name}>\n${lines}\n</AMLapsChannel>\n`;
  const HOOK = 'AMLapsWebhook json https://siem.example/hook';
  const MAIL = 'AMLapsMail smtp://mail.example:587 laps@contoso.com soc@contoso.com';
  const SOC = channel(HOOK);
  const base = tenant() + GOOD_RULE;
  /** @param {string} name @param {string} lines */
  const good = (name, lines) => accepts(name, base + lines);
  /** @param {string} name @param {string} lines @param {RegExp[]} patterns */
  const bad = (name, lines, ...patterns) => refuses(name, base + lines, ...patterns);

  good('webhooks of every kind', ['json', 'slack', 'Teams'].map((kind) => channel(`AMLapsWebhook ${kind} https://h.example/x?sig=a%20b`, kind)).join('') + 'AMLapsNotify all json slack Teams');
  good('a URL in a file, a secret, and all settings', `${channel(`AMLapsWebhook json file:{root}/secret/url\nAMLapsWebhookSecret file:{root}/secret/whsec\nAMLapsRequired on
    AMLapsGiveUp 3600\nAMLapsCAFile {root}/conf/ca.pem`)}AMLapsNotify success soc`);
  good('mail with a login and a template', `${channel(`${MAIL} leads@contoso.com\nAMLapsMailLogin laps file:{root}/secret/good\nAMLapsTemplate {root}/conf/mail.txt`)}AMLapsNotify failure soc`);
  good('a rule that tells', `${SOC}${rule(`AMLapsDevice all\nAMLapsAllow all anyone\nAMLapsNotify success soc\nAMLapsNotify all soc`, '"Telling"')}`);
  good('a virtual host that tells the main server\'s channel and one of its own', `${SOC}<VirtualHost 127.0.0.1:1>\n${channel(HOOK, 'own')}AMLapsNotify all soc own\n</VirtualHost>`);

  bad('without name', '<AMLapsChannel>\n</AMLapsChannel>', /AMLapsChannel/, /name/);
  bad('with a name that is none', channel(HOOK, '"so c"'), /AMLapsChannel/, /no name/);
  bad('twice', SOC + channel(HOOK, 'SOC'), /AMLapsChannel/, /duplicate/);
  bad('of the same name in two virtual hosts', `<VirtualHost 127.0.0.1:1>\n${SOC}</VirtualHost>\n<VirtualHost 127.0.0.1:2>\n${SOC}</VirtualHost>`, /AML0520/, /duplicate/);
  bad('neither webhook nor mail', channel('AMLapsRequired on'), /AMLapsWebhook/, /AMLapsMail/);
  bad('both', channel(`${HOOK}\n${MAIL}`), /both/);
  bad('a kind that is none', channel('AMLapsWebhook discord https://h.example/'), /AMLapsWebhook/, /json, slack or teams/);
  bad('no URL', channel('AMLapsWebhook json h.example'), /AMLapsWebhook/, /https:/);
  bad('in clear', channel('AMLapsWebhook json http://h.example/'), /AMLapsWebhook/, /in clear/);
  bad('a URL from a program', channel('AMLapsWebhook json exec:/bin/true'), /AMLapsWebhook/, /file:PATH/);
  bad('a URL in a file that is not there', channel('AMLapsWebhook slack file:{root}/secret/missing'), /AMLapsWebhook/, /missing/);
  bad('a URL in a file that everybody reads', channel('AMLapsWebhook slack file:{root}/secret/world'), /AMLapsWebhook/, /chmod/);
  bad('a file that holds no URL', channel('AMLapsWebhook slack file:{root}/secret/good'), /AMLapsWebhook/, /https:/);
  bad('two webhooks', channel(`${HOOK}\n${HOOK}`), /AMLapsWebhook/, /twice/);
  bad('a secret inline', channel(`${HOOK}\nAMLapsWebhookSecret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`), /AMLapsWebhookSecret/, /file:/);
  bad('a secret that is none', channel(`${HOOK}\nAMLapsWebhookSecret file:{root}/secret/good`), /AMLapsWebhookSecret/, /whsec_/, /openssl rand/);
  bad('a secret for a mail', channel(`${MAIL}\nAMLapsWebhookSecret file:{root}/secret/whsec`), /AMLapsWebhookSecret/, /leave it out/);
  bad('a mail server of another scheme', channel('AMLapsMail https://mail.example a@b.example c@d.example'), /AMLapsMail/, /smtp:/);
  bad('a mail to nobody', channel('AMLapsMail smtp://mail.example a@b.example'), /AMLapsMail/, /recipients/);
  bad('an address with a name', channel('AMLapsMail smtp://mail.example a@b.example "Alice <a@b.example>"'), /AMLapsMail/, /no mail address/);
  bad('a login without a password', channel(`${MAIL}\nAMLapsMailLogin laps`), /AMLapsMailLogin/, /file:PATH/);
  bad('a login with an inline password', channel(`${MAIL}\nAMLapsMailLogin laps a~secret`), /AMLapsMailLogin/, /file:/);
  bad('a login for a webhook', channel(`${HOOK}\nAMLapsMailLogin laps file:{root}/secret/good`), /AMLapsMailLogin/, /leave it out/);
  for (const line of ['AMLapsRequired on', 'AMLapsGiveUp 60']) bad(`${line} twice`, channel(`${HOOK}\n${line}\n${line.replace('on', 'off')}`), /AMLaps(Required|GiveUp) stands twice in this section/);
  bad('required by another word', channel(`${HOOK}\nAMLapsRequired always`), /AMLapsRequired/);
  bad('a template that is not there', channel('AMLapsWebhook slack https://h.example/\nAMLapsTemplate {root}/conf/missing'), /AMLapsTemplate/, /conf\/notify/);
  bad('a template with broken JSON', channel('AMLapsWebhook slack https://h.example/\nAMLapsTemplate {root}/conf/text'), /AMLapsTemplate/, /no JSON/);
  bad('a template with an unknown placeholder', channel('AMLapsWebhook teams https://h.example/\nAMLapsTemplate {root}/conf/teams.json'), /AMLapsTemplate/, /'\{pasword\}'/, /\{reason\}/);
  bad('a template of a folder', channel('AMLapsWebhook teams https://h.example/\nAMLapsTemplate {root}/conf'), /AMLapsTemplate/);
  bad('a template for JSON', channel(`${HOOK}\nAMLapsTemplate {root}/conf/teams.json`), /AMLapsTemplate/, /no template/);
  bad('a mail without subject', channel(`${MAIL}\nAMLapsTemplate {root}/conf/text`), /AMLapsTemplate/, /begins with a line "Subject: \.\.\."/);
  for (const value of ['0', 'x', '-1', '604801', '1.5']) bad(`given up after ${value}`, channel(`${HOOK}\nAMLapsGiveUp ${value}`), /AMLapsGiveUp/, /604800/);
  bad('a CA file that is none', channel(`${HOOK}\nAMLapsCAFile {root}/conf/text`), /AMLapsCAFile/, /no PEM/);
  bad('a directive of a tenant inside', channel(`${HOOK}\nAMLapsCloud global`), /AMLapsCloud/, /AMLapsWebhook/);
  bad('directives of a channel outside of one', HOOK, /AMLapsWebhook/, /<AMLapsChannel/);
  bad('inside a Location', `<Location /x>\n${SOC}</Location>`, /AMLapsChannel/);
  bad('an unknown channel is told', `${SOC}AMLapsNotify all sock`, /AMLapsNotify/, /'sock'/, /write one of soc/);
  bad('an unknown channel is told, and there is none', 'AMLapsNotify all sock', /AMLapsNotify/, /<AMLapsChannel NAME>/);
  bad('an unknown channel is told by a rule', SOC + rule('AMLapsDevice all\nAMLapsAllow all anyone\nAMLapsNotify failure soc sock', '"Telling"'), /AMLapsNotify/, /'sock'/);
  bad('told of something else', `${SOC}AMLapsNotify sometimes soc`, /AMLapsNotify/, /success, failure and all/);
  bad('nobody is told', `${SOC}AMLapsNotify all`, /AMLapsNotify/, /names of channels/);
  test('a channel that is told nothing is a warning', async () => {
    const { ok, output } = await configtest(`${base}${SOC}${STORE}`);
    assert.ok(ok, output);
    assert.match(output, /AML0521: .*:\d+: <AMLapsChannel soc> is told nothing/);
    assert.doesNotMatch((await configtest(`${base}${SOC}AMLapsNotify all soc\n${STORE}`)).output, /AML0521/);
  });
});

describe('everything else', () => {
  /** @param {string} line @param {RegExp[]} patterns */
  const bad = (line, ...patterns) => refuses(line, `${tenant()}${GOOD_RULE}${line}`, new RegExp(line.split(' ')[0]), ...patterns);
  for (const value of ['user', 'user 10', 'user 10/week', 'user 0/minute', 'user -1/minute', 'user x/minute', 'user 10/minute,50/hour',
    'user 99999999999999999999/minute', 'everybody 10/minute']) {
    bad(`AMLapsLimit ${value}`);
  }
  bad('AMLapsLimit user 10/fortnight', /minute/, /hour/, /day/);
  bad('AMLapsLimit user 10/minute 20/minute', /"20\/minute" is the second limit for that period/);
  for (const tag of ['klingon', 'english', 'de_DE', 'e', 'en-', '-en', 'en--US', '12', 'en-123456789']) bad(`AMLapsLanguage ${tag}`, /no language tag; write one such as en/);
  for (const value of ['', 'mysql:x', 'sqlite3:', 'amlaps.db', 'sqlite3:{root}/state/', 'sqlite3:{root}/conf/httpd.conf/amlaps.db',
    'sqlite3:{root}/missing/missing/amlaps.db']) {
    bad(`AMLapsStore ${value}`, ...(value === 'mysql:x' || value === 'amlaps.db' ? [/sqlite3:/] : []));
  }
  for (const [conninfo, pattern] of /** @type {[string, RegExp][]} */ ([
    ['', /dbname=/], ['dbname', /connection string/], ['dbname=x nonsense=y', /nonsense/], ['host=/tmp', /dbname=/],
    ['dbname=x password=a~secret', /pgsql:file:/], ['dbname=x sslpassword=a~secret', /pgsql:file:/],
    ['postgresql://amlaps:a~secret@localhost/amlaps', /pgsql:file:/], ["dbname=x password='a~secret", /connection string/],
    ['dbname=x service=y', /service/], ['dbname=x host=a,b port=1,2,3', /number/], ['dbname=x target_session_attrs=standby', /read-write/],
    ['dbname=x host=db.example.com', /sslmode=verify-full/], ['dbname=x host=127.0.0.1,10.1.2.3', /10\.1\.2\.3.*sslmode=verify-full/],
    ['dbname=x host=localhost hostaddr=10.1.2.3', /sslmode=verify-full/], ['dbname=x host=db.example.com sslmode=require', /sslmode=verify-full/],
    ['dbname=x host=db.example.com sslmode=verify-full', /sslrootcert=/],
    ['dbname=x host=db.example.com sslmode=verify-full sslrootcert={root}/missing.pem', /missing\.pem/],
    ['file:{root}/missing', /missing/], ['file:{root}/secret/store-open', /chmod o=/], ['file:{root}/secret/store-words', /connection string/],
  ])) bad(`AMLapsStore pgsql:${conninfo}`, pattern);
  for (const name of ['AMLapsStoreTimeout', 'AMLapsGraphTimeout', 'AMLapsGraphConnections', 'AMLapsCacheTime']) {
    for (const value of ['x', '-1', '1.5', '99999999999', '']) bad(`${name} ${value}`);
  }
  bad('AMLapsGraphTimeout 8', /8|less|under|7/);
  bad('AMLapsGraphConnections 0');
  bad('AMLapsGraphTimeout 0');
  bad('AMLapsStoreTimeout 0');
  bad('AMLapsHtdocs {root}/missing', /missing/);
  bad('AMLapsAuditLog {root}/missing/audit.log', /missing/);
  bad('AMLapsAuditLog {root}/logs/audit.log sometimes', /required/);
  bad('AMLapsAuditLog syslog:kern', /'kern' is no facility; write auth, /);
  bad('AMLapsAuditLog syslog:', /'' is no facility/);
  bad('AMLapsAuditLog syslog:user:dev/log', /'dev\/log' is no socket/);
  bad('AMLapsAuditLog syslog:user:', /'' is no socket/);
  bad('AMLapsAuditLog "|cat"', /'cat' is no program; write its full path/);
  bad('AMLapsAuditLog "|/missing/program -x"', /'\/missing\/program' is no program/);
  bad('AMLapsAuditLog "|{root}/conf/httpd.conf"', /is no program/);
  bad('AMLapsAuditLog "|"', /is no program/);
  bad('AMLapsAuditLog "|$"', /write a command/);
  bad('AMLapsAuditLog');
  bad('AMLapsAuditLog required', /takes the path of a file/);
  bad('AMLapsAuditSeal');
  bad('AMLapsAuditSeal {root}/seal/second-name', /second name/);
  for (const [what, host] of [['store', 'AMLapsStore sqlite3:{root}/state/other.db'], ['sealing state', 'AMLapsAuditSeal {root}/seal/first-name']]) {
    test(`a virtual host with its own ${what} alone`, async () => {
      fs.rmSync(httpd.path('seal/second-name'), { force: true });
      const { ok, output } = await configtest(`${tenant()}${GOOD_RULE}${STORE}\nAMLapsAuditSeal {root}/seal/state\n<VirtualHost 127.0.0.1:1>\n${host}\n</VirtualHost>`);
      assert.ok(!ok, output);
      assert.match(output, /AML0198: .*AMLapsAuditSeal: .*give each AMLapsStore an AMLapsAuditSeal of its own/);
    });
  }
  bad('AMLapsAuditSeal seal/state seal/state');
  bad('AMLapsAuditSeal {root}/seal/missing', /no sealing state/, /amlaps-audit init \S+\/seal\/missing STORE/);
  bad('AMLapsAuditSeal {root}/missing/state', /no folder/);
  bad('AMLapsAuditSeal {root}/seal', /no plain file/);
  bad('AMLapsAuditSeal {root}/seal/link', /no plain file/);
  bad('AMLapsAuditSeal {root}/seal/readable', /chmod 0600/);
  bad('AMLapsAuditSeal {root}/open/state', /may write to the folder/);
  for (const role of ['AMLapsAuditor', 'AMLapsOperator']) {
    bad(role, /: write KIND VALUE/);
    bad(`${role} everybody`);
    bad(`${role} user`);
    bad(`${role} anyone alice@contoso.com`);
  }
});
