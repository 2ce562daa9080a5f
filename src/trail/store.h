/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_STORE_H
#define AMLAPS_TRAIL_STORE_H

/*
 * What a store must be able to do. One transaction appends one batch: begin, for each record the limits and its row, commit (batch.c). The
 * chain and the limits are the same code over every store. Only the writer thread calls these, holding the shared mutex.
 *
 * Every function that fails sets `error` and leaves the transaction to be rolled back. A store whose fsync failed condemns itself
 * (shared.h).
 */

#include "amlaps/trail.h"
#include "limits.h"
#include "queue.h"
#include "record.h"
#include "shared.h"

/** The last record. */
typedef struct amlaps_head_t {
    apr_int64_t seq;                   /* 0: none yet */
    apr_time_t time;                   /* of whole milliseconds */
    char hash[AMLAPS_RECORD_HASH + 1]; /* 64 zeros where there is none */
    char anchor[AMLAPS_RECORD_HASH + 1]; /* "": the record is not sealed */
} amlaps_head_t;

/**
 * One row of the trail. Six columns say once more what `body` says, for those who ask a database: PostgreSQL keeps them, SQLite did before
 * schema 6. Nothing here relies on them. A row that is written has them for whichever store wants them. In one that is read any text may be
 * NULL: somebody may have put that there.
 */
typedef struct amlaps_row_t {
    apr_int64_t seq;
    apr_time_t time;
    int has_columns;            /* of a row that is read; 0: the store keeps none of the six, which are NULL */
    const char *id, *stage, *event, *outcome;
    const char *actor, *device; /* NULL also where they are unknown */
    const char *body;           /* canonical JSON with hash */
    apr_size_t length;
    const char *hash;
    const char *anchor;         /* NULL: not sealed */
} amlaps_row_t;

typedef struct amlaps_store_ops_t {
    /**
     * Says before `begin` of which attempts and limits it will be asked, for a store that is far away and fetches all at once. May be
     * NULL. Everything stays until the batch is over.
     */
    void (*foresee)(amlaps_store_t *store, const amlaps_touch_t *const *touches, apr_size_t count, const amlaps_limit_t *limits,
                    apr_size_t limit_count);
    /** Opens the store where it is not open, starts a transaction and reads the head. Waits for other writers at most `patience`. */
    apr_status_t (*begin)(amlaps_head_t *head, amlaps_store_t *store, apr_interval_time_t patience, amlaps_error_t *error);
    /** The number of this key's newest attempt, 0 where there is none. A key's attempts are numbered without gaps as far back as they are kept. */
    apr_status_t (*last_attempt)(apr_int64_t *ordinal, amlaps_store_t *store, const amlaps_touch_t *touch, amlaps_error_t *error);
    /** The time of this key's attempt of that number, 0 where it is not kept. */
    apr_status_t (*attempt_time)(apr_time_t *time, amlaps_store_t *store, const amlaps_touch_t *touch, apr_int64_t ordinal,
                                 amlaps_error_t *error);
    /** The newest attempt of all, 0 where there is none. */
    apr_status_t (*newest_attempt)(apr_time_t *time, amlaps_store_t *store, amlaps_error_t *error);
    /** The wall clock that all servers of this store share, as the transaction began; NULL: this machine's is theirs. */
    apr_time_t (*wall)(amlaps_store_t *store);
    apr_status_t (*add_record)(amlaps_store_t *store, const amlaps_row_t *row, amlaps_error_t *error);
    apr_status_t (*add_attempt)(amlaps_store_t *store, const amlaps_touch_t *touch, apr_int64_t ordinal, apr_time_t time,
                                amlaps_error_t *error);
    /** Forgets some attempts before `time`, more than a batch adds, so that they never pile up. */
    apr_status_t (*prune)(amlaps_store_t *store, apr_time_t time, amlaps_error_t *error);
    /** Removes the records up to `seq`, for retention. */
    apr_status_t (*forget)(amlaps_store_t *store, apr_int64_t seq, amlaps_error_t *error);
    /** Writes something that changes nothing, so that the commit shows whether the store takes records. */
    apr_status_t (*prove)(amlaps_store_t *store, amlaps_error_t *error);
    /** Durable when it returns APR_SUCCESS. */
    apr_status_t (*commit)(amlaps_store_t *store, const amlaps_head_t *head, amlaps_error_t *error);
    void (*rollback)(amlaps_store_t *store);
    /** @return 1 where tend has something to do that takes long; NULL: it never does */
    int (*untidy)(const amlaps_store_t *store);
    /** Housekeeping after a commit, when nobody waits for it. */
    apr_status_t (*tend)(amlaps_store_t *store, amlaps_error_t *error);
    /** Closes and frees the store. */
    void (*close)(amlaps_store_t *store);
} amlaps_store_ops_t;

struct amlaps_store_t {
    const amlaps_store_ops_t *ops;
    const amlaps_queue_ops_t *queue;
};

/** What stands for the hash of a record that is not there any more because it was exported, with all before it. */
#define AMLAPS_STORE_EXPORTED "exported"

/**
 * Makes a closed store of this name ("sqlite3:PATH", "pgsql:CONNINFO"); begin opens it.
 * @param name may hold a password, so it is kept and not copied
 * @param timeout how long a batch may wait for a server, from begin to commit
 * @return NULL where the name is none
 */
amlaps_store_t *amlaps_store_make(const char *name, amlaps_trail_shared_t *shared, apr_interval_time_t timeout, apr_pool_t *pool);

/** For programs beside httpd: a store in a file is made whole, where nobody uses it and files beside it are missing. */
void amlaps_store_complete(const char *name);

/** The owner of the store's file, to whom other files of the trail belong too; -1 where it has none. */
void amlaps_store_owner(const char *name, uid_t *uid, gid_t *gid);

/** @return what messages call the store: its path, never what a conninfo holds */
const char *amlaps_store_label(const char *name);

/** @return 1 for the name of a store that keeps nothing, which the benchmark's build alone knows (AMLAPS_BENCH_STORE_OFF) */
int amlaps_store_is_off(const char *name);

/** Milliseconds of a column as time; those that no time holds, which somebody wrote there, become one that no record has. */
apr_time_t amlaps_store_time(apr_int64_t milliseconds);

/** Which rows are read. All zero: every row, oldest first, rows with senseless sequence numbers too. */
typedef struct amlaps_range_t {
    apr_int64_t after, before; /* after < seq < before; 0: from the first, to the last */
    apr_time_t since, until;   /* since <= time < until; 0: any */
    int newest_first;
} amlaps_range_t;

/** Hands the rows of the range in order to `visit`, until it returns 0, page by page in short transactions of their own. Columns and texts
 *  live for the call. @param range NULL: every row */
typedef int (*amlaps_row_visit_t)(void *baton, const amlaps_row_t *row);
apr_status_t amlaps_store_each(const char *name, const amlaps_range_t *range, amlaps_row_visit_t visit, void *baton, amlaps_error_t *error);

#endif
