/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "amlaps/text.h"
#include "sqlite.h"

#define DIRECTORY_MODE 0750
#define FILE_MODE 0640

/*
 * Records are found by number alone, and by time because that grows with the number: an index over what is random (ids, people, devices) costs
 * a page of its own with each record, which is most of a batch, and a look through all records is fast enough for a filter. Times are
 * milliseconds since 1970.
 */
static const char *const steps[AMLAPS_SQLITE_SCHEMA] = {
    /* 1: records and attempts */
    "CREATE TABLE record("
    " seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, id TEXT NOT NULL, stage TEXT NOT NULL, event TEXT NOT NULL,"
    " outcome TEXT NOT NULL, actor TEXT, device TEXT, body TEXT NOT NULL, hash TEXT NOT NULL);"
    "CREATE INDEX record_time ON record(time);"
    "CREATE INDEX record_id ON record(id) WHERE stage = 'outcome';"
    "CREATE INDEX record_actor ON record(actor) WHERE stage = 'outcome';"
    "CREATE INDEX record_device ON record(device) WHERE stage = 'outcome';"
    "CREATE TABLE attempt(n INTEGER PRIMARY KEY, scope INTEGER NOT NULL, key TEXT NOT NULL, time INTEGER NOT NULL);"
    "CREATE INDEX attempt_key ON attempt(scope, key, time);",
    /* 2: sealing */
    "ALTER TABLE record ADD COLUMN anchor TEXT;",
    /* 3: the attempts of a key are numbered, so that the L-th newest is found in one step; the index holds all that is asked for */
    "ALTER TABLE attempt RENAME TO attempt_1; DROP INDEX attempt_key;"
    "CREATE TABLE attempt(n INTEGER PRIMARY KEY, scope INTEGER NOT NULL, key TEXT NOT NULL, ordinal INTEGER NOT NULL, time INTEGER NOT NULL);"
    "INSERT INTO attempt SELECT n, scope, key, row_number() OVER (PARTITION BY scope, key ORDER BY n), time FROM attempt_1;"
    "DROP TABLE attempt_1;"
    "CREATE INDEX attempt_key ON attempt(scope, key, ordinal, time);",
    /* 4: notifications on their way, and dead letters; a number is never given twice, so that nobody ends another's */
    "CREATE TABLE notification("
    " n INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, body TEXT NOT NULL, queued INTEGER NOT NULL, due INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL, dead INTEGER NOT NULL, why TEXT);"
    "CREATE INDEX notification_due ON notification(channel, due) WHERE dead = 0;"
    "CREATE INDEX notification_dead ON notification(queued) WHERE dead = 1;"
    "CREATE TABLE channel(name TEXT PRIMARY KEY, delivered INTEGER, failed INTEGER, why TEXT) WITHOUT ROWID;",
    /* 5: nobody looks by these; an attempt is written once, not into a table and its index */
    "DROP INDEX record_time; DROP INDEX record_id; DROP INDEX record_actor; DROP INDEX record_device;"
    "ALTER TABLE attempt RENAME TO attempt_4; DROP INDEX attempt_key;"
    "CREATE TABLE attempt(scope INTEGER NOT NULL, key TEXT NOT NULL, ordinal INTEGER NOT NULL, time INTEGER NOT NULL,"
    " PRIMARY KEY(scope, key, ordinal)) WITHOUT ROWID;"
    "INSERT OR IGNORE INTO attempt SELECT scope, key, ordinal, time FROM attempt_4 ORDER BY scope, key, ordinal;"
    "DROP TABLE attempt_4;",
    /* 6: a record is its text; see move_records */
    "CREATE TABLE record_6(seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, body TEXT NOT NULL, hash TEXT NOT NULL, anchor TEXT);"
};
#define MOVES_RECORDS 6

static const char move[] =
    "INSERT INTO record_6 SELECT seq, time, body, hash, anchor FROM record ORDER BY seq LIMIT 1000;"
    "DELETE FROM record WHERE seq <= (SELECT max(seq) FROM record_6)";
