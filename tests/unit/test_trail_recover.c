/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* amlaps-audit recover where it is given the wrong state, or comes to no end. */

#include "trail_sealed.h"

#include <signal.h>

#include <sys/inotify.h>
#include <sys/resource.h>

/** What recovers a store with the state of another one takes no key from that one: the state goes back, and it serves again. */
static void test_recovery_with_the_state_of_another_store(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    const char *kept;
    const char *other = apr_pstrcat(world->pool, "sqlite3:", world->directory, "/other.db", NULL);
    const char *seal = apr_pstrcat(world->pool, world->directory, "/other.seal", NULL);

    assert_int_equal(amlaps_trail_seal(&error, other, seal, "root", sealed_show, NULL, world->pool), APR_SUCCESS);
    world_open(world);
    sealed_write(world, 2);
    assert_int_equal(amlaps_trail_recover(&kept, &error, other, sealed_state, "root", sealed_show, NULL, world->pool), APR_SUCCESS);
    assert_string_equal(kept, apr_pstrcat(world->pool, sealed_state, ".kept-1", NULL));
    assert_int_equal(world_conclude(world, "alice"), AMLAPS_AUDIT_UNAVAILABLE);
    assert_int_equal(world_logged("AML0232"), 1);
    assert_int_equal(rename(kept, sealed_state), 0);
    sealed_write(world, 1);
    sealed_keys = 1;
    sealed_verify_good(world, 7);
    /* Its own it goes over: whoever has an older key could seal anew what came after it. */
    assert_int_equal(amlaps_trail_recover(&kept, &error, world->store, sealed_state, "root", sealed_show, NULL, world->pool), APR_SUCCESS);
    assert_null(kept);
    assert_int_equal(access(apr_pstrcat(world->pool, sealed_state, ".kept-1", NULL), F_OK), -1);
    world_close(world);
}

/** A recovery that dies in the middle can be done again: at no moment has the state two names, which would be refused ever after. */
static void test_a_state_is_kept_at_once(void **state)
{
    world_t *world = *state;
    const char *other = apr_pstrcat(world->pool, "sqlite3:", world->directory, "/other.db", NULL);
    const char *seal = apr_pstrcat(world->pool, world->directory, "/other.seal", NULL);
    const int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    amlaps_error_t error = { 0 };
    _Alignas(struct inotify_event) char events[65536];
    char *at;
    const char *kept;
    int moved = 0;
    ssize_t length;

    assert_int_equal(amlaps_trail_seal(&error, other, seal, "root", sealed_show, NULL, world->pool), APR_SUCCESS);
    assert_int_equal(close(open(apr_pstrcat(world->pool, sealed_state, ".kept-1", NULL), O_WRONLY | O_CREAT, 0600)), 0);
    assert_true(inotify_add_watch(watch, world->directory, IN_CREATE | IN_DELETE | IN_MOVE) >= 0);
    assert_int_equal(amlaps_trail_recover(&kept, &error, other, sealed_state, "root", sealed_show, NULL, world->pool), APR_SUCCESS);
    assert_string_equal(kept, apr_pstrcat(world->pool, sealed_state, ".kept-2", NULL));
    assert_true((length = read(watch, events, sizeof(events))) > 0);
    for (at = events; at < events + length; at += sizeof(struct inotify_event) + ((struct inotify_event *)at)->len) {
        const struct inotify_event *event = (const struct inotify_event *)at;

        if (event->len > 0 && strcmp(event->name, strrchr(sealed_state, '/') + 1) == 0) {
            assert_int_equal(event->mask & IN_DELETE, 0);
            moved |= (event->mask & IN_MOVED_FROM) != 0;
        }
    }
    close(watch);
    assert_true(moved);
}

/** Neither a database nor a backup that root restored tells who httpd's children are; the state that they could write does. Else they would refuse until httpd is started anew. */
static void test_a_state_that_is_made_belongs_to_whom_the_old_one_did(void **state)
{
    const uid_t child = geteuid() == 0 ? 12345 : geteuid();
    const gid_t group = geteuid() == 0 ? 23456 : getegid();
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    const char *kept;
    struct stat made;

    world_open(world);
    sealed_write(world, 2);
    world_close(world);
    world_tamper(world, "DELETE FROM record WHERE seq > 3");
    assert_int_equal(chown(sealed_state, child, group), 0);
    assert_int_equal(amlaps_trail_recover(&kept, &error, world->store, sealed_state, "root", sealed_show, NULL, world->pool), APR_SUCCESS);
    assert_non_null(kept);
    assert_int_equal(stat(sealed_state, &made), 0);
    assert_int_equal(made.st_uid, child);
    assert_int_equal(made.st_gid, group);
    assert_int_equal(made.st_mode & 07777, 0600);
}

static int show_and_fill_the_disk(void *baton, const char *key)
{
    const world_t *world = baton;
    struct rlimit limit;
    struct stat log;

    assert_int_equal(stat(apr_pstrcat(world->pool, world->path, "-wal", NULL), &log), 0);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = (rlim_t)log.st_size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    return sealed_show(NULL, key);
}

/** The disk may be full between the key and the record. */
static void test_a_failed_recovery_leaves_no_state(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    const char *kept;
    struct rlimit limit;
    sqlite3 *reader = NULL;

    if (world->conninfo != NULL) {
        skip();
    }
    assert_int_equal(sqlite3_open(world->path, &reader), SQLITE_OK);
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT * FROM record", NULL, NULL, NULL), SQLITE_OK);
    world_open(world);
    sealed_write(world, 2);
    world_close(world);
    assert_int_equal(unlink(sealed_state), 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    assert_int_not_equal(amlaps_trail_recover(&kept, &error, world->store, sealed_state, "root", show_and_fill_the_disk, world, world->pool), APR_SUCCESS);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    sqlite3_close(reader);
    assert_int_equal(sealed_keys, 2);
    assert_int_equal(access(sealed_state, F_OK), -1);
    sealed_keys = 1;
    memset(&error, 0, sizeof(error));
    assert_int_equal(amlaps_trail_recover(&kept, &error, world->store, sealed_state, "root", sealed_show, NULL, world->pool), APR_SUCCESS);
    assert_int_equal(sealed_verify(world, WITH_KEY | WITH_STATE).first_bad, 0);
}

static const struct CMUnitTest tests[] = {
    SEALED_TEST(test_recovery_with_the_state_of_another_store), SEALED_TEST(test_a_state_that_is_made_belongs_to_whom_the_old_one_did),
    SEALED_TEST(test_a_state_is_kept_at_once), SEALED_TEST(test_a_failed_recovery_leaves_no_state)
};

WORLD_MAIN(tests)
