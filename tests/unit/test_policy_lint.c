/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "test_policy_lint.h"

static void nothing_to_say(void **state)
{
    world_t *world = *state;

    assert_none(world);
    rule_of(world, "a", NULL, "device name LON-*", "allow password group " GUID_A " Helpdesk", "deny history user alice@contoso.com",
            "expires 2030-01-01", NULL);
    rule_of(world, "b", "contoso", "device all", "allow all role Admin", "allow password claim department IT", "allow history user " OID, NULL);
    rule_of(world, "c", NULL, "device owner", "allow password anyone", NULL);
    assert_none(world);
}

static void needs_a_compiled_policy(void **state)
{
    world_t *world = *state;
    heard_t heard = {world, ""};

    assert_aborts(amlaps_policy_lint(world->policy, NOW, hear, &heard, world->pool));
}

static void in_the_shadow_of_a_deny_for_anyone(void **state)
{
    world_t *world = *state;
    /* device line of a rule that allows, device line of a rule that denies all to anyone, whether that settles it */
    static const struct {
        const char *allow, *deny;
        int shadowed;
    } cases[] = {
        {"device all", "device all", 1},
        {"device name LON-*", "device all", 1},
        {"device owner", "device all", 1},
        {"device owner", "device owner", 1},
        {"device owner", "device name *", 0},
        {"device all", "device name *", 0},
        {"device all", "device owner", 0},
        {"device id " GUID_A, "device id " GUID_A, 1},
        {"device id AAAAAAAA-0000-4000-8000-000000000001", "device id " GUID_A, 1},
        {"device id " GUID_A " " GUID_B, "device id " GUID_A, 0},
        {"device id " GUID_A " " GUID_B, "device id " GUID_B " " GUID_C " " GUID_A, 1},
        {"device group " GUID_A, "device unit " GUID_A, 0},
        {"device group " GUID_A, "device group " GUID_A, 1},
        {"device unit " GUID_A, "device unit " GUID_A, 1},
        {"device name LON-*", "device name lon-*", 1},
        {"device name LON-0*", "device name lon-*", 1},
        {"device name LON-001", "device name L*", 1},
        {"device name LON-??", "device name lon-*", 1},
        {"device name LON-*", "device name *", 1},
        {"device name LON-*", "device name LON-0*", 0},
        {"device name LON-*", "device name LON-", 0},
        {"device name LON-*", "device name LON-?", 0},
        {"device name L*N-1", "device name LON-*", 0},
        {"device name LON-* PAR-*", "device name LON-*", 0},
        {"device name LON-1* LON-2*", "device name LON-*", 1},
        {"device name \xc3\x84*", "device name \xc3\xa4*", 1},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *heard;

        rule_of(world, "opens", NULL, cases[i].allow, "allow password group x", NULL);
        rule_of(world, "closes", NULL, cases[i].deny, "deny all anyone", NULL);
        heard = lint(world);
        if ((strncmp(heard, "AML0501 opens: nothing that it allows is ever given, since rule \"closes\" at rules.conf:12 denies", 60) == 0)
            != cases[i].shadowed || (!cases[i].shadowed && *heard)) {
            fail_msg("%s, and deny on %s: %s", cases[i].allow, cases[i].deny, heard);
        }
    }
}

static void a_shadow_of_several_rules(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *rule;

    rule_of(world, "opens", NULL, "device name LON-*", "device id " GUID_A, "allow all group x", NULL);
    rule_of(world, "no london", NULL, "device name L*", "deny all anyone", NULL);
    rule_of(world, "no a", NULL, "device id " GUID_A, "deny password anyone", NULL);
    rule_of(world, "no history", NULL, "device all", "deny history anyone", NULL);
    assert_one(world, "AML0501 opens: nothing that it allows is ever given, since rule \"no history\"");

    rule_of(world, "opens", NULL, "device name LON-*", "allow all group x", NULL);
    rule_of(world, "no history", NULL, "device all", "deny history anyone", NULL);
    assert_none(world);

    rule_of(world, "opens", NULL, "device all", "allow history group x", NULL);
    rule_of(world, "not for b", NULL, "device all", "deny history group b", NULL);
    assert_none(world);

    rule = amlaps_rule_make("closes", NULL, NULL, world->pool);
    assert_null(set(rule, "device all", world->pool));
    assert_null(set(rule, "deny all anyone", world->pool));
    rule_of(world, "opens", NULL, "device all", "allow history group x", NULL);
    amlaps_policy_add(world->policy, rule);
    assert_one(world, "AML0501 opens: nothing that it allows is ever given, since rule \"closes\" denies it to anyone on the same devices: "
                      "remove this rule, or let the other one be about fewer devices or people\n");
}

