/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* AMLapsLimit's "N/minute". */
#include "amlaps/trail.h"
#include "fuzz.h"

void fuzz_one(const uint8_t *bytes, size_t length, apr_pool_t *pool)
{
    amlaps_limit_t limit;
    const char *mistake = amlaps_limit_parse(&limit, AMLAPS_LIMIT_USER, fuzz_text(bytes, length, pool), pool);

    fuzz_check(mistake ? *mistake : limit.most >= 1 && limit.most <= 1000000 && limit.period >= apr_time_from_sec(60));
}
