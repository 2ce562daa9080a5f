/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_ATTEMPTS_SQLITE_H
#define AMLAPS_TRAIL_ATTEMPTS_SQLITE_H

/* The attempts that limits count, for store_sqlite.c. All but open and close inside a transaction of the store. */

#include "sqlite.h"

enum {
    AMLAPS_ATTEMPT_LAST, AMLAPS_ATTEMPT_TIME, AMLAPS_ATTEMPT_ADD, AMLAPS_ATTEMPT_NEXT_KEY, AMLAPS_ATTEMPT_PRUNE, AMLAPS_ATTEMPT_STATEMENTS
};

#define AMLAPS_ATTEMPTS_KNOWN 256

typedef struct amlaps_sqlite_attempts_t {
    sqlite3_stmt *statement[AMLAPS_ATTEMPT_STATEMENTS];
    apr_time_t newest; /* of those that were there when the store was opened */
    apr_time_t pruned; /* when some keys were looked at last */
    amlaps_touch_t place; /* the last of them */
    struct {
        amlaps_touch_t touch;
        apr_int64_t last; /* 0: an empty place */
    } known[AMLAPS_ATTEMPTS_KNOWN]; /* the newest attempts of some keys, as long as nobody else wrote */
} amlaps_sqlite_attempts_t;

/** To be closed also where it fails. */
apr_status_t amlaps_sqlite_attempts_open(amlaps_sqlite_attempts_t *attempts, amlaps_store_t *store, amlaps_error_t *error);
void amlaps_sqlite_attempts_close(amlaps_sqlite_attempts_t *attempts);

/** Others have written, or what this child wrote was taken back. */
void amlaps_sqlite_attempts_changed(amlaps_sqlite_attempts_t *attempts);

/* As in amlaps_store_ops_t. */
apr_status_t amlaps_sqlite_last_attempt(apr_int64_t *ordinal, amlaps_store_t *store, const amlaps_touch_t *touch, amlaps_error_t *error);
apr_status_t amlaps_sqlite_attempt_time(apr_time_t *time, amlaps_store_t *store, const amlaps_touch_t *touch, apr_int64_t ordinal,
                                        amlaps_error_t *error);
apr_status_t amlaps_sqlite_newest_attempt(apr_time_t *time, amlaps_store_t *store, amlaps_error_t *error);
apr_status_t amlaps_sqlite_add_attempt(amlaps_store_t *store, const amlaps_touch_t *touch, apr_int64_t ordinal, apr_time_t time,
                                       amlaps_error_t *error);
apr_status_t amlaps_sqlite_prune(amlaps_store_t *store, apr_time_t time, amlaps_error_t *error);

/** Of an open store; in store_sqlite.c. */
amlaps_sqlite_attempts_t *amlaps_sqlite_attempts_of(amlaps_store_t *store);

#endif
