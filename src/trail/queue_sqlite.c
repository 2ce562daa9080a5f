/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <apr_strings.h>

#include "sqlite.h"

#define MILLISECOND 1000

static apr_status_t prepare(sqlite3_stmt **statement, amlaps_store_t *store, const char *sql, amlaps_error_t *error)
{
    return sqlite3_prepare_v2(amlaps_sqlite_db(store), sql, -1, statement, NULL) == SQLITE_OK
               ? APR_SUCCESS : amlaps_sqlite_broke(store, "reading", error);
}

static void bind_text(sqlite3_stmt *statement, int place, const char *text)
{
    sqlite3_bind_text(statement, place, text, -1, SQLITE_STATIC);
}

static void bind_time(sqlite3_stmt *statement, int place, apr_time_t time)
{
    sqlite3_bind_int64(statement, place, time / MILLISECOND);
}

static apr_time_t time_at(sqlite3_stmt *statement, int column)
{
    return sqlite3_column_int64(statement, column) * MILLISECOND;
}

static const char *text_at(sqlite3_stmt *statement, int column, apr_pool_t *pool)
{
    return apr_pstrdup(pool, (const char *)sqlite3_column_text(statement, column));
}

/** Runs a statement to its end and lets go of it. */
static apr_status_t run(amlaps_store_t *store, sqlite3_stmt *statement, amlaps_error_t *error)
{
    int code = sqlite3_step(statement);
    apr_status_t status = code == SQLITE_DONE || code == SQLITE_ROW ? APR_SUCCESS : amlaps_sqlite_broke(store, "writing to", error);

    sqlite3_finalize(statement);
    return status;
}

static apr_status_t queue_add(amlaps_store_t *store, const amlaps_queue_row_t *row, amlaps_error_t *error)
{
    sqlite3_stmt *statement;
    apr_status_t status = prepare(&statement, store, "INSERT INTO notification(channel, body, queued, due, attempts, dead, why)"
                                  " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)", error);

    if (status != APR_SUCCESS) {
        return status;
    }
    bind_text(statement, 1, row->channel);
    sqlite3_bind_text(statement, 2, row->body, (int)row->length, SQLITE_STATIC);
    bind_time(statement, 3, row->queued);
    bind_time(statement, 4, row->due);
    sqlite3_bind_int(statement, 5, row->attempts);
    sqlite3_bind_int(statement, 6, row->dead);
    bind_text(statement, 7, row->why);
    return run(store, statement, error);
}

static apr_status_t queue_is_full(int *full, amlaps_store_t *store, const char *channel, amlaps_error_t *error)
{
    sqlite3_stmt *statement;
    apr_status_t status = prepare(&statement, store, "SELECT 1 FROM notification WHERE channel = ?1 AND dead = 0 LIMIT 1 OFFSET ?2", error);
    int code;

    if (status != APR_SUCCESS) {
        return status;
    }
    bind_text(statement, 1, channel);
    sqlite3_bind_int(statement, 2, AMLAPS_QUEUE_MOST - 1);
    code = sqlite3_step(statement);
    *full = code == SQLITE_ROW;
    status = code == SQLITE_ROW || code == SQLITE_DONE ? APR_SUCCESS : amlaps_sqlite_broke(store, "reading", error);
    sqlite3_finalize(statement);
    return status;
}

static apr_status_t queue_first(amlaps_queue_row_t *row, amlaps_store_t *store, const char *channel, amlaps_error_t *error, apr_pool_t *pool)
{
    sqlite3_stmt *statement;
    apr_status_t status = prepare(&statement, store, "SELECT n, body, queued, due, attempts, why FROM notification"
                                  " WHERE channel = ?1 AND dead = 0 ORDER BY due, n LIMIT 1", error);
    int code;

    *row = (amlaps_queue_row_t){ .channel = channel };
    if (status != APR_SUCCESS) {
        return status;
    }
    bind_text(statement, 1, channel);
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        row->number = sqlite3_column_int64(statement, 0);
        row->body = text_at(statement, 1, pool);
        row->length = (apr_size_t)sqlite3_column_bytes(statement, 1);
        row->queued = time_at(statement, 2);
        row->due = time_at(statement, 3);
        row->attempts = sqlite3_column_int(statement, 4);
        row->why = text_at(statement, 5, pool);
    }
    status = code == SQLITE_ROW || code == SQLITE_DONE ? APR_SUCCESS : amlaps_sqlite_broke(store, "reading", error);
    sqlite3_finalize(statement);
    return status;
}

static apr_status_t queue_hold(amlaps_store_t *store, const amlaps_queue_row_t *row, apr_time_t until, amlaps_error_t *error)
{
    sqlite3_stmt *statement;
    apr_status_t status = prepare(&statement, store, "UPDATE notification SET attempts = attempts + 1, due = ?2 WHERE n = ?1", error);

    if (status != APR_SUCCESS) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, row->number);
    bind_time(statement, 2, until);
    return run(store, statement, error);
}

