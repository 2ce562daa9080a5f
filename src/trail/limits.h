/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_LIMITS_H
#define AMLAPS_TRAIL_LIMITS_H

/* Which attempts count where. Pure; any thread. */

#include "amlaps/trail.h"

#define AMLAPS_LIMIT_KEY 32 /* hexadecimal digits: 128 bits of SHA-256 */
#define AMLAPS_LIMIT_TOUCHES 2

/** One counter that an attempt touches. */
typedef struct amlaps_touch_t {
    amlaps_limit_scope_t scope;
    char key[AMLAPS_LIMIT_KEY + 1]; /* of a person or an address; no two share one, and none can be read from it */
} amlaps_touch_t;

/** @return how many counters an attempt for `record` touches */
int amlaps_limit_touches(amlaps_touch_t touch[AMLAPS_LIMIT_TOUCHES], const amlaps_record_t *record, apr_pool_t *pool);

#endif
