/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_file_io.h>

#include "../../src/graph/identity.h"
#include "graph_fake.h"

#define FOLDER "/var/opt/azcmagent/tokens"
#define USER "aaaaaaaa-0000-4000-8000-000000000001"
#define TOKEN "{\"access_token\":\"TOKEN-M\",\"expires_on\":\"1795370400\",\"resource\":\"x\",\"token_type\":\"Bearer\"}"

static const char *const names[] = {"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT", "MSI_ENDPOINT",
                                    "MSI_SECRET", "AZURE_POD_IDENTITY_AUTHORITY_HOST"};

/* NAME=VALUE, NULL-terminated; everything else of names is unset. @return the mistake */
static const char *find(fake_t *fake, const char *client_id, const char *const *set)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        unsetenv(names[i]);
    }
    for (; *set; set++) {
        const char *equals = strchr(*set, '=');
        setenv(apr_pstrmemdup(fake->own, *set, (apr_size_t)(equals - *set)), equals + 1, 1);
    }
    fake->tenant.credential = AMLAPS_CREDENTIAL_IDENTITY;
    fake->tenant.identity = NULL;
    return amlaps_graph_find_identity(&fake->tenant, client_id, fake->own);
}
#define FIND(fake, client_id, ...) find(fake, client_id, (const char *const[]){__VA_ARGS__, NULL})
#define NOTHING "AZURE_POD_IDENTITY_AUTHORITY_HOST="

static void the_order_is_microsofts(void **state)
{
    fake_t *fake = *state;

    assert_null(FIND(fake, NULL, NOTHING));
    assert_int_equal(fake->tenant.identity->host, AMLAPS_IDENTITY_VM);
    assert_string_equal(fake->tenant.identity->endpoint, "http://169.254.169.254/metadata/identity/oauth2/token");
    assert_null(FIND(fake, NULL, "AZURE_POD_IDENTITY_AUTHORITY_HOST=http://127.0.0.1:1//"));
    assert_string_equal(fake->tenant.identity->endpoint, "http://127.0.0.1:1/metadata/identity/oauth2/token");
    assert_null(FIND(fake, USER, "IDENTITY_ENDPOINT=http://172.16.0.1/msi/token", "IDENTITY_HEADER=h", "IMDS_ENDPOINT=x", "MSI_ENDPOINT=x", "MSI_SECRET=x"));
    assert_int_equal(fake->tenant.identity->host, AMLAPS_IDENTITY_APP_SERVICE);
    assert_string_equal(fake->tenant.identity->header->bytes, "X-IDENTITY-HEADER: h");
    assert_null(FIND(fake, NULL, "IDENTITY_ENDPOINT=http://localhost:40342/x", "IMDS_ENDPOINT=http://localhost:40342"));
    assert_int_equal(fake->tenant.identity->host, AMLAPS_IDENTITY_ARC);
    assert_string_equal(fake->tenant.identity->key_folder, FOLDER);
}

static void environments_that_are_refused(void **state)
{
    fake_t *fake = *state;

    assert_non_null(strstr(FIND(fake, NULL, "IDENTITY_ENDPOINT=http://x/y", "IDENTITY_HEADER=h", "IDENTITY_SERVER_THUMBPRINT=t"), "Service Fabric"));
    assert_non_null(strstr(FIND(fake, NULL, "MSI_ENDPOINT=http://x/y", "MSI_SECRET=h"), "Machine Learning"));
    assert_non_null(strstr(FIND(fake, USER, "IDENTITY_ENDPOINT=http://localhost:1/x", "IMDS_ENDPOINT=y"), "system"));
    assert_non_null(strstr(FIND(fake, NULL, "IDENTITY_ENDPOINT=http://elsewhere.test/x", "IMDS_ENDPOINT=y"), "not on this machine"));
    assert_non_null(strstr(FIND(fake, NULL, "IDENTITY_ENDPOINT=http://localhost:1@evil.test/x", "IMDS_ENDPOINT=y"), "not on this machine"));
    assert_non_null(strstr(FIND(fake, NULL, "IDENTITY_ENDPOINT=ftp://x", "IDENTITY_HEADER=h"), "no URL"));
    assert_non_null(strstr(FIND(fake, NULL, "IDENTITY_ENDPOINT=http://x/?y", "IDENTITY_HEADER=h"), "no URL"));
    assert_non_null(strstr(FIND(fake, NULL, "IDENTITY_ENDPOINT=http://x/y", "IDENTITY_HEADER=a\nb"), "line"));
    assert_null(fake->tenant.identity);
}

