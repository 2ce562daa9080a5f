/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Disks that fail to sync, disks and neighbours that make everybody wait, and children that die. */

#include "trail_disk.h"
#include "trail_world.h"

#include "../../src/trail/shared.h"

#define TIMEOUT apr_time_from_msec(300)
#define LATE 0.7 /* seconds: the timeout, and what a busy machine adds */
#define WORKERS 8

static int quick_setup(void **state)
{
    int failed = world_setup(state);

    atomic_store(&disk, DISK_GOOD);
    ((world_t *)*state)->config.timeout = TIMEOUT;
    return failed;
}

/** The next success, for which the store may take its time to come back. @return how often it was asked; each may be recorded */
static int expect_recovery(world_t *world)
{
    double until = world_now() + world_patience(5);
    amlaps_code_t code;
    int tries = 0;

    do {
        code = world_admit(world, "alice", NULL);
        tries++;
    } while (code != AMLAPS_OK && world_now() < until);
    assert_int_equal(code, AMLAPS_OK);
    assert_true(amlaps_trail_healthy(world->trail));
    return tries;
}

static void expect_refusal_in_time(world_t *world)
{
    double start = world_now();

    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_AUDIT_UNAVAILABLE);
    assert_true(world_now() - start < world_patience(LATE));
    assert_false(amlaps_trail_healthy(world->trail));
}

static void test_failed_sync_is_final(void **state)
{
    world_t *world = *state;
    long records;
    int i;

    world_open(world);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    assert_true(amlaps_trail_healthy(world->trail));
    atomic_store(&disk, DISK_FAILS);
    expect_refusal_in_time(world);
    atomic_store(&disk, DISK_GOOD);
    for (i = 0; i < 20; i++) {
        expect_refusal_in_time(world);
    }
    assert_int_equal(world_logged("AML0205"), 1);
    world_close(world);
    /* A child that starts later does not believe that disk either. */
    world_open(world);
    expect_refusal_in_time(world);
    world_close(world);
    /* Nor one of the next generation: a reload is nobody's look at the disk. */
    amlaps_trail_restarted(world->shared);
    world_open(world);
    expect_refusal_in_time(world);
    world_close(world);
    /* Of the record whose sync failed nobody knows whether it is on disk; of the refused ones none is. */
    records = world_records(world);
    assert_in_range(records, 1, 2);
    world->shared = amlaps_trail_share();
    world_open(world);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    world_close(world);
    world_verify_good(world, records + 1);
}

/* At its end a child writes the log back into the database. */
static void test_sync_that_fails_at_the_end_is_final_too(void **state)
{
    world_t *world = *state;

    world_open(world);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    atomic_store(&disk, DISK_FAILS);
    world_close(world);
    atomic_store(&disk, DISK_GOOD);
    assert_int_equal(world_logged("AML0205"), 1);
    world_open(world);
    expect_refusal_in_time(world);
    world_close(world);
    world_verify_good(world, 1);
}

/* All looks at the files before the transaction were content. */
static void test_log_that_is_removed_during_the_sync_took_the_record_along(void **state)
{
    world_t *world = *state;

    world_open(world);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    disk_loses = apr_pstrcat(world->pool, world->path, "-wal", NULL);
    atomic_store(&disk, DISK_LOSES);
    expect_refusal_in_time(world);
    assert_int_equal(atomic_load(&disk), DISK_GOOD);
    assert_int_equal(world_logged("AML0206"), 1);
    world_close(world);
}

typedef struct worker_t {
    world_t *world;
    amlaps_code_t code;
    double waited;
} worker_t;

static void *work(void *baton)
{
    worker_t *worker = baton;
    double start = world_now();

    worker->code = world_admit(worker->world, "alice", NULL);
    worker->waited = world_now() - start;
    return NULL;
}

