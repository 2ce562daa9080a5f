/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "directives.h"

#include <apr_strings.h>

#include "amlaps/text.h"
#include "when.h"

static const char *const inside_rule[] = {
    "AMLapsDevice", "AMLapsAllow", "AMLapsDeny", "AMLapsWhen", "AMLapsReason", "AMLapsReasonChoice", "AMLapsQR", "AMLapsNotify", "AMLapsExpires", NULL,
};

/* @return NULL and the rule that the directive belongs to, or what to write instead */
static const char *open_rule(amlaps_rule_t **rule, cmd_parms *cmd)
{
    *rule = amlaps_directive_config(cmd)->open_rule;
    if (*rule) {
        amlaps_rule_at(*rule, amlaps_directive_origin(cmd, cmd->temp_pool));
    }
    return *rule ? NULL : apr_psprintf(cmd->pool, "%s belongs into a section <AMLapsRule \"DESCRIPTION\">", cmd->cmd->name);
}

/* The rule, and the arguments as words. */
static const char *open_rule_with_words(amlaps_rule_t **rule, const char *const **words, int *count, cmd_parms *cmd, const char *line)
{
    apr_array_header_t *list;
    const char *mistake = amlaps_directive_words(&list, cmd, line);

    *words = (const char *const *)list->elts;
    *count = list->nelts;
    return mistake ? mistake : open_rule(rule, cmd);
}

/* The rooms below don't know directives' names; here they are put before what those found. */
static const char *named(cmd_parms *cmd, const char *mistake)
{
    return mistake ? apr_pstrcat(cmd->pool, cmd->cmd->name, ": ", mistake, NULL) : NULL;
}

const char *amlaps_directive_rule_section(cmd_parms *cmd, void *dir, const char *line)
{
    amlaps_config_t *config = amlaps_directive_config(cmd);
    const char *mistake, *description, *tenant;
    const amlaps_rule_t *other;
    apr_array_header_t *words;
    amlaps_rule_t *rule;

    (void)dir;
    if ((mistake = amlaps_directive_open_section(&words, cmd, line))) {
        return mistake;
    }
    if (words->nelts < 1 || words->nelts > 2 || !*APR_ARRAY_IDX(words, 0, const char *)) {
        return "<AMLapsRule takes a description in quotes, then optionally a tenant's name, such as <AMLapsRule \"London helpdesk\">";
    }
    description = APR_ARRAY_IDX(words, 0, const char *);
    if (!amlaps_text_is_utf8(description, strlen(description)) || amlaps_text_has_controls(description) || strlen(description) > 256) {
        return "<AMLapsRule: write a description of at most 256 bytes in UTF-8 without control characters; it stands on the page and in the audit";
    }
    tenant = words->nelts == 2 ? APR_ARRAY_IDX(words, 1, const char *) : NULL;
    if (!config->names) {
        config->names = apr_hash_make(cmd->pool);
    }
    if ((other = amlaps_config_namesake(config->names, description, tenant))) {
        return apr_psprintf(cmd->pool, "<AMLapsRule \"%s\"> is a duplicate name: it stands at %s already; the audit could not tell the two "
                            "apart, so give this one another description", description, amlaps_rule_origin(other));
    }
    rule = amlaps_rule_make(description, tenant, amlaps_directive_origin(cmd, cmd->temp_pool), cmd->pool);
    config->open_rule = rule;
    mistake = amlaps_directive_walk_section(cmd, inside_rule);
    config->open_rule = NULL;
    if (mistake) {
        return mistake;
    }
    if ((mistake = amlaps_rule_check(rule))) {
        return apr_psprintf(cmd->pool, "<AMLapsRule \"%s\">: %s", description, mistake);
    }
    APR_ARRAY_PUSH(config->rules, amlaps_rule_t *) = rule;
    amlaps_config_add_name(config->names, rule);
    return NULL;
}

