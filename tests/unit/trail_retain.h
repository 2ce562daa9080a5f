/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TEST_TRAIL_RETAIN_H
#define AMLAPS_TEST_TRAIL_RETAIN_H

/* A sealed world whose older records go to files. */

#include "trail_sealed.h"

static char exported[192];

static inline int to_file(void *baton, apr_int64_t seq, const char *json)
{
    (void)seq;
    return json == NULL ? fflush(baton) == 0 : fprintf(baton, "%s\n", json) > 0;
}

static inline amlaps_retained_t retain(world_t *world, const char *name, apr_time_t before)
{
    amlaps_error_t error = { 0 };
    amlaps_retained_t retained;
    FILE *file;

    snprintf(exported, sizeof(exported), "%s/%s", world->directory, name);
    file = fopen(exported, "w");
    assert_non_null(file);
    if (amlaps_trail_retain(&retained, &error, world->store, world->config.seal, before, "root", to_file, file, world->pool) != APR_SUCCESS) {
        fail_msg("%s", error.detail);
    }
    fclose(file);
    return retained;
}

/** The next millisecond, so that records before and after it differ. */
static inline apr_time_t now(void)
{
    usleep(3000);
    return apr_time_now() / 1000 * 1000;
}

static inline void expect_file(world_t *world, const char *after, long records)
{
    amlaps_verify_with_t with = { .keys = world->config.seal != NULL ? sealed_all_keys(world) : NULL, .after = after };
    amlaps_error_t error = { 0 };
    amlaps_verify_t result;

    assert_int_equal(amlaps_trail_verify_file(&result, &error, exported, &with, world->pool), APR_SUCCESS);
    if (result.first_bad != 0) {
        fail_msg("record %ld: %s", (long)result.first_bad, result.problem);
    }
    assert_int_equal(result.records, records);
}

#endif
