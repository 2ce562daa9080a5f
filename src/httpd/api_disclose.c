/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "request.h"

#include "amlaps/text.h"

#define NTH_MOST 1000 /* far beyond what Entra keeps */
#define ANSWER_ROOM 4000 /* within a page, as most answers are */

static void put_time(amlaps_json_out_t *out, const char *name, apr_time_t time, apr_pool_t *pool)
{
    amlaps_json_put_text(out, name, time ? amlaps_text_time(time, pool) : NULL);
}

static void put_credential(amlaps_json_out_t *out, const amlaps_disclosure_t *disclosure, apr_size_t index, apr_pool_t *pool)
{
    const amlaps_credential_t *credential = &disclosure->credentials[index];

    amlaps_json_put_open(out, NULL, '{');
    amlaps_json_put_text(out, "account", credential->account);
    put_time(out, "backedUp", credential->backed_up, pool);
    amlaps_json_put_bool(out, "current", disclosure->current);
    put_time(out, "expires", disclosure->current ? disclosure->expires : 0, pool);
    amlaps_json_put_text(out, "sid", credential->sid);
    amlaps_json_put_bytes(out, "password", credential->password->bytes, credential->password->length);
    amlaps_json_put_close(out, '}');
    amlaps_secret_wipe(credential->password);
}

/* The answer stands in wiped memory from the first byte; nothing that holds a password goes through a pool or jansson. */
static apr_status_t write_answer(amlaps_secret_t *answer, const amlaps_request_t *request, const amlaps_disclosure_t *disclosure, apr_size_t nth)
{
    amlaps_json_out_t out = { answer, APR_SUCCESS };
    apr_pool_t *pool = request->r->pool;
    apr_size_t i;

    amlaps_json_put_open(&out, NULL, '{');
    amlaps_api_put_device(&out, "device", disclosure->device, pool);
    amlaps_json_put_text(&out, "id", request->id);
    if (nth) {
        amlaps_json_put_integer(&out, "older", (apr_int64_t)disclosure->older);
    }
    amlaps_json_put_text(&out, "rule", amlaps_rule_description(disclosure->rule));
    amlaps_json_put_open(&out, "credentials", '[');
    for (i = 0; i < disclosure->count; i++) {
        put_credential(&out, disclosure, i, pool);
    }
    amlaps_json_put_close(&out, ']');
    amlaps_json_put_close(&out, '}');
    return out.status;
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
        amlaps_body_read(&body, &error, request) != APR_SUCCESS || amlaps_body_check(&error, body, known) != APR_SUCCESS ||
        amlaps_body_text(&reason, &error, body, "reason") != APR_SUCCESS || read_nth(&nth, &error, body, permission) != APR_SUCCESS ||
        amlaps_access_disclose(&disclosure, &error, request->access, &asker, tenant, device_id, permission, nth, reason, pool) != APR_SUCCESS) {
        return amlaps_respond_problem(request, &error);
    }
    answer = amlaps_secret_make(ANSWER_ROOM, pool);
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
