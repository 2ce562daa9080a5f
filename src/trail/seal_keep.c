/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Beginning to seal a trail, and beginning anew after a loss: what amlaps-audit init and recover do. */
#include <string.h>

#include <apr_strings.h>

#include "amlaps/sealing.h"
#include "amlaps/text.h"
#include "batch.h"
#include "seal_file.h"

#define PATIENCE apr_time_from_sec(10)

typedef struct keeper_t {
    const char *store_name, *state;
    amlaps_batch_t batch;
    amlaps_head_t head;
    amlaps_seal_t *seal;  /* the new beginning */
    amlaps_error_t *error;
    apr_pool_t *pool;
} keeper_t;

static apr_status_t no_memory(amlaps_error_t *error)
{
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0218", APR_ENOMEM, "no memory for the audit trail");
}

static apr_status_t open_keeper(keeper_t *keeper)
{
    amlaps_trail_shared_t *shared = amlaps_trail_share();
    amlaps_batch_t *batch = &keeper->batch;
    apr_status_t status;

    if (shared == NULL) {
        return no_memory(keeper->error);
    }
    batch->store = amlaps_store_make(keeper->store_name, shared, PATIENCE, keeper->pool);
    batch->shared = shared;
    batch->clock = amlaps_clock_system();
    if (batch->store == NULL) {
        return amlaps_error_set(keeper->error, AMLAPS_AUDIT_UNAVAILABLE, "AML0201", APR_EINVAL, "\"%.16s\" begins no store: write sqlite3:PATH or pgsql:CONNINFO",
                                keeper->store_name);
    }
    batch->sealer = amlaps_sealer_make(keeper->state, keeper->store_name, shared, keeper->pool);
    keeper->seal = amlaps_seal_make(keeper->pool);
    if (batch->sealer == NULL || keeper->seal == NULL) {
        return no_memory(keeper->error);
    }
    status = batch->store->ops->begin(&keeper->head, batch->store, PATIENCE, keeper->error);
    batch->store->ops->rollback(batch->store);
    return status;
}

static void close_keeper(keeper_t *keeper)
{
    if (keeper->batch.store != NULL) {
        keeper->batch.store->ops->close(keeper->batch.store);
    }
    amlaps_sealer_close(keeper->batch.sealer);
}

/** A state that follows the store's head, with a new key. */
static apr_status_t begin_anew(keeper_t *keeper)
{
    amlaps_seal_t *seal = keeper->seal;

    memset(seal, 0, sizeof(*seal));
    seal->first = keeper->head.seq + 1;
    seal->seq = keeper->head.seq;
    memcpy(seal->head, keeper->head.hash, sizeof(seal->head));
    if (keeper->head.anchor[0] != '\0' && !amlaps_digest_read_hex(seal->anchor, keeper->head.anchor)) {
        return amlaps_error_set(keeper->error, AMLAPS_AUDIT_UNAVAILABLE, "AML0204", APR_EGENERAL,
                                "the anchor of the last record of the store %s is none; run amlaps-audit verify", amlaps_store_label(keeper->store_name));
    }
    if (amlaps_digest_random(seal->key, sizeof(seal->key)) != APR_SUCCESS) {
        return amlaps_error_set(keeper->error, AMLAPS_AUDIT_UNAVAILABLE, "AML0238", APR_EGENERAL, "this machine gave no random bytes for a key");
    }
    return APR_SUCCESS;
}

static apr_status_t show_key(const keeper_t *keeper, amlaps_show_key_t show, void *baton)
{
    char text[AMLAPS_KEY_TEXT];
    int shown;

    amlaps_seal_write_key(text, keeper->seal->first, keeper->seal->key);
    shown = show(baton, text);
    explicit_bzero(text, sizeof(text));
    return shown ? APR_SUCCESS
                 : amlaps_error_set(keeper->error, AMLAPS_AUDIT_UNAVAILABLE, "AML0238", APR_EGENERAL,
                                    "the verification key could not be shown, so nothing was sealed with it");
}

