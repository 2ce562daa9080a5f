/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "seal.h"

#include <stdio.h>
#include <string.h>

#include "record.h"

amlaps_seal_t *amlaps_seal_make(apr_pool_t *pool)
{
    amlaps_secret_t *secret = amlaps_secret_make(sizeof(amlaps_seal_t), pool);

    if (secret == NULL) {
        return NULL;
    }
    memset(secret->bytes, 0, sizeof(amlaps_seal_t));
    return (amlaps_seal_t *)(void *)secret->bytes;
}

void amlaps_seal_evolve(unsigned char to[AMLAPS_DIGEST_BYTES], amlaps_digest_t *digest, const unsigned char key[AMLAPS_DIGEST_BYTES])
{
    static const char evolve[] = "evolve";
    const amlaps_piece_t pieces[] = { { evolve, sizeof(evolve) - 1 }, { key, AMLAPS_DIGEST_BYTES } };

    amlaps_digest_sum(to, digest, pieces, 2);
    amlaps_digest_wipe(digest);
}

void amlaps_seal_step(amlaps_seal_t *seal, amlaps_digest_t *digest, const char *hash)
{
    unsigned char mac[AMLAPS_DIGEST_BYTES];
    const amlaps_piece_t pieces[] = { { seal->anchor, sizeof(seal->anchor) }, { mac, sizeof(mac) } };

    amlaps_digest_hmac(mac, digest, seal->key, hash, AMLAPS_RECORD_HASH);
    amlaps_digest_sum(seal->anchor, digest, pieces, 2);
    amlaps_seal_evolve(seal->key, digest, seal->key);
    memcpy(seal->head, hash, AMLAPS_RECORD_HASH + 1);
    seal->seq++;
}

void amlaps_seal_anchor(char text[AMLAPS_DIGEST_HEX + 1], const amlaps_seal_t *seal)
{
    static const unsigned char none[AMLAPS_DIGEST_BYTES] = { 0 };

    if (memcmp(seal->anchor, none, sizeof(none)) == 0) {
        text[0] = '\0';
    } else {
        amlaps_digest_hex(text, seal->anchor);
    }
}

void amlaps_seal_write_key(char text[AMLAPS_KEY_TEXT], apr_int64_t first, const unsigned char key[AMLAPS_DIGEST_BYTES])
{
    int length = snprintf(text, AMLAPS_KEY_TEXT, "amlaps-key:%" APR_INT64_T_FMT ":", first);

    amlaps_digest_hex(text + length, key);
}
