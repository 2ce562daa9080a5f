/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "httpd_glue.h"
#include "channels.h"
#include "expect.h"
#include "lifecycle.h"
#include "directives.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <http_log.h>
#include <http_core.h>
#include <http_main.h>

APLOG_USE_MODULE(amlaps);

/*
 * What can only be checked when the whole configuration is known. It runs for `apachectl configtest` and at every start; what it makes –
 * secrets, policies, mounts – lives in pconf and is constant from then on.
 */

static int is_configtest(void)
{
    return ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_TEST;
}

/* A line of text is a line of the log: httpd would write a line's end as \\n. */
static int fail(server_rec *server, const char *id, const char *text)
{
    while (*text) {
        const char *end = ap_strchr_c(text, '\n');
        int length = end ? (int)(end - text) : (int)strlen(text);

        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, server, "%s: %.*s", id, length, text);
        text += length + (end != NULL);
    }
    return HTTP_INTERNAL_SERVER_ERROR;
}

static int check_tenants(server_rec *server, amlaps_config_t *config, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    const char *mistake;
    int i, j;

    for (i = 0; i < config->tenants->nelts; i++) {
        amlaps_tenant_config_t *tenant = APR_ARRAY_IDX(config->tenants, i, amlaps_tenant_config_t *);

        for (j = 0; j < i; j++) {
            const amlaps_tenant_config_t *other = APR_ARRAY_IDX(config->tenants, j, amlaps_tenant_config_t *);

            if (!ap_cstr_casecmp(other->tenant.name, tenant->tenant.name)) {
                return fail(server, "AML0101", apr_psprintf(ptemp, "%s: <AMLapsTenant %s> is a duplicate name: the main server has it at "
                            "%s; a virtual host inherits tenants, so give this one another name", tenant->origin, tenant->tenant.name,
                            other->origin));
            }
        }
        if ((mistake = amlaps_credential_load(tenant, pconf))) {
            return fail(server, "AML0102", apr_psprintf(ptemp, "%s: %s of tenant %s: %s", tenant->credential_origin,
                        tenant->credential, tenant->tenant.name, mistake));
        }
    }
    return OK;
}

/* NULL as name: any tenant at all. */
static int has_tenant(const amlaps_config_t *config, const char *name)
{
    int i;

    for (i = 0; i < config->tenants->nelts; i++) {
        if (!name || !strcmp(APR_ARRAY_IDX(config->tenants, i, amlaps_tenant_config_t *)->tenant.name, name)) {
            return 1;
        }
    }
    return 0;
}

/*
 * A rule of the main server may be about a tenant of a virtual host, which inherits the rule; elsewhere it never matches. Inherited rules
 * come first. NULL as tenant: any.
 */
static int is_inherited_with(int index, const char *tenant)
{
    const server_rec *server = index < amlaps_config_of(ap_server_conf)->rules->nelts ? ap_server_conf : NULL;

    while (server && !has_tenant(amlaps_config_of(server), tenant)) {
        server = server->next;
    }
    return server != NULL;
}

static const amlaps_policy_t *role_policy(const apr_array_header_t *holders, apr_pool_t *pconf)
{
    amlaps_policy_t *policy = amlaps_policy_make(pconf);
    int i;

    for (i = 0; i < holders->nelts; i++) {
        amlaps_policy_add(policy, APR_ARRAY_IDX(holders, i, amlaps_rule_t *));
    }
    amlaps_policy_compile(policy);
    return policy;
}

