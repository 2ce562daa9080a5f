/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "id_list.h"

#include <apr_strings.h>

#include "amlaps/text.h"

const amlaps_ids_t *amlaps_id_list_read(const amlaps_json_t *values, const char *member, apr_pool_t *pool)
{
    const apr_size_t count = amlaps_json_length(values);
    char guid[AMLAPS_GUID_LENGTH + 1];

    if (amlaps_json_kind(values) != AMLAPS_JSON_ARRAY) {
        return NULL;
    }
    const char **ids = apr_palloc(pool, (count + 1) * sizeof *ids);
    for (apr_size_t i = 0; i < count; i++) {
        const amlaps_json_t *value = amlaps_json_item(values, i);
        if (!amlaps_text_guid(guid, member ? amlaps_json_member_text(value, member) : amlaps_json_text(value))) {
            return NULL;
        }
        ids[i] = apr_pstrdup(pool, guid);
    }
    amlaps_ids_t *made = apr_palloc(pool, sizeof *made);
    made->ids = ids;
    made->count = count;
    return made;
}
