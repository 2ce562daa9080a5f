// @ts-check
/** A PostgreSQL server of the tests' own: a new data directory, a free port, a user that is not root. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { findCommand } from './paths.mjs';
import { freePort } from './ports.mjs';
import './signals.mjs';
import { waitFor } from './wait.mjs';

const run = promisify(execFile);
const DATABASE = 'amlaps';
/** Owner of the cluster and of the database. */
const OWNER = 'amlaps';

/** Everything that must not outlive this process, whatever ends it. @type {Set<Postgres>} */
const living = new Set();
process.on('exit', () => living.forEach((server) => server.discard()));

/** Where the programs lie that Debian keeps out of the PATH. */
function programs() {
  const inPath = findCommand('initdb');
  if (inPath) return path.dirname(fs.realpathSync(inPath));
  const root = '/usr/lib/postgresql';
  const versions = fs.existsSync(root) ? fs.readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const version = versions.find((name) => fs.existsSync(path.join(root, name, 'bin/initdb')));
  if (!version) throw new Error('PostgreSQL is not installed: run tests/deps.sh check');
  return path.join(root, version, 'bin');
}

/** The server refuses to run as root. @returns {{ uid: number, gid: number } | Record<string, never>} */
function unprivileged() {
  if (process.getuid?.() !== 0) return {};
  const line = fs.readFileSync('/etc/passwd', 'utf8').split('\n').find((l) => /^(postgres|nobody):/.test(l));
  const [, , uid, gid] = (line ?? '').split(':').map(Number);
  return { uid, gid };
}

