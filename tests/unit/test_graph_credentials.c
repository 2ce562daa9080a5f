/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include "graph_fake.h"

#define URL "GET " FAKE_GRAPH "/v1.0/directory/deviceLocalCredentials/" FAKE_DEVICE "?$select=credentials"
#define ID "\"id\":\"" FAKE_DEVICE "\""
#define ENTRY(account, time, password)                                                                  \
    "{\"accountName\":\"" account "\",\"accountSid\":\"S-1-5-21-1-2-3-500\",\"backupDateTime\":\"" time \
    "\",\"passwordBase64\":\"" password "\"}"

static amlaps_credentials_t *credentials;

static apr_status_t ask(fake_t *fake, int status, const char *body)
{
    fake_begin(fake);
    fake_answers(fake, (fake_step_t){.expect = URL, .status = status, .body = body});
    return amlaps_graph_credentials(&credentials, &fake->error, fake->graph, &fake->call, "contoso", FAKE_DEVICE, fake->pool);
}

static void fails(fake_t *fake, const char *body, const char *id)
{
    assert_int_not_equal(ask(fake, 200, body), APR_SUCCESS);
    assert_null(credentials);
    assert_int_equal(fake->error.code, AMLAPS_TENANT_ERROR);
    if (strcmp(fake->error.id, id) != 0) {
        fail_msg("%s and not %s for %s", fake->error.id, id, body);
    }
}

static void is(int i, const char *account, const char *password)
{
    assert_true((apr_size_t)i < credentials->count);
    assert_string_equal(credentials->items[i].account, account);
    assert_string_equal(credentials->items[i].password->bytes, password);
}

static void one_password(void **state)
{
    assert_int_equal(ask(*state, 200,
                         "{\"@odata.context\":\"x\",\"id\":\"6FA60D52-01E7-4B18-8055-4759461FC16B\",\"deviceName\":\"D\","
                         "\"lastBackupDateTime\":\"2026-11-20T10:00:00.1234567Z\",\"refreshDateTime\":\"2026-11-22T17:00:00Z\",\"credentials\":["
                         "{\"accountName\":\"Administrator\",\"accountSid\":\"S-1-5-21-1-2-3-500\",\"backupDateTime\":\"2026-"
                         "11-22T17:00:00\","
                         "\"passwordBase64\":\"UQBRAEAAZAA4AGYAOABnAFkA\",\"more\":1}]}"),
                     APR_SUCCESS);
    assert_int_equal(credentials->count, 1);
    is(0, "Administrator", "QQ@d8f8gY");
    assert_string_equal(credentials->items[0].sid, "S-1-5-21-1-2-3-500");
    assert_int_equal(credentials->items[0].backed_up, apr_time_from_sec(1795366800));
    assert_int_equal(credentials->expires, apr_time_from_sec(1795366800));
}

static void wrapped_as_in_the_reference(void **state)
{
    assert_int_equal(ask(*state, 200,
                         "{\"value\":{\"@odata.type\":\"#microsoft.graph.deviceLocalCredentialInfo\"," ID
                         ",\"credentials\":[" ENTRY("a", "2026-01-01T00:00:00Z", "QUJD") "]}}"),
                     APR_SUCCESS);
    is(0, "a", "ABC");
    assert_int_equal(credentials->expires, 0);
}

static void newest_first_undated_last(void **state)
{
    assert_int_equal(
        ask(*state, 200,
            "{" ID ",\"credentials\":[" ENTRY("none", "", "QUE=") "," ENTRY("old", "2026-01-01T00:00:00Z", "QUI=") "," ENTRY(
                "never", "0001-01-01T00:00:00Z",
                "QUM=") "," ENTRY("new", "2026-03-01T00:00:00.5Z",
                                  "QUQ=") "," ENTRY("twin1", "2026-02-01T00:00:00Z",
                                                    "QUU=") "," ENTRY("twin2", "2026-02-01T00:00:00Z",
                                                                      "QUY=") ",{\"passwordBase64\":\"QUc=\"}]}"),
        APR_SUCCESS);
    assert_int_equal(credentials->count, 7);
    is(0, "new", "AD");
    is(1, "twin1", "AE");
    is(2, "twin2", "AF");
    is(3, "old", "AB");
    is(4, "none", "AA");
    is(5, "never", "AC");
    assert_null(credentials->items[6].account);
    assert_int_equal(credentials->items[6].backed_up, 0);
}

