/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <apr_strings.h>

#include "pgsql.h"

/* One page of a full trail is a few hundred KiB, and a short transaction. */
#define PAGE 1000
/* For all that comes before the first page and this one, then for each page: a worker of httpd may be waiting. */
#define PATIENCE apr_time_from_sec(5)

#define SELECT_ROWS(order) \
    "SELECT seq, time, id, stage, event, outcome, actor, device, body, hash, anchor FROM amlaps.record" \
    " WHERE seq > $1 AND seq < $2 ORDER BY seq " order " LIMIT $3"

static const char *const sql[2] = { SELECT_ROWS("ASC"), SELECT_ROWS("DESC") };
/* Times never go back along the trail, so that a time is a place in it. */
static const char first_since[] = "SELECT seq FROM amlaps.record WHERE time >= $1 ORDER BY time, seq LIMIT 1";

static const char *text(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

static void read_row(amlaps_row_t *row, const PGresult *result, int place)
{
    row->seq = amlaps_pgsql_number(result, place, 0, 0);
    row->time = amlaps_store_time(amlaps_pgsql_number(result, place, 1, 0));
    row->has_columns = 1;
    row->id = text(result, place, 2);
    row->stage = text(result, place, 3);
    row->event = text(result, place, 4);
    row->outcome = text(result, place, 5);
    row->actor = text(result, place, 6);
    row->device = text(result, place, 7);
    row->body = text(result, place, 8);
    row->length = (apr_size_t)PQgetlength(result, place, 8);
    row->hash = text(result, place, 9);
    row->anchor = text(result, place, 10);
}

/** Asks with whole numbers as parameters. */
static apr_status_t ask(PGresult **result, amlaps_pgsql_t *link, const char *statement, const apr_int64_t *number, int count,
                        amlaps_error_t *error)
{
    char text[3][32];
    const char *const value[3] = { text[0], text[1], text[2] };
    int i;

    for (i = 0; i < count; i++) {
        apr_snprintf(text[i], sizeof(text[i]), "%" APR_INT64_T_FMT, number[i]);
    }
    if (!PQsendQueryParams(link->conn, statement, count, NULL, value, NULL, NULL, 0)) {
        return amlaps_pgsql_fail(link, NULL, "reading", error);
    }
    return amlaps_pgsql_expect(result, link, PGRES_TUPLES_OK, "reading", error);
}

/** The first record of this time or later; one beyond all where there is none. */
static apr_status_t find_since(apr_int64_t *seq, amlaps_pgsql_t *link, apr_time_t time, amlaps_error_t *error)
{
    /* The column holds whole milliseconds. */
    apr_int64_t ms = (time + 999) / 1000;
    PGresult *result;
    apr_status_t status = ask(&result, link, first_since, &ms, 1, error);

    *seq = APR_INT64_MAX;
    if (status == APR_SUCCESS && PQntuples(result) > 0) {
        *seq = amlaps_pgsql_number(result, 0, 0, APR_INT64_MAX);
    }
    PQclear(result);
    return status;
}

/** Turns the range into one of sequence numbers alone. */
static apr_status_t resolve(amlaps_range_t *left, const amlaps_range_t *range, amlaps_pgsql_t *link, amlaps_error_t *error)
{
    apr_status_t status = APR_SUCCESS;
    apr_int64_t seq;

    *left = *range;
    left->after = range->after != 0 ? range->after : APR_INT64_MIN;
    left->before = range->before != 0 ? range->before : APR_INT64_MAX;
    if (range->since != 0 && (status = find_since(&seq, link, range->since, error)) == APR_SUCCESS) {
        left->after = seq > APR_INT64_MIN && seq - 1 > left->after ? seq - 1 : left->after;
    }
    if (status == APR_SUCCESS && range->until != 0 && (status = find_since(&seq, link, range->until, error)) == APR_SUCCESS) {
        left->before = seq < left->before ? seq : left->before;
    }
    return status;
}

/** @param more set to 0 where the page was the last, or `visit` has enough */
static apr_status_t read_page(int *more, amlaps_range_t *left, amlaps_pgsql_t *link, amlaps_row_visit_t visit, void *baton,
                              amlaps_error_t *error)
{
    const apr_int64_t number[] = { left->after, left->before, PAGE };
    PGresult *result;
    apr_status_t status = ask(&result, link, sql[left->newest_first != 0], number, 3, error);
    int rows = status == APR_SUCCESS ? PQntuples(result) : 0;
    int i;

    *more = rows > 0;
    for (i = 0; i < rows && *more; i++) {
        amlaps_row_t row;

        read_row(&row, result, i);
        *(left->newest_first ? &left->before : &left->after) = row.seq;
        *more = visit(baton, &row);
    }
    PQclear(result);
    return status;
}

static apr_status_t read_range(amlaps_pgsql_t *link, const amlaps_range_t *range, amlaps_row_visit_t visit, void *baton, amlaps_error_t *error)
{
    amlaps_range_t left;
    int more = 1;
    apr_status_t status = resolve(&left, range, link, error);

    while (status == APR_SUCCESS && more) {
        status = read_page(&more, &left, link, visit, baton, error);
        amlaps_pgsql_hurry(link, PATIENCE);
    }
    return status;
}

apr_status_t amlaps_pgsql_each(const char *conninfo, const amlaps_range_t *range, amlaps_row_visit_t visit, void *baton, amlaps_error_t *error)
{
    amlaps_pgsql_t link;
    apr_pool_t *pool;
    int version;
    apr_status_t status = apr_pool_create_unmanaged_ex(&pool, NULL, NULL);

    if (status != APR_SUCCESS) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0250", status, "no memory to read the store");
    }
    amlaps_pgsql_init(&link, conninfo, pool);
    link.reads = 1;
    amlaps_pgsql_hurry(&link, PATIENCE);
    status = amlaps_pgsql_connect(&link, PATIENCE, error);
    if (status == APR_SUCCESS) {
        status = amlaps_pgsql_version(&version, &link, error);
    }
    if (status == APR_SUCCESS && version == 0) {
        status = amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0258", APR_EGENERAL, "the database %s holds no audit store", link.name);
    }
    if (status == APR_SUCCESS) {
        status = read_range(&link, range, visit, baton, error);
    }
    amlaps_pgsql_disconnect(&link);
    apr_pool_destroy(pool);
    return status;
}
