/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "token_problem.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "skew.h"

#define DESCRIPTION_MOST 160

#define PORTAL "Microsoft Entra admin center, App registrations, "
#define PASSING "a passing fault at Microsoft: try again; see Microsoft's service health if this lasts"
#define TOO_MANY "too many requests: this passes by itself"

/* Microsoft asks clients to branch on `error`; the numbers choose nothing but the words for the admin, and tell what passes
 * by itself. */
static const struct {
    long number;
    amlaps_code_t code;
    const char *remedy;
} problems[] = {
    {7000215, AMLAPS_TENANT_CREDENTIAL_INVALID,
     "the client secret is wrong: put the secret's value (not its id) where AMLapsClientSecret points, and check AMLapsClientId; a secret "
     "made just now takes some minutes"},
    {7000222, AMLAPS_TENANT_CREDENTIAL_INVALID,
     "the client secret has expired: make a new one (" PORTAL
     "Certificates & secrets) and put it where AMLapsClientSecret points"},
    {7000218, AMLAPS_TENANT_CREDENTIAL_INVALID, "no client secret arrived: check what AMLapsClientSecret points at"},
    {7000216, AMLAPS_TENANT_CREDENTIAL_INVALID, "no credential arrived: check what the credential's directive points at"},
    {700016, AMLAPS_TENANT_CREDENTIAL_INVALID,
     "the app is not known in this tenant: check AMLapsClientId and AMLapsTenantId; an app made just now takes some minutes, and one of "
     "another tenant needs an admin's consent here"},
    {7000229, AMLAPS_TENANT_CREDENTIAL_INVALID,
     "the app has no enterprise application in this tenant: consent once as admin (" PORTAL
     "API permissions); an app made just now takes some minutes"},
    {7000112, AMLAPS_TENANT_CREDENTIAL_INVALID,
     "the app (AMLapsClientId) is disabled in this tenant: enable its enterprise application (Properties, Enabled for users to sign in)"},
    {90002, AMLAPS_TENANT_CREDENTIAL_INVALID,
     "the tenant is not known: check AMLapsTenantId, and AMLapsCloud or AMLapsLoginURL"},
    {90038, AMLAPS_TENANT_CREDENTIAL_INVALID, "the tenant lives in another national cloud: set AMLapsCloud to it"},
    {900023, AMLAPS_TENANT_CREDENTIAL_INVALID,
     "AMLapsTenantId is neither a tenant id nor a verified domain: write the tenant's GUID"},
    {9001023, AMLAPS_TENANT_CREDENTIAL_INVALID, "AMLapsTenantId must name one tenant, not common or organizations"},
    {70011, AMLAPS_TENANT_CREDENTIAL_INVALID,
     "the scope is refused: AMLapsGraphURL and AMLapsLoginURL are of different clouds; set AMLapsCloud alone"},
    {700022, AMLAPS_TENANT_CREDENTIAL_INVALID, "the scope names more than one resource: check AMLapsGraphURL"},
    {500011, AMLAPS_TENANT_CREDENTIAL_INVALID, "this tenant does not know that Graph: check AMLapsGraphURL and AMLapsCloud"},
    {900144, AMLAPS_TENANT_CREDENTIAL_INVALID,
     "a part of the request did not arrive: check AMLapsClientId, the credential, and a proxy that changes requests"},
    {1002016, AMLAPS_TENANT_CREDENTIAL_INVALID, "the login wants TLS 1.2 or newer: check a proxy that opens TLS"},
    {53003, AMLAPS_TENANT_CREDENTIAL_INVALID,
     "Conditional Access for workload identities blocks the app (AMLapsClientId): permit this server's address in that policy"},
    {530032, AMLAPS_TENANT_CREDENTIAL_INVALID,
     "a security policy of the tenant blocks the app (AMLapsClientId): see the sign-in logs of service principals for which"},
    {700027, AMLAPS_TENANT_CREDENTIAL_INVALID,
     "the certificate is not one of the app's: add AMLapsClientCertificate's to the app registration (" PORTAL
     "Certificates & secrets), and check that it is neither expired nor removed there"},
    {700024, AMLAPS_TENANT_CREDENTIAL_INVALID,
     "the assertion is not valid at this time: check this server's clock, or that the token of AMLapsFederatedToken is renewed"},
    {700023, AMLAPS_TENANT_CREDENTIAL_INVALID, "the assertion is for another audience: check AMLapsTenantId and AMLapsLoginURL"},
    {50027, AMLAPS_TENANT_CREDENTIAL_INVALID,
     "the assertion is no token that Entra can read: check AMLapsClientCertificate or the file of AMLapsFederatedToken"},
    {70021, AMLAPS_TENANT_CREDENTIAL_INVALID,
     "no federated credential of the app fits the token of AMLapsFederatedToken: compare issuer, subject and audience (" PORTAL
     "Certificates & secrets, Federated credentials)"},
    {700211, AMLAPS_TENANT_CREDENTIAL_INVALID,
     "no federated credential of the app has the issuer of AMLapsFederatedToken's token: compare them (" PORTAL
     "Certificates & secrets, Federated credentials)"},
    {700212, AMLAPS_TENANT_CREDENTIAL_INVALID,
     "no federated credential of the app has the audience of AMLapsFederatedToken's token: compare them (" PORTAL
     "Certificates & secrets, Federated credentials)"},
    {700213, AMLAPS_TENANT_CREDENTIAL_INVALID,
     "no federated credential of the app has the subject of AMLapsFederatedToken's token: compare them (" PORTAL
     "Certificates & secrets, Federated credentials)"},
    {7000214, AMLAPS_TENANT_CREDENTIAL_INVALID,
     "the certificate of AMLapsClientCertificate has been revoked: make a new pair and add it to the app registration"},
    {7000277, AMLAPS_TENANT_CREDENTIAL_INVALID,
     "the certificate of AMLapsClientCertificate has been revoked: make a new pair and add it to the app registration"},
    {7000274, AMLAPS_TENANT_CREDENTIAL_INVALID, "the assertion's signature is refused: check AMLapsClientCertificate and its key"},
    {1000502, AMLAPS_TENANT_CREDENTIAL_INVALID,
     "the certificate of AMLapsClientCertificate is not valid at this time: make a new pair, or check this server's clock"},
    {90055, AMLAPS_TENANT_THROTTLED, "the tenant is throttled: this passes by itself"},
    {90006, AMLAPS_TENANT_ERROR, PASSING},
    {90012, AMLAPS_TENANT_ERROR, PASSING},
    {90024, AMLAPS_TENANT_ERROR, PASSING},
    {90033, AMLAPS_TENANT_ERROR, PASSING},
};

