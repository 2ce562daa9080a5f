/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "test_policy_world.h"

static amlaps_rule_t *rule_asking(world_t *world, const char *mode, const char *pattern)
{
    amlaps_rule_t *rule = amlaps_rule_make("x", NULL, NULL, world->pool);
    const char *wrong = amlaps_rule_set_reason(rule, mode, pattern, NULL);

    if (wrong) {
        fail_msg("%s", wrong);
    }
    return rule;
}

static void modes_pattern_and_hint(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *rule = amlaps_rule_make("x", NULL, NULL, world->pool);
    char pattern[] = "^INC[0-9]+$", hint[] = "Ticket number";

    assert_null(amlaps_rule_set_reason(rule, "REQUIRED", pattern, hint));
    pattern[0] = hint[0] = '!';
    assert_int_equal(amlaps_rule_reason(rule)->mode, AMLAPS_REASON_REQUIRED_MODE);
    assert_string_equal(amlaps_rule_reason(rule)->pattern, "^INC[0-9]+$");
    assert_string_equal(amlaps_rule_reason(rule)->hint, "Ticket number");
    assert_non_null(strstr(amlaps_rule_set_reason(rule, "optional", NULL, NULL), "keep one line"));
    assert_int_equal(amlaps_rule_reason(rule)->mode, AMLAPS_REASON_REQUIRED_MODE);
    rule = rule_asking(world, "hidden", "");
    assert_int_equal(amlaps_rule_reason(rule)->mode, AMLAPS_REASON_HIDDEN);
    assert_null(amlaps_rule_reason(rule)->pattern);
    rule = amlaps_rule_make("x", NULL, NULL, world->pool);
    assert_null(amlaps_rule_set_reason(rule, "optional", "", "Why?"));
    assert_null(amlaps_rule_reason(rule)->pattern);
    assert_string_equal(amlaps_rule_reason(rule)->hint, "Why?");
    rule = amlaps_rule_make("x", NULL, NULL, world->pool);
    assert_null(amlaps_rule_set_reason(rule, "optional", "x", ""));
    assert_null(amlaps_rule_reason(rule)->hint);
}

static void settings_that_are_refused(void **state)
{
    static const struct {
        const char *mode, *pattern, *hint, *says;
    } wrongs[] = {
        {"mandatory", NULL, NULL, "write hidden, optional or required"},
        {"", NULL, NULL, "write hidden, optional or required"},
        {"hidden", "^INC", NULL, "nothing may follow"},
        {"hidden", NULL, "Why?", "nothing may follow"},
        {"required", "[", NULL, "is no regular expression"},
        {"required", "(", NULL, "write one such as"},
        {"required", "(a+)+$", NULL, "exponential"},
        {"required", "(?=a)", NULL, "look-around"},
        {"optional", "(a)\\1", NULL, "exponential"},
        {"optional", "(.{999}){999}", NULL, "multiply"},
    };
    world_t *world = *state;
    apr_size_t i;

    for (i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
        amlaps_rule_t *rule = amlaps_rule_make("x", NULL, NULL, world->pool);
        const char *wrong = amlaps_rule_set_reason(rule, wrongs[i].mode, wrongs[i].pattern, wrongs[i].hint);

        if (!wrong || !strstr(wrong, wrongs[i].says)) {
            fail_msg("%s %s: %s", wrongs[i].mode, wrongs[i].pattern ? wrongs[i].pattern : "", wrong ? wrong : "taken");
        }
        assert_null(amlaps_rule_reason(rule)->pattern);
    }
}

static void choices_add_up_to_a_dozen(void **state)
{
    static const char *const texts[] = { "Repair on site", "Z\xc3\xbcrich, 5 o'clock", "a", "b", "c", "d" }, *const empty[] = { "" };
    world_t *world = *state;
    amlaps_rule_t *rule = amlaps_rule_make("x", NULL, NULL, world->pool);
    const apr_array_header_t *choices;

    assert_null(amlaps_rule_reason(rule)->choices);
    assert_non_null(strstr(amlaps_rule_add_choices(rule, empty, 1), "empty"));
    assert_null(amlaps_rule_add_choices(rule, texts, 6));
    assert_null(amlaps_rule_add_choices(rule, texts, 6));
    assert_non_null(strstr(amlaps_rule_add_choices(rule, texts, 1), "more than 12"));
    choices = amlaps_rule_reason(rule)->choices;
    assert_int_equal(choices->nelts, 12);
    assert_string_equal(APR_ARRAY_IDX(choices, 7, const char *), texts[1]);
}

