/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_KEYS_H
#define AMLAPS_TRAIL_KEYS_H

/* Verification keys, one for each time that the sealing began or was recovered. */

#include "seal.h"

/** @return the first record that any of the keys is for */
apr_int64_t amlaps_keys_first(const amlaps_keys_t *keys);

/** @return the key of the youngest beginning at or before record `seq`, with its first record; NULL: none */
const unsigned char *amlaps_keys_find(apr_int64_t *first, const amlaps_keys_t *keys, apr_int64_t seq);

#endif
