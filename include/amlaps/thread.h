/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_THREAD_H
#define AMLAPS_THREAD_H

/* What threads of ours have in common: no signals, and waits that no step of the wall clock makes longer or shorter. */

#include <pthread.h>
#include <time.h>

#include <apr_time.h>

/** Starts a thread that takes no signals: httpd's main thread handles those of a child. @return 0, or the error of the system */
int amlaps_thread_start(pthread_t *thread, void *(*run)(void *baton), void *baton);

/** Makes a condition whose timed waits are on the steady clock. @return 0, or the error of the system */
int amlaps_thread_condition(pthread_cond_t *condition);

/** @return so much later than now, on the steady clock, as timed waits want it */
struct timespec amlaps_thread_until(apr_interval_time_t wait);

#endif
