// @ts-check
/** The devices of the default world: more than fifty LON-* in contoso, so that paging shows, and two in fabrikam. */
import { randomBytes } from 'node:crypto';
import { DEVICES, GROUPS, PEOPLE, UNITS, guidOf } from './ids.mjs';

const DAY = 86400000;

/** Leak searches look for this prefix; the rest makes each password unique. */
const canary = () => `AMLAPS-CANARY-${randomBytes(12).toString('base64url')}`;

/** Graph writes seven fraction digits. @param {number} days */
const daysAgo = (days) => new Date(Date.now() - days * DAY).toISOString().replace('Z', '0000Z');

/** @param {number} rid */
const sid = (rid) => `S-1-5-21-2318549658-1590267884-3984890135-${rid}`;

/** @param {string} password @param {number} days @param {Partial<import('./world.mjs').Credential>} [more] */
const credential = (password, days, more = {}) =>
  ({ account: 'Administrator', sid: sid(500), password, backedUp: daysAgo(days), ...more });

/** @param {...import('./world.mjs').Credential} credentials */
const laps = (...credentials) => ({ refresh: daysAgo(-23), credentials });

/** One password, or three as after two rotations. @param {number} index */
const usualLaps = (index) => (index % 4 === 1
  ? laps(credential(canary(), 7 + index % 5), credential(canary(), 38), credential(canary(), 69))
  : laps(credential(canary(), 7 + index % 5)));

const MODELS = [['Dell Inc.', 'Latitude 7440'], ['LENOVO', '21HDCTO1WW'], ['HP', 'HP EliteBook 840 14 inch G10']];

/**
 * @param {string} name
 * @param {number} index spreads the facts over the devices
 * @param {Omit<Partial<import('./world.mjs').Device>, 'displayName'> & { key?: string }} [more] `key`: what its ids are made from
 * @returns {import('./world.mjs').Device}
 */
function windows(name, index, { key = `contoso ${name}`, properties = {}, ...more } = {}) {
  const [manufacturer, model] = MODELS[index % MODELS.length];
  return {
    id: guidOf(`object ${key}`),
    deviceId: guidOf(`device ${key}`),
    displayName: name,
    laps: usualLaps(index),
    ...more,
    properties: {
      accountEnabled: true, operatingSystem: 'Windows', operatingSystemVersion: `10.0.${22621 + (index % 3) * 1000}.${1000 + index}`,
      trustType: 'AzureAd', approximateLastSignInDateTime: new Date(Date.now() - (1 + index % 20) * DAY).toISOString().replace(/\.\d+/, ''),
      registrationDateTime: '2024-03-01T08:00:00Z', isCompliant: index % 6 !== 5, isManaged: true, managementType: 'MDM',
      profileType: 'RegisteredDevice', deviceOwnership: 'Company', deviceVersion: 2, manufacturer, model,
      physicalIds: [], systemLabels: [], alternativeSecurityIds: [], ...properties,
    },
  };
}

const WITHOUT_FACTS = { isCompliant: null, isManaged: null, managementType: null, manufacturer: null, model: null };

/** @param {number} n */
const number = (n) => String(n).padStart(3, '0');

function london() {
  const devices = Array.from({ length: 46 }, (_, i) => windows(`LON-${number(i + 1)}`, i + 1, {
    units: [UNITS.london], groups: i < 5 ? [GROUPS.londonKiosks] : [GROUPS.londonDevices],
  }));
  const by = (/** @type {number} */ n) => devices[n - 1];
  Object.assign(by(12).properties ?? {}, { accountEnabled: false });
  by(13).laps = null;
  Object.assign(by(14).properties ?? {}, { trustType: 'ServerAd', onPremisesSyncEnabled: true, profileType: null });
  Object.assign(by(15).properties ?? {}, { trustType: 'Workplace', deviceOwnership: 'Personal', ...WITHOUT_FACTS });
  by(15).laps = null;
  // After a change of policy: an entry of another account, and one that is not ASCII.
  by(16).laps = laps(credential(canary(), 3), credential(canary(), 40, { account: 'lapsadmin', sid: sid(1965) }));
  by(17).laps = laps(credential('Pässwörd<b>&\'"1', 5));
  by(18).laps = laps(credential('Correct Horse Battery Staple 7', 5));
  return [
    ...devices,
    windows('LON-007', 8, {
      key: 'contoso LON-007 older', units: [UNITS.london], groups: [GROUPS.londonDevices],
      properties: { approximateLastSignInDateTime: '2025-06-30T16:00:00Z' },
    }),
    windows('LON-MAC-01', 9, {
      laps: null, units: [UNITS.london],
      properties: { operatingSystem: 'MacMDM', operatingSystemVersion: '15.1', manufacturer: 'Apple', model: 'MacBook Pro' },
    }),
  ];
}

const paris = () => Array.from({ length: 12 }, (_, i) =>
  windows(`PAR-${number(i + 1)}`, i + 3, { groups: [GROUPS.parisDevices] }));

/** Names that break what does not escape; all begin with LON- or are alone, so that a search finds them. */
const AWKWARD_NAMES = [
  "LON-O'Neil", 'LON-"quoted"', 'LON-<b>bold</b>', 'LON-R&D', 'LON-100%', 'LON-a\\b', 'LON-\u0645\u0643\u062a\u0628-01',
  'LON-\u202egpj.exe', 'LON-line\nbreak', 'LON-K\u00f6ln \u20ac \u{1f5a5}',
];

/** The examples of Microsoft's documentation, with its three UTF-16LE passwords. */
function documented() {
  const old = { encoding: 'utf16le', account: 'ContosoLocalAdminAccount', sid: sid(1965) };
  return [
    windows('LAPS_TEST', 1, {
      deviceId: DEVICES.lapsTest,
      laps: {
        refresh: '2020-05-20T13:45:30.0000000Z',
        credentials: [
          credential('QQ@d8f8gY', 0, { ...old, backedUp: '2023-04-21T13:45:30.0000000Z' }),
          credential('*D9klkf#4', 0, { ...old, backedUp: '2023-03-22T13:45:30.0000000Z' }),
          credential('Lpd9*()34', 0, { encoding: 'utf16le', backedUp: '2023-02-23T13:45:30.0000000Z' }),
        ],
      },
    }),
    windows('LAPS_TEST2', 2, { deviceId: DEVICES.lapsTest2 }),
    windows('DESKTOP-858MANH', 3, {
      id: '000005c3-b7a6-4c61-89fc-80bf5ccfc366', deviceId: DEVICES.desktop858,
      properties: { accountEnabled: false, operatingSystemVersion: '10.0.19043.1165', ...WITHOUT_FACTS },
    }),
  ];
}

/** @returns {import('./world.mjs').Device[]} */
export function contosoDevices() {
  return [
    ...london(),
    ...paris(),
    windows('NB-OLGA', 4, { owner: PEOPLE.owner, groups: [GROUPS.londonDevices] }),
    ...AWKWARD_NAMES.map((name, i) => windows(name, i, { groups: [GROUPS.londonDevices] })),
    ...documented(),
  ];
}

/** @returns {import('./world.mjs').Device[]} */
export function fabrikamDevices() {
  return ['FAB-001', 'FAB-002'].map((name, i) => windows(name, i, { key: `fabrikam ${name}` }));
}
