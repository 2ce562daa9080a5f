// @ts-check
/** Disclosures without a pause, and the proof that each that was answered is recorded. */
import assert from 'node:assert/strict';
import { DEVICES } from '../entra/world.mjs';

/** Requests one after the other in several lines until told to stop. */
export class Load {
  /** @param {Awaited<ReturnType<import('./stage.mjs').Stage['signIn']>>} session @param {number} lines */
  constructor(session, lines) {
    /** Ids of disclosures that were answered. @type {Set<string>} */
    this.answered = new Set();
    /** @type {import('./jar.mjs').Answer[]} */
    this.refused = [];
    /** Requests whose connection was cut. */
    this.cut = 0;
    this.over = false;
    this.lines = Array.from({ length: lines }, async () => {
      while (!this.over) {
        try {
          const answer = await session.password('contoso', DEVICES.lon001, { reason: 'load' });
          if (answer.status === 200) this.answered.add(answer.json().id);
          else this.refused.push(answer);
        } catch {
          this.cut++;
        }
      }
    });
  }

  async stop() {
    this.over = true;
    await Promise.all(this.lines);
  }
}

/** Every answer has its intent and its outcome in the store. @param {any[]} records @param {Set<string>} answered */
export function assertRecorded(records, answered) {
  const stages = new Map();
  for (const record of records) stages.set(record.id, `${stages.get(record.id) ?? ''}${record.stage}:${record.outcome} `);
  const lost = [...answered].filter((id) => stages.get(id) !== 'intent:pending outcome:granted ');
  assert.deepEqual(lost.map((id) => `${id}: ${stages.get(id)}`), []);
}
