/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "line.h"

#include <string.h>

static const char *const names[AMLAPS_SLOTS] = { "anchor", "code", "hash", "outcome", "prev", "seq", "stage", "time" };

void amlaps_line_clear(amlaps_line_t *line)
{
    int i;

    for (i = 0; i <= AMLAPS_SLOTS; i++) {
        line->part[i] = "";
    }
}

void amlaps_line_begin(amlaps_line_out_t *out, apr_pool_t *pool)
{
    memset(out, 0, sizeof(*out));
    out->pool = pool;
    out->room = 1024;
    out->bytes = apr_palloc(pool, out->room);
}

/** Room for so many bytes and the NUL of the part. */
static char *make_room(amlaps_line_out_t *out, apr_size_t more)
{
    if (more + 1 > out->room - out->length) {
        char *before = out->bytes;

        out->room = 2 * out->room + more;
        out->bytes = apr_palloc(out->pool, out->room);
        memcpy(out->bytes, before, out->length);
    }
    return out->bytes + out->length;
}

static void put(amlaps_line_out_t *out, const char *bytes, apr_size_t length)
{
    memcpy(make_room(out, length), bytes, length);
    out->length += length;
}

static void next_part(amlaps_line_out_t *out)
{
    *make_room(out, 0) = '\0';
    out->start[++out->part] = ++out->length;
}

/** Members of an object stay in its part. */
static void go_to_part(amlaps_line_out_t *out, const char *name)
{
    while (out->inside == 0 && out->part < AMLAPS_SLOTS && strcmp(name, names[out->part]) > 0) {
        next_part(out);
    }
}

static void put_name(amlaps_line_out_t *out, const char *name)
{
    go_to_part(out, name);
    if (out->length > (out->inside != 0 ? out->inside : out->start[out->part])) {
        put(out, ",", 1);
    }
    put(out, "\"", 1);
    put(out, name, strlen(name));
    put(out, "\":", 2);
}

void amlaps_line_put_text(amlaps_line_out_t *out, const char *name, const char *text, apr_size_t length)
{
    if (text != NULL) {
        put_name(out, name);
        out->length += amlaps_json_write_text(make_room(out, 6 * length + 3), text, length);
    }
}

void amlaps_line_put_json(amlaps_line_out_t *out, const char *name, const char *json)
{
    if (json != NULL) {
        put_name(out, name);
        put(out, json, strlen(json));
    }
}

void amlaps_line_open(amlaps_line_out_t *out, const char *name)
{
    go_to_part(out, name);
    out->before = out->length;
    put_name(out, name);
    put(out, "{", 1);
    out->inside = out->length;
}

void amlaps_line_close(amlaps_line_out_t *out)
{
    if (out->length == out->inside) {
        out->length = out->before;
    } else {
        put(out, "}", 1);
    }
    out->inside = 0;
}

void amlaps_line_end(amlaps_line_t *line, amlaps_line_out_t *out)
{
    int i;

    while (out->part < AMLAPS_SLOTS) {
        next_part(out);
    }
    *make_room(out, 0) = '\0';
    for (i = 0; i <= AMLAPS_SLOTS; i++) {
        line->part[i] = out->bytes + out->start[i];
    }
}

static char *append(char *end, const char *text)
{
    size_t length = strlen(text);

    memcpy(end, text, length);
    return end + length;
}

static char *append_part(char *end, const char *start, const char *text)
{
    if (*text != '\0') {
        if (end - start > 1) {
            *end++ = ',';
        }
        end = append(end, text);
    }
    return end;
}

const char *amlaps_line_join(apr_size_t *length, const amlaps_line_t *line, const char *const value[AMLAPS_SLOTS], apr_pool_t *pool)
{
    size_t room = 3;
    char *text;
    char *end;
    int i;

    for (i = 0; i <= AMLAPS_SLOTS; i++) {
        room += strlen(line->part[i]) + 1;
        if (i < AMLAPS_SLOTS && value[i] != NULL) {
            room += strlen(names[i]) + strlen(value[i]) + sizeof("\"\":,");
        }
    }
    text = apr_palloc(pool, room);
    end = append(text, "{");
    for (i = 0; i <= AMLAPS_SLOTS; i++) {
        end = append_part(end, text, line->part[i]);
        if (i < AMLAPS_SLOTS && value[i] != NULL) {
            end = append_part(end, text, "\"");
            end = append(append(append(end, names[i]), "\":"), value[i]);
        }
    }
    *end++ = '}';
    *end = '\0';
    *length = (apr_size_t)(end - text);
    return text;
}
