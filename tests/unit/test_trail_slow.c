/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* On a slow disk those who are done are woken when the next transaction reaches it, and before the writer waits for anything else. */

#include "writer_world.h"

/* What comes between the two transactions of a test. */
typedef enum trouble_t { NOTHING, LOCKED, UNTIDY, DESERTED, CROWDED, TAKEN, RUINED, RECOVERED } trouble_t;

static struct {
    trouble_t trouble;
    world_t *world;
    amlaps_writer_t *writer;
    int at_begin, at_record, at_commit, at_tend; /* how often latches were turned by then; -1: it did not come to that */
    int begun;                                   /* how often the second transaction was */
    sem_t taken, leave;                          /* the mutex of all children */
} disk;

static int turns(void)
{
    return (int)(amlaps_latch_look(&disk.writer->latch[0]) + amlaps_latch_look(&disk.writer->latch[1]));
}

static int is_second(void)
{
    return atomic_load(&commits) == 1;
}

static apr_status_t begin_slowly(amlaps_head_t *head, amlaps_store_t *store, apr_interval_time_t patience, amlaps_error_t *error)
{
    if (is_second() && disk.trouble == LOCKED) {
        disk.at_begin = turns();
        if (patience == 0) {
            return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0202", APR_EBUSY, "locked");
        }
    }
    if (is_second() && disk.trouble == RUINED) {
        return disk.begun++ == 0 ? amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0221", APR_EGENERAL, "was cut")
                                 : amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0205", EIO, "as the log says further up");
    }
    return begin(head, store, patience, error);
}

static apr_status_t add_slowly(amlaps_store_t *store, const amlaps_row_t *row, amlaps_error_t *error)
{
    disk.at_record = is_second() ? turns() : disk.at_record;
    return add_record(store, row, error);
}

static apr_status_t commit_slowly(amlaps_store_t *store, const amlaps_head_t *head, amlaps_error_t *error)
{
    disk.at_commit = is_second() ? turns() : disk.at_commit;
    return commit_behind_the_gate(store, head, error);
}

static int is_untidy(const amlaps_store_t *store)
{
    (void)store;
    return disk.trouble == UNTIDY;
}

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0) {
    }
}

static void *take_mutex(void *baton)
{
    int died;

    (void)baton;
    assert_int_equal(amlaps_shared_lock(disk.world->shared, PATIENCE, &died), APR_SUCCESS);
    sem_post(&disk.taken);
    wait_for(&disk.leave);
    amlaps_shared_unlock(disk.world->shared);
    return NULL;
}

/** As if those who wait had given up. @return the first of them */
static amlaps_job_t *desert(amlaps_writer_t *writer)
{
    amlaps_job_t *job = writer->first;

    writer->first = NULL;
    writer->last = &writer->first;
    writer->waiting = 0;
    return job;
}

/** Between the two transactions. */
static apr_status_t tend_slowly(amlaps_store_t *store, amlaps_error_t *error)
{
    (void)store, (void)error;
    if (!is_second() || disk.at_tend >= 0) {
        return APR_SUCCESS;
    }
    disk.at_tend = turns();
    if (disk.trouble == DESERTED) {
        pthread_mutex_lock(&disk.writer->mutex);
        desert(disk.writer);
        pthread_mutex_unlock(&disk.writer->mutex);
    }
    if (disk.trouble == CROWDED) {
        disk.writer->pace = (amlaps_pace_t){ .rate = 1000, .crowd = 4, .began = amlaps_clock_steady(amlaps_clock_system()) + PATIENCE };
    }
    if (disk.trouble == TAKEN) {
        /* The writer's own thread holds it until then. */
        amlaps_shared_unlock(disk.world->shared);
        wait_for(&disk.taken);
    }
    return APR_SUCCESS;
}

/** What those need who wait for the second transaction. */
static void end_trouble(amlaps_writer_t *writer, amlaps_job_t *second)
{
    if (disk.trouble == DESERTED) {
        pthread_mutex_lock(&writer->mutex);
        assert_null(writer->first);
        writer->first = second;
        writer->last = &second->next;
        writer->waiting = 1;
        pthread_cond_signal(&writer->work);
        pthread_mutex_unlock(&writer->mutex);
    }
    if (disk.trouble == CROWDED) {
        assert_int_equal(record(writer, disk.world->pool).status, APR_SUCCESS);
    }
    if (disk.trouble == TAKEN) {
        sem_post(&disk.leave);
    }
}

