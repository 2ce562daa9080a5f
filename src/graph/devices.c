/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "device_json.h"
#include "devices.h"
#include "facts.h"
#include "request.h"

#define ONE_MOST ((apr_size_t)64 << 10)
#define PAGE_MOST ((apr_size_t)4 << 20) /* 100 devices of at most 2 KiB each come to 200 KiB */

static const int absent[] = {404, 0};

const char *amlaps_devices_path(const char *device_id, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "/devices(deviceId='", device_id, "')?$select=" AMLAPS_DEVICE_SELECT, NULL);
}

apr_status_t amlaps_devices_take(const amlaps_graph_device_t **device, amlaps_error_t *error, amlaps_graph_t *graph,
                                 const amlaps_tenant_state_t *tenant, const char *device_id, const amlaps_json_t *json,
                                 apr_pool_t *pool)
{
    const char *name = tenant->config->name;
    const amlaps_graph_device_t *found = amlaps_device_read(json, name, pool);

    if (!found || strcmp(found->device_id, device_id) != 0) {
        amlaps_log(AMLAPS_LOG_ERROR, "AML0340", APR_EGENERAL, "tenant %s: asked for device %s, Graph gave %s", name, device_id,
                   found ? found->device_id : "none");
        return amlaps_error_set(error, AMLAPS_TENANT_ERROR, "AML0340", APR_EGENERAL,
                                "tenant %s: Graph's answer is not the device that was asked for: check AMLapsGraphURL and a proxy that changes answers", name);
    }
    amlaps_facts_put_device(graph, found);
    *device = found;
    return APR_SUCCESS;
}

/* The device of that id, from Graph. `*device` is NULL where the tenant has none. */
static apr_status_t fetch(const amlaps_graph_device_t **device, amlaps_error_t *error, amlaps_graph_t *graph,
                          amlaps_tenant_state_t *tenant, amlaps_call_t *call, const char *device_id, apr_pool_t *pool)
{
    const amlaps_tenant_t *config = tenant->config;
    const amlaps_ask_t ask = {.method = "GET",
                              .url = apr_pstrcat(pool, config->graph_url, "/v1.0", amlaps_devices_path(device_id, pool), NULL),
                              .what = AMLAPS_DEVICES_WHAT,
                              .permission = AMLAPS_DEVICES_PERMISSION,
                              .expected = absent,
                              .most = ONE_MOST};
    amlaps_reply_t reply;
    const apr_status_t status = amlaps_request(&reply, error, graph, tenant, call, &ask, pool);

    *device = NULL;
    if (status != APR_SUCCESS) {
        return status;
    }
    if (reply.status == 404) {
        amlaps_facts_put_no_device(graph, config->name, device_id);
        return APR_SUCCESS;
    }
    return amlaps_devices_take(device, error, graph, tenant, device_id, reply.json, pool);
}

apr_status_t amlaps_graph_device(const amlaps_graph_device_t **device, amlaps_error_t *error, amlaps_graph_t *graph,
                                 amlaps_call_t *call, const char *tenant, const char *device_id, apr_pool_t *pool)
{
    amlaps_tenant_state_t *state;
    char guid[AMLAPS_GUID_LENGTH + 1];

    *device = NULL;
    if (amlaps_graph_begin(&state, error, graph, call, tenant) != APR_SUCCESS) {
        return error->status;
    }
    if (!amlaps_text_guid(guid, device_id)) {
        return amlaps_error_set(error, AMLAPS_BAD_REQUEST, "AML0331", APR_EINVAL, "the device id is no GUID");
    }
    if (amlaps_facts_get_device(device, graph, state->config->name, guid, pool)) {
        return APR_SUCCESS;
    }
    return fetch(device, error, graph, state, call, guid, pool);
}

/*
 * OData doubles the quotes inside a text; then the whole value is percent-encoded. In the order of the names, so that the first that are found
 * are the first there are, and equal names stand together.
 */
static const char *search_url(const amlaps_tenant_t *tenant, const char *text, apr_pool_t *pool)
{
    char *quoted = apr_palloc(pool, 2 * strlen(text) + 1), *at = quoted;

    for (; *text; text++) {
        if (*text == '\'') {
            *at++ = '\'';
        }
        *at++ = *text;
    }
    *at = '\0';
    const char *filter = apr_pstrcat(pool, "startswith(displayName,'", quoted, "')", NULL);
    return apr_pstrcat(pool, tenant->graph_url, "/v1.0/devices?$filter=", amlaps_text_percent(filter, pool),
                       "&$select=" AMLAPS_DEVICE_SELECT "&$orderby=displayName&$count=true&$top=100", NULL);
}

