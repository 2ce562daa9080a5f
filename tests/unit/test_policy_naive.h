/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TEST_POLICY_NAIVE_H
#define AMLAPS_TEST_POLICY_NAIVE_H

/*
 * The contract's decision a second time, as plainly as it can be said: every rule, every line, every value, no index. It shares
 * nothing with src/policy but the words of a rule, and the text functions of src/base, which have tests of their own.
 */

#include "test_policy_world.h"

#define MOST 4

typedef struct naive_line_t {
    const char *kind;
    const char *values[MOST];
    int count;
} naive_line_t;

typedef struct naive_entry_t {
    int deny, permissions;
    const char *kind, *claim;
    const char *values[MOST];
    int count;
} naive_entry_t;

/* What AMLapsWhen answers: a constant, or whether the device is (or is not) in a group. */
typedef struct naive_condition_t {
    enum { WHEN_NONE, WHEN_TRUE, WHEN_FALSE, WHEN_FAILS, WHEN_IN_GROUP, WHEN_NOT_IN_GROUP } kind;
    const char *group;
} naive_condition_t;

typedef struct naive_rule_t {
    const char *tenant;
    int expired;
    naive_condition_t condition;
    naive_line_t lines[MOST];
    int line_count;
    naive_entry_t entries[MOST];
    int entry_count;
} naive_rule_t;

typedef struct naive_decision_t {
    amlaps_verdict_t verdict;
    int rule; /* -1: none */
} naive_decision_t;

static inline amlaps_known_t naive_or(amlaps_known_t a, amlaps_known_t b)
{
    return a == AMLAPS_YES || b == AMLAPS_YES ? AMLAPS_YES : a == AMLAPS_NO && b == AMLAPS_NO ? AMLAPS_NO : AMLAPS_UNKNOWN;
}

static inline amlaps_known_t naive_and(amlaps_known_t a, amlaps_known_t b)
{
    return a == AMLAPS_NO || b == AMLAPS_NO ? AMLAPS_NO : a == AMLAPS_YES && b == AMLAPS_YES ? AMLAPS_YES : AMLAPS_UNKNOWN;
}

static inline amlaps_known_t naive_listed(const char *const *texts, apr_size_t count, int known, const char *text)
{
    apr_size_t i;

    for (i = 0; i < count; i++) {
        if (amlaps_text_equal_folded(texts[i], text)) {
            return AMLAPS_YES;
        }
    }
    return known ? AMLAPS_NO : AMLAPS_UNKNOWN;
}

static inline amlaps_known_t naive_line(const naive_line_t *line, const amlaps_device_t *device)
{
    amlaps_known_t any = AMLAPS_NO;
    int i;

    if (strcmp(line->kind, "all") == 0) {
        return AMLAPS_YES;
    }
    if (strcmp(line->kind, "owner") == 0) {
        return device->owner;
    }
    for (i = 0; i < line->count; i++) {
        const char *value = line->values[i];

        if (strcmp(line->kind, "id") == 0) {
            any = naive_or(any, amlaps_text_equal_folded(device->device_id, value) ? AMLAPS_YES : AMLAPS_NO);
        }
        else if (strcmp(line->kind, "name") == 0) {
            any = naive_or(any, amlaps_text_glob(value, device->name) ? AMLAPS_YES : AMLAPS_NO);
        }
        else if (strcmp(line->kind, "group") == 0) {
            any = naive_or(any, naive_listed(device->groups, device->group_count, device->groups_known, value));
        }
        else {
            any = naive_or(any, naive_listed(device->units, device->unit_count, device->units_known, value));
        }
    }
    return any;
}

static inline amlaps_known_t naive_condition(const naive_condition_t *condition, const amlaps_device_t *device)
{
    amlaps_known_t in;

    switch (condition->kind) {
    case WHEN_FALSE:
        return AMLAPS_NO;
    case WHEN_FAILS:
        return AMLAPS_UNKNOWN;
    case WHEN_IN_GROUP:
        return naive_listed(device->groups, device->group_count, device->groups_known, condition->group);
    case WHEN_NOT_IN_GROUP:
        in = naive_listed(device->groups, device->group_count, device->groups_known, condition->group);
        return in == AMLAPS_UNKNOWN ? in : in == AMLAPS_YES ? AMLAPS_NO : AMLAPS_YES;
    case WHEN_NONE:
    case WHEN_TRUE:
    default:
        return AMLAPS_YES;
    }
}

static inline amlaps_known_t naive_counts(const naive_rule_t *rule, const amlaps_device_t *device)
{
    amlaps_known_t any = AMLAPS_NO;
    int i;

    for (i = 0; i < rule->line_count; i++) {
        any = naive_or(any, naive_line(&rule->lines[i], device));
    }
    if (rule->expired || (rule->tenant && strcmp(rule->tenant, device->tenant) != 0)) {
        return AMLAPS_NO;
    }
    return naive_and(any, naive_condition(&rule->condition, device));
}

