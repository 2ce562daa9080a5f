/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_BATCH_H
#define AMLAPS_TRAIL_BATCH_H

/* One transaction: all that waited is checked against the limits, chained, stored, queued for its channels and copied; errands are run. The
 * writer's thread, under the shared mutex. */

#include "job.h"
#include "sealer.h"
#include "sinks.h"
#include "trouble.h"

#define AMLAPS_BATCH_MOST 256

/** That httpd was (re)started: one record for each store, written by whichever child comes first. */
typedef struct amlaps_start_t {
    char key[AMLAPS_COPY_KEY + 1]; /* under which the children remember it */
    unsigned generation;
    amlaps_job_t *job;
} amlaps_start_t;

/** Those whose records the transaction before wrote, and whom nobody woke yet. They are before the thread may wait for anything. */
typedef struct amlaps_owed_t {
    int any;
    void (*wake)(void *baton);
    void *baton;
} amlaps_owed_t;

typedef struct amlaps_batch_t {
    amlaps_store_t *store;
    amlaps_sinks_t *sinks;   /* NULL: copies are left to httpd's next batch */
    amlaps_sealer_t *sealer; /* NULL: the trail is not sealed */
    amlaps_trail_shared_t *shared;
    amlaps_digest_t *digest;     /* for the hashes of the records */
    apr_interval_time_t silence; /* a beat is recorded only where the last record is so old; 0: no beats */
    char key[AMLAPS_COPY_KEY + 1]; /* of the store, with `silence`: under which the children remember their last record */
    const amlaps_limit_t *limits;
    apr_size_t limit_count;
    const amlaps_clock_t *clock;
    amlaps_start_t *start; /* NULL: nothing to say of it, or said */
    amlaps_owed_t *owed;   /* NULL: nobody ever */
} amlaps_batch_t;

/** Wakes those who are owed it. @param owed may be NULL @return 1 where there were any */
int amlaps_owed_wake(amlaps_owed_t *owed);

/**
 * Does `count` jobs, in order, all or none, and leaves in each what came of it.
 * @param patience how long to wait for others in the store
 * @param error why all of them failed
 * @param behind set to how far the wall clock stands before the last record, 0 where it does not
 */
apr_status_t amlaps_batch_run(const amlaps_batch_t *batch, amlaps_job_t *const *jobs, apr_size_t count, apr_interval_time_t patience,
                              apr_interval_time_t *behind, amlaps_error_t *error, apr_pool_t *pool);

/** @param host NULL: no record is wanted @return NULL where none is, or can be made. Freed with the pool */
amlaps_start_t *amlaps_start_make(const char *host, const char *store, unsigned generation, apr_pool_t *pool);

/** Records the start in a batch of its own, unless that is done or another child did. Where that fails, the next call tries again. Clears the
 *  pool. */
void amlaps_start_record(amlaps_batch_t *batch, apr_interval_time_t patience, amlaps_trouble_t *trouble, apr_pool_t *pool);

/**
 * Records that the trail is alive, where it was silent. Whoever watches the copies can tell a quiet day from a trail that was cut off; and it
 * notices trouble before anybody asks.
 * @param left set to how long from now it is to be called again at the earliest
 */
apr_status_t amlaps_batch_beat(apr_interval_time_t *left, const amlaps_batch_t *batch, apr_interval_time_t patience, amlaps_error_t *error, apr_pool_t *pool);

#endif
