/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include "../../src/graph/base64url.h"
#include "../../src/graph/request.h"
#include "graph_fake.h"

#define CREDENTIALS_URL FAKE_GRAPH "/v1.0/directory/deviceLocalCredentials/" FAKE_DEVICE "?$select=credentials"
#define NONE                                                                    \
    {                                                                           \
        .status = 404, .body = "{\"error\":{\"code\":\"x\",\"message\":\"y\"}}" \
    }
#define SILENCE                                                          \
    {                                                                    \
        .fail = AMLAPS_TENANT_UNREACHABLE, .fail_status = APR_INCOMPLETE \
    }

static void answers(fake_t *fake, fake_step_t step)
{
    fake_answers(fake, step);
}

/* The scripted answers end in this code after so many requests. */
static void ends(fake_t *fake, amlaps_code_t code, int requests)
{
    const int before = fake->seen_count;

    fake_begin(fake);
    assert_int_not_equal(fake_ask(fake), APR_SUCCESS);
    assert_string_equal(amlaps_code_word(fake->error.code), amlaps_code_word(code));
    assert_int_equal(fake->seen_count - before, requests);
    assert_int_equal(fake->call.attempts, requests);
}

static void every_request_has_its_headers(void **state)
{
    fake_t *fake = *state;

    fake->tenant.ca_file = "ca.pem";
    answers(fake, (fake_step_t){.expect = "GET " CREDENTIALS_URL, .status = 404});
    ends(fake, AMLAPS_NO_PASSWORD, 1);
    assert_string_equal(fake->seen[0].headers,
                        "Accept: application/json\nUser-Agent: mod_amlaps/" AMLAPS_VERSION
                        " (Apache httpd)\nocp-client-name: mod_amlaps\nocp-client-version: " AMLAPS_VERSION
                        "\nclient-request-id: " FAKE_CALL_ID "\n");
    assert_string_equal(fake->seen[0].bearer, "TOKEN-1");
    assert_null(fake->seen[0].body);
    assert_string_equal(fake->seen[0].ca_file, "ca.pem");
    assert_string_equal(fake->call.request_id, "request-1");
    assert_int_equal(fake->call.status, 404);
}

static void silence_and_5xx_are_asked_again_once(void **state)
{
    fake_t *fake = *state;
    const fake_step_t passing[] = {SILENCE,         {.status = 500},
                                   {.status = 502}, {.status = 503, .body = "<!DOCTYPE HTML>"},
                                   {.status = 504}, {.fail = AMLAPS_TENANT_UNREACHABLE, .fail_status = APR_TIMEUP}};

    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        answers(fake, passing[i]);
        answers(fake, (fake_step_t)NONE);
        ends(fake, AMLAPS_NO_PASSWORD, 2);
        answers(fake, passing[i]);
        answers(fake, passing[i]);
        ends(fake, passing[i].status ? AMLAPS_TENANT_ERROR : AMLAPS_TENANT_UNREACHABLE, 2);
    }
    assert_true(fake->paused >= 12 * apr_time_from_msec(500));
}

static void other_answers_are_not_asked_again(void **state)
{
    fake_t *fake = *state;

    answers(fake, (fake_step_t){.status = 400,
                                .body = "{\"error\":{\"code\":\"BadRequest\",\"message\":\"Request not\\napplicable\"}}"});
    ends(fake, AMLAPS_TENANT_ERROR, 1);
    assert_non_null(strstr(fake->error.detail, "400 BadRequest: Request not\\x0a"));
    answers(fake, (fake_step_t){.status = 501});
    ends(fake, AMLAPS_TENANT_ERROR, 1);
    answers(fake, (fake_step_t){.status = 302});
    ends(fake, AMLAPS_TENANT_ERROR, 1);
    assert_non_null(strstr(fake->error.detail, "AMLapsGraphURL"));
    answers(fake, (fake_step_t){.fail = AMLAPS_TENANT_ERROR, .fail_status = APR_EGENERAL});
    ends(fake, AMLAPS_TENANT_ERROR, 1);
    answers(fake, (fake_step_t){.fail = AMLAPS_TENANT_UNREACHABLE, .fail_status = APR_EGENERAL});
    ends(fake, AMLAPS_TENANT_UNREACHABLE, 1);
    answers(fake, (fake_step_t){.fail = AMLAPS_BUSY, .fail_status = APR_TIMEUP});
    fake_begin(fake);
    fake_ask(fake);
    assert_int_equal(fake->error.code, AMLAPS_BUSY);
    assert_int_equal(fake->call.attempts, 0);
}

