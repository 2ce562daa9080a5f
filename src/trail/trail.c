/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "trail_state.h"

#include <string.h>

#include <apr_strings.h>

#include "amlaps/secret.h"

#define PATIENCE_AT_EXIT apr_time_from_sec(2)

static apr_status_t close_trail(void *baton)
{
    amlaps_trail_t *trail = baton;

    if (trail->writer == NULL || amlaps_writer_stop(trail->writer, PATIENCE_AT_EXIT)) {
        apr_pool_destroy(trail->pool);
    } else {
        amlaps_log(AMLAPS_LOG_WARNING, "AML0216", APR_TIMEUP, "the audit store, or the disk of a copy, still does not answer; this child ends without waiting for it");
    }
    return APR_SUCCESS;
}

/* A conninfo may hold a password, so that its one copy is a secret; and the writer may outlive the configuration. */
static const char *keep_store(const char *store, apr_pool_t *pool)
{
    amlaps_secret_t *kept = amlaps_secret_make(strlen(store), pool);

    return kept != NULL && amlaps_secret_append(kept, store, strlen(store)) == APR_SUCCESS ? kept->bytes : NULL;
}

static void fill_batch(amlaps_batch_t *batch, amlaps_trail_t *trail, const amlaps_trail_config_t *config, amlaps_trail_shared_t *shared)
{
    batch->store = amlaps_store_make(trail->store, shared, config->timeout, trail->pool);
    batch->sinks = amlaps_sinks_make(trail->store, config->sinks, config->sink_count, shared, trail->pool);
    batch->shared = shared;
    batch->digest = amlaps_digest_make(trail->pool);
    batch->silence = config->seal != NULL ? config->silence : 0;
    amlaps_copy_key(batch->key, trail->store, "");
    batch->sealer = config->seal != NULL ? amlaps_sealer_make(config->seal, trail->store, shared, trail->pool) : NULL;
    batch->limits = apr_pmemdup(trail->pool, config->limits, config->limit_count * sizeof(*config->limits));
    batch->limit_count = config->limit_count;
    batch->clock = &trail->clock;
    batch->start = amlaps_start_make(config->host, trail->store, trail->generation, trail->pool);
}

apr_status_t amlaps_trail_open(amlaps_trail_t **trail, amlaps_error_t *error, const amlaps_trail_config_t *config,
                               amlaps_trail_shared_t *shared, apr_pool_t *pool)
{
    amlaps_batch_t batch = { 0 };
    amlaps_trouble_t *trouble;
    amlaps_trail_t *made;
    apr_pool_t *own;
    apr_status_t status = apr_pool_create_unmanaged_ex(&own, NULL, NULL);

    if (status != APR_SUCCESS) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0218", status, "no memory for the audit trail");
    }
    made = apr_pcalloc(own, sizeof(*made));
    made->pool = own;
    made->clock = *config->clock;
    made->blocked = amlaps_blocked_make(own);
    pthread_mutex_init(&made->probe.mutex, NULL);
    made->shared = shared;
    made->generation = amlaps_shared_generation(shared);
    made->store = keep_store(config->store, own);
    made->lead = -1;
    if (made->store == NULL) {
        apr_pool_destroy(own);
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0218", APR_ENOMEM, "no memory for the audit trail");
    }
    if (amlaps_store_is_off(config->store)) {
        apr_pool_cleanup_register(pool, made, close_trail, apr_pool_cleanup_null);
        *trail = made;
        return APR_SUCCESS;
    }
    trouble = amlaps_trouble_make(own);
    fill_batch(&batch, made, config, shared);
    if (batch.store == NULL) {
        apr_pool_destroy(own);
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0201", APR_EINVAL, "this is no store: write sqlite3:PATH or pgsql:CONNINFO");
    }
    if (batch.sealer == NULL && config->seal != NULL) {
        apr_pool_destroy(own);
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0218", APR_ENOMEM, "no memory for the audit trail");
    }
    status = amlaps_writer_start(&made->writer, &batch, config->timeout, trouble, own);
    if (status != APR_SUCCESS) {
        apr_pool_destroy(own);
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0218", status, "the thread that writes the audit trail cannot be started");
    }
    apr_pool_cleanup_register(pool, made, close_trail, apr_pool_cleanup_null);
    *trail = made;
    return APR_SUCCESS;
}

static void note_blocked(amlaps_trail_t *trail, const amlaps_job_t *job)
{
    apr_time_t now = amlaps_clock_steady(&trail->clock);
    int i;

    for (i = 0; i < job->touches; i++) {
        if (job->blocked[i] > 0) {
            amlaps_blocked_note(trail->blocked, &job->touch[i], job->blocked[i], now);
        }
    }
}

static apr_status_t write_record(amlaps_error_t *error, amlaps_trail_t *trail, const amlaps_record_t *record, int counts, apr_pool_t *pool)
{
    amlaps_job_t *job;
    apr_status_t status;

    if (trail->writer == NULL) {
        return APR_SUCCESS;
    }
    job = amlaps_job_make(record, counts, pool);
    if (job == NULL) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0218", APR_ENOMEM, "no memory for an audit record");
    }
    if (!amlaps_writer_do(trail->writer, job, error)) {
        return error->status;
    }
    status = job->error.status;
    if (status != APR_SUCCESS) {
        *error = job->error;
        if (error->code == AMLAPS_RATE_LIMITED) {
            note_blocked(trail, job);
        }
    }
    amlaps_job_free(job);
    return status;
}

static apr_status_t count(amlaps_trail_t *trail, apr_status_t status, const amlaps_error_t *error)
{
    amlaps_shared_count(trail->shared, status == APR_SUCCESS || error->code == AMLAPS_RATE_LIMITED);
    return status;
}

apr_status_t amlaps_trail_admit(amlaps_error_t *error, amlaps_trail_t *trail, const amlaps_record_t *record, apr_pool_t *pool)
{
    return count(trail, write_record(error, trail, record, 1, pool), error);
}

apr_status_t amlaps_trail_conclude(amlaps_error_t *error, amlaps_trail_t *trail, const amlaps_record_t *record, apr_pool_t *pool)
{
    return count(trail, write_record(error, trail, record, 0, pool), error);
}

apr_interval_time_t amlaps_trail_blocked(amlaps_trail_t *trail, const amlaps_record_t *record, apr_pool_t *pool)
{
    amlaps_touch_t touch[AMLAPS_LIMIT_TOUCHES];
    apr_time_t now = amlaps_clock_steady(&trail->clock);
    apr_interval_time_t longest = 0;
    int touches, i;

    if (!amlaps_blocked_any(trail->blocked, now)) {
        return 0;
    }
    touches = amlaps_limit_touches(touch, record, pool);
    for (i = 0; i < touches; i++) {
        apr_interval_time_t left = amlaps_blocked_left(trail->blocked, &touch[i], now);

        longest = left > longest ? left : longest;
    }
    return longest;
}

const char *amlaps_trail_store(const amlaps_trail_t *trail)
{
    return trail->store;
}

amlaps_seal_standing_t amlaps_trail_seal_standing(const amlaps_trail_t *trail)
{
    return trail->writer != NULL ? amlaps_writer_seal(trail->writer) : AMLAPS_SEAL_OFF;
}

int amlaps_trail_healthy(amlaps_trail_t *trail)
{
    return trail->writer == NULL || amlaps_writer_healthy(trail->writer);
}
