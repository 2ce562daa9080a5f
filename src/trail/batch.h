/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_BATCH_H
#define AMLAPS_TRAIL_BATCH_H

/* One transaction: all that waited is checked against the limits, chained, stored, queued for its channels and copied; errands are run. The
 * writer's thread, under the shared mutex. */

#include "job.h"
#include "sealer.h"
#include "sinks.h"

#define AMLAPS_BATCH_MOST 256

typedef struct amlaps_batch_t {
    amlaps_store_t *store;
    amlaps_sinks_t *sinks;   /* NULL: copies are left to httpd's next batch */
    amlaps_sealer_t *sealer; /* NULL: the trail is not sealed */
    amlaps_trail_shared_t *shared;
    const amlaps_limit_t *limits;
    apr_size_t limit_count;
    const amlaps_clock_t *clock;
} amlaps_batch_t;

/**
 * Does `count` jobs, in order, all or none, and leaves in each what came of it.
 * @param patience how long to wait for others in the store
 * @param error why all of them failed
 * @param behind set to how far the wall clock stands before the last record, 0 where it does not
 */
apr_status_t amlaps_batch_run(const amlaps_batch_t *batch, amlaps_job_t *const *jobs, apr_size_t count, apr_interval_time_t patience,
                              apr_interval_time_t *behind, amlaps_error_t *error, apr_pool_t *pool);

#endif
