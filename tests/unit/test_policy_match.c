/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "test_policy_world.h"

#include "../../src/policy/hash.h"
#include "../../src/policy/match.h"

static amlaps_known_t matches(world_t *world, const char *directive)
{
    amlaps_rule_t *rule = rule_of(world, "x", NULL, directive, NULL);
    amlaps_match_t match;

    amlaps_match_begin(&match, &world->question);
    return amlaps_match_rule(&match, rule).known;
}

static void kinds_of_devices(void **state)
{
    world_t *world = *state;

    assert_int_equal(matches(world, "device all"), AMLAPS_YES);
    assert_int_equal(matches(world, "device id " DEVICE_ID), AMLAPS_YES);
    assert_int_equal(matches(world, "device id D0000000-0000-4000-8000-00000000000D"), AMLAPS_YES);
    assert_int_equal(matches(world, "device id " GUID_A " " DEVICE_ID), AMLAPS_YES);
    assert_int_equal(matches(world, "device id " GUID_A), AMLAPS_NO);
    assert_int_equal(matches(world, "device name LON-*"), AMLAPS_YES);
    assert_int_equal(matches(world, "device name lon-???"), AMLAPS_YES);
    assert_int_equal(matches(world, "device name PAR-* ?on-001"), AMLAPS_YES);
    assert_int_equal(matches(world, "device name LON-00"), AMLAPS_NO);
    assert_int_equal(matches(world, "device name PAR-* LON-0012"), AMLAPS_NO);
    assert_int_equal(matches(world, "device group " GUID_B), AMLAPS_YES);
    assert_int_equal(matches(world, "device group BBBBBBBB-0000-4000-8000-000000000002"), AMLAPS_YES);
    assert_int_equal(matches(world, "device group " GUID_A " " GUID_B), AMLAPS_YES);
    assert_int_equal(matches(world, "device group " GUID_C), AMLAPS_NO);
    assert_int_equal(matches(world, "device unit " GUID_C), AMLAPS_YES);
    assert_int_equal(matches(world, "device unit " GUID_B), AMLAPS_NO);
    assert_int_equal(matches(world, "device owner"), AMLAPS_NO);
    world->device.owner = AMLAPS_YES;
    assert_int_equal(matches(world, "device owner"), AMLAPS_YES);
}

static void letters_outside_ascii(void **state)
{
    world_t *world = *state;

    world->device.name = "\xE2\x84\xAA\xC3\x96LN-1";
    assert_int_equal(matches(world, "device name k\xC3\xB6ln-*"), AMLAPS_YES);
    world->device.name = "k\xC3\xB6ln-1";
    assert_int_equal(matches(world, "device name \xE2\x84\xAA\xC3\x96LN-1"), AMLAPS_YES);
    assert_int_equal(matches(world, "device name \xE2\x84\xAA\xC3\x96LN-2"), AMLAPS_NO);
    world->device.name = "";
    assert_int_equal(matches(world, "device name *"), AMLAPS_YES);
    assert_int_equal(matches(world, "device name L*"), AMLAPS_NO);
    world->device.name = "@1";
    assert_int_equal(matches(world, "device name `1"), AMLAPS_NO);
}

static void what_is_unknown(void **state)
{
    world_t *world = *state;

    fill_known(world, 0);
    assert_int_equal(matches(world, "device owner"), AMLAPS_UNKNOWN);
    assert_int_equal(matches(world, "device group " GUID_A), AMLAPS_UNKNOWN);
    assert_int_equal(matches(world, "device group " GUID_B), AMLAPS_YES);
    assert_int_equal(matches(world, "device unit " GUID_A), AMLAPS_UNKNOWN);
    assert_int_equal(matches(world, "device unit " GUID_C), AMLAPS_YES);
    world->device.device_id = world->device.name = NULL;
    assert_int_equal(matches(world, "device id " GUID_A), AMLAPS_UNKNOWN);
    assert_int_equal(matches(world, "device name *"), AMLAPS_UNKNOWN);
    assert_int_equal(matches(world, "device all"), AMLAPS_YES);
}

static amlaps_known_t rule_matches(world_t *world, amlaps_rule_t *rule)
{
    amlaps_match_t match;

    amlaps_match_begin(&match, &world->question);
    return amlaps_match_rule(&match, rule).known;
}

static void tenant_and_expiry(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *own = rule_of(world, "own", "contoso", "device all", NULL);
    amlaps_rule_t *other = rule_of(world, "other", "Contoso", "device all", NULL);
    amlaps_rule_t *over = rule_of(world, "over", NULL, "device all", "expires 2023-11-13", NULL);
    amlaps_rule_t *last_day = rule_of(world, "last day", NULL, "device all", "expires 2023-11-14", NULL);

    assert_int_equal(rule_matches(world, own), AMLAPS_YES);
    assert_int_equal(rule_matches(world, other), AMLAPS_NO);
    assert_int_equal(rule_matches(world, over), AMLAPS_NO);
    assert_int_equal(rule_matches(world, last_day), AMLAPS_YES);
    world->device.tenant = NULL;
    assert_int_equal(rule_matches(world, own), AMLAPS_UNKNOWN);
    assert_int_equal(rule_matches(world, last_day), AMLAPS_YES);
}

