/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TEST_WRITER_WORLD_H
#define AMLAPS_TEST_WRITER_WORLD_H

/* What the tests of the writer's thread share: a store that is made up, and workers. */

#include <sched.h>
#include <semaphore.h>

#include "trail_world.h"

#include "../../src/trail/shared.h"
#include "../../src/trail/writer_state.h"

#define PATIENCE SECONDS(20)

static atomic_int commits; /* since the test began */

#define BATCHES 400

/* Of the writer's thread, and of the test when that has ended. */
static int batches[BATCHES]; /* records in each */
static int batch_count;

static apr_status_t begin(amlaps_head_t *head, amlaps_store_t *store, apr_interval_time_t patience, amlaps_error_t *error)
{
    (void)store, (void)patience, (void)error;
    assert_true(batch_count < BATCHES);
    batches[batch_count++] = 0;
    memset(head, 0, sizeof(*head));
    memset(head->hash, '0', AMLAPS_RECORD_HASH);
    return APR_SUCCESS;
}

static apr_status_t newest_attempt(apr_time_t *time, amlaps_store_t *store, amlaps_error_t *error)
{
    (void)store, (void)error;
    *time = 0;
    return APR_SUCCESS;
}

static apr_status_t add_record(amlaps_store_t *store, const amlaps_row_t *row, amlaps_error_t *error)
{
    (void)store, (void)row, (void)error;
    batches[batch_count - 1]++;
    return APR_SUCCESS;
}

static apr_status_t prune(amlaps_store_t *store, apr_time_t time, amlaps_error_t *error)
{
    (void)store, (void)time, (void)error;
    return APR_SUCCESS;
}

static apr_status_t commit(amlaps_store_t *store, const amlaps_head_t *head, amlaps_error_t *error)
{
    (void)store, (void)head, (void)error;
    atomic_fetch_add(&commits, 1);
    return APR_SUCCESS;
}

static void nothing(amlaps_store_t *store)
{
    (void)store;
}

static amlaps_error_t record(amlaps_writer_t *writer, apr_pool_t *pool)
{
    const amlaps_record_t intent = { .id = "0c6a0f0e-0000-4000-8000-000000000001", .event = AMLAPS_EVENT_PASSWORD };
    amlaps_job_t *job = amlaps_job_make(&intent, 0, pool);
    amlaps_error_t error = { 0 };

    if (amlaps_writer_do(writer, job, &error)) {
        error = job->error;
        amlaps_job_free(job);
    }
    return error;
}

static struct {
    sem_t open;
    atomic_int reached;
} gate; /* before the first commit */

typedef apr_status_t (*end_t)(amlaps_store_t *store, const amlaps_head_t *head, amlaps_error_t *error);
typedef void (*work_t)(amlaps_writer_t *writer, world_t *world);

static void with_store(world_t *world, const amlaps_store_ops_t *ops, work_t work)
{
    amlaps_trouble_t *trouble = amlaps_trouble_make(world->pool);
    amlaps_store_t store = { .ops = ops };
    const amlaps_batch_t batch = {
        .store = &store, .sinks = amlaps_sinks_make("none", NULL, 0, world->shared, world->pool), .shared = world->shared,
        .digest = amlaps_digest_make(world->pool), .clock = &world->clock
    };
    const apr_time_t start = amlaps_clock_steady(amlaps_clock_system());
    amlaps_writer_t *writer;

    atomic_store(&commits, 0);
    atomic_store(&gate.reached, 0);
    batch_count = 0;
    assert_int_equal(amlaps_writer_start(&writer, &batch, PATIENCE, trouble, world->pool), APR_SUCCESS);
    work(writer, world);
    /* Whoever is not woken looks once more when its time is over. */
    assert_true(amlaps_clock_steady(amlaps_clock_system()) - start < PATIENCE);
    assert_true(amlaps_writer_stop(writer, SECONDS(5)));
}

static apr_status_t commit_behind_the_gate(amlaps_store_t *store, const amlaps_head_t *head, amlaps_error_t *error)
{
    if (atomic_load(&commits) == 0) {
        atomic_store(&gate.reached, 1);
        while (sem_wait(&gate.open) != 0) {
        }
    }
    return commit(store, head, error);
}

static void *record_one(void *baton)
{
    apr_pool_t *pool;
    amlaps_error_t error;

    apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
    error = record(baton, pool);
    apr_pool_destroy(pool);
    return error.status == APR_SUCCESS ? NULL : baton;
}

/** Until the first transaction stands before the gate, and so many others wait behind it. */
static void wait_for_workers(amlaps_writer_t *writer, apr_size_t others)
{
    int there = 0;

    while (!there) {
        sched_yield();
        pthread_mutex_lock(&writer->mutex);
        there = atomic_load(&gate.reached) && writer->waiting == others;
        pthread_mutex_unlock(&writer->mutex);
    }
}

#define GOAL 8

/** As under load, with so much time that the machine's own pace makes no difference. */
static void want_company(amlaps_writer_t *writer, apr_interval_time_t left)
{
    int idle = 0;

    while (!idle) { /* it looks at the store first */
        sched_yield();
        pthread_mutex_lock(&writer->mutex);
        idle = writer->busy_since == 0;
        if (idle) {
            batch_count = 0;
            writer->pace.rate = 1000;
            writer->pace.crowd = 2 * GOAL;
            writer->pace.began = amlaps_clock_steady(amlaps_clock_system()) + left;
        }
        pthread_mutex_unlock(&writer->mutex);
    }
}

static void join_workers(pthread_t *threads, int count)
{
    int i;

    for (i = 0; i < count; i++) {
        void *failed;

        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

#endif
