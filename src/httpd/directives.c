/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "directives.h"

#include <stddef.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "amlaps/text.h"

amlaps_config_t *amlaps_directive_config(cmd_parms *cmd)
{
    amlaps_config_t *config = amlaps_config_of(cmd->server);

    config->touched = 1;
    return config;
}

const char *amlaps_directive_origin(const cmd_parms *cmd, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%s:%d", cmd->directive->filename, cmd->directive->line_num);
}

const char *amlaps_directive_behind_quotes(const char *quoted)
{
    const char quote = *quoted++;

    for (; *quoted && *quoted != quote; quoted++) {
        quoted += *quoted == '\\' && (quoted[1] == quote || quoted[1] == '\\');
    }
    return *quoted ? quoted + 1 : NULL;
}

/* A rule that names other devices or people than its line seems to say would go unnoticed, above all where it denies. */
static const char *check_word(cmd_parms *cmd, const char *word)
{
    const char *behind;

    if (*word == '#') {
        return apr_pstrcat(cmd->pool, cmd->cmd->name, ": a comment can't stand behind a directive; give it a line of its own, or put quotes around "
                           "a value that begins with '#'", NULL);
    }
    if (*word != '"' && *word != '\'') {
        return NULL;
    }
    behind = amlaps_directive_behind_quotes(word);
    if (behind && (!*behind || apr_isspace(*behind))) {
        return NULL;
    }
    return apr_pstrcat(cmd->pool, cmd->cmd->name, behind ? ": there is more right behind a quote" : ": there is a quote that never ends",
                       "; write \"VALUE\" with a blank behind it, and a backslash before a quote in the value", NULL);
}

const char *amlaps_directive_words(apr_array_header_t **words, cmd_parms *cmd, const char *line)
{
    const char *mistake;

    *words = apr_array_make(cmd->pool, 4, sizeof(const char *));
    for (;;) {
        while (apr_isspace(*line)) {
            line++;
        }
        if (!*line || (mistake = check_word(cmd, line))) {
            return *line ? mistake : NULL;
        }
        APR_ARRAY_PUSH(*words, const char *) = ap_getword_conf(cmd->pool, &line);
    }
}

const char *amlaps_directive_open_section(apr_array_header_t **words, cmd_parms *cmd, const char *line)
{
    const amlaps_config_t *config = amlaps_directive_config(cmd);
    const char *mistake = ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);
    const char *end = ap_strrchr_c(line, '>');
    const char *rest;

    *words = NULL;
    if (mistake) {
        return mistake;
    }
    if (config->open_tenant || config->open_rule || config->open_channel) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name, "> can't stand inside another section of AMLaps", NULL);
    }
    if (!end) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name, " lacks its closing '>'", NULL);
    }
    for (rest = end + 1; *rest; rest++) {
        if (!apr_isspace(*rest)) {
            return apr_pstrcat(cmd->pool, cmd->cmd->name, ": put nothing behind the closing '>'", NULL);
        }
    }
    return amlaps_directive_words(words, cmd, apr_pstrmemdup(cmd->pool, line, (apr_size_t)(end - line)));
}

const char *amlaps_directive_walk_section(cmd_parms *cmd, const char *const *allowed)
{
    ap_directive_t *child;

    for (child = cmd->directive->first_child; child; child = child->next) {
        const char *const *name = allowed;

        while (*name && ap_cstr_casecmp(*name, child->directive)) {
            name++;
        }
        if (!*name) {
            const char *list = "";

            for (name = allowed; *name; name++) {
                list = apr_pstrcat(cmd->pool, list, *list ? ", " : "", *name, NULL);
            }
            cmd->err_directive = child;
            return apr_psprintf(cmd->pool, "%s can't stand in %s>; what can: %s", child->directive, cmd->cmd->name, list);
        }
    }
    return ap_walk_config(cmd->directive->first_child, cmd, cmd->context);
}

const char *amlaps_directive_seconds(apr_interval_time_t *value, cmd_parms *cmd, const char *text, int least, int most)
{
    char *end;
    apr_int64_t number = apr_strtoi64(text, &end, 10);

    if (end == text || (*end && strcmp(end, "s")) || number < least || number > most) {
        return apr_psprintf(cmd->pool, "%s: write a whole number of seconds from %d to %d, not '%s'", cmd->cmd->name, least, most, text);
    }
    *value = apr_time_from_sec(number);
    return NULL;
}

static const char *store_timeout(cmd_parms *cmd, void *dir, const char *value)
{
    (void)dir;
    return amlaps_directive_seconds(&amlaps_directive_config(cmd)->store_timeout, cmd, value, 1, 5);
}

