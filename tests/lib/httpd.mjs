// @ts-check
/** The real httpd in a fresh server root of its own. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { assertErrorLogClean } from './errorlog.mjs';
import { httpdConf } from './httpd-conf.mjs';
import { CHILD_USER, HTDOCS, httpdInstallation } from './paths.mjs';
import { freePort } from './ports.mjs';
import './signals.mjs';
import { waitFor } from './wait.mjs';

/**
 * @typedef {Omit<import('./httpd-conf.mjs').ConfOptions, 'root' | 'port'> & {
 *   port?: number,
 *   env?: Record<string, string>,
 *   files?: Record<string, string | { content: string, mode?: number }>,
 * }} HttpdOptions  `files` are written below the server root; `{root}` and `{port}` in any text are replaced
 */

/** Everything that must not outlive this process, whatever ends it. @type {Set<Httpd>} */
const living = new Set();
process.on('exit', () => living.forEach((httpd) => httpd.discard()));

/** Whether a server listens on the port. @param {number} port @returns {Promise<boolean>} */
function listens(port) {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => { socket.destroy(); resolve(true); });
    socket.once('error', () => resolve(false));
  });
}

/** The user that the children run as. */
function childIds() {
  const line = fs.readFileSync('/etc/passwd', 'utf8').split('\n').find((l) => l.startsWith(`${CHILD_USER}:`));
  if (!line) throw new Error(`no user ${CHILD_USER} for the children of httpd; AMLAPS_HTTPD_USER names another one`);
  const [, , uid, gid] = line.split(':').map(Number);
  return { uid, gid };
}

export class Httpd {
  /** @param {string} root @param {number} port @param {HttpdOptions} options */
  constructor(root, port, options) {
    this.root = root;
    this.port = port;
    this.options = options;
    this.origin = `http://${options.host ?? 'localhost'}:${port}`;
    /** mount point of the module */
    this.base = `${this.origin}/laps/`;
    /** @type {import('node:child_process').ChildProcess | undefined} */
    this.process = undefined;
    /** called when httpd has started or restarted @type {(() => Promise<void>) | undefined} */
    this.settled = undefined;
  }

