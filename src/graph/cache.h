/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_CACHE_H
#define AMLAPS_GRAPH_CACHE_H

/* Bytes by tenant and id, kept for a while; the least recently used go when it is full. Never for secrets. Any thread. */

#include "amlaps/base.h"

typedef struct amlaps_cache_t amlaps_cache_t;

/**
 * @param keep how long an entry is fresh; 0: nothing is kept
 * @param most_entries, most_bytes what it may hold, bookkeeping included
 */
apr_status_t amlaps_cache_open(amlaps_cache_t **cache, apr_interval_time_t keep, apr_size_t most_entries,
                               apr_size_t most_bytes, const amlaps_clock_t *clock, apr_pool_t *pool);

/** Keeps a copy; an older one of the same name goes. Without memory it keeps nothing. */
void amlaps_cache_put(amlaps_cache_t *cache, const char *tenant, const char *id, const void *bytes, apr_size_t length);

/** The same for `keep` or the cache's own time, whichever is shorter. */
void amlaps_cache_put_for(amlaps_cache_t *cache, const char *tenant, const char *id, const void *bytes, apr_size_t length,
                          apr_interval_time_t keep);

/** @return a copy in `pool`, aligned for any type, or NULL where there is none or it is no longer fresh */
void *amlaps_cache_get(apr_size_t *length, amlaps_cache_t *cache, const char *tenant, const char *id, apr_pool_t *pool);

#endif
