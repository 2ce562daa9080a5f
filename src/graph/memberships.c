/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "memberships.h"

#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "facts.h"
#include "request.h"

#define PAGE_MOST ((apr_size_t)2 << 20) /* 999 entries of 120 bytes */

/* Lists that grow while pages come in. */
typedef struct gathered_t {
    apr_array_header_t *groups, *units; /* of const char * */
} gathered_t;

const char *amlaps_memberships_path(const char *device_id, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "/devices(deviceId='", device_id, "')/transitiveMemberOf?$select=id&$top=999", NULL);
}

static int add_page(gathered_t *gathered, const amlaps_json_t *page, apr_pool_t *pool)
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

/* Adds one page; `*url` becomes the next one or NULL. */
static apr_status_t take_page(const char **url, gathered_t *gathered, amlaps_error_t *error,
                              const amlaps_tenant_state_t *tenant, const amlaps_json_t *page, apr_pool_t *pool)
{
    *url = NULL;
    if (!add_page(gathered, page, pool)) {
        return amlaps_error_set(error, AMLAPS_TENANT_ERROR, "AML0341", APR_EGENERAL,
                                "tenant %s: Graph's list of a device's groups is not understood: check AMLapsGraphURL and a proxy that changes answers", tenant->config->name);
    }
    return amlaps_request_next(url, error, tenant->config, page, pool);
}

static apr_status_t follow(const char **url, gathered_t *gathered, amlaps_error_t *error, amlaps_graph_t *graph,
                           amlaps_tenant_state_t *tenant, amlaps_call_t *call, apr_pool_t *pool)
{
    const amlaps_ask_t ask = {.method = "GET",
                              .url = *url,
                              .what = AMLAPS_MEMBERSHIPS_WHAT,
                              .permission = AMLAPS_MEMBERSHIPS_PERMISSION,
                              .most = PAGE_MOST};
    amlaps_reply_t reply;
    apr_pool_t *scratch;

    apr_pool_create(&scratch, pool);
    apr_status_t status = amlaps_request(&reply, error, graph, tenant, call, &ask, scratch);
    if (status == APR_SUCCESS) {
        status = take_page(url, gathered, error, tenant, reply.json, pool);
    }
    amlaps_graph_keep(call, pool);
    apr_pool_destroy(scratch);
    return status;
}

static const amlaps_memberships_t *face_of(const amlaps_links_t *links, apr_pool_t *pool)
{
    amlaps_memberships_t *made = apr_pcalloc(pool, sizeof *made);

    made->groups = links->first.ids;
    made->group_count = links->first.count;
    made->units = links->second.ids;
    made->unit_count = links->second.count;
    return made;
}

static amlaps_ids_t list_of(const apr_array_header_t *array)
{
    return (amlaps_ids_t){(const char *const *)(const void *)array->elts, (apr_size_t)array->nelts};
}

apr_status_t amlaps_memberships_read(const amlaps_memberships_t **memberships, amlaps_error_t *error, amlaps_graph_t *graph,
                                     amlaps_tenant_state_t *tenant, amlaps_call_t *call, const char *device_id,
                                     const amlaps_json_t *page, apr_pool_t *pool)
{
    gathered_t gathered = {apr_array_make(pool, 16, sizeof(const char *)), apr_array_make(pool, 4, sizeof(const char *))};
    const char *url;

    if (take_page(&url, &gathered, error, tenant, page, pool) != APR_SUCCESS) {
        return error->status;
    }
    for (int pages = 1; url; pages++) {
        if (pages >= AMLAPS_GRAPH_PAGES) {
            return amlaps_error_set(error, AMLAPS_TENANT_ERROR, "AML0343", APR_EGENERAL,
                                    "tenant %s: a device's list of groups does not end after %d pages: check AMLapsGraphURL and a proxy that changes answers",
                                    tenant->config->name, AMLAPS_GRAPH_PAGES);
        }
        if (follow(&url, &gathered, error, graph, tenant, call, pool) != APR_SUCCESS) {
            return error->status;
        }
    }
    const amlaps_links_t links = {list_of(gathered.groups), list_of(gathered.units)};
    amlaps_facts_put_links(graph, tenant->config->name, AMLAPS_LINK_MEMBERSHIPS, device_id, &links, pool);
    *memberships = face_of(&links, pool);
    return APR_SUCCESS;
}

const amlaps_memberships_t *amlaps_memberships_kept(amlaps_graph_t *graph, const char *tenant, const char *device_id,
                                                    apr_pool_t *pool)
{
    const amlaps_links_t *links;

    amlaps_facts_get_links(&links, graph, tenant, AMLAPS_LINK_MEMBERSHIPS, device_id, pool);
    return links ? face_of(links, pool) : NULL;
}
