// @ts-check
/** Access tokens for Graph: issued and judged. To clients they are opaque. */
import { generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';
import { refuse } from './answers.mjs';

const segment = (/** @type {any} */ value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** @param {string} jwt @returns {{ header: any, claims: any, signed: Buffer, signature: Buffer } | null} */
export function decodeJwt(jwt) {
  const parts = jwt.split('.');
  if (parts.length !== 3) return null;
  try {
    const [header, claims] = parts.slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));
    if (!header || !claims || typeof header !== 'object' || typeof claims !== 'object') return null;
    return { header, claims, signed: Buffer.from(`${parts[0]}.${parts[1]}`), signature: Buffer.from(parts[2], 'base64url') };
  } catch {
    return null;
  }
}

/** One pair for all simulators of a process, as it takes long to make: tokens of one are not for the other's audience. */
const KEYS = generateKeyPairSync('rsa', { modulusLength: 2048 });
const KID = randomBytes(20).toString('base64url');

export class Tokens {
  constructor() {
    /** Graph's root. */
    this.audience = '';
    this.publicKey = KEYS.publicKey;
    this.privateKey = KEYS.privateKey;
    this.kid = KID;
    /** Tokens that are not in here any more count as expired. @type {Set<string>} */
    this.valid = new Set();
  }

  /**
   * @param {import('./world.mjs').Tenant} tenant @param {import('./world.mjs').App} app
   * @param {{ roles: string[], lifetime: number, proof: 'secret' | 'certificate' | 'federated' }} how lifetime in seconds
   */
  issue(tenant, app, { roles, lifetime, proof }) {
    const now = Math.floor(Date.now() / 1000);
    const uti = randomBytes(16).toString('base64url');
    this.valid.add(uti);
    const claims = {
      aud: this.audience, iss: `https://sts.windows.net/${tenant.id}/`, iat: now, nbf: now, exp: now + lifetime,
      app_displayname: app.name, appid: app.clientId, appidacr: proof === 'secret' ? '1' : '2', idtyp: 'app', oid: app.objectId,
      // an app without consented permission gets a token all the same, only without this claim
      ...(roles.length ? { roles } : {}), sub: app.objectId, tid: tenant.id, uti, ver: '1.0',
    };
    const head = `${segment({ typ: 'JWT', alg: 'RS256', x5t: this.kid, kid: this.kid })}.${segment(claims)}`;
    return `${head}.${sign('sha256', Buffer.from(head), this.privateKey).toString('base64url')}`;
  }

  /** From now on Graph says of every token issued so far that it is expired. */
  expireAll() {
    this.valid.clear();
  }

  /**
   * Throws Graph's 401 for a token that is none of ours, or no longer.
   * @param {string | undefined} authorization the header
   * @param {import('./world.mjs').World} world
   * @returns {{ claims: any, tenant: import('./world.mjs').Tenant }}
   */
  judge(authorization, world) {
    const jwt = /^Bearer\s+(\S+)\s*$/i.exec(authorization ?? '')?.[1];
    if (!jwt) throw refuse.token('Access token is empty.');
    const token = decodeJwt(jwt);
    if (!token) throw refuse.token('CompactToken parsing failed with error code: 80049217');
    const tenant = world.tenants.find(({ id }) => id === token.claims.tid);
    if (!tenant || token.header.alg !== 'RS256' || !verify('sha256', token.signed, this.publicKey, token.signature)) {
      throw refuse.token('CompactToken validation failed with reason code: 80049228.');
    }
    if (token.claims.aud !== this.audience) throw refuse.token('Access token validation failure. Invalid audience.');
    if (token.claims.exp * 1000 <= Date.now() || !this.valid.has(token.claims.uti)) {
      throw refuse.token('Lifetime validation failed, the token is expired.');
    }
    return { claims: token.claims, tenant };
  }
}
