/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Each number of the shared Graph notes, section 2.5, and those that Microsoft's table has beside them: what the admin reads. */
static const struct {
    int status;
    const char *error;
    long number;
    const char *says[2]; /* what it is, and what to do */
} known[] = {
    {401, "invalid_client", 7000215, {"the client secret is wrong", "value (not its id) where AMLapsClientSecret points"}},
    {401, "invalid_client", 7000222, {"the client secret has expired", "make a new one (Microsoft Entra admin center"}},
    {401, "invalid_client", 7000218, {"no client secret arrived", "check what AMLapsClientSecret points at"}},
    {401, "invalid_client", 7000216, {"no credential arrived", "check what the credential's directive points at"}},
    {400, "unauthorized_client", 700016, {"not known in this tenant: check AMLapsClientId and AMLapsTenantId", "made just now takes some minutes"}},
    {401, "invalid_client", 7000229, {"no enterprise application in this tenant", "consent once as admin"}},
    {400, "unauthorized_client", 7000112, {"(AMLapsClientId) is disabled", "enable its enterprise application"}},
    {400, "invalid_request", 90002, {"the tenant is not known", "check AMLapsTenantId, and AMLapsCloud"}},
    {400, "invalid_request", 90038, {"another national cloud", "set AMLapsCloud"}},
    {400, "invalid_request", 900023, {"neither a tenant id nor a verified domain", "write the tenant's GUID"}},
    {400, "invalid_request", 9001023, {"AMLapsTenantId must name one tenant", "not common or organizations"}},
    {400, "invalid_scope", 70011, {"of different clouds", "set AMLapsCloud"}},
    {400, "invalid_request", 700022, {"more than one resource", "check AMLapsGraphURL"}},
    {400, "invalid_resource", 500011, {"does not know that Graph", "check AMLapsGraphURL and AMLapsCloud"}},
    {400, "invalid_request", 900144, {"a part of the request did not arrive", "check AMLapsClientId"}},
    {400, "invalid_request", 1002016, {"wants TLS 1.2", "a proxy that opens TLS"}},
    {400, "invalid_grant", 53003, {"Conditional Access", "permit this server's address"}},
    {400, "invalid_grant", 530032, {"security policy", "see the sign-in logs"}},
    {401, "invalid_client", 700027, {"not one of the app's", "add AMLapsClientCertificate's to the app registration"}},
    {401, "invalid_client", 700024, {"not valid at this time", "check this server's clock"}},
    {401, "invalid_client", 700023, {"for another audience", "check AMLapsTenantId"}},
    {401, "invalid_client", 50027, {"no token that Entra can read", "AMLapsFederatedToken"}},
    {400, "invalid_request", 70021, {"no federated credential of the app fits", "compare issuer, subject and audience"}},
    {400, "invalid_request", 700211, {"has the issuer", "compare them"}},
    {400, "invalid_request", 700212, {"has the audience", "compare them"}},
    {400, "invalid_request", 700213, {"has the subject", "compare them"}},
    {401, "invalid_client", 7000214, {"has been revoked", "make a new pair"}},
    {401, "invalid_client", 7000277, {"has been revoked", "make a new pair"}},
    {401, "invalid_client", 7000274, {"signature is refused", "check AMLapsClientCertificate and its key"}},
    {401, "invalid_client", 1000502, {"not valid at this time", "make a new pair, or check this server's clock"}},
    {400, "invalid_request", 1234567, {"refuses the app " FAKE_CLIENT_ID, "check AMLapsTenantId, AMLapsClientId, AMLapsClientSecret"}},
};

static void every_known_number_says_what_it_is_and_what_to_do(void **state)
{
    fake_t *fake = *state;

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        for (size_t j = 0; j < 2; j++) {
            means(fake, refusal(fake, known[i].status, known[i].error, known[i].number), AMLAPS_TENANT_CREDENTIAL_INVALID,
                  known[i].says[j]);
        }
        /* Nothing of Microsoft's own words is cut off by ours. */
        assert_non_null(strstr(fake->error.detail, apr_psprintf(fake->own, "(%d %s: AADSTS%ld: Some text.)", known[i].status,
                                                                known[i].error, known[i].number)));
        assert_null(strstr(fake->error.detail, "Trace ID"));
    }
}