/* 0 for id to 5 for all, of the most specific line that certainly matches. */
static inline int naive_specificity(const naive_rule_t *rule, const amlaps_device_t *device)
{
    static const char *const kinds[] = {"id", "owner", "name", "group", "unit", "all"};
    int kind, i;

    for (kind = 0; kind < 6; kind++) {
        for (i = 0; i < rule->line_count; i++) {
            if (strcmp(rule->lines[i].kind, kinds[kind]) == 0 && naive_line(&rule->lines[i], device) == AMLAPS_YES) {
                return kind;
            }
        }
    }
    return kind;
}

static inline int naive_item(const amlaps_json_t *claim, const char *value)
{
    switch (amlaps_json_kind(claim)) {
    case AMLAPS_JSON_TEXT:
        return strcmp(amlaps_json_text(claim), value) == 0;
    case AMLAPS_JSON_INTEGER:
    case AMLAPS_JSON_BOOL: {
        apr_int64_t number = 0;
        int truth = 0;

        if (amlaps_json_integer(claim, &number)) {
            char text[32];

            apr_snprintf(text, sizeof(text), "%" APR_INT64_T_FMT, number);
            return strcmp(text, value) == 0;
        }
        return amlaps_json_bool(claim, &truth) && strcmp(truth ? "true" : "false", value) == 0;
    }
    default:
        return 0;
    }
}

static inline int naive_claim(const amlaps_json_t *claims, const char *name, const char *value)
{
    const amlaps_json_t *claim = amlaps_json_member(claims, name);
    apr_size_t i;

    for (i = 0; i < amlaps_json_length(claim); i++) {
        if (naive_item(amlaps_json_item(claim, i), value)) {
            return 1;
        }
    }
    return naive_item(claim, value);
}

static inline amlaps_known_t naive_value(const naive_entry_t *entry, const char *value, const amlaps_person_t *person)
{
    char guid[AMLAPS_GUID_LENGTH + 1];
    apr_size_t i;

    if (strcmp(entry->kind, "user") == 0) {
        const char *mine = amlaps_text_guid(guid, value) ? person->oid : person->username;

        return amlaps_text_equal_folded(mine, value) ? AMLAPS_YES : AMLAPS_NO;
    }
    if (strcmp(entry->kind, "group") == 0) {
        return naive_listed(person->groups, person->group_count, person->groups_known, value);
    }
    if (strcmp(entry->kind, "role") == 0) {
        for (i = 0; i < person->role_count; i++) {
            if (strcmp(person->roles[i], value) == 0) {
                return AMLAPS_YES;
            }
        }
        return AMLAPS_NO;
    }
    if (naive_claim(person->claims, entry->claim, value)) {
        return AMLAPS_YES;
    }
    for (i = 0; i < person->group_count; i++) {
        if (strcmp(entry->claim, "groups") == 0 && strcmp(person->groups[i], value) == 0) {
            return AMLAPS_YES;
        }
    }
    return strcmp(entry->claim, "groups") == 0 && !person->groups_known ? AMLAPS_UNKNOWN : AMLAPS_NO;
}

static inline amlaps_known_t naive_people(const naive_rule_t *rule, int deny, int permission, const amlaps_person_t *person)
{
    amlaps_known_t any = AMLAPS_NO;
    int i, j;

    for (i = 0; i < rule->entry_count; i++) {
        const naive_entry_t *entry = &rule->entries[i];

        if (entry->deny != deny || !(entry->permissions & permission)) {
            continue;
        }
        if (strcmp(entry->kind, "anyone") == 0) {
            any = AMLAPS_YES;
        }
        for (j = 0; j < entry->count; j++) {
            any = naive_or(any, naive_value(entry, entry->values[j], person));
        }
    }
    return any;
}

static inline naive_decision_t naive_decide(const naive_rule_t *rules, int count, int permission, const amlaps_question_t *question)
{
    naive_decision_t decision = {AMLAPS_DENY, -1};
    int i, best = -1;

    for (i = 0; i < count; i++) {
        if (naive_and(naive_counts(&rules[i], question->device), naive_people(&rules[i], 1, permission, question->person)) == AMLAPS_YES) {
            decision.rule = i;
            return decision;
        }
    }
    for (i = 0; i < count; i++) {
        if (naive_and(naive_counts(&rules[i], question->device), naive_people(&rules[i], 0, permission, question->person)) == AMLAPS_YES
            && (best < 0 || naive_specificity(&rules[i], question->device) < naive_specificity(&rules[best], question->device))) {
            best = i;
        }
    }
    if (best < 0) {
        return decision;
    }
    for (i = 0; i < count; i++) {
        if (naive_and(naive_counts(&rules[i], question->device), naive_people(&rules[i], 1, permission, question->person))
            == AMLAPS_UNKNOWN) {
            decision.verdict = AMLAPS_UNDECIDABLE;
            decision.rule = i;
            return decision;
        }
    }
    decision.verdict = AMLAPS_ALLOW;
    decision.rule = best;
    return decision;
}

#endif
