// @ts-check
/** Certificates for tests: of an app that signs assertions, of a TLS server with the right or a wrong name, and of a private CA. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Self-signed.
 * @param {{ names?: string[], days?: number, algorithm?: string[] }} [options] names: `DNS:localhost`, `IP:127.0.0.1`; `algorithm` as openssl takes it
 */
export async function makeCertificate({ names = ['DNS:localhost', 'IP:127.0.0.1'], days = 365, algorithm = ['-newkey', 'rsa:2048'] } = {}) {
  return inFolder(async (folder) => {
    const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    await run('openssl', ['req', '-x509', ...algorithm, '-nodes', '-sha256', '-days', String(days), '-subj', '/CN=simulated Entra',
      '-addext', `subjectAltName=${names.join(',')}`, '-keyout', keyFile, '-out', certFile]);
    const [key, cert] = await Promise.all([readFile(keyFile, 'utf8'), readFile(certFile, 'utf8')]);
    return { key, cert, der: new X509Certificate(cert).raw };
  });
}

/** @template T @param {(folder: string) => Promise<T>} work @returns {Promise<T>} */
async function inFolder(work) {
  const folder = await mkdtemp(join(tmpdir(), 'entra-certificate-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const CA_CONFIG = `[ca]
default_ca = ours
[ours]
database = index.txt
serial = serial
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
`;

/** As `openssl ca` reads times. @param {number} days from now */
const stamp = (days) => `${new Date(Date.now() + days * 86400000).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;

/**
 * A private CA and the server certificates that it has signed.
 * @template {string} Name
 * @param {Record<Name, { names?: string[], from?: number, until?: number }>} servers `from`, `until`: days from now
 * @returns {Promise<{ ca: string, servers: Record<Name, { key: string, cert: string }> }>}
 */
export async function makeAuthority(servers) {
  return inFolder(async (folder) => {
    const openssl = (/** @type {string[]} */ ...args) => run('openssl', args, { cwd: folder });
    await openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-sha256', '-days', '30', '-subj', '/CN=private CA', '-keyout', 'ca.key', '-out', 'ca.pem');
    await Promise.all([writeFile(join(folder, 'ca.cnf'), CA_CONFIG), writeFile(join(folder, 'index.txt'), ''), writeFile(join(folder, 'serial'), '1000\n')]);
    const made = /** @type {Record<Name, { key: string, cert: string }>} */ ({});
    for (const name of /** @type {Name[]} */ (Object.keys(servers))) {
      const { names = ['DNS:localhost', 'IP:127.0.0.1'], from = -10, until = 20 } = servers[name];
      await openssl('req', '-new', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${name}`, '-addext', `subjectAltName=${names.join(',')}`, '-keyout', 'key.pem', '-out', 'request.pem');
      await openssl('ca', '-batch', '-notext', '-config', 'ca.cnf', '-startdate', stamp(from), '-enddate', stamp(until), '-in', 'request.pem', '-out', 'cert.pem');
      made[name] = { key: await readFile(join(folder, 'key.pem'), 'utf8'), cert: await readFile(join(folder, 'cert.pem'), 'utf8') };
    }
    return { ca: await readFile(join(folder, 'ca.pem'), 'utf8'), servers: made };
  });
}
