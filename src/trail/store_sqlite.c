/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include <apr_strings.h>

#include "attempts_sqlite.h"
#include "files_sqlite.h"

#define MILLISECOND 1000
/* SQLite's own default. */
#define CHECKPOINT_PAGES 1000
/* A child has two seconds at its end. */
#define LAST_TURN apr_time_from_msec(500)

enum {
    BEGIN, COMMIT, ROLLBACK, HEAD, HASH_AT, ADD_RECORD, FORGET, STATEMENTS
};

static const char *const sql[STATEMENTS] = {
    "BEGIN IMMEDIATE",
    "COMMIT",
    "ROLLBACK",
    "SELECT seq, time, hash, anchor FROM record ORDER BY seq DESC LIMIT 1",
    ("SELECT CASE WHEN seq = ?1 THEN hash WHEN NOT EXISTS(SELECT 1 FROM record WHERE seq < ?1) THEN '" AMLAPS_STORE_EXPORTED "' END"
     " FROM record WHERE seq >= ?1 ORDER BY seq LIMIT 1"),
    /* Whatever a table that somebody made anew says of conflicts: none is settled without a word. */
    "INSERT OR ABORT INTO record(seq, time, body, hash, anchor) VALUES(?1, ?2, ?3, ?4, ?5)",
    "DELETE FROM record WHERE seq <= ?1"
};

typedef struct sqlite_store_t {
    amlaps_store_t store;
    amlaps_sqlite_files_t files;     /* as they were opened */
    amlaps_trail_shared_t *shared;
    amlaps_shared_key_t key;         /* of the store, for what is shared of it */
    sqlite3 *db;                     /* NULL: to be opened at the next batch */
    sqlite3_stmt *statement[STATEMENTS];
    amlaps_sqlite_attempts_t attempts;
    int broken;                      /* close before the next batch */
    amlaps_head_t last;              /* what this child wrote last */
    int wal_pages;
} sqlite_store_t;

static apr_status_t fail(sqlite_store_t *self, const char *doing, amlaps_error_t *error)
{
    apr_status_t status = amlaps_sqlite_fail(self->db, self->files.path[0], doing, error);

    if (amlaps_sqlite_lost_sync(self->db)) {
        amlaps_shared_condemn(self->shared, self->files.path[0]);
    }
    if (status != APR_EBUSY && !APR_STATUS_IS_ENOSPC(status)) {
        self->broken = 1;
    }
    return status;
}

sqlite3 *amlaps_sqlite_db(amlaps_store_t *store)
{
    return ((sqlite_store_t *)store)->db;
}

amlaps_sqlite_attempts_t *amlaps_sqlite_attempts_of(amlaps_store_t *store)
{
    return &((sqlite_store_t *)store)->attempts;
}

apr_status_t amlaps_sqlite_broke(amlaps_store_t *store, const char *doing, amlaps_error_t *error)
{
    return fail((sqlite_store_t *)store, doing, error);
}

static void disconnect(sqlite_store_t *self)
{
    int i;

    for (i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(self->statement[i]);
        self->statement[i] = NULL;
    }
    amlaps_sqlite_attempts_close(&self->attempts);
    sqlite3_close(self->db);
    self->db = NULL;
    self->broken = 0;
}

static int count_pages(void *baton, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    ((sqlite_store_t *)baton)->wal_pages = pages;
    return SQLITE_OK;
}

static apr_status_t prepare_statements(sqlite_store_t *self, amlaps_error_t *error)
{
    int i;

    if (sqlite3_exec(self->db, "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 16777216", NULL, NULL, NULL)
        != SQLITE_OK) {
        return fail(self, "opening", error);
    }
    for (i = 0; i < STATEMENTS; i++) {
        if (sqlite3_prepare_v3(self->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &self->statement[i], NULL) != SQLITE_OK) {
            return fail(self, "opening", error);
        }
    }
    return amlaps_sqlite_attempts_open(&self->attempts, &self->store, error);
}

