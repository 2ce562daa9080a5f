/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "cache.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

/*
 * Entries come from malloc: an APR pool could neither be used by several threads nor give single entries back. Hash chains
 * for finding, one list through all entries in the order of their use for forgetting.
 */

#define BUCKETS 4096

typedef struct entry_t entry_t;
struct entry_t {
    entry_t *chain; /* next in the bucket */
    entry_t *newer, *older;
    apr_time_t until;
    apr_size_t size; /* of the whole entry */
    apr_size_t length;
    apr_uint32_t hash;
    const char *name; /* points behind the bytes */
    _Alignas(max_align_t) char bytes[];
};

struct amlaps_cache_t {
    apr_thread_mutex_t *mutex;
    const amlaps_clock_t *clock;
    apr_interval_time_t keep;
    apr_size_t most_entries, most_bytes;
    apr_size_t entries, bytes;
    entry_t *newest, *oldest; /* by their last use */
    entry_t *buckets[BUCKETS];
};

static apr_uint32_t hash_of(const char *name)
{
    apr_uint32_t hash = 2166136261u;

    for (; *name; name++) {
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    }
    return hash;
}

static entry_t **slot_of(amlaps_cache_t *cache, apr_uint32_t hash, const char *name)
{
    entry_t **slot = &cache->buckets[hash % BUCKETS];

    while (*slot && ((*slot)->hash != hash || strcmp((*slot)->name, name) != 0)) {
        slot = &(*slot)->chain;
    }
    return slot;
}

static void leave_order(amlaps_cache_t *cache, const entry_t *entry)
{
    if (entry->newer) {
        entry->newer->older = entry->older;
    }
    else {
        cache->newest = entry->older;
    }
    if (entry->older) {
        entry->older->newer = entry->newer;
    }
    else {
        cache->oldest = entry->newer;
    }
}

static void enter_order(amlaps_cache_t *cache, entry_t *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    if (cache->newest) {
        cache->newest->newer = entry;
    }
    else {
        cache->oldest = entry;
    }
    cache->newest = entry;
}

static void drop(amlaps_cache_t *cache, entry_t **slot)
{
    entry_t *entry = *slot;

    *slot = entry->chain;
    leave_order(cache, entry);
    cache->entries--;
    cache->bytes -= entry->size;
    free(entry);
}

static apr_status_t close_cache(void *data)
{
    amlaps_cache_t *cache = data;

    while (cache->oldest) {
        drop(cache, slot_of(cache, cache->oldest->hash, cache->oldest->name));
    }
    return APR_SUCCESS;
}

apr_status_t amlaps_cache_open(amlaps_cache_t **cache, apr_interval_time_t keep, apr_size_t most_entries,
                               apr_size_t most_bytes, const amlaps_clock_t *clock, apr_pool_t *pool)
{
    amlaps_cache_t *made = apr_pcalloc(pool, sizeof *made);
    const apr_status_t status = apr_thread_mutex_create(&made->mutex, APR_THREAD_MUTEX_DEFAULT, pool);

    if (status != APR_SUCCESS) {
        return status;
    }
    made->clock = clock;
    made->keep = keep;
    made->most_entries = most_entries;
    made->most_bytes = most_bytes;
    apr_pool_cleanup_register(pool, made, close_cache, apr_pool_cleanup_null);
    *cache = made;
    return APR_SUCCESS;
}

/* A tenant's NAME is a word of the configuration, so the line feed cannot be part of it. */
static entry_t *make_entry(const char *tenant, const char *id, const void *bytes, apr_size_t length)
{
    const apr_size_t tenant_length = strlen(tenant), id_length = strlen(id);
    const apr_size_t size = sizeof(entry_t) + length + tenant_length + id_length + 2;
    entry_t *entry = malloc(size);

    if (!entry) {
        return NULL;
    }
    char *name = entry->bytes + length;
    memcpy(entry->bytes, bytes, length);
    memcpy(name, tenant, tenant_length);
    name[tenant_length] = '\n';
    memcpy(name + tenant_length + 1, id, id_length + 1);
    entry->name = name;
    entry->length = length;
    entry->size = size;
    entry->hash = hash_of(name);
    return entry;
}

void amlaps_cache_put(amlaps_cache_t *cache, const char *tenant, const char *id, const void *bytes, apr_size_t length)
{
    amlaps_cache_put_for(cache, tenant, id, bytes, length, cache->keep);
}

void amlaps_cache_put_for(amlaps_cache_t *cache, const char *tenant, const char *id, const void *bytes, apr_size_t length,
                          apr_interval_time_t keep)
{
    entry_t *entry = cache->keep > 0 && length < cache->most_bytes / 4 ? make_entry(tenant, id, bytes, length) : NULL;

    if (!entry) {
        return;
    }
    entry->until = amlaps_clock_steady(cache->clock) + (keep < cache->keep ? keep : cache->keep);
    apr_thread_mutex_lock(cache->mutex);
    entry_t **slot = slot_of(cache, entry->hash, entry->name);
    if (*slot) {
        drop(cache, slot);
    }
    slot = &cache->buckets[entry->hash % BUCKETS];
    entry->chain = *slot;
    *slot = entry;
    enter_order(cache, entry);
    cache->entries++;
    cache->bytes += entry->size;
    while (cache->entries > cache->most_entries || cache->bytes > cache->most_bytes) {
        drop(cache, slot_of(cache, cache->oldest->hash, cache->oldest->name));
    }
    apr_thread_mutex_unlock(cache->mutex);
}

void *amlaps_cache_get(apr_size_t *length, amlaps_cache_t *cache, const char *tenant, const char *id, apr_pool_t *pool)
{
    const char *name = apr_pstrcat(pool, tenant, "\n", id, NULL);
    const apr_time_t now = amlaps_clock_steady(cache->clock);
    void *copy = NULL;

    apr_thread_mutex_lock(cache->mutex);
    entry_t **slot = slot_of(cache, hash_of(name), name);
    if (*slot && (*slot)->until <= now) {
        drop(cache, slot);
    }
    else if (*slot) {
        *length = (*slot)->length;
        copy = apr_pmemdup(pool, (*slot)->bytes, (*slot)->length);
        leave_order(cache, *slot);
        enter_order(cache, *slot);
    }
    apr_thread_mutex_unlock(cache->mutex);
    return copy;
}
