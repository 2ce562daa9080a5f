/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "sinks.h"

#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "store.h"

/* How much of what a copy missed is read at a time. */
#define PORTION 256
/* A copy that failed a moment ago is only knocked at. */
#define KNOCK apr_time_from_msec(100)
#define PAUSE apr_time_from_sec(1)

struct amlaps_sinks_t {
    const char *store;
    amlaps_sink_t *sink;
    apr_size_t count;
    amlaps_trail_shared_t *shared;
    amlaps_trouble_t *trouble;
};

static apr_time_t steady(void)
{
    return amlaps_clock_steady(amlaps_clock_system());
}

amlaps_sinks_t *amlaps_sinks_make(const char *store, const amlaps_trail_sink_t *sinks, apr_size_t count, amlaps_trail_shared_t *shared,
                                  amlaps_trouble_t *trouble, apr_pool_t *pool)
{
    amlaps_sinks_t *made = apr_pcalloc(pool, sizeof(*made));
    apr_size_t i;

    made->store = store;
    made->sink = apr_pcalloc(pool, (count + 1) * sizeof(*made->sink));
    made->count = count;
    made->shared = shared;
    made->trouble = trouble;
    for (i = 0; i < count; i++) {
        amlaps_sink_t *sink = &made->sink[i];

        sink->name = apr_pstrdup(pool, sinks[i].name);
        sink->required = sinks[i].required != 0;
        sink->fd = sinks[i].kind == AMLAPS_SINK_SYSLOG ? -1 : sinks[i].fd;
        sink->place = apr_pstrdup(pool, sinks[i].place);
        sink->socket = apr_pstrdup(pool, sinks[i].socket);
        sink->priority = sinks[i].priority;
        sink->last = sinks[i].last;
        sink->reader = sinks[i].end != NULL ? sinks[i].end->fd : -1;
        sink->whole = sinks[i].end != NULL ? sinks[i].end->whole : 0;
        sink->shared = shared;
        sink->generation = amlaps_shared_generation(shared);
        sink->put = sinks[i].kind == AMLAPS_SINK_PIPE     ? amlaps_sink_put_pipe
                    : sinks[i].kind == AMLAPS_SINK_SYSLOG ? amlaps_sink_put_syslog
                                                          : amlaps_sink_put_file;
        amlaps_copy_key(sink->key, store, sink->name);
    }
    return made;
}

void amlaps_sinks_close(amlaps_sinks_t *sinks)
{
    apr_size_t i;

    for (i = 0; i < sinks->count; i++) {
        if (sinks->sink[i].socket != NULL && sinks->sink[i].fd >= 0) {
            close(sinks->sink[i].fd);
            sinks->sink[i].fd = -1;
        }
    }
}

