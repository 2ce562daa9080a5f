// @ts-check
/** A simulated Entra and an httpd with the module in front of it: what most system tests begin with. */
import { startEntra } from '../entra/entra.mjs';
import { GROUPS } from '../entra/world.mjs';
import { ruleSection, secretFiles, signInOf, tenantOf, tenantSection } from './amlaps-conf.mjs';
import { HTDOCS_LINE } from './httpd-conf.mjs';
import { Httpd } from './httpd.mjs';
import { freePort } from './ports.mjs';
import { signIn } from './signin.mjs';
import { lastSeq, query, readRecords } from './store.mjs';
import { waitFor } from './wait.mjs';

/** The helpdesk of London reads passwords and history of LON-*; everybody else nothing. */
export const HELPDESK_RULE = ruleSection('London helpdesk', [
  'AMLapsDevice name LON-*', `AMLapsAllow all group ${GROUPS.londonHelpdesk}`,
]);

/** Limits that no test reaches by accident. */
export const NO_LIMITS = 'AMLapsLimit user 1000000/minute\nAMLapsLimit address 1000000/minute\nAMLapsLimit search 1000000/minute';

/**
 * @typedef {Omit<import('./httpd.mjs').HttpdOptions, 'amlaps' | 'signIn'> & {
 *   tenants?: string[],
 *   tenantLines?: string,
 *   rules?: string,
 *   limits?: string,
 *   store?: string,
 *   amlaps?: string,
 *   world?: import('../entra/world.mjs').World,
 *   issuer?: import('./httpd-conf.mjs').SignInApp,
 * }} StageOptions  `tenantLines` go into every tenant, `amlaps` beside the rules; `issuer` signs people in instead of the simulated Entra
 */

export class Stage {
  /** @param {Awaited<ReturnType<typeof startEntra>>} entra @param {Httpd} httpd */
  constructor(entra, httpd) {
    this.entra = entra;
    this.httpd = httpd;
    this.base = httpd.base;
    this.origin = httpd.origin;
    this.store = httpd.path('state/amlaps.db');
    /** @type {Map<string, ReturnType<typeof signIn>>} */
    this.sessions = new Map();
    this.begun = 0;
    if (!httpd.options.amlaps?.includes('pgsql:')) httpd.settled = () => this.started();
  }

  /**
   * Waits for the record of each start, so that it does not come between those of a test. A store that is broken has none. Each start and graceful
   * restart is counted here too: httpd listens before it logs that it has started.
   */
  async started() {
    const count = async () => (await query(this.store, 'SELECT count(*) AS n FROM record WHERE body LIKE \'%"event":"start"%\''))[0].n;
    this.begun += 1;
    await waitFor('the record of the start', async () => await count() >= Math.max(this.begun, this.httpd.starts()), { timeout: 3000 }).catch(() => undefined);
  }

  /**
   * Signs a person of contoso in; the same session when asked again.
   * @param {string} name the part of the user name before the @
   */
  signIn(name) {
    let session = this.sessions.get(name);
    if (!session) {
      session = this.freshSignIn(name);
      this.sessions.set(name, session);
    }
    return session;
  }

  /** @param {string} name */
  freshSignIn(name) {
    return signIn(this.base, this.person(name));
  }

  /** @param {string} name @returns {{ username: string, password: string, id: string }} */
  person(name) {
    const person = this.tenant('contoso').people.find((p) => p.userPrincipalName.split('@')[0] === name);
    if (!person) throw new Error(`nobody is called ${name}`);
    return { username: person.userPrincipalName, password: person.password, id: person.id };
  }

  /** @param {string} name */
  tenant(name) {
    return tenantOf(this.entra, name);
  }

  /** The first device of a name. @param {string} name @param {string} [tenant] */
  device(name, tenant = 'contoso') {
    const device = this.tenant(tenant).devices.find((d) => d.displayName === name);
    if (!device) throw new Error(`no device ${name}`);
    return device;
  }

  /** The passwords of a device, newest first. @param {string} name */
  passwords(name) {
    const credentials = [...this.device(name).laps?.credentials ?? []];
    return credentials.sort((a, b) => b.backedUp.localeCompare(a.backedUp)).map((c) => c.password);
  }

  /** Every secret of this world: what must never be found anywhere. @returns {Record<string, string>} */
  secrets() {
    /** @type {Record<string, string>} */
    const secrets = {};
    for (const tenant of this.entra.world.tenants) {
      if (tenant.signIn) secrets[`client secret of ${tenant.signIn.name}`] = tenant.signIn.secret;
      for (const app of tenant.apps) app.secrets.forEach((s, i) => { secrets[`client secret ${i} of ${app.name}`] = s.value; });
      for (const device of tenant.devices) {
        device.laps?.credentials.forEach((c, i) => { secrets[`password ${i} of ${device.displayName}`] = c.password; });
      }
    }
    return secrets;
  }

  /** The requests that reached the simulated Graph, oldest first. @param {string} [part] of the path */
  graphRequests(part = '') {
    return this.entra.control.requests()
      .filter((request) => request.area === 'graph' && request.path.includes(part))
      .map((request) => ({ ...request, time: Date.parse(request.time) }));
  }

  /** The requests for passwords among them. */
  passwordRequests() {
    return this.graphRequests('/deviceLocalCredentials/').filter(({ path }) => /[?&](?:\$|%24)select=credentials$/.test(path));
  }

  /** Waits for the next request for a password. @param {number} after how many there were */
  untilPasswordRequest(after) {
    return waitFor('a request for a password at the simulator', () => this.passwordRequests().length > after);
  }

  /** Records of the trail. @param {number} [after] */
  records(after) {
    return readRecords(this.store, after);
  }

  lastSeq() {
    return lastSeq(this.store);
  }

  /** Ends all; fails on unexpected lines of the error log. @param {RegExp[]} [allowed] */
  async close(allowed) {
    try {
      await this.httpd.close(allowed);
    } finally {
      await this.entra.close();
    }
  }
}

/** The AMLaps directives of a stage. @param {Awaited<ReturnType<typeof startEntra>>} entra @param {StageOptions} options */
export function stageDirectives(entra, options) {
  const { tenants = ['contoso'], tenantLines, rules = HELPDESK_RULE, limits = NO_LIMITS } = options;
  const { store = 'AMLapsStore sqlite3:{root}/state/amlaps.db', amlaps = '' } = options;
  return [...tenants.map((name) => tenantSection(entra, name, tenantLines)), rules, limits, store, HTDOCS_LINE, amlaps].join('\n');
}

/** @param {StageOptions} [options] */
export async function startStage(options = {}) {
  const port = options.port ?? await freePort();
  const host = options.host ?? 'localhost';
  const redirectUris = [`http://${host}:${port}/laps/oidc/callback`];
  const entra = await startEntra({ redirectUris, ...(options.world ? { world: options.world } : {}) });
  try {
    const { tenants = ['contoso'], tenantLines, rules, limits, store, amlaps, world, files, issuer, ...rest } = options;
    const httpd = await Httpd.start({
      ...rest, port, signIn: issuer ?? signInOf(entra), amlaps: stageDirectives(entra, options),
      files: { ...secretFiles(entra, tenants), ...files },
    });
    const stage = new Stage(entra, httpd);
    await httpd.settled?.();
    return stage;
  } catch (err) {
    await entra.close();
    throw err;
  }
}
