/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "batch.h"
#include "devices.h"
#include "facts.h"
#include "memberships.h"

#define OWNERS_WHAT "the registered owner of a device"
#define GROUPS_WHAT "the groups of the person"
#define GROUPS_PERMISSION "GroupMember.Read.All and User.ReadBasic.All"

/* Which part of the batch answers what; `look` NULL: the groups of the person. */
typedef struct aim_t {
    amlaps_look_t *look;
    amlaps_look_at_t at;
    const char *id; /* in lower case */
} aim_t;

typedef struct run_t {
    amlaps_look_up_t *look_up;
    amlaps_error_t *error;
    amlaps_graph_t *graph;
    amlaps_tenant_state_t *tenant;
    amlaps_call_t *call;
    amlaps_part_t *parts;
    aim_t *aims;
    apr_size_t count;
    apr_pool_t *pool;
} run_t;

static amlaps_part_t *add_part(run_t *run, amlaps_look_t *look, amlaps_look_at_t at, const char *id)
{
    amlaps_part_t *part = &run->parts[run->count];

    run->aims[run->count++] = (aim_t){look, at, id};
    part->method = "GET";
    return part;
}

static void want_device(run_t *run, amlaps_look_t *look, const char *id)
{
    if (amlaps_facts_get_device(&look->device, run->graph, run->tenant->config->name, id, run->pool)) {
        look->found |= AMLAPS_LOOK_AT_DEVICE;
        return;
    }
    amlaps_part_t *part = add_part(run, look, AMLAPS_LOOK_AT_DEVICE, id);
    part->path = amlaps_devices_path(id, run->pool);
    part->what = AMLAPS_DEVICES_WHAT;
    part->permission = AMLAPS_DEVICES_PERMISSION;
    part->may_be_absent = 1;
}

static void want_memberships(run_t *run, amlaps_look_t *look, const char *id)
{
    look->memberships = amlaps_memberships_kept(run->graph, run->tenant->config->name, id, run->pool);
    if (look->memberships) {
        look->found |= AMLAPS_LOOK_AT_MEMBERSHIPS;
        return;
    }
    amlaps_part_t *part = add_part(run, look, AMLAPS_LOOK_AT_MEMBERSHIPS, id);
    part->path = amlaps_memberships_path(id, run->pool);
    part->what = AMLAPS_MEMBERSHIPS_WHAT;
    part->permission = AMLAPS_MEMBERSHIPS_PERMISSION;
}

static void want_owners(run_t *run, amlaps_look_t *look, const char *id)
{
    const amlaps_links_t *links;

    amlaps_facts_get_links(&links, run->graph, run->tenant->config->name, AMLAPS_LINK_OWNERS, id, run->pool);
    if (links) {
        look->owners = &links->first;
        look->found |= AMLAPS_LOOK_AT_OWNERS;
        return;
    }
    amlaps_part_t *part = add_part(run, look, AMLAPS_LOOK_AT_OWNERS, id);
    part->path = apr_pstrcat(run->pool, "/devices(deviceId='", id, "')/registeredOwners?$select=id", NULL);
    part->what = OWNERS_WHAT;
    part->permission = AMLAPS_DEVICES_PERMISSION;
}

static apr_status_t unknown_person(amlaps_error_t *gap, const run_t *run)
{
    return amlaps_error_set(gap, AMLAPS_TENANT_ERROR, "AML0345", APR_NOTFOUND,
                            "tenant %s: Graph does not know the person whose groups are needed (object id %s)",
                            run->tenant->config->name, run->look_up->oid);
}

/* Nested groups of every kind: the token's claim holds distribution lists and roles' groups too where it is told to. */
static void want_groups(run_t *run, const char *oid)
{
    const amlaps_links_t *links;

    if (amlaps_facts_get_links(&links, run->graph, run->tenant->config->name, AMLAPS_LINK_GROUPS, oid, run->pool)) {
        if (links) {
            run->look_up->groups = &links->first;
        }
        else {
            unknown_person(&run->look_up->gap, run);
        }
        return;
    }
    amlaps_part_t *part = add_part(run, NULL, 0, oid);
    part->method = "POST";
    part->path = apr_pstrcat(run->pool, "/users/", oid, "/getMemberGroups", NULL);
    part->body = amlaps_json_make_object(run->pool);
    amlaps_json_set_bool(part->body, "securityEnabledOnly", 0);
    part->what = GROUPS_WHAT;
    part->permission = GROUPS_PERMISSION;
    part->may_be_absent = 1;
}

