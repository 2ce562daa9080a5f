/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The database of a SQLite store and its write-ahead log, which SQLite cuts by itself, and nobody else may. */

#include "trail_trouble.h"

#include <sqlite3.h>

#define LIMIT (16 * 1024 * 1024) /* what SQLite is told to cut it to */

static off_t log_size(const world_t *world)
{
    struct stat info;

    assert_int_equal(stat(apr_pstrcat(world->pool, world->path, "-wal", NULL), &info), 0);
    return info.st_size;
}

static void run(sqlite3 *db, const char *sql)
{
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

/** As a backup or a long look at the audit does, which keeps the log from being written back. */
static void let_log_grow(world_t *world)
{
    sqlite3 *reader;

    expect_service(world);
    assert_int_equal(sqlite3_open(world->path, &reader), SQLITE_OK);
    run(reader, "BEGIN; SELECT count(*) FROM record");
    while (log_size(world) < LIMIT + LIMIT / 8) {
        expect_service(world);
    }
    run(reader, "COMMIT");
    sqlite3_close(reader);
}

static void test_log_that_a_reader_let_grow_is_cut_and_nothing_else_happens(void **state)
{
    world_t *world = *state;
    long records;
    int i;

    world_open(world);
    let_log_grow(world);
    for (i = 0; i < 100 && log_size(world) > LIMIT; i++) {
        expect_service(world);
    }
    assert_true(log_size(world) <= LIMIT);
    expect_service(world);
    records = world_records(world);
    world_close(world);
    world_verify_good(world, records);
}

/* The index (-shm) of a large log is larger than one that SQLite makes anew when the store is opened again. */
static void test_store_that_is_opened_again_after_its_log_has_grown(void **state)
{
    world_t *world = *state;
    struct stat before, after;

    world_open(world);
    let_log_grow(world);
    /* After the first the log is written back, with the second it begins anew. */
    expect_service(world);
    expect_service(world);
    assert_int_equal(stat(apr_pstrcat(world->pool, world->path, "-shm", NULL), &before), 0);
    assert_int_equal(chmod(world->path, 0666), 0);
    expect_unavailable(world, "AML0206");
    assert_int_equal(chmod(world->path, 0640), 0);
    expect_service(world);
    expect_service(world);
    assert_int_equal(stat(apr_pstrcat(world->pool, world->path, "-shm", NULL), &after), 0);
    assert_true(after.st_size < before.st_size);
    world_close(world);
}

static void test_log_that_another_program_writes_back_and_cuts(void **state)
{
    world_t *world = *state;
    sqlite3 *other;

    world_open(world);
    expect_service(world);
    assert_int_equal(sqlite3_open(world->path, &other), SQLITE_OK);
    run(other, "PRAGMA wal_checkpoint(TRUNCATE)");
    assert_int_equal(log_size(world), 0);
    expect_service(world);
    run(other, "PRAGMA wal_checkpoint(TRUNCATE)");
    sqlite3_close(other);
    expect_service(world);
    world_close(world);
    world_verify_good(world, 3);
}

/* As after an export that took old records out, to give their space back. */
static void test_store_that_is_packed(void **state)
{
    world_t *world = *state;
    struct stat before, after;
    sqlite3 *other;
    int i;

    world_open(world);
    for (i = 0; i < 100; i++) {
        expect_service(world);
    }
    assert_int_equal(sqlite3_open(world->path, &other), SQLITE_OK);
    run(other, "CREATE TABLE ballast(text); INSERT INTO ballast VALUES(zeroblob(1000000)); PRAGMA wal_checkpoint(TRUNCATE)");
    expect_service(world);
    assert_int_equal(stat(world->path, &before), 0);
    run(other, "DROP TABLE ballast; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
    sqlite3_close(other);
    assert_int_equal(stat(world->path, &after), 0);
    assert_true(after.st_size + 900000 < before.st_size);
    expect_service(world);
    expect_service(world);
    assert_int_equal(truncate(world->path, after.st_size - 4096), 0);
    expect_unavailable(world, "AML0221");
    world_close(world);
}

static void test_store_that_is_packed_and_then_cut(void **state)
{
    world_t *world = *state;
    struct stat packed;
    sqlite3 *other;

    world_open(world);
    expect_service(world);
    assert_int_equal(sqlite3_open(world->path, &other), SQLITE_OK);
    run(other, "CREATE TABLE ballast(text); INSERT INTO ballast VALUES(zeroblob(1000000)); PRAGMA wal_checkpoint(TRUNCATE)");
    expect_service(world);
    run(other, "DROP TABLE ballast; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
    sqlite3_close(other);
    assert_int_equal(stat(world->path, &packed), 0);
    assert_int_equal(truncate(world->path, packed.st_size - 4096), 0);
    expect_unavailable(world, "AML0221");
    expect_unavailable(world, "AML0205");
    world_close(world);
}

/* SQLite has it mapped: what it reads of it beyond its end ends the process with a signal. Neither that nor reading the store does so afterwards. */
static void expect_cut_index(world_t *world, off_t left)
{
    long records = world_records(world);

    assert_int_equal(truncate(apr_pstrcat(world->pool, world->path, "-shm", NULL), left), 0);
    expect_unavailable(world, "AML0221");
    expect_unavailable(world, "AML0205");
    world_verify_good(world, records);
    world_close(world);
}

static void test_index_that_is_cut_to_its_first_page(void **state)
{
    world_t *world = *state;

    world_open(world);
    expect_service(world);
    expect_cut_index(world, 4096);
}

static void test_index_that_is_cut_to_nothing(void **state)
{
    world_t *world = *state;

    world_open(world);
    expect_service(world);
    expect_cut_index(world, 0);
}

static void test_index_of_a_large_log_that_is_cut_to_its_first_block(void **state)
{
    world_t *world = *state;

    world_open(world);
    let_log_grow(world);
    /* With the second the log begins anew, and nobody writes it back, which reads the index, while it is cut. */
    expect_service(world);
    expect_service(world);
    expect_cut_index(world, 32768);
}

/* Another child closes it when it hears that the store is condemned. */
static void test_child_with_an_index_that_another_one_found_cut(void **state)
{
    world_t *world = *state;
    world_t other = *world;

    world_open(world);
    expect_service(world);
    world_open(&other);
    expect_service(&other);
    assert_int_equal(truncate(apr_pstrcat(world->pool, world->path, "-shm", NULL), 0), 0);
    expect_unavailable(world, "AML0221");
    expect_unavailable(&other, "AML0205");
    world_verify_good(world, 2);
    world_close(&other);
    world_close(world);
}

/* What checkpoints do while somebody reads: the first page may say how long the database will be before it is. */
static void test_store_that_was_packed_and_has_grown_in_part(void **state)
{
    world_t *world = *state;
    sqlite3 *other, *reader;
    struct stat before, after;

    world_open(world);
    expect_service(world);
    assert_int_equal(sqlite3_open(world->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_open(world->path, &reader), SQLITE_OK);
    run(other, "CREATE TABLE ballast(text); INSERT INTO ballast VALUES(zeroblob(3000000)); PRAGMA wal_checkpoint(TRUNCATE)");
    expect_service(world);
    assert_int_equal(stat(world->path, &before), 0);
    run(other, "DROP TABLE ballast; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
    run(other, "CREATE TABLE half(text); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
               " INSERT INTO half SELECT hex(zeroblob(100)) FROM n");
    run(reader, "BEGIN; SELECT count(*) FROM half");
    run(other, "UPDATE half SET text = replace(text, '0', '1'); PRAGMA wal_checkpoint(PASSIVE)");
    assert_int_equal(stat(world->path, &after), 0);
    assert_true(after.st_size + 2000000 < before.st_size);
    expect_service(world);
    run(reader, "COMMIT");
    expect_service(world);
    run(other, "PRAGMA wal_checkpoint(TRUNCATE)");
    expect_service(world);
    assert_int_equal(stat(world->path, &before), 0);
    assert_true(before.st_size > after.st_size);
    sqlite3_close(reader);
    sqlite3_close(other);
    world_close(world);
}

static void write_into(const char *path, const char *source)
{
    static char bytes[1 << 22];
    FILE *file = fopen(source, "rb");
    size_t length = fread(bytes, 1, sizeof(bytes), file);

    fclose(file);
    file = fopen(path, "wb"); /* cuts it, and goes on in the same file */
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

static int records_in(const char *path)
{
    sqlite3_stmt *statement = NULL;
    sqlite3 *db;
    int records;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM record", -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    records = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return records;
}

/* Somebody may copy the database alone when httpd has stopped. */
static void test_database_alone_has_all_records_after_the_end(void **state)
{
    world_t *world = *state;
    const char *copy = apr_pstrcat(world->pool, world->directory, "/alone.db", NULL);
    int i;

    for (i = 1; i <= 3; i++) {
        world_open(world);
        expect_service(world);
        world_close(world);
        write_into(copy, world->path);
        assert_int_equal(records_in(copy), i);
    }
}

/* As cp of an older copy into the open file. */
static void test_older_and_shorter_copy_over_the_open_store(void **state)
{
    world_t *world = *state;
    const char *copy = apr_pstrcat(world->pool, world->directory, "/old.db", NULL);
    sqlite3 *other;
    int i;

    world_open(world);
    expect_service(world);
    assert_int_equal(sqlite3_open(world->path, &other), SQLITE_OK);
    run(other, "PRAGMA wal_checkpoint(TRUNCATE)");
    write_into(copy, world->path);
    for (i = 0; i < 200; i++) {
        expect_service(world);
    }
    run(other, "PRAGMA wal_checkpoint(TRUNCATE)");
    expect_service(world);
    write_into(world->path, copy);
    expect_unavailable(world, "AML0221");
    expect_unavailable(world, "AML0205");
    sqlite3_close(other);
    world_close(world);
}

static void test_log_that_lacks_a_byte(void **state)
{
    world_t *world = *state;
    const char *log = apr_pstrcat(world->pool, world->path, "-wal", NULL);

    world_open(world);
    expect_service(world);
    expect_service(world);
    assert_int_equal(truncate(log, log_size(world) - 1), 0);
    expect_unavailable(world, "AML0221");
    expect_unavailable(world, "AML0205");
    world_close(world);
}

static const struct CMUnitTest tests[] = {
    WORLD_TEST(test_log_that_a_reader_let_grow_is_cut_and_nothing_else_happens), WORLD_TEST(test_log_that_another_program_writes_back_and_cuts),
    WORLD_TEST(test_store_that_is_opened_again_after_its_log_has_grown), WORLD_TEST(test_store_that_is_packed),
    WORLD_TEST(test_store_that_was_packed_and_has_grown_in_part), WORLD_TEST(test_older_and_shorter_copy_over_the_open_store),
    WORLD_TEST(test_log_that_lacks_a_byte), WORLD_TEST(test_store_that_is_packed_and_then_cut), WORLD_TEST(test_index_that_is_cut_to_its_first_page),
    WORLD_TEST(test_index_that_is_cut_to_nothing), WORLD_TEST(test_index_of_a_large_log_that_is_cut_to_its_first_block),
    WORLD_TEST(test_child_with_an_index_that_another_one_found_cut), WORLD_TEST(test_database_alone_has_all_records_after_the_end)
};

WORLD_MAIN(tests)
