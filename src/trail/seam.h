/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_SEAM_H
#define AMLAPS_TRAIL_SEAM_H

#include "check.h"

/** How far the search has come, from the newest record backwards. All zero: it begins, and takes the time that it needs. */
typedef struct amlaps_seam_t {
    apr_time_t until;           /* steady: when it must be over for now, 0: never */
    apr_int64_t before, first;  /* in and out: it goes on before this record, while `first` is the store's first one; 0: it is over */
    apr_int64_t begins;         /* out: the store's first record, 0: none */
} amlaps_seam_t;

/**
 * Where the first record of the store is not record 1, looks for the record that tells of the export of those before it. That record is
 * checked itself when its turn comes.
 */
apr_status_t amlaps_seam_find(amlaps_check_t *check, amlaps_seam_t *seam, const char *store, amlaps_error_t *error, apr_pool_t *pool);

/**
 * A verifier reads page by page, and an export removes records meanwhile: what is missing may be gone with all before it.
 * @param moved set to 1 where it is, and the store begins elsewhere than when the check began
 */
apr_status_t amlaps_seam_moved(int *moved, const amlaps_check_t *check, const amlaps_seam_t *seam, const char *store, amlaps_error_t *error);

#endif
