/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "findings.h"

#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"

#define ALL_NEEDS (AMLAPS_NEED_DEVICE_GROUPS | AMLAPS_NEED_DEVICE_UNITS | AMLAPS_NEED_DEVICE_OWNER | AMLAPS_NEED_PERSON_GROUPS)

void amlaps_findings_begin(amlaps_findings_t *findings, const amlaps_access_t *access, const amlaps_asker_t *asker, amlaps_call_t *call,
                           int permissions, apr_pool_t *pool)
{
    memset(findings, 0, sizeof(*findings));
    findings->access = access;
    findings->asker = asker;
    findings->call = call;
    findings->permissions = permissions;
    findings->person = *asker->person;
    findings->pool = pool;
    if (access->groups_from == AMLAPS_GROUPS_FROM_GRAPH) {
        findings->person.groups = NULL;
        findings->person.group_count = 0;
        findings->person.groups_known = 0;
    }
}

static amlaps_known_t known(int value)
{
    return value < 0 ? AMLAPS_UNKNOWN : value ? AMLAPS_YES : AMLAPS_NO;
}

void amlaps_access_describe(amlaps_device_t *device, const amlaps_graph_device_t *facts)
{
    memset(device, 0, sizeof(*device));
    device->tenant = facts->tenant;
    device->device_id = facts->device_id;
    device->name = facts->name ? facts->name : "";
    device->os = facts->os;
    device->join = facts->join;
    device->enabled = known(facts->enabled);
    device->compliant = known(facts->compliant);
    device->owner = AMLAPS_UNKNOWN;
}

void amlaps_access_add_memberships(amlaps_device_t *device, const amlaps_memberships_t *memberships)
{
    device->groups = memberships->groups;
    device->group_count = memberships->group_count;
    device->groups_known = 1;
    device->units = memberships->units;
    device->unit_count = memberships->unit_count;
    device->units_known = 1;
}

amlaps_question_t amlaps_findings_question(const amlaps_findings_t *findings, const amlaps_device_t *device)
{
    return (amlaps_question_t){
        .person = &findings->person, .device = device, .now = amlaps_clock_wall(findings->access->clock), .request = findings->asker->request,
    };
}

static int needs_of(const amlaps_findings_t *findings, const amlaps_device_t *device)
{
    const amlaps_question_t question = amlaps_findings_question(findings, device);

    return amlaps_policy_needs(findings->access->policy, findings->permissions, &question);
}

/* Object ids mean something in their own tenant alone. */
static const char *home_of(amlaps_findings_t *findings)
{
    const amlaps_person_t *person = &findings->person;

    if (!findings->home_sought) {
        findings->home_sought = 1;
        if (person->oid && person->tid) {
            findings->home = amlaps_graph_home(findings->access->graph, findings->call, person->tid, findings->pool);
        }
    }
    return findings->home;
}

static int is_home(amlaps_findings_t *findings, const char *tenant)
{
    const char *home = home_of(findings);

    return home && !strcmp(home, tenant);
}

static void note_gap(amlaps_findings_t *findings, const amlaps_error_t *gap)
{
    if (!findings->gap.code) {
        findings->gap = *gap;
    }
}

static void add_groups(amlaps_findings_t *findings, const amlaps_ids_t *groups)
{
    if (groups) {
        findings->person.groups = groups->ids;
        findings->person.group_count = groups->count;
        findings->person.groups_known = 1;
    }
}

static void add_owners(amlaps_device_t *device, const amlaps_ids_t *owners, const amlaps_person_t *person)
{
    apr_size_t i;

    device->owner = AMLAPS_NO;
    for (i = 0; i < owners->count; i++) {
        if (amlaps_text_equal_folded(owners->ids[i], person->oid)) {
            device->owner = AMLAPS_YES;
        }
    }
}

static void add_look(const amlaps_findings_t *findings, amlaps_device_t *device, const amlaps_look_t *look)
{
    if (look->memberships) {
        amlaps_access_add_memberships(device, look->memberships);
    }
    if (look->owners) {
        add_owners(device, look->owners, &findings->person);
    }
}

/* A request of its own, with the token of the person's tenant: where that is not the devices', or no device is asked about. */
static void seek_groups(amlaps_findings_t *findings)
{
    amlaps_look_up_t look_up = { .oid = findings->person.oid };
    amlaps_error_t error = { 0 };

    if (amlaps_graph_look_up(&look_up, &error, findings->access->graph, findings->call, findings->home, findings->pool) != APR_SUCCESS) {
        note_gap(findings, &error);
    }
    note_gap(findings, &look_up.gap);
    add_groups(findings, look_up.groups);
}

/* What is to be asked of a device's tenant for these needs. @param groups out: 1 where the person's groups are part of it */
static int wanted_for(int *groups, amlaps_findings_t *findings, int needs, const char *tenant)
{
    int wanted = 0;

    if (needs & (AMLAPS_NEED_DEVICE_GROUPS | AMLAPS_NEED_DEVICE_UNITS)) {
        wanted |= AMLAPS_LOOK_AT_MEMBERSHIPS;
    }
    if ((needs & AMLAPS_NEED_DEVICE_OWNER) && is_home(findings, tenant)) {
        wanted |= AMLAPS_LOOK_AT_OWNERS;
    }
    if ((needs & AMLAPS_NEED_PERSON_GROUPS) && !findings->groups_sought && home_of(findings)) {
        findings->groups_sought = 1;
        if (is_home(findings, tenant)) {
            *groups = 1;
        } else {
            seek_groups(findings);
        }
    }
    return wanted;
}

