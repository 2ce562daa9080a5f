/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_METER_H
#define AMLAPS_METER_H

/*
 * Counts and durations that all children share. Every field is one atomic word, changed by one instruction: whatever kills a child, the
 * numbers stay right. All zero is a fresh one. Any thread of any process that has the memory.
 */

#include <stdatomic.h>

#include <apr_time.h>

typedef _Atomic apr_uint64_t amlaps_count_t;

#define AMLAPS_HISTOGRAM_BOUNDS 12

/** Durations, by upper bound; the last bucket has none. */
typedef struct amlaps_histogram_t {
    amlaps_count_t bucket[AMLAPS_HISTOGRAM_BOUNDS + 1]; /* of durations above the bound before, and up to this one */
    amlaps_count_t microseconds;                        /* all together */
} amlaps_histogram_t;

/** The upper bounds, in seconds as Prometheus writes them: "0.005". @param index 0 to AMLAPS_HISTOGRAM_BOUNDS - 1 */
const char *amlaps_histogram_bound(int index);

void amlaps_histogram_add(amlaps_histogram_t *histogram, apr_interval_time_t duration);

void amlaps_count_add(amlaps_count_t *count);
apr_uint64_t amlaps_count_read(const amlaps_count_t *count);

#endif
