/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The one door to JSON: what it takes is written again as the same document. */
#include "amlaps/json.h"
#include "amlaps/text.h"
#include "fuzz.h"

static void check_texts(void *baton, const amlaps_json_t *json);

static int check_member(void *baton, const char *name, amlaps_json_t *value)
{
    fuzz_check(amlaps_text_is_utf8(name, strlen(name)));
    check_texts(baton, value);
    return 1;
}

static void check_texts(void *baton, const amlaps_json_t *json)
{
    const char *text = amlaps_json_text(json);

    fuzz_check(!text || amlaps_text_is_utf8(text, strlen(text)));
    for (apr_size_t i = 0; i < amlaps_json_length(json); i++) {
        check_texts(baton, amlaps_json_item(json, i));
    }
    amlaps_json_each(json, check_member, baton);
}

void fuzz_one(const uint8_t *bytes, size_t length, apr_pool_t *pool)
{
    amlaps_json_t *json, *again;
    char why[160] = "";

    if (amlaps_json_parse(&json, why, (const char *)bytes, length, pool) != APR_SUCCESS) {
        fuzz_check(why[0] && memchr(why, '\0', sizeof why));
        return;
    }
    check_texts(NULL, json);
    const char *text = amlaps_json_canonical(json, pool);
    fuzz_check(amlaps_text_is_utf8(text, strlen(text)));
    fuzz_check(amlaps_json_parse(&again, why, text, strlen(text), pool) == APR_SUCCESS);
    fuzz_check(strcmp(text, amlaps_json_canonical(again, pool)) == 0);
}
