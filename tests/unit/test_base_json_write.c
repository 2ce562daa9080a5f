/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "test_base_pool.h"

static const char *canonical(const char *text, apr_pool_t *pool)
{
    amlaps_json_t *json = NULL;

    assert_int_equal(amlaps_json_parse(&json, NULL, text, strlen(text), pool), APR_SUCCESS);
    return amlaps_json_canonical(json, pool);
}

/* RFC 8785, section 3.2.2, without its fractional numbers. */
static void the_example_of_the_rfc(void **state)
{
    assert_string_equal(
        canonical("{\n  \"numbers\": [333333333, 10, 2],\n"
                  "  \"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\n"
                  "  \"literals\": [null, true, false]\n}",
                  *state),
        "{\"literals\":[null,true,false],\"numbers\":[333333333,10,2],"
        "\"string\":\"\xE2\x82\xAC$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

/* RFC 8785, section 3.2.3: the order of UTF-16 code units, in which U+1F600 comes before U+FB33. */
static void members_are_sorted_by_utf16(void **state)
{
    assert_string_equal(
        canonical("{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew Letter Dalet With Dagesh\","
                  "\"1\":\"One\",\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\","
                  "\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}",
                  *state),
        "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xC2\x80\":\"Control\","
        "\"\xC3\xB6\":\"Latin Small Letter O With Diaeresis\",\"\xE2\x82\xAC\":\"Euro Sign\","
        "\"\xF0\x9F\x98\x80\":\"Emoji: Grinning Face\",\"\xEF\xAC\xB3\":\"Hebrew Letter Dalet With Dagesh\"}");
}

static void a_shorter_name_comes_first(void **state)
{
    assert_string_equal(canonical("{\"ab\":1,\"\":2,\"a\":3,\"B\":4,\"a\xEE\x80\x80\":5,\"a\xED\x9F\xBF\":6,"
                                  "\"a\xF0\x90\x80\x80\":7,\"a\xF0\x90\x80\x81\":8}",
                                  *state),
                        "{\"\":2,\"B\":4,\"a\":3,\"ab\":1,\"a\xED\x9F\xBF\":6,\"a\xF0\x90\x80\x80\":7,"
                        "\"a\xF0\x90\x80\x81\":8,\"a\xEE\x80\x80\":5}");
}

static void nested_values_and_odd_numbers(void **state)
{
    assert_string_equal(canonical("{ \"b\" : [ { \"d\":1, \"c\":[ ] } , { } ], \"a\" : -0 }", *state),
                        "{\"a\":0,\"b\":[{\"c\":[],\"d\":1},{}]}");
    assert_string_equal(canonical("[1.5, 1e2, -9223372036854775808, 9223372036854775807]", *state),
                        "[null,null,-9223372036854775808,9223372036854775807]");
    assert_string_equal(canonical("\"alone\"", *state), "\"alone\"");
    assert_string_equal(amlaps_json_canonical(NULL, *state), "null");
}

static void canonical_text_stays_as_it_is(void **state)
{
    apr_pool_t *pool = *state;
    amlaps_json_t *object = amlaps_json_make_object(pool);
    const char *once;
    int i;

    for (i = 0; i < 2000; i++) {
        char name[8];
        amlaps_json_t *inner = amlaps_json_make_object(pool);

        snprintf(name, sizeof(name), "n%d", i * 7919 % 2000);
        amlaps_json_set_text(inner, "quote\"\\\x1F", "\t\x7F\xE2\x80\xA8");
        amlaps_json_set(object, name, inner);
    }
    once = amlaps_json_canonical(object, pool);
    assert_true(strlen(once) > 60000);
    assert_string_equal(canonical(once, pool), once);
}

static void control_characters_take_the_shortest_form(void **state)
{
    static const char expected[] = "\"\\u0000\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\b\\t"
                                   "\\n\\u000b\\f\\r\\u000e\\u000f"
                                   "\\u0010\\u0011\\u0012\\u0013\\u0014\\u0015\\u0016\\u0017\\u0018\\u0019\\u001a\\u001b\\u001c"
                                   "\\u001d\\u001e\\u001f !\\\"#\"";
    char text[36];
    char target[6 * sizeof(text) + 3];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(text); i++) {
        text[i] = (char)i;
    }
    assert_int_equal(amlaps_json_write_text(target, text, sizeof(text)), sizeof(expected) - 1);
    assert_memory_equal(target, expected, sizeof(expected) - 1);
}

static void everything_else_is_literal(void **state)
{
    const char *text = "/'<>&\x7F\xC2\x85\xE2\x80\xA8\xEF\xBF\xBF\xF0\x9F\x94\x91";
    char target[256];

    (void)state;
    assert_int_equal(amlaps_json_write_text(target, text, strlen(text)), strlen(text) + 2);
    assert_memory_equal(target + 1, text, strlen(text));
    assert_int_equal(amlaps_json_write_text(target, "", 0), 2);
    assert_memory_equal(target, "\"\"", 2);
    assert_int_equal(amlaps_json_write_text(target, NULL, 0), 2);
}

static void what_is_escaped_may_stand_anywhere(void **state)
{
    static const char *const odd[][2] = { { "\"", "\\\"" }, { "\n", "\\n" }, { "\x1f", "\\u001f" }, { "\xC3\xBC", "\xC3\xBC" }, { "\x80", "\xEF\xBF\xBD" } };
    char target[256];
    size_t i, at;

    for (i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
        for (at = 0; at <= 20; at++) {
            const char *before = apr_pstrndup(*state, "abcdefghijklmnopqrst", at), *behind = "abcdefghijklmnopqrst" + at;
            const char *text = apr_pstrcat(*state, before, odd[i][0], odd[i][0], behind, odd[i][0], NULL);
            const char *expected = apr_pstrcat(*state, "\"", before, odd[i][1], odd[i][1], behind, odd[i][1], "\"", NULL);

            assert_int_equal(amlaps_json_write_text(target, text, strlen(text)), strlen(expected));
            assert_memory_equal(target, expected, strlen(expected));
        }
    }
}

static void bad_bytes_become_replacement_characters(void **state)
{
    char target[64];

    (void)state;
    assert_int_equal(amlaps_json_write_text(target, "a\xFF\xE2\x82", 4), 12);
    assert_memory_equal(target, "\"a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"", 12);
}

static void the_promised_room_is_enough(void **state)
{
    static const char *const worst[] = { "\x01", "\xFF", "\"", "\xF0\x9F\x94\x91" };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(worst) / sizeof(worst[0]); i++) {
        char text[400];
        size_t length = 0;
        size_t room;
        char *target;

        for (; length + strlen(worst[i]) <= sizeof(text); length += strlen(worst[i])) {
            memcpy(text + length, worst[i], strlen(worst[i]));
        }
        room = 6 * length + 3;
        /* Of exactly that size, so that the sanitizer and valgrind see a byte too many. */
        target = malloc(room + 8);
        assert_non_null(target);
        memset(target, 0x5A, room + 8);
        assert_in_range(amlaps_json_write_text(target, text, length), length + 2, room);
        assert_memory_equal(target + room, "ZZZZZZZZ", 8);
        free(target);
    }
}

static const char *legible(const char *json, apr_pool_t *pool)
{
    apr_size_t length;
    const char *text = amlaps_json_legible(&length, json, strlen(json), pool);

    assert_int_equal(strlen(text), length);
    return text;
}

/* What a terminal obeys, or what turns the direction of a text around it. */
static void what_a_terminal_obeys_is_escaped_to_be_looked_at(void **state)
{
    const char *const plain[] = {"", "{}", "{\"a\":\"\\u001b\\n\"}", "{\"a\":\"Zo\xC3\xAB \xE2\x82\xAC \xF0\x9F\x98\x80 \xC2\xA0\xC2\xAD\"}"};
    const char *json = "{\"\xC2\x85\":\"\x7F" "a\xC2\x80\xC2\x9F\xE2\x80\xAE\xE2\x81\xA6\\\\\xC2\x9B" "1m\xC3\xAB\xD8\x9C\xE2\x80\xA8\"}";

    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        assert_ptr_equal(legible(plain[i], *state), plain[i]);
    }
    assert_string_equal(legible(json, *state), "{\"\\u0085\":\"\\u007fa\\u0080\\u009f\\u202e\\u2066\\\\\\u009b1m\xC3\xAB\\u061c\\u2028\"}");
    assert_string_equal(canonical(legible(json, *state), *state), json);
}

