/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_BLOCKED_H
#define AMLAPS_TRAIL_BLOCKED_H

/* Who is beyond a limit, as far as this child was told: a table of fixed size that forgets those whose time is nearly over first. Any thread. */

#include "limits.h"

typedef struct amlaps_blocked_t amlaps_blocked_t;

amlaps_blocked_t *amlaps_blocked_make(apr_pool_t *pool);

/** Remembers for `time` that this key is blocked. */
void amlaps_blocked_note(amlaps_blocked_t *blocked, const amlaps_touch_t *touch, apr_interval_time_t time, apr_time_t now);

/** @return 0 where no key at all is blocked, which is nearly always and costs nothing to ask: no key need be hashed for it */
int amlaps_blocked_any(amlaps_blocked_t *blocked, apr_time_t now);

/** @return for how long yet, 0: not that this child knows */
apr_interval_time_t amlaps_blocked_left(amlaps_blocked_t *blocked, const amlaps_touch_t *touch, apr_time_t now);

#endif
