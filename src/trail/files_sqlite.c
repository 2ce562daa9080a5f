/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "files_sqlite.h"

#include <errno.h>
#include <string.h>

#include <apr_strings.h>

#include "look.h"

enum { DATABASE, WAL, INDEX };

void amlaps_sqlite_files_name(amlaps_sqlite_files_t *files, const char *path, apr_pool_t *pool)
{
    files->path[0] = apr_pstrdup(pool, path);
    files->path[1] = apr_pstrcat(pool, path, "-wal", NULL);
    files->path[2] = apr_pstrcat(pool, path, "-shm", NULL);
}

static apr_status_t look(struct stat info[AMLAPS_SQLITE_FILES], const amlaps_sqlite_files_t *files, amlaps_error_t *error)
{
    int i;

    for (i = 0; i < AMLAPS_SQLITE_FILES; i++) {
        if (!amlaps_look_path(&info[i], files->path[i])) {
            int reason = errno;

            /* A folder that is closed says nothing of the file in it. */
            return reason == ENOENT || reason == ENOTDIR
                       ? amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0206", APR_FROM_OS_ERROR(reason),
                                          "%s of the store is gone; put it back, or stop httpd and start it to make a new one", files->path[i])
                       : amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0201", APR_FROM_OS_ERROR(reason),
                                          "%s of the store cannot be looked at; let the user of httpd's children into its folder", files->path[i]);
        }
    }
    return APR_SUCCESS;
}

apr_status_t amlaps_sqlite_files_look(amlaps_sqlite_files_t *files, amlaps_error_t *error)
{
    files->checked = 0;
    files->index = 0;
    return look(files->info, files, error);
}

static apr_status_t identify(struct stat now[AMLAPS_SQLITE_FILES], const amlaps_sqlite_files_t *files, amlaps_error_t *error)
{
    apr_status_t status = look(now, files, error);
    int i;

    for (i = 0; i < AMLAPS_SQLITE_FILES && status == APR_SUCCESS; i++) {
        if (now[i].st_dev != files->info[i].st_dev || now[i].st_ino != files->info[i].st_ino) {
            status = amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0206", APR_EGENERAL, "%s of the store was replaced while in use",
                                      files->path[i]);
        } else if ((now[i].st_mode & S_IWOTH) != 0) {
            status = amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0206", APR_EGENERAL,
                                      "everybody may write to %s of the store; find out who did, then chmod 0640", files->path[i]);
        }
    }
    return status;
}

apr_status_t amlaps_sqlite_files_check(const amlaps_sqlite_files_t *files, amlaps_error_t *error)
{
    struct stat now[AMLAPS_SQLITE_FILES];

    return identify(now, files, error);
}

/** Somebody wrote over the files in place. SQLite has much of them in memory and would go on; what it writes is lost or unreadable. */
static apr_status_t written_over(int *overwritten, const char *path, const char *what, amlaps_error_t *error)
{
    *overwritten = 1;
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0221", APR_EGENERAL,
                            "%s of the store %s while in use; nothing is served until the right file is back, amlaps-audit verify is content, and "
                            "httpd is stopped and started", path, what);
}

/* SQLite's file formats (https://www.sqlite.org/fileformat2.html, walformat.html): of the database's header, of the WAL and a frame of it, and of the
 * index in -shm what is looked at. */
#define HEADER 32
#define HEADER_PAGE_SIZE 16
#define HEADER_CHANGES 24
#define HEADER_PAGES 28
#define WAL_HEADER 32
#define FRAME_HEADER 24
#define INDEX_BLOCK 32768
#define INDEX_PAGE_SIZE 14
#define INDEX_FRAMES 16
#define INDEX_BACKFILLED 96

/** What the files say of themselves. */
typedef struct claim_t {
    apr_uint32_t changes; /* how often the first page was written; a copy of before was so less often */
    off_t database;       /* how long it is; 0: it is none */
    off_t wal;            /* how much of it holds */
    int pending;          /* there are frames that have not been written back */
} claim_t;

static off_t real_page_size(unsigned size)
{
    return size == 1 ? 65536 : (off_t)size;
}

static apr_uint32_t big_endian(const unsigned char *bytes)
{
    return (apr_uint32_t)bytes[0] << 24 | (apr_uint32_t)bytes[1] << 16 | (apr_uint32_t)bytes[2] << 8 | bytes[3];
}

