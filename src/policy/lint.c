/* Licensed under the Apache License, Version 2.0; see LICENSE. */

#include "lint.h"

#include <apr_strings.h>
#include <assert.h>
#include <string.h>

#include "amlaps/text.h"
#include "index.h"

#define LONGEST_NAME 300

typedef struct lint_t {
    apr_time_t now;
    amlaps_lint_report_t report;
    void *baton;
    amlaps_shadows_t *shadows;
    apr_pool_t *pool; /* emptied after each rule */
} lint_t;

static const char *words_of(int permissions)
{
    return permissions == AMLAPS_PERMISSION_ALL        ? "password and history"
           : permissions == AMLAPS_PERMISSION_PASSWORD ? "password"
                                                       : "history";
}

/* What the rule's lines of one kind name. */
static int permissions_of(const amlaps_rule_t *rule, int deny)
{
    int permissions = 0;
    apr_size_t i;

    for (i = 0; i < rule->entry_count; i++) {
        permissions |= rule->entries[i].deny == deny ? rule->entries[i].permissions : 0;
    }
    return permissions;
}

static const char *name_rule(const lint_t *lint, const amlaps_rule_t *rule)
{
    const char *name = apr_psprintf(lint->pool, "rule \"%s\"", amlaps_text_printable(rule->description, LONGEST_NAME, lint->pool));

    return rule->origin ? apr_pstrcat(lint->pool, name, " at ", rule->origin, NULL) : name;
}

static void check_expiry(const lint_t *lint, const amlaps_rule_t *rule)
{
    lint->report(lint->baton, rule, "AML0503",
                 apr_psprintf(lint->pool, "AMLapsExpires %s is over, so the rule neither allows nor denies: remove it, or write a later day",
                              rule->expires));
}

static void check_shadow(const lint_t *lint, const amlaps_rule_t *rule, apr_size_t position)
{
    int allows = permissions_of(rule, 0), denies = permissions_of(rule, 1), closed = amlaps_lint_closed(rule);
    const amlaps_rule_t *by;

    if (allows && !(allows & ~closed)) {
        lint->report(lint->baton, rule, "AML0502",
                     "its own AMLapsDeny for anyone takes all that it allows: remove its AMLapsAllow lines, or name in AMLapsDeny who is meant");
        return;
    }
    by = allows ? amlaps_shadows_cover(lint->shadows, rule, allows & ~closed, APR_SIZE_MAX)
                : amlaps_shadows_cover(lint->shadows, rule, denies, position);
    if (by) {
        lint->report(lint->baton, rule, "AML0501",
                     allows ? apr_psprintf(lint->pool, "nothing that it allows is ever given, since %s denies it to anyone on the same devices: "
                                           "remove this rule, or let the other one be about fewer devices or people",
                                           name_rule(lint, by))
                            : apr_psprintf(lint->pool, "it never matters, since %s denies the same to anyone already: remove this rule",
                                           name_rule(lint, by)));
    }
}

static const amlaps_value_t *common_value(const amlaps_entry_t *one, const amlaps_entry_t *other)
{
    apr_size_t i, j;

    for (i = 0; i < one->count; i++) {
        for (j = 0; j < other->count; j++) {
            if (one->values[i].hash == other->values[j].hash && strcmp(one->values[i].text, other->values[j].text) == 0) {
                return &one->values[i];
            }
        }
    }
    return NULL;
}

/* Who is allowed by the one line and denied by the other, as far as that is certain; NULL where nobody is. */
static const char *meet(const lint_t *lint, const amlaps_entry_t *allow, const amlaps_entry_t *deny)
{
    const amlaps_value_t *value;

    if (deny->kind == AMLAPS_PRINCIPAL_ANYONE) {
        return "anyone";
    }
    if (allow->kind != deny->kind || (allow->claim && strcmp(allow->claim, deny->claim) != 0)) {
        return NULL;
    }
    value = common_value(allow, deny);
    return value ? apr_pstrcat(lint->pool, amlaps_principal_word(allow->kind), " ",
                               allow->claim ? amlaps_text_printable(allow->claim, LONGEST_NAME, lint->pool) : "", allow->claim ? " " : "",
                               amlaps_text_printable(value->written, LONGEST_NAME, lint->pool), NULL)
                 : NULL;
}

