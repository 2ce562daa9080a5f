/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "owners.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "amlaps/text.h"
#include "id_list.h"

/* Graph expands no more entries of a directory object, and does not say that there are others (Microsoft: query parameters, expand). */
#define EXPANDED_MOST 20

const char *amlaps_owners_path(const char *const *ids, apr_size_t count, apr_pool_t *pool)
{
    if (count == 1) {
        return apr_pstrcat(pool, "/devices(deviceId='", ids[0], "')/registeredOwners?$select=id", NULL);
    }
    apr_array_header_t *clauses = apr_array_make(pool, (int)count, sizeof(const char *));
    for (apr_size_t i = 0; i < count; i++) {
        APR_ARRAY_PUSH(clauses, const char *) = apr_pstrcat(pool, i ? " or " : "", "deviceId eq '", ids[i], "'", NULL);
    }
    return apr_pstrcat(pool, "/devices?$filter=", amlaps_text_percent(apr_array_pstrcat(pool, clauses, 0), pool),
                       "&$select=id,deviceId&$expand=registeredOwners($select=id)", NULL);
}

/* The one entry of that device, NULL where there is none or another. */
static const amlaps_json_t *entry_of(const amlaps_json_t *values, const char *device_id)
{
    const amlaps_json_t *found = NULL;
    char guid[AMLAPS_GUID_LENGTH + 1];

    for (apr_size_t i = 0; i < amlaps_json_length(values); i++) {
        const amlaps_json_t *value = amlaps_json_item(values, i);
        if (!amlaps_text_guid(guid, amlaps_json_member_text(value, "deviceId")) || strcmp(guid, device_id) != 0) {
            continue;
        }
        if (found) {
            return NULL;
        }
        found = value;
    }
    return found;
}

const amlaps_ids_t *amlaps_owners_read(const amlaps_json_t *json, apr_size_t count, const char *device_id, apr_pool_t *pool)
{
    const amlaps_json_t *values = amlaps_json_member(json, "value");

    if (count == 1) {
        return amlaps_json_member(json, "@odata.nextLink") ? NULL : amlaps_id_list_read(values, "id", pool);
    }
    const amlaps_json_t *device = entry_of(values, device_id);
    if (amlaps_json_member(device, "registeredOwners@odata.nextLink")) {
        return NULL;
    }
    const amlaps_ids_t *owners = amlaps_id_list_read(amlaps_json_member(device, "registeredOwners"), "id", pool);
    return owners && owners->count < EXPANDED_MOST ? owners : NULL;
}
