/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The sealing state beside the store: what goes on by itself, and what must not. */

#include "trail_sealed.h"

static void expect_refused(world_t *world, const char *id)
{
    amlaps_error_t error = { 0 };

    assert_int_equal(world_admit(world, "alice", &error), AMLAPS_AUDIT_UNAVAILABLE);
    if (strcmp(error.id, id) != 0) {
        fail_msg("%s: %s", error.id, error.detail);
    }
}

static void test_begins_with_a_record_of_its_own(void **state)
{
    world_t *world = *state;

    assert_int_equal(strncmp(sealed_key[0], "amlaps-key:1:", 13), 0);
    assert_int_equal(sealed_verify(world, WITH_KEY | WITH_STATE).first_bad, 0);
    assert_int_equal(sealed_verify(world, WITH_KEY | WITH_STATE).records, 1);
    assert_int_equal(world_number(world, "SELECT count(*) FROM record WHERE body LIKE '%\"code\":\"sealed\"%\"seal\":{\"first\":1}%'"), 1);
    assert_int_equal(world_number(world, "SELECT count(*) FROM record WHERE anchor IS NULL"), 0);
}

/* The formula of docs/audit.md, computed step by step with other functions than the sealer's. */
static void test_anchors_follow_the_formula(void **state)
{
    world_t *world = *state;
    amlaps_digest_t *digest = amlaps_digest_make(world->pool);
    unsigned char key[32], anchor[32] = { 0 }, mac[32], evolve[38];
    char hash[65], stored[65], expected[65];
    amlaps_piece_t pieces[2];
    long rows, seq;

    world_open(world);
    sealed_write(world, 3);
    world_close(world);
    assert_true(amlaps_digest_read_hex(key, sealed_key[0] + 13));
    rows = world_records(world);
    for (seq = 1; seq <= rows; seq++) {
        world_text(hash, sizeof(hash), world, apr_psprintf(world->pool, "SELECT hash FROM record WHERE seq = %ld", seq));
        world_text(stored, sizeof(stored), world, apr_psprintf(world->pool, "SELECT anchor FROM record WHERE seq = %ld", seq));
        amlaps_digest_hmac(mac, digest, key, hash, 64);
        pieces[0] = (amlaps_piece_t){ anchor, 32 };
        pieces[1] = (amlaps_piece_t){ mac, 32 };
        amlaps_digest_sum(anchor, digest, pieces, 2);
        amlaps_digest_hex(expected, anchor);
        assert_string_equal(stored, expected);
        memcpy(evolve, "evolve", 6);
        memcpy(evolve + 6, key, 32);
        amlaps_digest_sum(key, digest, (amlaps_piece_t[]){ { evolve, sizeof(evolve) } }, 1);
    }
    assert_int_equal(rows, 7);
    sealed_verify_good(world, 7);
}

static void test_goes_on_from_child_to_child(void **state)
{
    world_t *world = *state;
    int i;

    for (i = 0; i < 4; i++) {
        pid_t child = fork();

        if (child == 0) {
            world_open(world);
            sealed_write(world, 3);
            world_close(world);
            _exit(0);
        }
        world_wait(child);
    }
    sealed_verify_good(world, 25);
    assert_int_equal(world_logged("AML0237"), 0);
}

/** No older key stays readable: whoever gets the file must not be able to seal what is past. */
static void test_old_keys_are_gone(void **state)
{
    world_t *world = *state;
    unsigned char key[32], evolve[38];
    amlaps_digest_t *digest = amlaps_digest_make(world->pool);
    char hex[65];
    size_t length;
    int i;

    world_open(world);
    sealed_write(world, 2);
    assert_true(amlaps_digest_read_hex(key, sealed_key[0] + 13));
    for (i = 0; i <= 5; i++) {
        char *bytes = sealed_take(world, sealed_state, &length);

        amlaps_digest_hex(hex, key);
        assert_int_equal(memmem(bytes, length, hex, 64) != NULL, i == 5);
        memcpy(evolve, "evolve", 6);
        memcpy(evolve + 6, key, 32);
        amlaps_digest_sum(key, digest, (amlaps_piece_t[]){ { evolve, sizeof(evolve) } }, 1);
    }
    assert_int_equal(length, 4096 + 512);
}

/** Each of both slots may be torn at any byte: by a power cut in the middle of its writing. */
static void test_torn_slot(void **state)
{
    world_t *world = *state;
    size_t length, at;
    char *bytes;
    int slot;

    world_open(world);
    sealed_write(world, 1);
    bytes = sealed_take(world, sealed_state, &length);
    for (slot = 0; slot < 2; slot++) {
        for (at = 0; at < 400; at += 57) {
            char *torn = apr_pmemdup(world->pool, bytes, length);

            memset(torn + slot * 4096 + at, 'x', 512 - at);
            sealed_put(sealed_state, torn, length);
            assert_int_equal(sealed_verify(world, WITH_ALL).first_bad, 0);
            sealed_put(sealed_state, bytes, length);
        }
    }
    memset(bytes + 20, 'x', 100);
    memset(bytes + 4096 + 20, 'x', 100);
    sealed_put(sealed_state, bytes, length);
    expect_refused(world, "AML0231");
}

