/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "test_policy_world.h"

#include "../../src/policy/rule.h"

typedef struct wrong_t {
    const char *directive;
    const char *says; /* part of the message: what is wrong, or what to write instead */
} wrong_t;

static void refused(world_t *world, const wrong_t *wrongs, apr_size_t count)
{
    apr_size_t i;

    for (i = 0; i < count; i++) {
        amlaps_rule_t *rule = amlaps_rule_make("x", NULL, NULL, world->pool);
        const char *wrong = set(rule, wrongs[i].directive, world->pool);

        if (!wrong || !strstr(wrong, wrongs[i].says)) {
            fail_msg("\"%s\" gives \"%s\", not \"%s\"", wrongs[i].directive, wrong ? wrong : "nothing", wrongs[i].says);
        }
        assert_int_equal(rule->line_count, 0);
        assert_int_equal(rule->entry_count, 0);
    }
}

static void devices_that_are_refused(void **state)
{
    static const wrong_t wrongs[] = {
        {"device groups " GUID_A, "write all, id GUID, name GLOB, group GUID, unit GUID or owner"},
        {"device  " GUID_A, "is no kind of device"},
        {"device all LON-*", "\"LON-*\" is too much"},
        {"device owner alice", "owner takes no value"},
        {"device id", "id needs at least one value, such as id 4f0c"},
        {"device name", "such as name LON-*"},
        {"device group", "group needs at least one value"},
        {"device unit", "unit needs at least one value"},
        {"device id LON-001", "write the device's deviceId (not its object id)"},
        {"device group Helpdesk", "write the group's object id"},
        {"device group " GUID_A " Helpdesk", "\"Helpdesk\" is no GUID"},
        {"device unit London", "write the administrative unit's id"},
        {"device id {" GUID_A "}", "is no GUID"},
        {"device id 00000000-0000-0000-0000-000000000000", "is no GUID"},
        {"device name  LON-*", "an empty value after name"},
        {"device name LON-\x01", "LON-\\x01"},
        {"device name LON-\xFF", "not UTF-8"},
    };

    refused(*state, wrongs, sizeof(wrongs) / sizeof(wrongs[0]));
}

static void entries_that_are_refused(void **state)
{
    static const wrong_t wrongs[] = {
        {"allow", "write PERMISSION"},
        {"allow password", "write PERMISSION"},
        {"allow pasword group x", "\"pasword\" is no permission: write password, history or all"},
        {"allow password,hist group x", "\"hist\" is no permission"},
        {"allow passwor group x", "is no permission"},
        {"allow passwords group x", "is no permission"},
        {"allow password, history group x", "without spaces, such as password,history"},
        {"allow ,password group x", "without spaces"},
        {"allow  group x", "an empty permission"},
        {"allow password groups x", "write user, group, role, claim NAME or anyone"},
        {"allow password everyone", "anyone"},
        {"allow password anyone alice", "\"alice\" is too much"},
        {"allow password user", "such as user alice@contoso.com"},
        {"allow password group", "such as group 4f0c"},
        {"deny password role", "such as role Helpdesk"},
        {"allow password claim", "such as claim department Helpdesk"},
        {"allow password claim department", "after the claim's name"},
        {"allow password claim  x", "an empty value after claim"},
        {"allow password group  x", "an empty value after group"},
        {"deny password group x ", "an empty value after group"},
        {"allow password role A\x7f", "control characters"},
        {"allow password group *", "write anyone"},
        {"deny all user alice *", "write anyone"},
        {"deny all role *", "write anyone"},
    };

    refused(*state, wrongs, sizeof(wrongs) / sizeof(wrongs[0]));
}

static void names_have_a_longest(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *rule = amlaps_rule_make("x", NULL, NULL, world->pool);
    char glob[300] = "";
    const char *values[] = {glob};

    memset(glob, 'x', 256);
    assert_null(amlaps_rule_add_device(rule, "name", values, 1));
    glob[256] = 'x';
    assert_non_null(strstr(amlaps_rule_add_device(rule, "name", values, 1), "at most 256 bytes"));
    assert_int_equal(rule->line_count, 1);
}

static void letter_case_of_httpd(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *rule = amlaps_rule_make("x", NULL, NULL, world->pool);

    assert_null(set(rule, "device NAME LON-*", world->pool));
    assert_null(set(rule, "allow Password,HISTORY Group x", world->pool));
    assert_null(set(rule, "deny All ANYONE", world->pool));
    assert_null(set(rule, "allow password claim * *", world->pool));
    assert_int_equal(rule->entries[0].permissions, AMLAPS_PERMISSION_ALL);
    assert_int_equal(rule->entries[0].deny, 0);
    assert_int_equal(rule->entries[1].permissions, AMLAPS_PERMISSION_ALL);
    assert_int_equal(rule->entries[1].kind, AMLAPS_PRINCIPAL_ANYONE);
    assert_int_equal(rule->entries[1].deny, 1);
    assert_string_equal(rule->entries[2].claim, "*");
}

static void values_are_copied_and_folded(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *rule = amlaps_rule_make("x", NULL, NULL, world->pool);
    char group[] = "HelpDesk, \"London\"", role[] = "Admin";
    const char *words[] = {"password", "group", group, NULL}, *roles[] = {"password", "role", role};

    assert_null(amlaps_rule_add_entry(rule, 7, words, 3));
    assert_null(amlaps_rule_add_entry(rule, 0, roles, 3));
    group[0] = role[0] = '!';
    assert_string_equal(rule->entries[0].values[0].written, "HelpDesk, \"London\"");
    assert_string_equal(rule->entries[0].values[0].text, "helpdesk, \"london\"");
    assert_string_equal(rule->entries[1].values[0].text, "Admin");
    assert_int_equal(rule->entries[0].deny, 1);
}

static void the_most_specific_line_comes_first(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *rule = rule_of(world, "x", NULL, "device all", "device unit " GUID_A, "device id " GUID_A, "device name b",
                                  "device owner", "device group " GUID_A, "device name a", "device id " GUID_B, NULL);
    apr_size_t i;

    assert_int_equal(rule->line_count, 8);
    for (i = 1; i < rule->line_count; i++) {
        assert_true(rule->lines[i - 1].selector <= rule->lines[i].selector);
    }
    assert_string_equal(rule->lines[0].values[0].text, GUID_A);
    assert_string_equal(rule->lines[1].values[0].text, GUID_B);
    assert_string_equal(rule->lines[3].values[0].text, "b");
    assert_string_equal(rule->lines[4].values[0].text, "a");
}

static void words_of_the_contract(void **state)
{
    (void)state;
    assert_string_equal(amlaps_selector_word(AMLAPS_SELECT_ID), "id");
    assert_string_equal(amlaps_selector_word(AMLAPS_SELECT_ALL), "all");
    assert_string_equal(amlaps_principal_word(AMLAPS_PRINCIPAL_USER), "user");
    assert_string_equal(amlaps_principal_word(AMLAPS_PRINCIPAL_ANYONE), "anyone");
    assert_string_equal(amlaps_permission_words(AMLAPS_PERMISSION_HISTORY), "history");
    assert_string_equal(amlaps_permission_words(AMLAPS_PERMISSION_ALL), "all");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(devices_that_are_refused),     world_test(entries_that_are_refused),
        world_test(names_have_a_longest),         world_test(letter_case_of_httpd),
        world_test(values_are_copied_and_folded), world_test(the_most_specific_line_comes_first),
        world_test(words_of_the_contract),
    };

    return cmocka_run_group_tests_name("policy/words", tests, NULL, NULL);
}
