/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "request.h"

#include <stdlib.h>

#include <apr_strings.h>

#include "amlaps/text.h"

#define PAGE 100
#define PAGE_MOST 1000
#define VALUE_MOST 256
#define HASH 64
/* What a cursor begins with: one that another version gave is refused, not guessed. */
#define CURSOR "1-"

static apr_status_t bad(amlaps_error_t *error, const char *id, const char *name, const char *remedy)
{
    return amlaps_error_set(error, AMLAPS_BAD_REQUEST, id, APR_EGENERAL, "%s: %s.", name, remedy);
}

static apr_status_t check_text(amlaps_error_t *error, const char *name, const char *value)
{
    if (value && (strlen(value) > VALUE_MOST || !amlaps_text_is_utf8(value, strlen(value)) || amlaps_text_has_controls(value))) {
        return bad(error, "AML0146", name, "write at most 256 bytes of UTF-8 without control characters");
    }
    return APR_SUCCESS;
}

static apr_status_t check_time(apr_time_t *time, amlaps_error_t *error, const char *name, const char *value)
{
    *time = 0;
    if (value && !amlaps_text_read_time(time, value)) {
        return bad(error, "AML0147", name, "write a time as in 2026-11-22T16:00:00Z");
    }
    if (value && *time <= 0) {
        /* Before all records, and 0 would be no bound. */
        *time = 1;
    }
    return APR_SUCCESS;
}

typedef struct words_t { /* of the query */
    const char *actor, *device, *event, *outcome, *since, *until;
} words_t;

#define FILTER_PARAMETERS(words) \
    { "actor", &(words).actor, 0 }, { "device", &(words).device, 0 }, { "event", &(words).event, 0 }, { "outcome", &(words).outcome, 0 }, \
    { "since", &(words).since, 0 }, { "until", &(words).until, 0 }

static apr_status_t check_filter(amlaps_filter_t *filter, amlaps_error_t *error, const words_t *words)
{
    filter->actor = words->actor;
    filter->device = words->device;
    filter->event = words->event ? amlaps_record_known_event(words->event) : NULL;
    filter->outcome = words->outcome ? amlaps_record_known_outcome(words->outcome) : NULL;
    if (words->event && !filter->event) {
        return bad(error, "AML0148", "event", "write password, history, search, audit, explain or start");
    }
    if (words->outcome && !filter->outcome) {
        return bad(error, "AML0148", "outcome", "write pending, granted, denied or failed");
    }
    if (check_text(error, "actor", words->actor) != APR_SUCCESS || check_text(error, "device", words->device) != APR_SUCCESS ||
        check_time(&filter->since, error, "since", words->since) != APR_SUCCESS ||
        check_time(&filter->until, error, "until", words->until) != APR_SUCCESS) {
        return error->status;
    }
    return APR_SUCCESS;
}

/* @return 1 and a number of 1 or more, written the one way that there is */
static int read_number(apr_int64_t *number, const char **end, const char *text)
{
    apr_size_t digits = strspn(text, "0123456789");

    *number = digits && digits < 19 && *text != '0' ? apr_atoi64(text) : 0;
    *end = text + digits;
    return *number > 0;
}

static apr_status_t check_limit(apr_size_t *limit, amlaps_error_t *error, const char *value)
{
    apr_int64_t number = PAGE;
    const char *end = "";

    if (value && (!read_number(&number, &end, value) || *end || number > PAGE_MOST)) {
        return bad(error, "AML0149", "limit", "write a whole number from 1 to 1000");
    }
    *limit = (apr_size_t)number;
    return APR_SUCCESS;
}

static apr_status_t bad_cursor(amlaps_error_t *error)
{
    return bad(error, "AML0154", "cursor", "give back the one that the answer before gave, as it is");
}

/* A cursor is a place in the trail, so that it stays right whatever is added. */
static apr_status_t read_cursor(apr_int64_t *seq, const char **rest, amlaps_error_t *error, const char *cursor)
{
    *seq = 0;
    *rest = "";
    if (cursor && (strncmp(cursor, CURSOR, sizeof(CURSOR) - 1) || !read_number(seq, rest, cursor + sizeof(CURSOR) - 1))) {
        return bad_cursor(error);
    }
    return APR_SUCCESS;
}

static apr_status_t check_page(apr_int64_t *from, amlaps_error_t *error, const char *cursor)
{
    const char *rest;

    return read_cursor(from, &rest, error, cursor) != APR_SUCCESS ? error->status : *rest ? bad_cursor(error) : APR_SUCCESS;
}

