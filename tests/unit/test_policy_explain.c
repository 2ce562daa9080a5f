/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "test_policy_world.h"

static const amlaps_rule_explanation_t *explain(world_t *world, int index)
{
    apr_array_header_t *explanations;

    amlaps_policy_compile(world->policy);
    explanations = amlaps_policy_explain(world->policy, &world->question, world->pool);
    assert_int_equal(explanations->nelts, (int)amlaps_policy_count(world->policy));
    return &APR_ARRAY_IDX(explanations, index, amlaps_rule_explanation_t);
}

/* The explanation of a policy of this one rule. */
static void explained(world_t *world, amlaps_rule_t *rule, amlaps_known_t matched, int allows, int denies, const char *why)
{
    const amlaps_rule_explanation_t *explanation = explain(world, 0);

    assert_ptr_equal(explanation->rule, rule);
    assert_string_equal(explanation->why, why);
    assert_int_equal(explanation->matched, matched);
    assert_int_equal(explanation->allows, allows);
    assert_int_equal(explanation->denies, denies);
    world->policy = amlaps_policy_make(world->pool);
}

static void a_rule_that_grants(void **state)
{
    world_t *world = *state;

    explained(world, rule_of(world, "x", NULL, "device name PAR-* LON-*", "allow password group " GUID_A, NULL), AMLAPS_YES, 1, 0,
              "AMLapsDevice name LON-* at rules.conf:12 matches \"LON-001\"; AMLapsAllow password group " GUID_A " at rules.conf:12: the person is in it");
    explained(world, rule_of(world, "x", NULL, "device id " DEVICE_ID, "allow all user bob Alice@contoso.com", "deny history role Operator",
                             "deny all user bob", NULL),
              AMLAPS_YES, 3, 2,
              "AMLapsDevice id " DEVICE_ID " at rules.conf:12 matches " DEVICE_ID
              "; AMLapsAllow all user Alice@contoso.com at rules.conf:12: that is the person; AMLapsDeny history role Operator at rules.conf:12: the person has it");
    world->person.claims = json_of(world, "{\"department\":\"IT\"}");
    explained(world, rule_of(world, "x", NULL, "device all", "deny history claim department HR IT", "allow password anyone", NULL),
              AMLAPS_YES, 1, 2,
              "AMLapsDevice all at rules.conf:12 matches every device; AMLapsDeny history claim department IT at rules.conf:12: the person's claim says so; "
              "AMLapsAllow password anyone at rules.conf:12: that is everybody");
    explained(world, rule_of(world, "x", NULL, "device group " GUID_B, "allow all user bob", NULL), AMLAPS_YES, 0, 0,
              "AMLapsDevice group " GUID_B " at rules.conf:12 matches the device's groups; no AMLapsAllow or AMLapsDeny line names the person");
}

static void a_rule_for_other_devices(void **state)
{
    world_t *world = *state;

    explained(world, rule_of(world, "x", NULL, "device name PAR-*", "allow all anyone", NULL), AMLAPS_NO, 0, 0,
              "AMLapsDevice name PAR-* at rules.conf:12 does not match \"LON-001\"");
    explained(world, rule_of(world, "x", NULL, "device id " GUID_A " " GUID_B " " GUID_C, "allow all anyone", NULL), AMLAPS_NO, 0, 0,
              "AMLapsDevice id " GUID_A " (and 2 more) at rules.conf:12 does not match " DEVICE_ID);
    explained(world, rule_of(world, "x", NULL, "device unit " GUID_A, "allow all anyone", NULL), AMLAPS_NO, 0, 0,
              "AMLapsDevice unit " GUID_A " at rules.conf:12 does not match the device's administrative units");
    explained(world, rule_of(world, "x", NULL, "device owner", "device name PAR-*", "allow all anyone", NULL), AMLAPS_NO, 0, 0,
              "none of the 2 AMLapsDevice lines at rules.conf:12 matches the device");
    world->device.device_id = "";
    explained(world, rule_of(world, "x", NULL, "device id " GUID_A, "allow all anyone", NULL), AMLAPS_NO, 0, 0,
              "AMLapsDevice id " GUID_A " at rules.conf:12 does not match the device's id");
}