static int check_rules(server_rec *server, amlaps_config_t *config, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    apr_hash_t *names = apr_hash_make(ptemp);
    const amlaps_rule_t *other;
    int i;

    config->policy = amlaps_policy_make(pconf);
    for (i = 0; i < config->rules->nelts; i++) {
        amlaps_rule_t *rule = APR_ARRAY_IDX(config->rules, i, amlaps_rule_t *);
        const char *tenant = amlaps_rule_tenant(rule);

        if (tenant && !has_tenant(config, tenant) && !is_inherited_with(i, tenant)) {
            return fail(server, "AML0103", apr_psprintf(ptemp, "%s: <AMLapsRule \"%s\"> names the unknown tenant %s; write the name of an "
                        "<AMLapsTenant>, or none for all", amlaps_rule_origin(rule), amlaps_rule_description(rule), tenant));
        }
        if ((other = amlaps_config_namesake(names, amlaps_rule_description(rule), tenant))) {
            return fail(server, "AML0104", apr_psprintf(ptemp, "%s: <AMLapsRule \"%s\"> is a duplicate name: the main server has it at "
                        "%s; give this one another description", amlaps_rule_origin(rule), amlaps_rule_description(rule),
                        amlaps_rule_origin(other)));
        }
        amlaps_config_add_name(names, rule);
        amlaps_policy_add(config->policy, rule);
    }
    amlaps_policy_compile(config->policy);
    config->roles[AMLAPS_ROLE_AUDITOR] = role_policy(config->auditors, pconf);
    config->roles[AMLAPS_ROLE_OPERATOR] = role_policy(config->operators, pconf);
    return OK;
}

static int is_same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

/* Where the store and its sealing state are named; "" where neither is. */
static const char *places(const amlaps_config_t *config, apr_pool_t *ptemp)
{
    const char *store = config->store_origin, *seal = config->audit_seal_origin;

    return apr_pstrcat(ptemp, store ? store : "", store && seal ? " and " : "", seal ? seal : "", store || seal ? ": " : "", NULL);
}

/* One store has one chain, and one sealing state, or none. */
static int check_seal(server_rec *server, const amlaps_config_t *config, apr_pool_t *ptemp)
{
    const server_rec *other;

    for (other = ap_server_conf; other && other != server; other = other->next) {
        const amlaps_config_t *theirs = amlaps_config_of(other);
        const int same_store = is_same(amlaps_config_store(config), amlaps_config_store(theirs));

        if (amlaps_config_active(theirs) && (config->audit_seal || theirs->audit_seal) &&
            same_store != is_same(config->audit_seal, theirs->audit_seal)) {
            return fail(server, "AML0198", apr_psprintf(ptemp, "%sAMLapsAuditSeal: the store %s and the sealing state %s belong together, but another "
                        "server has %s%s; give each AMLapsStore an AMLapsAuditSeal of its own", places(config, ptemp), amlaps_config_store(config),
                        config->audit_seal ? config->audit_seal : "(none)", theirs->audit_seal ? theirs->audit_seal : "none",
                        theirs->audit_seal ? apr_pstrcat(ptemp, ", at ", theirs->audit_seal_origin, NULL) : ""));
        }
    }
    return OK;
}

static int check_trail(server_rec *server, amlaps_config_t *config, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    const char *mistake;

    if ((mistake = amlaps_trail_check_store(amlaps_config_store(config), ptemp)) && amlaps_lifecycle_is_reload() &&
        !strncmp(amlaps_config_store(config), "sqlite3:/", 9)) {
        fail(server, "AML0107", apr_psprintf(ptemp, "AMLapsStore: %s; httpd goes on, and answers audit_unavailable", mistake));
        mistake = NULL;
    }
    if (mistake ||
        (mistake = amlaps_trail_read_store(&config->opened_store, amlaps_config_store(config), pconf))) {
        return fail(server, "AML0107", apr_psprintf(ptemp, "AMLapsStore: %s", mistake));
    }
    if ((mistake = amlaps_audit_logs_check(server, ptemp))) {
        return fail(server, "AML0137", mistake);
    }
    return check_seal(server, config, ptemp);
}

static int is_any_active(void)
{
    const server_rec *server = ap_server_conf;

    while (server && !amlaps_config_active(amlaps_config_of(server))) {
        server = server->next;
    }
    return server != NULL;
}

/* What the main server says is checked in each server with a tenant that inherits it. */
static int is_checked_elsewhere(const server_rec *server)
{
    return !server->is_virtual && is_any_active();
}

