/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <sys/stat.h>

#include "sqlite.h"

/* Few enough that a reader never holds up the reset of the WAL, many enough to read at full speed. */
#define PAGE 1000

#define SELECT_ROWS(what, order) "SELECT seq, time, body, hash, " what " FROM record WHERE seq > ?1 AND seq < ?2 ORDER BY seq " order " LIMIT ?3"
#define BOTH_WAYS(what) { SELECT_ROWS(what, "ASC"), SELECT_ROWS(what, "DESC") }
#define COLUMNS ", id, stage, event, outcome, actor, device"
#define FIRST_COLUMN 5

/* A store that httpd has not upgraded yet is read as it is. */
static const struct {
    int before; /* the schema that needs another statement */
    const char *sql[2];
} forms[] = {
    { 2, BOTH_WAYS("NULL" COLUMNS) },
    { 6, BOTH_WAYS("anchor" COLUMNS) },
    { AMLAPS_SQLITE_SCHEMA + 1, BOTH_WAYS("anchor") }
};
static const char newest[] = "SELECT seq, time FROM record ORDER BY seq DESC LIMIT 1";
static const char at_or_after[] = "SELECT seq, time FROM record WHERE seq >= ?1 ORDER BY seq LIMIT 1";

static const char *text(sqlite3_stmt *statement, int column)
{
    return (const char *)sqlite3_column_text(statement, column);
}

static void read_row(amlaps_row_t *row, sqlite3_stmt *statement)
{
    memset(row, 0, sizeof(*row));
    row->seq = sqlite3_column_int64(statement, 0);
    row->time = amlaps_store_time(sqlite3_column_int64(statement, 1));
    row->body = text(statement, 2);
    row->length = (apr_size_t)sqlite3_column_bytes(statement, 2);
    row->hash = text(statement, 3);
    row->anchor = text(statement, 4);
    row->has_columns = sqlite3_column_count(statement) > FIRST_COLUMN;
    if (row->has_columns) {
        row->id = text(statement, FIRST_COLUMN);
        row->stage = text(statement, FIRST_COLUMN + 1);
        row->event = text(statement, FIRST_COLUMN + 2);
        row->outcome = text(statement, FIRST_COLUMN + 3);
        row->actor = text(statement, FIRST_COLUMN + 4);
        row->device = text(statement, FIRST_COLUMN + 5);
    }
}

/** Reads one page in a transaction of its own. @return how many rows it had, -1 after an error, 0 also where `visit` has enough */
static int read_page(amlaps_range_t *left, sqlite3_stmt *statement, amlaps_row_visit_t visit, void *baton)
{
    int rows = 0;
    int code;

    sqlite3_bind_int64(statement, 1, left->after);
    sqlite3_bind_int64(statement, 2, left->before);
    sqlite3_bind_int(statement, 3, PAGE);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        amlaps_row_t row;

        read_row(&row, statement);
        *(left->newest_first ? &left->before : &left->after) = row.seq;
        rows++;
        if (!visit(baton, &row)) {
            rows = 0;
            code = SQLITE_DONE;
            break;
        }
    }
    return code == SQLITE_DONE && sqlite3_reset(statement) == SQLITE_OK ? rows : -1;
}

/** @return SQLITE_ROW, SQLITE_DONE where there is none, or an error's code */
static int read_place(apr_int64_t *seq, apr_int64_t *time, sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);

    if (code == SQLITE_ROW) {
        *seq = sqlite3_column_int64(statement, 0);
        *time = sqlite3_column_int64(statement, 1);
    }
    return sqlite3_reset(statement) == SQLITE_OK ? code : SQLITE_ERROR;
}

/** Times never go back along the trail, so that a time is a place in it, found by halves.
 *  @param seq in: the last record, which is of `time` or later; out: all before it are of an earlier time, all others are not */
static int halve(apr_int64_t *seq, sqlite3_stmt *statement, apr_int64_t time)
{
    apr_int64_t low = APR_INT64_MIN;
    apr_int64_t found, when;
    int code = SQLITE_ROW;

    while (low < *seq && code == SQLITE_ROW) {
        const apr_int64_t middle = low + (apr_int64_t)(((apr_uint64_t)*seq - (apr_uint64_t)low) / 2);

        sqlite3_bind_int64(statement, 1, middle);
        code = read_place(&found, &when, statement);
        if (code == SQLITE_ROW && when < time && found < *seq) {
            low = found + 1;
        } else {
            *seq = middle;
        }
    }
    return code;
}

