/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "request.h"

#include <apr_strings.h>


#define DAY apr_time_from_sec(86400)

static const char *known(const char *text)
{
    return text[0] ? text : NULL;
}

/* null: nothing went wrong. */
static void set_fault(amlaps_json_t *object, const char *name, const amlaps_fault_t *fault, apr_pool_t *pool)
{
    amlaps_json_t *json;

    if (!fault->time) {
        amlaps_json_set_null(object, name);
        return;
    }
    json = amlaps_json_make_object(pool);
    amlaps_api_set_time(json, "time", fault->time, pool);
    amlaps_json_set_text(json, "code", amlaps_code_word(fault->error.code));
    amlaps_json_set_text(json, "message", fault->error.id);
    amlaps_json_set_text(json, "detail", fault->error.detail);
    amlaps_json_set_integer(json, "status", fault->trace.status);
    amlaps_json_set_integer(json, "attempts", fault->trace.attempts);
    amlaps_json_set_text(json, "requestId", known(fault->trace.request_id));
    amlaps_json_set_text(json, "clientRequestId", known(fault->trace.client_request_id));
    amlaps_json_set(object, name, json);
}

static amlaps_json_t *token_json(const amlaps_standing_t *standing, apr_time_t now, apr_pool_t *pool)
{
    static const char *const words[] = {
        [AMLAPS_TOKEN_UNKNOWN] = "unknown",
        [AMLAPS_TOKEN_USABLE] = "ok",
        [AMLAPS_TOKEN_FAILING] = "failed",
    };
    amlaps_json_t *json = amlaps_json_make_object(pool);

    amlaps_json_set_text(json, "status", words[standing->token]);
    amlaps_api_set_time(json, "issued", standing->token_issued, pool);
    if (standing->token_issued) {
        amlaps_json_set_integer(json, "age", apr_time_sec(now - standing->token_issued));
    } else {
        amlaps_json_set_null(json, "age");
    }
    amlaps_api_set_time(json, "expires", standing->token_expires, pool);
    set_fault(json, "lastError", &standing->login, pool);
    return json;
}

static amlaps_json_t *list_json(const char *names, apr_pool_t *pool)
{
    amlaps_json_t *json = amlaps_json_make_array(pool);
    char *rest = apr_pstrdup(pool, names), *name, *state;

    for (name = apr_strtok(rest, ", ", &state); name; name = apr_strtok(NULL, ", ", &state)) {
        amlaps_json_add_text(json, name);
    }
    return json;
}

static void set_permissions(amlaps_json_t *tenant, const amlaps_standing_t *standing, apr_pool_t *pool)
{
    amlaps_json_t *json;

    if (!standing->permissions_known) {
        amlaps_json_set_null(tenant, "permissions");
        return;
    }
    json = amlaps_json_make_object(pool);
    amlaps_json_set(json, "missing", list_json(standing->missing, pool));
    amlaps_json_set(json, "excess", list_json(standing->excess, pool));
    amlaps_json_set(tenant, "permissions", json);
}

static amlaps_json_t *credential_json(const amlaps_tenant_t *tenant, const amlaps_standing_t *standing, apr_time_t now, apr_pool_t *pool)
{
    static const char *const words[] = {
        [AMLAPS_CREDENTIAL_SECRET] = "secret",
        [AMLAPS_CREDENTIAL_CERTIFICATE] = "certificate",
        [AMLAPS_CREDENTIAL_FEDERATED] = "federated",
        [AMLAPS_CREDENTIAL_IDENTITY] = "identity",
    };
    amlaps_json_t *json = amlaps_json_make_object(pool);

    amlaps_json_set_text(json, "kind", words[tenant->credential]);
    amlaps_api_set_time(json, "expires", standing->credential_expires, pool);
    if (standing->credential_expires) {
        amlaps_json_set_integer(json, "daysLeft", standing->credential_expires > now ? (standing->credential_expires - now) / DAY : 0);
    } else {
        amlaps_json_set_null(json, "daysLeft");
    }
    return json;
}

static amlaps_json_t *graph_json(const amlaps_standing_t *standing, apr_time_t now, apr_pool_t *pool)
{
    amlaps_json_t *json = amlaps_json_make_object(pool), *answer;

    if (standing->answered) {
        answer = amlaps_json_make_object(pool);
        amlaps_api_set_time(answer, "time", standing->answered, pool);
        amlaps_json_set_integer(answer, "status", standing->status);
        amlaps_json_set_integer(answer, "milliseconds", apr_time_as_msec(standing->took));
        amlaps_json_set_text(answer, "requestId", known(standing->request_id));
        amlaps_json_set(json, "lastAnswer", answer);
    } else {
        amlaps_json_set_null(json, "lastAnswer");
    }
    set_fault(json, "lastError", &standing->fault, pool);
    amlaps_api_set_time(json, "throttledUntil", standing->throttled_until > now ? standing->throttled_until : 0, pool);
    return json;
}

