/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "client.h"

#include <string.h>

#include <apr_strings.h>

#define CACHE_ENTRIES 10000
#define CACHE_BYTES ((apr_size_t)32 << 20)

const amlaps_transport_faults_t amlaps_graph_faults = {
    .unreachable = AMLAPS_TENANT_UNREACHABLE,
    .broken = AMLAPS_TENANT_ERROR,
    .unreachable_id = "AML0303",
    .broken_id = "AML0304",
    .tls_id = "AML0305",
    .busy_id = "AML0302",
    .busy = "all connections to Microsoft are in use; raise AMLapsGraphConnections if this lasts",
};

static apr_status_t open_tenant(amlaps_tenant_state_t *state, const amlaps_tenant_t *config, apr_pool_t *pool)
{
    apr_status_t status = apr_thread_mutex_create(&state->mutex, APR_THREAD_MUTEX_DEFAULT, pool);

    state->config = config;
    if (status == APR_SUCCESS) {
        status = apr_thread_cond_create(&state->renewed, pool);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    state->token.text = amlaps_secret_make(4096, pool);
    return state->token.text ? APR_SUCCESS : APR_ENOMEM;
}

apr_status_t amlaps_graph_open(amlaps_graph_t **graph, amlaps_error_t *error, const amlaps_graph_config_t *config,
                               const amlaps_transport_t *transport, apr_pool_t *pool)
{
    amlaps_graph_t *made = apr_pcalloc(pool, sizeof *made);
    amlaps_graph_shared_t *shared = config->shared ? config->shared : amlaps_graph_share(config->tenant_count, pool);
    apr_status_t status;

    made->config = config;
    made->transport = transport;
    made->clock = config->clock ? config->clock : amlaps_clock_system();
    made->tenants = apr_pcalloc(pool, config->tenant_count * sizeof *made->tenants + 1);
    made->tenant_count = config->tenant_count;
    status = amlaps_cache_open(&made->devices, config->cache_time, CACHE_ENTRIES, CACHE_BYTES, made->clock, pool);
    if (status == APR_SUCCESS) {
        status = amlaps_cache_open(&made->links, config->cache_time, CACHE_ENTRIES, CACHE_BYTES, made->clock, pool);
    }
    if (!shared) {
        status = APR_ENOMEM;
    }
    for (apr_size_t i = 0; i < config->tenant_count && status == APR_SUCCESS; i++) {
        made->tenants[i].row = amlaps_standing_row(shared, i);
        status = open_tenant(&made->tenants[i], config->tenants[i], pool);
    }
    if (status != APR_SUCCESS) {
        return amlaps_error_set(error, AMLAPS_BUSY, "AML0301", status, "the client for Microsoft Graph cannot be made");
    }
    *graph = made;
    return APR_SUCCESS;
}

apr_time_t amlaps_graph_deadline(const amlaps_graph_t *graph)
{
    return amlaps_clock_steady(graph->clock) + graph->config->timeout;
}

const amlaps_tenant_t *amlaps_graph_tenant(const amlaps_graph_t *graph, const char *name)
{
    for (apr_size_t i = 0; name && i < graph->tenant_count; i++) {
        if (strcmp(graph->tenants[i].config->name, name) == 0) {
            return graph->tenants[i].config;
        }
    }
    return NULL;
}

apr_status_t amlaps_graph_begin(amlaps_tenant_state_t **tenant, amlaps_error_t *error, amlaps_graph_t *graph,
                                amlaps_call_t *call, const char *name)
{
    if (call->deadline == 0) {
        call->deadline = amlaps_graph_deadline(graph);
    }
    call->request_id = NULL;
    call->status = 0;
    call->attempts = 0;
    for (apr_size_t i = 0; name && i < graph->tenant_count; i++) {
        if (strcmp(graph->tenants[i].config->name, name) == 0) {
            *tenant = &graph->tenants[i];
            return APR_SUCCESS;
        }
    }
    return amlaps_error_set(error, AMLAPS_NOT_FOUND, "AML0330", APR_NOTFOUND, "no such tenant is configured");
}

apr_interval_time_t amlaps_graph_left(const amlaps_graph_t *graph, const amlaps_call_t *call)
{
    const apr_interval_time_t left = call->deadline - amlaps_clock_steady(graph->clock);

    return left > 0 ? left : 0;
}

void amlaps_graph_pause(const amlaps_graph_t *graph, apr_interval_time_t time)
{
    if (graph->transport->pause) {
        graph->transport->pause(graph->transport->baton, time);
    }
    else {
        apr_sleep(time);
    }
}

void amlaps_graph_keep(amlaps_call_t *call, apr_pool_t *pool)
{
    call->request_id = apr_pstrdup(pool, call->request_id);
}

apr_status_t amlaps_graph_pass(amlaps_error_t *error, const amlaps_error_t *inner)
{
    if (error->code == AMLAPS_OK) {
        *error = *inner;
    }
    return error->status;
}
