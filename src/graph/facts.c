/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "facts.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "amlaps/text.h"

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

amlaps_graph_device_t *amlaps_facts_get_device(amlaps_graph_t *graph, const char *tenant, const char *device_id,
                                               apr_pool_t *pool)
{
    apr_size_t size;
    flat_device_t flat;
    const char *at = amlaps_cache_get(&size, graph->devices, tenant, device_id, pool);

    if (!at) {
        return NULL;
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
    return device;
}

void amlaps_facts_put_memberships(amlaps_graph_t *graph, const char *tenant, const char *object_id,
                                  const amlaps_memberships_t *memberships, apr_pool_t *pool)
{
    const apr_size_t counts[2] = {memberships->group_count, memberships->unit_count};
    const apr_size_t size = sizeof counts + (counts[0] + counts[1]) * ID_SIZE;
    char *bytes = apr_palloc(pool, size), *at = bytes + sizeof counts;

    memcpy(bytes, counts, sizeof counts);
    for (apr_size_t i = 0; i < counts[0]; i++, at += ID_SIZE) {
        memcpy(at, memberships->groups[i], ID_SIZE);
    }
    for (apr_size_t i = 0; i < counts[1]; i++, at += ID_SIZE) {
        memcpy(at, memberships->units[i], ID_SIZE);
    }
    amlaps_cache_put(graph->memberships, tenant, object_id, bytes, size);
}

static const char *const *point_at(const char **at, apr_size_t count, apr_pool_t *pool)
{
    const char **ids = apr_palloc(pool, (count + 1) * sizeof *ids);

    for (apr_size_t i = 0; i < count; i++, *at += ID_SIZE) {
        ids[i] = *at;
    }
    ids[count] = NULL;
    return ids;
}

amlaps_memberships_t *amlaps_facts_get_memberships(amlaps_graph_t *graph, const char *tenant, const char *object_id,
                                                   apr_pool_t *pool)
{
    apr_size_t size, counts[2];
    const char *at = amlaps_cache_get(&size, graph->memberships, tenant, object_id, pool);

    if (!at) {
        return NULL;
    }
    amlaps_memberships_t *memberships = apr_pcalloc(pool, sizeof *memberships);
    memcpy(counts, at, sizeof counts);
    at += sizeof counts;
    memberships->group_count = counts[0];
    memberships->groups = point_at(&at, counts[0], pool);
    memberships->unit_count = counts[1];
    memberships->units = point_at(&at, counts[1], pool);
    return memberships;
}
