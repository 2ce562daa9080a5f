// @ts-check
/** Mail: never in clear off this machine, nothing of a person's in a header or command, kept until the server takes it. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { makeAuthority, makeCertificate } from '../entra/certificate.mjs';
import { DEVICES } from '../entra/world.mjs';
import { assertOk, assertProblem } from '../lib/expect.mjs';
import { startSmtp } from '../lib/smtp.mjs';
import { findSecret } from '../lib/secrets.mjs';
import { startStage } from '../lib/stage.mjs';
import { query } from '../lib/store.mjs';
import { waitFor } from '../lib/wait.mjs';

/** @param {string} name @param {string} lines */
const channel = (name, lines) => `<AMLapsChannel ${name}>\n${lines}\n</AMLapsChannel>\n`;
const TO = 'laps@contoso.com soc@contoso.com leads@contoso.com';
const PASSWORD = 'mail~password~0123';

/** Headers of a mail, unfolded, and its text. @param {string} mail */
function read(mail) {
  const end = mail.indexOf('\r\n\r\n');
  const lines = mail.slice(0, end).replace(/\r\n[ \t]/g, ' ').split('\r\n');
  return {
    headers: lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
    text: Buffer.from(mail.slice(end + 4).replace(/\r\n/g, ''), 'base64').toString(),
  };
}
/** Encoded words (RFC 2047). @param {string} value */
const decode = (value) => value.split(' ').map((word) => Buffer.from(/^=\?UTF-8\?B\?(.*)\?=$/.exec(word)?.[1] ?? assert.fail(word), 'base64').toString()).join('');
/** @param {import('../lib/smtp.mjs').Smtp} smtp */
const lines = (smtp) => smtp.commands.map(({ line }) => line.replace(/^EHLO .*/, 'EHLO'));
const WITH_TLS = ['EHLO', 'STARTTLS', 'EHLO', 'MAIL FROM:<laps@contoso.com>', 'RCPT TO:<soc@contoso.com>', 'RCPT TO:<leads@contoso.com>', 'DATA', 'QUIT'];

