/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "request.h"

#include <apr_strings.h>

#include "amlaps/text.h"

#define NTH_MOST 1000 /* far beyond what Entra keeps */

/* Members around a secret are written as JSON objects whose closing brace gives way to what follows. */
static apr_status_t open_object(amlaps_secret_t *answer, const amlaps_json_t *object, const char *next, apr_pool_t *pool)
{
    const char *text = amlaps_json_canonical(object, pool);
    apr_status_t status = amlaps_secret_append(answer, text, strlen(text) - 1);

    return status == APR_SUCCESS ? amlaps_secret_append(answer, next, strlen(next)) : status;
}

static apr_status_t write_password(amlaps_secret_t *answer, const amlaps_secret_t *password)
{
    apr_status_t status = amlaps_secret_reserve(answer, answer->length + password->length * 6 + 3);

    if (status == APR_SUCCESS) {
        answer->length += amlaps_json_write_text(answer->bytes + answer->length, password->bytes, password->length);
    }
    return status;
}

static const char *time_text(apr_time_t time, apr_pool_t *pool)
{
    return time ? amlaps_text_time(time, pool) : NULL;
}

static apr_status_t write_credential(amlaps_secret_t *answer, const amlaps_disclosure_t *disclosure, apr_size_t index, apr_pool_t *pool)
{
    const amlaps_credential_t *credential = &disclosure->credentials[index];
    amlaps_json_t *json = amlaps_json_make_object(pool);
    apr_status_t status;

    amlaps_json_set_text(json, "account", credential->account);
    amlaps_json_set_text(json, "sid", credential->sid);
    amlaps_json_set_text(json, "backedUp", time_text(credential->backed_up, pool));
    amlaps_json_set_text(json, "expires", disclosure->current ? time_text(disclosure->expires, pool) : NULL);
    amlaps_json_set_bool(json, "current", disclosure->current);
    if ((status = open_object(answer, json, ",\"password\":", pool)) != APR_SUCCESS ||
        (status = write_password(answer, credential->password)) != APR_SUCCESS) {
        return status;
    }
    amlaps_secret_wipe(credential->password);
    return amlaps_secret_append(answer, "}", 1);
}

/* The answer stands in wiped memory from the first byte; nothing that holds a password goes through a pool or jansson. */
static apr_status_t write_answer(amlaps_secret_t *answer, const amlaps_request_t *request, const amlaps_disclosure_t *disclosure, apr_size_t nth)
{
    apr_pool_t *pool = request->r->pool;
    amlaps_json_t *json = amlaps_json_make_object(pool);
    apr_status_t status;
    apr_size_t i;

    amlaps_json_set_text(json, "id", request->id);
    amlaps_json_set(json, "device", amlaps_api_device_json(disclosure->device, pool));
    amlaps_json_set_text(json, "rule", amlaps_rule_description(disclosure->rule));
    if (nth) {
        amlaps_json_set_integer(json, "older", (apr_int64_t)disclosure->older);
    }
    status = open_object(answer, json, ",\"credentials\":[", pool);
    for (i = 0; i < disclosure->count && status == APR_SUCCESS; i++) {
        status = i ? amlaps_secret_append(answer, ",", 1) : APR_SUCCESS;
        if (status == APR_SUCCESS) {
            status = write_credential(answer, disclosure, i, pool);
        }
    }
    return status == APR_SUCCESS ? amlaps_secret_append(answer, "]}", 2) : status;
}

/* Which of the older passwords, counted from the newest; 0 where that is not said: then all. */
static apr_status_t read_nth(apr_size_t *nth, amlaps_error_t *error, const amlaps_json_t *body, amlaps_permission_t permission)
{
    const amlaps_json_t *value = amlaps_json_member(body, "nth");
    apr_int64_t number = 0;

    if (amlaps_json_kind(value) != AMLAPS_JSON_NONE &&
        (permission != AMLAPS_PERMISSION_HISTORY || !amlaps_json_integer(value, &number) || number < 1 || number > NTH_MOST)) {
        return amlaps_body_wrong(error, "nth", "a whole number from 1 to 1000, and of a history alone");
    }
    *nth = (apr_size_t)number;
    return APR_SUCCESS;
}

static int disclose(amlaps_request_t *request, amlaps_permission_t permission)
{
    static const char *const known[] = { "reason", "nth", NULL };
    apr_pool_t *pool = request->r->pool;
    amlaps_asker_t asker = amlaps_api_asker(request);
    const char *tenant, *device_id, *reason;
    amlaps_disclosure_t *disclosure;
    amlaps_error_t error = { 0 };
    amlaps_secret_t *answer;
    amlaps_json_t *body;
    apr_size_t nth = 0;

    if (amlaps_api_path(&tenant, &device_id, &error, request) != APR_SUCCESS ||
        amlaps_body_read(&body, &error, request->r) != APR_SUCCESS || amlaps_body_check(&error, body, known) != APR_SUCCESS ||
        amlaps_body_text(&reason, &error, body, "reason") != APR_SUCCESS || read_nth(&nth, &error, body, permission) != APR_SUCCESS ||
        amlaps_access_disclose(&disclosure, &error, request->access, &asker, tenant, device_id, permission, nth, reason, pool) != APR_SUCCESS) {
        return amlaps_respond_problem(request, &error);
    }
    answer = amlaps_secret_make(4096, pool);
    if (!answer || write_answer(answer, request, disclosure, nth) != APR_SUCCESS) {
        amlaps_error_set(&error, AMLAPS_BUSY, "AML0170", APR_ENOMEM, "no memory for the answer");
        return amlaps_respond_problem(request, &error);
    }
    return amlaps_respond_secret(request->r, answer);
}

int amlaps_api_password(amlaps_request_t *request)
{
    return disclose(request, AMLAPS_PERMISSION_PASSWORD);
}

int amlaps_api_history(amlaps_request_t *request)
{
    return disclose(request, AMLAPS_PERMISSION_HISTORY);
}
