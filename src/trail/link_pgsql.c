/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "pgsql.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

/* The first with all settings that a session asks for below. */
#define LEAST_SERVER 120000

static apr_time_t steady(void)
{
    return amlaps_clock_steady(amlaps_clock_system());
}

void amlaps_pgsql_init(amlaps_pgsql_t *link, const char *conninfo, apr_pool_t *pool)
{
    memset(link, 0, sizeof(*link));
    link->conninfo = conninfo;
    link->name = amlaps_pgsql_name(conninfo, pool);
    link->hosts = amlaps_pgsql_hosts(conninfo);
}

void amlaps_pgsql_hurry(amlaps_pgsql_t *link, apr_interval_time_t patience)
{
    link->until = steady() + patience;
}

/* ---- what goes wrong ---- */

/** One line of what libpq or the server says. */
static void say(char line[256], const char *text)
{
    size_t length;

    apr_cpystrn(line, text != NULL && text[0] != '\0' ? text : "it gives no reason", 256);
    for (length = strlen(line); length > 0 && strchr(" \n", line[length - 1]) != NULL; length--) {
        line[length - 1] = '\0';
    }
    for (length = 0; line[length] != '\0'; length++) {
        line[length] = line[length] == '\n' || line[length] == '\t' ? ' ' : line[length];
    }
}

static apr_status_t late(amlaps_pgsql_t *link, const char *doing, amlaps_error_t *error)
{
    link->broken = 1;
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0251", APR_TIMEUP,
                            "%s the store %s: the database gave no answer in time; see whether its server, its disk or a synchronous standby hangs",
                            doing, link->name);
}

static int is_state(const char *state, const char *wanted)
{
    return strncmp(state, wanted, strlen(wanted)) == 0;
}

apr_status_t amlaps_pgsql_fail(amlaps_pgsql_t *link, const PGresult *result, const char *doing, amlaps_error_t *error)
{
    const char *state = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *why = result != NULL ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    char line[256];

    link->broken = 1;
    say(line, why != NULL ? why : PQerrorMessage(link->conn));
    if (state == NULL || is_state(state, "57P") || is_state(state, "08")) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0252", APR_ECONNRESET, "%s the store %s: the connection was lost: %s", doing,
                                link->name, line);
    }
    if (is_state(state, "55P03") || is_state(state, "57014")) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0253", APR_EBUSY,
                                "another server or program holds the store %s for too long (%s)", link->name, line);
    }
    if (is_state(state, "53100")) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0254", APR_ENOSPC,
                                "the disk of the database %s is full; make room, it recovers by itself", link->name);
    }
    if (is_state(state, "42501")) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0255", APR_EACCES,
                                "%s the store %s: %s; grant this role what docs/install.md lists", doing, link->name, line);
    }
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0256", APR_EGENERAL, "%s the store %s failed: %s (SQLSTATE %s)", doing, link->name,
                            line, state);
}

/* ---- waiting ---- */

/** @return what happened, 0 where the time is over */
static short wait_for(const amlaps_pgsql_t *link, short events, apr_time_t until)
{
    struct pollfd socket = { PQsocket(link->conn), events, 0 };
    int ready;

    do {
        apr_time_t left = until - steady();

        ready = left > 0 ? poll(&socket, 1, (int)((left + 999) / 1000)) : 0;
    } while (ready < 0 && errno == EINTR);
    return ready > 0 ? socket.revents : 0;
}

apr_status_t amlaps_pgsql_result(PGresult **result, amlaps_pgsql_t *link, amlaps_error_t *error)
{
    static const char doing[] = "using";

    *result = NULL;
    for (;;) {
        int unsent = PQflush(link->conn);
        short ready;

        if (unsent < 0) {
            return amlaps_pgsql_fail(link, NULL, doing, error);
        }
        if (!PQisBusy(link->conn)) {
            *result = PQgetResult(link->conn);
            return APR_SUCCESS;
        }
        ready = wait_for(link, (short)(unsent ? POLLIN | POLLOUT : POLLIN), link->until);
        if (ready == 0) {
            return late(link, doing, error);
        }
        if ((ready & ~POLLOUT) != 0 && !PQconsumeInput(link->conn)) {
            return amlaps_pgsql_fail(link, NULL, doing, error);
        }
    }
}