static void unreadable_answers_are_errors(void **state)
{
    const char *const bodies[] = {"{\"value\":", "<html>", "{\"id\":1,\"id\":2}", "{}{}", "\xFF", "[[1]"};
    fake_t *fake = *state;

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        answers(fake, (fake_step_t){.status = 200, .body = bodies[i]});
        ends(fake, AMLAPS_TENANT_ERROR, 1);
        assert_string_equal(fake->error.id, "AML0325");
    }
}

static void a_page_that_refuses_is_not_graphs_word(void **state)
{
    const int statuses[] = {400, 403, 404, 410};
    fake_t *fake = *state;

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        answers(fake, (fake_step_t){.status = statuses[i], .body = "<html>blocked</html>"});
        ends(fake, AMLAPS_TENANT_ERROR, 1);
        assert_string_equal(fake->error.id, "AML0325");
        assert_non_null(strstr(fake->error.detail, "a proxy in between"));
    }
    answers(fake, (fake_step_t){.status = 302, .body = "<html>moved</html>"});
    ends(fake, AMLAPS_TENANT_ERROR, 1);
    assert_string_equal(fake->error.id, "AML0324");
}

static void permission_is_named(void **state)
{
    fake_t *fake = *state;

    answers(fake,
            (fake_step_t){.status = 403, .body = "{\"error\":{\"code\":\"authorization_error\",\"message\":\"Failed\"}}"});
    ends(fake, AMLAPS_TENANT_PERMISSION_MISSING, 1);
    assert_non_null(strstr(fake->error.detail, "DeviceLocalCredential.Read.All"));
    assert_non_null(strstr(fake->error.detail, "authorization_error"));
    assert_non_null(strstr(fake->error.detail, FAKE_CLIENT_ID));
    assert_non_null(strstr(fake->error.detail, FAKE_LOGIN "/" FAKE_TENANT_ID "/adminconsent?client_id=" FAKE_CLIENT_ID));
    assert_non_null(strstr(fake->error.detail, "some minutes"));
    assert_non_null(strstr(fake->log, "(status 403, attempts 1, request-id "));
    assert_non_null(strstr(fake->log, "client-request-id " FAKE_CALL_ID));
}

/* A login's answer whose token says that the app has these roles: a JWT with a payload in base64url and a signature that nobody checks. */
static fake_step_t with_roles(fake_t *fake, const char *roles)
{
    const char *payload = apr_psprintf(fake->own, "{\"aud\":\"g\",\"roles\":[%s]}", roles);
    amlaps_secret_t *text = amlaps_secret_make(1024, fake->own);

    assert_int_equal(amlaps_base64url_append(text, payload, strlen(payload)), APR_SUCCESS);
    return (fake_step_t){.status = 200, .body = apr_psprintf(fake->own, "{\"expires_in\":3599,\"access_token\":\"TOKEN.%s.c2ln\"}", text->bytes)};
}

/* Entra gives an app that nobody has consented to a token too: it has no roles, and only that tells it from one that lacks this permission. */
static void consent_that_has_not_arrived_is_told_from_a_wrong_app(void **state)
{
    static const struct {
        const char *roles, *says, *says_not;
    } rows[] = {
        {"", "has no permission at all yet; give it DeviceLocalCredential.Read.All under API permissions", "lacks"},
        {"\"Device.Read.All\"", "lacks the application permission DeviceLocalCredential.Read.All", "at all"},
        {"\"Directory.Read.All\"", "lacks the application permission DeviceLocalCredential.Read.All", "at all"},
        {"\"DeviceLocalCredential.Read.All\"", "although the token of the app " FAKE_CLIENT_ID " has the permission", "lacks"},
    };
    fake_t *fake = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fake_reopen(fake);
        fake_login_answers(fake, with_roles(fake, rows[i].roles));
        answers(fake, (fake_step_t){.status = 403, .body = "{}"});
        ends(fake, AMLAPS_TENANT_PERMISSION_MISSING, 1);
        if (!strstr(fake->error.detail, rows[i].says)) {
            fail_msg("\"%s\" is not in \"%s\"", rows[i].says, fake->error.detail);
        }
        assert_null(strstr(fake->error.detail, rows[i].says_not));
        assert_non_null(strstr(fake->error.detail, "minutes"));
    }
}

