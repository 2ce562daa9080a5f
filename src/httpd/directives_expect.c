/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "directives.h"

#include <apr_strings.h>

static amlaps_expectation_t *keep(cmd_parms *cmd, const apr_array_header_t *words, int first, const char *line)
{
    amlaps_expectation_t *expectation = apr_pcalloc(cmd->pool, sizeof(*expectation));

    expectation->words = (const char *const *)words->elts + first;
    expectation->count = words->nelts - first;
    expectation->text = line;
    expectation->origin = amlaps_directive_origin(cmd, cmd->pool);
    return expectation;
}

/* @return bits; 0 where a word is no permission */
static int read_permissions(const char *list, apr_pool_t *pool)
{
    static const struct {
        const char *word;
        int bits;
    } permissions[] = { { "password", AMLAPS_PERMISSION_PASSWORD }, { "history", AMLAPS_PERMISSION_HISTORY }, { "all", AMLAPS_PERMISSION_ALL } };
    int bits = 0;

    for (;;) {
        const char *comma = ap_strchr_c(list, ',');
        const char *word = comma ? apr_pstrmemdup(pool, list, (apr_size_t)(comma - list)) : list;
        size_t i = 0;

        while (i < sizeof(permissions) / sizeof(permissions[0]) && ap_cstr_casecmp(permissions[i].word, word)) {
            i++;
        }
        if (i == sizeof(permissions) / sizeof(permissions[0])) {
            return 0;
        }
        bits |= permissions[i].bits;
        if (!comma) {
            return bits;
        }
        list = comma + 1;
    }
}

const char *amlaps_directive_expect(cmd_parms *cmd, void *dir, const char *line)
{
    static const char usage[] = "AMLapsExpect takes allow or deny, then password, history or all, then KEY=VALUE such as "
                                "user=alice@contoso.com device=LON-001";
    apr_array_header_t *words = amlaps_directive_words(line, cmd->pool);
    const char *const *word = (const char *const *)words->elts;
    amlaps_expectation_t *expectation;
    int permissions;

    (void)dir;
    if (words->nelts < 3 || (ap_cstr_casecmp(word[0], "allow") && ap_cstr_casecmp(word[0], "deny")) ||
        !(permissions = read_permissions(word[1], cmd->temp_pool))) {
        return usage;
    }
    expectation = keep(cmd, words, 2, line);
    expectation->verdict = ap_cstr_casecmp(word[0], "allow") ? AMLAPS_DENY : AMLAPS_ALLOW;
    expectation->permission = (amlaps_permission_t)permissions;
    APR_ARRAY_PUSH(amlaps_directive_config(cmd)->expectations, amlaps_expectation_t *) = expectation;
    return NULL;
}

const char *amlaps_directive_explain(cmd_parms *cmd, void *dir, const char *line)
{
    apr_array_header_t *words = amlaps_directive_words(line, cmd->pool);
    amlaps_config_t *config = amlaps_config_of(cmd->server);

    (void)dir;
    if (!words->nelts) {
        return "AMLapsExplain takes KEY=VALUE such as user=alice@contoso.com device=LON-001";
    }
    APR_ARRAY_PUSH(config->explanations, amlaps_expectation_t *) = keep(cmd, words, 0, line);
    return NULL;
}
