/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/base.h"

#include <stdio.h>
#include <string.h>

#include "test_base_pool.h"

typedef struct seen_t {
    int calls;
    amlaps_log_level_t level;
    const char *id;
    apr_status_t status;
    char message[4096];
} seen_t;

static void see(void *baton, amlaps_log_level_t level, const char *id, apr_status_t status, const char *message)
{
    seen_t *seen = baton;

    seen->calls++;
    seen->level = level;
    seen->id = id;
    seen->status = status;
    snprintf(seen->message, sizeof(seen->message), "%s", message);
}

static int disconnect(void **state)
{
    (void)state;
    amlaps_log_set(NULL, NULL);
    amlaps_log_limit(AMLAPS_LOG_DEBUG);
    return 0;
}

static void a_message_arrives_whole(void **state)
{
    seen_t seen = { 0 };

    (void)state;
    amlaps_log_set(see, &seen);
    amlaps_log(AMLAPS_LOG_WARNING, "AML0007", APR_TIMEUP, "tenant %s: %d", "c\xC3\xB6ntoso", 3);
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.level, AMLAPS_LOG_WARNING);
    assert_string_equal(seen.id, "AML0007");
    assert_int_equal(seen.status, APR_TIMEUP);
    assert_string_equal(seen.message, "tenant c\xC3\xB6ntoso: 3");
}

static void control_characters_are_escaped(void **state)
{
    seen_t seen = { 0 };

    (void)state;
    amlaps_log_set(see, &seen);
    amlaps_log(AMLAPS_LOG_ERROR, NULL, 0, "a%sb", "\r\n\x1B[0m\xE2\x80\xAE\xFF");
    assert_string_equal(seen.message, "a\\x0d\\x0a\\x1b[0m\\xe2\\x80\\xae\\xffb");
}

static void a_message_has_at_most_a_kibibyte(void **state)
{
    seen_t seen = { 0 };
    char text[2000];

    (void)state;
    amlaps_log_set(see, &seen);
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    amlaps_log(AMLAPS_LOG_INFO, NULL, 0, "%s", text);
    assert_int_equal(strlen(seen.message), 1024);

    memset(text, '\n', sizeof(text) - 1);
    amlaps_log(AMLAPS_LOG_INFO, NULL, 0, "%s", text);
    assert_int_equal(strlen(seen.message), 1024);
    assert_string_equal(seen.message + 1020, "\\x0a");

    memset(text, 'x', 1023);
    memcpy(text + 1023, "\xC3\xB6", 3);
    amlaps_log(AMLAPS_LOG_INFO, NULL, 0, "%s", text);
    assert_int_equal(strlen(seen.message), 1023);
}

static void without_a_writer_nothing_happens(void **state)
{
    seen_t seen = { 0 };

    (void)state;
    amlaps_log_set(see, &seen);
    amlaps_log_set(NULL, NULL);
    amlaps_log(AMLAPS_LOG_ERROR, NULL, 0, "dropped");
    assert_int_equal(seen.calls, 0);
    assert_false(amlaps_log_has(AMLAPS_LOG_ERROR));
}

static void what_is_less_urgent_than_the_limit_is_dropped(void **state)
{
    amlaps_log_level_t least, level;

    (void)state;
    for (least = AMLAPS_LOG_ERROR; least <= AMLAPS_LOG_DEBUG; least++) {
        amlaps_log_limit(least);
        for (level = AMLAPS_LOG_ERROR; level <= AMLAPS_LOG_DEBUG; level++) {
            seen_t seen = { 0 };

            amlaps_log_set(see, &seen);
            amlaps_log(level, NULL, 0, "one");
            assert_int_equal(seen.calls, level <= least);
            assert_int_equal(amlaps_log_has(level), level <= least);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_message_arrives_whole, disconnect),
        cmocka_unit_test_teardown(control_characters_are_escaped, disconnect),
        cmocka_unit_test_teardown(a_message_has_at_most_a_kibibyte, disconnect),
        cmocka_unit_test_teardown(without_a_writer_nothing_happens, disconnect),
        cmocka_unit_test_teardown(what_is_less_urgent_than_the_limit_is_dropped, disconnect),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
