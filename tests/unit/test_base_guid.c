/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/text.h"

#include <string.h>
#include <unistd.h>

#include <sys/wait.h>

#include "test_base_pool.h"

static void a_guid_is_put_in_lower_case(void **state)
{
    char guid[AMLAPS_GUID_LENGTH + 1];

    (void)state;
    assert_true(amlaps_text_guid(guid, "0A1b2C3d-4E5f-6789-aBcD-EF0123456789"));
    assert_string_equal(guid, "0a1b2c3d-4e5f-6789-abcd-ef0123456789");
    assert_true(amlaps_text_guid(guid, "00000000-0000-0000-0000-000000000001"));
    assert_string_equal(guid, "00000000-0000-0000-0000-000000000001");
    assert_true(amlaps_text_guid(guid, "ffffffff-ffff-ffff-ffff-ffffffffffff"));
}

static void a_guid_can_be_lowered_in_place(void **state)
{
    char guid[] = "0A1B2C3D-4E5F-6789-ABCD-EF0123456789";

    (void)state;
    assert_true(amlaps_text_guid(guid, guid));
    assert_string_equal(guid, "0a1b2c3d-4e5f-6789-abcd-ef0123456789");
}

static void anything_else_is_none_and_leaves_the_target(void **state)
{
    static const char *const others[] = {
        "", "0", "00000000-0000-0000-0000-000000000000",
        "{0a1b2c3d-4e5f-6789-abcd-ef0123456789}", "{0a1b2c3d-4e5f-6789-abcd-ef01234567}",
        " 0a1b2c3d-4e5f-6789-abcd-ef0123456789", "0a1b2c3d-4e5f-6789-abcd-ef0123456789 ",
        "0a1b2c3d-4e5f-6789-abcd-ef0123456789\n", "0a1b2c3d-4e5f-6789-abcd-ef012345678",
        "0a1b2c3d-4e5f-6789-abcd-ef01234567890", "0a1b2c3d4e5f6789abcdef0123456789",
        "0a1b2c3d-4e5f6-789-abcd-ef0123456789", "0a1b2c3d_4e5f_6789_abcd_ef0123456789",
        "0a1b2c3g-4e5f-6789-abcd-ef0123456789", "0a1b2c3d-4e5f-6789-abcd-ef012345678\xC3",
        "0a1b2c3d-4e5f-6789-abcd--f0123456789", "0x1b2c3d-4e5f-6789-abcd-ef0123456789",
        "-a1b2c3d-4e5f-6789-abcd-ef0123456789", "0a1b2c3d-4e5f-6789-abcd-ef01234567/9",
        "0a1b2c3d-4e5f-6789-abcd-ef01234567:9", "0a1b2c3d-4e5f-6789-abcd-ef01234567@9",
    };
    char guid[AMLAPS_GUID_LENGTH + 1] = "before";
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(amlaps_text_guid(guid, others[i]));
        assert_string_equal(guid, "before");
    }
    assert_false(amlaps_text_guid(guid, NULL));
}

static void fresh_guids_are_version_4_and_differ(void **state)
{
    char guids[64][AMLAPS_GUID_LENGTH + 1];
    char again[AMLAPS_GUID_LENGTH + 1];
    int i;
    int j;

    (void)state;
    for (i = 0; i < 64; i++) {
        assert_int_equal(amlaps_text_new_guid(guids[i]), APR_SUCCESS);
        assert_int_equal(strlen(guids[i]), AMLAPS_GUID_LENGTH);
        assert_true(amlaps_text_guid(again, guids[i]));
        assert_string_equal(again, guids[i]);
        assert_int_equal(guids[i][14], '4');
        assert_non_null(strchr("89ab", guids[i][19]));
        for (j = 0; j < i; j++) {
            assert_string_not_equal(guids[i], guids[j]);
        }
    }
}

/* A child of fork draws others than its parent, or two of httpd's would give requests the same id. */
static void processes_draw_different_ones(void **state)
{
    char theirs[AMLAPS_GUID_LENGTH + 1] = "", ours[AMLAPS_GUID_LENGTH + 1];
    int ends[2], status;
    pid_t child;

    (void)state;
    assert_int_equal(amlaps_text_new_guid(ours), APR_SUCCESS);
    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(amlaps_text_new_guid(ours) != APR_SUCCESS || write(ends[1], ours, sizeof(ours)) != (ssize_t)sizeof(ours));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(read(ends[0], theirs, sizeof(theirs)), sizeof(theirs));
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(amlaps_text_new_guid(ours), APR_SUCCESS);
    assert_string_not_equal(ours, theirs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guid_is_put_in_lower_case),
        cmocka_unit_test(a_guid_can_be_lowered_in_place),
        cmocka_unit_test(anything_else_is_none_and_leaves_the_target),
        cmocka_unit_test(fresh_guids_are_version_4_and_differ),
        cmocka_unit_test(processes_draw_different_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
