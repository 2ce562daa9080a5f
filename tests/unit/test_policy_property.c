/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Random cases full of near misses: the compiled policy against the naive one, and what must hold of every policy. */

#include "test_policy_naive.h"

#include <stdlib.h>

#define MOST_RULES 8
#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* Near misses: another letter case, a shared prefix, one digit off, a star that is a letter, commas, spaces, letters beyond ASCII. */
static const char *const group_names[] = {
    GUID_A, "AAAAAAAA-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000011", GUID_B, "Helpdesk", "HELPDESK", "Helpdesk ",
    "Helpdes", "a,b", "a", "b", "a, b", "Z\xC3\x9CRICH", "z\xC3\xBCrich", "zurich", "\xE2\x84\xAA-Team", "k-team", "\xE6\x9D\xB1\xE4\xBA\xAC",
    "Help*", "Operator"};
static const char *const roles[] = {"Operator", "operator", "Operato", "Admin", "Helpdesk"};
static const char *const users[] = {"alice@contoso.com", "ALICE@contoso.com", "alice@contoso.co", OID, "11111111-2222-4333-8444-55555555555A",
                                    "11111111-2222-4333-8444-55555555555b", "\xC3\x84nne@contoso.com", "\xC3\xA4NNE@CONTOSO.COM"};
static const char *const usernames[] = {"alice@contoso.com", "Alice@Contoso.com", "\xC3\xA4nne@contoso.com", GUID_B, NULL};
static const char *const device_guids[] = {GUID_A, "AAAAAAAA-0000-4000-8000-000000000001", GUID_B, "bbbbbbbb-0000-4000-8000-000000000012",
                                           GUID_C, DEVICE_ID, "D0000000-0000-4000-8000-00000000000D"};
static const char *const device_lower[] = {GUID_A, GUID_B, GUID_C, DEVICE_ID, "bbbbbbbb-0000-4000-8000-000000000012"};
static const char *const globs[] = {"LON-*", "lon-00?", "LON-001", "LON", "*", "?*", "*1", "LON\\*1", "l*n-001", "K\xC3\x96LN-*", "k?ln-1",
                                    "PAR-*", "LON-001?", "[L]ON-001", "LON*1*"};
static const char *const names[] = {"LON-001", "lon-001", "LON-0011", "LON\\x1", "LON*1", "", "k\xC3\xB6ln-1", "\xE2\x84\xAA\xC3\x96LN-1", "PAR-1",
                                    "XLON-001"};
static const char *const claim_names[] = {"department", "Department", "level", "vip"};
static const char *const claim_values[] = {"IT", "it", "I", "7", "true", "42", "HR", "IT,HR"};
static const char *const claim_sets[] = {
    "{}", "{\"department\":\"IT\",\"level\":7,\"vip\":true}", "{\"department\":[\"HR\",\"IT\"],\"level\":[7,\"42\"],\"vip\":\"true\"}",
    "{\"Department\":\"IT\",\"level\":\"7\",\"vip\":false}", "{\"department\":{\"IT\":\"IT\"},\"level\":7.0,\"vip\":null}",
    "{\"department\":\"IT,HR\",\"level\":42,\"vip\":[true,\"IT\"]}", NULL};

typedef struct case_t {
    apr_pool_t *pool;
    naive_rule_t rules[2 * MOST_RULES + 1];
    int rule_count;
    amlaps_person_t person;
    amlaps_device_t device; /* all known */
    amlaps_question_t question;
    amlaps_person_t dim_person; /* the same with some facts unknown */
    amlaps_device_t dim_device;
    amlaps_question_t dim;
} case_t;

static apr_uint64_t seed;

/* Fewer where every instruction is watched. */
static int case_count(void)
{
    return getenv("AMLAPS_SLOW") ? 1000 : 20000;
}

static int draw(int below)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (int)((seed >> 33) % (apr_uint64_t)below);
}

#define PICK(table) (table)[draw(COUNT(table))]

static void draw_line(naive_line_t *line)
{
    static const char *const kinds[] = {"all", "owner", "id", "id", "name", "name", "group", "group", "unit", "unit"};
    int i;

    memset(line, 0, sizeof(*line));
    line->kind = PICK(kinds);
    if (strcmp(line->kind, "all") != 0 && strcmp(line->kind, "owner") != 0) {
        line->count = 1 + draw(3);
    }
    for (i = 0; i < line->count; i++) {
        line->values[i] = strcmp(line->kind, "name") == 0 ? PICK(globs) : PICK(device_guids);
    }
}

