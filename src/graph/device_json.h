/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_DEVICE_JSON_H
#define AMLAPS_GRAPH_DEVICE_JSON_H

#include "amlaps/graph.h"
#include "amlaps/json.h"

/** The properties that amlaps_device_read reads, as `$select` wants them. */
#define AMLAPS_DEVICE_SELECT                                                                                         \
    "id,deviceId,displayName,operatingSystem,operatingSystemVersion,trustType,accountEnabled,isCompliant,isManaged," \
    "approximateLastSignInDateTime,manufacturer,model"

/**
 * One `device` of Graph. A property that is missing, null or of another type is unknown; the two ids must be GUIDs and not
 * all zero.
 * @param tenant outlives the device
 * @return everything copied to `pool`, or NULL where it has no usable ids
 */
amlaps_graph_device_t *amlaps_device_read(const amlaps_json_t *json, const char *tenant, apr_pool_t *pool);

#endif