/** @param {number} pid @returns {number[]} */
function childrenOf(pid) {
  try {
    return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/**
 * @typedef {object} PostgresOptions
 * @property {Record<string, string>} [settings] of postgresql.conf
 * @property {string} [hba]                      pg_hba.conf; everybody on this machine when absent
 * @property {Record<string, { content: string, mode: number }>} [files] in the data directory
 */

export class Postgres {
  /** @param {string} root @param {number} port @param {Record<string, string>} settings */
  constructor(root, port, settings) {
    this.root = root;
    this.port = port;
    this.settings = settings;
    this.ids = unprivileged();
    this.data = path.join(root, 'data');
    /** @type {import('node:child_process').ChildProcess | undefined} */
    this.process = undefined;
    this.frozen = false;
  }

  /** @param {PostgresOptions} [options] */
  static async start(options = {}) {
    const server = await Postgres.make(options.settings);
    try {
      await server.program('initdb', ['-D', server.data, '-U', OWNER, '--auth=trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync']);
      if (options.hba) fs.writeFileSync(path.join(server.data, 'pg_hba.conf'), options.hba);
      for (const [name, { content, mode }] of Object.entries(options.files ?? {})) {
        const file = path.join(server.data, name);
        fs.writeFileSync(file, content, { mode });
        if (server.ids.uid !== undefined) fs.chownSync(file, server.ids.uid, server.ids.gid);
      }
      await server.boot();
      await server.sql(`CREATE DATABASE ${DATABASE}`, 'postgres');
      return server;
    } catch (err) {
      server.discard();
      throw err;
    }
  }

  /** A second server that follows this one, and that this one waits for with each commit from then on. @param {string} [name] */
  async standby(name = 'standby') {
    const standby = await Postgres.make();
    try {
      await standby.program('pg_basebackup', ['-D', standby.data, '-h', this.root, '-p', String(this.port), '-U', OWNER, '-R', '-X', 'stream',
        '-c', 'fast', '--no-sync']);
      fs.appendFileSync(path.join(standby.data, 'postgresql.auto.conf'),
        `primary_conninfo = 'host=${this.root} port=${this.port} user=${OWNER} application_name=${name}'\n`);
      await standby.boot();
      await waitFor('the standby to follow', async () => (await this.sql('SELECT count(*) FROM pg_stat_replication', 'postgres')) === '1',
        { timeout: 30000 });
      await this.sql(`ALTER SYSTEM SET synchronous_standby_names = '${name}'`, 'postgres');
      await this.sql('SELECT pg_reload_conf()', 'postgres');
      await waitFor('commits to wait for the standby',
        async () => (await this.sql('SELECT sync_state FROM pg_stat_replication', 'postgres')) === 'sync', { timeout: 30000 });
      return standby;
    } catch (err) {
      standby.discard();
      throw err;
    }
  }

  /** @param {Record<string, string>} [settings] */
  static async make(settings = {}) {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), 'amlaps-pg-'));
    fs.chmodSync(root, 0o755);
    const server = new Postgres(root, await freePort(), settings);
    if (server.ids.uid !== undefined) fs.chownSync(root, server.ids.uid, server.ids.gid);
    living.add(server);
    return server;
  }

  /** @param {string} name @param {string[]} args */
  program(name, args) {
    return run(path.join(programs(), name), args, { ...this.ids, cwd: this.root, env: { ...process.env, LC_ALL: 'C' } });
  }

  /** Starts the server and waits until it takes connections. */
  async boot() {
    const settings = {
      listen_addresses: '127.0.0.1', port: String(this.port), unix_socket_directories: this.root, max_connections: '60', max_wal_senders: '4',
      shared_buffers: '32MB', autovacuum_naptime: '5s', log_min_messages: 'fatal', ...this.settings,
    };
    const log = fs.openSync(path.join(this.root, 'server.log'), 'a');
    this.process = spawn(path.join(programs(), 'postgres'),
      ['-D', this.data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      { ...this.ids, cwd: this.root, stdio: ['ignore', log, log], detached: true, env: { ...process.env, LC_ALL: 'C' } });
    fs.closeSync(log);
    const { process: child } = this;
    /** @type {Promise<void>} */
    this.ended = new Promise((resolve) => { child.once('exit', () => resolve()); });
    await waitFor('PostgreSQL to take connections', async () => {
      if (child.exitCode !== null) throw new Error(`PostgreSQL did not start:\n${fs.readFileSync(path.join(this.root, 'server.log'), 'utf8')}`);
      return this.sql('SELECT 1', 'postgres').then(() => true, () => false);
    }, { timeout: 60000, interval: 50 });
  }

  /** Ends all connections and the server. */
  async stop() {
    this.thaw();
    this.process?.kill('SIGINT');
    await this.ended;
    this.process = undefined;
  }

  /** As if its machine had stopped. */
  async crash() {
    this.thaw();
    this.process?.kill('SIGQUIT');
    await this.ended;
    this.process = undefined;
  }

  processes() {
    const pid = this.process?.pid;
    return pid ? [pid, ...childrenOf(pid)] : [];
  }

  /** The server takes connections, as the kernel does for it, and answers nothing. */
  freeze() {
    this.frozen = true;
    for (const pid of this.processes()) process.kill(pid, 'SIGSTOP');
  }

  thaw() {
    if (!this.frozen) return;
    this.frozen = false;
    for (const pid of this.processes().reverse()) process.kill(pid, 'SIGCONT');
  }

  /** Makes a standby the one that takes writes. */
  async promote() {
    await this.program('pg_ctl', ['promote', '-w', '-D', this.data]);
  }

  /** @param {string} sql @param {string} [database] @returns {Promise<string>} what psql prints, without heads and margins */
  async sql(sql, database = DATABASE) {
    const { stdout } = await run(path.join(programs(), 'psql'),
      ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', this.root, '-p', String(this.port), '-U', OWNER, '-d', database, '-c', sql],
      { maxBuffer: 1 << 28 });
    return stdout.trim();
  }

  /** The records of the trail, oldest first. @param {number} [after] only those with a higher seq @returns {Promise<any[]>} */
  async records(after = 0) {
    const text = await this.sql(`SELECT body FROM amlaps.record WHERE seq > ${Number(after)} ORDER BY seq`);
    return text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  }

  /** How to reach it over TCP. @param {string} [more] */
  conninfo(more = '') {
    return `host=127.0.0.1 port=${this.port} dbname=${DATABASE} user=${OWNER}${more ? ` ${more}` : ''}`;
  }

  /** The directive. @param {string} [more] */
  directive(more) {
    return `AMLapsStore "pgsql:${this.conninfo(more)}"`;
  }

  /** Removes the server and its data. */
  discard() {
    living.delete(this);
    if (this.process) {
      this.thaw();
      try {
        execFileSync(path.join(programs(), 'pg_ctl'), ['stop', '-m', 'immediate', '-w', '-D', this.data], { ...this.ids, stdio: 'ignore' });
      } catch {
        // gone already
      }
    }
    this.process = undefined;
    fs.rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }
}
