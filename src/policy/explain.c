/* Licensed under the Apache License, Version 2.0; see LICENSE. */

#include <apr_strings.h>
#include <apr_time.h>
#include <assert.h>

#include "amlaps/text.h"
#include "index.h"
#include "match.h"
#include "person.h"

#define LONGEST_VALUE 300

typedef struct explain_t {
    amlaps_match_t *match;
    const amlaps_rule_t *rule;
    apr_pool_t *pool;
} explain_t;

static const char *printable(const explain_t *x, const char *text)
{
    return amlaps_text_printable(text, LONGEST_VALUE, x->pool);
}

/* " at FILE:LINE", or nothing where the origin is not known. */
static const char *place(const explain_t *x)
{
    return x->rule->origin ? apr_pstrcat(x->pool, " at ", x->rule->origin, NULL) : "";
}

/* The same for one directive; that of the rule where nothing better is known. */
static const char *place_of(const explain_t *x, const char *origin)
{
    return origin ? apr_pstrcat(x->pool, " at ", origin, NULL) : place(x);
}

static const char *place_of_line(const explain_t *x, const amlaps_line_t *line)
{
    const amlaps_line_origin_t *origin = (const amlaps_line_origin_t *)x->rule->line_origins->elts;

    /* Every line has one. */
    while (origin->selector != line->selector || origin->values != line->values) {
        origin++;
    }
    return place_of(x, origin->origin);
}

/* What of the device a line looks at. */
static const char *looked_at(const explain_t *x, amlaps_selector_t selector)
{
    const amlaps_device_t *device = x->match->question->device;

    switch (selector) {
    case AMLAPS_SELECT_ID:
        return device->device_id && *device->device_id ? printable(x, device->device_id) : "the device's id";
    case AMLAPS_SELECT_NAME:
        return device->name ? apr_psprintf(x->pool, "\"%s\"", printable(x, device->name)) : "the device's name";
    case AMLAPS_SELECT_GROUP:
        return "the device's groups";
    case AMLAPS_SELECT_UNIT:
        return "the device's administrative units";
    case AMLAPS_SELECT_OWNER:
        return "the device's owner";
    default:
        return "every device";
    }
}

/* What is missing to judge a line. */
static const char *missing(const explain_t *x, amlaps_selector_t selector)
{
    if (selector == AMLAPS_SELECT_OWNER && !x->match->question->person->oid) {
        return "the person's object id is not known";
    }
    return apr_pstrcat(x->pool, looked_at(x, selector), " could not be looked up", NULL);
}

/* The line as written; where one value matters, only that one. */
static const char *write_line(const explain_t *x, const amlaps_line_t *line, const amlaps_value_t *value)
{
    const char *text = apr_pstrcat(x->pool, "AMLapsDevice ", amlaps_selector_word(line->selector), NULL);

    if (value) {
        return apr_pstrcat(x->pool, text, " ", printable(x, value->written), NULL);
    }
    if (line->count > 0) {
        text = apr_pstrcat(x->pool, text, " ", printable(x, line->values[0].written), NULL);
    }
    return line->count > 1 ? apr_psprintf(x->pool, "%s (and %u more)", text, line->count - 1) : text;
}

/* Says what the most specific line that decides says: the one that matches, else the first unknown one, else that none does. */
static const char *explain_device(const explain_t *x)
{
    const amlaps_line_t *lines = x->rule->lines, *unknown = NULL;
    const amlaps_value_t *value;
    apr_size_t i;

    for (i = 0; i < x->rule->line_count; i++) {
        amlaps_known_t known = amlaps_match_line(x->match, &lines[i], &value);

        if (known == AMLAPS_YES) {
            return apr_psprintf(x->pool, "%s%s matches %s", write_line(x, &lines[i], value), place_of_line(x, &lines[i]),
                                looked_at(x, lines[i].selector));
        }
        if (known == AMLAPS_UNKNOWN && !unknown) {
            unknown = &lines[i];
        }
    }
    if (unknown) {
        return apr_psprintf(x->pool, "%s%s cannot be judged because %s", write_line(x, unknown, NULL), place_of_line(x, unknown),
                            missing(x, unknown->selector));
    }
    if (x->rule->line_count == 1) {
        return apr_psprintf(x->pool, "%s%s does not match %s", write_line(x, &lines[0], NULL), place_of_line(x, &lines[0]),
                            looked_at(x, lines[0].selector));
    }
    return apr_psprintf(x->pool, "none of the %u AMLapsDevice lines%s matches the device", x->rule->line_count,
                        place(x));
}

static const char *explain_tenant(const explain_t *x, amlaps_known_t known)
{
    const char *tenant = printable(x, x->rule->tenant);

    if (known == AMLAPS_UNKNOWN) {
        return apr_psprintf(x->pool, "the rule%s is for tenant %s and the device's tenant is not known", place(x), tenant);
    }
    return apr_psprintf(x->pool, "the rule%s is for tenant %s and the device is in %s", place(x), tenant,
                        printable(x, x->match->question->device->tenant));
}

