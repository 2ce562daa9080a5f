/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_SEALER_H
#define AMLAPS_TRAIL_SEALER_H

/*
 * Sealing as part of a batch: begin (after the store's), seal each record, commit (after the store's), end. The state on disk is what counts,
 * read anew for each batch, because other children and amlaps-audit write it too. The writer's thread, under the shared mutex.
 */

#include "seal.h"
#include "store.h"

typedef struct amlaps_sealer_t amlaps_sealer_t;

/** @param state path of the sealing state @param store its name; kept, as it may hold a password @return NULL without memory */
amlaps_sealer_t *amlaps_sealer_make(const char *state, const char *store, amlaps_trail_shared_t *shared, apr_pool_t *pool);

/** The next batch begins a new sealing with this state whatever the file says; it must follow exactly the head that the state names. */
void amlaps_sealer_renew(amlaps_sealer_t *sealer, const amlaps_seal_t *seal);

/**
 * Locks and reads the state, and makes sure that the store ends where it does. A store that is exactly one batch ahead, sealed by the state's
 * own key, is what a crash between the two leaves: the state follows it. Anything else is refused.
 * @param sealer NULL: not sealed, then the store must not be either
 */
apr_status_t amlaps_sealer_begin(amlaps_sealer_t *sealer, const amlaps_head_t *head, apr_interval_time_t patience, amlaps_error_t *error,
                                 apr_pool_t *pool);

/** Seals the next record. @param anchor what goes beside it */
void amlaps_sealer_seal(char anchor[AMLAPS_DIGEST_HEX + 1], amlaps_sealer_t *sealer, const char *hash);

/** Writes the state, durably. After the store's commit: a crash between must find the record, not only its seal. */
apr_status_t amlaps_sealer_commit(amlaps_sealer_t *sealer, amlaps_error_t *error);

/** Ends the batch, whatever became of it, and gives back the lock. */
void amlaps_sealer_end(amlaps_sealer_t *sealer);

/** @return 1 for an error that the seal is the reason of */
int amlaps_sealer_failed(const amlaps_error_t *error);
/** @return 1 where amlaps_sealer_renew came to nothing, since somebody else wrote to the store first */
int amlaps_sealer_came_late(const amlaps_error_t *error);

void amlaps_sealer_close(amlaps_sealer_t *sealer);

#endif
