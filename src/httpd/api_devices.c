/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "request.h"

#include <apr_strings.h>

#include "amlaps/text.h"

#define SEARCH_LEAST 2
#define SEARCH_MOST 256

static apr_size_t characters(const char *text)
{
    apr_size_t count = 0;

    for (; *text; text++) {
        count += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return count;
}

static apr_status_t check_search(const char **trimmed, amlaps_error_t *error, const char *text, apr_pool_t *pool)
{
    char *copy;

    if (!text) {
        return amlaps_error_set(error, AMLAPS_BAD_REQUEST, "AML0158", APR_EGENERAL,
                                "The query lacks search, what a device's name begins with, as in search=LON-.");
    }
    if (!amlaps_text_is_utf8(text, strlen(text)) || amlaps_text_has_controls(text)) {
        return amlaps_error_set(error, AMLAPS_BAD_REQUEST, "AML0161", APR_EGENERAL,
                                "Give search a text in UTF-8 without control characters.");
    }
    while (*text == ' ') {
        text++;
    }
    copy = apr_pstrdup(pool, text);
    while (*copy && copy[strlen(copy) - 1] == ' ') {
        copy[strlen(copy) - 1] = '\0';
    }
    if (characters(copy) < SEARCH_LEAST || strlen(copy) > SEARCH_MOST) {
        return amlaps_error_set(error, AMLAPS_BAD_REQUEST, "AML0162", APR_EGENERAL, "Search for at least 2 characters and at most 256 bytes.");
    }
    *trimmed = copy;
    return APR_SUCCESS;
}

static amlaps_json_t *action_names(const amlaps_found_t *found, apr_pool_t *pool)
{
    amlaps_json_t *actions = amlaps_json_make_array(pool);

    if (found->password) {
        amlaps_json_add_text(actions, "password");
    }
    if (found->history) {
        amlaps_json_add_text(actions, "history");
    }
    return actions;
}

int amlaps_api_search(amlaps_request_t *request)
{
    apr_pool_t *pool = request->r->pool;
    const char *text, *tenant;
    const amlaps_parameter_t known[] = { { "search", &text, 1 }, { "tenant", &tenant, 0 }, { NULL, NULL, 0 } };
    amlaps_asker_t asker = amlaps_api_asker(request);
    amlaps_search_result_t *result;
    amlaps_json_t *answer, *devices, *gaps;
    amlaps_error_t error = { 0 };
    int i;

    if (amlaps_query_read(known, &error, request) != APR_SUCCESS || check_search(&text, &error, text, pool) != APR_SUCCESS ||
        (tenant && amlaps_api_tenant(&tenant, &error, request, tenant) != APR_SUCCESS) ||
        amlaps_access_search(&result, &error, request->access, &asker, tenant, text, pool) != APR_SUCCESS) {
        return amlaps_respond_problem(request, &error);
    }
    answer = amlaps_json_make_object(pool);
    devices = amlaps_json_make_array(pool);
    for (i = 0; i < result->found->nelts; i++) {
        const amlaps_found_t *found = &APR_ARRAY_IDX(result->found, i, amlaps_found_t);
        amlaps_json_t *device = amlaps_api_device_json(found->device, pool);

        amlaps_json_set(device, "actions", action_names(found, pool));
        amlaps_json_add(devices, device);
    }
    amlaps_json_set(answer, "devices", devices);
    amlaps_json_set_bool(answer, "more", result->more);
    gaps = amlaps_json_make_array(pool);
    for (i = 0; i < result->gaps->nelts; i++) {
        amlaps_json_t *gap = amlaps_json_make_object(pool);

        amlaps_json_set_text(gap, "tenant", APR_ARRAY_IDX(result->gaps, i, amlaps_search_gap_t).tenant);
        amlaps_json_set_text(gap, "code", amlaps_code_word(APR_ARRAY_IDX(result->gaps, i, amlaps_search_gap_t).code));
        amlaps_json_add(gaps, gap);
    }
    amlaps_json_set(answer, "gaps", gaps);
    return amlaps_respond_json(request->r, HTTP_OK, answer);
}

static amlaps_json_t *choices_json(const apr_array_header_t *choices, apr_pool_t *pool)
{
    amlaps_json_t *json = amlaps_json_make_array(pool);
    int i;

    for (i = 0; i < choices->nelts; i++) {
        amlaps_json_add_text(json, APR_ARRAY_IDX(choices, i, const char *));
    }
    return json;
}

static void set_action(amlaps_json_t *actions, const char *name, const amlaps_rule_t *rule, apr_pool_t *pool)
{
    static const char *const modes[] = {
        [AMLAPS_REASON_OPTIONAL] = "optional",
        [AMLAPS_REASON_HIDDEN] = "hidden",
        [AMLAPS_REASON_REQUIRED_MODE] = "required",
    };
    const amlaps_reason_t *settings;
    amlaps_json_t *action, *reason;

    if (!rule) {
        return;
    }
    settings = amlaps_rule_reason(rule);
    reason = amlaps_json_make_object(pool);
    amlaps_json_set_text(reason, "mode", modes[settings->mode]);
    amlaps_json_set_text(reason, "hint", settings->hint);
    amlaps_json_set_text(reason, "pattern", settings->pattern);
    if (settings->choices) {
        amlaps_json_set(reason, "choices", choices_json(settings->choices, pool));
    }
    action = amlaps_json_make_object(pool);
    amlaps_json_set_text(action, "rule", amlaps_rule_description(rule));
    amlaps_json_set(action, "reason", reason);
    if (amlaps_rule_qr(rule)) {
        amlaps_json_set_bool(action, "qr", 1);
    }
    amlaps_json_set(actions, name, action);
}

int amlaps_api_device(amlaps_request_t *request)
{
    apr_pool_t *pool = request->r->pool;
    amlaps_asker_t asker = amlaps_api_asker(request);
    const char *tenant, *device_id;
    amlaps_json_t *answer, *actions;
    amlaps_error_t error = { 0 };
    amlaps_found_t *found;

    if (amlaps_api_path(&tenant, &device_id, &error, request) != APR_SUCCESS ||
        amlaps_access_device(&found, &error, request->access, &asker, tenant, device_id, pool) != APR_SUCCESS) {
        return amlaps_respond_problem(request, &error);
    }
    answer = amlaps_api_device_json(found->device, pool);
    amlaps_api_set_known(answer, "hasPassword", found->backup.there);
    amlaps_api_set_time(answer, "backedUp", found->backup.backed_up, pool);
    amlaps_api_set_time(answer, "expires", found->backup.expires, pool);
    actions = amlaps_json_make_object(pool);
    set_action(actions, "password", found->password, pool);
    set_action(actions, "history", found->history, pool);
    amlaps_json_set(answer, "actions", actions);
    return amlaps_respond_json(request->r, HTTP_OK, answer);
}
