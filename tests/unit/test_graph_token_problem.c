/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include "graph_fake.h"

/* What the login answers, what it means, and what the admin must be told to look at. */
static void means(fake_t *fake, fake_step_t step, amlaps_code_t code, const char *remedy)
{
    fake_reopen(fake); /* forgets the failure before */
    fake_begin(fake);
    fake_login_answers(fake, step);
    assert_int_not_equal(fake_ask(fake), APR_SUCCESS);
    assert_string_equal(amlaps_code_word(fake->error.code), amlaps_code_word(code));
    if (!strstr(fake->error.detail, remedy)) {
        fail_msg("\"%s\" is not in \"%s\"", remedy, fake->error.detail);
    }
    assert_non_null(strstr(fake->error.detail, "contoso"));
}

static fake_step_t refusal(fake_t *fake, int status, const char *error, long number)
{
    return (fake_step_t){.status = status,
                         .body = apr_psprintf(fake->own,
                                              "{\"error\":\"%s\",\"error_description\":\"AADSTS%ld: Some text.\\r\\nTrace "
                                              "ID: 255d1aef\\r\\nCorrelation ID: x\","
                                              "\"error_codes\":[%ld]}",
                                              error, number, number)};
}

static void every_known_number_names_its_directive(void **state)
{
    fake_t *fake = *state;
    const struct {
        int status;
        const char *error;
        long number;
        const char *remedy;
    } known[] = {
        {401, "invalid_client", 7000215, "AMLapsClientSecret"},
        {401, "invalid_client", 7000222, "has expired"},
        {401, "invalid_client", 7000218, "AMLapsClientSecret"},
        {400, "unauthorized_client", 700016, "AMLapsClientId and AMLapsTenantId"},
        {400, "unauthorized_client", 7000112, "AMLapsClientId"},
        {400, "invalid_request", 90002, "AMLapsTenantId"},
        {400, "invalid_request", 90038, "AMLapsCloud"},
        {400, "invalid_request", 900023, "AMLapsTenantId"},
        {400, "invalid_request", 9001023, "common"},
        {400, "invalid_scope", 70011, "AMLapsGraphURL"},
        {400, "invalid_request", 700022, "AMLapsGraphURL"},
        {400, "invalid_resource", 500011, "AMLapsGraphURL"},
        {400, "invalid_grant", 53003, "Conditional Access"},
        {400, "invalid_grant", 530032, "security policy"},
        {400, "invalid_request", 1234567, "AMLapsClientSecret"},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        means(fake, refusal(fake, known[i].status, known[i].error, known[i].number), AMLAPS_TENANT_CREDENTIAL_INVALID,
              known[i].remedy);
    }
    assert_null(strstr(fake->error.detail, "Trace ID"));
    assert_non_null(strstr(fake->error.detail, "AADSTS1234567: Some text."));
}

static void the_number_is_found_in_the_text_too(void **state)
{
    means(*state,
          (fake_step_t){.status = 401,
                        .body = "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000222: expired\"}"},
          AMLAPS_TENANT_CREDENTIAL_INVALID, "has expired");
}

static void what_passes_is_no_mistake_of_the_admin(void **state)
{
    fake_t *fake = *state;

    means(fake, refusal(fake, 400, "temporarily_unavailable", 90055), AMLAPS_TENANT_THROTTLED, "passes");
    means(fake, refusal(fake, 400, "temporarily_unavailable", 90006), AMLAPS_TENANT_ERROR, "passing");
    means(fake, refusal(fake, 400, "temporarily_unavailable", 5), AMLAPS_TENANT_ERROR, "passing");
    means(fake, (fake_step_t){.status = 429, .body = "x"}, AMLAPS_TENANT_THROTTLED, "too many");
    means(fake, (fake_step_t){.status = 503, .body = "<html>", .retry_after = "7"}, AMLAPS_TENANT_ERROR, "passing");
    assert_int_equal(fake->error.retry_after, apr_time_from_sec(7));
}

static void a_5xx_is_asked_again_once(void **state)
{
    fake_t *fake = *state;

    fake_login_answers(fake, (fake_step_t){.status = 500});
    means(fake, (fake_step_t){.status = 502}, AMLAPS_TENANT_ERROR, "502");
    assert_int_equal(fake->login_asked, 2);
}

static void what_is_no_login_is_told(void **state)
{
    fake_t *fake = *state;
    const fake_step_t strangers[] = {
        {.status = 404, .body = "<html>"},
        {.status = 302},
        {.status = 401, .body = "who are you"},
        {.status = 400, .body = "{}"},
        {.status = 200, .body = "<html>welcome</html>"},
        {.status = 200, .body = ""},
        {.status = 200, .body = "{\"access_token\":5}"},
        {.status = 200, .body = "{\"access_token\":\"\",\"expires_in\":5}"},
        {.status = 200, .body = "{\"access_token\":\"TOKEN-\\r\\nX: y\"}"},
        {.status = 200, .body = "{\"access_token\":\"TOKEN-\\u00e4\"}"},
        {.status = 200, .body = "{\"token_type\":\"Bearer\"}"},
        {.status = 200, .body = "{\"access_token\":\"TOKEN-A\",\"access_token\":\"TOKEN-B\"}"},
    };

    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        means(fake, strangers[i], AMLAPS_TENANT_ERROR, "AMLapsLoginURL");
    }
}

static void a_login_that_repeats_the_secret_is_not_quoted(void **state)
{
    means(*state,
          (fake_step_t){.status = 401,
                        .body = "{\"error\":\"invalid_client\",\"error_description\":\"bad secret " FAKE_SECRET "\"}"},
          AMLAPS_TENANT_CREDENTIAL_INVALID, "withheld");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fake_test(every_known_number_names_its_directive),
        fake_test(the_number_is_found_in_the_text_too),
        fake_test(what_passes_is_no_mistake_of_the_admin),
        fake_test(a_5xx_is_asked_again_once),
        fake_test(what_is_no_login_is_told),
        fake_test(a_login_that_repeats_the_secret_is_not_quoted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
