/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "trail_world.h"

#include "amlaps/sealing.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>

#define NOBODY 65534

static int count_descriptors(void)
{
    DIR *list = opendir("/proc/self/fd");
    int count = 0;

    assert_non_null(list);
    while (readdir(list) != NULL) {
        count++;
    }
    closedir(list);
    return count;
}

static const char *inside(const world_t *world, const char *name)
{
    return apr_pstrcat(world->pool, world->directory, "/", name, NULL);
}

static void expect_file(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
    struct stat info;

    assert_int_equal(lstat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, mode);
    assert_int_equal(info.st_uid, uid);
    assert_int_equal(info.st_gid, gid);
}

static void expect_files(const world_t *world, const char *path, uid_t uid, gid_t gid)
{
    expect_file(path, 0640, uid, gid);
    expect_file(apr_pstrcat(world->pool, path, "-wal", NULL), 0640, uid, gid);
    expect_file(apr_pstrcat(world->pool, path, "-shm", NULL), 0640, uid, gid);
}

static uid_t child_uid(void)
{
    return geteuid() == 0 ? NOBODY : geteuid();
}

static gid_t child_gid(void)
{
    return geteuid() == 0 ? NOBODY : getegid();
}

static void test_new_directory(void **state)
{
    world_t *world = *state;
    const char *path = inside(world, "new/store.db");
    mode_t before = umask(0077);
    int descriptors = count_descriptors();
    amlaps_error_t error = { 0 };

    assert_int_equal(amlaps_trail_prepare(&error, apr_pstrcat(world->pool, "sqlite3:", path, NULL), child_uid(), child_gid(), world->pool),
                     APR_SUCCESS);
    umask(before);
    assert_int_equal(count_descriptors(), descriptors);
    expect_file(inside(world, "new"), 0750, child_uid(), child_gid());
    expect_files(world, path, child_uid(), child_gid());
}

static void test_existing_directory_stays(void **state)
{
    world_t *world = *state;
    const char *directory = inside(world, "mine");
    const char *path = inside(world, "mine/store.db");
    amlaps_error_t error = { 0 };

    assert_int_equal(mkdir(directory, 0700), 0);
    assert_int_equal(chmod(directory, 0711), 0);
    assert_int_equal(amlaps_trail_prepare(&error, apr_pstrcat(world->pool, "sqlite3:", path, NULL), child_uid(), child_gid(), world->pool),
                     APR_SUCCESS);
    expect_file(directory, 0711, geteuid(), getegid());
    expect_files(world, path, child_uid(), child_gid());
}

static void test_permissions_are_mended(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };

    assert_int_equal(chmod(world->path, 0644), 0);
    assert_int_equal(unlink(apr_pstrcat(world->pool, world->path, "-shm", NULL)), 0);
    assert_int_equal(unlink(apr_pstrcat(world->pool, world->path, "-wal", NULL)), 0);
    assert_int_equal(amlaps_trail_prepare(&error, world->store, child_uid(), child_gid(), world->pool), APR_SUCCESS);
    expect_files(world, world->path, child_uid(), child_gid());
}

/** Somebody who may write the files but not the directory, as httpd's children in a directory of root. */
static void become_child(const world_t *world)
{
    if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0)) {
        _exit(3);
    }
    if (open(inside(world, "probe"), O_CREAT | O_WRONLY, 0600) >= 0) {
        _exit(4);
    }
}

static void serve_as_child(world_t *world)
{
    int round, i;

    become_child(world);
    for (round = 0; round < 3; round++) {
        world_open(world);
        for (i = 0; i < 10; i++) {
            assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
        }
        world_close(world);
    }
}

static void test_child_without_say_in_the_directory(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    pid_t child;

    assert_int_equal(amlaps_trail_prepare(&error, world->store, child_uid(), child_gid(), world->pool), APR_SUCCESS);
    assert_int_equal(chmod(world->directory, 0555), 0);
    child = fork();
    if (child == 0) {
        serve_as_child(world);
        _exit(0);
    }
    world_wait(child);
    expect_files(world, world->path, child_uid(), child_gid());
    assert_int_equal(chmod(world->directory, 0755), 0);
    world_verify_good(world, 30);
}

