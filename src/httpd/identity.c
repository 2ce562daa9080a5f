/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "request.h"

#include "claims_keep.h"
#include "lifecycle.h"

/*
 * mod_auth_openidc sets these in the environment of the request that it authenticated. Its per-claim variables join lists without escaping, and
 * its headers can be sent by clients on paths that it lets through, so neither is ever looked at.
 */
#define ID_TOKEN "OIDC_id_token_payload"
#define USERINFO "OIDC_userinfo_json"
#define TEXT_MOST (1024 * 1024)

/* Signed in is who comes here, so to sign in again, which is usual for the code, would lead in a circle. */
static const char unusable[] = "You are signed in, but not in a way that tells this service who you are. To sign in again does not help; tell your "
                               "administrator the id.";

static apr_status_t read_claims(const amlaps_person_t **person, amlaps_error_t *error, request_rec *r)
{
    const char *id_token = apr_table_get(r->subprocess_env, ID_TOKEN), *userinfo = apr_table_get(r->subprocess_env, USERINFO);

    if (!id_token) {
        return amlaps_error_set(error, AMLAPS_NOT_AUTHENTICATED, "AML0152", APR_EGENERAL,
                                "mod_auth_openidc passes no claims; set OIDCPassIDTokenAs payload and OIDCPassClaimsAs environment");
    }
    if (strlen(id_token) > TEXT_MOST || (userinfo && strlen(userinfo) > TEXT_MOST)) {
        return amlaps_error_set(error, AMLAPS_NOT_AUTHENTICATED, "AML0153", APR_EGENERAL, "the claims are larger than 1 MiB");
    }
    return amlaps_claims_keep_read(person, error, amlaps_lifecycle_claims(), id_token, userinfo, r->pool);
}

apr_status_t amlaps_identity_read(const amlaps_person_t **person, amlaps_error_t *error, request_rec *r)
{
    *person = NULL;
    if (!r->user || !*r->user || !r->ap_auth_type || ap_cstr_casecmp(r->ap_auth_type, "openid-connect")) {
        return amlaps_error_set(error, AMLAPS_NOT_AUTHENTICATED, "AML0151", APR_EGENERAL,
                                "nobody is signed in; the Location needs AuthType openid-connect and Require valid-user");
    }
    if (read_claims(person, error, r) != APR_SUCCESS ||
        amlaps_sign_in_app_check(error, amlaps_config_of(r->server)->sign_in_app, *person) != APR_SUCCESS) {
        *person = NULL;
        error->told = unusable;
    }
    return error->status;
}
