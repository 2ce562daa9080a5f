/* Licensed under the Apache License, Version 2.0; see LICENSE. */

#include <apr_cstr.h>
#include <apr_strings.h>
#include <string.h>

#include "amlaps/text.h"
#include "rule.h"

#define LONGEST_REASON 4096 /* characters */
#define LONGEST_CHARACTER 4 /* bytes */
#define MOST_CHOICES 12

static int read_mode(amlaps_reason_mode_t *mode, const char *word)
{
    static const struct {
        const char *word;
        amlaps_reason_mode_t mode;
    } modes[] = {
        {"hidden", AMLAPS_REASON_HIDDEN},
        {"optional", AMLAPS_REASON_OPTIONAL},
        {"required", AMLAPS_REASON_REQUIRED_MODE},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (apr_cstr_casecmp(modes[i].word, word) == 0) {
            *mode = modes[i].mode;
            return 1;
        }
    }
    return 0;
}

static int is_given(const char *word)
{
    return word && *word;
}

const char *amlaps_rule_set_reason(amlaps_rule_t *rule, const char *mode, const char *pattern, const char *hint)
{
    const char *wrong = NULL;

    if (rule->reason_set) {
        return "the rule says already whether it asks for a reason: keep one line";
    }
    if (!read_mode(&rule->reason.mode, mode)) {
        return apr_psprintf(rule->pool, "\"%s\" is no way to ask for a reason: write hidden, optional or required",
                            amlaps_rule_quote(rule, mode));
    }
    if (rule->reason.mode == AMLAPS_REASON_HIDDEN && (is_given(pattern) || is_given(hint))) {
        return "hidden asks for no reason, so nothing may follow it: write optional or required for a pattern and a hint";
    }
    if (is_given(pattern)) {
        wrong = amlaps_pattern_make(&rule->pattern, pattern, rule->pool);
        rule->reason.pattern = wrong ? NULL : apr_pstrdup(rule->pool, pattern);
    }
    if (is_given(hint)) {
        rule->reason.hint = apr_pstrdup(rule->pool, hint);
    }
    rule->reason_set = 1;
    return wrong;
}

const char *amlaps_rule_add_choices(amlaps_rule_t *rule, const char *const *texts, int count)
{
    const amlaps_value_t *values;
    const char *wrong = amlaps_rule_read_values(&values, rule, "a reason to choose", 0, texts, count);
    int i;

    if (wrong) {
        return wrong;
    }
    if (!rule->reason.choices) {
        rule->reason.choices = apr_array_make(rule->pool, count, sizeof(const char *));
    }
    if (rule->reason.choices->nelts + count > MOST_CHOICES) {
        return apr_psprintf(rule->pool, "more than %d reasons are no quick choice: keep those that are used most", MOST_CHOICES);
    }
    for (i = 0; i < count; i++) {
        APR_ARRAY_PUSH(rule->reason.choices, const char *) = values[i].written;
    }
    return NULL;
}

const amlaps_reason_t *amlaps_rule_reason(const amlaps_rule_t *rule)
{
    return &rule->reason;
}

/* One character of well-formed UTF-8. */
static apr_uint32_t next_character(const unsigned char **at)
{
    apr_uint32_t character = *(*at)++;

    if (character >= 0x80) {
        character &= character >= 0xf0 ? 0x07 : character >= 0xe0 ? 0x0f : 0x1f;
        while ((**at & 0xc0) == 0x80) {
            character = character << 6 | (*(*at)++ & 0x3f);
        }
    }
    return character;
}

/* White space of Unicode, and what shows nothing, which would pass for a reason unseen: fillers, marks of direction, selectors, tags. */
static int is_blank(apr_uint32_t character)
{
    static const struct {
        apr_uint32_t first, last;
    } blanks[] = {
        {0x00, 0x20}, {0xa0, 0xa0}, {0xad, 0xad}, {0x34f, 0x34f}, {0x61c, 0x61c}, {0x115f, 0x1160}, {0x1680, 0x1680}, {0x17b4, 0x17b5},
        {0x180b, 0x180f}, {0x2000, 0x200f}, {0x2028, 0x202f}, {0x205f, 0x206f}, {0x2800, 0x2800}, {0x3000, 0x3000}, {0x3164, 0x3164},
        {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++) {
        if (character >= blanks[i].first && character <= blanks[i].last) {
            return 1;
        }
    }
    return 0;
}

static int is_forbidden(apr_uint32_t character)
{
    return (character < 0x20 && character != '\n' && character != '\t') || (character >= 0x7f && character <= 0x9f);
}

amlaps_code_t amlaps_rule_check_reason(const amlaps_rule_t *rule, const char *reason)
{
    const unsigned char *at = (const unsigned char *)(reason ? reason : "");
    apr_size_t bytes = strnlen((const char *)at, LONGEST_REASON * LONGEST_CHARACTER + 1), characters;
    int blank = 1;

    if (bytes > LONGEST_REASON * LONGEST_CHARACTER || !amlaps_text_is_utf8((const char *)at, bytes)) {
        return AMLAPS_REASON_INVALID;
    }
    for (characters = 0; *at; characters++) {
        apr_uint32_t character = next_character(&at);

        if (is_forbidden(character)) {
            return AMLAPS_REASON_INVALID;
        }
        blank = blank && is_blank(character);
    }
    if (characters > LONGEST_REASON) {
        return AMLAPS_REASON_INVALID;
    }
    if (blank) {
        return rule->reason.mode == AMLAPS_REASON_REQUIRED_MODE ? AMLAPS_REASON_REQUIRED : AMLAPS_OK;
    }
    if (rule->reason.pattern && amlaps_pattern_find(rule->pattern, reason) != AMLAPS_YES) {
        return AMLAPS_REASON_INVALID;
    }
    return AMLAPS_OK;
}
