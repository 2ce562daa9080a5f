/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/base.h"

#include <time.h>

#include "test_base_pool.h"

static apr_time_t fake_wall(void *baton)
{
    return *(apr_time_t *)baton + 1;
}

static apr_time_t fake_steady(void *baton)
{
    return *(apr_time_t *)baton + 2;
}

static void a_clock_is_asked_with_its_baton(void **state)
{
    apr_time_t base = 1000;
    amlaps_clock_t clock = { fake_wall, fake_steady, &base };

    (void)state;
    assert_true(amlaps_clock_wall(&clock) == 1001);
    assert_true(amlaps_clock_steady(&clock) == 1002);
    base = 5000;
    assert_true(amlaps_clock_wall(&clock) == 5001);
}

static void the_wall_is_the_time_of_day(void **state)
{
    struct timespec before;
    struct timespec after;
    apr_time_t now;

    (void)state;
    clock_gettime(CLOCK_REALTIME, &before);
    now = amlaps_clock_wall(amlaps_clock_system());
    clock_gettime(CLOCK_REALTIME, &after);
    assert_true(now >= (apr_time_t)before.tv_sec * APR_USEC_PER_SEC);
    assert_true(now <= ((apr_time_t)after.tv_sec + 1) * APR_USEC_PER_SEC);
}

static void the_steady_clock_counts_microseconds(void **state)
{
    const amlaps_clock_t *clock = amlaps_clock_system();
    struct timespec before;
    struct timespec after;
    apr_time_t last = amlaps_clock_steady(clock);
    apr_time_t now;
    int i;

    (void)state;
    clock_gettime(CLOCK_MONOTONIC, &before);
    now = amlaps_clock_steady(clock);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true(now >= (apr_time_t)before.tv_sec * APR_USEC_PER_SEC + before.tv_nsec / 1000);
    assert_true(now <= (apr_time_t)after.tv_sec * APR_USEC_PER_SEC + after.tv_nsec / 1000);
    for (i = 0; i < 1000; i++) {
        now = amlaps_clock_steady(clock);
        assert_true(now >= last);
        last = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_is_asked_with_its_baton),
        cmocka_unit_test(the_wall_is_the_time_of_day),
        cmocka_unit_test(the_steady_clock_counts_microseconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
