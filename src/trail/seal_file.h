/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_SEAL_FILE_H
#define AMLAPS_TRAIL_SEAL_FILE_H

/*
 * The sealing state on disk: two slots, each with a checksum, in disk blocks of their own, so that a write that is torn by a power cut leaves
 * the other one. A new state goes to the older slot and is synced; then it goes over the other slot too, so that no older key stays
 * readable. Shared by all who write the trail: the file's lock is held from reading the state until its successor is written.
 */

#include "seal.h"
#include "shared.h"

typedef struct amlaps_seal_file_t amlaps_seal_file_t;

/** A closed file; locking opens it. */
amlaps_seal_file_t *amlaps_seal_file_make(const char *path, amlaps_trail_shared_t *shared, apr_pool_t *pool);

/**
 * Makes a new file with this state, for its owner alone, synced with its directory. One that exists is an error.
 * Ownership is given to uid and gid where uid is not (uid_t)-1.
 */
apr_status_t amlaps_seal_file_create(const char *path, const amlaps_seal_t *seal, uid_t uid, gid_t gid, amlaps_error_t *error, apr_pool_t *pool);

/** @return an error where nobody could make a file of that name: there is no such folder, or this user may not write to it */
apr_status_t amlaps_seal_file_may_make(const char *path, amlaps_error_t *error, apr_pool_t *pool);

/** Takes back amlaps_seal_file_create. */
void amlaps_seal_file_remove(const char *path);

/** Gives the state another name beside its own, which is free then. @param kept out: that name, NULL: it failed */
apr_status_t amlaps_seal_file_keep(const char **kept, const char *path, amlaps_error_t *error, apr_pool_t *pool);
/** Takes that back, over whatever has the name now. */
void amlaps_seal_file_return(const char *kept, const char *path);

/** Takes the lock, waiting at most `patience` for other programs, and makes sure that the file is still the one of its name. */
apr_status_t amlaps_seal_file_lock(amlaps_seal_file_t *file, apr_interval_time_t patience, amlaps_error_t *error);
/** Gives back the lock; does nothing without it. */
void amlaps_seal_file_unlock(amlaps_seal_file_t *file);
void amlaps_seal_file_close(amlaps_seal_file_t *file);

/* With the lock: */

apr_status_t amlaps_seal_file_read(amlaps_seal_t *seal, amlaps_seal_file_t *file, amlaps_error_t *error);
/** Durable when it returns APR_SUCCESS. A failed sync condemns the file (shared.h). */
apr_status_t amlaps_seal_file_write(amlaps_seal_file_t *file, const amlaps_seal_t *seal, amlaps_error_t *error);
/** Overwrites what amlaps_seal_file_write left of the state before; durable with the next write. */
void amlaps_seal_file_settle(amlaps_seal_file_t *file, const amlaps_seal_t *seal);

/** Reads the state without the lock, for a verifier. The writer may be at it, so the newer whole slot counts. */
apr_status_t amlaps_seal_file_peek(amlaps_seal_t *seal, const char *path, amlaps_error_t *error, apr_pool_t *pool);

#endif
