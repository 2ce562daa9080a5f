/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Copies of the audit in files: what is done to them, and what comes after. */

#include "trail_files_world.h"

#include <sys/syscall.h>

/* ---- the disk, as the library sees it: a write that ends the process in its middle, and a sync that fails ---- */

static _Atomic ssize_t dies_after = -1; /* so many bytes; -1: it does not */

ssize_t write(int fd, const void *bytes, size_t length)
{
    const ssize_t room = dies_after;

    if (room >= 0 && (size_t)room < length) {
        syscall(SYS_write, fd, bytes, (size_t)room);
        kill(getpid(), SIGKILL);
    }
    return syscall(SYS_write, fd, bytes, length);
}

static atomic_int sync_fails;

int fdatasync(int fd)
{
    errno = EIO;
    return atomic_load(&sync_fails) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

/** As a reload of httpd: the old children go, the parent opens the file anew. */
static void reload(world_t *world, int required)
{
    world_close(world);
    close(world->sinks[--world->config.sink_count].fd);
    amlaps_trail_restarted(world->shared);
    open_copy(world, required);
}

static void test_renamed_copy(void **state)
{
    world_t *world = *state;
    const char *moved = apr_pstrcat(world->pool, world->directory, "/copy.jsonl.1", NULL);
    got_t got;

    open_copy(world, 1);
    expect_service(world);
    assert_int_equal(rename(copy_path(world), moved), 0);
    expect_unavailable(world, "AML0284");
    expect_unavailable(world, "AML0284");
    reload(world, 1);
    expect_service(world);
    read_copy(&got, world, moved);
    assert_all(&got, 1, 1);
    /* The new file goes on where the old one ended. */
    read_copy(&got, world, copy_path(world));
    assert_all(&got, 2, 4);
}

static void test_removed_copy(void **state)
{
    world_t *world = *state;

    open_copy(world, 1);
    expect_service(world);
    assert_int_equal(unlink(copy_path(world)), 0);
    expect_unavailable(world, "AML0284");
}

static void test_cut_copy(void **state)
{
    world_t *world = *state;
    got_t got;

    open_copy(world, 1);
    expect_service(world);
    assert_int_equal(truncate(copy_path(world), 0), 0);
    expect_unavailable(world, "AML0285");
    expect_unavailable(world, "AML0285");
    reload(world, 1);
    expect_service(world);
    read_copy(&got, world, copy_path(world));
    assert_all(&got, 2, 4);
}

static void test_copy_open_to_all(void **state)
{
    world_t *world = *state;

    open_copy(world, 1);
    expect_service(world);
    assert_int_equal(chmod(copy_path(world), 0666), 0);
    expect_unavailable(world, "AML0283");
    assert_int_equal(chmod(copy_path(world), 0640), 0);
    expect_service(world);
}

static void test_optional_copy_is_only_told_about(void **state)
{
    world_t *world = *state;
    got_t got;

    open_copy(world, 0);
    expect_service(world);
    assert_int_equal(chmod(copy_path(world), 0666), 0);
    expect_service(world);
    expect_service(world);
    assert_int_equal(world_logged("AML0283"), 1);
    assert_int_equal(chmod(copy_path(world), 0640), 0);
    /* Without another record: it is tried again now and then. */
    while (world_logged("AML0282") == 0) {
        usleep(20000);
    }
    read_copy(&got, world, copy_path(world));
    assert_all(&got, 1, 3);
}

/** httpd was stopped while the copy lacked records, and nobody remembers how far it had come. */
static void test_file_goes_on_after_a_full_restart(void **state)
{
    world_t *world = *state;
    got_t got;

    open_copy(world, 1);
    expect_service(world);
    assert_int_equal(chmod(copy_path(world), 0666), 0);
    expect_unavailable(world, "AML0283");
    expect_unavailable(world, "AML0283");
    assert_int_equal(chmod(copy_path(world), 0640), 0);
    world_close(world);
    close(world->sinks[--world->config.sink_count].fd);
    world->shared = amlaps_trail_share();
    open_copy(world, 1);
    assert_int_equal(world->sinks[0].last, 1);
    expect_service(world);
    read_copy(&got, world, copy_path(world));
    assert_all(&got, 1, 4);
}

/** The store no longer has all of what the copy lacks; it gets the rest, and the log tells of no more than what is gone. */
static void test_copy_lacks_what_the_store_forgot(void **state)
{
    const apr_int64_t left[] = { 1, 3, 4, 5 };
    world_t *world = *state;
    got_t got;

    open_copy(world, 1);
    expect_service(world);
    assert_int_equal(chmod(copy_path(world), 0666), 0);
    expect_unavailable(world, "AML0283");
    expect_unavailable(world, "AML0283");
    expect_unavailable(world, "AML0283");
    world_tamper(world, "DELETE FROM record WHERE seq <= 2");
    assert_int_equal(chmod(copy_path(world), 0640), 0);
    expect_service(world);
    read_copy(&got, world, copy_path(world));
    assert_int_equal(got.count, 4);
    assert_memory_equal(got.seq, left, sizeof(left));
    assert_int_equal(world_logged("AML0280"), 1);
}

static void test_copy_that_is_ahead_of_the_store(void **state)
{
    world_t *world = *state;
    FILE *file = fopen(copy_path(world), "w");

    fputs("{\"seq\":7}\nhalf a li", file);
    fclose(file);
    open_copy(world, 1);
    assert_int_equal(world->sinks[0].last, 7);
    expect_service(world);
    assert_int_equal(world_logged("AML0281"), 1);
}

static void test_copy_whose_sync_fails(void **state)
{
    world_t *world = *state;

    open_copy(world, 1);
    expect_service(world);
    atomic_store(&sync_fails, 1);
    expect_unavailable(world, "AML0208");
    atomic_store(&sync_fails, 0);
    /* The next sync may succeed and say nothing of what the first lost. */
    expect_unavailable(world, "AML0210");
    expect_unavailable(world, "AML0210");
    reload(world, 1);
    expect_unavailable(world, "AML0210");
    world->shared = amlaps_trail_share();
    reload(world, 1);
    expect_service(world);
    expect_good_copy(world, 6);
}

/* One that nobody waits for. */
static void test_optional_copy_is_not_synced(void **state)
{
    world_t *world = *state;

    open_copy(world, 0);
    atomic_store(&sync_fails, 1);
    expect_service(world);
    atomic_store(&sync_fails, 0);
    assert_int_equal(world_logged("AML0209"), 0);
    expect_good_copy(world, 1);
}

/** As a FIFO, which takes only a part of a long write. What is in it can't be taken back. */
static void test_line_that_is_torn_for_good(void **state)
{
    static char text[1 << 16];
    world_t *world = *state;
    ssize_t length;
    got_t got = { 0 };
    int ends[2], i;

    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(write(ends[1], text, sizeof(text)), sizeof(text));
    add_sink(world, AMLAPS_SINK_FILE, "fifo", ends[1], 1);
    world_open(world);
    for (i = 0; i < 12; i++) {
        expect_unavailable(world, "AML0208");
    }
    /* Room for a page, and so for a part of the twelve. */
    assert_int_equal(read(ends[0], text, 4096), 4096);
    expect_unavailable(world, "AML0208");
    length = read(ends[0], text, sizeof(text));
    assert_int_equal(length, sizeof(text));
    assert_int_not_equal(text[length - 1], '\n');
    expect_service(world);
    length = read(ends[0], text, sizeof(text));
    assert_true(length > 0);
    assert_int_equal(text[0], '\n');
    add_text(&got, text, (size_t)length, world->pool);
    assert_int_equal(got.broken, 0);
    assert_all(&got, 1, 14);
    world_close(world);
    close(ends[0]);
    close(ends[1]);
}

static off_t copy_size(const world_t *world)
{
    struct stat info;

    assert_int_equal(stat(copy_path(world), &info), 0);
    return info.st_size;
}

/** A power cut: httpd begins anew, and of the copy only so much is there, with `garbage` behind it. */
static void cut_power(world_t *world, off_t left, const char *garbage)
{
    FILE *file;

    world_close(world);
    close(world->sinks[--world->config.sink_count].fd);
    world->shared = amlaps_trail_share();
    assert_int_equal(truncate(copy_path(world), left), 0);
    file = fopen(copy_path(world), "a");
    fputs(garbage, file);
    fclose(file);
    open_copy(world, 1);
}

/** Whatever is left of the last two lines is made whole, by the records and not by anything else. */
static void test_power_cut_within_a_line(void **state)
{
    world_t *world = *state;
    off_t one, three;
    int records = 3;
    off_t cut;

    open_copy(world, 1);
    expect_service(world);
    one = copy_size(world);
    expect_service(world);
    expect_service(world);
    three = copy_size(world);
    for (cut = 1; one + cut <= three; cut += (three - one) / 7) {
        cut_power(world, copy_size(world) - cut, "");
        expect_service(world);
        expect_good_copy(world, ++records);
    }
    cut_power(world, copy_size(world), "");
    expect_service(world);
    expect_good_copy(world, ++records);
}

static void test_power_cut_within_the_first_line(void **state)
{
    world_t *world = *state;
    off_t one;

    open_copy(world, 1);
    expect_service(world);
    one = copy_size(world);
    expect_service(world);
    cut_power(world, one / 2, "");
    expect_service(world);
    expect_good_copy(world, 3);
}

/** What is no beginning of a record stays, as a line of its own. */
static void test_power_cut_that_left_other_things(void **state)
{
    world_t *world = *state;
    off_t one;
    got_t got;

    open_copy(world, 1);
    expect_service(world);
    one = copy_size(world);
    expect_service(world);
    cut_power(world, one + 20, "what a disk had there before");
    expect_service(world);
    expect_service(world);
    read_copy(&got, world, copy_path(world));
    assert_int_equal(got.broken, 1);
    assert_all(&got, 1, 4);
}

/** Ends in the middle of a write of several lines, or of the half that was left of one. */
static void die_within_a_line(world_t *world, apr_size_t bytes)
{
    world_open(world);
    dies_after = (ssize_t)bytes;
    world_admit(world, "alice", NULL);
    _exit(0);
}

static void kill_within_a_line(world_t *world, apr_size_t bytes)
{
    pid_t child;
    int status;

    world_close(world);
    child = fork();
    if (child == 0) {
        die_within_a_line(world, bytes);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

/* The others of the same httpd go on, and then those after a reload. */
static void test_child_killed_within_a_line(void **state)
{
    world_t *world = *state;

    open_copy(world, 1);
    expect_service(world);
    kill_within_a_line(world, 100);
    world_open(world);
    expect_service(world);
    expect_good_copy(world, 3);
    kill_within_a_line(world, 100);
    kill_within_a_line(world, 50);
    kill_within_a_line(world, (apr_size_t)copy_size(world) / 3);
    reload(world, 1);
    expect_service(world);
    expect_good_copy(world, 7);
    kill_within_a_line(world, 0);
    reload(world, 1);
    expect_good_copy(world, 7);
    expect_service(world);
    expect_good_copy(world, 9);
}

static const struct CMUnitTest tests[] = {
    WORLD_TEST(test_renamed_copy), WORLD_TEST(test_removed_copy), WORLD_TEST(test_cut_copy), WORLD_TEST(test_copy_open_to_all),
    WORLD_TEST(test_optional_copy_is_only_told_about), WORLD_TEST(test_file_goes_on_after_a_full_restart),
    WORLD_TEST(test_copy_lacks_what_the_store_forgot), WORLD_TEST(test_copy_that_is_ahead_of_the_store),
    WORLD_TEST(test_power_cut_within_a_line), WORLD_TEST(test_power_cut_within_the_first_line), WORLD_TEST(test_power_cut_that_left_other_things),
    WORLD_TEST(test_child_killed_within_a_line), WORLD_TEST(test_copy_whose_sync_fails), WORLD_TEST(test_optional_copy_is_not_synced),
    WORLD_TEST(test_line_that_is_torn_for_good)
};

WORLD_MAIN(tests)
