/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "gap.h"
#include "seal_file.h"
#include "seam.h"

static apr_status_t peek(const amlaps_seal_t **state, const char *path, amlaps_error_t *error, apr_pool_t *pool)
{
    amlaps_seal_t *read = amlaps_seal_make(pool);

    if (read == NULL) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0218", APR_ENOMEM, "no memory to verify with");
    }
    *state = read;
    return amlaps_seal_file_peek(read, path, error, pool);
}

/** Opens what the records are compared with, before the first one is read: nothing newer than that may be missed. */
static apr_status_t start(amlaps_check_t **check, amlaps_verify_t *result, const amlaps_verify_with_t *with, amlaps_error_t *error,
                          apr_pool_t *pool)
{
    apr_status_t status = amlaps_check_make(check, result, with != NULL ? with->keys : NULL, error, pool);

    if (status != APR_SUCCESS || with == NULL) {
        return status;
    }
    if (with->anchors != NULL) {
        status = amlaps_check_anchor_open(&(*check)->anchors, with->anchors, error, pool);
    }
    if (status == APR_SUCCESS && with->state != NULL) {
        status = peek(&(*check)->state, with->state, error, pool);
    }
    return status;
}

/**
 * Where the store begins elsewhere now: what was checked so far is gone. Whatever copies say of later records stays to be compared. The state is read
 * again, since the record that it knew may be gone too.
 */
static apr_status_t start_anew(amlaps_check_t **check, amlaps_verify_t *result, const amlaps_verify_with_t *with, amlaps_error_t *error,
                               apr_pool_t *round)
{
    amlaps_check_anchor_t *anchors = (*check)->anchors;
    apr_status_t status;

    apr_pool_clear(round);
    status = amlaps_check_make(check, result, with != NULL ? with->keys : NULL, error, round);
    if (status == APR_SUCCESS) {
        (*check)->anchors = anchors;
        status = with != NULL && with->state != NULL ? peek(&(*check)->state, with->state, error, round) : APR_SUCCESS;
    }
    return status;
}

/** @param pools two of them: for all, and for what a new start frees */
static apr_status_t make_pools(apr_pool_t *pools[2], amlaps_error_t *error, apr_pool_t *pool)
{
    apr_status_t status = apr_pool_create(&pools[0], pool);

    if (status == APR_SUCCESS) {
        status = apr_pool_create(&pools[1], pools[0]);
    }
    return status == APR_SUCCESS ? APR_SUCCESS
                                 : amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0218", status, "no memory to verify with");
}

static int check_row(void *baton, const amlaps_row_t *row)
{
    return amlaps_check_row(baton, row);
}

/** An export may have removed all that the state knew, before anything was read. Then the state knows more by now. */
static apr_status_t look_at_state(int *moved, const amlaps_check_t *check, const char *path, amlaps_error_t *error, apr_pool_t *pool)
{
    const amlaps_seal_t *now = NULL;
    apr_status_t status = peek(&now, path, error, pool);

    *moved = status == APR_SUCCESS && now->seq > check->state->seq;
    return status;
}

static apr_status_t check_all(int *moved, amlaps_check_t *check, const char *store, const amlaps_verify_with_t *with, amlaps_error_t *error,
                              apr_pool_t *pool)
{
    amlaps_seam_t seam = { 0 };
    apr_status_t status = amlaps_seam_find(check, &seam, store, error, pool);

    if (status == APR_SUCCESS) {
        status = amlaps_store_each(store, NULL, check_row, check, error);
    }
    if (status == APR_SUCCESS && amlaps_check_state_is_old(check)) {
        return look_at_state(moved, check, with->state, error, pool);
    }
    return status == APR_SUCCESS ? amlaps_seam_moved(moved, check, &seam, store, error) : status;
}

apr_status_t amlaps_trail_verify(amlaps_verify_t *result, amlaps_error_t *error, const char *store, const amlaps_verify_with_t *with,
                                 apr_pool_t *pool)
{
    amlaps_check_t *check;
    apr_pool_t *own[2];
    int moved;
    apr_status_t status = make_pools(own, error, pool);

    if (status != APR_SUCCESS) {
        return status;
    }
    if ((status = start(&check, result, with, error, own[0])) == APR_SUCCESS) {
        status = check_all(&moved, check, store, with, error, own[1]);
    }
    while (status == APR_SUCCESS && moved) {
        if ((status = start_anew(&check, result, with, error, own[1])) == APR_SUCCESS) {
            status = check_all(&moved, check, store, with, error, own[1]);
        }
    }
    if (status == APR_SUCCESS) {
        amlaps_check_end(check);
    }
    apr_pool_destroy(own[0]);
    return status;
}

typedef struct part_t {
    amlaps_check_t *check;
    apr_time_t until; /* steady */
    int more;
} part_t;

static int check_in_time(void *baton, const amlaps_row_t *row)
{
    part_t *part = baton;

    if (!amlaps_check_row(part->check, row)) {
        return 0;
    }
    part->more = part->check->result->records % 64 == 0 && amlaps_clock_steady(amlaps_clock_system()) >= part->until;
    return !part->more;
}

/** Goes on behind the part before, of whose last record the hash alone is known. */
static void resume(amlaps_check_t *check, const amlaps_verify_t *before)
{
    amlaps_check_continue(check, before->last, before->head, NULL);
    check->start = 0;
    check->result->records = before->records;
    check->result->last = before->last;
}

