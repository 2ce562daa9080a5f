/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "gap.h"

static int take_seq(void *baton, const amlaps_row_t *row)
{
    *(apr_int64_t *)baton = row->seq;
    return 0;
}

/** Does the store begin behind the record that must come? Where it does not answer, whoever reads on is told so. */
static int is_removed(const amlaps_gap_t *gap)
{
    amlaps_error_t ignored = { 0 };
    apr_int64_t first = 0;

    return amlaps_store_each(gap->store, NULL, take_seq, &first, &ignored) == APR_SUCCESS && first > gap->next;
}

int amlaps_gap_follow(amlaps_gap_t *gap, const amlaps_row_t *row)
{
    if (gap->next != 0 && row->seq > gap->next && is_removed(gap)) {
        gap->removed = 1;
        return 0;
    }
    gap->next = row->seq < APR_INT64_MAX ? row->seq + 1 : 0;
    return 1;
}

apr_status_t amlaps_gap_end(amlaps_gap_t *gap, apr_int64_t to, amlaps_error_t *error)
{
    gap->removed |= gap->next != 0 && gap->next <= to && is_removed(gap);
    return gap->removed ? amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0241", APR_EAGAIN,
                                           "records from %" APR_INT64_T_FMT " on were exported and removed by amlaps-audit while they were being read; "
                                           "read again, and take those from its file", gap->next)
                        : APR_SUCCESS;
}
