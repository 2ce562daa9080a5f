/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "request.h"

#include <stddef.h>
#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"

void amlaps_api_set_known(amlaps_json_t *object, const char *name, int value)
{
    if (value < 0) {
        amlaps_json_set_null(object, name);
    } else {
        amlaps_json_set_bool(object, name, value);
    }
}

void amlaps_api_set_time(amlaps_json_t *object, const char *name, apr_time_t time, apr_pool_t *pool)
{
    amlaps_json_set_text(object, name, time ? amlaps_text_time(time, pool) : NULL);
}

/* A device as the API tells it, in the order of canonical JSON: told in objects, and where a secret follows written straight. */
static const struct member_t {
    const char *name;
    enum { TEXT, KNOWN, TIME } kind;
    apr_size_t place;
} members[] = {
    { "compliant", KNOWN, offsetof(amlaps_graph_device_t, compliant) },
    { "deviceId", TEXT, offsetof(amlaps_graph_device_t, device_id) },
    { "enabled", KNOWN, offsetof(amlaps_graph_device_t, enabled) },
    { "join", TEXT, offsetof(amlaps_graph_device_t, join) },
    { "lastSeen", TIME, offsetof(amlaps_graph_device_t, last_seen) },
    { "managed", KNOWN, offsetof(amlaps_graph_device_t, managed) },
    { "manufacturer", TEXT, offsetof(amlaps_graph_device_t, manufacturer) },
    { "model", TEXT, offsetof(amlaps_graph_device_t, model) },
    { "name", TEXT, offsetof(amlaps_graph_device_t, name) },
    { "os", TEXT, offsetof(amlaps_graph_device_t, os) },
    { "osVersion", TEXT, offsetof(amlaps_graph_device_t, os_version) },
    { "tenant", TEXT, offsetof(amlaps_graph_device_t, tenant) }
};

#define MEMBERS (sizeof(members) / sizeof(*members))

static int known_at(const amlaps_graph_device_t *device, const struct member_t *member)
{
    int value;

    memcpy(&value, (const char *)device + member->place, sizeof(value));
    return value;
}

static const char *text_at(const amlaps_graph_device_t *device, const struct member_t *member, apr_pool_t *pool)
{
    const char *text;
    apr_time_t time;

    if (member->kind == TIME) {
        memcpy(&time, (const char *)device + member->place, sizeof(time));
        return time ? amlaps_text_time(time, pool) : NULL;
    }
    memcpy(&text, (const char *)device + member->place, sizeof(text));
    return text;
}

amlaps_json_t *amlaps_api_device_json(const amlaps_graph_device_t *device, apr_pool_t *pool)
{
    amlaps_json_t *json = amlaps_json_make_object(pool);
    apr_size_t i;

    for (i = 0; i < MEMBERS; i++) {
        if (members[i].kind == KNOWN) {
            amlaps_api_set_known(json, members[i].name, known_at(device, &members[i]));
        } else {
            amlaps_json_set_text(json, members[i].name, text_at(device, &members[i], pool));
        }
    }
    return json;
}

static void put_known(amlaps_json_out_t *out, const char *name, int value)
{
    if (value < 0) {
        amlaps_json_put_null(out, name);
    } else {
        amlaps_json_put_bool(out, name, value);
    }
}

void amlaps_api_put_device(amlaps_json_out_t *out, const char *name, const amlaps_graph_device_t *device, apr_pool_t *pool)
{
    apr_size_t i;

    amlaps_json_put_open(out, name, '{');
    for (i = 0; i < MEMBERS; i++) {
        if (members[i].kind == KNOWN) {
            put_known(out, members[i].name, known_at(device, &members[i]));
        } else {
            amlaps_json_put_text(out, members[i].name, text_at(device, &members[i], pool));
        }
    }
    amlaps_json_put_close(out, '}');
}

/* The configuration's own string, so that nothing of the request is taken for a tenant's name. */
apr_status_t amlaps_api_tenant(const char **tenant, amlaps_error_t *error, const amlaps_request_t *request, const char *name)
{
    apr_size_t i;

    for (i = 0; i < request->access->tenant_count; i++) {
        if (!strcmp(request->access->tenants[i], name)) {
            *tenant = request->access->tenants[i];
            return APR_SUCCESS;
        }
    }
    return amlaps_error_set(error, AMLAPS_NOT_FOUND, "AML0163", APR_EGENERAL, "There is no tenant of that name.");
}

apr_status_t amlaps_api_admit(amlaps_error_t *error, amlaps_request_t *request)
{
    /* A rewritten or included request carries another's identity: httpd skips authentication for it. */
    if (!ap_is_initial_req(request->r)) {
        return amlaps_error_set(error, AMLAPS_NOT_AUTHENTICATED, "AML0121", APR_EGENERAL,
                                "Initial requests alone have a person, no subrequests and no internal redirects.");
    }
    if (amlaps_identity_read(&request->person, error, request->r) != APR_SUCCESS) {
        return error->status;
    }
    if (!request->access) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0123", APR_EGENERAL,
                                amlaps_config_active(amlaps_config_of(request->r->server)) ? "This server process could not open its store." :
                                "This virtual host has no tenant.");
    }
    return APR_SUCCESS;
}

amlaps_asker_t amlaps_api_asker(amlaps_request_t *request)
{
    amlaps_asker_t asker = { request->person, request->r->useragent_ip, request->id, &request->circumstances };

    return asker;
}

/* Tenant and deviceId of "devices/{tenant}/{deviceId}[/…]". */
apr_status_t amlaps_api_path(const char **tenant, const char **device_id, amlaps_error_t *error, const amlaps_request_t *request)
{
    char guid[AMLAPS_GUID_LENGTH + 1];

    if (!amlaps_text_guid(guid, request->segments[2])) {
        return amlaps_error_set(error, AMLAPS_BAD_REQUEST, "AML0164", APR_EGENERAL,
                                "The deviceId is no GUID of the form 4f0c8c55-7a9e-4b0e-8a57-51f2c1a4c0de.");
    }
    *device_id = apr_pstrdup(request->r->pool, guid);
    return amlaps_api_tenant(tenant, error, request, request->segments[1]);
}
