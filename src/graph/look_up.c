/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "batch.h"
#include "devices.h"
#include "facts.h"
#include "id_list.h"
#include "memberships.h"
#include "owners.h"

#define OWNERS_SINGLY_TIME apr_time_from_sec(600)

#define GROUPS_WHAT "the groups of the person"
#define GROUPS_PERMISSION "GroupMember.Read.All and User.ReadBasic.All"

/* Which part of the batch answers what. */
typedef struct aim_t {
    amlaps_look_t *look; /* NULL: the groups of the person */
    amlaps_look_at_t at;
    const char *id;               /* in lower case */
    apr_size_t owned, owned_count; /* AMLAPS_LOOK_AT_OWNERS: those of run->owned that it asks for, instead of `look` and `id` */
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
    amlaps_look_t **owned; /* whose owners are not known yet */
    const char **owned_ids;
    apr_size_t owned_count;
    apr_pool_t *pool;
} run_t;

static amlaps_part_t *add_part(run_t *run, amlaps_look_t *look, amlaps_look_at_t at, const char *id)
{
    amlaps_part_t *part = &run->parts[run->count];

    run->aims[run->count++] = (aim_t){.look = look, .at = at, .id = id};
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
    run->owned[run->owned_count] = look;
    run->owned_ids[run->owned_count++] = id;
}

/* Parts for the owners from `first` on, `count` in all and `most` in each. */
static void ask_for_owners(run_t *run, apr_size_t first, apr_size_t count, apr_size_t most)
{
    for (apr_size_t done = 0; done < count; done += most) {
        const apr_size_t size = count - done < most ? count - done : most;
        amlaps_part_t *part = add_part(run, NULL, AMLAPS_LOOK_AT_OWNERS, NULL);
        run->aims[run->count - 1].owned = first + done;
        run->aims[run->count - 1].owned_count = size;
        part->path = amlaps_owners_path(run->owned_ids + first + done, size, run->pool);
        part->what = AMLAPS_OWNERS_WHAT;
        part->permission = AMLAPS_DEVICES_PERMISSION;
    }
}

static apr_size_t owners_at_once(const run_t *run)
{
    apr_thread_mutex_lock(run->tenant->mutex);
    const int singly = run->tenant->owners_singly_until > amlaps_clock_steady(run->graph->clock);
    apr_thread_mutex_unlock(run->tenant->mutex);
    return singly ? 1 : AMLAPS_OWNERS_MOST;
}

static apr_status_t unknown_person(amlaps_error_t *gap, const run_t *run)
{
    return amlaps_error_set(gap, AMLAPS_TENANT_ERROR, "AML0345", APR_NOTFOUND,
                            "tenant %s: Graph does not know the person whose groups are needed (object id %s): check that AMLapsTenantId is "
                            "the tenant that people sign in to",
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
    ask_for_owners(run, 0, run->owned_count, owners_at_once(run));
    return 1;
}

/* Keeps a list; where there is none, the answer was not understood. */
static const amlaps_ids_t *keep_links(const run_t *run, const amlaps_part_t *part, amlaps_link_t kind, const char *id,
                                      const amlaps_ids_t *ids)
{
    if (!ids) {
        amlaps_error_set(&run->look_up->gap, AMLAPS_TENANT_ERROR, "AML0346", APR_EGENERAL,
                         "tenant %s: Graph's list for %s is not understood: check AMLapsGraphURL and a proxy that changes answers", run->tenant->config->name, part->what);
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
    /* a list that goes on elsewhere is not the whole one */
    const int whole = !amlaps_json_member(part->json, "@odata.nextLink");
    const amlaps_ids_t *ids = whole ? amlaps_id_list_read(amlaps_json_member(part->json, "value"), NULL, run->pool) : NULL;
    run->look_up->groups = keep_links(run, part, AMLAPS_LINK_GROUPS, aim->id, ids);
}

static void take_owners(const run_t *run, const amlaps_part_t *part, const aim_t *aim)
{
    for (apr_size_t i = aim->owned; i < aim->owned + aim->owned_count; i++) {
        amlaps_look_t *look = run->owned[i];
        if (is_gone(look)) {
            continue;
        }
        if (part->status == 0) {
            amlaps_graph_pass(&run->look_up->gap, &part->error);
            continue;
        }
        const amlaps_ids_t *owners = amlaps_owners_read(part->json, aim->owned_count, run->owned_ids[i], run->pool);
        look->owners = keep_links(run, part, AMLAPS_LINK_OWNERS, run->owned_ids[i], owners);
        look->found |= look->owners ? AMLAPS_LOOK_AT_OWNERS : 0;
    }
}

static void take_memberships(const run_t *run, const amlaps_part_t *part, const aim_t *aim)
{
    amlaps_look_t *look = aim->look;
    amlaps_error_t failure = {0};

    if (amlaps_memberships_read(&look->memberships, &failure, run->graph, run->tenant, run->call, aim->id, part->json,
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
        else if (aim->at == AMLAPS_LOOK_AT_OWNERS) {
            take_owners(run, part, aim);
        }
        else if (is_gone(aim->look)) {
            continue;
        }
        else if (part->status == 0) {
            amlaps_graph_pass(&run->look_up->gap, &part->error);
        }
        else if (aim->look) {
            take_memberships(run, part, aim);
        }
        else {
            take_groups(run, part, aim);
        }
    }
}

static void remember_singly(const run_t *run)
{
    apr_thread_mutex_lock(run->tenant->mutex);
    run->tenant->owners_singly_until = amlaps_clock_steady(run->graph->clock) + OWNERS_SINGLY_TIME;
    apr_thread_mutex_unlock(run->tenant->mutex);
    amlaps_log(AMLAPS_LOG_INFO, "AML0380", APR_SUCCESS,
               "tenant %s: Graph refuses to tell the owners of several devices at once: they are asked for one by one",
               run->tenant->config->name);
}

/* A Graph that does not take the filter with $expand has the lists of each device still. */
static void ask_for_refused_owners(const run_t *run)
{
    run_t again = *run;

    again.count = 0;
    again.parts = apr_pcalloc(run->pool, (run->owned_count + 1) * sizeof *again.parts);
    again.aims = apr_pcalloc(run->pool, (run->owned_count + 1) * sizeof *again.aims);
    for (apr_size_t i = 0; i < run->count; i++) {
        aim_t *aim = &run->aims[i];
        if (aim->owned_count > 1 && run->parts[i].refusal == 400) {
            ask_for_owners(&again, aim->owned, aim->owned_count, 1);
            aim->owned_count = 0;
        }
    }
    if (again.count > 0) {
        remember_singly(run);
        amlaps_batch(again.parts, again.count, run->graph, run->tenant, run->call, run->pool);
        take_all(&again);
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
    run.owned = apr_pcalloc(pool, most * sizeof *run.owned);
    run.owned_ids = apr_pcalloc(pool, most * sizeof *run.owned_ids);
    if (!collect(&run)) {
        return amlaps_error_set(error, AMLAPS_BAD_REQUEST, "AML0331", APR_EINVAL, "the device id is no GUID");
    }
    amlaps_batch(run.parts, run.count, graph, run.tenant, call, pool);
    ask_for_refused_owners(&run);
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