static const char *explain_condition(const explain_t *x, amlaps_known_t known)
{
    const char *text = printable(x, x->rule->condition_text ? x->rule->condition_text : "");

    return apr_psprintf(x->pool, "AMLapsWhen %s%s %s", text, place_of(x, x->rule->condition_origin),
                        known == AMLAPS_YES  ? "is true"
                        : known == AMLAPS_NO ? "is false"
                                             : "could not be evaluated");
}

static const char *add(const explain_t *x, const char *sentence, const char *clause)
{
    return *sentence ? apr_pstrcat(x->pool, sentence, "; ", clause, NULL) : clause;
}

static const char *explain_rule(amlaps_known_t *matched, const explain_t *x)
{
    amlaps_known_t tenant = amlaps_match_tenant(x->match, x->rule), condition;
    const char *why = "";

    *matched = amlaps_match_rule(x->match, x->rule).known;
    if (amlaps_rule_is_expired(x->rule, x->match->question->now)) {
        return apr_psprintf(x->pool, "AMLapsExpires %s%s is over", x->rule->expires, place_of(x, x->rule->expires_origin));
    }
    if (tenant != AMLAPS_YES) {
        why = explain_tenant(x, tenant);
    }
    if (tenant == AMLAPS_NO) {
        return why;
    }
    why = add(x, why, explain_device(x));
    if (x->rule->condition) {
        condition = amlaps_match_condition(x->match, x->rule);
        if (*matched != AMLAPS_NO || condition != AMLAPS_YES) {
            why = add(x, why, explain_condition(x, condition));
        }
    }
    return why;
}

static const char *explain_entry(const explain_t *x, const amlaps_entry_t *entry, const amlaps_value_t *value, amlaps_known_t known)
{
    const char *line = apr_pstrcat(x->pool, entry->deny ? "AMLapsDeny " : "AMLapsAllow ", amlaps_permission_words(entry->permissions),
                                   " ", amlaps_principal_word(entry->kind), NULL);
    const char *at = place_of(x, entry->origin);
    const char *answer;

    if (entry->claim) {
        line = apr_pstrcat(x->pool, line, " ", printable(x, entry->claim), NULL);
    }
    if (known == AMLAPS_UNKNOWN) {
        return apr_pstrcat(x->pool, line, " ", printable(x, entry->values[0].written), entry->count > 1 ? " and others" : "", at,
                           ": the person's groups could not be looked up", NULL);
    }
    switch (entry->kind) {
    case AMLAPS_PRINCIPAL_ANYONE:
        return apr_pstrcat(x->pool, line, at, ": that is everybody", NULL);
    case AMLAPS_PRINCIPAL_USER:
        answer = ": that is the person";
        break;
    case AMLAPS_PRINCIPAL_GROUP:
        answer = ": the person is in it";
        break;
    case AMLAPS_PRINCIPAL_ROLE:
        answer = ": the person has it";
        break;
    default:
        answer = ": the person's claim says so";
    }
    return apr_pstrcat(x->pool, line, " ", printable(x, value->written), at, answer, NULL);
}

/* Who is meant matters only where the rule may count. */
static const char *explain_people(amlaps_rule_explanation_t *explanation, const explain_t *x, const char *why)
{
    int mentioned = 0;
    apr_size_t i;

    for (i = 0; i < x->rule->entry_count; i++) {
        const amlaps_entry_t *entry = &x->rule->entries[i];
        const amlaps_value_t *value;
        amlaps_known_t known = amlaps_person_matches(x->match->question->person, entry, &value);

        if (known == AMLAPS_NO) {
            continue;
        }
        mentioned = 1;
        why = add(x, why, explain_entry(x, entry, value, known));
        if (known == AMLAPS_YES && explanation->matched == AMLAPS_YES) {
            if (entry->deny) {
                explanation->denies |= entry->permissions;
            }
            else {
                explanation->allows |= entry->permissions;
            }
        }
    }
    return mentioned ? why : add(x, why, "no AMLapsAllow or AMLapsDeny line names the person");
}

apr_array_header_t *amlaps_policy_explain(const amlaps_policy_t *policy, const amlaps_question_t *question, apr_pool_t *pool)
{
    apr_size_t i, count = amlaps_policy_count(policy);
    apr_array_header_t *explanations = apr_array_make(pool, (int)count + 1, sizeof(amlaps_rule_explanation_t));
    amlaps_match_t match;

    assert(policy->compiled);
    amlaps_match_begin(&match, question);
    for (i = 0; i < count; i++) {
        amlaps_rule_explanation_t *explanation = apr_array_push(explanations);
        explain_t x = {&match, AMLAPS_POLICY_RULE(policy, i), pool};

        explanation->rule = x.rule;
        explanation->allows = explanation->denies = 0;
        explanation->why = explain_rule(&explanation->matched, &x);
        if (explanation->matched != AMLAPS_NO) {
            explanation->why = explain_people(explanation, &x, explanation->why);
        }
    }
    return explanations;
}
