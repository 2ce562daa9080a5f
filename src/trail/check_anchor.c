/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "check_anchor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>

#include <apr_strings.h>

#include "record.h"
#include "view.h"

/* More than a batch has: what may be repeated after a child was killed. */
#define RING 1024

typedef struct copy_t {
    apr_int64_t seq;
    char hash[AMLAPS_RECORD_HASH + 1];
    char anchor[AMLAPS_RECORD_HASH + 1]; /* "": none */
} copy_t;

struct amlaps_check_anchor_t {
    FILE *file;
    off_t end, at;
    char *line;
    size_t room;
    copy_t now;             /* the line that waits for its record; seq 0: none is left */
    apr_int64_t compared;   /* the last record that was */
    const char *forked;     /* the copy goes back and tells another story */
    copy_t ring[RING];      /* of the last lines */
    apr_pool_t *pool;       /* of one line */
};

static apr_status_t release(void *baton)
{
    amlaps_check_anchor_t *check = baton;

    free(check->line);
    fclose(check->file);
    return APR_SUCCESS;
}

static void keep(char text[AMLAPS_RECORD_HASH + 1], const amlaps_slice_t *slice)
{
    text[0] = '\0';
    if (slice->text != NULL && slice->length == AMLAPS_RECORD_HASH) {
        memcpy(text, slice->text, AMLAPS_RECORD_HASH);
        text[AMLAPS_RECORD_HASH] = '\0';
    }
}

/** Reads the next line that is a record, which another program may have written anew on its way. @return 0 at the end */
static int read_copy(copy_t *copy, amlaps_check_anchor_t *check)
{
    ssize_t length;

    while (check->at < check->end && (length = getline(&check->line, &check->room, check->file)) > 0) {
        const char *json = memchr(check->line, '{', (size_t)length);
        amlaps_view_t view;

        apr_pool_clear(check->pool);
        check->at += length;
        length -= check->line[length - 1] == '\n';
        if (json == NULL || amlaps_view_read_copy(&view, json, (apr_size_t)(check->line + length - json), check->pool) != NULL || view.seq < 1) {
            continue;
        }
        copy->seq = view.seq;
        keep(copy->hash, &view.field[AMLAPS_FIELD_HASH]);
        keep(copy->anchor, &view.field[AMLAPS_FIELD_ANCHOR]);
        return 1;
    }
    return 0;
}

/** Goes on to a record after `before`. A line about an earlier one must repeat what was said of it. */
static void advance(amlaps_check_anchor_t *check)
{
    apr_int64_t before = check->now.seq;
    copy_t copy;

    check->now.seq = 0;
    while (check->forked == NULL && read_copy(&copy, check)) {
        copy_t *known = &check->ring[copy.seq % RING];

        if (copy.seq > before) {
            *known = copy;
            check->now = copy;
            return;
        }
        if (known->seq != copy.seq || strcmp(known->hash, copy.hash) != 0 || strcmp(known->anchor, copy.anchor) != 0) {
            check->forked = "the anchor file tells two stories: after later records it goes back to this one and continues otherwise";
            check->now = copy;
            return;
        }
    }
}

apr_status_t amlaps_check_anchor_open(amlaps_check_anchor_t **check, const char *path, amlaps_error_t *error, apr_pool_t *pool)
{
    amlaps_check_anchor_t *made = apr_pcalloc(pool, sizeof(*made));
    struct stat info;
    apr_status_t status = apr_pool_create(&made->pool, pool);

    if (status == APR_SUCCESS) {
        made->file = fopen(path, "re");
        if (made->file == NULL || fstat(fileno(made->file), &info) != 0) {
            status = APR_FROM_OS_ERROR(errno);
        }
    }
    if (status != APR_SUCCESS) {
        if (made->file != NULL) {
            fclose(made->file);
        }
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0219", status, "cannot read the anchor file %s: %s", path, strerror(errno));
    }
    /* A file may grow meanwhile, by records that are not read from the store any more. */
    made->end = S_ISREG(info.st_mode) ? info.st_size : APR_INT64_MAX;
    apr_pool_cleanup_register(pool, made, release, apr_pool_cleanup_null);
    advance(made);
    if (made->now.seq == 0) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0219", APR_EGENERAL,
                                "the anchor file %s has no record; name a copy that AMLapsAuditLog wrote", path);
    }
    *check = made;
    return APR_SUCCESS;
}

const char *amlaps_check_anchor_record(amlaps_check_anchor_t *check, apr_int64_t seq, const char *hash, const char *anchor)
{
    while (check->now.seq != 0 && check->now.seq < seq && check->forked == NULL) {
        advance(check);
    }
    if (check->now.seq != seq || check->forked != NULL) {
        return NULL;
    }
    if (strcmp(check->now.hash, hash) != 0) {
        return "the anchor file has another record of this number: it was edited, inserted or put elsewhere";
    }
    if (strcmp(check->now.anchor, anchor != NULL ? anchor : "") != 0) {
        return "the anchor file has another seal for it: it was sealed anew";
    }
    check->compared = seq;
    return NULL;
}

int amlaps_check_anchor_more(const char **problem, apr_int64_t *bad, amlaps_check_anchor_t *check, apr_int64_t seq)
{
    while (check->now.seq != 0 && check->now.seq <= seq && check->forked == NULL) {
        advance(check);
    }
    *problem = check->forked != NULL ? check->forked : "it is missing: the anchor file has it, or a later one";
    *bad = check->forked != NULL ? check->now.seq : seq + 1;
    return check->now.seq != 0;
}

apr_int64_t amlaps_check_anchor_last(const amlaps_check_anchor_t *check)
{
    return check->compared;
}
