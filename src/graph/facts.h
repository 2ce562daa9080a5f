/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_FACTS_H
#define AMLAPS_GRAPH_FACTS_H

/* Facts of devices in the caches: each as one run of bytes, so that copying one out needs no walk through pointers. */

#include "client.h"

void amlaps_facts_put_device(amlaps_graph_t *graph, const amlaps_graph_device_t *device);

/** Keeps for a short while that the tenant has no such device. */
void amlaps_facts_put_no_device(amlaps_graph_t *graph, const char *tenant, const char *device_id);

/**
 * @param device out: a copy in `pool`; NULL where the tenant is known to have none, or nothing is kept
 * @param tenant outlives the copy
 * @return 1 where something is kept
 */
int amlaps_facts_get_device(const amlaps_graph_device_t **device, amlaps_graph_t *graph, const char *tenant,
                            const char *device_id, apr_pool_t *pool);

void amlaps_facts_put_backup(amlaps_graph_t *graph, const char *tenant, const char *device_id, const amlaps_backup_t *backup,
                             apr_pool_t *pool);

/** @return 1 where it is kept */
int amlaps_facts_get_backup(amlaps_backup_t *backup, amlaps_graph_t *graph, const char *tenant, const char *device_id,
                            apr_pool_t *pool);

/** Which list of ids: of a device (by its deviceId) or of a person (by the object id). */
typedef enum amlaps_link_t { AMLAPS_LINK_MEMBERSHIPS = 'm', AMLAPS_LINK_OWNERS = 'o', AMLAPS_LINK_GROUPS = 'p' } amlaps_link_t;

/** Two lists, of which only memberships use the second. */
typedef struct amlaps_links_t {
    amlaps_ids_t first, second;
} amlaps_links_t;

void amlaps_facts_put_links(amlaps_graph_t *graph, const char *tenant, amlaps_link_t kind, const char *id,
                            const amlaps_links_t *links, apr_pool_t *pool);

/** Keeps for a short while that the tenant does not know that id. */
void amlaps_facts_put_no_links(amlaps_graph_t *graph, const char *tenant, amlaps_link_t kind, const char *id, apr_pool_t *pool);

/** @param links out: a copy in `pool`; NULL where the tenant does not know that id, or nothing is kept
 *  @return 1 where something is kept */
int amlaps_facts_get_links(const amlaps_links_t **links, amlaps_graph_t *graph, const char *tenant, amlaps_link_t kind,
                           const char *id, apr_pool_t *pool);

#endif
