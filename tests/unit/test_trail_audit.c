/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* amlaps-audit, from init to recovery. */

#include "trail_tool.h"

static void test_verify(void **state)
{
    world_t *world = *state;
    const char *file = apr_pstrcat(world->pool, world->directory, "/export.jsonl", NULL);
    static output_t output;

    write_some(world, "x");
    AUDIT(&output, world, NULL, "verify", world->store, NULL);
    assert_int_equal(output.code, 0);
    assert_string_equal(output.err, "");
    assert_non_null(strstr(output.out, "good: 3 records, the last is 3 with hash "));
    AUDIT(&output, world, NULL, "verify", world->path, NULL);
    assert_int_equal(output.code, 0);
    AUDIT(&output, world, file, "export", world->path, NULL);
    assert_int_equal(output.code, 0);
    AUDIT(&output, world, NULL, "verify", file, NULL);
    assert_int_equal(output.code, 0);
    assert_non_null(strstr(output.out, "good: 3 records"));
    world_tamper(world, "UPDATE record SET body = replace(body, 'granted', 'denied') WHERE seq = 2");
    AUDIT(&output, world, NULL, "verify", world->path, NULL);
    assert_int_equal(output.code, 1);
    assert_non_null(strstr(output.out, "BAD record 2: its hash does not fit"));
}

static void test_reading_changes_nothing(void **state)
{
    world_t *world = *state;
    static output_t output;
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    struct stat before[3], after;
    size_t i;

    write_some(world, "x");
    for (i = 0; i < 3; i++) {
        assert_int_equal(stat(apr_pstrcat(world->pool, world->path, suffixes[i], NULL), &before[i]), 0);
    }
    AUDIT(&output, world, NULL, "verify", world->path, NULL);
    AUDIT(&output, world, NULL, "export", world->path, NULL);
    assert_int_equal(output.code, 0);
    for (i = 0; i < 3; i++) {
        assert_int_equal(stat(apr_pstrcat(world->pool, world->path, suffixes[i], NULL), &after), 0);
        assert_int_equal(after.st_ino, before[i].st_ino);
        assert_int_equal(after.st_size, before[i].st_size);
    }
}

static void test_csv(void **state)
{
    static const char *const formulas[] = { "=1+1", "+1", "-1", "@SUM(A1)", " =1", "\xEF\xBC\x9D\x31" };
    world_t *world = *state;
    static output_t output;
    char cell[64];
    size_t i;

    for (i = 0; i < sizeof(formulas) / sizeof(*formulas); i++) {
        write_some(world, formulas[i]);
    }
    write_some(world, "say \"hi\", INC1=2");
    write_some(world, "x;=1+1;; @A1;\"=2\"\t-3\n+4; a=b;c");
    AUDIT(&output, world, NULL, "export", world->path, "--format", "csv", NULL);
    assert_int_equal(output.code, 0);
    assert_int_equal(strncmp(output.out, "seq,time,id,stage,event,outcome,code,username,", 46), 0);
    assert_non_null(strstr(output.out, "\r\n\"1\",\"2030-03-17T17:46:40.000Z\",\"0c6a0f0e-0000-4000-8000-000000000001\",\"intent\",\"password\","
                                       "\"pending\",\"\",\"alice\",\"\",\"alice\",\"tenant\",\"\",\"\",\"10.1.2.3\",\"contoso\",\"device-1\","
                                       "\"LON-001\",\"London\",\"'=1+1\",\"\",\"\",\"\",\"\",\"\",\"\",\"0000"));
    for (i = 0; i < sizeof(formulas) / sizeof(*formulas); i++) {
        snprintf(cell, sizeof(cell), ",\"%s\",", formulas[i]);
        assert_null(strstr(output.out, cell));
        snprintf(cell, sizeof(cell), ",\"'%s\",", formulas[i]);
        assert_non_null(strstr(output.out, cell));
    }
    assert_non_null(strstr(output.out, ",\"say \"\"hi\"\", INC1=2\","));
    /* A spreadsheet with semicolons between its cells begins new ones here. */
    assert_non_null(strstr(output.out, ",\"x;'=1+1;;' @A1;'\"\"=2\"\"\t'-3\n'+4; a=b;c\","));
}

