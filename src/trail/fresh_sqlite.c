/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fresh.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include <apr_strings.h>

#include "sqlite.h"

static int is_missing(const char *path)
{
    struct stat info;

    return lstat(path, &info) != 0 && errno == ENOENT;
}

void amlaps_fresh_look(amlaps_fresh_t *fresh, const char *store, apr_pool_t *pool)
{
    static const char sqlite[] = "sqlite3:/";
    const char *path = strncmp(store, sqlite, sizeof(sqlite) - 1) == 0 ? store + sizeof(sqlite) - 2 : NULL;
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    const char *directory = slash > path ? apr_pstrmemdup(pool, path, (apr_size_t)(slash - path)) : NULL;

    memset(fresh, 0, sizeof(*fresh));
    if (path != NULL && is_missing(path)) {
        fresh->file = apr_pstrdup(pool, path);
        fresh->directory = directory != NULL && is_missing(directory) ? directory : NULL;
    }
}

static int may_have_records(sqlite3 *db)
{
    sqlite3_stmt *statement;
    int found;

    if (sqlite3_prepare_v2(db, "SELECT 1 FROM record LIMIT 1", -1, &statement, NULL) != SQLITE_OK) {
        /* Not even the table: it was not finished. */
        return sqlite3_errcode(db) != SQLITE_ERROR;
    }
    found = sqlite3_step(statement) != SQLITE_DONE;
    sqlite3_finalize(statement);
    return found;
}

/** Under the lock, so that no record comes meanwhile: whoever waits for it looks afterwards whether the files are there still. */
static void remove_store(const char *path, apr_pool_t *pool)
{
    amlaps_error_t error = { 0 };
    sqlite3 *db;

    if (amlaps_sqlite_connect(&db, path, SQLITE_OPEN_READWRITE, &error) != APR_SUCCESS) {
        return;
    }
    if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK && !may_have_records(db)) {
        /* The database last: without it, the others would be taken for those of the next one. */
        unlink(apr_pstrcat(pool, path, "-wal", NULL));
        unlink(apr_pstrcat(pool, path, "-shm", NULL));
        unlink(path);
    }
    sqlite3_close(db);
}

void amlaps_fresh_take_back(const amlaps_fresh_t *fresh, apr_pool_t *pool)
{
    if (fresh->file != NULL) {
        remove_store(fresh->file, pool);
    }
    /* Where anything is in it, it stays. */
    if (fresh->directory != NULL) {
        rmdir(fresh->directory);
    }
}