apr_status_t amlaps_pgsql_expect(PGresult **result, amlaps_pgsql_t *link, ExecStatusType expected, const char *doing, amlaps_error_t *error)
{
    PGresult *got = NULL;
    PGresult *end = NULL;
    apr_status_t status = amlaps_pgsql_result(&got, link, error);

    if (status == APR_SUCCESS && (got == NULL || PQresultStatus(got) != expected)) {
        status = amlaps_pgsql_fail(link, got, doing, error);
    }
    /* The end of a pipeline has no end of its own. */
    if (status == APR_SUCCESS && expected != PGRES_PIPELINE_SYNC) {
        status = amlaps_pgsql_result(&end, link, error);
        if (status == APR_SUCCESS && end != NULL) {
            status = amlaps_pgsql_fail(link, end, doing, error);
        }
        PQclear(end);
    }
    if (result != NULL) {
        *result = status == APR_SUCCESS ? got : NULL;
        got = status == APR_SUCCESS ? NULL : got;
    }
    PQclear(got);
    return status;
}

apr_status_t amlaps_pgsql_later(amlaps_pgsql_t *link, const char *sql, const char *const *value, int count, amlaps_error_t *error)
{
    if (!PQsendQueryParams(link->conn, sql, count, NULL, value, NULL, NULL, 0)) {
        return amlaps_pgsql_fail(link, NULL, "writing to", error);
    }
    link->unread++;
    return APR_SUCCESS;
}

apr_status_t amlaps_pgsql_catch_up(amlaps_pgsql_t *link, amlaps_error_t *error)
{
    apr_status_t status = APR_SUCCESS;

    while (link->unread > 0 && status == APR_SUCCESS) {
        link->unread--;
        status = amlaps_pgsql_expect(NULL, link, PGRES_COMMAND_OK, "writing to", error);
    }
    return status;
}

apr_status_t amlaps_pgsql_ask(PGresult **result, amlaps_pgsql_t *link, ExecStatusType expected, const char *sql, const char *const *value,
                              int count, amlaps_error_t *error)
{
    static const char doing[] = "using";
    PGresult *got = NULL;
    apr_status_t status;

    if (!PQsendQueryParams(link->conn, sql, count, NULL, value, NULL, NULL, 0) || !PQpipelineSync(link->conn)) {
        return amlaps_pgsql_fail(link, NULL, doing, error);
    }
    if ((status = amlaps_pgsql_catch_up(link, error)) == APR_SUCCESS
        && (status = amlaps_pgsql_expect(&got, link, expected, doing, error)) == APR_SUCCESS) {
        status = amlaps_pgsql_expect(NULL, link, PGRES_PIPELINE_SYNC, doing, error);
    }
    if (result != NULL && status == APR_SUCCESS) {
        *result = got;
        got = NULL;
    }
    PQclear(got);
    return status;
}

apr_status_t amlaps_pgsql_run(amlaps_pgsql_t *link, const char *sql, amlaps_error_t *error)
{
    static const char doing[] = "preparing";
    apr_status_t status = APR_SUCCESS;
    PGresult *result;

    if (!PQsendQuery(link->conn, sql)) {
        return amlaps_pgsql_fail(link, NULL, doing, error);
    }
    while (amlaps_pgsql_result(&result, link, error) == APR_SUCCESS && result != NULL) {
        ExecStatusType got = PQresultStatus(result);

        if (status == APR_SUCCESS && got != PGRES_COMMAND_OK && got != PGRES_TUPLES_OK) {
            status = amlaps_pgsql_fail(link, result, doing, error);
        }
        PQclear(result);
    }
    return error->status;
}

apr_int64_t amlaps_pgsql_number(const PGresult *result, int row, int column, apr_int64_t missing)
{
    return PQgetisnull(result, row, column) ? missing : apr_strtoi64(PQgetvalue(result, row, column), NULL, 10);
}

/* ---- connecting ---- */

static void take_notice(void *baton, const PGresult *result)
{
    amlaps_pgsql_t *link = baton;
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    if (severity != NULL && strcmp(severity, "WARNING") == 0) {
        apr_cpystrn(link->warning, text != NULL ? text : "a warning without text", sizeof(link->warning));
    }
}

static apr_status_t refuse(const amlaps_pgsql_t *link, const char *what, amlaps_error_t *error)
{
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0257", APR_EGENERAL, "the database of the store %s %s", link->name, what);
}