static void shadows_that_pass(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *rule;

    rule_of(world, "opens", NULL, "device all", "allow all group x", NULL);
    rule_of(world, "ends", NULL, "device all", "deny all anyone", "expires 2024-01-01", NULL);
    assert_none(world);

    rule_of(world, "opens", NULL, "device all", "allow all group x", "expires 2023-12-31", NULL);
    rule_of(world, "ends", NULL, "device all", "deny all anyone", "expires 2024-01-01", NULL);
    assert_one(world, "AML0501 opens:");

    rule_of(world, "opens", NULL, "device all", "allow all group x", NULL);
    rule_of(world, "ends", NULL, "device all", "deny all anyone", "expires 2024-01-01", NULL);
    rule_of(world, "stays", NULL, "device all", "deny all anyone", NULL);
    assert_one(world, "AML0501 opens: nothing that it allows is ever given, since rule \"stays\"");

    rule_of(world, "opens", NULL, "device all", "allow all group x", NULL);
    rule_of(world, "over", NULL, "device all", "deny all anyone", "expires 2020-01-01", NULL);
    assert_one(world, "AML0503 over:");

    rule_of(world, "opens", NULL, "device all", "allow all group x", NULL);
    rule = rule_of(world, "sometimes", NULL, "device all", "deny all anyone", NULL);
    assert_null(amlaps_rule_set_condition(rule, constant, &is_true, 0, "true"));
    assert_none(world);
}

static void shadows_in_a_tenant(void **state)
{
    world_t *world = *state;

    rule_of(world, "opens", NULL, "device all", "allow all group x", NULL);
    rule_of(world, "closes", "contoso", "device all", "deny all anyone", NULL);
    assert_none(world);
    rule_of(world, "opens", "fabrikam", "device all", "allow all group x", NULL);
    rule_of(world, "closes", "contoso", "device all", "deny all anyone", NULL);
    assert_none(world);
    rule_of(world, "opens", "contoso", "device all", "allow all group x", NULL);
    rule_of(world, "closes", "contoso", "device all", "deny all anyone", NULL);
    assert_one(world, "AML0501 opens:");
    rule_of(world, "opens", "contoso", "device all", "allow all group x", NULL);
    rule_of(world, "closes", NULL, "device all", "deny all anyone", NULL);
    assert_one(world, "AML0501 opens:");
}

static void a_deny_that_is_said_already(void **state)
{
    world_t *world = *state;

    rule_of(world, "first", NULL, "device all", "deny all anyone", NULL);
    rule_of(world, "second", NULL, "device name LON-*", "deny password group x", NULL);
    assert_one(world, "AML0501 second: it never matters, since rule \"first\" at rules.conf:12 denies the same to anyone already: remove this rule\n");

    rule_of(world, "first", NULL, "device all", "deny all anyone", NULL);
    rule_of(world, "second", NULL, "device all", "deny all anyone", NULL);
    assert_one(world, "AML0501 second:");

    rule_of(world, "first", NULL, "device name LON-*", "deny all anyone", NULL);
    rule_of(world, "second", NULL, "device all", "deny all anyone", NULL);
    assert_none(world);

    rule_of(world, "first", NULL, "device all", "deny history anyone", NULL);
    rule_of(world, "second", NULL, "device all", "deny all anyone", NULL);
    assert_none(world);
}

