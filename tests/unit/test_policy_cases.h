/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TEST_POLICY_CASES_H
#define AMLAPS_TEST_POLICY_CASES_H

/* Random cases full of near misses: rules, a person and a device, with facts that can be made unknown and be looked up again. */

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
static const char *const claim_names[] = {"department", "Department", "level", "vip", "groups"};
static const char *const claim_values[] = {"IT", "it", "I", "7", "true", "42", "HR", "IT,HR", "Helpdesk", "helpdesk"};
static const char *const claim_sets[] = {
    "{}", "{\"department\":\"IT\",\"level\":7,\"vip\":true}", "{\"department\":[\"HR\",\"IT\"],\"level\":[7,\"42\"],\"vip\":\"true\"}",
    "{\"Department\":\"IT\",\"level\":\"7\",\"vip\":false}", "{\"department\":{\"IT\":\"IT\"},\"level\":7.0,\"vip\":null}",
    "{\"department\":\"IT,HR\",\"level\":42,\"vip\":[true,\"IT\"]}", "{\"groups\":[\"Helpdesk\",\"IT\"]}", NULL};

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
static inline int case_count(void)
{
    return getenv("AMLAPS_SLOW") ? 1000 : 20000;
}

static inline int draw(int below)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (int)((seed >> 33) % (apr_uint64_t)below);
}

#define PICK(table) (table)[draw(COUNT(table))]

static inline void draw_line(naive_line_t *line)
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

static inline void draw_entry(naive_entry_t *entry, int deny)
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

static inline void draw_rule(naive_rule_t *rule, int denies_in_ten)
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

static inline const char **draw_texts(apr_pool_t *pool, apr_size_t *count, const char *const *table, int size, int most)
{
    const char **texts = apr_pcalloc(pool, (apr_size_t)(most + 1) * sizeof(*texts));
    apr_size_t i;

    *count = (apr_size_t)draw(most + 1);
    for (i = 0; i < *count; i++) {
        texts[i] = table[draw(size)];
    }
    return texts;
}

static inline void draw_case(case_t *c, apr_pool_t *pool)
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
static inline void dim_facts(case_t *c, int unknown)
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

static inline void look_up(case_t *c, int needs)
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

static inline amlaps_known_t ask_condition(void *request, const void *condition, const amlaps_person_t *person, const amlaps_device_t *device)
{
    (void)request;
    (void)person;
    return naive_condition(condition, device);
}

static inline amlaps_rule_t *make_rule(const naive_rule_t *from, int number, apr_pool_t *pool)
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

static inline amlaps_policy_t *make_policy(const case_t *c)
{
    amlaps_policy_t *policy = amlaps_policy_make(c->pool);
    int i;

    for (i = 0; i < c->rule_count; i++) {
        amlaps_policy_add(policy, make_rule(&c->rules[i], i, c->pool));
    }
    amlaps_policy_compile(policy);
    return policy;
}

static inline naive_decision_t decide(const amlaps_policy_t *policy, int permission, const amlaps_question_t *question)
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
static inline void for_all(property_t property, int *grants)
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

#endif
