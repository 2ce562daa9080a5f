/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "store.h"

typedef struct check_t {
    amlaps_verify_t *result;
    apr_int64_t next;  /* sequence number that must come */
    int any_start;     /* the first record says where the file begins */
    apr_time_t time;   /* of the record before */
    apr_pool_t *pool;  /* cleared now and then */
} check_t;

static int bad(const check_t *check, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int bad(const check_t *check, const char *format, ...)
{
    va_list arguments;

    check->result->first_bad = check->next;
    va_start(arguments, format);
    vsnprintf(check->result->problem, sizeof(check->result->problem), format, arguments);
    va_end(arguments);
    return 0;
}

static int is_same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static int is_word(const char *text, const char *(*word)(int), int count)
{
    int i = 0;

    while (i < count && !is_same(text, word(i))) {
        i++;
    }
    return i < count;
}

static const char *stage_word(int i)
{
    return amlaps_record_stage((amlaps_stage_t)i);
}

static const char *event_word(int i)
{
    return amlaps_record_event((amlaps_event_t)i);
}

static const char *outcome_word(int i)
{
    return amlaps_record_outcome((amlaps_outcome_t)i);
}

static int check_sequence(check_t *check, const amlaps_json_t *json)
{
    apr_int64_t seq = 0;

    if (!amlaps_json_integer(amlaps_json_member(json, "seq"), &seq) || seq < 1) {
        return bad(check, "it has no sequence number");
    }
    if (check->any_start) {
        check->any_start = 0;
        check->next = seq;
    }
    if (seq > check->next) {
        return bad(check, "it is missing: record %" APR_INT64_T_FMT " stands in its place", seq);
    }
    return seq == check->next ? 1 : bad(check, "record %" APR_INT64_T_FMT " stands in its place", seq);
}

static int check_form(check_t *check, const amlaps_json_t *json)
{
    apr_int64_t version = 0;
    apr_time_t time = 0;

    if (!amlaps_json_integer(amlaps_json_member(json, "v"), &version) || version != AMLAPS_RECORD_VERSION) {
        return bad(check, "its format is not version %d", AMLAPS_RECORD_VERSION);
    }
    if (!amlaps_text_read_time(&time, amlaps_json_member_text(json, "time"))) {
        return bad(check, "its time is none");
    }
    if (time < check->time) {
        return bad(check, "its time is before that of the record before");
    }
    check->time = time;
    if (!is_word(amlaps_json_member_text(json, "stage"), stage_word, AMLAPS_STAGE_OUTCOME + 1)
        || !is_word(amlaps_json_member_text(json, "event"), event_word, AMLAPS_EVENT_START + 1)
        || !is_word(amlaps_json_member_text(json, "outcome"), outcome_word, AMLAPS_OUTCOME_FAILED + 1)) {
        return bad(check, "its stage, event or outcome is unknown");
    }
    return 1;
}

/** Takes a member that is a text out of `json` and of its canonical `text`. @return the text without it, NULL where it is not there */
static const char *cut_member(apr_size_t *length, amlaps_json_t *json, const char *name, const char *text, apr_pool_t *pool)
{
    const char *value = amlaps_json_member_text(json, name);
    const char *member = value != NULL ? apr_pstrcat(pool, "\"", name, "\":\"", value, "\",", NULL) : NULL;
    const char *place = member != NULL ? memmem(text, *length, member, strlen(member)) : NULL;
    apr_size_t before;
    char *rest;

    if (place == NULL) {
        return NULL;
    }
    before = (apr_size_t)(place - text);
    *length -= strlen(member);
    rest = apr_palloc(pool, *length + 1);
    memcpy(rest, text, before);
    memcpy(rest + before, place + strlen(member), *length - before);
    amlaps_json_remove(json, name);
    return rest;
}

/** `json` loses its hash and anchor here. */
static int check_hash(check_t *check, amlaps_json_t *json, const char *text, apr_size_t length)
{
    const char *hash = amlaps_json_member_text(json, "hash");
    const char *canonical;
    char expected[AMLAPS_RECORD_HASH + 1];

    hash = hash != NULL ? apr_pstrdup(check->pool, hash) : "";
    text = cut_member(&length, json, "hash", text, check->pool);
    if (text != NULL && amlaps_json_member(json, "anchor") != NULL) {
        text = cut_member(&length, json, "anchor", text, check->pool);
    }
    if (text == NULL) {
        return bad(check, "it has no hash, or not in canonical form: it was edited");
    }
    canonical = amlaps_json_canonical(json, check->pool);
    if (strlen(canonical) != length || memcmp(canonical, text, length) != 0) {
        return bad(check, "it is not in canonical form: it was edited");
    }
    if (!is_same(amlaps_json_member_text(json, "prev"), check->result->head)) {
        return bad(check, "it does not follow the record before: one of them was edited, inserted or put elsewhere");
    }
    amlaps_record_hash(expected, check->result->head, text, length);
    if (strcmp(hash, expected) != 0) {
        return bad(check, "its hash does not fit: it was edited");
    }
    memcpy(check->result->head, expected, sizeof(expected));
    return 1;
}

static amlaps_json_t *check_line(check_t *check, const char *text, apr_size_t length)
{
    char head[AMLAPS_RECORD_HASH + 1];
    amlaps_json_t *json;

    if (amlaps_json_parse(&json, NULL, text, length, check->pool) != APR_SUCCESS || amlaps_json_kind(json) != AMLAPS_JSON_OBJECT) {
        bad(check, "it is no JSON object");
        return NULL;
    }
    memcpy(head, check->result->head, sizeof(head));
    if (!check_sequence(check, json) || !check_hash(check, json, text, length)) {
        return NULL;
    }
    if (!check_form(check, json)) {
        memcpy(check->result->head, head, sizeof(head));
        return NULL;
    }
    return json;
}

static void count_good(check_t *check)
{
    check->result->records++;
    check->result->last = check->next++;
    if (check->result->records % 64 == 0) {
        apr_pool_clear(check->pool);
    }
}

/** The columns are what auditors filter by: they must say what the record says. */
static int check_columns(check_t *check, const amlaps_row_t *row, const amlaps_json_t *json)
{
    const char *id = amlaps_json_member_text(json, "id");

    if (!is_same(row->id, id != NULL ? id : "") || !is_same(row->stage, amlaps_json_member_text(json, "stage"))
        || !is_same(row->event, amlaps_json_member_text(json, "event")) || !is_same(row->outcome, amlaps_json_member_text(json, "outcome"))
        || !is_same(row->actor, amlaps_record_actor(json)) || !is_same(row->device, amlaps_record_device(json))
        || row->time != check->time) {
        return bad(check, "the store's columns differ from the record: they were edited");
    }
    return 1;
}

static int check_row(void *baton, const amlaps_row_t *row)
{
    check_t *check = baton;
    char head[AMLAPS_RECORD_HASH + 1];
    const amlaps_json_t *json;

    if (row->seq != check->next) {
        return row->seq > check->next ? bad(check, "it is missing: record %" APR_INT64_T_FMT " comes next", row->seq)
                                      : bad(check, "record %" APR_INT64_T_FMT " stands before it", row->seq);
    }
    memcpy(head, check->result->head, sizeof(head));
    if (row->body == NULL || (json = check_line(check, row->body, row->length)) == NULL) {
        return row->body == NULL ? bad(check, "it is empty") : 0;
    }
    if (!is_same(row->hash, check->result->head)) {
        bad(check, "the store's column for its hash was edited");
    } else if (check_columns(check, row, json)) {
        count_good(check);
        return 1;
    }
    memcpy(check->result->head, head, sizeof(head));
    return 0;
}

static apr_status_t start(check_t *check, amlaps_verify_t *result, amlaps_error_t *error, apr_pool_t *pool)
{
    apr_status_t status = apr_pool_create(&check->pool, pool);

    if (status != APR_SUCCESS) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0218", status, "no memory to verify with");
    }
    memset(result, 0, sizeof(*result));
    memset(result->head, '0', AMLAPS_RECORD_HASH);
    check->result = result;
    check->next = 1;
    return APR_SUCCESS;
}

