/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/json.h"

#include <stdio.h>
#include <string.h>

#include "text_internal.h"

#define ESCAPE 6 /* \uXXXX */

/** Nearly always all of it. DEL is the only control character that JSON takes unescaped within ASCII. */
static apr_size_t plain_length(const char *text, apr_size_t length)
{
    apr_size_t i = 0;

    while (i < length && (unsigned char)text[i] < 0x7F) {
        i++;
    }
    return i;
}

/** One character that is not plain. @param escaped out: whether it is to be escaped. @return its bytes; a byte that is not UTF-8 counts as one */
static apr_size_t take(apr_uint32_t *point, int *escaped, const char *text, apr_size_t length)
{
    apr_size_t size = 1;

    *point = (unsigned char)*text;
    if (*point >= 0x80 && (size = amlaps_text_decode(point, text, length)) == 0) {
        *escaped = 0;
        return 1;
    }
    *escaped = amlaps_text_is_control(*point);
    return size;
}

/** Behind such a backslash it is no JSON, and an escape here would make it some. */
static int is_behind_backslash(const char *json, apr_size_t at)
{
    apr_size_t backslashes = 0;

    while (backslashes < at && json[at - 1 - backslashes] == '\\') {
        backslashes++;
    }
    return backslashes % 2 != 0;
}

const char *amlaps_json_legible(apr_size_t *length, const char *json, apr_size_t json_length, apr_pool_t *pool)
{
    apr_size_t at = plain_length(json, json_length);
    const char *text = json;
    char *end = NULL;

    *length = json_length;
    while (at < json_length) {
        apr_uint32_t point;
        int escaped;
        apr_size_t size = take(&point, &escaped, json + at, json_length - at);

        escaped = escaped && !is_behind_backslash(json, at);
        if (escaped && end == NULL) {
            text = end = apr_palloc(pool, ESCAPE * json_length + 1);
            memcpy(end, json, at);
            end += at;
        }
        if (escaped) {
            end += snprintf(end, ESCAPE + 1, "\\u%04x", (unsigned)point);
            at += size;
            size = 0;
        }
        size += plain_length(json + at + size, json_length - at - size);
        if (end != NULL) {
            memcpy(end, json + at, size);
            end += size;
        }
        at += size;
    }
    if (end != NULL) {
        *end = '\0';
        *length = (apr_size_t)(end - text);
    }
    return text;
}

apr_size_t amlaps_json_legible_prefix(const char *text, apr_size_t length, apr_size_t most)
{
    apr_size_t at = 0;
    apr_size_t taken = 0;

    while (at < length) {
        apr_uint32_t point;
        int escaped;
        apr_size_t size = take(&point, &escaped, text + at, length - at);

        taken += escaped ? ESCAPE : size;
        if (taken > most) {
            return at;
        }
        at += size;
    }
    return length;
}
