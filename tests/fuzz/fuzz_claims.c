/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The claims that mod_auth_openidc hands over: ID token, and behind a line "%%" UserInfo. */
#include "../../src/httpd/claims.h"

#include "amlaps/text.h"
#include "fuzz.h"

void fuzz_one(const uint8_t *bytes, size_t length, apr_pool_t *pool)
{
    char *rest = (char *)fuzz_text(bytes, length, pool);
    const char *id_token = fuzz_piece(&rest);
    amlaps_person_t *person = NULL;
    amlaps_error_t error = {0};

    if (amlaps_claims_read(&person, &error, id_token, rest, pool) != APR_SUCCESS) {
        fuzz_check(!person && error.code == AMLAPS_NOT_AUTHENTICATED);
        fuzz_check_error(&error);
        return;
    }
    fuzz_check((person->oid && person->tid) || (person->issuer && person->subject));
    fuzz_check(!person->username || !amlaps_text_has_controls(person->username));
    fuzz_check(!person->name || !amlaps_text_has_controls(person->name));
    for (apr_size_t i = 0; i < person->group_count; i++) {
        fuzz_check(person->groups[i]);
    }
    /* who has more groups than fit into a token is never taken for one whose groups are all there */
    amlaps_json_t *claims;
    fuzz_check(amlaps_json_parse(&claims, NULL, id_token, strlen(id_token), pool) == APR_SUCCESS);
    fuzz_check(!amlaps_json_member(amlaps_json_member(claims, "_claim_names"), "groups") || !person->groups_known);
}
