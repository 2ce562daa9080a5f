/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The writer over a store that is made up, to see what no real one does. */

#include "writer_world.h"

static apr_status_t tend(amlaps_store_t *store, amlaps_error_t *error)
{
    (void)store, (void)error;
    return APR_SUCCESS;
}

static apr_status_t commit_without_a_word(amlaps_store_t *store, const amlaps_head_t *head, amlaps_error_t *error)
{
    (void)store, (void)head, (void)error;
    atomic_fetch_add(&commits, 1);
    return APR_EGENERAL;
}

/** A writer over a store that ends its batches so, while `work` is done with it. */
static void with_writer(world_t *world, end_t end, work_t work)
{
    const amlaps_store_ops_t ops = {
        .begin = begin, .newest_attempt = newest_attempt, .add_record = add_record, .prune = prune, .commit = end, .rollback = nothing,
        .tend = tend, .close = nothing
    };

    with_store(world, &ops, work);
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

static void expect_more_than_a_batch(amlaps_writer_t *writer, world_t *world)
{
    static pthread_t threads[WORKERS];
    int i;

    (void)world;
    sem_init(&gate.open, 0, 0);
    for (i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, record_one, writer), 0);
        if (i == 0) {
            wait_for_workers(writer, 0);
        }
    }
    wait_for_workers(writer, WORKERS - 1);
    sem_post(&gate.open);
    join_workers(threads, WORKERS);
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
