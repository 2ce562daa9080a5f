/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "errand.h"

#include <stdlib.h>
#include <string.h>

amlaps_errand_t *amlaps_errand_make(amlaps_errand_kind_t kind, const char *channel)
{
    amlaps_errand_t *errand = calloc(1, sizeof(*errand));

    if (errand != NULL) {
        errand->kind = kind;
        errand->channel = channel != NULL ? strdup(channel) : NULL;
        if (channel != NULL && errand->channel == NULL) {
            free(errand);
            return NULL;
        }
    }
    return errand;
}

void amlaps_errand_free(amlaps_errand_t *errand)
{
    if (errand != NULL) {
        free((char *)(uintptr_t)errand->row.body);
        free(errand->channel);
        free(errand);
    }
}

void amlaps_errand_set_why(amlaps_errand_t *errand, const char *why)
{
    size_t length = why != NULL ? strnlen(why, AMLAPS_ERRAND_WHY) : 0;

    if (length == AMLAPS_ERRAND_WHY) {
        length--;
        while (length > 0 && ((unsigned char)why[length] & 0xC0) == 0x80) {
            length--;
        }
    }
    memcpy(errand->why, why != NULL ? why : "", length);
    errand->why[length] = '\0';
}

static apr_status_t no_memory(amlaps_error_t *error)
{
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0218", APR_ENOMEM, "no memory for a notification");
}

static apr_status_t take(amlaps_errand_t *errand, amlaps_store_t *store, apr_time_t now, amlaps_error_t *error, apr_pool_t *pool)
{
    amlaps_queue_row_t row;
    apr_status_t status = store->queue->first(&row, store, errand->channel, error, pool);

    if (status != APR_SUCCESS || row.number == 0) {
        return status;
    }
    if (row.due > now && row.due - now < AMLAPS_QUEUE_AHEAD) {
        errand->wait = row.due - now;
        return APR_SUCCESS;
    }
    status = store->queue->hold(store, &row, now + AMLAPS_QUEUE_HOLD, error);
    if (status == APR_SUCCESS) {
        amlaps_errand_set_why(errand, row.why);
        errand->row = row;
        errand->row.attempts++;
        errand->row.channel = errand->row.why = NULL;
        errand->row.body = strdup(row.body);
        status = errand->row.body != NULL ? APR_SUCCESS : no_memory(error);
    }
    return status;
}

static apr_status_t end(const amlaps_errand_t *errand, amlaps_store_t *store, apr_time_t now, amlaps_error_t *error)
{
    const amlaps_queue_row_t row = {
        .number = errand->number, .attempts = errand->attempts, .dead = errand->end == AMLAPS_NOTICE_DEAD, .due = now + errand->again,
        .why = errand->why
    };
    const int delivered = errand->end == AMLAPS_NOTICE_DELIVERED;
    apr_status_t status = delivered ? store->queue->remove(store, &row, error) : store->queue->keep(store, &row, error);

    return status == APR_SUCCESS ? store->queue->note(store, errand->channel, now, delivered ? NULL : errand->why, error) : status;
}

static apr_status_t stand(amlaps_errand_t *errand, amlaps_store_t *store, amlaps_error_t *error, apr_pool_t *pool)
{
    apr_status_t status = store->queue->stand(&errand->standing, store, errand->channel, error, pool);

    amlaps_errand_set_why(errand, errand->standing.why);
    errand->standing.why = NULL;
    return status;
}

apr_status_t amlaps_errand_run(amlaps_errand_t *errand, amlaps_store_t *store, apr_time_t now, amlaps_error_t *error, apr_pool_t *pool)
{
    switch (errand->kind) {
    case AMLAPS_ERRAND_TAKE:
        return take(errand, store, now, error, pool);
    case AMLAPS_ERRAND_END:
        return end(errand, store, now, error);
    case AMLAPS_ERRAND_STAND:
        return stand(errand, store, error, pool);
    case AMLAPS_ERRAND_PROVE:
        return store->ops->prove(store, error);
    default:
        return store->queue->tidy(store, now - AMLAPS_QUEUE_ORPHAN, now - AMLAPS_QUEUE_DEAD_FOR, error);
    }
}

apr_status_t amlaps_errand_queue(amlaps_store_t *store, const char *channel, const char *body, apr_size_t length, int full, apr_time_t now,
                                 amlaps_error_t *error)
{
    const amlaps_queue_row_t row = {
        .channel = channel, .body = body, .length = length, .queued = now, .due = now, .dead = full,
        .why = full ? "too many wait for this channel already" : NULL
    };

    return store->queue->add(store, &row, error);
}

apr_status_t amlaps_errand_is_full(int *full, amlaps_store_t *store, const char *channel, amlaps_error_t *error)
{
    return store->queue->is_full(full, store, channel, error);
}
