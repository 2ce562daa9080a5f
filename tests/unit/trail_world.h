/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TEST_TRAIL_WORLD_H
#define AMLAPS_TEST_TRAIL_WORLD_H

/*
 * What the tests of the trail share: a store of its own, clocks that move by hand, and the log. The store is a file in a new directory, or the
 * database that AMLAPS_TEST_PGSQL names, emptied (tests/lib/with-postgres.mjs).
 */

#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <cmocka.h>
#include <libpq-fe.h>
#include <sqlite3.h>

#include "amlaps/text.h"
#include "amlaps/trail.h"

#define WORLD_START apr_time_from_sec(1900000000)
#define SECONDS(n) apr_time_from_sec(n)

typedef struct world_t {
    apr_pool_t *pool;       /* of the test */
    apr_pool_t *child;      /* the trail's, as httpd's child pool */
    char directory[128];
    char path[192];
    char store[208];
    const char *conninfo;   /* NULL: the store is the file `path` */
    amlaps_trail_shared_t *shared;
    amlaps_trail_t *trail;
    amlaps_limit_t limits[8];
    amlaps_trail_sink_t sinks[4];
    amlaps_trail_config_t config;
    amlaps_clock_t clock;
} world_t;

static _Atomic apr_time_t world_wall, world_steady;
static atomic_int world_messages; /* warnings and errors */
static char world_last_id[16];
static pthread_mutex_t world_log_mutex = PTHREAD_MUTEX_INITIALIZER;
static char world_ids[4096]; /* every message's id, in order, with a blank after each */

static apr_time_t world_wall_now(void *baton)
{
    (void)baton;
    return atomic_load(&world_wall);
}

static apr_time_t world_steady_now(void *baton)
{
    (void)baton;
    return atomic_load(&world_steady);
}

static inline void world_pass(apr_interval_time_t time)
{
    atomic_fetch_add(&world_wall, time);
    atomic_fetch_add(&world_steady, time);
}

static void world_log(void *baton, amlaps_log_level_t level, const char *id, apr_status_t status, const char *message)
{
    (void)baton;
    (void)status;
    (void)message;
    pthread_mutex_lock(&world_log_mutex);
    if (strlen(world_ids) + strlen(id) + 2 < sizeof(world_ids)) {
        strcat(strcat(world_ids, id), " ");
    }
    snprintf(world_last_id, sizeof(world_last_id), "%s", id);
    pthread_mutex_unlock(&world_log_mutex);
    if (level <= AMLAPS_LOG_WARNING) {
        atomic_fetch_add(&world_messages, 1);
    }
}

/** How often a message with this id was logged since the world was made. */
static inline int world_logged(const char *id)
{
    const char *place = world_ids;
    int count = 0;

    pthread_mutex_lock(&world_log_mutex);
    while ((place = strstr(place, id)) != NULL) {
        count++;
        place++;
    }
    pthread_mutex_unlock(&world_log_mutex);
    return count;
}

static inline int world_remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