/**
 * The server's deadlines come before ours, so that it says what was waited for, and the connection stays good.
 *
 * Commits wait for the disk, and for the synchronous standbys that the server has, whatever role or database say; a warning that a commit did
 * not is always sent. A server that is cut off from this one soon lets go of its locks. The plans are those of a large table from the beginning.
 */
static apr_status_t set_session(amlaps_pgsql_t *link, apr_interval_time_t patience, amlaps_error_t *error)
{
    static const char format[] =
        "SELECT current_setting('fsync'), current_setting('server_encoding'), set_config('synchronous_commit',"
        " CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),"
        " set_config('client_min_messages', 'warning', false), set_config('statement_timeout', '%d', false),"
        " set_config('lock_timeout', '%d', false), set_config('idle_in_transaction_session_timeout', '%d', false),"
        " set_config('tcp_user_timeout', '%d', false), set_config('enable_seqscan', 'off', false),"
        " set_config('enable_bitmapscan', 'off', false), set_config('jit', 'off', false),"
        " set_config('plan_cache_mode', 'force_generic_plan', false)";
    int ms = (int)(patience / 1000);
    char sql[sizeof(format) + 64];
    PGresult *result;
    apr_status_t status;

    if (PQserverVersion(link->conn) < LEAST_SERVER) {
        return refuse(link, "is older than PostgreSQL 12; use a newer one", error);
    }
    /* Whoever waited for a lock must see what its last holder did; and a standby knows no other. Before all that reads. */
    if (amlaps_pgsql_run(link, "SET default_transaction_isolation = 'read committed'", error) != APR_SUCCESS) {
        return error->status;
    }
    snprintf(sql, sizeof(sql), format, ms * 7 / 8, ms * 3 / 4, ms, ms);
    if (!PQsendQuery(link->conn, sql)) {
        return amlaps_pgsql_fail(link, NULL, "opening", error);
    }
    status = amlaps_pgsql_expect(&result, link, PGRES_TUPLES_OK, "opening", error);
    if (status != APR_SUCCESS) {
        return status;
    }
    if (strcmp(PQgetvalue(result, 0, 0), "on") != 0) {
        status = refuse(link, "runs with fsync=off and loses records when its machine stops; set fsync=on in postgresql.conf", error);
    } else if (strcmp(PQgetvalue(result, 0, 1), "UTF8") != 0) {
        status = refuse(link, "does not keep its texts in UTF-8; make one with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0", error);
    }
    PQclear(result);
    return status;
}

static apr_status_t dial(amlaps_pgsql_t *link, int host, apr_time_t until, amlaps_error_t *error)
{
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    char line[256];

    /* Of several a standby may be behind, and say that records are missing which are not. */
    link->conn = amlaps_pgsql_dial(link->conninfo, host, link->reads && link->hosts == 1);
    if (link->conn == NULL) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0250", APR_ENOMEM, "no memory for a connection to the store %s", link->name);
    }
    PQsetNoticeReceiver(link->conn, take_notice, link);
    while (PQstatus(link->conn) != CONNECTION_BAD && next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED) {
        if (wait_for(link, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, until) == 0) {
            return late(link, "connecting to", error);
        }
        next = PQconnectPoll(link->conn);
    }
    if (next != PGRES_POLLING_OK || PQsetnonblocking(link->conn, 1) != 0) {
        say(line, PQerrorMessage(link->conn));
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0250", APR_INCOMPLETE, "the store %s cannot be reached: %s", link->name, line);
    }
    return APR_SUCCESS;
}

apr_status_t amlaps_pgsql_connect(amlaps_pgsql_t *link, apr_interval_time_t patience, amlaps_error_t *error)
{
    amlaps_error_t last = { 0 };
    int i;

    for (i = 0; i < link->hosts; i++) {
        apr_time_t now = steady();
        apr_time_t share = (link->until - now) / (link->hosts - i);

        memset(&last, 0, sizeof(last));
        if (dial(link, link->host, now + share, &last) == APR_SUCCESS && set_session(link, patience, &last) == APR_SUCCESS) {
            return APR_SUCCESS;
        }
        amlaps_pgsql_disconnect(link);
    }
    *error = error->status == APR_SUCCESS ? last : *error;
    return error->status;
}

void amlaps_pgsql_disconnect(amlaps_pgsql_t *link)
{
    PQfinish(link->conn);
    link->conn = NULL;
    link->broken = link->unread = 0;
    /* Another host may be the one that takes writes now. */
    link->host = (link->host + 1) % link->hosts;
}