static void a_wrong_clock_is_told(void **state)
{
    fake_t *fake = *state;

    fake->wall = apr_time_from_sec(1000000000); /* Sun, 09 Sep 2001 01:46:40 GMT */
    answers(fake, (fake_step_t){.status = 401, .date = "Sun, 09 Sep 2001 01:46:40 GMT"});
    answers(fake, (fake_step_t){.status = 401, .date = "Sun, 09 Sep 2001 01:46:40 GMT"});
    ends(fake, AMLAPS_TENANT_CREDENTIAL_INVALID, 2);
    assert_null(strstr(fake->error.detail, "clock"));
    assert_non_null(strstr(fake->error.detail, "AMLapsGraphURL (" FAKE_GRAPH "), AMLapsLoginURL (" FAKE_LOGIN ")"));
    fake_reopen(fake);
    answers(fake, (fake_step_t){.status = 401, .date = "Sun, 09 Sep 2001 01:34:40 GMT"});
    answers(fake, (fake_step_t){.status = 401, .date = "Sun, 09 Sep 2001 01:34:40 GMT"});
    ends(fake, AMLAPS_TENANT_CREDENTIAL_INVALID, 2);
    assert_non_null(strstr(fake->error.detail, "this server's clock is 12 minutes fast"));
}

static void permission_just_granted_works_soon(void **state)
{
    fake_t *fake = *state;
    const fake_step_t refused = {.status = 403, .body = "{}"};

    answers(fake, refused);
    ends(fake, AMLAPS_TENANT_PERMISSION_MISSING, 1);
    answers(fake, refused); /* the token is new: another would be the same */
    ends(fake, AMLAPS_TENANT_PERMISSION_MISSING, 1);
    assert_int_equal(fake->login_asked, 1);
    fake_advance(fake, apr_time_from_sec(61));
    answers(fake, refused);
    answers(fake, (fake_step_t)NONE);
    ends(fake, AMLAPS_NO_PASSWORD, 2);
    assert_int_equal(fake->login_asked, 2);
    assert_string_equal(fake->seen[3].bearer, "TOKEN-2");
    fake_advance(fake, apr_time_from_sec(61));
    answers(fake, refused);
    answers(fake, refused); /* the new one lacks it too: that is all */
    ends(fake, AMLAPS_TENANT_PERMISSION_MISSING, 2);
    assert_int_equal(fake->login_asked, 3);
}

static void unauthorized_gets_a_new_token_once(void **state)
{
    fake_t *fake = *state;

    for (int i = 0; i < 3; i++) { /* also several times in a row, as long as Graph takes the new one */
        answers(fake, (fake_step_t){.status = 401});
        answers(fake, (fake_step_t)NONE);
        ends(fake, AMLAPS_NO_PASSWORD, 2);
        assert_int_equal(fake->login_asked, i + 2);
    }
    assert_string_equal(fake->seen[4].bearer, "TOKEN-3");
    assert_string_equal(fake->seen[5].bearer, "TOKEN-4");
}

static void unauthorized_forever_asks_the_login_seldom(void **state)
{
    fake_t *fake = *state;

    answers(fake, (fake_step_t){.status = 401, .body = "{\"error\":{\"code\":\"InvalidAuthenticationToken\"}}"});
    answers(fake, (fake_step_t){.status = 401, .body = "{\"error\":{\"code\":\"InvalidAuthenticationToken\"}}"});
    ends(fake, AMLAPS_TENANT_CREDENTIAL_INVALID, 2);
    assert_non_null(strstr(fake->error.detail, "InvalidAuthenticationToken"));
    for (int i = 0; i < 5; i++) {
        answers(fake, (fake_step_t){.status = 401});
        ends(fake, AMLAPS_TENANT_CREDENTIAL_INVALID, 1);
    }
    assert_int_equal(fake->login_asked, 2);
    fake_advance(fake, apr_time_from_sec(31));
    answers(fake, (fake_step_t){.status = 401});
    answers(fake, (fake_step_t)NONE);
    ends(fake, AMLAPS_NO_PASSWORD, 2);
    assert_int_equal(fake->login_asked, 3);
}

