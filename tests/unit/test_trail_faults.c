/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Stores that are full, gone, replaced, foreign or too new. */

#include "trail_trouble.h"

#include <fcntl.h>
#include <sched.h>

#include <sys/mount.h>

static void fill_until_refused(world_t *world, const char *id)
{
    int i;

    for (i = 0; i < 5000 && world_admit(world, "alice", NULL) == AMLAPS_OK; i++) {
    }
    assert_in_range(i, 1, 4999);
    for (i = 0; i < 10; i++) {
        expect_unavailable(world, id);
    }
    assert_int_equal(world_logged(id), 1);
}

/** A page or two may be left where a record finds too little: probes take them. */
static int probe_until(world_t *world, int good)
{
    int i;

    for (i = 0; i < 10; i++) {
        world_pass(SECONDS(10));
        if (amlaps_trail_probe(world->trail) == good) {
            return 1;
        }
    }
    return 0;
}

/** All that was admitted is there, and nothing else; probes, which leave nothing, see the store fail and come back without any record. */
static void fill_and_make_room(world_t *world, const char *id, int (*make_room)(world_t *))
{
    long before;

    world_open(world);
    fill_until_refused(world, id);
    before = world_records(world);
    world_verify_good(world, before);
    assert_true(probe_until(world, 0));
    assert_int_equal(make_room(world), 0);
    assert_false(amlaps_trail_probe(world->trail)); /* the last one is no ten seconds old */
    assert_true(probe_until(world, 1));
    expect_service(world);
    world_close(world);
    world_verify_good(world, before + 1);
}

/** The limit of a file's size, as httpd's children have it: SIGXFSZ is ignored. */
static void test_file_may_not_grow(void **state)
{
    pid_t child = fork();

    if (child == 0) {
        struct rlimit limit;

        signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &limit);
        limit.rlim_cur = (rlim_t)512 * 1024;
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0) {
            _exit(2);
        }
        fill_and_make_room(*state, "AML0204", raise_limit);
        _exit(0);
    }
    world_wait(child);
}

static int remove_ballast(world_t *world)
{
    return unlink(apr_pstrcat(world->pool, world->directory, "/ballast", NULL));
}

static int write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    ssize_t written = fd >= 0 ? write(fd, text, strlen(text)) : -1;
    int reason = written < 0 ? errno : 0;

    if (fd >= 0) {
        close(fd);
    }
    return reason;
}

/** A small file system of our own; as somebody else than root in a user namespace of our own. @return 0, or why not */
static int mount_small(const char *directory)
{
    uid_t uid = geteuid();
    char map[64];
    int reason;

    if (unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0) {
        return errno;
    }
    snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
    if (uid != 0 && (reason = write_file("/proc/self/uid_map", map)) != 0) {
        return reason;
    }
    snprintf(map, sizeof(map), "0 %u 1", (unsigned)getegid());
    if (uid != 0 && ((reason = write_file("/proc/self/setgroups", "deny")) != 0 || (reason = write_file("/proc/self/gid_map", map)) != 0)) {
        return reason;
    }
    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL);
    return mount("amlaps-test", directory, "tmpfs", 0, "size=1024k") == 0 ? 0 : errno;
}

static void fill_small_disk(world_t *world)
{
    amlaps_error_t error = { 0 };
    char block[4096] = "";
    int fd, i;

    assert_int_equal(amlaps_trail_prepare(&error, world->store, (uid_t)-1, (gid_t)-1, world->pool), APR_SUCCESS);
    fd = open(apr_pstrcat(world->pool, world->directory, "/ballast", NULL), O_CREAT | O_WRONLY, 0600);
    for (i = 0; i < 80; i++) {
        assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
    }
    close(fd);
    fill_and_make_room(world, "AML0203", remove_ballast);
}

/** Where no file system may be mounted, a limit of the file's size stands in for it. */
static void fill_small_store(world_t *world)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = (rlim_t)300 * 1024;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    fill_and_make_room(world, "AML0204", raise_limit);
}

static void test_disk_full(void **state)
{
    world_t *world = *state;
    pid_t child = fork();
    int why;

    if (child == 0) {
        why = mount_small(world->directory);
        if (why == 0) {
            fill_small_disk(world);
        } else {
            print_message("no file system to be mounted here (%s): a limit of the file's size stands in\n", strerror(why));
            fill_small_store(world);
        }
        _exit(0);
    }
    world_wait(child);
}

