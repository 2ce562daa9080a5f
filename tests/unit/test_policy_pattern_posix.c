/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "test_policy_world.h"

#include "../../src/policy/rule.h"

static apr_pool_t *test_pool;

static int open_posix(void **state)
{
    int status = open_world(state);

    test_pool = ((world_t *)*state)->pool;
    return status;
}

/* What the pattern says of a reason, through the rule that has it: 1 fits, 0 does not. */
static int fits(const char *pattern, const char *reason)
{
    amlaps_rule_t *rule = amlaps_rule_make("a rule", NULL, "test:1", test_pool);
    const char *wrong = amlaps_rule_set_reason(rule, "required", pattern, NULL);

    if (wrong) {
        fail_msg("%s: %s", pattern, wrong);
    }
    return amlaps_rule_check_reason(rule, reason) == AMLAPS_OK;
}

static void words_of_pcre(void **state)
{
    (void)state;
    assert_true(fits("^INC\\d{7}$", "INC0012345"));
    assert_false(fits("^INC\\d{7}$", "INC001234"));
    assert_false(fits("^INC\\d{7}$", "INCddddddd"));
    assert_true(fits("^\\D+$", "abc"));
    assert_false(fits("^\\D+$", "ab1"));
    assert_true(fits("^\\w+\\s\\W\\S$", "ab_1 -x"));
    assert_true(fits("a\\hb", "a\tb"));
    assert_false(fits("a\\hb", "a\nb"));
    assert_true(fits("a\\tb\\nc", "a\tb\nc"));
    assert_true(fits("\\AINC\\z", "INC"));
    assert_false(fits("\\AINC\\Z", "INCx"));
    assert_true(fits("\\bINC\\b", "see INC here"));
    assert_false(fits("\\bINC\\b", "seeINC here"));
    assert_true(fits("e\\BINC", "seeINC"));
}

static void words_inside_brackets(void **state)
{
    (void)state;
    assert_true(fits("^[\\d-]+$", "1-2"));
    assert_false(fits("^[\\d-]+$", "d-2"));
    assert_true(fits("^[\\w.]+$", "a.b_1"));
    assert_true(fits("^x[\\s\\h\\t]$", "x\t"));
    assert_true(fits("^[\\.]$", "."));
    assert_false(fits("^[\\.]$", "\\"));
    assert_true(fits("^[]a]+$", "]a"));
    assert_true(fits("^[^]]+$", "ab"));
    assert_true(fits("^[[:alpha:]\\d]+$", "a1"));
    assert_true(fits("^[[a]+$", "[a"));
    assert_false(fits("^[[a]+$", "]"));
}

/* Exactly these of the characters that brackets know fit. */
static void holds(const char *brackets, const char *members)
{
    static const char all[] = "]^-[.:=\\a5z~";
    const char *pattern = apr_psprintf(test_pool, "^%s$", brackets);
    apr_size_t i;

    for (i = 0; i < sizeof(all) - 1; i++) {
        const char one[] = {all[i], '\0'};

        if (fits(pattern, one) != (strchr(members, all[i]) != NULL)) {
            fail_msg("%s and '%s'", brackets, one);
        }
    }
}

static void escaped_in_brackets(void **state)
{
    (void)state;
    holds("[a\\-z]", "a-z");
    holds("[\\-a]", "-a");
    holds("[^\\-a]", "]^[.:=\\5z~");
    holds("[a\\]z]", "a]z");
    holds("[^a\\]z]", "^-[.:=\\5~");
    holds("[\\]]", "]");
    holds("[]a\\]]", "]a");
    holds("[\\^a]", "^a");
    holds("[^\\^a]", "]-[.:=\\5z~");
    holds("[\\^]", "^");
    holds("[^\\^]", "]-[.:=\\a5z~");
    holds("[\\^-]", "^-");
    holds("[\\-^]", "^-");
    holds("[\\]^]", "]^");
    holds("[-\\]a]", "]-a");
    holds("[-\\^a]", "-^a");
    holds("[\\^a-]", "^a-");
    holds("[a\\^-]", "a^-");
    holds("[\\^\\-\\]]", "]^-");
    holds("[]-a\\]]", "]^a");
    holds("[\\]\\^^-a]", "]^a");
    holds("[\\[a]", "[a");
    holds("[.[a]", ".[a");
    assert_true(fits("^[\\^]+$", "^^"));
    assert_true(fits("^[\\w\\-]+$", "a-b"));
}

static void hyphens_beside_words(void **state)
{
    (void)state;
    holds("[\\d-.]", "5-.");
    holds("[.-\\d]", "5-.");
    holds("[-]", "-");
    holds("[\\d-]", "5-");
    holds("[-\\d]", "5-");
    holds("[\\d-\\s]", "5-");
    holds("[\\d-y-~]", "5-z~");
    holds("[[:digit:]-.]", "5-.");
    holds("[.-[:digit:]]", "5-.");
    holds("[^-\\d]", "]^[.:=\\az~");
    holds("[a-c-z]", "a-z");
    holds("[--.]", "-.");
    holds("[+--]", "-");
    holds("[y-~]", "z~");
    assert_true(fits("^x[\\t-\\n]y$", "x\ny"));
    assert_true(fits("^[[.a.]-c]$", "b"));
}

static void groups_and_case(void **state)
{
    (void)state;
    assert_true(fits("(?i)^inc(?:-|_)1$", "INC_1"));
    assert_false(fits("^inc1$", "INC1"));
    assert_true(fits("^a\\.b\\\\c\\(d\\)\\{$", "a.b\\c(d){"));
}

static void what_has_no_twin(void **state)
{
    static const char *const patterns[] = {"(?=a)", "(?!a)", "(?<=a)b", "a(?i)b", "\\p{L}", "\\R", "\\0", "[\\D]", "[\\W]", "[a\\b]", "[a-\\D]",
                                           "[\\--a]", "[a-\\]]", "[\\]-a]", "[+-\\-]", "[a-\\^]", "[\\^^-a]", "[\\d--]", "[\\d--a]", "[[\\:alpha:]]", "[\\[:alpha:]]",
                                           "[[\\.]", "[a-\\p]", "[\\p]", "[\\0]", "(a)\\1", "[z-a]", "("};
    apr_size_t i;

    (void)state;
    for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        amlaps_rule_t *rule = amlaps_rule_make("a rule", NULL, "test:1", test_pool);

        if (!amlaps_rule_set_reason(rule, "required", patterns[i], NULL)) {
            fail_msg("%s is taken", patterns[i]);
        }
    }
}

static void unfinished_ones(void **state)
{
    static const char *const patterns[] = {"\\", "[", "[[", "[a", "[[:x", "[\\", "[^", "[[.", "a\\", "[]", "[^]", "[\\]", "[\\^", "[a-", "[a\\-", "[a-[:x"};
    apr_size_t i;

    (void)state;
    for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        amlaps_rule_t *rule = amlaps_rule_make("a rule", NULL, "test:1", test_pool);

        assert_non_null(amlaps_rule_set_reason(rule, "required", patterns[i], NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(words_of_pcre, open_posix, close_world),
        cmocka_unit_test_setup_teardown(words_inside_brackets, open_posix, close_world),
        cmocka_unit_test_setup_teardown(escaped_in_brackets, open_posix, close_world),
        cmocka_unit_test_setup_teardown(hyphens_beside_words, open_posix, close_world),
        cmocka_unit_test_setup_teardown(groups_and_case, open_posix, close_world),
        cmocka_unit_test_setup_teardown(what_has_no_twin, open_posix, close_world),
        cmocka_unit_test_setup_teardown(unfinished_ones, open_posix, close_world),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
