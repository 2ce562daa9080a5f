/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "sealer.h"

#include <string.h>

#include <apr_strings.h>

#include "batch.h"
#include "check.h"
#include "seal_file.h"

struct amlaps_sealer_t {
    const char *state, *store, *label;
    amlaps_seal_file_t *file;
    amlaps_seal_t *seal;    /* of the batch at work */
    amlaps_seal_t *renewal; /* in place of what the file says; seq -1: none */
    amlaps_digest_t *digest;
    int changed;            /* by this batch */
    int unsettled;          /* the other slot has an older state */
};

amlaps_sealer_t *amlaps_sealer_make(const char *state, const char *store, amlaps_trail_shared_t *shared, apr_pool_t *pool)
{
    amlaps_sealer_t *sealer = apr_pcalloc(pool, sizeof(*sealer));

    sealer->state = apr_pstrdup(pool, state);
    sealer->store = store;
    sealer->label = apr_pstrdup(pool, amlaps_store_label(store));
    sealer->file = amlaps_seal_file_make(state, shared, pool);
    sealer->seal = amlaps_seal_make(pool);
    sealer->renewal = amlaps_seal_make(pool);
    sealer->digest = amlaps_digest_make(pool);
    if (sealer->file == NULL || sealer->seal == NULL || sealer->renewal == NULL) {
        return NULL;
    }
    sealer->renewal->seq = -1;
    return sealer;
}

void amlaps_sealer_renew(amlaps_sealer_t *sealer, const amlaps_seal_t *seal)
{
    *sealer->renewal = *seal;
}

int amlaps_sealer_failed(const amlaps_error_t *error)
{
    return error->status != APR_SUCCESS && strncmp(error->id, "AML023", 6) == 0;
}

int amlaps_sealer_came_late(const amlaps_error_t *error)
{
    return error->status == APR_EAGAIN && strcmp(error->id, "AML0239") == 0;
}

void amlaps_sealer_close(amlaps_sealer_t *sealer)
{
    if (sealer != NULL) {
        amlaps_seal_file_close(sealer->file);
    }
}

/* ---- does the store end where the state does? ---- */

static int ends_alike(const amlaps_seal_t *seal, const amlaps_head_t *head)
{
    char anchor[AMLAPS_DIGEST_HEX + 1];

    amlaps_seal_anchor(anchor, seal);
    return seal->seq == head->seq && strcmp(seal->head, head->hash) == 0 && strcmp(anchor, head->anchor) == 0;
}

typedef struct ahead_t {
    amlaps_check_t *check;
    apr_time_t time; /* of the first record; those of one batch share it */
    apr_size_t count;
    int one_batch;
} ahead_t;

static int check_ahead(void *baton, const amlaps_row_t *row)
{
    ahead_t *ahead = baton;

    ahead->time = ahead->count == 0 ? row->time : ahead->time;
    ahead->one_batch = ++ahead->count <= AMLAPS_BATCH_MOST && row->time == ahead->time;
    return ahead->one_batch && amlaps_check_row(ahead->check, row);
}

/** Follows the store where it is one batch ahead and only the holder of the state's key can have written that. @return 1 where it did */
static int follow(amlaps_sealer_t *sealer, const amlaps_head_t *head, amlaps_error_t *error, apr_pool_t *pool)
{
    amlaps_verify_t result;
    ahead_t ahead = { .one_batch = 1 };
    const amlaps_range_t range = { .after = sealer->seal->seq };
    apr_pool_t *own;
    int followed;

    if (apr_pool_create(&own, pool) != APR_SUCCESS) {
        return 0;
    }
    followed = amlaps_check_make(&ahead.check, &result, NULL, error, own) == APR_SUCCESS;
    if (followed) {
        amlaps_check_continue(ahead.check, sealer->seal->seq, sealer->seal->head, sealer->seal);
        followed = amlaps_store_each(sealer->store, &range, check_ahead, &ahead, error) == APR_SUCCESS && ahead.one_batch
                   && result.first_bad == 0 && result.last == head->seq && strcmp(result.head, head->hash) == 0;
    }
    if (followed) {
        *sealer->seal = *amlaps_check_seal_now(ahead.check->seal);
        followed = ends_alike(sealer->seal, head);
    }
    apr_pool_destroy(own);
    return followed;
}