/** As it is in the file, not in SQLite's memory. */
static void read_header(claim_t *claim, sqlite3_file *file)
{
    static const char magic[] = "SQLite format 3";
    unsigned char header[HEADER];

    if (file->pMethods->xRead(file, header, sizeof(header), 0) != SQLITE_OK || memcmp(header, magic, sizeof(magic)) != 0) {
        return;
    }
    claim->changes = big_endian(header + HEADER_CHANGES);
    claim->database = big_endian(header + HEADER_PAGES) * real_page_size((unsigned)header[HEADER_PAGE_SIZE] << 8 | header[HEADER_PAGE_SIZE + 1]);
}

static void read_index(claim_t *claim, sqlite3_file *file)
{
    volatile void *index = NULL;
    apr_uint16_t page_size;
    apr_uint32_t frames, backfilled;

    if (file->pMethods->iVersion < 2 || file->pMethods->xShmMap(file, 0, INDEX_BLOCK, 0, &index) != SQLITE_OK || index == NULL) {
        return;
    }
    memcpy(&page_size, (const char *)index + INDEX_PAGE_SIZE, sizeof(page_size));
    memcpy(&frames, (const char *)index + INDEX_FRAMES, sizeof(frames));
    memcpy(&backfilled, (const char *)index + INDEX_BACKFILLED, sizeof(backfilled));
    claim->wal = frames == 0 ? 0 : WAL_HEADER + frames * (FRAME_HEADER + real_page_size(page_size));
    claim->pending = backfilled < frames;
}

/** Through SQLite's own descriptor: closing another one would drop its locks. */
static void read_claim(claim_t *claim, sqlite3 *db)
{
    sqlite3_file *file = NULL;

    memset(claim, 0, sizeof(*claim));
    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK && file != NULL && file->pMethods != NULL) {
        read_header(claim, file);
        read_index(claim, file);
    }
}

/* A database that has become shorter may have been packed (VACUUM). Then its first page was written since, and it is as long as that says, or the rest
 * is in the WAL still; in that case it is looked at once more, by what it was before. */
static apr_status_t check_database(int *overwritten, amlaps_sqlite_files_t *files, off_t size, const claim_t *claim, amlaps_error_t *error)
{
    const apr_int32_t newer = files->checked ? (apr_int32_t)(claim->changes - files->changes) : 1;
    const int shorter = size < files->info[DATABASE].st_size;

    if (claim->database == 0 || newer < 0) {
        return written_over(overwritten, files->path[DATABASE], "was overwritten", error);
    }
    if (shorter && size < claim->database) {
        return newer > 0 && claim->pending ? APR_SUCCESS : written_over(overwritten, files->path[DATABASE], "was cut", error);
    }
    files->info[DATABASE].st_size = size;
    files->changes = claim->changes;
    files->checked = 1;
    return APR_SUCCESS;
}

apr_status_t amlaps_sqlite_files_check_index(int *overwritten, const amlaps_sqlite_files_t *files, amlaps_error_t *error)
{
    struct stat now;

    /* One that is gone is no danger to the mapping; amlaps_sqlite_files_weigh tells of it. */
    if (!amlaps_look_path(&now, files->path[INDEX]) || now.st_ino != files->info[INDEX].st_ino || now.st_size >= files->index) {
        return APR_SUCCESS;
    }
    return written_over(overwritten, files->path[INDEX], "was cut", error);
}

apr_status_t amlaps_sqlite_files_weigh(int *overwritten, amlaps_sqlite_files_t *files, sqlite3 *db, amlaps_error_t *error)
{
    struct stat now[AMLAPS_SQLITE_FILES];
    apr_status_t status = identify(now, files, error);
    claim_t claim;

    if (status != APR_SUCCESS) {
        return status;
    }
    read_claim(&claim, db);
    if (now[WAL].st_size < claim.wal) {
        return written_over(overwritten, files->path[WAL], "was cut", error);
    }
    if (now[INDEX].st_size < INDEX_BLOCK) {
        return written_over(overwritten, files->path[INDEX], "was cut", error);
    }
    files->index = now[INDEX].st_size;
    return check_database(overwritten, files, now[DATABASE].st_size, &claim, error);
}
