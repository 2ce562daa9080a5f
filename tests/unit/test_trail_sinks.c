/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Copies of the audit in files: what is done to them, and what comes after. */

#include "trail_sinks_world.h"

static const char *copy_path(const world_t *world)
{
    return apr_pstrcat(world->pool, world->directory, "/copy.jsonl", NULL);
}

static void open_copy(world_t *world, int required)
{
    const char *path = copy_path(world);
    int fd = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0640);

    assert_true(fd >= 0);
    amlaps_trail_sink_opened(add_sink(world, AMLAPS_SINK_FILE, path, fd, required), world->pool);
    world_open(world);
}

/** As a reload of httpd: the old children go, the parent opens the file anew. */
static void reload(world_t *world, int required)
{
    world_close(world);
    close(world->sinks[--world->config.sink_count].fd);
    amlaps_trail_restarted(world->shared);
    open_copy(world, required);
}

static void read_copy(got_t *got, const world_t *world, const char *path)
{
    char *text = malloc(16 << 20);
    int fd = open(path, O_RDONLY);
    ssize_t length = read(fd, text, 16 << 20);

    assert_true(length >= 0 && length < 16 << 20);
    memset(got, 0, sizeof(*got));
    add_text(got, text, (size_t)length, world->pool);
    close(fd);
    free(text);
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

static const struct CMUnitTest tests[] = {
    WORLD_TEST(test_renamed_copy), WORLD_TEST(test_removed_copy), WORLD_TEST(test_cut_copy), WORLD_TEST(test_copy_open_to_all),
    WORLD_TEST(test_optional_copy_is_only_told_about), WORLD_TEST(test_file_goes_on_after_a_full_restart),
    WORLD_TEST(test_copy_lacks_what_the_store_forgot), WORLD_TEST(test_copy_that_is_ahead_of_the_store)
};

WORLD_MAIN(tests)
