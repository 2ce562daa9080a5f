/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_TROUBLE_H
#define AMLAPS_TRAIL_TROUBLE_H

/* Messages about what goes on going wrong: each kind at most once a minute. Any thread. */

#include "amlaps/base.h"

typedef struct amlaps_trouble_t amlaps_trouble_t;

/** Lives as long as the pool. */
amlaps_trouble_t *amlaps_trouble_make(apr_pool_t *pool);

/** Logs `error` under its id, unless that id was logged within the last minute. @return 1 where it did */
int amlaps_trouble_say(amlaps_trouble_t *trouble, amlaps_log_level_t level, const amlaps_error_t *error);

#endif
