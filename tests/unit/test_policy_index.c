/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "test_policy_world.h"

#include "../../src/policy/index.h"

typedef struct seen_t {
    apr_size_t postings;
    apr_size_t rules[64]; /* how often each rule came */
    int allows, denies;
} seen_t;

static void note(void *baton, const amlaps_posting_t *postings, apr_size_t count)
{
    seen_t *seen = baton;
    apr_size_t i;

    for (i = 0; i < count; i++) {
        seen->postings++;
        seen->rules[postings[i].position % 64]++;
        seen->allows |= postings[i].allows;
        seen->denies |= postings[i].denies;
    }
}

static void see(seen_t *seen, world_t *world)
{
    memset(seen, 0, sizeof(*seen));
    amlaps_policy_compile(world->policy);
    amlaps_index_visit(world->policy, &world->person, note, seen);
}

static void only_rules_that_mention_the_person(void **state)
{
    world_t *world = *state;
    seen_t seen;
    int i;

    for (i = 0; i < 60; i++) {
        rule_of(world, "other", NULL, "device all", apr_psprintf(world->pool, "allow all group g%d h%d", i, i), NULL);
    }
    rule_of(world, "mine", NULL, "device all", "allow password group Helpdesk g1", NULL);
    rule_of(world, "ours", NULL, "device all", "deny history anyone", NULL);
    see(&seen, world);
    assert_int_equal(seen.postings, 2);
    assert_int_equal(seen.rules[60], 1);
    assert_int_equal(seen.rules[61], 1);
    assert_int_equal(seen.allows, AMLAPS_PERMISSION_PASSWORD);
    assert_int_equal(seen.denies, AMLAPS_PERMISSION_HISTORY);
    assert_int_equal(amlaps_policy_count(world->policy), 62);
    assert_string_equal(amlaps_rule_description(amlaps_policy_rule(world->policy, 60)), "mine");
}

static void kinds_and_claims_lie_apart(void **state)
{
    world_t *world = *state;
    seen_t seen;

    world->person.claims = json_of(world, "{\"a\":\"x\",\"b\":[\"y\",1,\"x\"],\"c\":5}");
    rule_of(world, "0", NULL, "device all", "allow password role Helpdesk", NULL);
    rule_of(world, "1", NULL, "device all", "allow password claim a y", NULL);
    rule_of(world, "2", NULL, "device all", "allow password claim b y", "allow history claim b x", NULL);
    rule_of(world, "3", NULL, "device all", "allow password claim c 5", NULL);
    rule_of(world, "4", NULL, "device all", "allow password claim a x", NULL);
    rule_of(world, "5", NULL, "device all", "allow password group Operator", NULL);
    see(&seen, world);
    assert_int_equal(seen.postings, 4);
    assert_int_equal(seen.rules[2], 2);
    assert_int_equal(seen.rules[3], 1);
    assert_int_equal(seen.rules[4], 1);
    assert_int_equal(((amlaps_policy_t *)world->policy)->claims->nelts, 3);
}

/* Values that differ in letter case share a hash, as do equal values of two kinds: each key stays its own. */
static void keys_that_share_a_hash(void **state)
{
    world_t *world = *state;
    seen_t seen;

    world->person.claims = json_of(world, "{\"Team\":\"Red\"}");
    rule_of(world, "0", NULL, "device all", "allow password role operator", NULL);
    rule_of(world, "1", NULL, "device all", "allow password user Operator", NULL);
    rule_of(world, "2", NULL, "device all", "allow password role Operator", NULL);
    rule_of(world, "3", NULL, "device all", "allow password claim team Red", NULL);
    rule_of(world, "4", NULL, "device all", "allow password claim Team red", NULL);
    rule_of(world, "5", NULL, "device all", "allow password claim Team Red", NULL);
    see(&seen, world);
    assert_int_equal(seen.postings, 2);
    assert_int_equal(seen.rules[2], 1);
    assert_int_equal(seen.rules[5], 1);
}

