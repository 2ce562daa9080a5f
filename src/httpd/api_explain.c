/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "request.h"
#include "scenario.h"

#include <apr_strings.h>

#include "amlaps/text.h"

static apr_status_t read_list(const char *const **list, apr_size_t *count, amlaps_error_t *error, const amlaps_json_t *object,
                              const char *member, int guids, apr_pool_t *pool)
{
    const char *wanted = guids ? "a list of GUIDs, as in [\"4f0c8c55-7a9e-4b0e-8a57-51f2c1a4c0de\"]" : "a list of texts, as in [\"A\",\"B\"]";
    const amlaps_json_t *value = amlaps_json_member(object, member);
    apr_size_t length = amlaps_json_length(value), i;
    const char **texts = apr_palloc(pool, (length + 1) * sizeof(*texts));
    char guid[AMLAPS_GUID_LENGTH + 1];

    *list = texts;
    *count = length;
    if (amlaps_json_kind(value) != AMLAPS_JSON_ARRAY && amlaps_json_kind(value) != AMLAPS_JSON_NONE) {
        return amlaps_body_wrong(error, member, wanted);
    }
    for (i = 0; i < length; i++) {
        texts[i] = amlaps_json_text(amlaps_json_item(value, i));
        if (!texts[i] || (guids && !amlaps_text_guid(guid, texts[i]))) {
            return amlaps_body_wrong(error, member, wanted);
        }
        if (guids) {
            texts[i] = apr_pstrmemdup(pool, guid, AMLAPS_GUID_LENGTH);
        }
    }
    return APR_SUCCESS;
}

static apr_status_t read_known(amlaps_known_t *known, amlaps_error_t *error, const amlaps_json_t *object, const char *member,
                               amlaps_known_t absent)
{
    const amlaps_json_t *value = amlaps_json_member(object, member);
    int yes = 0;

    *known = absent;
    if (amlaps_json_kind(value) == AMLAPS_JSON_NONE || amlaps_json_kind(value) == AMLAPS_JSON_NULL) {
        return APR_SUCCESS;
    }
    if (!amlaps_json_bool(value, &yes)) {
        return amlaps_body_wrong(error, member, "true, false or null");
    }
    *known = yes ? AMLAPS_YES : AMLAPS_NO;
    return APR_SUCCESS;
}

/* An object id is one of the caller's own directory: nothing else says which. */
static apr_status_t read_person(amlaps_inquiry_t *inquiry, amlaps_error_t *error, const amlaps_request_t *request, const amlaps_json_t *json)
{
    static const char *const known[] = { "username", "oid", "groups", "roles", "claims", NULL };
    apr_pool_t *pool = request->r->pool;
    amlaps_person_t *person = apr_pcalloc(pool, sizeof(*person));

    inquiry->person = person;
    inquiry->groups_given = amlaps_json_member(json, "groups") != NULL;
    person->groups_known = 1;
    person->claims = amlaps_json_member(json, "claims");
    if (amlaps_json_kind(json) != AMLAPS_JSON_OBJECT) {
        return amlaps_body_wrong(error, "person", "an object such as {\"username\":\"alice@contoso.com\"}");
    }
    if (amlaps_json_kind(person->claims) != AMLAPS_JSON_NONE && amlaps_json_kind(person->claims) != AMLAPS_JSON_OBJECT) {
        return amlaps_body_wrong(error, "claims", "an object such as {\"acr\":\"c1\"}");
    }
    if (amlaps_body_check(error, json, known) != APR_SUCCESS ||
        amlaps_body_text(&person->username, error, json, "username") != APR_SUCCESS ||
        amlaps_body_text(&person->oid, error, json, "oid") != APR_SUCCESS ||
        read_list(&person->groups, &person->group_count, error, json, "groups", 0, pool) != APR_SUCCESS) {
        return error->status;
    }
    if (read_list(&person->roles, &person->role_count, error, json, "roles", 0, pool) != APR_SUCCESS) {
        return error->status;
    }
    person->claims = amlaps_scenario_claims(person->claims, person, pool);
    person->tid = person->oid ? request->person->tid : NULL;
    return APR_SUCCESS;
}