/* Else an older password would be told to be the current one. */
static void what_is_newest_must_be_known(void **state)
{
    fake_t *fake = *state;
    const char *const times[] = {"yesterday", "2026-13-01T00:00:00Z", "2026-11-20 10:00:00Z"};

    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        const char *entry = apr_psprintf(fake->own, ENTRY("a", "%s", "QUJD"), times[i]);
        assert_int_not_equal(ask(fake, 200, apr_pstrcat(fake->own, "{" ID ",\"credentials\":[" ENTRY("old", "2026-01-01T00:00:00Z", "QUI=") ",", entry, "]}", NULL)), APR_SUCCESS);
        assert_string_equal(fake->error.id, "AML0352");
        assert_null(credentials);
        assert_int_equal(ask(fake, 200, apr_pstrcat(fake->own, "{" ID ",\"credentials\":[", entry, "]}", NULL)), APR_SUCCESS);
        assert_int_equal(credentials->items[0].backed_up, 0);
    }
    assert_int_not_equal(ask(fake, 200, "{" ID ",\"credentials\":[{\"backupDateTime\":1795366800,\"passwordBase64\":\"QUI=\"},{\"passwordBase64\":\"QUI=\"}]}"), APR_SUCCESS);
}

static void at_most_the_newest_32(void **state)
{
    fake_t *fake = *state;
    const char *text = "{" ID ",\"credentials\":[";

    for (int i = 0; i < 40; i++) {
        text = apr_psprintf(fake->own, "%s%s" ENTRY("a%02d", "2026-01-01T00:%02d:00Z", "QUJD"), text, i ? "," : "", i, i);
    }
    assert_int_equal(ask(fake, 200, apr_pstrcat(fake->own, text, "]}", NULL)), APR_SUCCESS);
    assert_int_equal(credentials->count, 32);
    is(0, "a39", "ABC");
    is(31, "a08", "ABC");
}

static void every_form_of_none(void **state)
{
    fake_t *fake = *state;
    const struct {
        int status;
        const char *body;
    } forms[] = {
        {404, "{\"error\":{\"code\":\"Request_ResourceNotFound\",\"message\":\"x\"}}"},
        {404, ""},
        {204, ""},
        {200, ""},
        {200, "null"},
        {200, "[]"},
        {200, "{}"},
        {200, "{\"value\":null}"},
        {200, "{\"value\":[]}"},
        {200, "{\"value\":{}}"},
        {200, "{" ID ",\"deviceName\":\"MAC\"}"},
        {200, "{" ID ",\"credentials\":null}"},
        {200, "{" ID ",\"credentials\":[]}"},
        {200, "{\"credentials\":[]}"},
        {200, "{\"value\":{" ID ",\"credentials\":[]}}"},
    };

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        assert_int_not_equal(ask(fake, forms[i].status, forms[i].body), APR_SUCCESS);
        assert_string_equal(amlaps_code_word(fake->error.code), "no_password");
        assert_null(credentials);
    }
    assert_null(strstr(fake->log, "AML0351"));
}

static void another_device_is_never_shown(void **state)
{
    fake_t *fake = *state;
    const char *const ids[] = {"\"id\":\"" FAKE_OBJECT "\",", "\"id\":5,", "\"id\":null,", "\"id\":\"\",", "",
                               "\"id\":\"" FAKE_DEVICE " \","};

    for (int i = 0; i < 6; i++) {
        fails(fake, apr_pstrcat(fake->own, "{", ids[i], "\"credentials\":[" ENTRY("a", "", "QUJD") "]}", NULL), "AML0351");
    }
    fails(fake, "{\"id\":\"" FAKE_OBJECT "\",\"credentials\":[]}", "AML0351");
    assert_non_null(strstr(fake->log, "AML0351"));
    assert_non_null(strstr(fake->log, FAKE_OBJECT));
}

