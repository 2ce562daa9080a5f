/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_ERRAND_H
#define AMLAPS_TRAIL_ERRAND_H

/*
 * What the writer's thread does for the queue of notifications, in the same transactions as the records: one connection, one discipline. An
 * errand is memory of its own, as a job is.
 */

#include "store.h"

typedef enum amlaps_errand_kind_t { AMLAPS_ERRAND_TAKE, AMLAPS_ERRAND_END, AMLAPS_ERRAND_STAND, AMLAPS_ERRAND_TIDY, AMLAPS_ERRAND_PROVE } amlaps_errand_kind_t;

#define AMLAPS_ERRAND_WHY 240

typedef struct amlaps_errand_t {
    amlaps_errand_kind_t kind;
    char *channel;                     /* NULL for TIDY and PROVE */
    /* END: */
    apr_int64_t number;
    int attempts;
    amlaps_notice_end_t end;
    apr_interval_time_t again;
    /* END, and what came of TAKE and STAND: */
    char why[AMLAPS_ERRAND_WHY];       /* "": nothing */
    /* What came of TAKE: */
    amlaps_queue_row_t row;            /* number 0: none is due; of its texts only `body` is set, which the errand owns */
    apr_interval_time_t wait;
    /* What came of STAND: */
    amlaps_channel_standing_t standing; /* without `why` */
    /* What came of PROVE: */
    int lacking;                       /* a required copy lacks records */
} amlaps_errand_t;

/** @param channel copied, NULL: none. @return NULL without memory */
amlaps_errand_t *amlaps_errand_make(amlaps_errand_kind_t kind, const char *channel);
void amlaps_errand_free(amlaps_errand_t *errand);

/** Cut where it is too long, at a whole character. @param why NULL: "" */
void amlaps_errand_set_why(amlaps_errand_t *errand, const char *why);

/** Inside a transaction of the store. @param now the wall clock's */
apr_status_t amlaps_errand_run(amlaps_errand_t *errand, amlaps_store_t *store, apr_time_t now, amlaps_error_t *error, apr_pool_t *pool);

/** Adds a notification. @param full as amlaps_errand_is_full said: then it is a dead letter at once */
apr_status_t amlaps_errand_queue(amlaps_store_t *store, const char *channel, const char *body, apr_size_t length, int full, apr_time_t now,
                                 amlaps_error_t *error);
apr_status_t amlaps_errand_is_full(int *full, amlaps_store_t *store, const char *channel, amlaps_error_t *error);

#endif
