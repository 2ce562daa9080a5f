// @ts-check
/** Where the OpenID provider keeps sessions, codes and grants: in memory, for the life of one simulator. */

const OF_A_GRANT = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken']);

/** The adapter class that oidc-provider asks for, over one fresh store. @param {(clientId: string) => any} findClient */
export function storeOf(findClient) {
  /** @type {Map<string, { payload: any, ends: number }>} */
  const entries = new Map();
  /** @type {Map<string, string>} */
  const sessionOfUid = new Map();

  return class Store {
    /** @param {string} model */
    constructor(model) {
      this.model = model;
    }

    /** @param {string} id */
    key(id) {
      return `${this.model}:${id}`;
    }

    /** @param {string} id @param {any} payload @param {number} expiresIn seconds */
    async upsert(id, payload, expiresIn) {
      if (this.model === 'Session') sessionOfUid.set(payload.uid, id);
      entries.set(this.key(id), { payload, ends: Date.now() + expiresIn * 1000 });
    }

    /** @param {string} id */
    async find(id) {
      if (this.model === 'Client') return findClient(id);
      const entry = entries.get(this.key(id));
      return entry && entry.ends > Date.now() ? entry.payload : undefined;
    }

    /** @param {string} uid */
    async findByUid(uid) {
      return this.find(sessionOfUid.get(uid) ?? '');
    }

    async findByUserCode() {
      return undefined;
    }

    /** @param {string} id */
    async consume(id) {
      const entry = entries.get(this.key(id));
      if (entry) entry.payload.consumed = Math.floor(Date.now() / 1000);
    }

    /** @param {string} id */
    async destroy(id) {
      entries.delete(this.key(id));
    }

    /** @param {string} grantId */
    async revokeByGrantId(grantId) {
      for (const [key, { payload }] of entries) {
        if (OF_A_GRANT.has(key.split(':')[0]) && payload.grantId === grantId) entries.delete(key);
      }
    }
  };
}