static void look_at(amlaps_findings_t *findings, amlaps_device_t *devices, const int *needs, apr_size_t count)
{
    amlaps_look_t *looks = apr_pcalloc(findings->pool, (count ? count : 1) * sizeof(*looks));
    apr_size_t *place = apr_pcalloc(findings->pool, (count ? count : 1) * sizeof(*place));
    amlaps_look_up_t look_up = { .devices = looks };
    amlaps_error_t error = { 0 };
    int groups = 0;
    apr_size_t i;

    for (i = 0; i < count; i++) {
        int wanted = wanted_for(&groups, findings, needs[i], devices[i].tenant);

        if (wanted) {
            looks[look_up.count].device_id = devices[i].device_id;
            looks[look_up.count].wanted = wanted;
            place[look_up.count++] = i;
        }
    }
    look_up.oid = groups ? findings->person.oid : NULL;
    if (!look_up.count && !groups) {
        return;
    }
    if (amlaps_graph_look_up(&look_up, &error, findings->access->graph, findings->call, devices[0].tenant, findings->pool) != APR_SUCCESS) {
        note_gap(findings, &error);
    }
    note_gap(findings, &look_up.gap);
    add_groups(findings, look_up.groups);
    for (i = 0; i < look_up.count; i++) {
        add_look(findings, &devices[place[i]], &looks[i]);
    }
}

void amlaps_findings_complete(amlaps_findings_t *findings, amlaps_device_t *devices, apr_size_t count)
{
    int *needs = apr_pcalloc(findings->pool, (count ? count : 1) * sizeof(*needs));
    apr_size_t i;

    for (i = 0; i < count; i++) {
        needs[i] = needs_of(findings, &devices[i]);
    }
    look_at(findings, devices, needs, count);
}

void amlaps_findings_complete_all(amlaps_findings_t *findings, amlaps_device_t *device)
{
    int needs = findings->person.groups_known ? ALL_NEEDS & ~AMLAPS_NEED_PERSON_GROUPS : ALL_NEEDS;

    look_at(findings, device, &needs, 1);
}

void amlaps_findings_complete_person(amlaps_findings_t *findings)
{
    if (!findings->groups_sought && home_of(findings)) {
        findings->groups_sought = 1;
        seek_groups(findings);
    }
}

/* Nothing is known but the id: rules that may match once the device is looked at count as if they did. */
static int needs_of_unseen(amlaps_device_t *unseen, const amlaps_findings_t *findings, const char *tenant, const char *device_id)
{
    memset(unseen, 0, sizeof(*unseen));
    unseen->tenant = tenant;
    unseen->device_id = device_id;
    unseen->unseen = 1;
    unseen->enabled = unseen->compliant = unseen->owner = AMLAPS_UNKNOWN;
    return needs_of(findings, unseen);
}

int amlaps_findings_complete_alike(amlaps_findings_t *findings, const char *tenant, const char *device_id)
{
    static const char nobodys[] = "00000000-0000-0000-0000-000000000000";
    amlaps_device_t unseen;

    if (findings->person.groups_known
        || !(needs_of_unseen(&unseen, findings, tenant, device_id ? device_id : nobodys) & AMLAPS_NEED_PERSON_GROUPS)) {
        return 0;
    }
    if (!findings->gap.code) {
        amlaps_findings_complete_person(findings);
    }
    return findings->groups_sought && !findings->person.groups_known && findings->gap.code;
}

int amlaps_findings_unmet(const amlaps_findings_t *findings, const amlaps_device_t *device)
{
    return needs_of(findings, device);
}

apr_status_t amlaps_findings_locate(const amlaps_graph_device_t **facts, amlaps_device_t *device, amlaps_error_t *error,
                                    amlaps_findings_t *findings, const char *tenant, const char *device_id)
{
    amlaps_look_t look = { .device_id = device_id, .wanted = AMLAPS_LOOK_AT_DEVICE };
    amlaps_look_up_t look_up = { .devices = &look, .count = 1 };
    int groups = 0;

    *facts = amlaps_graph_kept_device(findings->access->graph, tenant, device_id, findings->pool);
    if (!*facts) {
        look.wanted |= wanted_for(&groups, findings, needs_of_unseen(device, findings, tenant, device_id), tenant);
        look_up.oid = groups ? findings->person.oid : NULL;
        if (amlaps_graph_look_up(&look_up, error, findings->access->graph, findings->call, tenant, findings->pool) != APR_SUCCESS) {
            return error->status;
        }
        note_gap(findings, &look_up.gap);
        add_groups(findings, look_up.groups);
        if (!(*facts = look.device)) {
            return APR_SUCCESS;
        }
    }
    amlaps_access_describe(device, *facts);
    add_look(findings, device, &look);
    /* A look-up that failed a moment ago is not made again. */
    if (!findings->gap.code) {
        amlaps_findings_complete(findings, device, 1);
    }
    return APR_SUCCESS;
}
