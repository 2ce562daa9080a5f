/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/json.h"

#include <string.h>

#include "test_base_pool.h"

static amlaps_json_t *parse(const char *text, apr_pool_t *pool)
{
    amlaps_json_t *json = NULL;

    assert_int_equal(amlaps_json_parse(&json, NULL, text, strlen(text), pool), APR_SUCCESS);
    assert_non_null(json);
    return json;
}

static void every_kind_is_read(void **state)
{
    amlaps_json_t *json = parse(" {\"t\":\"x\\u00fc\",\"i\":-7,\"r\":1.5,\"y\":true,\"n\":false,"
                                "\"z\":null,\"a\":[1,\"two\"]}\n", *state);
    apr_int64_t integer = 0;
    int truth = 5;

    assert_int_equal(amlaps_json_kind(json), AMLAPS_JSON_OBJECT);
    assert_int_equal(amlaps_json_kind(NULL), AMLAPS_JSON_NONE);
    assert_int_equal(amlaps_json_kind(amlaps_json_member(json, "t")), AMLAPS_JSON_TEXT);
    assert_int_equal(amlaps_json_kind(amlaps_json_member(json, "i")), AMLAPS_JSON_INTEGER);
    assert_int_equal(amlaps_json_kind(amlaps_json_member(json, "r")), AMLAPS_JSON_REAL);
    assert_int_equal(amlaps_json_kind(amlaps_json_member(json, "y")), AMLAPS_JSON_BOOL);
    assert_int_equal(amlaps_json_kind(amlaps_json_member(json, "n")), AMLAPS_JSON_BOOL);
    assert_int_equal(amlaps_json_kind(amlaps_json_member(json, "z")), AMLAPS_JSON_NULL);
    assert_int_equal(amlaps_json_kind(amlaps_json_member(json, "a")), AMLAPS_JSON_ARRAY);
    assert_int_equal(amlaps_json_kind(amlaps_json_member(json, "T")), AMLAPS_JSON_NONE);
    assert_string_equal(amlaps_json_member_text(json, "t"), "x\xC3\xBC");
    assert_true(amlaps_json_integer(amlaps_json_member(json, "i"), &integer));
    assert_true(integer == -7);
    assert_true(amlaps_json_bool(amlaps_json_member(json, "y"), &truth));
    assert_int_equal(truth, 1);
    assert_true(amlaps_json_bool(amlaps_json_member(json, "n"), &truth));
    assert_int_equal(truth, 0);
    assert_int_equal(amlaps_json_length(amlaps_json_member(json, "a")), 2);
    assert_string_equal(amlaps_json_text(amlaps_json_item(amlaps_json_member(json, "a"), 1)), "two");
}

static void asking_for_another_kind_gives_nothing(void **state)
{
    amlaps_json_t *json = parse("{\"t\":\"1\",\"i\":1,\"r\":1.0,\"a\":[],\"z\":null}", *state);
    apr_int64_t integer = 9;
    int truth = 5;

    assert_null(amlaps_json_member_text(json, "i"));
    assert_null(amlaps_json_member_text(json, "missing"));
    assert_null(amlaps_json_text(json));
    assert_null(amlaps_json_text(NULL));
    assert_false(amlaps_json_integer(amlaps_json_member(json, "t"), &integer));
    assert_false(amlaps_json_integer(amlaps_json_member(json, "r"), &integer));
    assert_false(amlaps_json_integer(NULL, &integer));
    assert_true(integer == 9);
    assert_false(amlaps_json_bool(amlaps_json_member(json, "z"), &truth));
    assert_false(amlaps_json_bool(amlaps_json_member(json, "i"), &truth));
    assert_false(amlaps_json_bool(NULL, &truth));
    assert_int_equal(truth, 5);
    assert_int_equal(amlaps_json_length(json), 0);
    assert_int_equal(amlaps_json_length(NULL), 0);
    assert_null(amlaps_json_item(json, 0));
    assert_null(amlaps_json_item(amlaps_json_member(json, "a"), 0));
    assert_null(amlaps_json_item(NULL, 0));
    assert_null(amlaps_json_member(amlaps_json_member(json, "a"), "t"));
    assert_null(amlaps_json_member(json, NULL));
    assert_null(amlaps_json_member(NULL, "t"));
}

