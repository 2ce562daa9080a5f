/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The compiled policy against the naive one on random cases, and what must hold of every policy. */

#include "test_policy_cases.h"

static void assert_same(naive_decision_t a, naive_decision_t b)
{
    assert_int_equal(a.verdict, b.verdict);
    assert_int_equal(a.rule, b.rule);
}

static int verdicts_seen[3];

static void agrees(case_t *c, int permission)
{
    amlaps_policy_t *policy = make_policy(c);
    naive_decision_t decision;

    assert_same(decide(policy, permission, &c->question), naive_decide(c->rules, c->rule_count, permission, &c->question));
    dim_facts(c, draw(16));
    decision = decide(policy, permission, &c->dim);
    assert_same(decision, naive_decide(c->rules, c->rule_count, permission, &c->dim));
    verdicts_seen[decision.verdict]++;
}

static void the_index_decides_as_a_plain_scan(void **state)
{
    (void)state;
    memset(verdicts_seen, 0, sizeof(verdicts_seen));
    for_all(agrees, NULL);
    /* Cases that all end alike would prove nothing. */
    assert_true(verdicts_seen[AMLAPS_DENY] > case_count() / 100);
    assert_true(verdicts_seen[AMLAPS_ALLOW] > case_count() / 100);
    assert_true(verdicts_seen[AMLAPS_UNDECIDABLE] > case_count() / 100);
}

static void shuffled_and_doubled(case_t *c, int permission)
{
    naive_decision_t before, after;
    int i, count = c->rule_count;

    dim_facts(c, draw(16));
    before = decide(make_policy(c), permission, &c->dim);
    for (i = 0; i < count; i++) {
        c->rules[c->rule_count++] = c->rules[draw(count)];
    }
    after = decide(make_policy(c), permission, &c->dim);
    assert_same(before, after);
    for (i = c->rule_count - 1; i > 0; i--) {
        int other = draw(i + 1);
        naive_rule_t rule = c->rules[i];

        c->rules[i] = c->rules[other];
        c->rules[other] = rule;
    }
    assert_int_equal(decide(make_policy(c), permission, &c->dim).verdict, before.verdict);
}

static void order_and_duplicates_do_not_matter(void **state)
{
    (void)state;
    for_all(shuffled_and_doubled, NULL);
}

static void one_deny_more(case_t *c, int permission)
{
    amlaps_verdict_t before;

    dim_facts(c, draw(16));
    before = decide(make_policy(c), permission, &c->dim).verdict;
    draw_rule(&c->rules[c->rule_count++], 10);
    if (before != AMLAPS_ALLOW) {
        assert_int_not_equal(decide(make_policy(c), permission, &c->dim).verdict, AMLAPS_ALLOW);
    }
}

static void one_allow_more(case_t *c, int permission)
{
    amlaps_verdict_t before;

    dim_facts(c, draw(16));
    before = decide(make_policy(c), permission, &c->dim).verdict;
    draw_rule(&c->rules[c->rule_count++], 0);
    if (before == AMLAPS_ALLOW) {
        assert_int_equal(decide(make_policy(c), permission, &c->dim).verdict, AMLAPS_ALLOW);
    }
}

static void an_added_rule_does_what_it_says(void **state)
{
    int grants = 0;

    (void)state;
    for_all(one_deny_more, NULL);
    for_all(one_allow_more, &grants);
    assert_true(grants > case_count() / 100);
}

/* Where no deny looks at groups; a deny of a group is of course lost with the group. */
static void one_group_less(case_t *c, int permission)
{
    int i, j;

    for (i = 0; i < c->rule_count; i++) {
        for (j = 0; j < c->rules[i].entry_count; j++) {
            naive_entry_t *entry = &c->rules[i].entries[j];

            entry->deny = entry->deny && strcmp(entry->kind, "group") != 0 && (!entry->claim || strcmp(entry->claim, "groups") != 0);
        }
    }
    if (c->dim_person.group_count > 0 && decide(make_policy(c), permission, &c->question).verdict != AMLAPS_ALLOW) {
        c->dim_person.group_count--;
        assert_int_not_equal(decide(make_policy(c), permission, &c->dim).verdict, AMLAPS_ALLOW);
    }
}