static int is_gone(const amlaps_look_t *look)
{
    return look && (look->found & AMLAPS_LOOK_AT_DEVICE) && !look->device;
}

/* All parts that nothing is kept for; 0 where an id is no GUID. */
static int collect(run_t *run)
{
    amlaps_look_up_t *look_up = run->look_up;
    char guid[AMLAPS_GUID_LENGTH + 1];

    for (apr_size_t i = 0; i < look_up->count; i++) {
        amlaps_look_t *look = &look_up->devices[i];
        if (!amlaps_text_guid(guid, look->device_id)) {
            return 0;
        }
        const char *id = apr_pstrdup(run->pool, guid);
        if (look->wanted & AMLAPS_LOOK_AT_DEVICE) {
            want_device(run, look, id);
        }
        if (is_gone(look)) {
            continue;
        }
        if (look->wanted & AMLAPS_LOOK_AT_MEMBERSHIPS) {
            want_memberships(run, look, id);
        }
        if (look->wanted & AMLAPS_LOOK_AT_OWNERS) {
            want_owners(run, look, id);
        }
    }
    if (look_up->oid && amlaps_text_guid(guid, look_up->oid)) {
        want_groups(run, apr_pstrdup(run->pool, guid));
    }
    return 1;
}

/* A list of ids, `member` naming the text in each entry, or NULL for the entry itself. NULL where it is not understood or goes on
 * elsewhere: an id that is not seen could be one that a rule denies. */
static const amlaps_ids_t *read_ids(const amlaps_json_t *json, const char *member, apr_pool_t *pool)
{
    const amlaps_json_t *values = amlaps_json_member(json, "value");
    const apr_size_t count = amlaps_json_length(values);
    const char **ids = apr_palloc(pool, (count + 1) * sizeof *ids);
    amlaps_ids_t *made = apr_palloc(pool, sizeof *made);
    char guid[AMLAPS_GUID_LENGTH + 1];

    if (amlaps_json_kind(values) != AMLAPS_JSON_ARRAY || amlaps_json_member(json, "@odata.nextLink")) {
        return NULL;
    }
    for (apr_size_t i = 0; i < count; i++) {
        const amlaps_json_t *value = amlaps_json_item(values, i);
        if (!amlaps_text_guid(guid, member ? amlaps_json_member_text(value, member) : amlaps_json_text(value))) {
            return NULL;
        }
        ids[i] = apr_pstrdup(pool, guid);
    }
    made->ids = ids;
    made->count = count;
    return made;
}

static const amlaps_ids_t *read_links(const run_t *run, const amlaps_part_t *part, amlaps_link_t kind, const char *id,
                                      const char *member)
{
    const amlaps_ids_t *ids = read_ids(part->json, member, run->pool);

    if (!ids) {
        amlaps_error_set(&run->look_up->gap, AMLAPS_TENANT_ERROR, "AML0346", APR_EGENERAL,
                         "tenant %s: Graph's list for %s is not understood", run->tenant->config->name, part->what);
        return NULL;
    }
    const amlaps_links_t links = {*ids, {NULL, 0}};
    amlaps_facts_put_links(run->graph, run->tenant->config->name, kind, id, &links, run->pool);
    return ids;
}

static void take_device(const run_t *run, const amlaps_part_t *part, const aim_t *aim)
{
    if (part->status == 0) {
        amlaps_graph_pass(run->error, &part->error);
        return;
    }
    if (part->status == 404) {
        amlaps_facts_put_no_device(run->graph, run->tenant->config->name, aim->id);
    }
    else if (amlaps_devices_take(&aim->look->device, run->error, run->graph, run->tenant, aim->id, part->json, run->pool)
             != APR_SUCCESS) {
        return;
    }
    aim->look->found |= AMLAPS_LOOK_AT_DEVICE;
}

static void take_groups(const run_t *run, const amlaps_part_t *part, const aim_t *aim)
{
    if (part->status == 404) {
        amlaps_facts_put_no_links(run->graph, run->tenant->config->name, AMLAPS_LINK_GROUPS, aim->id, run->pool);
        unknown_person(&run->look_up->gap, run);
        return;
    }
    run->look_up->groups = read_links(run, part, AMLAPS_LINK_GROUPS, aim->id, NULL);
}

