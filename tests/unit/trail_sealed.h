/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TEST_TRAIL_SEALED_H
#define AMLAPS_TEST_TRAIL_SEALED_H

/* A world whose trail is sealed, with a copy to compare it with. */

#include "trail_world.h"

#include <fcntl.h>

#include "amlaps/digest.h"
#include "amlaps/sealing.h"

static char sealed_state[192], sealed_copy[192];
static char sealed_key[8][160]; /* as they were shown, oldest first */
static int sealed_keys;

static int sealed_show(void *baton, const char *key)
{
    (void)baton;
    assert_true(sealed_keys < 8);
    snprintf(sealed_key[sealed_keys++], sizeof(sealed_key[0]), "%s", key);
    return 1;
}

static inline apr_status_t sealed_recover(const world_t *world, amlaps_error_t *error)
{
    amlaps_recovered_t recovered;

    return amlaps_trail_recover(&recovered, error, world->store, sealed_state, "root", sealed_show, NULL, world->pool);
}

/** Seals the world's trail from now on, and copies it. */
static inline void sealed_begin(world_t *world)
{
    amlaps_error_t error = { 0 };

    sealed_keys = 0;
    snprintf(sealed_state, sizeof(sealed_state), "%s/amlaps.seal", world->directory);
    snprintf(sealed_copy, sizeof(sealed_copy), "%s/copy.jsonl", world->directory);
    if (amlaps_trail_seal(&error, world->store, sealed_state, "root", sealed_show, NULL, world->pool) != APR_SUCCESS) {
        fail_msg("%s", error.detail);
    }
    world->config.seal = sealed_state;
    world->sinks[0] = (amlaps_trail_sink_t){ .name = sealed_copy, .fd = open(sealed_copy, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) };
    world->config.sink_count = 1;
}

static inline int sealed_setup(void **state)
{
    int failed = world_setup(state);

    if (failed == 0) {
        /* The system's clock, so that amlaps-audit's records fit in. */
        ((world_t *)*state)->config.clock = amlaps_clock_system();
        sealed_begin(*state);
    }
    return failed;
}

static inline int sealed_teardown(void **state)
{
    close(((world_t *)*state)->sinks[0].fd);
    return world_teardown(state);
}

static inline amlaps_keys_t *sealed_all_keys(const world_t *world)
{
    amlaps_keys_t *keys = amlaps_keys_make(world->pool);
    int i;

    for (i = 0; i < sealed_keys; i++) {
        assert_null(amlaps_keys_add(keys, sealed_key[i]));
    }
    return keys;
}

enum { WITH_KEY = 1, WITH_ANCHOR = 2, WITH_STATE = 4, WITH_ALL = 7 };

static inline amlaps_verify_t sealed_verify(const world_t *world, int with_what)
{
    amlaps_verify_with_t with = { .keys = with_what & WITH_KEY ? sealed_all_keys(world) : NULL,
                                  .anchors = with_what & WITH_ANCHOR ? sealed_copy : NULL,
                                  .state = with_what & WITH_STATE ? sealed_state : NULL };
    amlaps_error_t error = { 0 };
    amlaps_verify_t result;

    if (amlaps_trail_verify(&result, &error, world->store, &with, world->pool) != APR_SUCCESS) {
        fail_msg("%s", error.detail);
    }
    return result;
}

static inline void sealed_verify_good(const world_t *world, long records)
{
    int with;

    for (with = 0; with <= WITH_ALL; with++) {
        amlaps_verify_t result = sealed_verify(world, with);

        if (result.first_bad != 0) {
            fail_msg("with %d, record %ld: %s", with, (long)result.first_bad, result.problem);
        }
        assert_int_equal(result.records, records);
        assert_true(result.sealed);
    }
}

static inline void sealed_write(world_t *world, int pairs)
{
    int i;

    for (i = 0; i < pairs; i++) {
        assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
        assert_int_equal(world_conclude(world, "alice"), AMLAPS_OK);
    }
}

/** Pairs of records while somebody reads, so that the log must grow for the next one. @return the reader, to be closed */
static inline sqlite3 *sealed_write_beside_reader(world_t *world, int pairs)
{
    sqlite3 *reader = NULL;

    assert_int_equal(sqlite3_open(world->path, &reader), SQLITE_OK);
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT * FROM record", NULL, NULL, NULL), SQLITE_OK);
    world_open(world);
    sealed_write(world, pairs);
    world_close(world);
    return reader;
}

/** The store takes a record with the state as it is, and all of them are good. */
static inline void sealed_goes_on(world_t *world)
{
    world_open(world);
    sealed_write(world, 1);
    world_close(world);
    assert_int_equal(sealed_verify(world, WITH_KEY | WITH_STATE).first_bad, 0);
}

/** The bytes of a file, to be put back later. */
static inline char *sealed_take(const world_t *world, const char *path, size_t *length)
{
    char *bytes = apr_palloc(world->pool, 1 << 22);
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    *length = fread(bytes, 1, 1 << 22, file);
    assert_true(*length < 1 << 22);
    fclose(file);
    return bytes;
}

static inline void sealed_put(const char *path, const char *bytes, size_t length)
{
    FILE *file = fopen(path, "r+");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(ftruncate(fileno(file), (off_t)length), 0);
    assert_int_equal(fclose(file), 0);
}

#define SEALED_TEST(function) cmocka_unit_test_setup_teardown(function, sealed_setup, sealed_teardown)

#endif
