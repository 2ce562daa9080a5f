/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include "../../src/graph/lift.h"
#include "graph_fake.h"

static const char *const names[] = {"passwordBase64", "access_token", NULL};

static apr_status_t lift(amlaps_lifted_t *lifted, amlaps_secret_t **body, fake_t *fake, const char *text)
{
    *body = amlaps_secret_make(strlen(text) + 1, fake->pool);
    amlaps_secret_append(*body, text, strlen(text));
    return amlaps_lift(lifted, *body, names, fake->pool);
}

static amlaps_json_t *parse(fake_t *fake, const amlaps_secret_t *body)
{
    amlaps_json_t *json = NULL;

    assert_int_equal(amlaps_json_parse(&json, NULL, body->bytes, body->length, fake->pool), APR_SUCCESS);
    return json;
}

static void value_is(const amlaps_lifted_t *lifted, const amlaps_json_t *placeholder, const char *expected)
{
    const char *value;
    apr_size_t length;

    assert_int_equal(amlaps_lift_value(&value, &length, lifted, placeholder), 1);
    assert_int_equal(length, strlen(expected));
    assert_string_equal(value, expected);
}

static void refuses(fake_t *fake, const char *text)
{
    amlaps_lifted_t lifted;
    amlaps_secret_t *body;

    assert_int_equal(lift(&lifted, &body, fake, text), APR_EGENERAL);
    assert_int_equal(body->length, 0);
}

static void takes_values_out(void **state)
{
    amlaps_lifted_t lifted;
    amlaps_secret_t *body;

    assert_int_equal(lift(&lifted, &body, *state,
                          " {\"a\" : [1, {\"passwordBase64\" :\t\"QUJD\", \"b\":true}, {\"passwordBase64\":\"UVFRUQ==\"}], "
                          "\"access_token\":\"eyJ0.x-y_z\"}\n"),
                     APR_SUCCESS);
    assert_null(strstr(body->bytes, "QUJD"));
    assert_null(strstr(body->bytes, "UVFR"));
    assert_null(strstr(body->bytes, "eyJ0"));
    amlaps_json_t *json = parse(*state, body);
    const amlaps_json_t *array = amlaps_json_member(json, "a");
    value_is(&lifted, amlaps_json_member(amlaps_json_item(array, 1), "passwordBase64"), "QUJD");
    value_is(&lifted, amlaps_json_member(amlaps_json_item(array, 2), "passwordBase64"), "UVFRUQ==");
    value_is(&lifted, amlaps_json_member(json, "access_token"), "eyJ0.x-y_z");
}

static void resolves_escapes(void **state)
{
    amlaps_lifted_t lifted;
    amlaps_secret_t *body;

    assert_int_equal(
        lift(&lifted, &body, *state,
             "{\"password\\u0042ase\\u00364\":\"\\u002BAB\\/\\\"\\\\\\b\\f\\n\\r\\t\\u00e4\\u20AC\\uD83D\\uDE00\"}"),
        APR_SUCCESS);
    assert_null(strstr(body->bytes, "002B"));
    value_is(&lifted, amlaps_json_member(parse(*state, body), "passwordBase64"),
             "+AB/\"\\\b\f\n\r\t\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
}

static void resolves_escapes_of_each_name(void **state)
{
    amlaps_lifted_t lifted;
    amlaps_secret_t *body;

    assert_int_equal(lift(&lifted, &body, *state,
                          "{\"\\u0061\":\"aaaa\",\"access\\u005Ftoken\":\"BBBB\",\"access_token\\u0061\":\"cccc\",\"\\u0061ccess_token and more\":"
                          "\"dddd\",\"o\":{\"password\\u0042\":\"eeee\",\"\\u0070asswordBase64\":\"FFFF\"}}"),
                     APR_SUCCESS);
    const amlaps_json_t *json = parse(*state, body);
    assert_int_equal(lifted.count, 2);
    value_is(&lifted, amlaps_json_member(json, "access_token"), "BBBB");
    value_is(&lifted, amlaps_json_member(amlaps_json_member(json, "o"), "passwordBase64"), "FFFF");
    assert_string_equal(amlaps_json_member_text(json, "access_tokena"), "cccc");
    assert_string_equal(amlaps_json_member_text(json, "access_token and more"), "dddd");
    assert_null(strstr(body->bytes, "BBBB"));
    assert_null(strstr(body->bytes, "FFFF"));
}

/* As many values as a document of this length can hold. */
static void takes_values_that_stand_as_close_as_can_be(void **state)
{
    static const char *const nameless[] = {"", NULL};
    fake_t *fake = *state;
    amlaps_secret_t *body = amlaps_secret_make(4096, fake->pool);
    amlaps_lifted_t lifted;

    for (int i = 0; i < 40; i++) {
        amlaps_secret_append(body, i ? ",{\"\":\"" : "[{\"\":\"", 6);
        amlaps_secret_append(body, i % 2 ? "oddd\"}" : "even\"}", 6);
    }
    amlaps_secret_append(body, "]", 1);
    assert_int_equal(amlaps_lift(&lifted, body, nameless, fake->pool), APR_SUCCESS);
    assert_int_equal(lifted.count, 40);
    const amlaps_json_t *json = parse(fake, body);
    for (int i = 0; i < 40; i++) {
        value_is(&lifted, amlaps_json_member(amlaps_json_item(json, (apr_size_t)i), ""), i % 2 ? "oddd" : "even");
    }
}

static void leaves_everything_else(void **state)
{
    static const char text[] = "{\"passwordbase64\":\"QUJD\",\"x\":\"passwordBase64\",\"y\":[\"access_token\",\"ABCD\"],"
                               "\"passwordBase64\":null,\"z\":-1.5e3,"
                               "\"e\":[],\"o\":{},\"s\":\"\\\\\"}";
    amlaps_lifted_t lifted;
    amlaps_secret_t *body;

    assert_int_equal(lift(&lifted, &body, *state, text), APR_SUCCESS);
    assert_string_equal(body->bytes, text);
    assert_int_equal(lifted.count, 0);
}

static void takes_any_document(void **state)
{
    const char *const texts[] = {"null",       "[]",   "{}", "\"access_token\"",
                                 "[[[[{}]]]]", "true", "12", "[{\"access_token\":\"\"}]"};
    amlaps_lifted_t lifted;
    amlaps_secret_t *body;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(lift(&lifted, &body, *state, texts[i]), APR_SUCCESS);
    }
    value_is(&lifted, amlaps_json_member(amlaps_json_item(parse(*state, body), 0), "access_token"), "");
}