static int is_given_by_id_alone(const amlaps_json_t *json)
{
    static const char *const facts[] = { "name", "groups", "units", "os", "join", "compliant", "enabled", "owner" };
    size_t i;

    for (i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        if (amlaps_json_member(json, facts[i])) {
            return 0;
        }
    }
    return amlaps_json_member(json, "deviceId") != NULL;
}

static apr_status_t read_facts(amlaps_device_t *device, amlaps_error_t *error, const amlaps_json_t *json, apr_pool_t *pool)
{
    device->groups_known = device->units_known = 1;
    if (amlaps_body_text(&device->name, error, json, "name") != APR_SUCCESS ||
        amlaps_body_text(&device->os, error, json, "os") != APR_SUCCESS ||
        amlaps_body_text(&device->join, error, json, "join") != APR_SUCCESS ||
        read_list(&device->groups, &device->group_count, error, json, "groups", 1, pool) != APR_SUCCESS ||
        read_list(&device->units, &device->unit_count, error, json, "units", 1, pool) != APR_SUCCESS ||
        read_known(&device->compliant, error, json, "compliant", AMLAPS_UNKNOWN) != APR_SUCCESS ||
        read_known(&device->enabled, error, json, "enabled", AMLAPS_UNKNOWN) != APR_SUCCESS ||
        read_known(&device->owner, error, json, "owner", AMLAPS_NO) != APR_SUCCESS) {
        return error->status;
    }
    device->name = device->name ? device->name : "";
    return APR_SUCCESS;
}

static apr_status_t read_device(amlaps_device_t *device, amlaps_error_t *error, const amlaps_request_t *request,
                                const amlaps_json_t *json)
{
    static const char *const known[] = {
        "tenant", "deviceId", "name", "groups", "units", "os", "join", "compliant", "enabled", "owner", NULL,
    };
    static const char a_device[] = "an object such as {\"tenant\":\"contoso\",\"deviceId\":\"4f0c8c55-7a9e-4b0e-8a57-51f2c1a4c0de\"} or {\"name\":\"LON-001\"}";
    char guid[AMLAPS_GUID_LENGTH + 1] = "";
    const char *tenant, *device_id;

    memset(device, 0, sizeof(*device));
    if (!json) {
        return amlaps_body_missing(error, "device", a_device);
    }
    if (amlaps_json_kind(json) != AMLAPS_JSON_OBJECT) {
        return amlaps_body_wrong(error, "device", a_device);
    }
    if (amlaps_body_check(error, json, known) != APR_SUCCESS || amlaps_body_text(&tenant, error, json, "tenant") != APR_SUCCESS ||
        amlaps_body_text(&device_id, error, json, "deviceId") != APR_SUCCESS ||
        amlaps_api_tenant(&device->tenant, error, request, tenant ? tenant : request->access->tenants[0]) != APR_SUCCESS) {
        return error->status;
    }
    if (device_id && !amlaps_text_guid(guid, device_id)) {
        return amlaps_body_wrong(error, "deviceId", "a GUID of the form 4f0c8c55-7a9e-4b0e-8a57-51f2c1a4c0de");
    }
    device->device_id = apr_pstrmemdup(request->r->pool, guid, strlen(guid));
    return is_given_by_id_alone(json) ? APR_SUCCESS : read_facts(device, error, json, request->r->pool);
}

static apr_status_t read_circumstances(amlaps_circumstances_t *circumstances, amlaps_error_t *error, const amlaps_request_t *request,
                                       const amlaps_json_t *body)
{
    const char *address, *time;

    *circumstances = request->circumstances;
    if (amlaps_body_text(&address, error, body, "address") != APR_SUCCESS ||
        amlaps_body_text(&time, error, body, "time") != APR_SUCCESS) {
        return error->status;
    }
    if (address && !amlaps_when_is_address(address)) {
        return amlaps_body_wrong(error, "address", "an IP address such as 10.1.2.3");
    }
    if (time && !amlaps_text_read_time(&circumstances->now, time)) {
        return amlaps_body_wrong(error, "time", "a time as in 2026-11-22T16:00:00Z");
    }
    circumstances->address = address ? address : circumstances->address;
    return APR_SUCCESS;
}

