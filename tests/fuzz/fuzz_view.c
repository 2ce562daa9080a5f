/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The scanner of canonical records may say yes only where the strict parser does, and must see the same in them. */
#include <string.h>

#include <apr_strings.h>

#include "../../src/trail/view.h"
#include "fuzz.h"

static const char *hashed(const amlaps_view_t *view, apr_pool_t *pool)
{
    const char *text = "";
    apr_size_t i;

    for (i = 0; i < view->pieces; i++) {
        text = apr_pstrcat(pool, text, apr_pstrmemdup(pool, view->hashed[i].bytes, view->hashed[i].length), NULL);
    }
    return text;
}

void fuzz_one(const uint8_t *bytes, size_t length, apr_pool_t *pool)
{
    const char *line = apr_pstrmemdup(pool, (const char *)bytes, length);
    amlaps_view_t scanned, parsed;
    int i;

    if (!amlaps_view_scan(&scanned, line, length)) {
        return;
    }
    fuzz_check(amlaps_view_parse(&parsed, line, length, pool) == NULL);
    fuzz_check(scanned.seq == parsed.seq && scanned.version == parsed.version && scanned.seal_first == parsed.seal_first
               && scanned.seal_last == parsed.seal_last);
    fuzz_check(strcmp(hashed(&scanned, pool), hashed(&parsed, pool)) == 0);
    for (i = 0; i < AMLAPS_FIELDS; i++) {
        const amlaps_slice_t *a = &scanned.field[i], *b = &parsed.field[i];

        fuzz_check((a->text == NULL) == (b->text == NULL) && a->length == b->length && (a->text == NULL || memcmp(a->text, b->text, a->length) == 0));
    }
}