static long number_of(const amlaps_json_t *json, const char *description)
{
    apr_int64_t number;
    const char *found = description ? strstr(description, "AADSTS") : NULL;

    if (amlaps_json_integer(amlaps_json_item(amlaps_json_member(json, "error_codes"), 0), &number) && number > 0
        && number < 100000000) {
        return (long)number;
    }
    return found ? strtol(found + 6, NULL, 10) : 0;
}

/* The sentence before the trace ids; nothing of it where a login that is none of Microsoft's repeats the secret. */
static const char *sentence(const char *description, const amlaps_secret_t *sent, apr_pool_t *pool)
{
    if (!description) {
        return "no description";
    }
    if (sent && sent->length > 0 && memmem(description, strlen(description), sent->bytes, sent->length)) {
        return "the description is withheld because it repeats the client secret";
    }
    const char *trace = strstr(description, "Trace ID");
    apr_size_t length = trace ? (apr_size_t)(trace - description) : strlen(description);
    while (length > 0 && (unsigned char)description[length - 1] <= ' ') {
        length--;
    }
    return amlaps_text_printable(apr_pstrmemdup(pool, description, length), DESCRIPTION_MOST, pool);
}

static apr_status_t passing(amlaps_error_t *error, const amlaps_tenant_t *tenant, const amlaps_http_response_t *response,
                            amlaps_code_t code, const char *remedy, const amlaps_clock_t *clock)
{
    apr_interval_time_t wait = 0;
    const int known = amlaps_retry_after(&wait, response->retry_after, response->date, amlaps_clock_wall(clock));

    amlaps_error_set(error, code, code == AMLAPS_TENANT_THROTTLED ? "AML0311" : "AML0312", APR_EGENERAL,
                     "tenant %s: the login answers %d: %s", tenant->name, response->status, remedy);
    if (known || code == AMLAPS_TENANT_THROTTLED) {
        error->retry_after = wait > APR_USEC_PER_SEC ? wait : APR_USEC_PER_SEC;
    }
    return error->status;
}