/** Writes the record that tells what happened, as any other record is written. */
static apr_status_t tell(keeper_t *keeper, const char *code, amlaps_json_t *about, const char *who)
{
    char id[AMLAPS_GUID_LENGTH + 1];
    amlaps_record_t record = { .id = id, .stage = AMLAPS_STAGE_OUTCOME, .event = AMLAPS_EVENT_AUDIT, .outcome = AMLAPS_OUTCOME_GRANTED,
                               .code = code, .username = who, .seal = amlaps_json_canonical(about, keeper->pool) };
    apr_interval_time_t behind;
    apr_status_t status;
    amlaps_job_t *job;

    if (amlaps_text_new_guid(id) != APR_SUCCESS || (job = amlaps_job_make(&record, 0, keeper->pool)) == NULL) {
        return no_memory(keeper->error);
    }
    status = amlaps_batch_run(&keeper->batch, &job, 1, PATIENCE, &behind, keeper->error, keeper->pool);
    amlaps_job_free(job);
    return status;
}

apr_status_t amlaps_trail_seal(amlaps_error_t *error, const char *store, const char *state, const char *who, amlaps_show_key_t show,
                               void *baton, apr_pool_t *pool)
{
    keeper_t keeper = { .store_name = store, .state = state, .error = error, .pool = pool };
    amlaps_json_t *about = amlaps_json_make_object(pool);
    apr_status_t status = amlaps_trail_prepare(error, store, (uid_t)-1, (gid_t)-1, pool);

    if (status == APR_SUCCESS) {
        status = open_keeper(&keeper);
    }
    if (status == APR_SUCCESS && keeper.head.anchor[0] != '\0') {
        status = amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0239", APR_EEXIST,
                                  "the trail in %s is sealed already; after a loss of its sealing state, run amlaps-audit recover", amlaps_store_label(store));
    }
    if (status == APR_SUCCESS && (status = begin_anew(&keeper)) == APR_SUCCESS
        && (status = amlaps_seal_file_create(state, keeper.seal, (uid_t)-1, (gid_t)-1, error, pool)) == APR_SUCCESS) {
        amlaps_json_set_integer(about, "first", keeper.seal->first);
        amlaps_sealer_renew(keeper.batch.sealer, keeper.seal);
        if ((status = show_key(&keeper, show, baton)) == APR_SUCCESS) {
            status = tell(&keeper, AMLAPS_RECORD_SEALED, about, who);
        }
        if (status != APR_SUCCESS) {
            amlaps_seal_file_remove(state);
        }
    }
    close_keeper(&keeper);
    return status;
}

/** What the lost state knew, as far as it is to be read. @return why it is not */
static apr_status_t describe_loss(amlaps_json_t *about, const keeper_t *keeper)
{
    amlaps_seal_t *old = amlaps_seal_make(keeper->pool);
    amlaps_error_t why = { 0 };
    char anchor[AMLAPS_DIGEST_HEX + 1];

    amlaps_json_set_integer(about, "first", keeper->head.seq + 1);
    if (old == NULL || amlaps_seal_file_peek(old, keeper->state, &why, keeper->pool) != APR_SUCCESS) {
        return why.status;
    }
    amlaps_seal_anchor(anchor, old);
    amlaps_json_set_integer(about, "last", old->seq);
    amlaps_json_set_text(about, "hash", old->head);
    amlaps_json_set_text(about, "anchor", anchor);
    return APR_SUCCESS;
}

apr_status_t amlaps_trail_recover(amlaps_error_t *error, const char *store, const char *state, const char *who, amlaps_show_key_t show,
                                  void *baton, apr_pool_t *pool)
{
    keeper_t keeper = { .store_name = store, .state = state, .error = error, .pool = pool };
    amlaps_json_t *about = amlaps_json_make_object(pool);
    apr_status_t status = open_keeper(&keeper);
    apr_status_t old = APR_SUCCESS;

    if (status == APR_SUCCESS) {
        old = describe_loss(about, &keeper);
        status = old == APR_ENOTIMPL ? amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0231", APR_ENOTIMPL,
                                                        "the sealing state %s is of a newer mod_amlaps; install that one again", state)
                                     : begin_anew(&keeper);
    }
    if (status == APR_SUCCESS && (status = show_key(&keeper, show, baton)) == APR_SUCCESS && APR_STATUS_IS_ENOENT(old)) {
        status = amlaps_seal_file_create(state, keeper.seal, (uid_t)-1, (gid_t)-1, error, pool);
    }
    if (status == APR_SUCCESS) {
        amlaps_sealer_renew(keeper.batch.sealer, keeper.seal);
        status = tell(&keeper, AMLAPS_RECORD_RECOVERED, about, who);
    }
    close_keeper(&keeper);
    return status;
}
