/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "pgsql.h"

#define MILLISECOND 1000
#define LONGEST_WHY 1024

/** The parameters of one statement, as texts. */
typedef struct values_t {
    const char *value[8];
    char number[8][24];
    int count;
} values_t;

static void add_text(values_t *values, const char *text)
{
    values->value[values->count++] = text;
}

static void add_number(values_t *values, apr_int64_t number)
{
    apr_snprintf(values->number[values->count], sizeof(values->number[0]), "%" APR_INT64_T_FMT, number);
    add_text(values, values->number[values->count]);
}

static void add_time(values_t *values, apr_time_t time)
{
    add_number(values, time / MILLISECOND);
}

/** What a mail server or a webhook said may be of any bytes. The database takes UTF-8 alone, and the whole batch would fail with it. */
static void add_foreign(values_t *values, char buffer[LONGEST_WHY], const char *text)
{
    char *byte;

    if (text == NULL || amlaps_text_is_utf8(text, strlen(text))) {
        add_text(values, text);
        return;
    }
    apr_cpystrn(buffer, text, LONGEST_WHY);
    for (byte = buffer; *byte != '\0'; byte++) {
        *byte = (unsigned char)*byte < 0x80 ? *byte : '?';
    }
    add_text(values, buffer);
}

static apr_status_t later(amlaps_store_t *store, const char *sql, const values_t *values, amlaps_error_t *error)
{
    return amlaps_pgsql_later(amlaps_pgsql_link(store), sql, values->value, values->count, error);
}

static apr_status_t ask(PGresult **result, amlaps_store_t *store, const char *sql, const values_t *values, amlaps_error_t *error)
{
    return amlaps_pgsql_ask(result, amlaps_pgsql_link(store), PGRES_TUPLES_OK, sql, values->value, values->count, error);
}

static apr_time_t time_at(const PGresult *result, int column)
{
    return amlaps_pgsql_number(result, 0, column, 0) * MILLISECOND;
}

static const char *text_at(const PGresult *result, int column, apr_pool_t *pool)
{
    return PQgetisnull(result, 0, column) ? NULL : apr_pstrdup(pool, PQgetvalue(result, 0, column));
}

static apr_status_t queue_add(amlaps_store_t *store, const amlaps_queue_row_t *row, amlaps_error_t *error)
{
    values_t values = { .count = 0 };

    add_text(&values, row->channel);
    add_text(&values, row->body);
    add_time(&values, row->queued);
    add_time(&values, row->due);
    add_number(&values, row->attempts);
    add_number(&values, row->dead);
    add_text(&values, row->why);
    return later(store, "INSERT INTO amlaps.notification(channel, body, queued, due, attempts, dead, why)"
                 " VALUES($1, $2, $3, $4, $5, $6, $7)", &values, error);
}

static apr_status_t queue_is_full(int *full, amlaps_store_t *store, const char *channel, amlaps_error_t *error)
{
    values_t values = { .count = 0 };
    PGresult *result = NULL;
    apr_status_t status;

    add_text(&values, channel);
    add_number(&values, AMLAPS_QUEUE_MOST - 1);
    status = ask(&result, store, "SELECT 1 FROM amlaps.notification WHERE channel = $1 AND dead = 0 OFFSET $2 LIMIT 1", &values, error);
    *full = status == APR_SUCCESS && PQntuples(result) > 0;
    PQclear(result);
    return status;
}

static apr_status_t queue_first(amlaps_queue_row_t *row, amlaps_store_t *store, const char *channel, amlaps_error_t *error, apr_pool_t *pool)
{
    values_t values = { .count = 0 };
    PGresult *result = NULL;
    apr_status_t status;

    *row = (amlaps_queue_row_t){ .channel = channel };
    add_text(&values, channel);
    status = ask(&result, store, "SELECT n, body, queued, due, attempts, why FROM amlaps.notification WHERE channel = $1 AND dead = 0"
                 " ORDER BY due, n LIMIT 1", &values, error);
    if (status == APR_SUCCESS && PQntuples(result) > 0) {
        row->number = amlaps_pgsql_number(result, 0, 0, 0);
        row->body = text_at(result, 1, pool);
        row->length = (apr_size_t)PQgetlength(result, 0, 1);
        row->queued = time_at(result, 2);
        row->due = time_at(result, 3);
        row->attempts = (int)amlaps_pgsql_number(result, 0, 4, 0);
        row->why = text_at(result, 5, pool);
    }
    PQclear(result);
    return status;
}

static apr_status_t queue_hold(amlaps_store_t *store, const amlaps_queue_row_t *row, apr_time_t until, amlaps_error_t *error)
{
    values_t values = { .count = 0 };

    add_number(&values, row->number);
    add_time(&values, until);
    return later(store, "UPDATE amlaps.notification SET attempts = attempts + 1, due = $2 WHERE n = $1", &values, error);
}