/* The log has what Microsoft's support asks for, under the id that the person reads. */
static void the_log_has_the_ids(void **state)
{
    fake_t *fake = *state;

    means(fake, refusal(fake, 401, "invalid_client", 7000222), AMLAPS_TENANT_CREDENTIAL_INVALID, "has expired");
    assert_non_null(strstr(fake->log, "(status 401, attempts 1, request-id "));
    assert_non_null(strstr(fake->log, "client-request-id " FAKE_CALL_ID));
    assert_non_null(strstr(fake->login_seen.headers, "client-request-id: " FAKE_CALL_ID));
}

/* Entra looks at an assertion's times, and at none of a secret. */
static void a_wrong_clock_is_told(void **state)
{
    fake_t *fake = *state;
    fake_step_t refused = refusal(fake, 401, "invalid_client", 700024);
    /* A folder of its own: how the one for temporary files is set up is no part of this. */
    char *folder = mkdtemp(apr_pstrdup(fake->own, "/tmp/amlaps-token-XXXXXX"));
    const char *file = apr_pstrcat(fake->own, folder, "/token", NULL);
    FILE *token = fopen(file, "w");

    fake->wall = apr_time_from_sec(1000000000); /* Sun, 09 Sep 2001 01:46:40 GMT */
    refused.date = "Sun, 09 Sep 2001 04:46:41 GMT";
    means(fake, refused, AMLAPS_TENANT_CREDENTIAL_INVALID, "refuses the app " FAKE_CLIENT_ID ": the assertion");
    assert_non_null(token);
    fputs("e30.e30.e30", token);
    fclose(token);
    fake->tenant.credential = AMLAPS_CREDENTIAL_FEDERATED;
    fake->tenant.token_file = file;
    means(fake, refused, AMLAPS_TENANT_CREDENTIAL_INVALID, "this server's clock is 3 hours slow: set it, with NTP");
    refused.date = "Sun, 09 Sep 2001 01:50:00 GMT";
    means(fake, refused, AMLAPS_TENANT_CREDENTIAL_INVALID, "refuses the app " FAKE_CLIENT_ID ": the assertion");
    remove(file);
    remove(folder);
}

static void the_number_is_found_in_the_text_too(void **state)
{
    means(*state,
          (fake_step_t){.status = 401,
                        .body = "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000222: expired\"}"},
          AMLAPS_TENANT_CREDENTIAL_INVALID, "has expired");
}

/* Only its numbers are documented for some refusals, and not where else they stand. */
static void the_number_alone_says_that_it_is_microsofts(void **state)
{
    means(*state, (fake_step_t){.status = 400, .body = "{\"error_codes\":[90038]}"}, AMLAPS_TENANT_CREDENTIAL_INVALID, "set AMLapsCloud to it (400 -: ");
    means(*state, refusal(*state, 404, "invalid_tenant", 90002), AMLAPS_TENANT_CREDENTIAL_INVALID, "the tenant is not known");
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

/* As a file holds it now, which is another one than at the start. */
static void nor_one_that_repeats_the_secret_that_replaced_it(void **state)
{
    fake_t *fake = *state;
    char path[] = "/tmp/amlaps-secret-XXXXXX";
    const int file = mkstemp(path);

    assert_true(file >= 0);
    assert_int_equal(write(file, "second~secret\n", 14), 14);
    close(file);
    fake->tenant.secret_file = path;
    means(fake,
          (fake_step_t){.status = 401,
                        .body = "{\"error\":\"invalid_client\",\"error_description\":\"bad secret second~secret\"}"},
          AMLAPS_TENANT_CREDENTIAL_INVALID, "withheld");
    assert_non_null(strstr(fake->login_seen.body, "&client_secret=second~secret&"));
    assert_null(strstr(fake->error.detail, "second~secret"));
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fake_test(every_known_number_says_what_it_is_and_what_to_do),
        fake_test(the_log_has_the_ids),
        fake_test(a_wrong_clock_is_told),
        fake_test(the_number_is_found_in_the_text_too),
        fake_test(the_number_alone_says_that_it_is_microsofts),
        fake_test(what_passes_is_no_mistake_of_the_admin),
        fake_test(a_5xx_is_asked_again_once),
        fake_test(what_is_no_login_is_told),
        fake_test(a_login_that_repeats_the_secret_is_not_quoted),
        fake_test(nor_one_that_repeats_the_secret_that_replaced_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
