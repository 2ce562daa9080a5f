/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/json.h"

#include <stdio.h>

#include <jansson.h>

#include "json_internal.h"

#define DEPTH_MOST 128

static apr_status_t release(void *data)
{
    json_decref(data);
    return APR_SUCCESS;
}

void amlaps_json_keep(amlaps_json_t *json, apr_pool_t *pool)
{
    apr_pool_cleanup_register(pool, json, release, apr_pool_cleanup_null);
}

/** jansson stops at 2048 levels only, which is more stack than a thread of httpd may have to spare. Right for every text that
 *  is JSON; for others it does not matter, since jansson refuses them next. */
static int is_too_deep(const char *text, apr_size_t length)
{
    int in_text = 0;
    int depth = 0;
    apr_size_t i;

    for (i = 0; i < length; i++) {
        char c = text[i];

        if (in_text) {
            if (c == '\\') {
                i++;
            }
            else if (c == '"') {
                in_text = 0;
            }
        }
        else if (c == '"') {
            in_text = 1;
        }
        else if (c == '[' || c == '{') {
            if (++depth > DEPTH_MOST) {
                return 1;
            }
        }
        else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return 0;
}

/** Words of our own, because jansson's quote the text, and the text may be a secret. */
static const char *fault_words(const json_error_t *fault)
{
    switch (json_error_code(fault)) {
    case json_error_out_of_memory:
        return "out of memory";
    case json_error_invalid_utf8:
        return "not UTF-8";
    case json_error_premature_end_of_input:
        return "it ends too early";
    case json_error_end_of_input_expected:
        return "something follows the document";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a text holds NUL";
    case json_error_duplicate_key:
        return "a member is repeated";
    case json_error_numeric_overflow:
        return "a number is too large";
    default:
        return "not JSON";
    }
}

apr_status_t amlaps_json_parse(amlaps_json_t **json, char why[160], const char *text, apr_size_t length, apr_pool_t *pool)
{
    json_error_t fault;
    json_t *document;

    *json = NULL;
    if (text == NULL || is_too_deep(text, length)) {
        if (why != NULL) {
            snprintf(why, 160, "%s", text == NULL ? "no text" : "nested too deeply");
        }
        return APR_EGENERAL;
    }
    document = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
    if (document == NULL) {
        if (why != NULL) {
            snprintf(why, 160, "%s (line %d, column %d, byte %d)", fault_words(&fault), fault.line, fault.column,
                     fault.position);
        }
        return APR_EGENERAL;
    }
    amlaps_json_keep(document, pool);
    *json = document;
    return APR_SUCCESS;
}

amlaps_json_kind_t amlaps_json_kind(const amlaps_json_t *json)
{
    if (json == NULL) {
        return AMLAPS_JSON_NONE;
    }
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return AMLAPS_JSON_OBJECT;
    case JSON_ARRAY:
        return AMLAPS_JSON_ARRAY;
    case JSON_STRING:
        return AMLAPS_JSON_TEXT;
    case JSON_INTEGER:
        return AMLAPS_JSON_INTEGER;
    case JSON_REAL:
        return AMLAPS_JSON_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return AMLAPS_JSON_BOOL;
    case JSON_NULL:
        break;
    }
    return AMLAPS_JSON_NULL;
}

amlaps_json_t *amlaps_json_member(const amlaps_json_t *json, const char *name)
{
    return name == NULL ? NULL : json_object_get(json, name);
}

apr_size_t amlaps_json_length(const amlaps_json_t *json)
{
    return json_array_size(json);
}

amlaps_json_t *amlaps_json_item(const amlaps_json_t *json, apr_size_t index)
{
    return json_array_get(json, index);
}

void amlaps_json_each(const amlaps_json_t *json, amlaps_json_visit_t visit, void *baton)
{
    /* jansson's walk takes the object without const, though it changes nothing. */
    json_t *object = (json_t *)json;
    void *at;

    for (at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        if (!visit(baton, json_object_iter_key(at), json_object_iter_value(at))) {
            return;
        }
    }
}

const char *amlaps_json_text(const amlaps_json_t *json)
{
    return json_string_value(json);
}

const char *amlaps_json_member_text(const amlaps_json_t *json, const char *name)
{
    return json_string_value(amlaps_json_member(json, name));
}

int amlaps_json_integer(const amlaps_json_t *json, apr_int64_t *value)
{
    if (!json_is_integer(json)) {
        return 0;
    }
    *value = json_integer_value(json);
    return 1;
}

int amlaps_json_bool(const amlaps_json_t *json, int *value)
{
    if (!json_is_boolean(json)) {
        return 0;
    }
    *value = json_is_true(json) ? 1 : 0;
    return 1;
}