/*
 * Where a part of a verification ended: the last record, how many were good, and the last one's hash. Or, before the first record, how far the
 * search for the record of an export has come, and the first record of then.
 */
static apr_status_t check_part(amlaps_verify_t *result, amlaps_error_t *error, const char *cursor)
{
    apr_int64_t first, second;
    const char *rest;

    if (read_cursor(&first, &rest, error, cursor) != APR_SUCCESS || !cursor) {
        return error->status;
    }
    if (*rest != '-' || !read_number(&second, &rest, rest + 1)) {
        return bad_cursor(error);
    }
    if (!*rest) {
        result->seam = first;
        result->seam_first = second;
        return APR_SUCCESS;
    }
    if (*rest != '-' || strlen(rest + 1) != HASH || strspn(rest + 1, "0123456789abcdef") != HASH) {
        return bad_cursor(error);
    }
    result->last = first;
    result->records = second;
    apr_cpystrn(result->head, rest + 1, sizeof(result->head));
    return APR_SUCCESS;
}

static const char *write_part(const amlaps_verify_t *result, apr_pool_t *pool)
{
    return result->seam ? apr_psprintf(pool, CURSOR "%" APR_INT64_T_FMT "-%" APR_INT64_T_FMT, result->seam, result->seam_first)
                        : apr_psprintf(pool, CURSOR "%" APR_INT64_T_FMT "-%" APR_INT64_T_FMT "-%s", result->last, result->records, result->head);
}

static amlaps_json_t *record_json(const amlaps_record_line_t *line, apr_pool_t *pool)
{
    amlaps_json_t *record = NULL;

    if (amlaps_json_parse(&record, NULL, line->json, strlen(line->json), pool) != APR_SUCCESS) {
        /* Somebody wrote into the store; verify says what is wrong. */
        record = amlaps_json_make_object(pool);
        amlaps_json_set_integer(record, "seq", line->seq);
    }
    return record;
}

int amlaps_api_audit(amlaps_request_t *request)
{
    apr_pool_t *pool = request->r->pool;
    words_t words;
    const char *cursor, *limit;
    const amlaps_parameter_t known[] = { FILTER_PARAMETERS(words), { "cursor", &cursor, 0 }, { "limit", &limit, 0 }, { NULL, NULL, 0 } };
    amlaps_asker_t asker = amlaps_api_asker(request);
    amlaps_json_t *answer, *list;
    amlaps_records_t *records;
    amlaps_error_t error = { 0 };
    amlaps_filter_t filter;
    apr_int64_t from;
    apr_size_t most = PAGE;
    int i;

    if (amlaps_query_read(known, &error, request) != APR_SUCCESS || check_filter(&filter, &error, &words) != APR_SUCCESS ||
        check_limit(&most, &error, limit) != APR_SUCCESS || check_page(&from, &error, cursor) != APR_SUCCESS ||
        amlaps_access_audit(&records, &error, request->access, &asker, &filter, from, most, pool) != APR_SUCCESS) {
        return amlaps_respond_problem(request, &error);
    }
    answer = amlaps_json_make_object(pool);
    list = amlaps_json_make_array(pool);
    for (i = 0; i < records->lines->nelts; i++) {
        amlaps_json_add(list, record_json(&APR_ARRAY_IDX(records->lines, i, amlaps_record_line_t), pool));
    }
    amlaps_json_set(answer, "records", list);
    amlaps_json_set_text(answer, "cursor", records->next ? apr_psprintf(pool, CURSOR "%" APR_INT64_T_FMT, records->next) : NULL);
    return amlaps_respond_json(request->r, HTTP_OK, answer);
}

static amlaps_json_t *problems_json(const amlaps_verify_t *result, apr_pool_t *pool)
{
    amlaps_json_t *problems = amlaps_json_make_array(pool);

    if (result->first_bad) {
        amlaps_json_t *problem = amlaps_json_make_object(pool);

        amlaps_json_set_integer(problem, "seq", result->first_bad);
        amlaps_json_set_text(problem, "problem", result->problem);
        amlaps_json_add(problems, problem);
    }
    return problems;
}

