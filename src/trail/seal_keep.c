/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Beginning to seal a trail, and beginning anew after a loss: what amlaps-audit init and recover do. */
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include <apr_strings.h>

#include "fresh.h"
#include "keeper.h"
#include "record.h"
#include "seal_file.h"
#include "store.h"

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

/**
 * A new state for whom the store belongs to, or the whole state in whose place it comes: httpd's children, who go on with it at once.
 * @param kept what had its name, NULL: nothing @param whole whether that is a state
 */
static apr_status_t create(const amlaps_keeper_t *keeper, const amlaps_seal_t *seal, const char *kept, int whole)
{
    struct stat info;
    uid_t uid;
    gid_t gid;

    amlaps_store_owner(keeper->store_name, &uid, &gid);
    if (kept != NULL && (whole || uid == (uid_t)-1) && geteuid() == 0 && lstat(kept, &info) == 0) {
        uid = info.st_uid;
        gid = info.st_gid;
    }
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

/** Where the record was not taken. @return 0 where it was all the same, or nobody knows: its seal needs the key and the state that was made */
static int took_nothing(const amlaps_keeper_t *keeper)
{
    amlaps_store_t *store = keeper->batch.store;
    amlaps_error_t ignored = { 0 };
    amlaps_head_t head;
    const int same = store->ops->begin(&head, store, AMLAPS_KEEPER_PATIENCE, &ignored) == APR_SUCCESS && strcmp(head.hash, keeper->head.hash) == 0;

    store->ops->rollback(store);
    return same || amlaps_sealer_came_late(keeper->error);
}

static apr_status_t seal_store(amlaps_error_t *error, const char *store, const char *state, const char *who, amlaps_show_key_t show, void *baton,
                               apr_pool_t *pool)
{
    amlaps_keeper_t keeper = { .store_name = store, .state = state, .error = error, .pool = pool };
    amlaps_json_t *about = amlaps_json_make_object(pool);
    amlaps_seal_t *seal = NULL;
    apr_status_t status = amlaps_trail_prepare(error, store, (uid_t)-1, (gid_t)-1, pool);
    int counts = 0;

    if (status == APR_SUCCESS) {
        status = amlaps_keeper_open(&keeper);
    }
    if (status == APR_SUCCESS && keeper.head.anchor[0] != '\0') {
        status = amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0239", APR_EEXIST,
                                  "the trail of the store %s is sealed already; after a loss of its sealing state, run amlaps-audit recover",
                                  amlaps_store_label(store));
    }
    if (status == APR_SUCCESS && (status = begin_anew(&seal, &keeper)) == APR_SUCCESS && seal != NULL
        && (status = create(&keeper, seal, NULL, 0)) == APR_SUCCESS) {
        amlaps_json_set_integer(about, "first", seal->first);
        amlaps_sealer_renew(keeper.batch.sealer, seal);
        if ((status = show_key(&keeper, seal, show, baton)) == APR_SUCCESS) {
            status = amlaps_keeper_tell(&keeper, AMLAPS_RECORD_SEALED, about, who);
            counts = status != APR_SUCCESS && !took_nothing(&keeper);
        }
        if (status != APR_SUCCESS && !counts) {
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

/** What the lost state knew, as far as it is to be read. @return why it is not, in `why` */
static apr_status_t describe_loss(amlaps_json_t *about, amlaps_seal_t *old, amlaps_error_t *why, const amlaps_keeper_t *keeper)
{
    char anchor[AMLAPS_DIGEST_HEX + 1];

    amlaps_json_set_integer(about, "first", keeper->head.seq + 1);
    if (amlaps_seal_file_peek(old, keeper->state, why, keeper->pool) != APR_SUCCESS) {
        return why->status;
    }
    amlaps_seal_anchor(anchor, old);
    amlaps_json_set_integer(about, "last", old->seq);
    amlaps_json_set_text(about, "hash", old->head);
    amlaps_json_set_text(about, "anchor", anchor);
    return APR_SUCCESS;
}

static int take_hash(void *baton, const amlaps_row_t *row)
{
    char *hash = baton;

    apr_cpystrn(hash, row->hash != NULL ? row->hash : "", AMLAPS_RECORD_HASH + 1);
    return 0;
}

/**
 * Whether the store has the record with which the state ends. Otherwise the store is an old one or was changed, or the state is that of another store,
 * whose only key it holds.
 * @return APR_SUCCESS also where it sealed nothing yet
 */
static apr_status_t is_of_store(int *is, const amlaps_seal_t *old, const amlaps_keeper_t *keeper)
{
    const amlaps_range_t range = { .after = old->seq - 1, .before = old->seq + 1 };
    char hash[AMLAPS_RECORD_HASH + 1] = "";
    apr_status_t status = APR_SUCCESS;

    *is = old->seq < old->first;
    if (!*is) {
        status = amlaps_store_each(keeper->store_name, &range, take_hash, hash, keeper->error);
        *is = strcmp(hash, old->head) == 0;
    }
    return status;
}

/** No state that could be mended, so that no key is shown which would then seal nothing: of a newer version, or a file that must not be used. */
static int is_hopeless(apr_status_t found, const amlaps_error_t *why)
{
    return found == APR_ENOTIMPL || (found != APR_SUCCESS && !APR_STATUS_IS_ENOENT(found) && strcmp(why->id, "AML0230") == 0);
}

/** Whether there is no state, or none of this store's, or a file that is no state at all. Where a new one could not be made, that is told before a key is. */
static apr_status_t needs_place(int *needs, apr_status_t found, const amlaps_seal_t *old, const amlaps_keeper_t *keeper)
{
    apr_status_t status = APR_SUCCESS;
    int is = 0;

    if (found == APR_SUCCESS) {
        status = is_of_store(&is, old, keeper);
    }
    *needs = !is;
    return status == APR_SUCCESS && !is ? amlaps_seal_file_may_make(keeper->state, keeper->error, keeper->pool) : status;
}

/** @param kept out: the name under which what was there is kept; NULL: nothing was */
static apr_status_t make_place(const char **kept, apr_status_t found, const amlaps_seal_t *seal, const amlaps_keeper_t *keeper)
{
    apr_status_t status = APR_STATUS_IS_ENOENT(found) ? APR_SUCCESS : amlaps_seal_file_keep(kept, keeper->state, keeper->error, keeper->pool);

    if (status != APR_SUCCESS) {
        return status;
    }
    status = create(keeper, seal, *kept, found == APR_SUCCESS);
    if (status != APR_SUCCESS && *kept != NULL) {
        amlaps_seal_file_return(*kept, keeper->state);
        *kept = NULL;
    }
    return status;
}

static void take_place_back(const char **kept, const amlaps_keeper_t *keeper)
{
    if (*kept != NULL) {
        amlaps_seal_file_return(*kept, keeper->state);
        *kept = NULL;
    } else {
        amlaps_seal_file_remove(keeper->state);
    }
}

static apr_status_t seal_anew(amlaps_recovered_t *recovered, amlaps_keeper_t *keeper, const char *who, amlaps_show_key_t show, void *baton)
{
    amlaps_json_t *about = amlaps_json_make_object(keeper->pool);
    amlaps_seal_t *old = amlaps_seal_make(keeper->pool), *seal = NULL;
    amlaps_error_t why = { 0 };
    apr_status_t found, status;
    int needs;

    if (old == NULL) {
        return amlaps_keeper_no_memory(keeper->error);
    }
    found = describe_loss(about, old, &why, keeper);
    if (is_hopeless(found, &why)) {
        *keeper->error = why;
        return found;
    }
    if ((status = needs_place(&needs, found, old, keeper)) != APR_SUCCESS || (status = begin_anew(&seal, keeper)) != APR_SUCCESS
        || (status = show_key(keeper, seal, show, baton)) != APR_SUCCESS
        || (needs && (status = make_place(&recovered->kept, found, seal, keeper)) != APR_SUCCESS)) {
        return status;
    }
    amlaps_sealer_renew(keeper->batch.sealer, seal);
    status = amlaps_keeper_tell(keeper, AMLAPS_RECORD_RECOVERED, about, who);
    recovered->told = status == APR_SUCCESS || !took_nothing(keeper);
    if (!recovered->told && needs) {
        take_place_back(&recovered->kept, keeper);
    }
    return status;
}

apr_status_t amlaps_trail_recover(amlaps_recovered_t *recovered, amlaps_error_t *error, const char *store, const char *state, const char *who,
                                  amlaps_show_key_t show, void *baton, apr_pool_t *pool)
{
    amlaps_keeper_t keeper = { .store_name = store, .state = state, .error = error, .pool = pool };
    apr_status_t status = amlaps_keeper_open(&keeper);

    memset(recovered, 0, sizeof(*recovered));
    if (status == APR_SUCCESS) {
        status = seal_anew(recovered, &keeper, who, show, baton);
    }
    amlaps_keeper_close(&keeper);
    return status;
}
