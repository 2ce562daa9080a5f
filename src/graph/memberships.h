/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_MEMBERSHIPS_H
#define AMLAPS_GRAPH_MEMBERSHIPS_H

/* The groups and units of one device, page by page. */

#include "amlaps/json.h"
#include "client.h"

#define AMLAPS_MEMBERSHIPS_PERMISSION "Device.Read.All"
#define AMLAPS_MEMBERSHIPS_WHAT "the groups of a device"

/** The path below "/v1.0" that asks for the first page. */
const char *amlaps_memberships_path(const char *device_id, apr_pool_t *pool);

/**
 * Reads the first page and asks for those behind it; keeps the result.
 * @return APR_SUCCESS; an error where a page cannot be had or an entry is not understood: a group that is not seen could be one
 * that a rule denies
 */
apr_status_t amlaps_memberships_read(const amlaps_memberships_t **memberships, amlaps_error_t *error, amlaps_graph_t *graph,
                                     amlaps_tenant_state_t *tenant, amlaps_call_t *call, const char *device_id,
                                     const amlaps_json_t *page, apr_pool_t *pool);

/** What is kept of it, NULL where nothing is. */
const amlaps_memberships_t *amlaps_memberships_kept(amlaps_graph_t *graph, const char *tenant, const char *device_id,
                                                    apr_pool_t *pool);

#endif
