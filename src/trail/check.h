/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_CHECK_H
#define AMLAPS_TRAIL_CHECK_H

/* Checks records one after another, from wherever they come: the chain, the form, the seals. */

#include "check_anchor.h"
#include "check_seal.h"
#include "store.h"
#include "view.h"

typedef struct amlaps_check_t {
    amlaps_verify_t *result;
    apr_int64_t next;     /* sequence number that must come */
    apr_int64_t start;    /* the first record that came, 0: none yet */
    int any_start;        /* the first record says where they begin */
    int known;            /* `result->head` is the hash of the record before the first one */
    int missing;          /* what is bad is that a record is not there */
    int vouched;          /* an export or the caller says that there were others before the first one */
    apr_time_t time;      /* of the record before */
    char time_text[32];
    amlaps_check_seal_t *seal;
    amlaps_check_anchor_t *anchors; /* NULL: none to compare with */
    const amlaps_seal_t *state;     /* NULL: none to compare with */
    amlaps_digest_t *digest;
    apr_pool_t *pool;     /* cleared now and then */
} amlaps_check_t;

/** Prepares for records from the first one on; `result` lives as long as the check. */
apr_status_t amlaps_check_make(amlaps_check_t **check, amlaps_verify_t *result, const amlaps_keys_t *keys, amlaps_error_t *error,
                               apr_pool_t *pool);

/** Goes on behind a record that is known to be good. @param seal its state, NULL: not sealed */
void amlaps_check_continue(amlaps_check_t *check, apr_int64_t seq, const char *hash, const amlaps_seal_t *seal);

/** @return 1, or 0 where it is bad and `result` says why */
int amlaps_check_line(amlaps_check_t *check, const char *line, apr_size_t length);
int amlaps_check_row(amlaps_check_t *check, const amlaps_row_t *row);

/** The last line of a file, where it has no end: good where the end alone is missing, which editors and transfers take away. */
int amlaps_check_torn(amlaps_check_t *check, const char *line, apr_size_t length);

/** @return 1 where no record is there any more that the state could be compared with */
int amlaps_check_state_is_old(const amlaps_check_t *check);

/** What only the end shows: records that are missing there, whether somebody vouches for those before the first, and an old state. */
void amlaps_check_end(amlaps_check_t *check);

#endif