static void out_of_descriptors(world_t *world)
{
    struct rlimit limit;
    rlim_t before;
    long open_before;
    int i;

    getrlimit(RLIMIT_NOFILE, &limit);
    before = limit.rlim_cur;
    open_before = dup(0);
    close((int)open_before);
    limit.rlim_cur = (rlim_t)open_before;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    world_open(world);
    for (i = 0; i < 20; i++) {
        expect_unavailable(world, "AML0201");
    }
    limit.rlim_cur = before;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    expect_service(world);
    world_close(world);
    i = dup(0);
    assert_int_equal(i, open_before);
    close(i);
}

static void test_out_of_descriptors(void **state)
{
    pid_t child = fork();

    if (child == 0) {
        out_of_descriptors(*state);
        _exit(0);
    }
    world_wait(child);
}

static void test_files_deleted_and_put_back(void **state)
{
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    world_t *world = *state;
    size_t i;

    world_open(world);
    expect_service(world);
    for (i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
        const char *path = apr_pstrcat(world->pool, world->path, suffixes[i], NULL);
        const char *aside = apr_pstrcat(world->pool, path, ".aside", NULL);

        assert_int_equal(rename(path, aside), 0);
        expect_unavailable(world, "AML0206");
        expect_unavailable(world, "AML0206");
        assert_int_equal(rename(aside, path), 0);
        expect_service(world);
    }
    world_verify_good(world, 4);
    assert_int_equal(world_logged("AML0206"), 1);
}

static void test_store_does_not_come_into_being_by_itself(void **state)
{
    world_t *world = *state;

    world_open(world);
    expect_service(world);
    unlink(world->path);
    expect_unavailable(world, "AML0206");
    expect_unavailable(world, "AML0206");
    assert_int_equal(access(world->path, F_OK), -1);
}

/** A working copy, with files of its own beside it. */
static void copy_store(const world_t *world, const char *to)
{
    char *sql = sqlite3_mprintf("VACUUM INTO %Q", to);
    amlaps_error_t error = { 0 };

    world_tamper(world, sql);
    sqlite3_free(sql);
    assert_int_equal(amlaps_trail_prepare(&error, apr_pstrcat(world->pool, "sqlite3:", to, NULL), (uid_t)-1, (gid_t)-1, world->pool),
                     APR_SUCCESS);
}

static void put_in_place(const world_t *world, const char *copy)
{
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    size_t i;

    for (i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
        assert_int_equal(rename(apr_pstrcat(world->pool, copy, suffixes[i], NULL), apr_pstrcat(world->pool, world->path, suffixes[i], NULL)), 0);
    }
}

static void test_older_copy_is_refused(void **state)
{
    world_t *world = *state;
    const char *copy = apr_pstrcat(world->pool, world->directory, "/old.db", NULL);

    world_open(world);
    expect_service(world);
    copy_store(world, copy);
    expect_service(world);
    put_in_place(world, copy);
    expect_unavailable(world, "AML0206");
    expect_unavailable(world, "AML0206");
    expect_unavailable(world, "AML0206");
    assert_int_equal(world_records(world), 1);
    world_close(world);
    /* Not by a reload either; but whoever stops httpd and starts it accepts what is there. */
    amlaps_trail_restarted(world->shared);
    world_open(world);
    expect_unavailable(world, "AML0206");
    world_close(world);
    world->shared = amlaps_trail_share();
    world_open(world);
    expect_service(world);
}

static void write_over(const char *path)
{
    FILE *file = fopen(path, "r+b");
    int i;

    assert_non_null(file);
    for (i = 0; i < 4096; i++) {
        fputc('x', file);
    }
    fclose(file);
}

/* As a log rotation that copies and truncates, or somebody's cp into the open file, would do it. */
static void test_cut_and_overwritten_in_place(void **state)
{
    world_t *world = *state;
    const char *wal = apr_pstrcat(world->pool, world->path, "-wal", NULL);
    int i;

    for (i = 0; i < 3; i++) {
        world->shared = amlaps_trail_share();
        world_open(world);
        expect_service(world);
        if (i == 0) {
            assert_int_equal(truncate(world->path, 0), 0);
        } else if (i == 1) {
            assert_int_equal(truncate(wal, 0), 0);
        } else {
            write_over(world->path);
        }
        expect_unavailable(world, "AML0221");
        expect_unavailable(world, "AML0205");
        world_close(world);
        world_remove(world->directory);
        assert_int_equal(mkdir(world->directory, 0700), 0);
        assert_int_equal(amlaps_trail_prepare(&(amlaps_error_t){ 0 }, world->store, (uid_t)-1, (gid_t)-1, world->pool), APR_SUCCESS);
    }
}

