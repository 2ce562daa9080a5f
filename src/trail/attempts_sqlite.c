/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "attempts_sqlite.h"

#include <string.h>

#include <apr_strings.h>

#define MILLISECOND 1000
/* Keys are looked at in turn, so that old attempts are found without an index over their times: that would be written with each of them. */
#define PRUNE_EVERY apr_time_from_msec(100)
#define PRUNE_KEYS 16

static const char *const sql[AMLAPS_ATTEMPT_STATEMENTS] = {
    [AMLAPS_ATTEMPT_LAST] = "SELECT ordinal FROM attempt WHERE scope = ?1 AND key = ?2 ORDER BY ordinal DESC LIMIT 1",
    [AMLAPS_ATTEMPT_TIME] = "SELECT time FROM attempt WHERE scope = ?1 AND key = ?2 AND ordinal = ?3",
    [AMLAPS_ATTEMPT_ADD] = "INSERT OR ABORT INTO attempt(scope, key, ordinal, time) VALUES(?1, ?2, ?3, ?4)",
    /* With a number beyond all: SQLite would read all attempts of the key that it comes from otherwise. */
    [AMLAPS_ATTEMPT_NEXT_KEY] = ("SELECT scope, key FROM attempt WHERE (scope, key, ordinal) > (?1, ?2, 9223372036854775807) AND length(key) = 32"
                                 " ORDER BY scope, key, ordinal LIMIT 1"),
    /* Bounded, so that nobody waits for it; more than come in between two looks at the busiest key. Where the oldest is young, no other is read. */
    [AMLAPS_ATTEMPT_PRUNE] = ("DELETE FROM attempt WHERE scope = ?1 AND key = ?2 AND time < ?3 AND ordinal <"
                              " (SELECT CASE WHEN time < ?3 THEN ordinal + 4096 END FROM attempt WHERE scope = ?1 AND key = ?2 ORDER BY ordinal LIMIT 1)")
};

static apr_status_t read_newest(amlaps_sqlite_attempts_t *attempts, amlaps_store_t *store, amlaps_error_t *error)
{
    sqlite3_stmt *statement = NULL;
    int found = sqlite3_prepare_v2(amlaps_sqlite_db(store), "SELECT max(time) FROM attempt", -1, &statement, NULL) == SQLITE_OK
                && sqlite3_step(statement) == SQLITE_ROW;

    if (found) {
        attempts->newest = sqlite3_column_int64(statement, 0) * MILLISECOND;
    }
    return sqlite3_finalize(statement) == SQLITE_OK && found ? APR_SUCCESS : amlaps_sqlite_broke(store, "opening", error);
}

apr_status_t amlaps_sqlite_attempts_open(amlaps_sqlite_attempts_t *attempts, amlaps_store_t *store, amlaps_error_t *error)
{
    int i;

    memset(attempts, 0, sizeof(*attempts));
    for (i = 0; i < AMLAPS_ATTEMPT_STATEMENTS; i++) {
        if (sqlite3_prepare_v3(amlaps_sqlite_db(store), sql[i], -1, SQLITE_PREPARE_PERSISTENT, &attempts->statement[i], NULL) != SQLITE_OK) {
            return amlaps_sqlite_broke(store, "opening", error);
        }
    }
    return read_newest(attempts, store, error);
}

void amlaps_sqlite_attempts_close(amlaps_sqlite_attempts_t *attempts)
{
    int i;

    for (i = 0; i < AMLAPS_ATTEMPT_STATEMENTS; i++) {
        sqlite3_finalize(attempts->statement[i]);
        attempts->statement[i] = NULL;
    }
}

void amlaps_sqlite_attempts_changed(amlaps_sqlite_attempts_t *attempts)
{
    memset(attempts->known, 0, sizeof(attempts->known));
}

/** @param known set to where this key's newest attempt is or may be kept @return 1 where it is there */
static int is_known(apr_int64_t **known, amlaps_sqlite_attempts_t *attempts, const amlaps_touch_t *touch)
{
    unsigned hash = (unsigned)touch->scope;
    int i;

    for (i = 0; i < AMLAPS_LIMIT_KEY; i++) {
        hash = hash * 31 + (unsigned char)touch->key[i];
    }
    hash %= AMLAPS_ATTEMPTS_KNOWN;
    *known = &attempts->known[hash].last;
    if (**known != 0 && attempts->known[hash].touch.scope == touch->scope
        && memcmp(attempts->known[hash].touch.key, touch->key, AMLAPS_LIMIT_KEY) == 0) {
        return 1;
    }
    attempts->known[hash].touch = *touch;
    **known = 0;
    return 0;
}

