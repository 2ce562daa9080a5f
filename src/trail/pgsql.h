/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_PGSQL_H
#define AMLAPS_TRAIL_PGSQL_H

/*
 * The store in a PostgreSQL database. Only files named *_pgsql.c include libpq-fe.h. libpq is never waited for without a deadline, and nothing
 * of it is shared: each connection is one thread's, made after the fork. libpq and OpenSSL keep their own process-wide state; none is set here.
 */

#include <libpq-fe.h>

#include "store.h"

#define AMLAPS_PGSQL_SCHEMA 1

/* Names the store to pg_advisory_xact_lock beside the table's id; "AMLP". */
#define AMLAPS_PGSQL_LOCK_CLASS "x'414D4C50'::int"

/* ---- the store behind store.h ---- */

/**
 * @param secret 1 where `conninfo` came from a file, so that it may hold a password
 * @return NULL, or what to write instead
 */
const char *amlaps_pgsql_check(const char *conninfo, int secret, apr_pool_t *pool);

/** @return APR_EAGAIN where no server answers now: the children make the schema when one does */
apr_status_t amlaps_pgsql_prepare(const char *conninfo, amlaps_error_t *error, apr_pool_t *pool);

amlaps_store_t *amlaps_pgsql_make(const char *conninfo, amlaps_trail_shared_t *shared, apr_interval_time_t timeout, apr_pool_t *pool);

apr_status_t amlaps_pgsql_each(const char *conninfo, const amlaps_range_t *range, amlaps_row_visit_t visit, void *baton,
                               amlaps_error_t *error);

/* ---- for queue_pgsql.c, inside a transaction of the store ---- */

struct amlaps_pgsql_t;
extern const amlaps_queue_ops_t amlaps_pgsql_queue;
struct amlaps_pgsql_t *amlaps_pgsql_link(amlaps_store_t *store);

/* ---- conninfo_pgsql.c ---- */

/** @return how many hosts it names, one where it names none */
int amlaps_pgsql_hosts(const char *conninfo);

/** Begins to connect to one of the hosts. @param reads 1: one that takes no writes will do @return NULL without memory; else to be asked with PQstatus and PQconnectPoll */
PGconn *amlaps_pgsql_dial(const char *conninfo, int host, int reads);

/** @return host and database without user and password, for messages */
const char *amlaps_pgsql_name(const char *conninfo, apr_pool_t *pool);

/* ---- link_pgsql.c: one connection, and what every exchange over it shares ---- */

typedef struct amlaps_pgsql_t {
    const char *conninfo; /* may hold a password */
    const char *name;     /* holds none */
    int host, hosts;      /* the one to begin with; how many there are */
    PGconn *conn;         /* NULL: not connected */
    apr_time_t until;     /* steady: when the server must have answered */
    char warning[128];    /* the server's last since it was emptied */
    int reads;            /* nothing will be written, so a standby will do where nobody else is named */
    int broken;           /* something failed that leaves nobody knows what unread: to be disconnected */
    int unread;           /* statements that amlaps_pgsql_later sent */
} amlaps_pgsql_t;

void amlaps_pgsql_init(amlaps_pgsql_t *link, const char *conninfo, apr_pool_t *pool);

/** Whatever is done from now on must be over after `patience`. */
void amlaps_pgsql_hurry(amlaps_pgsql_t *link, apr_interval_time_t patience);

/**
 * Connects to the first host that takes writes, or that reads, and sets up the session: durable commits, no statement and no lock that lasts longer than
 * `patience`. A server that could lose what it confirmed, or change a text, is refused.
 */
apr_status_t amlaps_pgsql_connect(amlaps_pgsql_t *link, apr_interval_time_t patience, amlaps_error_t *error);

/** Does not wait. The server takes back what was not committed. */
void amlaps_pgsql_disconnect(amlaps_pgsql_t *link);

/** Waits for the next result. @param result to be cleared; NULL: the statement has no more */
apr_status_t amlaps_pgsql_result(PGresult **result, amlaps_pgsql_t *link, amlaps_error_t *error);

/**
 * Waits for the one result of a statement, which must be `expected`, and for its end.
 * @param result to be cleared; NULL where it failed. May be NULL where nobody reads it
 */
apr_status_t amlaps_pgsql_expect(PGresult **result, amlaps_pgsql_t *link, ExecStatusType expected, const char *doing, amlaps_error_t *error);

/** Within a pipeline: sends a statement without waiting. What becomes of it is known at the next exchange. @param value texts, NULL: SQL's NULL */
apr_status_t amlaps_pgsql_later(amlaps_pgsql_t *link, const char *sql, const char *const *value, int count, amlaps_error_t *error);

/** Within a pipeline: sends a statement and waits for its result. @param result to be cleared; may be NULL */
apr_status_t amlaps_pgsql_ask(PGresult **result, amlaps_pgsql_t *link, ExecStatusType expected, const char *sql, const char *const *value,
                              int count, amlaps_error_t *error);

/** Waits for what amlaps_pgsql_later sent. */
apr_status_t amlaps_pgsql_catch_up(amlaps_pgsql_t *link, amlaps_error_t *error);

