/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_DIGEST_H
#define AMLAPS_DIGEST_H

/*
 * SHA-256, HMAC and random bytes from OpenSSL, for those who need bytes rather than text or hash much: a digest keeps what each call would
 * have to make. One thread at a time per digest. Where OpenSSL cannot, the process ends: no caller could go on without.
 */

#include "amlaps/base.h"

#define AMLAPS_DIGEST_BYTES 32
#define AMLAPS_DIGEST_HEX 64

typedef struct amlaps_digest_t amlaps_digest_t;

typedef struct amlaps_piece_t {
    const void *bytes;
    apr_size_t length;
} amlaps_piece_t;

/** Lives as long as the pool. */
amlaps_digest_t *amlaps_digest_make(apr_pool_t *pool);

/** SHA-256 over the concatenation of the pieces. */
void amlaps_digest_sum(unsigned char sum[AMLAPS_DIGEST_BYTES], amlaps_digest_t *digest, const amlaps_piece_t *pieces, apr_size_t count);

/** HMAC-SHA-256 (RFC 2104) with a key of 32 bytes. What was computed with the key is wiped from the digest. `mac` may be `key`. */
void amlaps_digest_hmac(unsigned char mac[AMLAPS_DIGEST_BYTES], amlaps_digest_t *digest, const unsigned char key[AMLAPS_DIGEST_BYTES],
                        const void *text, apr_size_t length);

/** The same with a key of any length, for a message now and then. */
void amlaps_digest_sign(unsigned char mac[AMLAPS_DIGEST_BYTES], const void *key, apr_size_t key_length, const void *text, apr_size_t length);

/** Forgets what the last sum was about, where that was a secret. */
void amlaps_digest_wipe(amlaps_digest_t *digest);

/** Lower-case hexadecimal. */
void amlaps_digest_hex(char hex[AMLAPS_DIGEST_HEX + 1], const unsigned char sum[AMLAPS_DIGEST_BYTES]);

/** SHA-256 over the concatenation of the pieces as text, without a digest of one's own: any thread. */
void amlaps_digest_text(char hex[AMLAPS_DIGEST_HEX + 1], const amlaps_piece_t *pieces, apr_size_t count);

/** @return 1, or 0 where `hex` does not begin with 64 hexadecimal digits in lower case */
int amlaps_digest_read_hex(unsigned char sum[AMLAPS_DIGEST_BYTES], const char *hex);

/** Bytes for keys, from OpenSSL's generator for them. @return APR_SUCCESS, or APR_EGENERAL without entropy */
apr_status_t amlaps_digest_random(unsigned char *bytes, apr_size_t length);

/** @return 1 where both are the same; takes as long whatever they are */
int amlaps_digest_equal(const void *a, const void *b, apr_size_t length);

#endif
