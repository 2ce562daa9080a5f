/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The writer over a store that is made up, to see what no real one does. */

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

static apr_status_t commit_without_a_word(amlaps_store_t *store, const amlaps_head_t *head, amlaps_error_t *error)
{
    (void)store, (void)head, (void)error;
    atomic_fetch_add(&commits, 1);
    return APR_EGENERAL;
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

static apr_status_t tend(amlaps_store_t *store, amlaps_error_t *error)
{
    (void)store, (void)error;
    return APR_SUCCESS;
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

/** A writer over a store that ends its batches so, while `work` is done with it. */
static void with_writer(world_t *world, apr_status_t (*end)(amlaps_store_t *store, const amlaps_head_t *head, amlaps_error_t *error),
                        void (*work)(amlaps_writer_t *writer, world_t *world))
{
    const amlaps_store_ops_t ops = {
        .begin = begin, .newest_attempt = newest_attempt, .add_record = add_record, .prune = prune, .commit = end, .rollback = nothing,
        .tend = tend, .close = nothing
    };
    amlaps_trouble_t *trouble = amlaps_trouble_make(world->pool);
    amlaps_store_t store = { .ops = &ops };
    const amlaps_batch_t batch = {
        .store = &store, .sinks = amlaps_sinks_make("none", NULL, 0, world->shared, trouble, world->pool), .shared = world->shared,
        .clock = &world->clock
    };
    const apr_time_t start = amlaps_clock_steady(amlaps_clock_system());
    amlaps_writer_t *writer;

    atomic_store(&commits, 0);
    batch_count = 0;
    assert_int_equal(amlaps_writer_start(&writer, &batch, PATIENCE, trouble, world->pool), APR_SUCCESS);
    work(writer, world);
    /* Whoever is not woken looks once more when its time is over. */
    assert_true(amlaps_clock_steady(amlaps_clock_system()) - start < PATIENCE);
    assert_true(amlaps_writer_stop(writer, SECONDS(5)));
}

static void expect_a_refusal(amlaps_writer_t *writer, world_t *world)
{
    const amlaps_error_t error = record(writer, world->pool);

    assert_int_equal(error.status, APR_EGENERAL);
    assert_int_equal(error.code, AMLAPS_AUDIT_UNAVAILABLE);
    assert_string_equal(error.id, "AML0222");
    assert_int_equal(atomic_load(&commits), 1);
}

static void test_what_was_not_taken_is_not_told_to_be(void **state)
{
    with_writer(*state, commit_without_a_word, expect_a_refusal);
}

static void expect_a_record(amlaps_writer_t *writer, world_t *world)
{
    assert_int_equal(record(writer, world->pool).status, APR_SUCCESS);
    assert_int_equal(atomic_load(&commits), 1);
}

static void test_what_was_taken_is(void **state)
{
    with_writer(*state, commit, expect_a_record);
}

#define WORKERS (AMLAPS_BATCH_MOST + 40)

static struct {
    sem_t open;
    atomic_int waiting;
} gate; /* before the first commit */

static apr_status_t commit_behind_the_gate(amlaps_store_t *store, const amlaps_head_t *head, amlaps_error_t *error)
{
    if (atomic_load(&commits) == 0) {
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
    atomic_fetch_add(&gate.waiting, 1);
    error = record(baton, pool);
    apr_pool_destroy(pool);
    return error.status == APR_SUCCESS ? NULL : baton;
}

static void expect_more_than_a_batch(amlaps_writer_t *writer, world_t *world)
{
    static pthread_t threads[WORKERS];
    int i;

    (void)world;
    sem_init(&gate.open, 0, 0);
    for (i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, record_one, writer), 0);
    }
    while (atomic_load(&gate.waiting) < WORKERS) {
        sched_yield();
    }
    sem_post(&gate.open);
    for (i = 0; i < WORKERS; i++) {
        void *failed;

        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    sem_destroy(&gate.open);
    /* One that came first, and those that waited meanwhile in no fewer than two. */
    assert_in_range(atomic_load(&commits), 2, WORKERS);
}

/** Those whom a batch has no room for wait at the latch of the one before theirs. */
static void test_more_wait_than_fit_into_a_batch(void **state)
{
    int full = 0;
    int i;

    with_writer(*state, commit_behind_the_gate, expect_more_than_a_batch);
    for (i = 0; i < batch_count; i++) {
        full += batches[i] == AMLAPS_BATCH_MOST;
    }
    assert_true(full > 0);
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

static void start_workers(pthread_t *threads, int count, amlaps_writer_t *writer)
{
    apr_size_t waiting = 0;
    int i;

    for (i = 0; i < count; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, record_one, writer), 0);
    }
    while (waiting < (apr_size_t)count && atomic_load(&commits) == 0) {
        sched_yield();
        pthread_mutex_lock(&writer->mutex);
        waiting = writer->waiting;
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

static void expect_company(amlaps_writer_t *writer, world_t *world)
{
    pthread_t threads[GOAL];

    want_company(writer, PATIENCE);
    start_workers(threads, GOAL - 1, writer);
    assert_int_equal(record(writer, world->pool).status, APR_SUCCESS);
    join_workers(threads, GOAL - 1);
    assert_int_equal(batch_count, 1);
    assert_int_equal(batches[0], GOAL);
}

static void test_where_many_come_a_batch_waits_for_company(void **state)
{
    with_writer(*state, commit, expect_company);
}

static void expect_an_end(amlaps_writer_t *writer, world_t *world)
{
    pthread_t threads[GOAL];

    (void)world;
    want_company(writer, PATIENCE);
    start_workers(threads, GOAL - 1, writer);
    pthread_mutex_lock(&writer->mutex);
    writer->stopping = 1;
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->mutex);
    join_workers(threads, GOAL - 1);
    assert_int_equal(batches[0], GOAL - 1);
}

static void test_the_end_waits_for_no_company(void **state)
{
    with_writer(*state, commit, expect_an_end);
}

static void expect_no_delay(amlaps_writer_t *writer, world_t *world)
{
    want_company(writer, -PATIENCE);
    assert_int_equal(record(writer, world->pool).status, APR_SUCCESS);
    assert_int_equal(batches[0], 1);
}

/** On a slow disk the time is over when the transaction before is. */
static void test_company_is_waited_for_no_longer_than_it_takes(void **state)
{
    with_writer(*state, commit, expect_no_delay);
}

static const struct CMUnitTest tests[] = {
    WORLD_TEST(test_what_was_not_taken_is_not_told_to_be), WORLD_TEST(test_what_was_taken_is), WORLD_TEST(test_more_wait_than_fit_into_a_batch),
    WORLD_TEST(test_where_many_come_a_batch_waits_for_company), WORLD_TEST(test_the_end_waits_for_no_company),
    WORLD_TEST(test_company_is_waited_for_no_longer_than_it_takes)
};

WORLD_MAIN(tests)
