/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* amlaps-audit recover where it is given the wrong state, or comes to no end. */

#include "trail_sealed.h"

#include <signal.h>

#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static const char *unsynced; /* a state that cannot be */

int fdatasync(int fd)
{
    char path[64], name[256] = "";

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (unsynced != NULL && readlink(path, name, sizeof(name) - 1) > 0 && strcmp(name, unsynced) == 0) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

/** What recovers a store with the state of another one takes no key from that one: the state goes back, and it serves again. */
static void test_recovery_with_the_state_of_another_store(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    amlaps_recovered_t recovered;
    const char *other = apr_pstrcat(world->pool, "sqlite3:", world->directory, "/other.db", NULL);
    const char *seal = apr_pstrcat(world->pool, world->directory, "/other.seal", NULL);

    assert_int_equal(amlaps_trail_seal(&error, other, seal, "root", sealed_show, NULL, world->pool), APR_SUCCESS);
    world_open(world);
    sealed_write(world, 2);
    assert_int_equal(amlaps_trail_recover(&recovered, &error, other, sealed_state, "root", sealed_show, NULL, world->pool), APR_SUCCESS);
    assert_string_equal(recovered.kept, apr_pstrcat(world->pool, sealed_state, ".kept-1", NULL));
    assert_int_equal(world_conclude(world, "alice"), AMLAPS_AUDIT_UNAVAILABLE);
    assert_int_equal(world_logged("AML0232"), 1);
    assert_int_equal(rename(recovered.kept, sealed_state), 0);
    sealed_write(world, 1);
    sealed_keys = 1;
    sealed_verify_good(world, 7);
    /* Its own it goes over: whoever has an older key could seal anew what came after it. */
    assert_int_equal(amlaps_trail_recover(&recovered, &error, world->store, sealed_state, "root", sealed_show, NULL, world->pool), APR_SUCCESS);
    assert_null(recovered.kept);
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
    amlaps_recovered_t recovered;
    int moved = 0;
    ssize_t length;

    assert_int_equal(amlaps_trail_seal(&error, other, seal, "root", sealed_show, NULL, world->pool), APR_SUCCESS);
    assert_int_equal(close(open(apr_pstrcat(world->pool, sealed_state, ".kept-1", NULL), O_WRONLY | O_CREAT, 0600)), 0);
    assert_true(inotify_add_watch(watch, world->directory, IN_CREATE | IN_DELETE | IN_MOVE) >= 0);
    assert_int_equal(amlaps_trail_recover(&recovered, &error, other, sealed_state, "root", sealed_show, NULL, world->pool), APR_SUCCESS);
    assert_string_equal(recovered.kept, apr_pstrcat(world->pool, sealed_state, ".kept-2", NULL));
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

/** Neither a database nor a backup that root restored tells who httpd's children are; the state that they could write does. Else they would refuse
 *  until httpd is started anew. */
static void test_a_state_that_is_made_belongs_to_whom_the_old_one_did(void **state)
{
    const uid_t child = geteuid() == 0 ? 12345 : geteuid();
    const gid_t group = geteuid() == 0 ? 23456 : getegid();
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    amlaps_recovered_t recovered;
    struct stat made;

    world_open(world);
    sealed_write(world, 2);
    world_close(world);
    world_tamper(world, "DELETE FROM record WHERE seq > 3");
    assert_int_equal(chown(sealed_state, child, group), 0);
    assert_int_equal(amlaps_trail_recover(&recovered, &error, world->store, sealed_state, "root", sealed_show, NULL, world->pool), APR_SUCCESS);
    assert_non_null(recovered.kept);
    assert_int_equal(stat(sealed_state, &made), 0);
    assert_int_equal(made.st_uid, child);
    assert_int_equal(made.st_gid, group);
    assert_int_equal(made.st_mode & 07777, 0600);
}

/** The store has the record then, sealed with the key that was shown: who throws that away can never verify it. */
static void test_of_a_failed_recovery_it_is_told_whether_its_key_counts(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    amlaps_recovered_t recovered;
    const char *kept = apr_pstrcat(world->pool, sealed_state, ".kept-1", NULL);

    world_open(world);
    sealed_write(world, 2);
    world_close(world);
    world_tamper(world, "DELETE FROM record WHERE seq > 3");
    unsynced = sealed_state;
    assert_int_not_equal(amlaps_trail_recover(&recovered, &error, world->store, sealed_state, "root", sealed_show, NULL, world->pool), APR_SUCCESS);
    unsynced = NULL;
    assert_string_equal(error.id, "AML0236");
    assert_int_equal(recovered.told, 1);
    assert_string_equal(recovered.kept, kept);
    assert_int_equal(world_records(world), 4);
    memset(&error, 0, sizeof(error));
    assert_int_equal(amlaps_trail_recover(&recovered, &error, world->store, sealed_state, "root", sealed_show, NULL, world->pool), APR_SUCCESS);
    assert_int_equal(recovered.told, 1);
    assert_int_equal(sealed_verify(world, WITH_KEY | WITH_STATE).first_bad, 0);
}

static void test_of_a_failed_beginning_the_state_stays_where_its_key_counts(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    amlaps_verify_t result;
    const char *other = apr_pstrcat(world->pool, "sqlite3:", world->directory, "/other.db", NULL);
    const char *seal = apr_pstrcat(world->pool, world->directory, "/other.seal", NULL);
    amlaps_verify_with_t with = { .state = seal };

    sealed_keys = 0;
    unsynced = seal;
    assert_int_not_equal(amlaps_trail_seal(&error, other, seal, "root", sealed_show, NULL, world->pool), APR_SUCCESS);
    unsynced = NULL;
    assert_string_equal(error.id, "AML0236");
    memset(&error, 0, sizeof(error));
    with.keys = sealed_all_keys(world);
    assert_int_equal(amlaps_trail_verify(&result, &error, other, &with, world->pool), APR_SUCCESS);
    assert_int_equal(result.first_bad, 0);
    assert_int_equal(result.records, 1);
}

static int show_late(void *baton, const char *key)
{
    const world_t *world = baton;
    amlaps_error_t error = { 0 };

    assert_int_equal(sealed_recover(world, &error), APR_SUCCESS);
    return strlen(key) > 0;
}

/** Of two at the same time the first one counts, and what it made stays. */
static void test_a_recovery_that_comes_late_takes_nothing_away(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    amlaps_recovered_t recovered;

    world_open(world);
    sealed_write(world, 2);
    world_close(world);
    world_tamper(world, "DELETE FROM record WHERE seq > 3");
    assert_int_not_equal(amlaps_trail_recover(&recovered, &error, world->store, sealed_state, "root", show_late, world, world->pool), APR_SUCCESS);
    assert_string_equal(error.id, "AML0239");
    assert_int_equal(recovered.told, 0);
    assert_null(recovered.kept);
    world->shared = amlaps_trail_share();
    sealed_goes_on(world);
}

/** As a path with a mistake in it, or a folder to which this user may not write. */
static void test_no_key_is_shown_where_no_state_can_be_made(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    amlaps_recovered_t recovered;
    const char *seal = apr_pstrcat(world->pool, world->directory, "/none/amlaps.seal", NULL);

    assert_int_equal(amlaps_trail_recover(&recovered, &error, world->store, seal, "root", sealed_show, NULL, world->pool), ENOENT);
    assert_string_equal(error.id, "AML0230");
    assert_int_equal(sealed_keys, 1);
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
    amlaps_recovered_t recovered;
    struct rlimit limit;
    sqlite3 *reader = NULL;

    if (world->conninfo != NULL) {
        skip();
    }
    reader = sealed_write_beside_reader(world, 2);
    assert_int_equal(unlink(sealed_state), 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    assert_int_not_equal(amlaps_trail_recover(&recovered, &error, world->store, sealed_state, "root", show_and_fill_the_disk, world, world->pool), APR_SUCCESS);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    sqlite3_close(reader);
    assert_int_equal(sealed_keys, 2);
    assert_int_equal(access(sealed_state, F_OK), -1);
    sealed_keys = 1;
    memset(&error, 0, sizeof(error));
    assert_int_equal(amlaps_trail_recover(&recovered, &error, world->store, sealed_state, "root", sealed_show, NULL, world->pool), APR_SUCCESS);
    assert_int_equal(sealed_verify(world, WITH_KEY | WITH_STATE).first_bad, 0);
}

static const struct CMUnitTest tests[] = {
    SEALED_TEST(test_recovery_with_the_state_of_another_store), SEALED_TEST(test_a_state_that_is_made_belongs_to_whom_the_old_one_did),
    SEALED_TEST(test_a_state_is_kept_at_once), SEALED_TEST(test_a_failed_recovery_leaves_no_state),
    SEALED_TEST(test_no_key_is_shown_where_no_state_can_be_made), SEALED_TEST(test_of_a_failed_recovery_it_is_told_whether_its_key_counts),
    SEALED_TEST(test_of_a_failed_beginning_the_state_stays_where_its_key_counts), SEALED_TEST(test_a_recovery_that_comes_late_takes_nothing_away)
};

WORLD_MAIN(tests)
