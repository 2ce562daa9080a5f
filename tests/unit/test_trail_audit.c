/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* amlaps-audit as an auditor runs it: the one of the same build, or the one that AMLAPS_AUDIT names. */

#include "trail_world.h"

#include <fcntl.h>
#include <signal.h>

typedef struct output_t {
    int code;
    char out[65536];
    char err[4096];
} output_t;

static void read_all(char *text, size_t room, const char *path)
{
    int fd = open(path, O_RDONLY);
    ssize_t length = read(fd, text, room - 1);

    assert_true(length >= 0);
    text[length] = '\0';
    close(fd);
}

/** This program is BUILD/tests/test_trail_audit, the other one BUILD/amlaps-audit. */
static const char *audit_program(const world_t *world)
{
    const char *named = getenv("AMLAPS_AUDIT");
    char self[4096] = "";
    int i;

    if (named != NULL) {
        return named;
    }
    assert_in_range(readlink("/proc/self/exe", self, sizeof(self) - 1), 1, sizeof(self) - 1);
    for (i = 0; i < 2 && strrchr(self, '/') != NULL; i++) {
        *strrchr(self, '/') = '\0';
    }
    return apr_pstrcat(world->pool, self, "/amlaps-audit", NULL);
}

#define NOBODY "|"

static int open_output(const char *to)
{
    int ends[2];

    if (strcmp(to, NOBODY) != 0) {
        return open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    }
    return pipe(ends) == 0 && close(ends[0]) == 0 ? ends[1] : -1;
}

