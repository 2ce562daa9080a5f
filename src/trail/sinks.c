/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "sinks.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "handover.h"
#include "store.h"

/* A copy that failed a moment ago is only knocked at. */
#define KNOCK apr_time_from_msec(100)
#define PAUSE apr_time_from_sec(1)
/* What a file that nobody needs to have may cost everybody, once, when its disk begins to hang. Not once in each child. */
#define LENIENCE apr_time_from_msec(250)

struct amlaps_sinks_t {
    const char *store;
    amlaps_sink_t *sink;
    apr_size_t count;
    amlaps_trail_shared_t *shared;
    const char *said;            /* id of the error that was returned last, NULL: none was */
    amlaps_handover_t *handover; /* one for each sink; with a copier, it is the copier's while that is busy */
};

static apr_time_t steady(void)
{
    return amlaps_clock_steady(amlaps_clock_system());
}

amlaps_sinks_t *amlaps_sinks_make(const char *store, const amlaps_trail_sink_t *sinks, apr_size_t count, amlaps_trail_shared_t *shared,
                                  apr_pool_t *pool)
{
    amlaps_sinks_t *made = apr_pcalloc(pool, sizeof(*made));
    apr_size_t i;

    made->store = store;
    made->sink = apr_pcalloc(pool, (count + 1) * sizeof(*made->sink));
    made->handover = apr_pcalloc(pool, (count + 1) * sizeof(*made->handover));
    made->count = count;
    made->shared = shared;
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
        sink->copier = sinks[i].kind == AMLAPS_SINK_FILE && !sink->required ? amlaps_copier_make(shared, pool) : NULL;
        sink->lead = -1;
        amlaps_copy_key(sink->key, store, sink->name);
        made->handover[i] = (amlaps_handover_t){ .store = store, .trouble = amlaps_trouble_make(pool), .sink = sink };
    }
    return made;
}

void amlaps_sinks_close(amlaps_sinks_t *sinks)
{
    apr_size_t i;

    for (i = 0; i < sinks->count; i++) {
        if (sinks->sink[i].copier != NULL) {
            amlaps_copier_end(sinks->sink[i].copier);
        }
        if (sinks->handover[i].pool != NULL) {
            apr_pool_destroy(sinks->handover[i].pool);
            sinks->handover[i].pool = NULL;
        }
        if (sinks->sink[i].socket != NULL && sinks->sink[i].fd >= 0) {
            close(sinks->sink[i].fd);
            sinks->sink[i].fd = -1;
        }
    }
}

/* ---- writing ---- */

/** Where a file lies on a disk that hangs, or on one where another child's thread does. */
static apr_status_t give_no_answer(const amlaps_sink_t *sink, amlaps_error_t *error)
{
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, sink->required ? "AML0208" : "AML0209", APR_TIMEUP,
                            "the audit copy %s gives no answer; is its disk frozen?", sink->name);
}

static void hand_over(void *baton)
{
    (void)amlaps_hand_over(baton);
}

/** Whoever has the shared mutex finds the lead free, unless a thread has it that its writer does not wait for any more. Then nobody else does either:
 *  all children would, one after the other. */
static int is_late(const amlaps_sink_t *sink)
{
    if (amlaps_shared_lead(sink->shared, sink->lead, 0) != APR_SUCCESS) {
        return 1;
    }
    amlaps_shared_follow(sink->shared, sink->lead);
    return 0;
}

/** Lets the copier do it, with lines of its own: these here may be gone before it is done. */
static apr_status_t hand_over_aside(amlaps_error_t *error, amlaps_handover_t *handover, const amlaps_copies_t *copies)
{
    amlaps_sink_t *sink = handover->sink;
    amlaps_copies_t *own = &handover->copies;
    apr_status_t status;
    apr_size_t i;

    if (is_late(sink)) {
        return give_no_answer(sink, error);
    }
    if (handover->pool == NULL && (status = apr_pool_create_unmanaged_ex(&handover->pool, NULL, NULL)) != APR_SUCCESS) {
        return amlaps_sink_failed(sink, status, error);
    }
    apr_pool_clear(handover->pool);
    *own = *copies;
    own->line = apr_palloc(handover->pool, own->count * sizeof(*own->line));
    own->length = apr_pmemdup(handover->pool, copies->length, own->count * sizeof(*own->length));
    for (i = 0; i < own->count; i++) {
        own->line[i] = apr_pstrmemdup(handover->pool, copies->line[i], copies->length[i]);
    }
    status = amlaps_copier_do(sink->copier, hand_over, handover, sink->lead, handover->until);
    if (status != APR_SUCCESS) {
        return status == APR_TIMEUP ? give_no_answer(sink, error) : amlaps_sink_failed(sink, status, error);
    }
    *error = handover->error;
    return error->status;
}