static void a_rule_that_is_out(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *rule;

    explained(world, rule_of(world, "x", "fabrikam", "device all", "allow all anyone", NULL), AMLAPS_NO, 0, 0,
              "the rule at rules.conf:12 is for tenant fabrikam and the device is in contoso");
    explained(world, rule_of(world, "x", NULL, "device all", "allow all anyone", "expires 2023-11-13", NULL), AMLAPS_NO, 0, 0,
              "AMLapsExpires 2023-11-13 at rules.conf:12 is over");
    rule = rule_of(world, "x", NULL, "device all", "allow all anyone", NULL);
    assert_null(amlaps_rule_set_condition(rule, constant, &is_false, 0, "%{HTTPS} == 'on'"));
    explained(world, rule, AMLAPS_NO, 0, 0, "AMLapsDevice all at rules.conf:12 matches every device; AMLapsWhen %{HTTPS} == 'on' at rules.conf:12 is false");
    rule = rule_of(world, "x", NULL, "device all", "allow all anyone", NULL);
    assert_null(amlaps_rule_set_condition(rule, constant, &is_true, 0, NULL));
    explained(world, rule, AMLAPS_YES, 3, 0,
              "AMLapsDevice all at rules.conf:12 matches every device; AMLapsWhen  at rules.conf:12 is true; AMLapsAllow all anyone at rules.conf:12: that is everybody");
    rule = rule_of(world, "x", NULL, "device name PAR-*", "allow all anyone", NULL);
    assert_null(amlaps_rule_set_condition(rule, constant, &is_true, 0, "x"));
    explained(world, rule, AMLAPS_NO, 0, 0, "AMLapsDevice name PAR-* at rules.conf:12 does not match \"LON-001\"");
    rule = rule_of(world, "x", NULL, "device name PAR-*", "allow all anyone", NULL);
    assert_null(amlaps_rule_set_condition(rule, constant, &is_false, 0, "x"));
    explained(world, rule, AMLAPS_NO, 0, 0, "AMLapsDevice name PAR-* at rules.conf:12 does not match \"LON-001\"; AMLapsWhen x at rules.conf:12 is false");
}

static void a_rule_that_is_not_known_to_count(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *rule;

    fill_known(world, 0);
    explained(world, rule_of(world, "x", NULL, "device owner", "device group " GUID_A " " GUID_C, "deny all anyone", NULL),
              AMLAPS_UNKNOWN, 0, 0,
              "AMLapsDevice owner at rules.conf:12 cannot be judged because the device's owner could not be looked up; "
              "AMLapsDeny all anyone at rules.conf:12: that is everybody");
    world->person.oid = NULL;
    explained(world, rule_of(world, "x", NULL, "device owner", "deny all anyone", NULL), AMLAPS_UNKNOWN, 0, 0,
              "AMLapsDevice owner at rules.conf:12 cannot be judged because the person's object id is not known; "
              "AMLapsDeny all anyone at rules.conf:12: that is everybody");
    explained(world, rule_of(world, "x", NULL, "device all", "allow password group Admins", "deny history group a b", "allow history group "
                             "Helpdesk", NULL),
              AMLAPS_YES, 2, 0,
              "AMLapsDevice all at rules.conf:12 matches every device; AMLapsAllow password group Admins at rules.conf:12: the person's groups could not be "
              "looked up; AMLapsDeny history group a and others at rules.conf:12: the person's groups could not be looked up; "
              "AMLapsAllow history group Helpdesk at rules.conf:12: the person is in it");
    explained(world, rule_of(world, "x", NULL, "device all", "deny all claim groups Admins", NULL), AMLAPS_YES, 0, 0,
              "AMLapsDevice all at rules.conf:12 matches every device; AMLapsDeny all claim groups Admins at rules.conf:12: the person's groups "
              "could not be looked up");
    rule = rule_of(world, "x", NULL, "device all", "allow all anyone", NULL);
    assert_null(amlaps_rule_set_condition(rule, constant, &is_unsure, 0, "x"));
    explained(world, rule, AMLAPS_UNKNOWN, 0, 0,
              "AMLapsDevice all at rules.conf:12 matches every device; AMLapsWhen x at rules.conf:12 could not be evaluated; "
              "AMLapsAllow all anyone at rules.conf:12: that is everybody");
    world->device.tenant = world->device.name = world->device.device_id = NULL;
    explained(world, rule_of(world, "x", "contoso", "device name LON-*", "allow all anyone", NULL), AMLAPS_UNKNOWN, 0, 0,
              "the rule at rules.conf:12 is for tenant contoso and the device's tenant is not known; AMLapsDevice name LON-* at rules.conf:12 "
              "cannot be judged because the device's name could not be looked up; AMLapsAllow all anyone at rules.conf:12: that is everybody");
    explained(world, rule_of(world, "x", NULL, "device id " GUID_A, "allow all user bob", NULL), AMLAPS_UNKNOWN, 0, 0,
              "AMLapsDevice id " GUID_A " at rules.conf:12 cannot be judged because the device's id could not be looked up; "
              "no AMLapsAllow or AMLapsDeny line names the person");
}

