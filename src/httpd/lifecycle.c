/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "audit_programs.h"
#include "counts.h"
#include "lifecycle.h"
#include "channels.h"

#include <ap_mpm.h>
#include <apr_strings.h>
#include <http_log.h>
#include <http_core.h>
#include <http_main.h>
#include <unistd.h>
#include <unixd.h>

APLOG_USE_MODULE(amlaps);

/* One generation's rooms in a child; set once in child_init, before the first worker thread runs. */
static amlaps_access_t *const *runtimes;
static amlaps_trail_shared_t *shared;
static amlaps_claims_keep_t *claims;

const amlaps_access_t *amlaps_lifecycle_access(const server_rec *server)
{
    int index = amlaps_config_of(server)->runtime;

    return runtimes && index >= 0 ? runtimes[index] : NULL;
}

amlaps_claims_keep_t *amlaps_lifecycle_claims(void)
{
    return claims;
}

amlaps_trail_counts_t amlaps_lifecycle_trail_counts(void)
{
    amlaps_trail_counts_t counts = { 0 };

    if (shared) {
        amlaps_trail_counts(&counts, shared);
    }
    return counts;
}

static apr_status_t end_transport(void *nothing)
{
    (void)nothing;
    amlaps_transport_global_cleanup();
    return APR_SUCCESS;
}

/* Memory that outlives graceful restarts belongs to the process: children of the last generation still write. Another build that is loaded by a
 * reload may see other things in it, and makes its own. */
static amlaps_trail_shared_t *keep_shared(apr_pool_t *ptemp)
{
    const char *key = apr_psprintf(ptemp, "mod_amlaps: trail of %" APR_SIZE_T_FMT " bytes", amlaps_trail_shared_size());
    amlaps_trail_shared_t **kept = ap_retained_data_get(key);

    if (!kept) {
        kept = ap_retained_data_create(key, sizeof(*kept));
        *kept = amlaps_trail_share();
    }
    return *kept;
}

/* What the children of this generation tell each other of the tenants. */
static int share_graph(server_rec *server, amlaps_config_t *config, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    int i;

    config->graph_shared = amlaps_graph_share((apr_size_t)config->tenants->nelts, pconf);
    if (!config->graph_shared) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, APR_ENOMEM, server, "AML0127: no memory for what the children know of the tenants");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    for (i = 0; i < config->tenants->nelts; i++) {
        const amlaps_tenant_t *tenant = &APR_ARRAY_IDX(config->tenants, i, amlaps_tenant_config_t *)->tenant;

        amlaps_graph_share_expiry(config->graph_shared, (apr_size_t)i, amlaps_graph_certificate_expires(tenant, ptemp), apr_time_now());
    }
    return OK;
}

int amlaps_lifecycle_is_reload(void)
{
    int generation = 0;

    return ap_mpm_query(AP_MPMQ_GENERATION, &generation) == APR_SUCCESS && generation > 0;
}

static int unusable(server_rec *server, const amlaps_error_t *error)
{
    ap_log_error(APLOG_MARK, APLOG_EMERG, amlaps_error_cause(error->status), server, "%s: %s%s", error->id, error->detail,
                 amlaps_lifecycle_is_reload() ? "; httpd goes on, and answers audit_unavailable" : "");
    return amlaps_lifecycle_is_reload() ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

static int prepare_store(server_rec *server, const amlaps_config_t *config, apr_pool_t *ptemp)
{
    const int root = geteuid() == 0;
    const uid_t uid = root ? ap_unixd_config.user_id : (uid_t)-1;
    const gid_t gid = root ? ap_unixd_config.group_id : (gid_t)-1;
    const char *store = amlaps_config_opened_store(config);
    amlaps_error_t error = { 0 };
    apr_status_t status = APR_SUCCESS;

    if (!amlaps_trail_is_prepared(shared, store)) {
        status = amlaps_trail_prepare(&error, store, uid, gid, ptemp);
    }
    if (status == APR_EAGAIN) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server, "%s: %s; httpd starts, and answers audit_unavailable until the database answers",
                     error.id, error.detail);
    } else if (status != APR_SUCCESS) {
        return unusable(server, &error);
    } else {
        amlaps_trail_note_prepared(shared, store);
    }
    if (config->audit_seal && !amlaps_trail_is_prepared(shared, config->audit_seal)) {
        if (amlaps_trail_prepare_seal(&error, config->audit_seal, uid, gid) != APR_SUCCESS) {
            return unusable(server, &error);
        }
        amlaps_trail_note_prepared(shared, config->audit_seal);
    }
    return OK;
}