static apr_status_t queue_keep(amlaps_store_t *store, const amlaps_queue_row_t *row, amlaps_error_t *error)
{
    values_t values = { .count = 0 };
    char why[LONGEST_WHY];

    add_number(&values, row->number);
    add_number(&values, row->attempts);
    add_time(&values, row->due);
    add_number(&values, row->dead);
    add_foreign(&values, why, row->why);
    return later(store, "UPDATE amlaps.notification SET due = $3, dead = $4, why = $5 WHERE n = $1 AND attempts = $2", &values, error);
}

static apr_status_t queue_remove(amlaps_store_t *store, const amlaps_queue_row_t *row, amlaps_error_t *error)
{
    values_t values = { .count = 0 };

    add_number(&values, row->number);
    add_number(&values, row->attempts);
    return later(store, "DELETE FROM amlaps.notification WHERE n = $1 AND attempts = $2", &values, error);
}

/** What is noted last counts as the latest, whatever the clock was before: a time beyond it is brought back. */
static apr_status_t queue_note(amlaps_store_t *store, const char *channel, apr_time_t time, const char *why, amlaps_error_t *error)
{
    values_t values = { .count = 0 };
    char buffer[LONGEST_WHY];

    add_text(&values, channel);
    add_time(&values, time);
    if (why == NULL) {
        return later(store, "INSERT INTO amlaps.channel AS c(name, delivered) VALUES($1, $2) ON CONFLICT(name) DO UPDATE SET delivered = $2,"
                     " failed = CASE WHEN c.failed > $2 THEN $2 ELSE c.failed END", &values, error);
    }
    add_foreign(&values, buffer, why);
    return later(store, "INSERT INTO amlaps.channel AS c(name, failed, why) VALUES($1, $2, $3) ON CONFLICT(name) DO UPDATE SET failed = $2, why = $3,"
                 " delivered = CASE WHEN c.delivered >= $2 THEN $2 - 1 ELSE c.delivered END", &values, error);
}

static apr_status_t queue_stand(amlaps_channel_standing_t *standing, amlaps_store_t *store, const char *channel, amlaps_error_t *error,
                                apr_pool_t *pool)
{
    values_t values = { .count = 0 };
    PGresult *result = NULL;
    apr_status_t status;

    *standing = (amlaps_channel_standing_t){ 0 };
    add_text(&values, channel);
    status = ask(&result, store, "SELECT (SELECT count(*) FROM amlaps.notification WHERE channel = $1 AND dead = 0),"
                 " (SELECT count(*) FROM amlaps.notification WHERE channel = $1 AND dead = 1),"
                 " (SELECT min(queued) FROM amlaps.notification WHERE channel = $1 AND dead = 0),"
                 " delivered, failed, why FROM (SELECT 1) one LEFT JOIN amlaps.channel ON name = $1", &values, error);
    if (status == APR_SUCCESS && PQntuples(result) > 0) {
        standing->queued = amlaps_pgsql_number(result, 0, 0, 0);
        standing->dead = amlaps_pgsql_number(result, 0, 1, 0);
        standing->oldest = time_at(result, 2);
        standing->delivered = time_at(result, 3);
        standing->failed = time_at(result, 4);
        standing->why = text_at(result, 5, pool);
    }
    PQclear(result);
    return status;
}

static apr_status_t queue_tidy(amlaps_store_t *store, apr_time_t orphaned, apr_time_t over, amlaps_error_t *error)
{
    values_t orphans = { .count = 0 }, old = { .count = 0 }, most = { .count = 0 };
    apr_status_t status;

    add_time(&orphans, orphaned);
    add_time(&old, over);
    add_number(&most, AMLAPS_QUEUE_MOST);
    status = later(store, "UPDATE amlaps.notification SET dead = 1, why = coalesce(why, 'no server has this channel')"
                   " WHERE dead = 0 AND queued < $1", &orphans, error);
    if (status == APR_SUCCESS) {
        status = later(store, "DELETE FROM amlaps.notification WHERE dead = 1 AND queued < $1", &old, error);
    }
    return status == APR_SUCCESS
               ? later(store, "DELETE FROM amlaps.notification WHERE dead = 1"
                       " AND n <= (SELECT n FROM amlaps.notification WHERE dead = 1 ORDER BY n DESC OFFSET $1 LIMIT 1)", &most, error)
               : status;
}

const amlaps_queue_ops_t amlaps_pgsql_queue = {
    .add = queue_add,
    .is_full = queue_is_full,
    .first = queue_first,
    .hold = queue_hold,
    .keep = queue_keep,
    .remove = queue_remove,
    .note = queue_note,
    .stand = queue_stand,
    .tidy = queue_tidy
};
