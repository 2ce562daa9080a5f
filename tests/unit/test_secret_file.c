/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test_base_pool.h"

#include <apr_strings.h>

/* A folder with one file, fresh for each test. */
typedef struct world_t {
    apr_pool_t *pool;
    const char *folder, *path;
    amlaps_secret_t *secret;
} world_t;

static world_t world;

static int set_up(void **state)
{
    FILE *file;

    (void)state;
    if (apr_pool_create(&world.pool, NULL) != APR_SUCCESS) {
        return -1;
    }
    world.folder = mkdtemp(apr_pstrdup(world.pool, "/tmp/amlaps-secret-XXXXXX"));
    world.path = apr_pstrcat(world.pool, world.folder, "/file", NULL);
    world.secret = amlaps_secret_make(16, world.pool);
    file = fopen(world.path, "w");
    return file && fputs("0123456789\n", file) > 0 && fclose(file) == 0 && chmod(world.path, 0640) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(world.path);
    rmdir(world.folder);
    apr_pool_destroy(world.pool);
    return 0;
}

static void expect_mistake(const char *path, amlaps_file_care_t care, const char *words)
{
    apr_size_t before = world.secret->length;
    const char *mistake = amlaps_secret_read_file(world.secret, path, care, world.pool);

    if (!mistake || !strstr(mistake, words)) {
        fail_msg("%s: %s", words, mistake ? mistake : "read");
    }
    assert_int_equal(world.secret->length, before);
}

static void a_file_is_added_as_it_is(void **state)
{
    (void)state;
    assert_null(amlaps_secret_read_file(world.secret, world.path, AMLAPS_FILE_SECRET, world.pool));
    assert_string_equal(world.secret->bytes, "0123456789\n");
    assert_int_equal(world.secret->length, 11);
}

static void it_must_fit_into_what_is_left(void **state)
{
    char *filler = apr_pcalloc(world.pool, world.secret->room);
    apr_size_t room = world.secret->room;

    (void)state;
    assert_int_equal(amlaps_secret_append(world.secret, filler, room - 11), APR_SUCCESS);
    assert_null(amlaps_secret_read_file(world.secret, world.path, AMLAPS_FILE_SECRET, world.pool));
    assert_int_equal(world.secret->length, room);
    assert_string_equal(world.secret->bytes + room - 11, "0123456789\n");
    amlaps_secret_wipe(world.secret);
    assert_int_equal(amlaps_secret_append(world.secret, filler, room - 10), APR_SUCCESS);
    expect_mistake(world.path, AMLAPS_FILE_SECRET, "larger than");
    assert_int_equal(world.secret->room, room);
}

static void others_may_not_read_a_secret(void **state)
{
    (void)state;
    assert_int_equal(chmod(world.path, 0644), 0);
    expect_mistake(world.path, AMLAPS_FILE_SECRET, "world-readable");
    assert_null(amlaps_secret_read_file(world.secret, world.path, AMLAPS_FILE_PUBLIC, world.pool));
}

static void others_may_change_nothing(void **state)
{
    (void)state;
    assert_int_equal(chmod(world.path, 0642), 0);
    expect_mistake(world.path, AMLAPS_FILE_SECRET, "world-writable");
    expect_mistake(world.path, AMLAPS_FILE_PUBLIC, "world-writable");
    assert_int_equal(chmod(world.path, 0640), 0);
    assert_int_equal(chmod(world.folder, 0777), 0);
    expect_mistake(world.path, AMLAPS_FILE_PUBLIC, "the folder of");
    assert_int_equal(chmod(world.folder, 01777), 0);
    assert_null(amlaps_secret_read_file(world.secret, world.path, AMLAPS_FILE_SECRET, world.pool));
}

static void give_folder(gid_t group, mode_t mode)
{
    assert_int_equal(chown(world.folder, (uid_t)-1, group), 0);
    assert_int_equal(chmod(world.folder, mode), 0);
}

/** Who may write to the folder may put another file there; that of a distribution is root's, and its group may at most read. */
static void a_group_may_replace_nothing(void **state)
{
    const gid_t group = 65534;
    const char *says = apr_psprintf(world.pool, "by its group, and so the file be replaced; run: chmod g-w '%s'", world.folder);

    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    give_folder(group, 0770);
    expect_mistake(world.path, AMLAPS_FILE_SECRET, says);
    expect_mistake(world.path, AMLAPS_FILE_PUBLIC, says);
    give_folder(group, 01770);
    assert_null(amlaps_secret_read_file(world.secret, world.path, AMLAPS_FILE_SECRET, world.pool));
    amlaps_secret_wipe(world.secret);
    give_folder(group, 0750);
    assert_null(amlaps_secret_read_file(world.secret, world.path, AMLAPS_FILE_SECRET, world.pool));
}

/** Read by somebody of the group `reader`. */
static void expect_accepted(gid_t reader)
{
    const gid_t own = getegid();

    assert_int_equal(setegid(reader), 0);
    assert_null(amlaps_secret_read_file(world.secret, world.path, AMLAPS_FILE_SECRET, world.pool));
    assert_int_equal(setegid(own), 0);
}

static void the_group_of_root_may(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    give_folder(0, 0775);
    expect_accepted(65534);
}

static void ones_own_group_may(void **state)
{
    const gid_t group = geteuid() == 0 ? 65534 : getegid();

    (void)state;
    give_folder(group, 0775);
    expect_accepted(group);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    expect_mistake(world.folder, AMLAPS_FILE_PUBLIC, "is no file");
    expect_mistake("/dev/zero", AMLAPS_FILE_PUBLIC, "is no file");
    expect_mistake(apr_pstrcat(world.pool, world.path, ".none", NULL), AMLAPS_FILE_PUBLIC, "can't be read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_added_as_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_must_fit_into_what_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(others_may_not_read_a_secret, set_up, tear_down),
        cmocka_unit_test_setup_teardown(others_may_change_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_group_may_replace_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_group_of_root_may, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ones_own_group_may, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_refused, set_up, tear_down),
    };
    int failed;

    apr_initialize();
    failed = cmocka_run_group_tests_name("base/secret_file", tests, NULL, NULL);
    apr_terminate();
    return failed;
}
