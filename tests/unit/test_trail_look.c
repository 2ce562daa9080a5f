/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What is said about a file beside its times must be what lstat and fstat say. */

#include "trail_world.h"

#include <errno.h>
#include <fcntl.h>

#include "../../src/trail/look.h"

static void expect_same(const struct stat *info, const struct stat *expected)
{
    assert_int_equal(info->st_dev, expected->st_dev);
    assert_int_equal(info->st_ino, expected->st_ino);
    assert_int_equal(info->st_mode, expected->st_mode);
    assert_int_equal(info->st_nlink, expected->st_nlink);
    assert_int_equal(info->st_uid, expected->st_uid);
    assert_int_equal(info->st_size, expected->st_size);
}

static void test_a_file_and_what_is_open(void **state)
{
    world_t *world = *state;
    const char *path = apr_pstrcat(world->pool, world->directory, "/file", NULL);
    const char *link_path = apr_pstrcat(world->pool, world->directory, "/other", NULL);
    int fd = open(path, O_CREAT | O_WRONLY, 0640);
    struct stat info, expected;

    assert_int_equal(write(fd, "twelve bytes", 12), 12);
    assert_int_equal(link(path, link_path), 0);
    assert_int_equal(lstat(path, &expected), 0);
    assert_true(amlaps_look_path(&info, path));
    expect_same(&info, &expected);
    assert_int_equal(info.st_size, 12);
    assert_int_equal(info.st_nlink, 2);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(link_path), 0);
    assert_int_equal(fstat(fd, &expected), 0);
    assert_true(amlaps_look_open(&info, fd));
    expect_same(&info, &expected);
    assert_int_equal(info.st_nlink, 0);
    close(fd);
    assert_false(amlaps_look_open(&info, fd));
    assert_int_equal(errno, EBADF);
}

static void test_links_are_seen_and_not_followed(void **state)
{
    world_t *world = *state;
    const char *path = apr_pstrcat(world->pool, world->directory, "/link", NULL);
    struct stat info, expected;

    assert_false(amlaps_look_path(&info, path));
    assert_int_equal(errno, ENOENT);
    assert_int_equal(symlink("/nowhere", path), 0);
    assert_int_equal(lstat(path, &expected), 0);
    assert_true(amlaps_look_path(&info, path));
    expect_same(&info, &expected);
    assert_true(S_ISLNK(info.st_mode));
}

static const struct CMUnitTest tests[] = { WORLD_TEST(test_a_file_and_what_is_open), WORLD_TEST(test_links_are_seen_and_not_followed) };

WORLD_MAIN(tests)