/* What somebody else made that names the table, a view say, stays as it is and does not stop the upgrade. */
static const char moved[] = "DROP TABLE record; PRAGMA legacy_alter_table = ON; ALTER TABLE record_6 RENAME TO record";

/*
 * The log of an upgrade is as large as the store, and would stay so; also where it failed because the disk became full, which would stay full.
 * Then any write: SQLite takes an empty log for none, and does not get over a store that was read-only for a while with it.
 */
static const char shorten_log[] = "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA application_id = " APR_STRINGIFY(AMLAPS_SQLITE_APPLICATION);

static const char *directory_of(const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');

    return slash == path ? "/" : apr_pstrmemdup(pool, path, (apr_size_t)(slash - path));
}

/** Is it a database at all? Only in the parent: in a child, closing the descriptor would drop SQLite's locks. */
static int is_database(const char *path)
{
    static const char header[] = "SQLite format 3";
    char first[sizeof(header)];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, first, sizeof(first));

    if (fd >= 0) {
        close(fd);
    }
    return fd < 0 || got == 0 || (got == sizeof(first) && memcmp(first, header, sizeof(first)) == 0);
}

const char *amlaps_sqlite_check(const char *path, apr_pool_t *pool)
{
    const char *directory;
    struct stat info;

    if (path[0] != '/' || path[strlen(path) - 1] == '/' || amlaps_text_has_controls(path) || strlen(path) > PATH_MAX - 16) {
        return "write the full path of the store's file after sqlite3:, as in sqlite3:/var/lib/amlaps/amlaps.db";
    }
    if (lstat(path, &info) == 0) {
        if (!S_ISREG(info.st_mode)) {
            return apr_psprintf(pool, "%s is no plain file; name the file itself, no link and no directory", path);
        }
        if ((info.st_mode & S_IWOTH) != 0) {
            return apr_psprintf(pool, "everybody may write to the store %s; find out who did, then chmod 0640", path);
        }
        if (!is_database(path)) {
            return apr_psprintf(pool, "%s is no SQLite database; name a file of its own for the store", path);
        }
        return NULL;
    }
    directory = directory_of(path, pool);
    if (stat(directory, &info) == 0) {
        return S_ISDIR(info.st_mode) ? NULL : apr_psprintf(pool, "%s, where the store is to be, is no directory", directory);
    }
    if (errno == ENOENT && stat(directory_of(directory, pool), &info) == 0 && S_ISDIR(info.st_mode)) {
        return NULL;
    }
    return apr_psprintf(pool, "the directory of %s is not there and cannot be made here; make %s first", directory,
                        directory_of(directory, pool));
}

static apr_status_t system_failed(amlaps_error_t *error, const char *what, const char *path)
{
    int reason = errno;

    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0215", APR_FROM_OS_ERROR(reason), "cannot %s %s: %s", what, path,
                            strerror(reason));
}

/** Makes the directory where there is none; one that exists is its administrator's. */
static apr_status_t make_directory(const char *directory, uid_t uid, gid_t gid, amlaps_error_t *error)
{
    /* Where root makes it before anybody knows who the children are, they must be able to pass. */
    const mode_t mode = uid == (uid_t)-1 && geteuid() == 0 ? DIRECTORY_MODE | S_IXOTH : DIRECTORY_MODE;

    if (mkdir(directory, mode) != 0) {
        return errno == EEXIST ? APR_SUCCESS : system_failed(error, "make the directory", directory);
    }
    if (chmod(directory, mode) != 0 || (uid != (uid_t)-1 && lchown(directory, uid, gid) != 0)) {
        return system_failed(error, "give its owner to", directory);
    }
    return APR_SUCCESS;
}

/**
 * Opens without following links and without blocking: the directory may belong to the children's user, who must not lead root elsewhere.
 * No SQLite connection is open in this process meanwhile, whose locks would go with the descriptor.
 */