static apr_status_t queue_keep(amlaps_store_t *store, const amlaps_queue_row_t *row, amlaps_error_t *error)
{
    sqlite3_stmt *statement;
    apr_status_t status = prepare(&statement, store,
                                  "UPDATE notification SET due = ?3, dead = ?4, why = ?5 WHERE n = ?1 AND attempts = ?2", error);

    if (status != APR_SUCCESS) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, row->number);
    sqlite3_bind_int(statement, 2, row->attempts);
    bind_time(statement, 3, row->due);
    sqlite3_bind_int(statement, 4, row->dead);
    bind_text(statement, 5, row->why);
    return run(store, statement, error);
}

static apr_status_t queue_remove(amlaps_store_t *store, const amlaps_queue_row_t *row, amlaps_error_t *error)
{
    sqlite3_stmt *statement;
    apr_status_t status = prepare(&statement, store, "DELETE FROM notification WHERE n = ?1 AND attempts = ?2", error);

    if (status != APR_SUCCESS) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, row->number);
    sqlite3_bind_int(statement, 2, row->attempts);
    return run(store, statement, error);
}

/** What is noted last counts as the latest, whatever the clock was before: a time beyond it is brought back. */
static apr_status_t queue_note(amlaps_store_t *store, const char *channel, apr_time_t time, const char *why, amlaps_error_t *error)
{
    sqlite3_stmt *statement;
    apr_status_t status = prepare(&statement, store, why == NULL
        ? "INSERT INTO channel(name, delivered) VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET delivered = ?2,"
          " failed = CASE WHEN failed > ?2 THEN ?2 ELSE failed END"
        : "INSERT INTO channel(name, failed, why) VALUES(?1, ?2, ?3) ON CONFLICT(name) DO UPDATE SET failed = ?2, why = ?3,"
          " delivered = CASE WHEN delivered >= ?2 THEN ?2 - 1 ELSE delivered END", error);

    if (status != APR_SUCCESS) {
        return status;
    }
    bind_text(statement, 1, channel);
    bind_time(statement, 2, time);
    if (why != NULL) {
        bind_text(statement, 3, why);
    }
    return run(store, statement, error);
}

static apr_status_t queue_stand(amlaps_channel_standing_t *standing, amlaps_store_t *store, const char *channel, amlaps_error_t *error,
                                apr_pool_t *pool)
{
    sqlite3_stmt *statement;
    apr_status_t status = prepare(&statement, store,
                                  "SELECT (SELECT count(*) FROM notification WHERE channel = ?1 AND dead = 0),"
                                  " (SELECT count(*) FROM notification WHERE channel = ?1 AND dead = 1),"
                                  " (SELECT min(queued) FROM notification WHERE channel = ?1 AND dead = 0),"
                                  " delivered, failed, why FROM (SELECT 1) LEFT JOIN channel ON name = ?1", error);
    int code;

    *standing = (amlaps_channel_standing_t){ 0 };
    if (status != APR_SUCCESS) {
        return status;
    }
    bind_text(statement, 1, channel);
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        standing->queued = sqlite3_column_int64(statement, 0);
        standing->dead = sqlite3_column_int64(statement, 1);
        standing->oldest = time_at(statement, 2);
        standing->delivered = time_at(statement, 3);
        standing->failed = time_at(statement, 4);
        standing->why = text_at(statement, 5, pool);
    }
    status = code == SQLITE_ROW ? APR_SUCCESS : amlaps_sqlite_broke(store, "reading", error);
    sqlite3_finalize(statement);
    return status;
}

static apr_status_t queue_tidy(amlaps_store_t *store, apr_time_t orphaned, apr_time_t over, amlaps_error_t *error)
{
    static const char *const sql[] = {
        "UPDATE notification SET dead = 1, why = coalesce(why, 'no server has this channel') WHERE dead = 0 AND queued < ?1 AND ?2 = ?2",
        "DELETE FROM notification WHERE dead = 1 AND queued < ?2 AND ?1 = ?1",
        ("DELETE FROM notification WHERE dead = 1 AND n <= (SELECT n FROM notification WHERE dead = 1 ORDER BY n DESC LIMIT 1 OFFSET ?3)"
         " AND ?1 = ?1 AND ?2 = ?2")
    };
    apr_status_t status = APR_SUCCESS;
    size_t i;

    for (i = 0; i < sizeof(sql) / sizeof(*sql) && status == APR_SUCCESS; i++) {
        sqlite3_stmt *statement;

        if ((status = prepare(&statement, store, sql[i], error)) == APR_SUCCESS) {
            bind_time(statement, 1, orphaned);
            bind_time(statement, 2, over);
            sqlite3_bind_int(statement, 3, AMLAPS_QUEUE_MOST);
            status = run(store, statement, error);
        }
    }
    return status;
}

const amlaps_queue_ops_t amlaps_sqlite_queue = {
    .add = queue_add,
    .is_full = queue_is_full,
    .first = queue_first,
    .hold = queue_hold,
    .keep = queue_keep,
    .remove = queue_remove,
    .note = queue_note,
    .stand = queue_stand,
    .tidy = queue_tidy
};