const char *amlaps_directive_device(cmd_parms *cmd, void *dir, const char *line)
{
    const char *const *words, *mistake;
    amlaps_rule_t *rule;
    int count;

    (void)dir;
    if ((mistake = open_rule_with_words(&rule, &words, &count, cmd, line))) {
        return mistake;
    }
    if (count < 1) {
        return "AMLapsDevice takes all or owner, or id, name, group or unit with values, such as AMLapsDevice name LON-*";
    }
    return named(cmd, amlaps_rule_add_device(rule, words[0], words + 1, count - 1));
}

static const char *entry(cmd_parms *cmd, int deny, const char *line)
{
    const char *const *words, *mistake;
    amlaps_rule_t *rule;
    int count;

    if ((mistake = open_rule_with_words(&rule, &words, &count, cmd, line))) {
        return mistake;
    }
    return named(cmd, amlaps_rule_add_entry(rule, deny, words, count));
}

const char *amlaps_directive_allow(cmd_parms *cmd, void *dir, const char *line)
{
    (void)dir;
    return entry(cmd, 0, line);
}

const char *amlaps_directive_deny(cmd_parms *cmd, void *dir, const char *line)
{
    (void)dir;
    return entry(cmd, 1, line);
}

const char *amlaps_directive_reason(cmd_parms *cmd, void *dir, const char *line)
{
    const char *const *words, *mistake;
    amlaps_rule_t *rule;
    int count;

    (void)dir;
    if ((mistake = open_rule_with_words(&rule, &words, &count, cmd, line))) {
        return mistake;
    }
    if (count < 1 || count > 3) {
        return "AMLapsReason takes hidden, optional or required, then optionally a regular expression and a hint in quotes";
    }
    return named(cmd, amlaps_rule_set_reason(rule, words[0], count > 1 ? words[1] : NULL, count > 2 ? words[2] : NULL));
}

const char *amlaps_directive_reason_choice(cmd_parms *cmd, void *dir, const char *line)
{
    const char *const *words, *mistake;
    amlaps_rule_t *rule;
    int count;

    (void)dir;
    if ((mistake = open_rule_with_words(&rule, &words, &count, cmd, line))) {
        return mistake;
    }
    if (count < 1) {
        return "AMLapsReasonChoice takes reasons in quotes, such as AMLapsReasonChoice \"Software installation\" \"Repair on site\"";
    }
    return named(cmd, amlaps_rule_add_choices(rule, words, count));
}

const char *amlaps_directive_qr(cmd_parms *cmd, void *dir, const char *word)
{
    const char *mistake;
    amlaps_rule_t *rule;

    (void)dir;
    if ((mistake = open_rule(&rule, cmd))) {
        return mistake;
    }
    return named(cmd, amlaps_rule_set_qr(rule, word));
}

const char *amlaps_directive_when(cmd_parms *cmd, void *dir, const char *line)
{
    const amlaps_when_t *when;
    const char *mistake;
    amlaps_rule_t *rule;

    (void)dir;
    if ((mistake = open_rule(&rule, cmd))) {
        return mistake;
    }
    /* As <If> and Require expr take it: the whole line, or one argument in double quotes. */
    if (*line == '"') {
        const char *rest = line, *word = ap_getword_conf(cmd->pool, &rest);

        line = *rest ? line : word;
    }
    if ((mistake = amlaps_when_parse(&when, cmd, line))) {
        return named(cmd, mistake);
    }
    return named(cmd, amlaps_rule_set_condition(rule, amlaps_when_holds, when, amlaps_when_needs(when), line));
}

const char *amlaps_directive_expires(cmd_parms *cmd, void *dir, const char *day)
{
    const char *mistake;
    amlaps_rule_t *rule;

    (void)dir;
    if ((mistake = open_rule(&rule, cmd))) {
        return mistake;
    }
    return named(cmd, amlaps_rule_set_expires(rule, day));
}
