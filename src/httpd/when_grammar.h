/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_HTTPD_WHEN_GRAMMAR_H
#define AMLAPS_HTTPD_WHEN_GRAMMAR_H

#include "httpd_glue.h"

/** The operators that `=~` and `!~` become, behind a dash; their second operand is the pattern's place in the list, as a text. */
#define AMLAPS_WHEN_FOUND "amlaps_found"
#define AMLAPS_WHEN_MISSING "amlaps_missing"

/**
 * From a condition as it is written to what httpd's grammar takes.
 * @param grammar lives in `pool`, as do the patterns
 * @param patterns out: const amlaps_pattern_t *, added in their order
 * @return NULL, or the mistake
 */
const char *amlaps_when_to_grammar(const char **grammar, apr_array_header_t *patterns, const char *text, apr_pool_t *pool);

#endif
