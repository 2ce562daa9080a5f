/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sqlite.h"

/* A path, percent-encoded, and what stands around it. */
#define ADDRESS (3 * PATH_MAX + 32)

int amlaps_sqlite_lost_sync(sqlite3 *db)
{
    int code = sqlite3_extended_errcode(db);

    return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC;
}

/** The reason behind SQLite's code, as an operating system says it. */
static apr_status_t status_of(sqlite3 *db)
{
    int code = sqlite3_errcode(db) & 0xFF;
    int system = sqlite3_system_errno(db);

    if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
        return APR_EBUSY;
    }
    if (code == SQLITE_FULL) {
        return APR_ENOSPC;
    }
    if (code == SQLITE_READONLY) {
        return EROFS;
    }
    if (code == SQLITE_NOMEM) {
        return APR_ENOMEM;
    }
    return (code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && system != 0 ? APR_FROM_OS_ERROR(system) : APR_EGENERAL;
}

apr_status_t amlaps_sqlite_fail(sqlite3 *db, const char *path, const char *doing, amlaps_error_t *error)
{
    apr_status_t status = status_of(db);
    const char *says = sqlite3_errmsg(db);

    if (amlaps_sqlite_lost_sync(db)) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0205", status,
                                "the disk under the store %s failed to write what it had taken; nothing is served until it is checked, "
                                "amlaps-audit verify is content, and httpd is stopped and started", path);
    }
    if (status == APR_EBUSY) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0202", status,
                                "another program holds the store %s locked (%s)", path, says);
    }
    if (APR_STATUS_IS_ENOSPC(status)) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0203", status,
                                "the disk of the store %s is full; make room, then it goes on by itself (where httpd did not start, start it again)", path);
    }
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0204", status, "%s the store %s failed: %s", doing, path, says);
}

/** The path with its directory resolved, so that SQLite may refuse links: it would refuse them in the directory too. */
static int resolve(char resolved[PATH_MAX], const char *path)
{
    const char *slash = strrchr(path, '/');
    char directory[PATH_MAX];
    size_t length = slash != NULL ? (size_t)(slash - path) : 0;

    if (slash == NULL || length >= sizeof(directory)) {
        return 0;
    }
    memcpy(directory, path, length);
    strcpy(directory + length, length == 0 ? "/" : "");
    if (realpath(directory, resolved) == NULL || strlen(resolved) + strlen(slash) >= PATH_MAX) {
        return 0;
    }
    strcat(resolved, strcmp(resolved, "/") == 0 ? slash + 1 : slash);
    return 1;
}

/** The address by which SQLite reads a file that nobody writes to: without locks, and without files beside it. */
static void write_address(char address[ADDRESS], const char *resolved)
{
    static const char digits[] = "0123456789ABCDEF";
    char *end = address + strlen(strcpy(address, "file:"));
    const char *c;

    for (c = resolved; *c != '\0'; c++) {
        if (strchr("%?#", *c) != NULL) {
            *end++ = '%';
            *end++ = digits[(unsigned char)*c >> 4];
            *end++ = digits[*c & 0xF];
        } else {
            *end++ = *c;
        }
    }
    strcpy(end, "?immutable=1");
}

apr_status_t amlaps_sqlite_connect(sqlite3 **db, const char *path, int flags, amlaps_error_t *error)
{
    char resolved[PATH_MAX], address[ADDRESS];
    apr_status_t status;
    int persist = 1;

    *db = NULL;
    if (!resolve(resolved, path)) {
        int reason = errno;

        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0201", APR_FROM_OS_ERROR(reason),
                                "the directory of the store %s is not there or not to be entered by this user", path);
    }
    if ((flags & SQLITE_OPEN_URI) != 0) {
        write_address(address, resolved);
    }
    if (sqlite3_open_v2((flags & SQLITE_OPEN_URI) != 0 ? address : resolved, db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL)
        != SQLITE_OK) {
        status = *db != NULL ? status_of(*db) : APR_ENOMEM;
        amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0201", status, "the store %s cannot be opened: %s", path,
                         *db != NULL ? sqlite3_errmsg(*db) : "out of memory");
        sqlite3_close(*db);
        *db = NULL;
        return error->status;
    }
    sqlite3_extended_result_codes(*db, 1);
    /* Whoever closes last would remove -wal and -shm, which a child without a say in the directory cannot make again. */
    sqlite3_file_control(*db, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
    sqlite3_db_config(*db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(*db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    /* Somebody else's trigger could keep a record from the table without a word, or records from moving to a newer schema. */
    sqlite3_db_config(*db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    return APR_SUCCESS;
}

/* Whoever has a database open that has a log holds these bytes locked (SQLite's os.h). */
#define HELD_FIRST 0x40000002
#define HELD_COUNT 510

/** Not by this process: closing a descriptor here would drop the locks of its own. */
static int is_held(const char *path)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = HELD_FIRST, .l_len = HELD_COUNT };
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int held = fd < 0 || fcntl(fd, F_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;

    if (fd >= 0) {
        close(fd);
    }
    return held;
}

static int has_files(const char *path)
{
    static const char *const suffixes[] = { "-wal", "-shm" };
    char name[PATH_MAX];
    int found = 0;
    int i;

    for (i = 0; i < 2; i++) {
        found += (size_t)snprintf(name, sizeof(name), "%s%s", path, suffixes[i]) < sizeof(name) && access(name, F_OK) == 0;
    }
    return found == 2;
}

void amlaps_sqlite_complete(const char *path)
{
    amlaps_error_t ignored = { 0 };
    sqlite3 *db = NULL;
    int version = 0;

    if (has_files(path) || is_held(path)) {
        return;
    }
    if (amlaps_sqlite_connect(&db, path, SQLITE_OPEN_READWRITE, &ignored) == APR_SUCCESS
        && amlaps_sqlite_version(&version, db, path, &ignored) == APR_SUCCESS && version > 0) {
        sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
        /* A read brings -shm into being. */
        (void)amlaps_sqlite_version(&version, db, path, &ignored);
    }
    sqlite3_close(db);
}

static int read_integer(int *value, sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    int found;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
        return 0;
    }
    found = sqlite3_step(statement) == SQLITE_ROW;
    *value = found ? sqlite3_column_int(statement, 0) : 0;
    return sqlite3_finalize(statement) == SQLITE_OK && found;
}

apr_status_t amlaps_sqlite_version(int *version, sqlite3 *db, const char *path, amlaps_error_t *error)
{
    int application;
    int tables;

    if (!read_integer(&application, db, "PRAGMA application_id") || !read_integer(version, db, "PRAGMA user_version")
        || !read_integer(&tables, db, "SELECT count(*) FROM sqlite_schema")) {
        return amlaps_sqlite_fail(db, path, "opening", error);
    }
    if (application == 0 && *version == 0 && tables == 0) {
        return APR_SUCCESS;
    }
    /* A version below zero is nobody's, and would be taken for a step of the upgrade. */
    if (application != AMLAPS_SQLITE_APPLICATION || *version < 0) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0207", APR_EGENERAL,
                                "%s is another program's database; name a file of its own for the store", path);
    }
    if (*version > AMLAPS_SQLITE_SCHEMA) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0207", APR_EGENERAL,
                                "the store %s was written by a newer mod_amlaps (schema %d, this one knows up to %d); install that one again",
                                path, *version, AMLAPS_SQLITE_SCHEMA);
    }
    return APR_SUCCESS;
}