static void conditions_in_three_values(void **state)
{
    static const struct {
        const amlaps_known_t *condition;
        const char *device;
        amlaps_known_t expected;
    } cases[] = {
        {&is_true, "device all", AMLAPS_YES},          {&is_false, "device all", AMLAPS_NO},
        {&is_unsure, "device all", AMLAPS_UNKNOWN},    {&is_true, "device owner", AMLAPS_UNKNOWN},
        {&is_false, "device owner", AMLAPS_NO},        {&is_unsure, "device owner", AMLAPS_UNKNOWN},
        {&is_true, "device name PAR-*", AMLAPS_NO},    {&is_unsure, "device name PAR-*", AMLAPS_NO},
    };
    world_t *world = *state;
    apr_size_t i;

    world->device.owner = AMLAPS_UNKNOWN;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        amlaps_rule_t *rule = rule_of(world, "x", NULL, cases[i].device, NULL);

        assert_null(amlaps_rule_set_condition(rule, constant, cases[i].condition, 0, "x"));
        assert_int_equal(rule_matches(world, rule), cases[i].expected);
    }
}

static amlaps_known_t count_calls(void *request, const void *condition, const amlaps_person_t *person, const amlaps_device_t *device)
{
    assert_string_equal(condition, "data");
    assert_string_equal(person->oid, OID);
    assert_string_equal(device->name, "LON-001");
    ++*(int *)request;
    return AMLAPS_YES;
}

static void conditions_are_asked_once_and_only_where_they_matter(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *rule = rule_of(world, "x", NULL, "device all", NULL), *other = rule_of(world, "y", NULL, "device id " GUID_A, NULL);
    amlaps_match_t match;
    int calls = 0;

    world->question.request = &calls;
    assert_null(amlaps_rule_set_condition(rule, count_calls, "data", 0, "x"));
    assert_null(amlaps_rule_set_condition(other, count_calls, "data", 0, "x"));
    amlaps_match_begin(&match, &world->question);
    assert_int_equal(amlaps_match_rule(&match, other).known, AMLAPS_NO);
    assert_int_equal(calls, 0);
    assert_int_equal(amlaps_match_rule(&match, rule).known, AMLAPS_YES);
    assert_int_equal(amlaps_match_rule(&match, rule).known, AMLAPS_YES);
    assert_int_equal(calls, 1);
}

/* More groups than the table holds: those beyond are found one by one. */
static void a_device_in_thousands_of_groups(void **state)
{
    world_t *world = *state;
    const char **groups = apr_pcalloc(world->pool, 2000 * sizeof(*groups));
    const apr_size_t probes[] = {0, 1, 766, 767, 768, 769, 1023, 1024, 1999};
    apr_size_t i;

    for (i = 0; i < 2000; i++) {
        groups[i] = apr_psprintf(world->pool, "%08x-0000-4000-8000-%012x", (unsigned)i, (unsigned)i);
    }
    world->device.groups = groups;
    world->device.group_count = 2000;
    for (i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
        assert_int_equal(matches(world, apr_psprintf(world->pool, "device group %s", groups[probes[i]])), AMLAPS_YES);
    }
    assert_int_equal(matches(world, "device group " GUID_B), AMLAPS_NO);
    world->device.group_count = 768;
    assert_int_equal(matches(world, apr_psprintf(world->pool, "device group %s", groups[768])), AMLAPS_NO);
}

static void specificity_is_that_of_the_best_line(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *rule = rule_of(world, "x", NULL, "device all", "device name LON-*", "device id " GUID_A, "device owner", NULL);
    amlaps_match_t match;

    amlaps_match_begin(&match, &world->question);
    assert_int_equal(amlaps_match_rule(&match, rule).selector, AMLAPS_SELECT_NAME);
    world->device.owner = AMLAPS_UNKNOWN;
    amlaps_match_begin(&match, &world->question);
    assert_int_equal(amlaps_match_rule(&match, rule).known, AMLAPS_YES);
    assert_int_equal(amlaps_match_rule(&match, rule).selector, AMLAPS_SELECT_NAME);
    world->device.owner = AMLAPS_YES;
    amlaps_match_begin(&match, &world->question);
    assert_int_equal(amlaps_match_rule(&match, rule).selector, AMLAPS_SELECT_OWNER);
}