static void take_of_device(const run_t *run, const amlaps_part_t *part, const aim_t *aim)
{
    amlaps_look_t *look = aim->look;
    amlaps_error_t failure = {0};

    if (aim->at == AMLAPS_LOOK_AT_OWNERS) {
        look->owners = read_links(run, part, AMLAPS_LINK_OWNERS, aim->id, "id");
        look->found |= look->owners ? AMLAPS_LOOK_AT_OWNERS : 0;
    }
    else if (amlaps_memberships_read(&look->memberships, &failure, run->graph, run->tenant, run->call, aim->id, part->json,
                                     run->pool)
             == APR_SUCCESS) {
        look->found |= AMLAPS_LOOK_AT_MEMBERSHIPS;
    }
    else {
        amlaps_graph_pass(&run->look_up->gap, &failure);
    }
}

/* A device's own facts come before what belongs to it: collect() added them in that order. */
static void take_all(const run_t *run)
{
    for (apr_size_t i = 0; i < run->count; i++) {
        const amlaps_part_t *part = &run->parts[i];
        const aim_t *aim = &run->aims[i];
        if (aim->at == AMLAPS_LOOK_AT_DEVICE) {
            take_device(run, part, aim);
        }
        else if (is_gone(aim->look)) {
            continue;
        }
        else if (part->status == 0) {
            amlaps_graph_pass(&run->look_up->gap, &part->error);
        }
        else if (aim->look) {
            take_of_device(run, part, aim);
        }
        else {
            take_groups(run, part, aim);
        }
    }
}

apr_status_t amlaps_graph_look_up(amlaps_look_up_t *look_up, amlaps_error_t *error, amlaps_graph_t *graph, amlaps_call_t *call,
                                  const char *tenant, apr_pool_t *pool)
{
    const apr_size_t most = 3 * look_up->count + 1;
    amlaps_error_t failure = {0};
    run_t run = {.look_up = look_up, .error = &failure, .graph = graph, .call = call, .pool = pool};

    for (apr_size_t i = 0; i < look_up->count; i++) {
        amlaps_look_t *look = &look_up->devices[i];
        *look = (amlaps_look_t){.device_id = look->device_id, .wanted = look->wanted};
    }
    look_up->groups = NULL;
    memset(&look_up->gap, 0, sizeof look_up->gap);
    if (amlaps_graph_begin(&run.tenant, error, graph, call, tenant) != APR_SUCCESS) {
        return error->status;
    }
    run.parts = apr_pcalloc(pool, most * sizeof *run.parts);
    run.aims = apr_pcalloc(pool, most * sizeof *run.aims);
    if (!collect(&run)) {
        return amlaps_error_set(error, AMLAPS_BAD_REQUEST, "AML0331", APR_EINVAL, "the device id is no GUID");
    }
    amlaps_batch(run.parts, run.count, graph, run.tenant, call, pool);
    take_all(&run);
    return failure.code == AMLAPS_OK ? APR_SUCCESS : amlaps_graph_pass(error, &failure);
}

const amlaps_graph_device_t *amlaps_graph_kept_device(amlaps_graph_t *graph, const char *tenant, const char *device_id,
                                                      apr_pool_t *pool)
{
    const amlaps_tenant_t *config = amlaps_graph_tenant(graph, tenant);
    const amlaps_graph_device_t *device = NULL;
    char guid[AMLAPS_GUID_LENGTH + 1];

    if (config && amlaps_text_guid(guid, device_id)) {
        amlaps_facts_get_device(&device, graph, config->name, guid, pool);
    }
    return device;
}

apr_status_t amlaps_graph_memberships(const amlaps_memberships_t **memberships, amlaps_error_t *error, amlaps_graph_t *graph,
                                      amlaps_call_t *call, const char *tenant, const amlaps_graph_device_t *const *devices,
                                      apr_size_t count, apr_pool_t *pool)
{
    amlaps_look_t *looks = apr_pcalloc(pool, (count + 1) * sizeof *looks);
    amlaps_look_up_t look_up = {.devices = looks, .count = count};

    for (apr_size_t i = 0; i < count; i++) {
        memberships[i] = NULL;
        looks[i].device_id = devices[i]->device_id;
        looks[i].wanted = AMLAPS_LOOK_AT_MEMBERSHIPS;
    }
    if (amlaps_graph_look_up(&look_up, error, graph, call, tenant, pool) != APR_SUCCESS) {
        return error->status;
    }
    for (apr_size_t i = 0; i < count; i++) {
        memberships[i] = looks[i].memberships;
    }
    return look_up.gap.code == AMLAPS_OK ? APR_SUCCESS : amlaps_graph_pass(error, &look_up.gap);
}
