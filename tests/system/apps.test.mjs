// @ts-check
/** conf/entra: four ways to register the two apps. They ask for the same, no more than is needed, and print a configuration that httpd takes. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from '@cdktf/hcl2json';
import { Language, Parser } from 'web-tree-sitter';
import { makeAuthority, makeCertificate } from '../entra/certificate.mjs';
import { Httpd } from '../lib/httpd.mjs';

const CONF = fileURLToPath(new URL('../../conf/', import.meta.url));
const read = (/** @type {string} */ name) => fs.readFileSync(path.join(CONF, 'entra', name), 'utf8');
const PAGE = 'https://helpdesk.example.com/laps';
const TENANT = '8aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11';
const READER = 'aaaaaaaa-0000-4000-8000-000000000001';
const SIGN_IN = 'aaaaaaaa-0000-4000-8000-000000000002';

/** Application permissions of Microsoft Graph: least for this module first, then those for groups of people. (Graph's permissions reference.) */
const GRAPH = '00000003-0000-0000-c000-000000000000';
const NEEDED = {
  'DeviceLocalCredential.Read.All': '884b599e-4d48-43a5-ba94-15c414d00588',
  'Device.Read.All': '7438b122-aefc-4978-80ed-43db9fcc7715',
};
const FOR_GROUPS = {
  'GroupMember.Read.All': '98830695-27a2-44f7-8c18-0c3ebc9698f6',
  'User.ReadBasic.All': '97235f07-e226-4f63-ace3-39588e11d3a1',
};
const ROLES = {
  'Laps.Reader': ['LAPS reader', 'May use the LAPS page'],
  'Laps.Auditor': ['LAPS auditor', 'May read the audit'],
  'Laps.Operator': ['LAPS operator', 'May see the status and explain decisions'],
};
const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** @type {string} */
let folder;
before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'amlaps-apps-'));
  fs.mkdirSync(path.join(folder, 'bin'));
  const program = (/** @type {string} */ name, /** @type {string} */ text) => fs.writeFileSync(path.join(folder, 'bin', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  program('az', `exec "${process.execPath}" "${fileURLToPath(new URL('../lib/az-stub.mjs', import.meta.url))}" "$@"`);
  program('sleep', 'echo "$@" >>"$SLEPT"');
  const { cert } = await makeCertificate();
  fs.writeFileSync(path.join(folder, 'graph.crt'), cert);
});
after(() => fs.rmSync(folder, { recursive: true }));

/**
 * @param {string[]} args @param {Record<string, string>} [env]
 * @returns {Promise<{ code: number, stdout: string, stderr: string, calls: any[], slept: string[] }>}
 */
async function run(args, env = {}) {
  const [calls, slept] = [path.join(folder, 'calls'), path.join(folder, 'slept')];
  for (const file of [calls, slept]) fs.rmSync(file, { force: true });
  const lines = (/** @type {string} */ file) => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trim().split('\n') : []);
  /** @type {any} */
  const result = await new Promise((resolve) => {
    execFile('sh', [path.join(CONF, 'entra/create-apps.sh'), ...args], {
      env: { PATH: `${path.join(folder, 'bin')}:${process.env.PATH}`, TMPDIR: folder, AZ_CALLS: calls, SLEPT: slept, ...env },
    }, (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }));
  });
  return { ...result, calls: lines(calls).map((line) => JSON.parse(line)), slept: lines(slept) };
}
const certificate = () => path.join(folder, 'graph.crt');
/** What comes of it where all goes well; nothing of it changes from one time to the next but the roles' ids. @type {ReturnType<typeof run> | undefined} */
let usual;
const usually = () => (usual ??= run([`${PAGE}/`, certificate()]));

/** The block without what is different for each: values, whatever the language writes for them. @param {string} text */
const shapeOf = (text) => text.slice(text.indexOf('Include ')).split('\n').map((line) => line.trim()
  .replace(/^(OIDC\w+\s+|AMLaps(TenantId|ClientId)\s+).*/, '$1').replace(/(graph\.key)\$.*/, '$1')).filter((line) => line && line !== 'END' && line !== '$cloud}')
  .join('\n');