apr_status_t amlaps_trail_verify(amlaps_verify_t *result, amlaps_error_t *error, const char *store, apr_pool_t *pool)
{
    check_t check = { 0 };
    apr_status_t status = start(&check, result, error, pool);

    if (status != APR_SUCCESS) {
        return status;
    }
    status = amlaps_store_each(store, NULL, check_row, &check, error);
    apr_pool_destroy(check.pool);
    return status;
}

typedef struct part_t {
    check_t check;
    apr_time_t until; /* steady */
    int more;
} part_t;

static int check_in_time(void *baton, const amlaps_row_t *row)
{
    part_t *part = baton;

    if (!check_row(&part->check, row)) {
        return 0;
    }
    part->more = part->check.result->records % 64 == 0 && amlaps_clock_steady(amlaps_clock_system()) >= part->until;
    return !part->more;
}

apr_status_t amlaps_trail_verify_part(amlaps_verify_t *result, int *more, amlaps_error_t *error, const char *store,
                                      apr_interval_time_t patience, apr_pool_t *pool)
{
    const amlaps_verify_t before = *result;
    part_t part = { .until = amlaps_clock_steady(amlaps_clock_system()) + patience };
    amlaps_range_t range = { .after = before.last };
    apr_status_t status = start(&part.check, result, error, pool);

    if (status != APR_SUCCESS) {
        return status;
    }
    if (before.last != 0) {
        *result = before;
        part.check.next = before.last + 1;
    }
    status = amlaps_store_each(store, &range, check_in_time, &part, error);
    apr_pool_destroy(part.check.pool);
    *more = part.more;
    return status;
}

