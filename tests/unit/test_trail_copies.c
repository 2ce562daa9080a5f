/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Copies of the records, as AMLapsAuditLog asks for them: what they hold, and what happens where they can't be written. */

#include "trail_trouble.h"

#include <fcntl.h>

static void add_sink(world_t *world, const char *path, int flags, int required)
{
    int fd = open(path, flags | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    world->sinks[world->config.sink_count++] = (amlaps_trail_sink_t){ .name = apr_pstrdup(world->pool, path), .fd = fd,
                                                                              .required = required };
}

static void close_sinks(world_t *world)
{
    world_close(world);
    while (world->config.sink_count > 0) {
        close(world->sinks[--world->config.sink_count].fd);
    }
}

static void test_copies_verify(void **state)
{
    world_t *world = *state;
    const char *path = apr_pstrcat(world->pool, world->directory, "/copy.jsonl", NULL);
    amlaps_error_t error = { 0 };
    amlaps_verify_t copy, store;
    int i;

    add_sink(world, path, O_CREAT, 1);
    add_sink(world, "/dev/full", 0, 0);
    world_open(world);
    for (i = 0; i < 20; i++) {
        expect_service(world);
    }
    close_sinks(world);
    assert_int_equal(amlaps_trail_verify_file(&copy, &error, path, NULL, world->pool), APR_SUCCESS);
    assert_int_equal(amlaps_trail_verify(&store, &error, world->store, NULL, world->pool), APR_SUCCESS);
    assert_int_equal(copy.first_bad, 0);
    assert_int_equal(copy.records, 20);
    assert_string_equal(copy.head, store.head);
    /* The full device was only told about, once. */
    assert_int_equal(world_logged("AML0209"), 1);
}

static void test_required_copy_fails(void **state)
{
    world_t *world = *state;

    add_sink(world, "/dev/full", 0, 1);
    world_open(world);
    expect_unavailable(world, "AML0208");
    expect_unavailable(world, "AML0208");
    assert_int_equal(world_logged("AML0208"), 1);
    close_sinks(world);
}

/** Opened to everybody, a file counts as one that cannot be written. */
static void test_each_required_copy_is_named(void **state)
{
    world_t *world = *state;
    const char *const paths[] = { apr_pstrcat(world->pool, world->directory, "/a.jsonl", NULL), apr_pstrcat(world->pool, world->directory, "/b.jsonl", NULL) };
    int i;

    add_sink(world, paths[0], O_CREAT, 1);
    add_sink(world, paths[1], O_CREAT, 1);
    world_open(world);
    for (i = 0; i < 2; i++) {
        assert_int_equal(chmod(paths[i], 0666), 0);
        expect_unavailable(world, "AML0283");
        expect_unavailable(world, "AML0283");
        assert_int_equal(world_logged("AML0283"), i + 1);
        assert_int_equal(chmod(paths[i], 0600), 0);
        expect_service(world);
        assert_int_equal(world_logged("AML0282"), i + 1);
    }
    close_sinks(world);
}

/** A copy may need the store first, to be given what it lacks. Whoever reads that this failed must hear it of the store as well, once nothing works there. */
static void test_the_trouble_of_a_copy_hides_none_of_the_store(void **state)
{
    world_t *world = *state;
    const char *path = apr_pstrcat(world->pool, world->directory, "/copy.jsonl", NULL), *away = apr_pstrcat(world->pool, world->path, ".away", NULL);
    struct rlimit limit, none;

    add_sink(world, path, O_CREAT, 1);
    world_open(world);
    expect_service(world);
    assert_int_equal(chmod(path, 0666), 0);
    expect_unavailable(world, "AML0283");
    getrlimit(RLIMIT_NOFILE, &limit);
    none = limit;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(chmod(path, 0600), 0);
    expect_unavailable(world, "AML0201");
    assert_int_equal(world_logged("AML0201"), 1);
    assert_int_equal(rename(world->path, away), 0);
    expect_unavailable(world, "AML0206");
    assert_int_equal(rename(away, world->path), 0);
    expect_unavailable(world, "AML0201");
    assert_int_equal(world_logged("AML0201"), 2);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    expect_service(world);
    close_sinks(world);
}

static void tear_copy(world_t *world)
{
    const char *path = apr_pstrcat(world->pool, world->directory, "/copy.jsonl", NULL);
    off_t big = (off_t)64 * 1024 * 1024;
    struct rlimit limit;
    struct stat info;

    signal(SIGXFSZ, SIG_IGN);
    add_sink(world, path, O_CREAT, 1);
    assert_int_equal(ftruncate(world->sinks[0].fd, big), 0);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = (rlim_t)big + 100;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    world_open(world);
    expect_unavailable(world, "AML0208");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, big);
    assert_int_equal(raise_limit(world), 0);
    expect_service(world);
    close_sinks(world);
}

static void test_no_torn_line_in_a_copy(void **state)
{
    pid_t child = fork();

    if (child == 0) {
        tear_copy(*state);
        _exit(0);
    }
    world_wait(child);
}

static const struct CMUnitTest tests[] = {
    WORLD_TEST(test_copies_verify), WORLD_TEST(test_required_copy_fails), WORLD_TEST(test_each_required_copy_is_named),
    WORLD_TEST(test_the_trouble_of_a_copy_hides_none_of_the_store), WORLD_TEST(test_no_torn_line_in_a_copy)
};

WORLD_MAIN(tests)
