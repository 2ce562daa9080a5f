/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "problem.h"

#include "amlaps/text.h"
#include "consent.h"
#include "skew.h"

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

static apr_status_t throttled(amlaps_error_t *error, const amlaps_tenant_t *tenant, const amlaps_refusal_t *refusal)
{
    amlaps_error_set(error, AMLAPS_TENANT_THROTTLED, "AML0322", APR_EGENERAL,
                     "tenant %s: Graph throttles this app (%d while asking for %s); this passes by itself, raise AMLapsCacheTime if it "
                     "comes back",
                     tenant->name, refusal->status, refusal->what);
    error->retry_after = refusal->wait > APR_USEC_PER_SEC ? refusal->wait : APR_USEC_PER_SEC;
    return error->status;
}

static apr_status_t not_accepted(amlaps_error_t *error, const amlaps_tenant_t *tenant, const char *code, const char *skew)
{
    if (skew) {
        return amlaps_error_set(error, AMLAPS_TENANT_CREDENTIAL_INVALID, "AML0320", APR_EGENERAL,
                                "tenant %s: Graph refuses a fresh token (401 %s), and %s: set it, with NTP", tenant->name, code, skew);
    }
    return amlaps_error_set(error, AMLAPS_TENANT_CREDENTIAL_INVALID, "AML0320", APR_EGENERAL,
                            "tenant %s: Graph refuses a fresh token (401 %s): check that AMLapsGraphURL (%s), AMLapsLoginURL (%s) and "
                            "AMLapsCloud belong together",
                            tenant->name, code, tenant->graph_url, tenant->login_url);
}

/* Entra gives a token to an app without consent too; only what the token says tells a missing consent from a missing permission. */
static apr_status_t not_permitted(amlaps_error_t *error, const amlaps_tenant_state_t *state, const amlaps_refusal_t *refusal,
                                  const char *code, apr_pool_t *pool)
{
    const amlaps_tenant_t *tenant = state->config;
    const char *where = amlaps_consent_where(tenant, pool), *permission = refusal->permission;

    switch (amlaps_standing_grant(state->row, permission)) {
    case AMLAPS_GRANT_THERE:
        return amlaps_error_set(error, AMLAPS_TENANT_PERMISSION_MISSING, "AML0321", APR_EGENERAL,
                                "tenant %s: Graph refuses %s (403 %s), although the token of the app %s has the permission %s: where it "
                                "was given just now, wait some minutes; else report it to Microsoft with the request-id in the log",
                                tenant->name, refusal->what, code, tenant->client_id, permission);
    case AMLAPS_GRANT_NONE:
        return amlaps_error_set(error, AMLAPS_TENANT_PERMISSION_MISSING, "AML0321", APR_EGENERAL,
                                "tenant %s: Graph refuses %s (403 %s): the app %s has no permission at all yet; give it %s %s. Consent "
                                "given just now takes some minutes",
                                tenant->name, refusal->what, code, tenant->client_id, permission, where);
    default:
        return amlaps_error_set(error, AMLAPS_TENANT_PERMISSION_MISSING, "AML0321", APR_EGENERAL,
                                "tenant %s: Graph refuses %s (403 %s): the app %s lacks the application permission %s; give it %s. "
                                "Consent given just now takes some minutes",
                                tenant->name, refusal->what, code, tenant->client_id, permission, where);
    }
}

apr_status_t amlaps_problem(amlaps_error_t *error, const amlaps_graph_t *graph, const amlaps_tenant_state_t *state,
                            const amlaps_refusal_t *refusal, apr_pool_t *pool)
{
    const amlaps_tenant_t *tenant = state->config;
    const int status = refusal->status;
    const char *code = read_member(refusal->json, "code", CODE_MOST, pool);

    if (status == 429 || status == 509) {
        return throttled(error, tenant, refusal);
    }
    if (status == 401) {
        return not_accepted(error, tenant, code, amlaps_skew(refusal->date, amlaps_clock_wall(graph->clock), pool));
    }
    if (status == 403) {
        return not_permitted(error, state, refusal, code, pool);
    }
    if (status >= 500) {
        amlaps_error_set(error, AMLAPS_TENANT_ERROR, "AML0323", APR_EGENERAL,
                         "tenant %s: Graph fails while asked for %s (%d %s): try again; see Microsoft's service health if this lasts",
                         tenant->name, refusal->what, status, code);
        error->retry_after = refusal->wait;
        return error->status;
    }
    if (status >= 300 && status < 400) {
        return amlaps_error_set(error, AMLAPS_TENANT_ERROR, "AML0324", APR_EGENERAL,
                                "tenant %s: Graph redirects (%d), which is never followed: check AMLapsGraphURL (%s) and a proxy in "
                                "between",
                                tenant->name, status, tenant->graph_url);
    }
    return amlaps_error_set(error, AMLAPS_TENANT_ERROR, "AML0324", APR_EGENERAL,
                            "tenant %s: Graph does not give %s (%d %s: %s): check AMLapsGraphURL (%s) and AMLapsCloud; where they are "
                            "right, report it to Microsoft with the request-id in the log",
                            tenant->name, refusal->what, status, code, read_member(refusal->json, "message", MESSAGE_MOST, pool),
                            tenant->graph_url);
}