static void a_qr_code_is_permitted_by_word(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *rule = amlaps_rule_make("x", NULL, NULL, world->pool);

    assert_false(amlaps_rule_qr(rule));
    assert_non_null(strstr(amlaps_rule_set_qr(rule, "yes"), "neither on nor off"));
    assert_null(amlaps_rule_set_qr(rule, "ON"));
    assert_true(amlaps_rule_qr(rule));
    assert_non_null(strstr(amlaps_rule_set_qr(rule, "off"), "keep one line"));
    assert_null(amlaps_rule_set_qr(amlaps_rule_make("another", NULL, NULL, world->pool), "Off"));
    assert_true(amlaps_rule_qr(rule));
}

static void no_reason_at_all(void **state)
{
    static const char *const blanks[] = {NULL, "", " ", "\t\n ", "\xC2\xA0", "\xE2\x80\x8B", "\xE3\x80\x80", "\xEF\xBB\xBF", "\xE1\x9A\x80",
                                         "\xE2\x80\x80 \xE2\x80\x8F", "\xE2\x80\xA8\xE2\x80\xAF", "\xE2\x81\x9F\xE2\x81\xA0",
                                         /* soft hyphen, joiner, Arabic mark, Hangul fillers, Khmer vowels, Mongolian selector and separator */
                                         "\xC2\xAD", "\xCD\x8F", "\xD8\x9C", "\xE1\x85\x9F\xE1\x85\xA0", "\xE3\x85\xA4", "\xEF\xBE\xA0",
                                         "\xE1\x9E\xB4\xE1\x9E\xB5", "\xE1\xA0\x8B\xE1\xA0\x8E",
                                         /* isolates, an empty Braille cell, selectors, annotations, shorthand, music, tags */
                                         "\xE2\x81\xA6\xE2\x81\xA9", "\xE2\x81\xAF", "\xE2\xA0\x80", " \xEF\xB8\x8F", "\xEF\xBF\xBB",
                                         "\xF0\x9B\xB2\xA0", "\xF0\x9D\x85\xB3", "\xF3\xA0\x80\xA0", "\xF3\xA0\x84\x80"};
    static const char *const texts[] = {".", "\xC2\xA1", "\xE2\x80\x90", "\xE2\x80\xB0", "\xE2\x81\x9E", "\xE2\x81\xB0", "\xE3\x80\x81",
                                        "\xF0\x9F\x94\x91", "  x", "x  ", "\xE2\x80\xA7", "\xEF\xBC\x81",
                                        "\xC2\xAE", "\xE1\x85\xA1", "\xE2\xA0\x81", "\xE3\x85\xA5", "\xEF\xBE\xA1", "\xEF\xBF\xBC", "\xEF\xB8\x90",
                                        "\xF3\xA1\x80\x80"};
    world_t *world = *state;
    amlaps_rule_t *required = rule_asking(world, "required", NULL), *optional = rule_asking(world, "optional", "^INC"),
                  *hidden = rule_asking(world, "hidden", NULL);
    apr_size_t i;

    for (i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++) {
        assert_int_equal(amlaps_rule_check_reason(required, blanks[i]), AMLAPS_REASON_REQUIRED);
        assert_int_equal(amlaps_rule_check_reason(optional, blanks[i]), AMLAPS_OK);
        assert_int_equal(amlaps_rule_check_reason(hidden, blanks[i]), AMLAPS_OK);
    }
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (amlaps_rule_check_reason(required, texts[i]) != AMLAPS_OK) {
            fail_msg("reason %d is taken for none", (int)i);
        }
    }
}

static void the_pattern_is_found_anywhere(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *inside = rule_asking(world, "required", "INC[0-9]{3}"), *whole = rule_asking(world, "optional", "^INC[0-9]{3}$");

    assert_int_equal(amlaps_rule_check_reason(inside, "see INC123, please"), AMLAPS_OK);
    assert_int_equal(amlaps_rule_check_reason(inside, "first line\nINC123"), AMLAPS_OK);
    assert_int_equal(amlaps_rule_check_reason(inside, "inc123"), AMLAPS_REASON_INVALID);
    assert_int_equal(amlaps_rule_check_reason(inside, "INC12"), AMLAPS_REASON_INVALID);
    assert_int_equal(amlaps_rule_check_reason(whole, "INC123"), AMLAPS_OK);
    assert_int_equal(amlaps_rule_check_reason(whole, "INC1234"), AMLAPS_REASON_INVALID);
    assert_int_equal(amlaps_rule_check_reason(whole, "x\nINC123"), AMLAPS_REASON_INVALID);
    whole = rule_asking(world, "optional", "(^INC|^CHG)[0-9]{3}$");
    assert_int_equal(amlaps_rule_check_reason(whole, "CHG123"), AMLAPS_OK);
    assert_int_equal(amlaps_rule_check_reason(whole, "x\nINC123"), AMLAPS_REASON_INVALID);
    inside = rule_asking(world, "optional", "\\[[^x]\\^");
    assert_int_equal(amlaps_rule_check_reason(inside, "see [a^ there"), AMLAPS_OK);
    assert_int_equal(amlaps_rule_check_reason(inside, "see [x^ there"), AMLAPS_REASON_INVALID);
}

