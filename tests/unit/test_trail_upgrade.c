/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Stores of an older schema, at the first start of this build. */
#include "trail_sealed.h"

#include <signal.h>
#include <sys/resource.h>

static void test_older_store_is_read_and_upgraded(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };

    world_open(world);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    world_close(world);
    world_make_schema_5(world);
    world_tamper(world, "DROP TABLE notification; DROP TABLE channel; ALTER TABLE record DROP COLUMN anchor; ALTER TABLE attempt RENAME TO attempt_5;"
                        "CREATE TABLE attempt(n INTEGER PRIMARY KEY, scope INTEGER NOT NULL, key TEXT NOT NULL, time INTEGER NOT NULL);"
                        "INSERT INTO attempt(scope, key, time) SELECT scope, key, time FROM attempt_5; DROP TABLE attempt_5;"
                        "CREATE INDEX attempt_key ON attempt(scope, key, time); CREATE INDEX record_time ON record(time);"
                        "CREATE INDEX record_id ON record(id);"
                        "CREATE INDEX record_actor ON record(actor); CREATE INDEX record_device ON record(device); PRAGMA user_version = 1");
    world_verify_good(world, 1);
    assert_int_equal(amlaps_trail_prepare(&error, world->store, (uid_t)-1, (gid_t)-1, world->pool), APR_SUCCESS);
    world_open(world);
    assert_int_equal(world_conclude(world, "alice"), AMLAPS_OK);
    world_verify_good(world, 2);
    assert_int_equal(world_number(world, "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'record'"), 0);
    /* Attempts of before count on. */
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    assert_int_equal(world_number(world, "SELECT count(*) FROM attempt WHERE ordinal = 1"), 2);
    assert_int_equal(world_number(world, "SELECT count(*) FROM attempt WHERE ordinal = 2"), 2);
}

/** Records and their anchors stay what they were, and the rest of the store is left alone: what an administrator made over it, too. */
static void test_columns_go_with_schema_6(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    char columns[100];

    world_open(world);
    sealed_write(world, 3);
    world_close(world);
    world_make_schema_5(world);
    sealed_verify_good(world, 7);
    world_tamper(world, "CREATE TABLE before AS SELECT * FROM record; CREATE VIEW people AS SELECT seq, actor FROM record;"
                        "CREATE VIEW texts AS SELECT seq, body FROM record; CREATE TABLE deleted(seq INTEGER);"
                        "CREATE TRIGGER noted BEFORE DELETE ON record BEGIN INSERT INTO deleted VALUES(old.seq); END");
    assert_int_equal(amlaps_trail_prepare(&error, world->store, (uid_t)-1, (gid_t)-1, world->pool), APR_SUCCESS);
    assert_int_equal(world_number(world, "PRAGMA user_version"), 6);
    world_text(columns, sizeof(columns), world, "SELECT group_concat(name || ' ' || type || ' ' || \"notnull\" || pk) FROM pragma_table_info('record')");
    assert_string_equal(columns, "seq INTEGER 01,time INTEGER 10,body TEXT 10,hash TEXT 10,anchor TEXT 00");
    assert_int_equal(world_number(world, "SELECT count(*) FROM record JOIN before USING (seq, time, body, hash, anchor)"), 7);
    assert_int_equal(world_number(world, "SELECT count(*) FROM texts"), 7);
    assert_int_equal(world_number(world, "SELECT count(*) FROM deleted"), 0);
    sealed_verify_good(world, 7);
    world_open(world);
    sealed_write(world, 1);
    world_close(world);
    sealed_verify_good(world, 9);
}

static off_t size_of_log(const world_t *world)
{
    struct stat info;

    assert_int_equal(stat(apr_pstrcat(world->pool, world->path, "-wal", NULL), &info), 0);
    return info.st_size;
}

