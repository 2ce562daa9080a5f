/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "text_internal.h"

/** The text so far; `room` doubles, so that its copies cost no more than the text itself. */
typedef struct sink_t {
    char *bytes;
    apr_size_t length;
    apr_size_t room;
    apr_pool_t *pool;
} sink_t;

typedef struct member_t {
    const char *name;
    const json_t *value;
} member_t;

static void write_value(sink_t *sink, const json_t *json);

static char *make_room(sink_t *sink, apr_size_t more)
{
    if (more > sink->room - sink->length) {
        apr_size_t room = 2 * sink->room + more;
        char *bytes = apr_palloc(sink->pool, room);

        memcpy(bytes, sink->bytes, sink->length);
        sink->bytes = bytes;
        sink->room = room;
    }
    return sink->bytes + sink->length;
}

static void put(sink_t *sink, const char *bytes, apr_size_t length)
{
    memcpy(make_room(sink, length), bytes, length);
    sink->length += length;
}

/** The letter after the backslash in RFC 8785's short escapes, or 0. */
static char short_escape(unsigned char byte)
{
    switch (byte) {
    case '\b':
        return 'b';
    case '\t':
        return 't';
    case '\n':
        return 'n';
    case '\f':
        return 'f';
    case '\r':
        return 'r';
    case '"':
    case '\\':
        return (char)byte;
    default:
        return 0;
    }
}

/** Length of what stands at the beginning as it is; nearly always that is all of it. */
static apr_size_t plain_length(const char *text, apr_size_t length)
{
    apr_size_t i = 0;

    while (i < length && (unsigned char)text[i] >= 0x20 && (unsigned char)text[i] < 0x80 && text[i] != '"' && text[i] != '\\') {
        i++;
    }
    return i;
}

static char *write_escape(char *at, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";
    char letter = short_escape(byte);

    *at++ = '\\';
    if (letter != 0) {
        *at++ = letter;
        return at;
    }
    memcpy(at, "u00", 3);
    at[3] = hex[byte >> 4];
    at[4] = hex[byte & 0x0F];
    return at + 5;
}

apr_size_t amlaps_json_write_text(char *target, const char *text, apr_size_t length)
{
    char *at = target;

    *at++ = '"';
    while (length > 0) {
        apr_size_t size = plain_length(text, length);
        apr_uint32_t point;

        if (size > 0) {
            memcpy(at, text, size);
            at += size;
        }
        else if ((unsigned char)*text < 0x80) {
            at = write_escape(at, (unsigned char)*text);
            size = 1;
        }
        else if ((size = amlaps_text_decode(&point, text, length)) == 0) {
            at += amlaps_text_encode(at, 0xFFFD);
            size = 1;
        }
        else {
            memcpy(at, text, size);
            at += size;
        }
        text += size;
        length -= size;
    }
    *at++ = '"';
    return (apr_size_t)(at - target);
}

static void put_text(sink_t *sink, const char *text)
{
    apr_size_t length = strlen(text);
    char *at = make_room(sink, 6 * length + 3);

    sink->length += amlaps_json_write_text(at, text, length);
}

/** Where a lead byte stands in the order of UTF-16: U+E000 to U+FFFF (EE, EF) come after the surrogates that stand for
 *  everything beyond them (F0 to F4). Otherwise bytes and code units sort alike. */
static int utf16_rank(unsigned char byte)
{
    return byte == 0xEE || byte == 0xEF ? byte + 0x10 : byte;
}

static int compare_members(const void *left, const void *right)
{
    const unsigned char *a = (const unsigned char *)((const member_t *)left)->name;
    const unsigned char *b = (const unsigned char *)((const member_t *)right)->name;

    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return utf16_rank(*a) - utf16_rank(*b);
}

static void write_object(sink_t *sink, const json_t *json)
{
    json_t *object = (json_t *)json;
    apr_size_t count = json_object_size(json);
    member_t *members = apr_palloc(sink->pool, (count + 1) * sizeof(*members));
    apr_size_t i = 0;
    void *at;

    for (at = json_object_iter(object); at != NULL && i < count; at = json_object_iter_next(object, at)) {
        members[i].name = json_object_iter_key(at);
        members[i].value = json_object_iter_value(at);
        i++;
    }
    qsort(members, count, sizeof(*members), compare_members);
    put(sink, "{", 1);
    for (i = 0; i < count; i++) {
        if (i > 0) {
            put(sink, ",", 1);
        }
        put_text(sink, members[i].name);
        put(sink, ":", 1);
        write_value(sink, members[i].value);
    }
    put(sink, "}", 1);
}

static void write_array(sink_t *sink, const json_t *json)
{
    apr_size_t count = json_array_size(json);
    apr_size_t i;

    put(sink, "[", 1);
    for (i = 0; i < count; i++) {
        if (i > 0) {
            put(sink, ",", 1);
        }
        write_value(sink, json_array_get(json, i));
    }
    put(sink, "]", 1);
}

static void write_integer(sink_t *sink, const json_t *json)
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, json_integer_value(json));

    put(sink, digits, (apr_size_t)length);
}

static void write_value(sink_t *sink, const json_t *json)
{
    switch (amlaps_json_kind(json)) {
    case AMLAPS_JSON_OBJECT:
        write_object(sink, json);
        break;
    case AMLAPS_JSON_ARRAY:
        write_array(sink, json);
        break;
    case AMLAPS_JSON_TEXT:
        put_text(sink, json_string_value(json));
        break;
    case AMLAPS_JSON_INTEGER:
        write_integer(sink, json);
        break;
    case AMLAPS_JSON_BOOL:
        put(sink, json_is_true(json) ? "true" : "false", json_is_true(json) ? 4 : 5);
        break;
    case AMLAPS_JSON_NONE:
    case AMLAPS_JSON_NULL:
    case AMLAPS_JSON_REAL:
        put(sink, "null", 4);
        break;
    }
}

const char *amlaps_json_canonical(const amlaps_json_t *json, apr_pool_t *pool)
{
    sink_t sink = { NULL, 0, 512, pool };

    sink.bytes = apr_palloc(pool, sink.room);
    write_value(&sink, json);
    put(&sink, "", 1);
    return sink.bytes;
}