static int prepare(server_rec *server, amlaps_config_t *config, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    int status = amlaps_audit_logs_open(server, pconf, ptemp);

    if (status == OK) {
        status = prepare_store(server, config, ptemp);
    }
    return status == OK ? share_graph(server, config, pconf, ptemp) : status;
}

/* What all servers of this process share. */
static int keep_rest(server_rec *main_server, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    if (!amlaps_counts_keep() || !amlaps_channels_count(main_server, ptemp) || amlaps_transport_global_init() != APR_SUCCESS) {
        return 0;
    }
    /* Registered before the children's pools are made, so that it runs after their curl handles are gone. */
    apr_pool_cleanup_register(pconf, NULL, end_transport, apr_pool_cleanup_null);
    return 1;
}

static int out_of_memory(server_rec *main_server)
{
    ap_log_error(APLOG_MARK, APLOG_EMERG, 0, main_server, "AML0111: no memory for the audit's lock, or libcurl does not start");
    return HTTP_INTERNAL_SERVER_ERROR;
}

int amlaps_httpd_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server)
{
    const amlaps_config_t *main_config = amlaps_config_of(main_server);
    int active = 0, count = 0, status;
    server_rec *server;

    (void)plog;
    /* The first of the two passes at start runs in another process: what it opened would be lost. */
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    amlaps_audit_programs_mark(ptemp);
    for (server = main_server; server; server = server->next) {
        amlaps_config_t *config = amlaps_config_of(server);

        if (!amlaps_config_active(config)) {
            continue;
        }
        active = 1;
        if (!shared && !(shared = keep_shared(ptemp))) {
            return out_of_memory(main_server);
        }
        if (server != main_server && !config->touched && main_config->runtime >= 0) {
            config->runtime = main_config->runtime;
            continue;
        }
        config->runtime = count++;
        if ((status = prepare(server, config, pconf, ptemp)) != OK) {
            return status;
        }
    }
    amlaps_audit_programs_sweep(ptemp);
    if (!active) {
        return OK;
    }
    if (!keep_rest(main_server, pconf, ptemp)) {
        return out_of_memory(main_server);
    }
    amlaps_trail_restarted(shared);
    return OK;
}

static void tenants_of(amlaps_graph_config_t *graph, amlaps_access_t *access, const amlaps_config_t *config, apr_pool_t *pool)
{
    apr_size_t count = (apr_size_t)config->tenants->nelts, i;
    const amlaps_tenant_t **tenants = apr_palloc(pool, count * sizeof(*tenants));
    const char **names = apr_palloc(pool, count * sizeof(*names));

    for (i = 0; i < count; i++) {
        tenants[i] = &APR_ARRAY_IDX(config->tenants, i, amlaps_tenant_config_t *)->tenant;
        names[i] = tenants[i]->name;
    }
    graph->tenants = tenants;
    graph->tenant_count = count;
    access->tenants = names;
    access->tenant_count = count;
}

static const char *host_name(apr_pool_t *pool)
{
    char name[APRMAXHOSTLEN + 1];

    return apr_gethostname(name, sizeof(name), pool) == APR_SUCCESS ? apr_pstrdup(pool, name) : "unknown";
}

