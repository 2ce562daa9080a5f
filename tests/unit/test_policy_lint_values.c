/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Values that most likely name nobody, or no device. */

#include "test_policy_lint.h"

/* The report on a rule that allows the value to this kind. */
static const char *of_value(world_t *world, const char *kind, const char *value)
{
    const char *claim = strchr(kind, ' ');
    const char *words[] = {"password", claim ? "claim" : kind, claim ? claim + 1 : value, value};
    amlaps_rule_t *rule = amlaps_rule_make("x", NULL, NULL, world->pool);

    assert_null(set(rule, "device all", world->pool));
    assert_null(amlaps_rule_add_entry(rule, 0, words, claim ? 4 : 3));
    amlaps_policy_add(world->policy, rule);
    return lint(world);
}

static void groups_that_nobody_has(void **state)
{
    static const struct {
        const char *value, *says; /* NULL: nothing */
    } cases[] = {
        {GUID_A, NULL},
        {"AAAAAAAA-0000-4000-8000-000000000001", NULL},
        {"Helpdesk", NULL},
        {"Helpdesk, London", NULL},
        {"Help desk", NULL},
        {"\xc3\x84", NULL},
        {"x", NULL},
        {"decade-facade", NULL},
        {"4f0c8c55-7a9e-4b0e-8a5", NULL},
        {"aaaaaaaa-0000-4000-8000-000000000001-old", NULL},
        {"aaaaaaaa_0000_4000_8000_00000000000g", NULL},
        {"Team-for-the-desk-of-the-west", NULL},
        {"aaaaaaaa-0000-4000-8000-00000000001", "looks like a GUID"},
        {"aaaaaaaa-0000-4000-8000-0000000000001", "looks like a GUID"},
        {"aaaaaaaa000040008000000000000001", "looks like a GUID"},
        {"{" GUID_A "}", "looks like a GUID"},
        {"(" GUID_A ")", "looks like a GUID"},
        {"aaaaaaaa-0000-4000-80", NULL},
        {"aaaaaaaa-0000-4000-8000", "looks like a GUID"},
        {"aaaaaaaa-0000-4000-8000-00000000000g", "looks like a GUID"},
        {"aaaaaaaa-O000-4000-8000-000000000001", "looks like a GUID"},
        {"00000000-0000-0000-0000-000000000000", "looks like a GUID"},
        {" Helpdesk", "begins or ends with a space"},
        {"Helpdesk ", "begins or ends with a space"},
        {" ", "begins or ends with a space"},
        {"\xc2\xa0Helpdesk", "begins or ends with a space"},
        {"Helpdesk\xc2\xa0", "begins or ends with a space"},
        {" " GUID_A, "begins or ends with a space"},
        {GUID_A "," GUID_B, "write the GUIDs apart"},
        {"Helpdesk, " GUID_B, "write the GUIDs apart"},
        {GUID_A ";" GUID_B, "write the GUIDs apart"},
        {"Helpdesk; London", NULL},
        {"Help*desk", NULL},
        {"Helpdesk-*", "is the name of one group, not a pattern"},
        {"*-Helpdesk", "is the name of one group, not a pattern"},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *heard = of_value(*state, "group", cases[i].value);
        int good = cases[i].says ? strncmp(heard, "AML0504 x: group \"", 18) == 0 && strstr(heard, cases[i].says) != NULL : !*heard;

        if (!good) {
            fail_msg("group \"%s\": %s", cases[i].value, heard);
        }
    }
}

static void users_that_nobody_is(void **state)
{
    static const struct {
        const char *value, *says;
    } cases[] = {
        {OID, NULL},
        {"alice@contoso.com", NULL},
        {"alice", "write one such as alice@contoso.com"},
        {"contoso\\alice", "write one such as"},
        {"Helpdesk", "to name a group write group"},
        {"11111111-2222-4333-8444-55555555555", "the GUID of the person's oid"},
        {" alice@contoso.com", "begins or ends with a space"},
        {"alice@contoso.com,bob@contoso.com", "write the user names apart"},
        {"alice@contoso.com;bob@contoso.com", "write the user names apart"},
        {"*@contoso.com", "is one user name, not a pattern"},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *heard = of_value(*state, "user", cases[i].value);
        int good = cases[i].says ? strncmp(heard, "AML0505 x: user \"", 17) == 0 && strstr(heard, cases[i].says) != NULL : !*heard;

        if (!good) {
            fail_msg("user \"%s\": %s", cases[i].value, heard);
        }
    }
}

