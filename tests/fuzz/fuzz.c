/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fuzz.h"

#include <apr_general.h>
#include <apr_strings.h>

#include "amlaps/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static apr_pool_t *pool;

    if (!pool) {
        fuzz_check(apr_initialize() == APR_SUCCESS);
        fuzz_check(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    }
    fuzz_one(bytes, length, pool);
    apr_pool_clear(pool);
    return 0;
}

const char *fuzz_text(const uint8_t *bytes, size_t length, apr_pool_t *pool)
{
    return apr_pstrmemdup(pool, length ? (const char *)bytes : "", length);
}

const char *fuzz_piece(char **rest)
{
    char *piece = *rest;

    if (!piece) {
        return NULL;
    }
    char *end = strncmp(piece, "%%\n", 3) == 0 ? piece : strstr(piece, "\n%%\n");
    if (!end) {
        *rest = NULL;
        return piece;
    }
    *rest = end + (*end == '\n' ? 4 : 3);
    *end = '\0';
    return piece;
}

void fuzz_check_error(const amlaps_error_t *error)
{
    fuzz_check(error->status != APR_SUCCESS);
    fuzz_check(error->code > AMLAPS_OK && error->code < AMLAPS_CODES);
    fuzz_check(error->id && strncmp(error->id, "AML", 3) == 0);
    fuzz_check(error->detail[0] && !amlaps_text_has_controls(error->detail));
    fuzz_check(error->retry_after >= 0);
}