/* A server without any tenant answers nothing, but what is written there may be a mistake. */
static int check_idle(server_rec *server, amlaps_config_t *config, apr_hash_t *channels, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    const amlaps_rule_t *rule = config->rules->nelts ? APR_ARRAY_IDX(config->rules, 0, amlaps_rule_t *) : NULL;
    const amlaps_config_t *inherited = server->is_virtual ? amlaps_config_of(ap_server_conf) : NULL;
    const char *mistake;

    if (rule && !is_inherited_with(0, NULL)) {
        return fail(server, "AML0106", apr_psprintf(ptemp, "%s: <AMLapsRule \"%s\"> stands without any tenant; write a section "
                    "<AMLapsTenant NAME>", amlaps_rule_origin(rule), amlaps_rule_description(rule)));
    }
    if (is_checked_elsewhere(server)) {
        return OK;
    }
    if ((mistake = amlaps_channels_check_idle(config, channels, inherited ? inherited->notifies->nelts : 0, pconf, ptemp))) {
        return fail(server, "AML0520", mistake);
    }
    if (is_configtest() && (mistake = amlaps_expect_explain(server, inherited ? inherited->explanations->nelts : 0, ptemp))) {
        return fail(server, "AML0119", mistake);
    }
    if ((mistake = amlaps_expect_check(server, inherited ? inherited->expectations->nelts : 0, ptemp))) {
        return fail(server, "AML0118", mistake);
    }
    return OK;
}

static int check_server(server_rec *server, apr_hash_t *channels, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    amlaps_config_t *config = amlaps_config_of(server);
    const char *mistake;
    int status;

    amlaps_mounts_find(server, pconf);
    config->sign_in_app = amlaps_sign_in_app_find(server, pconf);
    if (!amlaps_config_active(config)) {
        return check_idle(server, config, channels, pconf, ptemp);
    }
    if ((status = check_tenants(server, config, pconf, ptemp)) != OK || (status = check_rules(server, config, pconf, ptemp)) != OK) {
        return status;
    }
    if ((mistake = amlaps_channels_check(config, channels, pconf, ptemp))) {
        return fail(server, "AML0520", mistake);
    }
    if ((status = check_trail(server, config, pconf, ptemp)) != OK) {
        return status;
    }
    config->limits = amlaps_config_limits(config, pconf);
    /* A virtual host that adds nothing of its own would only say the same again. */
    if ((!server->is_virtual || config->touched) && is_configtest() && (mistake = amlaps_expect_explain(server, 0, ptemp))) {
        return fail(server, "AML0119", mistake);
    }
    if ((mistake = amlaps_expect_check(server, 0, ptemp))) {
        return fail(server, "AML0118", mistake);
    }
    return OK;
}

typedef struct lint_t {
    server_rec *server;
    apr_hash_t *judged;        /* rules of the main server, by address: what a virtual host makes of them is no mistake of theirs */
} lint_t;

static void say_doubt(void *baton, const amlaps_rule_t *rule, const char *id, const char *text)
{
    const lint_t *lint = baton;

    if (!apr_hash_get(lint->judged, &rule, sizeof(rule))) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, lint->server, "%s: %s: <AMLapsRule \"%s\">: %s", id, amlaps_rule_origin(rule),
                     amlaps_rule_description(rule), text);
    }
}

static void warn_of_rules(server_rec *server, const server_rec *main_server, apr_pool_t *ptemp)
{
    const apr_array_header_t *inherited = amlaps_config_of(main_server)->rules;
    lint_t lint = { server, apr_hash_make(ptemp) };
    int i;

    for (i = 0; server != main_server && i < inherited->nelts; i++) {
        apr_hash_set(lint.judged, &APR_ARRAY_IDX(inherited, i, amlaps_rule_t *), sizeof(amlaps_rule_t *), server);
    }
    amlaps_policy_lint(amlaps_config_of(server)->policy, apr_time_now(), say_doubt, &lint, ptemp);
}

static void warn_of_expiry(server_rec *server, const amlaps_tenant_t *tenant, apr_pool_t *ptemp)
{
    const apr_time_t expires = amlaps_graph_certificate_expires(tenant, ptemp);
    const apr_interval_time_t left = expires - apr_time_now();

    if (expires && left < apr_time_from_sec(30 * 86400)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server, "AML0134: the certificate of tenant %s ends in %d days; make a new pair, add it to "
                     "the app registration, then replace the files", tenant->name, (int)(left / apr_time_from_sec(86400)));
    }
}

