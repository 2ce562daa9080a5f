/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "directives.h"

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
    if ((mistake = amlaps_trail_check_store(value, cmd->pool))) {
        return apr_pstrcat(cmd->pool, "AMLapsStore: ", mistake, NULL);
    }
    config->store = value;
    return NULL;
}

const char *amlaps_directive_audit_log(cmd_parms *cmd, void *dir, const char *line)
{
    amlaps_config_t *config = amlaps_directive_config(cmd);
    apr_array_header_t *words = amlaps_directive_words(line, cmd->pool);
    const char *const *word = (const char *const *)words->elts;
    amlaps_audit_log_t *log;
    const char *folder, *slash;
    apr_finfo_t info;
    int i;

    (void)dir;
    if (words->nelts < 1 || words->nelts > 2 || !*word[0] || (words->nelts == 2 && ap_cstr_casecmp(word[1], "required"))) {
        return "AMLapsAuditLog takes the path of a file, then optionally the word required";
    }
    if (*word[0] == '|' || !strncmp(word[0], "syslog", 6)) {
        return "AMLapsAuditLog: this version writes copies to files alone; write the path of a file and let a log shipper read it";
    }
    log = apr_pcalloc(cmd->pool, sizeof(*log));
    log->path = ap_server_root_relative(cmd->pool, word[0]);
    log->origin = amlaps_directive_origin(cmd, cmd->pool);
    log->required = words->nelts == 2;
    slash = log->path ? ap_strrchr_c(log->path, '/') : NULL;
    folder = slash && slash > log->path ? apr_pstrmemdup(cmd->temp_pool, log->path, (apr_size_t)(slash - log->path)) : "/";
    if (!log->path || apr_stat(&info, folder, APR_FINFO_TYPE, cmd->temp_pool) != APR_SUCCESS || info.filetype != APR_DIR) {
        return apr_psprintf(cmd->pool, "AMLapsAuditLog: there is no folder '%s'; make it, or write another path", folder);
    }
    if (apr_stat(&info, log->path, APR_FINFO_TYPE, cmd->temp_pool) == APR_SUCCESS && info.filetype == APR_DIR) {
        return apr_psprintf(cmd->pool, "AMLapsAuditLog: '%s' is a folder; write the path of a file in it", log->path);
    }
    for (i = 0; i < config->audit_logs->nelts; i++) {
        const amlaps_audit_log_t *other = APR_ARRAY_IDX(config->audit_logs, i, amlaps_audit_log_t *);

        if (!strcmp(other->path, log->path)) {
            return apr_psprintf(cmd->pool, "AMLapsAuditLog: '%s' stands at %s already; keep one", log->path, other->origin);
        }
    }
    APR_ARRAY_PUSH(config->audit_logs, amlaps_audit_log_t *) = log;
    return NULL;
}

const char *amlaps_directive_limit(cmd_parms *cmd, void *dir, const char *line)
{
    amlaps_config_t *config = amlaps_directive_config(cmd);
    apr_array_header_t *words = amlaps_directive_words(line, cmd->pool);
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
        const char *mistake = amlaps_limit_parse(apr_array_push(*scopes[i].limits), scopes[i].scope, word[arg], cmd->pool);

        if (mistake) {
            return apr_pstrcat(cmd->pool, "AMLapsLimit: ", mistake, NULL);
        }
    }
    return NULL;
}
