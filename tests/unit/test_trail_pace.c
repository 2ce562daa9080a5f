/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* When the writer waits for more records, and for how many. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../src/trail/pace.h"

#define MSEC(count) apr_time_from_msec(count)

/** So many transactions, one every `every`, each with so many records while so many wait. @return when the last one began */
static apr_time_t go_on(amlaps_pace_t *pace, apr_time_t from, int count, apr_interval_time_t every, apr_size_t records, apr_size_t waiting)
{
    int i;

    for (i = 0; i < count; i++) {
        from += every;
        amlaps_pace_note(pace, from, from + every, records, waiting);
    }
    return from;
}

static void one_after_another_each_begins_at_once(void **state)
{
    amlaps_pace_t pace = { 0 };

    (void)state;
    assert_int_equal(amlaps_pace_goal(&pace), 0);
    go_on(&pace, MSEC(1000), 1000, 300, 1, 0);
    assert_int_equal(amlaps_pace_goal(&pace), 0);
}

static void where_many_come_half_of_them_are_waited_for(void **state)
{
    amlaps_pace_t pace = { 0 };
    apr_time_t now = go_on(&pace, MSEC(1000), 200, MSEC(2), 36, 12);

    (void)state;
    assert_int_equal(amlaps_pace_goal(&pace), 24);
    assert_int_equal(amlaps_pace_left(&pace, now), MSEC(4));
    assert_int_equal(amlaps_pace_left(&pace, now + MSEC(3)), MSEC(1));
    assert_true(amlaps_pace_left(&pace, now + MSEC(5)) < 0);
}

/* More come while it writes than any wait would bring. */
static void nobody_is_waited_for_where_the_disk_is_slow(void **state)
{
    amlaps_pace_t pace = { 0 };
    apr_time_t now = go_on(&pace, MSEC(1000), 200, MSEC(3), 36, 12);

    (void)state;
    assert_true(amlaps_pace_is_slow(&pace));
    assert_int_equal(amlaps_pace_goal(&pace), 0);
    go_on(&pace, now, 200, MSEC(1), 36, 12);
    assert_false(amlaps_pace_is_slow(&pace));
    assert_int_equal(amlaps_pace_goal(&pace), 24);
}

/* As where Graph takes 30 ms: all come at once, and then nobody. */
static void waves_count_as_what_they_are_on_average(void **state)
{
    amlaps_pace_t pace = { 0 };
    apr_time_t now = MSEC(1000);
    int i;

    (void)state;
    for (i = 0; i < 100; i++) {
        now = go_on(&pace, now, 8, 500, 15, 15);
        assert_int_equal(amlaps_pace_goal(&pace), 0);
        now += MSEC(26);
    }
}

static void a_crowd_that_has_gone_is_forgotten(void **state)
{
    amlaps_pace_t pace = { 0 };
    apr_time_t now = go_on(&pace, MSEC(1000), 200, MSEC(2), 36, 12);
    int i;

    (void)state;
    now = go_on(&pace, now, 300, MSEC(1), 8, 0);
    assert_in_range(amlaps_pace_goal(&pace), 4, 5);
    for (i = 0; i < 30; i++) {
        now += MSEC(50);
        amlaps_pace_note(&pace, now, now + MSEC(1), 1, 0);
    }
    assert_false(amlaps_pace_is_slow(&pace));
    assert_int_equal(amlaps_pace_goal(&pace), 0);
}

static void a_clock_that_stands_still_is_no_rate_without_end(void **state)
{
    amlaps_pace_t pace = { 0 };

    (void)state;
    go_on(&pace, MSEC(1000), 1, 0, 10, 10);
    go_on(&pace, MSEC(1000), 10, 0, 10, 10);
    assert_int_equal(amlaps_pace_goal(&pace), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_after_another_each_begins_at_once), cmocka_unit_test(where_many_come_half_of_them_are_waited_for),
        cmocka_unit_test(nobody_is_waited_for_where_the_disk_is_slow), cmocka_unit_test(waves_count_as_what_they_are_on_average), cmocka_unit_test(a_crowd_that_has_gone_is_forgotten),
        cmocka_unit_test(a_clock_that_stands_still_is_no_rate_without_end)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
