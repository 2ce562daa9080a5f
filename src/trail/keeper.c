/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "keeper.h"

#include "amlaps/text.h"

apr_status_t amlaps_keeper_no_memory(amlaps_error_t *error)
{
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0218", APR_ENOMEM, "no memory for the audit trail");
}

apr_status_t amlaps_keeper_open(amlaps_keeper_t *keeper)
{
    amlaps_trail_shared_t *shared = amlaps_trail_share();
    amlaps_batch_t *batch = &keeper->batch;
    apr_status_t status;

    if (shared == NULL) {
        return amlaps_keeper_no_memory(keeper->error);
    }
    batch->store = amlaps_store_make(keeper->store_name, shared, AMLAPS_KEEPER_PATIENCE, keeper->pool);
    batch->shared = shared;
    batch->digest = amlaps_digest_make(keeper->pool);
    batch->clock = amlaps_clock_system();
    if (batch->store == NULL) {
        return amlaps_error_set(keeper->error, AMLAPS_AUDIT_UNAVAILABLE, "AML0201", APR_EINVAL, "\"%.16s\" begins no store: write sqlite3:PATH or pgsql:CONNINFO",
                                keeper->store_name);
    }
    batch->sealer = keeper->state != NULL ? amlaps_sealer_make(keeper->state, keeper->store_name, shared, keeper->pool) : NULL;
    if (batch->sealer == NULL && keeper->state != NULL) {
        return amlaps_keeper_no_memory(keeper->error);
    }
    amlaps_store_complete(keeper->store_name);
    status = batch->store->ops->begin(&keeper->head, batch->store, AMLAPS_KEEPER_PATIENCE, keeper->error);
    batch->store->ops->rollback(batch->store);
    return status;
}

apr_status_t amlaps_keeper_prove(amlaps_keeper_t *keeper)
{
    amlaps_store_t *store = keeper->batch.store;
    amlaps_head_t head;
    apr_status_t status = store->ops->begin(&head, store, AMLAPS_KEEPER_PATIENCE, keeper->error);

    if (status == APR_SUCCESS) {
        status = store->ops->prove(store, keeper->error);
    }
    if (status == APR_SUCCESS) {
        status = store->ops->commit(store, &head, keeper->error);
    }
    if (status != APR_SUCCESS) {
        store->ops->rollback(store);
    }
    return status;
}

void amlaps_keeper_close(amlaps_keeper_t *keeper)
{
    if (keeper->batch.store != NULL) {
        keeper->batch.store->ops->close(keeper->batch.store);
    }
    amlaps_sealer_close(keeper->batch.sealer);
}

apr_status_t amlaps_keeper_tell(amlaps_keeper_t *keeper, const char *code, amlaps_json_t *about, const char *who)
{
    char id[AMLAPS_GUID_LENGTH + 1];
    amlaps_record_t record = { .id = id, .stage = AMLAPS_STAGE_OUTCOME, .event = AMLAPS_EVENT_AUDIT, .outcome = AMLAPS_OUTCOME_GRANTED,
                               .code = code, .username = who, .seal = amlaps_json_canonical(about, keeper->pool) };
    apr_interval_time_t behind;
    apr_status_t status;
    amlaps_job_t *job;

    if (amlaps_text_new_guid(id) != APR_SUCCESS || (job = amlaps_job_make(&record, 0, keeper->pool)) == NULL) {
        return amlaps_keeper_no_memory(keeper->error);
    }
    status = amlaps_batch_run(&keeper->batch, &job, 1, AMLAPS_KEEPER_PATIENCE, &behind, keeper->error, keeper->pool);
    amlaps_job_free(job);
    return status;
}

