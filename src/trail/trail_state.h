/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_STATE_H
#define AMLAPS_TRAIL_STATE_H

/* The trail of one child, for the files that the face is made of: trail.c (records), notices.c (the queue) and probe.c. */

#include <pthread.h>

#include "blocked.h"
#include "writer.h"

struct amlaps_trail_t {
    apr_pool_t *pool; /* holds all of this; nobody's child, because a stuck writer outlives its child's pool */
    amlaps_clock_t clock;
    amlaps_writer_t *writer;  /* NULL in the benchmark's build alone, where the store is off */
    amlaps_blocked_t *blocked;
    amlaps_trail_shared_t *shared;
    unsigned generation;      /* that the child is of */
    const char *store;        /* wiped with the pool */
    int lead;                 /* its number; -1: not asked for yet */
    struct {
        pthread_mutex_t mutex;
        apr_time_t last;      /* steady; 0: never */
        int good, running;
    } probe;
};

#endif
