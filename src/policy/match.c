/* Licensed under the Apache License, Version 2.0; see LICENSE. */

#include "match.h"

#include <apr_cstr.h>
#include <string.h>

#include "amlaps/text.h"
#include "hash.h"

#define TAG(hash) ((apr_uint32_t)((hash) >> 48) << 16)

static void set_begin(amlaps_set_t *set, const char *const *texts, apr_size_t count)
{
    set->texts = texts;
    set->count = count;
    set->filled = 0;
}

static void set_fill(amlaps_set_t *set)
{
    apr_size_t i;

    memset(set->slots, 0, sizeof(set->slots));
    for (i = 0; i < set->count && i < AMLAPS_SET_MOST; i++) {
        apr_uint64_t hash = amlaps_hash_folded(set->texts[i]);
        apr_uint64_t slot = hash;

        while (set->slots[slot % AMLAPS_SET_SLOTS] != 0) {
            slot++;
        }
        set->slots[slot % AMLAPS_SET_SLOTS] = TAG(hash) | (apr_uint32_t)(i + 1);
    }
    set->filled = 1;
}

static int set_has(amlaps_set_t *set, apr_uint64_t hash, const amlaps_value_t *value)
{
    apr_uint64_t slot = hash;
    apr_uint32_t found;
    apr_size_t i;

    for (; (found = set->slots[slot % AMLAPS_SET_SLOTS]) != 0; slot++) {
        if ((found & 0xffff0000u) == TAG(hash) && apr_cstr_casecmp(set->texts[(found & 0xffffu) - 1], value->text) == 0) {
            return 1;
        }
    }
    for (i = AMLAPS_SET_MOST; i < set->count; i++) {
        if (apr_cstr_casecmp(set->texts[i], value->text) == 0) {
            return 1;
        }
    }
    return 0;
}

void amlaps_match_begin(amlaps_match_t *match, const amlaps_question_t *question)
{
    const amlaps_device_t *device = question->device;

    match->question = question;
    match->device_hash = device->device_id ? amlaps_hash_folded(device->device_id) : 0;
    set_begin(&match->groups, device->groups, device->group_count);
    set_begin(&match->units, device->units, device->unit_count);
    memset(match->memo, 0, sizeof(match->memo));
}

static amlaps_known_t match_id(const amlaps_match_t *match, const amlaps_line_t *line, const amlaps_value_t **value)
{
    const char *id = match->question->device->device_id;
    apr_size_t i;

    if (!id) {
        return AMLAPS_UNKNOWN;
    }
    for (i = 0; i < line->count; i++) {
        apr_uint64_t hash = i == 0 ? line->first_hash : line->values[i].hash;

        if (hash == match->device_hash && apr_cstr_casecmp(line->values[i].text, id) == 0) {
            *value = &line->values[i];
            return AMLAPS_YES;
        }
    }
    return AMLAPS_NO;
}

/* Settles the usual LON-* by itself; whatever has other wildcards or letters beyond ASCII goes on as it always would. */
static int match_glob(const char *glob, const char *name)
{
    for (; *glob && *glob != '*' && *glob != '?' && !((*glob | *name) & 0x80); glob++, name++) {
        if (amlaps_hash_lower(*glob) != amlaps_hash_lower(*name)) {
            return 0;
        }
    }
    return (glob[0] == '*' && glob[1] == '\0') || amlaps_text_glob(glob, name);
}

static amlaps_known_t match_name(const amlaps_match_t *match, const amlaps_line_t *line, const amlaps_value_t **value)
{
    const char *name = match->question->device->name;
    apr_size_t i;

    if (!name) {
        return AMLAPS_UNKNOWN;
    }
    for (i = 0; i < line->count; i++) {
        if (match_glob(line->values[i].text, name)) {
            *value = &line->values[i];
            return AMLAPS_YES;
        }
    }
    return AMLAPS_NO;
}

static amlaps_known_t match_set(amlaps_set_t *set, int known, const amlaps_line_t *line, const amlaps_value_t **value)
{
    apr_uint32_t i;

    if (!set->filled) {
        set_fill(set);
    }
    for (i = 0; i < line->count; i++) {
        if (set_has(set, i == 0 ? line->first_hash : line->values[i].hash, &line->values[i])) {
            *value = &line->values[i];
            return AMLAPS_YES;
        }
    }
    return known ? AMLAPS_NO : AMLAPS_UNKNOWN;
}

amlaps_known_t amlaps_match_line(amlaps_match_t *match, const amlaps_line_t *line, const amlaps_value_t **value)
{
    const amlaps_device_t *device = match->question->device;

    *value = NULL;
    switch (line->selector) {
    case AMLAPS_SELECT_ID:
        return match_id(match, line, value);
    case AMLAPS_SELECT_OWNER:
        return device->owner;
    case AMLAPS_SELECT_NAME:
        return match_name(match, line, value);
    case AMLAPS_SELECT_GROUP:
        return match_set(&match->groups, device->groups_known, line, value);
    case AMLAPS_SELECT_UNIT:
        return match_set(&match->units, device->units_known, line, value);
    case AMLAPS_SELECT_ALL:
    default:
        return AMLAPS_YES;
    }
}

amlaps_known_t amlaps_match_tenant(const amlaps_match_t *match, const amlaps_rule_t *rule)
{
    const char *tenant = match->question->device->tenant;

    if (!rule->tenant) {
        return AMLAPS_YES;
    }
    if (!tenant) {
        return AMLAPS_UNKNOWN;
    }
    return strcmp(rule->tenant, tenant) == 0 ? AMLAPS_YES : AMLAPS_NO;
}

