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
 * sealed record tells of it (event audit, code sealed). `who` runs this.
 */
apr_status_t amlaps_trail_seal(amlaps_error_t *error, const char *store, const char *state, const char *who, amlaps_show_key_t show,
                               void *baton, apr_pool_t *pool);

/**
 * Begins the sealing anew after the store or the state was lost or replaced, whatever either holds. A record tells of it (event audit, code
 * recovered) and of what the state knew.
 */
apr_status_t amlaps_trail_recover(amlaps_error_t *error, const char *store, const char *state, const char *who, amlaps_show_key_t show,
                                  void *baton, apr_pool_t *pool);

#endif