  /**
   * A server root with its configuration, not started.
   * @param {HttpdOptions} [options]
   */
  static async create(options = {}) {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), 'amlaps-httpd-'));
    const httpd = new Httpd(root, options.port ?? await freePort(), options);
    living.add(httpd);
    fs.chmodSync(root, 0o755);
    for (const dir of ['conf', 'logs', 'run', 'www', 'state', 'sessions', 'secret']) fs.mkdirSync(path.join(root, dir));
    fs.chmodSync(path.join(root, 'secret'), 0o700);
    httpd.own('state', 0o750);
    httpd.own('sessions', 0o700);
    httpd.copyHtdocs();
    httpd.write('conf/mime.types', '');
    httpd.write('www/index.html', '<!doctype html><title>outside</title>');
    for (const [name, file] of Object.entries(options.files ?? {})) {
      if (typeof file === 'string') httpd.write(name, file);
      else httpd.write(name, file.content, file.mode);
    }
    httpd.configure({});
    return httpd;
  }

  /** @param {HttpdOptions} [options] */
  static async start(options) {
    const httpd = await Httpd.create(options);
    try {
      await httpd.start();
    } catch (err) {
      httpd.discard();
      throw err;
    }
    return httpd;
  }

  /** Gives a path of the server root to the user the children run as. @param {string} name @param {number} mode */
  own(name, mode) {
    const file = path.join(this.root, name);
    fs.chmodSync(file, mode);
    if (process.getuid?.() !== 0) return;
    const { uid, gid } = childIds();
    fs.chownSync(file, uid, gid);
  }

  /** The files of the page, readable for the children whatever the umask of the checkout was. */
  copyHtdocs() {
    fs.cpSync(HTDOCS, this.path('htdocs'), { recursive: true });
    const open = (/** @type {string} */ file) => {
      const directory = fs.statSync(file).isDirectory();
      fs.chmodSync(file, directory ? 0o755 : 0o644);
      if (directory) fs.readdirSync(file).forEach((name) => open(path.join(file, name)));
    };
    open(this.path('htdocs'));
  }

  /** @param {string} text */
  fill(text) {
    return text.replaceAll('{root}', this.root).replaceAll('{port}', String(this.port));
  }

  /** @param {string} name @param {string} content @param {number} [mode] */
  write(name, content, mode = 0o644) {
    const file = path.join(this.root, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, this.fill(content), { mode });
    fs.chmodSync(file, mode);
    return file;
  }

  /** Writes the configuration anew with some options changed; a running server takes it at the next restart. @param {HttpdOptions} changes */
  configure(changes) {
    Object.assign(this.options, changes);
    this.write('conf/httpd.conf', httpdConf({ ...this.options, root: this.root, port: this.port }));
  }

  /** @param {string} name */
  path(name) {
    return path.join(this.root, name);
  }

  get arguments() {
    return ['-d', this.root, '-f', this.path('conf/httpd.conf')];
  }

  get environment() {
    // sanitizers and profilers of other builds are told through the environment
    const passed = Object.entries(process.env).filter(([name]) => /^(LD_PRELOAD|[ATUL]SAN_OPTIONS|AMLAPS_TEST_\w+)$/.test(name));
    return { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', ...Object.fromEntries(passed), ...this.options.env };
  }

  /** What `apachectl configtest` says to somebody without privileges. */
  configtestUnprivileged() {
    return this.#configtest([], process.getuid?.() === 0 ? childIds() : {});
  }

  /**
   * What `apachectl configtest` says, and with more arguments what `httpd -t …` says.
   * @param {...string} more
   * @returns {Promise<{ ok: boolean, output: string, code: number | null, signal: string | null }>}
   */
  configtest(...more) {
    return this.#configtest(more, {});
  }

  /** @param {string[]} more @param {{ uid?: number, gid?: number }} ids @returns {Promise<{ ok: boolean, output: string, code: number | null, signal: string | null }>} */
  #configtest(more, ids) {
    return new Promise((resolve, reject) => {
      const child = spawn(httpdInstallation().httpd, [...this.arguments, '-t', ...more],
        { env: this.environment, stdio: ['ignore', 'pipe', 'pipe'], ...ids });
      let output = '';
      child.stdout.on('data', (chunk) => { output += chunk; });
      child.stderr.on('data', (chunk) => { output += chunk; });
      child.on('error', reject);
      child.on('close', (code, signal) => resolve({ ok: code === 0, output, code, signal }));
    });
  }

  /** Starts httpd and waits until it listens. */
  async start() {
    const stderr = fs.openSync(this.path('logs/stderr.log'), 'a');
    // A process group of its own: a Ctrl-C on the terminal reaches us, and we stop httpd in order.
    const child = spawn(httpdInstallation().httpd, [...this.arguments, '-DFOREGROUND'],
      { env: this.environment, stdio: ['ignore', stderr, stderr], detached: true });
    fs.closeSync(stderr);
    this.process = child;
    /** @type {Promise<{ code: number | null, signal: string | null }>} */
    this.ended = new Promise((resolve) => {
      child.once('error', (err) => { fs.appendFileSync(this.path('logs/stderr.log'), String(err)); resolve({ code: -1, signal: null }); });
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    let over = false;
    void this.ended.then(() => { over = true; });
    await waitFor('httpd to listen', async () => {
      if (over) throw new Error(`httpd did not start:\n${this.read('logs/stderr.log')}${this.errorLog()}`);
      return fs.existsSync(this.path('run/httpd.pid')) && listens(this.port);
    }, { timeout: 20000 });
    await this.settled?.();
  }

  /** Process id of the parent. */
  get pid() {
    if (!this.process?.pid) throw new Error('httpd is not running');
    return this.process.pid;
  }

  /** Process ids of the children. @returns {number[]} */
  children() {
    const file = `/proc/${this.pid}/task/${this.pid}/children`;
    return fs.readFileSync(file, 'utf8').trim().split(/\s+/).filter(Boolean).map(Number);
  }

  /** How often httpd has started or restarted, by its log. */
  starts() {
    return (this.errorLog().match(/AH00489|AH00292|AH00163/g) ?? []).length;
  }

  /** Graceful restart; resolves when the new generation has taken over. */
  async graceful() {
    await this.reload();
    await this.settled?.();
  }

  /** Graceful restart, whatever becomes of the new generation. */
  async reload() {
    const before = this.starts();
    process.kill(this.pid, 'SIGUSR1');
    await waitFor('the graceful restart', () => this.starts() > before, { timeout: 20000 });
  }

  /** Graceful restart that ends when no child of the old generation is left, which may accept connections until then. */
  async renew() {
    await this.replaceChildren();
    await this.settled?.();
  }

  /** The same, whatever becomes of the new generation. Programs of pipes are children that stay. */
  async replaceChildren() {
    const name = (/** @type {number} */ pid) => {
      try {
        return fs.readFileSync(`/proc/${pid}/comm`, 'utf8');
      } catch {
        return '';
      }
    };
    const old = this.children().filter((pid) => name(pid) === name(this.pid));
    await this.reload();
    await waitFor('the old children to go', () => !this.children().some((pid) => old.includes(pid)), { timeout: 20000 });
  }

  /**
   * Stops httpd gracefully: at SIGTERM the event MPM closes the sockets of workers that are just about to free them, and now and then crashes.
   * @returns {Promise<{ code: number | null, signal: string | null }>}
   */
  async stop() {
    if (!this.process || !this.ended) return { code: 0, signal: null };
    const { process: parent } = this;
    parent.kill('SIGWINCH');
    const impatient = setTimeout(() => parent.kill('SIGTERM'), 5000);
    const forced = setTimeout(() => this.kill(), 15000);
    const result = await this.ended;
    clearTimeout(impatient);
    clearTimeout(forced);
    this.process = undefined;
    return result;
  }

  /** Kills parent and children without ceremony. */
  kill() {
    try {
      if (this.process?.pid) process.kill(-this.process.pid, 'SIGKILL');
    } catch {
      // gone already
    }
  }

  /** Removes the server root, and the server if it still runs. */
  discard() {
    this.kill();
    living.delete(this);
    if (process.env.AMLAPS_TEST_KEEP) process.stderr.write(`kept: ${this.root}\n`);
    else fs.rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Stops, checks that nothing unexpected was logged, removes everything. @param {RegExp[]} [allowed] */
  async close(allowed) {
    try {
      await this.stop();
      this.assertLogClean(allowed);
    } finally {
      this.discard();
    }
  }

  /** @param {string} name below the server root; '' when it is not there */
  read(name) {
    try {
      return fs.readFileSync(this.path(name), 'utf8');
    } catch {
      return '';
    }
  }

  errorLog() {
    return this.read('logs/error.log');
  }

  /** Fails on any line nobody expected, in the error log and on stderr. @param {RegExp[]} [allowed] */
  assertLogClean(allowed) {
    assertErrorLogClean(this.errorLog(), allowed);
    assertErrorLogClean(this.read('logs/stderr.log'), allowed);
  }
}
