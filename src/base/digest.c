/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/digest.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#define BLOCK 64

struct amlaps_digest_t {
    EVP_MD_CTX *context;
};

/* Looked up once: with EVP_sha256() OpenSSL 3 looks for it at every sum, and that costs more than to hash a record. */
static const EVP_MD *sha256;

static void find_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

/** Out of memory, or an OpenSSL without SHA-256: a wrong hash would break the audit chain for good, so this ends the child as APR ends it where a
 *  pool gets no memory. */
static void must(int fine)
{
    if (!fine) {
        amlaps_log(AMLAPS_LOG_ERROR, NULL, APR_EGENERAL, "OpenSSL could not compute SHA-256");
        abort();
    }
}

static void begin(amlaps_digest_t *digest)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    digest->context = EVP_MD_CTX_new();
    must(pthread_once(&once, find_sha256) == 0 && sha256 != NULL && digest->context != NULL && EVP_MD_get_size(sha256) == AMLAPS_DIGEST_BYTES);
}

static apr_status_t release(void *baton)
{
    amlaps_digest_t *digest = baton;

    EVP_MD_CTX_free(digest->context);
    return APR_SUCCESS;
}

amlaps_digest_t *amlaps_digest_make(apr_pool_t *pool)
{
    amlaps_digest_t *digest = apr_pcalloc(pool, sizeof(*digest));

    begin(digest);
    apr_pool_cleanup_register(pool, digest, release, apr_pool_cleanup_null);
    return digest;
}

void amlaps_digest_sum(unsigned char sum[AMLAPS_DIGEST_BYTES], amlaps_digest_t *digest, const amlaps_piece_t *pieces, apr_size_t count)
{
    unsigned int length = 0;
    int fine = EVP_DigestInit_ex2(digest->context, sha256, NULL) == 1;
    apr_size_t i;

    for (i = 0; i < count; i++) {
        fine = fine && (pieces[i].length == 0 || EVP_DigestUpdate(digest->context, pieces[i].bytes, pieces[i].length) == 1);
    }
    must(fine && EVP_DigestFinal_ex(digest->context, sum, &length) == 1);
}

void amlaps_digest_text(char hex[AMLAPS_DIGEST_HEX + 1], const amlaps_piece_t *pieces, apr_size_t count)
{
    unsigned char sum[AMLAPS_DIGEST_BYTES];
    amlaps_digest_t digest;

    begin(&digest);
    amlaps_digest_sum(sum, &digest, pieces, count);
    release(&digest);
    amlaps_digest_hex(hex, sum);
}

void amlaps_digest_sign(unsigned char mac[AMLAPS_DIGEST_BYTES], const void *key, apr_size_t key_length, const void *text, apr_size_t length)
{
    unsigned int made = 0;

    must(HMAC(EVP_sha256(), key, (int)key_length, text, length, mac, &made) != NULL && made == AMLAPS_DIGEST_BYTES);
}

void amlaps_digest_wipe(amlaps_digest_t *digest)
{
    /* Beginning anew overwrites the state, which after a sum is the sum itself. */
    must(EVP_DigestInit_ex2(digest->context, sha256, NULL) == 1);
}

void amlaps_digest_hmac(unsigned char mac[AMLAPS_DIGEST_BYTES], amlaps_digest_t *digest, const unsigned char key[AMLAPS_DIGEST_BYTES],
                        const void *text, apr_size_t length)
{
    unsigned char inner[BLOCK], outer[BLOCK], sum[AMLAPS_DIGEST_BYTES];
    const amlaps_piece_t first[] = { { inner, BLOCK }, { text, length } };
    const amlaps_piece_t second[] = { { outer, BLOCK }, { sum, sizeof(sum) } };
    int i;

    for (i = 0; i < BLOCK; i++) {
        unsigned char byte = i < AMLAPS_DIGEST_BYTES ? key[i] : 0;

        inner[i] = byte ^ 0x36;
        outer[i] = byte ^ 0x5C;
    }
    amlaps_digest_sum(sum, digest, first, 2);
    amlaps_digest_sum(mac, digest, second, 2);
    amlaps_digest_wipe(digest);
    OPENSSL_cleanse(inner, sizeof(inner));
    OPENSSL_cleanse(outer, sizeof(outer));
    OPENSSL_cleanse(sum, sizeof(sum));
}

void amlaps_digest_hex(char hex[AMLAPS_DIGEST_HEX + 1], const unsigned char sum[AMLAPS_DIGEST_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    int i;

    for (i = 0; i < AMLAPS_DIGEST_BYTES; i++) {
        hex[2 * i] = digits[sum[i] >> 4];
        hex[2 * i + 1] = digits[sum[i] & 0x0F];
    }
    hex[AMLAPS_DIGEST_HEX] = '\0';
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int amlaps_digest_read_hex(unsigned char sum[AMLAPS_DIGEST_BYTES], const char *hex)
{
    int i;

    for (i = 0; i < AMLAPS_DIGEST_BYTES; i++) {
        int high = digit(hex[2 * i]);
        int low = high < 0 ? -1 : digit(hex[2 * i + 1]);

        if (low < 0) {
            return 0;
        }
        sum[i] = (unsigned char)(high << 4 | low);
    }
    return 1;
}

apr_status_t amlaps_digest_random(unsigned char *bytes, apr_size_t length)
{
    return RAND_priv_bytes(bytes, (int)length) == 1 ? APR_SUCCESS : APR_EGENERAL;
}

int amlaps_digest_equal(const void *a, const void *b, apr_size_t length)
{
    return CRYPTO_memcmp(a, b, length) == 0;
}
