/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../../src/httpd/claims.h"

#include <string.h>

#include "test_base_pool.h"

#define OID "\"oid\":\"00000000-0000-0000-0000-0000000000a1\",\"tid\":\"8aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11\""

static apr_pool_t *pool;

static amlaps_person_t *read_both(const char *id_token, const char *userinfo, amlaps_code_t expected)
{
    amlaps_person_t *person = NULL;
    amlaps_error_t error = { 0 };
    apr_status_t status = amlaps_claims_read(&person, &error, id_token, userinfo, pool);

    assert_int_equal(error.code, expected);
    assert_int_equal(status == APR_SUCCESS, expected == AMLAPS_OK);
    assert_int_equal(person != NULL, expected == AMLAPS_OK);
    return person;
}

static void reads_a_person(void **state)
{
    const amlaps_person_t *person = read_both("{" OID ",\"iss\":\"https://login/v2.0\",\"sub\":\"s\",\"preferred_username\":\"alice@contoso.com\","
                                              "\"name\":\"Alice\",\"groups\":[\"g1\",\"g,2\"],\"roles\":[\"Laps.Reader\"]}", NULL, AMLAPS_OK);

    (void)state;
    assert_string_equal(person->oid, "00000000-0000-0000-0000-0000000000a1");
    assert_string_equal(person->tid, "8aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11");
    assert_string_equal(person->username, "alice@contoso.com");
    assert_string_equal(person->name, "Alice");
    assert_int_equal(person->group_count, 2);
    assert_string_equal(person->groups[1], "g,2");
    assert_int_equal(person->role_count, 1);
    assert_true(person->groups_known);
}

static void falls_back_to_issuer_and_subject(void **state)
{
    const amlaps_person_t *person = read_both("{\"iss\":\"https://idp\",\"sub\":\"s1\",\"oid\":\"half\",\"upn\":\"bob@contoso.com\"}", NULL, AMLAPS_OK);

    (void)state;
    assert_null(person->oid);
    assert_string_equal(person->issuer, "https://idp");
    assert_string_equal(person->subject, "s1");
    assert_string_equal(person->username, "bob@contoso.com");
}

static void never_takes_an_email_for_a_user_name(void **state)
{
    (void)state;
    assert_null(read_both("{" OID ",\"email\":\"boss@contoso.com\"}", NULL, AMLAPS_OK)->username);
}

static void recognises_overage(void **state)
{
    static const char *const forms[] = {
        "{" OID ",\"_claim_names\":{\"groups\":\"src1\"},\"_claim_sources\":{\"src1\":{\"endpoint\":\"https://evil\"}}}",
        "{" OID ",\"hasgroups\":true}",
        "{" OID ",\"hasgroups\":\"true\"}",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        assert_false(read_both(forms[i], NULL, AMLAPS_OK)->groups_known);
    }
    assert_true(read_both("{" OID ",\"hasgroups\":false}", NULL, AMLAPS_OK)->groups_known);
    assert_true(read_both("{" OID ",\"_claim_names\":{\"other\":\"src1\"}}", NULL, AMLAPS_OK)->groups_known);
}

static void refuses_wrong_types(void **state)
{
    static const char *const broken[] = {
        "", "null", "[]", "\"text\"", "{", "{\"oid\":1,\"tid\":\"t\"}", "{}", "{\"oid\":\"o\"}", "{\"iss\":\"i\"}",
        "{" OID ",\"groups\":\"g1\"}", "{" OID ",\"groups\":{}}", "{" OID ",\"groups\":[1]}", "{" OID ",\"groups\":[[\"g\"]]}",
        "{" OID ",\"groups\":null}", "{" OID ",\"roles\":\"Laps.Reader\"}", "{" OID ",\"roles\":[null]}", "{" OID ",\"name\":[]}",
        "{" OID ",\"preferred_username\":{}}", "{" OID ",\"name\":\"a\\u0007b\"}", "{" OID ",\"name\":\"a\\u202eb\"}",
        "{" OID "," OID "}", "{" OID ",\"name\":\"a\\u0000b\"}", "{" OID "} x",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        read_both(broken[i], NULL, AMLAPS_NOT_AUTHENTICATED);
    }
}

static void takes_only_a_name_from_userinfo(void **state)
{
    const amlaps_person_t *person = read_both("{" OID ",\"sub\":\"s\"}", "{\"sub\":\"s\",\"name\":\"Alice\",\"groups\":[\"g1\"],\"roles\":[\"r\"],"
                                              "\"preferred_username\":\"boss\"}", AMLAPS_OK);

    (void)state;
    assert_string_equal(person->name, "Alice");
    assert_null(person->username);
    assert_int_equal(person->group_count, 0);
    assert_int_equal(person->role_count, 0);
    assert_non_null(read_both("{" OID ",\"sub\":\"s\"}", "", AMLAPS_OK));
}

static void refuses_userinfo_of_another(void **state)
{
    static const char *const broken[] = { "{\"sub\":\"t\"}", "{}", "[]", "{\"sub\":5}", "x" };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        read_both("{" OID ",\"sub\":\"s\"}", broken[i], AMLAPS_NOT_AUTHENTICATED);
    }
    read_both("{" OID "}", "{\"sub\":\"s\"}", AMLAPS_NOT_AUTHENTICATED);
}

static int open_claims_pool(void **state)
{
    int status = open_pool(state);

    pool = *state;
    return status;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_person),
        cmocka_unit_test(falls_back_to_issuer_and_subject),
        cmocka_unit_test(never_takes_an_email_for_a_user_name),
        cmocka_unit_test(recognises_overage),
        cmocka_unit_test(refuses_wrong_types),
        cmocka_unit_test(takes_only_a_name_from_userinfo),
        cmocka_unit_test(refuses_userinfo_of_another),
    };

    return cmocka_run_group_tests(tests, open_claims_pool, close_pool);
}
