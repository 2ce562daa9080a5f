/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Where a trail is cut: files that begin in the middle of it, and exports while somebody verifies. */

#include "trail_retain.h"

#include <sys/prctl.h>
#include <sys/resource.h>

/** As a copy does that was begun anew with it, and the rest of a trail whose older part was exported. */
static void test_a_file_may_begin_with_a_recovery(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    char before[65];
    apr_time_t first, second;

    world_open(world);
    sealed_write(world, 2);
    world_close(world);
    first = now();
    assert_int_equal(sealed_recover(world, &error), APR_SUCCESS);
    world_open(world);
    sealed_write(world, 2);
    world_close(world);
    second = now();
    strcpy(before, retain(world, "first.jsonl", first).hash);
    expect_file(world, NULL, 5);
    assert_int_equal(retain(world, "second.jsonl", second).first, 6);
    expect_file(world, before, 5);
    assert_int_equal(sealed_verify(world, WITH_KEY | WITH_STATE).first_bad, 0);
    /* Its key is another one. */
    sealed_keys = 1;
    assert_int_equal(sealed_verify(world, WITH_KEY).first_bad, 11);
}

/** Where nothing was sealed before, there is no anchor to go on from. */
static void test_a_recovery_may_begin_the_sealing(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    amlaps_verify_t result;
    apr_time_t time;

    world->config.clock = amlaps_clock_system();
    snprintf(sealed_state, sizeof(sealed_state), "%s/amlaps.seal", world->directory);
    sealed_keys = 0;
    world_open(world);
    sealed_write(world, 2);
    world_close(world);
    time = now();
    assert_int_equal(sealed_recover(world, &error), APR_SUCCESS);
    world->config.seal = sealed_state;
    retain(world, "first.jsonl", time);
    world_open(world);
    sealed_write(world, 2);
    world_close(world);
    result = sealed_verify(world, WITH_KEY | WITH_STATE);
    assert_int_equal(result.first_bad, 0);
    assert_int_equal(result.records, 6);
    time = now();
    world_open(world);
    sealed_write(world, 1);
    world_close(world);
    /* The record of the first export is in it, and vouches for what is not. */
    assert_int_equal(retain(world, "second.jsonl", time).first, 5);
    expect_file(world, NULL, 6);
}

/** What is verified part by part has an export in between: nothing is missing that was exported. */
static void test_export_between_two_parts(void **state)
{
    world_t *world = *state;
    amlaps_verify_t result = { 0 };
    amlaps_error_t error = { 0 };
    apr_time_t time;
    int more;

    world_open(world);
    sealed_write(world, 50);
    time = now();
    sealed_write(world, 50);
    assert_int_equal(amlaps_trail_verify_part(&result, &more, &error, world->store, 0, world->pool), APR_SUCCESS);
    assert_true(more);
    assert_int_equal(result.last, 64);
    assert_int_equal(retain(world, "x.jsonl", time).last, 101);
    world_close(world);
    while (more) {
        assert_int_equal(amlaps_trail_verify_part(&result, &more, &error, world->store, 0, world->pool), APR_SUCCESS);
    }
    if (result.first_bad != 0) {
        fail_msg("record %ld: %s", (long)result.first_bad, result.problem);
    }
    assert_int_equal(result.last, 202);
}

/** Hands on so many lines of the copy, removes what is older than `time`, then hands on the rest. */
static void feed(world_t *world, const char *pipe, int lines, apr_time_t time)
{
    FILE *copy = fopen(sealed_copy, "r");
    FILE *to = fopen(pipe, "w");
    char line[4096];
    int i;

    for (i = 0; fgets(line, sizeof(line), copy) != NULL; i++) {
        if (i == lines) {
            fflush(to);
            retain(world, "x.jsonl", time);
        }
        fputs(line, to);
    }
    fclose(to);
    fclose(copy);
}

