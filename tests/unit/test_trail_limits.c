/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "trail_world.h"

#define PROCESSES 4
#define THREADS 10
#define ATTEMPTS 5 /* of each thread: 200 in all */

static int admit_many(world_t *world)
{
    int admitted = 0;
    int i;

    for (i = 0; i < ATTEMPTS; i++) {
        amlaps_code_t code = world_admit(world, "alice", NULL);

        if (code != AMLAPS_OK && code != AMLAPS_RATE_LIMITED) {
            return 1000;
        }
        admitted += code == AMLAPS_OK;
    }
    return admitted;
}

static void *admit_in_thread(void *baton)
{
    return (void *)(intptr_t)admit_many(baton);
}

static int admit_in_threads(world_t *world)
{
    pthread_t thread[THREADS];
    int admitted = 0;
    int i;

    for (i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, admit_in_thread, world), 0);
    }
    for (i = 0; i < THREADS; i++) {
        void *one;

        pthread_join(thread[i], &one);
        admitted += (int)(intptr_t)one;
    }
    return admitted;
}

static void test_exact_with_threads(void **state)
{
    world_t *world = *state;

    world_limit(world, AMLAPS_LIMIT_USER, "10/minute");
    world_open(world);
    assert_int_equal(admit_in_threads(world), 10);
    assert_int_equal(world_records(world), THREADS * ATTEMPTS);
    assert_int_equal(world_number(world, "SELECT count(*) FROM record WHERE body LIKE '%\"code\":\"rate_limited\"%'"
                                         " AND body LIKE '%\"outcome\":\"denied\"%' AND body LIKE '%\"stage\":\"outcome\"%'"), THREADS * ATTEMPTS - 10);
    world_verify_good(world, THREADS * ATTEMPTS);
}

static void test_exact_with_processes(void **state)
{
    world_t *world = *state;
    pid_t child[PROCESSES];
    int i;

    world_limit(world, AMLAPS_LIMIT_ADDRESS, "10/hour");
    for (i = 0; i < PROCESSES; i++) {
        child[i] = fork();
        if (child[i] == 0) {
            world_open(world);
            i = admit_in_threads(world);
            world_close(world);
            _exit(i <= 10 ? 0 : 1);
        }
    }
    for (i = 0; i < PROCESSES; i++) {
        world_wait(child[i]);
    }
    assert_int_equal(world_records(world), PROCESSES * THREADS * ATTEMPTS);
    assert_int_equal(world_number(world, "SELECT count(*) FROM record WHERE body LIKE '%\"stage\":\"intent\"%'"), 10);
    world_verify_good(world, PROCESSES * THREADS * ATTEMPTS);
}

static void test_retry_after(void **state)
{
    world_t *world = *state;
    amlaps_error_t error;
    int i;

    world_limit(world, AMLAPS_LIMIT_USER, "3/minute");
    world_limit(world, AMLAPS_LIMIT_USER, "5/hour");
    world_limit(world, AMLAPS_LIMIT_ADDRESS, "100/day");
    world_open(world);
    for (i = 0; i < 3; i++) {
        assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
        world_pass(SECONDS(10));
    }
    assert_int_equal(world_admit(world, "alice", &error), AMLAPS_RATE_LIMITED);
    assert_int_equal(error.retry_after, SECONDS(30));
    world_pass(SECONDS(30) - 1000);
    assert_int_equal(world_admit(world, "alice", &error), AMLAPS_RATE_LIMITED);
    assert_int_equal(error.retry_after, 1000);
    world_pass(1000);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    world_pass(SECONDS(60));
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    /* Five within the hour, one within the minute: the hour's limit blocks, until the first attempt is an hour old. */
    assert_int_equal(world_admit(world, "alice", &error), AMLAPS_RATE_LIMITED);
    assert_int_equal(error.retry_after, SECONDS(3600 - 120));
    assert_int_equal(world_admit(world, "bob", NULL), AMLAPS_OK);
}

static void test_longest_of_all_limits(void **state)
{
    world_t *world = *state;
    amlaps_error_t error;

    world_limit(world, AMLAPS_LIMIT_USER, "1/minute");
    world_limit(world, AMLAPS_LIMIT_ADDRESS, "1/hour");
    world_limit(world, AMLAPS_LIMIT_ADDRESS, "1/minute");
    world_open(world);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    assert_int_equal(world_admit(world, "alice", &error), AMLAPS_RATE_LIMITED);
    assert_int_equal(error.retry_after, SECONDS(3600));
}

