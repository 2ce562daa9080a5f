/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "test_policy_world.h"

#define NOW apr_time_from_sec(1700000000) /* 2023-11-14 */

typedef struct heard_t {
    world_t *world;
    const char *all; /* "ID RULE: text" lines */
} heard_t;

static void hear(void *baton, const amlaps_rule_t *rule, const char *id, const char *text)
{
    heard_t *heard = baton;

    heard->all = apr_psprintf(heard->world->pool, "%s%s %s: %s\n", heard->all, id, amlaps_rule_description(rule), text);
}

/* All that is reported of the policy, which is then forgotten. */
static const char *lint(world_t *world)
{
    heard_t heard = {world, ""};

    amlaps_policy_compile(world->policy);
    amlaps_policy_lint(world->policy, NOW, hear, &heard, world->pool);
    world->policy = amlaps_policy_make(world->pool);
    return heard.all;
}

/* Exactly one report, which begins so. */
#define assert_one(world, beginning)                                                           \
    do {                                                                                       \
        const char *heard_ = lint(world);                                                      \
        if (strncmp(heard_, beginning, strlen(beginning)) != 0 || strchr(heard_, '\n') != strrchr(heard_, '\n')) { \
            fail_msg("reported:\n%s", heard_);                                                 \
        }                                                                                      \
    } while (0)

#define assert_none(world) assert_string_equal(lint(world), "")

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
        world_test(groups_that_nobody_has),
        world_test(users_that_nobody_is),
        world_test(values_that_no_token_has),
        world_test(names_that_no_device_has),
        world_test(values_of_denials_too),
        world_test(allowed_and_denied_at_once),
        world_test(everybody_everywhere),
        world_test(many_rules_in_little_time),
    };

    (void)is_false;
    return cmocka_run_group_tests_name("policy/lint", tests, NULL, NULL);
}
