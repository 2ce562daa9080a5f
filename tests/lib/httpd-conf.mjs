// @ts-check
/** Writes the configuration of a test httpd. */
import path from 'node:path';
import process from 'node:process';
import { CHILD_USER, MODULE, httpdInstallation } from './paths.mjs';

/**
 * @typedef {object} SignInApp where mod_auth_openidc sends people
 * @property {string} metadataUrl
 * @property {string} clientId
 * @property {string} clientSecret
 * @property {string} [userClaim]   that names people to httpd; `oid` when absent
 */

/**
 * @typedef {object} ConfOptions
 * @property {string} root        server root
 * @property {number} port
 * @property {'event' | 'worker' | 'prefork'} [mpm]
 * @property {string} [mpmSettings]
 * @property {string[]} [load]    more modules, without `mod_`
 * @property {boolean} [module]   false: without mod_amlaps
 * @property {string} [modulePath] of another build of it
 * @property {SignInApp} [signIn] absent: nobody can sign in, no Location /laps
 * @property {string} [host]      name in the server's own addresses
 * @property {'shm' | 'file'} [sessionCache] file: sessions survive a graceful restart
 * @property {string} [amlaps]    AMLaps directives of the main server
 * @property {string} [server]    more of the main server
 * @property {string} [vhost]     more of the virtual host
 * @property {string} [location]  more of <Location /laps>
 * @property {string} [logLevel]
 */

/** @param {string} value */
export const quote = (value) => `"${value.replace(/(["\\])/g, '\\$1')}"`;

const MPM_SETTINGS = {
  event: 'StartServers 2\nServerLimit 4\nThreadsPerChild 25\nMaxRequestWorkers 100\nMinSpareThreads 25\nMaxSpareThreads 75',
  worker: 'StartServers 2\nServerLimit 4\nThreadsPerChild 25\nMaxRequestWorkers 100\nMinSpareThreads 25\nMaxSpareThreads 75',
  prefork: 'StartServers 8\nMinSpareServers 4\nMaxSpareServers 16\nMaxRequestWorkers 32',
};

/** @param {string[]} names */
function loadModules(names) {
  const { modules, builtIn } = httpdInstallation();
  return [...new Set(names)].filter((name) => !builtIn.has(name))
    .map((name) => `LoadModule ${name}_module ${quote(path.join(modules, `mod_${name}.so`))}`);
}

/** The settings of mod_auth_openidc that docs and conf/ ask for, over plain HTTP. @param {ConfOptions} options */
function signInLines({ root, port, host = 'localhost', signIn, sessionCache = 'shm' }) {
  if (!signIn) return [];
  return [
    `OIDCProviderMetadataURL ${signIn.metadataUrl}`,
    `OIDCClientID ${signIn.clientId}`,
    `OIDCClientSecret ${quote(signIn.clientSecret)}`,
    `OIDCRedirectURI http://${host}:${port}/laps/oidc/callback`,
    'OIDCCryptoPassphrase "a passphrase for tests on one machine"',
    'OIDCScope "openid profile email"', 'OIDCResponseType code', 'OIDCPKCEMethod S256',
    `OIDCRemoteUserClaim ${signIn.userClaim ?? 'oid'}`, 'OIDCPassClaimsAs environment', 'OIDCPassIDTokenAs payload', 'OIDCPassUserInfoAs json',
    'OIDCCookiePath /laps', 'OIDCCookieSameSite On', 'OIDCCookieHTTPOnly On', 'OIDCSessionType server-cache',
    ...(sessionCache === 'shm' ? ['OIDCCacheType shm'] : ['OIDCCacheType file', `OIDCCacheDir ${quote(path.join(root, 'sessions'))}`]),
    'OIDCSessionInactivityTimeout 900', 'OIDCSessionMaxDuration 28800',
    'OIDCStateMaxNumberOfCookies 5 true', 'OIDCStateTimeout 300',
  ];
}

/** @param {ConfOptions} options */
function locationLines({ signIn, module = true, location = '' }) {
  if (!signIn) return [];
  return [
    '<Location "/laps">',
    '    AuthType openid-connect', '    Require valid-user',
    ...(module ? ['    SetHandler amlaps'] : []),
    location,
    '</Location>',
  ];
}

/** @param {ConfOptions} options @returns {string} */
export function httpdConf(options) {
  const { root, port, host = 'localhost', mpm = 'event', load = [], module = true, logLevel = 'info' } = options;
  const asRoot = process.getuid?.() === 0;
  return [
    `ServerRoot ${quote(root)}`,
    ...loadModules([`mpm_${mpm}`, 'unixd', 'log_config', 'authn_core', 'authz_core', 'authz_user', 'dir', 'mime', 'auth_openidc', ...load]),
    ...(module ? [`LoadModule amlaps_module ${quote(options.modulePath ?? MODULE)}`] : []),
    `Listen 127.0.0.1:${port}`,
    `ServerName ${host}:${port}`,
    'UseCanonicalName Off',
    ...(asRoot ? [`User ${CHILD_USER}`, `Group ${CHILD_USER}`] : []),
    'PidFile run/httpd.pid', 'DefaultRuntimeDir run', 'Mutex file:run default',
    'ErrorLog logs/error.log', `LogLevel ${logLevel}`,
    'LogFormat "%h %l %u %t \\"%r\\" %>s %b \\"%{Referer}i\\" \\"%{User-Agent}i\\"" combined', 'CustomLog logs/access.log combined',
    'TypesConfig conf/mime.types', 'AddType text/html .html .shtml', 'AddType text/plain .txt',
    'Timeout 30', 'KeepAliveTimeout 5', 'GracefulShutdownTimeout 10', 'TraceEnable Off',
    options.mpmSettings ?? MPM_SETTINGS[mpm],
    '<Directory />', '    Require all denied', '    AllowOverride None', '</Directory>',
    'DocumentRoot "www"',
    `<Directory ${quote(path.join(root, 'www'))}>`, '    Require all granted', '    Options +FollowSymLinks', '</Directory>',
    options.amlaps ?? '',
    options.server ?? '',
    `<VirtualHost 127.0.0.1:${port}>`,
    `    ServerName ${host}:${port}`,
    ...signInLines(options), ...locationLines(options),
    options.vhost ?? '',
    '</VirtualHost>', '',
  ].join('\n');
}

/** The line that serves the page, from a copy: a checkout in a home directory may be closed to the user of the children. */
export const HTDOCS_LINE = 'AMLapsHtdocs "{root}/htdocs"';
