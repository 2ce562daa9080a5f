// @ts-check
// Licensed under the Apache License, Version 2.0; see LICENSE.

// The program decide against the contract written down a second time, on random cases full of near misses. CASES says how many.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { decideByContract } from './contract.mjs';

/** @typedef {import('./contract.mjs').Case} Case */

const program = process.env.DECIDE ?? fileURLToPath(new URL('../../build/tests/decide', import.meta.url));
const CASES = Number(process.env.CASES ?? 100_000);
const BATCH = 10_000;

/** A generator of numbers that a failure can be repeated with. @param {number} seed */
function draws(seed) {
    let state = seed >>> 0;
    /** mulberry32 @param {number} below */
    const below = (below) => {
        state = (state + 0x6d2b79f5) >>> 0;
        let mixed = Math.imul(state ^ (state >>> 15), state | 1);
        mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
        return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
    };
    /** @template T @param {readonly T[]} table @returns {T} */
    const pick = (table) => table[below(table.length)];
    /** @template T @param {number} least @param {number} most @param {() => T} make @returns {T[]} */
    const several = (least, most, make) => Array.from({ length: least + below(most - least + 1) }, make);
    return { below, pick, several };
}

const A = 'aaaaaaaa-0000-4000-8000-00000000000a';
const B = 'bbbbbbbb-0000-4000-8000-00000000000b';
const C = 'aaaaaaaa-0000-4000-8000-00000000000c';
const OID = '11111111-2222-4333-8444-55555555555a';
const GUIDS = [A, A.toUpperCase(), B, C, OID];
const GROUPS = [A, A.toUpperCase(), B, 'Helpdesk', 'HELPDESK', 'Helpdesk ', 'Helpdes', 'a,b', 'a', 'b', 'ZÜRICH', 'zürich', 'zurich', '\u212A-Team',
    'k-team', 'ſtaff', 'STAFF', 'ΣΊΣΥΦΟΣ', 'σίσυφος', 'straße', 'STRASSE', 'STRA\u1E9EE', 'İzmir', 'izmir', '東京', 'say "hi"', '(.*)', '😀'];
const USERS = ['alice@contoso.com', 'ALICE@Contoso.com', 'alice@contoso.co', 'Änne@contoso.com', 'änne@contoso.com', OID, OID.toUpperCase(), B];
const ROLES = ['Operator', 'operator', 'Operato', 'Admin'];
const NAMES = ['LON-001', 'lon-001', 'LON-0011', 'LON-00', 'Köln-1', '\u212AÖLN-1', '', 'L?N-001', '😀-1', 'a b', '[L]ON-001', 'LON-001\\'];
const GLOBS = ['LON-*', 'lon-00?', 'LON-001', '*', '?*', '*1', '**0**', 'KÖLN-?', '?-1', '[L]ON*', 'a b', 'L\\?N*', '*\\', 'LON-0??1', '* *', '????????'];
const CLAIMS = ['department', 'Department', 'level', 'vip', 'groups', ''];
const CLAIM_VALUES = ['Helpdesk', 'IT', 'it', '7', '07', 'true', 'True', 'null', 'a,b', '-1', '7.5'];
const CLAIM_CONTENTS = ['IT', '7', 7, -1, 7.5, true, false, null, ['IT'], ['it', '7'], [7], [true], [['IT']], {}, { IT: 'IT' }, 'a,b', ['a', 'b'], ''];
const TENANTS = ['contoso', 'Contoso', 'fabrikam'];
const DAYS = ['2027-02-27', '2027-02-28', '2027-03-01', '2028-02-29'];
const TIMES = ['2027-02-28T00:00:00Z', '2027-02-28T23:59:59.999Z', '2027-03-01T00:00:00Z', '2027-03-01T00:30:00+01:00', '2027-02-27T23:30:00-01:00',
    '2028-02-29T12:00:00Z', '2028-03-01T00:00:00Z'];
const PERMISSIONS = [['password'], ['history'], ['all'], ['password', 'history'], ['history', 'password', 'history']];