static const char *cache_time(cmd_parms *cmd, void *dir, const char *value)
{
    (void)dir;
    return amlaps_directive_seconds(&amlaps_directive_config(cmd)->cache_time, cmd, value, 0, 3600);
}

/* A worker waits at most 8 s on the outside world: httpd kills a child that stops for longer (AH00046). */
static const char *graph_timeout(cmd_parms *cmd, void *dir, const char *value)
{
    (void)dir;
    return amlaps_directive_seconds(&amlaps_directive_config(cmd)->graph_timeout, cmd, value, 1, 7);
}

static const char *whole(int *value, cmd_parms *cmd, const char *text, int least, int most)
{
    char *end;
    apr_int64_t number = apr_strtoi64(text, &end, 10);

    if (end == text || *end || number < least || number > most) {
        return apr_psprintf(cmd->pool, "%s: write a whole number from %d to %d, not '%s'", cmd->cmd->name, least, most, text);
    }
    *value = (int)number;
    return NULL;
}

static const char *graph_connections(cmd_parms *cmd, void *dir, const char *value)
{
    (void)dir;
    return whole(&amlaps_directive_config(cmd)->graph_connections, cmd, value, 1, 1024);
}

static const char *groups_from(cmd_parms *cmd, void *dir, const char *value)
{
    (void)dir;
    if (ap_cstr_casecmp(value, "token") && ap_cstr_casecmp(value, "graph")) {
        return apr_psprintf(cmd->pool, "%s: write token (the claim; Graph only where it is too long for it) or graph (always), not '%s'",
                            cmd->cmd->name, value);
    }
    amlaps_directive_config(cmd)->groups_from = ap_cstr_casecmp(value, "graph") ? AMLAPS_GROUPS_FROM_TOKEN : AMLAPS_GROUPS_FROM_GRAPH;
    return NULL;
}

static const char *hide_after(cmd_parms *cmd, void *dir, const char *value)
{
    int number = 0;
    const char *mistake = whole(&number, cmd, value, 0, 600);

    (void)dir;
    if (mistake || (number && number < 15)) {
        return apr_psprintf(cmd->pool, "%s: write 0 (never) or seconds from 15 to 600, not '%s'", cmd->cmd->name, value);
    }
    amlaps_directive_config(cmd)->hide_after = number;
    return NULL;
}

static const char *htdocs(cmd_parms *cmd, void *dir, const char *value)
{
    const char *path = ap_server_root_relative(cmd->pool, value);
    apr_finfo_t info;

    (void)dir;
    if (!path || apr_stat(&info, apr_pstrcat(cmd->temp_pool, path, "/index.html", NULL), APR_FINFO_TYPE, cmd->temp_pool) != APR_SUCCESS) {
        return apr_psprintf(cmd->pool, "%s: '%s' holds no index.html; write the folder in which the page's files lie", cmd->cmd->name,
                            value);
    }
    amlaps_directive_config(cmd)->htdocs = path;
    return NULL;
}

/* Texts of the page. cmd->info is the member's offset, so that there is one setter for all. */
static const char *page_text(cmd_parms *cmd, void *dir, const char *value)
{
    const char **member = (const char **)((char *)amlaps_directive_config(cmd) + (apr_size_t)cmd->info);

    (void)dir;
    if (!*value || !amlaps_text_is_utf8(value, strlen(value)) || amlaps_text_has_controls(value)) {
        return apr_psprintf(cmd->pool, "%s: write a text in UTF-8 without control characters", cmd->cmd->name);
    }
    *member = value;
    return NULL;
}

/* The form of RFC 5646: the page has no texts for a word or for a locale such as de_DE, and would silently be in another language. */
static int is_language_tag(const char *tag)
{
    int first;

    for (first = 1;; first = 0) {
        const int shortest = first ? 2 : 1, longest = first ? 3 : 8;
        int length = 0;

        while (first ? apr_isalpha(tag[length]) : apr_isalnum(tag[length])) {
            length++;
        }
        if (length < shortest || length > longest) {
            return 0;
        }
        tag += length;
        if (!*tag) {
            return 1;
        }
        if (*tag++ != '-') {
            return 0;
        }
    }
}

static const char *language(cmd_parms *cmd, void *dir, const char *value)
{
    if (!is_language_tag(value)) {
        return apr_psprintf(cmd->pool, "AMLapsLanguage: '%s' is no language tag; write one such as en, de or pt-BR", value);
    }
    return page_text(cmd, dir, value);
}

#define OFFSET(member) ((void *)offsetof(amlaps_config_t, member))

