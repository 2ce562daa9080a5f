/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Records that are exported and removed: both parts verify, and nothing else may be missing. */

#include "trail_retain.h"

#include <signal.h>

#include <sys/resource.h>

static int to_nowhere(void *baton, apr_int64_t seq, const char *json)
{
    (void)baton;
    (void)seq;
    return json != NULL;
}

static void expect_parts(world_t *world, long first_bad)
{
    amlaps_verify_t result = { 0 };
    amlaps_error_t error = { 0 };
    int more = 1;

    while (more) {
        assert_int_equal(amlaps_trail_verify_part(&result, &more, &error, world->store, 0, world->pool), APR_SUCCESS);
    }
    if (result.first_bad != first_bad) {
        fail_msg("record %ld: %s", (long)result.first_bad, result.problem);
    }
}

static void expect_bad(world_t *world, int with, long record)
{
    amlaps_verify_t result = sealed_verify(world, with);

    if (result.first_bad != record) {
        fail_msg("with %d, record %ld: %s", with, (long)result.first_bad, result.problem);
    }
    assert_true(result.records < record);
}

/** Leaves a store open whose older half went to a file. */
static void write_and_export(world_t *world)
{
    apr_time_t time;

    world_open(world);
    sealed_write(world, 5);
    time = now();
    sealed_write(world, 5);
    retain(world, "x.jsonl", time);
}

static void test_both_parts_verify(void **state)
{
    world_t *world = *state;
    amlaps_retained_t retained;
    char before[65];
    apr_time_t first, second;

    world_open(world);
    sealed_write(world, 50);
    first = now();
    sealed_write(world, 50);
    retained = retain(world, "first.jsonl", first);
    assert_int_equal(retained.first, 1);
    assert_int_equal(retained.last, 101);
    expect_file(world, NULL, 101);
    assert_int_equal(world_records(world), 101);
    /* The child whose records went away goes on. */
    sealed_write(world, 50);
    sealed_verify_good(world, 201);
    expect_parts(world, 0);
    second = now();
    sealed_write(world, 1);
    strcpy(before, retained.hash);
    retained = retain(world, "second.jsonl", second);
    assert_int_equal(retained.first, 102);
    assert_int_equal(retained.last, 302);
    expect_file(world, before, 201);
    sealed_write(world, 1);
    world_close(world);
    sealed_verify_good(world, 5);
    expect_parts(world, 0);
    assert_int_equal(sealed_verify(world, 0).exported, 302);
}

/** The record of an export may stand far behind the first record and far before the newest one. */
static void test_the_export_is_looked_for_in_parts(void **state)
{
    world_t *world = *state;
    amlaps_verify_t result = { 0 }, begun;
    amlaps_error_t error = { 0 };
    amlaps_retained_t retained;
    apr_time_t first, second;
    int more, parts = 0;

    world_open(world);
    sealed_write(world, 5);
    first = now();
    sealed_write(world, 5);
    retained = retain(world, "first.jsonl", first);
    sealed_write(world, 50);
    second = now();
    sealed_write(world, 50);
    assert_int_equal(amlaps_trail_verify_part(&result, &more, &error, world->store, 0, world->pool), APR_SUCCESS);
    assert_true(more);
    assert_int_equal(result.records, 0);
    assert_int_equal(result.last, 0);
    assert_int_equal(result.seam_first, retained.last + 1);
    begun = result;
    do {
        const apr_int64_t seam = result.seam;

        assert_int_equal(amlaps_trail_verify_part(&result, &more, &error, world->store, 0, world->pool), APR_SUCCESS);
        assert_true(result.seam < seam);
        parts++;
    } while (result.seam != 0);
    assert_true(parts > 2);
    assert_int_equal(result.exported, retained.last);
    assert_int_equal(result.records, 64);
    expect_parts(world, 0);
    /* Another export while it looks: the newer record is not passed over. */
    retain(world, "second.jsonl", second);
    world_close(world);
    assert_int_equal(amlaps_trail_verify_part(&begun, &more, &error, world->store, SECONDS(60), world->pool), APR_SUCCESS);
    assert_false(more);
    assert_int_equal(begun.first_bad, 0);
    assert_int_equal(begun.seam, 0);
}

static void test_what_nobody_exported_is_missed(void **state)
{
    world_t *world = *state;

    write_and_export(world);
    sealed_write(world, 1);
    world_close(world);
    assert_int_equal(world_number(world, "SELECT min(seq) FROM record"), 12);
    world_tamper(world, "DELETE FROM record WHERE seq <= 14");
    expect_bad(world, 0, 12);
    expect_bad(world, WITH_ALL, 12);
    expect_parts(world, 12);
    world_tamper(world, "DELETE FROM record WHERE seq <= 22");
    expect_bad(world, 0, 1);
    expect_parts(world, 1);
}

