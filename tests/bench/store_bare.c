/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * What the disk and one writer allow any store: the texts of a batch are appended to a file and synced, and that is all. No tables, no limits,
 * nobody else beside it, nothing to be read again. Linked into the benchmark's module in front of the SQLite store (--wrap), for files called
 * *.bare.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "../../src/trail/sqlite.h"

#define SIZE (32 * 1024 * 1024) /* written once, so that no sync has to note that the file grew */
#define MOST (1024 * 1024)      /* of one batch */

typedef struct bare_t {
    amlaps_store_t store;
    amlaps_head_t head;
    char *name; /* of a new file, for mkstemp */
    int fd; /* -1: not open yet */
    off_t place;
    apr_size_t length;
    char batch[MOST];
} bare_t;

amlaps_store_t *__wrap_amlaps_sqlite_make(const char *path, amlaps_trail_shared_t *shared, apr_pool_t *pool);
amlaps_store_t *__real_amlaps_sqlite_make(const char *path, amlaps_trail_shared_t *shared, apr_pool_t *pool);

static apr_status_t fail(amlaps_error_t *error)
{
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0204", APR_FROM_OS_ERROR(errno), "the benchmark's file cannot be written");
}

static int make_file(bare_t *self)
{
    int written = 1;
    int i;

    self->fd = mkstemp(self->name);
    if (self->fd < 0) {
        return 0;
    }
    unlink(self->name);
    for (i = 0; i < SIZE / MOST && written; i++) {
        written = write(self->fd, self->batch, MOST) == MOST;
    }
    return written && fsync(self->fd) == 0;
}

static apr_status_t bare_begin(amlaps_head_t *head, amlaps_store_t *store, apr_interval_time_t patience, amlaps_error_t *error)
{
    bare_t *self = (bare_t *)store;

    (void)patience;
    if (self->fd < 0 && !make_file(self)) {
        return fail(error);
    }
    self->length = 0;
    *head = self->head;
    return APR_SUCCESS;
}

static apr_status_t no_ordinal(apr_int64_t *ordinal, amlaps_store_t *store, const amlaps_touch_t *touch, amlaps_error_t *error)
{
    (void)store;
    (void)touch;
    (void)error;
    *ordinal = 0;
    return APR_SUCCESS;
}

static apr_status_t no_time(apr_time_t *time, amlaps_store_t *store, const amlaps_touch_t *touch, apr_int64_t ordinal, amlaps_error_t *error)
{
    (void)ordinal;
    return no_ordinal(time, store, touch, error);
}

static apr_status_t no_newest(apr_time_t *time, amlaps_store_t *store, amlaps_error_t *error)
{
    return no_ordinal(time, store, NULL, error);
}

static apr_status_t no_attempt(amlaps_store_t *store, const amlaps_touch_t *touch, apr_int64_t ordinal, apr_time_t time, amlaps_error_t *error)
{
    (void)store;
    (void)touch;
    (void)ordinal;
    (void)time;
    (void)error;
    return APR_SUCCESS;
}

static apr_status_t nothing_before(amlaps_store_t *store, apr_time_t time, amlaps_error_t *error)
{
    return no_attempt(store, NULL, 0, time, error);
}

static apr_status_t nothing(amlaps_store_t *store, amlaps_error_t *error)
{
    return no_attempt(store, NULL, 0, 0, error);
}

static apr_status_t bare_add(amlaps_store_t *store, const amlaps_row_t *row, amlaps_error_t *error)
{
    bare_t *self = (bare_t *)store;

    if (row->length > MOST - self->length) {
        errno = EFBIG;
        return fail(error);
    }
    memcpy(self->batch + self->length, row->body, row->length);
    self->length += row->length;
    return APR_SUCCESS;
}

static apr_status_t bare_commit(amlaps_store_t *store, const amlaps_head_t *head, amlaps_error_t *error)
{
    bare_t *self = (bare_t *)store;

    self->place = self->place + (off_t)self->length > SIZE ? 0 : self->place;
    if (pwrite(self->fd, self->batch, self->length, self->place) != (ssize_t)self->length || fdatasync(self->fd) != 0) {
        return fail(error);
    }
    self->place += (off_t)self->length;
    self->head = *head;
    return APR_SUCCESS;
}

static void bare_rollback(amlaps_store_t *store)
{
    ((bare_t *)store)->length = 0;
}

static void bare_close(amlaps_store_t *store)
{
    close(((bare_t *)store)->fd);
}

amlaps_store_t *__wrap_amlaps_sqlite_make(const char *path, amlaps_trail_shared_t *shared, apr_pool_t *pool)
{
    static const amlaps_store_ops_t ops = {
        .begin = bare_begin,
        .last_attempt = no_ordinal,
        .attempt_time = no_time,
        .newest_attempt = no_newest,
        .add_record = bare_add,
        .add_attempt = no_attempt,
        .prune = nothing_before,
        .prove = nothing,
        .commit = bare_commit,
        .rollback = bare_rollback,
        .tend = nothing,
        .close = bare_close
    };
    const size_t length = strlen(path);
    const char *directory;
    bare_t *self;

    if (length < 5 || strcmp(path + length - 5, ".bare") != 0 || apr_temp_dir_get(&directory, pool) != APR_SUCCESS) {
        return __real_amlaps_sqlite_make(path, shared, pool);
    }
    self = apr_pcalloc(pool, sizeof(*self));
    self->store.ops = &ops;
    self->fd = -1;
    self->name = apr_pstrcat(pool, directory, "/amlaps-bare-XXXXXX", NULL);
    memset(self->head.hash, '0', AMLAPS_RECORD_HASH);
    return &self->store;
}