/** The first record of this time or later; one beyond all where there is none. @return 0 after an error */
static int find_since(apr_int64_t *seq, sqlite3 *db, apr_time_t time)
{
    const apr_int64_t milliseconds = (time + 999) / 1000; /* as the column has them */
    sqlite3_stmt *last = NULL, *statement = NULL;
    apr_int64_t when = 0;
    int code = SQLITE_ERROR;

    if (sqlite3_prepare_v2(db, newest, -1, &last, NULL) == SQLITE_OK && sqlite3_prepare_v2(db, at_or_after, -1, &statement, NULL) == SQLITE_OK) {
        code = read_place(seq, &when, last);
    }
    if (code == SQLITE_DONE || (code == SQLITE_ROW && when < milliseconds)) {
        *seq = APR_INT64_MAX;
    } else if (code == SQLITE_ROW) {
        code = halve(seq, statement, milliseconds);
    }
    sqlite3_finalize(statement);
    sqlite3_finalize(last);
    return code == SQLITE_ROW || code == SQLITE_DONE;
}

/** Turns the range into one of sequence numbers alone. @return 0 after an error */
static int resolve(amlaps_range_t *left, const amlaps_range_t *range, sqlite3 *db)
{
    apr_int64_t seq;

    *left = *range;
    left->after = range->after != 0 ? range->after : APR_INT64_MIN;
    left->before = range->before != 0 ? range->before : APR_INT64_MAX;
    if (range->since != 0) {
        if (!find_since(&seq, db, range->since)) {
            return 0;
        }
        left->after = seq > APR_INT64_MIN && seq - 1 > left->after ? seq - 1 : left->after;
    }
    if (range->until != 0) {
        if (!find_since(&seq, db, range->until)) {
            return 0;
        }
        left->before = seq < left->before ? seq : left->before;
    }
    return 1;
}

static apr_status_t read_range(sqlite3 *db, const char *path, int version, const amlaps_range_t *range, amlaps_row_visit_t visit, void *baton,
                               amlaps_error_t *error)
{
    sqlite3_stmt *statement = NULL;
    amlaps_range_t left;
    size_t form = 0;
    int rows = 1;

    while (version >= forms[form].before) {
        form++;
    }
    if (!resolve(&left, range, db)
        || sqlite3_prepare_v2(db, forms[form].sql[range->newest_first != 0], -1, &statement, NULL) != SQLITE_OK) {
        return amlaps_sqlite_fail(db, path, "reading", error);
    }
    while (rows > 0) {
        rows = read_page(&left, statement, visit, baton);
    }
    if (rows < 0) {
        amlaps_sqlite_fail(db, path, "reading", error);
    }
    sqlite3_finalize(statement);
    return rows < 0 ? error->status : APR_SUCCESS;
}

static apr_status_t connect_to_read(sqlite3 **db, int *version, const char *path, int flags, amlaps_error_t *error)
{
    apr_status_t status = amlaps_sqlite_connect(db, path, SQLITE_OPEN_READONLY | flags, error);

    if (status == APR_SUCCESS) {
        sqlite3_busy_timeout(*db, 5000);
        status = amlaps_sqlite_version(version, *db, path, error);
    }
    return status;
}

/** A copy where SQLite can't make the files that it wants beside it. What httpd has open has a log of its own, with all that is new. */
static int is_still(sqlite3 *db, const char *path)
{
    const int code = sqlite3_errcode(db) & 0xFF;
    char log[PATH_MAX];
    struct stat info;

    return (code == SQLITE_READONLY || code == SQLITE_CANTOPEN) && (size_t)snprintf(log, sizeof(log), "%s-wal", path) < sizeof(log)
           && (stat(log, &info) == 0 ? info.st_size == 0 : errno == ENOENT);
}

apr_status_t amlaps_sqlite_each(const char *path, const amlaps_range_t *range, amlaps_row_visit_t visit, void *baton, amlaps_error_t *error)
{
    sqlite3 *db;
    int version = 0;
    apr_status_t status = connect_to_read(&db, &version, path, 0, error);

    if (status != APR_SUCCESS && db != NULL && is_still(db, path)) {
        sqlite3_close(db);
        memset(error, 0, sizeof(*error));
        status = connect_to_read(&db, &version, path, SQLITE_OPEN_URI, error);
    }
    if (db == NULL) {
        return status;
    }
    if (status == APR_SUCCESS && version == 0) {
        status = amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0207", APR_EGENERAL, "%s is empty and no audit store", path);
    }
    if (status == APR_SUCCESS) {
        status = read_range(db, path, version, range, visit, baton, error);
    }
    sqlite3_close(db);
    return status;
}
