/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_QUEUE_H
#define AMLAPS_TRAIL_QUEUE_H

/*
 * Notifications on their way: rows that stand in the transaction of their record, until their channel has them. Whoever takes one holds it for a
 * while; it comes back by itself where its holder dies. What is taken, ended or counted is an errand (errand.h) of the writer's thread.
 */

#include "amlaps/trail.h"

#define AMLAPS_QUEUE_MOST 10000                      /* that wait for one channel; those beyond are dead letters at once */
#define AMLAPS_QUEUE_HOLD apr_time_from_sec(30)      /* longer than any delivery takes */
#define AMLAPS_QUEUE_AHEAD apr_time_from_sec(7200)   /* nothing is postponed for so long: then the clock was set back */
#define AMLAPS_QUEUE_ORPHAN apr_time_from_sec(7 * 86400)  /* waits for a channel that no server has */
#define AMLAPS_QUEUE_DEAD_FOR apr_time_from_sec(30 * 86400)

typedef struct amlaps_store_t amlaps_store_t;

typedef struct amlaps_queue_row_t {
    apr_int64_t number;
    const char *channel, *body;
    apr_size_t length;     /* of the body */
    apr_time_t queued, due;
    int attempts;          /* begun; also tells a holder from those before */
    int dead;
    const char *why;       /* what the last attempt came to; NULL: none yet */
} amlaps_queue_row_t;

/** What the queue needs of a store. As amlaps_store_ops_t: the writer's thread, inside a transaction. Times are kept in milliseconds. */
typedef struct amlaps_queue_ops_t {
    /** Adds a row; its number is given by the store. */
    apr_status_t (*add)(amlaps_store_t *store, const amlaps_queue_row_t *row, amlaps_error_t *error);
    /** @param full out: 1 where AMLAPS_QUEUE_MOST wait for the channel */
    apr_status_t (*is_full)(int *full, amlaps_store_t *store, const char *channel, amlaps_error_t *error);
    /** The one that is due first, whenever that is. @param row out: texts in `pool`; number 0: none waits */
    apr_status_t (*first)(amlaps_queue_row_t *row, amlaps_store_t *store, const char *channel, amlaps_error_t *error, apr_pool_t *pool);
    /** One more attempt begins: due again at `until` unless it is ended before. */
    apr_status_t (*hold)(amlaps_store_t *store, const amlaps_queue_row_t *row, apr_time_t until, amlaps_error_t *error);
    /** Keeps due, dead and why of a row that is still as `attempts` says, or removes it. */
    apr_status_t (*keep)(amlaps_store_t *store, const amlaps_queue_row_t *row, amlaps_error_t *error);
    apr_status_t (*remove)(amlaps_store_t *store, const amlaps_queue_row_t *row, amlaps_error_t *error);
    /** Notes how the channel fared at `time`. @param why NULL: it was delivered */
    apr_status_t (*note)(amlaps_store_t *store, const char *channel, apr_time_t time, const char *why, amlaps_error_t *error);
    /** How the channel stands; all zero and NULL where nothing is known of it. */
    apr_status_t (*stand)(amlaps_channel_standing_t *standing, amlaps_store_t *store, const char *channel, amlaps_error_t *error,
                          apr_pool_t *pool);
    /** Makes what was queued before `orphaned` a dead letter, removes dead letters queued before `over` and all but the newest
     *  AMLAPS_QUEUE_MOST. */
    apr_status_t (*tidy)(amlaps_store_t *store, apr_time_t orphaned, apr_time_t over, amlaps_error_t *error);
} amlaps_queue_ops_t;

#endif