describe('create-apps.sh', () => {
  test('makes these calls, and no other', async () => {
    const { code, stdout, stderr, calls } = await usually();
    assert.equal(code, 0, stderr);
    assert.deepEqual(calls.map(({ command }) => command), ['account show', 'cloud show', 'cloud show', 'cloud show', 'ad app create', 'ad sp create',
      'ad app credential reset', 'ad app permission admin-consent', 'ad app create', 'ad sp create', 'rest']);
    const [reader, readerPrincipal, credential, consent, signIn, principal, assignment] = calls.slice(4);
    assert.deepEqual(reader['--display-name'], ['mod_amlaps reader']);
    assert.deepEqual(JSON.parse(reader['--required-resource-accesses'][0]), [{
      resourceAppId: GRAPH, resourceAccess: Object.values(NEEDED).map((id) => ({ id, type: 'Role' })),
    }]);
    assert.equal(reader['--web-redirect-uris'], undefined, 'nobody signs in to it');
    for (const call of [readerPrincipal, credential, consent]) assert.deepEqual(call['--id'], [READER]);
    assert.deepEqual(credential['--cert'], [fs.readFileSync(certificate(), 'utf8')]);
    assert.ok(credential['--append'], 'what others use stays');
    assert.deepEqual(signIn['--display-name'], ['mod_amlaps sign-in']);
    assert.deepEqual(signIn['--web-redirect-uris'], [`${PAGE}/oidc/callback`]);
    assert.equal(signIn['--required-resource-accesses'], undefined, 'it may read nothing');
    const roles = JSON.parse(signIn['--app-roles'][0]);
    assert.deepEqual(Object.fromEntries(roles.map((/** @type {any} */ role) => [role.value, [role.displayName, role.description]])), ROLES);
    assert.equal(new Set(roles.map((/** @type {any} */ role) => role.id)).size, 3);
    for (const role of roles) {
      assert.match(role.id, GUID);
      assert.deepEqual([role.allowedMemberTypes, role.isEnabled], [['User'], true]);
    }
    for (const call of [reader, signIn]) assert.deepEqual(call['--sign-in-audience'], ['AzureADMyOrg']);
    assert.deepEqual(principal['--id'], [SIGN_IN]);
    assert.deepEqual(assignment, {
      command: 'rest', '--method': ['PATCH'], '--url': ['https://graph.microsoft.com/v1.0/servicePrincipals/bbbbbbbb-0000-4000-8000-000000000002'],
      '--headers': ['Content-Type=application/json'], '--body': ['{"appRoleAssignmentRequired":true}'], '--output': ['none'],
    });
    assert.deepEqual(stdout.split('\n').filter((line) => line && !line.startsWith('#'))[0], 'Include /etc/amlaps/auth_openidc-entra.conf', 'nothing of az is printed');
    assert.deepEqual(fs.readdirSync(folder).sort(), ['bin', 'calls', 'graph.crt'], 'nothing is left behind');
  });

  test('with the permissions for groups', async () => {
    const { code, stderr, calls } = await run([PAGE, certificate(), 'groups']);
    assert.equal(code, 0, stderr);
    const [{ resourceAccess }] = JSON.parse(calls[4]['--required-resource-accesses'][0]);
    assert.deepEqual(resourceAccess.map((/** @type {any} */ { id }) => id), [...Object.values(NEEDED), ...Object.values(FOR_GROUPS)]);
  });

  test('waits for the new principal, but not for ever', async () => {
    const some = await run([PAGE, certificate()], { AZ_CONSENTS_FAIL: '3' });
    assert.equal(some.code, 0, some.stderr);
    assert.deepEqual(some.slept, ['6', '6', '6']);
    const all = await run([PAGE, certificate()], { AZ_CONSENTS_FAIL: '99' });
    assert.notEqual(all.code, 0);
    assert.match(all.stderr, /Request_ResourceNotFound/);
    assert.equal(all.slept.length, 9);
    assert.equal(all.stdout, '');
  });

  test('in another cloud', async () => {
    const { stdout, calls } = await run([PAGE, certificate()], { AZ_CLOUD: 'AzureUSGovernment' });
    assert.match(stdout, /^OIDCProviderMetadataURL https:\/\/login\.microsoftonline\.us\/8aa4c1a8/m);
    assert.match(stdout, /^ {4}AMLapsCloud {13}usgov$/m);
    assert.match(calls.at(-1)['--url'][0], /^https:\/\/graph\.microsoft\.us\/v1\.0\//);
  });

  for (const call of ['account show', 'cloud show', 'ad app create', 'ad sp create', 'ad app credential reset', 'rest']) {
    test(`stops where '${call}' fails, and prints no configuration`, async () => {
      const { code, stdout, stderr, calls } = await run([PAGE, certificate()], { AZ_FAIL: call });
      assert.notEqual(code, 0);
      assert.equal(stdout, '');
      assert.match(stderr, /Insufficient privileges/);
      assert.equal(calls.at(-1).command, call);
    });
  }

  test('asks for what is missing or wrong before it calls az', async () => {
    const { servers } = await makeAuthority({ old: { from: -20, until: -10 } });
    const [old, text] = [path.join(folder, 'old.crt'), path.join(folder, 'text.crt')];
    fs.writeFileSync(old, servers.old.cert);
    fs.writeFileSync(text, 'nothing');
    try {
      for (const [args, message] of /** @type {[string[], RegExp][]} */ ([
        [[], /^Usage: az login/m], [[PAGE], /^Usage/m], [[PAGE, certificate(), 'all'], /^Usage/m], [[PAGE, certificate(), 'groups', 'x'], /^Usage/m],
        [['http://helpdesk.example.com/laps', certificate()], /must be https/], [['https://helpdesk.example.com', certificate()], /must be https/],
        [['https://helpdesk.example.com/other/laps', certificate()], /must be https/], [['https:///laps', certificate()], /must be https/],
        [[PAGE, old], /no valid certificate/], [[PAGE, text], /no valid certificate/], [[PAGE, path.join(folder, 'none.crt')], /no valid certificate/]])) {
        const { code, stderr, calls } = await run(args);
        assert.equal(code, 2, `${args}`);
        assert.match(stderr, message);
        assert.equal(calls.length, 0);
      }
    } finally {
      fs.rmSync(old);
      fs.rmSync(text);
    }
  });

  test('prints what httpd takes as it is', async () => {
    const { stdout } = await usually();
    const pair = await makeCertificate();
    const httpd = await Httpd.create({ amlaps: 'AMLapsStore sqlite3:{root}/state/amlaps.db\nAMLapsHtdocs "{root}/htdocs"' });
    try {
      httpd.write('etc/graph.crt', pair.cert);
      httpd.write('etc/graph.key', pair.key, 0o600);
      httpd.write('etc/oidc-secret', 'a secret', 0o600);
      httpd.write('etc/oidc-passphrase', 'a passphrase', 0o600);
      const here = (/** @type {string} */ text) => text.replaceAll('/etc/amlaps/', '{root}/etc/');
      httpd.write('etc/auth_openidc-entra.conf', here(fs.readFileSync(path.join(CONF, 'auth_openidc-entra.conf'), 'utf8')));
      httpd.configure({ vhost: here(stdout) });
      const { ok, output } = await httpd.configtest('-D', 'DUMP_VHOSTS');
      assert.ok(ok, output);
      assert.doesNotMatch(output, /AML\d{4}|AH\d{5}.*(error|warn)/, output);
      // the values of the block, not the examples of the file that it includes, are those that count
      httpd.configure({ vhost: here(stdout).replace(/^Include.*$/m, '') });
      assert.match((await httpd.configtest()).output, /AML0113[\s\S]*AML0114[\s\S]*AML0115/, 'the file is what keeps claims and cookies safe');
    } finally {
      httpd.discard();
    }
    assert.match(stdout, new RegExp(`AMLapsTenantId +${TENANT}\\n +AMLapsClientId +${READER}\\n`));
    assert.match(stdout, new RegExp(`^OIDCClientID +${SIGN_IN}$`, 'm'));
    assert.match(stdout, /^OIDCRedirectURLsAllowed \^https:\/\/helpdesk\\\.example\\\.com\/laps\(\/\|\$\)$/m);
  });
});

describe('main.tf', () => {
  /** @type {any} */
  let terraform;
  before(async () => {
    terraform = await parse('main.tf', read('main.tf'));
  });

  test('asks for the same permissions, and consents to them', () => {
    const [locals] = terraform.locals;
    const named = (/** @type {string} */ text) => [...text.matchAll(/"([A-Za-z]+\.[A-Za-z.]+)"/g)].map(([, name]) => name);
    assert.deepEqual(named(locals.permissions), [...Object.keys(NEEDED), ...Object.keys(FOR_GROUPS)]);
    assert.match(locals.permissions, /\["DeviceLocalCredential\.Read\.All", "Device\.Read\.All"\], var\.groups \? \[/);
    assert.equal(terraform.variable.groups[0].default, false);
    const { azuread_application: applications, azuread_app_role_assignment: assignments } = terraform.resource;
    const [access] = applications.reader[0].required_resource_access;
    assert.match(access.resource_app_id, /published_app_ids\.well_known\.result\.MicrosoftGraph/);
    assert.equal(access.dynamic.resource_access[0].for_each, '${local.permissions}');
    assert.equal(access.dynamic.resource_access[0].content[0].type, 'Role');
    assert.equal(assignments.reader[0].for_each, '${local.permissions}');
    assert.equal(assignments.reader[0].principal_object_id, '${azuread_service_principal.reader.object_id}');
  });

  test('makes the same two apps and roles', () => {
    const { azuread_application: { reader: [reader], sign_in: [signIn] }, azuread_application_certificate: certificates, azuread_service_principal: principals } = terraform.resource;
    assert.deepEqual([reader.display_name, signIn.display_name], ['mod_amlaps reader', 'mod_amlaps sign-in']);
    for (const app of [reader, signIn]) assert.equal(app.sign_in_audience, 'AzureADMyOrg');
    assert.deepEqual([reader.web, signIn.required_resource_access], [undefined, undefined]);
    assert.deepEqual(signIn.web[0].redirect_uris, ['${local.page}/oidc/callback']);
    assert.deepEqual(terraform.locals[0].roles, ROLES);
    assert.deepEqual(signIn.dynamic.app_role[0].content[0].allowed_member_types, ['User']);
    assert.equal(certificates.reader[0].type, 'AsymmetricX509Cert');
    assert.equal(principals.sign_in[0].app_role_assignment_required, true);
    assert.equal(terraform.resource.azuread_application_password, undefined, 'no secret in the state');
  });

  test('prints the same configuration', async () => {
    assert.equal(shapeOf(terraform.output.configuration[0].value), shapeOf((await usually()).stdout));
  });
});

describe('main.bicep and create-apps.ps1', () => {
  const require = createRequire(import.meta.url);
  /** @type {Record<string, import('web-tree-sitter').Tree>} */
  const trees = {};
  before(async () => {
    await Parser.init();
    for (const [file, grammar] of [['main.bicep', 'bicep'], ['create-apps.ps1', 'powershell']]) {
      const parser = new Parser();
      parser.setLanguage(await Language.load(require.resolve(`tree-sitter-${grammar}/tree-sitter-${grammar}.wasm`)));
      // the grammar of Bicep is older than this line of it
      const text = read(file).replace(/^extension microsoftGraphV1$/m, '');
      trees[file] = /** @type {import('web-tree-sitter').Tree} */ (parser.parse(text));
    }
  });
  /** The text of all nodes of these kinds. @param {string} file @param {...string} kinds */
  const texts = (file, ...kinds) => trees[file].rootNode.descendantsOfType(kinds).map((node) => node?.text ?? '');
  const unquoted = (/** @type {string[]} */ list) => list.map((text) => text.replace(/^['"]|['"]$/g, ''));

  test('the extension that main.bicep names is the one of bicepconfig.json', () => {
    assert.match(read('main.bicep'), /^extension microsoftGraphV1$/m);
    assert.deepEqual(Object.keys(JSON.parse(read('bicepconfig.json')).extensions), ['microsoftGraphV1']);
  });

  for (const [file, kinds] of /** @type {[string, string[]][]} */ ([['main.bicep', ['string']], ['create-apps.ps1', ['verbatim_string_characters', 'expandable_string_literal']]])) {
    test(`${file} is of its language`, () => {
      const broken = trees[file].rootNode.descendantsOfType('ERROR').map((node) => `${node?.startPosition.row}: ${node?.text.slice(0, 80)}`);
      assert.deepEqual(broken, []);
      assert.ok(texts(file, ...kinds).length > 20);
    });

    test(`${file} asks for the same permissions, and makes the same apps and roles`, () => {
      const strings = unquoted(texts(file, ...kinds));
      const ids = strings.filter((text) => GUID.test(text) && text !== GRAPH);
      assert.deepEqual(ids, [...Object.values(NEEDED), ...Object.values(FOR_GROUPS)], 'each once, those for groups behind');
      assert.ok(read(file).includes(GRAPH));
      for (const text of ['mod_amlaps reader', 'mod_amlaps sign-in', 'AzureADMyOrg', 'AsymmetricX509Cert', 'Verify', 'Role', 'User', ...Object.entries(ROLES).flat(2)]) {
        assert.ok(strings.includes(text), text);
      }
      assert.deepEqual(strings.filter((text) => /^Laps\./.test(text)), Object.keys(ROLES));
      assert.deepEqual(strings.filter((text) => /^\$\w+\/|^\$\{\w+\}\//.test(text)).map((text) => text.replace(/^[^/]+/, '')), ['/oidc/callback']);
      assert.match(read(file), /appRoleAssignmentRequired: true|-AppRoleAssignmentRequired/);
      assert.doesNotMatch(read(file), /passwordCredentials|AddPassword|-PasswordCredentials/i, 'no secret in an output');
    });
  }

  test('they print the same configuration', async () => {
    const wanted = shapeOf((await usually()).stdout);
    const lines = /output configuration string = join\(\[\n([\s\S]*)\n\], '\\n'\)/.exec(read('main.bicep'))?.[1] ?? '';
    assert.equal(shapeOf(lines.split('\n').map((line) => line.trim().slice(1, -1)).join('\n')), wanted);
    assert.equal(shapeOf(/@"\n([\s\S]*?)\n"@/.exec(read('create-apps.ps1'))?.[1] ?? ''), wanted);
  });
});
