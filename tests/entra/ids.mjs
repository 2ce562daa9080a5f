// @ts-check
/** The fixed identifiers of the simulated world, so that configurations and tests may name them. */
import { createHash } from 'node:crypto';

/**
 * A GUID that is the same at every start: identifiers may stand in configurations, secrets may not.
 * @param {string} name
 * @returns {string}
 */
export function guidOf(name) {
  const hex = createHash('sha256').update(`amlaps-entra/${name}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export const CONTOSO = '8aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11';
export const FABRIKAM = guidOf('tenant fabrikam');

export const APPS = {
  /** reads devices and passwords of contoso */
  contosoReader: '535fb089-9ff3-47b6-9bfb-4f1264799865',
  /** people of contoso sign in to this one */
  contosoSignIn: guidOf('app contoso sign-in'),
  fabrikamReader: guidOf('app fabrikam reader'),
};

export const GROUPS = {
  londonHelpdesk: '4f0c8c55-7a9e-4b0e-8a57-51f2c1a4c0de',
  /** member of allStaff: membership of people is transitive too */
  staffLondon: guidOf('group staff london'),
  allStaff: guidOf('group all staff'),
  /** LON-001 to LON-005 */
  londonKiosks: guidOf('group london kiosks'),
  /** holds londonKiosks, so the five devices are members only transitively */
  londonDevices: guidOf('group london devices'),
  parisDevices: guidOf('group paris devices'),
};

export const UNITS = { london: guidOf('unit london') };

export const PEOPLE = {
  helpdesk: guidOf('person helpdesk'),
  auditor: guidOf('person auditor'),
  nobody: guidOf('person nobody'),
  owner: guidOf('person owner'),
  overage: guidOf('person overage'),
  operator: guidOf('person operator'),
};

/** `deviceId` (not object id) of the devices that tests and the demo name. */
export const DEVICES = {
  lon001: guidOf('device contoso LON-001'),
  /** two machines of one name */
  lon007: guidOf('device contoso LON-007'),
  lon007Older: guidOf('device contoso LON-007 older'),
  disabled: guidOf('device contoso LON-012'),
  withoutLaps: guidOf('device contoso LON-013'),
  hybrid: guidOf('device contoso LON-014'),
  mac: guidOf('device contoso LON-MAC-01'),
  ownersLaptop: guidOf('device contoso NB-OLGA'),
  lapsTest: 'b465e4e8-e4e8-b465-e8e4-65b4e8e465b4',
  lapsTest2: 'c9a5d9e6-d2bd-4ff6-8a47-38b98800600c',
  desktop858: '6fa60d52-01e7-4b18-8055-4759461fc16b',
  fabrikam1: guidOf('device fabrikam FAB-001'),
  fabrikam2: guidOf('device fabrikam FAB-002'),
};
