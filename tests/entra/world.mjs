// @ts-check
/** The default world: who there is, which apps may do what, and which devices. Data, made afresh for each start. */
import { randomBytes } from 'node:crypto';
import { contosoDevices, fabrikamDevices } from './world-devices.mjs';
import { APPS, CONTOSO, FABRIKAM, GROUPS, PEOPLE, UNITS, guidOf } from './ids.mjs';

export * from './ids.mjs';

/**
 * @typedef {object} Credential
 * @property {string} account
 * @property {string} sid
 * @property {string} password
 * @property {string} backedUp    ISO 8601
 * @property {string} [encoding]  utf8 (default), utf16le, utf16le-bom, utf8-bom, odd
 *
 * @typedef {object} Device
 * @property {string} id          object id
 * @property {string} deviceId
 * @property {string | null} displayName
 * @property {string[]} [groups]  direct memberships, object ids
 * @property {string[]} [units]
 * @property {string} [owner]     object id of a person
 * @property {{ refresh: string, credentials: Credential[] } | null} [laps]
 * @property {Record<string, any>} [properties]  further members of Graph's `device`
 *
 * @typedef {object} Person
 * @property {string} id          object id (`oid`)
 * @property {string} userPrincipalName
 * @property {string} displayName
 * @property {string} password
 * @property {string[]} groups    direct memberships
 * @property {string[]} roles     app roles of the sign-in app
 * @property {string} demo        what this person may do under the demo's rules
 *
 * @typedef {object} App
 * @property {string} clientId
 * @property {string} objectId    of the service principal
 * @property {string} name
 * @property {boolean} [disabled]
 * @property {{ value: string, expires?: string }[]} secrets
 * @property {string[]} [certificates]  PEM
 * @property {{ issuer: string, subject: string, audience: string, key: string }[]} [federated]  whose tokens stand for the app; `key` in PEM
 * @property {'system' | 'user'} [managed]  it is a managed identity of the machine that asks
 * @property {string[]} roles     consented application permissions
 *
 * @typedef {object} Tenant
 * @property {string} name
 * @property {string} id
 * @property {string[]} domains   verified
 * @property {App[]} apps
 * @property {{ clientId: string, secret: string, name: string }} [signIn]  the app that people sign in to
 * @property {{ id: string, displayName: string, memberOf?: string[] }[]} groups
 * @property {{ id: string, displayName: string }[]} units
 * @property {Person[]} people
 * @property {Device[]} devices
 *
 * @typedef {{ tenants: Tenant[] }} World
 */

/** A client secret of Entra's form with every character of it that needs escaping somewhere. */
export const newSecret = () => `aB~8Q.x_Y+z/${randomBytes(24).toString('base64').replace(/=/g, '~')}`;

/** Groups beyond the 200 that Entra puts into a token. */
const OVERAGE_GROUPS = Array.from({ length: 204 }, (_, i) => ({
  id: guidOf(`group project ${i}`), displayName: `Project ${String(i + 1).padStart(3, '0')}`,
}));

/** @param {Partial<Person> & { id: string, name: string }} of @returns {Person} */
const person = ({ id, name, displayName = name, groups = [], roles = [], demo = '' }) => ({
  id, userPrincipalName: `${name}@contoso.com`, displayName, password: 'demo', groups, roles, demo,
});

/** @returns {Person[]} */
const people = () => [
  person({
    id: PEOPLE.helpdesk, name: 'helpdesk', displayName: 'Hanna Helpdesk', groups: [GROUPS.londonHelpdesk, GROUPS.staffLondon],
    demo: 'may read passwords of LON-* devices',
  }),
  person({
    id: PEOPLE.owner, name: 'owner', displayName: 'Olga Owner', groups: [GROUPS.staffLondon],
    demo: 'may read the password of her own laptop NB-OLGA, and of no other device',
  }),
  person({
    id: PEOPLE.auditor, name: 'auditor', displayName: 'Arthur Auditor', groups: [GROUPS.allStaff], roles: ['Laps.Auditor'],
    demo: 'has the role Laps.Auditor; may read no password',
  }),
  person({
    id: PEOPLE.operator, name: 'operator', displayName: 'Oscar Operator', groups: [GROUPS.allStaff],
    demo: 'has no role in Entra; a directive makes an operator of this person',
  }),
  person({
    id: PEOPLE.nobody, name: 'nobody', displayName: 'Nora Nobody', groups: [GROUPS.allStaff],
    demo: 'may sign in, and nothing else',
  }),
  person({
    id: PEOPLE.overage, name: 'overage', displayName: 'Otto Overage',
    groups: [GROUPS.londonHelpdesk, ...OVERAGE_GROUPS.map((group) => group.id)],
    demo: 'is in more than 200 groups, the London helpdesk among them: the token does not list them',
  }),
];

/** @returns {Tenant} */
const contoso = () => ({
  name: 'contoso',
  id: CONTOSO,
  domains: ['contoso.com', 'contoso.onmicrosoft.com'],
  apps: [{
    clientId: APPS.contosoReader, objectId: guidOf('sp contoso reader'), name: 'LAPS reader',
    secrets: [{ value: newSecret() }, { value: newSecret(), expires: '2024-01-31T00:00:00Z' }],
    roles: ['Device.Read.All', 'DeviceLocalCredential.Read.All'],
  }],
  // No '+' or '/' here: clients disagree about how HTTP Basic escapes them, and that is not what is tested.
  signIn: { clientId: APPS.contosoSignIn, secret: `s8~Q.${randomBytes(24).toString('base64url')}`, name: 'LAPS sign-in' },
  groups: [
    { id: GROUPS.londonHelpdesk, displayName: 'London helpdesk' },
    { id: GROUPS.staffLondon, displayName: 'London staff', memberOf: [GROUPS.allStaff] },
    { id: GROUPS.allStaff, displayName: 'All staff' },
    { id: GROUPS.londonKiosks, displayName: 'London kiosks', memberOf: [GROUPS.londonDevices] },
    { id: GROUPS.londonDevices, displayName: 'London devices' },
    { id: GROUPS.parisDevices, displayName: 'Paris devices' },
    ...OVERAGE_GROUPS,
  ],
  units: [{ id: UNITS.london, displayName: 'London office' }],
  people: people(),
  devices: contosoDevices(),
});

/** @returns {Tenant} */
const fabrikam = () => ({
  name: 'fabrikam',
  id: FABRIKAM,
  domains: ['fabrikam.com'],
  apps: [{
    clientId: APPS.fabrikamReader, objectId: guidOf('sp fabrikam reader'), name: 'Fabrikam LAPS reader',
    secrets: [{ value: newSecret() }],
    roles: ['Device.Read.All', 'DeviceLocalCredential.Read.All'],
  }],
  groups: [],
  units: [],
  people: [],
  devices: fabrikamDevices(),
});

/** @returns {World} */
export const defaultWorld = () => ({ tenants: [contoso(), fabrikam()] });
