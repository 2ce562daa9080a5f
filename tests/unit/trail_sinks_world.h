/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TEST_TRAIL_SINKS_WORLD_H
#define AMLAPS_TEST_TRAIL_SINKS_WORLD_H

/* What tests of copies share: copies to add, what a reader of one got, and how the trail does. */

#include "trail_world.h"

#include <fcntl.h>

#define MOST 4000

/** What a reader of a copy got. */
typedef struct got_t {
    char *text;
    apr_int64_t seq[MOST];
    int count;
    int broken; /* lines that are no record */
} got_t;

static void add_line(got_t *got, const char *line, size_t length, apr_pool_t *pool)
{
    const char *start = memchr(line, '{', length);
    amlaps_json_t *json = NULL;
    apr_int64_t seq = 0;

    if (length == 0) {
        return;
    }
    if (start == NULL || amlaps_json_parse(&json, NULL, start, length - (size_t)(start - line), pool) != APR_SUCCESS
        || !amlaps_json_integer(amlaps_json_member(json, "seq"), &seq)) {
        got->broken++;
        return;
    }
    assert_true(got->count < MOST);
    got->seq[got->count++] = seq;
}

static void add_text(got_t *got, const char *text, size_t length, apr_pool_t *pool)
{
    const char *end;

    for (; (end = memchr(text, '\n', length)) != NULL; length -= (size_t)(end + 1 - text), text = end + 1) {
        add_line(got, text, (size_t)(end - text), pool);
    }
    assert_int_equal(length, 0);
}

static void assert_all(const got_t *got, apr_int64_t from, apr_int64_t to)
{
    int i;

    assert_int_equal(got->count, to - from + 1);
    for (i = 0; i < got->count; i++) {
        assert_int_equal(got->seq[i], from + i);
    }
}

static inline void expect_unavailable(world_t *world, const char *id)
{
    amlaps_error_t error;
    double start = world_now();

    assert_int_equal(world_admit(world, "alice", &error), AMLAPS_AUDIT_UNAVAILABLE);
    if (strcmp(error.id, id) != 0) {
        fail_msg("%s, not %s: %s", error.id, id, error.detail);
    }
    assert_true(world_now() - start < world_patience(3));
    assert_false(amlaps_trail_healthy(world->trail));
}

static void expect_service(world_t *world)
{
    amlaps_error_t error;

    if (world_admit(world, "alice", &error) != AMLAPS_OK) {
        fail_msg("%s: %s", error.id, error.detail);
    }
}

static amlaps_trail_sink_t *add_sink(world_t *world, amlaps_sink_kind_t kind, const char *name, int fd, int required)
{
    amlaps_trail_sink_t *sink = &world->sinks[world->config.sink_count++];

    *sink = (amlaps_trail_sink_t){ .name = apr_pstrdup(world->pool, name), .kind = kind, .fd = fd, .required = required };
    world->config.timeout = SECONDS(2);
    return sink;
}

#endif
