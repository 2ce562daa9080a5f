// @ts-check
/** The trail in PostgreSQL: one chain over several servers, and what becomes of requests while the database is away. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DEVICES } from '../entra/world.mjs';
import { assertOk } from '../lib/expect.mjs';
import { Postgres } from '../lib/postgres.mjs';
import { startStage } from '../lib/stage.mjs';
import { chainProblems } from '../lib/store.mjs';

describe('a database', () => {
  /** @type {Postgres} */
  let database;
  /** @type {import('../lib/stage.mjs').Stage} */
  let stage;
  before(async () => {
    database = await Postgres.start();
    stage = await startStage({ store: database.directive() });
  });
  after(async () => {
    await stage?.close();
    database?.discard();
  });

  test('holds the trail', async () => {
    const helpdesk = await stage.signIn('helpdesk');
    const answers = await Promise.all(Array.from({ length: 40 }, () => helpdesk.password('contoso', DEVICES.lon001).then(assertOk)));
    const records = await database.records();
    assert.deepEqual(chainProblems(records), []);
    for (const { id } of answers) {
      assert.deepEqual(records.filter((r) => r.id === id).map((r) => [r.stage, r.outcome]), [['intent', 'pending'], ['outcome', 'granted']]);
    }
  });
});