/** A verifier that has read a page when the records of the next one go away. */
static void test_export_while_it_is_verified(void **state)
{
    world_t *world = *state;
    const char *pipe = apr_pstrcat(world->pool, world->directory, "/pipe", NULL);
    const amlaps_verify_with_t with = { .keys = sealed_all_keys(world), .anchors = pipe, .state = sealed_state };
    amlaps_error_t error = { 0 };
    amlaps_verify_t result;
    apr_time_t time;
    pid_t child;

    world_open(world);
    sealed_write(world, 700);
    time = now();
    sealed_write(world, 5);
    world_close(world);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    child = fork();
    if (child == 0) {
        signal(SIGPIPE, SIG_IGN);
        feed(world, pipe, 500, time);
        _exit(0);
    }
    assert_int_equal(amlaps_trail_verify(&result, &error, world->store, &with, world->pool), APR_SUCCESS);
    world_wait(child);
    if (result.first_bad != 0) {
        fail_msg("record %ld: %s", (long)result.first_bad, result.problem);
    }
    assert_int_equal(result.exported, 1401);
    assert_int_equal(result.anchored, 1411);
    assert_int_equal(result.records, 11);
}

/** What the state knew when the verifier began is gone when it begins anew. */
static void test_export_of_all_that_the_state_knew(void **state)
{
    world_t *world = *state;
    const char *pipe = apr_pstrcat(world->pool, world->directory, "/pipe", NULL);
    const amlaps_verify_with_t with = { .keys = sealed_all_keys(world), .anchors = pipe, .state = sealed_state };
    amlaps_error_t error = { 0 };
    amlaps_verify_t result;
    apr_time_t time;
    pid_t child;

    world_open(world);
    sealed_write(world, 700);
    world_close(world);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    child = fork();
    if (child == 0) {
        FILE *copy = fopen(sealed_copy, "r");
        FILE *to = fopen(pipe, "w");
        char line[4096];
        int i;

        signal(SIGPIPE, SIG_IGN);
        for (i = 0; i < 500 && fgets(line, sizeof(line), copy) != NULL; i++) {
            fputs(line, to);
        }
        fflush(to);
        world_open(world);
        sealed_write(world, 5);
        time = now();
        sealed_write(world, 5);
        world_close(world);
        retain(world, "x.jsonl", time);
        while (fgets(line, sizeof(line), copy) != NULL) {
            fputs(line, to);
        }
        fclose(to);
        _exit(0);
    }
    assert_int_equal(amlaps_trail_verify(&result, &error, world->store, &with, world->pool), APR_SUCCESS);
    world_wait(child);
    if (result.first_bad != 0) {
        fail_msg("record %ld: %s", (long)result.first_bad, result.problem);
    }
    assert_int_equal(result.exported, 1411);
    assert_int_equal(result.records, 11);
}

static void test_what_nobody_exported_is_missed_between_two_parts(void **state)
{
    world_t *world = *state;
    amlaps_verify_t result = { 0 };
    amlaps_error_t error = { 0 };
    int more;

    world_open(world);
    sealed_write(world, 50);
    world_close(world);
    assert_int_equal(amlaps_trail_verify_part(&result, &more, &error, world->store, 0, world->pool), APR_SUCCESS);
    assert_int_equal(result.last, 64);
    world_tamper(world, "DELETE FROM record WHERE seq <= 80");
    assert_int_equal(amlaps_trail_verify_part(&result, &more, &error, world->store, 0, world->pool), APR_SUCCESS);
    assert_false(more);
    assert_int_equal(result.first_bad, 1);
}

