/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_WRITER_STATE_H
#define AMLAPS_TRAIL_WRITER_STATE_H

/* What the thread that writes (writer_thread.c) and those who wait for it (writer.c) share. */

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "amlaps/thread.h"
#include "pace.h"
#include "writer.h"

struct amlaps_writer_t {
    amlaps_batch_t batch;
    apr_interval_time_t timeout;
    amlaps_trouble_t *trouble;
    pthread_t thread;
    apr_pool_t *pool; /* of the thread alone, cleared with each batch */
    amlaps_pace_t pace; /* of the thread alone, too, as the three after it */
    amlaps_owed_t owed;
    apr_time_t beat_at; /* when it is to be seen whether the trail is silent */
    int unturned[2];   /* latches at which somebody waits to be woken */
    pthread_mutex_t mutex;
    pthread_cond_t work; /* something waits, or the writer shall stop */
    pthread_cond_t idle; /* the thread ended, or a worker left */
    amlaps_latch_t latch[2]; /* by turns: those of the batch that runs, and those who wait for the next one */
    /* Guarded by the mutex: */
    amlaps_job_t *first;
    amlaps_job_t **last;
    apr_size_t waiting;    /* from first to last */
    apr_size_t goal;       /* so many wake a writer that lets others join; 0: it does not */
    int side;              /* of the latch for those that come now */
    apr_time_t busy_since; /* 0: not at work */
    int stopping, ended;
    int failing;           /* the last batch did */
    int failing_seal;      /* because of the seal */
    atomic_int users;      /* workers inside amlaps_writer_do; the last one leaves under the mutex */
};

/** The thread, until the writer shall stop. @param baton the writer @return NULL */
void *amlaps_writer_run(void *baton);

#endif