static void test_refusals_count_but_limited_ones_do_not(void **state)
{
    world_t *world = *state;
    amlaps_record_t refusal = world_record(AMLAPS_EVENT_PASSWORD, AMLAPS_STAGE_OUTCOME, "alice");
    amlaps_error_t error = { 0 };

    refusal.outcome = AMLAPS_OUTCOME_DENIED;
    refusal.code = "not_authorized";
    world_limit(world, AMLAPS_LIMIT_USER, "2/minute");
    world_open(world);
    assert_int_equal(amlaps_trail_admit(&error, world->trail, &refusal, world->pool), APR_SUCCESS);
    assert_int_equal(world_conclude(world, "alice"), AMLAPS_OK);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    world_pass(SECONDS(59));
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_RATE_LIMITED);
    world_pass(SECONDS(1));
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    assert_int_equal(world_number(world, "SELECT count(*) FROM record WHERE body LIKE '%\"code\":\"not_authorized\"%'"), 1);
}

static void test_searches_count_apart(void **state)
{
    world_t *world = *state;
    amlaps_record_t search = world_record(AMLAPS_EVENT_SEARCH, AMLAPS_STAGE_INTENT, "alice");
    amlaps_error_t error = { 0 };

    world_limit(world, AMLAPS_LIMIT_SEARCH, "1/minute");
    world_limit(world, AMLAPS_LIMIT_USER, "1/minute");
    world_open(world);
    assert_int_equal(amlaps_trail_admit(&error, world->trail, &search, world->pool), APR_SUCCESS);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    amlaps_trail_admit(&error, world->trail, &search, world->pool);
    assert_int_equal(error.code, AMLAPS_RATE_LIMITED);
}

static void test_kept_over_restart(void **state)
{
    world_t *world = *state;
    amlaps_error_t error;

    world_limit(world, AMLAPS_LIMIT_USER, "1/hour");
    world_open(world);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    world_close(world);
    world->shared = amlaps_trail_share();
    world_pass(SECONDS(60));
    world_open(world);
    assert_int_equal(world_admit(world, "alice", &error), AMLAPS_RATE_LIMITED);
    /* A database counts by its own clock, which this test can't move. */
    assert_in_range(error.retry_after, world->conninfo != NULL ? SECONDS(3570) : SECONDS(3540), world->conninfo != NULL ? SECONDS(3600) : SECONDS(3540));
}

static void step_and_check(world_t *world, apr_interval_time_t step)
{
    amlaps_error_t error;

    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    atomic_fetch_add(&world_wall, step);
    assert_int_equal(world_admit(world, "alice", &error), AMLAPS_RATE_LIMITED);
    assert_int_equal(error.retry_after, SECONDS(60));
    world_pass(SECONDS(59));
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_RATE_LIMITED);
    world_pass(SECONDS(1));
}

static void test_steps_of_the_clock(void **state)
{
    world_t *world = *state;

    world_limit(world, AMLAPS_LIMIT_USER, "1/minute");
    world_open(world);
    step_and_check(world, -SECONDS(86400));
    assert_int_equal(world_logged("AML0214"), 1);
    step_and_check(world, SECONDS(3) * 86400);
    step_and_check(world, -SECONDS(1900000000));
    /* The store is in order, whatever the clock did: verify checks that no record's time is before the one before. */
    world_verify_good(world, 9);
}

/** Stepped back while httpd was down: neither reset nor locked out until the clock has caught up. */
static void test_clock_stepped_back_over_restart(void **state)
{
    world_t *world = *state;

    world_limit(world, AMLAPS_LIMIT_USER, "1/minute");
    world_open(world);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    world_close(world);
    world->shared = amlaps_trail_share();
    atomic_fetch_add(&world_wall, -SECONDS(86400));
    world_open(world);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_RATE_LIMITED);
    world_pass(SECONDS(60));
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    world_verify_good(world, 3);
}

static void test_blocked(void **state)
{
    world_t *world = *state;
    amlaps_record_t record = world_record(AMLAPS_EVENT_HISTORY, AMLAPS_STAGE_INTENT, "alice");
    amlaps_record_t search = world_record(AMLAPS_EVENT_SEARCH, AMLAPS_STAGE_INTENT, "alice");
    amlaps_record_t neighbour = world_record(AMLAPS_EVENT_PASSWORD, AMLAPS_STAGE_INTENT, "bob");

    world_limit(world, AMLAPS_LIMIT_USER, "1/minute");
    world_limit(world, AMLAPS_LIMIT_ADDRESS, "50/minute");
    world_open(world);
    assert_int_equal(amlaps_trail_blocked(world->trail, &record, world->pool), 0);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    assert_int_equal(amlaps_trail_blocked(world->trail, &record, world->pool), 0);
    world_pass(SECONDS(20));
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_RATE_LIMITED);
    assert_int_equal(amlaps_trail_blocked(world->trail, &record, world->pool), SECONDS(40));
    assert_int_equal(amlaps_trail_blocked(world->trail, &search, world->pool), 0);
    assert_int_equal(amlaps_trail_blocked(world->trail, &neighbour, world->pool), 0);
    world_pass(SECONDS(40) - 1);
    assert_int_equal(amlaps_trail_blocked(world->trail, &record, world->pool), 1);
    world_pass(1);
    assert_int_equal(amlaps_trail_blocked(world->trail, &record, world->pool), 0);
}

