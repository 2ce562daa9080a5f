/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* A thousand random bits of a sealed trail turned over, one at a time, in the store's columns and in an export: each is found, and named. */

#include "trail_sealed.h"

#define FLIPS 1000
#define PAIRS 25

static unsigned seed;

static const char *const columns[] = { "seq", "time", "body", "hash", "anchor" };

#define COLUMNS ((int)(sizeof(columns) / sizeof(*columns)))

typedef struct cell_t {
    int column;
    long seq;
    apr_int64_t number;
    char *text;
    int length;
} cell_t;

static sqlite3_stmt *prepare(sqlite3 *db, const char *before, const char *column, const char *after)
{
    sqlite3_stmt *statement;
    char sql[128];

    snprintf(sql, sizeof(sql), "%s %s %s", before, column, after);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    return statement;
}

static void read_cell(cell_t *cell, const world_t *world, sqlite3 *db)
{
    sqlite3_stmt *statement = prepare(db, "SELECT", columns[cell->column], "FROM record WHERE seq = ?");

    sqlite3_bind_int64(statement, 1, cell->seq);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    cell->number = sqlite3_column_int64(statement, 0);
    cell->length = cell->column < 2 ? (int)sizeof(cell->number) : sqlite3_column_bytes(statement, 0);
    cell->text = cell->column < 2 ? NULL : apr_pmemdup(world->pool, sqlite3_column_text(statement, 0), (apr_size_t)cell->length + 1);
    sqlite3_finalize(statement);
    assert_true(cell->length > 0);
}

static void write_cell(const cell_t *cell, sqlite3 *db, long seq)
{
    sqlite3_stmt *statement = prepare(db, "UPDATE record SET", columns[cell->column], "= ? WHERE seq = ?");

    if (cell->column < 2) {
        sqlite3_bind_int64(statement, 1, cell->number);
    } else {
        sqlite3_bind_text(statement, 1, cell->text, cell->length, SQLITE_STATIC);
    }
    sqlite3_bind_int64(statement, 2, seq);
    assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
    sqlite3_finalize(statement);
}

/** A sequence number may move the record before the first one, or make it one that stands there already: that cannot even be written. */
static int random_bit(const cell_t *cell)
{
    return cell->column == 0 ? 7 + rand_r(&seed) % 50 : rand_r(&seed) % (cell->length * 8);
}

static void turn(cell_t *cell, int bit)
{
    if (cell->column < 2) {
        cell->number ^= (apr_int64_t)((apr_uint64_t)1 << (bit % 63));
    } else {
        cell->text[bit / 8] ^= (char)(1 << bit % 8);
    }
}

static void flip_in_store(const world_t *world, sqlite3 *db, long records)
{
    cell_t cell = { .column = rand_r(&seed) % COLUMNS, .seq = 1 + rand_r(&seed) % records };
    amlaps_verify_t result;
    int bit;

    read_cell(&cell, world, db);
    bit = random_bit(&cell);
    turn(&cell, bit);
    write_cell(&cell, db, cell.seq);
    result = sealed_verify(world, WITH_ALL);
    if (result.first_bad != cell.seq) {
        fail_msg("bit %d of %s of record %ld: record %ld is named (%s)", bit, columns[cell.column], cell.seq, (long)result.first_bad, result.problem);
    }
    turn(&cell, bit);
    write_cell(&cell, db, cell.column == 0 ? (long)(cell.number ^ (apr_int64_t)((apr_uint64_t)1 << (bit % 63))) : cell.seq);
}

static void test_in_the_store(void **state)
{
    world_t *world = *state;
    sqlite3 *db;
    int i;

    seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    world_open(world);
    sealed_write(world, PAIRS);
    world_close(world);
    assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
    for (i = 0; i < FLIPS; i++) {
        flip_in_store(world, db, 2 * PAIRS + 1);
    }
    sqlite3_close(db);
    sealed_verify_good(world, 2 * PAIRS + 1);
}

static int to_file(void *baton, apr_int64_t seq, const char *json)
{
    (void)seq;
    return fprintf(baton, "%s\n", json) > 0;
}

/** The record in whose line a byte is. */
static long line_of(const char *bytes, size_t place)
{
    long line = 1;
    size_t i;

    for (i = 0; i < place; i++) {
        line += bytes[i] == '\n';
    }
    return line;
}

static void test_in_a_file(void **state)
{
    world_t *world = *state;
    const char *path = apr_pstrcat(world->pool, world->directory, "/export.jsonl", NULL);
    amlaps_verify_with_t with = { .keys = sealed_all_keys(world) };
    amlaps_error_t error = { 0 };
    amlaps_verify_t result;
    size_t length;
    char *bytes;
    FILE *file;
    int i;

    world_open(world);
    sealed_write(world, PAIRS);
    world_close(world);
    file = fopen(path, "w");
    assert_int_equal(amlaps_trail_each(&error, world->store, to_file, file, world->pool), APR_SUCCESS);
    fclose(file);
    bytes = sealed_take(world, path, &length);
    for (i = 0; i < FLIPS; i++) {
        size_t bit = (size_t)rand_r(&seed) % (length * 8);
        long line = line_of(bytes, bit / 8);

        bytes[bit / 8] ^= (char)(1 << bit % 8);
        sealed_put(path, bytes, length);
        assert_int_equal(amlaps_trail_verify_file(&result, &error, path, &with, world->pool), APR_SUCCESS);
        /* A file may begin with any record: the first one is named as it calls itself. */
        if (result.first_bad != line && !(line == 1 && result.records == 0 && result.first_bad > 0)) {
            fail_msg("bit %lu in line %ld: record %ld is named (%s)", (unsigned long)bit, line, (long)result.first_bad, result.problem);
        }
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    sealed_put(path, bytes, length);
    assert_int_equal(amlaps_trail_verify_file(&result, &error, path, &with, world->pool), APR_SUCCESS);
    assert_int_equal(result.first_bad, 0);
}

/** The state is kept twice: no bit that is turned over in one of the two changes anything. */
static void test_in_the_state(void **state)
{
    world_t *world = *state;
    size_t length;
    char *bytes;
    int i;

    world_open(world);
    sealed_write(world, 1);
    world_close(world);
    bytes = sealed_take(world, sealed_state, &length);
    for (i = 0; i < 200; i++) {
        size_t bit = (size_t)rand_r(&seed) % (330 * 8) + 14 * 8;
        char *byte = &bytes[(size_t)(i % 2) * 4096 + bit / 8];

        *byte ^= (char)(1 << bit % 8);
        sealed_put(sealed_state, bytes, length);
        assert_int_equal(sealed_verify(world, WITH_KEY | WITH_STATE).first_bad, 0);
        *byte ^= (char)(1 << bit % 8);
    }
}

static const struct CMUnitTest tests[] = {
    SEALED_TEST(test_in_the_store), SEALED_TEST(test_in_a_file), SEALED_TEST(test_in_the_state)
};

WORLD_MAIN(tests)
