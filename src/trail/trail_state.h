/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_STATE_H
#define AMLAPS_TRAIL_STATE_H

/* The trail of one child, for the two files that the face is made of: trail.c (records) and notices.c (the queue). */

#include "blocked.h"
#include "writer.h"

struct amlaps_trail_t {
    apr_pool_t *pool; /* holds all of this; nobody's child, because a stuck writer outlives its child's pool */
    amlaps_clock_t clock;
    amlaps_writer_t *writer;  /* NULL in the benchmark's build alone, where the store is off */
    amlaps_blocked_t *blocked;
    amlaps_trail_shared_t *shared;
    unsigned generation;      /* that the child is of */
    const char *store;
    int lead;                 /* its number; -1: not asked for yet */
};

#endif