static void refuses_what_is_broken(void **state)
{
    const char *const texts[] = {
        "",
        " ",
        "{",
        "[",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1]",
        "[1}",
        "[1",
        "[1,",
        "[,1]",
        "{,}",
        "{a:1}",
        "{\"a\" 1}",
        "\"abc",
        "\"a\\\"",
        "\"a\\x\"",
        "\"\\u12\"",
        "\"\\u12G4\"",
        "\"\\uD83D\"",
        "\"\\uD83D\\n\"",
        "\"\\uD83D\\uD83D\"",
        "\"\\uDE00\"",
        "\"\\u0000\"",
        "\"a\nb\"",
        "{} {}",
        "1 2",
        "{\"access_token\":\"ABCD",
        "{\"access_token\":\"ABCD\"",
        "[\"a\" \"b\"]",
        "{\"access_token\":",
        "\\",
        "{\"a\":1,}x",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        refuses(*state, texts[i]);
    }
}

static void refuses_what_cannot_be_lifted(void **state)
{
    const char *const texts[] = {
        "{\"access_token\":123456}", "{\"access_token\":[\"ABCD\"]}", "{\"access_token\":{\"x\":\"ABCD\"}}",
        "{\"access_token\":true}",   "{\"passwordBase64\":\"ABC\"}",  "{\"passwordBase64\":\"\\u0041\"}",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        refuses(*state, texts[i]);
    }
}

static void bounds_depth_and_number(void **state)
{
    fake_t *fake = *state;
    amlaps_lifted_t lifted;
    amlaps_secret_t *body;
    char deep[400], *many = apr_palloc(fake->pool, 32768), *at = many;

    memset(deep, '[', 128);
    memset(deep + 128, ']', 128);
    deep[256] = '\0';
    assert_int_equal(lift(&lifted, &body, fake, deep), APR_SUCCESS);
    memset(deep, '[', 129);
    memset(deep + 129, ']', 129);
    deep[258] = '\0';
    refuses(fake, deep);
    *at++ = '[';
    for (int i = 0; i < 999; i++) {
        at += apr_snprintf(at, 40, "%s{\"access_token\":\"v%04d\"}", i ? "," : "", i);
    }
    strcpy(at, "]");
    assert_int_equal(lift(&lifted, &body, fake, many), APR_SUCCESS);
    value_is(&lifted, amlaps_json_member(amlaps_json_item(parse(fake, body), 998), "access_token"), "v0998");
    strcpy(at, ",{\"access_token\":\"v0999\"}]");
    refuses(fake, many);
}

static void only_placeholders_have_values(void **state)
{
    fake_t *fake = *state;
    amlaps_lifted_t lifted;
    amlaps_secret_t *body;
    const char *value;
    apr_size_t length;
    amlaps_json_t *other = amlaps_json_make_array(fake->pool);

    assert_int_equal(lift(&lifted, &body, fake, "{\"access_token\":\"ABCD\"}"), APR_SUCCESS);
    amlaps_json_add_text(other, "001");
    amlaps_json_add_text(other, "0000");
    amlaps_json_add_text(other, "ABC");
    amlaps_json_add_text(other, NULL);
    for (apr_size_t i = 0; i < 4; i++) {
        assert_int_equal(amlaps_lift_value(&value, &length, &lifted, amlaps_json_item(other, i)), 0);
    }
    assert_int_equal(amlaps_lift_value(&value, &length, &lifted, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fake_test(takes_values_out),        fake_test(resolves_escapes),
        fake_test(resolves_escapes_of_each_name), fake_test(takes_values_that_stand_as_close_as_can_be),
        fake_test(leaves_everything_else),  fake_test(takes_any_document),
        fake_test(refuses_what_is_broken),  fake_test(refuses_what_cannot_be_lifted),
        fake_test(bounds_depth_and_number), fake_test(only_placeholders_have_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