static void what_is_not_understood_is_an_error(void **state)
{
    fake_t *fake = *state;

    fails(fake, "5", "AML0352");
    fails(fake, "[1]", "AML0352");
    fails(fake, "{\"value\":\"x\"}", "AML0352");
    fails(fake, "{\"value\":[{" ID "}]}", "AML0352");
    fails(fake, "{" ID ",\"credentials\":{}}", "AML0352");
    fails(fake, "{" ID ",\"credentials\":\"QUJD\"}", "AML0352");
    fails(fake, "{" ID ",\"credentials\":[{\"accountName\":\"a\"}]}", "AML0353");
    fails(fake, "{" ID ",\"credentials\":[null]}", "AML0353");
    fails(fake, "{" ID ",\"credentials\":[{\"passwordBase64\":null}]}", "AML0353");
    fails(fake, "{" ID ",\"credentials\":[{\"passwordBase64\":\"\"}]}", "AML0353");
    fails(fake, "{" ID ",\"credentials\":[{\"passwordBase64\":\"QUJDR!==\"}]}", "AML0353");
    fails(fake, "{" ID ",\"credentials\":[" ENTRY("a", "", "QUJD") "," ENTRY("b", "", "QQBC") "]}", "AML0353");
    fails(fake, "{" ID ",\"credentials\":[{\"passwordBase64\":12345678}]}", "AML0325");
    fails(fake, "{" ID ",\"credentials\":[{\"passwordBase64\":[\"QUJD\"]}]}", "AML0325");
    fails(fake, "{" ID ",\"credentials\":[{\"passwordBase64\":\"QUJD\",\"passwordBase\\u00364\":\"QUJD\"}]}", "AML0325");
    fails(fake, "{" ID ",\"credentials\":[{\"passwordBase64\":\"QUJD", "AML0325");
    assert_null(strstr(fake->log, "QUJD"));
}

static void escapes_in_base64_are_resolved(void **state)
{
    assert_int_equal(ask(*state, 200, "{" ID ",\"credentials\":[{\"passwordBase\\u00364\":\"\\u004b\\u0079s\\/\"}]}"),
                     APR_SUCCESS);
    assert_int_equal(credentials->count, 1);
    assert_string_equal(credentials->items[0].password->bytes, "++?");
}

static void nothing_is_kept(void **state)
{
    fake_t *fake = *state;

    assert_int_equal(ask(fake, 200, "{" ID ",\"credentials\":[" ENTRY("a", "", "QUJD") "]}"), APR_SUCCESS);
    assert_int_equal(ask(fake, 200, "{" ID ",\"credentials\":[" ENTRY("a", "", "QUJE") "]}"), APR_SUCCESS);
    is(0, "a", "ABD");
    assert_int_equal(fake->seen_count, 2);
    assert_true(fake->seen[0].most <= 1 << 20);
}

#define BACKUP_URL "GET " FAKE_GRAPH "/v1.0/directory/deviceLocalCredentials/" FAKE_DEVICE "?$select=id,deviceName,lastBackupDateTime,refreshDateTime"

static amlaps_backup_t backup;

/* Of another child each time: nothing is kept from before. */
static apr_status_t ask_backup(fake_t *fake, int status, const char *body)
{
    fake_reopen(fake);
    fake_begin(fake);
    fake_answers(fake, (fake_step_t){.expect = BACKUP_URL, .status = status, .body = body, .retry_after = "30"});
    return amlaps_graph_backup(&backup, &fake->error, fake->graph, &fake->call, "contoso", FAKE_DEVICE, fake->pool);
}

static void is_backup(int there, apr_int64_t backed_up, apr_int64_t expires)
{
    assert_int_equal(backup.there, there);
    assert_int_equal(backup.backed_up, apr_time_from_sec(backed_up));
    assert_int_equal(backup.expires, apr_time_from_sec(expires));
}

static void a_backup_is_known_without_the_password(void **state)
{
    fake_t *fake = *state;
    const char *const forms[] = {
        "{\"id\":\"6FA60D52-01E7-4B18-8055-4759461FC16B\",\"deviceName\":\"D\",\"lastBackupDateTime\":\"2026-11-20T10:00:00.0000000Z\","
        "\"refreshDateTime\":\"2026-11-22T17:00:00Z\"}",
        "{\"value\":{" ID ",\"lastBackupDateTime\":\"2026-11-20T10:00:00\",\"refreshDateTime\":\"2026-11-22T17:00:00\"}}",
    };

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        assert_int_equal(ask_backup(fake, 200, forms[i]), APR_SUCCESS);
        is_backup(1, 1795168800, 1795366800);
    }
    assert_int_equal(ask_backup(fake, 200, "{" ID ",\"lastBackupDateTime\":\"2026-11-20T10:00:00Z\",\"refreshDateTime\":\"soon\"}"), APR_SUCCESS);
    is_backup(1, 1795168800, 0);
}

static void a_password_that_comes_unasked_is_lifted_out(void **state)
{
    fake_t *fake = *state;

    assert_int_equal(ask_backup(fake, 200,
                                "{" ID ",\"lastBackupDateTime\":\"2026-11-20T10:00:00Z\",\"credentials\":[" ENTRY("a", "", "QUJD") "]}"),
                     APR_SUCCESS);
    is_backup(1, 1795168800, 0);
    assert_int_not_equal(ask_backup(fake, 200, "{" ID ",\"credentials\":[{\"passwordBase64\":12345678}]}"), APR_SUCCESS);
    assert_string_equal(fake->error.id, "AML0325");
    is_backup(-1, 0, 0);
}

