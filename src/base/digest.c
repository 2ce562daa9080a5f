/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/text.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/evp.h>

/* Looked up once: with EVP_sha256() OpenSSL 3 looks for it at every sum. OpenSSL keeps it for as long as it lives. */
static const EVP_MD *sha256;

static void find_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static int digest(unsigned char sum[EVP_MAX_MD_SIZE], unsigned int *length, const char *first, apr_size_t first_length,
                  const char *second, apr_size_t second_length)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int ok = context != NULL && pthread_once(&once, find_sha256) == 0 && EVP_DigestInit_ex(context, sha256, NULL) == 1
             && (first_length == 0 || EVP_DigestUpdate(context, first, first_length) == 1)
             && (second_length == 0 || EVP_DigestUpdate(context, second, second_length) == 1)
             && EVP_DigestFinal_ex(context, sum, length) == 1;

    EVP_MD_CTX_free(context);
    return ok;
}

void amlaps_text_sha256(char hex[AMLAPS_SHA256_HEX + 1], const char *first, apr_size_t first_length, const char *second,
                        apr_size_t second_length)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    unsigned int i;

    if (!digest(sum, &length, first, first_length, second, second_length) || length * 2 != AMLAPS_SHA256_HEX) {
        /* Out of memory, or an OpenSSL without SHA-256. A wrong hash would break the audit chain for good, so this ends the
         * child as APR ends it where a pool gets no memory. */
        amlaps_log(AMLAPS_LOG_ERROR, NULL, APR_EGENERAL, "OpenSSL could not compute SHA-256");
        abort();
    }
    for (i = 0; i < length; i++) {
        hex[2 * i] = digits[sum[i] >> 4];
        hex[2 * i + 1] = digits[sum[i] & 0x0F];
    }
    hex[AMLAPS_SHA256_HEX] = '\0';
}
