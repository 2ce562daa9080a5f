/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "lifecycle.h"
#include "request.h"

#include <apr_strings.h>

/*
 * For a load balancer or a watch dog, which does not sign in: what this server needs to serve, as codes alone. The names of the tenants are
 * the only words of the configuration in it.
 */

static amlaps_json_t *check(int ok, const char *code, apr_pool_t *pool)
{
    amlaps_json_t *json = amlaps_json_make_object(pool);

    amlaps_json_set_text(json, "status", ok ? "ok" : "failed");
    amlaps_json_set_known(json, "code", ok ? NULL : code);
    return json;
}

static amlaps_json_t *check_seal(amlaps_seal_standing_t seal, apr_pool_t *pool)
{
    amlaps_json_t *json;

    if (seal == AMLAPS_SEAL_OFF) {
        json = amlaps_json_make_object(pool);
        amlaps_json_set_text(json, "status", "off");
        return json;
    }
    return check(seal == AMLAPS_SEAL_OK, amlaps_code_word(AMLAPS_AUDIT_UNAVAILABLE), pool);
}

static amlaps_json_t *check_token(const amlaps_standing_t *tenant, apr_pool_t *pool)
{
    amlaps_json_t *json;

    if (tenant->token == AMLAPS_TOKEN_UNKNOWN) {
        json = amlaps_json_make_object(pool);
        amlaps_json_set_text(json, "status", "unknown");
        return json;
    }
    return check(tenant->token == AMLAPS_TOKEN_USABLE, amlaps_code_word(tenant->login.error.code), pool);
}

/* @return the word for the whole: one tenant that works is enough to serve, and worth keeping in front of people */
static const char *check_all(amlaps_json_t *checks, const amlaps_access_t *access, apr_pool_t *pool)
{
    amlaps_json_t *token = amlaps_json_make_object(pool);
    amlaps_status_t status;
    apr_size_t i, usable = 0;

    amlaps_access_health(&status, access, pool);
    amlaps_json_set(checks, "store", check(status.store, amlaps_code_word(AMLAPS_AUDIT_UNAVAILABLE), pool));
    amlaps_json_set(checks, "seal", check_seal(status.seal, pool));
    for (i = 0; i < access->tenant_count; i++) {
        usable += status.tenants[i].token == AMLAPS_TOKEN_USABLE;
        amlaps_json_set(token, access->tenants[i], check_token(&status.tenants[i], pool));
    }
    amlaps_json_set(checks, "token", token);
    if (!status.store || usable == 0) {
        return "failed";
    }
    return usable < access->tenant_count ? "degraded" : "ok";
}

static int answer(request_rec *r, const char *status, amlaps_json_t *checks)
{
    amlaps_json_t *json = amlaps_json_make_object(r->pool);

    amlaps_json_set_text(json, "status", status);
    if (checks) {
        amlaps_json_set(json, "checks", checks);
    }
    return amlaps_respond_json(r, strcmp(status, "failed") ? HTTP_OK : HTTP_SERVICE_UNAVAILABLE, json);
}

int amlaps_health_serve(request_rec *r)
{
    const amlaps_access_t *access = amlaps_lifecycle_access(r->server);
    amlaps_json_t *checks = amlaps_json_make_object(r->pool);
    const char *status = "failed";

    if (r->args && !strncmp(r->args, "live", 4) && strchr("=&", r->args[4])) {
        return answer(r, "ok", NULL);
    }
    amlaps_json_set(checks, "configuration", check(access != NULL, "audit_unavailable", r->pool));
    if (access) {
        status = check_all(checks, access, r->pool);
    }
    return answer(r, status, checks);
}
