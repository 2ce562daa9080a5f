/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "check_seal.h"

#include <string.h>

#include "keys.h"
#include "record.h"

struct amlaps_check_seal_t {
    const amlaps_keys_t *keys;
    amlaps_digest_t *digest;
    int sealed;                /* the record before is */
    amlaps_seal_t *at;         /* anchor of the record before, key for the next one */
    int with_key;              /* at->key is right */
    int known;                 /* at->anchor is that of the record before the first one */
    int open_seam;             /* the first record's seal awaits the anchor before it */
    int seam_may_begin;        /* there may be none */
    unsigned char seam_mac[AMLAPS_DIGEST_BYTES];
    unsigned char seam_anchor[AMLAPS_DIGEST_BYTES];
};

amlaps_check_seal_t *amlaps_check_seal_make(const amlaps_keys_t *keys, amlaps_digest_t *digest, apr_pool_t *pool)
{
    amlaps_check_seal_t *check = apr_pcalloc(pool, sizeof(*check));

    check->keys = keys;
    check->digest = digest;
    check->at = amlaps_seal_make(pool);
    return check->at != NULL ? check : NULL;
}

void amlaps_check_seal_continue(amlaps_check_seal_t *check, const amlaps_seal_t *seal)
{
    char anchor[AMLAPS_DIGEST_HEX + 1];

    *check->at = *seal;
    check->with_key = 1;
    check->known = 1;
    amlaps_seal_anchor(anchor, seal);
    check->sealed = anchor[0] != '\0';
}

int amlaps_check_seal_after(amlaps_check_seal_t *check, const amlaps_slice_t *anchor)
{
    check->known = anchor->text != NULL && anchor->length == AMLAPS_DIGEST_HEX && amlaps_digest_read_hex(check->at->anchor, anchor->text);
    check->sealed = check->known;
    return check->known;
}

int amlaps_check_seal_begins(const amlaps_view_t *view)
{
    const amlaps_slice_t *code = &view->field[AMLAPS_FIELD_CODE];

    return amlaps_slice_is(&view->field[AMLAPS_FIELD_EVENT], amlaps_record_event(AMLAPS_EVENT_AUDIT))
           && (amlaps_slice_is(code, AMLAPS_RECORD_SEALED) || amlaps_slice_is(code, AMLAPS_RECORD_RECOVERED));
}

static const char *check_unsealed(const amlaps_check_seal_t *check, const amlaps_view_t *view)
{
    apr_int64_t first = check->keys != NULL ? amlaps_keys_first(check->keys) : 0;

    if (check->sealed) {
        return "it is not sealed, though the record before it is";
    }
    if (amlaps_check_seal_begins(view)) {
        return "it begins the sealing and is not sealed itself";
    }
    return first != 0 && view->seq >= first ? "it is not sealed, though the key says that it should be" : NULL;
}

static const char *check_beginning(const amlaps_check_seal_t *check, const amlaps_view_t *view, int first)
{
    int begins = amlaps_check_seal_begins(view);

    if (begins && view->seal_first != view->seq) {
        return "it says that another record begins the sealing";
    }
    if (begins && check->sealed && amlaps_slice_is(&view->field[AMLAPS_FIELD_CODE], AMLAPS_RECORD_SEALED)) {
        return "it begins the sealing, which had begun before";
    }
    return !begins && !check->sealed && !first ? "it is sealed, though no record says that sealing begins" : NULL;
}

/** Finds the key for this record, where it is not the one that the last left. */
static const char *choose_key(amlaps_check_seal_t *check, const amlaps_view_t *view)
{
    int begins = amlaps_check_seal_begins(view);
    const unsigned char *key;
    apr_int64_t first = 0;
    apr_int64_t seq;

    if (check->with_key && (!begins || check->at->first == view->seq)) {
        return NULL;
    }
    key = check->keys != NULL ? amlaps_keys_find(&first, check->keys, view->seq) : NULL;
    if (key == NULL) {
        return check->with_key || check->keys != NULL ? "no key was given for it" : NULL;
    }
    if (begins && first != view->seq) {
        return "it begins with a new key, which was not given";
    }
    memcpy(check->at->key, key, AMLAPS_DIGEST_BYTES);
    for (seq = first; seq < view->seq; seq++) {
        amlaps_seal_evolve(check->at->key, check->digest, check->at->key);
    }
    check->with_key = 1;
    return NULL;
}