static void check_both(const lint_t *lint, const amlaps_rule_t *rule, const amlaps_entry_t *allow)
{
    apr_size_t i;

    for (i = 0; i < rule->entry_count; i++) {
        const amlaps_entry_t *deny = &rule->entries[i];
        int both = deny->deny ? allow->permissions & deny->permissions : 0;
        const char *who = both ? meet(lint, allow, deny) : NULL;

        if (who) {
            lint->report(lint->baton, rule, "AML0506",
                         apr_psprintf(lint->pool, "it allows %s and denies it to %s as well, and a denial always wins: remove one of the two "
                                      "lines, or split the rule", words_of(both), who));
        }
    }
}

static void check_open(const lint_t *lint, const amlaps_rule_t *rule, const amlaps_entry_t *allow, int open)
{
    if (allow->kind != AMLAPS_PRINCIPAL_ANYONE || rule->lines[rule->line_count - 1].selector != AMLAPS_SELECT_ALL || !open) {
        return;
    }
    lint->report(lint->baton, rule, "AML0507",
                 apr_psprintf(lint->pool, "it allows %s on all devices to everybody who can sign in%s: name people by group or role, or devices",
                              words_of(open), rule->condition ? " while its condition is true" : ""));
}

static void check_values(const lint_t *lint, const amlaps_rule_t *rule, const amlaps_entry_t *entry)
{
    apr_size_t i;

    for (i = 0; i < entry->count; i++) {
        const char *doubt = amlaps_lint_value(entry, i, lint->pool);

        if (doubt) {
            lint->report(lint->baton, rule, entry->kind == AMLAPS_PRINCIPAL_GROUP  ? "AML0504"
                                            : entry->kind == AMLAPS_PRINCIPAL_USER ? "AML0505"
                                                                                   : "AML0509", doubt);
        }
    }
}

static void check_patterns(const lint_t *lint, const amlaps_rule_t *rule)
{
    apr_size_t i, j;

    for (i = 0; i < rule->line_count; i++) {
        for (j = 0; rule->lines[i].selector == AMLAPS_SELECT_NAME && j < rule->lines[i].count; j++) {
            const char *doubt = amlaps_lint_pattern(&rule->lines[i], j, lint->pool);

            if (doubt) {
                lint->report(lint->baton, rule, "AML0508", doubt);
            }
        }
    }
}

static void check_rule(const lint_t *lint, const amlaps_rule_t *rule, apr_size_t position)
{
    int open = permissions_of(rule, 0) & ~amlaps_lint_closed(rule);
    apr_size_t i;

    if (amlaps_rule_is_expired(rule, lint->now)) {
        check_expiry(lint, rule);
        return;
    }
    check_shadow(lint, rule, position);
    check_patterns(lint, rule);
    for (i = 0; i < rule->entry_count; i++) {
        const amlaps_entry_t *entry = &rule->entries[i];

        check_values(lint, rule, entry);
        if (open && !entry->deny) {
            check_both(lint, rule, entry);
            check_open(lint, rule, entry, entry->permissions & open);
        }
    }
}

void amlaps_policy_lint(const amlaps_policy_t *policy, apr_time_t now, amlaps_lint_report_t report, void *baton, apr_pool_t *pool)
{
    lint_t lint = {now, report, baton, amlaps_shadows_gather(policy, now, pool), NULL};
    apr_size_t position;

    assert(policy->compiled);
    apr_pool_create(&lint.pool, pool);
    for (position = 0; position < amlaps_policy_count(policy); position++) {
        check_rule(&lint, AMLAPS_POLICY_RULE(policy, position), position);
        apr_pool_clear(lint.pool);
    }
    apr_pool_destroy(lint.pool);
}