/** A limit of the files' size stands in for a disk that is too small: the log must not keep what was left of it. */
static void expect_no_upgrade_without_room(const world_t *world)
{
    amlaps_error_t error = { 0 };
    struct rlimit limit;
    rlim_t before;

    world_tamper(world, "PRAGMA wal_checkpoint(TRUNCATE)");
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    before = limit.rlim_cur;
    limit.rlim_cur = (rlim_t)1024 * 1024;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_not_equal(amlaps_trail_prepare(&error, world->store, (uid_t)-1, (gid_t)-1, world->pool), APR_SUCCESS);
    limit.rlim_cur = before;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_true(size_of_log(world) < 64 * 1024);
    assert_int_equal(world_number(world, "PRAGMA user_version"), 5);
    assert_int_equal(world_records(world), 3500);
}

/** Many records, of any numbers that an attacker may have given them: all are moved, and no file stays twice as large, not even where a trigger
 *  keeps records from being deleted. */
static void test_large_store_is_upgraded_in_its_own_room(void **state)
{
    world_t *world = *state;
    const char *before = apr_pstrcat(world->pool, world->directory, "/before.db", NULL);
    amlaps_error_t error = { 0 };
    long pages;

    world_make_schema_5(world);
    world_tamper(world, "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 3500)"
                        " INSERT INTO record SELECT 2 * x - 900, x, x, 'intent', 'password', 'pending', 'alice', 'device', x || hex(zeroblob(400)), x,"
                        " CASE WHEN x > 50 THEN -x END FROM c;"
                        "UPDATE record SET seq = -9223372036854775808 WHERE seq = 100; UPDATE record SET seq = 9223372036854775807 WHERE seq = 102;"
                        "CREATE TRIGGER kept BEFORE DELETE ON record BEGIN SELECT RAISE(IGNORE); END");
    pages = world_number(world, "PRAGMA page_count");
    assert_true(pages > 500);
    world_tamper(world, apr_psprintf(world->pool, "VACUUM INTO '%s'", before));
    expect_no_upgrade_without_room(world);
    assert_int_equal(amlaps_trail_prepare(&error, world->store, (uid_t)-1, (gid_t)-1, world->pool), APR_SUCCESS);
    assert_true(size_of_log(world) < 64 * 1024);
    assert_in_range(world_number(world, "PRAGMA page_count"), pages / 2, pages + pages / 2);
    assert_int_equal(world_records(world), 3500);
    world_tamper(world, apr_psprintf(world->pool, "ATTACH '%s' AS old; CREATE TABLE same AS SELECT old.record.seq FROM record JOIN old.record"
                                                  " ON main.record.seq = old.record.seq AND main.record.time = old.record.time"
                                                  " AND main.record.body = old.record.body AND main.record.hash = old.record.hash"
                                                  " AND main.record.anchor IS old.record.anchor", before));
    assert_int_equal(world_number(world, "SELECT count(*) FROM same"), 3500);
}

/** By a newer build, while a child of this one serves still: to say that the store is as old as this build knows would have it upgraded twice. */
static void test_version_of_a_store_upgraded_meanwhile_stays(void **state)
{
    world_t *world = *state;
    const char *newer = apr_psprintf(world->pool, "PRAGMA user_version = %ld", world_number(world, "PRAGMA user_version") + 1);
    long version;

    world_open(world);
    assert_true(amlaps_trail_probe(world->trail));
    world_tamper(world, newer);
    version = world_number(world, "PRAGMA user_version");
    world_pass(SECONDS(10));
    assert_false(amlaps_trail_probe(world->trail));
    assert_int_equal(world_number(world, "PRAGMA user_version"), version);
    assert_int_equal(world_logged("AML0207"), 1);
}

static int open_setup(void **state)
{
    int failed = world_setup(state);

    return failed != 0 ? failed : chmod(((world_t *)*state)->directory, 0755);
}

#define OPEN_TEST(function) cmocka_unit_test_setup_teardown(function, open_setup, world_teardown)

static const struct CMUnitTest tests[] = {
    OPEN_TEST(test_older_store_is_read_and_upgraded), SEALED_TEST(test_columns_go_with_schema_6),
    OPEN_TEST(test_large_store_is_upgraded_in_its_own_room), OPEN_TEST(test_version_of_a_store_upgraded_meanwhile_stays)
};

WORLD_MAIN(tests)
