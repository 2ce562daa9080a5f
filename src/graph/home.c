/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>
#include <strings.h>

#include "client.h"
#include "token.h"

static void read_tid(char tid[37], amlaps_tenant_state_t *tenant)
{
    apr_thread_mutex_lock(tenant->mutex);
    memcpy(tid, tenant->tid, sizeof tenant->tid);
    apr_thread_mutex_unlock(tenant->mutex);
}

/* The GUID of a tenant that is configured by domain stands in its token; "" where that cannot be had. */
static void learn_tid(char tid[37], amlaps_graph_t *graph, amlaps_tenant_state_t *tenant, amlaps_call_t *call, apr_pool_t *pool)
{
    amlaps_fault_t ignored = {0};
    amlaps_secret_t *bearer;
    apr_uint32_t generation;

    read_tid(tid, tenant);
    /* One whose login fails must not take the time of people who are of another. */
    if (tid[0] || amlaps_graph_is_ailing(graph, tenant->config->name)
        || amlaps_token_get(&bearer, &generation, &ignored, graph, tenant, call, pool) != APR_SUCCESS) {
        return;
    }
    amlaps_secret_wipe(bearer);
    read_tid(tid, tenant);
}

const char *amlaps_graph_home(amlaps_graph_t *graph, amlaps_call_t *call, const char *tid, apr_pool_t *pool)
{
    char wanted[AMLAPS_GUID_LENGTH + 1], known[AMLAPS_GUID_LENGTH + 1];

    if (!amlaps_text_guid(wanted, tid)) {
        return NULL;
    }
    for (apr_size_t i = 0; i < graph->tenant_count; i++) {
        if (strcasecmp(graph->tenants[i].config->tenant_id, wanted) == 0) {
            return graph->tenants[i].config->name;
        }
    }
    if (call->deadline == 0) {
        call->deadline = amlaps_graph_deadline(graph);
    }
    for (apr_size_t i = 0; i < graph->tenant_count; i++) {
        amlaps_tenant_state_t *tenant = &graph->tenants[i];
        if (amlaps_text_guid(known, tenant->config->tenant_id)) {
            continue;
        }
        learn_tid(known, graph, tenant, call, pool);
        if (strcmp(known, wanted) == 0) {
            return tenant->config->name;
        }
    }
    return NULL;
}
