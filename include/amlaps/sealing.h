/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_SEALING_H
#define AMLAPS_SEALING_H

/*
 * A sealed trail: who may read the store may see whether it was changed, and who may write it cannot change what is past. The sealing state
 * is a small file that all writers of a trail share; amlaps-audit makes it. How records are sealed: docs/audit.md.
 */

#include "amlaps/trail.h"

/**
 * Shows a verification key to whoever keeps it, before it seals anything. It is shown once and kept nowhere.
 * @return 1; 0 where it could not be shown, then nothing is changed
 */
typedef int (*amlaps_show_key_t)(void *baton, const char *key);

/**
 * Makes the sealing state, which must not exist, and seals the trail of the store from now on; makes the store where there is none. The first
 * sealed record tells of it (event audit, code sealed). `who` runs this. Where it fails, it leaves no state, and no
 * SQLite store that was not there before; but where the store took that record, or may have, the state stays, and the key counts.
 */
apr_status_t amlaps_trail_seal(amlaps_error_t *error, const char *store, const char *state, const char *who, amlaps_show_key_t show,
                               void *baton, apr_pool_t *pool);

/** What amlaps_trail_recover did, also where it failed. */
typedef struct amlaps_recovered_t {
    const char *kept; /* under this name stands the state that had to make way, NULL: none had to */
    int told;         /* a record tells of it, or may do so: the key that was shown counts, also where the rest failed */
} amlaps_recovered_t;

/**
 * Begins the sealing anew after the store or the state was lost or replaced, whatever either holds. A record tells of it (event audit, code
 * recovered) and of what the state knew. A state that ends with a record which the store does not have may be the one of another store, and a file that
 * is no whole state may be anything: it is not overwritten but kept under another name. Where this fails before anything is sealed, the state is what it was.
 */
apr_status_t amlaps_trail_recover(amlaps_recovered_t *recovered, amlaps_error_t *error, const char *store, const char *state, const char *who,
                                  amlaps_show_key_t show, void *baton, apr_pool_t *pool);

/** What amlaps_trail_retain did; all 0 where there was nothing to do. */
typedef struct amlaps_retained_t {
    apr_int64_t first, last;       /* records that were exported and removed */
    char hash[65];                 /* of the last one */
    int told;                      /* a record tells of it: from then on the export counts, also where not all of them could be removed */
} amlaps_retained_t;

/**
 * Exports the records before a time and removes them from the store. A record tells of it (event audit, code exported), so that the rest
 * verifies from there on, and what was exported by itself. The newest record always stays.
 * @param state NULL: the trail is not sealed
 * @param line gets each record, as amlaps_trail_each does, and NULL after the last one: returns 1 where all of them are safe
 */
apr_status_t amlaps_trail_retain(amlaps_retained_t *retained, amlaps_error_t *error, const char *store, const char *state, apr_time_t before,
                                 const char *who, int (*line)(void *baton, apr_int64_t seq, const char *json), void *baton, apr_pool_t *pool);

#endif