/** A recovery goes on from the anchor of the record before it, like all others but the very first seal. */
static int needs_anchor_before(const amlaps_view_t *view)
{
    return view->seq > 1 && !(amlaps_check_seal_begins(view) && amlaps_slice_is(&view->field[AMLAPS_FIELD_CODE], AMLAPS_RECORD_SEALED));
}

static void remember_seam(amlaps_check_seal_t *check, const char *hash, const unsigned char anchor[AMLAPS_DIGEST_BYTES])
{
    check->open_seam = 1;
    memcpy(check->seam_anchor, anchor, AMLAPS_DIGEST_BYTES);
    if (check->with_key) {
        amlaps_digest_hmac(check->seam_mac, check->digest, check->at->key, hash, AMLAPS_RECORD_HASH);
    }
}

const char *amlaps_check_seal_record(amlaps_check_seal_t *check, const amlaps_view_t *view, int first, const char *hash,
                                     const amlaps_slice_t *anchor)
{
    unsigned char given[AMLAPS_DIGEST_BYTES];
    const char *problem;

    first = first && !check->known;
    if (anchor->text == NULL || anchor->length == 0) {
        return check_unsealed(check, view);
    }
    if (anchor->length != AMLAPS_DIGEST_HEX || !amlaps_digest_read_hex(given, anchor->text)) {
        return "its anchor is none";
    }
    if ((problem = check_beginning(check, view, first)) != NULL || (problem = choose_key(check, view)) != NULL) {
        return problem;
    }
    if (first && needs_anchor_before(view)) {
        remember_seam(check, hash, given);
        check->seam_may_begin = amlaps_check_seal_begins(view);
        if (check->with_key) {
            amlaps_seal_evolve(check->at->key, check->digest, check->at->key);
        }
    } else if (check->with_key) {
        amlaps_seal_step(check->at, check->digest, hash);
        if (!amlaps_digest_equal(check->at->anchor, given, sizeof(given))) {
            return "its seal does not fit: it was edited, or sealed with another key";
        }
    }
    memcpy(check->at->anchor, given, sizeof(given));
    check->sealed = 1;
    return NULL;
}

const char *amlaps_check_seal_seam(const amlaps_check_seal_t *check, const amlaps_view_t *view)
{
    const amlaps_slice_t *anchor = &view->field[AMLAPS_FIELD_SEAL_ANCHOR];
    unsigned char before[AMLAPS_DIGEST_BYTES] = { 0 }, sum[AMLAPS_DIGEST_BYTES];
    const amlaps_piece_t pieces[] = { { before, sizeof(before) }, { check->seam_mac, sizeof(check->seam_mac) } };

    if (!check->open_seam || !check->with_key) {
        return NULL;
    }
    if ((anchor->text != NULL || !check->seam_may_begin)
        && (anchor->text == NULL || anchor->length != AMLAPS_DIGEST_HEX || !amlaps_digest_read_hex(before, anchor->text))) {
        return "the record of the export before it has no anchor";
    }
    amlaps_digest_sum(sum, check->digest, pieces, 2);
    return amlaps_digest_equal(sum, check->seam_anchor, sizeof(sum)) ? NULL : "its seal does not fit what was exported before it";
}

const char *amlaps_check_seal_state(const amlaps_check_seal_t *check, const amlaps_seal_t *state)
{
    if (check->sealed && !amlaps_digest_equal(check->at->anchor, state->anchor, sizeof(state->anchor))) {
        return "the sealing state has another anchor for the record before it";
    }
    if (check->with_key && !amlaps_digest_equal(check->at->key, state->key, sizeof(state->key))) {
        return "the sealing state holds the key of another record: records were cut off here, or sealed anew";
    }
    return NULL;
}

const amlaps_seal_t *amlaps_check_seal_now(const amlaps_check_seal_t *check)
{
    return check->at;
}

int amlaps_check_seal_is_sealed(const amlaps_check_seal_t *check)
{
    return check->sealed;
}
