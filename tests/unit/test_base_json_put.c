/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/json.h"

#include <stdint.h>
#include <string.h>

#include <apr_strings.h>

#include "test_base_pool.h"

static const char *const texts[] = {
    "", "plain", "\"quoted\" and \\ back", "tab\there\nline\r\b\f", "\x01\x1f\x7f", "Zo\xC3\xAB \xE2\x80\xA8 \xF0\x9F\x98\x80",
    "broken \xFF\xC3", "\xED\xA0\x80 surrogate", "</script>", NULL
};

static amlaps_json_out_t begin(apr_size_t room, apr_pool_t *pool)
{
    amlaps_json_out_t out = { amlaps_secret_make(room, pool), APR_SUCCESS };

    assert_non_null(out.target);
    return out;
}

static void expect(const amlaps_json_out_t *out, const char *text)
{
    assert_int_equal(out->status, APR_SUCCESS);
    assert_int_equal(out->target->length, strlen(text));
    assert_string_equal(out->target->bytes, text);
}

/* All that there is, in canonical order, is what jansson's objects become. */
static void it_writes_what_the_canonical_text_has(void **state)
{
    amlaps_json_t *json = amlaps_json_make_object(*state), *list = amlaps_json_make_array(*state), *inner = amlaps_json_make_object(*state);
    amlaps_json_out_t out = begin(0, *state);
    size_t i;

    amlaps_json_put_open(&out, NULL, '{');
    amlaps_json_put_bool(&out, "bool", 1);
    amlaps_json_set_bool(json, "bool", 1);
    amlaps_json_put_integer(&out, "integer", INT64_MIN);
    amlaps_json_set_integer(json, "integer", INT64_MIN);
    amlaps_json_put_open(&out, "list", '[');
    for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        amlaps_json_put_text(&out, NULL, texts[i]);
        amlaps_json_add_text(list, texts[i]);
    }
    amlaps_json_put_open(&out, NULL, '{');
    amlaps_json_put_bool(&out, "a", 0);
    amlaps_json_set_bool(inner, "a", 0);
    amlaps_json_put_null(&out, "b");
    amlaps_json_set_null(inner, "b");
    amlaps_json_put_close(&out, '}');
    amlaps_json_add(list, inner);
    amlaps_json_put_close(&out, ']');
    amlaps_json_set(json, "list", list);
    amlaps_json_put_integer(&out, "odd \"name\"\n", 7);
    amlaps_json_set_integer(json, "odd \"name\"\n", 7);
    amlaps_json_put_close(&out, '}');
    expect(&out, amlaps_json_canonical(json, *state));
}

static void empty_ones_have_no_comma(void **state)
{
    amlaps_json_out_t out = begin(64, *state);

    amlaps_json_put_open(&out, NULL, '[');
    amlaps_json_put_open(&out, NULL, '{');
    amlaps_json_put_close(&out, '}');
    amlaps_json_put_open(&out, NULL, '[');
    amlaps_json_put_close(&out, ']');
    amlaps_json_put_text(&out, NULL, "[");
    amlaps_json_put_text(&out, NULL, "{");
    amlaps_json_put_close(&out, ']');
    expect(&out, "[{},[],\"[\",\"{\"]");
}

static void bytes_end_where_they_are_said_to(void **state)
{
    amlaps_json_out_t out = begin(64, *state);

    amlaps_json_put_bytes(&out, NULL, "secret and more", 6);
    expect(&out, "\"secret\"");
}

static void it_grows_over_many_pages(void **state)
{
    enum { ITEMS = 5000 };
    amlaps_json_out_t out = begin(1, *state);
    char *expected = apr_palloc(*state, ITEMS * 12 + 3), *end = expected;
    int i;

    amlaps_json_put_open(&out, NULL, '[');
    *end++ = '[';
    for (i = 0; i < ITEMS; i++) {
        amlaps_json_put_text(&out, NULL, "\x02p");
        end = apr_cpystrn(end, i ? ",\"\\u0002p\"" : "\"\\u0002p\"", 12);
    }
    amlaps_json_put_close(&out, ']');
    memcpy(end, "]", 2);
    expect(&out, expected);
}

static void nothing_follows_a_failure(void **state)
{
    amlaps_json_out_t out = begin(64, *state);

    amlaps_json_put_open(&out, NULL, '{');
    amlaps_json_put_bytes(&out, "a", "b", SIZE_MAX / 16);
    assert_int_equal(out.status, APR_ENOMEM);
    amlaps_json_put_text(&out, "c", "d");
    amlaps_json_put_close(&out, '}');
    assert_int_equal(out.status, APR_ENOMEM);
    assert_string_equal(out.target->bytes, "{\"a\":");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        pool_test(it_writes_what_the_canonical_text_has),
        pool_test(empty_ones_have_no_comma),
        pool_test(bytes_end_where_they_are_said_to),
        pool_test(it_grows_over_many_pages),
        pool_test(nothing_follows_a_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