/** Two records, the second of which waits while the first is written. The first is told whatever the second waits for. */
static void write_two(amlaps_writer_t *writer, world_t *world)
{
    pthread_t threads[2], holder;
    amlaps_job_t *second;

    disk.writer = writer;
    disk.world = world;
    want_company(writer, 0);
    writer->pace.took = 1e9;
    assert_int_equal(pthread_create(&threads[0], NULL, record_one, writer), 0);
    wait_for_workers(writer, 0);
    assert_int_equal(pthread_create(&threads[1], NULL, record_one, writer), 0);
    wait_for_workers(writer, 1);
    if (disk.trouble == TAKEN) {
        assert_int_equal(pthread_create(&holder, NULL, take_mutex, NULL), 0);
    }
    if (disk.trouble == RECOVERED) {
        pthread_mutex_lock(&writer->mutex);
        writer->failing = 1;
        pthread_mutex_unlock(&writer->mutex);
    }
    second = writer->first;
    sem_post(&gate.open);
    join_workers(&threads[0], 1);
    end_trouble(writer, second);
    if (disk.trouble == RUINED) {
        void *failed;

        pthread_join(threads[1], &failed);
        assert_non_null(failed);
    } else {
        join_workers(&threads[1], 1);
    }
    if (disk.trouble == TAKEN) {
        pthread_join(holder, NULL);
    }
    assert_int_equal(atomic_load(&commits), disk.trouble == RUINED ? 1 : 2);
}

static void on_slow_disk(world_t *world, trouble_t trouble)
{
    static const amlaps_store_ops_t ops = {
        .begin = begin_slowly, .newest_attempt = newest_attempt, .add_record = add_slowly, .prune = prune, .commit = commit_slowly,
        .rollback = nothing, .untidy = is_untidy, .tend = tend_slowly, .close = nothing
    };

    disk.trouble = trouble;
    disk.begun = 0;
    disk.at_begin = disk.at_record = disk.at_commit = disk.at_tend = -1;
    sem_init(&gate.open, 0, 0);
    sem_init(&disk.taken, 0, 0);
    sem_init(&disk.leave, 0, 0);
    with_store(world, &ops, write_two);
    sem_destroy(&gate.open);
    sem_destroy(&disk.taken);
    sem_destroy(&disk.leave);
}

/** Woken before, they would push the writer aside, and the second record would reach the disk later. */
static void test_those_who_are_done_wake_when_the_next_reaches_the_disk(void **state)
{
    on_slow_disk(*state, NOTHING);
    assert_int_equal(disk.at_tend, 0);
    assert_int_equal(disk.at_record, 0);
    assert_int_equal(disk.at_commit, 1);
}

static void test_they_do_not_wait_for_a_locked_store(void **state)
{
    on_slow_disk(*state, LOCKED);
    assert_int_equal(disk.at_tend, 0);
    assert_int_equal(disk.at_begin, 1);
}

static void test_they_do_not_wait_for_housekeeping(void **state)
{
    on_slow_disk(*state, UNTIDY);
    assert_int_equal(disk.at_tend, 1);
}

static void test_they_do_not_wait_where_the_others_gave_up(void **state)
{
    on_slow_disk(*state, DESERTED);
    assert_int_equal(disk.at_tend, 0);
    assert_int_equal(disk.at_record, 1);
}

static void test_they_do_not_wait_for_company(void **state)
{
    on_slow_disk(*state, CROWDED);
    assert_int_equal(disk.at_tend, 0);
    assert_int_equal(disk.at_record, 1);
}

static void test_they_do_not_wait_for_another_child(void **state)
{
    on_slow_disk(*state, TAKEN);
    assert_int_equal(disk.at_tend, 0);
    assert_int_equal(disk.at_record, 1);
}

static void test_they_do_not_wait_for_the_log(void **state)
{
    on_slow_disk(*state, RECOVERED);
    assert_int_equal(world_logged("AML0213"), 1);
    assert_int_equal(disk.at_tend, 1);
}

/** The store is condemned by then: a second attempt knows only that, and the log would never say why. */
static void test_what_ruins_the_store_is_told(void **state)
{
    on_slow_disk(*state, RUINED);
    assert_int_equal(disk.at_tend, 0);
    assert_int_equal(disk.begun, 1);
    assert_int_equal(world_logged("AML0221"), 1);
    assert_int_equal(world_logged("AML0205"), 0);
}

static const struct CMUnitTest tests[] = {
    WORLD_TEST(test_those_who_are_done_wake_when_the_next_reaches_the_disk), WORLD_TEST(test_they_do_not_wait_for_a_locked_store),
    WORLD_TEST(test_they_do_not_wait_for_housekeeping), WORLD_TEST(test_they_do_not_wait_where_the_others_gave_up),
    WORLD_TEST(test_they_do_not_wait_for_company), WORLD_TEST(test_they_do_not_wait_for_another_child),
    WORLD_TEST(test_they_do_not_wait_for_the_log), WORLD_TEST(test_what_ruins_the_store_is_told)
};

WORLD_MAIN(tests)
