/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "writer_state.h"

#include <errno.h>

#include "amlaps/thread.h"

static apr_time_t steady(void)
{
    return amlaps_clock_steady(amlaps_clock_system());
}

static int make_conditions(amlaps_writer_t *writer)
{
    return pthread_mutex_init(&writer->mutex, NULL) == 0 && amlaps_thread_condition(&writer->work) == 0
           && amlaps_thread_condition(&writer->idle) == 0;
}

apr_status_t amlaps_writer_start(amlaps_writer_t **writer, const amlaps_batch_t *batch, apr_interval_time_t timeout,
                                 amlaps_trouble_t *trouble, apr_pool_t *pool)
{
    amlaps_writer_t *made = apr_pcalloc(pool, sizeof(*made));
    int failed;

    made->batch = *batch;
    made->timeout = timeout;
    made->trouble = trouble;
    made->last = &made->first;
    made->busy_since = steady();
    if (!make_conditions(made) || apr_pool_create_unmanaged_ex(&made->pool, NULL, NULL) != APR_SUCCESS) {
        return APR_ENOMEM;
    }
    failed = amlaps_thread_start(&made->thread, amlaps_writer_run, made);
    if (failed) {
        apr_pool_destroy(made->pool);
        return APR_FROM_OS_ERROR(failed);
    }
    *writer = made;
    return APR_SUCCESS;
}

static void take_out(amlaps_writer_t *writer, const amlaps_job_t *job)
{
    amlaps_job_t **link = &writer->first;

    while (*link != job) {
        link = &(*link)->next;
    }
    *link = job->next;
    if (*link == NULL) {
        writer->last = link;
    }
    writer->waiting--;
}

/** @return 1 where the job is done; else it is the writer's, or freed */
static int give_up(amlaps_writer_t *writer, amlaps_job_t *job)
{
    int done;

    pthread_mutex_lock(&writer->mutex);
    done = job->state == AMLAPS_JOB_DONE;
    if (job->state == AMLAPS_JOB_QUEUED) {
        take_out(writer, job);
        amlaps_job_free(job);
    } else if (!done) {
        job->state = AMLAPS_JOB_ABANDONED;
    }
    writer->failing |= !done && !writer->stopping;
    pthread_mutex_unlock(&writer->mutex);
    return done;
}

static int wait_until_done(amlaps_writer_t *writer, amlaps_job_t *job)
{
    struct timespec until = amlaps_thread_until(writer->timeout);

    for (;;) {
        unsigned seen = amlaps_latch_look(job->latch);

        if (atomic_load(&job->done)) {
            return 1;
        }
        if (!amlaps_latch_wait(job->latch, seen, &until)) {
            return give_up(writer, job);
        }
    }
}

/** @return 0 where the writer has no hope of an answer in time */
static int enqueue(amlaps_writer_t *writer, amlaps_job_t *job)
{
    int hopeless;
    int wanted;

    pthread_mutex_lock(&writer->mutex);
    /* A writer that has been at one batch for longer than anybody waits gets no more of the workers. */
    hopeless = writer->stopping || (writer->busy_since != 0 && steady() - writer->busy_since > writer->timeout);
    writer->failing |= hopeless && !writer->stopping;
    wanted = writer->busy_since == 0;
    if (!hopeless) {
        atomic_fetch_add(&writer->users, 1);
        job->next = NULL;
        job->latch = &writer->latch[writer->side];
        *writer->last = job;
        writer->last = &job->next;
        writer->waiting++;
        wanted |= writer->waiting == writer->goal;
    }
    pthread_mutex_unlock(&writer->mutex);
    if (!hopeless && wanted) {
        /* Without the mutex: a thread that is woken to wait for it costs two more switches. */
        pthread_cond_signal(&writer->work);
    }
    return !hopeless;
}

static void leave(amlaps_writer_t *writer)
{
    int users = atomic_load(&writer->users);

    while (users > 1 && !atomic_compare_exchange_weak(&writer->users, &users, users - 1)) {
    }
    if (users > 1) {
        return;
    }
    pthread_mutex_lock(&writer->mutex);
    if (atomic_fetch_sub(&writer->users, 1) == 1 && writer->stopping) {
        pthread_cond_signal(&writer->idle);
    }
    pthread_mutex_unlock(&writer->mutex);
}

int amlaps_writer_do(amlaps_writer_t *writer, amlaps_job_t *job, amlaps_error_t *error)
{
    int done = 0;

    if (!enqueue(writer, job)) {
        amlaps_job_free(job);
    } else {
        done = wait_until_done(writer, job);
        leave(writer);
    }
    if (!done) {
        amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0217", APR_TIMEUP, "the audit store gave no answer in time");
        amlaps_trouble_say(writer->trouble, AMLAPS_LOG_ERROR, error);
    }
    return done;
}

int amlaps_writer_healthy(amlaps_writer_t *writer)
{
    int healthy;

    pthread_mutex_lock(&writer->mutex);
    healthy = !writer->failing && !writer->stopping;
    pthread_mutex_unlock(&writer->mutex);
    return healthy;
}

amlaps_seal_standing_t amlaps_writer_seal(amlaps_writer_t *writer)
{
    int failing;

    pthread_mutex_lock(&writer->mutex);
    failing = writer->failing_seal;
    pthread_mutex_unlock(&writer->mutex);
    return failing ? AMLAPS_SEAL_FAILED : writer->batch.sealer != NULL ? AMLAPS_SEAL_OK : AMLAPS_SEAL_OFF;
}

int amlaps_writer_stop(amlaps_writer_t *writer, apr_interval_time_t patience)
{
    struct timespec until = amlaps_thread_until(patience);
    int late = 0;
    int over;

    pthread_mutex_lock(&writer->mutex);
    writer->stopping = 1;
    pthread_cond_signal(&writer->work);
    while (!(writer->ended && writer->users == 0) && !late) {
        late = pthread_cond_timedwait(&writer->idle, &writer->mutex, &until) == ETIMEDOUT;
    }
    over = writer->ended && writer->users == 0;
    pthread_mutex_unlock(&writer->mutex);
    if (!over) {
        pthread_detach(writer->thread);
        return 0;
    }
    pthread_join(writer->thread, NULL);
    apr_pool_destroy(writer->pool);
    pthread_cond_destroy(&writer->idle);
    pthread_cond_destroy(&writer->work);
    pthread_mutex_destroy(&writer->mutex);
    return 1;
}