static inline void world_remove(const char *directory)
{
    nftw(directory, world_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void world_open(world_t *world)
{
    amlaps_error_t error = { 0 };

    assert_int_equal(apr_pool_create(&world->child, world->pool), APR_SUCCESS);
    assert_int_equal(amlaps_trail_open(&world->trail, &error, &world->config, world->shared, world->child), APR_SUCCESS);
}

static inline void world_close(world_t *world)
{
    if (world->child != NULL) {
        apr_pool_destroy(world->child);
    }
    world->child = NULL;
    world->trail = NULL;
}

static inline void world_limit(world_t *world, amlaps_limit_scope_t scope, const char *text)
{
    assert_null(amlaps_limit_parse(&world->limits[world->config.limit_count++], scope, text, world->pool));
}

/** Runs SQL in the database of the store. @return the result, to be cleared */
static inline PGresult *world_ask_pgsql(const world_t *world, const char *sql)
{
    PGconn *conn = PQconnectdb(world->conninfo);
    PGresult *result;

    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    PQclear(PQexec(conn, "SET client_min_messages = error; SET search_path = amlaps"));
    result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK) {
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    }
    PQfinish(conn);
    return result;
}

/** A prepared store; the trail is not open yet. */
static inline int world_setup(void **state)
{
    const char *temporary = getenv("TMPDIR");
    world_t *world = calloc(1, sizeof(*world));
    amlaps_error_t error = { 0 };

    world_ids[0] = '\0';
    atomic_store(&world_messages, 0);
    atomic_store(&world_wall, WORLD_START);
    atomic_store(&world_steady, SECONDS(1000));
    amlaps_log_set(world_log, NULL);
    assert_int_equal(apr_pool_create(&world->pool, NULL), APR_SUCCESS);
    snprintf(world->directory, sizeof(world->directory), "%.80s/amlaps-trail-XXXXXX", temporary != NULL ? temporary : P_tmpdir);
    assert_non_null(mkdtemp(world->directory));
    snprintf(world->path, sizeof(world->path), "%s/amlaps.db", world->directory);
    snprintf(world->store, sizeof(world->store), "sqlite3:%s", world->path);
    world->conninfo = getenv("AMLAPS_TEST_PGSQL");
    if (world->conninfo != NULL) {
        snprintf(world->store, sizeof(world->store), "pgsql:%s", world->conninfo);
        PQclear(world_ask_pgsql(world, "DROP SCHEMA IF EXISTS amlaps CASCADE"));
    }
    world->clock = (amlaps_clock_t){ world_wall_now, world_steady_now, NULL };
    world->shared = amlaps_trail_share();
    assert_non_null(world->shared);
    world->config = (amlaps_trail_config_t){ .store = world->store, .timeout = SECONDS(10), .limits = world->limits,
                                             .sinks = world->sinks, .clock = &world->clock };
    if (amlaps_trail_prepare(&error, world->store, (uid_t)-1, (gid_t)-1, world->pool) != APR_SUCCESS) {
        fail_msg("%s", error.detail);
    }
    *state = world;
    return 0;
}

static inline int world_teardown(void **state)
{
    world_t *world = *state;

    world_close(world);
    world_remove(world->directory);
    apr_pool_destroy(world->pool);
    free(world);
    return 0;
}

static inline amlaps_record_t world_record(amlaps_event_t event, amlaps_stage_t stage, const char *person)
{
    amlaps_record_t record = { .id = "0c6a0f0e-0000-4000-8000-000000000001", .stage = stage, .event = event,
                               .outcome = stage == AMLAPS_STAGE_INTENT ? AMLAPS_OUTCOME_PENDING : AMLAPS_OUTCOME_GRANTED,
                               .code = stage == AMLAPS_STAGE_INTENT ? NULL : "ok", .oid = person, .tid = "tenant", .username = person,
                               .address = "10.1.2.3", .tenant = "contoso", .device_id = "device-1", .device_name = "LON-001",
                               .rule = "London", .reason = "INC0012345" };
    return record;
}

static inline amlaps_code_t world_admit(world_t *world, const char *person, amlaps_error_t *error)
{
    amlaps_record_t record = world_record(AMLAPS_EVENT_PASSWORD, AMLAPS_STAGE_INTENT, person);
    amlaps_error_t own = { 0 };
    apr_pool_t *pool;

    error = error != NULL ? error : &own;
    memset(error, 0, sizeof(*error));
    apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
    if (amlaps_trail_admit(error, world->trail, &record, pool) == APR_SUCCESS) {
        assert_int_equal(error->status, APR_SUCCESS);
        error->code = AMLAPS_OK;
    }
    apr_pool_destroy(pool);
    return error->code;
}

static inline amlaps_code_t world_conclude(world_t *world, const char *person)
{
    amlaps_record_t record = world_record(AMLAPS_EVENT_PASSWORD, AMLAPS_STAGE_OUTCOME, person);
    amlaps_error_t error = { 0 };
    apr_pool_t *pool;

    apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
    if (amlaps_trail_conclude(&error, world->trail, &record, pool) == APR_SUCCESS) {
        error.code = AMLAPS_OK;
    }
    apr_pool_destroy(pool);
    return error.code;
}

/** One text from the store, through a connection of its own. */
static inline void world_text(char *text, size_t room, const world_t *world, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    sqlite3 *db = NULL;
    int persist = 1;

    if (world->conninfo != NULL) {
        PGresult *result = world_ask_pgsql(world, sql);

        snprintf(text, room, "%s", PQgetvalue(result, 0, 0));
        PQclear(result);
        return;
    }
    assert_int_equal(sqlite3_open_v2(world->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
    sqlite3_busy_timeout(db, 5000);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    snprintf(text, room, "%s", (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

/** The same as a number. */
static inline long world_number(const world_t *world, const char *sql)
{
    char text[32];

    world_text(text, sizeof(text), world, sql);
    return atol(text);
}

/** Waits until nobody writes any more: a database goes on for a moment with what a dead client had sent. */
static inline void world_settle(const world_t *world)
{
    while (world->conninfo != NULL && world_number(world, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                                                          " AND backend_type = 'client backend' AND pid <> pg_backend_pid()") > 0) {
        usleep(1000);
    }
}

static inline long world_records(const world_t *world)
{
    return world_number(world, "SELECT count(*) FROM record");
}

/** Changes the store behind the module's back. */
static inline void world_tamper(const world_t *world, const char *sql)
{
    sqlite3 *db = NULL;
    char *why = NULL;
    int persist = 1;

    if (world->conninfo != NULL) {
        PQclear(world_ask_pgsql(world, sql));
        return;
    }
    assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
    sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
    sqlite3_busy_timeout(db, 5000);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
        fail_msg("%s", why);
    }
    sqlite3_close(db);
}

/** Makes the SQLite store one of schema 5, which kept six columns beside each record. */
static inline void world_make_schema_5(const world_t *world)
{
    world_tamper(world, "CREATE TABLE record_5(seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, id TEXT NOT NULL, stage TEXT NOT NULL,"
                        " event TEXT NOT NULL, outcome TEXT NOT NULL, actor TEXT, device TEXT, body TEXT NOT NULL, hash TEXT NOT NULL, anchor TEXT);"
                        "INSERT INTO record_5 SELECT seq, time, coalesce(json_extract(body, '$.id'), ''), json_extract(body, '$.stage'),"
                        " json_extract(body, '$.event'), json_extract(body, '$.outcome'),"
                        " coalesce(json_extract(body, '$.actor.username'), json_extract(body, '$.actor.oid'),"
                        " json_extract(body, '$.actor.subject'), json_extract(body, '$.actor.name')),"
                        " coalesce(json_extract(body, '$.device.deviceId'), json_extract(body, '$.device.name')), body, hash, anchor FROM record;"
                        "DROP TABLE record; ALTER TABLE record_5 RENAME TO record; PRAGMA user_version = 5");
}

static inline void world_verify_good(const world_t *world, long records)
{
    amlaps_error_t error = { 0 };
    amlaps_verify_t result;

    if (amlaps_trail_verify(&result, &error, world->store, NULL, world->pool) != APR_SUCCESS) {
        fail_msg("%s", error.detail);
    }
    if (result.first_bad != 0) {
        fail_msg("record %ld: %s", (long)result.first_bad, result.problem);
    }
    assert_int_equal(result.records, records);
}

static inline double world_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/** As many seconds, or ten times as many where the run says that it is slow (under valgrind). */
static inline double world_patience(double seconds)
{
    return getenv("AMLAPS_SLOW") != NULL ? 10 * seconds : seconds;
}

/** Waits for a child that must end well. */
static inline void world_wait(pid_t child)
{
    int status = 0;

    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define WORLD_TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

#define WORLD_MAIN(tests)                                             int main(void)                                                    {                                                                     int failed;                                                       apr_initialize();                                                 failed = cmocka_run_group_tests(tests, NULL, NULL);               apr_terminate();                                                  return failed;                                                }

#endif