amlaps_known_t amlaps_match_condition(const amlaps_match_t *match, const amlaps_rule_t *rule)
{
    const amlaps_question_t *question = match->question;

    if (!rule->condition) {
        return AMLAPS_YES;
    }
    return rule->condition(question->request, rule->condition_data, question->person, question->device);
}

/* @param so_far is not AMLAPS_NO */
static amlaps_known_t and_also(amlaps_known_t so_far, amlaps_known_t next)
{
    return next == AMLAPS_YES ? so_far : next;
}

static amlaps_known_t match_lines(amlaps_match_t *match, const amlaps_rule_t *rule, amlaps_selector_t *selector)
{
    amlaps_known_t any = AMLAPS_NO;
    const amlaps_value_t *value;
    apr_size_t i;

    for (i = 0; i < rule->line_count; i++) {
        amlaps_known_t known = amlaps_match_line(match, &rule->lines[i], &value);

        if (known == AMLAPS_YES) {
            *selector = rule->lines[i].selector;
            return AMLAPS_YES;
        }
        if (known == AMLAPS_UNKNOWN) {
            any = AMLAPS_UNKNOWN;
        }
    }
    return any;
}

/* The condition is by far the dearest part, so it comes last and only where it can still matter. */
static amlaps_matched_t match_all(amlaps_match_t *match, const amlaps_rule_t *rule)
{
    amlaps_matched_t matched = {AMLAPS_NO, AMLAPS_SELECT_ALL};

    if (match->question->now < rule->until) {
        matched.known = amlaps_match_tenant(match, rule);
    }
    if (matched.known != AMLAPS_NO) {
        matched.known = and_also(matched.known, match_lines(match, rule, &matched.selector));
    }
    if (matched.known != AMLAPS_NO) {
        matched.known = and_also(matched.known, amlaps_match_condition(match, rule));
    }
    return matched;
}

amlaps_matched_t amlaps_match_rule(amlaps_match_t *match, const amlaps_rule_t *rule)
{
    amlaps_memo_t *memo = &match->memo[((apr_uintptr_t)rule / AMLAPS_CACHE_LINE) % AMLAPS_MEMO_SLOTS];

    if (memo->rule != rule) {
        memo->matched = match_all(match, rule);
        memo->rule = rule;
    }
    return memo->matched;
}

int amlaps_match_unknown(const amlaps_question_t *question)
{
    const amlaps_device_t *device = question->device;

    return (device->groups_known ? 0 : AMLAPS_NEED_DEVICE_GROUPS) | (device->units_known ? 0 : AMLAPS_NEED_DEVICE_UNITS)
           | (device->owner == AMLAPS_UNKNOWN ? AMLAPS_NEED_DEVICE_OWNER : 0)
           | (question->person->groups_known ? 0 : AMLAPS_NEED_PERSON_GROUPS);
}

/* The look-up that settles a line; none for an id or a name that nobody knows. */
static int settles(amlaps_selector_t selector)
{
    switch (selector) {
    case AMLAPS_SELECT_OWNER:
        return AMLAPS_NEED_DEVICE_OWNER;
    case AMLAPS_SELECT_GROUP:
        return AMLAPS_NEED_DEVICE_GROUPS;
    case AMLAPS_SELECT_UNIT:
        return AMLAPS_NEED_DEVICE_UNITS;
    default:
        return AMLAPS_NEED_NOTHING;
    }
}

/* What may match once the device is looked at, may match. */
static int is_unseen(const amlaps_match_t *match)
{
    return match->question->device->unseen;
}

static void outlook_lines(amlaps_outlook_t *outlook, amlaps_match_t *match, const amlaps_rule_t *rule)
{
    const amlaps_value_t *value;
    int open = 0, found = 0;
    apr_size_t i;

    for (i = 0; i < rule->line_count; i++) {
        const amlaps_line_t *line = &rule->lines[i];
        amlaps_known_t known = amlaps_match_line(match, line, &value);
        int need = known == AMLAPS_UNKNOWN ? settles(line->selector) : AMLAPS_NEED_NOTHING;

        open |= need;
        if (!found && (known == AMLAPS_YES || need || (known == AMLAPS_UNKNOWN && is_unseen(match)))) {
            outlook->best = line->selector;
            found = 1;
        }
        if (known == AMLAPS_YES) {
            outlook->can_match = 1;
            outlook->ranks = open;
            return;
        }
    }
    outlook->can_match = found;
    outlook->decides = outlook->ranks = open;
}

void amlaps_match_outlook(amlaps_outlook_t *outlook, amlaps_match_t *match, const amlaps_rule_t *rule)
{
    int needs;

    memset(outlook, 0, sizeof(*outlook));
    outlook->matched = amlaps_match_rule(match, rule);
    if (outlook->matched.known == AMLAPS_NO) {
        return;
    }
    outlook_lines(outlook, match, rule);
    if (amlaps_match_condition(match, rule) == AMLAPS_UNKNOWN) {
        needs = rule->condition_needs & amlaps_match_unknown(match->question);
        outlook->decides |= needs;
        outlook->can_match = outlook->can_match && (needs || is_unseen(match));
    }
    if (amlaps_match_tenant(match, rule) == AMLAPS_UNKNOWN) {
        outlook->can_match = 0;
    }
}
