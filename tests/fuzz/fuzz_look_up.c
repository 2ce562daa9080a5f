/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Answers of $batch with its parts, and of the same requests one by one: memberships and their pages, owners, groups of people. */
#include "amlaps/text.h"
#include "microsoft.h"

static void check_ids(const char *const *ids, apr_size_t count)
{
    char guid[AMLAPS_GUID_LENGTH + 1];

    for (apr_size_t i = 0; i < count; i++) {
        fuzz_check(amlaps_text_guid(guid, ids[i]) && strcmp(guid, ids[i]) == 0);
    }
}

static void check_look(const amlaps_look_t *look, const amlaps_look_up_t *look_up)
{
    fuzz_check(!look->memberships == !(look->found & AMLAPS_LOOK_AT_MEMBERSHIPS) && !look->owners == !(look->found & AMLAPS_LOOK_AT_OWNERS));
    if (look->memberships) {
        check_ids(look->memberships->groups, look->memberships->group_count);
        check_ids(look->memberships->units, look->memberships->unit_count);
    }
    if (look->owners) {
        check_ids(look->owners->ids, look->owners->count);
    }
    /* what is unknown of a device that is there has a reason */
    if (look->device && look->found != look->wanted) {
        fuzz_check_error(&look_up->gap);
    }
}

/* One device, cold; or two of a search, whose own facts are known. */
void fuzz_one(const uint8_t *bytes, size_t length, apr_pool_t *pool)
{
    for (apr_size_t count = 1; count <= 2; count++) {
        fuzz_microsoft_t *microsoft = fuzz_microsoft((char *)fuzz_text(bytes, length, pool), pool);
        const int wanted = AMLAPS_LOOK_AT_MEMBERSHIPS | AMLAPS_LOOK_AT_OWNERS | (count == 1 ? AMLAPS_LOOK_AT_DEVICE : 0);
        amlaps_look_t looks[] = {{.device_id = FUZZ_DEVICE, .wanted = wanted}, {.device_id = FUZZ_OBJECT, .wanted = wanted}};
        amlaps_look_up_t look_up = {.devices = looks, .count = count, .oid = FUZZ_PERSON};

        for (int round = 0; round < 2; round++) { /* the second finds what the first kept */
            if (amlaps_graph_look_up(&look_up, &microsoft->error, microsoft->graph, &microsoft->call, "contoso", pool) != APR_SUCCESS) {
                fuzz_check_error(&microsoft->error);
                fuzz_check(count == 1 && !(looks[0].found & AMLAPS_LOOK_AT_DEVICE));
            }
            for (apr_size_t i = 0; i < count; i++) {
                check_look(&looks[i], &look_up);
            }
            if (look_up.groups) {
                check_ids(look_up.groups->ids, look_up.groups->count);
            }
            memset(&microsoft->error, 0, sizeof microsoft->error);
            microsoft->call.deadline = 0;
        }
    }
}
