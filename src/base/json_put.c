/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/json.h"

#include <stdio.h>
#include <string.h>

/** Room for `more` bytes at the end, at least double where it must grow, so that long answers are not moved for each member. */
static char *make_room(amlaps_json_out_t *out, apr_size_t more)
{
    amlaps_secret_t *target = out->target;

    if (out->status == APR_SUCCESS && (target->bytes == NULL || more > target->room - target->length)) {
        apr_size_t needed = target->length + more;

        out->status = amlaps_secret_reserve(target, needed > 2 * target->room ? needed : 2 * target->room);
    }
    return out->status == APR_SUCCESS ? target->bytes + target->length : NULL;
}

static void added(amlaps_json_out_t *out, apr_size_t length)
{
    out->target->length += length;
    out->target->bytes[out->target->length] = '\0';
}

static void put_string(amlaps_json_out_t *out, const char *text, apr_size_t length)
{
    char *at = make_room(out, 6 * length + 3);

    if (at != NULL) {
        added(out, amlaps_json_write_text(at, text, length));
    }
}

static void put(amlaps_json_out_t *out, const char *bytes, apr_size_t length)
{
    char *at = make_room(out, length);

    if (at != NULL) {
        memcpy(at, bytes, length);
        added(out, length);
    }
}

/** The comma that a member or item needs behind another one, and its name. */
static void begin(amlaps_json_out_t *out, const char *name)
{
    const amlaps_secret_t *target = out->target;
    char last = target->length > 0 ? target->bytes[target->length - 1] : '{';

    if (last != '{' && last != '[') {
        put(out, ",", 1);
    }
    if (name != NULL) {
        put_string(out, name, strlen(name));
        put(out, ":", 1);
    }
}

void amlaps_json_put_open(amlaps_json_out_t *out, const char *name, char bracket)
{
    begin(out, name);
    put(out, &bracket, 1);
}

void amlaps_json_put_close(amlaps_json_out_t *out, char bracket)
{
    put(out, &bracket, 1);
}

void amlaps_json_put_null(amlaps_json_out_t *out, const char *name)
{
    begin(out, name);
    put(out, "null", 4);
}

void amlaps_json_put_text(amlaps_json_out_t *out, const char *name, const char *text)
{
    if (text == NULL) {
        amlaps_json_put_null(out, name);
    }
    else {
        amlaps_json_put_bytes(out, name, text, strlen(text));
    }
}

void amlaps_json_put_bytes(amlaps_json_out_t *out, const char *name, const char *text, apr_size_t length)
{
    begin(out, name);
    put_string(out, text, length);
}

void amlaps_json_put_integer(amlaps_json_out_t *out, const char *name, apr_int64_t value)
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%" APR_INT64_T_FMT, value);

    begin(out, name);
    put(out, digits, (apr_size_t)length);
}

void amlaps_json_put_bool(amlaps_json_out_t *out, const char *name, int value)
{
    begin(out, name);
    put(out, value ? "true" : "false", value ? 4 : 5);
}
