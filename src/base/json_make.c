/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/json.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "json_internal.h"
#include "text_internal.h"

/*
 * Only objects and arrays are kept by a pool, each by one cleanup; what is set or added holds a reference of its own, and
 * texts, numbers and the like belong to the object or array alone.
 */

/** jansson fails here only where malloc does. A record that lacks a member must not come into being, so this ends the child as
 *  APR ends it where a pool gets no memory. */
static void *need(void *made)
{
    if (made == NULL) {
        abort();
    }
    return made;
}

static void need_done(int status)
{
    if (status != 0) {
        abort();
    }
}

/** @return a copy of `text` with U+FFFD for each byte that is not UTF-8; the caller frees it */
static char *mend(const char *text, apr_size_t length)
{
    char *copy = need(malloc(3 * length + 1));
    const char *end = text + length;
    char *at = copy;

    while (text < end) {
        apr_uint32_t point;
        apr_size_t size = amlaps_text_decode(&point, text, (apr_size_t)(end - text));

        if (size == 0) {
            at += amlaps_text_encode(at, 0xFFFD);
            text++;
        }
        else {
            memcpy(at, text, size);
            at += size;
            text += size;
        }
    }
    *at = '\0';
    return copy;
}

static json_t *make_text(const char *text)
{
    apr_size_t length;
    json_t *made;
    char *mended;

    if (text == NULL) {
        return json_null();
    }
    length = strlen(text);
    if (amlaps_text_is_utf8(text, length)) {
        return need(json_stringn_nocheck(text, length));
    }
    mended = mend(text, length);
    made = need(json_string_nocheck(mended));
    free(mended);
    return made;
}

/** Takes over the caller's reference to `value`. */
static void set_new(json_t *object, const char *name, json_t *value)
{
    apr_size_t length;
    char *mended;

    if (!json_is_object(object) || name == NULL || object == value) {
        json_decref(value);
        return;
    }
    length = strlen(name);
    if (amlaps_text_is_utf8(name, length)) {
        need_done(json_object_set_new_nocheck(object, name, value));
        return;
    }
    mended = mend(name, length);
    need_done(json_object_set_new_nocheck(object, mended, value));
    free(mended);
}

static void add_new(json_t *array, json_t *value)
{
    if (!json_is_array(array) || array == value) {
        json_decref(value);
        return;
    }
    need_done(json_array_append_new(array, value));
}

amlaps_json_t *amlaps_json_make_object(apr_pool_t *pool)
{
    json_t *made = need(json_object());

    amlaps_json_keep(made, pool);
    return made;
}

amlaps_json_t *amlaps_json_make_array(apr_pool_t *pool)
{
    json_t *made = need(json_array());

    amlaps_json_keep(made, pool);
    return made;
}

void amlaps_json_set(amlaps_json_t *object, const char *name, amlaps_json_t *value)
{
    set_new(object, name, value == NULL ? json_null() : json_incref(value));
}

void amlaps_json_set_text(amlaps_json_t *object, const char *name, const char *text)
{
    set_new(object, name, make_text(text));
}

void amlaps_json_set_known(amlaps_json_t *object, const char *name, const char *text)
{
    if (text != NULL) {
        set_new(object, name, make_text(text));
    }
}

void amlaps_json_set_integer(amlaps_json_t *object, const char *name, apr_int64_t value)
{
    set_new(object, name, need(json_integer(value)));
}

void amlaps_json_set_bool(amlaps_json_t *object, const char *name, int value)
{
    set_new(object, name, json_boolean(value));
}

void amlaps_json_set_null(amlaps_json_t *object, const char *name)
{
    set_new(object, name, json_null());
}

void amlaps_json_remove(amlaps_json_t *object, const char *name)
{
    if (name != NULL) {
        (void)json_object_del(object, name);
    }
}

void amlaps_json_add(amlaps_json_t *array, amlaps_json_t *value)
{
    add_new(array, value == NULL ? json_null() : json_incref(value));
}

void amlaps_json_add_text(amlaps_json_t *array, const char *text)
{
    add_new(array, make_text(text));
}
