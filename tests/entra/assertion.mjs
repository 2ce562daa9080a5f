// @ts-check
/** Client assertions: a JWT signed with the key of a certificate that the app registered. */
import { X509Certificate, constants, createHash, verify } from 'node:crypto';
import { StsError } from './sts-errors.mjs';
import { decodeJwt } from './tokens.mjs';

const SKEW = 300;

/** Entra takes thumbprints with and without padding. @param {any} text */
const unpadded = (text) => (typeof text === 'string' ? text.replace(/=+$/, '') : undefined);

/** @param {string} algorithm @param {Buffer} der */
const thumbprint = (algorithm, der) => createHash(algorithm).update(der).digest('base64url');

/** @param {any} header @param {import('./world.mjs').App} app */
function certificateOf(header, app) {
  const strong = unpadded(header['x5t#S256']);
  const weak = unpadded(header.x5t);
  return (app.certificates ?? []).map((pem) => new X509Certificate(pem)).find(({ raw }) =>
    (strong ? thumbprint('sha256', raw) === strong : thumbprint('sha1', raw) === weak));
}

/** Numbers or digits in a string: MSAL.NET sends the latter. @param {any} value */
const seconds = (value) => (/^\d+$/.test(String(value)) ? Number(value) : NaN);

/** As Entra writes times in its messages. @param {number} time */
const stamp = (time) => new Date(time * 1000).toISOString().replace('Z', '0000Z');

/** @param {any} claims @param {string} clientId */
function checkTime(claims, clientId) {
  const [now, exp] = [Date.now() / 1000, seconds(claims.exp)];
  const nbf = claims.nbf === undefined ? seconds(claims.iat ?? Math.floor(now)) : seconds(claims.nbf);
  if (Number.isNaN(exp) || Number.isNaN(nbf)) {
    throw new StsError(401, 'invalid_client', 50027, `JWT token is invalid or malformed for app '${clientId}'.`);
  }
  if (nbf > now + SKEW || exp < now - SKEW) {
    throw new StsError(401, 'invalid_client', 700024, `Client assertion is not within its valid time range. Current time: ${stamp(now)}, `
      + `assertion valid from ${stamp(nbf)}, expiry time of assertion ${stamp(exp)}. Review the documentation at `
      + 'https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials .');
  }
}

/** A token of another issuer, signed with the key that it publishes. @param {any} assertion @param {{ key: string }} trust @param {string} clientId @returns {'federated'} */
function checkFederated({ header, claims, signed, signature }, trust, clientId) {
  if (header.alg !== 'RS256' || !verify('sha256', signed, trust.key, signature)) {
    throw new StsError(401, 'invalid_client', 50013, 'Assertion failed signature validation. [Reason - Key was found, but use of the key to verify the signature failed.]');
  }
  checkTime(claims, clientId);
  return 'federated';
}

/**
 * Throws what Entra answers when the assertion does not hold.
 * @param {string} jwt
 * @param {import('./world.mjs').App} app
 * @param {string[]} audiences  URLs of the token endpoint of this tenant
 * @returns {'certificate' | 'federated'}
 */
export function checkAssertion(jwt, app, audiences) {
  const assertion = decodeJwt(jwt);
  if (!assertion) throw new StsError(401, 'invalid_client', 50027, 'JWT token is invalid or malformed.');
  const { header, claims, signed, signature } = assertion;
  const trust = app.federated?.find(({ issuer, subject, audience }) => issuer === claims.iss && subject === claims.sub && audience === claims.aud);
  if (trust) return checkFederated(assertion, trust, app.clientId);
  if (claims.iss !== app.clientId || claims.sub !== app.clientId) {
    throw new StsError(401, 'invalid_request', 70021, 'No matching federated identity record found for presented assertion. '
      + `Assertion Issuer: '${claims.iss}'. Assertion Subject: '${claims.sub}'. Assertion Audience: '${claims.aud}'. `
      + 'https://docs.microsoft.com/azure/active-directory/develop/workload-identity-federation');
  }
  const certificate = certificateOf(header, app);
  if (!certificate) {
    throw new StsError(401, 'invalid_client', 700027, 'Client assertion contains an invalid signature. [Reason - The key was not found.]');
  }
  const padding = header.alg === 'PS256' ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : { padding: constants.RSA_PKCS1_PADDING };
  if (!['PS256', 'RS256'].includes(header.alg) || !verify('sha256', signed, { key: certificate.publicKey, ...padding }, signature)) {
    throw new StsError(401, 'invalid_client', 700027, 'Client assertion contains an invalid signature. [Reason - The key was found, but use of the key to verify the signature failed.]');
  }
  if (Date.parse(certificate.validTo) < Date.now()) {
    throw new StsError(401, 'invalid_client', 700027, 'Client assertion contains an invalid signature. [Reason - The key used is expired.]');
  }
  if (!audiences.includes(claims.aud)) {
    throw new StsError(401, 'invalid_client', 700023, `Client assertion audience claim does not match Realm issuer. Review the documentation at `
      + 'https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials .');
  }
  checkTime(claims, app.clientId);
  return 'certificate';
}
