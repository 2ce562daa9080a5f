/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/base.h"

#include <string.h>

#include "amlaps/text.h"
#include "test_base_pool.h"

static void every_code_has_its_word(void **state)
{
    static const char *const expected[] = {
        "ok", "bad_request", "cross_site", "not_found", "method_not_allowed", "not_authenticated", "not_authorized",
        "reason_required", "reason_invalid", "rate_limited", "no_password", "policy_undecidable",
        "tenant_credential_invalid", "tenant_permission_missing", "tenant_throttled", "tenant_unreachable", "tenant_error",
        "audit_unavailable", "notification_failed", "busy",
    };
    int code;

    (void)state;
    assert_int_equal(sizeof(expected) / sizeof(expected[0]), AMLAPS_CODES);
    for (code = 0; code < AMLAPS_CODES; code++) {
        assert_string_equal(amlaps_code_word((amlaps_code_t)code), expected[code]);
    }
}

static void a_code_from_outside_is_unknown(void **state)
{
    (void)state;
    assert_string_equal(amlaps_code_word(AMLAPS_CODES), "unknown");
    assert_string_equal(amlaps_code_word((amlaps_code_t)-1), "unknown");
    assert_string_equal(amlaps_code_word((amlaps_code_t)10000), "unknown");
}

static void set_fills_the_error(void **state)
{
    amlaps_error_t error = { 0 };

    (void)state;
    assert_int_equal(amlaps_error_set(&error, AMLAPS_BUSY, "AML0301", APR_ENOMEM, "%s of %d", "three", 7), APR_ENOMEM);
    assert_int_equal(error.status, APR_ENOMEM);
    assert_int_equal(error.code, AMLAPS_BUSY);
    assert_string_equal(error.id, "AML0301");
    assert_string_equal(error.detail, "three of 7");
    assert_true(error.retry_after == 0);
}

static void a_word_between_rooms_is_no_cause(void **state)
{
    (void)state;
    assert_int_equal(amlaps_error_cause(APR_EGENERAL), APR_SUCCESS);
    assert_int_equal(amlaps_error_cause(APR_NOTFOUND), APR_SUCCESS);
    assert_int_equal(amlaps_error_cause(APR_ENOTIMPL), APR_SUCCESS);
    assert_int_equal(amlaps_error_cause(APR_INCOMPLETE), APR_SUCCESS);
    assert_int_equal(amlaps_error_cause(APR_SUCCESS), APR_SUCCESS);
    assert_int_equal(amlaps_error_cause(APR_ENOSPC), APR_ENOSPC);
    assert_int_equal(amlaps_error_cause(APR_TIMEUP), APR_TIMEUP);
}

static void success_cannot_be_set(void **state)
{
    amlaps_error_t error = { 0 };

    (void)state;
    assert_int_equal(amlaps_error_set(&error, AMLAPS_NOT_FOUND, "AML0001", APR_SUCCESS, "gone"), APR_EGENERAL);
    assert_int_equal(error.status, APR_EGENERAL);
}

static void the_first_cause_counts(void **state)
{
    amlaps_error_t error = { 0 };

    (void)state;
    amlaps_error_set(&error, AMLAPS_BUSY, "AML0001", APR_TIMEUP, "first");
    assert_int_equal(amlaps_error_set(&error, AMLAPS_NOT_FOUND, "AML0002", APR_ENOENT, "second"), APR_TIMEUP);
    assert_int_equal(error.code, AMLAPS_BUSY);
    assert_string_equal(error.id, "AML0001");
    assert_string_equal(error.detail, "first");
}

static void a_long_detail_is_cut_between_characters(void **state)
{
    char text[1024];
    int shift;

    (void)state;
    for (shift = 0; shift < 4; shift++) {
        amlaps_error_t error = { 0 };
        size_t at = (size_t)shift;

        memset(text, 'a', at);
        for (; at < sizeof(text) - 4; at += 4) {
            memcpy(text + at, "\xF0\x9F\x94\x91", 4);
        }
        text[at] = '\0';
        amlaps_error_set(&error, AMLAPS_BUSY, "AML0001", APR_EGENERAL, "%s", text);
        assert_true(strlen(error.detail) < sizeof(error.detail));
        assert_true(strlen(error.detail) >= sizeof(error.detail) - 4);
        assert_true(amlaps_text_is_utf8(error.detail, strlen(error.detail)));
        assert_memory_equal(error.detail, text, strlen(error.detail));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_its_word),
        cmocka_unit_test(a_code_from_outside_is_unknown),
        cmocka_unit_test(set_fills_the_error),
        cmocka_unit_test(a_word_between_rooms_is_no_cause),
        cmocka_unit_test(success_cannot_be_set),
        cmocka_unit_test(the_first_cause_counts),
        cmocka_unit_test(a_long_detail_is_cut_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
