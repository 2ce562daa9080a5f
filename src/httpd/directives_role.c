/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "directives.h"

#include <apr_strings.h>

/* A role is a rule about every device, so that people are named and matched in it as in rules. */
static const char *add_holder(apr_array_header_t *holders, cmd_parms *cmd, const char *line)
{
    apr_array_header_t *words = apr_array_make(cmd->pool, 4, sizeof(const char *)), *written;
    amlaps_rule_t *rule = amlaps_rule_make(cmd->cmd->name, NULL, amlaps_directive_origin(cmd, cmd->temp_pool), cmd->pool);
    const char *mistake;

    if (!*line) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name, ": write KIND VALUE..., such as role Laps.Auditor, or group and the group's object id", NULL);
    }
    if ((mistake = amlaps_directive_words(&written, cmd, line))) {
        return mistake;
    }
    APR_ARRAY_PUSH(words, const char *) = "all";
    apr_array_cat(words, written);
    if (!(mistake = amlaps_rule_add_device(rule, "all", NULL, 0))) {
        mistake = amlaps_rule_add_entry(rule, 0, (const char *const *)words->elts, words->nelts);
    }
    if (mistake) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name, ": ", mistake, NULL);
    }
    APR_ARRAY_PUSH(holders, amlaps_rule_t *) = rule;
    return NULL;
}

const char *amlaps_directive_auditor(cmd_parms *cmd, void *dir, const char *line)
{
    (void)dir;
    return add_holder(amlaps_directive_config(cmd)->auditors, cmd, line);
}

const char *amlaps_directive_operator(cmd_parms *cmd, void *dir, const char *line)
{
    (void)dir;
    return add_holder(amlaps_directive_config(cmd)->operators, cmd, line);
}
