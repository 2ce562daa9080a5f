/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_FACTS_H
#define AMLAPS_GRAPH_FACTS_H

/* Facts of devices in the caches: each as one run of bytes, so that copying one out needs no walk through pointers. */

#include "client.h"

void amlaps_facts_put_device(amlaps_graph_t *graph, const amlaps_graph_device_t *device);

/** @return a copy in `pool`, or NULL. @param tenant outlives the copy */
amlaps_graph_device_t *amlaps_facts_get_device(amlaps_graph_t *graph, const char *tenant, const char *device_id,
                                               apr_pool_t *pool);

void amlaps_facts_put_memberships(amlaps_graph_t *graph, const char *tenant, const char *object_id,
                                  const amlaps_memberships_t *memberships, apr_pool_t *pool);

/** @return a copy in `pool`, or NULL */
amlaps_memberships_t *amlaps_facts_get_memberships(amlaps_graph_t *graph, const char *tenant, const char *object_id,
                                                   apr_pool_t *pool);

#endif