static apr_status_t file_failed(amlaps_error_t *error, const char *path)
{
    int reason = errno;

    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0219", APR_FROM_OS_ERROR(reason), "cannot read %s: %s", path,
                            strerror(reason));
}

apr_status_t amlaps_trail_verify_file(amlaps_verify_t *result, amlaps_error_t *error, const char *path, const char *after, apr_pool_t *pool)
{
    check_t check = { 0 };
    apr_status_t status = start(&check, result, error, pool);
    FILE *file;
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    int good = 1;

    if (status != APR_SUCCESS) {
        return status;
    }
    if ((file = fopen(path, "re")) == NULL) {
        return file_failed(error, path);
    }
    if (after != NULL) {
        check.any_start = 1;
        apr_cpystrn(result->head, after, sizeof(result->head));
    }
    while (good && (length = getline(&line, &room, file)) > 0) {
        if (line[length - 1] != '\n') {
            good = bad(&check, "it is cut off: its line has no end");
        } else if ((good = check_line(&check, line, (apr_size_t)length - 1) != NULL)) {
            count_good(&check);
        }
    }
    if (ferror(file)) {
        status = file_failed(error, path);
    }
    free(line);
    fclose(file);
    apr_pool_destroy(check.pool);
    return status;
}

typedef struct each_t {
    int (*line)(void *baton, apr_int64_t seq, const char *json);
    void *baton;
} each_t;

static int hand_over(void *baton, const amlaps_row_t *row)
{
    const each_t *each = baton;

    return each->line(each->baton, row->seq, row->body != NULL ? row->body : "");
}

apr_status_t amlaps_trail_each(amlaps_error_t *error, const char *store, int (*line)(void *baton, apr_int64_t seq, const char *json),
                               void *baton, apr_pool_t *pool)
{
    each_t each = { line, baton };

    (void)pool;
    return amlaps_store_each(store, NULL, hand_over, &each, error);
}
