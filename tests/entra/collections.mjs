// @ts-check
/** What each collection of Graph lets a client filter, sort, search and select. */
import { loadSchema } from './schema.mjs';

export const schema = loadSchema();

/** @typedef {import('./odata.mjs').Queryable} Queryable */

/** @param {...string} types */
const propertiesOf = (...types) => [...new Set(types.flatMap((type) => [...schema.properties(type).keys()]))];

/** @param {import('./odata-filter.mjs').Filterable['type']} type @param {string} operators @returns {import('./odata-filter.mjs').Filterable} */
const by = (type, operators) => ({ type, operators: operators.split(' ') });

/** Any directory object that others can be member of. @type {Queryable} */
export const MEMBERSHIPS = {
  type: 'directoryObject', resource: 'DirectoryObject', directory: true, always: [],
  selectable: propertiesOf('directoryObject', 'group', 'administrativeUnit'),
  filterable: { displayName: by('string', 'eq startswith'), id: by('string', 'eq in') },
  sortable: ['displayName'],
  searchable: ['displayName', 'description'],
};

/** @type {Queryable} */
export const OWNERS = { ...MEMBERSHIPS, selectable: propertiesOf('directoryObject', 'user') };

/** @type {Queryable} */
export const DEVICES = {
  type: 'device', resource: 'Device', directory: true, always: [], expandable: { registeredOwners: OWNERS },
  selectable: propertiesOf('device'),
  filterable: {
    displayName: by('string', 'eq ne ge le in startswith endswith'),
    deviceId: by('string', 'eq ne startswith'),
    operatingSystem: by('string', 'eq ne ge le startswith'),
    operatingSystemVersion: by('string', 'eq ne ge le startswith'),
    accountEnabled: by('boolean', 'eq ne in'),
    approximateLastSignInDateTime: by('date', 'eq ne ge le'),
  },
  sortable: ['displayName', 'approximateLastSignInDateTime'],
  searchable: ['displayName', 'description'],
};

/**
 * An engineer of this feature: ordinary properties come whatever $select says, credentials only when named.
 * @type {Queryable}
 */
export const CREDENTIALS = {
  type: 'deviceLocalCredentialInfo', resource: 'DeviceLocalCredentialInfo', directory: false,
  selectable: propertiesOf('deviceLocalCredentialInfo'),
  always: ['id', 'deviceName', 'lastBackupDateTime', 'refreshDateTime'],
  filterable: {
    id: by('string', 'eq'), deviceName: by('string', 'eq startswith'), lastBackupDateTime: by('date', 'eq ge le'),
  },
  sortable: ['deviceName', 'lastBackupDateTime', 'refreshDateTime'],
  searchable: ['deviceName'],
};

/** @type {Queryable} */
export const AUDITS = {
  type: 'directoryAudit', resource: 'DirectoryAudit', directory: false, always: [],
  selectable: propertiesOf('directoryAudit'),
  filterable: {
    activityDisplayName: by('string', 'eq startswith'), activityDateTime: by('date', 'eq ge le'), category: by('string', 'eq'),
    correlationId: by('string', 'eq'), loggedByService: by('string', 'eq'),
  },
  sortable: ['activityDateTime'],
  searchable: [],
};
