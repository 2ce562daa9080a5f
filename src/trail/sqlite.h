/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_SQLITE_H
#define AMLAPS_TRAIL_SQLITE_H

/* The store in one SQLite file. Only files named *_sqlite.c include sqlite3.h. */

#include <sqlite3.h>

#include "store.h"

/* "AMLP": tells our files from other people's databases. */
#define AMLAPS_SQLITE_APPLICATION 0x414D4C50
#define AMLAPS_SQLITE_SCHEMA 6

/** @return NULL, or what to write instead */
const char *amlaps_sqlite_check(const char *path, apr_pool_t *pool);

apr_status_t amlaps_sqlite_prepare(const char *path, uid_t uid, gid_t gid, amlaps_error_t *error, apr_pool_t *pool);

amlaps_store_t *amlaps_sqlite_make(const char *path, amlaps_trail_shared_t *shared, apr_pool_t *pool);

apr_status_t amlaps_sqlite_each(const char *path, const amlaps_range_t *range, amlaps_row_visit_t visit, void *baton, amlaps_error_t *error);

/* ---- for queue_sqlite.c and attempts_sqlite.c, inside a transaction of the store ---- */

extern const amlaps_queue_ops_t amlaps_sqlite_queue;

sqlite3 *amlaps_sqlite_db(amlaps_store_t *store);

/** Says what SQLite says; the store closes where that is the safe thing to do. @return error->status */
apr_status_t amlaps_sqlite_broke(amlaps_store_t *store, const char *doing, amlaps_error_t *error);

/* ---- connections ---- */

/**
 * Opens a connection that keeps -wal and -shm when it closes. A symbolic link in the file's own place is refused; one in its directory is
 * followed.
 * @param flags SQLITE_OPEN_READWRITE, SQLITE_OPEN_READONLY; with SQLITE_OPEN_URI a file that nobody writes to
 */
apr_status_t amlaps_sqlite_connect(sqlite3 **db, const char *path, int flags, amlaps_error_t *error);

/** Refuses a file that is not ours, or of another schema. @param version 0: a new, empty file */
apr_status_t amlaps_sqlite_version(int *version, sqlite3 *db, const char *path, amlaps_error_t *error);

/**
 * Makes -wal and -shm where they are missing and nobody has the store open: SQLite's own command takes them away when it ends, and a backup comes
 * without them. Where it does not work, whoever opens the store says so.
 */
void amlaps_sqlite_complete(const char *path);

/** Says what SQLite says, and what to do. @return error->status */
apr_status_t amlaps_sqlite_fail(sqlite3 *db, const char *path, const char *doing, amlaps_error_t *error);

/** @return 1 where the last error of `db` is of a sync: then nobody knows what is on disk */
int amlaps_sqlite_lost_sync(sqlite3 *db);

#endif