/** SQLite must not touch a mapping of what was cut: closing does not, and whoever opens the store then, to read it, maps it anew. */
static apr_status_t check_index(sqlite_store_t *self, amlaps_error_t *error)
{
    int overwritten = 0;
    apr_status_t status = amlaps_sqlite_files_check_index(&overwritten, &self->files, error);

    if (overwritten) {
        amlaps_shared_condemn(self->shared, self->files.path[0]);
        disconnect(self);
    }
    return status;
}

static apr_status_t weigh_files(sqlite_store_t *self, amlaps_error_t *error)
{
    int overwritten = 0;
    apr_status_t status = amlaps_sqlite_files_weigh(&overwritten, &self->files, self->db, error);

    if (overwritten) {
        amlaps_shared_condemn(self->shared, self->files.path[0]);
    }
    self->broken |= status != APR_SUCCESS;
    return status;
}

static void be_patient(sqlite_store_t *self, apr_interval_time_t patience)
{
    sqlite3_busy_timeout(self->db, (int)(patience > MILLISECOND ? patience / MILLISECOND : 1));
}

/** @param patience others lock the whole store for a moment when they open or close it */
static apr_status_t connect_store(sqlite_store_t *self, apr_interval_time_t patience, amlaps_error_t *error)
{
    int version = 0;
    apr_status_t status = amlaps_sqlite_files_look(&self->files, error);

    if (status != APR_SUCCESS) {
        return status;
    }
    status = amlaps_sqlite_connect(&self->db, self->files.path[0], SQLITE_OPEN_READWRITE, error);
    if (status != APR_SUCCESS) {
        return status;
    }
    be_patient(self, patience);
    self->wal_pages = 0;
    sqlite3_db_config(self->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_wal_hook(self->db, count_pages, self);
    status = amlaps_sqlite_version(&version, self->db, self->files.path[0], error);
    if (status == APR_SUCCESS && version != AMLAPS_SQLITE_SCHEMA) {
        status = amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0207", APR_EGENERAL,
                                  "the store %s has an older schema; stop httpd and start it to upgrade the store", self->files.path[0]);
    }
    if (status == APR_SUCCESS) {
        status = prepare_statements(self, error);
    }
    if (status != APR_SUCCESS) {
        disconnect(self);
    }
    return status;
}

/** Steps a statement that returns at most one row. @return SQLITE_ROW or SQLITE_DONE, or another code after `error` was set */
static int step(sqlite_store_t *self, int which, amlaps_error_t *error)
{
    int code = sqlite3_step(self->statement[which]);

    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        fail(self, which == ADD_RECORD || which == FORGET || which == COMMIT ? "writing to" : "reading", error);
        sqlite3_reset(self->statement[which]);
    }
    return code;
}

static apr_status_t run(sqlite_store_t *self, int which, amlaps_error_t *error)
{
    int code = step(self, which, error);

    if (code != SQLITE_DONE && code != SQLITE_ROW) {
        return error->status;
    }
    sqlite3_reset(self->statement[which]);
    return APR_SUCCESS;
}

static apr_status_t read_head(amlaps_head_t *head, sqlite_store_t *self, amlaps_error_t *error)
{
    sqlite3_stmt *statement = self->statement[HEAD];
    int code = step(self, HEAD, error);

    memset(head, 0, sizeof(*head));
    memset(head->hash, '0', AMLAPS_RECORD_HASH);
    if (code == SQLITE_ROW) {
        const char *hash = (const char *)sqlite3_column_text(statement, 2);
        const char *anchor = (const char *)sqlite3_column_text(statement, 3);

        head->seq = sqlite3_column_int64(statement, 0);
        head->time = sqlite3_column_int64(statement, 1) * MILLISECOND;
        if (hash == NULL || strlen(hash) != AMLAPS_RECORD_HASH) {
            sqlite3_reset(statement);
            return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0204", APR_EGENERAL,
                                    "the last record of the store %s has no hash; run amlaps-audit verify", self->files.path[0]);
        }
        memcpy(head->hash, hash, AMLAPS_RECORD_HASH);
        apr_cpystrn(head->anchor, anchor != NULL ? anchor : "", sizeof(head->anchor));
    } else if (code != SQLITE_DONE) {
        return error->status;
    }
    sqlite3_reset(statement);
    return APR_SUCCESS;
}

