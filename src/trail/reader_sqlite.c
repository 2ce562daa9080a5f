/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include "sqlite.h"

/* Few enough that a reader never holds up the reset of the WAL, many enough to read at full speed. */
#define PAGE 1000

/* A store that httpd has not upgraded yet is read as it is. */
#define SELECT_ROWS(anchor) \
    "SELECT seq, time, id, stage, event, outcome, actor, device, body, hash, " anchor " FROM record WHERE seq > ?1 ORDER BY seq LIMIT ?2"

static const char *const sql[] = { SELECT_ROWS("NULL"), SELECT_ROWS("anchor") };

static const char *text(sqlite3_stmt *statement, int column)
{
    return (const char *)sqlite3_column_text(statement, column);
}

static void read_row(amlaps_row_t *row, sqlite3_stmt *statement)
{
    row->seq = sqlite3_column_int64(statement, 0);
    row->time = sqlite3_column_int64(statement, 1) * 1000;
    row->id = text(statement, 2);
    row->stage = text(statement, 3);
    row->event = text(statement, 4);
    row->outcome = text(statement, 5);
    row->actor = text(statement, 6);
    row->device = text(statement, 7);
    row->body = text(statement, 8);
    row->length = (apr_size_t)sqlite3_column_bytes(statement, 8);
    row->hash = text(statement, 9);
    row->anchor = text(statement, 10);
}

/** Reads one page in a transaction of its own. @return how many rows it had, -1 after an error, 0 also where `visit` has enough */
static int read_page(apr_int64_t *after, sqlite3_stmt *statement, amlaps_row_visit_t visit, void *baton)
{
    int rows = 0;
    int code;

    sqlite3_bind_int64(statement, 1, *after);
    sqlite3_bind_int(statement, 2, PAGE);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        amlaps_row_t row;

        read_row(&row, statement);
        *after = row.seq;
        rows++;
        if (!visit(baton, &row)) {
            rows = 0;
            code = SQLITE_DONE;
            break;
        }
    }
    return code == SQLITE_DONE && sqlite3_reset(statement) == SQLITE_OK ? rows : -1;
}

apr_status_t amlaps_sqlite_each(const char *path, apr_int64_t after, amlaps_row_visit_t visit, void *baton, amlaps_error_t *error)
{
    sqlite3_stmt *statement = NULL;
    sqlite3 *db;
    int version = 0;
    int rows = 1;
    apr_status_t status = amlaps_sqlite_connect(&db, path, SQLITE_OPEN_READONLY, error);

    if (status != APR_SUCCESS) {
        return status;
    }
    sqlite3_busy_timeout(db, 5000);
    status = amlaps_sqlite_version(&version, db, path, error);
    if (status == APR_SUCCESS && version == 0) {
        status = amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0207", APR_EGENERAL, "%s is empty and no audit store", path);
    }
    if (status == APR_SUCCESS && sqlite3_prepare_v2(db, sql[version >= 2], -1, &statement, NULL) != SQLITE_OK) {
        status = amlaps_sqlite_fail(db, path, "reading", error);
    }
    while (status == APR_SUCCESS && rows > 0) {
        rows = read_page(&after, statement, visit, baton);
        if (rows < 0) {
            status = amlaps_sqlite_fail(db, path, "reading", error);
        }
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return status;
}