static void throttling_that_fits_is_waited_for(void **state)
{
    fake_t *fake = *state;

    answers(fake, (fake_step_t){.status = 429, .retry_after = "2.128"});
    answers(fake, (fake_step_t)NONE);
    ends(fake, AMLAPS_NO_PASSWORD, 2);
    assert_int_equal(fake->paused, 2128000);
}

static void throttling_that_does_not_fit_blocks(void **state)
{
    fake_t *fake = *state;

    answers(fake, (fake_step_t){.status = 429, .retry_after = "120"});
    ends(fake, AMLAPS_TENANT_THROTTLED, 1);
    assert_int_equal(fake->error.retry_after, apr_time_from_sec(120));
    fake_advance(fake, apr_time_from_sec(100));
    ends(fake, AMLAPS_TENANT_THROTTLED, 0); /* another person: at once, Graph is left alone */
    assert_int_equal(fake->error.retry_after, apr_time_from_sec(20));
    fake_advance(fake, apr_time_from_sec(20));
    answers(fake, (fake_step_t)NONE);
    ends(fake, AMLAPS_NO_PASSWORD, 1);
    assert_int_equal(fake->paused, 0);
}

static void absurd_throttling_is_clamped(void **state)
{
    fake_t *fake = *state;
    const char *const few[] = {NULL, "-1", "0", "nonsense"};

    answers(fake, (fake_step_t){.status = 429, .retry_after = "1000000000000"});
    ends(fake, AMLAPS_TENANT_THROTTLED, 1);
    assert_int_equal(fake->error.retry_after, apr_time_from_sec(300));
    fake_advance(fake, apr_time_from_sec(300));
    for (int i = 0; i < 4; i++) {
        answers(fake, (fake_step_t){.status = 429, .retry_after = few[i]});
        answers(fake, (fake_step_t){.status = 429, .retry_after = few[i]});
        ends(fake, AMLAPS_TENANT_THROTTLED, 2);
        assert_int_equal(fake->error.retry_after, apr_time_from_sec(1));
        fake_advance(fake, apr_time_from_sec(1));
    }
    answers(fake, (fake_step_t){.status = 429,
                                .retry_after = "Sun, 22 Nov 2026 10:00:00 GMT",
                                .date = "Sun, 22 Nov 2026 09:00:00 GMT"});
    ends(fake, AMLAPS_TENANT_THROTTLED, 1);
    assert_int_equal(fake->error.retry_after, apr_time_from_sec(300));
}

static void the_deadline_is_one_for_all(void **state)
{
    fake_t *fake = *state;

    answers(fake, (fake_step_t){.fail = AMLAPS_TENANT_UNREACHABLE, .fail_status = APR_TIMEUP, .takes = apr_time_from_sec(3)});
    answers(fake, (fake_step_t){.fail = AMLAPS_TENANT_UNREACHABLE, .fail_status = APR_TIMEUP, .takes = apr_time_from_sec(2)});
    ends(fake, AMLAPS_TENANT_UNREACHABLE, 2);
    assert_int_equal(fake->seen[0].timeout, apr_time_from_sec(6));
    assert_int_equal(fake->seen[1].timeout, apr_time_from_sec(3) - fake->paused);
    assert_int_equal(fake->call.deadline, apr_time_from_sec(1006));
    answers(fake, (fake_step_t){.fail = AMLAPS_TENANT_UNREACHABLE, .fail_status = APR_TIMEUP, .takes = apr_time_from_sec(6)});
    ends(fake, AMLAPS_TENANT_UNREACHABLE, 1); /* nothing left for a second try */
    answers(fake, (fake_step_t){.status = 503, .retry_after = "6"});
    ends(fake, AMLAPS_TENANT_ERROR, 1); /* waiting would outlast it */
    fake->config.timeout = apr_time_from_sec(60);
    answers(fake, (fake_step_t){.status = 503, .retry_after = "6"});
    ends(fake, AMLAPS_TENANT_ERROR, 1); /* there would be time, but nobody waits that long */
    fake->config.timeout = apr_time_from_sec(6);
    answers(fake, (fake_step_t){.status = 429, .retry_after = "4", .takes = apr_time_from_sec(3)});
    ends(fake, AMLAPS_TENANT_THROTTLED, 1);
    fake_advance(fake, apr_time_from_sec(5));
    fake_begin(fake);
    fake->call.deadline = fake->steady;
    assert_int_not_equal(fake_ask(fake), APR_SUCCESS);
    assert_int_equal(fake->error.code, AMLAPS_TENANT_UNREACHABLE);
    assert_int_equal(fake->call.attempts, 0);
}