/* A firewall's page with 404 is not Entra's word that there is none. */
static void somebody_elses_404_is_an_error(void **state)
{
    fake_t *fake = *state;

    assert_int_not_equal(ask(fake, 404, "<html>not found</html>"), APR_SUCCESS);
    assert_string_equal(fake->error.id, "AML0325");
    assert_non_null(strstr(fake->error.detail, "(404)"));
    assert_int_not_equal(ask_backup(fake, 404, "<html>not found</html>"), APR_SUCCESS);
    assert_string_equal(fake->error.id, "AML0325");
    is_backup(-1, 0, 0);
}

static void every_form_of_no_backup(void **state)
{
    fake_t *fake = *state;
    const struct {
        int status;
        const char *body;
    } forms[] = {
        {404, "{\"error\":{\"code\":\"not_found\",\"message\":\"x\"}}"},
        {204, ""},
        {200, ""},
        {200, "null"},
        {200, "{}"},
        {200, "{\"value\":[]}"},
        {200, "{" ID ",\"deviceName\":\"MAC\"}"},
        {200, "{" ID ",\"lastBackupDateTime\":null,\"refreshDateTime\":\"2026-11-22T17:00:00Z\"}"},
        {200, "{" ID ",\"lastBackupDateTime\":\"0001-01-01T00:00:00Z\",\"refreshDateTime\":\"2026-11-22T17:00:00Z\"}"},
    };

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        assert_int_equal(ask_backup(fake, forms[i].status, forms[i].body), APR_SUCCESS);
        is_backup(0, 0, 0);
    }
}

static void what_cannot_be_known_of_a_backup_is_unknown(void **state)
{
    fake_t *fake = *state;
    const struct {
        int status;
        const char *body, *id;
    } forms[] = {
        {403, "{\"error\":{\"code\":\"authorization_error\"}}", "AML0321"},
        {429, "", "AML0322"},
        {400, "{\"error\":{\"code\":\"invalid_request\"}}", "AML0324"},
        {200, "<html>", "AML0325"},
        {200, "{\"id\":\"" FAKE_OBJECT "\"}", "AML0351"},
        {200, "{\"lastBackupDateTime\":\"2026-11-20T10:00:00Z\"}", "AML0351"},
        {200, "[1]", "AML0352"},
        {200, "{" ID ",\"lastBackupDateTime\":\"yesterday\"}", "AML0352"},
        {200, "{" ID ",\"lastBackupDateTime\":1795168800}", "AML0352"},
    };

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        assert_int_not_equal(ask_backup(fake, forms[i].status, forms[i].body), APR_SUCCESS);
        assert_string_equal(fake->error.id, forms[i].id);
        assert_non_null(strstr(fake->log, forms[i].id));
        is_backup(-1, 0, 0);
    }
}

static void a_backup_is_hardly_kept_and_never_where_it_is_unknown(void **state)
{
    fake_t *fake = *state;
    const char *body = "{" ID ",\"lastBackupDateTime\":\"2026-11-20T10:00:00Z\",\"refreshDateTime\":\"2026-11-22T17:00:00Z\"}";

    fake_answers(fake, (fake_step_t){.expect = BACKUP_URL, .status = 403, .body = "{}"});
    fake_answers(fake, (fake_step_t){.expect = BACKUP_URL, .status = 200, .body = body});
    for (int asked = 0; asked < 3; asked++) {
        fake_begin(fake);
        amlaps_graph_backup(&backup, &fake->error, fake->graph, &fake->call, "contoso", FAKE_DEVICE, fake->pool);
        is_backup(asked ? 1 : -1, asked ? 1795168800 : 0, asked ? 1795366800 : 0);
    }
    assert_int_equal(fake->seen_count, 2);
    fake_advance(fake, apr_time_from_sec(10));
    fake_begin(fake);
    fake_answers(fake, (fake_step_t){.expect = BACKUP_URL, .status = 404, .body = "{}"});
    assert_int_equal(amlaps_graph_backup(&backup, &fake->error, fake->graph, &fake->call, "contoso", FAKE_DEVICE, fake->pool), APR_SUCCESS);
    is_backup(0, 0, 0);
}