/** Runs statements without parameters and results, outside of a pipeline. */
apr_status_t amlaps_pgsql_run(amlaps_pgsql_t *link, const char *sql, amlaps_error_t *error);

/** Says what the server or libpq says, and what to do. @param result NULL: the connection failed. @return error->status */
apr_status_t amlaps_pgsql_fail(amlaps_pgsql_t *link, const PGresult *result, const char *doing, amlaps_error_t *error);

/** @return a whole number, `missing` where the field is NULL */
apr_int64_t amlaps_pgsql_number(const PGresult *result, int row, int column, apr_int64_t missing);

/* ---- schema_pgsql.c ---- */

/** Refuses a schema that a newer module made, and makes or upgrades an older one. Outside of a transaction. */
apr_status_t amlaps_pgsql_upgrade(amlaps_pgsql_t *link, amlaps_error_t *error);

/** The version of the schema, 0: none. */
apr_status_t amlaps_pgsql_version(int *version, amlaps_pgsql_t *link, amlaps_error_t *error);

/* ---- array_pgsql.c: a column of many rows as one parameter in PostgreSQL's binary form ---- */

typedef struct amlaps_pgsql_array_t {
    apr_pool_t *pool;
    char *bytes;
    apr_size_t length, room;
    Oid type;
    apr_uint32_t count;
} amlaps_pgsql_array_t;

#define AMLAPS_PGSQL_INT8 20
#define AMLAPS_PGSQL_TEXT 25

void amlaps_pgsql_array_init(amlaps_pgsql_array_t *array, Oid type, apr_pool_t *pool);
void amlaps_pgsql_array_add_number(amlaps_pgsql_array_t *array, apr_int64_t number);
/** @param text NULL: SQL's NULL */
void amlaps_pgsql_array_add_text(amlaps_pgsql_array_t *array, const char *text, apr_size_t length);
/** Completes the head. @return the bytes to send, `length` of them */
const char *amlaps_pgsql_array_bytes(amlaps_pgsql_array_t *array);

/* ---- statements_pgsql.c: what every batch runs, prepared once in a connection, which is a pipeline from then on ---- */

typedef enum amlaps_pgsql_statement_t {
    AMLAPS_PGSQL_BEGIN,
    AMLAPS_PGSQL_LOCK,
    AMLAPS_PGSQL_STATE,
    AMLAPS_PGSQL_LIMITS,
    AMLAPS_PGSQL_ADD_RECORDS,
    AMLAPS_PGSQL_ADD_ATTEMPTS,
    AMLAPS_PGSQL_PRUNE,
    AMLAPS_PGSQL_COMMIT,
    AMLAPS_PGSQL_STATEMENTS
} amlaps_pgsql_statement_t;

apr_status_t amlaps_pgsql_prepare_statements(amlaps_pgsql_t *link, amlaps_error_t *error);

/** Each puts one statement into the pipeline. @return 0 after an error of libpq */
int amlaps_pgsql_send(amlaps_pgsql_t *link, amlaps_pgsql_statement_t which);
int amlaps_pgsql_send_numbers(amlaps_pgsql_t *link, amlaps_pgsql_statement_t which, apr_int64_t first, apr_int64_t second, int count);
int amlaps_pgsql_send_arrays(amlaps_pgsql_t *link, amlaps_pgsql_statement_t which, amlaps_pgsql_array_t *array, int count);

/* ---- foresight_pgsql.c: all that a batch asks of the limits, fetched in one go ---- */

typedef struct amlaps_pgsql_foresight_t amlaps_pgsql_foresight_t;

/** @return what is to be asked for these attempts, NULL where nothing is */
amlaps_pgsql_foresight_t *amlaps_pgsql_foresee(const amlaps_touch_t *const *touches, apr_size_t count, const amlaps_limit_t *limits,
                                               apr_size_t limit_count, apr_pool_t *pool);

/** Four arrays, parameters of the question: scopes, keys, how many attempts back from the newest to begin, how many to take from there. */
amlaps_pgsql_array_t *amlaps_pgsql_foresight_questions(amlaps_pgsql_foresight_t *foresight);

/** Keeps the answers: rows of the question's number from 1, the ordinal of the newest attempt, and ordinal and time in ms of one asked for. */
void amlaps_pgsql_foresight_read(amlaps_pgsql_foresight_t *foresight, const PGresult *result);

/** Counts an attempt of this batch, which is newer than all before. */
void amlaps_pgsql_foresight_add(amlaps_pgsql_foresight_t *foresight, const amlaps_touch_t *touch, apr_time_t time);

/** Both of store.h. @return 0 where this was not foreseen, which is a mistake of the caller */
int amlaps_pgsql_foresight_last(apr_int64_t *ordinal, const amlaps_pgsql_foresight_t *foresight, const amlaps_touch_t *touch);
int amlaps_pgsql_foresight_time(apr_time_t *time, const amlaps_pgsql_foresight_t *foresight, const amlaps_touch_t *touch, apr_int64_t ordinal);

#endif
