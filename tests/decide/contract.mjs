// @ts-check
// Licensed under the Apache License, Version 2.0; see LICENSE.

/**
 * The decision a third time, from the contract alone, in another language than src/policy and its tests: what equals what is left to the
 * regular expressions of JavaScript, whose flags `iu` are simple case folding. Slow and plain on purpose.
 *
 * @typedef {'yes' | 'no' | 'unknown'} Known
 * @typedef {{ kind: string, values?: string[] }} Line
 * @typedef {{ permissions: string[], kind: string, name?: string, values?: string[] }} Entry
 * @typedef {{ description: string, tenant?: string, devices: Line[], allow?: Entry[], deny?: Entry[], expires?: string }} Rule
 * @typedef {{ username?: string, oid?: string, groups?: string[], roles?: string[], claims?: Record<string, any>, unknown?: string[] }} Person
 * @typedef {{ tenant?: string, deviceId?: string, name?: string, groups?: string[], units?: string[], owner?: boolean | null, unknown?: string[] }} Device
 * @typedef {{ rules: Rule[], person: Person, device: Device, time: string }} Case
 * @typedef {{ decision: 'allow' | 'deny' | 'undecidable', rule: string | null }} Decision
 */

const SPECIFIC_FIRST = ['id', 'owner', 'name', 'group', 'unit', 'all'];
const GUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** @type {Map<string, RegExp>} */
const made = new Map();
/** @param {string} source */
function regular(source) {
    let expression = made.get(source);
    if (!expression) made.set(source, expression = new RegExp(`^(?:${source})$`, 'ius'));
    return expression;
}
/** @param {string} text */
const literally = (text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
/** @param {string} a @param {string} b */
const same = (a, b) => regular(literally(a)).test(b);
/** @param {string} glob @param {string} name */
const fits = (glob, name) => regular([...glob].map((c) => (c === '*' ? '.*' : c === '?' ? '.' : literally(c))).join('')).test(name);

/** @param {Known[]} all @returns {Known} */
const any = (all) => (all.includes('yes') ? 'yes' : all.includes('unknown') ? 'unknown' : 'no');
/** @param {Known[]} all @returns {Known} */
const every = (all) => (all.includes('no') ? 'no' : all.includes('unknown') ? 'unknown' : 'yes');
/** @param {boolean} truth @returns {Known} */
const known = (truth) => (truth ? 'yes' : 'no');

/** Is one of the wanted in a list that may not be whole? @param {string[]} wanted @param {string[]} list @param {boolean} whole @returns {Known} */
const listed = (wanted, list, whole) => (wanted.some((value) => list.some((item) => same(value, item))) ? 'yes' : whole ? 'no' : 'unknown');

/** @param {Line} line @param {Device} device @returns {Known} */
function lineMatches({ kind, values = [] }, device) {
    /** @param {string} fact */
    const whole = (fact) => !device.unknown?.includes(fact);
    switch (kind) {
        case 'all': return 'yes';
        case 'owner': return !whole('owner') || device.owner === null ? 'unknown' : known(device.owner === true);
        case 'id': return known(values.some((value) => same(value, device.deviceId ?? '')));
        case 'name': return known(values.some((value) => fits(value, device.name ?? '')));
        case 'group': return listed(values, device.groups ?? [], whole('groups'));
        default: return listed(values, device.units ?? [], whole('units'));
    }
}

/** @param {Rule} rule @param {Case} asked @returns {Known} */
function counts(rule, { device, time }) {
    return every([
        known(rule.tenant === undefined || rule.tenant === (device.tenant ?? '')),
        known(rule.expires === undefined || new Date(time).toISOString().slice(0, 10) <= rule.expires),
        any(rule.devices.map((line) => lineMatches(line, device))),
    ]);
}

/** @param {any} claim @param {string} value */
function claimSays(claim, value) {
    if (Array.isArray(claim)) return claim.some((item) => !Array.isArray(item) && claimSays(item, value));
    return ['string', 'boolean'].includes(typeof claim) || Number.isInteger(claim) ? String(claim) === value : false;
}

/** @param {Entry} entry @param {Person} person @returns {Known} */
function names({ kind, name = '', values = [] }, person) {
    switch (kind) {
        case 'anyone': return 'yes';
        case 'user': return known(values.some((value) => same(value, (GUID.test(value) ? person.oid : person.username) ?? '')));
        case 'group': return listed(values, person.groups ?? [], !person.unknown?.includes('groups'));
        case 'role': return known(values.some((value) => person.roles?.includes(value)));
        default:
            if (values.some((value) => claimSays(person.claims?.[name], value) || (name === 'groups' && person.groups?.includes(value)))) return 'yes';
            return name === 'groups' && person.unknown?.includes('groups') ? 'unknown' : 'no';
    }
}

/** @param {Case} asked @param {string} permission @returns {Decision} */
function decide(asked, permission) {
    /** @param {Rule} rule @param {'allow' | 'deny'} side @returns {Known} */
    const says = (rule, side) => every([counts(rule, asked),
        any((rule[side] ?? []).filter(({ permissions }) => permissions.includes(permission) || permissions.includes('all')).map((entry) => names(entry, asked.person)))]);
    /** @param {Rule} rule */
    const rank = (rule) => Math.min(...rule.devices.filter((line) => lineMatches(line, asked.device) === 'yes').map(({ kind }) => SPECIFIC_FIRST.indexOf(kind)));

    const denying = asked.rules.find((rule) => says(rule, 'deny') === 'yes');
    if (denying) return { decision: 'deny', rule: denying.description };
    const granting = asked.rules.filter((rule) => says(rule, 'allow') === 'yes');
    if (!granting.length) return { decision: 'deny', rule: null };
    const unsure = asked.rules.find((rule) => says(rule, 'deny') === 'unknown');
    if (unsure) return { decision: 'undecidable', rule: unsure.description };
    const best = Math.min(...granting.map(rank));
    return { decision: 'allow', rule: granting.find((rule) => rank(rule) === best)?.description ?? null };
}

/** @param {Case} asked */
export function decideByContract(asked) {
    return { password: decide(asked, 'password'), history: decide(asked, 'history') };
}
