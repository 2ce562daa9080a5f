/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "copier.h"

#include <errno.h>
#include <pthread.h>

#include "amlaps/thread.h"

typedef enum state_t {
    FREE,
    GIVEN,     /* not begun: the lead is another child's */
    WITHDRAWN, /* and shall not begin */
    AT_WORK
} state_t;

struct amlaps_copier_t {
    amlaps_trail_shared_t *shared;
    pthread_t thread;
    int started;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* Guarded by the mutex: */
    state_t state;
    int ending;
    void (*work)(void *baton);
    void *baton;
    int lead;
    apr_time_t until;
    int done;
};

static apr_interval_time_t left(apr_time_t until)
{
    const apr_interval_time_t wait = until - amlaps_clock_steady(amlaps_clock_system());

    return wait > 0 ? wait : 0;
}

amlaps_copier_t *amlaps_copier_make(amlaps_trail_shared_t *shared, apr_pool_t *pool)
{
    amlaps_copier_t *copier = apr_pcalloc(pool, sizeof(*copier));

    copier->shared = shared;
    return copier;
}

/** With the mutex, which it leaves meanwhile. */
static void do_work(amlaps_copier_t *copier)
{
    int held, begins;

    pthread_mutex_unlock(&copier->mutex);
    held = amlaps_shared_lead(copier->shared, copier->lead, left(copier->until)) == APR_SUCCESS;
    pthread_mutex_lock(&copier->mutex);
    begins = held && copier->state == GIVEN;
    copier->state = begins ? AT_WORK : WITHDRAWN;
    pthread_mutex_unlock(&copier->mutex);
    if (begins) {
        copier->work(copier->baton);
    }
    if (held) {
        amlaps_shared_follow(copier->shared, copier->lead);
    }
    pthread_mutex_lock(&copier->mutex);
    copier->done = begins;
}

static void *run(void *baton)
{
    amlaps_copier_t *copier = baton;

    pthread_mutex_lock(&copier->mutex);
    while (!copier->ending) {
        if (copier->state == FREE) {
            pthread_cond_wait(&copier->changed, &copier->mutex);
            continue;
        }
        do_work(copier);
        copier->state = FREE;
        pthread_cond_signal(&copier->changed);
    }
    pthread_mutex_unlock(&copier->mutex);
    return NULL;
}

static int start(amlaps_copier_t *copier)
{
    int failed = pthread_mutex_init(&copier->mutex, NULL);

    if (failed) {
        return failed;
    }
    if ((failed = amlaps_thread_condition(&copier->changed)) != 0) {
        pthread_mutex_destroy(&copier->mutex);
        return failed;
    }
    if ((failed = amlaps_thread_start(&copier->thread, run, copier)) != 0) {
        pthread_cond_destroy(&copier->changed);
        pthread_mutex_destroy(&copier->mutex);
        return failed;
    }
    copier->started = 1;
    return 0;
}

int amlaps_copier_is_busy(amlaps_copier_t *copier)
{
    int busy;

    if (!copier->started) {
        return 0;
    }
    pthread_mutex_lock(&copier->mutex);
    busy = copier->state != FREE;
    pthread_mutex_unlock(&copier->mutex);
    return busy;
}

apr_status_t amlaps_copier_do(amlaps_copier_t *copier, void (*work)(void *baton), void *baton, int lead, apr_time_t until)
{
    const struct timespec deadline = amlaps_thread_until(left(until));
    const int failed = copier->started ? 0 : start(copier);
    int late = 0;
    int done;

    if (failed) {
        return APR_FROM_OS_ERROR(failed);
    }
    pthread_mutex_lock(&copier->mutex);
    copier->work = work;
    copier->baton = baton;
    copier->lead = lead;
    copier->until = until;
    copier->done = 0;
    copier->state = GIVEN;
    pthread_cond_signal(&copier->changed);
    while (copier->state != FREE && !late) {
        late = pthread_cond_timedwait(&copier->changed, &copier->mutex, &deadline) == ETIMEDOUT;
    }
    if (copier->state == GIVEN) {
        copier->state = WITHDRAWN;
    }
    done = copier->state == FREE && copier->done;
    pthread_mutex_unlock(&copier->mutex);
    return done ? APR_SUCCESS : APR_TIMEUP;
}

void amlaps_copier_end(amlaps_copier_t *copier)
{
    if (!copier->started) {
        return;
    }
    pthread_mutex_lock(&copier->mutex);
    copier->ending = 1;
    pthread_cond_signal(&copier->changed);
    pthread_mutex_unlock(&copier->mutex);
    pthread_join(copier->thread, NULL);
    pthread_cond_destroy(&copier->changed);
    pthread_mutex_destroy(&copier->mutex);
    copier->started = 0;
}
