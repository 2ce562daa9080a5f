/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/thread.h"

#include <signal.h>

int amlaps_thread_start(pthread_t *thread, void *(*run)(void *baton), void *baton)
{
    sigset_t all, before;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(thread, NULL, run, baton);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

int amlaps_thread_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    int failed = pthread_condattr_init(&attributes);

    if (failed) {
        return failed;
    }
    failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (!failed) {
        failed = pthread_cond_init(condition, &attributes);
    }
    pthread_condattr_destroy(&attributes);
    return failed;
}

struct timespec amlaps_thread_until(apr_interval_time_t wait)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)apr_time_sec(wait);
    until.tv_nsec += (long)apr_time_usec(wait) * 1000;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    return until;
}