/* The metadata service of a machine has errors of its own, {"error","error_description"} or {"statusCode","message"}. */
static apr_status_t identity_problem(amlaps_error_t *error, const amlaps_tenant_t *tenant, const amlaps_http_response_t *response,
                                     const amlaps_json_t *json, const amlaps_clock_t *clock, apr_pool_t *pool)
{
    const char *name = amlaps_json_member_text(json, "error"), *text = amlaps_json_member_text(json, "error_description");
    const int status = response->status;

    if (status == 429) {
        return passing(error, tenant, response, AMLAPS_TENANT_THROTTLED, TOO_MANY, clock);
    }
    if (status >= 500 || status == 404 || status == 410) {
        return passing(error, tenant, response, AMLAPS_TENANT_ERROR, "the metadata service of this machine is not ready: try again; look at the machine's agent if this lasts",
                       clock);
    }
    text = text ? text : amlaps_json_member_text(json, "message");
    return amlaps_error_set(error, AMLAPS_TENANT_CREDENTIAL_INVALID, "AML0335", APR_EGENERAL,
                            "tenant %s: this machine gives no token of its managed identity (%d %s: %s); check that the identity of "
                            "AMLapsManagedIdentity is assigned to it",
                            tenant->name, status, amlaps_text_printable(name ? name : "-", 40, pool),
                            amlaps_text_printable(text ? text : "no description", DESCRIPTION_MOST, pool));
}

static const char *general_remedy(amlaps_credential_kind_t credential)
{
    switch (credential) {
    case AMLAPS_CREDENTIAL_CERTIFICATE:
        return "check AMLapsTenantId, AMLapsClientId, AMLapsClientCertificate and AMLapsCloud";
    case AMLAPS_CREDENTIAL_FEDERATED:
        return "check AMLapsTenantId, AMLapsClientId, AMLapsFederatedToken and AMLapsCloud";
    default:
        return "check AMLapsTenantId, AMLapsClientId, AMLapsClientSecret and AMLapsCloud";
    }
}

/* Assertions have times; a secret works whatever the clock says. */
static const char *with_skew(const char *remedy, const amlaps_tenant_t *tenant, const amlaps_http_response_t *response,
                             const amlaps_clock_t *clock, apr_pool_t *pool)
{
    const char *skew = tenant->credential == AMLAPS_CREDENTIAL_CERTIFICATE || tenant->credential == AMLAPS_CREDENTIAL_FEDERATED
                           ? amlaps_skew(response->date, amlaps_clock_wall(clock), pool)
                           : NULL;

    return skew ? apr_pstrcat(pool, skew, ": set it, with NTP; else ", remedy, NULL) : remedy;
}

apr_status_t amlaps_token_problem(amlaps_error_t *error, const amlaps_tenant_t *tenant,
                                  const amlaps_http_response_t *response, const amlaps_json_t *json,
                                  const amlaps_secret_t *sent, const amlaps_clock_t *clock, apr_pool_t *pool)
{
    const char *name = amlaps_json_member_text(json, "error");
    const char *description = amlaps_json_member_text(json, "error_description");
    const long number = number_of(json, description);
    const char *remedy = general_remedy(tenant->credential);
    amlaps_code_t code = AMLAPS_TENANT_CREDENTIAL_INVALID;

    if (tenant->credential == AMLAPS_CREDENTIAL_IDENTITY) {
        return identity_problem(error, tenant, response, json, clock, pool);
    }
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
        if (number == problems[i].number) {
            code = problems[i].code;
            remedy = problems[i].remedy;
        }
    }
    if (response->status == 429) {
        return passing(error, tenant, response, AMLAPS_TENANT_THROTTLED, TOO_MANY, clock);
    }
    if (code != AMLAPS_TENANT_CREDENTIAL_INVALID) {
        return passing(error, tenant, response, code, remedy, clock);
    }
    if (response->status >= 500 || (name && strcmp(name, "temporarily_unavailable") == 0)) {
        return passing(error, tenant, response, AMLAPS_TENANT_ERROR, PASSING, clock);
    }
    if (response->status < 400 || (number == 0 && (response->status == 404 || !name))) {
        return amlaps_error_set(
            error, AMLAPS_TENANT_ERROR, "AML0313", APR_EGENERAL,
            "tenant %s: the login answers %d as Microsoft's never does: check AMLapsLoginURL (%s), AMLapsCloud and a proxy in between",
            tenant->name, response->status, tenant->login_url);
    }
    return amlaps_error_set(error, code, "AML0310", APR_EGENERAL, "tenant %s: the login refuses the app %s: %s (%d %s: %s)",
                            tenant->name, tenant->client_id, with_skew(remedy, tenant, response, clock, pool), response->status,
                            amlaps_text_printable(name ? name : "-", 40, pool), sentence(description, sent, pool));
}