static int take_key(void *baton, const char *key)
{
    (void)baton;
    return key != NULL;
}

/** amlaps-audit init comes before the first start, as root, and knows nothing of the children. */
static void test_sealed_before_the_first_start(void **state)
{
    world_t *world = *state;
    const char *seal = inside(world, "new/amlaps.seal");
    amlaps_error_t error = { 0 };
    pid_t child;

    snprintf(world->path, sizeof(world->path), "%s", inside(world, "new/amlaps.db"));
    snprintf(world->store, sizeof(world->store), "sqlite3:%s", world->path);
    assert_int_equal(amlaps_trail_seal(&error, world->store, seal, "root", take_key, NULL, world->pool), APR_SUCCESS);
    assert_null(amlaps_trail_check_seal(seal, world->pool));
    assert_int_equal(amlaps_trail_prepare(&error, world->store, child_uid(), child_gid(), world->pool), APR_SUCCESS);
    assert_int_equal(amlaps_trail_prepare_seal(&error, seal, child_uid(), child_gid()), APR_SUCCESS);
    expect_file(seal, 0600, child_uid(), child_gid());
    world->config.clock = amlaps_clock_system();
    world->config.seal = seal;
    child = fork();
    if (child == 0) {
        serve_as_child(world);
        _exit(0);
    }
    world_wait(child);
    world_verify_good(world, 31);
}

/** The store becomes read-only before the child opens it, then writable again. */
static void serve_read_only(world_t *world)
{
    char byte;
    amlaps_error_t error;
    int back[2], forth[2];
    pid_t child;

    assert_int_equal(pipe(back) | pipe(forth), 0);
    assert_int_equal(chmod(world->path, 0440), 0);
    child = fork();
    if (child == 0) {
        become_child(world);
        world_open(world);
        assert_int_equal(world_admit(world, "alice", &error), AMLAPS_AUDIT_UNAVAILABLE);
        assert_int_equal(world_admit(world, "alice", &error), AMLAPS_AUDIT_UNAVAILABLE);
        assert_int_equal(write(back[1], "x", 1) + read(forth[0], &byte, 1), 2);
        assert_int_equal(world_admit(world, "alice", &error), AMLAPS_OK);
        world_close(world);
        _exit(0);
    }
    close(back[1]);
    assert_int_equal(read(back[0], &byte, 1), 1);
    assert_int_equal(chmod(world->path, 0640), 0);
    assert_int_equal(write(forth[1], "x", 1), 1);
    world_wait(child);
    close(back[0]);
    close(forth[0]);
    close(forth[1]);
}

static void test_read_only_store_recovers(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };

    assert_int_equal(amlaps_trail_prepare(&error, world->store, child_uid(), child_gid(), world->pool), APR_SUCCESS);
    assert_int_equal(chmod(world->directory, 0555), 0);
    serve_read_only(world);
    assert_int_equal(chmod(world->directory, 0755), 0);
    world_verify_good(world, 1);
}

/** A graceful restart: the parent prepares while children of the old generation write. */
static void test_prepare_while_in_use(void **state)
{
    world_t *world = *state;
    pid_t parent;
    int i;

    world_open(world);
    for (i = 0; i < 10; i++) {
        assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
        parent = fork();
        if (parent == 0) {
            amlaps_error_t error = { 0 };

            _exit(amlaps_trail_prepare(&error, world->store, (uid_t)-1, (gid_t)-1, world->pool) == APR_SUCCESS ? 0 : 1);
        }
        assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
        world_wait(parent);
    }
    world_close(world);
    world_verify_good(world, 20);
}

static void expect_mistake(world_t *world, const char *store, const char *says)
{
    const char *mistake = amlaps_trail_check_store(store, world->pool);
    amlaps_error_t error = { 0 };

    assert_non_null(mistake);
    if (strstr(mistake, says) == NULL) {
        fail_msg("%s: %s", store, mistake);
    }
    assert_int_not_equal(amlaps_trail_prepare(&error, store, (uid_t)-1, (gid_t)-1, world->pool), APR_SUCCESS);
    assert_non_null(error.id);
}