static void draw_entry(naive_entry_t *entry, int deny)
{
    static const char *const kinds[] = {"anyone", "user", "user", "group", "group", "group", "role", "claim", "claim"};
    int i;

    memset(entry, 0, sizeof(*entry));
    entry->deny = deny;
    entry->permissions = 1 + draw(3);
    entry->kind = PICK(kinds);
    entry->count = strcmp(entry->kind, "anyone") == 0 ? 0 : 1 + draw(3);
    entry->claim = strcmp(entry->kind, "claim") == 0 ? PICK(claim_names) : NULL;
    for (i = 0; i < entry->count; i++) {
        entry->values[i] = entry->kind[0] == 'u' ? PICK(users) : entry->kind[0] == 'g' ? PICK(group_names)
                           : entry->kind[0] == 'r' ? PICK(roles) : PICK(claim_values);
    }
}

static void draw_rule(naive_rule_t *rule, int denies_in_ten)
{
    int i;

    memset(rule, 0, sizeof(*rule));
    rule->tenant = draw(4) == 0 ? (draw(2) ? "contoso" : "fabrikam") : NULL;
    rule->expired = draw(12) == 0;
    rule->condition.kind = draw(3) ? WHEN_NONE : draw(6);
    rule->condition.group = PICK(device_guids);
    rule->line_count = 1 + draw(3);
    for (i = 0; i < rule->line_count; i++) {
        draw_line(&rule->lines[i]);
    }
    rule->entry_count = 1 + draw(2);
    for (i = 0; i < rule->entry_count; i++) {
        draw_entry(&rule->entries[i], draw(10) < denies_in_ten);
    }
}

static const char **draw_texts(apr_pool_t *pool, apr_size_t *count, const char *const *table, int size, int most)
{
    const char **texts = apr_pcalloc(pool, (apr_size_t)(most + 1) * sizeof(*texts));
    apr_size_t i;

    *count = (apr_size_t)draw(most + 1);
    for (i = 0; i < *count; i++) {
        texts[i] = table[draw(size)];
    }
    return texts;
}

static void draw_case(case_t *c, apr_pool_t *pool)
{
    const char *claims = PICK(claim_sets);
    amlaps_json_t *json = NULL;
    int i;

    memset(c, 0, sizeof(*c));
    c->pool = pool;
    c->rule_count = draw(MOST_RULES + 1);
    for (i = 0; i < c->rule_count; i++) {
        draw_rule(&c->rules[i], 3);
    }
    if (claims) {
        assert_int_equal(amlaps_json_parse(&json, NULL, claims, strlen(claims), pool), APR_SUCCESS);
    }
    c->person.oid = draw(8) ? OID : NULL;
    c->person.username = PICK(usernames);
    c->person.groups = draw_texts(pool, &c->person.group_count, group_names, COUNT(group_names), 5);
    c->person.roles = draw_texts(pool, &c->person.role_count, roles, COUNT(roles), 2);
    c->person.claims = json;
    c->person.groups_known = c->device.groups_known = c->device.units_known = 1;
    c->device.tenant = "contoso";
    c->device.device_id = PICK(device_lower);
    c->device.name = PICK(names);
    c->device.owner = draw(2) ? AMLAPS_YES : AMLAPS_NO;
    c->device.groups = draw_texts(pool, &c->device.group_count, device_lower, COUNT(device_lower), 3);
    c->device.units = draw_texts(pool, &c->device.unit_count, device_lower, COUNT(device_lower), 3);
    c->question = (amlaps_question_t){&c->person, &c->device, apr_time_from_sec(1700000000), NULL};
    c->dim_person = c->person;
    c->dim_device = c->device;
    c->dim = c->question;
    c->dim.person = &c->dim_person;
    c->dim.device = &c->dim_device;
}

/* Makes facts unknown; some of the groups may still be known. */
static void dim_facts(case_t *c, int unknown)
{
    if (unknown & AMLAPS_NEED_DEVICE_GROUPS) {
        c->dim_device.groups_known = 0;
        c->dim_device.group_count = (apr_size_t)draw((int)c->device.group_count + 1);
    }
    if (unknown & AMLAPS_NEED_DEVICE_UNITS) {
        c->dim_device.units_known = 0;
        c->dim_device.unit_count = (apr_size_t)draw((int)c->device.unit_count + 1);
    }
    if (unknown & AMLAPS_NEED_DEVICE_OWNER) {
        c->dim_device.owner = AMLAPS_UNKNOWN;
    }
    if (unknown & AMLAPS_NEED_PERSON_GROUPS) {
        c->dim_person.groups_known = 0;
        c->dim_person.group_count = (apr_size_t)draw((int)c->person.group_count + 1);
    }
}

