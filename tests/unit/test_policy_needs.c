/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "test_policy_world.h"

static int needs(world_t *world, int permissions)
{
    amlaps_policy_compile(world->policy);
    return amlaps_policy_needs(world->policy, permissions, &world->question);
}

/* Everything is unknown but who Alice is and what is listed. */
static world_t *unknown_world(void **state)
{
    world_t *world = *state;

    fill_known(world, 0);
    return world;
}

static void nothing_to_look_up(void **state)
{
    world_t *world = *state;

    rule_of(world, "x", NULL, "device group " GUID_A, "allow all anyone", NULL);
    rule_of(world, "x", NULL, "device owner", "deny all group Contractors", NULL);
    assert_int_equal(needs(world, AMLAPS_PERMISSION_ALL), AMLAPS_NEED_NOTHING);
}

static void each_fact_where_a_rule_looks_at_it(void **state)
{
    static const struct {
        const char *device, *people;
        int needs;
    } cases[] = {
        {"device group " GUID_A, "allow all anyone", AMLAPS_NEED_DEVICE_GROUPS},
        {"device unit " GUID_A, "allow all anyone", AMLAPS_NEED_DEVICE_UNITS},
        {"device owner", "allow all anyone", AMLAPS_NEED_DEVICE_OWNER},
        {"device all", "allow all group Admins", AMLAPS_NEED_PERSON_GROUPS},
        {"device unit " GUID_A, "allow all group Admins", AMLAPS_NEED_PERSON_GROUPS | AMLAPS_NEED_DEVICE_UNITS},
        {"device all", "allow all anyone", AMLAPS_NEED_NOTHING},
        {"device group " GUID_B, "allow all group Helpdesk", AMLAPS_NEED_NOTHING},
        {"device name PAR-*", "allow all group Admins", AMLAPS_NEED_NOTHING},
        {"device group " GUID_A, "allow all role Admin", AMLAPS_NEED_NOTHING},
        {"device group " GUID_A, "deny all anyone", AMLAPS_NEED_NOTHING},
        {"device all", "deny all group Admins", AMLAPS_NEED_NOTHING},
    };
    world_t *world = unknown_world(state);
    apr_size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        world->policy = amlaps_policy_make(world->pool);
        rule_of(world, "x", NULL, cases[i].device, cases[i].people, NULL);
        if (needs(world, AMLAPS_PERMISSION_ALL) != cases[i].needs) {
            fail_msg("%s, %s: needs %d", cases[i].device, cases[i].people, needs(world, AMLAPS_PERMISSION_ALL));
        }
    }
}

static void denies_matter_once_something_may_grant(void **state)
{
    world_t *world = unknown_world(state);

    rule_of(world, "deny", NULL, "device group " GUID_A, "deny password role Operator", NULL);
    rule_of(world, "others", NULL, "device unit " GUID_A, "deny all role Admin", NULL);
    assert_int_equal(needs(world, AMLAPS_PERMISSION_ALL), AMLAPS_NEED_NOTHING);
    rule_of(world, "allow", NULL, "device all", "allow all anyone", NULL);
    assert_int_equal(needs(world, AMLAPS_PERMISSION_ALL), AMLAPS_NEED_DEVICE_GROUPS);
    assert_int_equal(needs(world, AMLAPS_PERMISSION_HISTORY), AMLAPS_NEED_NOTHING);
    assert_int_equal(needs(world, AMLAPS_PERMISSION_PASSWORD), AMLAPS_NEED_DEVICE_GROUPS);
    rule_of(world, "by group", NULL, "device owner", "deny history group Contractors", "deny password group Helpdesk", NULL);
    assert_int_equal(needs(world, AMLAPS_PERMISSION_HISTORY), AMLAPS_NEED_DEVICE_OWNER | AMLAPS_NEED_PERSON_GROUPS);
    assert_int_equal(needs(world, AMLAPS_PERMISSION_PASSWORD), AMLAPS_NEED_DEVICE_OWNER | AMLAPS_NEED_DEVICE_GROUPS);
    rule_of(world, "certain", NULL, "device all", "deny all role Operator", NULL);
    assert_int_equal(needs(world, AMLAPS_PERMISSION_ALL), AMLAPS_NEED_NOTHING);
}

static void only_a_grant_that_would_outrank_matters(void **state)
{
    world_t *world = unknown_world(state);

    rule_of(world, "name", NULL, "device name LON-*", "allow all anyone", NULL);
    rule_of(world, "less", NULL, "device group " GUID_A, "device unit " GUID_A, "allow all anyone", NULL);
    rule_of(world, "later", NULL, "device name *", "allow all group Admins", NULL);
    assert_int_equal(needs(world, AMLAPS_PERMISSION_ALL), AMLAPS_NEED_NOTHING);
    rule_of(world, "more", NULL, "device owner", "allow history anyone", NULL);
    assert_int_equal(needs(world, AMLAPS_PERMISSION_PASSWORD), AMLAPS_NEED_NOTHING);
    assert_int_equal(needs(world, AMLAPS_PERMISSION_HISTORY), AMLAPS_NEED_DEVICE_OWNER);
}