static apr_status_t own(const char *path, int flags, uid_t uid, gid_t gid, amlaps_error_t *error)
{
    int fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, FILE_MODE);
    struct stat info;
    apr_status_t status = APR_SUCCESS;

    if (fd < 0) {
        return system_failed(error, "open", path);
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_nlink != 1) {
        errno = EINVAL;
        status = system_failed(error, "use a file that is no plain file or has a second name:", path);
    } else if ((info.st_mode & 07777) != FILE_MODE && fchmod(fd, FILE_MODE) != 0) {
        status = system_failed(error, "set the permissions of", path);
    } else if (uid != (uid_t)-1 && (info.st_uid != uid || info.st_gid != gid) && fchown(fd, uid, gid) != 0) {
        status = system_failed(error, "give its owner to", path);
    }
    close(fd);
    return status;
}

static apr_status_t run(sqlite3 *db, const char *path, const char *sql, amlaps_error_t *error)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? APR_SUCCESS : amlaps_sqlite_fail(db, path, "preparing", error);
}

/** A few at a time, so that the new records take the room of the old ones: the file would become twice as large, and stay so. */
static apr_status_t move_records(sqlite3 *db, const char *path, amlaps_error_t *error)
{
    apr_status_t status;

    do {
        status = run(db, path, move, error);
    } while (status == APR_SUCCESS && sqlite3_changes(db) > 0);
    return status == APR_SUCCESS ? run(db, path, moved, error) : status;
}

static apr_status_t upgrade(sqlite3 *db, const char *path, amlaps_error_t *error)
{
    char *mark = sqlite3_mprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", AMLAPS_SQLITE_APPLICATION, AMLAPS_SQLITE_SCHEMA);
    apr_status_t status = run(db, path, "BEGIN IMMEDIATE", error);
    int version = 0;

    /* Asked again under the lock: two servers may start at once. */
    if (status == APR_SUCCESS) {
        status = amlaps_sqlite_version(&version, db, path, error);
    }
    for (; status == APR_SUCCESS && version < AMLAPS_SQLITE_SCHEMA; version++) {
        status = run(db, path, steps[version], error);
        if (status == APR_SUCCESS && version + 1 == MOVES_RECORDS) {
            status = move_records(db, path, error);
        }
    }
    if (status == APR_SUCCESS) {
        status = run(db, path, mark, error);
    }
    sqlite3_free(mark);
    if (status == APR_SUCCESS) {
        status = run(db, path, "COMMIT", error);
    }
    if (!sqlite3_get_autocommit(db)) {
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    return status;
}

static apr_status_t make_schema(const char *path, amlaps_error_t *error)
{
    sqlite3 *db;
    int version;
    apr_status_t status = amlaps_sqlite_connect(&db, path, SQLITE_OPEN_READWRITE, error);

    if (status != APR_SUCCESS) {
        return status;
    }
    sqlite3_busy_timeout(db, 5000);
    status = amlaps_sqlite_version(&version, db, path, error);
    if (status == APR_SUCCESS) {
        status = run(db, path, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", error);
    }
    if (status == APR_SUCCESS && version < AMLAPS_SQLITE_SCHEMA) {
        status = upgrade(db, path, error);
        if (version > 0) {
            sqlite3_exec(db, shorten_log, NULL, NULL, NULL);
        }
    }
    if (status == APR_SUCCESS) {
        /* A read brings -shm into being, and it shows that all three files work. */
        status = amlaps_sqlite_version(&version, db, path, error);
    }
    sqlite3_close(db);
    return status;
}

apr_status_t amlaps_sqlite_prepare(const char *path, uid_t uid, gid_t gid, amlaps_error_t *error, apr_pool_t *pool)
{
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    apr_status_t status = make_directory(directory_of(path, pool), uid, gid, error);
    size_t i;

    if (status == APR_SUCCESS) {
        status = own(path, O_RDWR | O_CREAT, uid, gid, error);
    }
    if (status == APR_SUCCESS) {
        status = make_schema(path, error);
    }
    for (i = 0; i < sizeof(suffixes) / sizeof(*suffixes) && status == APR_SUCCESS; i++) {
        status = own(apr_pstrcat(pool, path, suffixes[i], NULL), O_RDWR, uid, gid, error);
    }
    return status;
}