/* The page's content security policy lets pictures and styles come from this server alone. */
static const char *own_path(cmd_parms *cmd, void *dir, const char *value)
{
    if (*value != '/' || value[1] == '/') {
        return apr_psprintf(cmd->pool, "%s: write a path on this server that begins with '/', such as /amlaps/%s, not '%s'",
                            cmd->cmd->name, cmd->info == OFFSET(logo) ? "logo.svg" : "style.css", value);
    }
    return page_text(cmd, dir, value);
}

/* It stands in the page's markup, so it takes characters that mean nothing there. */
static const char *style(cmd_parms *cmd, void *dir, const char *value)
{
    if (*value == '/' && value[strspn(value, "/-._~ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")]) {
        return apr_psprintf(cmd->pool, "%s: write a path of letters, digits and / - . _ ~ alone", cmd->cmd->name);
    }
    return own_path(cmd, dir, value);
}

const command_rec amlaps_directives[] = {
    AP_INIT_RAW_ARGS("<AMLapsTenant", amlaps_directive_tenant_section, NULL, RSRC_CONF, "a short name for the tenant"),
    AP_INIT_TAKE1("AMLapsTenantId", amlaps_directive_tenant_id, NULL, RSRC_CONF, "the tenant's GUID or a verified domain"),
    AP_INIT_TAKE1("AMLapsClientId", amlaps_directive_client_id, NULL, RSRC_CONF, "the application (client) id, a GUID"),
    AP_INIT_RAW_ARGS("AMLapsClientSecret", amlaps_directive_client_secret, NULL, RSRC_CONF,
                     "file:PATH, env:NAME or exec:PATH [ARG...]"),
    AP_INIT_RAW_ARGS("AMLapsClientCertificate", amlaps_directive_client_certificate, NULL, RSRC_CONF, "CERT.pem [KEY.pem] [rs256]"),
    AP_INIT_TAKE1("AMLapsFederatedToken", amlaps_directive_federated_token, NULL, RSRC_CONF, "path of the token file"),
    AP_INIT_TAKE1("AMLapsManagedIdentity", amlaps_directive_managed_identity, NULL, RSRC_CONF, "system, or a client id"),
    AP_INIT_TAKE1("AMLapsCloud", amlaps_directive_cloud, NULL, RSRC_CONF, "the cloud that the tenant lives in"),
    AP_INIT_TAKE1("AMLapsLoginURL", amlaps_directive_login_url, NULL, RSRC_CONF, "root of the login host, instead of the cloud's"),
    AP_INIT_TAKE1("AMLapsGraphURL", amlaps_directive_graph_url, NULL, RSRC_CONF, "root of Graph, instead of the cloud's"),
    AP_INIT_TAKE1("AMLapsCAFile", amlaps_directive_ca_file, NULL, RSRC_CONF, "PEM bundle trusted for this tenant or channel"),

    AP_INIT_RAW_ARGS("<AMLapsRule", amlaps_directive_rule_section, NULL, RSRC_CONF, "a description, then optionally a tenant"),
    AP_INIT_RAW_ARGS("AMLapsDevice", amlaps_directive_device, NULL, RSRC_CONF, "all | owner | id GUID... | name GLOB... | group GUID... | unit GUID..."),
    AP_INIT_RAW_ARGS("AMLapsAllow", amlaps_directive_allow, NULL, RSRC_CONF, "PERMISSION[,PERMISSION...] KIND VALUE..."),
    AP_INIT_RAW_ARGS("AMLapsDeny", amlaps_directive_deny, NULL, RSRC_CONF, "PERMISSION[,PERMISSION...] KIND VALUE..."),
    AP_INIT_RAW_ARGS("AMLapsReason", amlaps_directive_reason, NULL, RSRC_CONF, "hidden|optional|required [PATTERN [HINT]]"),
    AP_INIT_RAW_ARGS("AMLapsReasonChoice", amlaps_directive_reason_choice, NULL, RSRC_CONF, "TEXT...: reasons to choose from by one press"),
    AP_INIT_TAKE1("AMLapsQR", amlaps_directive_qr, NULL, RSRC_CONF, "on or off: whether the page may draw the password as a QR code"),
    AP_INIT_RAW_ARGS("AMLapsWhen", amlaps_directive_when, NULL, RSRC_CONF, "an expression; the rule counts only while it is true"),
    AP_INIT_TAKE1("AMLapsExpires", amlaps_directive_expires, NULL, RSRC_CONF, "YYYY-MM-DD, the last day on which the rule counts"),
    AP_INIT_RAW_ARGS("AMLapsExpect", amlaps_directive_expect, NULL, RSRC_CONF, "allow|deny PERMISSION KEY=VALUE..."),
    AP_INIT_RAW_ARGS("AMLapsExplain", amlaps_directive_explain, NULL, RSRC_CONF, "KEY=VALUE...; for apachectl -t -c alone"),
    AP_INIT_RAW_ARGS("AMLapsAuditor", amlaps_directive_auditor, NULL, RSRC_CONF, "KIND VALUE...: who may read the audit"),
    AP_INIT_RAW_ARGS("AMLapsOperator", amlaps_directive_operator, NULL, RSRC_CONF, "KIND VALUE...: who may explain decisions"),

    AP_INIT_RAW_ARGS("<AMLapsChannel", amlaps_directive_channel_section, NULL, RSRC_CONF, "a short name for the channel"),
    AP_INIT_TAKE2("AMLapsWebhook", amlaps_directive_webhook, NULL, RSRC_CONF, "json|slack|teams, then the URL, file:PATH or env:NAME"),
    AP_INIT_RAW_ARGS("AMLapsWebhookSecret", amlaps_directive_webhook_secret, NULL, RSRC_CONF, "file:PATH, env:NAME or exec:PATH [ARG...]"),
    AP_INIT_RAW_ARGS("AMLapsMail", amlaps_directive_mail, NULL, RSRC_CONF, "smtp[s]://HOST[:PORT] FROM TO..."),
    AP_INIT_RAW_ARGS("AMLapsMailLogin", amlaps_directive_mail_login, NULL, RSRC_CONF, "USER, then file:PATH, env:NAME or exec:PATH [ARG...]"),
    AP_INIT_FLAG("AMLapsRequired", amlaps_directive_required, NULL, RSRC_CONF, "on: no delivery, no password"),
    AP_INIT_TAKE1("AMLapsTemplate", amlaps_directive_template, NULL, RSRC_CONF, "path of a changed copy of a template in conf/notify"),
    AP_INIT_TAKE1("AMLapsGiveUp", amlaps_directive_give_up, NULL, RSRC_CONF, "seconds until what is not delivered is a dead letter"),
    AP_INIT_RAW_ARGS("AMLapsNotify", amlaps_directive_notify, NULL, RSRC_CONF, "success|failure|all CHANNEL..."),

    AP_INIT_RAW_ARGS("AMLapsStore", amlaps_directive_store, NULL, RSRC_CONF, "sqlite3:PATH, pgsql:CONNINFO or pgsql:file:PATH"),
    AP_INIT_TAKE1("AMLapsStoreTimeout", store_timeout, NULL, RSRC_CONF, "seconds to wait for the store"),
    AP_INIT_TAKE1("AMLapsAuditSeal", amlaps_directive_audit_seal, NULL, RSRC_CONF, "path of the sealing state that amlaps-audit init made"),
    AP_INIT_RAW_ARGS("AMLapsAuditLog", amlaps_directive_audit_log, NULL, RSRC_CONF, "a file, then optionally 'required'"),
    AP_INIT_RAW_ARGS("AMLapsLimit", amlaps_directive_limit, NULL, RSRC_CONF, "user|address|search N/minute|hour|day..."),

    AP_INIT_TAKE1("AMLapsGraphTimeout", graph_timeout, NULL, RSRC_CONF, "seconds for one whole interaction with Graph"),
    AP_INIT_TAKE1("AMLapsGraphConnections", graph_connections, NULL, RSRC_CONF, "connections to Graph per child"),
    AP_INIT_TAKE1("AMLapsGroupsFrom", groups_from, NULL, RSRC_CONF, "token or graph: where the groups of people come from"),
    AP_INIT_TAKE1("AMLapsCacheTime", cache_time, NULL, RSRC_CONF, "seconds that device facts and memberships are kept"),

    AP_INIT_TAKE1("AMLapsHtdocs", htdocs, NULL, RSRC_CONF, "where the page's files lie"),
    AP_INIT_TAKE1("AMLapsTitle", page_text, OFFSET(title), RSRC_CONF, "the page's title"),
    AP_INIT_TAKE1("AMLapsLogo", own_path, OFFSET(logo), RSRC_CONF, "path of a picture on this server"),
    AP_INIT_TAKE1("AMLapsNotice", page_text, OFFSET(notice), RSRC_CONF, "a notice on the page"),
    AP_INIT_TAKE1("AMLapsHelp", page_text, OFFSET(help), RSRC_CONF, "whom to ask, shown with problems"),
    AP_INIT_TAKE1("AMLapsResult", page_text, OFFSET(result), RSRC_CONF, "a text beside a password"),
    AP_INIT_TAKE1("AMLapsStyle", style, OFFSET(style), RSRC_CONF, "path of a style sheet on this server"),
    AP_INIT_TAKE1("AMLapsLanguage", language, OFFSET(language), RSRC_CONF, "language of the page, such as en"),
    AP_INIT_TAKE1("AMLapsHideAfter", hide_after, NULL, RSRC_CONF, "seconds until a shown password is hidden"),
    { .name = NULL }
};