/** @param to a file, NOBODY: a pipe whose reader is gone, NULL: output->out */
static void audit(output_t *output, const world_t *world, const char *to, const char *const *arguments)
{
    const char *program = audit_program(world);
    const char *out = to != NULL ? to : apr_pstrcat(world->pool, world->directory, "/out", NULL);
    const char *err = apr_pstrcat(world->pool, world->directory, "/err", NULL);
    pid_t child = fork();
    int status;

    if (child == 0) {
        dup2(open_output(out), 1);
        dup2(open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
        execv(program, (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    output->code = WEXITSTATUS(status);
    if (output->code == 127) {
        fail_msg("%s is not to be run", program);
    }
    read_all(output->err, sizeof(output->err), err);
    output->out[0] = '\0';
    if (to == NULL) {
        read_all(output->out, sizeof(output->out), out);
    }
}

#define AUDIT(output, world, to, ...) audit(output, world, to, (const char *const[]){ "amlaps-audit", __VA_ARGS__ })

static void write_some(world_t *world, const char *reason)
{
    amlaps_record_t record = world_record(AMLAPS_EVENT_PASSWORD, AMLAPS_STAGE_INTENT, "alice");
    amlaps_error_t error = { 0 };

    record.reason = reason;
    world_open(world);
    assert_int_equal(amlaps_trail_admit(&error, world->trail, &record, world->pool), APR_SUCCESS);
    assert_int_equal(world_conclude(world, "alice"), AMLAPS_OK);
    assert_int_equal(world_conclude(world, "alice"), AMLAPS_OK);
    world_close(world);
}

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

/** An export that was emptied must not pass for a good one; a trail that has only begun is good. */
static void test_nothing_to_verify(void **state)
{
    world_t *world = *state;
    const char *file = apr_pstrcat(world->pool, world->directory, "/empty.jsonl", NULL);
    const char *store = apr_pstrcat(world->pool, world->directory, "/emptied.db", NULL);
    const char *seal = apr_pstrcat(world->pool, world->directory, "/new.seal", NULL);
    const char *zeros = "0000000000000000000000000000000000000000000000000000000000000000";
    static output_t output;

    close(open(file, O_WRONLY | O_CREAT, 0600));
    close(open(store, O_WRONLY | O_CREAT, 0600));
    AUDIT(&output, world, NULL, "verify", file, NULL);
    assert_int_equal(output.code, 3);
    assert_string_equal(output.out, "");
    assert_non_null(strstr(output.err, "has no record"));
    AUDIT(&output, world, NULL, "verify", file, "--after", zeros, NULL);
    assert_int_equal(output.code, 3);
    AUDIT(&output, world, NULL, "verify", "/dev/null", NULL);
    assert_int_equal(output.code, 3);
    AUDIT(&output, world, NULL, "verify", store, NULL);
    assert_int_equal(output.code, 3);
    world_open(world);
    world_close(world);
    AUDIT(&output, world, NULL, "verify", world->path, NULL);
    assert_int_equal(output.code, 0);
    assert_non_null(strstr(output.out, "good: 0 records"));
    AUDIT(&output, world, NULL, "init", seal, world->path, NULL);
    assert_int_equal(output.code, 0);
    /* What is known to be missing is worse than nothing. */
    AUDIT(&output, world, NULL, "verify", file, "--state", seal, NULL);
    assert_int_equal(output.code, 1);
    assert_non_null(strstr(output.out, "the sealing state knows record 1"));
}

/** As behind a pipe to a program that is missing. */
static void test_nobody_takes_the_key(void **state)
{
    world_t *world = *state;
    const char *seal = apr_pstrcat(world->pool, world->directory, "/nobody.seal", NULL);
    const char *store = apr_pstrcat(world->pool, world->directory, "/nobody.db", NULL);
    static output_t output;

    AUDIT(&output, world, NOBODY, "init", seal, store, NULL);
    assert_int_equal(output.code, 3);
    assert_non_null(strstr(output.err, "AML0238"));
    assert_int_equal(access(seal, F_OK), -1);
    assert_int_equal(access(store, F_OK), -1);
    AUDIT(&output, world, NULL, "init", seal, store, NULL);
    assert_int_equal(output.code, 0);
    assert_int_equal(unlink(seal), 0);
    AUDIT(&output, world, NOBODY, "recover", seal, store, NULL);
    assert_int_equal(output.code, 3);
    assert_int_equal(access(seal, F_OK), -1);
}

/** While it waits for who reads the key, so that it is surely between the two. */
static void test_an_interrupt_ends_nothing_half_way(void **state)
{
    world_t *world = *state;
    const char *program = audit_program(world);
    const char *seal = apr_pstrcat(world->pool, world->directory, "/late.seal", NULL);
    const char *store = apr_pstrcat(world->pool, world->directory, "/late.db", NULL);
    char text[4096] = "";
    static output_t output;
    int ends[2], status, tries = 0;
    pid_t child;

    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    while (write(ends[1], text, sizeof(text)) > 0) {
    }
    assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
    assert_int_equal(fcntl(ends[0], F_SETFL, 0), 0);
    child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        execl(program, "amlaps-audit", "init", seal, store, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    while (access(seal, F_OK) != 0 && tries++ < 1000) {
        usleep(10000);
    }
    assert_int_equal(kill(child, SIGINT), 0);
    while (read(ends[0], text, sizeof(text)) > 0) {
    }
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    AUDIT(&output, world, NULL, "verify", store, "--state", seal, NULL);
    assert_int_equal(output.code, 0);
    assert_non_null(strstr(output.out, "good: 1 records"));
}

static const struct CMUnitTest tests[] = {
    WORLD_TEST(test_verify), WORLD_TEST(test_reading_changes_nothing), WORLD_TEST(test_csv), WORLD_TEST(test_sealing), WORLD_TEST(test_wrong_keys),
    WORLD_TEST(test_wrong_use), WORLD_TEST(test_stores_that_are_none),
    WORLD_TEST(test_unreadable), WORLD_TEST(test_nothing_to_verify), WORLD_TEST(test_nobody_takes_the_key),
    WORLD_TEST(test_an_interrupt_ends_nothing_half_way)
};

WORLD_MAIN(tests)
