/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The words of AMLapsDevice, AMLapsAllow and AMLapsDeny, and what is wrong with them. */

#include <apr_cstr.h>
#include <apr_strings.h>
#include <string.h>

#include "amlaps/text.h"
#include "rule.h"

#define LONGEST_GLOB 256

typedef struct word_t {
    const char *word;
    int value;
} word_t;

static const word_t selectors[] = {
    {"id", AMLAPS_SELECT_ID},       {"owner", AMLAPS_SELECT_OWNER}, {"name", AMLAPS_SELECT_NAME},
    {"group", AMLAPS_SELECT_GROUP}, {"unit", AMLAPS_SELECT_UNIT},   {"all", AMLAPS_SELECT_ALL},
};

static const word_t principals[] = {
    {"user", AMLAPS_PRINCIPAL_USER},   {"group", AMLAPS_PRINCIPAL_GROUP},   {"role", AMLAPS_PRINCIPAL_ROLE},
    {"claim", AMLAPS_PRINCIPAL_CLAIM}, {"anyone", AMLAPS_PRINCIPAL_ANYONE},
};

static const word_t permissions[] = {
    {"password", AMLAPS_PERMISSION_PASSWORD},
    {"history", AMLAPS_PERMISSION_HISTORY},
    {"all", AMLAPS_PERMISSION_ALL},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const word_t *find_word(const word_t *table, apr_size_t count, const char *word, apr_size_t length)
{
    apr_size_t i;

    for (i = 0; i < count; i++) {
        if (strlen(table[i].word) == length && apr_cstr_casecmpn(table[i].word, word, length) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static const char *word_of(const word_t *table, int value)
{
    while (table->value != value) {
        table++;
    }
    return table->word;
}

const char *amlaps_selector_word(amlaps_selector_t selector)
{
    return word_of(selectors, (int)selector);
}

const char *amlaps_principal_word(amlaps_principal_t kind)
{
    return word_of(principals, (int)kind);
}

const char *amlaps_permission_words(int bits)
{
    return word_of(permissions, bits);
}

static const char *check_guids(const amlaps_rule_t *rule, const amlaps_line_t *line)
{
    char guid[AMLAPS_GUID_LENGTH + 1];
    apr_uint32_t i;

    for (i = 0; i < line->count; i++) {
        if (!amlaps_text_guid(guid, line->values[i].text)) {
            return apr_psprintf(rule->pool, "\"%s\" is no GUID: write the %s, such as 4f0c8c55-7a9e-4b0e-8a57-51f2c1a4c0de",
                                amlaps_rule_quote(rule, line->values[i].written),
                                line->selector == AMLAPS_SELECT_ID      ? "device's deviceId (not its object id)"
                                : line->selector == AMLAPS_SELECT_GROUP ? "group's object id"
                                                                        : "administrative unit's id");
        }
    }
    return NULL;
}

static const char *check_globs(const amlaps_rule_t *rule, const amlaps_line_t *line)
{
    apr_size_t i;

    for (i = 0; i < line->count; i++) {
        if (strlen(line->values[i].written) > LONGEST_GLOB) {
            return apr_psprintf(rule->pool, "\"%s\" is longer than any device name: write at most %d bytes",
                                amlaps_rule_quote(rule, line->values[i].written), LONGEST_GLOB);
        }
    }
    return NULL;
}

static void append_line(amlaps_rule_t *rule, const amlaps_line_t *line)
{
    amlaps_line_t *lines, *last;

    if (!rule->line_array) {
        rule->line_array = apr_array_make(rule->pool, 2, sizeof(*lines));
        *(amlaps_line_t *)apr_array_push(rule->line_array) = rule->only_line;
    }
    last = apr_array_push(rule->line_array);
    lines = (amlaps_line_t *)rule->line_array->elts;
    for (; last > lines && last[-1].selector > line->selector; last--) {
        last[0] = last[-1];
    }
    *last = *line;
    rule->lines = lines;
}

/* Keeps the most specific line first, and lines of one kind as they were written. */
static void insert_line(amlaps_rule_t *rule, const amlaps_line_t *line)
{
    amlaps_line_origin_t *origin = apr_array_push(rule->line_origins);

    origin->selector = line->selector;
    origin->values = line->values;
    origin->origin = rule->here;
    if (rule->line_count == 0) {
        rule->only_line = *line;
        rule->lines = &rule->only_line;
    }
    else {
        append_line(rule, line);
    }
    rule->line_count++;
}

const char *amlaps_rule_add_device(amlaps_rule_t *rule, const char *kind, const char *const *values, int count)
{
    const word_t *selector = find_word(selectors, COUNT(selectors), kind, strlen(kind));
    amlaps_line_t line = {AMLAPS_SELECT_ALL, 0, NULL, 0};
    const char *wrong;

    if (!selector) {
        return apr_psprintf(rule->pool, "\"%s\" is no kind of device: write all, id GUID, name GLOB, group GUID, unit GUID or owner",
                            amlaps_rule_quote(rule, kind));
    }
    line.selector = (amlaps_selector_t)selector->value;
    if (line.selector == AMLAPS_SELECT_ALL || line.selector == AMLAPS_SELECT_OWNER) {
        if (count > 0) {
            return apr_psprintf(rule->pool, "%s takes no value, so \"%s\" is too much: give another kind a line of its own, such as name LON-*",
                                selector->word, amlaps_rule_quote(rule, values[0]));
        }
        insert_line(rule, &line);
        return NULL;
    }
    if (count < 1) {
        return apr_psprintf(rule->pool, "%s needs at least one value, such as %s %s", selector->word, selector->word,
                            line.selector == AMLAPS_SELECT_NAME ? "LON-*" : "4f0c8c55-7a9e-4b0e-8a57-51f2c1a4c0de");
    }
    line.count = (apr_uint32_t)count;
    wrong = amlaps_rule_read_values(&line.values, rule, selector->word, line.selector != AMLAPS_SELECT_NAME, values, count);
    if (!wrong) {
        wrong = line.selector == AMLAPS_SELECT_NAME ? check_globs(rule, &line) : check_guids(rule, &line);
    }
    if (!wrong) {
        line.first_hash = line.values[0].hash;
        insert_line(rule, &line);
    }
    return wrong;
}

static const char *read_permissions(int *bits, const amlaps_rule_t *rule, const char *list)
{
    const char *at = list;

    *bits = 0;
    for (;;) {
        apr_size_t length = strcspn(at, ",");
        const word_t *permission = find_word(permissions, COUNT(permissions), at, length);

        if (!permission && length == 0) {
            return apr_psprintf(rule->pool, "an empty permission in \"%s\": write permissions without spaces, such as password,history",
                                amlaps_rule_quote(rule, list));
        }
        if (!permission) {
            return apr_psprintf(rule->pool, "\"%s\" is no permission: write password, history or all",
                                amlaps_rule_quote(rule, apr_pstrmemdup(rule->pool, at, length)));
        }
        *bits |= permission->value;
        if (at[length] == '\0') {
            return NULL;
        }
        at += length + 1;
    }
}

static const char *read_people(amlaps_entry_t *entry, const amlaps_rule_t *rule, const char *const *words, int count)
{
    const char *wrong, *word = amlaps_principal_word(entry->kind);
    int i, fold = entry->kind == AMLAPS_PRINCIPAL_USER || entry->kind == AMLAPS_PRINCIPAL_GROUP;

    if (count < 1) {
        return apr_psprintf(rule->pool, "%s needs at least one value%s", word,
                            entry->kind == AMLAPS_PRINCIPAL_CLAIM   ? " after the claim's name, such as claim department Helpdesk"
                            : entry->kind == AMLAPS_PRINCIPAL_ROLE  ? ", such as role Helpdesk"
                            : entry->kind == AMLAPS_PRINCIPAL_GROUP ? ", such as group 4f0c8c55-7a9e-4b0e-8a57-51f2c1a4c0de"
                                                                    : ", such as user alice@contoso.com");
    }
    wrong = amlaps_rule_read_values(&entry->values, rule, word, fold, words, count);
    for (i = 0; !wrong && i < count; i++) {
        /* Somebody who writes this means everybody, and a deny that matches nobody would go unnoticed. */
        if (strcmp(words[i], "*") == 0 && entry->kind != AMLAPS_PRINCIPAL_CLAIM) {
            wrong = apr_psprintf(rule->pool, "%s * matches nobody, values are no patterns: write anyone where everybody is meant", word);
        }
    }
    entry->count = (apr_size_t)count;
    return wrong;
}

static void append_entry(amlaps_rule_t *rule, const amlaps_entry_t *entry)
{
    if (!rule->entry_array) {
        rule->entry_array = apr_array_make(rule->pool, 1, sizeof(*entry));
    }
    *(amlaps_entry_t *)apr_array_push(rule->entry_array) = *entry;
    rule->entries = (const amlaps_entry_t *)rule->entry_array->elts;
    rule->entry_count = (apr_size_t)rule->entry_array->nelts;
}

const char *amlaps_rule_add_entry(amlaps_rule_t *rule, int deny, const char *const *words, int count)
{
    amlaps_entry_t entry = {.kind = AMLAPS_PRINCIPAL_ANYONE, .origin = rule->here};
    const word_t *kind;
    const char *wrong;

    if (count < 2) {
        return "write PERMISSION[,PERMISSION...] KIND VALUE..., such as password group 4f0c8c55-7a9e-4b0e-8a57-51f2c1a4c0de";
    }
    wrong = read_permissions(&entry.permissions, rule, words[0]);
    if (wrong) {
        return wrong;
    }
    kind = find_word(principals, COUNT(principals), words[1], strlen(words[1]));
    if (!kind) {
        return apr_psprintf(rule->pool, "\"%s\" is no kind of person: write user, group, role, claim NAME or anyone",
                            amlaps_rule_quote(rule, words[1]));
    }
    entry.deny = deny != 0;
    entry.kind = (amlaps_principal_t)kind->value;
    entry.of_groups = entry.kind == AMLAPS_PRINCIPAL_GROUP;
    words += 2;
    count -= 2;
    if (entry.kind == AMLAPS_PRINCIPAL_CLAIM && count > 0) {
        const amlaps_value_t *name;

        wrong = amlaps_rule_read_values(&name, rule, "claim", 0, words, 1);
        if (wrong) {
            return wrong;
        }
        entry.claim = name->text;
        entry.of_groups = strcmp(entry.claim, AMLAPS_CLAIM_GROUPS) == 0;
        words++;
        count--;
    }
    if (entry.kind != AMLAPS_PRINCIPAL_ANYONE) {
        wrong = read_people(&entry, rule, words, count);
    }
    else if (count > 0) {
        wrong = apr_psprintf(rule->pool, "anyone takes no value, so \"%s\" is too much: write user, group or role to name people",
                             amlaps_rule_quote(rule, words[0]));
    }
    if (!wrong) {
        append_entry(rule, &entry);
    }
    return wrong;
}