static void keys_are_read_from_one_folder_alone(void **state)
{
    fake_t *fake = *state;
    const char *const bad[] = {"",
                               "Basic",
                               "Bearer realm=" FOLDER "/a-1.key",
                               "Basic realm=",
                               "Basic realm=/etc/shadow",
                               "Basic realm=/etc/x.key",
                               "Basic realm=" FOLDER,
                               "Basic realm=" FOLDER "/",
                               "Basic realm=" FOLDER "/.key",
                               "Basic realm=" FOLDER "/../../../../etc/x.key",
                               "Basic realm=" FOLDER "/sub/x.key",
                               "Basic realm=" FOLDER "x/a.key",
                               "Basic realm=" FOLDER "/a.txt",
                               "Basic realm=" FOLDER "/a.key.bak",
                               "Basic realm=" FOLDER "/a b.key"};

    assert_string_equal(amlaps_identity_key_path("Basic realm=" FOLDER "/5b2c-1.key", FOLDER, fake->pool), FOLDER "/5b2c-1.key");
    assert_string_equal(amlaps_identity_key_path("basic realm=\"" FOLDER "/a1.key\"", FOLDER, fake->pool), FOLDER "/a1.key");
    assert_null(amlaps_identity_key_path(NULL, FOLDER, fake->pool));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(amlaps_identity_key_path(bad[i], FOLDER, fake->pool));
    }
}

/* The fake's transport, in front of which this machine answers. */
static struct {
    fake_t *fake;
    amlaps_transport_t fakes;
    int asked, status[4];
    const char *body[4], *authenticate, *url[4], *header[4];
} machine;

static apr_status_t exchange(amlaps_http_response_t *response, amlaps_error_t *error, void *baton, const amlaps_http_request_t *request,
                             apr_pool_t *pool)
{
    if (strncmp(request->url, "http://localhost:1/", 19) != 0) {
        return machine.fakes.exchange(response, error, baton, request, pool);
    }
    const int i = machine.asked++;
    memset(response, 0, sizeof *response);
    assert_true(i < 4);
    machine.url[i] = apr_pstrdup(machine.fake->own, request->url);
    machine.header[i] = request->secret_header ? apr_pstrdup(machine.fake->own, request->secret_header->bytes) : NULL;
    response->status = machine.status[i];
    response->authenticate = machine.authenticate;
    response->body = amlaps_secret_make(64, pool);
    amlaps_secret_append(response->body, machine.body[i], strlen(machine.body[i]));
    return APR_SUCCESS;
}

static void begin(fake_t *fake)
{
    memset(&machine, 0, sizeof machine);
    machine.fake = fake;
    machine.fakes = fake->transport;
    fake->transport.exchange = exchange;
    fake_reopen(fake);
    fake_begin(fake);
}

static void an_app_service_gives_a_token(void **state)
{
    fake_t *fake = *state;

    assert_null(FIND(fake, USER, "IDENTITY_ENDPOINT=http://localhost:1/msi", "IDENTITY_HEADER=h"));
    begin(fake);
    machine.status[0] = 200;
    machine.body[0] = TOKEN; /* ends an hour after the fake's clock, which no member but expires_on says */
    fake_answers(fake, (fake_step_t){.status = 404});
    fake_ask(fake);
    assert_string_equal(fake->seen[0].bearer, "TOKEN-M");
    assert_string_equal(machine.url[0], "http://localhost:1/msi?api-version=2019-08-01&resource=https%3A%2F%2Fgraph.test%2F&client_id=" USER);
    assert_string_equal(machine.header[0], "X-IDENTITY-HEADER: h");
    fake_advance(fake, apr_time_from_sec(3299));
    fake_begin(fake);
    fake_answers(fake, (fake_step_t){.status = 404});
    fake_ask(fake);
    assert_int_equal(machine.asked, 1);
    assert_int_equal(fake->login_asked, 0);
}

