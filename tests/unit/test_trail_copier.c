/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Copies that nobody needs to have, on a disk that hangs: only a thread of their own waits for it. */

#include "trail_files_world.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../../src/trail/copier.h"

/* ---- the disk: writes to one descriptor hang, in this process alone ---- */

static atomic_int hangs = -1; /* the descriptor */

ssize_t write(int fd, const void *bytes, size_t length)
{
    while (atomic_load(&hangs) == fd) {
        poll(NULL, 0, 2);
    }
    return syscall(SYS_write, fd, bytes, length);
}

static void wait_for(const char *id)
{
    while (world_logged(id) == 0) {
        poll(NULL, 0, 2);
    }
}

static void test_nobody_is_held_up(void **state)
{
    const int requests = 40;
    world_t *world = *state;
    double start;
    int fd, i;

    fd = open_copy(world, 0);
    expect_service(world);
    expect_good_copy(world, 1);
    atomic_store(&hangs, fd);
    start = world_now();
    for (i = 0; i < requests; i++) {
        expect_service(world);
    }
    assert_true(world_now() - start < world_patience(2)); /* one waits for a quarter of a second, not each */
    assert_true(amlaps_trail_healthy(world->trail));
    assert_int_equal(world_logged("AML0209"), 1);
    atomic_store(&hangs, -1);
    wait_for("AML0282");
    expect_service(world);
    expect_good_copy(world, requests + 2);
}

static void test_other_copies_go_on(void **state)
{
    world_t *world = *state;
    const char *optional = apr_pstrcat(world->pool, world->directory, "/optional.jsonl", NULL);
    const char *required = apr_pstrcat(world->pool, world->directory, "/required.jsonl", NULL);
    got_t got;

    atomic_store(&hangs, add_copy(world, copy_path(world), 0));
    add_copy(world, optional, 0);
    add_copy(world, required, 1);
    world_open(world);
    expect_service(world);
    expect_service(world);
    read_copy(&got, world, optional);
    assert_all(&got, 1, 2);
    read_copy(&got, world, required);
    assert_all(&got, 1, 2);
    atomic_store(&hangs, -1);
    wait_for("AML0282");
    expect_good_copy(world, 2);
}

/** A disk that hangs now and then would fill the log with ends of what was not told again. */
static void test_end_is_told_where_the_beginning_was(void **state)
{
    world_t *world = *state;
    const int fd = open_copy(world, 0);
    int records = 0, round;
    got_t got;

    for (round = 0; round < 2; round++) {
        atomic_store(&hangs, fd);
        expect_service(world);
        expect_service(world);
        records += 2;
        atomic_store(&hangs, -1);
        do {
            poll(NULL, 0, 2);
            read_copy(&got, world, copy_path(world));
        } while (got.count < records);
        wait_for("AML0282");
        expect_service(world);
        expect_good_copy(world, ++records);
    }
    assert_int_equal(world_logged("AML0209"), 1);
    assert_int_equal(world_logged("AML0282"), 1);
}

static void test_trouble_of_one_copy_does_not_hide_that_of_another(void **state)
{
    world_t *world = *state;
    int i;

    for (i = 0; i < 2; i++) {
        const char *path = apr_psprintf(world->pool, "%s/copy%d.jsonl", world->directory, i);
        const int writable = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0640);
        const int readable = open(path, O_RDONLY | O_CLOEXEC);

        assert_true(writable >= 0 && readable >= 0);
        close(writable);
        amlaps_trail_sink_opened(add_sink(world, AMLAPS_SINK_FILE, path, readable, 0), world->pool);
    }
    world_open(world);
    expect_service(world);
    assert_int_equal(world_logged("AML0209"), 2);
}

/** The batch has room for the error of one. */
static void test_trouble_of_each_required_copy_is_told(void **state)
{
    world_t *world = *state;
    int i;

    for (i = 0; i < 2; i++) {
        const char *path = apr_psprintf(world->pool, "%s/copy%d.jsonl", world->directory, i);
        const int writable = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0640);
        const int readable = open(path, O_RDONLY | O_CLOEXEC);

        assert_true(writable >= 0 && readable >= 0);
        close(writable);
        amlaps_trail_sink_opened(add_sink(world, AMLAPS_SINK_FILE, path, readable, 1), world->pool);
    }
    world_open(world);
    expect_unavailable(world, "AML0208");
    expect_unavailable(world, "AML0208");
    assert_int_equal(world_logged("AML0208"), 2);
}

static int lead_of_copy(const world_t *world)
{
    char key[AMLAPS_COPY_KEY + 1];

    amlaps_copy_key(key, world->store, copy_path(world));
    return amlaps_shared_lead_of(world->shared, key);
}

typedef struct ends_t {
    int to_child[2], to_parent[2];
} ends_t;

static void say(int fd)
{
    assert_int_equal(write(fd, "x", 1), 1);
}

static void hear(int fd)
{
    char byte;

    assert_int_equal(read(fd, &byte, 1), 1);
}

/** Its write of a record hangs until it is told that the disk thaws. */
static void other_child(world_t *world, const ends_t *ends)
{
    atomic_store(&hangs, open_copy(world, 0));
    expect_service(world);
    say(ends->to_parent[1]);
    hear(ends->to_child[0]);
    atomic_store(&hangs, -1);
    wait_for("AML0282");
    world_close(world);
}

