/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include "../../src/graph/password.h"
#include "graph_fake.h"

static const char *decode(fake_t *fake, amlaps_secret_t **password, const char *base64)
{
    return amlaps_password_decode(password, base64, strlen(base64), fake->pool);
}

static void gives(fake_t *fake, const char *base64, const char *expected)
{
    amlaps_secret_t *password;

    assert_null(decode(fake, &password, base64));
    assert_int_equal(password->length, strlen(expected));
    assert_string_equal(password->bytes, expected);
}

static void refuses(fake_t *fake, const char *base64, const char *why)
{
    amlaps_secret_t *password;

    assert_string_equal(decode(fake, &password, base64), why);
    assert_null(password);
}

static void documented_vectors(void **state)
{
    gives(*state, "UQBRAEAAZAA4AGYAOABnAFkA", "QQ@d8f8gY");
    gives(*state, "ZzRxMjJzW1h6OH0hVDMyWzQ7WiMwTX12MzV1ZEZbeEIwfWlCO1BAeGslOUU5VGd3LFddNyl2eDlPIS0=",
          "g4q22s[Xz8}!T32[4;Z#0M}v35udF[xB0}iB;P@xk%9E9Tgw,W]7)vx9O!-");
    gives(*state, "UMOkc3N3w7ZyZDxiPiYnIjE=", "P\xC3\xA4ssw\xC3\xB6rd<b>&'\"1");
    gives(*state, "UADkAHMAcwB3APYAcgBkADwAYgA+ACYAJwAiADEA", "P\xC3\xA4ssw\xC3\xB6rd<b>&'\"1");
    gives(*state, "KgBEADkAawBsAGsAZgAjADQA", "*D9klkf#4");
    gives(*state, "TABwAGQAOQAqACgAKQAzADQA", "Lpd9*()34");
}

static void byte_order_marks_go(void **state)
{
    gives(*state, "//5BAEIA", "AB");           /* FF FE 41 00 42 00 */
    gives(*state, "//6sIA==", "\xE2\x82\xAC"); /* FF FE AC 20: no NUL in it, only the mark tells */
    gives(*state, "77u/QUI=", "AB");           /* EF BB BF 41 42 */
}

static void surrogates_become_one_character(void **state)
{
    gives(*state, "//5BAD3YAN4=", "A\xF0\x9F\x98\x80");  /* FF FE 41 00 3D D8 00 DE */
    refuses(*state, "//5BAD3Y", "its UTF-16 is broken"); /* half a pair at the end */
    refuses(*state, "//5BAADe", "its UTF-16 is broken");
    refuses(*state, "//492EEA", "its UTF-16 is broken"); /* high half, then A */
}

static void base64_is_strict(void **state)
{
    refuses(*state, "QUI", "its base64 is incomplete");
    refuses(*state, "QUJD=", "its base64 is incomplete");
    refuses(*state, "QU I", "it is not base64");
    refuses(*state, "QUJ-", "it is not base64");
    refuses(*state, "Q=JD", "it is not base64");
    refuses(*state, "Q===", "it is not base64");
    refuses(*state, "QUJ=", "its base64 is damaged"); /* unused bits set */
    refuses(*state, "QR==", "its base64 is damaged");
    gives(*state, "QQ==", "A");
    gives(*state, "QUI=", "AB");
    gives(*state, "QUJD", "ABC");
    gives(*state, "Kys/", "++?");
}

static void nothing_is_no_password(void **state)
{
    refuses(*state, "", "it is empty");
    refuses(*state, "//4=", "it is empty");
    refuses(*state, "77u/", "it is empty");
}

static void control_characters_are_refused(void **state)
{
    refuses(*state, "QQpC", "it holds control characters");     /* A LF B */
    refuses(*state, "QX9C", "it holds control characters");     /* A DEL B */
    refuses(*state, "QcKFQg==", "it holds control characters"); /* A NEL B */
    refuses(*state, "QQAJAEIA", "it holds control characters"); /* the same in UTF-16 */
    refuses(*state, "QeKArkI=", "it holds control characters"); /* A U+202E B */
}

static void nul_inside_is_refused(void **state)
{
    refuses(*state, "QQBC", "it holds a NUL");     /* A NUL B, odd */
    refuses(*state, "YWIAZA==", "it holds a NUL"); /* a b NUL d: even, but no UTF-16 */
    refuses(*state, "YWJjAA==", "it holds a NUL"); /* a b c NUL */
    refuses(*state, "//5BAAAAQgA=", "it holds a NUL");
}

static void other_encodings_are_refused(void **state)
{
    refuses(*state, "UORzcw==", "it is neither UTF-8 nor UTF-16"); /* Latin-1 */
    refuses(*state, "7aCA", "it is neither UTF-8 nor UTF-16");     /* a surrogate in UTF-8 */
}

static void a_long_one_is_whole(void **state)
{
    fake_t *fake = *state;
    char base64[4097], expected[3073];

    for (int i = 0; i < 1024; i++) {
        memcpy(base64 + 4 * i, "QUJD", 4);
        memcpy(expected + 3 * i, "ABC", 3);
    }
    base64[4096] = expected[3072] = '\0';
    gives(fake, base64, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fake_test(documented_vectors),    fake_test(byte_order_marks_go),         fake_test(surrogates_become_one_character),
        fake_test(base64_is_strict),      fake_test(nothing_is_no_password),      fake_test(control_characters_are_refused),
        fake_test(nul_inside_is_refused), fake_test(other_encodings_are_refused), fake_test(a_long_one_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