/* ---- what a copy missed ---- */

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
static apr_status_t refill(amlaps_sinks_t *sinks, amlaps_sink_t *sink, amlaps_copy_state_t *state, apr_int64_t next, apr_time_t until,
                           amlaps_error_t *error, apr_pool_t *pool)
{
    apr_status_t status = APR_SUCCESS;
    apr_pool_t *own;

    if (apr_pool_create(&own, pool) != APR_SUCCESS) {
        return amlaps_sink_failed(sink, APR_ENOMEM, error);
    }
    while (status == APR_SUCCESS && state->last + 1 < next) {
        amlaps_range_t range = { .after = state->last, .before = next };
        portion_t portion = { .pool = own };
        apr_size_t done = 0;

        apr_pool_clear(own);
        portion.copies.line = apr_palloc(own, PORTION * sizeof(const char *));
        portion.copies.length = apr_palloc(own, PORTION * sizeof(apr_size_t));
        portion.copies.first = state->last + 1;
        if ((status = amlaps_store_each(sinks->store, &range, take_row, &portion, error)) == APR_SUCCESS) {
            if (portion.copies.count == 0) {
                skip(sink, state, portion.found, next);
                continue;
            }
            status = sink->put(&done, sink, state, &portion.copies, 0, until, error, own);
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

/** The last record that a file has which was just opened. One with nothing but half a line lacks that record; otherwise it begins with the next. */
static apr_int64_t last_in(const amlaps_sinks_t *sinks, const amlaps_sink_t *sink, apr_int64_t next, apr_pool_t *pool)
{
    const amlaps_range_t newest = { .newest_first = 1 };
    half_t half = { .pool = pool };
    amlaps_error_t ignored = { 0 };

    if (sink->last > 0) {
        return sink->last;
    }
    half.text = amlaps_sink_half_line(&half.length, sink, pool);
    if (half.text == NULL || amlaps_store_each(sinks->store, &newest, compare_row, &half, &ignored) != APR_SUCCESS || half.seq == 0) {
        return next - 1;
    }
    return half.seq - 1;
}

/** Where the copy stands, as far as anybody knows. */
static amlaps_copy_state_t *look_up(amlaps_sinks_t *sinks, amlaps_sink_t *sink, apr_int64_t next, apr_pool_t *pool)
{
    amlaps_copy_state_t *state = amlaps_shared_copy(sinks->shared, sink->key);

    if (!state->known) {
        state->last = last_in(sinks, sink, next, pool);
        state->known = 1;
    }
    if (state->last >= next) {
        amlaps_error_t error = { 0 };

        amlaps_error_set(&error, AMLAPS_AUDIT_UNAVAILABLE, "AML0281", APR_EGENERAL,
                         "the audit copy %s has record %" APR_INT64_T_FMT ", the store comes to %" APR_INT64_T_FMT " only now: the store is an older "
                         "one, or another; compare the two", sink->name, state->last, next);
        amlaps_trouble_say(sinks->trouble, AMLAPS_LOG_ERROR, &error);
        state->last = next - 1;
    }
    return state;
}

/* ---- writing ---- */

static apr_status_t write_sink(amlaps_sinks_t *sinks, amlaps_sink_t *sink, const amlaps_copies_t *copies, apr_time_t until,
                               amlaps_error_t *error, apr_pool_t *pool)
{
    amlaps_copy_state_t *state = look_up(sinks, sink, copies->first, pool);
    apr_status_t status = refill(sinks, sink, state, copies->first, until, error, pool);
    apr_size_t done = 0;

    if (status == APR_SUCCESS && copies->count > 0) {
        status = sink->put(&done, sink, state, copies, 0, until, error, pool);
        state->last += (apr_int64_t)done;
    }
    sink->behind = status != APR_SUCCESS;
    if (sink->failing && status == APR_SUCCESS) {
        amlaps_log(AMLAPS_LOG_NOTICE, "AML0282", APR_SUCCESS, "the audit copy %s has all records again", sink->name);
    }
    sink->failing = status != APR_SUCCESS;
    return status;
}

static apr_time_t deadline(const amlaps_sink_t *sink, apr_time_t until)
{
    apr_time_t now = steady();

    if (!sink->required) {
        return now;
    }
    return sink->failing && now + KNOCK < until ? now + KNOCK : until;
}

apr_status_t amlaps_sinks_write(amlaps_sinks_t *sinks, const amlaps_copies_t *copies, apr_interval_time_t patience, amlaps_error_t *error,
                                apr_pool_t *pool)
{
    apr_time_t until = steady() + patience;
    apr_status_t status = APR_SUCCESS;
    apr_size_t i;

    for (i = 0; i < sinks->count; i++) {
        amlaps_sink_t *sink = &sinks->sink[i];
        amlaps_error_t one = { 0 };

        if (!sink->required && sink->failing && steady() < sink->pause_until) {
            continue;
        }
        if (write_sink(sinks, sink, copies, deadline(sink, until), &one, pool) == APR_SUCCESS) {
            continue;
        }
        sink->pause_until = steady() + PAUSE;
        if (!sink->required) {
            amlaps_trouble_say(sinks->trouble, AMLAPS_LOG_WARNING, &one);
        } else if (status == APR_SUCCESS) {
            *error = one;
            status = one.status;
        }
    }
    return status;
}

int amlaps_sinks_behind(const amlaps_sinks_t *sinks)
{
    int behind = 0;
    apr_size_t i;

    for (i = 0; i < sinks->count; i++) {
        if (sinks->sink[i].behind && behind < 1 + sinks->sink[i].required) {
            behind = 1 + sinks->sink[i].required;
        }
    }
    return behind;
}

static int take_seq(void *baton, const amlaps_row_t *row)
{
    *(apr_int64_t *)baton = row->seq;
    return 0;
}

apr_status_t amlaps_sinks_catch_up(amlaps_sinks_t *sinks, apr_interval_time_t patience, amlaps_error_t *error, apr_pool_t *pool)
{
    const amlaps_range_t newest = { .newest_first = 1 };
    amlaps_copies_t none = { 0 };
    apr_int64_t head = 0;

    if (amlaps_store_each(sinks->store, &newest, take_seq, &head, error) != APR_SUCCESS) {
        return error->status;
    }
    none.first = head + 1;
    return amlaps_sinks_write(sinks, &none, patience, error, pool);
}
