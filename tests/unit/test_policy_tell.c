/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "test_policy_world.h"

static const char *add(amlaps_tell_t *tell, apr_pool_t *pool, int count, const char *a, const char *b, const char *c)
{
    const char *const words[] = {a, b, c};

    return amlaps_tell_add(tell, words, count, pool);
}

static void is(const char *const *names, const char *a, const char *b, const char *c)
{
    const char *const expected[] = {a, b, c, NULL};
    int i;

    assert_non_null(names);
    for (i = 0; expected[i]; i++) {
        assert_non_null(names[i]);
        assert_string_equal(names[i], expected[i]);
    }
    assert_null(names[i]);
}

static void lines_add_up(void **state)
{
    world_t *world = *state;
    amlaps_tell_t tell = {NULL, NULL};

    assert_null(add(&tell, world->pool, 2, "success", "soc", NULL));
    is(tell.on_success, "soc", NULL, NULL);
    assert_null(tell.on_failure);
    assert_null(add(&tell, world->pool, 3, "FAILURE", "mail", "soc"));
    is(tell.on_success, "soc", NULL, NULL);
    is(tell.on_failure, "mail", "soc", NULL);
    assert_null(add(&tell, world->pool, 3, "All", "soc", "chat"));
    is(tell.on_success, "soc", "chat", NULL);
    is(tell.on_failure, "mail", "soc", "chat");
}

static void mistakes_are_named(void **state)
{
    world_t *world = *state;
    amlaps_tell_t tell = {NULL, NULL};

    assert_non_null(strstr(add(&tell, world->pool, 0, NULL, NULL, NULL), "success, failure or all"));
    assert_non_null(strstr(add(&tell, world->pool, 1, "success", NULL, NULL), "names of channels"));
    assert_non_null(strstr(add(&tell, world->pool, 2, "soc", "success", NULL), "\"soc\" is none of"));
    assert_null(tell.on_success);
    assert_null(tell.on_failure);
}

static void two_are_joined(void **state)
{
    world_t *world = *state;
    amlaps_tell_t a = {NULL, NULL}, b = {NULL, NULL}, nobody = {NULL, NULL}, joined;

    amlaps_tell_join(&joined, &nobody, &nobody, world->pool);
    assert_null(joined.on_success);
    assert_null(joined.on_failure);
    assert_null(add(&a, world->pool, 3, "success", "x", "y"));
    assert_null(add(&b, world->pool, 3, "all", "y", "z"));
    amlaps_tell_join(&joined, &a, &nobody, world->pool);
    is(joined.on_success, "x", "y", NULL);
    amlaps_tell_join(&joined, &nobody, &a, world->pool);
    is(joined.on_success, "x", "y", NULL);
    amlaps_tell_join(&joined, &a, &b, world->pool);
    is(joined.on_success, "x", "y", "z");
    is(joined.on_failure, "y", "z", NULL);
    is(a.on_success, "x", "y", NULL);
}

static void a_rule_has_its_own(void **state)
{
    static const char *const words[] = {"failure", "soc"};
    world_t *world = *state;
    amlaps_rule_t *rule = amlaps_rule_make("London", NULL, "test:1", world->pool);

    assert_null(amlaps_rule_tell(rule)->on_failure);
    assert_null(amlaps_rule_add_notify(rule, words, 2));
    is(amlaps_rule_tell(rule)->on_failure, "soc", NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(lines_add_up), world_test(mistakes_are_named), world_test(two_are_joined), world_test(a_rule_has_its_own),
    };

    return cmocka_run_group_tests_name("policy/tell", tests, NULL, NULL);
}
