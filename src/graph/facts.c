/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "facts.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"

/* What the tenant does not know may be made any moment, and the person who made it should not have to wait. */
#define NEGATIVE_TIME apr_time_from_sec(10)
static const char nothing[1] = "";

/* A device that has changed its password must not seem to have the old one, so its backup is hardly kept. It is kept at all because whoever may
 * see a device may look at it as often as they like, and each look would be a request. */
#define BACKUP_TIME apr_time_from_sec(10)
#define BACKUP 'b'

#define ID_SIZE (AMLAPS_GUID_LENGTH + 1)

/* Before each text one byte says whether it is known, since "" and NULL are different facts. */
#define TEXT_NONE '\0'
#define TEXT_KNOWN '\1'

typedef struct flat_device_t {
    int enabled, compliant, managed;
    apr_time_t last_seen;
} flat_device_t;

static const size_t texts[] = {
    offsetof(amlaps_graph_device_t, object_id),    offsetof(amlaps_graph_device_t, device_id),
    offsetof(amlaps_graph_device_t, name),         offsetof(amlaps_graph_device_t, os),
    offsetof(amlaps_graph_device_t, os_version),   offsetof(amlaps_graph_device_t, join),
    offsetof(amlaps_graph_device_t, manufacturer), offsetof(amlaps_graph_device_t, model),
};
#define TEXTS (sizeof texts / sizeof *texts)

static const char **text_of(amlaps_graph_device_t *device, size_t i)
{
    return (const char **)(void *)((char *)device + texts[i]);
}

void amlaps_facts_put_device(amlaps_graph_t *graph, const amlaps_graph_device_t *device)
{
    amlaps_graph_device_t source = *device;
    const flat_device_t flat = {device->enabled, device->compliant, device->managed, device->last_seen};
    apr_size_t size = sizeof flat;

    for (size_t i = 0; i < TEXTS; i++) {
        size += 2 + (*text_of(&source, i) ? strlen(*text_of(&source, i)) : 0);
    }
    char *bytes = calloc(1, size), *at = bytes;
    if (!bytes) {
        return;
    }
    memcpy(at, &flat, sizeof flat);
    at += sizeof flat;
    for (size_t i = 0; i < TEXTS; i++) {
        const char *text = *text_of(&source, i);
        const apr_size_t length = text ? strlen(text) : 0;
        *at++ = text ? TEXT_KNOWN : TEXT_NONE;
        memcpy(at, text ? text : "", length + 1);
        at += length + 1;
    }
    amlaps_cache_put(graph->devices, device->tenant, device->device_id, bytes, size);
    free(bytes);
}

void amlaps_facts_put_no_device(amlaps_graph_t *graph, const char *tenant, const char *device_id)
{
    amlaps_cache_put_for(graph->devices, tenant, device_id, nothing, sizeof nothing, NEGATIVE_TIME);
}

int amlaps_facts_get_device(const amlaps_graph_device_t **found, amlaps_graph_t *graph, const char *tenant,
                            const char *device_id, apr_pool_t *pool)
{
    apr_size_t size;
    flat_device_t flat;
    const char *at = amlaps_cache_get(&size, graph->devices, tenant, device_id, pool);

    *found = NULL;
    if (!at || size == sizeof nothing) {
        return at != NULL;
    }
    amlaps_graph_device_t *device = apr_pcalloc(pool, sizeof *device);
    memcpy(&flat, at, sizeof flat);
    at += sizeof flat;
    device->tenant = tenant;
    device->enabled = flat.enabled;
    device->compliant = flat.compliant;
    device->managed = flat.managed;
    device->last_seen = flat.last_seen;
    for (size_t i = 0; i < TEXTS; i++) {
        *text_of(device, i) = *at == TEXT_KNOWN ? at + 1 : NULL;
        at += 2 + strlen(at + 1);
    }
    *found = device;
    return 1;
}

static const char *link_name(int kind, const char *id, apr_pool_t *pool)
{
    const char prefix[3] = {(char)kind, ':', '\0'};

    return apr_pstrcat(pool, prefix, id, NULL);
}

void amlaps_facts_put_no_links(amlaps_graph_t *graph, const char *tenant, amlaps_link_t kind, const char *id, apr_pool_t *pool)
{
    amlaps_cache_put_for(graph->links, tenant, link_name(kind, id, pool), nothing, sizeof nothing, NEGATIVE_TIME);
}

static char *flatten(char *at, const amlaps_ids_t *ids)
{
    for (apr_size_t i = 0; i < ids->count; i++, at += ID_SIZE) {
        memcpy(at, ids->ids[i], ID_SIZE);
    }
    return at;
}

void amlaps_facts_put_links(amlaps_graph_t *graph, const char *tenant, amlaps_link_t kind, const char *id,
                            const amlaps_links_t *links, apr_pool_t *pool)
{
    const apr_size_t counts[2] = {links->first.count, links->second.count};
    const apr_size_t size = sizeof counts + (counts[0] + counts[1]) * ID_SIZE;
    char *bytes = apr_palloc(pool, size);

    memcpy(bytes, counts, sizeof counts);
    flatten(flatten(bytes + sizeof counts, &links->first), &links->second);
    amlaps_cache_put(graph->links, tenant, link_name(kind, id, pool), bytes, size);
}

static amlaps_ids_t point_at(const char **at, apr_size_t count, apr_pool_t *pool)
{
    const char **ids = apr_palloc(pool, (count + 1) * sizeof *ids);

    for (apr_size_t i = 0; i < count; i++, *at += ID_SIZE) {
        ids[i] = *at;
    }
    ids[count] = NULL;
    return (amlaps_ids_t){ids, count};
}

int amlaps_facts_get_links(const amlaps_links_t **found, amlaps_graph_t *graph, const char *tenant, amlaps_link_t kind,
                           const char *id, apr_pool_t *pool)
{
    apr_size_t size, counts[2];
    const char *at = amlaps_cache_get(&size, graph->links, tenant, link_name(kind, id, pool), pool);

    *found = NULL;
    if (!at || size == sizeof nothing) {
        return at != NULL;
    }
    amlaps_links_t *links = apr_pcalloc(pool, sizeof *links);
    memcpy(counts, at, sizeof counts);
    at += sizeof counts;
    links->first = point_at(&at, counts[0], pool);
    links->second = point_at(&at, counts[1], pool);
    *found = links;
    return 1;
}

void amlaps_facts_put_backup(amlaps_graph_t *graph, const char *tenant, const char *device_id, const amlaps_backup_t *backup,
                             apr_pool_t *pool)
{
    amlaps_cache_put_for(graph->links, tenant, link_name(BACKUP, device_id, pool), backup, sizeof *backup, BACKUP_TIME);
}

int amlaps_facts_get_backup(amlaps_backup_t *backup, amlaps_graph_t *graph, const char *tenant, const char *device_id,
                            apr_pool_t *pool)
{
    apr_size_t size;
    const void *kept = amlaps_cache_get(&size, graph->links, tenant, link_name(BACKUP, device_id, pool), pool);

    if (kept) {
        memcpy(backup, kept, sizeof *backup);
    }
    return kept != NULL;
}
