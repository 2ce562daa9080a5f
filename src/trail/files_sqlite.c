/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "files_sqlite.h"

#include <errno.h>
#include <string.h>

#include <apr_strings.h>

#include "look.h"

enum { DATABASE, WAL };

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

            return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0206", APR_FROM_OS_ERROR(reason),
                                    "%s of the store is gone; put it back, or restart httpd to make a new one", files->path[i]);
        }
    }
    return APR_SUCCESS;
}

apr_status_t amlaps_sqlite_files_look(amlaps_sqlite_files_t *files, amlaps_error_t *error)
{
    return look(files->info, files, error);
}

/** Somebody wrote over the files in place. SQLite has much of them in memory and would go on; what it writes is lost or unreadable. */
static apr_status_t written_over(int *overwritten, const char *path, const char *what, amlaps_error_t *error)
{
    *overwritten = 1;
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0221", APR_EGENERAL,
                            "%s of the store %s while in use; nothing is served until the right file is back, amlaps-audit verify is content, and "
                            "httpd is restarted", path, what);
}

/* SQLite's file formats (https://www.sqlite.org/fileformat2.html, walformat.html): of the database's header, of the WAL and a frame of it, and of the
 * index in -shm what is looked at. */
#define HEADER 32
#define HEADER_PAGE_SIZE 16
#define HEADER_PAGES 28
#define WAL_HEADER 32
#define FRAME_HEADER 24
#define INDEX_BLOCK 32768
#define INDEX_PAGE_SIZE 14
#define INDEX_FRAMES 16

static sqlite3_file *file_of(sqlite3 *db)
{
    sqlite3_file *file = NULL;

    return sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK && file != NULL && file->pMethods != NULL ? file : NULL;
}

/** How long the database must be by its own header, as that is in the file, not in SQLite's memory; 0: it is none. Read through SQLite's own
 *  descriptor: closing another one would drop its locks. */
static off_t length_by_header(sqlite3 *db)
{
    static const char magic[] = "SQLite format 3";
    sqlite3_file *file = file_of(db);
    unsigned char header[HEADER];
    off_t page_size, pages;

    if (file == NULL || file->pMethods->xRead(file, header, sizeof(header), 0) != SQLITE_OK || memcmp(header, magic, sizeof(magic)) != 0) {
        return 0;
    }
    page_size = (off_t)header[HEADER_PAGE_SIZE] << 8 | header[HEADER_PAGE_SIZE + 1];
    pages = (off_t)header[HEADER_PAGES] << 24 | header[HEADER_PAGES + 1] << 16 | header[HEADER_PAGES + 2] << 8 | header[HEADER_PAGES + 3];
    return pages * (page_size == 1 ? 65536 : page_size);
}

/** How long the WAL must be at least: SQLite itself cuts it where it has grown large and all of it is in the database. Within a transaction of ours,
 *  or while no other child may begin one. */
static off_t length_of_wal(sqlite3 *db)
{
    sqlite3_file *file = file_of(db);
    volatile void *index = NULL;
    apr_uint16_t page_size;
    apr_uint32_t frames;

    if (file == NULL || file->pMethods->iVersion < 2 || file->pMethods->xShmMap(file, 0, INDEX_BLOCK, 0, &index) != SQLITE_OK || index == NULL) {
        return 0;
    }
    memcpy(&page_size, (const char *)index + INDEX_PAGE_SIZE, sizeof(page_size));
    memcpy(&frames, (const char *)index + INDEX_FRAMES, sizeof(frames));
    return frames == 0 ? 0 : WAL_HEADER + (off_t)frames * (FRAME_HEADER + (page_size == 1 ? 65536 : page_size));
}

/* A database that has become shorter may have been packed (VACUUM): then its header says so. */
static apr_status_t check_contents(int *overwritten, amlaps_sqlite_files_t *files, sqlite3 *db, const struct stat now[AMLAPS_SQLITE_FILES],
                                   amlaps_error_t *error)
{
    const off_t whole = length_by_header(db);
    int i;

    for (i = 0; i < AMLAPS_SQLITE_FILES; i++) {
        const off_t least = i == WAL ? length_of_wal(db) : files->info[i].st_size;

        if (now[i].st_size < least && (i != DATABASE || whole == 0 || now[i].st_size < whole)) {
            return written_over(overwritten, files->path[i], "was cut", error);
        }
        files->info[i].st_size = now[i].st_size;
    }
    return whole != 0 ? APR_SUCCESS : written_over(overwritten, files->path[DATABASE], "was overwritten", error);
}

apr_status_t amlaps_sqlite_files_check(int *overwritten, amlaps_sqlite_files_t *files, sqlite3 *db, amlaps_error_t *error)
{
    struct stat now[AMLAPS_SQLITE_FILES];
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
    return status == APR_SUCCESS ? check_contents(overwritten, files, db, now, error) : status;
}
