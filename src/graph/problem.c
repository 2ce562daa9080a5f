/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "problem.h"

#include "amlaps/text.h"

#define CODE_MOST 60
#define MESSAGE_MOST 140

/* Graph's own form is {"error":{"code","message"}}; the device registration service behind LAPS also answers
 * {"code","message"}. */
static const char *read_member(const amlaps_json_t *json, const char *name, apr_size_t most, apr_pool_t *pool)
{
    const amlaps_json_t *error = amlaps_json_member(json, "error");
    const char *text = amlaps_json_member_text(amlaps_json_kind(error) == AMLAPS_JSON_OBJECT ? error : json, name);

    return text && *text ? amlaps_text_printable(text, most, pool) : "-";
}

static apr_status_t throttled(amlaps_error_t *error, const amlaps_tenant_t *tenant, int status, const char *what,
                              apr_interval_time_t retry_after)
{
    amlaps_error_set(error, AMLAPS_TENANT_THROTTLED, "AML0322", APR_EGENERAL,
                     "tenant %s: Graph throttles this app (%d while asking for %s); this passes by itself", tenant->name,
                     status, what);
    error->retry_after = retry_after > APR_USEC_PER_SEC ? retry_after : APR_USEC_PER_SEC;
    return error->status;
}

apr_status_t amlaps_problem(amlaps_error_t *error, const amlaps_tenant_t *tenant, int status, const amlaps_json_t *json,
                            const char *what, const char *permission, apr_interval_time_t retry_after, apr_pool_t *pool)
{
    const char *code = read_member(json, "code", CODE_MOST, pool);
    const char *message = read_member(json, "message", MESSAGE_MOST, pool);

    if (status == 429 || status == 509) {
        return throttled(error, tenant, status, what, retry_after);
    }
    if (status == 401) {
        return amlaps_error_set(error, AMLAPS_TENANT_CREDENTIAL_INVALID, "AML0320", APR_EGENERAL,
                                "tenant %s: Graph refuses a fresh token (401 %s): check that AMLapsGraphURL, AMLapsLoginURL "
                                "and AMLapsCloud belong "
                                "together, and this server's clock",
                                tenant->name, code);
    }
    if (status == 403) {
        return amlaps_error_set(
            error, AMLAPS_TENANT_PERMISSION_MISSING, "AML0321", APR_EGENERAL,
            "tenant %s: Graph refuses %s (403 %s): the app %s needs the application permission %s with admin consent "
            "(Microsoft Entra admin center, App registrations, API permissions, Microsoft Graph)",
            tenant->name, what, code, tenant->client_id, permission);
    }
    if (status >= 500) {
        amlaps_error_set(error, AMLAPS_TENANT_ERROR, "AML0323", APR_EGENERAL,
                         "tenant %s: Graph fails while asked for %s (%d %s); see Microsoft's service health if this lasts",
                         tenant->name, what, status, code);
        error->retry_after = retry_after;
        return error->status;
    }
    if (status >= 300 && status < 400) {
        return amlaps_error_set(error, AMLAPS_TENANT_ERROR, "AML0324", APR_EGENERAL,
                                "tenant %s: Graph redirects (%d), which is never followed: check AMLapsGraphURL",
                                tenant->name, status);
    }
    return amlaps_error_set(error, AMLAPS_TENANT_ERROR, "AML0324", APR_EGENERAL,
                            "tenant %s: Graph does not give %s (%d %s: %s)", tenant->name, what, status, code, message);
}