static apr_status_t open_trail(amlaps_access_t *access, amlaps_error_t *error, const amlaps_config_t *config, apr_pool_t *pool)
{
    apr_size_t count = (apr_size_t)config->audit_logs->nelts, i;
    amlaps_trail_sink_t *sinks = apr_pcalloc(pool, (count ? count : 1) * sizeof(*sinks));
    amlaps_trail_config_t *trail = apr_pcalloc(pool, sizeof(*trail));

    for (i = 0; i < count; i++) {
        sinks[i] = APR_ARRAY_IDX(config->audit_logs, i, amlaps_audit_log_t *)->sink;
    }
    trail->store = amlaps_config_opened_store(config);
    trail->seal = config->audit_seal;
    trail->silence = apr_time_from_sec(300);
    trail->timeout = amlaps_config_store_timeout(config);
    trail->limits = (const amlaps_limit_t *)config->limits->elts;
    trail->limit_count = (apr_size_t)config->limits->nelts;
    trail->sinks = sinks;
    trail->sink_count = count;
    trail->clock = amlaps_clock_system();
    trail->host = host_name(pool);
    return amlaps_trail_open(&access->trail, error, trail, shared, pool);
}

static amlaps_access_t *open_runtime(const amlaps_config_t *config, const amlaps_notify_t *notify, server_rec *server, apr_pool_t *pool)
{
    amlaps_graph_config_t *graph = apr_pcalloc(pool, sizeof(*graph));
    amlaps_access_t *access = apr_pcalloc(pool, sizeof(*access));
    const amlaps_transport_t *transport;
    amlaps_error_t error = { 0 };
    apr_status_t status;

    graph->connections = amlaps_config_graph_connections(config);
    graph->timeout = amlaps_config_graph_timeout(config);
    graph->cache_time = amlaps_config_cache_time(config);
    graph->clock = amlaps_clock_system();
    graph->groups_from = config->groups_from == AMLAPS_GROUPS_FROM_GRAPH ? AMLAPS_GROUPS_FROM_GRAPH : AMLAPS_GROUPS_FROM_TOKEN;
    graph->shared = config->graph_shared;
    graph->meter = &amlaps_counts()->graph;
    graph->asking = amlaps_counts_own_asking();
    tenants_of(graph, access, config, pool);
    access->policy = config->policy;
    access->notify = notify;
    access->tell = &config->tell;
    amlaps_channels_list(access, config, pool);
    memcpy(access->roles, config->roles, sizeof(access->roles));
    access->clock = graph->clock;
    access->groups_from = graph->groups_from;
    if (amlaps_transport_open(&transport, &error, graph->connections, &amlaps_graph_faults, pool) != APR_SUCCESS ||
        amlaps_graph_open(&access->graph, &error, graph, transport, pool) != APR_SUCCESS ||
        open_trail(access, &error, config, pool) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, server, "%s: this child can't serve: %s", error.id, error.detail);
        return NULL;
    }
    /* Without the thread the first request after a renewal is due makes it. */
    if ((status = amlaps_graph_renew_in_background(access->graph, pool)) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, status, server, "AML0135: no thread to renew tokens in the background");
    }
    /* What a wrong secret or a missing permission breaks is known, and in the log, before the first person finds it. */
    amlaps_graph_probe(access->graph, 0);
    return access;
}

void amlaps_httpd_child_init(apr_pool_t *pchild, server_rec *main_server)
{
    const amlaps_notify_t *notify;
    amlaps_access_t **opened;
    amlaps_error_t error = { 0 };
    server_rec *server;
    int count = 0;

    for (server = main_server; server; server = server->next) {
        if (amlaps_config_of(server)->runtime >= count) {
            count = amlaps_config_of(server)->runtime + 1;
        }
    }
    if (!count) {
        return;
    }
    amlaps_log_bridge(main_server);
    amlaps_secret_keep_pages(pchild);
    claims = amlaps_claims_keep_make(pchild);
    amlaps_counts_enter(pchild);
    if (amlaps_channels_open(&notify, &error, main_server, pchild) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, main_server, "%s: this child can't serve: %s", error.id, error.detail);
        return;
    }
    opened = apr_pcalloc(pchild, (apr_size_t)count * sizeof(*opened));
    for (server = main_server; server; server = server->next) {
        const amlaps_config_t *config = amlaps_config_of(server);

        if (config->runtime >= 0 && !opened[config->runtime]) {
            opened[config->runtime] = open_runtime(config, notify, server, pchild);
        }
    }
    runtimes = opened;
    amlaps_channels_deliver(main_server, opened, pchild);
}