int amlaps_api_audit_verify(amlaps_request_t *request)
{
    apr_pool_t *pool = request->r->pool;
    const char *cursor;
    const amlaps_parameter_t known[] = { { "cursor", &cursor, 0 }, { NULL, NULL, 0 } };
    amlaps_asker_t asker = amlaps_api_asker(request);
    amlaps_verify_t result = { 0 };
    amlaps_error_t error = { 0 };
    amlaps_json_t *answer;
    int more;

    if (amlaps_query_read(known, &error, request) != APR_SUCCESS || check_part(&result, &error, cursor) != APR_SUCCESS) {
        return amlaps_respond_problem(request, &error);
    }
    if (amlaps_access_audit_verify(&result, &more, &error, request->access, &asker, pool) != APR_SUCCESS) {
        return amlaps_respond_problem(request, &error);
    }
    answer = amlaps_json_make_object(pool);
    amlaps_json_set_bool(answer, "ok", !result.first_bad);
    amlaps_json_set_bool(answer, "complete", !more);
    amlaps_json_set_integer(answer, "records", result.records);
    amlaps_json_set_integer(answer, "last", result.last);
    amlaps_json_set_text(answer, "head", result.head);
    amlaps_json_set(answer, "problems", problems_json(&result, pool));
    amlaps_json_set_text(answer, "cursor", more ? write_part(&result, pool) : NULL);
    return amlaps_respond_json(request->r, HTTP_OK, answer);
}

typedef struct export_t {
    request_rec *r;
    int csv;
    int begun;
} export_t;

/* The first page makes the answer one: until then a failure is still a problem. */
static int begin_export(export_t *export, apr_pool_t *pool)
{
    const char *suffix = export->csv ? "csv" : "jsonl";
    request_rec *r = export->r;
    apr_time_exp_t now;

    apr_time_exp_gmt(&now, r->request_time);
    apr_table_setn(r->headers_out, "Content-Disposition",
                   apr_psprintf(r->pool, "attachment; filename=\"amlaps-audit-%04d%02d%02dT%02d%02d%02dZ.%s\"", now.tm_year + 1900, now.tm_mon + 1,
                                now.tm_mday, now.tm_hour, now.tm_min, now.tm_sec, suffix));
    ap_set_content_type(r, export->csv ? "text/csv; charset=utf-8; header=present" : "application/x-ndjson; charset=utf-8");
    export->begun = 1;
    return !export->csv || ap_rputs(amlaps_trail_csv_head(pool), r) >= 0;
}

static int write_page(void *baton, const amlaps_records_t *records, apr_pool_t *pool)
{
    export_t *export = baton;
    int i;

    if (!export->begun && !begin_export(export, pool)) {
        return 0;
    }
    for (i = 0; i < records->lines->nelts; i++) {
        const amlaps_record_line_t *line = &APR_ARRAY_IDX(records->lines, i, amlaps_record_line_t);
        const char *text = export->csv ? amlaps_trail_csv_row(line->seq, line->json, pool) : apr_pstrcat(pool, line->json, "\n", NULL);

        if (ap_rputs(text, export->r) < 0) {
            return 0;
        }
    }
    return !export->r->connection->aborted;
}

/* Ends a chunked answer without its last chunk, as mod_proxy does, so that nobody takes half an export for a whole one. */
static int break_off(request_rec *r)
{
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);

    ap_rflush(r);
    r->connection->keepalive = AP_CONN_CLOSE;
    APR_BRIGADE_INSERT_TAIL(brigade, ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, r->pool, brigade->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(brigade->bucket_alloc));
    ap_pass_brigade(r->output_filters, brigade);
    return OK;
}

int amlaps_api_audit_export(amlaps_request_t *request)
{
    words_t words;
    const char *format;
    const amlaps_parameter_t known[] = { FILTER_PARAMETERS(words), { "format", &format, 0 }, { NULL, NULL, 0 } };
    amlaps_asker_t asker = amlaps_api_asker(request);
    export_t export = { request->r, 0, 0 };
    amlaps_error_t error = { 0 };
    amlaps_filter_t filter;

    if (amlaps_query_read(known, &error, request) != APR_SUCCESS || check_filter(&filter, &error, &words) != APR_SUCCESS) {
        return amlaps_respond_problem(request, &error);
    }
    export.csv = format && !strcmp(format, "csv");
    if (format && !export.csv && strcmp(format, "jsonl")) {
        bad(&error, "AML0155", "format", "write csv or jsonl");
        return amlaps_respond_problem(request, &error);
    }
    if (amlaps_access_audit_export(&error, request->access, &asker, &filter, export.csv ? "csv" : "jsonl", write_page, &export,
                                   request->r->pool) != APR_SUCCESS) {
        return export.begun ? break_off(request->r) : amlaps_respond_problem(request, &error);
    }
    return OK;
}
