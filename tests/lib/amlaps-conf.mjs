// @ts-check
/** AMLaps directives that fit a simulated Entra. */
import { quote } from './httpd-conf.mjs';

/**
 * @typedef {import('../entra/world.mjs').Tenant} Tenant
 * @typedef {{ loginUrl: string, graphUrl: string, metadataUrl: string, world: import('../entra/world.mjs').World }} Entra
 */

/** @param {Entra} entra @param {string} name @returns {Tenant} */
export function tenantOf(entra, name) {
  const tenant = entra.world.tenants.find((t) => t.name === name);
  if (!tenant) throw new Error(`no tenant ${name} in the simulated world`);
  return tenant;
}

/** The secret of a tenant's reader app that is not expired. @param {Tenant} tenant */
export function readerSecret(tenant) {
  const secret = tenant.apps[0].secrets.find((s) => !s.expires || Date.parse(s.expires) > Date.now());
  if (!secret) throw new Error(`the reader app of ${tenant.name} has no valid secret`);
  return secret.value;
}

/** File below the server root that holds a tenant's client secret. @param {string} name */
export const secretFile = (name) => `secret/${name}.secret`;

/** @param {Entra} entra @param {string} name @param {string} [more] further directives of the tenant */
export function tenantSection(entra, name, more = '') {
  const tenant = tenantOf(entra, name);
  return [
    `<AMLapsTenant ${name}>`,
    `    AMLapsTenantId     ${tenant.id}`,
    `    AMLapsClientId     ${tenant.apps[0].clientId}`,
    `    AMLapsClientSecret file:{root}/${secretFile(name)}`,
    `    AMLapsLoginURL     ${entra.loginUrl}`,
    `    AMLapsGraphURL     ${entra.graphUrl}`,
    more,
    '</AMLapsTenant>',
  ].join('\n');
}

/** @param {string} description @param {string[]} lines @param {string} [tenant] */
export const ruleSection = (description, lines, tenant = '') =>
  `<AMLapsRule ${quote(description)} ${tenant}>\n${lines.map((line) => `    ${line}`).join('\n')}\n</AMLapsRule>\n`;

/** What mod_auth_openidc needs to know. @param {Entra} entra */
export function signInOf(entra) {
  const { signIn } = tenantOf(entra, 'contoso');
  if (!signIn) throw new Error('nobody can sign in to contoso');
  return { metadataUrl: entra.metadataUrl, clientId: signIn.clientId, clientSecret: signIn.secret };
}

/** @param {Entra} entra @param {string[]} names tenants @returns {Record<string, { content: string, mode: number }>} */
export const secretFiles = (entra, names) => Object.fromEntries(
  names.map((name) => [secretFile(name), { content: `${readerSecret(tenantOf(entra, name))}\n`, mode: 0o400 }]));