static void test_deleted_records_are_missed(void **state)
{
    world_t *world = *state;

    world_open(world);
    expect_service(world);
    expect_service(world);
    world_tamper(world, "DELETE FROM record WHERE seq = 2");
    expect_unavailable(world, "AML0206");
    expect_unavailable(world, "AML0206");
}

/** Nobody who can write to the file makes the store lose a record without a word. */
static void test_triggers_do_not_act(void **state)
{
    world_t *world = *state;

    world_open(world);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    world_tamper(world, "CREATE TRIGGER swallowed BEFORE INSERT ON record BEGIN SELECT RAISE(IGNORE); END");
    assert_int_equal(world_conclude(world, "alice"), AMLAPS_OK);
    assert_int_equal(world_number(world, "SELECT count(*) FROM record"), 2);
    world_verify_good(world, 2);
}

static void test_conflicts_are_not_settled_silently(void **state)
{
    static const char *const clauses[] = { "IGNORE", "REPLACE" };
    world_t *world = *state;
    size_t i;

    for (i = 0; i < sizeof(clauses) / sizeof(*clauses); i++) {
        world_open(world);
        assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
        world_tamper(world, apr_psprintf(world->pool, "ALTER TABLE record RENAME TO old; CREATE TABLE record(seq INTEGER PRIMARY KEY,"
                                         " time INTEGER NOT NULL UNIQUE ON CONFLICT %s, body TEXT NOT NULL, hash TEXT NOT NULL, anchor TEXT);"
                                         "INSERT OR FAIL INTO record SELECT * FROM old; DROP TABLE old", clauses[i]));
        assert_int_equal(world_conclude(world, "alice"), AMLAPS_AUDIT_UNAVAILABLE);
        assert_int_equal(world_number(world, "SELECT count(*) FROM record"), (long)i + 1);
        world_pass(SECONDS(1));
        world_close(world);
    }
}

static void test_everybody_may_write(void **state)
{
    world_t *world = *state;

    world_open(world);
    expect_service(world);
    assert_int_equal(chmod(world->path, 0666), 0);
    expect_unavailable(world, "AML0206");
    assert_int_equal(chmod(world->path, 0640), 0);
    expect_service(world);
}

static void expect_refused_store(world_t *world, const char *sql)
{
    amlaps_error_t error = { 0 };
    amlaps_verify_t result;

    world_tamper(world, sql);
    assert_int_not_equal(amlaps_trail_prepare(&error, world->store, (uid_t)-1, (gid_t)-1, world->pool), APR_SUCCESS);
    assert_string_equal(error.id, "AML0207");
    memset(&error, 0, sizeof(error));
    assert_int_not_equal(amlaps_trail_verify(&result, &error, world->store, NULL, world->pool), APR_SUCCESS);
    assert_string_equal(error.id, "AML0207");
    world_open(world);
    expect_unavailable(world, "AML0207");
    world_close(world);
}

static void test_newer_schema_is_refused(void **state)
{
    expect_refused_store(*state, "PRAGMA user_version = 1000");
}

/** Nobody made it, but who may write to the store can: it must not lead the upgrade anywhere. */
static void test_schema_below_zero_is_refused(void **state)
{
    expect_refused_store(*state, "PRAGMA user_version = -2000000000");
}

static void test_foreign_database_is_refused(void **state)
{
    expect_refused_store(*state, "PRAGMA application_id = 7");
}

static const struct CMUnitTest tests[] = {
    WORLD_TEST(test_file_may_not_grow), WORLD_TEST(test_disk_full), WORLD_TEST(test_out_of_descriptors),
    WORLD_TEST(test_files_deleted_and_put_back), WORLD_TEST(test_store_does_not_come_into_being_by_itself),
    WORLD_TEST(test_older_copy_is_refused), WORLD_TEST(test_cut_and_overwritten_in_place),
    WORLD_TEST(test_deleted_records_are_missed), WORLD_TEST(test_triggers_do_not_act), WORLD_TEST(test_conflicts_are_not_settled_silently), WORLD_TEST(test_everybody_may_write), WORLD_TEST(test_newer_schema_is_refused),
    WORLD_TEST(test_schema_below_zero_is_refused), WORLD_TEST(test_foreign_database_is_refused)
};

WORLD_MAIN(tests)