/* One whose time is over soon says nothing of another's. */
static void test_blocked_for_different_times(void **state)
{
    world_t *world = *state;
    amlaps_record_t search = world_record(AMLAPS_EVENT_SEARCH, AMLAPS_STAGE_INTENT, "alice");
    amlaps_record_t password = world_record(AMLAPS_EVENT_PASSWORD, AMLAPS_STAGE_INTENT, "bob");
    amlaps_error_t error = { 0 };

    world_limit(world, AMLAPS_LIMIT_SEARCH, "1/hour");
    world_limit(world, AMLAPS_LIMIT_USER, "1/minute");
    world_open(world);
    assert_int_equal(amlaps_trail_admit(&error, world->trail, &search, world->pool), APR_SUCCESS);
    assert_int_not_equal(amlaps_trail_admit(&error, world->trail, &search, world->pool), APR_SUCCESS);
    assert_int_equal(world_admit(world, "bob", NULL), AMLAPS_OK);
    assert_int_equal(world_admit(world, "bob", NULL), AMLAPS_RATE_LIMITED);
    assert_int_equal(amlaps_trail_blocked(world->trail, &password, world->pool), SECONDS(60));
    assert_int_equal(amlaps_trail_blocked(world->trail, &search, world->pool), SECONDS(3600));
    world_pass(SECONDS(61));
    assert_int_equal(amlaps_trail_blocked(world->trail, &password, world->pool), 0);
    assert_int_equal(amlaps_trail_blocked(world->trail, &search, world->pool), SECONDS(3539));
}

static void test_blocked_is_bounded(void **state)
{
    world_t *world = *state;
    amlaps_record_t record;
    char person[32];
    int known = 0;
    int i;

    world_limit(world, AMLAPS_LIMIT_USER, "1/hour");
    world_open(world);
    for (i = 0; i < 2000; i++) {
        snprintf(person, sizeof(person), "person-%d", i);
        assert_int_equal(world_admit(world, person, NULL), AMLAPS_OK);
        assert_int_equal(world_admit(world, person, NULL), AMLAPS_RATE_LIMITED);
    }
    for (i = 0; i < 2000; i++) {
        snprintf(person, sizeof(person), "person-%d", i);
        record = world_record(AMLAPS_EVENT_PASSWORD, AMLAPS_STAGE_INTENT, person);
        known += amlaps_trail_blocked(world->trail, &record, world->pool) > 0;
    }
    assert_in_range(known, 900, 1024);
}

static void test_old_attempts_are_forgotten(void **state)
{
    world_t *world = *state;
    int i;

    world_limit(world, AMLAPS_LIMIT_USER, "100/day");
    world_open(world);
    for (i = 0; i < 20; i++) {
        assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    }
    assert_int_equal(world_number(world, "SELECT count(*) FROM attempt"), 40);
    world_pass(SECONDS(86400));
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    assert_int_equal(world_number(world, "SELECT count(*) FROM attempt"), 42);
    world_pass(SECONDS(1));
    assert_int_equal(world_conclude(world, "alice"), AMLAPS_OK);
    assert_int_equal(world_number(world, "SELECT count(*) FROM attempt"), 2);
}

/** Those of people who never come again too, a few people at a time. */
static void test_attempts_of_all_are_forgotten(void **state)
{
    world_t *world = *state;
    int i;

    world_limit(world, AMLAPS_LIMIT_USER, "100/day");
    world_open(world);
    for (i = 0; i < 50; i++) {
        assert_int_equal(world_admit(world, apr_psprintf(world->pool, "person-%d", i), NULL), AMLAPS_OK);
    }
    world_pass(SECONDS(2 * 86400));
    for (i = 0; i < 10; i++) {
        world_pass(SECONDS(1));
        assert_int_equal(world_conclude(world, "alice"), AMLAPS_OK);
    }
    assert_int_equal(world_number(world, "SELECT count(*) FROM attempt"), 0);
}

static const struct CMUnitTest tests[] = {
    WORLD_TEST(test_exact_with_threads), WORLD_TEST(test_exact_with_processes), WORLD_TEST(test_retry_after),
    WORLD_TEST(test_longest_of_all_limits), WORLD_TEST(test_refusals_count_but_limited_ones_do_not),
    WORLD_TEST(test_searches_count_apart), WORLD_TEST(test_kept_over_restart), WORLD_TEST(test_steps_of_the_clock),
    WORLD_TEST(test_clock_stepped_back_over_restart), WORLD_TEST(test_blocked), WORLD_TEST(test_blocked_for_different_times),
    WORLD_TEST(test_blocked_is_bounded), WORLD_TEST(test_old_attempts_are_forgotten), WORLD_TEST(test_attempts_of_all_are_forgotten)
};

WORLD_MAIN(tests)
