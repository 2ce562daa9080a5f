// @ts-check
/** A mail server on the loopback interface that writes down every command, and misbehaves as a test wants it. */
import net from 'node:net';
import tls from 'node:tls';
import { waitFor } from './wait.mjs';

/**
 * @typedef {{ line: string, secure: boolean }} Command
 * @typedef {{ from: string, to: string[], text: string, secure: boolean, user?: string }} Mail
 * @typedef {{
 *   tls?: { key: string, cert: string },
 *   implicit?: boolean,
 *   starttls?: boolean,
 *   login?: { user: string, password: string },
 * }} SmtpOptions  `implicit`: TLS from the start; `starttls`: offered where `tls` is there, unless false
 */

export class Smtp {
  /** @param {SmtpOptions} options */
  constructor(options) {
    this.options = options;
    /** @type {Command[]} */
    this.commands = [];
    /** @type {Mail[]} */
    this.mails = [];
    /** What a client is greeted with. */
    this.greeting = '220 test ESMTP';
    /** The reply to a command, where it is not to be the usual one; empty: none. @type {(command: string) => string | undefined} */
    this.reply = () => undefined;
    /** Milliseconds before each reply. */
    this.slowness = 0;
    /** @type {Set<net.Socket>} */
    this.sockets = new Set();
    this.server = options.implicit ? tls.createServer({ ...options.tls }, (socket) => this.#serve(socket, true))
      : net.createServer((socket) => this.#serve(socket, false));
    this.server.on('tlsClientError', () => {});
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => {});
    });
  }

  get port() {
    return /** @type {net.AddressInfo} */ (this.server.address()).port;
  }

  /** @param {string} [host] */
  url(host = 'localhost') {
    return `${this.options.implicit ? 'smtps' : 'smtp'}://${host}:${this.port}`;
  }

  /** @param {net.Socket} socket @param {boolean} secure @param {boolean} [greets] */
  #serve(socket, secure, greets = true) {
    // a QUIT that comes after a reset belongs to what was before
    const state = { secure, commands: this.commands, buffer: '', data: /** @type {string | null} */ (null), from: '', to: /** @type {string[]} */ ([]), user: '', auth: '' };
    const say = (/** @type {string} */ line) => setTimeout(() => { if (socket.writable) socket.write(`${line}\r\n`); }, this.slowness);
    socket.on('error', () => {});
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      state.buffer += chunk;
      for (let end = state.buffer.indexOf('\r\n'); end >= 0; end = state.buffer.indexOf('\r\n')) {
        const line = state.buffer.slice(0, end);
        state.buffer = state.buffer.slice(end + 2);
        if (state.data !== null) this.#text(state, line, say);
        else if (this.#command(state, line, say, socket)) return;
      }
    });
    if (greets) say(this.greeting);
  }

  /** One line of a mail. @param {any} state @param {string} line @param {(line: string) => void} say */
  #text(state, line, say) {
    if (line !== '.') {
      state.data += `${line.startsWith('.') ? line.slice(1) : line}\r\n`;
      return;
    }
    const refusal = this.reply('.');
    if (!refusal || refusal.startsWith('2')) {
      this.mails.push({ from: state.from, to: state.to, text: Buffer.from(state.data, 'latin1').toString(), secure: state.secure, user: state.user });
    }
    state.data = null;
    say(refusal ?? '250 taken');
  }

  /** @param {any} state @param {string} line @param {(line: string) => void} say @param {net.Socket} socket @returns {boolean} the connection goes on in TLS */
  #command(state, line, say, socket) {
    state.commands.push({ line, secure: state.secure });
    const word = line.split(' ')[0].toUpperCase();
    const other = this.reply(line);
    if (other !== undefined) {
      if (other) say(other);
      return false;
    }
    if (state.auth) {
      this.#password(state, line, say);
    } else if (word === 'EHLO') {
      const offers = [
        ...(this.options.tls && this.options.starttls !== false && !state.secure ? ['STARTTLS'] : []),
        ...(this.options.login ? ['AUTH PLAIN LOGIN'] : []),
      ];
      say(['test', ...offers].map((text, i, all) => `250${i === all.length - 1 ? ' ' : '-'}${text}`).join('\r\n'));
    } else if (word === 'STARTTLS' && this.options.tls) {
      this.#startTls(socket);
      return true;
    } else if (word === 'AUTH') {
      state.auth = line.split(' ')[1];
      if (line.split(' ')[2]) this.#password(state, line.split(' ')[2], say);
      else say('334 ');
    } else if (word === 'MAIL') {
      state.from = /<(.*?)>/.exec(line)?.[1] ?? '';
      state.to = [];
      say('250 ok');
    } else if (word === 'RCPT') {
      state.to.push(/<(.*?)>/.exec(line)?.[1] ?? '');
      say('250 ok');
    } else if (word === 'DATA') {
      state.data = '';
      say('354 go on');
    } else if (word === 'QUIT') {
      say('221 bye');
      setTimeout(() => socket.end(), this.slowness + 5);
    } else {
      say('502 unknown');
    }
    return false;
  }

  /** @param {any} state @param {string} answer @param {(line: string) => void} say */
  #password(state, answer, say) {
    const [, user, password] = Buffer.from(answer, 'base64').toString().split('\0');
    const { login } = this.options;
    state.auth = '';
    if (login && user === login.user && password === login.password) {
      state.user = user;
      say('235 welcome');
    } else {
      say('535 no');
    }
  }

  /** @param {net.Socket} socket */
  #startTls(socket) {
    socket.removeAllListeners('data');
    socket.setEncoding();
    socket.write('220 go\r\n', () => {
      const secured = new tls.TLSSocket(socket, { isServer: true, ...this.options.tls });
      secured.on('error', () => {});
      // no second greeting
      this.#serve(secured, true, false);
    });
  }

  /** Mails that came. @param {number} count @param {number} [timeout] */
  async until(count, timeout = 20000) {
    await waitFor(`${count} mails`, () => this.mails.length >= count, { timeout });
    return this.mails;
  }

  reset() {
    this.commands = [];
    this.mails = [];
    this.greeting = '220 test ESMTP';
    this.reply = () => undefined;
    this.slowness = 0;
  }

  /** @returns {Promise<void>} */
  close() {
    this.sockets.forEach((socket) => socket.destroy());
    return new Promise((resolve) => { this.server.close(() => resolve()); });
  }
}

/** @param {SmtpOptions} [options] @returns {Promise<Smtp>} */
export async function startSmtp(options = {}) {
  const smtp = new Smtp(options);
  await new Promise((resolve) => { smtp.server.listen(0, '127.0.0.1', () => resolve(undefined)); });
  return smtp;
}
