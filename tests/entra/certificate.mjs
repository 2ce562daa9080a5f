// @ts-check
/** Self-signed certificates for tests: of an app that signs assertions, or of a TLS server with the right or a wrong name. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** @param {{ names?: string[] }} [options] names: `DNS:localhost`, `IP:127.0.0.1` */
export async function makeCertificate({ names = ['DNS:localhost', 'IP:127.0.0.1'] } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'entra-certificate-'));
  try {
    const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    await run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-sha256', '-days', '2', '-subj', '/CN=simulated Entra',
      '-addext', `subjectAltName=${names.join(',')}`, '-keyout', keyFile, '-out', certFile]);
    const [key, cert] = await Promise.all([readFile(keyFile, 'utf8'), readFile(certFile, 'utf8')]);
    return { key, cert, der: new X509Certificate(cert).raw };
  } finally {
    await rm(folder, { recursive: true });
  }
}
