/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "amlaps/text.h"

/* How long the thread may be deaf to the end of its child. */
#define TURN apr_time_from_msec(250)
/* When a copy that lacks records is tried again though nothing is to be recorded. */
#define AGAIN apr_time_from_sec(1)

typedef amlaps_job_t *writer_jobs_t[AMLAPS_BATCH_MOST];

struct amlaps_writer_t {
    amlaps_batch_t batch;
    apr_interval_time_t timeout;
    amlaps_trouble_t *trouble;
    pthread_t thread;
    apr_pool_t *pool; /* of the thread alone, cleared with each batch */
    pthread_mutex_t mutex;
    pthread_cond_t work; /* something waits, or the writer shall stop */
    pthread_cond_t idle; /* the thread ended, or a worker left */
    /* Guarded by the mutex: */
    amlaps_job_t *first;
    amlaps_job_t **last;
    apr_time_t busy_since; /* 0: not at work */
    int stopping, ended;
    int failing;           /* the last batch did */
    atomic_int users;      /* workers inside amlaps_writer_do; the last one leaves under the mutex */
};

static apr_time_t steady(void)
{
    return amlaps_clock_steady(amlaps_clock_system());
}

static struct timespec after(apr_interval_time_t patience)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)apr_time_sec(patience);
    until.tv_nsec += (long)apr_time_usec(patience) * 1000;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    return until;
}

static void say(const amlaps_writer_t *writer, amlaps_log_level_t level, const char *id, apr_status_t status, const char *text)
{
    amlaps_error_t error = { 0 };

    amlaps_error_set(&error, AMLAPS_AUDIT_UNAVAILABLE, id, status, "%s", text);
    amlaps_trouble_say(writer->trouble, level, &error);
}

/* ---- the thread ---- */

/** Waits for records, or until a copy that lacks some is to be tried again, or silence has lasted for too long.
 *  @return 0 where the writer shall stop */
static int wait_for_work(amlaps_writer_t *writer)
{
    int behind = amlaps_sinks_behind(writer->batch.sinks);
    int patient = behind || writer->batch.silence > 0;
    struct timespec until = after(behind ? AGAIN : writer->batch.silence);
    int late = 0;
    int go;

    pthread_mutex_lock(&writer->mutex);
    writer->busy_since = 0;
    while (writer->first == NULL && !writer->stopping && !late) {
        late = (patient ? pthread_cond_timedwait(&writer->work, &writer->mutex, &until) : pthread_cond_wait(&writer->work, &writer->mutex))
               == ETIMEDOUT;
    }
    go = writer->first != NULL || (late && !writer->stopping);
    writer->busy_since = go ? steady() : 0;
    pthread_mutex_unlock(&writer->mutex);
    return go;
}

/** Tries until it has the mutex: workers do not wait for it, they give up one by one or are turned away. @return 0 where it is hopeless */
static int take_turn(amlaps_writer_t *writer)
{
    apr_time_t since = steady();

    for (;;) {
        int died;
        int hopeless;
        apr_status_t status = amlaps_shared_lock(writer->batch.shared, TURN, &died);

        if (died) {
            say(writer, AMLAPS_LOG_NOTICE, "AML0211", APR_SUCCESS, "a child died while it wrote to the audit store; its record was taken back");
        }
        if (status == APR_SUCCESS) {
            return 1;
        }
        if (steady() - since >= writer->timeout) {
            say(writer, AMLAPS_LOG_ERROR, "AML0212", status, "another child has held the audit store for too long; is its disk frozen?");
        }
        pthread_mutex_lock(&writer->mutex);
        writer->failing |= steady() - since >= writer->timeout;
        hopeless = writer->stopping || status != APR_TIMEUP;
        pthread_mutex_unlock(&writer->mutex);
        if (hopeless) {
            return 0;
        }
    }
}

static apr_size_t take_batch(writer_jobs_t jobs, amlaps_writer_t *writer)
{
    apr_size_t count = 0;

    pthread_mutex_lock(&writer->mutex);
    while (writer->first != NULL && count < AMLAPS_BATCH_MOST) {
        amlaps_job_t *job = writer->first;

        writer->first = job->next;
        job->state = AMLAPS_JOB_TAKEN;
        jobs[count++] = job;
    }
    if (writer->first == NULL) {
        writer->last = &writer->first;
    }
    pthread_mutex_unlock(&writer->mutex);
    return count;
}