static void control_characters_and_no_origin(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *rule = amlaps_rule_make("x", NULL, NULL, world->pool);

    assert_null(set(rule, "device name *", world->pool));
    assert_null(set(rule, "allow all anyone", world->pool));
    amlaps_policy_add(world->policy, rule);
    world->device.name = "LON\n\x1b[2J";
    explained(world, rule, AMLAPS_YES, 3, 0, "AMLapsDevice name * matches \"LON\\x0a\\x1b[2J\"; AMLapsAllow all anyone: that is everybody");
}

static void every_rule_in_order(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *first = rule_of(world, "a", NULL, "device all", "allow all anyone", NULL);
    amlaps_rule_t *second = rule_of(world, "b", NULL, "device name PAR-*", "deny all anyone", NULL);
    amlaps_rule_t *third = rule_of(world, "c", NULL, "device all", "deny history anyone", NULL);

    assert_ptr_equal(explain(world, 0)->rule, first);
    assert_ptr_equal(explain(world, 1)->rule, second);
    assert_ptr_equal(explain(world, 2)->rule, third);
    assert_int_equal(explain(world, 2)->denies, AMLAPS_PERMISSION_HISTORY);
    world->policy = amlaps_policy_make(world->pool);
    amlaps_policy_compile(world->policy);
    assert_int_equal(amlaps_policy_explain(world->policy, &world->question, world->pool)->nelts, 0);
}

static void directives_have_lines_of_their_own(void **state)
{
    static const char *const names[] = {"LON-*"}, *const groups[] = {GUID_C}, *const everybody[] = {"password", "anyone"},
                                   *const helpdesk[] = {"history", "group", "Helpdesk"};
    world_t *world = *state;
    amlaps_rule_t *rule = amlaps_rule_make("London", NULL, "rules.conf:1", world->pool);
    const char *why;

    amlaps_rule_at(rule, "rules.conf:2");
    assert_null(amlaps_rule_add_device(rule, "group", groups, 1));
    amlaps_rule_at(rule, "rules.conf:3");
    assert_null(amlaps_rule_add_device(rule, "name", names, 1));
    amlaps_rule_at(rule, "rules.conf:4");
    assert_null(amlaps_rule_add_entry(rule, 0, everybody, 2));
    amlaps_rule_at(rule, "rules.conf:5");
    assert_null(amlaps_rule_add_entry(rule, 1, helpdesk, 3));
    amlaps_policy_add(world->policy, rule);
    amlaps_policy_compile(world->policy);
    why = APR_ARRAY_IDX(amlaps_policy_explain(world->policy, &world->question, world->pool), 0, amlaps_rule_explanation_t).why;
    assert_non_null(strstr(why, "AMLapsDevice name LON-* at rules.conf:3 matches"));
    assert_non_null(strstr(why, "AMLapsAllow password anyone at rules.conf:4: that is everybody"));
    assert_non_null(strstr(why, "AMLapsDeny history group Helpdesk at rules.conf:5: the person is in it"));
}

/* @return what is said about the line that matches: "AMLapsDevice … at rules.conf:N" */
static const char *line_that_matches(world_t *world)
{
    amlaps_policy_compile(world->policy);
    return APR_ARRAY_IDX(amlaps_policy_explain(world->policy, &world->question, world->pool), 0, amlaps_rule_explanation_t).why;
}

static void like_lines_are_told_apart(void **state)
{
    static const char *const par[] = {"PAR-*"}, *const lon[] = {"LON-*"}, *const everybody[] = {"password", "anyone"};
    world_t *world = *state;
    amlaps_rule_t *rule = amlaps_rule_make("London", NULL, "rules.conf:1", world->pool);

    amlaps_policy_add(world->policy, rule);
    assert_null(amlaps_rule_add_entry(rule, 0, everybody, 2));
    amlaps_rule_at(rule, "rules.conf:2");
    assert_null(amlaps_rule_add_device(rule, "owner", NULL, 0));
    amlaps_rule_at(rule, "rules.conf:3");
    assert_null(amlaps_rule_add_device(rule, "all", NULL, 0));
    assert_non_null(strstr(line_that_matches(world), "AMLapsDevice all at rules.conf:3 matches"));
    amlaps_rule_at(rule, "rules.conf:4");
    assert_null(amlaps_rule_add_device(rule, "name", par, 1));
    amlaps_rule_at(rule, "rules.conf:5");
    assert_null(amlaps_rule_add_device(rule, "name", lon, 1));
    assert_non_null(strstr(line_that_matches(world), "AMLapsDevice name LON-* at rules.conf:5 matches"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(directives_have_lines_of_their_own), world_test(like_lines_are_told_apart),
        world_test(a_rule_that_grants),      world_test(a_rule_for_other_devices),
        world_test(a_rule_that_is_out),      world_test(a_rule_that_is_not_known_to_count),
        world_test(control_characters_and_no_origin), world_test(every_rule_in_order),
    };

    return cmocka_run_group_tests_name("policy/explain", tests, NULL, NULL);
}