/* Else a record that somebody spoilt could be told as good once it is copied. */
static void what_is_no_json_does_not_become_any(void **state)
{
    const char *const spoilt[] = {"{\"a\":\"\\\x7F\"}", "{\"a\":\"\\\\\\\xC2\x9B\"}", "{\"a\":\"\xC2\"}", "{\"a\":\"\n\"}", "\x7F{\"a\":1}", "{\"a\":\xE2\x80\xAE" "1}"};

    for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
        const char *text = legible(spoilt[i], *state);
        amlaps_json_t *json;
        assert_int_not_equal(amlaps_json_parse(&json, NULL, text, strlen(text), *state), APR_SUCCESS);
    }
}

static void a_prefix_fits_when_it_is_legible(void **state)
{
    const char *text = "ab\x7F\xC3\xAB\xE2\x80\xAE\xC2";
    const struct {
        apr_size_t most, length;
    } fits[] = {{0, 0}, {2, 2}, {7, 2}, {8, 3}, {9, 3}, {10, 5}, {15, 5}, {16, 8}, {17, 9}, {99, 9}};

    (void)state;
    for (size_t i = 0; i < sizeof fits / sizeof *fits; i++) {
        assert_int_equal(amlaps_json_legible_prefix(text, strlen(text), fits[i].most), fits[i].length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        pool_test(the_example_of_the_rfc),
        pool_test(members_are_sorted_by_utf16),
        pool_test(a_shorter_name_comes_first),
        pool_test(nested_values_and_odd_numbers),
        pool_test(canonical_text_stays_as_it_is),
        cmocka_unit_test(control_characters_take_the_shortest_form),
        cmocka_unit_test(everything_else_is_literal),
        pool_test(what_is_escaped_may_stand_anywhere),
        cmocka_unit_test(bad_bytes_become_replacement_characters),
        cmocka_unit_test(the_promised_room_is_enough),
        pool_test(what_a_terminal_obeys_is_escaped_to_be_looked_at),
        pool_test(what_is_no_json_does_not_become_any),
        cmocka_unit_test(a_prefix_fits_when_it_is_legible),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
