/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What is lifted out of a JSON text is exactly the named members, and nothing of them is left for the JSON library to see. */
#include "../../src/graph/lift.h"

#include "amlaps/text.h"
#include "fuzz.h"

typedef struct pair_t {
    const amlaps_json_t *before; /* the document without lifting */
    const amlaps_lifted_t *lifted;
} pair_t;

static void compare(const amlaps_json_t *before, const amlaps_json_t *after, const amlaps_lifted_t *lifted);

static void compare_secret(const amlaps_json_t *before, const amlaps_json_t *after, const amlaps_lifted_t *lifted)
{
    const char *text = amlaps_json_text(before), *value;
    apr_size_t length;

    if (!text) {
        fuzz_check(amlaps_json_kind(before) == AMLAPS_JSON_NULL && amlaps_json_kind(after) == AMLAPS_JSON_NULL);
        return;
    }
    fuzz_check(amlaps_lift_value(&value, &length, lifted, after));
    fuzz_check(length == strlen(text) && memcmp(value, text, length) == 0 && value[length] == '\0');
    fuzz_check(length < 4 || strcmp(text, amlaps_json_text(after)) != 0);
}

static int compare_member(void *baton, const char *name, amlaps_json_t *after)
{
    const pair_t *pair = baton;
    const amlaps_json_t *before = amlaps_json_member(pair->before, name);

    if (strcmp(name, "secret") == 0) {
        compare_secret(before, after, pair->lifted);
    }
    else {
        compare(before, after, pair->lifted);
    }
    return 1;
}

static void compare(const amlaps_json_t *before, const amlaps_json_t *after, const amlaps_lifted_t *lifted)
{
    pair_t pair = {before, lifted};

    fuzz_check(amlaps_json_kind(before) == amlaps_json_kind(after) && amlaps_json_length(before) == amlaps_json_length(after));
    if (amlaps_json_text(before)) {
        fuzz_check(strcmp(amlaps_json_text(before), amlaps_json_text(after)) == 0);
    }
    for (apr_size_t i = 0; i < amlaps_json_length(before); i++) {
        compare(amlaps_json_item(before, i), amlaps_json_item(after, i), lifted);
    }
    amlaps_json_each(after, compare_member, &pair);
}

void fuzz_one(const uint8_t *bytes, size_t length, apr_pool_t *pool)
{
    static const char *const names[] = {"secret", NULL};
    amlaps_secret_t *body = amlaps_secret_make(length + 1, pool);
    amlaps_json_t *before = NULL, *after = NULL;
    amlaps_lifted_t lifted;

    fuzz_check(body && amlaps_secret_append(body, (const char *)bytes, length) == APR_SUCCESS);
    const int is_json = amlaps_json_parse(&before, NULL, (const char *)bytes, length, pool) == APR_SUCCESS;
    if (length == 0 || amlaps_lift(&lifted, body, names, pool) != APR_SUCCESS) {
        return;
    }
    fuzz_check(body->length == length);
    const int still_json = amlaps_json_parse(&after, NULL, body->bytes, body->length, pool) == APR_SUCCESS;
    fuzz_check(!is_json || still_json);
    if (is_json) {
        compare(before, after, &lifted);
    }
}
