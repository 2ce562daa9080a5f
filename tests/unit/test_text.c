/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/text.h"

#include <stdio.h>
#include <string.h>

#include "../../src/base/text_internal.h"
#include "test_base_pool.h"

static void well_formed_utf8(void **state)
{
    static const char *const texts[] = {
        "", "a", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "a\xC3\xBC\xE2\x82\xAC\xF0\x9F\x94\x91z",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_true(amlaps_text_is_utf8(texts[i], strlen(texts[i])));
    }
    assert_true(amlaps_text_is_utf8("a\0b", 3));
}

static void malformed_utf8(void **state)
{
    static const char *const texts[] = {
        "\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x61", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xE2\x82", "\xE2\x82z",
        "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF", "\xF0\x9F\x94", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xF8\x88\x80\x80\x80", "\xFE", "\xFF", "ok\xFF", "\xC3\xBC\xC3", "\xE2\xC3\xBC",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (amlaps_text_is_utf8(texts[i], strlen(texts[i]))) {
            fail_msg("number %zu passed", i);
        }
    }
    assert_false(amlaps_text_is_utf8("\xC3\xBC", 1));
}

static void every_code_point_goes_there_and_back(void **state)
{
    apr_uint32_t point;

    (void)state;
    for (point = 0; point <= 0x10FFFF; point++) {
        char bytes[AMLAPS_UTF8_MOST];
        apr_uint32_t again = 0xFFFFFFFF;
        apr_size_t length = amlaps_text_encode(bytes, point);

        if (point >= 0xD800 && point <= 0xDFFF) {
            assert_int_equal(amlaps_text_decode(&again, bytes, length), 0);
            continue;
        }
        assert_int_equal(length, point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4);
        assert_int_equal(amlaps_text_decode(&again, bytes, length), length);
        assert_int_equal(again, point);
        assert_int_equal(amlaps_text_decode(&again, bytes, length - 1), 0);
    }
}

static void controls_are_found(void **state)
{
    apr_uint32_t point;
    int found = 0;

    (void)state;
    for (point = 1; point <= 0x10FFFF; point++) {
        char text[AMLAPS_UTF8_MOST + 3] = "a";
        int expected = point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x61C || point == 0x200E
                       || point == 0x200F || (point >= 0x2028 && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);

        if (point >= 0xD800 && point <= 0xDFFF) {
            continue;
        }
        text[1 + amlaps_text_encode(text + 1, point)] = 'z';
        if (amlaps_text_has_controls(text) != expected) {
            fail_msg("U+%04X", point);
        }
        found += expected;
    }
    assert_int_equal(found, 31 + 33 + 3 + 7 + 4);
    assert_false(amlaps_text_has_controls(""));
    assert_false(amlaps_text_has_controls(NULL));
    assert_true(amlaps_text_has_controls("a\x85"));
    assert_true(amlaps_text_has_controls("\xE2\x80"));
}

static void a_printable_text_stays(void **state)
{
    apr_pool_t *pool = *state;
    const char *text = "DOMAIN\\j\xC3\xB6rg \"x\" \xF0\x9F\x94\x91";

    assert_string_equal(amlaps_text_printable(text, 100, pool), text);
    assert_string_equal(amlaps_text_printable("", 100, pool), "");
    assert_string_equal(amlaps_text_printable(NULL, 100, pool), "");
}

static void an_unprintable_byte_is_written_out(void **state)
{
    apr_pool_t *pool = *state;

    assert_string_equal(amlaps_text_printable("a\r\nb\x1B\x7F", 100, pool), "a\\x0d\\x0ab\\x1b\\x7f");
    assert_string_equal(amlaps_text_printable("\xC2\x85|\xE2\x80\xAE", 100, pool), "\\xc2\\x85|\\xe2\\x80\\xae");
    assert_string_equal(amlaps_text_printable("\xC3|\xED\xA0\x80", 100, pool), "\\xc3|\\xed\\xa0\\x80");
}

static void a_long_text_is_cut_at_whole_characters(void **state)
{
    apr_pool_t *pool = *state;

    assert_string_equal(amlaps_text_printable("abcdef", 3, pool), "abc");
    assert_string_equal(amlaps_text_printable("abcdef", 6, pool), "abcdef");
    assert_string_equal(amlaps_text_printable("ab\xE2\x82\xAC", 4, pool), "ab");
    assert_string_equal(amlaps_text_printable("ab\xE2\x82\xAC", 5, pool), "ab\xE2\x82\xAC");
    assert_string_equal(amlaps_text_printable("ab\nc", 5, pool), "ab");
    assert_string_equal(amlaps_text_printable("ab\nc", 6, pool), "ab\\x0a");
    assert_string_equal(amlaps_text_printable("abc", 0, pool), "");
}

static void halves_are_trimmed(void **state)
{
    static const struct {
        const char *before;
        const char *after;
    } cases[] = {
        { "", "" }, { "abc", "abc" }, { "ab\xC3", "ab" }, { "ab\xC3\xBC", "ab\xC3\xBC" }, { "ab\xE2\x82", "ab" },
        { "ab\xE2", "ab" }, { "ab\xF0\x9F\x94", "ab" }, { "ab\xF0\x9F\x94\x91", "ab\xF0\x9F\x94\x91" },
        { "\x80\x80", "\x80\x80" }, { "\xF0", "" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[16];

        snprintf(text, sizeof(text), "%s", cases[i].before);
        amlaps_text_trim_half(text);
        assert_string_equal(text, cases[i].after);
    }
}

static void percent_keeps_only_the_unreserved(void **state)
{
    apr_pool_t *pool = *state;
    const char *kept = "ABCXYZabcxyz0189-._~";

    assert_string_equal(amlaps_text_percent(kept, pool), kept);
    assert_string_equal(amlaps_text_percent("a b/c?d&e=f%'\"+\n", pool), "a%20b%2Fc%3Fd%26e%3Df%25%27%22%2B%0A");
    assert_string_equal(amlaps_text_percent("\xC3\xBC\xFF\x7F", pool), "%C3%BC%FF%7F");
    assert_string_equal(amlaps_text_percent("@[`{/:", pool), "%40%5B%60%7B%2F%3A");
    assert_string_equal(amlaps_text_percent("", pool), "");
    assert_string_equal(amlaps_text_percent(NULL, pool), "");
}

/* Whatever stands before and behind, and wherever words of memory begin and end. */
static void a_bad_byte_is_found_at_every_place(void **state)
{
    char text[64];
    size_t start, at;

    (void)state;
    for (start = 0; start < 8; start++) {
        for (at = start; at + 2 < sizeof(text); at++) {
            memset(text, 'a', sizeof(text));
            assert_true(amlaps_text_is_utf8(text + start, sizeof(text) - start));
            memcpy(text + at, "\xC3\xBC", 2);
            assert_true(amlaps_text_is_utf8(text + start, sizeof(text) - start));
            text[at] = 'a';
            assert_false(amlaps_text_is_utf8(text + start, sizeof(text) - start));
            assert_true(amlaps_text_is_utf8(text + start, at + 1 - start));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_utf8),
        cmocka_unit_test(a_bad_byte_is_found_at_every_place),
        cmocka_unit_test(malformed_utf8),
        cmocka_unit_test(every_code_point_goes_there_and_back),
        cmocka_unit_test(controls_are_found),
        pool_test(a_printable_text_stays),
        pool_test(an_unprintable_byte_is_written_out),
        pool_test(a_long_text_is_cut_at_whole_characters),
        cmocka_unit_test(halves_are_trimmed),
        pool_test(percent_keeps_only_the_unreserved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
