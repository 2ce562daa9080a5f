/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/digest.h"

#include <string.h>

#include "test_base_pool.h"

/* Vectors of FIPS 180-4's examples (NIST CSRC). */
static const char empty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char two_blocks_text[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
static const char two_blocks[] = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";

static void sum_up(char hex[AMLAPS_DIGEST_HEX + 1], const char *first, size_t first_length, const char *second, size_t second_length)
{
    const amlaps_piece_t pieces[] = { { first, first_length }, { second, second_length } };

    amlaps_digest_text(hex, pieces, 2);
}

static void known_vectors(void **state)
{
    char hex[AMLAPS_DIGEST_HEX + 1];

    (void)state;
    amlaps_digest_text(hex, NULL, 0);
    assert_string_equal(hex, empty);
    sum_up(hex, "", 0, "", 0);
    assert_string_equal(hex, empty);
    sum_up(hex, NULL, 0, NULL, 0);
    assert_string_equal(hex, empty);
    sum_up(hex, "abc", 3, NULL, 0);
    assert_string_equal(hex, abc);
    sum_up(hex, two_blocks_text, strlen(two_blocks_text), "", 0);
    assert_string_equal(hex, two_blocks);
}

static void both_parts_count_as_one(void **state)
{
    char hex[AMLAPS_DIGEST_HEX + 1];
    size_t length = strlen(two_blocks_text);
    size_t cut;

    (void)state;
    for (cut = 0; cut <= length; cut++) {
        sum_up(hex, two_blocks_text, cut, two_blocks_text + cut, length - cut);
        assert_string_equal(hex, two_blocks);
    }
}

static void pieces_count_as_one(void **state)
{
    apr_pool_t *pool = *state;
    amlaps_digest_t *digest = amlaps_digest_make(pool);
    const amlaps_piece_t pieces[] = { { "", 0 }, { two_blocks_text, 7 }, { NULL, 0 }, { two_blocks_text + 7, strlen(two_blocks_text) - 7 } };
    unsigned char sum[AMLAPS_DIGEST_BYTES], read[AMLAPS_DIGEST_BYTES];
    char hex[AMLAPS_DIGEST_HEX + 1];

    amlaps_digest_sum(sum, digest, pieces, 4);
    amlaps_digest_hex(hex, sum);
    assert_string_equal(hex, two_blocks);
    amlaps_digest_sum(sum, digest, pieces, 0);
    amlaps_digest_hex(hex, sum);
    assert_string_equal(hex, empty);
    assert_true(amlaps_digest_read_hex(read, hex));
    assert_true(amlaps_digest_equal(read, sum, sizeof(sum)));
    hex[63] = 'B';
    assert_false(amlaps_digest_read_hex(read, hex));
    hex[63] = '\0';
    assert_false(amlaps_digest_read_hex(read, hex));
}

/* A key of 32 bytes; computed with Python's hmac. */
static void hmac_vectors(void **state)
{
    apr_pool_t *pool = *state;
    amlaps_digest_t *digest = amlaps_digest_make(pool);
    unsigned char key[AMLAPS_DIGEST_BYTES], mac[AMLAPS_DIGEST_BYTES];
    char hex[AMLAPS_DIGEST_HEX + 1];
    int i;

    for (i = 0; i < AMLAPS_DIGEST_BYTES; i++) {
        key[i] = (unsigned char)(i + 1);
    }
    amlaps_digest_hmac(mac, digest, key, two_blocks_text, strlen(two_blocks_text));
    amlaps_digest_hex(hex, mac);
    assert_string_equal(hex, "104fdc1257328f08184ba73131c53caee698e36119421149ea8c712456697d30");
    amlaps_digest_hmac(key, digest, key, "", 0);
    amlaps_digest_hex(hex, key);
    assert_string_equal(hex, "462476a897ddfdbd40d1420e08a5bcfeeb25c3e2ade6a0a9083b327b9ef9fca1");
}

static void random_bytes_differ(void **state)
{
    unsigned char a[AMLAPS_DIGEST_BYTES] = { 0 }, b[AMLAPS_DIGEST_BYTES] = { 0 };

    (void)state;
    assert_int_equal(amlaps_digest_random(a, sizeof(a)), APR_SUCCESS);
    assert_int_equal(amlaps_digest_random(b, sizeof(b)), APR_SUCCESS);
    assert_false(amlaps_digest_equal(a, b, sizeof(a)));
}

/* RFC 4231, cases 1 and 6: a short key, and one longer than a block. */
static void signatures_of_any_key(void **state)
{
    unsigned char key[131], mac[AMLAPS_DIGEST_BYTES];
    char hex[AMLAPS_DIGEST_HEX + 1];

    (void)state;
    memset(key, 0x0b, 20);
    amlaps_digest_sign(mac, key, 20, "Hi There", 8);
    amlaps_digest_hex(hex, mac);
    assert_string_equal(hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    memset(key, 0xaa, sizeof(key));
    amlaps_digest_sign(mac, key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54);
    amlaps_digest_hex(hex, mac);
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_of_any_key), cmocka_unit_test(known_vectors),
        cmocka_unit_test(both_parts_count_as_one),
        pool_test(pieces_count_as_one),
        pool_test(hmac_vectors),
        cmocka_unit_test(random_bytes_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