/** Its record says where the rest must begin; another beginning is another story. */
static void test_forged_beginning(void **state)
{
    world_t *world = *state;

    write_and_export(world);
    world_close(world);
    world_tamper(world, "UPDATE record SET body = replace(body, 'LON-001', 'LON-002') WHERE seq = 12");
    expect_bad(world, 0, 12);
    world_tamper(world, "UPDATE record SET body = replace(body, 'LON-002', 'LON-001') WHERE seq = 12;"
                        "UPDATE record SET anchor = substr(anchor, 2) || 'a' WHERE seq = 12");
    expect_bad(world, WITH_KEY, 12);
}

/** A removal that did not come to its end. */
static void test_interrupted_removal(void **state)
{
    world_t *world = *state;
    apr_time_t time;

    world_open(world);
    sealed_write(world, 5);
    time = now();
    sealed_write(world, 1);
    world_close(world);
    world_tamper(world, "CREATE TABLE kept AS SELECT * FROM record WHERE seq BETWEEN 7 AND 11");
    retain(world, "x.jsonl", time);
    world_tamper(world, "INSERT INTO record SELECT * FROM kept; DROP TABLE kept");
    assert_int_equal(sealed_verify(world, WITH_KEY | WITH_STATE).first_bad, 0);
    expect_parts(world, 0);
    retain(world, "y.jsonl", time);
    assert_int_equal(world_number(world, "SELECT min(seq) FROM record"), 12);
    assert_int_equal(sealed_verify(world, WITH_KEY | WITH_STATE).first_bad, 0);
}

static void test_unsealed(void **state)
{
    world_t *world = *state;

    world->config.clock = amlaps_clock_system();
    write_and_export(world);
    expect_file(world, NULL, 10);
    sealed_write(world, 1);
    world_close(world);
    assert_int_equal(sealed_verify(world, 0).first_bad, 0);
    assert_int_equal(sealed_verify(world, 0).records, 13);
    expect_parts(world, 0);
    world_tamper(world, "DELETE FROM record WHERE seq = 11");
    expect_bad(world, 0, 11);
}

/** A newer record whose reason looks like the code of an export, and one of another event that has this code. */
static void test_what_only_looks_like_an_export(void **state)
{
    world_t *world = *state;
    amlaps_record_t record = world_record(AMLAPS_EVENT_AUDIT, AMLAPS_STAGE_OUTCOME, "alice");
    amlaps_error_t error = { 0 };

    write_and_export(world);
    record.reason = "\"code\":\"exported\",\"event\":\"audit\"";
    assert_int_equal(amlaps_trail_conclude(&error, world->trail, &record, world->pool), APR_SUCCESS);
    record = world_record(AMLAPS_EVENT_PASSWORD, AMLAPS_STAGE_OUTCOME, "alice");
    record.code = "exported";
    record.reason = "audit";
    assert_int_equal(amlaps_trail_conclude(&error, world->trail, &record, world->pool), APR_SUCCESS);
    world_close(world);
    assert_int_equal(sealed_verify(world, WITH_KEY).first_bad, 0);
    assert_int_equal(sealed_verify(world, WITH_KEY).exported, 11);
    expect_parts(world, 0);
}

typedef struct rival_t {
    world_t *world;
    apr_time_t before;
} rival_t;

/** Another export, of more, begins and ends while this one is about to be told of. */
static int to_rival(void *baton, apr_int64_t seq, const char *json)
{
    rival_t *rival = baton;

    (void)seq;
    return json != NULL || retain(rival->world, "more.jsonl", rival->before).last == 21;
}

static void test_exports_side_by_side(void **state)
{
    world_t *world = *state;
    rival_t rival = { .world = world };
    amlaps_error_t error = { 0 };
    amlaps_retained_t retained;
    apr_time_t first;

    world_open(world);
    sealed_write(world, 5);
    first = now();
    sealed_write(world, 5);
    rival.before = now();
    sealed_write(world, 5);
    assert_int_equal(amlaps_trail_retain(&retained, &error, world->store, world->config.seal, first, "root", to_rival, &rival, world->pool), APR_SUCCESS);
    world_close(world);
    assert_int_equal(sealed_verify(world, WITH_KEY).first_bad, 0);
    assert_int_equal(sealed_verify(world, WITH_KEY).exported, 21);
    expect_parts(world, 0);
}