/** A13: the power went between the store's commit and the state. */
static void test_one_batch_ahead_is_followed(void **state)
{
    world_t *world = *state;
    size_t length;
    char *bytes;

    world_open(world);
    sealed_write(world, 2);
    bytes = sealed_take(world, sealed_state, &length);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    sealed_put(sealed_state, bytes, length);
    assert_int_equal(world_conclude(world, "alice"), AMLAPS_OK);
    assert_int_equal(world_logged("AML0237"), 1);
    world_close(world);
    sealed_verify_good(world, 7);
}

/** A10 without its anchor: a state that is older than the last batch is somebody's copy. */
static void test_two_batches_ahead_are_refused(void **state)
{
    world_t *world = *state;
    size_t length;
    char *bytes;

    world_open(world);
    sealed_write(world, 1);
    bytes = sealed_take(world, sealed_state, &length);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    usleep(5000); /* another millisecond, another batch */
    assert_int_equal(world_conclude(world, "alice"), AMLAPS_OK);
    sealed_put(sealed_state, bytes, length);
    expect_refused(world, "AML0232");
    expect_refused(world, "AML0232");
    world_close(world);
    assert_int_equal(world_records(world), 5);
}

/** One record that the state's key did not seal, though the chain fits. */
static void test_forged_batch_is_not_followed(void **state)
{
    world_t *world = *state;
    size_t length;
    char *bytes;

    world_open(world);
    sealed_write(world, 1);
    bytes = sealed_take(world, sealed_state, &length);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    world_close(world);
    world_tamper(world, "UPDATE record SET anchor = replace(anchor, substr(anchor, 1, 1), CASE substr(anchor, 1, 1) WHEN 'a' THEN 'b' ELSE 'a' END)"
                        " WHERE seq = 4");
    sealed_put(sealed_state, bytes, length);
    world_open(world);
    expect_refused(world, "AML0232");
}

static void test_lost_records_are_missed(void **state)
{
    world_t *world = *state;

    world_open(world);
    sealed_write(world, 2);
    world_close(world);
    world_tamper(world, "DELETE FROM record WHERE seq = 5");
    world->shared = amlaps_trail_share();
    world_open(world);
    expect_refused(world, "AML0232");
}

/** A9: without the state nothing is served; what makes it anew tells of it. */
static void test_lost_state(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };

    world_open(world);
    sealed_write(world, 2);
    assert_int_equal(unlink(sealed_state), 0);
    expect_refused(world, "AML0230");
    assert_int_not_equal(amlaps_trail_seal(&error, world->store, sealed_state, "root", sealed_show, NULL, world->pool), APR_SUCCESS);
    assert_string_equal(error.id, "AML0239");
    assert_int_equal(access(sealed_state, F_OK), -1);
    memset(&error, 0, sizeof(error));
    assert_int_equal(sealed_recover(world, &error), APR_SUCCESS);
    assert_int_equal(sealed_keys, 2);
    assert_int_equal(strncmp(sealed_key[1], "amlaps-key:6:", 13), 0);
    sealed_write(world, 1);
    world_close(world);
    sealed_verify_good(world, 8);
    assert_int_equal(sealed_verify(world, WITH_ALL).recovered, 6);
    sealed_keys = 1;
    assert_int_equal(sealed_verify(world, WITH_KEY).first_bad, 6);
}

/** An old copy of the store in its place: what was lost stays lost, and the anchors say so. */
static void test_recovery_after_a_restored_store(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };

    world_open(world);
    sealed_write(world, 3);
    world_close(world);
    world_tamper(world, "DELETE FROM record WHERE seq > 3");
    world->shared = amlaps_trail_share();
    world_open(world);
    expect_refused(world, "AML0232");
    assert_int_equal(sealed_recover(world, &error), APR_SUCCESS);
    sealed_write(world, 1);
    world_close(world);
    assert_int_equal(world_number(world, "SELECT count(*) FROM record WHERE seq = 4 AND body LIKE '%\"code\":\"recovered\"%\"first\":4,%\"last\":7}%'"), 1);
    assert_int_equal(sealed_verify(world, WITH_KEY | WITH_STATE).first_bad, 0);
    assert_int_equal(sealed_verify(world, WITH_KEY | WITH_ANCHOR).first_bad, 4);
}

