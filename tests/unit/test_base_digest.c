/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/text.h"

#include <string.h>

#include "test_base_pool.h"

/* Vectors of FIPS 180-4's examples (NIST CSRC). */
static const char empty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char two_blocks_text[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
static const char two_blocks[] = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";

static void known_vectors(void **state)
{
    char hex[AMLAPS_SHA256_HEX + 1];

    (void)state;
    amlaps_text_sha256(hex, "", 0, "", 0);
    assert_string_equal(hex, empty);
    amlaps_text_sha256(hex, NULL, 0, NULL, 0);
    assert_string_equal(hex, empty);
    amlaps_text_sha256(hex, "abc", 3, NULL, 0);
    assert_string_equal(hex, abc);
    amlaps_text_sha256(hex, two_blocks_text, strlen(two_blocks_text), "", 0);
    assert_string_equal(hex, two_blocks);
}

static void both_parts_count_as_one(void **state)
{
    char hex[AMLAPS_SHA256_HEX + 1];
    size_t length = strlen(two_blocks_text);
    size_t cut;

    (void)state;
    for (cut = 0; cut <= length; cut++) {
        amlaps_text_sha256(hex, two_blocks_text, cut, two_blocks_text + cut, length - cut);
        assert_string_equal(hex, two_blocks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_vectors),
        cmocka_unit_test(both_parts_count_as_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