static void outlooks(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *rule = rule_of(world, "x", NULL, "device group " GUID_A, "device unit " GUID_A, "device owner", NULL);
    amlaps_rule_t *named = rule_of(world, "x", NULL, "device name LON-*", "device owner", "device group " GUID_A, NULL);
    amlaps_outlook_t outlook;
    amlaps_match_t match;

    fill_known(world, 0);
    assert_int_equal(amlaps_match_unknown(&world->question), 15);
    amlaps_match_begin(&match, &world->question);
    amlaps_match_outlook(&outlook, &match, rule);
    assert_int_equal(outlook.matched.known, AMLAPS_UNKNOWN);
    assert_int_equal(outlook.can_match, 1);
    assert_int_equal(outlook.best, AMLAPS_SELECT_OWNER);
    assert_int_equal(outlook.decides, AMLAPS_NEED_DEVICE_OWNER | AMLAPS_NEED_DEVICE_GROUPS | AMLAPS_NEED_DEVICE_UNITS);
    amlaps_match_outlook(&outlook, &match, named);
    assert_int_equal(outlook.matched.known, AMLAPS_YES);
    assert_int_equal(outlook.decides, AMLAPS_NEED_NOTHING);
    assert_int_equal(outlook.ranks, AMLAPS_NEED_DEVICE_OWNER);
    assert_int_equal(outlook.best, AMLAPS_SELECT_OWNER);
}

static void nothing_helps_what_cannot_be_looked_up(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *named = rule_of(world, "x", NULL, "device name LON-*", NULL), *own = rule_of(world, "x", "contoso", "device all", NULL);
    amlaps_rule_t *failing = rule_of(world, "x", NULL, "device all", NULL), *reading = rule_of(world, "x", NULL, "device all", NULL);
    amlaps_outlook_t outlook;
    amlaps_match_t match;

    fill_known(world, 0);
    world->device.name = world->device.tenant = NULL;
    assert_null(amlaps_rule_set_condition(failing, constant, &is_unsure, 0, "x"));
    assert_null(amlaps_rule_set_condition(reading, constant, &is_unsure, AMLAPS_NEED_DEVICE_GROUPS, "x"));
    amlaps_match_begin(&match, &world->question);
    amlaps_match_outlook(&outlook, &match, named);
    assert_int_equal(outlook.can_match, 0);
    assert_int_equal(outlook.decides, AMLAPS_NEED_NOTHING);
    amlaps_match_outlook(&outlook, &match, own);
    assert_int_equal(outlook.can_match, 0);
    amlaps_match_outlook(&outlook, &match, failing);
    assert_int_equal(outlook.can_match, 0);
    assert_int_equal(outlook.decides, AMLAPS_NEED_NOTHING);
    amlaps_match_outlook(&outlook, &match, reading);
    assert_int_equal(outlook.can_match, 1);
    assert_int_equal(outlook.decides, AMLAPS_NEED_DEVICE_GROUPS);
    assert_null(amlaps_rule_set_condition(named, constant, &is_unsure, AMLAPS_NEED_DEVICE_OWNER, "x"));
    amlaps_match_begin(&match, &world->question);
    amlaps_match_outlook(&outlook, &match, named);
    assert_int_equal(outlook.can_match, 0);
    assert_int_equal(outlook.decides, AMLAPS_NEED_DEVICE_OWNER);
}

/* Hashes only narrow down: values that share one with a group, or with the device's id, are still others. */
static void hashes_that_collide(void **state)
{
    world_t *world = *state;
    const char **groups = apr_pcalloc(world->pool, 760 * sizeof(*groups));
    amlaps_match_t match;
    char text[40], *id;
    unsigned i;

    for (i = 0; i < 760; i++) {
        groups[i] = apr_psprintf(world->pool, "%08x-0000-4000-8000-%012x", i, i);
    }
    world->device.groups = groups;
    world->device.group_count = 760;
    amlaps_match_begin(&match, &world->question);
    for (i = 0; i < 400000; i++) {
        amlaps_value_t value = {0, text, text};
        amlaps_line_t line = {AMLAPS_SELECT_GROUP, 1, &value, 0};
        const amlaps_value_t *found;

        apr_snprintf(text, sizeof(text), "%08x-1111-4000-8000-%012x", i, i);
        line.first_hash = value.hash = amlaps_hash_folded(text);
        assert_int_equal(amlaps_match_line(&match, &line, &found), AMLAPS_NO);
        assert_null(found);
    }
    id = apr_pstrdup(world->pool, DEVICE_ID);
    id[1] = '\x10';
    world->device.device_id = id;
    assert_true(amlaps_hash_folded(id) == amlaps_hash_folded(DEVICE_ID));
    assert_int_equal(matches(world, "device id " DEVICE_ID), AMLAPS_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(kinds_of_devices),
        world_test(letters_outside_ascii),
        world_test(what_is_unknown),
        world_test(tenant_and_expiry),
        world_test(conditions_in_three_values),
        world_test(conditions_are_asked_once_and_only_where_they_matter),
        world_test(a_device_in_thousands_of_groups),
        world_test(specificity_is_that_of_the_best_line),
        world_test(outlooks),
        world_test(nothing_helps_what_cannot_be_looked_up),
        world_test(hashes_that_collide),
    };

    return cmocka_run_group_tests_name("policy/match", tests, NULL, NULL);
}
