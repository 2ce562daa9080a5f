/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "test_policy_world.h"

#define DAY(number) (apr_time_from_sec(APR_INT64_C(86400)) * (number))

static void keeps_what_it_is_made_of(void **state)
{
    world_t *world = *state;
    char description[] = "London", tenant[] = "contoso", origin[] = "rules.conf:3";
    amlaps_rule_t *rule = amlaps_rule_make(description, tenant, origin, world->pool);

    description[0] = tenant[0] = origin[0] = '!';
    assert_string_equal(amlaps_rule_description(rule), "London");
    assert_string_equal(amlaps_rule_tenant(rule), "contoso");
    assert_string_equal(amlaps_rule_origin(rule), "rules.conf:3");
    assert_null(amlaps_rule_tenant(amlaps_rule_make("x", NULL, NULL, world->pool)));
    assert_int_equal(amlaps_rule_reason(rule)->mode, AMLAPS_REASON_OPTIONAL);
}

static void expires_with_the_end_of_the_day(void **state)
{
    static const struct {
        const char *day;
        apr_int64_t number; /* of the day, since 1970-01-01 */
    } days[] = {{"1970-01-01", 0},      {"1969-12-31", -1},     {"2000-02-29", 11016}, {"2000-03-01", 11017},
                {"2024-02-29", 19782},  {"2026-11-22", 20779},  {"2027-01-31", 20849}, {"2100-02-28", 47540},
                {"2100-03-01", 47541},  {"2027-12-31", 21183},  {"2400-02-29", 157113}};
    world_t *world = *state;
    apr_size_t i;

    for (i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        amlaps_rule_t *rule = amlaps_rule_make("x", NULL, NULL, world->pool);

        assert_null(amlaps_rule_set_expires(rule, days[i].day));
        assert_false(amlaps_rule_is_expired(rule, DAY(days[i].number)));
        assert_false(amlaps_rule_is_expired(rule, DAY(days[i].number + 1) - 1));
        assert_true(amlaps_rule_is_expired(rule, DAY(days[i].number + 1)));
    }
    assert_false(amlaps_rule_is_expired(amlaps_rule_make("x", NULL, NULL, world->pool), DAY(APR_INT64_C(1000000))));
}

static void days_that_are_none(void **state)
{
    static const char *const days[] = {"",           "2026",       "2026-1-01",  "2026-01-1",  "2026/01/01", "2026-01/01", "26-01-0001",
                                       "2026-00-10", "2026-13-10", "2026-01-00", "2026-01-32", "2026-02-29", "2100-02-29", "2026-04-31",
                                       "2026-01-01 ", "2026-01-011", "2026-01-0x", "tomorrow", "2026-1x-01", "-026-01-01"};
    world_t *world = *state;
    apr_size_t i;

    for (i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        amlaps_rule_t *rule = amlaps_rule_make("x", NULL, NULL, world->pool);
        const char *wrong = amlaps_rule_set_expires(rule, days[i]);

        if (!wrong) {
            fail_msg("\"%s\" is taken for a day", days[i]);
        }
        assert_non_null(strstr(wrong, "YYYY-MM-DD"));
        assert_false(amlaps_rule_is_expired(rule, DAY(APR_INT64_C(1000000))));
    }
}

static void takes_one_day_and_one_condition(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *rule = amlaps_rule_make("x", NULL, NULL, world->pool);

    assert_null(amlaps_rule_set_expires(rule, "2026-01-01"));
    assert_non_null(strstr(amlaps_rule_set_expires(rule, "2027-01-01"), "2026-01-01"));
    assert_true(amlaps_rule_is_expired(rule, DAY(20455)));
    assert_null(amlaps_rule_set_condition(rule, constant, &is_true, 0, "true"));
    assert_non_null(strstr(amlaps_rule_set_condition(rule, constant, &is_false, 0, "false"), "&&"));
}

static void a_whole_rule_lacks_nothing(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *rule = amlaps_rule_make("x", NULL, NULL, world->pool);

    assert_non_null(strstr(amlaps_rule_check(rule), "AMLapsDevice"));
    assert_null(set(rule, "device all", world->pool));
    assert_non_null(strstr(amlaps_rule_check(rule), "AMLapsAllow"));
    assert_null(set(rule, "deny all anyone", world->pool));
    assert_null(amlaps_rule_check(rule));
    assert_non_null(strstr(amlaps_rule_check(amlaps_rule_make("", NULL, NULL, world->pool)), "description"));
    assert_non_null(strstr(amlaps_rule_check(amlaps_rule_make(" \t", NULL, NULL, world->pool)), "description"));
    assert_non_null(strstr(amlaps_rule_check(amlaps_rule_make(NULL, NULL, NULL, world->pool)), "description"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(keeps_what_it_is_made_of), world_test(expires_with_the_end_of_the_day), world_test(days_that_are_none),
        world_test(takes_one_day_and_one_condition), world_test(a_whole_rule_lacks_nothing),
    };

    return cmocka_run_group_tests_name("policy/rule", tests, NULL, NULL);
}