/** @param {number} number @returns {Case} */
function draw(number) {
    const { below, pick, several } = draws(number);
    /** One in so many has it. @template T @param {number} often @param {() => T} make */
    const maybe = (often, make) => (below(often) === 0 ? make() : undefined);
    const line = () => {
        const kind = pick(['all', 'owner', 'id', 'id', 'name', 'name', 'name', 'group', 'group', 'unit', 'unit']);
        if (kind === 'all' || kind === 'owner') return { kind };
        return { kind, values: several(1, 3, () => (kind === 'name' ? pick(GLOBS) : pick(GUIDS))) };
    };
    const entry = () => {
        const kind = pick(['anyone', 'user', 'group', 'group', 'role', 'claim']);
        const permissions = pick(PERMISSIONS);
        if (kind === 'anyone') return { permissions, kind };
        const values = several(1, 3, () => pick({ user: USERS, group: GROUPS, role: ROLES, claim: CLAIM_VALUES }[kind] ?? []));
        return kind === 'claim' ? { permissions, kind, name: pick(CLAIMS.slice(0, -1)), values } : { permissions, kind, values };
    };
    const rule = (/** @type {unknown} */ _, /** @type {number} */ index) => {
        const allow = several(0, 2, entry);
        const deny = several(allow.length ? 0 : 1, below(3) ? 1 : 2, entry).slice(0, allow.length && below(2) ? 0 : 2);
        return { description: `rule ${index}`, tenant: maybe(5, () => pick(TENANTS)), devices: several(1, 3, line), allow, deny, expires: maybe(6, () => pick(DAYS)) };
    };
    const rules = Array.from({ length: below(7) }, rule);
    if (rules.length > 1 && below(10) === 0) rules[0].description = rules[1].description;
    return {
        rules,
        person: {
            username: maybe(1 + below(2), () => pick(USERS.slice(0, 5))), oid: maybe(1 + below(2), () => pick([OID, B])), groups: several(0, 4, () => pick(GROUPS)),
            roles: maybe(1 + below(2), () => several(0, 2, () => pick(ROLES))), unknown: maybe(5, () => ['groups']),
            claims: maybe(1 + below(2), () => Object.fromEntries(several(0, 3, () => [pick(CLAIMS), pick(CLAIM_CONTENTS)]))),
        },
        device: {
            tenant: maybe(1 + below(2), () => pick(TENANTS)), deviceId: maybe(1 + below(2), () => pick(GUIDS)), name: maybe(1 + below(2), () => pick(NAMES)),
            groups: several(0, 3, () => pick(GUIDS)), units: several(0, 3, () => pick(GUIDS)), owner: pick([true, false, undefined, null]),
            unknown: maybe(4, () => several(0, 3, () => pick(['groups', 'units', 'owner']))),
        },
        time: pick(TIMES),
    };
}

test(`answers as the contract does, ${CASES} times`, () => {
    /** @type {Record<string, number>} */
    const seen = {};
    for (let first = 1; first <= CASES; first += BATCH) {
        const cases = Array.from({ length: Math.min(BATCH, CASES - first + 1) }, (_, index) => draw(first + index));
        const run = spawnSync(program, { input: cases.map((one) => JSON.stringify(one)).join('\n'), encoding: 'utf8', maxBuffer: 1 << 28 });
        assert.equal(run.status, 0, run.stderr);
        const answers = run.stdout.trimEnd().split('\n');
        assert.equal(answers.length, cases.length);
        cases.forEach((one, index) => {
            const expected = decideByContract(one);
            if (answers[index] !== JSON.stringify({ history: expected.history, password: expected.password })) {
                assert.deepEqual(JSON.parse(answers[index]), expected, `case ${first + index}: ${JSON.stringify(one)}`);
            }
            for (const [permission, { decision, rule }] of Object.entries(expected)) {
                const kind = `${permission} ${decision}${decision === 'deny' && rule ? ' by a rule' : ''}`;
                seen[kind] = (seen[kind] ?? 0) + 1;
            }
        });
    }
    // cases that all end alike would show nothing
    for (const permission of ['password', 'history']) {
        for (const kind of ['allow', 'deny', 'deny by a rule', 'undecidable']) {
            assert.ok(seen[`${permission} ${kind}`] > CASES / 100, `${permission} ${kind}: ${seen[`${permission} ${kind}`]} of ${CASES}`);
        }
    }
});