typedef struct search_t {
    amlaps_graph_t *graph;
    amlaps_tenant_state_t *tenant;
    amlaps_call_t *call;
    amlaps_graph_visit_t visit;
    void *baton;
    int stopped;
    apr_pool_t *pool;
} search_t;

static void visit_page(search_t *search, const amlaps_json_t *values)
{
    const apr_size_t count = amlaps_json_length(values);
    const amlaps_graph_device_t **page = apr_palloc(search->pool, (count + 1) * sizeof *page);
    apr_size_t kept = 0;

    for (apr_size_t i = 0; i < count; i++) {
        const amlaps_graph_device_t *device =
            amlaps_device_read(amlaps_json_item(values, i), search->tenant->config->name, search->pool);
        if (!device) {
            continue;
        }
        amlaps_facts_put_device(search->graph, device);
        page[kept++] = device;
    }
    if (kept > 0) {
        search->stopped = !search->visit(search->baton, page, kept);
    }
}

/* Asks for one page and visits it; `*url` becomes the next one or NULL. */
static apr_status_t turn_page(const char **url, amlaps_error_t *error, search_t *search, apr_pool_t *scratch)
{
    const amlaps_ask_t ask = {
        .method = "GET", .url = *url, .what = "the search for devices", .permission = AMLAPS_DEVICES_PERMISSION, .most = PAGE_MOST,
        .advanced = 1};
    amlaps_reply_t reply;
    apr_status_t status = amlaps_request(&reply, error, search->graph, search->tenant, search->call, &ask, scratch);

    *url = NULL;
    if (status != APR_SUCCESS) {
        return status;
    }
    const amlaps_json_t *values = amlaps_json_member(reply.json, "value");
    if (amlaps_json_kind(values) != AMLAPS_JSON_ARRAY) {
        return amlaps_error_set(error, AMLAPS_TENANT_ERROR, "AML0340", APR_EGENERAL,
                                "tenant %s: Graph's answer is no list of devices: check AMLapsGraphURL and a proxy that changes answers",
                                search->tenant->config->name);
    }
    visit_page(search, values);
    if (search->stopped) {
        return APR_SUCCESS;
    }
    return amlaps_request_next(url, error, search->tenant->config, reply.json, search->pool);
}

static apr_status_t search_names(int *complete, amlaps_error_t *error, search_t *search, const char *text)
{
    const char *url = search_url(search->tenant->config, text, search->pool);
    int pages = 0;

    while (url && pages++ < AMLAPS_GRAPH_PAGES && !search->stopped) {
        apr_pool_t *scratch;
        apr_pool_create(&scratch, search->pool);
        const apr_status_t status = turn_page(&url, error, search, scratch);
        amlaps_graph_keep(search->call, search->pool);
        apr_pool_destroy(scratch);
        if (status != APR_SUCCESS) {
            return status;
        }
    }
    *complete = !url && !search->stopped;
    return APR_SUCCESS;
}

apr_status_t amlaps_graph_search(int *complete, amlaps_error_t *error, amlaps_graph_t *graph, amlaps_call_t *call,
                                 const char *tenant, const char *text, amlaps_graph_visit_t visit, void *baton,
                                 apr_pool_t *pool)
{
    search_t search = {.graph = graph, .call = call, .visit = visit, .baton = baton, .pool = pool};
    const amlaps_graph_device_t *device;
    char guid[AMLAPS_GUID_LENGTH + 1];

    *complete = 0;
    if (amlaps_graph_begin(&search.tenant, error, graph, call, tenant) != APR_SUCCESS) {
        return error->status;
    }
    if (!amlaps_text_guid(guid, text)) {
        return search_names(complete, error, &search, text);
    }
    const apr_status_t status = fetch(&device, error, graph, search.tenant, call, guid, pool);
    if (status == APR_SUCCESS) {
        *complete = device ? visit(baton, &device, 1) != 0 : 1;
    }
    return status;
}
