/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_JOB_H
#define AMLAPS_TRAIL_JOB_H

/*
 * One record, or one errand, on its way to the store, in memory of its own: a worker that gave up leaves nothing on its stack or in its pool
 * that the writer still reads.
 */

#include <stdatomic.h>

#include "amlaps/thread.h"
#include "errand.h"
#include "line.h"
#include "store.h"

typedef enum amlaps_job_state_t { /* guarded by the queue's mutex */
    AMLAPS_JOB_QUEUED,
    AMLAPS_JOB_TAKEN,     /* in a batch */
    AMLAPS_JOB_ABANDONED, /* in a batch, its worker gave up; the writer frees it */
    AMLAPS_JOB_DONE       /* the worker frees it */
} amlaps_job_state_t;

typedef struct amlaps_job_t {
    struct amlaps_job_t *next;
    amlaps_job_state_t state;
    atomic_int done;         /* 1: the state is DONE, and the writer looks at the job no more */
    amlaps_latch_t *latch;   /* turned after that */
    amlaps_errand_t *errand; /* NULL: a record */
    char *texts;             /* what the texts of the record are in: apart, so that neither is so large that malloc goes looking for it */
    /* What to record. */
    amlaps_line_t line;
    const char *id, *stage, *event, *outcome, *code; /* code as JSON text, NULL: none */
    const char *actor, *device;
    int beat;                                        /* recorded only where the trail was silent */
    int touches;                                     /* 0: does not count */
    amlaps_touch_t touch[AMLAPS_LIMIT_TOUCHES];
    const char *on_success, *on_failure, *told;      /* channels: each name with its NUL, one more NUL at the end */
    const char *untold, *untold_why;
    /* What came of it, written by the writer before the state is DONE. */
    apr_interval_time_t blocked[AMLAPS_LIMIT_TOUCHES]; /* beyond the limits of that touch, for so long; 0 within them */
    amlaps_error_t error;
    int recorded;                                      /* in the store, whatever came of its copies */
    apr_interval_time_t silent_in;                     /* of a beat that was not recorded: how long until one may be */
} amlaps_job_t;

/** @return a job that holds all it needs, or NULL without memory */
amlaps_job_t *amlaps_job_make(const amlaps_record_t *record, int counts, apr_pool_t *pool);
/** Takes the errand over. @return NULL without memory, then the errand is freed */
amlaps_job_t *amlaps_job_make_errand(amlaps_errand_t *errand);
void amlaps_job_free(amlaps_job_t *job);

#endif
