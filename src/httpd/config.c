/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "config.h"
#include "httpd_glue.h"

#ifndef AMLAPS_HTDOCS
#define AMLAPS_HTDOCS "/usr/share/amlaps/htdocs"
#endif

void *amlaps_config_create(apr_pool_t *pool, server_rec *server)
{
    amlaps_config_t *config = apr_pcalloc(pool, sizeof(*config));

    (void)server;
#define X(type, member, unset) config->member = unset;
    AMLAPS_CONFIG_VALUES(X)
#undef X
#define X(type, member) config->member = apr_array_make(pool, 2, sizeof(type));
    AMLAPS_CONFIG_LISTS(X)
#undef X
    config->runtime = -1;
    return config;
}

void *amlaps_config_merge(apr_pool_t *pool, void *base_config, void *add_config)
{
    const amlaps_config_t *base = base_config, *add = add_config;
    amlaps_config_t *merged = amlaps_config_create(pool, NULL);

#define X(type, member, unset) merged->member = add->member != (unset) ? add->member : base->member;
    AMLAPS_CONFIG_VALUES(X)
#undef X
#define X(type, member) merged->member = apr_array_append(pool, base->member, add->member);
    AMLAPS_CONFIG_LISTS(X)
#undef X
    merged->touched = add->touched;
    return merged;
}

amlaps_config_t *amlaps_config_of(const server_rec *server)
{
    return ap_get_module_config(server->module_config, &amlaps_module);
}

int amlaps_config_active(const amlaps_config_t *config)
{
    return config->tenants->nelts > 0;
}

const amlaps_rule_t *amlaps_config_namesake(apr_hash_t *names, const char *description, const char *tenant)
{
    const apr_array_header_t *rules = apr_hash_get(names, description, APR_HASH_KEY_STRING);
    int i;

    for (i = 0; rules && i < rules->nelts; i++) {
        const amlaps_rule_t *rule = APR_ARRAY_IDX(rules, i, amlaps_rule_t *);
        const char *its = amlaps_rule_tenant(rule);

        if (!its || !tenant || !strcmp(its, tenant)) {
            return rule;
        }
    }
    return NULL;
}

void amlaps_config_add_name(apr_hash_t *names, amlaps_rule_t *rule)
{
    apr_array_header_t *rules = apr_hash_get(names, amlaps_rule_description(rule), APR_HASH_KEY_STRING);

    if (!rules) {
        rules = apr_array_make(apr_hash_pool_get(names), 1, sizeof(amlaps_rule_t *));
        apr_hash_set(names, amlaps_rule_description(rule), APR_HASH_KEY_STRING, rules);
    }
    APR_ARRAY_PUSH(rules, amlaps_rule_t *) = rule;
}

const char *amlaps_config_store(const amlaps_config_t *config)
{
    return config->store ? config->store : "sqlite3:/var/lib/amlaps/amlaps.db";
}

const char *amlaps_config_opened_store(const amlaps_config_t *config)
{
    return config->opened_store ? config->opened_store : amlaps_config_store(config);
}

apr_interval_time_t amlaps_config_store_timeout(const amlaps_config_t *config)
{
    return config->store_timeout >= 0 ? config->store_timeout : apr_time_from_sec(2);
}

apr_interval_time_t amlaps_config_cache_time(const amlaps_config_t *config)
{
    return config->cache_time >= 0 ? config->cache_time : apr_time_from_sec(60);
}

apr_interval_time_t amlaps_config_graph_timeout(const amlaps_config_t *config)
{
    return config->graph_timeout >= 0 ? config->graph_timeout : apr_time_from_sec(6);
}

int amlaps_config_graph_connections(const amlaps_config_t *config)
{
    return config->graph_connections >= 0 ? config->graph_connections : 32;
}

const char *amlaps_config_htdocs(const amlaps_config_t *config)
{
    return config->htdocs ? config->htdocs : AMLAPS_HTDOCS;
}

const char *amlaps_config_title(const amlaps_config_t *config)
{
    return config->title ? config->title : "Local administrator passwords";
}

int amlaps_config_hide_after(const amlaps_config_t *config)
{
    return config->hide_after >= 0 ? config->hide_after : 60;
}

static void add_limit(apr_array_header_t *limits, amlaps_limit_scope_t scope, int most, int seconds)
{
    amlaps_limit_t *limit = apr_array_push(limits);

    limit->scope = scope;
    limit->most = most;
    limit->period = apr_time_from_sec(seconds);
}

apr_array_header_t *amlaps_config_limits(const amlaps_config_t *config, apr_pool_t *pool)
{
    apr_array_header_t *limits = apr_array_make(pool, 8, sizeof(amlaps_limit_t));
    const struct {
        amlaps_limit_scope_t scope;
        const apr_array_header_t *written;
    } scopes[] = {
        { AMLAPS_LIMIT_USER, config->limits_user },
        { AMLAPS_LIMIT_ADDRESS, config->limits_address },
        { AMLAPS_LIMIT_SEARCH, config->limits_search },
    };
    size_t i;

    for (i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
        if (scopes[i].written) {
            apr_array_cat(limits, scopes[i].written);
        } else if (scopes[i].scope == AMLAPS_LIMIT_SEARCH) {
            add_limit(limits, AMLAPS_LIMIT_SEARCH, 60, 60);
        } else {
            add_limit(limits, scopes[i].scope, 10, 60);
            add_limit(limits, scopes[i].scope, 50, 3600);
            add_limit(limits, scopes[i].scope, 100, 86400);
        }
    }
    return limits;
}