static void how_specific_the_winner_is_matters_against_rivals(void **state)
{
    world_t *world = unknown_world(state);

    rule_of(world, "wide", NULL, "device all", "device owner", "allow all anyone", NULL);
    assert_int_equal(needs(world, AMLAPS_PERMISSION_ALL), AMLAPS_NEED_NOTHING);
    rule_of(world, "rival", NULL, "device name LON-*", "allow all group Admins", NULL);
    assert_int_equal(needs(world, AMLAPS_PERMISSION_ALL), AMLAPS_NEED_DEVICE_OWNER | AMLAPS_NEED_PERSON_GROUPS);
}

static void a_certain_person_needs_no_groups(void **state)
{
    world_t *world = unknown_world(state);

    rule_of(world, "x", NULL, "device unit " GUID_A, "allow all group Admins", "allow all role Operator", NULL);
    assert_int_equal(needs(world, AMLAPS_PERMISSION_ALL), AMLAPS_NEED_DEVICE_UNITS);
    rule_of(world, "y", NULL, "device all", "deny all group Contractors", "deny history role Operator", NULL);
    assert_int_equal(needs(world, AMLAPS_PERMISSION_HISTORY), AMLAPS_NEED_NOTHING);
    assert_int_equal(needs(world, AMLAPS_PERMISSION_PASSWORD), AMLAPS_NEED_DEVICE_UNITS | AMLAPS_NEED_PERSON_GROUPS);
}

static void conditions_ask_for_what_they_read(void **state)
{
    world_t *world = unknown_world(state);
    amlaps_rule_t *reading = rule_of(world, "reading", NULL, "device all", "allow all anyone", NULL), *failing;

    assert_null(amlaps_rule_set_condition(reading, constant, &is_unsure, AMLAPS_NEED_DEVICE_GROUPS | AMLAPS_NEED_DEVICE_OWNER, "x"));
    assert_int_equal(needs(world, AMLAPS_PERMISSION_ALL), AMLAPS_NEED_DEVICE_GROUPS | AMLAPS_NEED_DEVICE_OWNER);
    world->device.groups_known = 1;
    assert_int_equal(needs(world, AMLAPS_PERMISSION_ALL), AMLAPS_NEED_DEVICE_OWNER);
    world->policy = amlaps_policy_make(world->pool);
    failing = rule_of(world, "failing", NULL, "device unit " GUID_A, "allow all anyone", NULL);
    assert_null(amlaps_rule_set_condition(failing, constant, &is_unsure, AMLAPS_NEED_DEVICE_GROUPS, "x"));
    assert_int_equal(needs(world, AMLAPS_PERMISSION_ALL), AMLAPS_NEED_NOTHING);
}

static void a_condition_does_not_open_what_nobody_can_look_up(void **state)
{
    world_t *world = unknown_world(state);
    amlaps_rule_t *rule = rule_of(world, "named", NULL, "device name LON-*", "allow all anyone", NULL);

    assert_null(amlaps_rule_set_condition(rule, constant, &is_unsure, AMLAPS_NEED_DEVICE_GROUPS, "x"));
    assert_int_equal(needs(world, AMLAPS_PERMISSION_ALL), AMLAPS_NEED_DEVICE_GROUPS);
    world->device.name = NULL;
    assert_int_equal(needs(world, AMLAPS_PERMISSION_ALL), AMLAPS_NEED_NOTHING);
}

static void what_a_look_at_the_device_may_settle_counts(void **state)
{
    world_t *world = unknown_world(state);
    amlaps_rule_t *rule = rule_of(world, "named", NULL, "device name LON-*", "allow all group Admins", NULL);

    assert_null(amlaps_rule_set_condition(rule, constant, &is_unsure, AMLAPS_NEED_NOTHING, "x"));
    world->device.name = NULL;
    assert_int_equal(needs(world, AMLAPS_PERMISSION_ALL), AMLAPS_NEED_NOTHING);
    world->device.unseen = 1;
    assert_int_equal(needs(world, AMLAPS_PERMISSION_ALL), AMLAPS_NEED_PERSON_GROUPS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(nothing_to_look_up),
        world_test(each_fact_where_a_rule_looks_at_it),
        world_test(denies_matter_once_something_may_grant),
        world_test(only_a_grant_that_would_outrank_matters),
        world_test(how_specific_the_winner_is_matters_against_rivals),
        world_test(a_certain_person_needs_no_groups),
        world_test(conditions_ask_for_what_they_read),
        world_test(a_condition_does_not_open_what_nobody_can_look_up),
        world_test(what_a_look_at_the_device_may_settle_counts),
    };

    return cmocka_run_group_tests_name("policy/needs", tests, NULL, NULL);
}
