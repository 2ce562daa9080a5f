/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <apr_strings.h>

#include "pgsql.h"

#define MOST_ARRAYS 11

/* In the order of amlaps_pgsql_statement_t. */
static const struct {
    const char *name, *sql;
} statement[AMLAPS_PGSQL_STATEMENTS] = {
    { "amlaps_begin", "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE" },
    { "amlaps_lock", "SELECT pg_advisory_xact_lock(" AMLAPS_PGSQL_LOCK_CLASS ", 'amlaps.record'::regclass::oid::int)" },
    { "amlaps_state",
      "SELECT head.seq, head.time, head.hash, head.anchor, "
      " (SELECT CASE WHEN seq = $1::bigint THEN hash"
      " WHEN NOT EXISTS(SELECT 1 FROM amlaps.record WHERE seq < $1::bigint) THEN '" AMLAPS_STORE_EXPORTED "' END"
      " FROM amlaps.record WHERE seq >= $1::bigint ORDER BY seq LIMIT 1),"
      " (SELECT time FROM amlaps.attempt ORDER BY n DESC LIMIT 1), (SELECT time FROM amlaps.attempt ORDER BY n LIMIT 1),"
      " (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
      " FROM (SELECT 1) one LEFT JOIN (SELECT seq, time, hash, anchor FROM amlaps.record ORDER BY seq DESC LIMIT 1) head ON true" },
    { "amlaps_limits",
      "SELECT asked.number, newest.ordinal, found.ordinal, found.time"
      " FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[]) WITH ORDINALITY asked(scope, key, nth, times, number)"
      " CROSS JOIN LATERAL (SELECT ordinal FROM amlaps.attempt WHERE scope = asked.scope AND key = asked.key"
      " ORDER BY ordinal DESC LIMIT 1) newest"
      " LEFT JOIN LATERAL (SELECT ordinal, time FROM amlaps.attempt WHERE scope = asked.scope AND key = asked.key"
      " AND ordinal > newest.ordinal - asked.nth AND ordinal <= newest.ordinal - asked.nth + asked.times) found ON true" },
    { "amlaps_add_records",
      "INSERT INTO amlaps.record(seq, time, id, stage, event, outcome, actor, device, body, hash, anchor) SELECT * FROM unnest($1::bigint[],"
      " $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],"
      " $11::text[])" },
    { "amlaps_add_attempts",
      "INSERT INTO amlaps.attempt(scope, key, ordinal, time) SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[])" },
    { "amlaps_prune",
      "DELETE FROM amlaps.attempt WHERE n IN (SELECT n FROM amlaps.attempt ORDER BY n LIMIT $2::bigint) AND time < $1::bigint" },
    { "amlaps_commit", "COMMIT" }
};

apr_status_t amlaps_pgsql_prepare_statements(amlaps_pgsql_t *link, amlaps_error_t *error)
{
    static const char doing[] = "opening";
    apr_status_t status = APR_SUCCESS;
    int sent = PQenterPipelineMode(link->conn);
    int i;

    for (i = 0; i < AMLAPS_PGSQL_STATEMENTS && sent; i++) {
        sent = PQsendPrepare(link->conn, statement[i].name, statement[i].sql, 0, NULL);
    }
    if (!sent || !PQpipelineSync(link->conn)) {
        return amlaps_pgsql_fail(link, NULL, doing, error);
    }
    for (i = 0; i < AMLAPS_PGSQL_STATEMENTS && status == APR_SUCCESS; i++) {
        status = amlaps_pgsql_expect(NULL, link, PGRES_COMMAND_OK, doing, error);
    }
    return status == APR_SUCCESS ? amlaps_pgsql_expect(NULL, link, PGRES_PIPELINE_SYNC, doing, error) : status;
}

int amlaps_pgsql_send(amlaps_pgsql_t *link, amlaps_pgsql_statement_t which)
{
    return PQsendQueryPrepared(link->conn, statement[which].name, 0, NULL, NULL, NULL, 0);
}

int amlaps_pgsql_send_numbers(amlaps_pgsql_t *link, amlaps_pgsql_statement_t which, apr_int64_t first, apr_int64_t second, int count)
{
    char number[2][32];
    const char *const value[2] = { number[0], number[1] };

    apr_snprintf(number[0], sizeof(number[0]), "%" APR_INT64_T_FMT, first);
    apr_snprintf(number[1], sizeof(number[1]), "%" APR_INT64_T_FMT, second);
    return PQsendQueryPrepared(link->conn, statement[which].name, count, value, NULL, NULL, 0);
}

int amlaps_pgsql_send_arrays(amlaps_pgsql_t *link, amlaps_pgsql_statement_t which, amlaps_pgsql_array_t *array, int count)
{
    const char *value[MOST_ARRAYS];
    int length[MOST_ARRAYS], format[MOST_ARRAYS];
    int i;

    for (i = 0; i < count; i++) {
        value[i] = amlaps_pgsql_array_bytes(&array[i]);
        length[i] = (int)array[i].length;
        format[i] = 1;
    }
    return PQsendQueryPrepared(link->conn, statement[which].name, count, value, length, format, 0);
}
