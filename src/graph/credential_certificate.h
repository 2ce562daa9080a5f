/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_CREDENTIAL_CERTIFICATE_H
#define AMLAPS_GRAPH_CREDENTIAL_CERTIFICATE_H

/* A certificate and its private key, for as long as one assertion takes. One of the two files that know of OpenSSL here. */

#include "amlaps/secret.h"

typedef struct amlaps_certificate_t amlaps_certificate_t;

/**
 * Takes a pair that belongs together, is valid at `now`, and strong enough for Entra; gone with `pool`.
 * @param certificate, key in PEM; the first certificate counts. A key with a passphrase is refused
 * @param rs256 the signature that it is meant for
 * @return NULL, or what is wrong and what to do; names neither file nor any of the key
 */
const char *amlaps_certificate_open(amlaps_certificate_t **opened, const amlaps_secret_t *certificate, const amlaps_secret_t *key,
                                    int rs256, apr_time_t now, apr_pool_t *pool);

/** @return the end of its validity; 0 where it cannot be told */
apr_time_t amlaps_certificate_expires(const amlaps_certificate_t *certificate);

/** The thumbprint as Entra's header `x5t#S256` (or, for RS256, `x5t`) wants it: the digest of the DER form.
 *  @return its length, 0 on failure */
#define AMLAPS_THUMBPRINT_MOST 64
apr_size_t amlaps_certificate_thumbprint(unsigned char sum[AMLAPS_THUMBPRINT_MOST], const amlaps_certificate_t *certificate, int rs256);

/** RSASSA-PSS with SHA-256 and a salt of 32 bytes, or RSASSA-PKCS1-v1_5. @param signature out: raw bytes appended */
apr_status_t amlaps_certificate_sign(amlaps_secret_t *signature, const amlaps_certificate_t *certificate, int rs256,
                                     const char *bytes, apr_size_t length);

#endif
