/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* amlaps-audit where something goes wrong: files that are empty, outputs that nobody reads, interruptions. */

#include "trail_tool.h"

#include <signal.h>

/** An export that was emptied must not pass for a good one; a trail that has only begun is good. */
static void test_nothing_to_verify(void **state)
{
    world_t *world = *state;
    const char *file = apr_pstrcat(world->pool, world->directory, "/empty.jsonl", NULL);
    const char *store = apr_pstrcat(world->pool, world->directory, "/emptied.db", NULL);
    const char *seal = apr_pstrcat(world->pool, world->directory, "/new.seal", NULL);
    const char *zeros = "0000000000000000000000000000000000000000000000000000000000000000";
    static output_t output;

    close(open(file, O_WRONLY | O_CREAT, 0600));
    close(open(store, O_WRONLY | O_CREAT, 0600));
    AUDIT(&output, world, NULL, "verify", file, NULL);
    assert_int_equal(output.code, 3);
    assert_string_equal(output.out, "");
    assert_non_null(strstr(output.err, "has no record"));
    AUDIT(&output, world, NULL, "verify", file, "--after", zeros, NULL);
    assert_int_equal(output.code, 3);
    AUDIT(&output, world, NULL, "verify", "/dev/null", NULL);
    assert_int_equal(output.code, 3);
    AUDIT(&output, world, NULL, "verify", store, NULL);
    assert_int_equal(output.code, 3);
    world_open(world);
    world_close(world);
    AUDIT(&output, world, NULL, "verify", world->path, NULL);
    assert_int_equal(output.code, 0);
    assert_non_null(strstr(output.out, "good: 0 records"));
    AUDIT(&output, world, NULL, "init", seal, world->path, NULL);
    assert_int_equal(output.code, 0);
    /* What is known to be missing is worse than nothing. */
    AUDIT(&output, world, NULL, "verify", file, "--state", seal, NULL);
    assert_int_equal(output.code, 1);
    assert_non_null(strstr(output.out, "the sealing state knows record 1"));
}

/** As behind a pipe to a program that is missing. */
static void test_nobody_takes_the_key(void **state)
{
    world_t *world = *state;
    const char *seal = apr_pstrcat(world->pool, world->directory, "/nobody.seal", NULL);
    const char *store = apr_pstrcat(world->pool, world->directory, "/nobody.db", NULL);
    static output_t output;

    AUDIT(&output, world, NOBODY, "init", seal, store, NULL);
    assert_int_equal(output.code, 3);
    assert_non_null(strstr(output.err, "AML0238"));
    assert_int_equal(access(seal, F_OK), -1);
    assert_int_equal(access(store, F_OK), -1);
    AUDIT(&output, world, NULL, "init", seal, store, NULL);
    assert_int_equal(output.code, 0);
    assert_int_equal(unlink(seal), 0);
    AUDIT(&output, world, NOBODY, "recover", seal, store, NULL);
    assert_int_equal(output.code, 3);
    assert_int_equal(access(seal, F_OK), -1);
}