static void look_up(case_t *c, int needs)
{
    if (needs & AMLAPS_NEED_DEVICE_GROUPS) {
        c->dim_device.groups_known = 1;
        c->dim_device.group_count = c->device.group_count;
    }
    if (needs & AMLAPS_NEED_DEVICE_UNITS) {
        c->dim_device.units_known = 1;
        c->dim_device.unit_count = c->device.unit_count;
    }
    if (needs & AMLAPS_NEED_DEVICE_OWNER) {
        c->dim_device.owner = c->device.owner;
    }
    if (needs & AMLAPS_NEED_PERSON_GROUPS) {
        c->dim_person.groups_known = 1;
        c->dim_person.group_count = c->person.group_count;
    }
}

static amlaps_known_t ask_condition(void *request, const void *condition, const amlaps_person_t *person, const amlaps_device_t *device)
{
    (void)request;
    (void)person;
    return naive_condition(condition, device);
}

static amlaps_rule_t *make_rule(const naive_rule_t *from, int number, apr_pool_t *pool)
{
    static const char *const permissions[] = {NULL, "password", "history", "all"};
    amlaps_rule_t *rule = amlaps_rule_make(apr_itoa(pool, number), from->tenant, NULL, pool);
    int i, j;

    for (i = 0; i < from->line_count; i++) {
        assert_null(amlaps_rule_add_device(rule, from->lines[i].kind, from->lines[i].values, from->lines[i].count));
    }
    for (i = 0; i < from->entry_count; i++) {
        const naive_entry_t *entry = &from->entries[i];
        const char *words[MOST + 3];
        int count = 0;

        words[count++] = permissions[entry->permissions];
        words[count++] = entry->kind;
        if (entry->claim) {
            words[count++] = entry->claim;
        }
        for (j = 0; j < entry->count; j++) {
            words[count++] = entry->values[j];
        }
        assert_null(amlaps_rule_add_entry(rule, entry->deny, words, count));
    }
    if (from->expired) {
        assert_null(amlaps_rule_set_expires(rule, "2023-11-13"));
    }
    if (from->condition.kind != WHEN_NONE) {
        int reads = from->condition.kind == WHEN_IN_GROUP || from->condition.kind == WHEN_NOT_IN_GROUP;

        assert_null(amlaps_rule_set_condition(rule, ask_condition, &from->condition, reads ? AMLAPS_NEED_DEVICE_GROUPS : 0, "x"));
    }
    return rule;
}

static amlaps_policy_t *make_policy(const case_t *c)
{
    amlaps_policy_t *policy = amlaps_policy_make(c->pool);
    int i;

    for (i = 0; i < c->rule_count; i++) {
        amlaps_policy_add(policy, make_rule(&c->rules[i], i, c->pool));
    }
    amlaps_policy_compile(policy);
    return policy;
}

static naive_decision_t decide(const amlaps_policy_t *policy, int permission, const amlaps_question_t *question)
{
    naive_decision_t plain = {AMLAPS_DENY, -1};
    amlaps_decision_t decision;

    amlaps_policy_decide(&decision, policy, (amlaps_permission_t)permission, question);
    plain.verdict = decision.verdict;
    if (decision.rule) {
        plain.rule = atoi(amlaps_rule_description(decision.rule));
    }
    return plain;
}

typedef void (*property_t)(case_t *c, int permission);

/* Runs a property on random cases; each case is its number, so that a failure can be looked at alone. */
static void for_all(property_t property, int *grants)
{
    int number, cases = case_count();
    apr_pool_t *pool;

    assert_int_equal(apr_pool_create(&pool, NULL), APR_SUCCESS);
    for (number = 1; number <= cases; number++) {
        case_t *c = apr_pcalloc(pool, sizeof(*c));
        int permission = 1 + number % 2;

        seed = (apr_uint64_t)number * 0x9e3779b97f4a7c15ULL;
        draw_case(c, pool);
        if (grants) {
            *grants += naive_decide(c->rules, c->rule_count, permission, &c->question).verdict == AMLAPS_ALLOW;
        }
        property(c, permission);
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
}

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

            entry->deny = entry->deny && strcmp(entry->kind, "group") != 0;
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
