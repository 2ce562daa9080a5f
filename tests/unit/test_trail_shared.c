/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../src/trail/shared.h"

static void what_is_condemned_stays_so(void **state)
{
    amlaps_trail_shared_t *shared = amlaps_trail_share();

    (void)state;
    assert_non_null(shared);
    assert_false(amlaps_shared_is_condemned(shared, "/a"));
    amlaps_shared_condemn(shared, "/a");
    amlaps_shared_condemn(shared, "/a");
    amlaps_trail_restarted(shared);
    assert_true(amlaps_shared_is_condemned(shared, "/a"));
    assert_false(amlaps_shared_is_condemned(shared, "/b"));
}

static void beyond_the_room_for_names_nothing_is_trusted(void **state)
{
    amlaps_trail_shared_t *shared = amlaps_trail_share();
    char name[16];
    int i;

    (void)state;
    assert_non_null(shared);
    for (i = 0; i < 16; i++) {
        snprintf(name, sizeof(name), "/%d", i);
        amlaps_shared_condemn(shared, name);
    }
    assert_false(amlaps_shared_is_condemned(shared, "/other"));
    for (i = 0; i < 16; i++) {
        snprintf(name, sizeof(name), "/%d", i);
        assert_true(amlaps_shared_is_condemned(shared, name));
    }
    amlaps_shared_condemn(shared, "/one more");
    assert_true(amlaps_shared_is_condemned(shared, "/one more"));
    assert_true(amlaps_shared_is_condemned(shared, "/other"));
    assert_true(amlaps_shared_is_condemned(shared, "/0"));
}

static void what_was_prepared_is_known(void **state)
{
    amlaps_trail_shared_t *shared = amlaps_trail_share();
    char name[16];
    int i;

    (void)state;
    assert_non_null(shared);
    assert_false(amlaps_trail_is_prepared(shared, "sqlite3:/a"));
    for (i = 0; i < 200; i++) {
        amlaps_trail_note_prepared(shared, "sqlite3:/a");
    }
    amlaps_trail_restarted(shared);
    assert_true(amlaps_trail_is_prepared(shared, "sqlite3:/a"));
    assert_false(amlaps_trail_is_prepared(shared, "sqlite3:/b"));
    /* Whatever is beyond the room is prepared anew each time. */
    for (i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "/%d", i);
        amlaps_trail_note_prepared(shared, name);
    }
    assert_true(amlaps_trail_is_prepared(shared, "sqlite3:/a"));
    assert_true(amlaps_trail_is_prepared(shared, "/5"));
    assert_false(amlaps_trail_is_prepared(shared, "/199"));
}

static void the_last_record_of_a_store_is_kept(void **state)
{
    amlaps_trail_shared_t *shared = amlaps_trail_share();
    amlaps_shared_key_t a, b;

    (void)state;
    assert_non_null(shared);
    amlaps_shared_key(a, "/a");
    amlaps_shared_key(b, "/b");
    assert_int_equal(amlaps_shared_last(shared, a)->seq, 0);
    amlaps_shared_last(shared, a)->seq = 7;
    assert_int_equal(amlaps_shared_last(shared, b)->seq, 0);
    amlaps_shared_last(shared, b)->seq = 9;
    amlaps_trail_restarted(shared);
    assert_int_equal(amlaps_shared_last(shared, a)->seq, 7);
    assert_int_equal(amlaps_shared_last(shared, b)->seq, 9);
}

/** Three hundred virtual hosts, each with a store and two copies. */
static void there_is_room_for_many_copies(void **state)
{
    enum { HOSTS = 300, NAMES = 3 };
    amlaps_trail_shared_t *shared = amlaps_trail_share();
    char taken[AMLAPS_LEADS] = { 0 };
    char key[AMLAPS_COPY_KEY + 1], host[16], name[16];
    int i, lead, round;

    (void)state;
    assert_non_null(shared);
    for (round = 0; round < 2; round++) {
        for (i = 0; i < HOSTS * NAMES; i++) {
            snprintf(host, sizeof(host), "/%d", i / NAMES);
            snprintf(name, sizeof(name), "/%d", i % NAMES);
            amlaps_copy_key(key, host, name);
            assert_int_equal(amlaps_shared_copy(shared, key)->last, round * (i + 1));
            amlaps_shared_copy(shared, key)->last = i + 1;
            lead = amlaps_shared_lead_of(shared, key);
            assert_int_equal(taken[lead], round);
            taken[lead]++;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_condemned_stays_so),
        cmocka_unit_test(beyond_the_room_for_names_nothing_is_trusted),
        cmocka_unit_test(what_was_prepared_is_known),
        cmocka_unit_test(the_last_record_of_a_store_is_kept),
        cmocka_unit_test(there_is_room_for_many_copies),
    };

    return cmocka_run_group_tests_name("trail/shared", tests, NULL, NULL);
}
