/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_GAP_H
#define AMLAPS_TRAIL_GAP_H

/*
 * Whoever hands on all records reads page by page, and an export removes records meanwhile: nobody must take what is left for all. Records that
 * are missing in the middle are another matter: those who read go on, and a verifier tells.
 */

#include "store.h"

typedef struct amlaps_gap_t {
    const char *store;
    apr_int64_t next; /* the record that must come; 0: any */
    int removed;      /* it went away with all before it */
} amlaps_gap_t;

/** To be called with each row, oldest first. @return 0 where records before it were removed since the last one */
int amlaps_gap_follow(amlaps_gap_t *gap, const amlaps_row_t *row);

/** To be called at the end. @param to the last record that was to be read, 0: whichever was the last. @return an error where some were removed */
apr_status_t amlaps_gap_end(amlaps_gap_t *gap, apr_int64_t to, amlaps_error_t *error);

#endif