/** From init to recovery, as the words of docs/audit.md are typed. */
static void test_sealing(void **state)
{
    world_t *world = *state;
    const char *seal = apr_pstrcat(world->pool, world->directory, "/amlaps.seal", NULL);
    const char *key = apr_pstrcat(world->pool, world->directory, "/key", NULL);
    const char *store = apr_pstrcat(world->pool, world->directory, "/sealed.db", NULL);
    const char *file = apr_pstrcat(world->pool, world->directory, "/export.jsonl", NULL);
    static output_t output;
    struct stat info;

    AUDIT(&output, world, key, "init", seal, store, NULL);
    assert_int_equal(output.code, 0);
    assert_int_equal(stat(seal, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    read_all(output.out, sizeof(output.out), key);
    assert_int_equal(strncmp(output.out, "amlaps-key:1:", 13), 0);
    assert_int_equal(strlen(output.out), 13 + 64 + 1);
    assert_null(strstr(output.err, "amlaps-key:1"));
    AUDIT(&output, world, NULL, "init", seal, store, NULL);
    assert_int_equal(output.code, 3);
    assert_non_null(strstr(output.err, "AML0239"));
    AUDIT(&output, world, NULL, "verify", store, NULL);
    assert_int_equal(output.code, 0);
    assert_non_null(strstr(output.out, "checked without key and anchor file"));
    AUDIT(&output, world, NULL, "verify", store, "--key", apr_pstrcat(world->pool, "file:", key, NULL), "--state", seal, NULL);
    assert_int_equal(output.code, 0);
    assert_null(strstr(output.out, "without"));
    AUDIT(&output, world, NULL, "recover", seal, store, NULL);
    assert_int_equal(output.code, 0);
    AUDIT(&output, world, file, "export", store, NULL);
    assert_int_equal(output.code, 0);
    AUDIT(&output, world, NULL, "verify", file, apr_pstrcat(world->pool, "--key=", key, NULL), NULL);
    assert_int_equal(output.code, 1);
    assert_non_null(strstr(output.out, "BAD record 2: it begins with a new key, which was not given"));
}

static void test_wrong_keys(void **state)
{
    static const char *const wrong[] = { "", "# nothing\n\n", "key\n", "amlaps-key:0:0000000000000000000000000000000000000000000000000000000000000000\n",
                                         "amlaps-key:1:00\n", "amlaps-key:1:000000000000000000000000000000000000000000000000000000000000000G\n",
                                         "amlaps-key:1:0000000000000000000000000000000000000000000000000000000000000000\n"
                                         "amlaps-key:1:0000000000000000000000000000000000000000000000000000000000000001\n" };
    world_t *world = *state;
    const char *path = apr_pstrcat(world->pool, world->directory, "/key", NULL);
    static output_t output;
    size_t i;

    write_some(world, "x");
    for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        FILE *file = fopen(path, "w");

        fputs(wrong[i], file);
        fclose(file);
        AUDIT(&output, world, NULL, "verify", world->path, "--key", path, NULL);
        assert_int_equal(output.code, 2);
        assert_string_equal(output.out, "");
    }
    AUDIT(&output, world, NULL, "verify", world->path, "--key", "amlaps-key:1:0000000000000000000000000000000000000000000000000000000000000000", NULL);
    assert_int_equal(output.code, 2);
    assert_non_null(strstr(output.err, "can be read by everybody"));
    AUDIT(&output, world, NULL, "verify", world->path, "--key", "/no/such/key", NULL);
    assert_int_equal(output.code, 3);
    AUDIT(&output, world, NULL, "verify", world->path, "--anchor", "/no/such/copy", NULL);
    assert_int_equal(output.code, 3);
    /* A trail that is not sealed, and a key that says that it should be. */
    assert_int_equal(truncate(path, 0), 0);
    {
        FILE *file = fopen(path, "w");

        fputs("amlaps-key:2:0000000000000000000000000000000000000000000000000000000000000000\n", file);
        fclose(file);
    }
    AUDIT(&output, world, NULL, "verify", world->path, "--key", path, NULL);
    assert_int_equal(output.code, 1);
    assert_non_null(strstr(output.out, "BAD record 2: it is not sealed"));
}

static void test_wrong_use(void **state)
{
    world_t *world = *state;
    static output_t output;

    AUDIT(&output, world, NULL, NULL);
    assert_int_equal(output.code, 2);
    assert_non_null(strstr(output.err, "usage: amlaps-audit"));
    AUDIT(&output, world, NULL, "init", world->path, NULL);
    assert_int_equal(output.code, 2);
    AUDIT(&output, world, NULL, "verify", NULL);
    assert_int_equal(output.code, 2);
    AUDIT(&output, world, NULL, "verify", world->path, "more", NULL);
    assert_int_equal(output.code, 2);
    AUDIT(&output, world, NULL, "export", world->path, "--format", NULL);
    assert_int_equal(output.code, 2);
    AUDIT(&output, world, NULL, "export", world->path, "--format=xml", NULL);
    assert_int_equal(output.code, 2);
    AUDIT(&output, world, NULL, "export", world->path, "--before", "yesterday", NULL);
    assert_int_equal(output.code, 2);
    AUDIT(&output, world, NULL, "export", world->path, "--before", "2026-01-01", "--format", "csv", NULL);
    assert_int_equal(output.code, 2);
    AUDIT(&output, world, NULL, "export", world->path, "--state", "x", NULL);
    assert_int_equal(output.code, 2);
    AUDIT(&output, world, NULL, "recover", world->path, NULL);
    assert_int_equal(output.code, 2);
    AUDIT(&output, world, NULL, "init", "a", "b", "c", NULL);
    assert_int_equal(output.code, 2);
    AUDIT(&output, world, NULL, "verify", "x.jsonl", "--after", "12", NULL);
    assert_int_equal(output.code, 2);
    AUDIT(&output, world, NULL, "--help", NULL);
    assert_int_equal(output.code, 0);
    assert_non_null(strstr(output.out, "exit code:"));
}

/** What AMLapsStore refuses is refused here too, before anything is asked or made. */
static void test_stores_that_are_none(void **state)
{
    static const char *const wrong[] = { "pgsql:host=localhost dbname=x password=opensesame", "pgsql:host=db.example.com dbname=x", "pgsql:", "pgsql:file:x" };
    world_t *world = *state;
    const char *seal = apr_pstrcat(world->pool, world->directory, "/none.seal", NULL);
    static output_t output;
    size_t i;

    for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        AUDIT(&output, world, NULL, "verify", wrong[i], NULL);
        assert_int_equal(output.code, 2);
        assert_null(strstr(output.err, "opensesame"));
        assert_null(strstr(output.err, "cannot be reached"));
        AUDIT(&output, world, NULL, "init", seal, wrong[i], NULL);
        assert_int_equal(output.code, 2);
    }
    AUDIT(&output, world, NULL, "init", seal, "mysql:amlaps", NULL);
    assert_int_equal(output.code, 2);
    assert_int_not_equal(access("mysql:amlaps", F_OK), 0);
    AUDIT(&output, world, NULL, "recover", seal, "pgsql:file:/no/such/file", NULL);
    assert_int_equal(output.code, 3);
    assert_non_null(strstr(output.err, "/no/such/file"));
    assert_null(strstr(output.err, "cannot be reached"));
    assert_int_not_equal(access(seal, F_OK), 0);
}