static void entries_for_the_same_people_are_one(void **state)
{
    world_t *world = *state;
    seen_t seen;

    rule_of(world, "0", NULL, "device all", "allow password anyone", "deny history anyone", "allow history anyone", NULL);
    rule_of(world, "1", NULL, "device all", "allow password anyone", NULL);
    see(&seen, world);
    assert_int_equal(seen.postings, 2);
    assert_int_equal(seen.allows, AMLAPS_PERMISSION_ALL);
    assert_int_equal(seen.denies, AMLAPS_PERMISSION_HISTORY);
}

/* More groups than one batch holds, equal ones among them, and a batch that is not full. */
static void many_groups(void **state)
{
    world_t *world = *state;
    const char **groups = apr_pcalloc(world->pool, 100 * sizeof(*groups));
    seen_t seen;
    apr_size_t i;

    for (i = 0; i < 100; i++) {
        groups[i] = apr_psprintf(world->pool, "Team \xC3\x84%d", (int)i);
    }
    for (i = 0; i < 64; i++) {
        amlaps_rule_t *rule = amlaps_rule_make("x", NULL, NULL, world->pool);
        const char *words[] = {"password", "group", apr_psprintf(world->pool, "team \xC3\xA4%d", (int)(i * 100 / 64))};

        assert_null(amlaps_rule_add_entry(rule, 0, words, 3));
        amlaps_policy_add(world->policy, rule);
    }
    world->person.groups = groups;
    for (world->person.group_count = 0; world->person.group_count <= 100; world->person.group_count++) {
        see(&seen, world);
        for (i = 0; i < 64; i++) {
            assert_int_equal(seen.rules[i], i * 100 / 64 < world->person.group_count);
        }
    }
}

static void nobody_and_nothing(void **state)
{
    world_t *world = *state;
    amlaps_person_t nobody = {.groups_known = 1};
    seen_t seen;

    see(&seen, world);
    assert_int_equal(seen.postings, 0);
    rule_of(world, "0", NULL, "device all", "allow password user alice", "allow password claim a b", NULL);
    world->person = nobody;
    see(&seen, world);
    assert_int_equal(seen.postings, 0);
}

static void names_of_every_length(void **state)
{
    world_t *world = *state;
    const char *groups[6], *words[8] = {"password", "group"}, *mine[1];
    amlaps_rule_t *rule = amlaps_rule_make("long names", NULL, NULL, world->pool);
    apr_size_t i, lengths[] = {1, AMLAPS_KEY_ROOM - 2, AMLAPS_KEY_ROOM - 1, AMLAPS_KEY_ROOM, 2 * AMLAPS_KEY_ROOM, 400};
    seen_t seen;

    for (i = 0; i < 6; i++) {
        char *name = apr_pcalloc(world->pool, lengths[i] + 1);

        memset(name, 'a' + (int)i, lengths[i]);
        groups[i] = words[i + 2] = name;
    }
    assert_null(amlaps_rule_add_device(rule, "all", NULL, 0));
    assert_null(amlaps_rule_add_entry(rule, 0, words, 8));
    amlaps_policy_add(world->policy, rule);
    world->person.groups = mine;
    world->person.group_count = 1;
    for (i = 0; i < 6; i++) {
        mine[0] = groups[i];
        see(&seen, world);
        assert_int_equal(seen.postings, 1);
        mine[0] = apr_pstrcat(world->pool, groups[i], "x", NULL);
        see(&seen, world);
        assert_int_equal(seen.postings, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(only_rules_that_mention_the_person),
        world_test(kinds_and_claims_lie_apart),
        world_test(keys_that_share_a_hash),
        world_test(entries_for_the_same_people_are_one),
        world_test(many_groups),
        world_test(names_of_every_length),
        world_test(nobody_and_nothing),
    };

    return cmocka_run_group_tests_name("policy/index", tests, NULL, NULL);
}
