/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../../src/policy/hash.h"
#include "test_policy_world.h"

static void put_character(char *target, unsigned point)
{
    if (point < 0x80) {
        target[0] = (char)point;
        target[1] = '\0';
    }
    else if (point < 0x800) {
        apr_snprintf(target, 8, "%c%c", (char)(0xc0 | point >> 6), (char)(0x80 | (point & 0x3f)));
    }
    else if (point < 0x10000) {
        apr_snprintf(target, 8, "%c%c%c", (char)(0xe0 | point >> 12), (char)(0x80 | (point >> 6 & 0x3f)), (char)(0x80 | (point & 0x3f)));
    }
    else {
        apr_snprintf(target, 8, "%c%c%c%c", (char)(0xf0 | point >> 18), (char)(0x80 | (point >> 12 & 0x3f)),
                     (char)(0x80 | (point >> 6 & 0x3f)), (char)(0x80 | (point & 0x3f)));
    }
}

/* Every letter of Unicode, alone and behind texts that end anywhere in a word of eight bytes. */
static void what_folds_alike_hashes_alike(void **state)
{
    static const char *const fronts[] = {"", "LON-", "helpdesk", "0123456789abcde"};
    world_t *world = *state;
    apr_pool_t *scratch;
    unsigned point;
    apr_size_t i;

    assert_int_equal(apr_pool_create(&scratch, world->pool), APR_SUCCESS);
    for (point = 1; point < 0x1f000; point++) {
        char character[8], text[32];

        put_character(character, point);
        for (i = 0; i < sizeof(fronts) / sizeof(fronts[0]); i++) {
            const char *folded;

            apr_snprintf(text, sizeof(text), "%s%sX", fronts[i], character);
            folded = amlaps_text_fold(text, scratch);
            if (amlaps_hash_folded(folded) != amlaps_hash_folded(text) || !amlaps_hash_equal_folded(folded, text)) {
                fail_msg("U+%04X differs from its fold", point);
            }
        }
        apr_pool_clear(scratch);
    }
}

static void what_differs_hashes_apart(void **state)
{
    static const char *const texts[] = {
        "", "a", "b", "ab", "ba", "aa", "aaa", "LON-001", "LON-002", "LON-0011", GUID_A, GUID_B, "01234567", "012345678",
        "\xE6\x9D\xB1\xE4\xBA\xAC", "\xE5\xA4\xA7\xE9\x98\xAA", "\xD7\x90", "\xD7\x91", "\xED\x95\x9C", "\xED\x95\x9D", "\xE0\xA4\x85",
        "k", "s", "kk", "ks"};
    apr_size_t i, j;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (j = 0; j < i; j++) {
            assert_true(amlaps_hash_folded(texts[i]) != amlaps_hash_folded(texts[j]));
            assert_false(amlaps_hash_equal_folded(texts[i], texts[j]));
        }
    }
}

static void bytes_that_are_no_characters(void **state)
{
    static const char *const texts[] = {"\xFF", "\x80", "\xC5", "\xC5x", "\xE2", "\xE2\x84", "\xE2\x84x", "\xE6", "\xE6\x9D", "A\xE6",
                                        "\xE6\xE2\x84\xAA", "\xC3\xC5\xBF"};
    world_t *world = *state;
    apr_size_t i;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *folded = amlaps_text_fold(texts[i], world->pool);

        assert_true(amlaps_hash_folded(texts[i]) == amlaps_hash_folded(folded));
        assert_true(amlaps_hash_equal_folded(texts[i], folded));
    }
    assert_false(amlaps_hash_equal_folded("\xFF", "\xFE"));
}

static void equal_over_ascii_and_beyond(void **state)
{
    (void)state;
    assert_true(amlaps_hash_equal_folded("Helpdesk Z\xC3\x9CRICH", "HELPDESK z\xC3\xBCrich"));
    assert_true(amlaps_hash_equal_folded("K\xC5\xBF", "\xE2\x84\xAAS"));
    assert_false(amlaps_hash_equal_folded("Helpdesk", "Helpdesk "));
    assert_false(amlaps_hash_equal_folded("@", "`"));
    assert_false(amlaps_hash_equal_folded("[", "{"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(what_folds_alike_hashes_alike),
        world_test(what_differs_hashes_apart),
        world_test(bytes_that_are_no_characters),
        world_test(equal_over_ascii_and_beyond),
    };

    return cmocka_run_group_tests_name("policy/hash", tests, NULL, NULL);
}
