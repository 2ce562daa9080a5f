/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Beginning to seal a trail, and beginning anew after a loss: what amlaps-audit init and recover do. */
#include <string.h>

#include <apr_strings.h>

#include "fresh.h"
#include "keeper.h"
#include "seal_file.h"

/** A state that follows the store's head, with a new key. */
static apr_status_t begin_anew(amlaps_seal_t **begun, const amlaps_keeper_t *keeper)
{
    amlaps_seal_t *seal = amlaps_seal_make(keeper->pool);

    if (seal == NULL) {
        return amlaps_keeper_no_memory(keeper->error);
    }
    *begun = seal;
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

static apr_status_t create(const amlaps_keeper_t *keeper, const amlaps_seal_t *seal)
{
    uid_t uid;
    gid_t gid;

    amlaps_store_owner(keeper->store_name, &uid, &gid);
    return amlaps_seal_file_create(keeper->state, seal, uid, gid, keeper->error, keeper->pool);
}

static apr_status_t show_key(amlaps_keeper_t *keeper, const amlaps_seal_t *seal, amlaps_show_key_t show, void *baton)
{
    char text[AMLAPS_KEY_TEXT];
    int shown;
    apr_status_t status = amlaps_keeper_prove(keeper);

    if (status != APR_SUCCESS) {
        return status;
    }
    amlaps_seal_write_key(text, seal->first, seal->key);
    shown = show(baton, text);
    explicit_bzero(text, sizeof(text));
    return shown ? APR_SUCCESS
                 : amlaps_error_set(keeper->error, AMLAPS_AUDIT_UNAVAILABLE, "AML0238", APR_EGENERAL,
                                    "the verification key could not be shown, so nothing was sealed with it");
}

static apr_status_t seal_store(amlaps_error_t *error, const char *store, const char *state, const char *who, amlaps_show_key_t show, void *baton,
                               apr_pool_t *pool)
{
    amlaps_keeper_t keeper = { .store_name = store, .state = state, .error = error, .pool = pool };
    amlaps_json_t *about = amlaps_json_make_object(pool);
    amlaps_seal_t *seal = NULL;
    apr_status_t status = amlaps_trail_prepare(error, store, (uid_t)-1, (gid_t)-1, pool);

    if (status == APR_SUCCESS) {
        status = amlaps_keeper_open(&keeper);
    }
    if (status == APR_SUCCESS && keeper.head.anchor[0] != '\0') {
        status = amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0239", APR_EEXIST,
                                  "the trail of the store %s is sealed already; after a loss of its sealing state, run amlaps-audit recover",
                                  amlaps_store_label(store));
    }
    if (status == APR_SUCCESS && (status = begin_anew(&seal, &keeper)) == APR_SUCCESS && seal != NULL
        && (status = create(&keeper, seal)) == APR_SUCCESS) {
        amlaps_json_set_integer(about, "first", seal->first);
        amlaps_sealer_renew(keeper.batch.sealer, seal);
        if ((status = show_key(&keeper, seal, show, baton)) == APR_SUCCESS) {
            status = amlaps_keeper_tell(&keeper, AMLAPS_RECORD_SEALED, about, who);
        }
        if (status != APR_SUCCESS) {
            amlaps_seal_file_remove(state);
        }
    }
    amlaps_keeper_close(&keeper);
    return status;
}

apr_status_t amlaps_trail_seal(amlaps_error_t *error, const char *store, const char *state, const char *who, amlaps_show_key_t show,
                               void *baton, apr_pool_t *pool)
{
    amlaps_fresh_t fresh;
    apr_status_t status;

    amlaps_fresh_look(&fresh, store, pool);
    status = seal_store(error, store, state, who, show, baton, pool);
    if (status != APR_SUCCESS) {
        amlaps_fresh_take_back(&fresh, pool);
    }
    return status;
}

/** What the lost state knew, as far as it is to be read. @return why it is not */
static apr_status_t describe_loss(amlaps_json_t *about, const amlaps_keeper_t *keeper)
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
    amlaps_keeper_t keeper = { .store_name = store, .state = state, .error = error, .pool = pool };
    amlaps_json_t *about = amlaps_json_make_object(pool);
    amlaps_seal_t *seal = NULL;
    apr_status_t status = amlaps_keeper_open(&keeper);
    apr_status_t old = APR_SUCCESS;

    if (status == APR_SUCCESS) {
        old = describe_loss(about, &keeper);
        status = old == APR_ENOTIMPL ? amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0231", APR_ENOTIMPL,
                                                        "the sealing state %s is of a newer mod_amlaps; install that one again", state)
                                     : begin_anew(&seal, &keeper);
    }
    if (status == APR_SUCCESS && seal != NULL && (status = show_key(&keeper, seal, show, baton)) == APR_SUCCESS && APR_STATUS_IS_ENOENT(old)) {
        status = create(&keeper, seal);
    }
    if (status == APR_SUCCESS && seal != NULL) {
        amlaps_sealer_renew(keeper.batch.sealer, seal);
        status = amlaps_keeper_tell(&keeper, AMLAPS_RECORD_RECOVERED, about, who);
    }
    amlaps_keeper_close(&keeper);
    return status;
}
