/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What only a database has: servers whose clocks differ, other encodings, sessions that somebody ends. Needs AMLAPS_TEST_PGSQL. */

#include "trail_world.h"

#include <sys/prctl.h>

#define HOUR SECONDS(3600)

/** One server of several: clocks, memory and children of its own. */
typedef struct node_t {
    world_t world;
    apr_interval_time_t skew;
} node_t;

static apr_time_t skewed_wall(void *baton)
{
    return atomic_load(&world_wall) + ((node_t *)baton)->skew;
}

/** Each machine's begins with its start. */
static apr_time_t skewed_steady(void *baton)
{
    return atomic_load(&world_steady) + 7 * ((node_t *)baton)->skew + 100 * HOUR;
}

static node_t *add_node(world_t *world, apr_interval_time_t skew)
{
    node_t *node = apr_pcalloc(world->pool, sizeof(*node));

    node->world = *world;
    node->skew = skew;
    node->world.shared = amlaps_trail_share();
    node->world.clock = (amlaps_clock_t){ skewed_wall, skewed_steady, node };
    node->world.config.clock = &node->world.clock;
    node->world.config.limits = node->world.limits;
    world_open(&node->world);
    return node;
}

static void test_servers_with_other_clocks_count_together(void **state)
{
    static const apr_interval_time_t skew[] = { 0, 2 * HOUR, -2 * HOUR };
    world_t *world = *state;
    amlaps_error_t error;
    node_t *node[3];
    int i;

    world_limit(world, AMLAPS_LIMIT_USER, "6/minute");
    for (i = 0; i < 3; i++) {
        node[i] = add_node(world, skew[i]);
    }
    for (i = 0; i < 6; i++) {
        assert_int_equal(world_admit(&node[i % 3]->world, "alice", NULL), AMLAPS_OK);
    }
    for (i = 0; i < 3; i++) {
        assert_int_equal(world_admit(&node[i]->world, "alice", &error), AMLAPS_RATE_LIMITED);
        assert_in_range(error.retry_after, SECONDS(40), SECONDS(60));
    }
    world_pass(SECONDS(61));
    for (i = 0; i < 6; i++) {
        assert_int_equal(world_admit(&node[2 - i % 3]->world, "alice", NULL), AMLAPS_OK);
    }
    assert_int_equal(world_admit(&node[1]->world, "alice", NULL), AMLAPS_RATE_LIMITED);
    for (i = 0; i < 3; i++) {
        world_close(&node[i]->world);
    }
    /* Verify checks that no time is before the one before. */
    world_verify_good(world, 16);
}