static void test_frozen_disk_holds_nobody(void **state)
{
    world_t *world = *state;
    pthread_t thread[WORKERS];
    worker_t worker[WORKERS];
    double start;
    int i;

    world_open(world);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    atomic_store(&disk, DISK_FROZEN);
    for (i = 0; i < WORKERS; i++) {
        worker[i] = (worker_t){ world, AMLAPS_OK, 0 };
        pthread_create(&thread[i], NULL, work, &worker[i]);
    }
    for (i = 0; i < WORKERS; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(worker[i].code, AMLAPS_AUDIT_UNAVAILABLE);
        assert_true(worker[i].waited < world_patience(LATE));
    }
    assert_false(amlaps_trail_healthy(world->trail));
    /* Now that the writer has been away for longer than anybody waits, nobody waits. */
    start = world_now();
    for (i = 0; i < 100; i++) {
        assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_AUDIT_UNAVAILABLE);
    }
    assert_true(world_now() - start < world_patience(3 * LATE)); /* a hundred that waited would take a hundred times as long */
    atomic_store(&disk, DISK_GOOD);
    expect_recovery(world);
    world_close(world);
    /* Recorded: the first, those in the batch that froze (at least one, at most all workers), the last; never one that was turned away. */
    assert_in_range(world_records(world), 3, WORKERS + 2);
    world_verify_good(world, world_records(world));
}

static void close_while_frozen(world_t *world)
{
    double start;

    world_open(world);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    atomic_store(&disk, DISK_FROZEN);
    expect_refusal_in_time(world);
    start = world_now();
    world_close(world);
    assert_true(world_now() - start < world_patience(2.5));
    assert_int_equal(world_logged("AML0216"), 1);
    /* What the writer still holds must be whole when it wakes up. */
    atomic_store(&disk, DISK_GOOD);
    world_open(world);
    expect_recovery(world);
    world_close(world);
    world_verify_good(world, 3);
}

/** In a process of its own, which leaves the writer's memory behind as a child of httpd does. */
static void test_child_ends_while_frozen(void **state)
{
    pid_t child = fork();

    if (child == 0) {
        close_while_frozen(*state);
        _exit(0);
    }
    world_wait(child);
}

typedef struct holder_t {
    pid_t pid;
    int go;
} holder_t;

