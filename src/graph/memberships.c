/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "memberships.h"

#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "facts.h"
#include "request.h"

#define PAGE_MOST ((apr_size_t)2 << 20) /* 999 entries of 120 bytes */

void amlaps_memberships_begin(amlaps_gathered_t *gathered, apr_pool_t *pool)
{
    gathered->groups = apr_array_make(pool, 16, sizeof(const char *));
    gathered->units = apr_array_make(pool, 4, sizeof(const char *));
}

const char *amlaps_memberships_path(const char *object_id, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "/devices/", object_id, "/transitiveMemberOf?$select=id&$top=999", NULL);
}

int amlaps_memberships_add(amlaps_gathered_t *gathered, const amlaps_json_t *page, apr_pool_t *pool)
{
    const amlaps_json_t *values = amlaps_json_member(page, "value");

    if (amlaps_json_kind(values) != AMLAPS_JSON_ARRAY) {
        return 0;
    }
    for (apr_size_t i = 0; i < amlaps_json_length(values); i++) {
        const amlaps_json_t *value = amlaps_json_item(values, i);
        const char *type = amlaps_json_member_text(value, "@odata.type");
        char guid[AMLAPS_GUID_LENGTH + 1];
        if (!type || !amlaps_text_guid(guid, amlaps_json_member_text(value, "id"))) {
            return 0;
        }
        if (strcmp(type, "#microsoft.graph.group") == 0) {
            APR_ARRAY_PUSH(gathered->groups, const char *) = apr_pstrdup(pool, guid);
        }
        else if (strcmp(type, "#microsoft.graph.administrativeUnit") == 0) {
            APR_ARRAY_PUSH(gathered->units, const char *) = apr_pstrdup(pool, guid);
        }
    }
    return 1;
}

static apr_status_t add_page(const char **url, amlaps_gathered_t *gathered, amlaps_error_t *error, amlaps_graph_t *graph,
                             amlaps_tenant_state_t *tenant, amlaps_call_t *call, apr_pool_t *pool, apr_pool_t *scratch)
{
    const amlaps_ask_t ask = {.method = "GET",
                              .url = *url,
                              .what = AMLAPS_MEMBERSHIPS_WHAT,
                              .permission = AMLAPS_MEMBERSHIPS_PERMISSION,
                              .most = PAGE_MOST};
    amlaps_reply_t reply;
    const apr_status_t status = amlaps_request(&reply, error, graph, tenant, call, &ask, scratch);

    if (status != APR_SUCCESS) {
        return status;
    }
    if (!amlaps_memberships_add(gathered, reply.json, pool)) {
        return amlaps_error_set(error, AMLAPS_TENANT_ERROR, "AML0341", APR_EGENERAL,
                                "tenant %s: Graph's list of a device's groups is not understood", tenant->config->name);
    }
    return amlaps_request_next(url, error, tenant->config, reply.json, pool);
}

apr_status_t amlaps_memberships_follow(amlaps_gathered_t *gathered, amlaps_error_t *error, amlaps_graph_t *graph,
                                       amlaps_tenant_state_t *tenant, amlaps_call_t *call, const char *url, apr_pool_t *pool)
{
    for (int pages = 0; url; pages++) {
        apr_pool_t *scratch;
        if (pages >= AMLAPS_GRAPH_PAGES) {
            return amlaps_error_set(error, AMLAPS_TENANT_ERROR, "AML0343", APR_EGENERAL,
                                    "tenant %s: a device's list of groups does not end", tenant->config->name);
        }
        apr_pool_create(&scratch, pool);
        const apr_status_t status = add_page(&url, gathered, error, graph, tenant, call, pool, scratch);
        amlaps_graph_keep(call, pool);
        apr_pool_destroy(scratch);
        if (status != APR_SUCCESS) {
            return status;
        }
    }
    return APR_SUCCESS;
}

const amlaps_memberships_t *amlaps_memberships_end(const amlaps_gathered_t *gathered, amlaps_graph_t *graph,
                                                   const amlaps_tenant_state_t *tenant, const char *object_id,
                                                   apr_pool_t *pool)
{
    amlaps_memberships_t *made = apr_pcalloc(pool, sizeof *made);

    made->groups = (const char *const *)(void *)gathered->groups->elts;
    made->group_count = (apr_size_t)gathered->groups->nelts;
    made->units = (const char *const *)(void *)gathered->units->elts;
    made->unit_count = (apr_size_t)gathered->units->nelts;
    amlaps_facts_put_memberships(graph, tenant->config->name, object_id, made, pool);
    return made;
}

