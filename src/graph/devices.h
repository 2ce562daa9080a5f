/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_DEVICES_H
#define AMLAPS_GRAPH_DEVICES_H

#include "amlaps/json.h"
#include "client.h"

#define AMLAPS_DEVICES_PERMISSION "Device.Read.All"
#define AMLAPS_DEVICES_WHAT "a device"

/** The path below "/v1.0" that asks for one device's facts. */
const char *amlaps_devices_path(const char *device_id, apr_pool_t *pool);

/** Reads and keeps a device that Graph gave for `device_id`; an error where it is another one. */
apr_status_t amlaps_devices_take(const amlaps_graph_device_t **device, amlaps_error_t *error, amlaps_graph_t *graph,
                                 const amlaps_tenant_state_t *tenant, const char *device_id, const amlaps_json_t *json,
                                 apr_pool_t *pool);

#endif
