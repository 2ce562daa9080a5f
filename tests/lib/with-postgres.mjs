// @ts-check
/**
 * Runs programs one after the other against a PostgreSQL server of their own, which AMLAPS_TEST_PGSQL tells them how to reach.
 *
 *   node tests/lib/with-postgres.mjs PROGRAM...
 */
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { Postgres } from './postgres.mjs';

const server = await Postgres.start();
let code = 0;
for (const program of process.argv.slice(2)) {
  process.stdout.write(`== ${program}\n`);
  const { status } = spawnSync(program, { stdio: 'inherit', env: { ...process.env, AMLAPS_TEST_PGSQL: server.conninfo() } });
  code ||= status ?? 1;
}
server.discard();
process.exitCode = code;
