/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "batch.h"

#include <apr_strings.h>

#include "amlaps/text.h"

static apr_status_t free_job(void *baton)
{
    amlaps_job_free(baton);
    return APR_SUCCESS;
}

amlaps_start_t *amlaps_start_make(const char *host, const char *store, unsigned generation, apr_pool_t *pool)
{
    char id[AMLAPS_GUID_LENGTH + 1];
    amlaps_record_t record = { .id = id, .stage = AMLAPS_STAGE_OUTCOME, .event = AMLAPS_EVENT_START, .outcome = AMLAPS_OUTCOME_GRANTED,
                               .code = amlaps_code_word(AMLAPS_OK), .host = host, .generation = generation };
    amlaps_start_t *start = apr_pcalloc(pool, sizeof(*start));

    if (host == NULL || amlaps_text_new_guid(id) != APR_SUCCESS || (start->job = amlaps_job_make(&record, 0, pool)) == NULL) {
        return NULL;
    }
    apr_pool_cleanup_register(pool, start->job, free_job, apr_pool_cleanup_null);
    start->generation = generation;
    /* No copy has an empty name. */
    amlaps_copy_key(start->key, store, "");
    return start;
}

void amlaps_start_record(amlaps_batch_t *batch, apr_interval_time_t patience, amlaps_trouble_t *trouble, apr_pool_t *pool)
{
    amlaps_start_t *start = batch->start;
    amlaps_copy_state_t *state = start != NULL ? amlaps_shared_copy(batch->shared, start->key) : NULL;
    amlaps_error_t error = { 0 };
    apr_interval_time_t behind;

    if (start == NULL) {
        return;
    }
    if (state->generation < start->generation) {
        if (amlaps_batch_run(batch, &start->job, 1, patience, &behind, &error, pool) != APR_SUCCESS && !amlaps_sinks_said(batch->sinks, &error)) {
            amlaps_trouble_say(trouble, AMLAPS_LOG_ERROR, &error);
        }
        apr_pool_clear(pool);
        if (!start->job->recorded) {
            return;
        }
        state->generation = start->generation;
    }
    batch->start = NULL;
}