static void fewer_groups_never_gain(void **state)
{
    (void)state;
    for_all(one_group_less, NULL);
}

static void facts_missing(case_t *c, int permission)
{
    amlaps_policy_t *policy = make_policy(c);
    naive_decision_t all = decide(policy, permission, &c->question), some;

    dim_facts(c, 1 + draw(15));
    some = decide(policy, permission, &c->dim);
    if (some.verdict == AMLAPS_ALLOW) {
        assert_int_equal(all.verdict, AMLAPS_ALLOW);
    }
    if (some.verdict == AMLAPS_DENY && some.rule >= 0) {
        assert_int_equal(all.verdict, AMLAPS_DENY);
    }
}

static void an_unknown_never_grants(void **state)
{
    (void)state;
    for_all(facts_missing, NULL);
}

static int needs_seen[16];

static void needed_facts(case_t *c, int permission)
{
    amlaps_policy_t *policy = make_policy(c);
    naive_decision_t all = decide(policy, permission, &c->question), some;
    int unknown = 1 + draw(15), needs;

    dim_facts(c, unknown);
    needs = amlaps_policy_needs(policy, permission, &c->dim);
    assert_int_equal(needs & ~unknown, 0);
    needs_seen[needs]++;
    look_up(c, needs);
    some = decide(policy, permission, &c->dim);
    assert_int_equal(some.verdict, all.verdict);
    if (all.verdict == AMLAPS_ALLOW) {
        assert_int_equal(some.rule, all.rule);
    }
    assert_int_equal(amlaps_policy_needs(policy, permission, &c->dim), AMLAPS_NEED_NOTHING);
}

static void what_is_needed_settles_the_answer(void **state)
{
    int fact;

    (void)state;
    memset(needs_seen, 0, sizeof(needs_seen));
    for_all(needed_facts, NULL);
    assert_true(needs_seen[AMLAPS_NEED_NOTHING] > case_count() / 100);
    for (fact = AMLAPS_NEED_DEVICE_GROUPS; fact <= AMLAPS_NEED_PERSON_GROUPS; fact *= 2) {
        assert_true(needs_seen[fact] > case_count() / 1000);
    }
}

static void explanation_agrees(case_t *c, int permission)
{
    apr_array_header_t *explanations;
    int i;

    dim_facts(c, draw(16));
    explanations = amlaps_policy_explain(make_policy(c), &c->dim, c->pool);
    assert_int_equal(explanations->nelts, c->rule_count);
    for (i = 0; i < c->rule_count; i++) {
        const amlaps_rule_explanation_t *explanation = &APR_ARRAY_IDX(explanations, i, amlaps_rule_explanation_t);
        amlaps_known_t counts = naive_counts(&c->rules[i], &c->dim_device);

        assert_int_equal(explanation->matched, counts);
        assert_int_equal((explanation->allows & permission) != 0,
                         counts == AMLAPS_YES && naive_people(&c->rules[i], 0, permission, &c->dim_person) == AMLAPS_YES);
        assert_int_equal((explanation->denies & permission) != 0,
                         counts == AMLAPS_YES && naive_people(&c->rules[i], 1, permission, &c->dim_person) == AMLAPS_YES);
        assert_true(strlen(explanation->why) > 10);
    }
}

static void explanations_say_what_decides(void **state)
{
    (void)state;
    for_all(explanation_agrees, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(the_index_decides_as_a_plain_scan),
        world_test(order_and_duplicates_do_not_matter),
        world_test(an_added_rule_does_what_it_says),
        world_test(fewer_groups_never_gain),
        world_test(an_unknown_never_grants),
        world_test(what_is_needed_settles_the_answer),
        world_test(explanations_say_what_decides),
    };

    return cmocka_run_group_tests_name("policy/property", tests, NULL, NULL);
}
