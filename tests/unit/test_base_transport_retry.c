/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/transport.h"
#include "graph_fake.h"

#define NOW apr_time_from_sec(1795366800) /* Sun, 22 Nov 2026 17:00:00 GMT */

static void reads(const char *text, const char *date, apr_interval_time_t expected)
{
    apr_interval_time_t wait = -1;

    assert_int_equal(amlaps_retry_after(&wait, text, date, NOW), 1);
    assert_int_equal(wait, expected);
}

static void ignores(const char *text)
{
    apr_interval_time_t wait = 0;

    assert_int_equal(amlaps_retry_after(&wait, text, NULL, NOW), 0);
}

static void seconds(void **state)
{
    (void)state;
    reads("0", NULL, 0);
    reads("3", NULL, apr_time_from_sec(3));
    reads(" 120 ", NULL, apr_time_from_sec(120));
    reads("2.128", NULL, 2128000);
    reads("0.0000001", NULL, 0);
}

static void dates(void **state)
{
    (void)state;
    reads("Sun, 22 Nov 2026 17:00:07 GMT", NULL, apr_time_from_sec(7));
    /* Microsoft's clock counts where it is known: ours may be an hour off. */
    reads("Sun, 22 Nov 2026 18:00:07 GMT", "Sun, 22 Nov 2026 18:00:05 GMT", apr_time_from_sec(2));
    reads("Sun, 22 Nov 2026 16:00:00 GMT", NULL, 0);
    reads("Sun, 22 Nov 2026 17:00:07 GMT", "nonsense", apr_time_from_sec(7));
}

static void absurd_ones_are_clamped(void **state)
{
    (void)state;
    reads("1000000000000", NULL, AMLAPS_RETRY_MOST);
    reads("99999999999999999999999999999999999999999999", NULL, AMLAPS_RETRY_MOST);
    reads("Sun, 22 Nov 2099 17:00:00 GMT", NULL, AMLAPS_RETRY_MOST);
    reads("Thu, 26 Nov 20261000 10:00:00 GMT", NULL, AMLAPS_RETRY_MOST);
    reads("Sun, 22 Nov 2026 17:00:00 GMT", "Thu, 26 Nov 20261000 10:00:00 GMT", 0);
}

static void nonsense_is_as_if_absent(void **state)
{
    (void)state;
    ignores(NULL);
    ignores("");
    ignores("-1");
    ignores("1e12");
    ignores("3 seconds");
    ignores("soon");
    ignores(".5");
}

static void backoff_is_bounded_and_varies(void **state)
{
    fake_t *fake = *state;
    const apr_interval_time_t first = amlaps_retry_backoff(&fake->clock);

    fake_advance(fake, 77777);
    const apr_interval_time_t second = amlaps_retry_backoff(&fake->clock);
    assert_true(first >= apr_time_from_msec(500) && first <= apr_time_from_msec(750));
    assert_true(second >= apr_time_from_msec(500) && second <= apr_time_from_msec(750));
    assert_true(first != second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(seconds), cmocka_unit_test(dates),
                                       cmocka_unit_test(absurd_ones_are_clamped), cmocka_unit_test(nonsense_is_as_if_absent),
                                       fake_test(backoff_is_bounded_and_varies)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
