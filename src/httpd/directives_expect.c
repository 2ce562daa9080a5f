/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "directives.h"

#include <apr_lib.h>
#include <apr_strings.h>

/* Quotes may stand around the value alone, as in a shell; ap_getword_conf() knows them around the whole word alone, and would cut the value. */
static const char *read_word(const char **word, const char **line, apr_pool_t *pool)
{
    const char *start = *line, *equals = start + strcspn(start, "= \t\"'");
    const char *quoted = *equals == '=' ? equals + 1 : start, *behind;

    *word = NULL;
    if (*quoted != '"' && *quoted != '\'') {
        *word = ap_getword_conf(pool, line);
        return NULL;
    }
    behind = amlaps_directive_behind_quotes(quoted);
    if (!behind || (*behind && !apr_isspace(*behind))) {
        return apr_psprintf(pool, "%s %s; write KEY=\"VALUE\" with a blank behind it, and \\%c for a quote in the value", start,
                            behind ? "has more right behind its quotes" : "has a quote that never ends", *quoted);
    }
    *line = quoted;
    *word = apr_pstrcat(pool, apr_pstrmemdup(pool, start, (apr_size_t)(quoted - start)), ap_getword_conf(pool, line), NULL);
    return NULL;
}

/* @return NULL, or the mistake */
static const char *read_words(apr_array_header_t **words, cmd_parms *cmd, const char *line)
{
    const char *mistake = NULL, *word;

    *words = apr_array_make(cmd->pool, 8, sizeof(const char *));
    while (*line && !(mistake = read_word(&word, &line, cmd->pool))) {
        APR_ARRAY_PUSH(*words, const char *) = word;
    }
    return mistake ? apr_psprintf(cmd->pool, "%s: %s", cmd->cmd->name, mistake) : NULL;
}

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
    amlaps_expectation_t *expectation;
    apr_array_header_t *words;
    const char *const *word;
    const char *mistake;
    int permissions;

    (void)dir;
    if ((mistake = read_words(&words, cmd, line))) {
        return mistake;
    }
    word = (const char *const *)words->elts;
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
    amlaps_config_t *config = amlaps_config_of(cmd->server);
    apr_array_header_t *words;
    const char *mistake;

    (void)dir;
    if ((mistake = read_words(&words, cmd, line))) {
        return mistake;
    }
    if (!words->nelts) {
        return "AMLapsExplain takes KEY=VALUE such as user=alice@contoso.com device=LON-001";
    }
    APR_ARRAY_PUSH(config->explanations, amlaps_expectation_t *) = keep(cmd, words, 0, line);
    return NULL;
}