/** While it waits for who reads the key, so that it is surely between the two. */
static void test_an_interrupt_ends_nothing_half_way(void **state)
{
    world_t *world = *state;
    const char *program = audit_program(world);
    const char *seal = apr_pstrcat(world->pool, world->directory, "/late.seal", NULL);
    const char *store = apr_pstrcat(world->pool, world->directory, "/late.db", NULL);
    char text[4096] = "";
    static output_t output;
    int ends[2], status, tries = 0;
    pid_t child;

    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    while (write(ends[1], text, sizeof(text)) > 0) {
    }
    assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
    assert_int_equal(fcntl(ends[0], F_SETFL, 0), 0);
    child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        execl(program, "amlaps-audit", "init", seal, store, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    while (access(seal, F_OK) != 0 && tries++ < 1000) {
        usleep(10000);
    }
    assert_int_equal(kill(child, SIGINT), 0);
    while (read(ends[0], text, sizeof(text)) > 0) {
    }
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    AUDIT(&output, world, NULL, "verify", store, "--state", seal, NULL);
    assert_int_equal(output.code, 0);
    assert_non_null(strstr(output.out, "good: 1 records"));
}

/** A path with a mistake in it looks like a loss, or like a first start. */
static void test_wrong_paths(void **state)
{
    world_t *world = *state;
    const char *seal = apr_pstrcat(world->pool, world->directory, "/right.seal", NULL), *wrong = apr_pstrcat(world->pool, seal, ".wrong", NULL);
    const char *store = apr_pstrcat(world->pool, world->directory, "/right.db", NULL);
    static output_t output;

    AUDIT(&output, world, NULL, "init", seal, store, NULL);
    assert_int_equal(output.code, 0);
    assert_non_null(strstr(output.err, apr_pstrcat(world->pool, "there was no store ", store, "; it was made", NULL)));
    AUDIT(&output, world, NULL, "verify", store, "--state", wrong, NULL);
    assert_int_equal(output.code, 3);
    assert_non_null(strstr(output.err, "see whether its path is right"));
    AUDIT(&output, world, NULL, "export", store, "--before", "2100-01-01", "--state", seal, NULL);
    assert_int_equal(output.code, 0);
    assert_non_null(strstr(output.err, "only the newest one, which always stays"));
    write_some(world, "x");
    AUDIT(&output, world, NULL, "init", apr_pstrcat(world->pool, seal, ".other", NULL), world->path, NULL);
    assert_int_equal(output.code, 0);
    assert_null(strstr(output.err, "it was made"));
}

static void test_recovery_goes_over_no_file_of_others(void **state)
{
    world_t *world = *state;
    const char *seal = apr_pstrcat(world->pool, world->directory, "/right.seal", NULL), *key = apr_pstrcat(world->pool, world->directory, "/key", NULL);
    const char *store = apr_pstrcat(world->pool, world->directory, "/right.db", NULL);
    static output_t output;
    char before[256], after[256];

    AUDIT(&output, world, key, "init", seal, store, NULL);
    assert_int_equal(output.code, 0);
    assert_int_equal(chmod(store, 0600), 0);
    AUDIT(&output, world, NULL, "recover", store, store, NULL);
    assert_int_equal(output.code, 2);
    assert_non_null(strstr(output.err, "name the sealing state first"));
    read_all(before, sizeof(before), key);
    AUDIT(&output, world, NULL, "recover", key, store, NULL);
    assert_int_equal(output.code, 0);
    assert_non_null(strstr(output.err, ".kept-1"));
    read_all(after, sizeof(after), apr_pstrcat(world->pool, key, ".kept-1", NULL));
    assert_string_equal(after, before);
    /* No key is shown that seals nothing. */
    assert_int_equal(chmod(key, 0666), 0);
    AUDIT(&output, world, NULL, "recover", key, store, NULL);
    assert_int_equal(output.code, 3);
    assert_string_equal(output.out, "");
    assert_non_null(strstr(output.err, "open to others"));
    AUDIT(&output, world, NULL, "verify", store, NULL);
    assert_non_null(strstr(output.out, "good: 2 records"));
}

static void test_an_export_that_could_not_be_written(void **state)
{
    world_t *world = *state;
    static output_t output;

    write_some(world, "x");
    AUDIT(&output, world, "/dev/full", "export", world->path, "--before", "2031-01-01", NULL);
    assert_int_equal(output.code, 3);
    assert_non_null(strstr(output.err, "throw away what was written"));
    assert_null(strstr(output.err, "keep the file"));
    AUDIT(&output, world, NULL, "verify", world->path, NULL);
    assert_non_null(strstr(output.out, "good: 3 records"));
}

static const struct CMUnitTest tests[] = {
    WORLD_TEST(test_nothing_to_verify), WORLD_TEST(test_nobody_takes_the_key), WORLD_TEST(test_an_interrupt_ends_nothing_half_way),
    WORLD_TEST(test_wrong_paths), WORLD_TEST(test_recovery_goes_over_no_file_of_others), WORLD_TEST(test_an_export_that_could_not_be_written)
};

WORLD_MAIN(tests)