describe('mail', () => {
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  /** @type {Record<'starttls' | 'implicit' | 'plain' | 'login' | 'noTls' | 'badCertificate' | 'wrongName', import('../lib/smtp.mjs').Smtp>} */
  let servers;
  before(async () => {
    const { ca, servers: good } = await makeAuthority({ right: {}, wrong: { names: ['DNS:mail.example'] } });
    const self = await makeCertificate();
    servers = {
      starttls: await startSmtp({ tls: good.right }), implicit: await startSmtp({ tls: good.right, implicit: true }), plain: await startSmtp(),
      login: await startSmtp({ tls: good.right, login: { user: 'laps', password: PASSWORD } }),
      noTls: await startSmtp({ tls: good.right, starttls: false }), badCertificate: await startSmtp({ tls: self }), wrongName: await startSmtp({ tls: good.wrong }),
    };
    const mail = (/** @type {keyof typeof servers} */ name, more = '') => channel(name, `AMLapsMail ${servers[name].url()} ${TO}\n${more}`);
    const withCa = 'AMLapsCAFile {root}/conf/ca.pem';
    stage = await startStage({
      files: { 'conf/ca.pem': ca, 'secret/mail': { content: `${PASSWORD}\n`, mode: 0o400 } }, sessionCache: 'file',
      amlaps: [
        mail('starttls', withCa), mail('implicit', withCa), mail('plain'), mail('login', `${withCa}\nAMLapsMailLogin laps file:{root}/secret/mail`),
        mail('noTls', withCa), mail('badCertificate', withCa), mail('wrongName', withCa),
        `AMLapsNotify success ${Object.keys(servers).join(' ')}\nAMLapsNotify failure plain`,
      ].join('\n'),
    });
  });
  after(async () => {
    try {
      await stage?.close([/amlaps:.*AML051[24]/]);
    } finally {
      await Promise.all(Object.values(servers ?? {}).map((server) => server.close()));
    }
  });
  afterEach(() => Object.values(servers).forEach((server) => server.reset()));

  test('goes out by STARTTLS, by TLS from the start, and in clear on this machine alone', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    const { id } = assertOk(await helpdesk.password('contoso', DEVICES.lon001, { reason: 'INC0012345 – größer' }));
    const [mail] = await servers.starttls.until(1);
    assert.deepEqual([mail.from, mail.to, mail.secure], ['laps@contoso.com', ['soc@contoso.com', 'leads@contoso.com'], true]);
    assert.deepEqual([(await servers.implicit.until(1))[0].secure, (await servers.plain.until(1))[0].secure], [true, false]);
    await waitFor('QUIT', () => lines(servers.starttls).at(-1) === 'QUIT');
    assert.deepEqual(lines(servers.starttls), WITH_TLS);
    const { headers, text } = read(mail.text);
    assert.deepEqual(headers.map(([name]) => name), ['Date', 'From', 'To', 'Subject', 'Message-ID', 'MIME-Version', 'Content-Type', 'Content-Transfer-Encoding', 'Auto-Submitted']);
    const header = Object.fromEntries(headers);
    assert.equal(decode(header.Subject), 'The password of LON-001 shown to Hanna Helpdesk (helpdesk@contoso.com)');
    assert.equal(header.To, 'soc@contoso.com, leads@contoso.com');
    assert.equal(header['Message-ID'], `<${id}-granted.starttls@contoso.com>`);
    const record = (await stage.records()).at(-1);
    assert.equal(Date.parse(header.Date), Math.floor(Date.parse(record.time) / 1000) * 1000);
    assert.match(text, /^Reason: {3}INC0012345 – größer\r$/m);
    assert.match(text, new RegExp(`^Audit id: ${id}\r$`, 'm'));
    for (const [name, secret] of Object.entries(stage.secrets())) assert.deepEqual(findSecret(name, secret, 'mail', mail.text + text), []);
    assert.ok(mail.text.split('\r\n').every((line) => line.length < 77 || line.startsWith('Message-ID: ')));
  });

  test('without STARTTLS or with a certificate that nobody trusts nothing is said, and it stays queued', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    assertOk(await helpdesk.password('contoso', DEVICES.lon001, { reason: 'secret reason' }));
    for (const name of /** @type {const} */ (['noTls', 'badCertificate', 'wrongName'])) {
      const server = servers[name];
      await waitFor(`${name} to be tried and to stay queued`, async () => server.commands.length > 0
        && (await query(stage.store, `SELECT why FROM notification WHERE channel = '${name}' AND why IS NOT NULL`)).length > 0);
      assert.deepEqual([...new Set(lines(server))].filter((line) => line !== 'EHLO' && line !== 'STARTTLS'), [], name);
      assert.equal(server.mails.length, 0);
    }
    const why = async (/** @type {string} */ name) => (await query(stage.store, `SELECT why FROM channel WHERE name = '${name}'`))[0].why;
    assert.match(await why('noTls'), /STARTTLS/);
    assert.match(await why('badCertificate'), /certificate is not trusted/);
    assert.match(await why('wrongName'), /certificate is not trusted/);
  });

  test('the login goes over TLS, and a wrong one is told', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    const [mail] = await servers.login.until(1);
    assert.deepEqual([mail.user, mail.secure], ['laps', true]);
    const said = servers.login.commands.filter(({ line }) => /^AUTH|^[A-Za-z0-9+/=]{12,}$/.test(line));
    assert.ok(said.length > 0 && said.every(({ secure }) => secure));
    servers.login.reset();
    servers.login.reply = (line) => (line.startsWith('AUTH') ? '535 5.7.8 no' : undefined);
    assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    await waitFor('the failure', async () => /login/.test((await query(stage.store, "SELECT why FROM channel WHERE name = 'login'"))[0].why ?? ''));
    servers.login.reset();
    await servers.login.until(1, 30000);
  });

  test('a greylist is waited for; a final refusal is a dead letter', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    let tries = 0;
    servers.starttls.reply = (line) => (line.startsWith('RCPT') && tries++ < 1 ? '450 4.7.1 greylisted' : undefined);
    servers.implicit.reply = (line) => (line.startsWith('RCPT') ? '550 5.1.1 nobody here' : undefined);
    const { id } = assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    const [mail] = await servers.starttls.until(1);
    assert.equal(Object.fromEntries(read(mail.text).headers)['Message-ID'], `<${id}-granted.starttls@contoso.com>`);
    const [letter] = await waitFor('a dead letter', async () => {
      const rows = await query(stage.store, "SELECT why, body FROM notification WHERE channel = 'implicit' AND dead = 1");
      return rows.length > 0 && rows;
    });
    assert.match(letter.why, /refuses the mail, its sender or a recipient: 550 5\.1\.1 nobody here$/);
    assert.equal(JSON.parse(letter.body).id, id);
    servers.plain.reply = (line) => (line === '.' ? '554 5.7.1 spam' : undefined);
    const { id: spam } = assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    const why = await waitFor('the dead letter of what was refused at its end', async () => (await query(stage.store,
      `SELECT why FROM notification WHERE channel = 'plain' AND dead = 1 AND body LIKE '%${spam}%'`))[0]?.why);
    assert.match(why, /554 5\.7\.1 spam$/);
  });

  test('a server that turns away whoever comes says nothing of the mail: it waits', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    servers.plain.greeting = '554-5.7.1 not from there\r\n554 5.7.1 try elsewhere';
    servers.implicit.reply = (line) => (/^(EHLO|HELO)/.test(line) ? '502 5.5.1 no' : undefined);
    servers.starttls.reply = (line) => (line === 'STARTTLS' ? '554 5.7.3 no certificate' : undefined);
    servers.login.reply = (line) => (line.startsWith('AUTH') ? '504 5.5.4 not like this' : undefined);
    assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    for (const [name, told] of /** @type {const} */ ([
      ['plain', /takes no mail from this machine: 554 5\.7\.1 try elsewhere$/], ['implicit', /takes no mail from this machine: 502 5\.5\.1 no$/],
      ['starttls', /STARTTLS denied, code 554/], ['login', /refuses the login/],
    ])) {
      const [row] = await waitFor(`${name} to be tried`, async () => {
        const rows = await query(stage.store, `SELECT dead, why FROM notification WHERE channel = '${name}' AND why IS NOT NULL AND n = (SELECT max(n) FROM notification WHERE channel = '${name}')`);
        return rows.length > 0 && rows;
      });
      assert.match(row.why, told);
      assert.equal(row.dead, 0, name);
      servers[name].reset();
    }
    for (const name of /** @type {const} */ (['plain', 'implicit', 'starttls', 'login'])) await servers[name].until(1, 30000);
  });

  test('a tarpit delays neither a reveal nor another channel', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    servers.plain.slowness = 4000;
    const begun = Date.now();
    for (let i = 0; i < 3; i++) assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    assert.ok(Date.now() - begun < 4000);
    await servers.starttls.until(3);
    assert.equal(servers.plain.mails.length, 0);
    await waitFor('the tarpit to be given up', async () => /no answer in time/.test((await query(stage.store, "SELECT why FROM channel WHERE name = 'plain'"))[0].why ?? ''),
      { timeout: 30000 });
    servers.plain.reset();
    await servers.plain.until(3, 60000);
  });

  test('text of people becomes no command and no header', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    const device = stage.device('LON-001');
    const { displayName } = device;
    try {
      device.displayName = 'LON-001\r\nBcc: <evil@evil.example>\r\n.\r\nMAIL FROM:<evil@evil.example>';
      await stage.httpd.renew(); // what was kept of the device goes
      const reason = 'x\n.\nMAIL FROM:<evil@evil.example>\nRCPT TO:<evil@evil.example>\nDATA\nSubject: =?UTF-8?B?ZXZpbA==?= http://evil.example';
      assertOk(await helpdesk.password('contoso', DEVICES.lon001, { reason }));
      const [mail] = await servers.plain.until(1);
      await waitFor('QUIT', () => lines(servers.plain).at(-1) === 'QUIT');
      assert.deepEqual(lines(servers.plain), WITH_TLS.filter((line, i) => i === 0 || i > 2));
      const { headers, text } = read(mail.text);
      assert.equal(headers.length, 9);
      assert.ok(!/evil/.test(mail.text));
      const subject = decode(Object.fromEntries(headers).Subject);
      assert.match(subject, /^The password of LON-001 {2}Bcc: <evil@evil\[\.\]example>/);
      assert.ok(!/[\r\n]/.test(subject));
      assert.ok(text.split('\r\n').every((line) => !/^(\.|Bcc|MAIL|RCPT|DATA|Subject)/.test(line)));
      assert.ok(!text.includes('://') && !text.includes('evil.example'));
    } finally {
      device.displayName = displayName;
    }
  });

  test('what waits is kept over a restart', async () => {
    const nobody = await stage.signIn('nobody');
    servers.plain.reply = () => '421 busy';
    const { id } = assertProblem(await nobody.password('contoso', DEVICES.lon001), 'not_authorized');
    await waitFor('an attempt', () => servers.plain.commands.length > 0);
    await stage.httpd.stop();
    servers.plain.reset();
    await stage.httpd.start();
    const mails = await servers.plain.until(1);
    assert.ok(mails.some((mail) => mail.text.includes(`<${id}-denied.plain@contoso.com>`)));
  });
});

test('a server that took the mail and never says goodbye holds up nobody', async () => {
  const smtp = await startSmtp();
  const stage = await startStage({ amlaps: `${channel('must', `AMLapsMail ${smtp.url()} ${TO}\nAMLapsRequired on`)}AMLapsNotify success must` });
  try {
    const helpdesk = await stage.signIn('helpdesk');
    smtp.reply = (line) => (line === 'QUIT' ? '' : undefined);
    const begun = Date.now();
    assertOk(await helpdesk.password('contoso', DEVICES.lon001));
    assert.ok(Date.now() - begun < 3000, `${Date.now() - begun} ms`);
    assert.equal(smtp.mails.length, 1);
    smtp.reply = (line) => (line === 'QUIT' ? '' : line.startsWith('RCPT') ? '450 4.7.1 later' : undefined);
    assertProblem(await helpdesk.password('contoso', DEVICES.lon001), 'notification_failed');
    assert.ok(Date.now() - begun < 10000, `${Date.now() - begun} ms`);
  } finally {
    await smtp.close();
    await stage.close([/amlaps:.*AML051/]);
  }
});