/** A file of a required copy may be an optional one of another server, or have been one before a reload. */
static apr_status_t hand_over_here(amlaps_error_t *error, amlaps_handover_t *handover, const amlaps_copies_t *copies,
                                   amlaps_trail_shared_t *shared, apr_pool_t *pool)
{
    amlaps_handover_t now = *handover;
    const apr_interval_time_t left = now.until - steady();
    const int lead = now.sink->lead;
    apr_status_t status;

    now.copies = *copies;
    now.pool = pool;
    if (lead >= 0 && amlaps_shared_lead(shared, lead, left > 0 ? left : 0) != APR_SUCCESS) {
        return give_no_answer(now.sink, error);
    }
    status = amlaps_hand_over(&now);
    if (lead >= 0) {
        amlaps_shared_follow(shared, lead);
    }
    *error = now.error;
    return status;
}

static apr_status_t hand_over_somewhere(amlaps_error_t *error, amlaps_sinks_t *sinks, apr_size_t place, const amlaps_copies_t *copies,
                                        apr_time_t until, apr_pool_t *pool)
{
    amlaps_sink_t *sink = &sinks->sink[place];
    amlaps_handover_t *handover = &sinks->handover[place];

    if (amlaps_shared_is_condemned(sinks->shared, sink->name)) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0210", EIO,
                                "the disk under the audit copy %s failed to write what it had taken; check it, then stop httpd and start it", sink->name);
    }
    if (sink->copier != NULL && amlaps_copier_is_busy(sink->copier)) {
        return give_no_answer(sink, error);
    }
    if (sink->lead < 0 && sink->put == amlaps_sink_put_file) {
        sink->lead = amlaps_shared_lead_of(sinks->shared, sink->key);
    }
    handover->state = amlaps_shared_copy(sinks->shared, sink->key);
    if (handover->state->begins == 0) {
        /* Here and not where it is handed over, which may not be done this time. */
        handover->state->begins = copies->first;
    }
    handover->until = until;
    handover->error = (amlaps_error_t){ 0 };
    return sink->copier != NULL ? hand_over_aside(error, handover, copies) : hand_over_here(error, handover, copies, sinks->shared, pool);
}

static apr_status_t write_sink(amlaps_sinks_t *sinks, apr_size_t place, const amlaps_copies_t *copies, apr_time_t until, amlaps_error_t *error,
                               apr_pool_t *pool)
{
    amlaps_sink_t *sink = &sinks->sink[place];
    const apr_status_t status = hand_over_somewhere(error, sinks, place, copies, until, pool);

    sink->behind = status != APR_SUCCESS;
    if (sink->told && status == APR_SUCCESS) {
        amlaps_log(AMLAPS_LOG_NOTICE, "AML0282", APR_SUCCESS, "the audit copy %s has all records again", sink->name);
        sink->told = 0;
    }
    sink->failing = status != APR_SUCCESS;
    return status;
}

static apr_time_t deadline(const amlaps_sink_t *sink, apr_time_t until)
{
    apr_time_t now = steady();

    if (!sink->required && sink->copier == NULL) {
        return now;
    }
    if (!sink->required && now + LENIENCE < until) {
        until = now + LENIENCE;
    }
    return sink->failing && now + KNOCK < until ? now + KNOCK : until;
}

apr_status_t amlaps_sinks_write(amlaps_sinks_t *sinks, const amlaps_copies_t *copies, apr_interval_time_t patience, amlaps_error_t *error,
                                apr_pool_t *pool)
{
    apr_time_t until = steady() + patience;
    apr_status_t status = APR_SUCCESS;
    apr_size_t i;

    sinks->said = NULL;
    for (i = 0; i < sinks->count; i++) {
        amlaps_sink_t *sink = &sinks->sink[i];
        amlaps_error_t one = { 0 };

        if (!sink->required && sink->failing && steady() < sink->pause_until) {
            continue;
        }
        if (write_sink(sinks, i, copies, deadline(sink, until), &one, pool) == APR_SUCCESS) {
            continue;
        }
        sink->pause_until = steady() + PAUSE;
        if (sink->required && status == APR_SUCCESS) {
            *error = one;
            status = one.status;
            sinks->said = one.id;
        }
        /* Each copy has news of its own: one that fails while another one's failure is still fresh is named too. */
        sink->told |= amlaps_trouble_say(sinks->handover[i].trouble, sink->required ? AMLAPS_LOG_ERROR : AMLAPS_LOG_WARNING, &one);
    }
    return status;
}

int amlaps_sinks_said(const amlaps_sinks_t *sinks, const amlaps_error_t *error)
{
    return sinks != NULL && sinks->said != NULL && strcmp(sinks->said, error->id) == 0;
}

void amlaps_sinks_forget(amlaps_sinks_t *sinks)
{
    if (sinks != NULL) {
        sinks->said = NULL;
    }
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