/** Whoever exports by the API gets a page at a time. */
static void test_an_export_that_loses_records_on_its_way_is_no_export(void **state)
{
    world_t *world = *state;
    amlaps_find_t find = { .anchored = 1, .most = 10, .patience = SECONDS(60) };
    amlaps_error_t error = { 0 };
    amlaps_records_t *records;
    apr_time_t first, second;

    world_open(world);
    sealed_write(world, 10);
    first = now();
    sealed_write(world, 10);
    second = now();
    sealed_write(world, 1);
    assert_int_equal(amlaps_trail_last(&find.to, &error, world->store), APR_SUCCESS);
    assert_int_equal(amlaps_trail_find(&records, &error, world->store, &find, world->pool), APR_SUCCESS);
    find.from = records->next;
    assert_int_equal(find.from, 10);
    assert_int_equal(retain(world, "first.jsonl", first).last, 21);
    assert_int_not_equal(amlaps_trail_find(&records, &error, world->store, &find, world->pool), APR_SUCCESS);
    assert_string_equal(error.id, "AML0241");
    /* Nothing is left of what it was to read. */
    find.to = 41;
    assert_int_equal(retain(world, "second.jsonl", second).last, 41);
    memset(&error, 0, sizeof(error));
    assert_int_not_equal(amlaps_trail_find(&records, &error, world->store, &find, world->pool), APR_SUCCESS);
    assert_string_equal(error.id, "AML0241");
    /* From the beginning, it is one of what is there; and the newest first are there. */
    find.from = 0;
    find.to = 0;
    memset(&error, 0, sizeof(error));
    assert_int_equal(amlaps_trail_find(&records, &error, world->store, &find, world->pool), APR_SUCCESS);
    assert_int_equal(records->lines->nelts, 4);
}

/** What somebody took out of the middle does not keep the rest from being read. */
static void test_what_was_deleted_stops_no_export(void **state)
{
    world_t *world = *state;
    amlaps_find_t find = { .most = 10, .patience = SECONDS(60), .from = 5, .to = 11 };
    amlaps_error_t error = { 0 };
    amlaps_records_t *records;

    world_open(world);
    sealed_write(world, 5);
    world_close(world);
    world_tamper(world, "DELETE FROM record WHERE seq IN (6, 7, 11)");
    assert_int_equal(amlaps_trail_find(&records, &error, world->store, &find, world->pool), APR_SUCCESS);
    assert_int_equal(records->lines->nelts, 3);
}

typedef struct slow_t {
    world_t *world;
    apr_time_t before;
    long lines;
} slow_t;

static int to_slow(void *baton, apr_int64_t seq, const char *json)
{
    slow_t *slow = baton;

    (void)json;
    slow->lines++;
    if (seq == 1) {
        retain(slow->world, "other.jsonl", slow->before);
    }
    return 1;
}

/** Two exports at once: neither leaves a hole in what it says is all. */
static void test_an_export_notices_another(void **state)
{
    world_t *world = *state;
    slow_t slow = { .world = world };
    amlaps_error_t error = { 0 };
    amlaps_retained_t retained;
    apr_time_t last;

    world_open(world);
    sealed_write(world, 600);
    slow.before = now();
    sealed_write(world, 5);
    last = now();
    sealed_write(world, 5);
    assert_int_not_equal(amlaps_trail_retain(&retained, &error, world->store, world->config.seal, last, "root", to_slow, &slow, world->pool), APR_SUCCESS);
    assert_string_equal(error.id, "AML0241");
    world_close(world);
    assert_int_equal(world_number(world, "SELECT min(seq) FROM record"), 1202);
    assert_int_equal(sealed_verify(world, WITH_KEY | WITH_STATE).first_bad, 0);
}

static void test_a_reader_notices_an_export(void **state)
{
    world_t *world = *state;
    slow_t slow = { .world = world };
    amlaps_error_t error = { 0 };

    world_open(world);
    sealed_write(world, 600);
    slow.before = now();
    sealed_write(world, 5);
    world_close(world);
    assert_int_not_equal(amlaps_trail_each(&error, world->store, to_slow, &slow, world->pool), APR_SUCCESS);
    assert_string_equal(error.id, "AML0241");
    assert_int_equal(slow.lines, 1000);
}

