/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* One device by its id, and pages of a search with the links between them. */
#include "amlaps/text.h"
#include "microsoft.h"

static void check_device(const amlaps_graph_device_t *device)
{
    char guid[AMLAPS_GUID_LENGTH + 1];

    fuzz_check(amlaps_text_guid(guid, device->device_id) && strcmp(guid, device->device_id) == 0);
    fuzz_check(amlaps_text_guid(guid, device->object_id) && strcmp(guid, device->object_id) == 0);
    fuzz_check(!device->name || amlaps_text_is_utf8(device->name, strlen(device->name)));
    fuzz_check(device->enabled >= -1 && device->enabled <= 1 && device->last_seen >= 0);
}

static int visit(void *baton, const amlaps_graph_device_t *const *page, apr_size_t count)
{
    (void)baton;
    fuzz_check(count > 0);
    for (apr_size_t i = 0; i < count; i++) {
        check_device(page[i]);
    }
    return 1;
}

void fuzz_one(const uint8_t *bytes, size_t length, apr_pool_t *pool)
{
    fuzz_microsoft_t *microsoft = fuzz_microsoft((char *)fuzz_text(bytes, length, pool), pool);
    const amlaps_graph_device_t *device = NULL, *kept;
    int complete;

    if (amlaps_graph_search(&complete, &microsoft->error, microsoft->graph, &microsoft->call, "contoso", "it's", visit, NULL, pool)
        != APR_SUCCESS) {
        fuzz_check_error(&microsoft->error);
    }
    fuzz_check(microsoft->asked <= 25);
    microsoft = fuzz_microsoft((char *)fuzz_text(bytes, length, pool), pool);
    if (amlaps_graph_device(&device, &microsoft->error, microsoft->graph, &microsoft->call, "contoso", FUZZ_DEVICE, pool) != APR_SUCCESS) {
        fuzz_check_error(&microsoft->error);
    }
    else if (device) {
        check_device(device);
        fuzz_check(strcmp(device->device_id, FUZZ_DEVICE) == 0);
        /* what is kept is the same, text by text */
        fuzz_check((kept = amlaps_graph_kept_device(microsoft->graph, "contoso", FUZZ_DEVICE, pool)));
        fuzz_check(!device->name == !kept->name && (!device->name || strcmp(device->name, kept->name) == 0));
        fuzz_check(!device->model == !kept->model && (!device->model || strcmp(device->model, kept->model) == 0));
        fuzz_check(device->last_seen == kept->last_seen && device->compliant == kept->compliant);
    }
}
