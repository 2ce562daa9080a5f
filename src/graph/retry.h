/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_RETRY_H
#define AMLAPS_GRAPH_RETRY_H

/* How long to wait before asking Microsoft again. Pure but for the clock that is passed in. */

#include "amlaps/base.h"

#define AMLAPS_RETRY_MOST apr_time_from_sec(300) /* nobody is sent away for longer, whatever the server says */

/**
 * Reads Retry-After: seconds, also with a fraction (Graph sends them), or an HTTP date, which counts from `date` (the
 * answer's own) where that can be read, so that a wrong clock of ours does no harm, else from `now` (wall).
 * @return 1 and 0 to AMLAPS_RETRY_MOST, or 0 where it is absent or makes no sense
 */
int amlaps_retry_after(apr_interval_time_t *wait, const char *text, const char *date, apr_time_t now);

/** Where the server says nothing: 500 ms, and up to half of that more, so that many do not come back at once. */
apr_interval_time_t amlaps_retry_backoff(const amlaps_clock_t *clock);

#endif
