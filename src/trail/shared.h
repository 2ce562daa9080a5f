/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_SHARED_H
#define AMLAPS_TRAIL_SHARED_H

/* Memory of all children: the mutex that orders their writers, the clock of the limits, and what is condemned. */

#include <sys/types.h>

#include "amlaps/digest.h"
#include "amlaps/trail.h"
#include "record.h"

/**
 * Takes the mutex within `patience`. A holder that died is no error: its transaction rolls back with its connection.
 * @param died set to 1 where the last holder died, may not be NULL
 * @return APR_SUCCESS, APR_TIMEUP, or another error, then the mutex is lost for good
 */
apr_status_t amlaps_shared_lock(amlaps_trail_shared_t *shared, apr_interval_time_t patience, int *died);
void amlaps_shared_unlock(amlaps_trail_shared_t *shared);

/** The number that says whether something new was queued. Without the mutex. */
void amlaps_shared_tell(amlaps_trail_shared_t *shared);
unsigned amlaps_shared_told(const amlaps_trail_shared_t *shared);

#define AMLAPS_COPY_KEY 64

/**
 * What all children know of one copy of one store. All zero: nothing yet. Key and begins are read and written under the mutex; the rest of a file
 * under its lead, since a copier goes on when its writer has left the mutex; the rest of others under the mutex.
 */
typedef struct amlaps_copy_state_t {
    char key[AMLAPS_COPY_KEY + 1];
    apr_int64_t begins;            /* with which record it begins where nothing is in it: the first that anybody had for it; 0: none yet */
    int known;                     /* it is known how far it goes: */
    apr_int64_t last;              /* the last record that it has; 0: none */
    int torn;                      /* half a line stands at its end and could not be taken back */
    unsigned generation;           /* of httpd, in which the following was seen of a file */
    dev_t device;
    ino_t inode;
    off_t size;
    apr_time_t written;            /* steady: of the store itself, whose name is "", when `last` was recorded here */
} amlaps_copy_state_t;

/** Makes the key of a copy; the names may be long. */
void amlaps_copy_key(char key[AMLAPS_COPY_KEY + 1], const char *store, const char *name);

/** Under the mutex: what is known of the copy with that key; never NULL. There is room for more copies than a server has; beyond, the oldest is forgotten. */
amlaps_copy_state_t *amlaps_shared_copy(amlaps_trail_shared_t *shared, const char *key);

/**
 * A lead for each store, and one for each copy that a copier writes: a mutex that one thread of all children holds for as long as it likes.
 * @param lead which one, from amlaps_shared_lead_of
 * @return APR_SUCCESS, APR_TIMEUP, or another error, then it is lost for good
 */
apr_status_t amlaps_shared_lead(amlaps_trail_shared_t *shared, int lead, apr_interval_time_t patience);
void amlaps_shared_follow(amlaps_trail_shared_t *shared, int lead);

/* Under the mutex only: */

/** @return the lead of this store, or copy by its key, always the same; two share one only where there are more than AMLAPS_LEADS */
#define AMLAPS_LEADS 1024
int amlaps_shared_lead_of(amlaps_trail_shared_t *shared, const char *name);

/**
 * The time that limits are counted by: runs with the steady clock from where the wall clock stood when it was asked first, so that no step of
 * the wall clock resets or prolongs a limit, and never stands before `newest`, the newest attempt in the store.
 * @param wall the store's, see amlaps_store_ops_t, so that servers whose clocks differ count by one
 */
apr_time_t amlaps_shared_limit_time(amlaps_trail_shared_t *shared, const amlaps_clock_t *clock, apr_time_t wall, apr_time_t newest);

/**
 * After a failed fsync nobody knows what is on disk, and the next fsync may wrongly succeed: no child uses that store or copy again, of this
 * generation or a later one. A reload is no look at the disk; who stops httpd and starts it has been told what to look at.
 */
void amlaps_shared_condemn(amlaps_trail_shared_t *shared, const char *name);
int amlaps_shared_is_condemned(amlaps_trail_shared_t *shared, const char *name);

/** By what amlaps_shared_last finds a store: hashed, so that a long path fits. To be made once: it takes as long as a statement of SQLite's. */
typedef char amlaps_shared_key_t[AMLAPS_DIGEST_HEX + 1];
void amlaps_shared_key(amlaps_shared_key_t key, const char *store);

/** What this server wrote last into a store, also before a reload. */
typedef struct amlaps_shared_last_t {
    amlaps_shared_key_t store;
    apr_int64_t seq;                   /* 0: nothing yet */
    char hash[AMLAPS_RECORD_HASH + 1];
} amlaps_shared_last_t;

/** Never NULL. There is room for more stores than a server has; beyond, the oldest is forgotten. */
amlaps_shared_last_t *amlaps_shared_last(amlaps_trail_shared_t *shared, const amlaps_shared_key_t store);

/** @return the generation, see amlaps_trail_restarted; without the mutex */
unsigned amlaps_shared_generation(const amlaps_trail_shared_t *shared);

/** Counts a record that was written or not; without the mutex. */
void amlaps_shared_count(amlaps_trail_shared_t *shared, int written);

#endif
