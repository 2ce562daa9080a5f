/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test_base_pool.h"

#define SECONDS(s) ((apr_time_t)(s) * APR_USEC_PER_SEC)

static void times_are_written_with_milliseconds(void **state)
{
    apr_pool_t *pool = *state;

    assert_string_equal(amlaps_text_time(0, pool), "1970-01-01T00:00:00.000Z");
    assert_string_equal(amlaps_text_time(SECONDS(1795363201) + 234999, pool), "2026-11-22T16:00:01.234Z");
    assert_string_equal(amlaps_text_time(SECONDS(951782399), pool), "2000-02-28T23:59:59.000Z");
    assert_string_equal(amlaps_text_time(SECONDS(951782400), pool), "2000-02-29T00:00:00.000Z");
    assert_string_equal(amlaps_text_time(-1, pool), "1969-12-31T23:59:59.999Z");
    assert_string_equal(amlaps_text_time(SECONDS(-1), pool), "1969-12-31T23:59:59.000Z");
    assert_int_equal(strlen(amlaps_text_time(0, pool)), AMLAPS_TIME_LENGTH);
}

static void years_beyond_four_digits_are_the_nearest_ones(void **state)
{
    apr_pool_t *pool = *state;

    assert_string_equal(amlaps_text_time(APR_INT64_MAX, pool), "9999-12-31T23:59:59.999Z");
    assert_string_equal(amlaps_text_time(SECONDS(253402300800), pool), "9999-12-31T23:59:59.999Z");
    assert_string_equal(amlaps_text_time(APR_INT64_MIN, pool), "0000-01-01T00:00:00.000Z");
}

static void every_day_agrees_with_the_c_library(void **state)
{
    apr_pool_t *pool = *state;
    apr_int64_t seconds;

    /* Three days and a bit at a time, so that every month and hour comes by: years 1 to 9999. */
    for (seconds = APR_INT64_C(-62135596800); seconds < APR_INT64_C(253402300800); seconds += 3 * 86400 + 4567) {
        time_t moment = (time_t)seconds;
        struct tm parts;
        char expected[64];
        const char *written;
        apr_time_t read = 0;

        assert_non_null(gmtime_r(&moment, &parts));
        snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.000Z", parts.tm_year + 1900, parts.tm_mon + 1,
                 parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
        written = amlaps_text_time(SECONDS(seconds), pool);
        assert_string_equal(written, expected);
        assert_true(amlaps_text_read_time(&read, written));
        assert_true(read == SECONDS(seconds));
        if (seconds % 1000 == 0) {
            apr_pool_clear(pool);
        }
    }
}

