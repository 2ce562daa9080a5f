/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_FILES_SQLITE_H
#define AMLAPS_TRAIL_FILES_SQLITE_H

/* The files of a SQLite store, watched while it is open: SQLite itself goes on writing into files that were removed, replaced or cut. */

#include <sys/stat.h>

#include "sqlite.h"

#define AMLAPS_SQLITE_FILES 3

typedef struct amlaps_sqlite_files_t {
    const char *path[AMLAPS_SQLITE_FILES]; /* the database, -wal, -shm: losing any of them loses records */
    struct stat info[AMLAPS_SQLITE_FILES];
} amlaps_sqlite_files_t;

void amlaps_sqlite_files_name(amlaps_sqlite_files_t *files, const char *path, apr_pool_t *pool);

/** Notes what the files are now, before they are opened. */
apr_status_t amlaps_sqlite_files_look(amlaps_sqlite_files_t *files, amlaps_error_t *error);

/** Are they still the same, and what was in them too? @param overwritten set to 1 where somebody wrote over them in place */
apr_status_t amlaps_sqlite_files_check(int *overwritten, amlaps_sqlite_files_t *files, sqlite3 *db, amlaps_error_t *error);

#endif