static void values_that_no_token_has(void **state)
{
    static const struct {
        const char *kind, *value, *says;
    } cases[] = {
        {"role", " 1 ", NULL},
        {"role", "Laps.Reader", NULL},
        {"role", "Laps*Reader", NULL},
        {"role", "Laps.Reader,Laps.Auditor", "write the roles apart"},
        {"role", "Laps.Reader;Laps.Auditor", "write the roles apart"},
        {"role", "Laps.*", "is one value, not a pattern"},
        {"claim oid", OID, NULL},
        {"claim oid", "AAAAAAAA-0000-4000-8000-00000000000A", "write it in lower case"},
        {"claim tid", "AAAAAAAA-0000-4000-8000-00000000000A", "write it in lower case"},
        {"claim groups", "aaaaaaaa-0000-4000-8000-00000000000A", "write it in lower case"},
        {"claim wids", "AAAAAAAA-0000-4000-8000-00000000000A", "write it in lower case"},
        {"claim site", "AAAAAAAA-0000-4000-8000-00000000000A", NULL},
        {"claim groups", "Helpdesk", NULL},
        {"claim department", "IT, London", NULL},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *heard = of_value(*state, cases[i].kind, cases[i].value);
        int good = cases[i].says ? strncmp(heard, "AML0509 x: ", 11) == 0 && strstr(heard, cases[i].says) != NULL : !*heard;

        if (!good) {
            fail_msg("%s \"%s\": %s", cases[i].kind, cases[i].value, heard);
        }
    }
}

static void names_that_no_device_has(void **state)
{
    world_t *world = *state;

    rule_of(world, "x", NULL, "device name SRV-*,DC-*", "deny all role a", NULL);
    assert_one(world, "AML0508 x: name \"SRV-*,DC-*\" is one pattern, commas included, and no device has such a name: write the patterns apart");
    rule_of(world, "x", NULL, "device all", "device name SRV-* DC-*;A", "deny all role a", NULL);
    assert_one(world, "AML0508 x: name \"DC-*;A\" is one pattern");
    rule_of(world, "x", NULL, "device name *-1 ?", "device group " GUID_A, "deny all role a", NULL);
    assert_none(world);
    {
        static const char *const padded[] = {"LON-* "};
        amlaps_rule_t *rule = amlaps_rule_make("x", NULL, NULL, world->pool);

        assert_null(amlaps_rule_add_device(rule, "name", padded, 1));
        assert_null(set(rule, "deny all role a", world->pool));
        amlaps_policy_add(world->policy, rule);
        assert_one(world, "AML0508 x: name \"LON-* \" begins or ends with a space");
    }
}

static void values_of_denials_too(void **state)
{
    world_t *world = *state;

    rule_of(world, "x", NULL, "device all", "deny password user a@b c d@e", NULL);
    assert_one(world, "AML0505 x: user \"c\" is neither");
}

static void another_kind_in_the_same_line(void **state)
{
    static const struct {
        const char *line, *says; /* NULL: nothing */
    } cases[] = {
        {"deny all group " GUID_A " user a@b", "AML0504 x: group \"user\" is a value like those before it"},
        {"deny all group " GUID_A " Role Laps.Reader", "AML0504 x: group \"Role\" is a value"},
        {"deny all group Helpdesk group " GUID_A, "AML0504 x: group \"group\" is a value"},
        {"deny all group Helpdesk claim site London", "AML0504 x: group \"claim\" is a value"},
        {"deny all group " GUID_A " anyone", "AML0504 x: group \"anyone\" is a value"},
        {"deny all role Intern user a@b", "AML0509 x: role \"user\" is a value"},
        {"deny all role Intern user " GUID_A, "AML0509 x: role \"user\" is a value"},
        {"deny all role Intern group " GUID_A, "AML0509 x: role \"group\" is a value"},
        {"deny all claim site London group " GUID_A, "AML0509 x: claim \"group\" is a value"},
        {"deny all group Helpdesk user", NULL},
        {"deny all group user a", NULL},
        {"deny all role Admin User", NULL},
        {"deny all role admin user group", NULL},
        {"deny all claim type guest user member", NULL},
    };
    world_t *world = *state;
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rule_of(world, "x", NULL, "device all", cases[i].line, NULL);
        if (cases[i].says) {
            assert_one(world, cases[i].says);
        }
        else {
            assert_none(world);
        }
    }
    rule_of(world, "x", NULL, "device name LON-* group " GUID_A, "deny all role a", NULL);
    assert_one(world, "AML0508 x: name \"group\" is a pattern like those before it");
    rule_of(world, "x", NULL, "device name LON-* owner", "deny all role a", NULL);
    assert_one(world, "AML0508 x: name \"owner\" is a pattern");
    rule_of(world, "x", NULL, "device name all LON-*", "deny all role a", NULL);
    assert_none(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(groups_that_nobody_has),
        world_test(users_that_nobody_is),
        world_test(values_that_no_token_has),
        world_test(names_that_no_device_has),
        world_test(values_of_denials_too),
        world_test(another_kind_in_the_same_line),
    };

    (void)is_false;
    return cmocka_run_group_tests_name("policy/lint_values", tests, NULL, NULL);
}
