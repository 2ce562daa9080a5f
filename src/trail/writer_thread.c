/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "writer_state.h"

#include <errno.h>

#include "amlaps/thread.h"

/* How long the thread may be deaf to the end of its child. */
#define TURN apr_time_from_msec(250)
/* When a copy that lacks records is tried again though nothing is to be recorded. */
#define AGAIN apr_time_from_sec(1)

typedef amlaps_job_t *writer_jobs_t[AMLAPS_BATCH_MOST];

static apr_time_t steady(void)
{
    return amlaps_clock_steady(amlaps_clock_system());
}

/** A log may be a program that does not read. */
static void say(amlaps_writer_t *writer, amlaps_log_level_t level, const char *id, apr_status_t status, const char *text)
{
    amlaps_error_t error = { 0 };

    amlaps_owed_wake(&writer->owed);
    amlaps_error_set(&error, AMLAPS_AUDIT_UNAVAILABLE, id, status, "%s", text);
    amlaps_trouble_say(writer->trouble, level, &error);
}

static apr_interval_time_t until_beat(const amlaps_writer_t *writer)
{
    const apr_interval_time_t left = writer->beat_at - steady();

    return left > 0 ? left : 0;
}

/** Waits for records, or until a copy that lacks some is to be tried again, or silence has lasted for too long.
 *  @return 0 where the writer shall stop */
static int wait_for_work(amlaps_writer_t *writer)
{
    int behind = amlaps_sinks_behind(writer->batch.sinks);
    int patient = behind || writer->batch.silence > 0;
    struct timespec until = amlaps_thread_until(behind ? AGAIN : until_beat(writer));
    int late = 0;
    int go;

    pthread_mutex_lock(&writer->mutex);
    writer->busy_since = 0;
    if (writer->first == NULL) {
        amlaps_owed_wake(&writer->owed);
    }
    while (writer->first == NULL && !writer->stopping && !late) {
        late = (patient ? pthread_cond_timedwait(&writer->work, &writer->mutex, &until) : pthread_cond_wait(&writer->work, &writer->mutex))
               == ETIMEDOUT;
    }
    go = writer->first != NULL || (late && !writer->stopping);
    writer->busy_since = go ? steady() : 0;
    pthread_mutex_unlock(&writer->mutex);
    return go;
}

/** Waits until so many have come as the pace wants, or for as long as it says. */
static void let_others_join(amlaps_writer_t *writer)
{
    const apr_size_t wanted = amlaps_pace_goal(&writer->pace);
    const apr_size_t goal = wanted < AMLAPS_BATCH_MOST ? wanted : AMLAPS_BATCH_MOST;
    const apr_interval_time_t left = goal > 1 ? amlaps_pace_left(&writer->pace, steady()) : 0;
    struct timespec until;
    int late = 0;

    if (left <= 0) {
        return;
    }
    amlaps_owed_wake(&writer->owed);
    until = amlaps_thread_until(left);
    pthread_mutex_lock(&writer->mutex);
    writer->goal = goal;
    while (writer->waiting < goal && !writer->stopping && !late) {
        late = pthread_cond_timedwait(&writer->work, &writer->mutex, &until) == ETIMEDOUT;
    }
    writer->goal = 0;
    pthread_mutex_unlock(&writer->mutex);
}

