/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "request.h"

#include <apr_strings.h>

/* Who one is was found out before: nobody keeps that for later with a body that never ends. What httpd and mod_auth_openidc took until then is not
 * the client's doing. */
#define PATIENCE apr_time_from_sec(20)

static apr_status_t unreadable(amlaps_error_t *error, apr_status_t status)
{
    return amlaps_error_set(error, AMLAPS_BAD_REQUEST, "AML0140", status, "The body could not be read.");
}

/* The rest of the body is not waited for either, which httpd would do to keep the connection. */
static apr_status_t too_slow(amlaps_error_t *error, request_rec *r)
{
    r->connection->keepalive = AP_CONN_CLOSE;
    return amlaps_error_set(error, AMLAPS_BAD_REQUEST, "AML0140", APR_EGENERAL, "The body did not come to its end within 20 seconds.");
}

typedef struct text_t {
    char *bytes;
    apr_size_t length, room;
} text_t;

static void add(text_t *text, const char *data, apr_size_t size, apr_pool_t *pool)
{
    if (size > text->room - text->length) {
        const char *before = text->bytes;

        text->room = 2 * text->room + size;
        text->bytes = apr_palloc(pool, text->room);
        memcpy(text->bytes, before, text->length);
    }
    memcpy(text->bytes + text->length, data, size);
    text->length += size;
}

/* Reads to the end of the body; ap_get_client_block would lose the error. The text begins small: a reason is short. */
static apr_status_t collect(text_t *text, amlaps_error_t *error, request_rec *r)
{
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    const apr_time_t began = apr_time_now();
    int done = 0;

    text->length = 0;
    text->room = 256;
    text->bytes = apr_palloc(r->pool, text->room);
    while (!done) {
        apr_bucket *bucket;
        apr_status_t status = ap_get_brigade(r->input_filters, brigade, AP_MODE_READBYTES, APR_BLOCK_READ, 8192);

        if (status != APR_SUCCESS) {
            return unreadable(error, status);
        }
        if (apr_time_now() - began > PATIENCE) {
            return too_slow(error, r);
        }
        for (bucket = APR_BRIGADE_FIRST(brigade); bucket != APR_BRIGADE_SENTINEL(brigade); bucket = APR_BUCKET_NEXT(bucket)) {
            const char *data;
            apr_size_t size;

            if (APR_BUCKET_IS_EOS(bucket)) {
                done = 1;
                break;
            }
            if (APR_BUCKET_IS_METADATA(bucket)) {
                continue;
            }
            if ((status = apr_bucket_read(bucket, &data, &size, APR_BLOCK_READ)) != APR_SUCCESS) {
                return unreadable(error, status);
            }
            if (text->length + size > AMLAPS_BODY_MOST) {
                return amlaps_error_set(error, AMLAPS_BAD_REQUEST, "AML0141", APR_EGENERAL, "The body is longer than 16 KiB.");
            }
            add(text, data, size, r->pool);
        }
        apr_brigade_cleanup(brigade);
    }
    return APR_SUCCESS;
}

typedef struct check_t {
    const char *const *known;
    amlaps_error_t *error;
} check_t;

static apr_status_t unknown(amlaps_error_t *error, const char *const *known)
{
    char names[160] = "", *end = names;

    for (; *known; known++) {
        end += apr_snprintf(end, sizeof(names) - (apr_size_t)(end - names), "%s%s", *names ? ", " : "", *known);
    }
    return amlaps_error_set(error, AMLAPS_BAD_REQUEST, "AML0142", APR_EGENERAL, "The body has a member beside those that are known: %s.", names);
}

static int check_member(void *baton, const char *name, amlaps_json_t *value)
{
    const check_t *check = baton;
    const char *const *known = check->known;

    (void)value;
    while (*known && strcmp(*known, name)) {
        known++;
    }
    if (!*known) {
        unknown(check->error, check->known);
    }
    return *known != NULL;
}

apr_status_t amlaps_body_check(amlaps_error_t *error, const amlaps_json_t *object, const char *const *known)
{
    check_t check = { known, error };

    if (amlaps_json_kind(object) != AMLAPS_JSON_OBJECT) {
        return amlaps_error_set(error, AMLAPS_BAD_REQUEST, "AML0145", APR_EGENERAL, "The body must be a JSON object.");
    }
    amlaps_json_each(object, check_member, &check);
    return error->code ? error->status : APR_SUCCESS;
}

apr_status_t amlaps_body_wrong(amlaps_error_t *error, const char *member, const char *wanted)
{
    return amlaps_error_set(error, AMLAPS_BAD_REQUEST, "AML0143", APR_EGENERAL, "The member %s must be %s.", member, wanted);
}

apr_status_t amlaps_body_missing(amlaps_error_t *error, const char *member, const char *wanted)
{
    return amlaps_error_set(error, AMLAPS_BAD_REQUEST, "AML0156", APR_EGENERAL, "The body lacks the member %s, %s.", member, wanted);
}

apr_status_t amlaps_body_text(const char **text, amlaps_error_t *error, const amlaps_json_t *object, const char *member)
{
    const amlaps_json_t *value = amlaps_json_member(object, member);

    *text = amlaps_json_text(value);
    return *text || amlaps_json_kind(value) == AMLAPS_JSON_NONE ? APR_SUCCESS : amlaps_body_wrong(error, member, "a text");
}

apr_status_t amlaps_body_read(amlaps_json_t **body, amlaps_error_t *error, amlaps_request_t *request)
{
    text_t text;
    char why[160];

    *body = NULL;
    if (collect(&text, error, request->r) != APR_SUCCESS) {
        return error->status;
    }
    /* Only now is something asked for: a request that was begun within the hours of a rule may end outside of them. */
    request->circumstances.now = apr_time_now();
    if (amlaps_json_parse(body, why, text.bytes, text.length, request->r->pool) != APR_SUCCESS) {
        return amlaps_error_set(error, AMLAPS_BAD_REQUEST, "AML0144", APR_EGENERAL, "The body is not JSON: %s.", why);
    }
    return APR_SUCCESS;
}