/** SQLite's own command, with which backups are made, takes the files beside the store away where it was the only one. */
static void end_as_sqlite_does(const world_t *world)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "SELECT * FROM record", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(access(apr_pstrcat(world->pool, world->path, "-wal", NULL), F_OK), -1);
}

static void test_a_store_without_its_files_is_worked_on(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };

    if (world->conninfo != NULL) {
        skip();
    }
    world_open(world);
    sealed_write(world, 2);
    world_close(world);
    end_as_sqlite_does(world);
    assert_int_equal(retain(world, "x.jsonl", now()).last, 4);
    end_as_sqlite_does(world);
    if (sealed_recover(world, &error) != APR_SUCCESS) {
        fail_msg("%s", error.detail);
    }
    sealed_goes_on(world);
}

/** The auditor keeps every key that was shown: one that seals nothing would begin with the same record as the one that does. A limit of the files'
 *  size stands in for a full disk. */
static void test_no_key_is_shown_that_seals_nothing(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    struct rlimit limit;
    struct stat log;
    rlim_t before;
    sqlite3 *reader = NULL;

    if (world->conninfo != NULL) {
        skip();
    }
    reader = sealed_write_beside_reader(world, 2);
    assert_int_equal(stat(apr_pstrcat(world->pool, world->path, "-wal", NULL), &log), 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    before = limit.rlim_cur;
    limit.rlim_cur = (rlim_t)log.st_size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_not_equal(sealed_recover(world, &error), APR_SUCCESS);
    limit.rlim_cur = before;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    sqlite3_close(reader);
    assert_string_equal(error.id, "AML0204");
    assert_int_equal(sealed_keys, 1);
    memset(&error, 0, sizeof(error));
    assert_int_equal(sealed_recover(world, &error), APR_SUCCESS);
    assert_int_equal(sealed_verify(world, WITH_KEY | WITH_STATE).first_bad, 0);
}

/** A child that has it open is told by their loss that somebody was at the store: nobody puts others in their place. */
static void test_files_that_went_while_in_use_stay_away(void **state)
{
    world_t *world = *state;
    const char *wal = apr_pstrcat(world->pool, world->path, "-wal", NULL);
    amlaps_error_t error = { 0 };
    int ready[2], go[2];
    char byte = 0;
    pid_t child;

    if (world->conninfo != NULL) {
        skip();
    }
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(go), 0);
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        world_open(world);
        sealed_write(world, 1);
        _exit(write(ready[1], "r", 1) == 1 && read(go[0], &byte, 1) == 1 ? 0 : 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(unlink(wal), 0);
    assert_int_not_equal(sealed_recover(world, &error), APR_SUCCESS);
    assert_string_equal(error.id, "AML0206");
    assert_int_equal(access(wal, F_OK), -1);
    assert_int_equal(write(go[1], "g", 1), 1);
    world_wait(child);
}

static const struct CMUnitTest tests[] = {
    SEALED_TEST(test_a_file_may_begin_with_a_recovery), WORLD_TEST(test_a_recovery_may_begin_the_sealing), SEALED_TEST(test_export_between_two_parts),
    SEALED_TEST(test_export_while_it_is_verified), SEALED_TEST(test_export_of_all_that_the_state_knew),
    SEALED_TEST(test_what_nobody_exported_is_missed_between_two_parts),
    SEALED_TEST(test_an_export_that_loses_records_on_its_way_is_no_export), SEALED_TEST(test_what_was_deleted_stops_no_export),
    SEALED_TEST(test_an_export_notices_another), SEALED_TEST(test_a_reader_notices_an_export),
    SEALED_TEST(test_a_store_without_its_files_is_worked_on), SEALED_TEST(test_files_that_went_while_in_use_stay_away),
    SEALED_TEST(test_no_key_is_shown_that_seals_nothing)
};

WORLD_MAIN(tests)