static void any_value_is_a_document(void **state)
{
    apr_int64_t integer = 0;

    assert_string_equal(amlaps_json_text(parse("\"a\"", *state)), "a");
    assert_true(amlaps_json_integer(parse("9223372036854775807", *state), &integer));
    assert_true(integer == APR_INT64_MAX);
    assert_true(amlaps_json_integer(parse("-9223372036854775808", *state), &integer));
    assert_true(integer == APR_INT64_MIN);
    assert_int_equal(amlaps_json_kind(parse("null", *state)), AMLAPS_JSON_NULL);
}

static const struct {
    const char *text;
    apr_size_t length; /* 0: up to the NUL */
    const char *why;
} broken[] = {
    { "", 0, "it ends too early" },
    { "{\"a\":1", 0, "it ends too early" },
    { "{\"a\":1}x", 0, "something follows the document" },
    { "{\"a\":1}{}", 0, "something follows the document" },
    { "{\"a\":1}\0", 8, "something follows the document" },
    { "{\"a\":1,\"a\":1}", 0, "a member is repeated" },
    { "[{\"a\":1,\"b\":2,\"\\u0061\":3}]", 0, "a member is repeated" },
    { "\"a\\u0000b\"", 0, "a text holds NUL" },
    { "{\"a\\u0000b\":1}", 0, "a text holds NUL" },
    { "\"\xFF\"", 0, "not UTF-8" },
    { "\"\xC0\x80\"", 0, "not UTF-8" },
    { "\"\xED\xA0\x80\"", 0, "not UTF-8" },
    { "9223372036854775808", 0, "a number is too large" },
    { "1e999", 0, "a number is too large" },
    { "\"a\0b\"", 5, "not JSON" },
    { "\"a\nb\"", 0, "not JSON" },
    { "\"\\ud800\"", 0, "not JSON" },
    { "\"\\x41\"", 0, "not JSON" },
    { "[1,]", 0, "not JSON" },
    { "{\"a\":1,}", 0, "not JSON" },
    { "{a:1}", 0, "not JSON" },
    { "['a']", 0, "not JSON" },
    { "[01]", 0, "not JSON" },
    { "[+1]", 0, "not JSON" },
    { "[NaN]", 0, "not JSON" },
    { "[1] // c", 0, "something follows the document" },
    { "\xEF\xBB\xBF{}", 0, "not JSON" },
};

static void broken_documents_are_refused_with_a_reason(void **state)
{
    size_t i;

    for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        char why[160] = "";
        amlaps_json_t *json = (amlaps_json_t *)&why;
        apr_size_t length = broken[i].length > 0 ? broken[i].length : strlen(broken[i].text);

        assert_int_equal(amlaps_json_parse(&json, why, broken[i].text, length, *state), APR_EGENERAL);
        assert_null(json);
        if (strncmp(why, broken[i].why, strlen(broken[i].why)) != 0) {
            fail_msg("%s: %s", broken[i].text, why);
        }
        assert_int_equal(amlaps_json_parse(&json, NULL, broken[i].text, length, *state), APR_EGENERAL);
    }
}

static void the_reason_says_where_but_not_what(void **state)
{
    const char *text = "{\n  \"password\": \"S3cret!\" \"S3cret!\"}";
    amlaps_json_t *json = NULL;
    char why[160];

    assert_int_equal(amlaps_json_parse(&json, why, text, strlen(text), *state), APR_EGENERAL);
    assert_null(strstr(why, "S3cret"));
    assert_null(strstr(why, "password"));
    assert_non_null(strstr(why, "line 2"));
    assert_int_equal(amlaps_json_parse(&json, why, NULL, 0, *state), APR_EGENERAL);
    assert_string_equal(why, "no text");
}

