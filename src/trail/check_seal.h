/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_CHECK_SEAL_H
#define AMLAPS_TRAIL_CHECK_SEAL_H

/*
 * The seals of records one after another. Without keys: that no record of a sealed trail lacks its seal, and that sealing begins only where a
 * record says so. With keys: that each seal fits the key for exactly that record.
 */

#include "seal.h"
#include "view.h"

typedef struct amlaps_check_seal_t amlaps_check_seal_t;

/** @param keys NULL: none; must outlive the check. @return NULL without memory */
amlaps_check_seal_t *amlaps_check_seal_make(const amlaps_keys_t *keys, amlaps_digest_t *digest, apr_pool_t *pool);

/** The record before the first one is known, with this state. */
void amlaps_check_seal_continue(amlaps_check_seal_t *check, const amlaps_seal_t *seal);

/** Nothing but the anchor of the record before the first one is known. @return 0 where it is none */
int amlaps_check_seal_after(amlaps_check_seal_t *check, const amlaps_slice_t *anchor);

/**
 * Checks the seal of the record that follows.
 * @param first 1: nothing is known of the record before
 * @param hash of the record @param anchor "" or NULL: it has none
 * @return NULL, or what is wrong
 */
const char *amlaps_check_seal_record(amlaps_check_seal_t *check, const amlaps_view_t *view, int first, const char *hash,
                                     const amlaps_slice_t *anchor);

/** A record says that those up to its `seal.last` were exported; the first record that is here follows that one.
 *  @return NULL, or what is wrong with the first record here */
const char *amlaps_check_seal_seam(const amlaps_check_seal_t *check, const amlaps_view_t *view);

/** Compares with the sealing state after the record that it is about. @return NULL, or what is wrong with the record after */
const char *amlaps_check_seal_state(const amlaps_check_seal_t *check, const amlaps_seal_t *state);

/** Where sealing stands now; right only after amlaps_check_seal_continue. */
const amlaps_seal_t *amlaps_check_seal_now(const amlaps_check_seal_t *check);

/** @return 1 where the last record is sealed */
int amlaps_check_seal_is_sealed(const amlaps_check_seal_t *check);

/** @return 1 for a record that begins the sealing or recovers it */
int amlaps_check_seal_begins(const amlaps_view_t *view);

#endif
