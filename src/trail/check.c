/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"

/* How many records share the memory of their lines. */
#define ROUND 64

static int bad(const amlaps_check_t *check, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int bad(const amlaps_check_t *check, const char *format, ...)
{
    va_list arguments;

    check->result->first_bad = check->next;
    va_start(arguments, format);
    vsnprintf(check->result->problem, sizeof(check->result->problem), format, arguments);
    va_end(arguments);
    return 0;
}

apr_status_t amlaps_check_make(amlaps_check_t **check, amlaps_verify_t *result, const amlaps_keys_t *keys, amlaps_error_t *error,
                               apr_pool_t *pool)
{
    amlaps_check_t *made = apr_pcalloc(pool, sizeof(*made));

    memset(result, 0, sizeof(*result));
    memset(result->head, '0', AMLAPS_RECORD_HASH);
    made->result = result;
    made->next = 1;
    made->digest = amlaps_digest_make(pool);
    made->seal = amlaps_check_seal_make(keys, made->digest, pool);
    if (made->seal == NULL || apr_pool_create(&made->pool, pool) != APR_SUCCESS) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0218", APR_ENOMEM, "no memory to verify with");
    }
    *check = made;
    return APR_SUCCESS;
}

void amlaps_check_continue(amlaps_check_t *check, apr_int64_t seq, const char *hash, const amlaps_seal_t *seal)
{
    check->next = seq + 1;
    check->start = seq + 1;
    check->vouched = 1;
    check->known = 1;
    apr_cpystrn(check->result->head, hash, sizeof(check->result->head));
    if (seal != NULL) {
        amlaps_check_seal_continue(check->seal, seal);
    }
}

/* ---- one record ---- */