/** @return how many of the jobs have a worker that waits; they come first */
static apr_size_t mark(writer_jobs_t jobs, apr_size_t count, const amlaps_error_t *error)
{
    apr_size_t waiting = 0;
    apr_size_t i;

    for (i = 0; i < count; i++) {
        if (jobs[i]->state == AMLAPS_JOB_ABANDONED) {
            amlaps_job_free(jobs[i]);
            continue;
        }
        if (error->status != APR_SUCCESS) {
            jobs[i]->error = *error;
        }
        jobs[i]->state = AMLAPS_JOB_DONE;
        jobs[waiting++] = jobs[i];
    }
    return waiting;
}

static void settle(amlaps_writer_t *writer, writer_jobs_t jobs, apr_size_t count, const amlaps_error_t *error)
{
    int recovered;
    apr_size_t i;

    pthread_mutex_lock(&writer->mutex);
    recovered = writer->failing && error->status == APR_SUCCESS;
    writer->failing = error->status != APR_SUCCESS;
    count = mark(jobs, count, error);
    pthread_mutex_unlock(&writer->mutex);
    for (i = 0; i < count; i++) {
        sem_post(&jobs[i]->done);
    }
    if (recovered) {
        say(writer, AMLAPS_LOG_NOTICE, "AML0213", APR_SUCCESS, "the audit store takes records again");
    }
}

static void catch_up(amlaps_writer_t *writer)
{
    int required = amlaps_sinks_behind(writer->batch.sinks) > 1;
    amlaps_error_t error = { 0 };

    if (amlaps_sinks_catch_up(writer->batch.sinks, AGAIN, &error, writer->pool) == APR_SUCCESS && required) {
        settle(writer, NULL, 0, &error);
    }
    apr_pool_clear(writer->pool);
}

/** Whoever watches the copies can tell a quiet day from a trail that was cut off. It also notices trouble before anybody asks. */
static void beat(amlaps_writer_t *writer)
{
    char id[AMLAPS_GUID_LENGTH + 1];
    const amlaps_record_t record = { .id = id, .stage = AMLAPS_STAGE_OUTCOME, .event = AMLAPS_EVENT_AUDIT, .outcome = AMLAPS_OUTCOME_GRANTED,
                                     .code = AMLAPS_RECORD_ALIVE };
    amlaps_error_t error = { 0 };
    apr_interval_time_t behind;
    amlaps_job_t *job;

    if (amlaps_text_new_guid(id) != APR_SUCCESS || (job = amlaps_job_make(&record, 0, writer->pool)) == NULL) {
        return;
    }
    job->beat = 1;
    if (amlaps_batch_run(&writer->batch, &job, 1, writer->timeout, &behind, &error, writer->pool) != APR_SUCCESS) {
        amlaps_trouble_say(writer->trouble, AMLAPS_LOG_ERROR, &error);
    }
    amlaps_job_free(job);
    settle(writer, NULL, 0, &error);
    apr_pool_clear(writer->pool);
}

static void write_batch(amlaps_writer_t *writer)
{
    writer_jobs_t jobs;
    amlaps_error_t error = { 0 };
    apr_interval_time_t behind = 0;
    apr_size_t count = take_batch(jobs, writer);

    if (count == 0) {
        if (amlaps_sinks_behind(writer->batch.sinks)) {
            catch_up(writer);
        } else if (writer->batch.silence > 0) {
            beat(writer);
        }
        return;
    }
    if (amlaps_batch_run(&writer->batch, jobs, count, writer->timeout, &behind, &error, writer->pool) != APR_SUCCESS) {
        amlaps_trouble_say(writer->trouble, AMLAPS_LOG_ERROR, &error);
    }
    settle(writer, jobs, count, &error);
    if (behind > apr_time_from_sec(1)) {
        say(writer, AMLAPS_LOG_WARNING, "AML0214", APR_SUCCESS,
            "the clock stands before the last audit record; records keep that one's time until the clock has passed it");
    }
    if (error.status == APR_SUCCESS && writer->batch.store->ops->tend(writer->batch.store, &error) != APR_SUCCESS) {
        amlaps_trouble_say(writer->trouble, AMLAPS_LOG_ERROR, &error);
    }
    apr_pool_clear(writer->pool);
}

static void fail_rest(amlaps_writer_t *writer)
{
    writer_jobs_t jobs;
    amlaps_error_t error = { 0 };
    apr_size_t count;

    amlaps_error_set(&error, AMLAPS_AUDIT_UNAVAILABLE, "AML0216", APR_EGENERAL, "this child of httpd ends and writes no more audit records");
    while ((count = take_batch(jobs, writer)) > 0) {
        settle(writer, jobs, count, &error);
    }
}

