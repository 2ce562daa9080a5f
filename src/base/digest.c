/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/digest.h"

#include <pthread.h>
#include <stdlib.h>

#include "digest_internal.h"

/* Looked up once: with EVP_sha256() OpenSSL 3 looks for it at every sum, and that costs more than to hash a record. */
static const EVP_MD *sha256;

static void find_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

const EVP_MD *amlaps_digest_sha256(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    return pthread_once(&once, find_sha256) == 0 ? sha256 : NULL;
}

static int digest(unsigned char sum[EVP_MAX_MD_SIZE], const amlaps_piece_t *pieces, apr_size_t count)
{
    const EVP_MD *algorithm = amlaps_digest_sha256();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned int length = 0;
    int ok = algorithm != NULL && context != NULL && EVP_DigestInit_ex(context, algorithm, NULL) == 1;
    apr_size_t i;

    for (i = 0; i < count; i++) {
        ok = ok && (pieces[i].length == 0 || EVP_DigestUpdate(context, pieces[i].bytes, pieces[i].length) == 1);
    }
    ok = ok && EVP_DigestFinal_ex(context, sum, &length) == 1 && length == AMLAPS_DIGEST_BYTES;
    EVP_MD_CTX_free(context);
    return ok;
}

void amlaps_digest_text(char hex[AMLAPS_DIGEST_HEX + 1], const amlaps_piece_t *pieces, apr_size_t count)
{
    unsigned char sum[EVP_MAX_MD_SIZE];

    if (!digest(sum, pieces, count)) {
        /* Out of memory, or an OpenSSL without SHA-256. A wrong hash would break the audit chain for good, so this ends the
         * child as APR ends it where a pool gets no memory. */
        amlaps_log(AMLAPS_LOG_ERROR, NULL, APR_EGENERAL, "OpenSSL could not compute SHA-256");
        abort();
    }
    amlaps_digest_hex(hex, sum);
}