/** Tries until it has the mutex: workers do not wait for it, they give up one by one or are turned away. @return 0 where it is hopeless */
static int take_turn(amlaps_writer_t *writer)
{
    apr_time_t since = steady();

    for (;;) {
        int died;
        int hopeless;
        apr_status_t status = amlaps_shared_lock(writer->batch.shared, writer->owed.any ? 0 : TURN, &died);

        if (died) {
            say(writer, AMLAPS_LOG_NOTICE, "AML0211", APR_SUCCESS, "a child died while it wrote to the audit store; its record was taken back");
        }
        if (status == APR_SUCCESS) {
            return 1;
        }
        if (amlaps_owed_wake(&writer->owed)) {
            continue;
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
        writer->waiting--;
        job->state = AMLAPS_JOB_TAKEN;
        jobs[count++] = job;
    }
    if (writer->first == NULL) {
        writer->last = &writer->first;
    }
    writer->side = !writer->side;
    pthread_mutex_unlock(&writer->mutex);
    return count;
}

/** Notes the latches at which workers wait for one of the jobs; whoever waits for another there looks and waits again. */
static void mark(amlaps_writer_t *writer, writer_jobs_t jobs, apr_size_t count, const amlaps_error_t *error)
{
    apr_size_t i;

    for (i = 0; i < count; i++) {
        if (jobs[i]->state == AMLAPS_JOB_ABANDONED) {
            amlaps_job_free(jobs[i]);
            continue;
        }
        if (error->status != APR_SUCCESS) {
            jobs[i]->error = *error;
        }
        writer->unturned[jobs[i]->latch == &writer->latch[1]] = 1;
        jobs[i]->state = AMLAPS_JOB_DONE;
        atomic_store(&jobs[i]->done, 1);
    }
}

static void turn_latches(void *baton)
{
    amlaps_writer_t *writer = baton;
    int i;

    for (i = 0; i < 2; i++) {
        if (writer->unturned[i]) {
            writer->unturned[i] = 0;
            amlaps_latch_turn(&writer->latch[i]);
        }
    }
}

/**
 * Those who are woken push the writer aside. Where the disk is slow and the next transaction can begin, that one would reach the disk later, and
 * all be done later: so they are woken when it does. Not where beginning one may take long, as with a server or a seal.
 */
static int may_owe(const amlaps_writer_t *writer, apr_size_t next, const amlaps_error_t *error)
{
    const amlaps_batch_t *batch = &writer->batch;
    const amlaps_store_ops_t *ops = batch->store->ops;

    return next > 0 && error->status == APR_SUCCESS && amlaps_pace_is_slow(&writer->pace) && batch->sealer == NULL && ops->foresee == NULL
           && (ops->untidy == NULL || !ops->untidy(batch->store));
}

/** @return how many jobs wait for the next batch */
static apr_size_t settle(amlaps_writer_t *writer, writer_jobs_t jobs, apr_size_t count, const amlaps_error_t *error)
{
    apr_size_t next;
    int recovered;

    pthread_mutex_lock(&writer->mutex);
    recovered = writer->failing && error->status == APR_SUCCESS;
    writer->failing = error->status != APR_SUCCESS;
    writer->failing_seal = amlaps_sealer_failed(error);
    mark(writer, jobs, count, error);
    next = writer->waiting;
    pthread_mutex_unlock(&writer->mutex);
    writer->owed.any |= count > 0;
    if (!may_owe(writer, next, error)) {
        amlaps_owed_wake(&writer->owed);
    }
    if (recovered) {
        say(writer, AMLAPS_LOG_NOTICE, "AML0213", APR_SUCCESS, "the audit store takes records again");
    }
    return next;
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

/** Whatever else the writer was woken for meanwhile: what health and channels ask of it leaves no record, and a copy that is down takes none. */
static void beat(amlaps_writer_t *writer)
{
    amlaps_error_t error = { 0 };
    apr_interval_time_t left;

    if (writer->batch.silence == 0 || until_beat(writer) > 0) {
        return;
    }
    amlaps_owed_wake(&writer->owed);
    if (amlaps_batch_beat(&left, &writer->batch, writer->timeout, &error, writer->pool) != APR_SUCCESS
        && !amlaps_sinks_said(writer->batch.sinks, &error)) {
        amlaps_trouble_say(writer->trouble, AMLAPS_LOG_ERROR, &error);
    }
    writer->beat_at = steady() + left;
    settle(writer, NULL, 0, &error);
    apr_pool_clear(writer->pool);
}

static void write_batch(amlaps_writer_t *writer)
{
    writer_jobs_t jobs;
    amlaps_error_t error = { 0 };
    apr_interval_time_t behind = 0;
    const apr_time_t began = steady();
    const apr_size_t count = take_batch(jobs, writer);
    apr_time_t ended;

    if (count == 0) {
        amlaps_owed_wake(&writer->owed);
        if (amlaps_sinks_behind(writer->batch.sinks)) {
            catch_up(writer);
        }
        return;
    }
    if (amlaps_batch_run(&writer->batch, jobs, count, writer->timeout, &behind, &error, writer->pool) != APR_SUCCESS
        && !amlaps_sinks_said(writer->batch.sinks, &error)) {
        amlaps_trouble_say(writer->trouble, AMLAPS_LOG_ERROR, &error);
    }
    ended = steady();
    amlaps_pace_note(&writer->pace, began, ended, count, settle(writer, jobs, count, &error));
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
        writer->failing_seal = amlaps_sealer_failed(&error);
        pthread_mutex_unlock(&writer->mutex);
    }
    if (writer->batch.sealer != NULL) {
        amlaps_sealer_end(writer->batch.sealer);
    }
    store->ops->rollback(store);
}

void *amlaps_writer_run(void *baton)
{
    amlaps_writer_t *writer = baton;

    writer->owed = (amlaps_owed_t){ .wake = turn_latches, .baton = writer };
    writer->batch.owed = &writer->owed;
    writer->beat_at = steady() + writer->batch.silence;
    if (take_turn(writer)) {
        warm_up(writer);
        amlaps_start_record(&writer->batch, writer->timeout, writer->trouble, writer->pool);
        amlaps_shared_unlock(writer->batch.shared);
    }
    while (wait_for_work(writer)) {
        let_others_join(writer);
        if (!take_turn(writer)) {
            break;
        }
        amlaps_start_record(&writer->batch, writer->timeout, writer->trouble, writer->pool);
        write_batch(writer);
        beat(writer);
        amlaps_shared_unlock(writer->batch.shared);
    }
    amlaps_owed_wake(&writer->owed);
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