static apr_status_t check_part(int *moved, part_t *part, const amlaps_verify_t *before, const char *store, amlaps_error_t *error, apr_pool_t *pool)
{
    amlaps_verify_t *result = part->check->result;
    amlaps_seam_t seam = { part->until, before->seam, before->seam_first, before->last + 1 };
    const amlaps_range_t range = { .after = before->last };
    apr_status_t status = APR_SUCCESS;

    if (before->last != 0) {
        resume(part->check, before);
    } else {
        status = amlaps_seam_find(part->check, &seam, store, error, pool);
        result->seam = seam.before;
        result->seam_first = seam.first;
        part->more = seam.before != 0;
    }
    if (status == APR_SUCCESS && !part->more) {
        status = amlaps_store_each(store, &range, check_in_time, part, error);
    }
    return status == APR_SUCCESS ? amlaps_seam_moved(moved, part->check, &seam, store, error) : status;
}

apr_status_t amlaps_trail_verify_part(amlaps_verify_t *result, int *more, amlaps_error_t *error, const char *store,
                                      apr_interval_time_t patience, apr_pool_t *pool)
{
    static const amlaps_verify_t beginning = { 0 };
    const amlaps_verify_t before = *result;
    part_t part = { .until = amlaps_clock_steady(amlaps_clock_system()) + patience };
    apr_pool_t *own[2];
    int moved;
    apr_status_t status = make_pools(own, error, pool);

    *more = 0;
    if (status != APR_SUCCESS) {
        return status;
    }
    if ((status = start(&part.check, result, NULL, error, own[0])) == APR_SUCCESS) {
        status = check_part(&moved, &part, &before, store, error, own[1]);
    }
    while (status == APR_SUCCESS && moved) {
        if ((status = start_anew(&part.check, result, NULL, error, own[1])) == APR_SUCCESS) {
            status = check_part(&moved, &part, &beginning, store, error, own[1]);
        }
    }
    if (status == APR_SUCCESS && !part.more) {
        amlaps_check_end(part.check);
    }
    *more = part.more;
    apr_pool_destroy(own[0]);
    return status;
}

static apr_status_t file_failed(amlaps_error_t *error, const char *path)
{
    int reason = errno;

    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0219", APR_FROM_OS_ERROR(reason), "cannot read %s: %s", path,
                            strerror(reason));
}

static apr_status_t check_lines(amlaps_check_t *check, const char *path, amlaps_error_t *error)
{
    FILE *file = fopen(path, "re");
    apr_status_t status = APR_SUCCESS;
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    int good = 1;

    if (file == NULL) {
        return file_failed(error, path);
    }
    while (good && (length = getline(&line, &room, file)) > 0) {
        good = line[length - 1] == '\n' ? amlaps_check_line(check, line, (apr_size_t)length - 1)
                                        : amlaps_check_torn(check, line, (apr_size_t)length);
    }
    if (ferror(file)) {
        status = file_failed(error, path);
    }
    free(line);
    fclose(file);
    return status;
}

apr_status_t amlaps_trail_verify_file(amlaps_verify_t *result, amlaps_error_t *error, const char *path, const amlaps_verify_with_t *with,
                                      apr_pool_t *pool)
{
    amlaps_check_t *check;
    apr_pool_t *own;
    apr_status_t status = apr_pool_create(&own, pool);

    if (status != APR_SUCCESS) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0218", status, "no memory to verify with");
    }
    status = start(&check, result, with, error, own);
    if (status == APR_SUCCESS && with != NULL && with->after != NULL) {
        amlaps_check_continue(check, 0, with->after, NULL);
        check->start = 0;
        check->any_start = 1;
    }
    if (status == APR_SUCCESS && (status = check_lines(check, path, error)) == APR_SUCCESS) {
        amlaps_check_end(check);
        /* An export that was emptied would pass for a good one; a store knows that it is at its beginning, a file does not. */
        if (result->first_bad == 0 && result->records == 0) {
            status = amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0219", APR_EGENERAL,
                                      "%s has no record, so there is nothing that could be verified; name a store, an export or a copy that AMLapsAuditLog wrote", path);
        }
    }
    apr_pool_destroy(own);
    return status;
}

typedef struct each_t {
    int (*line)(void *baton, apr_int64_t seq, const char *json);
    void *baton;
    amlaps_gap_t gap;
    apr_pool_t *scratch;
} each_t;

static int hand_over(void *baton, const amlaps_row_t *row)
{
    each_t *each = baton;
    apr_size_t length;

    apr_pool_clear(each->scratch);
    return amlaps_gap_follow(&each->gap, row)
           && each->line(each->baton, row->seq,
                      row->body != NULL ? amlaps_record_copy(&length, row->body, row->length, row->anchor, each->scratch) : "");
}

apr_status_t amlaps_trail_each(amlaps_error_t *error, const char *store, int (*line)(void *baton, apr_int64_t seq, const char *json),
                               void *baton, apr_pool_t *pool)
{
    each_t each = { line, baton, { .store = store }, NULL };
    apr_status_t status = apr_pool_create(&each.scratch, pool);

    if (status != APR_SUCCESS) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0218", status, "no memory to read the audit with");
    }
    status = amlaps_store_each(store, NULL, hand_over, &each, error);
    apr_pool_destroy(each.scratch);
    return status == APR_SUCCESS ? amlaps_gap_end(&each.gap, 0, error) : status;
}
