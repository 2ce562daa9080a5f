/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_COPIER_H
#define AMLAPS_TRAIL_COPIER_H

/*
 * A thread for work on a copy that nobody needs to have and whose disk may hang for ever: a write to a file cannot be given up. Only that thread
 * then hangs. The work is done under the copy's lead, so that no other child goes on with a copy that this one is still writing.
 */

#include "shared.h"

typedef struct amlaps_copier_t amlaps_copier_t;

/** Starts no thread yet. Lives as long as the pool. */
amlaps_copier_t *amlaps_copier_make(amlaps_trail_shared_t *shared, apr_pool_t *pool);

/** @return 1 where earlier work still goes on, and with it all that it uses. One thread alone asks this and gives work */
int amlaps_copier_is_busy(amlaps_copier_t *copier);

/**
 * Has something done, by a copier that is not busy. What does not begin before `until` never does.
 * @param lead of the copy, see amlaps_shared_lead_of
 * @param until steady
 * @return APR_SUCCESS where it was done, APR_TIMEUP where it was not in time, or why there is no thread
 */
apr_status_t amlaps_copier_do(amlaps_copier_t *copier, void (*work)(void *baton), void *baton, int lead, apr_time_t until);

/** Ends the thread, when its work is over. */
void amlaps_copier_end(amlaps_copier_t *copier);

#endif
