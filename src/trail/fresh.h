/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_FRESH_H
#define AMLAPS_TRAIL_FRESH_H

/* Whoever makes a store and then fails takes back what it made. */

#include <apr_pools.h>

/** What is not there before a store is prepared; NULL: it is there, or nothing is to be made. */
typedef struct amlaps_fresh_t {
    const char *file;
    const char *directory;
} amlaps_fresh_t;

/**
 * Looks before amlaps_trail_prepare. Of a store in PostgreSQL nothing is taken back: the database is there already, and whose its tables are cannot
 * be told from here.
 */
void amlaps_fresh_look(amlaps_fresh_t *fresh, const char *store, apr_pool_t *pool);

/**
 * Removes what has come since, after all that this process opened of it is closed. A store that somebody holds locked or that has records stays: it
 * is in use.
 */
void amlaps_fresh_take_back(const amlaps_fresh_t *fresh, apr_pool_t *pool);

#endif
