/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/text.h"
#include "batch.h"

apr_status_t amlaps_batch_beat(apr_interval_time_t *left, const amlaps_batch_t *batch, apr_interval_time_t patience, amlaps_error_t *error,
                               apr_pool_t *pool)
{
    char id[AMLAPS_GUID_LENGTH + 1];
    const amlaps_record_t record = { .id = id, .stage = AMLAPS_STAGE_OUTCOME, .event = AMLAPS_EVENT_AUDIT, .outcome = AMLAPS_OUTCOME_GRANTED,
                                     .code = AMLAPS_RECORD_ALIVE };
    apr_interval_time_t behind;
    apr_status_t status;
    amlaps_job_t *job;

    *left = batch->silence;
    if (amlaps_text_new_guid(id) != APR_SUCCESS || (job = amlaps_job_make(&record, 0, pool)) == NULL) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0218", APR_ENOMEM, "no memory for an audit record");
    }
    job->beat = 1;
    status = amlaps_batch_run(batch, &job, 1, patience, &behind, error, pool);
    *left = job->silent_in > 0 ? job->silent_in : batch->silence;
    amlaps_job_free(job);
    return status;
}
