/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "pgsql.h"

/* Two servers may start at once. */
static const char begin[] = "BEGIN; SELECT pg_advisory_xact_lock(" AMLAPS_PGSQL_LOCK_CLASS ", 0)";

/*
 * The same tables as in SQLite. Texts that are looked up compare by bytes: faster, and no update of the system's sort order spoils an index.
 * attempt.n grows with attempt.time, because whoever inserts holds the store's lock.
 */
static const char schema_1[] =
    "CREATE SCHEMA amlaps;"
    "CREATE TABLE amlaps.version(number int NOT NULL);"
    "INSERT INTO amlaps.version VALUES(0);"
    "CREATE TABLE amlaps.record("
    " seq bigint PRIMARY KEY, time bigint NOT NULL, id text COLLATE \"C\" NOT NULL, stage text NOT NULL, event text NOT NULL,"
    " outcome text NOT NULL, actor text COLLATE \"C\", device text COLLATE \"C\", body text NOT NULL, hash text NOT NULL, anchor text);"
    "CREATE INDEX record_time ON amlaps.record(time);"
    "CREATE TABLE amlaps.attempt("
    " n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, scope int NOT NULL, key text COLLATE \"C\" NOT NULL, ordinal bigint NOT NULL,"
    " time bigint NOT NULL);"
    "CREATE UNIQUE INDEX attempt_key ON amlaps.attempt(scope, key, ordinal) INCLUDE (time);"
    "CREATE TABLE amlaps.notification("
    " n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, channel text COLLATE \"C\" NOT NULL, body text NOT NULL, queued bigint NOT NULL,"
    " due bigint NOT NULL, attempts int NOT NULL, dead int NOT NULL, why text);"
    "CREATE INDEX notification_due ON amlaps.notification(channel, due, n) WHERE dead = 0;"
    "CREATE INDEX notification_dead ON amlaps.notification(queued) WHERE dead = 1;"
    "CREATE TABLE amlaps.channel(name text COLLATE \"C\" PRIMARY KEY, delivered bigint, failed bigint, why text);";

/* What leads from each version to the next. */
static const char *const steps[AMLAPS_PGSQL_SCHEMA] = { schema_1 };

static const char finish[] =
    "UPDATE amlaps.version SET number = number + 1";

static apr_status_t read_number(int *number, amlaps_pgsql_t *link, const char *sql, amlaps_error_t *error)
{
    PGresult *result = NULL;
    apr_status_t status;

    if (!PQsendQuery(link->conn, sql)) {
        return amlaps_pgsql_fail(link, NULL, "opening", error);
    }
    status = amlaps_pgsql_expect(&result, link, PGRES_TUPLES_OK, "opening", error);
    if (status == APR_SUCCESS) {
        *number = PQntuples(result) > 0 ? (int)amlaps_pgsql_number(result, 0, 0, 0) : 0;
    }
    PQclear(result);
    return status;
}

apr_status_t amlaps_pgsql_version(int *version, amlaps_pgsql_t *link, amlaps_error_t *error)
{
    int found = 0;
    apr_status_t status = read_number(&found, link, "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = 'amlaps'", error);

    *version = 0;
    if (status != APR_SUCCESS || found == 0) {
        return status;
    }
    status = read_number(version, link, "SELECT number FROM amlaps.version", error);
    /* It would be taken for a step of the upgrade. */
    if (status == APR_SUCCESS && *version < 0) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0258", APR_EGENERAL,
                                "the store %s has a schema of no mod_amlaps (%d); name the right database", link->name, *version);
    }
    if (status == APR_SUCCESS && *version > AMLAPS_PGSQL_SCHEMA) {
        status = amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0258", APR_EGENERAL,
                                  "the store %s was written by a newer mod_amlaps (schema %d, this one knows up to %d); install that one again",
                                  link->name, *version, AMLAPS_PGSQL_SCHEMA);
    }
    return status;
}

apr_status_t amlaps_pgsql_upgrade(amlaps_pgsql_t *link, amlaps_error_t *error)
{
    int version;
    apr_status_t status = amlaps_pgsql_version(&version, link, error);

    if (status != APR_SUCCESS || version == AMLAPS_PGSQL_SCHEMA) {
        return status;
    }
    status = amlaps_pgsql_run(link, begin, error);
    if (status == APR_SUCCESS) {
        status = amlaps_pgsql_version(&version, link, error);
    }
    for (; status == APR_SUCCESS && version < AMLAPS_PGSQL_SCHEMA; version++) {
        status = amlaps_pgsql_run(link, steps[version], error);
        if (status == APR_SUCCESS) {
            status = amlaps_pgsql_run(link, finish, error);
        }
    }
    return status == APR_SUCCESS ? amlaps_pgsql_run(link, "COMMIT", error) : status;
}

apr_status_t amlaps_pgsql_prepare(const char *conninfo, amlaps_error_t *error, apr_pool_t *pool)
{
    static const apr_interval_time_t patience = apr_time_from_sec(5);
    amlaps_pgsql_t link;
    apr_status_t status;

    amlaps_pgsql_init(&link, conninfo, pool);
    amlaps_pgsql_hurry(&link, patience);
    status = amlaps_pgsql_connect(&link, patience, error);
    if (status == APR_SUCCESS) {
        status = amlaps_pgsql_upgrade(&link, error);
    }
    amlaps_pgsql_disconnect(&link);
    /* A database that is away comes back; one that does not fit must be mended. */
    return status == APR_INCOMPLETE || status == APR_ECONNRESET || status == APR_TIMEUP || status == APR_EBUSY ? APR_EAGAIN : status;
}