/* security.md 1.3.12: also where it may begin anywhere. */
static void a_pattern_without_a_beginning_takes_no_time_either(void **state)
{
    static const char *const patterns[] = {"a+$", "[a-z]+[0-9]{7}$", "a.{0,50}b", "INC[0-9]{7}"};
    static char reason[4097];
    const amlaps_clock_t *clock = amlaps_clock_system();
    apr_size_t i;

    memset(reason, 'a', sizeof(reason) - 2);
    reason[sizeof(reason) - 2] = '!';
    for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        const amlaps_rule_t *rule = rule_asking(*state, "required", patterns[i]);
        apr_interval_time_t fastest = apr_time_from_sec(60);
        int turn;

        for (turn = 0; turn < 5; turn++) {
            const apr_time_t began = amlaps_clock_steady(clock);
            apr_interval_time_t took;

            assert_int_equal(amlaps_rule_check_reason(rule, reason), AMLAPS_REASON_INVALID);
            took = amlaps_clock_steady(clock) - began;
            fastest = took < fastest ? took : fastest;
        }
        assert_in_range(fastest, 0, apr_time_from_msec(50));
    }
}

static void characters_and_length(void **state)
{
    static const char *const wrong[] = {"a\x01", "a\rb", "a\x7f", "\xC2\x85", "\xC2\x9F", "\xC2\x80", "\x1f", "\xFF", "a\xC3", "\xED\xA0\x80",
                                        "\v"};
    static const char *const right[] = {"a\tb\nc", "~", "\xC2\xA0x", "\xE2\x80\x8F\xD7\xA9"};
    world_t *world = *state;
    amlaps_rule_t *rule = rule_asking(world, "hidden", NULL);
    char *reason = apr_pcalloc(world->pool, 5 * 4096 + 1);
    apr_size_t i;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(amlaps_rule_check_reason(rule, wrong[i]), AMLAPS_REASON_INVALID);
    }
    for (i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        assert_int_equal(amlaps_rule_check_reason(rule, right[i]), AMLAPS_OK);
    }
    memset(reason, 'x', 4096);
    assert_int_equal(amlaps_rule_check_reason(rule, reason), AMLAPS_OK);
    reason[4096] = 'x';
    assert_int_equal(amlaps_rule_check_reason(rule, reason), AMLAPS_REASON_INVALID);
    for (i = 0; i < 4096; i++) {
        memcpy(reason + 4 * i, "\xF0\x9F\x94\x91", 4);
    }
    assert_int_equal(amlaps_rule_check_reason(rule, reason), AMLAPS_OK);
    reason[4 * 4096] = 'x';
    assert_int_equal(amlaps_rule_check_reason(rule, reason), AMLAPS_REASON_INVALID);
}

static void a_long_reason_takes_no_time(void **state)
{
    world_t *world = *state;
    amlaps_rule_t *rule = rule_asking(world, "required", "^(.*a){9}(a|b|c).*.*.*x$");
    char reason[4097] = "";
    apr_time_t began = apr_time_now();

    memset(reason, 'a', 4095);
    reason[4095] = '!';
    assert_int_equal(amlaps_rule_check_reason(rule, reason), AMLAPS_REASON_INVALID);
    assert_true(apr_time_now() - began < apr_time_from_sec(5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(modes_pattern_and_hint), world_test(settings_that_are_refused), world_test(no_reason_at_all),
        world_test(choices_add_up_to_a_dozen), world_test(a_qr_code_is_permitted_by_word),
        world_test(the_pattern_is_found_anywhere), world_test(characters_and_length), world_test(a_long_reason_takes_no_time),
        world_test(a_pattern_without_a_beginning_takes_no_time_either),
    };

    return cmocka_run_group_tests_name("policy/reason", tests, NULL, NULL);
}
