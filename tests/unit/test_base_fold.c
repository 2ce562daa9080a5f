/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/text.h"

#include <string.h>

#include "../../src/base/text_internal.h"
#include "test_base_pool.h"

/* Lines of Unicode's CaseFolding.txt, status C and S, and of what it leaves alone. */
static const struct {
    apr_uint32_t point;
    apr_uint32_t folded;
} vectors[] = {
    { 'A', 'a' },         { 'Z', 'z' },         { 'a', 'a' },         { '@', '@' },         { '[', '[' },
    { 0x00B5, 0x03BC },   { 0x00C0, 0x00E0 },   { 0x00D7, 0x00D7 },   { 0x00F7, 0x00F7 },   { 0x00DE, 0x00FE },
    { 0x00DF, 0x00DF },   { 0x0100, 0x0101 },   { 0x0101, 0x0101 },   { 0x0130, 0x0130 },   { 0x0131, 0x0131 },
    { 0x0149, 0x0149 },   { 0x0178, 0x00FF },   { 0x017F, 's' },      { 0x01C4, 0x01C6 },   { 0x01C5, 0x01C6 },
    { 0x01F0, 0x01F0 },   { 0x023A, 0x2C65 },   { 0x0345, 0x03B9 },   { 0x0386, 0x03AC },   { 0x0391, 0x03B1 },
    { 0x03A3, 0x03C3 },   { 0x03C2, 0x03C3 },   { 0x03C3, 0x03C3 },   { 0x03D1, 0x03B8 },   { 0x03F4, 0x03B8 },
    { 0x0410, 0x0430 },   { 0x042F, 0x044F },   { 0x0401, 0x0451 },   { 0x04C0, 0x04CF },   { 0x0531, 0x0561 },
    { 0x0587, 0x0587 },   { 0x10A0, 0x2D00 },   { 0x10D0, 0x10D0 },   { 0x1C90, 0x10D0 },   { 0x13A0, 0x13A0 },
    { 0x13F8, 0x13F0 },   { 0xAB70, 0x13A0 },   { 0x1E9E, 0x00DF },   { 0x1E9B, 0x1E61 },   { 0x1F88, 0x1F80 },
    { 0x1FBC, 0x1FB3 },   { 0x2126, 0x03C9 },   { 0x212A, 'k' },      { 0x212B, 0x00E5 },   { 0x2160, 0x2170 },
    { 0x24B6, 0x24D0 },   { 0xA64A, 0xA64B },   { 0x1C88, 0xA64B },   { 0xFB00, 0xFB00 },   { 0xFF21, 0xFF41 },
    { 0x10400, 0x10428 }, { 0x10427, 0x1044F }, { 0x10428, 0x10428 }, { 0x104B0, 0x104D8 }, { 0x16E40, 0x16E60 },
    { 0x1E900, 0x1E922 }, { 0x1E943, 0x1E943 }, { 0x10FFFF, 0x10FFFF }, { 0x4E2D, 0x4E2D },
};

static void points_fold_as_unicode_says(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        apr_uint32_t folded = amlaps_text_fold_point(vectors[i].point);

        if (folded != vectors[i].folded) {
            fail_msg("U+%04X folded to U+%04X", vectors[i].point, folded);
        }
    }
}

static void folding_twice_changes_nothing(void **state)
{
    apr_uint32_t point;
    int changed = 0;

    (void)state;
    for (point = 0; point <= 0x10FFFF; point++) {
        apr_uint32_t folded = amlaps_text_fold_point(point);

        changed += folded != point;
        assert_true(folded <= 0x10FFFF);
        assert_int_equal(amlaps_text_fold_point(folded), folded);
    }
    /* Unicode 14 has 1454 of them; later versions only add. */
    assert_true(changed >= 1454);
}

static void texts_fold(void **state)
{
    apr_pool_t *pool = *state;

    assert_string_equal(amlaps_text_fold("", pool), "");
    assert_string_equal(amlaps_text_fold("PC-0042", pool), "pc-0042");
    assert_string_equal(amlaps_text_fold("Z\xC3\x9CRICH", pool), "z\xC3\xBCrich");
    assert_string_equal(amlaps_text_fold("\xE2\x84\xAA", pool), "k");
    assert_string_equal(amlaps_text_fold("\xC8\xBA\xC8\xBA\xC8\xBA", pool), "\xE2\xB1\xA5\xE2\xB1\xA5\xE2\xB1\xA5");
    assert_string_equal(amlaps_text_fold("\xF0\x90\x90\x80X", pool), "\xF0\x90\x90\xA8x");
    assert_null(amlaps_text_fold(NULL, pool));
}

static void bytes_that_are_not_utf8_stay(void **state)
{
    apr_pool_t *pool = *state;

    assert_string_equal(amlaps_text_fold("A\xC3", pool), "a\xC3");
    assert_string_equal(amlaps_text_fold("\xFF\xC0\x80" "A", pool), "\xFF\xC0\x80" "a");
    assert_string_equal(amlaps_text_fold("\xED\xA0\x80Z\xE2\x84", pool), "\xED\xA0\x80z\xE2\x84");
}

static void equal_texts(void **state)
{
    (void)state;
    assert_true(amlaps_text_equal_folded("", ""));
    assert_true(amlaps_text_equal_folded("Stra\xC3\x9F" "e", "STRA\xE1\xBA\x9E" "E"));
    assert_true(amlaps_text_equal_folded("\xCE\xA3\xCF\x83\xCF\x82", "\xCF\x82\xCE\xA3\xCF\x83"));
    assert_true(amlaps_text_equal_folded("\xE2\x84\xABngstr\xC3\xB6m", "\xC3\xA5NGSTR\xC3\x96M"));
    assert_true(amlaps_text_equal_folded("\xD0\x96\xD0\x81", "\xD0\xB6\xD1\x91"));
    assert_true(amlaps_text_equal_folded("a\xFF", "A\xFF"));
}

static void unequal_texts(void **state)
{
    (void)state;
    assert_false(amlaps_text_equal_folded("a", ""));
    assert_false(amlaps_text_equal_folded("", "a"));
    assert_false(amlaps_text_equal_folded("ab", "a"));
    assert_false(amlaps_text_equal_folded("\xC4\xB0", "i"));
    assert_false(amlaps_text_equal_folded("\xC4\xB1", "I"));
    assert_false(amlaps_text_equal_folded("\xC3\x9F", "ss"));
    assert_false(amlaps_text_equal_folded("\xFF", "\xFE"));
    assert_false(amlaps_text_equal_folded("\xFF", "\xC3\xBF"));
    assert_false(amlaps_text_equal_folded("[", "{"));
    assert_false(amlaps_text_equal_folded(NULL, NULL));
    assert_false(amlaps_text_equal_folded("a", NULL));
    assert_false(amlaps_text_equal_folded(NULL, "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_fold_as_unicode_says),
        cmocka_unit_test(folding_twice_changes_nothing),
        pool_test(texts_fold),
        pool_test(bytes_that_are_not_utf8_stay),
        cmocka_unit_test(equal_texts),
        cmocka_unit_test(unequal_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
