/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TEST_TRAIL_FILES_WORLD_H
#define AMLAPS_TEST_TRAIL_FILES_WORLD_H

/* What tests of copies in files share. */

#include "trail_sinks_world.h"

static const char *copy_path(const world_t *world)
{
    return apr_pstrcat(world->pool, world->directory, "/copy.jsonl", NULL);
}

/** @return its descriptor */
static int add_copy(world_t *world, const char *path, int required)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0640);

    assert_true(fd >= 0);
    amlaps_trail_sink_opened(add_sink(world, AMLAPS_SINK_FILE, path, fd, required), world->pool);
    return fd;
}

static int open_copy(world_t *world, int required)
{
    const int fd = add_copy(world, copy_path(world), required);

    world_open(world);
    return fd;
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

static void expect_good_copy(const world_t *world, int records)
{
    amlaps_error_t error = { 0 };
    amlaps_verify_t result;
    got_t got;

    read_copy(&got, world, copy_path(world));
    assert_int_equal(got.broken, 0);
    assert_all(&got, 1, records);
    assert_int_equal(amlaps_trail_verify_file(&result, &error, copy_path(world), NULL, world->pool), APR_SUCCESS);
    assert_int_equal(result.first_bad, 0);
    assert_int_equal(result.records, records);
}

#endif