/** What was written must be there still: an old copy in place of the store, or a deleted record, must not go on as if nothing happened. */
static apr_status_t find_last(sqlite_store_t *self, amlaps_error_t *error)
{
    const amlaps_shared_last_t *last = amlaps_shared_last(self->shared, self->key);
    sqlite3_stmt *statement = self->statement[HASH_AT];
    const char *hash;
    int same;
    int code;

    if (last->seq == 0) {
        return APR_SUCCESS;
    }
    sqlite3_bind_int64(statement, 1, last->seq);
    code = step(self, HASH_AT, error);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return error->status;
    }
    hash = code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    same = hash != NULL && (strcmp(hash, last->hash) == 0 || strcmp(hash, AMLAPS_STORE_EXPORTED) == 0);
    sqlite3_reset(statement);
    if (!same) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0206", APR_EGENERAL,
                                "the store %s lacks record %" APR_INT64_T_FMT ", which was written; put the right file back, or stop httpd "
                                "and start it to accept this one", self->files.path[0], last->seq);
    }
    return APR_SUCCESS;
}

static apr_status_t sqlite_begin(amlaps_head_t *head, amlaps_store_t *store, apr_interval_time_t patience, amlaps_error_t *error)
{
    sqlite_store_t *self = (sqlite_store_t *)store;
    apr_status_t status = APR_SUCCESS;

    if (amlaps_shared_is_condemned(self->shared, self->files.path[0])) {
        disconnect(self);
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0205", EIO,
                                "the store %s lost what was written, as the log says further up; nothing is served until it is checked, "
                                "amlaps-audit verify is content, and httpd is stopped and started", self->files.path[0]);
    }
    if (self->broken) {
        disconnect(self);
    }
    status = self->db == NULL ? connect_store(self, patience, error) : check_index(self, error);
    if (status != APR_SUCCESS) {
        return status;
    }
    be_patient(self, patience);
    if ((status = run(self, BEGIN, error)) != APR_SUCCESS || (status = weigh_files(self, error)) != APR_SUCCESS
        || (status = read_head(head, self, error)) != APR_SUCCESS) {
        return status;
    }
    if (head->seq != self->last.seq) {
        amlaps_sqlite_attempts_changed(&self->attempts);
    }
    return find_last(self, error);
}

static void bind_text(sqlite3_stmt *statement, int place, const char *text)
{
    sqlite3_bind_text(statement, place, text, -1, SQLITE_STATIC);
}

static apr_status_t sqlite_add_record(amlaps_store_t *store, const amlaps_row_t *row, amlaps_error_t *error)
{
    sqlite_store_t *self = (sqlite_store_t *)store;
    sqlite3_stmt *statement = self->statement[ADD_RECORD];

    sqlite3_bind_int64(statement, 1, row->seq);
    sqlite3_bind_int64(statement, 2, row->time / MILLISECOND);
    sqlite3_bind_text(statement, 3, row->body, (int)row->length, SQLITE_STATIC);
    bind_text(statement, 4, row->hash);
    bind_text(statement, 5, row->anchor);
    return run(self, ADD_RECORD, error);
}

static apr_status_t sqlite_forget(amlaps_store_t *store, apr_int64_t seq, amlaps_error_t *error)
{
    sqlite_store_t *self = (sqlite_store_t *)store;

    sqlite3_bind_int64(self->statement[FORGET], 1, seq);
    return run(self, FORGET, error);
}

/* The version of the schema as it is: a page that is written again. It is asked for, since a newer build may have upgraded the store in use. */
static apr_status_t sqlite_prove(amlaps_store_t *store, amlaps_error_t *error)
{
    sqlite_store_t *self = (sqlite_store_t *)store;
    int version = 0;
    char text[64];

    if (amlaps_sqlite_version(&version, self->db, self->files.path[0], error) != APR_SUCCESS) {
        return error->status;
    }
    apr_snprintf(text, sizeof(text), "PRAGMA user_version = %d", version);
    return sqlite3_exec(self->db, text, NULL, NULL, NULL) == SQLITE_OK ? APR_SUCCESS : fail(self, "writing to", error);
}