/* With a folder of the test's in the place of Arc's. */
static void arc(fake_t *fake, const char *content, mode_t mode, const char *expected)
{
    char folder[] = "/tmp/amlaps-arc-XXXXXX";
    amlaps_identity_t identity;
    apr_file_t *file;

    assert_null(FIND(fake, NULL, "IDENTITY_ENDPOINT=http://localhost:1/arc", "IMDS_ENDPOINT=x"));
    identity = *fake->tenant.identity;
    assert_non_null(mkdtemp(folder));
    const char *path = apr_pstrcat(fake->own, folder, "/k.key", NULL);
    identity.key_folder = folder;
    fake->tenant.identity = &identity;
    begin(fake);
    machine.status[0] = 401;
    machine.body[0] = "";
    machine.authenticate = apr_pstrcat(fake->own, "Basic realm=", path, NULL);
    machine.status[1] = 200;
    machine.body[1] = TOKEN;
    assert_int_equal(apr_file_open(&file, path, APR_FOPEN_WRITE | APR_FOPEN_CREATE, APR_FPROT_OS_DEFAULT, fake->own), APR_SUCCESS);
    assert_int_equal(apr_file_write_full(file, content, strlen(content), NULL), APR_SUCCESS);
    apr_file_close(file);
    chmod(path, mode);
    if (expected) {
        fake_answers(fake, (fake_step_t){.status = 404});
    }
    fake_ask(fake);
    unlink(path);
    rmdir(folder);
    fake->transport.exchange = machine.fakes.exchange;
    if (!expected) {
        assert_string_equal(fake->error.id, "AML0334");
        assert_int_equal(machine.asked, 1);
        return;
    }
    assert_int_equal(machine.asked, 2);
    assert_null(machine.header[0]);
    assert_string_equal(machine.header[1], expected);
    assert_string_equal(fake->seen[fake->seen_count - 1].bearer, "TOKEN-M");
}

static void arc_wants_its_key(void **state)
{
    arc(*state, "the-key\n", 0600, "Authorization: Basic the-key");
}

static void arc_keys_that_are_none(void **state)
{
    fake_t *fake = *state;

    arc(fake, "", 0600, NULL);
    arc(fake, "a\nb", 0600, NULL);
    char *large = apr_palloc(fake->own, 4098);
    memset(large, 'x', 4097);
    large[4097] = '\0';
    arc(fake, large, 0600, NULL);
}

static void refusals_are_told_without_a_secret(void **state)
{
    fake_t *fake = *state;

    assert_null(FIND(fake, NULL, "IDENTITY_ENDPOINT=http://localhost:1/msi", "IDENTITY_HEADER=h"));
    begin(fake);
    machine.status[0] = 400;
    machine.body[0] = "{\"error\":\"invalid_request\",\"error_description\":\"Identity not found\"}";
    fake_ask(fake);
    assert_int_equal(fake->error.code, AMLAPS_TENANT_CREDENTIAL_INVALID);
    assert_string_equal(fake->error.id, "AML0335");
    assert_non_null(strstr(fake->error.detail, "Identity not found"));
    assert_non_null(strstr(fake->error.detail, "AMLapsManagedIdentity"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fake_test(the_order_is_microsofts),
        fake_test(environments_that_are_refused),
        fake_test(keys_are_read_from_one_folder_alone),
        fake_test(an_app_service_gives_a_token),
        fake_test(arc_wants_its_key),
        fake_test(arc_keys_that_are_none),
        fake_test(refusals_are_told_without_a_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