static void test_mistakes(void **state)
{
    world_t *world = *state;
    const char *link = apr_pstrcat(world->pool, "sqlite3:", inside(world, "link.db"), NULL);

    expect_mistake(world, "", "write sqlite3:");
    expect_mistake(world, "/var/lib/amlaps.db", "write sqlite3:");
    expect_mistake(world, "sqlite:/x", "write sqlite3:");
    expect_mistake(world, "sqlite3:", "full path");
    expect_mistake(world, "sqlite3:amlaps.db", "full path");
    expect_mistake(world, "sqlite3:/var/", "full path");
    expect_mistake(world, apr_pstrcat(world->pool, world->store, "\n", NULL), "full path");
    expect_mistake(world, "sqlite3:/no/such/place/amlaps.db", "make /no/such first");
    expect_mistake(world, apr_pstrcat(world->pool, world->store, "/x.db", NULL), "no directory");
    assert_int_equal(symlink(world->path, inside(world, "link.db")), 0);
    expect_mistake(world, link, "no link");
    assert_int_equal(chmod(world->path, 0646), 0);
    expect_mistake(world, world->store, "everybody may write");
    assert_int_equal(chmod(world->path, 0640), 0);
}

static void test_check_makes_nothing(void **state)
{
    world_t *world = *state;

    assert_null(amlaps_trail_check_store(world->store, world->pool));
    assert_null(amlaps_trail_check_store(apr_pstrcat(world->pool, "sqlite3:", inside(world, "other/x.db"), NULL), world->pool));
    assert_int_equal(access(inside(world, "other"), F_OK), -1);
}

static void test_link_in_the_directory_is_followed(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };

    assert_int_equal(mkdir(inside(world, "real"), 0755), 0);
    assert_int_equal(symlink("real", inside(world, "alias")), 0);
    world->config.store = apr_pstrcat(world->pool, "sqlite3:", inside(world, "alias/amlaps.db"), NULL);
    assert_int_equal(amlaps_trail_prepare(&error, world->config.store, (uid_t)-1, (gid_t)-1, world->pool), APR_SUCCESS);
    world_open(world);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
}

/** Root must not be led elsewhere by whoever owns the directory. */
static void test_second_name_is_refused(void **state)
{
    world_t *world = *state;
    const char *victim = inside(world, "victim");
    const char *path = inside(world, "hard.db");
    amlaps_error_t error = { 0 };
    struct stat info;
    int fd = open(victim, O_CREAT | O_WRONLY, 0600);

    close(fd);
    assert_int_equal(link(victim, path), 0);
    assert_int_not_equal(amlaps_trail_prepare(&error, apr_pstrcat(world->pool, "sqlite3:", path, NULL), child_uid(), child_gid(), world->pool),
                         APR_SUCCESS);
    assert_int_equal(stat(victim, &info), 0);
    assert_int_equal(info.st_uid, geteuid());
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(info.st_size, 0);
}

static int open_setup(void **state)
{
    int failed = world_setup(state);

    return failed != 0 ? failed : chmod(((world_t *)*state)->directory, 0755);
}

#define OPEN_TEST(function) cmocka_unit_test_setup_teardown(function, open_setup, world_teardown)

static const struct CMUnitTest tests[] = {
    OPEN_TEST(test_new_directory), OPEN_TEST(test_existing_directory_stays), OPEN_TEST(test_permissions_are_mended),
    OPEN_TEST(test_child_without_say_in_the_directory), OPEN_TEST(test_read_only_store_recovers), OPEN_TEST(test_sealed_before_the_first_start), OPEN_TEST(test_prepare_while_in_use),
    OPEN_TEST(test_mistakes), OPEN_TEST(test_check_makes_nothing), OPEN_TEST(test_link_in_the_directory_is_followed),
    OPEN_TEST(test_second_name_is_refused)
};

WORLD_MAIN(tests)