static void fractions_and_zones_are_read(void **state)
{
    static const struct {
        const char *text;
        apr_time_t micros;
    } cases[] = {
        { "2026-11-22T16:00:01", SECONDS(1795363201) },
        { "2026-11-22T16:00:01Z", SECONDS(1795363201) },
        { "2026-11-22T16:00:01.2Z", SECONDS(1795363201) + 200000 },
        { "2026-11-22T16:00:01.234Z", SECONDS(1795363201) + 234000 },
        { "2026-11-22T16:00:01.234", SECONDS(1795363201) + 234000 },
        { "2026-11-22T16:00:01.234567Z", SECONDS(1795363201) + 234567 },
        { "2026-11-22T16:00:01.2345678Z", SECONDS(1795363201) + 234567 },
        { "2026-11-22T16:00:01.234567899Z", SECONDS(1795363201) + 234567 },
        { "2026-11-22T16:00:01.0000009Z", SECONDS(1795363201) },
        { "2026-11-22T17:30:01+01:30", SECONDS(1795363201) },
        { "2026-11-22T08:00:01.5-08:00", SECONDS(1795363201) + 500000 },
        { "2026-11-22T16:00:01+00:00", SECONDS(1795363201) },
        { "2026-11-23T01:00:01+09:00", SECONDS(1795363201) },
        { "2024-02-29T00:00:00Z", SECONDS(1709164800) },
        { "2024-02-29", SECONDS(1709164800) },
        { "2024-02-29T00:00", SECONDS(1709164800) },
        { "2024-02-29T00:01Z", SECONDS(1709164860) },
        { "2024-02-29T02:00+02:00", SECONDS(1709164800) },
        { "2000-02-29T00:00:00Z", SECONDS(951782400) },
        { "1969-12-31T23:59:59.999999Z", -1 },
        { "0001-01-01T00:00:00Z", SECONDS(APR_INT64_C(-62135596800)) },
        { "9999-12-31T23:59:59.9999999Z", SECONDS(APR_INT64_C(253402300799)) + 999999 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        apr_time_t time = 42;

        if (!amlaps_text_read_time(&time, cases[i].text) || time != cases[i].micros) {
            fail_msg("%s was read as %lld", cases[i].text, (long long)time);
        }
    }
}

static void other_texts_are_refused(void **state)
{
    static const char *const others[] = {
        "", "2026", "2026-11", "2026-11-22T", "2026-11-22Z", "2026-11-22T16", "2026-11-22T16:00.5", "2026-11-22T16:00:", "2026-11-2", "2026-11-31",
        "2026-11-22 16:00:01Z", "2026-11-22t16:00:01Z",
        "2026-11-22T16:00:01z", "2026-11-22T16:00:01.Z", "2026-11-22T16:00:01.", "2026-11-22T16:00:01.1234567890Z",
        "2026-11-22T16:00:01,5Z", "2026-11-22T16:00:01ZZ", "2026-11-22T16:00:01Z ", " 2026-11-22T16:00:01Z",
        "2026-11-22T16:00:01+0100", "2026-11-22T16:00:01+01", "2026-11-22T16:00:01+01:0", "2026-11-22T16:00:01+01:000",
        "2026-11-22T16:00:01+24:00", "2026-11-22T16:00:01+00:60", "2026-11-22T16:00:01Z+01:00",
        "2026-00-22T16:00:01Z", "2026-13-22T16:00:01Z", "2026-11-00T16:00:01Z", "2026-11-31T16:00:01Z",
        "2026-02-29T16:00:01Z", "1900-02-29T16:00:01Z", "2026-02-30T16:00:01Z", "2024-02-30T16:00:01Z",
        "2026-11-22T24:00:00Z", "2026-11-22T16:60:00Z", "2026-11-22T16:00:60Z", "0000-01-01T00:00:00Z",
        "-001-01-01T00:00:00Z", "+2026-11-22T16:00:01Z", "26-11-22T16:00:01Z", "2026-1-22T16:00:01Z",
        "2026-11-22T1:00:01Z", "2026-11-22T16:00:0xZ", "20261122T160001Z",
    };
    apr_time_t time = 42;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (amlaps_text_read_time(&time, others[i]) || time != 42) {
            fail_msg("%s was read as %lld", others[i], (long long)time);
        }
    }
    assert_false(amlaps_text_read_time(&time, NULL));
}

static void the_zone_of_the_process_does_not_matter(void **state)
{
    apr_time_t time = 0;

    assert_int_equal(setenv("TZ", "Pacific/Auckland", 1), 0);
    tzset();
    assert_true(amlaps_text_read_time(&time, "2026-11-22T16:00:01"));
    assert_true(time == SECONDS(1795363201));
    assert_string_equal(amlaps_text_time(time, *state), "2026-11-22T16:00:01.000Z");
    unsetenv("TZ");
    tzset();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        pool_test(times_are_written_with_milliseconds),
        pool_test(years_beyond_four_digits_are_the_nearest_ones),
        pool_test(every_day_agrees_with_the_c_library),
        cmocka_unit_test(fractions_and_zones_are_read),
        cmocka_unit_test(other_texts_are_refused),
        pool_test(the_zone_of_the_process_does_not_matter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