static int is_word(const amlaps_slice_t *text, const char *(*word)(int), int count)
{
    int i = 0;

    while (i < count && !amlaps_slice_is(text, word(i))) {
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

static int check_sequence(amlaps_check_t *check, const amlaps_view_t *view)
{
    if (view->seq < 1) {
        return bad(check, "it has no sequence number");
    }
    if (check->start == 0 && check->any_start) {
        check->next = view->seq;
    }
    if (view->seq > check->next) {
        return bad(check, "it is missing: record %" APR_INT64_T_FMT " stands in its place", view->seq);
    }
    return view->seq == check->next ? 1 : bad(check, "record %" APR_INT64_T_FMT " stands in its place", view->seq);
}

static int check_time(amlaps_check_t *check, const amlaps_slice_t *slice)
{
    apr_time_t time = 0;

    /* The records of a batch share it. */
    if (amlaps_slice_is(slice, check->time_text)) {
        return 1;
    }
    if (slice->text != NULL && slice->length < sizeof(check->time_text)) {
        memcpy(check->time_text, slice->text, slice->length);
        check->time_text[slice->length] = '\0';
    }
    if (slice->text == NULL || slice->length >= sizeof(check->time_text) || !amlaps_text_read_time(&time, check->time_text)) {
        return bad(check, "its time is none");
    }
    if (time < check->time) {
        return bad(check, "its time is before that of the record before");
    }
    check->time = time;
    return 1;
}

static int check_form(amlaps_check_t *check, const amlaps_view_t *view)
{
    if (view->version != AMLAPS_RECORD_VERSION) {
        return bad(check, "its format is not version %d", AMLAPS_RECORD_VERSION);
    }
    if (!check_time(check, &view->field[AMLAPS_FIELD_TIME])) {
        return 0;
    }
    if (!is_word(&view->field[AMLAPS_FIELD_STAGE], stage_word, AMLAPS_STAGE_OUTCOME + 1)
        || !is_word(&view->field[AMLAPS_FIELD_EVENT], event_word, AMLAPS_EVENT_START + 1)
        || !is_word(&view->field[AMLAPS_FIELD_OUTCOME], outcome_word, AMLAPS_OUTCOME_FAILED + 1)) {
        return bad(check, "its stage, event or outcome is unknown");
    }
    return 1;
}

/** @param hash what it should be */
static int check_hash(amlaps_check_t *check, char hash[AMLAPS_RECORD_HASH + 1], const amlaps_view_t *view)
{
    unsigned char sum[AMLAPS_DIGEST_BYTES];
    amlaps_piece_t pieces[AMLAPS_VIEW_PIECES + 1] = { { check->result->head, AMLAPS_RECORD_HASH } };

    if (view->field[AMLAPS_FIELD_HASH].text == NULL) {
        return bad(check, "it has no hash, or not in canonical form: it was edited");
    }
    if (!amlaps_slice_is(&view->field[AMLAPS_FIELD_PREV], check->result->head)) {
        return bad(check, "it does not follow the record before: one of them was edited, inserted or put elsewhere");
    }
    memcpy(pieces + 1, view->hashed, view->pieces * sizeof(*pieces));
    amlaps_digest_sum(sum, check->digest, pieces, view->pieces + 1);
    amlaps_digest_hex(hash, sum);
    return amlaps_slice_is(&view->field[AMLAPS_FIELD_HASH], hash) ? 1 : bad(check, "its hash does not fit: it was edited");
}

/** The first record may come after others that were exported: what its `prev` says is taken on trust until a record tells of them. */
static void begin(amlaps_check_t *check, const amlaps_view_t *view)
{
    const amlaps_slice_t *prev = &view->field[AMLAPS_FIELD_PREV];

    if (!check->known && view->seq > 1 && prev->text != NULL && prev->length == AMLAPS_RECORD_HASH) {
        memcpy(check->result->head, prev->text, AMLAPS_RECORD_HASH);
        memcpy(check->result->before, prev->text, AMLAPS_RECORD_HASH);
    }
}

/** An export tells which record was the last of those that are gone. */
static int check_seam(amlaps_check_t *check, const amlaps_view_t *view)
{
    const char *problem;

    if (check->vouched || check->start <= 1 || !amlaps_slice_is(&view->field[AMLAPS_FIELD_EVENT], event_word(AMLAPS_EVENT_AUDIT))
        || !amlaps_slice_is(&view->field[AMLAPS_FIELD_CODE], AMLAPS_RECORD_EXPORTED)) {
        return 1;
    }
    if (view->seal_last > check->result->exported) {
        check->result->exported = view->seal_last;
    }
    if (view->seal_last < check->start - 1) {
        return 1;
    }
    if (view->seal_last == check->start - 1) {
        problem = amlaps_slice_is(&view->field[AMLAPS_FIELD_SEAL_HASH], check->result->before)
                      ? amlaps_check_seal_seam(check->seal, view) : "it does not follow the last record that was exported";
        if (problem != NULL) {
            check->next = check->start;
            check->result->records = 0;
            check->result->last = 0;
            return bad(check, "%s", problem);
        }
    }
    check->vouched = 1;
    return 1;
}

static int check_view(amlaps_check_t *check, const amlaps_view_t *view, const amlaps_slice_t *anchor)
{
    char hash[AMLAPS_RECORD_HASH + 1];
    char seal[AMLAPS_RECORD_HASH + 1] = "";
    int first = check->start == 0;
    const char *problem;

    if (first) {
        begin(check, view);
    }
    if (!check_sequence(check, view) || !check_hash(check, hash, view) || !check_form(check, view)) {
        return 0;
    }
    if ((problem = amlaps_check_seal_record(check->seal, view, first, hash, anchor)) != NULL) {
        return bad(check, "%s", problem);
    }
    if (anchor->text != NULL && anchor->length == AMLAPS_RECORD_HASH) {
        memcpy(seal, anchor->text, AMLAPS_RECORD_HASH);
        seal[AMLAPS_RECORD_HASH] = '\0';
    }
    if (check->anchors != NULL && (problem = amlaps_check_anchor_record(check->anchors, view->seq, hash, seal)) != NULL) {
        return bad(check, "%s", problem);
    }
    check->start = first ? view->seq : check->start;
    if (!check_seam(check, view)) {
        return 0;
    }
    memcpy(check->result->head, hash, sizeof(hash));
    if (amlaps_check_seal_begins(view)) {
        check->result->recovered = amlaps_slice_is(&view->field[AMLAPS_FIELD_CODE], AMLAPS_RECORD_RECOVERED) ? view->seq
                                                                                                            : check->result->recovered;
    }
    return 1;
}

static int check_state(amlaps_check_t *check)
{
    const char *problem = NULL;

    check->result->records++;
    check->result->last = check->next++;
    if (check->state != NULL && check->state->seq == check->result->last) {
        problem = strcmp(check->state->head, check->result->head) != 0 ? "the sealing state has another hash for the record before it"
                                                                       : amlaps_check_seal_state(check->seal, check->state);
    }
    if (check->result->records % ROUND == 0) {
        apr_pool_clear(check->pool);
    }
    return problem == NULL ? 1 : bad(check, "%s", problem);
}

int amlaps_check_line(amlaps_check_t *check, const char *line, apr_size_t length)
{
    amlaps_view_t view;
    const char *problem = amlaps_view_read_copy(&view, line, length, check->pool);

    if (problem != NULL) {
        return bad(check, "%s", problem);
    }
    if (check->start == 0 && !check->known && view.seq > 1) {
        check->any_start = 1;
    }
    return check_view(check, &view, &view.field[AMLAPS_FIELD_ANCHOR]) && check_state(check);
}

int amlaps_check_torn(amlaps_check_t *check, const char *line, apr_size_t length)
{
    amlaps_view_t view;

    /* The last byte of a record closes it, so what is cut off before is none. */
    return amlaps_view_read_copy(&view, line, length, check->pool) == NULL ? amlaps_check_line(check, line, length)
                                                                           : bad(check, "it is cut off: its line has no end");
}

/** Records before the first one are gone, and none that is here tells of it. */
static int nobody_vouches(amlaps_check_t *check, apr_int64_t first)
{
    check->next = check->result->exported + 1;
    check->missing = 1;
    check->result->records = 0;
    check->result->last = 0;
    return bad(check, "it is missing: record %" APR_INT64_T_FMT " comes next, and no record tells that those before it were exported", first);
}

/* ---- rows of a store ---- */

/** Where the store has columns, somebody asks for records by them: they must say what the record says. */
static int are_columns_right(const amlaps_row_t *row, const amlaps_view_t *view)
{
    static const amlaps_field_t actors[] = { AMLAPS_FIELD_ACTOR_USERNAME, AMLAPS_FIELD_ACTOR_OID, AMLAPS_FIELD_ACTOR_SUBJECT,
                                             AMLAPS_FIELD_ACTOR_NAME };
    const amlaps_slice_t *field = view->field;
    const amlaps_slice_t *device = &field[field[AMLAPS_FIELD_DEVICE_ID].text != NULL ? AMLAPS_FIELD_DEVICE_ID : AMLAPS_FIELD_DEVICE_NAME];
    size_t i = 0;

    while (i < sizeof(actors) / sizeof(*actors) - 1 && field[actors[i]].text == NULL) {
        i++;
    }
    return amlaps_slice_is(&field[AMLAPS_FIELD_ID], field[AMLAPS_FIELD_ID].text != NULL || (row->id != NULL && *row->id != '\0') ? row->id : NULL)
           && amlaps_slice_is(&field[AMLAPS_FIELD_STAGE], row->stage) && amlaps_slice_is(&field[AMLAPS_FIELD_EVENT], row->event)
           && amlaps_slice_is(&field[AMLAPS_FIELD_OUTCOME], row->outcome) && amlaps_slice_is(&field[actors[i]], row->actor)
           && amlaps_slice_is(device, row->device);
}

static int check_columns(amlaps_check_t *check, const amlaps_row_t *row, const amlaps_view_t *view)
{
    const amlaps_slice_t *field = view->field;

    if (row->time != check->time || (row->has_columns && !are_columns_right(row, view))) {
        return bad(check, "the store's columns differ from the record: they were edited");
    }
    if (!amlaps_slice_is(&field[AMLAPS_FIELD_HASH], row->hash)) {
        return bad(check, "the store's column for its hash was edited");
    }
    return field[AMLAPS_FIELD_ANCHOR].text == NULL ? 1 : bad(check, "it holds an anchor, which belongs into a column: it was edited");
}

int amlaps_check_row(amlaps_check_t *check, const amlaps_row_t *row)
{
    amlaps_slice_t anchor = { row->anchor, row->anchor != NULL ? strlen(row->anchor) : 0 };
    char head[AMLAPS_RECORD_HASH + 1];
    amlaps_view_t view;
    const char *problem;

    if (check->start == 0 && !check->known && row->seq > 1) {
        if (!check->vouched) {
            return nobody_vouches(check, row->seq);
        }
        check->next = row->seq;
    }
    if (row->seq != check->next) {
        check->missing = row->seq > check->next;
        return check->missing ? bad(check, "it is missing: record %" APR_INT64_T_FMT " comes next", row->seq)
                              : bad(check, "record %" APR_INT64_T_FMT " stands before it", row->seq);
    }
    problem = row->body == NULL ? "it is empty" : amlaps_view_read(&view, row->body, row->length, check->pool);
    if (problem != NULL) {
        return bad(check, "%s", problem);
    }
    memcpy(head, check->result->head, sizeof(head));
    if (check_view(check, &view, &anchor) && check_columns(check, row, &view)) {
        return check_state(check);
    }
    memcpy(check->result->head, head, sizeof(head));
    return 0;
}

/* ---- the end ---- */

int amlaps_check_state_is_old(const amlaps_check_t *check)
{
    return check->result->first_bad == 0 && check->state != NULL && check->start > 1 && check->state->seq < check->start;
}

/** An export always leaves the last record, and the state goes on with the store. */
static int old_state(amlaps_check_t *check)
{
    check->next = check->start;
    check->result->records = 0;
    check->result->last = 0;
    return bad(check, "the sealing state knows the trail up to record %" APR_INT64_T_FMT " only, which is not there any more: it is an old one, or of "
               "another trail", check->state->seq);
}

void amlaps_check_end(amlaps_check_t *check)
{
    const char *problem;
    apr_int64_t seq;

    if (check->result->first_bad != 0) {
        return;
    }
    check->result->sealed = amlaps_check_seal_is_sealed(check->seal);
    if (check->start > 1 && !check->vouched) {
        nobody_vouches(check, check->start);
    } else if (amlaps_check_state_is_old(check)) {
        old_state(check);
    } else if (check->state != NULL && check->state->seq > check->result->last) {
        bad(check, "it is missing: the sealing state knows record %" APR_INT64_T_FMT, check->state->seq);
    } else if (check->anchors != NULL && amlaps_check_anchor_more(&problem, &seq, check->anchors, check->result->last)) {
        check->next = seq;
        bad(check, "%s", problem);
    }
    if (check->anchors != NULL) {
        check->result->anchored = amlaps_check_anchor_last(check->anchors);
    }
}
