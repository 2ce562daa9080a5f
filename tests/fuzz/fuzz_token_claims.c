/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The claims of an access token: advice alone, so that whatever stands there may only say nothing. The input is the payload in JSON, or the token. */
#include "../../src/graph/token_claims.h"

#include "../../src/graph/base64url.h"
#include "amlaps/text.h"
#include "fuzz.h"

static void check(const amlaps_secret_t *token, apr_pool_t *pool)
{
    amlaps_token_claims_t claims;
    char guid[AMLAPS_GUID_LENGTH + 1];

    for (int from = AMLAPS_GROUPS_FROM_TOKEN; from <= AMLAPS_GROUPS_FROM_GRAPH; from++) {
        memset(&claims, 0x55, sizeof claims);
        amlaps_token_claims(&claims, token, (amlaps_groups_from_t)from, pool);
        fuzz_check(memchr(claims.missing, '\0', sizeof claims.missing) && memchr(claims.excess, '\0', sizeof claims.excess));
        fuzz_check(!claims.tid[0] || amlaps_text_guid(guid, claims.tid));
        fuzz_check(claims.readable || (!claims.missing[0] && !claims.excess[0] && !claims.tid[0]));
        fuzz_check(strcspn(claims.excess, "\r\n") == strlen(claims.excess));
    }
}

void fuzz_one(const uint8_t *bytes, size_t length, apr_pool_t *pool)
{
    amlaps_secret_t *token = amlaps_secret_make(2 * length + 64, pool);

    fuzz_check(token && amlaps_secret_append(token, "eyJhbGciOiJSUzI1NiJ9.", 21) == APR_SUCCESS);
    fuzz_check(amlaps_base64url_append(token, bytes, length) == APR_SUCCESS && amlaps_secret_append(token, ".c2ln", 5) == APR_SUCCESS);
    check(token, pool);
    amlaps_secret_wipe(token);
    fuzz_check(amlaps_secret_append(token, (const char *)bytes, length) == APR_SUCCESS);
    check(token, pool);
}
