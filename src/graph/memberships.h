/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_MEMBERSHIPS_H
#define AMLAPS_GRAPH_MEMBERSHIPS_H

/* What one request and a batch of them have in common when they ask for memberships. */

#include "amlaps/json.h"
#include "client.h"

#define AMLAPS_MEMBERSHIPS_PERMISSION "Device.Read.All"
#define AMLAPS_MEMBERSHIPS_WHAT "the groups of a device"

/** A list that grows while pages come in. */
typedef struct amlaps_gathered_t {
    apr_array_header_t *groups, *units; /* of const char * */
} amlaps_gathered_t;

void amlaps_memberships_begin(amlaps_gathered_t *gathered, apr_pool_t *pool);

/** The path below "/v1.0" that asks for the first page. */
const char *amlaps_memberships_path(const char *object_id, apr_pool_t *pool);

/** Adds one page. @return 1, or 0 where an entry is not understood: a group that is not seen could be one that a rule denies
 */
int amlaps_memberships_add(amlaps_gathered_t *gathered, const amlaps_json_t *page, apr_pool_t *pool);

/** Asks for the pages from `url` on and adds them. */
apr_status_t amlaps_memberships_follow(amlaps_gathered_t *gathered, amlaps_error_t *error, amlaps_graph_t *graph,
                                       amlaps_tenant_state_t *tenant, amlaps_call_t *call, const char *url, apr_pool_t *pool);

/** The result, kept in the cache too. */
const amlaps_memberships_t *amlaps_memberships_end(const amlaps_gathered_t *gathered, amlaps_graph_t *graph,
                                                   const amlaps_tenant_state_t *tenant, const char *object_id,
                                                   apr_pool_t *pool);

/**
 * Asks for up to AMLAPS_BATCH_MOST devices in one request.
 * @param refused out: 1 where this Graph has no $batch; then nothing was found out, and it is not asked again for ten minutes
 */
#define AMLAPS_BATCH_MOST 20
apr_status_t amlaps_memberships_batch(const amlaps_memberships_t **memberships, int *refused, amlaps_error_t *error,
                                      amlaps_graph_t *graph, amlaps_tenant_state_t *tenant, amlaps_call_t *call,
                                      const amlaps_graph_device_t *const *devices, apr_size_t count, apr_pool_t *pool);

#endif