/** A child whose write hangs and one that could write: each record comes once, in order, whoever writes it. */
static void test_two_children_keep_the_order(void **state)
{
    world_t *world = *state;
    ends_t ends;
    pid_t child;
    double start;
    int i;

    assert_int_equal(pipe(ends.to_child) | pipe(ends.to_parent), 0);
    child = fork();
    if (child == 0) {
        other_child(world, &ends);
        _exit(0);
    }
    hear(ends.to_parent[0]);
    open_copy(world, 0);
    start = world_now();
    for (i = 0; i < 10; i++) {
        expect_service(world);
    }
    assert_true(world_now() - start < world_patience(2));
    assert_int_equal(world_logged("AML0209"), 1);
    say(ends.to_child[1]);
    world_wait(child);
    wait_for("AML0282");
    expect_good_copy(world, 11);
}

/** Writes one record, and goes on looking for the copy until it is told to end. */
static void late_child(world_t *world, const ends_t *ends)
{
    open_copy(world, 0);
    world_admit(world, "alice", NULL);
    say(ends->to_parent[1]);
    hear(ends->to_child[0]);
    world_close(world);
}

/** All children that httpd may have find out that another has the copy, and look for it again each second: each waits under the mutex of all. */
static void test_many_children_hold_up_nobody(void **state)
{
    enum { CHILDREN = 16 };
    world_t *world = *state;
    pid_t child[CHILDREN];
    double start = world_now();
    ends_t ends;
    int lead, i;

    assert_int_equal(pipe(ends.to_child) | pipe(ends.to_parent), 0);
    lead = lead_of_copy(world);
    assert_int_equal(amlaps_shared_lead(world->shared, lead, 0), APR_SUCCESS);
    for (i = 0; i < CHILDREN; i++) {
        if ((child[i] = fork()) == 0) {
            late_child(world, &ends);
            _exit(0);
        }
    }
    for (i = 0; i < CHILDREN; i++) {
        hear(ends.to_parent[0]);
    }
    open_copy(world, 0);
    for (i = 0; i < 15; i++) {
        world_admit(world, "alice", NULL);
        poll(NULL, 0, 100);
    }
    start = world_now() - start;
    amlaps_shared_follow(world->shared, lead);
    for (i = 0; i < CHILDREN; i++) {
        say(ends.to_child[1]);
    }
    for (i = 0; i < CHILDREN; i++) {
        world_wait(child[i]);
    }
    assert_true(start < 1.5 + world_patience(2));
    expect_service(world);
    wait_for("AML0282");
    expect_good_copy(world, CHILDREN + 15 + 1);
}

/** Nothing could be looked at in time, so that nobody knew yet with which record an empty file begins. */
static void test_late_beginning_lacks_nothing(void **state)
{
    world_t *world = *state;
    const int lead = lead_of_copy(world);

    assert_int_equal(amlaps_shared_lead(world->shared, lead, 0), APR_SUCCESS);
    open_copy(world, 0);
    expect_service(world);
    expect_service(world);
    amlaps_shared_follow(world->shared, lead);
    wait_for("AML0282");
    expect_service(world);
    expect_good_copy(world, 3);
}

static void close_while_it_hangs(world_t *world)
{
    double start;

    atomic_store(&hangs, open_copy(world, 0));
    expect_service(world);
    start = world_now();
    world_close(world);
    assert_true(world_now() - start < world_patience(2.5));
    assert_int_equal(world_logged("AML0216"), 1);
}

/** In a process of its own, which leaves the copier's memory behind as a child of httpd does. */
static void test_child_ends_while_it_hangs(void **state)
{
    pid_t child = fork();

    if (child == 0) {
        close_while_it_hangs(*state);
        _exit(0);
    }
    world_wait(child);
}

static void count(void *baton)
{
    atomic_fetch_add((atomic_int *)baton, 1);
}

/** What could not begin in time, for another held the lead, does not begin when that one lets go. */
static void test_what_is_late_does_not_begin(void **state)
{
    world_t *world = *state;
    amlaps_copier_t *copier = amlaps_copier_make(world->shared, world->pool);
    const int lead = amlaps_shared_lead_of(world->shared, "a copy");
    atomic_int done = 0;

    assert_int_equal(amlaps_shared_lead(world->shared, lead, 0), APR_SUCCESS);
    assert_int_equal(amlaps_copier_do(copier, count, &done, lead, amlaps_clock_steady(amlaps_clock_system()) + 20000), APR_TIMEUP);
    amlaps_shared_follow(world->shared, lead);
    while (amlaps_copier_is_busy(copier)) {
        poll(NULL, 0, 2);
    }
    assert_int_equal(done, 0);
    assert_int_equal(amlaps_copier_do(copier, count, &done, lead, amlaps_clock_steady(amlaps_clock_system()) + SECONDS(10)), APR_SUCCESS);
    assert_int_equal(done, 1);
    amlaps_copier_end(copier);
}

static int teardown(void **state)
{
    atomic_store(&hangs, -1);
    return world_teardown(state);
}

#define COPIER_TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, teardown)

static const struct CMUnitTest tests[] = {
    COPIER_TEST(test_nobody_is_held_up), COPIER_TEST(test_end_is_told_where_the_beginning_was),
    COPIER_TEST(test_trouble_of_one_copy_does_not_hide_that_of_another), COPIER_TEST(test_trouble_of_each_required_copy_is_told),
    COPIER_TEST(test_other_copies_go_on),
    COPIER_TEST(test_two_children_keep_the_order),
    COPIER_TEST(test_many_children_hold_up_nobody), COPIER_TEST(test_late_beginning_lacks_nothing),
    COPIER_TEST(test_child_ends_while_it_hangs), COPIER_TEST(test_what_is_late_does_not_begin),
};

WORLD_MAIN(tests)
