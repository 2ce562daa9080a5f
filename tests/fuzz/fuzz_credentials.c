/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The answer with a device's passwords, whatever status and form it has. */
#include "microsoft.h"

void fuzz_one(const uint8_t *bytes, size_t length, apr_pool_t *pool)
{
    fuzz_microsoft_t *microsoft = fuzz_microsoft((char *)fuzz_text(bytes, length, pool), pool);
    amlaps_credentials_t *credentials = NULL;

    if (amlaps_graph_credentials(&credentials, &microsoft->error, microsoft->graph, &microsoft->call, "contoso", FUZZ_DEVICE, pool)
        != APR_SUCCESS) {
        fuzz_check_error(&microsoft->error);
        return;
    }
    fuzz_check(microsoft->error.code == AMLAPS_OK && credentials->count >= 1 && credentials->count <= 32);
    for (apr_size_t i = 0; i < credentials->count; i++) {
        const amlaps_credential_t *item = &credentials->items[i];
        fuzz_check(item->password && item->password->length > 0 && strlen(item->password->bytes) == item->password->length);
        fuzz_check(i == 0 || item->backed_up <= item[-1].backed_up);
    }
}