/* Many ask at once: each asks while the one before waits for Graph. */
#define AT_ONCE 6

static struct {
    fake_t *fake;
    apr_status_t (*exchange)(amlaps_http_response_t *response, amlaps_error_t *error, void *baton, const amlaps_http_request_t *request,
                             apr_pool_t *pool);
    int of_backups, sent;
} crowd;

static void ask_as_one_of_many(void)
{
    amlaps_call_t call = {.client_request_id = FAKE_CALL_ID};
    amlaps_error_t error = {0};

    if (crowd.of_backups) {
        amlaps_graph_backup(&backup, &error, crowd.fake->graph, &call, "contoso", FAKE_DEVICE, crowd.fake->pool);
    }
    else {
        amlaps_graph_credentials(&credentials, &error, crowd.fake->graph, &call, "contoso", FAKE_DEVICE, crowd.fake->pool);
    }
}

static apr_status_t exchange_of_many(amlaps_http_response_t *response, amlaps_error_t *error, void *baton, const amlaps_http_request_t *request,
                                     apr_pool_t *pool)
{
    if (++crowd.sent < AT_ONCE) {
        ask_as_one_of_many();
    }
    fake_answers(crowd.fake, (fake_step_t){.expect = crowd.of_backups ? BACKUP_URL : URL, .status = 404});
    return crowd.exchange(response, error, baton, request, pool);
}

/* @return how many of them reach Graph; by its answers it is silent no more */
static int let_through(fake_t *fake, int of_backups)
{
    crowd.fake = fake;
    crowd.exchange = fake->transport.exchange;
    crowd.of_backups = of_backups;
    crowd.sent = 0;
    fake->transport.exchange = exchange_of_many;
    ask_as_one_of_many();
    fake->transport.exchange = crowd.exchange;
    return crowd.sent;
}

static void graph_is_silent(fake_t *fake, int times, int of_backups)
{
    for (int i = 0; i < times; i++) {
        fake_begin(fake);
        fake_advance(fake, apr_time_from_sec(10)); /* nothing is kept of a backup */
        fake_answers(fake, (fake_step_t){.expect = of_backups ? BACKUP_URL : URL,
                                         .fail = AMLAPS_TENANT_UNREACHABLE,
                                         .fail_status = APR_TIMEUP,
                                         .takes = apr_time_from_sec(6)});
        if (of_backups) {
            amlaps_graph_backup(&backup, &fake->error, fake->graph, &fake->call, "contoso", FAKE_DEVICE, fake->pool);
        }
        else {
            fake_ask(fake);
        }
        assert_int_equal(fake->error.code, AMLAPS_TENANT_UNREACHABLE);
    }
}

static void whose_backup_is_not_known_in_time_keeps_nobody_from_passwords(void **state)
{
    fake_t *fake = *state;

    graph_is_silent(fake, 8, 1);
    assert_int_equal(let_through(fake, 0), AT_ONCE);
    graph_is_silent(fake, 4, 0);
    assert_int_equal(let_through(fake, 0), 4);
    assert_int_equal(let_through(fake, 0), AT_ONCE);
}

static void a_silent_graph_is_asked_for_few_backups_at_once(void **state)
{
    fake_t *fake = *state;

    for (int of_backups = 0; of_backups < 2; of_backups++) {
        graph_is_silent(fake, 4, of_backups);
        assert_int_equal(let_through(fake, 1), 4);
        fake_advance(fake, apr_time_from_sec(10));
        assert_int_equal(let_through(fake, 1), AT_ONCE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fake_test(one_password),
        fake_test(wrapped_as_in_the_reference),
        fake_test(newest_first_undated_last),
        fake_test(what_is_newest_must_be_known),
        fake_test(at_most_the_newest_32),
        fake_test(every_form_of_none),
        fake_test(somebody_elses_404_is_an_error),
        fake_test(another_device_is_never_shown),
        fake_test(what_is_not_understood_is_an_error),
        fake_test(escapes_in_base64_are_resolved),
        fake_test(nothing_is_kept),
        fake_test(a_backup_is_known_without_the_password),
        fake_test(a_password_that_comes_unasked_is_lifted_out),
        fake_test(every_form_of_no_backup),
        fake_test(what_cannot_be_known_of_a_backup_is_unknown),
        fake_test(a_backup_is_hardly_kept_and_never_where_it_is_unknown),
        fake_test(whose_backup_is_not_known_in_time_keeps_nobody_from_passwords),
        fake_test(a_silent_graph_is_asked_for_few_backups_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