/** What amlaps-audit wrote is copied with the next batch. */
static void test_copies_have_what_the_tool_wrote(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    size_t length;
    char *bytes;

    world_open(world);
    sealed_write(world, 1);
    assert_int_equal(sealed_recover(world, &error), APR_SUCCESS);
    sealed_write(world, 1);
    world_close(world);
    bytes = sealed_take(world, sealed_copy, &length);
    assert_non_null(memmem(bytes, length, "\"seq\":4,", 8));
    sealed_verify_good(world, 6);
}

static void test_without_the_directive(void **state)
{
    world_t *world = *state;

    world->config.seal = NULL;
    world_open(world);
    expect_refused(world, "AML0233");
    world_close(world);
    assert_int_equal(world_records(world), 1);
}

/** A8 while in use. */
static void test_file_that_others_may_use(void **state)
{
    world_t *world = *state;
    char *other = apr_pstrcat(world->pool, sealed_state, ".other", NULL);

    world_open(world);
    sealed_write(world, 1);
    assert_int_equal(chmod(sealed_state, 0666), 0);
    expect_refused(world, "AML0230");
    assert_int_equal(chmod(sealed_state, 0600), 0);
    sealed_write(world, 1);
    assert_int_equal(rename(sealed_state, other), 0);
    assert_int_equal(symlink(other, sealed_state), 0);
    expect_refused(world, "AML0230");
    assert_int_equal(unlink(sealed_state), 0);
    assert_int_equal(link(other, sealed_state), 0);
    expect_refused(world, "AML0230");
    assert_int_equal(unlink(other), 0);
    sealed_write(world, 1);
    world_close(world);
    sealed_verify_good(world, 7);
}

static void test_newer_format_is_refused(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    size_t length;
    char *bytes = sealed_take(world, sealed_state, &length);

    bytes[12] = '2';
    sealed_put(sealed_state, bytes, length);
    world_open(world);
    expect_refused(world, "AML0231");
    assert_int_equal(sealed_recover(world, &error), APR_ENOTIMPL);
    assert_int_equal(sealed_keys, 1);
}

/** A11: two servers on one trail take turns through the state's lock; a holder that does not let go is named. */
static void test_two_servers(void **state)
{
    world_t *world = *state;
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    pid_t child = fork();
    int fd;

    world->config.timeout = SECONDS(1);
    if (child == 0) {
        world->shared = amlaps_trail_share();
        world_open(world);
        sealed_write(world, 100);
        world_close(world);
        _exit(0);
    }
    world_open(world);
    sealed_write(world, 100);
    world_wait(child);
    sealed_verify_good(world, 401);
    fd = open(sealed_state, O_RDWR | O_CLOEXEC);
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_AUDIT_UNAVAILABLE);
    close(fd);
    usleep(1500000);
    sealed_write(world, 1);
}

/** A trail that was not sealed before. */
static void test_sealing_begins_later(void **state)
{
    world_t *world = *state;

    world_open(world);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    world_close(world);
    sealed_begin(world);
    assert_int_equal(strncmp(sealed_key[0], "amlaps-key:2:", 13), 0);
    world_open(world);
    sealed_write(world, 1);
    world_close(world);
    sealed_verify_good(world, 4);
    world_tamper(world, "UPDATE record SET anchor = NULL WHERE seq = 4");
    assert_int_equal(sealed_verify(world, 0).first_bad, 4);
    close(world->sinks[0].fd);
}

static int refuse_to_show(void *baton, const char *key)
{
    (void)key;
    ++*(int *)baton;
    return 0;
}

static void test_key_that_cannot_be_shown(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    int asked = 0;
    char *path = apr_pstrcat(world->pool, world->directory, "/seal", NULL);

    assert_int_not_equal(amlaps_trail_seal(&error, world->store, path, "root", refuse_to_show, &asked, world->pool), APR_SUCCESS);
    assert_string_equal(error.id, "AML0238");
    assert_int_equal(asked, 1);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(world_records(world), 0);
}

static const struct CMUnitTest tests[] = {
    SEALED_TEST(test_begins_with_a_record_of_its_own), SEALED_TEST(test_anchors_follow_the_formula),
    SEALED_TEST(test_goes_on_from_child_to_child), SEALED_TEST(test_old_keys_are_gone), SEALED_TEST(test_torn_slot),
    SEALED_TEST(test_one_batch_ahead_is_followed), SEALED_TEST(test_two_batches_ahead_are_refused),
    SEALED_TEST(test_forged_batch_is_not_followed), SEALED_TEST(test_lost_records_are_missed), SEALED_TEST(test_lost_state),
    SEALED_TEST(test_recovery_after_a_restored_store), SEALED_TEST(test_copies_have_what_the_tool_wrote), SEALED_TEST(test_without_the_directive),
    SEALED_TEST(test_file_that_others_may_use), SEALED_TEST(test_newer_format_is_refused), SEALED_TEST(test_two_servers),
    WORLD_TEST(test_sealing_begins_later), WORLD_TEST(test_key_that_cannot_be_shown)
};

WORLD_MAIN(tests)