static apr_status_t ask_one(const amlaps_memberships_t **memberships, amlaps_error_t *error, amlaps_graph_t *graph,
                            amlaps_tenant_state_t *tenant, amlaps_call_t *call, const char *object_id, apr_pool_t *pool)
{
    const char *url = apr_pstrcat(pool, tenant->config->graph_url, "/v1.0", amlaps_memberships_path(object_id, pool), NULL);
    amlaps_gathered_t gathered;

    amlaps_memberships_begin(&gathered, pool);
    const apr_status_t status = amlaps_memberships_follow(&gathered, error, graph, tenant, call, url, pool);
    if (status == APR_SUCCESS) {
        *memberships = amlaps_memberships_end(&gathered, graph, tenant, object_id, pool);
    }
    return status;
}

/* After an error that concerns all of them alike, the others are not asked: they would fare no better, and the deadline is
 * one. */
static int concerns_all(amlaps_code_t code)
{
    return code != AMLAPS_TENANT_ERROR;
}

/* The devices at missing[0..count) one by one. */
static void ask_singly(const amlaps_memberships_t **memberships, amlaps_error_t *error, amlaps_graph_t *graph,
                       amlaps_tenant_state_t *tenant, amlaps_call_t *call, const amlaps_graph_device_t *const *devices,
                       const apr_size_t *missing, apr_size_t count, apr_pool_t *pool)
{
    for (apr_size_t i = 0; i < count; i++) {
        amlaps_error_t failure = {0};
        if (ask_one(&memberships[missing[i]], &failure, graph, tenant, call, devices[missing[i]]->object_id, pool)
            == APR_SUCCESS) {
            continue;
        }
        amlaps_graph_pass(error, &failure);
        if (concerns_all(failure.code)) {
            return;
        }
    }
}

static int may_batch(const amlaps_graph_t *graph, amlaps_tenant_state_t *tenant)
{
    apr_thread_mutex_lock(tenant->mutex);
    const int may = tenant->single_until <= amlaps_clock_steady(graph->clock);
    apr_thread_mutex_unlock(tenant->mutex);
    return may;
}

/* The devices at missing[0..count), twenty at a time; one by one where this Graph has no $batch. */
static void ask_batches(const amlaps_memberships_t **memberships, amlaps_error_t *error, amlaps_graph_t *graph,
                        amlaps_tenant_state_t *tenant, amlaps_call_t *call, const amlaps_graph_device_t *const *devices,
                        const apr_size_t *missing, apr_size_t count, apr_pool_t *pool)
{
    const amlaps_graph_device_t *wanted[AMLAPS_BATCH_MOST];
    const amlaps_memberships_t *found[AMLAPS_BATCH_MOST];

    for (apr_size_t done = 0; done < count; done += AMLAPS_BATCH_MOST) {
        const apr_size_t size = count - done < AMLAPS_BATCH_MOST ? count - done : AMLAPS_BATCH_MOST;
        amlaps_error_t failure = {0};
        int refused = size == 1 || !may_batch(graph, tenant);
        if (!refused) {
            for (apr_size_t i = 0; i < size; i++) {
                wanted[i] = devices[missing[done + i]];
            }
            memset(found, 0, sizeof found);
            amlaps_memberships_batch(found, &refused, &failure, graph, tenant, call, wanted, size, pool);
            for (apr_size_t i = 0; i < size; i++) {
                memberships[missing[done + i]] = found[i];
            }
        }
        if (refused) {
            ask_singly(memberships, &failure, graph, tenant, call, devices, missing + done, size, pool);
        }
        if (failure.code == AMLAPS_OK) {
            continue;
        }
        amlaps_graph_pass(error, &failure);
        if (concerns_all(failure.code)) {
            return;
        }
    }
}

apr_status_t amlaps_graph_memberships(const amlaps_memberships_t **memberships, amlaps_error_t *error, amlaps_graph_t *graph,
                                      amlaps_call_t *call, const char *tenant, const amlaps_graph_device_t *const *devices,
                                      apr_size_t count, apr_pool_t *pool)
{
    amlaps_tenant_state_t *state;
    apr_size_t *missing = apr_palloc(pool, (count + 1) * sizeof *missing), missing_count = 0;
    amlaps_error_t failure = {0};

    for (apr_size_t i = 0; i < count; i++) {
        memberships[i] = NULL;
    }
    if (amlaps_graph_begin(&state, error, graph, call, tenant) != APR_SUCCESS) {
        return error->status;
    }
    for (apr_size_t i = 0; i < count; i++) {
        memberships[i] = amlaps_facts_get_memberships(graph, state->config->name, devices[i]->object_id, pool);
        if (!memberships[i]) {
            missing[missing_count++] = i;
        }
    }
    if (missing_count > 0) {
        ask_batches(memberships, &failure, graph, state, call, devices, missing, missing_count, pool);
    }
    return failure.code == AMLAPS_OK ? APR_SUCCESS : amlaps_graph_pass(error, &failure);
}