static void test_ended_sessions_are_made_anew(void **state)
{
    world_t *world = *state;
    int i;

    world_open(world);
    for (i = 0; i < 5; i++) {
        assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
        PQclear(world_ask_pgsql(world, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mod_amlaps'"));
    }
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    assert_int_equal(atomic_load(&world_messages), 0);
    world_close(world);
    world_verify_good(world, 6);
}

static void test_no_durability_is_weakened_by_the_role(void **state)
{
    world_t *world = *state;

    PQclear(world_ask_pgsql(world, "ALTER DATABASE amlaps SET synchronous_commit = off; ALTER DATABASE amlaps SET client_min_messages = error;"
                                   "CREATE FUNCTION amlaps.witness() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO amlaps.seen VALUES("
                                   "current_setting(''synchronous_commit''), current_setting(''client_min_messages'')); RETURN NEW; END';"
                                   "CREATE TABLE amlaps.seen(commits text, messages text);"
                                   "CREATE TRIGGER witness BEFORE INSERT ON amlaps.record FOR EACH ROW EXECUTE FUNCTION amlaps.witness()"));
    world_open(world);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    assert_int_equal(world_number(world, "SELECT count(*) FROM seen WHERE commits = 'on' AND messages = 'warning'"), 1);
    world_close(world);
    PQclear(world_ask_pgsql(world, "ALTER DATABASE amlaps RESET ALL"));
}

static void test_records_that_vanish_are_missed(void **state)
{
    world_t *world = *state;

    world_open(world);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    PQclear(world_ask_pgsql(world, "CREATE FUNCTION amlaps.swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
                                   "CREATE TRIGGER swallow BEFORE INSERT ON amlaps.record FOR EACH ROW EXECUTE FUNCTION amlaps.swallow()"));
    assert_int_equal(world_conclude(world, "alice"), AMLAPS_AUDIT_UNAVAILABLE);
    assert_int_equal(world_logged("AML0261"), 1);
    PQclear(world_ask_pgsql(world, "DROP TRIGGER swallow ON amlaps.record"));
    assert_int_equal(world_conclude(world, "alice"), AMLAPS_OK);
    world_close(world);
    world_verify_good(world, 2);
}

static void expect_loss_told(world_t *child)
{
    amlaps_error_t error;

    assert_int_equal(world_admit(child, "bob", &error), AMLAPS_AUDIT_UNAVAILABLE);
    assert_string_equal(error.id, "AML0259");
}

/** A standby that lacks what one child wrote is refused by all, and by those that a reload makes. */
static void test_all_children_miss_what_one_wrote(void **state)
{
    world_t *world = *state;
    world_t other = *world;

    world_open(world);
    world_open(&other);
    assert_int_equal(world_admit(&other, "bob", NULL), AMLAPS_OK);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    world_tamper(world, "DELETE FROM record WHERE seq = 2");
    expect_loss_told(&other);
    expect_loss_told(world);
    world_close(&other);
    amlaps_trail_restarted(world->shared);
    world_open(&other);
    expect_loss_told(&other);
    world_close(&other);
    /* Who stops httpd and starts it accepts what is there. */
    other.shared = amlaps_trail_share();
    world_open(&other);
    assert_int_equal(world_admit(&other, "bob", NULL), AMLAPS_OK);
    world_close(&other);
}

static void test_a_database_that_changes_texts_is_refused(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };

    PQclear(world_ask_pgsql(world, "DROP DATABASE IF EXISTS other"));
    PQclear(world_ask_pgsql(world, "CREATE DATABASE other ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"));
    assert_int_not_equal(amlaps_trail_prepare(&error, apr_pstrcat(world->pool, world->store, " dbname=other", NULL), (uid_t)-1, (gid_t)-1,
                                              world->pool), APR_SUCCESS);
    assert_string_equal(error.id, "AML0257");
    PQclear(world_ask_pgsql(world, "DROP DATABASE other"));
}

/** Servers that start at once on an empty database. */
static void start_at_once(world_t *world)
{
    pid_t child[4];
    int i;

    world->shared = amlaps_trail_share();
    PQclear(world_ask_pgsql(world, "DROP SCHEMA amlaps CASCADE"));
    for (i = 0; i < 4; i++) {
        child[i] = fork();
        if (child[i] == 0) {
            amlaps_error_t error = { 0 };

            _exit(amlaps_trail_prepare(&error, world->store, (uid_t)-1, (gid_t)-1, world->pool) == APR_SUCCESS ? 0 : 1);
        }
    }
    for (i = 0; i < 4; i++) {
        world_wait(child[i]);
    }
    assert_int_equal(world_number(world, "SELECT count(*) FROM version"), 1);
    world_open(world);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    world_close(world);
}

static void test_the_schema_is_made_once(void **state)
{
    world_t *world = *state;

    start_at_once(world);
    world_tamper(world, "ALTER DATABASE amlaps SET default_transaction_isolation = 'serializable'");
    start_at_once(world);
    world_tamper(world, "ALTER DATABASE amlaps RESET ALL");
}

/** What a mail server said may be of any bytes; the batch it stands in must not fail for it. */
static void test_foreign_bytes_spoil_no_batch(void **state)
{
    static const char *const soc[] = { "soc", NULL };
    world_t *world = *state;
    amlaps_record_t record = world_record(AMLAPS_EVENT_PASSWORD, AMLAPS_STAGE_OUTCOME, "alice");
    amlaps_error_t error = { 0 };
    amlaps_notice_t *notice;
    apr_interval_time_t wait;

    record.on_success = soc;
    world_open(world);
    assert_int_equal(amlaps_trail_conclude(&error, world->trail, &record, world->pool), APR_SUCCESS);
    assert_int_equal(amlaps_trail_take_notice(&notice, &wait, &error, world->trail, "soc", world->pool), APR_SUCCESS);
    assert_non_null(notice);
    assert_int_equal(amlaps_trail_end_notice(&error, world->trail, notice, AMLAPS_NOTICE_DEAD, 0, "550 \xFF\xFE gone"), APR_SUCCESS);
    assert_int_equal(world_number(world, "SELECT count(*) FROM notification WHERE dead = 1 AND why = '550 ?? gone'"), 1);
}

/** Stops the process in the middle of a batch, between the lock and the commit. */
static void freeze_in_transaction(const world_t *world, pid_t child)
{
    double until = world_now() + world_patience(20);

    for (;;) {
        kill(child, SIGSTOP);
        usleep(5000);
        if (world_number(world, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mod_amlaps' AND state = 'idle in transaction'") > 0) {
            return;
        }
        kill(child, SIGCONT);
        usleep(1000);
        assert_true(world_now() < until);
    }
}

/** Whose session hangs while it holds the store's lock is cut off by the server, and holds nobody up. */
static void test_a_frozen_server_lets_go(void **state)
{
    world_t *world = *state;
    int ready[2];
    char byte = 0;
    pid_t child;

    world->config.timeout = SECONDS(1);
    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        world_open(world);
        while (world_admit(world, "frozen", NULL) == AMLAPS_OK && write(ready[1], "r", 1) == 1) {
            continue;
        }
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    freeze_in_transaction(world, child);
    /* Its own memory, so that only the database's lock stands between them. */
    world->shared = amlaps_trail_share();
    world_open(world);
    for (double until = world_now() + world_patience(10); world_admit(world, "alice", NULL) != AMLAPS_OK;) {
        assert_true(world_now() < until);
    }
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    world_close(world);
    world_settle(world);
    world_verify_good(world, world_records(world));
}

/** Statements each of which is in time may not take longer together than a worker of httpd waits. */
static void test_slow_reading_ends_in_time(void **state)
{
    const amlaps_find_t find = {
        .filter = { .since = WORLD_START - HOUR }, .newest_first = 1, .most = 10, .patience = SECONDS(1)
    };
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    amlaps_records_t *records;
    double start;

    world_open(world);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    world_close(world);
    assert_int_equal(amlaps_trail_find(&records, &error, world->store, &find, world->pool), APR_SUCCESS);
    assert_int_equal(records->lines->nelts, 1);
    world_tamper(world, "ALTER TABLE record RENAME TO slow; CREATE VIEW record AS SELECT slow.* FROM slow, pg_sleep(3)");
    start = world_now();
    assert_int_not_equal(amlaps_trail_find(&records, &error, world->store, &find, world->pool), APR_SUCCESS);
    assert_string_equal(error.id, "AML0251");
    assert_true(world_now() - start < world_patience(8));
}

/** Nobody made it, but who may write to the database can: it must not lead the upgrade anywhere. */
static void test_schema_below_zero_is_refused(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };

    world_open(world);
    world_close(world);
    world_tamper(world, "UPDATE amlaps.version SET number = -2000000000");
    assert_int_not_equal(amlaps_trail_prepare(&error, world->store, (uid_t)-1, (gid_t)-1, world->pool), APR_SUCCESS);
    assert_string_equal(error.id, "AML0258");
}

static const struct CMUnitTest tests[] = {
    WORLD_TEST(test_servers_with_other_clocks_count_together), WORLD_TEST(test_ended_sessions_are_made_anew),
    WORLD_TEST(test_no_durability_is_weakened_by_the_role), WORLD_TEST(test_records_that_vanish_are_missed), WORLD_TEST(test_all_children_miss_what_one_wrote),
    WORLD_TEST(test_a_database_that_changes_texts_is_refused),
    WORLD_TEST(test_the_schema_is_made_once), WORLD_TEST(test_foreign_bytes_spoil_no_batch), WORLD_TEST(test_a_frozen_server_lets_go),
    WORLD_TEST(test_slow_reading_ends_in_time), WORLD_TEST(test_schema_below_zero_is_refused)
};

WORLD_MAIN(tests)