/** Opens the store before anybody asks, so that health and log tell of trouble at once. */
static void warm_up(amlaps_writer_t *writer)
{
    amlaps_store_t *store = writer->batch.store;
    amlaps_error_t error = { 0 };
    amlaps_head_t head;

    if (store->ops->begin(&head, store, writer->timeout, &error) != APR_SUCCESS
        || amlaps_sealer_begin(writer->batch.sealer, &head, writer->timeout, &error, writer->pool) != APR_SUCCESS) {
        amlaps_trouble_say(writer->trouble, AMLAPS_LOG_ERROR, &error);
        pthread_mutex_lock(&writer->mutex);
        writer->failing = 1;
        pthread_mutex_unlock(&writer->mutex);
    }
    if (writer->batch.sealer != NULL) {
        amlaps_sealer_end(writer->batch.sealer);
    }
    store->ops->rollback(store);
}

static void *run(void *baton)
{
    amlaps_writer_t *writer = baton;

    if (take_turn(writer)) {
        warm_up(writer);
        amlaps_start_record(&writer->batch, writer->timeout, writer->trouble, writer->pool);
        amlaps_shared_unlock(writer->batch.shared);
    }
    while (wait_for_work(writer) && take_turn(writer)) {
        amlaps_start_record(&writer->batch, writer->timeout, writer->trouble, writer->pool);
        write_batch(writer);
        amlaps_shared_unlock(writer->batch.shared);
    }
    fail_rest(writer);
    writer->batch.store->ops->close(writer->batch.store);
    amlaps_sinks_close(writer->batch.sinks);
    amlaps_sealer_close(writer->batch.sealer);
    pthread_mutex_lock(&writer->mutex);
    writer->stopping = 1;
    writer->ended = 1;
    pthread_cond_signal(&writer->idle);
    pthread_mutex_unlock(&writer->mutex);
    return NULL;
}

/* ---- everybody else ---- */

static int make_conditions(amlaps_writer_t *writer)
{
    pthread_condattr_t attributes;
    int made;

    pthread_condattr_init(&attributes);
    made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 && pthread_mutex_init(&writer->mutex, NULL) == 0
           && pthread_cond_init(&writer->work, &attributes) == 0 && pthread_cond_init(&writer->idle, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return made;
}

apr_status_t amlaps_writer_start(amlaps_writer_t **writer, const amlaps_batch_t *batch, apr_interval_time_t timeout,
                                 amlaps_trouble_t *trouble, apr_pool_t *pool)
{
    amlaps_writer_t *made = apr_pcalloc(pool, sizeof(*made));
    sigset_t all, before;
    int failed;

    made->batch = *batch;
    made->timeout = timeout;
    made->trouble = trouble;
    made->last = &made->first;
    made->busy_since = steady();
    if (!make_conditions(made) || apr_pool_create_unmanaged_ex(&made->pool, NULL, NULL) != APR_SUCCESS) {
        return APR_ENOMEM;
    }
    /* httpd's main thread handles the signals of a child. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&made->thread, NULL, run, made);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
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
    if (done) {
        /* The writer is about to post it. */
        while (sem_wait(&job->done) != 0) {
        }
    }
    return done;
}

static int wait_until_done(amlaps_writer_t *writer, amlaps_job_t *job)
{
    struct timespec until = after(writer->timeout);
    int failed;

    do {
        failed = sem_clockwait(&job->done, CLOCK_MONOTONIC, &until) != 0;
    } while (failed && errno == EINTR);
    return !failed || give_up(writer, job);
}

/** @return 0 where the writer has no hope of an answer in time */
static int enqueue(amlaps_writer_t *writer, amlaps_job_t *job)
{
    int hopeless;

    pthread_mutex_lock(&writer->mutex);
    /* A writer that has been at one batch for longer than anybody waits gets no more of the workers. */
    hopeless = writer->stopping || (writer->busy_since != 0 && steady() - writer->busy_since > writer->timeout);
    writer->failing |= hopeless && !writer->stopping;
    if (!hopeless) {
        atomic_fetch_add(&writer->users, 1);
        job->next = NULL;
        *writer->last = job;
        writer->last = &job->next;
        if (writer->busy_since == 0) {
            pthread_cond_signal(&writer->work);
        }
    }
    pthread_mutex_unlock(&writer->mutex);
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

int amlaps_writer_stop(amlaps_writer_t *writer, apr_interval_time_t patience)
{
    struct timespec until = after(patience);
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