static void test_nothing_is_removed_that_was_not_taken(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    amlaps_retained_t retained;

    world_open(world);
    sealed_write(world, 5);
    world_close(world);
    assert_int_not_equal(amlaps_trail_retain(&retained, &error, world->store, sealed_state, apr_time_now() + SECONDS(1), "root", to_nowhere, NULL,
                                             world->pool), APR_SUCCESS);
    assert_string_equal(error.id, "AML0240");
    assert_int_equal(world_records(world), 11);
    sealed_verify_good(world, 11);
    /* Nothing that old is here. */
    assert_int_equal(retain(world, "x.jsonl", SECONDS(1)).last, 0);
    assert_int_equal(retain(world, "x.jsonl", 0).last, 0);
    assert_int_equal(retain(world, "x.jsonl", -SECONDS(1)).last, 0);
    assert_int_equal(world_records(world), 11);
    /* The newest record always stays. */
    assert_int_equal(retain(world, "x.jsonl", apr_time_now() + SECONDS(1)).last, 10);
    assert_int_equal(world_records(world), 2);
}

/** Where no record is left that the state could be compared with, it is none of this trail as it is now. */
static void test_a_state_from_before_the_first_record_is_told(void **state)
{
    world_t *world = *state;
    amlaps_verify_t result;
    size_t length;
    char *old;
    apr_time_t time;

    world_open(world);
    sealed_write(world, 2);
    world_close(world);
    old = sealed_take(world, sealed_state, &length);
    world_open(world);
    sealed_write(world, 1);
    time = now();
    sealed_write(world, 1);
    world_close(world);
    assert_int_equal(retain(world, "x.jsonl", time).last, 7);
    assert_int_equal(sealed_verify(world, WITH_ALL).first_bad, 0);
    sealed_put(sealed_state, old, length);
    result = sealed_verify(world, WITH_STATE);
    assert_int_equal(result.first_bad, 8);
    assert_non_null(strstr(result.problem, "state"));
    assert_int_equal(sealed_verify(world, WITH_ALL).first_bad, 8);
}

/** Somewhere between the record that tells of the export and the end of the removal the disk becomes full: whoever took the file for useless then would
 *  lose what the store has no more. A limit of the files' size stands in for the disk, and a reader keeps the log from beginning anew. */
static void test_an_export_counts_once_a_record_tells_of_it(void **state)
{
    world_t *world = *state;
    amlaps_retained_t retained = { 0 };
    struct rlimit limit, less;
    sqlite3 *reader = NULL;
    apr_time_t until;
    struct stat log;

    if (world->conninfo != NULL) {
        skip();
    }
    world_open(world);
    sealed_write(world, 5);
    until = now();
    sealed_write(world, 1);
    world_close(world);
    assert_int_equal(sqlite3_open(world->path, &reader), SQLITE_OK);
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT * FROM record", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(stat(apr_pstrcat(world->pool, world->path, "-wal", NULL), &log), 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    less = limit;
    snprintf(exported, sizeof(exported), "%s/full.jsonl", world->directory);
    for (less.rlim_cur = (rlim_t)log.st_size; !retained.told; less.rlim_cur += 2048) {
        amlaps_error_t error = { 0 };
        FILE *file = fopen(exported, "w");

        assert_int_equal(setrlimit(RLIMIT_FSIZE, &less), 0);
        assert_int_not_equal(amlaps_trail_retain(&retained, &error, world->store, sealed_state, until, "root", to_file, file, world->pool), APR_SUCCESS);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        fclose(file);
    }
    sqlite3_close(reader);
    expect_file(world, NULL, retained.last);
    retained = retain(world, "rest.jsonl", until);
    assert_int_equal(retained.told, 1);
    assert_int_equal(retain(world, "none.jsonl", until).told, 0);
    assert_int_equal(sealed_verify(world, WITH_KEY | WITH_STATE).first_bad, 0);
}

static const struct CMUnitTest tests[] = {
    SEALED_TEST(test_an_export_counts_once_a_record_tells_of_it), SEALED_TEST(test_both_parts_verify), SEALED_TEST(test_the_export_is_looked_for_in_parts), SEALED_TEST(test_what_nobody_exported_is_missed), SEALED_TEST(test_forged_beginning),
    SEALED_TEST(test_interrupted_removal), SEALED_TEST(test_a_state_from_before_the_first_record_is_told), WORLD_TEST(test_unsealed), SEALED_TEST(test_what_only_looks_like_an_export),
    SEALED_TEST(test_exports_side_by_side), SEALED_TEST(test_nothing_is_removed_that_was_not_taken)
};

WORLD_MAIN(tests)