static void its_own_deny(void **state)
{
    world_t *world = *state;

    rule_of(world, "x", NULL, "device all", "allow password group x", "allow password anyone", "deny password anyone", NULL);
    assert_one(world, "AML0502 x: its own AMLapsDeny for anyone takes all that it allows: remove its AMLapsAllow lines, or name in AMLapsDeny");
    rule_of(world, "x", NULL, "device all", "allow all group x", "deny history anyone", NULL);
    assert_one(world, "AML0506 x: it allows history and denies it to anyone as well, and a denial always wins");
}

static void rules_that_are_over(void **state)
{
    world_t *world = *state;

    rule_of(world, "x", NULL, "device all", "allow all anyone", "allow all user nobody", "deny all anyone", "expires 2023-11-13", NULL);
    assert_one(world, "AML0503 x: AMLapsExpires 2023-11-13 is over, so the rule neither allows nor denies: remove it, or write a later day\n");
    rule_of(world, "x", NULL, "device all", "allow all group x", "expires 2023-11-14", NULL);
    assert_none(world);
}

static void allowed_and_denied_at_once(void **state)
{
    static const struct {
        const char *allow, *deny, *says;
    } cases[] = {
        {"allow all user a@b c@d", "deny history user C@D", "AML0506 x: it allows history and denies it to user c@d as well"},
        {"allow password group " GUID_A, "deny password group " GUID_A, "AML0506 x: it allows password and denies it to group " GUID_A},
        {"allow all role Admin", "deny all role Admin", "AML0506 x: it allows password and history and denies it to role Admin"},
        {"allow password claim a x", "deny password claim a y x", "AML0506 x: it allows password and denies it to claim a x"},
        {"allow password claim a x", "deny password claim b x", NULL},
        {"allow all role Admin", "deny all role admin", NULL},
        {"allow password group a", "deny history group a", NULL},
        {"allow password group a", "deny password role a", NULL},
        {"allow password group a", "deny password group b", NULL},
        {"deny password group a", "deny password group a", NULL},
    };
    world_t *world = *state;
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rule_of(world, "x", NULL, "device name x", cases[i].deny, cases[i].allow, NULL);
        if (cases[i].says) {
            assert_one(world, cases[i].says);
        }
        else {
            assert_none(world);
        }
    }
}

static void everybody_everywhere(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *rule;

    rule_of(world, "x", NULL, "device name x", "device all", "allow password anyone", NULL);
    assert_one(world, "AML0507 x: it allows password on all devices to everybody who can sign in: name people");
    rule = rule_of(world, "x", "contoso", "device all", "allow all anyone", NULL);
    assert_null(amlaps_rule_set_condition(rule, constant, &is_unsure, 0, "x"));
    assert_one(world, "AML0507 x: it allows password and history on all devices to everybody who can sign in while its condition is true: name");
    rule_of(world, "x", NULL, "device name *", "allow all anyone", NULL);
    assert_none(world);
    rule_of(world, "x", NULL, "device all", "allow password role a", "allow history anyone", "deny history anyone", NULL);
    assert_one(world, "AML0506 x: it allows history and denies it to anyone");
}

static void many_rules_in_little_time(void **state)
{
    world_t *world = *state;
    apr_time_t start;
    int i;

    for (i = 0; i < 10000; i++) {
        rule_of(world, "closes", NULL, apr_psprintf(world->pool, "device name CLOSED-%d", i), "deny all anyone", NULL);
        rule_of(world, "opens", NULL, apr_psprintf(world->pool, "device name LON-%d", i), "allow all group x", NULL);
    }
    start = apr_time_now();
    assert_none(world);
    /* 20,000 rules compared with each other would take several seconds. */
    assert_true(apr_time_now() - start < apr_time_from_sec(2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(nothing_to_say),
        world_test(needs_a_compiled_policy),
        world_test(in_the_shadow_of_a_deny_for_anyone),
        world_test(a_shadow_of_several_rules),
        world_test(shadows_that_pass),
        world_test(shadows_in_a_tenant),
        world_test(a_deny_that_is_said_already),
        world_test(its_own_deny),
        world_test(rules_that_are_over),
        world_test(allowed_and_denied_at_once),
        world_test(everybody_everywhere),
        world_test(many_rules_in_little_time),
    };

    (void)is_false;
    return cmocka_run_group_tests_name("policy/lint", tests, NULL, NULL);
}
