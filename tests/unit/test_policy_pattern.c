/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "test_policy_world.h"

#include "../../src/policy/rule.h"

static void harmless_patterns(void **state)
{
    static const char *const patterns[] = {
        "", "^INC[0-9]{7}$", "(a+)?$", "(a+){2}", "(foo|bar)*", "(a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p|q|r)*", "(a|a)?", "(a|ab){3}", "a*?", "a??????????", "(a{3})+", "(\\-|\\+|x)*",
        "(a{2}|b)*", "x{2,3}y{10,500}z?", "[A-Z]{2,3}(-[0-9]{4,6}){1,3}", "(a?){20}", "a{500}+", "x{0}", "x{0,0}*", "((a)(b))+", "a|b|c", "\\\\1", "\\.", "[\\1]", "[]\\1]", "[^]\\1]x", "[[:alpha:]\\1]+", "[[.].]\\1]", "[[=a=]\\2]",
        "[[:x", "[", "[a", "[^", "\\", "a\\", "(a", "a)", ")\\0", "x{3}", "x{3,}", "x{3,5}", "x{", "x{,4}", "{", "*", "(((((a)))))",
        ".{1,1000}", "(.{30}){30}", "[a[b]", "[[x]", "[a[", "x{ 3}"};
    apr_size_t i;

    (void)state;
    for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        const char *wrong = amlaps_pattern_refuse(patterns[i]);

        if (wrong) {
            fail_msg("%s: %s", patterns[i], wrong);
        }
    }
}

static void back_references(void **state)
{
    static const char *const patterns[] = {"(a)\\1", "(a*)*\\1", "((x)\\9)", "[a]\\1", "[[:alpha:]]\\1", "[]]\\1", "[^]]\\1", "\\\\\\1",
                                           "a{2}\\1", "[[.a.]]\\1", "[[x]\\1", "x{\\}\\1"};
    apr_size_t i;

    (void)state;
    for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        const char *wrong = amlaps_pattern_refuse(patterns[i]);

        if (!wrong || !strstr(wrong, "exponential")) {
            fail_msg("%s: %s", patterns[i], wrong ? wrong : "taken");
        }
    }
}

static void repetitions_without_end(void **state)
{
    static const char *const patterns[] = {"(a+)+$", "(a*)*", "((a+)b)*", "(a{2,})+", "(a+){3,}", "a++", "(x|a+)*", "(a|a)*", "(a|ab)+",
                                           "(.|a)*", "(a|.)*", "(b|a|a)*", "(a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p|q|r|q)*",
                                           "((a|ab)c)*", "([0-9]|[a-z])*", "(aa?)+", "(a?)*", "(a{1,2})+", "((ab{0,3})c)*", "a?+",
                                           "(a|A)*", "(\\w|a)*", "(b|[a-z])*", "((a)|a)*", "(a|)*", "(\\-|-)*", "(b|\\S){2,}"};
    apr_size_t i;

    (void)state;
    for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        const char *wrong = amlaps_pattern_refuse(patterns[i]);

        if (!wrong || !strstr(wrong, "repetition without end")) {
            fail_msg("%s: %s", patterns[i], wrong ? wrong : "taken");
        }
    }
}

static void repetitions_that_multiply(void **state)
{
    static const char *const patterns[] = {"(.{30}){34}", "((a{15}){15}){15}", "a{1001}", "a{1,1001}", "a{99999999999999999999}",
                                           "a{2}{2}{2}{2}{2}{2}{2}{2}{2}{2}", "a{600}b{600}", "(a{600}b{300}|c{200})", "(a+){400}",
                                           "(a{500,}){2}", "a{1001}{2}", "(a{0,100}){11}"};
    apr_size_t i;

    (void)state;
    for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        const char *wrong = amlaps_pattern_refuse(patterns[i]);

        if (!wrong || !strstr(wrong, "multiply")) {
            fail_msg("%s: %s", patterns[i], wrong ? wrong : "taken");
        }
    }
}

static void choices_that_multiply(void **state)
{
    static const char *const patterns[] = {"(a?){23}a{23}", "(a{1,2}){23}", "((aa?){5}){5}", "((a|ab){4}b){6}", "x{,400}y{,400}z{,100}",
                                           "a???????????????????????", "(a|a){23}"};
    apr_size_t i;

    (void)state;
    for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        const char *wrong = amlaps_pattern_refuse(patterns[i]);

        if (!wrong || !strstr(wrong, "millions of ways")) {
            fail_msg("%s: %s", patterns[i], wrong ? wrong : "taken");
        }
    }
}

static void long_and_deep(void **state)
{
    char pattern[1100] = "";

    (void)state;
    memset(pattern, 'a', 1000);
    assert_null(amlaps_pattern_refuse(pattern));
    pattern[1000] = 'a';
    assert_non_null(strstr(amlaps_pattern_refuse(pattern), "longer than 1000 bytes"));
    memset(pattern, 0, sizeof(pattern));
    memset(pattern, '(', 100);
    assert_null(amlaps_pattern_refuse(pattern));
    pattern[100] = '(';
    assert_non_null(strstr(amlaps_pattern_refuse(pattern), "too deep"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(harmless_patterns),
        world_test(back_references),
        world_test(repetitions_without_end),
        world_test(repetitions_that_multiply),
        world_test(choices_that_multiply),
        world_test(long_and_deep),
    };

    return cmocka_run_group_tests_name("policy/pattern", tests, NULL, NULL);
}