static apr_status_t refuse(const amlaps_sealer_t *sealer, const amlaps_head_t *head, amlaps_error_t *error)
{
    const amlaps_seal_t *seal = sealer->seal;

    if (seal->seq < seal->first) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0234", APR_EGENERAL,
                                "amlaps-audit was interrupted before it sealed the store %s with the state %s; run amlaps-audit recover",
                                sealer->label, sealer->state);
    }
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0232", APR_EGENERAL,
                            "the sealing state %s ends with record %" APR_INT64_T_FMT ", the store with %srecord %" APR_INT64_T_FMT
                            ": one of them was replaced or changed; run amlaps-audit verify, put the right file back or run amlaps-audit recover",
                            sealer->state, seal->seq, head->seq == seal->seq ? "another " : "", head->seq);
}

static apr_status_t agree(amlaps_sealer_t *sealer, const amlaps_head_t *head, amlaps_error_t *error, apr_pool_t *pool)
{
    apr_int64_t seq = sealer->seal->seq;

    if (ends_alike(sealer->seal, head) && seq >= sealer->seal->first) {
        return APR_SUCCESS;
    }
    if (head->seq <= seq || !follow(sealer, head, error, pool)) {
        return refuse(sealer, head, error);
    }
    amlaps_log(AMLAPS_LOG_NOTICE, "AML0237", APR_SUCCESS, "the sealing state followed the store from record %" APR_INT64_T_FMT " to %"
               APR_INT64_T_FMT ": a child or the machine died between the two", seq, head->seq);
    sealer->unsettled = 1;
    return amlaps_seal_file_write(sealer->file, sealer->seal, error);
}

/* ---- a batch ---- */

static apr_status_t begin_anew(amlaps_sealer_t *sealer, const amlaps_head_t *head, amlaps_error_t *error)
{
    /* Whatever the file holds, the next write must go over the older slot. */
    amlaps_error_t ignored = { 0 };

    (void)amlaps_seal_file_read(sealer->seal, sealer->file, &ignored);
    *sealer->seal = *sealer->renewal;
    sealer->renewal->seq = -1;
    return ends_alike(sealer->seal, head) ? APR_SUCCESS
                                          : amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0239", APR_EAGAIN,
                                                             "the store %s was written to meanwhile; stop httpd and run this again", sealer->label);
}

apr_status_t amlaps_sealer_begin(amlaps_sealer_t *sealer, const amlaps_head_t *head, apr_interval_time_t patience, amlaps_error_t *error,
                                 apr_pool_t *pool)
{
    apr_status_t status;

    if (sealer == NULL) {
        return head->anchor[0] == '\0' ? APR_SUCCESS
                                       : amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0233", APR_EGENERAL,
                                                          "the store's trail is sealed up to record %" APR_INT64_T_FMT ", and AMLapsAuditSeal is "
                                                          "missing (of amlaps-audit: --state); name the sealing state that amlaps-audit init made",
                                                          head->seq);
    }
    sealer->changed = 0;
    sealer->unsettled = 0;
    status = amlaps_seal_file_lock(sealer->file, patience, error);
    if (status == APR_SUCCESS && sealer->renewal->seq >= 0) {
        return begin_anew(sealer, head, error);
    }
    if (status == APR_SUCCESS) {
        status = amlaps_seal_file_read(sealer->seal, sealer->file, error);
    }
    return status == APR_SUCCESS ? agree(sealer, head, error, pool) : status;
}

void amlaps_sealer_seal(char anchor[AMLAPS_DIGEST_HEX + 1], amlaps_sealer_t *sealer, const char *hash)
{
    amlaps_seal_step(sealer->seal, sealer->digest, hash);
    amlaps_seal_anchor(anchor, sealer->seal);
    sealer->changed = 1;
}

apr_status_t amlaps_sealer_commit(amlaps_sealer_t *sealer, amlaps_error_t *error)
{
    apr_status_t status = sealer->changed ? amlaps_seal_file_write(sealer->file, sealer->seal, error) : APR_SUCCESS;

    sealer->unsettled |= sealer->changed && status == APR_SUCCESS;
    return status;
}

void amlaps_sealer_end(amlaps_sealer_t *sealer)
{
    if (sealer->unsettled) {
        amlaps_seal_file_settle(sealer->file, sealer->seal);
    }
    amlaps_seal_file_unlock(sealer->file);
}