static apr_status_t sqlite_commit(amlaps_store_t *store, const amlaps_head_t *head, amlaps_error_t *error)
{
    sqlite_store_t *self = (sqlite_store_t *)store;
    apr_status_t status = run(self, COMMIT, error);

    /* Looked at once more: a file that went away meanwhile took the records along. */
    if (status == APR_SUCCESS) {
        status = amlaps_sqlite_files_check(&self->files, error);
        self->broken |= status != APR_SUCCESS;
    }
    if (status == APR_SUCCESS) {
        amlaps_shared_last_t *last = amlaps_shared_last(self->shared, self->key);

        self->last = *head;
        last->seq = head->seq;
        memcpy(last->hash, head->hash, sizeof(last->hash));
    }
    return status;
}

static void sqlite_rollback(amlaps_store_t *store)
{
    sqlite_store_t *self = (sqlite_store_t *)store;

    amlaps_sqlite_attempts_changed(&self->attempts);
    if (self->db != NULL && !sqlite3_get_autocommit(self->db)) {
        sqlite3_step(self->statement[ROLLBACK]);
        sqlite3_reset(self->statement[ROLLBACK]);
        self->broken |= !sqlite3_get_autocommit(self->db);
    }
}

/** Not SQLite's automatic checkpoint: that one makes workers wait and drops its errors. */
static apr_status_t checkpoint(sqlite_store_t *self, amlaps_error_t *error)
{
    int code;

    if (check_index(self, error) != APR_SUCCESS) {
        return error->status;
    }
    code = sqlite3_wal_checkpoint_v2(self->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return code == SQLITE_OK || (code & 0xFF) == SQLITE_BUSY ? APR_SUCCESS : fail(self, "writing back", error);
}

static int sqlite_untidy(const amlaps_store_t *store)
{
    const sqlite_store_t *self = (const sqlite_store_t *)store;

    return self->db != NULL && self->wal_pages >= CHECKPOINT_PAGES;
}

static apr_status_t sqlite_tend(amlaps_store_t *store, amlaps_error_t *error)
{
    return sqlite_untidy(store) ? checkpoint((sqlite_store_t *)store, error) : APR_SUCCESS;
}

/** Without it the newest records would be in -wal alone, and somebody who copies the database after a stop would miss them. Under the mutex. */
static void write_back(sqlite_store_t *self)
{
    amlaps_error_t error = { 0 };

    if (amlaps_shared_is_condemned(self->shared, self->files.path[0])) {
        return;
    }
    if (checkpoint(self, &error) != APR_SUCCESS) {
        amlaps_log(AMLAPS_LOG_ERROR, error.id, error.status, "%s", error.detail);
    }
}

static void sqlite_close(amlaps_store_t *store)
{
    sqlite_store_t *self = (sqlite_store_t *)store;
    int died;

    if (self->db != NULL && !self->broken && amlaps_shared_lock(self->shared, LAST_TURN, &died) == APR_SUCCESS) {
        write_back(self);
        amlaps_shared_unlock(self->shared);
    }
    disconnect(self);
}

amlaps_store_t *amlaps_sqlite_make(const char *path, amlaps_trail_shared_t *shared, apr_pool_t *pool)
{
    static const amlaps_store_ops_t ops = {
        .begin = sqlite_begin,
        .last_attempt = amlaps_sqlite_last_attempt,
        .attempt_time = amlaps_sqlite_attempt_time,
        .newest_attempt = amlaps_sqlite_newest_attempt,
        .add_record = sqlite_add_record,
        .add_attempt = amlaps_sqlite_add_attempt,
        .prune = amlaps_sqlite_prune,
        .forget = sqlite_forget,
        .prove = sqlite_prove,
        .commit = sqlite_commit,
        .rollback = sqlite_rollback,
        .untidy = sqlite_untidy,
        .tend = sqlite_tend,
        .close = sqlite_close
    };
    sqlite_store_t *self = apr_pcalloc(pool, sizeof(*self));

    self->store.ops = &ops;
    amlaps_sqlite_files_name(&self->files, path, pool);
    self->store.queue = &amlaps_sqlite_queue;
    self->shared = shared;
    amlaps_shared_key(self->key, path);
    return &self->store;
}
