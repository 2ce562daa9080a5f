/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Retry-After and Date, one on a line each. */
#include "amlaps/transport.h"

#include "fuzz.h"

void fuzz_one(const uint8_t *bytes, size_t length, apr_pool_t *pool)
{
    char *text = (char *)fuzz_text(bytes, length, pool), *date = strchr(text, '\n');
    apr_interval_time_t wait = -1;

    if (date) {
        *date++ = '\0';
    }
    if (amlaps_retry_after(&wait, text, date, apr_time_from_sec(1795366800))) {
        fuzz_check(wait >= 0 && wait <= AMLAPS_RETRY_MOST);
    }
}
