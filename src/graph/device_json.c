/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "device_json.h"

#include <apr_strings.h>

#include "amlaps/text.h"

static const char *read_text(const amlaps_json_t *json, const char *name, apr_pool_t *pool)
{
    return apr_pstrdup(pool, amlaps_json_member_text(json, name));
}

static int read_flag(const amlaps_json_t *json, const char *name)
{
    int value;

    return amlaps_json_bool(amlaps_json_member(json, name), &value) ? value : -1;
}

static const char *read_guid(const amlaps_json_t *json, const char *name, apr_pool_t *pool)
{
    char guid[AMLAPS_GUID_LENGTH + 1];

    return amlaps_text_guid(guid, amlaps_json_member_text(json, name)) ? apr_pstrdup(pool, guid) : NULL;
}

amlaps_graph_device_t *amlaps_device_read(const amlaps_json_t *json, const char *tenant, apr_pool_t *pool)
{
    const char *object_id = read_guid(json, "id", pool), *device_id = read_guid(json, "deviceId", pool);
    const char *seen = amlaps_json_member_text(json, "approximateLastSignInDateTime");

    if (!object_id || !device_id) {
        return NULL;
    }
    amlaps_graph_device_t *device = apr_pcalloc(pool, sizeof *device);
    device->tenant = tenant;
    device->object_id = object_id;
    device->device_id = device_id;
    device->name = read_text(json, "displayName", pool);
    device->os = read_text(json, "operatingSystem", pool);
    device->os_version = read_text(json, "operatingSystemVersion", pool);
    device->join = read_text(json, "trustType", pool);
    device->manufacturer = read_text(json, "manufacturer", pool);
    device->model = read_text(json, "model", pool);
    device->enabled = read_flag(json, "accountEnabled");
    device->compliant = read_flag(json, "isCompliant");
    device->managed = read_flag(json, "isManaged");
    /* Microsoft writes the year 1 where there was none */
    if (!seen || !amlaps_text_read_time(&device->last_seen, seen) || device->last_seen < 0) {
        device->last_seen = 0;
    }
    return device;
}
