/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_THREAD_H
#define AMLAPS_THREAD_H

/* What threads of ours have in common: no signals, waits that no step of the wall clock makes longer or shorter, and latches. */

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include <apr_time.h>

/** Starts a thread that takes no signals: httpd's main thread handles those of a child. @return 0, or the error of the system */
int amlaps_thread_start(pthread_t *thread, void *(*run)(void *baton), void *baton);

/** Makes a condition whose timed waits are on the steady clock. @return 0, or the error of the system */
int amlaps_thread_condition(pthread_cond_t *condition);

/** @return so much later than now, on the steady clock, as timed waits want it */
struct timespec amlaps_thread_until(apr_interval_time_t wait);

#define AMLAPS_LATCH_PLACES 8

/** Where those wait who came from one processor, or from one of a few. */
typedef struct amlaps_latch_place_t {
    atomic_uint turns;  /* of the latch */
    atomic_int waiting; /* threads */
    atomic_int first;   /* 1: whoever goes on next wakes the others of this place */
} amlaps_latch_place_t;

/**
 * Where threads wait for one event, and all go on at once. Who wakes many is pushed aside by them, so those of each processor are woken by one of
 * themselves. They also stay there: woken from another processor, most of them would move to it, and one would stand idle beside the other's queue.
 * Woken from a condition, all would queue for its mutex. All zeros to begin with; nothing to be destroyed.
 */
typedef struct amlaps_latch_t {
    amlaps_latch_place_t place[AMLAPS_LATCH_PLACES];
} amlaps_latch_t;

/** To be asked before one looks whether the event has happened. @return what amlaps_latch_wait wants */
unsigned amlaps_latch_look(amlaps_latch_t *latch);

/** Waits until the latch is turned, unless it was since `seen`, or until the time is over. @return 0 where it is; 1 says look again, no more */
int amlaps_latch_wait(amlaps_latch_t *latch, unsigned seen, const struct timespec *until);

/** Lets everybody go on who waits. */
void amlaps_latch_turn(amlaps_latch_t *latch);

#endif