/** @return the statement with its first two places filled with the key */
static sqlite3_stmt *of_key(amlaps_sqlite_attempts_t *attempts, int which, const amlaps_touch_t *touch)
{
    sqlite3_stmt *statement = attempts->statement[which];

    sqlite3_bind_int(statement, 1, (int)touch->scope);
    sqlite3_bind_text(statement, 2, touch->key, AMLAPS_LIMIT_KEY, SQLITE_STATIC);
    return statement;
}

/** Steps once and resets. @param number the first column, 0 where there is no row; NULL for a statement that writes */
static apr_status_t run(apr_int64_t *number, sqlite3_stmt *statement, amlaps_store_t *store, amlaps_error_t *error)
{
    const int code = sqlite3_step(statement);
    apr_status_t status = APR_SUCCESS;

    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        status = amlaps_sqlite_broke(store, number != NULL ? "reading" : "writing to", error);
    }
    if (number != NULL) {
        *number = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    }
    sqlite3_reset(statement);
    return status;
}

apr_status_t amlaps_sqlite_last_attempt(apr_int64_t *ordinal, amlaps_store_t *store, const amlaps_touch_t *touch, amlaps_error_t *error)
{
    amlaps_sqlite_attempts_t *attempts = amlaps_sqlite_attempts_of(store);
    apr_int64_t *known;

    if (is_known(&known, attempts, touch)) {
        *ordinal = *known;
        return APR_SUCCESS;
    }
    return run(ordinal, of_key(attempts, AMLAPS_ATTEMPT_LAST, touch), store, error);
}

apr_status_t amlaps_sqlite_attempt_time(apr_time_t *time, amlaps_store_t *store, const amlaps_touch_t *touch, apr_int64_t ordinal,
                                        amlaps_error_t *error)
{
    sqlite3_stmt *statement = of_key(amlaps_sqlite_attempts_of(store), AMLAPS_ATTEMPT_TIME, touch);
    apr_status_t status;

    sqlite3_bind_int64(statement, 3, ordinal);
    status = run(time, statement, store, error);
    *time *= MILLISECOND;
    return status;
}

apr_status_t amlaps_sqlite_newest_attempt(apr_time_t *time, amlaps_store_t *store, amlaps_error_t *error)
{
    (void)error;
    *time = amlaps_sqlite_attempts_of(store)->newest;
    return APR_SUCCESS;
}

apr_status_t amlaps_sqlite_add_attempt(amlaps_store_t *store, const amlaps_touch_t *touch, apr_int64_t ordinal, apr_time_t time,
                                       amlaps_error_t *error)
{
    amlaps_sqlite_attempts_t *attempts = amlaps_sqlite_attempts_of(store);
    sqlite3_stmt *statement = of_key(attempts, AMLAPS_ATTEMPT_ADD, touch);
    apr_int64_t *known;
    apr_status_t status;

    sqlite3_bind_int64(statement, 3, ordinal);
    sqlite3_bind_int64(statement, 4, time / MILLISECOND);
    status = run(NULL, statement, store, error);
    is_known(&known, attempts, touch);
    *known = status == APR_SUCCESS ? ordinal : 0;
    return status;
}

/** Moves on to the next key, behind the last one to the beginning. @param found 0 where there is none any more */
static apr_status_t next_key(int *found, amlaps_sqlite_attempts_t *attempts, amlaps_store_t *store, amlaps_error_t *error)
{
    sqlite3_stmt *statement = of_key(attempts, AMLAPS_ATTEMPT_NEXT_KEY, &attempts->place);
    const int code = sqlite3_step(statement);
    apr_status_t status = APR_SUCCESS;

    *found = code == SQLITE_ROW;
    if (*found) {
        attempts->place.scope = (amlaps_limit_scope_t)sqlite3_column_int(statement, 0);
        apr_cpystrn(attempts->place.key, (const char *)sqlite3_column_text(statement, 1), sizeof(attempts->place.key));
    } else {
        memset(&attempts->place, 0, sizeof(attempts->place));
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        status = amlaps_sqlite_broke(store, "reading", error);
    }
    sqlite3_reset(statement);
    return status;
}

apr_status_t amlaps_sqlite_prune(amlaps_store_t *store, apr_time_t time, amlaps_error_t *error)
{
    amlaps_sqlite_attempts_t *attempts = amlaps_sqlite_attempts_of(store);
    apr_status_t status = APR_SUCCESS;
    int found = 1;
    int i;

    if (time < attempts->pruned + PRUNE_EVERY) {
        return APR_SUCCESS;
    }
    attempts->pruned = time;
    for (i = 0; i < PRUNE_KEYS && found && status == APR_SUCCESS; i++) {
        status = next_key(&found, attempts, store, error);
        if (found) {
            sqlite3_stmt *statement = of_key(attempts, AMLAPS_ATTEMPT_PRUNE, &attempts->place);

            sqlite3_bind_int64(statement, 3, time / MILLISECOND);
            status = run(NULL, statement, store, error);
        }
    }
    return status;
}