static amlaps_json_t *tenant_json(const amlaps_tenant_t *tenant, const amlaps_standing_t *standing, apr_time_t now, apr_pool_t *pool)
{
    amlaps_json_t *json = amlaps_json_make_object(pool);

    amlaps_json_set_text(json, "name", tenant->name);
    amlaps_json_set_text(json, "tenantId", tenant->tenant_id);
    amlaps_json_set_text(json, "clientId", tenant->client_id);
    amlaps_json_set(json, "token", token_json(standing, now, pool));
    set_permissions(json, standing, pool);
    amlaps_json_set(json, "credential", credential_json(tenant, standing, now, pool));
    amlaps_json_set(json, "graph", graph_json(standing, now, pool));
    return json;
}

static amlaps_json_t *channel_json(const amlaps_channel_t *channel, const amlaps_channel_standing_t *standing, apr_pool_t *pool)
{
    static const char *const words[] = {
        [AMLAPS_CHANNEL_JSON] = "json",
        [AMLAPS_CHANNEL_SLACK] = "slack",
        [AMLAPS_CHANNEL_TEAMS] = "teams",
        [AMLAPS_CHANNEL_MAIL] = "mail",
    };
    const int failed = standing->failed > standing->delivered, known = standing->failed || standing->delivered;
    amlaps_json_t *json = amlaps_json_make_object(pool), *error;

    amlaps_json_set_text(json, "name", channel->name);
    amlaps_json_set_text(json, "kind", words[channel->kind]);
    amlaps_json_set_bool(json, "required", channel->required);
    amlaps_json_set_text(json, "status", failed ? "failed" : known ? "ok" : "unknown");
    amlaps_json_set_integer(json, "queued", standing->queued);
    amlaps_api_set_time(json, "oldest", standing->oldest, pool);
    amlaps_json_set_integer(json, "deadLetters", standing->dead);
    amlaps_api_set_time(json, "lastSuccess", standing->delivered, pool);
    if (standing->failed) {
        error = amlaps_json_make_object(pool);
        amlaps_api_set_time(error, "time", standing->failed, pool);
        amlaps_json_set_text(error, "detail", standing->why);
        amlaps_json_set(json, "lastError", error);
    } else {
        amlaps_json_set_null(json, "lastError");
    }
    return json;
}

/* null: the store, which knows, did not answer. */
static void set_channels(amlaps_json_t *answer, const amlaps_access_t *access, const amlaps_status_t *status, apr_pool_t *pool)
{
    amlaps_json_t *channels;
    apr_size_t i;

    if (!status->channels) {
        amlaps_json_set_null(answer, "channels");
        return;
    }
    channels = amlaps_json_make_array(pool);
    for (i = 0; i < access->channel_count; i++) {
        amlaps_json_add(channels, channel_json(access->channels[i], &status->channels[i], pool));
    }
    amlaps_json_set(answer, "channels", channels);
}

int amlaps_api_status(amlaps_request_t *request)
{
    const amlaps_access_t *access = request->access;
    const apr_time_t now = amlaps_clock_wall(access->clock);
    apr_pool_t *pool = request->r->pool;
    const amlaps_asker_t asker = amlaps_api_asker(request);
    amlaps_json_t *answer, *tenants, *store, *seal;
    amlaps_error_t error = { 0 };
    static const char *const seals[] = { [AMLAPS_SEAL_OFF] = "off", [AMLAPS_SEAL_OK] = "ok", [AMLAPS_SEAL_FAILED] = "failed" };
    amlaps_status_t status;
    apr_size_t i;

    if (amlaps_access_status(&status, &error, access, &asker, pool) != APR_SUCCESS) {
        return amlaps_respond_problem(request, &error);
    }
    answer = amlaps_json_make_object(pool);
    tenants = amlaps_json_make_array(pool);
    for (i = 0; i < access->tenant_count; i++) {
        amlaps_json_add(tenants, tenant_json(amlaps_graph_tenant(access->graph, access->tenants[i]), &status.tenants[i], now, pool));
    }
    amlaps_api_set_time(answer, "time", now, pool);
    amlaps_json_set_text(answer, "version", AMLAPS_VERSION);
    amlaps_json_set(answer, "tenants", tenants);
    store = amlaps_json_make_object(pool);
    amlaps_json_set_text(store, "name", amlaps_config_store(request->config));
    amlaps_json_set_text(store, "status", status.store ? "ok" : "failed");
    amlaps_json_set(answer, "store", store);
    seal = amlaps_json_make_object(pool);
    amlaps_json_set_text(seal, "status", seals[status.seal]);
    amlaps_json_set(answer, "seal", seal);
    set_channels(answer, access, &status, pool);
    return amlaps_respond_json(request->r, HTTP_OK, answer);
}
