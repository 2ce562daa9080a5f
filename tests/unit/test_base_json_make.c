/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/json.h"

#include <string.h>

#include <jansson.h>

#include "test_base_pool.h"

static void members_of_every_kind(void **state)
{
    apr_pool_t *pool = *state;
    amlaps_json_t *object = amlaps_json_make_object(pool);
    amlaps_json_t *array = amlaps_json_make_array(pool);

    amlaps_json_set_text(object, "text", "\xC3\xBC");
    amlaps_json_set_text(object, "no_text", NULL);
    amlaps_json_set_known(object, "known", "k");
    amlaps_json_set_known(object, "unknown", NULL);
    amlaps_json_set_integer(object, "least", APR_INT64_MIN);
    amlaps_json_set_bool(object, "yes", 7);
    amlaps_json_set_bool(object, "no", 0);
    amlaps_json_set_null(object, "null");
    amlaps_json_set(object, "nothing", NULL);
    amlaps_json_add_text(array, "one");
    amlaps_json_add_text(array, NULL);
    amlaps_json_add(array, NULL);
    amlaps_json_set(object, "array", array);
    assert_string_equal(amlaps_json_canonical(object, pool),
                        "{\"array\":[\"one\",null,null],\"known\":\"k\",\"least\":-9223372036854775808,\"no\":false,"
                        "\"no_text\":null,\"nothing\":null,\"null\":null,\"text\":\"\xC3\xBC\",\"yes\":true}");
}

static void an_equal_name_is_replaced_and_removed(void **state)
{
    apr_pool_t *pool = *state;
    amlaps_json_t *object = amlaps_json_make_object(pool);

    amlaps_json_set_text(object, "a", "old");
    amlaps_json_set_integer(object, "a", 1);
    amlaps_json_set_integer(object, "b", 2);
    assert_string_equal(amlaps_json_canonical(object, pool), "{\"a\":1,\"b\":2}");
    amlaps_json_set_known(object, "a", NULL);
    assert_string_equal(amlaps_json_canonical(object, pool), "{\"a\":1,\"b\":2}");
    amlaps_json_remove(object, "a");
    amlaps_json_remove(object, "missing");
    amlaps_json_remove(object, NULL);
    assert_string_equal(amlaps_json_canonical(object, pool), "{\"b\":2}");
}

static void bad_bytes_become_replacement_characters(void **state)
{
    apr_pool_t *pool = *state;
    amlaps_json_t *object = amlaps_json_make_object(pool);

    amlaps_json_set_text(object, "a", "x\xFFy\xE2\x82z\xC3\xBC");
    amlaps_json_set_text(object, "\xC3", "\xED\xA0\x80");
    assert_string_equal(amlaps_json_member_text(object, "a"), "x\xEF\xBF\xBDy\xEF\xBF\xBD\xEF\xBF\xBDz\xC3\xBC");
    assert_string_equal(amlaps_json_member_text(object, "\xEF\xBF\xBD"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

static void a_value_may_be_shared_and_changed_later(void **state)
{
    apr_pool_t *pool = *state;
    amlaps_json_t *shared = amlaps_json_make_array(pool);
    amlaps_json_t *object = amlaps_json_make_object(pool);

    amlaps_json_set(object, "a", shared);
    amlaps_json_set(object, "b", shared);
    amlaps_json_add_text(shared, "late");
    assert_string_equal(amlaps_json_canonical(object, pool), "{\"a\":[\"late\"],\"b\":[\"late\"]}");
}

static void what_is_set_outlives_the_pool_it_came_from(void **state)
{
    apr_pool_t *pool = *state;
    apr_pool_t *other = NULL;
    amlaps_json_t *object = amlaps_json_make_object(pool);
    amlaps_json_t *inner;
    amlaps_json_t *parsed = NULL;

    assert_int_equal(apr_pool_create(&other, pool), APR_SUCCESS);
    inner = amlaps_json_make_object(other);
    amlaps_json_set_text(inner, "x", "y");
    assert_int_equal(amlaps_json_parse(&parsed, NULL, "{\"p\":[1]}", 9, other), APR_SUCCESS);
    amlaps_json_set(object, "inner", inner);
    amlaps_json_set(object, "part", amlaps_json_member(parsed, "p"));
    apr_pool_destroy(other);
    assert_string_equal(amlaps_json_canonical(object, pool), "{\"inner\":{\"x\":\"y\"},\"part\":[1]}");
}

static void a_value_goes_with_its_pool(void **state)
{
    apr_pool_t *pool = *state;
    apr_pool_t *other = NULL;
    amlaps_json_t *object;
    amlaps_json_t *array;
    amlaps_json_t *parsed = NULL;

    assert_int_equal(apr_pool_create(&other, pool), APR_SUCCESS);
    object = json_incref(amlaps_json_make_object(other));
    array = json_incref(amlaps_json_make_array(other));
    assert_int_equal(amlaps_json_parse(&parsed, NULL, "[]", 2, other), APR_SUCCESS);
    json_incref(parsed);
    amlaps_json_set(object, "a", array);
    assert_int_equal(object->refcount, 2);
    assert_int_equal(array->refcount, 3);
    apr_pool_destroy(other);
    assert_int_equal(object->refcount, 1);
    assert_int_equal(array->refcount, 2);
    assert_int_equal(parsed->refcount, 1);
    json_decref(object);
    assert_int_equal(array->refcount, 1);
    json_decref(array);
    json_decref(parsed);
}

static void the_wrong_kind_of_target_stays_as_it_is(void **state)
{
    apr_pool_t *pool = *state;
    amlaps_json_t *object = amlaps_json_make_object(pool);
    amlaps_json_t *array = amlaps_json_make_array(pool);

    amlaps_json_set_text(array, "a", "b");
    amlaps_json_add_text(object, "a");
    amlaps_json_set(object, "self", object);
    amlaps_json_add(array, array);
    amlaps_json_set(object, NULL, array);
    amlaps_json_set(NULL, "a", array);
    amlaps_json_add(NULL, object);
    amlaps_json_remove(array, "a");
    assert_string_equal(amlaps_json_canonical(object, pool), "{}");
    assert_string_equal(amlaps_json_canonical(array, pool), "[]");
    assert_int_equal(object->refcount, 1);
    assert_int_equal(array->refcount, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        pool_test(members_of_every_kind),
        pool_test(an_equal_name_is_replaced_and_removed),
        pool_test(bad_bytes_become_replacement_characters),
        pool_test(a_value_may_be_shared_and_changed_later),
        pool_test(what_is_set_outlives_the_pool_it_came_from),
        pool_test(a_value_goes_with_its_pool),
        pool_test(the_wrong_kind_of_target_stays_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
