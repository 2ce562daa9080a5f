/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "view.h"

#include <string.h>

#include <apr_strings.h>

static const struct {
    const char *object; /* NULL: the record itself */
    const char *member;
} names[AMLAPS_FIELDS] = {
    [AMLAPS_FIELD_ACTOR_NAME] = { "actor", "name" },       [AMLAPS_FIELD_ACTOR_OID] = { "actor", "oid" },
    [AMLAPS_FIELD_ACTOR_SUBJECT] = { "actor", "subject" }, [AMLAPS_FIELD_ACTOR_USERNAME] = { "actor", "username" },
    [AMLAPS_FIELD_ANCHOR] = { NULL, "anchor" },            [AMLAPS_FIELD_CODE] = { NULL, "code" },
    [AMLAPS_FIELD_DEVICE_ID] = { "device", "deviceId" },   [AMLAPS_FIELD_DEVICE_NAME] = { "device", "name" },
    [AMLAPS_FIELD_EVENT] = { NULL, "event" },              [AMLAPS_FIELD_HASH] = { NULL, "hash" },
    [AMLAPS_FIELD_ID] = { NULL, "id" },                    [AMLAPS_FIELD_OUTCOME] = { NULL, "outcome" },
    [AMLAPS_FIELD_PREV] = { NULL, "prev" },                [AMLAPS_FIELD_SEAL_ANCHOR] = { "seal", "anchor" },
    [AMLAPS_FIELD_SEAL_HASH] = { "seal", "hash" },         [AMLAPS_FIELD_STAGE] = { NULL, "stage" },
    [AMLAPS_FIELD_TIME] = { NULL, "time" }
};

const char *amlaps_view_member(amlaps_field_t field)
{
    return names[field].member;
}

int amlaps_slice_is(const amlaps_slice_t *slice, const char *text)
{
    if (slice->text == NULL || text == NULL) {
        return slice->text == text;
    }
    return strlen(text) == slice->length && memcmp(slice->text, text, slice->length) == 0;
}

static int is_same_text(const char *canonical, const char *text, apr_size_t length)
{
    return strlen(canonical) == length && memcmp(canonical, text, length) == 0;
}

static apr_int64_t number(const amlaps_json_t *object, const char *name)
{
    apr_int64_t value = 0;

    return amlaps_json_integer(amlaps_json_member(object, name), &value) ? value : 0;
}

const char *amlaps_view_parse(amlaps_view_t *view, const char *line, apr_size_t length, apr_pool_t *pool)
{
    const amlaps_json_t *seal;
    amlaps_json_t *json;
    const char *canonical;
    int i;

    memset(view, 0, sizeof(*view));
    if (amlaps_json_parse(&json, NULL, line, length, pool) != APR_SUCCESS || amlaps_json_kind(json) != AMLAPS_JSON_OBJECT) {
        return "it is no JSON object";
    }
    view->seq = number(json, "seq");
    if (!is_same_text(amlaps_json_canonical(json, pool), line, length)) {
        return "it is not in canonical form: it was edited";
    }
    for (i = 0; i < AMLAPS_FIELDS; i++) {
        const amlaps_json_t *object = names[i].object != NULL ? amlaps_json_member(json, names[i].object) : json;
        const char *text = amlaps_json_member_text(object, names[i].member);

        view->field[i].text = apr_pstrdup(pool, text);
        view->field[i].length = text != NULL ? strlen(text) : 0;
    }
    seal = amlaps_json_member(json, "seal");
    view->version = number(json, "v");
    view->seal_first = number(seal, "first");
    view->seal_last = number(seal, "last");
    if (view->field[AMLAPS_FIELD_ANCHOR].text == NULL && amlaps_json_member(json, "anchor") != NULL) {
        return "its anchor is none";
    }
    amlaps_json_remove(json, "hash");
    amlaps_json_remove(json, "anchor");
    canonical = amlaps_json_canonical(json, pool);
    view->hashed[0] = (amlaps_piece_t){ canonical, strlen(canonical) };
    view->pieces = 1;
    return NULL;
}

const char *amlaps_view_read(amlaps_view_t *view, const char *line, apr_size_t length, apr_pool_t *pool)
{
    return amlaps_view_scan(view, line, length) ? NULL : amlaps_view_parse(view, line, length, pool);
}

static int holds_real(const amlaps_json_t *json);

static int look_for_real(void *baton, const char *name, amlaps_json_t *value)
{
    int *found = baton;

    (void)name;
    *found = holds_real(value);
    return !*found;
}

/* Every real would be written as the same null, so that one could be put for another. */
static int holds_real(const amlaps_json_t *json)
{
    int found = amlaps_json_kind(json) == AMLAPS_JSON_REAL;
    apr_size_t i;

    if (amlaps_json_kind(json) == AMLAPS_JSON_OBJECT) {
        amlaps_json_each(json, look_for_real, &found);
    }
    for (i = 0; amlaps_json_kind(json) == AMLAPS_JSON_ARRAY && i < amlaps_json_length(json); i++) {
        found |= holds_real(amlaps_json_item(json, i));
    }
    return found;
}

const char *amlaps_view_read_copy(amlaps_view_t *view, const char *line, apr_size_t length, apr_pool_t *pool)
{
    const char *canonical;
    amlaps_json_t *json;

    if (amlaps_view_scan(view, line, length)) {
        return NULL;
    }
    memset(view, 0, sizeof(*view));
    if (amlaps_json_parse(&json, NULL, line, length, pool) != APR_SUCCESS || amlaps_json_kind(json) != AMLAPS_JSON_OBJECT) {
        return "it is no JSON object";
    }
    if (holds_real(json)) {
        return "it holds a number that is not whole: it was edited";
    }
    canonical = amlaps_json_canonical(json, pool);
    return amlaps_view_parse(view, canonical, strlen(canonical), pool);
}
