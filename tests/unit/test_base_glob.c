/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/text.h"

#include <string.h>

#include "../../src/base/text_internal.h"
#include "test_base_pool.h"

static void globs_that_match(void **state)
{
    (void)state;
    assert_true(amlaps_text_glob("", ""));
    assert_true(amlaps_text_glob("*", ""));
    assert_true(amlaps_text_glob("***", "anything"));
    assert_true(amlaps_text_glob("PC-*", "pc-0042"));
    assert_true(amlaps_text_glob("pc-*", "PC-"));
    assert_true(amlaps_text_glob("*-SRV-??", "zrh-srv-07"));
    assert_true(amlaps_text_glob("a*b*c", "aXbYbZc"));
    assert_true(amlaps_text_glob("*ab", "aaab"));
    assert_true(amlaps_text_glob("?", "\xF0\x9F\x94\x91"));
    assert_true(amlaps_text_glob("Z\xC3\x9CRICH-*", "z\xC3\xBCrich-1"));
    assert_true(amlaps_text_glob("*\xCF\x82", "\xCE\xA3\xCE\xA3"));
    assert_true(amlaps_text_glob("[a-z]\\*", "[A-Z]\\x"));
    assert_true(amlaps_text_glob("\xFF?", "\xFF\xFE"));
    assert_true(amlaps_text_glob("*", "\xC3"));
    assert_true(amlaps_text_glob("a?", "a*"));
}

static void globs_that_do_not_match(void **state)
{
    (void)state;
    assert_false(amlaps_text_glob("", "a"));
    assert_false(amlaps_text_glob("?", ""));
    assert_false(amlaps_text_glob("?", "ab"));
    assert_false(amlaps_text_glob("a", "ab"));
    assert_false(amlaps_text_glob("ab", "a"));
    assert_false(amlaps_text_glob("*?", ""));
    assert_false(amlaps_text_glob("PC-*", "XPC-1"));
    assert_false(amlaps_text_glob("*-1", "pc-12"));
    assert_false(amlaps_text_glob("a*b*c", "acb"));
    assert_false(amlaps_text_glob("[ab]", "a"));
    assert_false(amlaps_text_glob("??", "\xC3\xBC"));
    assert_false(amlaps_text_glob("\xFF", "\xFE"));
    assert_false(amlaps_text_glob("\xC3\xBC", "\xC3"));
    assert_false(amlaps_text_glob("a", "?"));
    assert_false(amlaps_text_glob("*\xBC", "\xC3\xBC"));
    assert_false(amlaps_text_glob(NULL, "a"));
    assert_false(amlaps_text_glob("*", NULL));
}

/** What a glob means, by plain recursion: slow, but plainly right. */
static int matches(const char *glob, const char *name)
{
    const char *glob_next = glob;
    const char *name_next = name;
    apr_uint32_t wanted;
    apr_uint32_t found;

    if (*glob == '\0') {
        return *name == '\0';
    }
    found = amlaps_text_next_folded(&name_next);
    if (*glob == '*') {
        return matches(glob + 1, name) || (found != 0 && matches(glob, name_next));
    }
    wanted = amlaps_text_next_folded(&glob_next);
    return found != 0 && (wanted == '?' || wanted == found) && matches(glob_next, name_next);
}

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

static void pick(char *text, const char *const *letters, unsigned kinds, unsigned most, unsigned *seed)
{
    unsigned count = next_random(seed) % (most + 1);

    text[0] = '\0';
    while (count-- > 0) {
        strcat(text, letters[next_random(seed) % kinds]);
    }
}

static void random_globs_agree_with_the_plain_way(void **state)
{
    static const char *const glob_letters[] = { "*", "?", "a", "B", "\xC3\x9C", "\xFF", "*", "\xBC" };
    static const char *const name_letters[] = { "a", "A", "b", "\xC3\xBC", "\xFF", "\xC3" };
    unsigned seed = 20261122;
    int matched = 0;
    int i;

    (void)state;
    for (i = 0; i < 200000; i++) {
        char glob[64];
        char name[64];
        int expected;

        pick(glob, glob_letters, 8, 7, &seed);
        pick(name, name_letters, 6, 9, &seed);
        expected = matches(glob, name);
        matched += expected;
        if (amlaps_text_glob(glob, name) != expected) {
            fail_msg("glob %s on %s should be %d", glob, name, expected);
        }
    }
    /* Random input is a test only where both answers are frequent. */
    assert_in_range(matched, 10000, 190000);
}

static void many_stars_take_bounded_time(void **state)
{
    char glob[401];
    char name[20001];
    size_t i;

    (void)state;
    for (i = 0; i < 400; i += 2) {
        memcpy(glob + i, "*a", 2);
    }
    glob[399] = 'b';
    glob[400] = '\0';
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    /* Backtracking to every star would take longer than any test run waits. */
    assert_false(amlaps_text_glob(glob, name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(globs_that_match),
        cmocka_unit_test(globs_that_do_not_match),
        cmocka_unit_test(random_globs_agree_with_the_plain_way),
        cmocka_unit_test(many_stars_take_bounded_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
