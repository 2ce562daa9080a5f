/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "gap.h"
#include "mark.h"
#include "store.h"

/* Rows between two looks at the clock. */
#define LOOK 64

typedef struct finding_t {
    const amlaps_find_t *find;
    amlaps_mark_t wanted[2];   /* all of them */
    int wanted_count;
    amlaps_mark_t except;      /* where `find` has an id to pass over */
    amlaps_records_t *records;
    amlaps_gap_t gap;          /* of oldest first */
    apr_time_t until;          /* steady */
    apr_size_t seen;
    apr_int64_t reached;       /* sequence number of the last row that was looked at */
    apr_pool_t *scratch;       /* cleared with each record that is read */
} finding_t;

static int is_any(const char *const *names, const amlaps_json_t *object, const char *value)
{
    while (*names && !amlaps_text_equal_folded(amlaps_json_member_text(object, *names), value)) {
        names++;
    }
    return *names != NULL;
}

/** Whether the record could name it at all: most do not, and need not be parsed. Letters beyond ASCII have more than one case to look for. */
static int may_name(const amlaps_row_t *row, const char *value)
{
    const char *letter;

    for (letter = value; *letter != '\0'; letter++) {
        if ((unsigned char)*letter >= 0x80 || *letter == '"' || *letter == '\\') {
            return 1;
        }
    }
    return strcasestr(row->body, value) != NULL;
}

static int is_about(finding_t *finding, const amlaps_row_t *row)
{
    static const char *const people[] = { "username", "oid", "subject", "name", NULL };
    static const char *const devices[] = { "deviceId", "name", NULL };
    const amlaps_filter_t *filter = &finding->find->filter;
    amlaps_json_t *json = NULL;

    if (filter->actor == NULL && filter->device == NULL) {
        return 1;
    }
    if ((filter->actor != NULL && !may_name(row, filter->actor)) || (filter->device != NULL && !may_name(row, filter->device))) {
        return 0;
    }
    apr_pool_clear(finding->scratch);
    if (amlaps_json_parse(&json, NULL, row->body, row->length, finding->scratch) != APR_SUCCESS) {
        return 0;
    }
    return (filter->actor == NULL || is_any(people, amlaps_json_member(json, "actor"), filter->actor))
           && (filter->device == NULL || is_any(devices, amlaps_json_member(json, "device"), filter->device));
}

static void want(finding_t *finding, amlaps_field_t field, const char *text, apr_pool_t *pool)
{
    if (text != NULL) {
        amlaps_mark_make(&finding->wanted[finding->wanted_count++], field, text, pool);
    }
}

/** What is no record says nothing; where nothing is wanted, whoever reads the trail shall see it. */
static int says_what_is_wanted(finding_t *finding, const amlaps_row_t *row)
{
    const int other = finding->find->except_id == NULL || !amlaps_mark_may_be(&finding->except, row->body, row->length);
    amlaps_view_t view;
    int i;

    for (i = 0; i < finding->wanted_count; i++) {
        if (!amlaps_mark_may_be(&finding->wanted[i], row->body, row->length)) {
            return 0;
        }
    }
    if (finding->wanted_count == 0 && other) {
        return 1;
    }
    apr_pool_clear(finding->scratch);
    if (amlaps_view_read(&view, row->body, row->length, finding->scratch) != NULL) {
        return finding->wanted_count == 0;
    }
    for (i = 0; i < finding->wanted_count; i++) {
        if (!amlaps_mark_is(&finding->wanted[i], &view)) {
            return 0;
        }
    }
    return other || !amlaps_mark_is(&finding->except, &view);
}

static int matches(finding_t *finding, const amlaps_row_t *row)
{
    return row->body != NULL && says_what_is_wanted(finding, row) && is_about(finding, row);
}

static int visit(void *baton, const amlaps_row_t *row)
{
    finding_t *finding = baton;
    amlaps_records_t *records = finding->records;
    amlaps_record_line_t *line;
    apr_size_t length;

    if (!finding->find->newest_first && !amlaps_gap_follow(&finding->gap, row)) {
        return 0;
    }
    if (matches(finding, row)) {
        if ((apr_size_t)records->lines->nelts == finding->find->most) {
            records->next = APR_ARRAY_IDX(records->lines, records->lines->nelts - 1, amlaps_record_line_t).seq;
            return 0;
        }
        line = apr_array_push(records->lines);
        line->seq = row->seq;
        line->json = amlaps_record_copy(&length, row->body, row->length, finding->find->anchored ? row->anchor : NULL, records->lines->pool);
    }
    finding->reached = row->seq;
    if (++finding->seen % LOOK == 0 && amlaps_clock_steady(amlaps_clock_system()) >= finding->until) {
        records->next = finding->reached;
        return 0;
    }
    return 1;
}

apr_status_t amlaps_trail_find(amlaps_records_t **records, amlaps_error_t *error, const char *store, const amlaps_find_t *find,
                               apr_pool_t *pool)
{
    amlaps_range_t range = { .since = find->filter.since, .until = find->filter.until, .newest_first = find->newest_first };
    finding_t finding = { .find = find, .until = amlaps_clock_steady(amlaps_clock_system()) + find->patience };
    apr_status_t status = apr_pool_create(&finding.scratch, pool);

    *records = NULL;
    if (status != APR_SUCCESS) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0218", status, "no memory to read the audit with");
    }
    want(&finding, AMLAPS_FIELD_EVENT, find->filter.event, pool);
    want(&finding, AMLAPS_FIELD_OUTCOME, find->filter.outcome, pool);
    if (find->except_id != NULL) {
        amlaps_mark_make(&finding.except, AMLAPS_FIELD_ID, find->except_id, pool);
    }
    *(find->newest_first ? &range.before : &range.after) = find->from;
    finding.gap = (amlaps_gap_t){ .store = store, .next = find->from != 0 ? find->from + 1 : 0 };
    if (!find->newest_first && find->to != 0) {
        range.before = find->to + 1;
    }
    finding.records = apr_pcalloc(pool, sizeof(*finding.records));
    finding.records->lines = apr_array_make(pool, 64, sizeof(amlaps_record_line_t));
    status = amlaps_store_each(store, &range, visit, &finding, error);
    if (status == APR_SUCCESS && !find->newest_first) {
        status = amlaps_gap_end(&finding.gap, finding.records->next == 0 ? find->to : 0, error);
    }
    apr_pool_destroy(finding.scratch);
    if (status == APR_SUCCESS) {
        *records = finding.records;
    }
    return status;
}

static int take_seq(void *baton, const amlaps_row_t *row)
{
    *(apr_int64_t *)baton = row->seq;
    return 0;
}

apr_status_t amlaps_trail_last(apr_int64_t *seq, amlaps_error_t *error, const char *store)
{
    const amlaps_range_t range = { .newest_first = 1 };

    *seq = 0;
    return amlaps_store_each(store, &range, take_seq, seq, error);
}
