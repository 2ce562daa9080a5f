/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Answers of the login: tokens, AADSTS problems, and what neither of them is; and what a token says of itself. */
#include "../../src/graph/token.h"

#include "microsoft.h"

void fuzz_one(const uint8_t *bytes, size_t length, apr_pool_t *pool)
{
    fuzz_microsoft_t *microsoft = fuzz_microsoft((char *)fuzz_text(bytes, length, pool), pool);
    amlaps_tenant_state_t *tenant = &microsoft->graph->tenants[0];
    amlaps_secret_t *bearer = NULL;
    amlaps_fault_t fault = {0};
    apr_uint32_t generation;

    microsoft->login = 1;
    fuzz_check(amlaps_graph_begin(&tenant, &microsoft->error, microsoft->graph, &microsoft->call, "contoso") == APR_SUCCESS);
    if (amlaps_token_get(&bearer, &generation, &fault, microsoft->graph, tenant, &microsoft->call, pool) != APR_SUCCESS) {
        fuzz_check_error(&fault.error);
        fuzz_check(fault.error.code >= AMLAPS_TENANT_CREDENTIAL_INVALID && fault.error.code <= AMLAPS_TENANT_ERROR);
        fuzz_check(microsoft->asked <= 2);
        return;
    }
    fuzz_check(bearer->length > 0 && strlen(bearer->bytes) == bearer->length);
    for (apr_size_t i = 0; i < bearer->length; i++) {
        fuzz_check((unsigned char)bearer->bytes[i] > ' ' && (unsigned char)bearer->bytes[i] < 0x7F);
    }
    fuzz_check(tenant->token.expires > microsoft->steady - apr_time_from_sec(10) && tenant->token.renew_at <= tenant->token.expires);
}
