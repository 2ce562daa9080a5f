/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/base.h"

#include <time.h>

static apr_time_t system_wall(void *baton)
{
    (void)baton;
    return apr_time_now();
}

static apr_time_t system_steady(void *baton)
{
    struct timespec now = { 0, 0 };

    (void)baton;
    /* Cannot fail: Linux has had CLOCK_MONOTONIC since 2.6, and the address is ours. */
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (apr_time_t)now.tv_sec * APR_USEC_PER_SEC + now.tv_nsec / 1000;
}

static const amlaps_clock_t system_clock = { system_wall, system_steady, NULL };

const amlaps_clock_t *amlaps_clock_system(void)
{
    return &system_clock;
}

apr_time_t amlaps_clock_wall(const amlaps_clock_t *clock)
{
    return clock->wall(clock->baton);
}

apr_time_t amlaps_clock_steady(const amlaps_clock_t *clock)
{
    return clock->steady(clock->baton);
}
