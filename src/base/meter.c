/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/meter.h"

static const struct {
    apr_interval_time_t most;
    const char *seconds;
} bounds[AMLAPS_HISTOGRAM_BOUNDS] = {
    { 1000, "0.001" }, { 2500, "0.0025" }, { 5000, "0.005" }, { 10000, "0.01" }, { 25000, "0.025" }, { 50000, "0.05" },
    { 100000, "0.1" }, { 250000, "0.25" }, { 500000, "0.5" }, { 1000000, "1" }, { 2500000, "2.5" }, { 8000000, "8" },
};

const char *amlaps_histogram_bound(int index)
{
    return bounds[index].seconds;
}

void amlaps_count_add(amlaps_count_t *count)
{
    atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
}

apr_uint64_t amlaps_count_read(const amlaps_count_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

void amlaps_histogram_add(amlaps_histogram_t *histogram, apr_interval_time_t duration)
{
    int i = 0;

    duration = duration > 0 ? duration : 0;
    while (i < AMLAPS_HISTOGRAM_BOUNDS && duration > bounds[i].most) {
        i++;
    }
    atomic_fetch_add_explicit(&histogram->microseconds, (apr_uint64_t)duration, memory_order_relaxed);
    amlaps_count_add(&histogram->bucket[i]);
}
