/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "test_policy_world.h"

static void nobody_without_a_grant(void **state)
{
    world_t *world = *state;

    assert_answer(world, "deny -");
    rule_of(world, "others", NULL, "device all", "allow all group Admins", NULL);
    rule_of(world, "elsewhere", NULL, "device name PAR-*", "allow all group Helpdesk", NULL);
    rule_of(world, "history", NULL, "device all", "allow history group Helpdesk", NULL);
    assert_answer(world, "deny -");
    assert_history(world, "allow history");
}

static void a_deny_beats_every_allow(void **state)
{
    world_t *world = *state;

    rule_of(world, "exactly this", NULL, "device id " DEVICE_ID, "allow all user alice@contoso.com", NULL);
    rule_of(world, "nobody", NULL, "device all", "deny password anyone", NULL);
    rule_of(world, "no helpdesk", NULL, "device all", "deny password group Helpdesk", NULL);
    assert_answer(world, "deny nobody");
    assert_history(world, "allow exactly this");
}

static void the_first_deny_is_named(void **state)
{
    world_t *world = *state;

    rule_of(world, "elsewhere", NULL, "device name PAR-*", "deny all anyone", NULL);
    rule_of(world, "by role", NULL, "device all", "deny all role Operator", NULL);
    rule_of(world, "by group", NULL, "device all", "deny all group Helpdesk", "allow all group Helpdesk", NULL);
    rule_of(world, "by name", NULL, "device all", "deny all anyone", NULL);
    assert_answer(world, "deny by role");
}

static void the_most_specific_grant_counts(void **state)
{
    static const char *const devices[] = {"device all", "device unit " GUID_C, "device group " GUID_B, "device name LON-*", "device owner",
                                          "device id " DEVICE_ID};
    static const char *const names[] = {"all", "unit", "group", "name", "owner", "id"};
    world_t *world = *state;
    apr_size_t i;

    world->device.owner = AMLAPS_YES;
    for (i = 0; i < 6; i++) {
        rule_of(world, names[i], NULL, devices[i], "allow all anyone", NULL);
        rule_of(world, "later", NULL, devices[i], "allow all anyone", NULL);
        assert_answer(world, apr_pstrcat(world->pool, "allow ", names[i], NULL));
    }
    rule_of(world, "at last", NULL, "device all", "allow all anyone", NULL);
    assert_answer(world, "allow id");
}

static void order_settles_among_equals(void **state)
{
    world_t *world = *state;

    rule_of(world, "not this", NULL, "device name PAR-*", "allow all role Operator", NULL);
    rule_of(world, "second by group", NULL, "device name LON-*", "allow all group " GUID_A, NULL);
    rule_of(world, "first by role", NULL, "device name *", "allow all role Operator", NULL);
    rule_of(world, "for all", NULL, "device name *", "allow all anyone", NULL);
    assert_answer(world, "allow second by group");
}

static void an_unknown_never_grants(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *failing = rule_of(world, "failing", NULL, "device all", "allow all anyone", NULL);

    fill_known(world, 0);
    assert_null(amlaps_rule_set_condition(failing, constant, &is_unsure, 0, "x"));
    rule_of(world, "owner", NULL, "device owner", "allow all anyone", NULL);
    rule_of(world, "group", NULL, "device group " GUID_A, "allow all anyone", NULL);
    rule_of(world, "unit", NULL, "device unit " GUID_A, "allow all anyone", NULL);
    rule_of(world, "people", NULL, "device all", "allow all group Admins", NULL);
    assert_answer(world, "deny -");
    rule_of(world, "known", NULL, "device all", "allow all group Helpdesk", NULL);
    assert_answer(world, "allow known");
}

static void a_deny_that_could_count_is_undecidable(void **state)
{
    static const char *const devices[] = {"device owner", "device group " GUID_A, "device unit " GUID_A};
    world_t *world = *state;
    apr_size_t i;

    fill_known(world, 0);
    for (i = 0; i < 3; i++) {
        world->policy = amlaps_policy_make(world->pool);
        rule_of(world, "grant", NULL, "device all", "allow password anyone", NULL);
        rule_of(world, "unsure", NULL, devices[i], "deny all role Operator", NULL);
        rule_of(world, "others", NULL, devices[i], "deny all role Admin", NULL);
        assert_answer(world, "undecidable unsure");
        assert_history(world, "deny -");
        rule_of(world, "known", NULL, "device all", "deny password anyone", NULL);
        assert_answer(world, "deny known");
    }
}