static void test_unreadable(void **state)
{
    world_t *world = *state;
    static output_t output;

    AUDIT(&output, world, NULL, "verify", "sqlite3:/no/such/amlaps.db", NULL);
    assert_int_equal(output.code, 3);
    AUDIT(&output, world, NULL, "verify", "/no/such/file.jsonl", NULL);
    assert_int_equal(output.code, 3);
    assert_non_null(strstr(output.err, "No such file"));
    AUDIT(&output, world, NULL, "export", "/no/such/amlaps.db", NULL);
    assert_int_equal(output.code, 3);
    assert_non_null(strstr(output.err, "No such file"));
    AUDIT(&output, world, NULL, "recover", "/no/such/seal", "/no/such/amlaps.db", NULL);
    assert_int_equal(output.code, 3);
    assert_non_null(strstr(output.err, "No such file"));
    AUDIT(&output, world, NULL, "export", "/dev/null", NULL);
    assert_non_null(strstr(output.err, "/dev/null is no store"));
    write_some(world, "x");
    write_some(world, apr_pstrcat(world->pool, "x", apr_psprintf(world->pool, "%08000d", 0), NULL));
    AUDIT(&output, world, "/dev/full", "export", world->path, NULL);
    assert_int_equal(output.code, 3);
    assert_non_null(strstr(output.err, "disk is full"));
    AUDIT(&output, world, "/dev/full", "verify", world->path, NULL);
    assert_int_equal(output.code, 3);
}

static const struct CMUnitTest tests[] = {
    WORLD_TEST(test_verify), WORLD_TEST(test_reading_changes_nothing), WORLD_TEST(test_csv), WORLD_TEST(test_sealing), WORLD_TEST(test_wrong_keys),
    WORLD_TEST(test_wrong_use), WORLD_TEST(test_stores_that_are_none),
    WORLD_TEST(test_unreadable)
};

WORLD_MAIN(tests)