/* What the main server has may be meant for its virtual hosts alone, which write the rules: only a server without any is surely a mistake. */
static int has_rules(const server_rec *server)
{
    const server_rec *last = server->is_virtual ? server->next : NULL;

    while (server != last && !amlaps_config_of(server)->rules->nelts) {
        server = server->next;
    }
    return server != last;
}

/* Not a mistake, but surely not what the admin wants. */
static void warn(server_rec *server, apr_pool_t *ptemp)
{
    const amlaps_config_t *config = amlaps_config_of(server);
    apr_finfo_t info;
    int i;

    for (i = 0; i < config->tenants->nelts; i++) {
        warn_of_expiry(server, &APR_ARRAY_IDX(config->tenants, i, amlaps_tenant_config_t *)->tenant, ptemp);
    }
    if (!has_rules(server)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server,
                     "AML0108: there is no <AMLapsRule>, so nobody may read anything; write one");
    }
    if (!config->audit_seal) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server, "AML0199: the audit in %s is not sealed, so whoever can write to it can change it "
                     "unseen; run amlaps-audit init, and name what it made with AMLapsAuditSeal", amlaps_config_store(config));
    }
    if (apr_stat(&info, amlaps_config_htdocs(config), APR_FINFO_TYPE, ptemp) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server,
                     "AML0109: the page's folder %s is missing; run make install, or name it with AMLapsHtdocs",
                     amlaps_config_htdocs(config));
    }
}

static void warn_of_idle(const server_rec *server)
{
    const apr_array_header_t *expectations = amlaps_config_of(server)->expectations;
    const int first = server->is_virtual ? amlaps_config_of(ap_server_conf)->expectations->nelts : 0;

    if (expectations->nelts > first && !is_checked_elsewhere(server)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server, "AML0179: %s: AMLapsExpect stands without any tenant, so nothing checks it; write a "
                     "section <AMLapsTenant NAME>", APR_ARRAY_IDX(expectations, first, amlaps_expectation_t *)->origin);
    }
}

/* Once, and not in the first of the two passes at start. */
static void warn_all(server_rec *main_server, const char *mounted, apr_pool_t *ptemp)
{
    server_rec *server;

    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG && !is_configtest()) {
        return;
    }
    for (server = main_server; server; server = server->next) {
        if (amlaps_config_active(amlaps_config_of(server)) && (server == main_server || amlaps_config_of(server)->touched)) {
            warn(server, ptemp);
            warn_of_rules(server, main_server, ptemp);
        } else if (!amlaps_config_active(amlaps_config_of(server))) {
            warn_of_idle(server);
        }
    }
    amlaps_channels_warn(main_server);
    if (mounted) {
        amlaps_advice_give(main_server);
        amlaps_mounts_warn(main_server, ptemp);
    }
}

int amlaps_httpd_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server)
{
    apr_hash_t *channels = apr_hash_make(ptemp);
    const char *mounted, *idle, *mistake;
    const server_rec *host = NULL;
    server_rec *server;
    int status, active = 0;

    (void)plog;
    if (ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_DUMP) {
        return OK;
    }
    for (server = main_server; server; server = server->next) {
        if ((status = check_server(server, channels, pconf, ptemp)) != OK) {
            return status;
        }
        active |= amlaps_config_active(amlaps_config_of(server));
    }
    mounted = amlaps_mounts_written(&mistake, ptemp);
    if (mistake) {
        return fail(main_server, "AML0136", mistake);
    }
    idle = active ? amlaps_mounts_idle(&host, main_server, ptemp) : mounted;
    if (idle) {
        return fail(main_server, "AML0105", apr_psprintf(ptemp, "%s: SetHandler amlaps has no tenant to serve; write a section <AMLapsTenant "
                    "NAME> in its virtual host%s, or in the main server for all of them", idle,
                    host ? apr_psprintf(ptemp, " at %s:%u", host->defn_name, host->defn_line_number) : ""));
    }
    warn_all(main_server, mounted, ptemp);
    if (active && !mounted && is_configtest()) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, main_server, "AML0138: there are tenants, but no Location has SetHandler amlaps, so the page is "
                     "nowhere; write it into the Location that has AuthType openid-connect");
    }
    return OK;
}
