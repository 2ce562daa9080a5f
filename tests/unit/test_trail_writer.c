/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The writer over a store that is made up, to see what no real one does. */

#include "trail_world.h"

#include "../../src/trail/shared.h"
#include "../../src/trail/writer.h"

static atomic_int commits; /* since the test began */

static apr_status_t begin(amlaps_head_t *head, amlaps_store_t *store, apr_interval_time_t patience, amlaps_error_t *error)
{
    (void)store, (void)patience, (void)error;
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

/** @return what the one who asked for a record hears of it */
static amlaps_error_t record(world_t *world, apr_status_t (*end)(amlaps_store_t *store, const amlaps_head_t *head, amlaps_error_t *error))
{
    const amlaps_store_ops_t ops = {
        .begin = begin, .newest_attempt = newest_attempt, .add_record = add_record, .prune = prune, .commit = end, .rollback = nothing,
        .tend = tend, .close = nothing
    };
    const amlaps_record_t intent = { .id = "0c6a0f0e-0000-4000-8000-000000000001", .event = AMLAPS_EVENT_PASSWORD };
    amlaps_trouble_t *trouble = amlaps_trouble_make(world->pool);
    amlaps_store_t store = { .ops = &ops };
    const amlaps_batch_t batch = {
        .store = &store, .sinks = amlaps_sinks_make("none", NULL, 0, world->shared, trouble, world->pool), .shared = world->shared,
        .clock = &world->clock
    };
    amlaps_error_t error = { 0 };
    amlaps_writer_t *writer;
    amlaps_job_t *job;

    atomic_store(&commits, 0);
    assert_int_equal(amlaps_writer_start(&writer, &batch, SECONDS(5), trouble, world->pool), APR_SUCCESS);
    job = amlaps_job_make(&intent, 0, world->pool);
    assert_true(amlaps_writer_do(writer, job, &error));
    error = job->error;
    amlaps_job_free(job);
    assert_true(amlaps_writer_stop(writer, SECONDS(5)));
    assert_int_equal(atomic_load(&commits), 1);
    return error;
}

static void test_what_was_not_taken_is_not_told_to_be(void **state)
{
    amlaps_error_t error = record(*state, commit_without_a_word);

    assert_int_equal(error.code, AMLAPS_AUDIT_UNAVAILABLE);
    assert_string_equal(error.id, "AML0222");
}

static void test_what_was_taken_is(void **state)
{
    amlaps_error_t error = record(*state, commit);

    assert_int_equal(error.status, APR_SUCCESS);
}

static const struct CMUnitTest tests[] = { WORLD_TEST(test_what_was_not_taken_is_not_told_to_be), WORLD_TEST(test_what_was_taken_is) };

WORLD_MAIN(tests)
