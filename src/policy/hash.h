/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_POLICY_HASH_H
#define AMLAPS_POLICY_HASH_H

#include "amlaps/base.h"

/**
 * A hash that does not depend on letter case: texts that are equal after amlaps_text_fold have equal hashes. No allocation, so that
 * a decision can look a person's groups up as the claim carries them. Not for texts chosen to collide: only the configuration's
 * values are kept in tables.
 */
apr_uint64_t amlaps_hash_folded(const char *text);

/** Lower case of ASCII; any other byte stays. */
static inline unsigned char amlaps_hash_lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (unsigned char)byte | 0x20 : (unsigned char)byte;
}

/** As amlaps_text_equal_folded, but quick over ASCII: a decision compares hundreds of GUIDs. Neither may be NULL. */
int amlaps_hash_equal_folded(const char *a, const char *b);

#endif
