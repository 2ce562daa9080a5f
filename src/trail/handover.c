/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "handover.h"

#include <string.h>

#include "store.h"

/* How much of what a copy missed is read at a time. */
#define PORTION 256

typedef struct portion_t {
    amlaps_copies_t copies;
    apr_int64_t found; /* the first record that the store has, which may be a later one; 0: none */
    apr_pool_t *pool;
} portion_t;

static int take_row(void *baton, const amlaps_row_t *row)
{
    portion_t *portion = baton;
    amlaps_copies_t *copies = &portion->copies;

    if (row->body == NULL) {
        return copies->count == 0;
    }
    portion->found = portion->found != 0 ? portion->found : row->seq;
    if (row->seq != copies->first + (apr_int64_t)copies->count) {
        return 0;
    }
    copies->line[copies->count] = amlaps_record_copy(&copies->length[copies->count], row->body, row->length, row->anchor, portion->pool);
    return ++copies->count < PORTION;
}

/** The store no longer has them; a verifier of the copy will see the gap, and the log tells why. @param found the first that it has, 0: none */
static void skip(const amlaps_sink_t *sink, amlaps_copy_state_t *state, apr_int64_t found, apr_int64_t next)
{
    const apr_int64_t last = (found != 0 ? found : next) - 1;

    amlaps_log(AMLAPS_LOG_WARNING, "AML0280", APR_EGENERAL, "the audit copy %s lacks records %" APR_INT64_T_FMT " to %" APR_INT64_T_FMT
               ", which the store does not have either; it goes on without them", sink->name, state->last + 1, last);
    state->last = last;
}

/** Gives a copy what it lacks before record `next`. @return APR_SUCCESS where it lacks nothing any more */
static apr_status_t refill(amlaps_handover_t *handover, apr_int64_t next)
{
    amlaps_sink_t *sink = handover->sink;
    amlaps_copy_state_t *state = handover->state;
    apr_status_t status = APR_SUCCESS;
    apr_pool_t *own;

    if (apr_pool_create(&own, handover->pool) != APR_SUCCESS) {
        return amlaps_sink_failed(sink, APR_ENOMEM, &handover->error);
    }
    while (status == APR_SUCCESS && state->last + 1 < next) {
        amlaps_range_t range = { .after = state->last, .before = next };
        portion_t portion = { .pool = own };
        apr_size_t done = 0;

        apr_pool_clear(own);
        portion.copies.line = apr_palloc(own, PORTION * sizeof(const char *));
        portion.copies.length = apr_palloc(own, PORTION * sizeof(apr_size_t));
        portion.copies.first = state->last + 1;
        if ((status = amlaps_store_each(handover->store, &range, take_row, &portion, &handover->error)) == APR_SUCCESS) {
            if (portion.copies.count == 0) {
                skip(sink, state, portion.found, next);
                continue;
            }
            status = sink->put(&done, sink, state, &portion.copies, 0, handover->until, &handover->error, own);
            state->last += (apr_int64_t)done;
        }
    }
    apr_pool_destroy(own);
    return status;
}

typedef struct half_t {
    const char *text;
    apr_size_t length;
    apr_int64_t seq; /* the oldest record that begins so; 0: none */
    int looked_at;
    apr_pool_t *pool;
} half_t;

static int compare_row(void *baton, const amlaps_row_t *row)
{
    half_t *half = baton;
    apr_size_t length = 0;
    const char *line = row->body != NULL ? amlaps_record_copy(&length, row->body, row->length, row->anchor, half->pool) : NULL;

    if (length >= half->length && memcmp(line, half->text, half->length) == 0) {
        half->seq = row->seq;
    }
    return ++half->looked_at < PORTION;
}

/** The last record that a file has which was just opened. One with nothing but half a line lacks that record; otherwise it begins with the first
 *  that there was for it. */
static apr_int64_t last_in(const amlaps_handover_t *handover)
{
    const amlaps_sink_t *sink = handover->sink;
    const amlaps_range_t newest = { .newest_first = 1 };
    half_t half = { .pool = handover->pool };
    amlaps_error_t ignored = { 0 };

    if (sink->last > 0) {
        return sink->last;
    }
    half.text = amlaps_sink_half_line(&half.length, sink, handover->pool);
    if (half.text == NULL || amlaps_store_each(handover->store, &newest, compare_row, &half, &ignored) != APR_SUCCESS || half.seq == 0) {
        return handover->state->begins - 1;
    }
    return half.seq - 1;
}

/** Finds where the copy stands, as far as anybody knows. */
static void look_up(const amlaps_handover_t *handover, apr_int64_t next)
{
    amlaps_copy_state_t *state = handover->state;

    if (!state->known) {
        state->last = last_in(handover);
        state->known = 1;
    }
    if (state->last >= next) {
        amlaps_error_t error = { 0 };

        amlaps_error_set(&error, AMLAPS_AUDIT_UNAVAILABLE, "AML0281", APR_EGENERAL,
                         "the audit copy %s has record %" APR_INT64_T_FMT ", the store comes to %" APR_INT64_T_FMT " only now: the store is an older "
                         "one, or another; compare the two", handover->sink->name, state->last, next);
        amlaps_trouble_say(handover->trouble, AMLAPS_LOG_ERROR, &error);
        state->last = next - 1;
    }
}

apr_status_t amlaps_hand_over(amlaps_handover_t *handover)
{
    const amlaps_copies_t *copies = &handover->copies;
    apr_status_t status;
    apr_size_t done = 0;

    look_up(handover, copies->first);
    status = refill(handover, copies->first);
    if (status == APR_SUCCESS && copies->count > 0) {
        status = handover->sink->put(&done, handover->sink, handover->state, copies, 0, handover->until, &handover->error, handover->pool);
        handover->state->last += (apr_int64_t)done;
    }
    return status;
}