static void next_page(fake_t *fake, const char *link, int inside)
{
    amlaps_json_t *page = amlaps_json_make_object(fake->pool);
    const char *url = "";

    fake_begin(fake);
    amlaps_json_set_text(page, "@odata.nextLink", link);
    const apr_status_t status = amlaps_request_next(&url, &fake->error, &fake->tenant, page, fake->pool);
    if (inside) {
        assert_string_equal(url, link);
    }
    else {
        assert_null(url);
    }
    assert_int_equal(status == APR_SUCCESS, inside);
    assert_int_equal(fake->error.code, inside ? AMLAPS_OK : AMLAPS_TENANT_ERROR);
}

static void next_pages_stay_below_the_root(void **state)
{
    fake_t *fake = *state;
    const char *url = "";
    char *huge = apr_pcalloc(fake->pool, 9000);

    next_page(fake, FAKE_GRAPH "/v1.0/devices?$skiptoken=RFNwdAIAAQ%25&x='a'", 1);
    next_page(fake, "https://GRAPH.test/v1.0/devices?$skiptoken=1", 1);
    next_page(fake, "https://evil.test/v1.0/devices", 0);
    next_page(fake, "https://graph.test.evil.test/v1.0/devices", 0);
    next_page(fake, "https://graph.test@evil.test/v1.0/devices", 0);
    next_page(fake, "https://graph.test:8443/v1.0/devices", 0);
    next_page(fake, "http://graph.test/v1.0/devices", 0);
    next_page(fake, "//graph.test/v1.0/devices", 0);
    next_page(fake, "/v1.0/devices", 0);
    next_page(fake, "", 0);
    next_page(fake, FAKE_GRAPH "/beta/devices", 0);
    next_page(fake, FAKE_GRAPH "/v1.0/devices\r\nX: y", 0);
    next_page(fake, FAKE_GRAPH "/v1.0/dev ices", 0);
    next_page(fake, FAKE_GRAPH "\\@evil.test/v1.0/", 0);
    memset(huge, 'a', 8999);
    next_page(fake, apr_pstrcat(fake->pool, FAKE_GRAPH "/v1.0/", huge, NULL), 0);
    fake_begin(fake);
    assert_int_equal(amlaps_request_next(&url, &fake->error, &fake->tenant, amlaps_json_make_object(fake->pool), fake->pool),
                     APR_SUCCESS);
    assert_null(url);
}

static void unknown_tenants_cost_nothing(void **state)
{
    fake_t *fake = *state;
    amlaps_credentials_t *credentials;

    assert_int_not_equal(
        amlaps_graph_credentials(&credentials, &fake->error, fake->graph, &fake->call, "fabrikam", FAKE_DEVICE, fake->pool),
        APR_SUCCESS);
    assert_int_equal(fake->error.code, AMLAPS_NOT_FOUND);
    assert_null(amlaps_graph_tenant(fake->graph, "fabrikam"));
    assert_null(amlaps_graph_tenant(fake->graph, NULL));
    assert_ptr_equal(amlaps_graph_tenant(fake->graph, "contoso"), &fake->tenant);
    assert_int_equal(fake->seen_count + fake->login_asked, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fake_test(every_request_has_its_headers),
        fake_test(silence_and_5xx_are_asked_again_once),
        fake_test(other_answers_are_not_asked_again),
        fake_test(unreadable_answers_are_errors),
        fake_test(a_page_that_refuses_is_not_graphs_word),
        fake_test(permission_is_named),
        fake_test(consent_that_has_not_arrived_is_told_from_a_wrong_app),
        fake_test(a_wrong_clock_is_told),
        fake_test(permission_just_granted_works_soon),
        fake_test(unauthorized_gets_a_new_token_once),
        fake_test(unauthorized_forever_asks_the_login_seldom),
        fake_test(throttling_that_fits_is_waited_for),
        fake_test(throttling_that_does_not_fit_blocks),
        fake_test(absurd_throttling_is_clamped),
        fake_test(the_deadline_is_one_for_all),
        fake_test(next_pages_stay_below_the_root),
        fake_test(unknown_tenants_cost_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
