/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TEST_TRAIL_TROUBLE_H
#define AMLAPS_TEST_TRAIL_TROUBLE_H

/* A trail in trouble: what it answers, and how the limit of a file's size is lifted again. */

#include "trail_world.h"

#include <sys/resource.h>

static inline void expect_unavailable(world_t *world, const char *id)
{
    amlaps_error_t error;
    double start = world_now();

    assert_int_equal(world_admit(world, "alice", &error), AMLAPS_AUDIT_UNAVAILABLE);
    if (strcmp(error.id, id) != 0) {
        fail_msg("%s, not %s: %s", error.id, id, error.detail);
    }
    assert_true(world_now() - start < world_patience(1));
    assert_false(amlaps_trail_healthy(world->trail));
}

static inline void expect_service(world_t *world)
{
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    assert_true(amlaps_trail_healthy(world->trail));
}

static inline int raise_limit(world_t *world)
{
    struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

    (void)world;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_FSIZE, &limit);
}

#endif
