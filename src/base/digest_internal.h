/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_BASE_DIGEST_INTERNAL_H
#define AMLAPS_BASE_DIGEST_INTERNAL_H

#include <openssl/evp.h>

/** SHA-256 as OpenSSL has it, for as long as it lives; NULL: it has none, or no memory. Any thread. */
const EVP_MD *amlaps_digest_sha256(void);

#endif
