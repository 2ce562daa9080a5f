/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_SEAL_H
#define AMLAPS_TRAIL_SEAL_H

/*
 * The arithmetic of sealing: for each record mac = HMAC(key, hash), anchor = SHA-256(anchor ‖ mac), key = SHA-256("evolve" ‖ key). Whoever
 * has today's key cannot find yesterday's, so that he cannot change what yesterday sealed. Pure; one thread at a time per digest.
 */

#include "amlaps/digest.h"
#include "amlaps/secret.h"
#include "amlaps/trail.h"

/** Where sealing stands. Lives in secret memory, for its key. */
typedef struct amlaps_seal_t {
    apr_int64_t first;  /* the record that the first key of this state sealed: 1, or the one that began or recovered the sealing */
    apr_int64_t seq;    /* the last sealed record; first - 1 before any */
    char head[AMLAPS_DIGEST_HEX + 1]; /* hash of record `seq` */
    unsigned char anchor[AMLAPS_DIGEST_BYTES]; /* after record `seq`; all zero: record `seq` is not sealed */
    unsigned char key[AMLAPS_DIGEST_BYTES];    /* for record `seq` + 1 */
} amlaps_seal_t;

/** @return a seal in secret memory, all zero, wiped with the pool; NULL without memory */
amlaps_seal_t *amlaps_seal_make(apr_pool_t *pool);

/** Seals the record after `seal->seq`, whose hash is given; the key moves on. */
void amlaps_seal_step(amlaps_seal_t *seal, amlaps_digest_t *digest, const char *hash);

/** Moves a key on by one record. `to` may be `key`. */
void amlaps_seal_evolve(unsigned char to[AMLAPS_DIGEST_BYTES], amlaps_digest_t *digest, const unsigned char key[AMLAPS_DIGEST_BYTES]);

/** What stands in the store beside record `seal->seq`: the anchor as text, or "" where that record is not sealed. */
void amlaps_seal_anchor(char text[AMLAPS_DIGEST_HEX + 1], const amlaps_seal_t *seal);

/** Writes a verification key: "amlaps-key:FIRST:64 digits". */
#define AMLAPS_KEY_TEXT 128
void amlaps_seal_write_key(char text[AMLAPS_KEY_TEXT], apr_int64_t first, const unsigned char key[AMLAPS_DIGEST_BYTES]);

#endif
