/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "directives.h"
#include "lifecycle.h"

#include <apr_strings.h>

/** A path that begins at the server's root, after what says which kind of store it is. */
static const char *complete(const char *value, const char *prefix, apr_pool_t *pool)
{
    size_t length = strlen(prefix);

    if (strncmp(value, prefix, length) || !value[length] || value[length] == '/') {
        return value;
    }
    return apr_pstrcat(pool, prefix, ap_server_root_relative(pool, value + length), NULL);
}

/* Words of a connection string need no quotes around the whole of it. */
static const char *read_store(const char *line, apr_pool_t *pool)
{
    const char *rest = line, *word = ap_getword_conf(pool, &rest);

    if (*line != '"' && !strncmp(line, "pgsql:", 6)) {
        return line;
    }
    return *rest ? NULL : word;
}

const char *amlaps_directive_store(cmd_parms *cmd, void *dir, const char *line)
{
    amlaps_config_t *config = amlaps_directive_config(cmd);
    const char *value = read_store(line, cmd->pool), *mistake;

    (void)dir;
    if (!value) {
        return "AMLapsStore takes one argument; put quotes around a path with blanks";
    }
    value = complete(complete(value, "sqlite3:", cmd->pool), "pgsql:file:", cmd->pool);
    /* What became of the file since the start is told when all is checked. */
    if (!(amlaps_lifecycle_is_reload() && !strncmp(value, "sqlite3:/", 9)) && (mistake = amlaps_trail_check_store(value, cmd->pool))) {
        return apr_pstrcat(cmd->pool, "AMLapsStore: ", mistake, NULL);
    }
    config->store = value;
    config->store_origin = amlaps_directive_origin(cmd, cmd->pool);
    return NULL;
}

const char *amlaps_directive_audit_seal(cmd_parms *cmd, void *dir, const char *value)
{
    amlaps_config_t *config = amlaps_directive_config(cmd);
    const char *path = ap_server_root_relative(cmd->pool, value);
    const char *mistake = !path                          ? "write the path of the sealing state that amlaps-audit init made"
                          : amlaps_lifecycle_is_reload() ? NULL
                                                         : amlaps_trail_check_seal(path, cmd->pool);

    (void)dir;
    if (mistake) {
        return apr_pstrcat(cmd->pool, "AMLapsAuditSeal: ", mistake, NULL);
    }
    config->audit_seal = path;
    config->audit_seal_origin = amlaps_directive_origin(cmd, cmd->pool);
    return NULL;
}

static const char *add_limit(apr_array_header_t *limits, amlaps_limit_scope_t scope, const char *word, apr_pool_t *pool)
{
    amlaps_limit_t limit = {0};
    const char *mistake = amlaps_limit_parse(&limit, scope, word, pool);
    int i;

    for (i = 0; i < limits->nelts && !mistake; i++) {
        if (APR_ARRAY_IDX(limits, i, amlaps_limit_t).period == limit.period) {
            mistake = apr_psprintf(pool, "\"%s\" is the second limit for that period; keep one", word);
        }
    }
    if (!mistake) {
        APR_ARRAY_PUSH(limits, amlaps_limit_t) = limit;
    }
    return mistake;
}

const char *amlaps_directive_limit(cmd_parms *cmd, void *dir, const char *line)
{
    amlaps_config_t *config = amlaps_directive_config(cmd);
    apr_array_header_t *words;
    const char *mistake = amlaps_directive_words(&words, cmd, line);
    const char *const *word = (const char *const *)words->elts;
    const struct {
        const char *word;
        amlaps_limit_scope_t scope;
        apr_array_header_t **limits;
    } scopes[] = {
        { "user", AMLAPS_LIMIT_USER, &config->limits_user },
        { "address", AMLAPS_LIMIT_ADDRESS, &config->limits_address },
        { "search", AMLAPS_LIMIT_SEARCH, &config->limits_search },
    };
    size_t i;
    int arg;

    (void)dir;
    if (mistake) {
        return mistake;
    }
    for (i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
        if (words->nelts && !ap_cstr_casecmp(word[0], scopes[i].word)) {
            break;
        }
    }
    if (i == sizeof(scopes) / sizeof(scopes[0]) || words->nelts < 2) {
        return "AMLapsLimit takes user, address or search, then limits such as 10/minute 50/hour 100/day";
    }
    if (*scopes[i].limits) {
        return apr_psprintf(cmd->pool, "AMLapsLimit %s stands twice; write all its limits in one line", scopes[i].word);
    }
    *scopes[i].limits = apr_array_make(cmd->pool, words->nelts, sizeof(amlaps_limit_t));
    for (arg = 1; arg < words->nelts; arg++) {
        if ((mistake = add_limit(*scopes[i].limits, scopes[i].scope, word[arg], cmd->pool))) {
            return apr_pstrcat(cmd->pool, "AMLapsLimit: ", mistake, NULL);
        }
    }
    return NULL;
}