static amlaps_json_t *permission_names(int permissions, apr_pool_t *pool)
{
    amlaps_json_t *names = amlaps_json_make_array(pool);

    if (permissions & AMLAPS_PERMISSION_PASSWORD) {
        amlaps_json_add_text(names, "password");
    }
    if (permissions & AMLAPS_PERMISSION_HISTORY) {
        amlaps_json_add_text(names, "history");
    }
    return names;
}

static amlaps_json_t *decision_json(const amlaps_decision_t *decision, apr_pool_t *pool)
{
    amlaps_json_t *json = amlaps_json_make_object(pool);

    amlaps_json_set_text(json, "decision", amlaps_scenario_verdict(decision->verdict));
    amlaps_json_set_text(json, "rule", decision->rule ? amlaps_rule_description(decision->rule) : NULL);
    return json;
}

static amlaps_json_t *rule_json(const amlaps_rule_explanation_t *rule, apr_pool_t *pool)
{
    amlaps_json_t *json = amlaps_json_make_object(pool);

    amlaps_json_set_text(json, "rule", amlaps_rule_description(rule->rule));
    if (rule->matched == AMLAPS_UNKNOWN) {
        amlaps_json_set_null(json, "matched");
    } else {
        amlaps_json_set_bool(json, "matched", rule->matched == AMLAPS_YES);
    }
    amlaps_json_set(json, "allows", permission_names(rule->allows, pool));
    amlaps_json_set(json, "denies", permission_names(rule->denies, pool));
    amlaps_json_set_text(json, "why", rule->why);
    return json;
}

static amlaps_json_t *explanation_json(const amlaps_explanation_t *explanation, apr_pool_t *pool)
{
    amlaps_json_t *answer = amlaps_json_make_object(pool), *permissions = amlaps_json_make_object(pool);
    amlaps_json_t *rules = amlaps_json_make_array(pool);
    int i;

    amlaps_json_set(permissions, "password", decision_json(&explanation->password, pool));
    amlaps_json_set(permissions, "history", decision_json(&explanation->history, pool));
    for (i = 0; i < explanation->rules->nelts; i++) {
        amlaps_json_add(rules, rule_json(&APR_ARRAY_IDX(explanation->rules, i, amlaps_rule_explanation_t), pool));
    }
    amlaps_json_set(answer, "permissions", permissions);
    amlaps_json_set(answer, "rules", rules);
    return answer;
}

int amlaps_api_explain(amlaps_request_t *request)
{
    static const char *const known[] = { "person", "device", "address", "time", NULL };
    apr_pool_t *pool = request->r->pool;
    amlaps_asker_t asker = amlaps_api_asker(request);
    amlaps_inquiry_t inquiry = { .person = request->person };
    amlaps_circumstances_t circumstances;
    amlaps_explanation_t *explanation;
    amlaps_error_t error = { 0 };
    amlaps_device_t device;
    amlaps_json_t *body;

    inquiry.device = &device;
    inquiry.circumstances = &circumstances;
    if (amlaps_body_read(&body, &error, request) != APR_SUCCESS || amlaps_body_check(&error, body, known) != APR_SUCCESS ||
        (amlaps_json_member(body, "person") &&
         read_person(&inquiry, &error, request, amlaps_json_member(body, "person")) != APR_SUCCESS) ||
        read_device(&device, &error, request, amlaps_json_member(body, "device")) != APR_SUCCESS ||
        read_circumstances(&circumstances, &error, request, body) != APR_SUCCESS) {
        return amlaps_respond_problem(request, &error);
    }
    inquiry.now = circumstances.now;
    if (amlaps_access_explain(&explanation, &error, request->access, &asker, &inquiry, pool) != APR_SUCCESS) {
        return amlaps_respond_problem(request, &error);
    }
    return amlaps_respond_json(request->r, HTTP_OK, explanation_json(explanation, pool));
}