static void groups_that_are_not_known_could_be_denied(void **state)
{
    world_t *world = *state;

    world->person.groups_known = 0;
    rule_of(world, "grant", NULL, "device all", "allow password group Helpdesk", NULL);
    rule_of(world, "elsewhere", NULL, "device name PAR-*", "deny all group Contractors", NULL);
    rule_of(world, "history", NULL, "device all", "deny history group Contractors", NULL);
    assert_answer(world, "allow grant");
    rule_of(world, "by role", NULL, "device owner", "deny password role Operator", NULL);
    rule_of(world, "contractors", NULL, "device all", "deny all group Contractors", NULL);
    rule_of(world, "again", NULL, "device all", "deny all group Contractors", NULL);
    assert_answer(world, "undecidable contractors");
    assert_history(world, "deny -");
    world->device.owner = AMLAPS_UNKNOWN;
    assert_answer(world, "undecidable by role");
    world->device.owner = AMLAPS_NO;
    world->person.groups_known = 1;
    assert_answer(world, "allow grant");
}

static void the_claim_of_groups_is_unknown_while_they_are(void **state)
{
    static const char *const found[] = {"Contractors"};
    world_t *world = *state;

    rule_of(world, "grant", NULL, "device all", "allow password role Operator", NULL);
    rule_of(world, "contractors", NULL, "device all", "deny all claim groups Contractors", NULL);
    assert_answer(world, "allow grant");
    world->person.groups_known = 0;
    assert_answer(world, "undecidable contractors");
    world->person.groups_known = 1;
    world->person.groups = found;
    world->person.group_count = 1;
    assert_answer(world, "deny contractors");
    rule_of(world, "other claims", NULL, "device all", "deny all claim department Sales", NULL);
    world->person.group_count = 0;
    assert_answer(world, "allow grant");
}

static void the_first_unsure_rule_is_named(void **state)
{
    world_t *world = *state;

    world->person.groups_known = 0;
    world->device.owner = AMLAPS_UNKNOWN;
    rule_of(world, "grant", NULL, "device all", "allow password anyone", NULL);
    rule_of(world, "by group", NULL, "device all", "deny all group Contractors", NULL);
    rule_of(world, "by role", NULL, "device owner", "deny password role Operator", NULL);
    rule_of(world, "by anyone", NULL, "device owner", "deny password anyone", NULL);
    assert_answer(world, "undecidable by group");
}

static void a_false_condition_is_out_whatever_else_is_unknown(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *night = rule_of(world, "night", NULL, "device owner", "deny password group Contractors", "allow history anyone", NULL);

    fill_known(world, 0);
    rule_of(world, "grant", NULL, "device all", "allow password anyone", NULL);
    assert_answer(world, "undecidable night");
    assert_null(amlaps_rule_set_condition(night, constant, &is_false, 0, "x"));
    assert_answer(world, "allow grant");
    assert_history(world, "deny -");
}

static void another_tenant_and_an_expired_rule_are_out(void **state)
{
    world_t *world = *state;

    rule_of(world, "fabrikam", "fabrikam", "device all", "deny all anyone", "allow all anyone", NULL);
    rule_of(world, "over", NULL, "device all", "deny all anyone", "allow all anyone", "expires 2023-11-13", NULL);
    assert_answer(world, "deny -");
    rule_of(world, "contoso", "contoso", "device all", "allow all anyone", "expires 2023-11-14", NULL);
    assert_answer(world, "allow contoso");
}

static void a_rule_may_stand_in_several_policies(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *shared = rule_of(world, "shared", NULL, "device all", "allow password anyone", NULL);

    assert_answer(world, "allow shared");
    world->policy = amlaps_policy_make(world->pool);
    rule_of(world, "own", NULL, "device all", "allow password anyone", NULL);
    amlaps_policy_add(world->policy, shared);
    assert_answer(world, "allow own");
    assert_int_equal(amlaps_policy_count(world->policy), 2);
}

static void a_policy_that_is_not_compiled(void **state)
{
    world_t *world = *state;
    amlaps_decision_t decision;

    assert_aborts(amlaps_policy_decide(&decision, world->policy, AMLAPS_PERMISSION_PASSWORD, &world->question));
    assert_aborts(amlaps_policy_needs(world->policy, AMLAPS_PERMISSION_ALL, &world->question));
    assert_aborts(amlaps_policy_explain(world->policy, &world->question, world->pool));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(nobody_without_a_grant),
        world_test(a_deny_beats_every_allow),
        world_test(the_first_deny_is_named),
        world_test(the_most_specific_grant_counts),
        world_test(order_settles_among_equals),
        world_test(an_unknown_never_grants),
        world_test(a_deny_that_could_count_is_undecidable),
        world_test(groups_that_are_not_known_could_be_denied),
        world_test(the_claim_of_groups_is_unknown_while_they_are),
        world_test(the_first_unsure_rule_is_named),
        world_test(a_false_condition_is_out_whatever_else_is_unknown),
        world_test(another_tenant_and_an_expired_rule_are_out),
        world_test(a_rule_may_stand_in_several_policies),
        world_test(a_policy_that_is_not_compiled),
    };

    return cmocka_run_group_tests_name("policy/decide", tests, NULL, NULL);
}
