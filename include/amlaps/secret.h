/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_SECRET_H
#define AMLAPS_SECRET_H

/*
 * Memory for passwords, tokens and client secrets: whole pages of its own, not in core dumps, not swapped where the limits
 * allow, wiped when it goes. Growing copies to new pages and wipes the old ones. One thread at a time.
 */

#include "amlaps/base.h"

typedef struct amlaps_secret_t {
    char *bytes;       /* always followed by a NUL that does not count; NULL while empty and never grown */
    apr_size_t length;
    apr_size_t room;   /* bytes that fit without growing; owned by the functions below, as is the next */
    int wiped;         /* nothing was added since */
} amlaps_secret_t;

/**
 * An empty secret with room for `room` bytes, wiped and unmapped with `pool`.
 * @return NULL where no memory is to be had
 */
amlaps_secret_t *amlaps_secret_make(apr_size_t room, apr_pool_t *pool);

/** Adds bytes at the end, which may be the secret's own. `bytes` moves where it grows.
 *  @return APR_SUCCESS or APR_ENOMEM, then nothing was added */
apr_status_t amlaps_secret_append(amlaps_secret_t *secret, const char *bytes, apr_size_t length);

/** Makes room for `room` bytes in all. @return APR_SUCCESS or APR_ENOMEM, then nothing has changed */
apr_status_t amlaps_secret_reserve(amlaps_secret_t *secret, apr_size_t room);

/**
 * From now on some pages are kept, wiped, for the next secrets of this process until `pool` goes: to map and lock pages costs more than all else
 * that a request does. Called in child_init, before threads start; never in a process that forks.
 */
void amlaps_secret_keep_pages(apr_pool_t *pool);

/** Overwrites the whole room and sets the length to 0; the memory stays. */
void amlaps_secret_wipe(amlaps_secret_t *secret);

typedef enum amlaps_file_care_t {
    AMLAPS_FILE_SECRET, /* nobody but owner and group may read it */
    AMLAPS_FILE_PUBLIC  /* others may read, but not write it */
} amlaps_file_care_t;

/**
 * Adds a whole file, as it is; one that is larger than what is left of `room` is refused, the secret does not grow. So is one that others may
 * change or replace.
 * @return NULL, or what is wrong with the file and what to do; then part of it may have been added
 */
const char *amlaps_secret_read_file(amlaps_secret_t *secret, const char *path, amlaps_file_care_t care, apr_pool_t *pool);

#endif
