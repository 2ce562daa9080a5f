/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "test_policy_world.h"

#include "../../src/policy/person.h"

#define CLAIMS \
    "{\"department\":\"IT\",\"level\":7,\"negative\":-12,\"vip\":true,\"guest\":false,\"teams\":[\"red\",\"blue\",3,true,4.5,null,[\"green\"]]," \
    "\"empty\":\"\",\"nothing\":null,\"real\":4.5,\"nested\":{\"department\":\"HR\"},\"a.b\":\"c\",\"IT\":\"department\"}"

/* Every case goes both ways: the entry alone, and a compiled policy that grants by it. */
static amlaps_known_t is_meant(world_t *world, const char *people)
{
    amlaps_rule_t *rule;
    const amlaps_value_t *value;
    amlaps_known_t alone;

    world->policy = amlaps_policy_make(world->pool);
    rule = rule_of(world, "x", NULL, "device all", apr_pstrcat(world->pool, "allow password ", people, NULL), NULL);
    alone = amlaps_person_matches(&world->person, &rule->entries[0], &value);
    if ((strcmp(answer(world, AMLAPS_PERMISSION_PASSWORD), "allow x") == 0) != (alone == AMLAPS_YES)) {
        fail_msg("%s: the index answers otherwise", people);
    }
    assert_int_equal(amlaps_person_has(&world->person, rule, 0, AMLAPS_PERMISSION_PASSWORD), alone == AMLAPS_YES);
    assert_int_equal(amlaps_person_has(&world->person, rule, 1, AMLAPS_PERMISSION_PASSWORD), 0);
    assert_int_equal(amlaps_person_has(&world->person, rule, 0, AMLAPS_PERMISSION_HISTORY), 0);
    return alone;
}

static void assert_each(world_t *world, amlaps_known_t expected, const char *const *people)
{
    for (; *people; people++) {
        if (is_meant(world, *people) != expected) {
            fail_msg("%s: not %d", *people, (int)expected);
        }
    }
}

static void users(void **state)
{
    static const char *const meant[] = {"user alice@contoso.com", "user ALICE@Contoso.COM", "user " OID, "user 11111111-2222-4333-8444-55555555555A",
                                        "user bob alice@contoso.com", "anyone", NULL};
    static const char *const others[] = {"user alice", "user alice@contoso.com.", "user lice@contoso.com", "user " GUID_A,
                                         "group alice@contoso.com", "role alice@contoso.com", "group " OID, NULL};
    world_t *world = *state;

    assert_each(world, AMLAPS_YES, meant);
    assert_each(world, AMLAPS_NO, others);
}

static void a_user_name_is_never_an_object_id(void **state)
{
    world_t *world = *state;

    world->person.username = GUID_B;
    assert_int_equal(is_meant(world, "user " GUID_B), AMLAPS_NO);
    world->person.username = world->person.oid = NULL;
    assert_int_equal(is_meant(world, "user alice@contoso.com"), AMLAPS_NO);
    world->person.username = "\xC3\x84NNE@contoso.com";
    assert_int_equal(is_meant(world, "user \xC3\xA4nne@CONTOSO.com"), AMLAPS_YES);
}

static void groups_and_roles(void **state)
{
    static const char *const meant[] = {"group helpdesk", "group HELPDESK", "group " GUID_A, "group AAAAAAAA-0000-4000-8000-000000000001",
                                        "group x y Helpdesk", "role Operator", NULL};
    static const char *const others[] = {"group helpdes", "group helpdesks", "group Operator", "role operator", "role OPERATOR", "role Helpdesk", "role Operato",
                                         "group aaaaaaaa-0000-4000-8000-000000000011", "user Helpdesk", NULL};
    world_t *world = *state;

    assert_each(world, AMLAPS_YES, meant);
    assert_each(world, AMLAPS_NO, others);
}

static void commas_spaces_and_quotes_are_letters(void **state)
{
    const char *groups[] = {"London,Paris", "\"Help\"", "a b"};
    world_t *world = *state;
    const char *words[] = {"password", "group", "a b"};

    world->person.groups = groups;
    world->person.group_count = 3;
    assert_int_equal(is_meant(world, "group London,Paris"), AMLAPS_YES);
    assert_int_equal(is_meant(world, "group London"), AMLAPS_NO);
    assert_int_equal(is_meant(world, "group Paris"), AMLAPS_NO);
    assert_int_equal(is_meant(world, "group \"Help\""), AMLAPS_YES);
    assert_int_equal(is_meant(world, "group Help"), AMLAPS_NO);
    assert_int_equal(is_meant(world, "group a b"), AMLAPS_NO);
    assert_null(amlaps_rule_add_entry((amlaps_rule_t *)amlaps_policy_rule(world->policy, 0), 0, words, 3));
    assert_answer(world, "allow x");
    groups[0] = "London";
    assert_int_equal(is_meant(world, "group London,Paris"), AMLAPS_NO);
}

static void overage(void **state)
{
    world_t *world = *state;

    world->person.groups_known = 0;
    assert_int_equal(is_meant(world, "group helpdesk"), AMLAPS_YES);
    assert_int_equal(is_meant(world, "group Admins"), AMLAPS_UNKNOWN);
    assert_int_equal(is_meant(world, "role Admins"), AMLAPS_NO);
    assert_int_equal(is_meant(world, "user bob"), AMLAPS_NO);
}

static void claims(void **state)
{
    static const char *const meant[] = {"claim department IT", "claim department HR IT", "claim level 7", "claim negative -12", "claim vip true",
                                        "claim guest false", "claim teams red", "claim teams blue", "claim teams 3", "claim teams true", "claim a.b c", NULL};
    static const char *const others[] = {"claim department it", "claim Department IT", "claim department I", "claim department department",
                                         "claim level 07", "claim level 7.0", "claim vip True", "claim vip 1", "claim guest no",
                                         "claim teams 03", "claim teams 4.5", "claim teams null", "claim teams green", "claim teams red,blue", "claim nothing null",
                                         "claim real 4.5", "claim nested HR", "claim nested.department HR", "claim missing x",
                                         "claim a c", "claim empty x", "role IT", "group IT", NULL};
    world_t *world = *state;

    assert_int_equal(is_meant(world, "claim department IT"), AMLAPS_NO);
    world->person.claims = json_of(world, CLAIMS);
    assert_each(world, AMLAPS_YES, meant);
    assert_each(world, AMLAPS_NO, others);
    world->person.claims = json_of(world, "[\"department\"]");
    assert_int_equal(is_meant(world, "claim department IT"), AMLAPS_NO);
}

static void the_value_that_matches(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *rule = rule_of(world, "x", NULL, "device all", "allow password group x HelpDesk", "deny history anyone", NULL);
    const amlaps_value_t *value;

    assert_int_equal(amlaps_person_matches(&world->person, &rule->entries[0], &value), AMLAPS_YES);
    assert_string_equal(value->written, "HelpDesk");
    assert_int_equal(amlaps_person_matches(&world->person, &rule->entries[1], &value), AMLAPS_YES);
    assert_null(value);
    assert_int_equal(amlaps_person_has(&world->person, rule, 1, AMLAPS_PERMISSION_HISTORY), 1);
    assert_int_equal(amlaps_person_has(&world->person, rule, 0, AMLAPS_PERMISSION_HISTORY), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(users),    world_test(a_user_name_is_never_an_object_id),
        world_test(groups_and_roles),   world_test(commas_spaces_and_quotes_are_letters),
        world_test(overage),  world_test(claims),
        world_test(the_value_that_matches),
    };

    return cmocka_run_group_tests_name("policy/person", tests, NULL, NULL);
}