static void nesting_is_limited(void **state)
{
    static const struct {
        int depth;
        apr_status_t status;
    } cases[] = { { 127, APR_SUCCESS }, { 128, APR_SUCCESS }, { 129, APR_EGENERAL }, { 2100, APR_EGENERAL } };
    static char text[5 * 2100 + 16];
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        amlaps_json_t *json = NULL;
        char why[160] = "";
        char *at = text;
        int level;

        for (level = 0; level < cases[i].depth; level++) {
            at = stpcpy(at, level % 2 ? "[" : level + 1 < cases[i].depth ? "{\"a\":" : "{");
        }
        for (level = cases[i].depth; level-- > 0;) {
            *at++ = level % 2 ? ']' : '}';
        }
        assert_int_equal(amlaps_json_parse(&json, why, text, (apr_size_t)(at - text), *state), cases[i].status);
        assert_string_equal(why, cases[i].status == APR_SUCCESS ? "" : "nested too deeply");
    }
}

static void brackets_in_texts_are_no_nesting(void **state)
{
    static char text[2048];
    char *at = stpcpy(text, "[\"\\\\\",\"\\\"");
    amlaps_json_t *json;

    memset(at, '[', 1000);
    strcpy(at + 1000, "\"]");
    json = parse(text, *state);
    assert_int_equal(amlaps_json_length(json), 2);
    assert_int_equal(strlen(amlaps_json_text(amlaps_json_item(json, 1))), 1001);

    /* Closed ones do not count, however many there are. */
    at = text;
    *at++ = '[';
    for (; at < text + 2000;) {
        at = stpcpy(at, "[],");
    }
    strcpy(at, "[]]");
    assert_int_equal(amlaps_json_kind(parse(text, *state)), AMLAPS_JSON_ARRAY);
}

static void only_the_length_counts(void **state)
{
    amlaps_json_t *json = NULL;

    assert_int_equal(amlaps_json_parse(&json, NULL, "[1]garbage", 3, *state), APR_SUCCESS);
    assert_int_equal(amlaps_json_length(json), 1);
}

typedef struct walk_t {
    int members;
    int stop_after;
    apr_int64_t sum;
} walk_t;

static int count(void *baton, const char *name, amlaps_json_t *value)
{
    walk_t *walk = baton;
    apr_int64_t integer = 0;

    assert_int_equal(strlen(name), 1);
    assert_true(amlaps_json_integer(value, &integer));
    walk->sum += integer;
    return ++walk->members != walk->stop_after;
}

static void a_walk_sees_each_member_once(void **state)
{
    amlaps_json_t *json = parse("{\"a\":1,\"b\":20,\"c\":300}", *state);
    walk_t all = { 0, 0, 0 };
    walk_t two = { 0, 2, 0 };
    walk_t none = { 0, 0, 0 };

    amlaps_json_each(json, count, &all);
    assert_int_equal(all.members, 3);
    assert_true(all.sum == 321);
    amlaps_json_each(json, count, &two);
    assert_int_equal(two.members, 2);
    amlaps_json_each(NULL, count, &none);
    amlaps_json_each(parse("[1]", *state), count, &none);
    assert_int_equal(none.members, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        pool_test(every_kind_is_read),
        pool_test(asking_for_another_kind_gives_nothing),
        pool_test(any_value_is_a_document),
        pool_test(broken_documents_are_refused_with_a_reason),
        pool_test(the_reason_says_where_but_not_what),
        pool_test(nesting_is_limited),
        pool_test(brackets_in_texts_are_no_nesting),
        pool_test(only_the_length_counts),
        pool_test(a_walk_sees_each_member_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
