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
    int checked;                           /* since they were opened, and so the next is known */
    apr_uint32_t changes;                  /* of the database, by its header */
    off_t index;                           /* how long -shm was when it was weighed; while somebody has it open, it only grows */
} amlaps_sqlite_files_t;

void amlaps_sqlite_files_name(amlaps_sqlite_files_t *files, const char *path, apr_pool_t *pool);

/** Notes what the files are now, before they are opened. */
apr_status_t amlaps_sqlite_files_look(amlaps_sqlite_files_t *files, amlaps_error_t *error);

/** Are they still the same? At any time. */
apr_status_t amlaps_sqlite_files_check(const amlaps_sqlite_files_t *files, amlaps_error_t *error);

/**
 * Is -shm as long as it was? Before a transaction, since SQLite has it mapped: what it reads beyond the end would end the process with a signal.
 * @param overwritten set to 1 where somebody cut it
 */
apr_status_t amlaps_sqlite_files_check_index(int *overwritten, const amlaps_sqlite_files_t *files, amlaps_error_t *error);

/** Are they still the same, and is what was in them still there? Only within a transaction that writes: in between others make them longer and shorter.
 *  @param overwritten set to 1 where somebody wrote over them, or cut them, in place */
apr_status_t amlaps_sqlite_files_weigh(int *overwritten, amlaps_sqlite_files_t *files, sqlite3 *db, amlaps_error_t *error);

#endif