/** Another process takes what `take` takes, until it is told to go. */
static holder_t hold(world_t *world, void (*take)(world_t *), void (*leave)(world_t *))
{
    int ready[2], go[2];
    holder_t holder;
    char byte = 0;

    assert_int_equal(pipe(ready) | pipe(go), 0);
    holder.pid = fork();
    if (holder.pid == 0) {
        close(go[1]);
        take(world);
        byte = (char)(write(ready[1], "r", 1) + read(go[0], &byte, 1));
        leave(world);
        _exit(0);
    }
    close(ready[1]);
    close(go[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    holder.go = go[1];
    return holder;
}

static void let_go(holder_t holder)
{
    close(holder.go);
    world_wait(holder.pid);
}

static void take_mutex(world_t *world)
{
    int died;

    if (amlaps_shared_lock(world->shared, SECONDS(5), &died) != APR_SUCCESS) {
        _exit(1);
    }
}

static void leave_mutex(world_t *world)
{
    amlaps_shared_unlock(world->shared);
}

static void test_mutex_held_by_another_child(void **state)
{
    world_t *world = *state;
    holder_t holder = hold(world, take_mutex, leave_mutex);
    int i, tries;

    world_open(world);
    for (i = 0; i < 5; i++) {
        expect_refusal_in_time(world);
    }
    let_go(holder);
    tries = expect_recovery(world);
    world_close(world);
    /* Those who gave up before their batch began are not in it. */
    assert_in_range(world_records(world), 1, tries);
    world_verify_good(world, world_records(world));
}

static void test_child_killed_while_it_writes(void **state)
{
    world_t *world = *state;
    holder_t holder = hold(world, take_mutex, leave_mutex);
    double start;
    int status;

    kill(holder.pid, SIGKILL);
    assert_int_equal(waitpid(holder.pid, &status, 0), holder.pid);
    close(holder.go);
    start = world_now();
    world_open(world);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    assert_true(world_now() - start < world_patience(1));
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    assert_int_equal(world_logged("AML0211"), 1);
}

static sqlite3 *locked;

static void take_store(world_t *world)
{
    int persist = 1;

    if (sqlite3_open(world->path, &locked) != SQLITE_OK
        || sqlite3_file_control(locked, "main", SQLITE_FCNTL_PERSIST_WAL, &persist) != SQLITE_OK
        || sqlite3_exec(locked, "BEGIN EXCLUSIVE", NULL, NULL, NULL) != SQLITE_OK) {
        _exit(1);
    }
}

static void leave_store(world_t *world)
{
    (void)world;
    sqlite3_exec(locked, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(locked);
}

static void test_store_locked_by_another_program(void **state)
{
    world_t *world = *state;
    holder_t holder = hold(world, take_store, leave_store);
    double start;

    world_open(world);
    expect_refusal_in_time(world);
    expect_refusal_in_time(world);
    let_go(holder);
    expect_recovery(world);
    /* SQLite gives up, or the workers do: both wait for the same time. */
    assert_in_range(world_logged("AML0202") + world_logged("AML0217"), 1, 2);
    /* Told after those who wait were woken. */
    for (start = world_now(); world_logged("AML0213") == 0 && world_now() - start < world_patience(10);) {
        usleep(1000);
    }
    assert_int_equal(world_logged("AML0213"), 1);
}

/** As a connection does that is the first to open the store, or the last to close it. */
static void take_whole_store(world_t *world)
{
    int persist = 1;

    if (sqlite3_open(world->path, &locked) != SQLITE_OK
        || sqlite3_file_control(locked, "main", SQLITE_FCNTL_PERSIST_WAL, &persist) != SQLITE_OK
        || sqlite3_exec(locked, "PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK) {
        _exit(1);
    }
}

static void test_opening_waits_for_those_who_open_and_close(void **state)
{
    world_t *world = *state;
    holder_t holder = hold(world, take_whole_store, leave_store);

    world_open(world);
    /* The thread has met the lock when this is over; where it had not, nothing would be shown and nothing fails. */
    usleep((useconds_t)(TIMEOUT / 4));
    let_go(holder);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    assert_int_equal(world_logged("AML0202"), 0);
}

static void test_half_a_transaction_is_taken_back(void **state)
{
    world_t *world = *state;

    world_open(world);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    /* The second insert of the transaction fails, as a store may at any moment: the attempt is in, its record is not. */
    world_tamper(world, "CREATE UNIQUE INDEX broken ON record(length(hash))");
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_AUDIT_UNAVAILABLE);
    assert_int_equal(world_number(world, "SELECT count(*) FROM attempt"), 2);
    world_tamper(world, "DROP INDEX broken");
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    world_verify_good(world, 2);
}

#define QUICK_TEST(function) cmocka_unit_test_setup_teardown(function, quick_setup, world_teardown)

static const struct CMUnitTest tests[] = {
    QUICK_TEST(test_failed_sync_is_final), QUICK_TEST(test_sync_that_fails_at_the_end_is_final_too),
    QUICK_TEST(test_log_that_is_removed_during_the_sync_took_the_record_along), QUICK_TEST(test_frozen_disk_holds_nobody), QUICK_TEST(test_child_ends_while_frozen),
    QUICK_TEST(test_mutex_held_by_another_child), QUICK_TEST(test_child_killed_while_it_writes),
    QUICK_TEST(test_store_locked_by_another_program), QUICK_TEST(test_opening_waits_for_those_who_open_and_close),
    QUICK_TEST(test_half_a_transaction_is_taken_back)
};

int main(void)
{
    int failed;

    apr_initialize();
    disk_install();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
