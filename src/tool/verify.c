/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <stdio.h>
#include <string.h>

#include "tool.h"

static int is_hash(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/** What a good trail was not checked for, so that nobody takes it for more. */
static void say_how_far(const amlaps_verify_t *result, const amlaps_tool_options_t *options)
{
    if (options->anchor != NULL) {
        printf("the anchor file covers records up to %" APR_INT64_T_FMT "\n", result->anchored);
    }
    if (!result->sealed) {
        puts("not sealed: whoever can write to the store could have written all of it anew");
    } else if (options->key == NULL && options->anchor == NULL) {
        puts("sealed, but checked without key and anchor file: whoever can write to the store could have written all of it anew");
    } else if (options->anchor == NULL && options->state == NULL) {
        puts("checked without anchor file: the end could have been cut off");
    }
    if (result->exported != 0) {
        printf("records up to %" APR_INT64_T_FMT " were exported and are not here\n", result->exported);
    }
    if (result->recovered != 0) {
        printf("record %" APR_INT64_T_FMT " tells of a recovery: what was before it is only as good as the copies of that time\n",
               result->recovered);
    }
}

static void say(const amlaps_verify_t *result, const amlaps_tool_options_t *options)
{
    if (result->first_bad != 0) {
        printf("BAD record %" APR_INT64_T_FMT ": %s\n", result->first_bad, result->problem);
        printf("%" APR_INT64_T_FMT " records before it are good\n", result->records);
    } else {
        printf("good: %" APR_INT64_T_FMT " records, the last is %" APR_INT64_T_FMT " with hash %s\n", result->records, result->last, result->head);
        say_how_far(result, options);
    }
}

int amlaps_tool_verify(const char *target, const amlaps_tool_options_t *options, apr_pool_t *pool)
{
    const char *store = amlaps_tool_store(target, pool);
    amlaps_verify_with_t with = { .anchors = options->anchor, .state = options->state, .after = options->after };
    amlaps_error_t error = { 0 };
    amlaps_keys_t *keys = NULL;
    amlaps_verify_t result;
    apr_status_t status;
    int code;

    if (options->after != NULL && !is_hash(options->after)) {
        return amlaps_tool_misuse("a hash has 64 hexadecimal digits in lower case: ", options->after);
    }
    if (store != NULL && options->after != NULL) {
        return amlaps_tool_misuse("--after is for files; a store knows where it begins", "");
    }
    if (options->key != NULL && (code = amlaps_tool_read_keys(&keys, options->key, pool)) != AMLAPS_TOOL_GOOD) {
        return code;
    }
    with.keys = keys;
    status = store != NULL ? amlaps_trail_verify(&result, &error, store, &with, pool)
                           : amlaps_trail_verify_file(&result, &error, target, &with, pool);
    if (status != APR_SUCCESS) {
        return amlaps_tool_failed(&error);
    }
    say(&result, options);
    return amlaps_tool_flush(result.first_bad != 0 ? AMLAPS_TOOL_BAD : AMLAPS_TOOL_GOOD);
}
