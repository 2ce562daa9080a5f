/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_HTTPD_CONFIG_H
#define AMLAPS_HTTPD_CONFIG_H

#include <apr_hash.h>
#include <httpd.h>
#include <ap_expr.h>
#include <http_config.h>

#include "amlaps/access.h"

/*
 * One server's configuration. The members stand once, in the two lists below; the struct, its creation and its merge are generated from them
 * (config.c). A virtual host's value wins over the main server's; lists add up, so that a rule – and with it a deny – is never lost in a merge.
 */

/* type, member, value that means "not set" */
#define AMLAPS_CONFIG_VALUES(X)                          \
    X(const char *, store, NULL)                         \
    X(const char *, store_origin, NULL)                  \
    X(const char *, audit_seal, NULL)                    \
    X(const char *, audit_seal_origin, NULL)             \
    X(apr_interval_time_t, store_timeout, -1)            \
    X(apr_interval_time_t, cache_time, -1)               \
    X(apr_interval_time_t, graph_timeout, -1)            \
    X(int, graph_connections, -1)                        \
    X(apr_array_header_t *, limits_user, NULL)           \
    X(apr_array_header_t *, limits_address, NULL)        \
    X(apr_array_header_t *, limits_search, NULL)         \
    X(const char *, htdocs, NULL)                        \
    X(const char *, title, NULL)                         \
    X(const char *, logo, NULL)                          \
    X(const char *, notice, NULL)                        \
    X(const char *, help, NULL)                          \
    X(const char *, result, NULL)                        \
    X(const char *, style, NULL)                         \
    X(const char *, language, NULL)                      \
    X(int, hide_after, -1)                               \
    X(int, groups_from, -1)

/* element type, member */
#define AMLAPS_CONFIG_LISTS(X)                           \
    X(amlaps_tenant_config_t *, tenants)                 \
    X(amlaps_rule_t *, rules)                            \
    X(amlaps_audit_log_t *, audit_logs)                  \
    X(amlaps_rule_t *, auditors)                         \
    X(amlaps_rule_t *, operators)                        \
    X(amlaps_channel_config_t *, channels)               \
    X(amlaps_notify_config_t *, notifies)                \
    X(amlaps_notify_config_t *, rule_notifies)           \
    X(amlaps_expectation_t *, expectations)              \
    X(amlaps_expectation_t *, explanations)

typedef struct amlaps_tenant_config_t {
    amlaps_tenant_t tenant;        /* what src/graph reads; the secret is filled in by check_config */
    const char *origin;            /* "file:line" of the section */
    const char *credential;        /* the directive that names it; NULL: none yet */
    const char *credential_origin; /* "file:line" of that directive */
    const char *secret_source;     /* "file:…", "env:…", "exec:…" */
    const char *identity;          /* client id of a managed identity; NULL: the system's */
    const char *cloud;
} amlaps_tenant_config_t;

typedef struct amlaps_channel_config_t {
    amlaps_channel_t channel;      /* what src/notify reads; secrets are filled in by check_config */
    const char *origin;            /* "file:line" of the section */
    const char *url, *url_source;  /* of a webhook: as written, or "file:…", "env:…"; NULL both: it is a mail */
    const char *key_source, *password_source;
    const char *url_origin, *key_origin, *password_origin; /* "file:line" of the directives that name them */
    const char *template, *template_path; /* what AMLapsTemplate names; NULL: what is shipped */
    const ap_directive_t *template_directive;
    int says_required, says_give_up; /* the directives stand in the section */
    int loaded;
} amlaps_channel_config_t;

typedef struct amlaps_notify_config_t { /* an AMLapsNotify; what one says in a rule counts there */
    amlaps_tell_t tell;
    const char *origin;
} amlaps_notify_config_t;

typedef struct amlaps_audit_log_t {
    amlaps_trail_sink_t sink;      /* its descriptor is set when the parent has opened it, and inherited by the children */
    const char *origin;
    const char *program;           /* without the '|'; NULL: none */
    int open;
} amlaps_audit_log_t;

typedef struct amlaps_expectation_t { /* AMLapsExpect, AMLapsExplain: read when the tenants are known */
    amlaps_verdict_t verdict;
    amlaps_permission_t permission; /* those that are expected, together */
    const char *const *words;      /* KEY=VALUE */
    int count;
    const char *text, *origin;
} amlaps_expectation_t;

typedef struct amlaps_mount_t {    /* a Location with a SetHandler, which may be amlaps */
    const char *path;              /* without a slash at the end; "" for the root */
    apr_size_t length;
    const ap_expr_info_t *handler;
} amlaps_mount_t;

typedef struct amlaps_config_t {
#define X(type, member, unset) type member;
    AMLAPS_CONFIG_VALUES(X)
#undef X
#define X(type, member) apr_array_header_t *member;
    AMLAPS_CONFIG_LISTS(X)
#undef X
    int touched;                   /* a directive of ours stands in this very server */

    /* While a section is read: what its directives fill. */
    amlaps_tenant_config_t *open_tenant;
    amlaps_rule_t *open_rule;
    amlaps_channel_config_t *open_channel;
    apr_hash_t *names;             /* of this very server's rules; NULL: none yet */

    /* Made from the above by check_config, constant afterwards. */
    amlaps_policy_t *policy;
    const amlaps_policy_t *roles[AMLAPS_ROLES]; /* who has them: the rules' own way of matching people */
    amlaps_tell_t tell;            /* who is told of every request */
    apr_array_header_t *mounts;    /* amlaps_mount_t */
    const char *sign_in_app;       /* OIDCClientID; NULL: tokens may be for others */
    apr_array_header_t *limits;    /* amlaps_limit_t: those written, defaults for the rest */
    amlaps_graph_shared_t *graph_shared; /* made by post_config, where `runtime` is this server's own */
    const char *opened_store;      /* NULL: as `store` says */
    int runtime;                   /* index of the rooms that this server uses in each child; -1: none */
} amlaps_config_t;

void *amlaps_config_create(apr_pool_t *pool, server_rec *server);
void *amlaps_config_merge(apr_pool_t *pool, void *base, void *add);

amlaps_config_t *amlaps_config_of(const server_rec *server);

/**
 * A rule that the audit could not tell from one of this description and tenant: the descriptions are equal, and so are the tenants, or one of
 * them has none.
 * @param names description → rules, filled by amlaps_config_add_name()
 */
const amlaps_rule_t *amlaps_config_namesake(apr_hash_t *names, const char *description, const char *tenant);
void amlaps_config_add_name(apr_hash_t *names, amlaps_rule_t *rule);

/** @return 1 where this server has a tenant, so that the module has something to do */
int amlaps_config_active(const amlaps_config_t *config);

/* Settings with their defaults. */
const char *amlaps_config_store(const amlaps_config_t *config);        /* as it is written, and may be shown */
const char *amlaps_config_opened_store(const amlaps_config_t *config); /* with what its file holds, for the trail alone */
apr_interval_time_t amlaps_config_store_timeout(const amlaps_config_t *config);
apr_interval_time_t amlaps_config_cache_time(const amlaps_config_t *config);
apr_interval_time_t amlaps_config_graph_timeout(const amlaps_config_t *config);
int amlaps_config_graph_connections(const amlaps_config_t *config);
const char *amlaps_config_htdocs(const amlaps_config_t *config);
const char *amlaps_config_title(const amlaps_config_t *config);
int amlaps_config_hide_after(const amlaps_config_t *config);

/** Limits in force: those written, and the defaults for scopes without any. */
apr_array_header_t *amlaps_config_limits(const amlaps_config_t *config, apr_pool_t *pool);

#endif
