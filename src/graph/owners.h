/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_OWNERS_H
#define AMLAPS_GRAPH_OWNERS_H

/*
 * Registered owners: one device's list, or those of several devices in one request, by a filter and `$expand`. A search has fifty devices, and
 * asking for each would take three requests more. (Graph's reference of `device`: "Supports $expand". What a person owns,
 * /users/{id}/ownedDevices, is not for apps.)
 */

#include "amlaps/graph.h"
#include "amlaps/json.h"

#define AMLAPS_OWNERS_WHAT "the registered owner of a device"
#define AMLAPS_OWNERS_MOST 15 /* clauses that Graph's directory takes joined by `or` in one filter */

/** The path below "/v1.0". @param ids 1 to AMLAPS_OWNERS_MOST deviceIds in lower case */
const char *amlaps_owners_path(const char *const *ids, apr_size_t count, apr_pool_t *pool);

/**
 * @param json the answer to that path with `count` ids; @param device_id one of them
 * @return its owners' object ids; NULL where the answer is not understood, goes on elsewhere, or does not hold that device exactly once
 */
const amlaps_ids_t *amlaps_owners_read(const amlaps_json_t *json, apr_size_t count, const char *device_id, apr_pool_t *pool);

#endif
