/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "amlaps/graph.h"
#include "http_fake.h"
#include "test_base_pool.h"

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

typedef struct world_t {
    apr_pool_t *pool;
    http_fake_t *server;
    const amlaps_transport_t *transport;
    amlaps_http_request_t request;
    amlaps_http_response_t response;
    amlaps_error_t error;
} world_t;

static int open_world(void **state)
{
    world_t *world = calloc(1, sizeof *world);

    if (!world || apr_initialize() != APR_SUCCESS || apr_pool_create(&world->pool, NULL) != APR_SUCCESS) {
        return -1;
    }
    world->server = http_fake_open();
    world->request = (amlaps_http_request_t){.method = "GET", .timeout = apr_time_from_sec(10), .most = 1000};
    world->request.url = apr_pstrcat(world->pool, http_fake_root(world->server), "/v1.0/x?$select=a,b&c='d'", NULL);
    *state = world;
    return amlaps_transport_open(&world->transport, &world->error, 1, &amlaps_graph_faults, world->pool) == APR_SUCCESS ? 0 : -1;
}

static int close_world(void **state)
{
    world_t *world = *state;

    apr_pool_destroy(world->pool);
    http_fake_close(world->server);
    free(world);
    apr_terminate();
    return 0;
}

static apr_status_t ask(world_t *world)
{
    memset(&world->error, 0, sizeof world->error);
    return world->transport->exchange(&world->response, &world->error, world->transport->baton, &world->request, world->pool);
}

static void succeeds(world_t *world, int status, const char *body)
{
    if (ask(world) != APR_SUCCESS) {
        fail_msg("%s", world->error.detail);
    }
    assert_int_equal(world->response.status, status);
    assert_int_equal(world->response.body->length, strlen(body));
    if (*body) {
        assert_string_equal(world->response.body->bytes, body);
    }
}

static void fails(world_t *world, amlaps_code_t code, int may_repeat)
{
    assert_int_not_equal(ask(world), APR_SUCCESS);
    assert_string_equal(amlaps_code_word(world->error.code), amlaps_code_word(code));
    assert_int_equal(world->error.status != APR_EGENERAL, may_repeat);
}

static amlaps_secret_t *secret(world_t *world, const char *text)
{
    amlaps_secret_t *made = amlaps_secret_make(64, world->pool);

    amlaps_secret_append(made, text, strlen(text));
    return made;
}

static void sends_what_is_asked_and_nothing_else(void **state)
{
    world_t *world = *state;
    const char *const headers[] = {"Accept: application/json", "User-Agent: mod_amlaps/1", NULL};

    world->request.headers = headers;
    world->request.bearer = secret(world, "eyJ.TOKEN");
    http_fake_answers(world->server, OK, HTTP_KEEP);
    http_fake_answers(world->server, OK, HTTP_KEEP);
    succeeds(world, 200, "{}");
    assert_string_equal(
        http_fake_request(world->server, 0),
        apr_psprintf(
            world->pool,
            "GET /v1.0/x?$select=a,b&c='d' HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: application/json\r\nUser-Agent: "
            "mod_amlaps/1\r\nAuthorization: Bearer eyJ.TOKEN\r\n\r\n",
            http_fake_port(world->server)));
    world->request.headers = NULL;
    world->request.bearer = NULL;
    succeeds(world, 200, "{}");
    assert_null(strstr(http_fake_request(world->server, 1), "TOKEN"));
    assert_null(strstr(http_fake_request(world->server, 1), "mod_amlaps"));
    assert_int_equal(http_fake_connections(world->server), 1); /* kept alive */
}

/* As many as curl keeps by itself where a handle is performed alone: Graph and the login of more than one cloud, or some webhooks. */
static void five_hosts_keep_their_connections(void **state)
{
    world_t *world = *state;
    http_fake_t *servers[5];

    for (int i = 0; i < 5; i++) {
        servers[i] = http_fake_open();
        http_fake_answers(servers[i], OK, HTTP_KEEP);
        http_fake_answers(servers[i], OK, HTTP_KEEP);
    }
    for (int i = 0; i < 10; i++) {
        world->request.url = http_fake_root(servers[i % 5]);
        succeeds(world, 200, "{}");
    }
    for (int i = 0; i < 5; i++) {
        assert_int_equal(http_fake_connections(servers[i]), 1);
        http_fake_close(servers[i]);
    }
}

static void the_target_is_sent_as_it_stands_in_the_url(void **state)
{
    static const struct {
        const char *url, *target;
    } cases[] = {{"", "/"}, {"/", "/"}, {"?a=b", "/?a=b"}, {"/a/../b//c", "/a/../b//c"}, {"/x?a=%20%2F/b?c", "/x?a=%20%2F/b?c"}, {"/x#y", "/x"}};
    world_t *world = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world->request.url = apr_pstrcat(world->pool, http_fake_root(world->server), cases[i].url, NULL);
        http_fake_answers(world->server, OK, HTTP_KEEP);
        succeeds(world, 200, "{}");
        const char *line = apr_pstrcat(world->pool, "GET ", cases[i].target, " HTTP/1.1\r\n", NULL);
        assert_memory_equal(http_fake_request(world->server, (int)i), line, strlen(line));
    }
}

/* Else whoever can add to a URL could add to the request. */
static void no_url_holds_what_ends_a_line_or_a_word(void **state)
{
    const char *const ends[] = {"/x HTTP/1.1\r\nX: y\r\n\r\n", "/x y", "/x\ny", "?x\ty", "/x\x7f", " /x", "/x\r"};
    world_t *world = *state;

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        world->request.url = apr_pstrcat(world->pool, http_fake_root(world->server), ends[i], NULL);
        fails(world, AMLAPS_TENANT_ERROR, 0);
        assert_non_null(strstr(world->error.detail, "the URL is malformed"));
    }
    assert_int_equal(http_fake_requests(world->server), 0);
}

static void posts_a_body(void **state)
{
    world_t *world = *state;

    world->request.method = "POST";
    world->request.body = secret(world, "a=b&c=%20");
    world->request.content_type = "application/x-www-form-urlencoded";
    http_fake_answers(world->server, OK, HTTP_KEEP);
    succeeds(world, 200, "{}");
    const char *seen = http_fake_request(world->server, 0);
    assert_memory_equal(seen, "POST /v1.0/x", 12);
    assert_non_null(strstr(seen, "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
    assert_non_null(strstr(seen, "\r\nContent-Length: 9\r\n"));
    assert_non_null(strstr(seen, "\r\n\r\na=b&c=%20"));
    assert_null(strcasestr(seen, "Expect:"));
}

static void reads_the_headers_of_the_last_answer(void **state)
{
    world_t *world = *state;

    http_fake_answers(world->server,
                      "HTTP/1.1 103 Early Hints\r\nrequest-id: wrong\r\n\r\nHTTP/1.1 429 Too Many\r\nretry-after: "
                      "2.128\r\nRequest-Id: 94fb-1\r\n"
                      "Date: Sun, 22 Nov 2026 17:00:00 GMT\r\nContent-Length: 0\r\n\r\n",
                      HTTP_KEEP);
    http_fake_answers(
        world->server,
        "HTTP/1.1 200 OK\r\nx-ms-request-id: a\tb\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        HTTP_KEEP);
    succeeds(world, 429, "");
    assert_string_equal(world->response.retry_after, "2.128");
    assert_string_equal(world->response.request_id, "94fb-1");
    assert_string_equal(world->response.date, "Sun, 22 Nov 2026 17:00:00 GMT");
    succeeds(world, 200, "{}");
    assert_null(world->response.retry_after);
    assert_null(strchr(world->response.request_id, '\t')); /* it goes to the log */
}

static void redirects_are_not_followed(void **state)
{
    world_t *world = *state;

    http_fake_answers(world->server,
                      apr_pstrcat(world->pool, "HTTP/1.1 302 Found\r\nLocation: ", http_fake_root(world->server),
                                  "/y\r\nContent-Length: 0\r\n\r\n", NULL),
                      HTTP_KEEP);
    succeeds(world, 302, "");
    assert_int_equal(http_fake_requests(world->server), 1);
}

static void compressed_answers_are_neither_asked_for_nor_unpacked(void **state)
{
    world_t *world = *state;

    http_fake_answers(world->server, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1F\x8Bzz",
                      HTTP_KEEP);
    succeeds(world, 200, "\x1F\x8Bzz");
    assert_null(strcasestr(http_fake_request(world->server, 0), "Accept-Encoding"));
}

static void oversized_answers_are_refused(void **state)
{
    world_t *world = *state;
    char *chunked = apr_pcalloc(world->pool, 4096), *at = chunked;

    http_fake_answers(world->server, "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", HTTP_STALL);
    fails(world, AMLAPS_TENANT_ERROR, 0);
    assert_non_null(strstr(world->error.detail, "larger"));
    at += apr_snprintf(at, 100, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n");
    memset(at, 'x', 1001);
    strcpy(at + 1001, "\r\n0\r\n\r\n");
    http_fake_answers(world->server, chunked, HTTP_STALL);
    fails(world, AMLAPS_TENANT_ERROR, 0);
    assert_non_null(strstr(world->error.detail, "larger"));
    world->request.most = 1001;
    http_fake_answers(world->server, chunked, HTTP_KEEP);
    succeeds(world, 200, apr_pstrmemdup(world->pool, at, 1001));
}

static void silence_ends_in_time(void **state)
{
    world_t *world = *state;
    const char *const beginnings[] = {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{"};

    world->request.timeout = apr_time_from_msec(100);
    for (int i = 0; i < 3; i++) {
        const apr_time_t start = apr_time_now();
        http_fake_answers(world->server, beginnings[i], HTTP_STALL);
        fails(world, AMLAPS_TENANT_UNREACHABLE, 1);
        assert_true(APR_STATUS_IS_TIMEUP(world->error.status));
        assert_in_range(apr_time_now() - start, apr_time_from_msec(95), apr_time_from_sec(5));
    }
    assert_int_equal(http_fake_connections(world->server), 3); /* none of them is used again */
}

static void broken_connections_may_be_repeated(void **state)
{
    world_t *world = *state;

    http_fake_answers(world->server, "", HTTP_RESET);
    fails(world, AMLAPS_TENANT_UNREACHABLE, 1);
    http_fake_answers(world->server, "", HTTP_CLOSE);
    fails(world, AMLAPS_TENANT_UNREACHABLE, 1);
    http_fake_answers(world->server, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", HTTP_CLOSE);
    fails(world, AMLAPS_TENANT_UNREACHABLE, 1);
    http_fake_answers(world->server, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", HTTP_RESET);
    fails(world, AMLAPS_TENANT_UNREACHABLE, 1);
    http_fake_answers(world->server, OK, HTTP_KEEP);
    succeeds(world, 200, "{}");
}

static void an_idle_connection_that_died_costs_nothing(void **state)
{
    world_t *world = *state;

    http_fake_answers(world->server, OK, HTTP_CLOSE);
    http_fake_answers(world->server, OK, HTTP_KEEP);
    succeeds(world, 200, "{}");
    succeeds(world, 200, "{}");
    assert_int_equal(http_fake_connections(world->server), 2);
}

static void no_server_no_answer(void **state)
{
    world_t *world = *state;
    http_fake_t *gone = http_fake_open();

    world->request.url = apr_pstrcat(world->pool, http_fake_root(gone), "/", NULL);
    http_fake_close(gone);
    fails(world, AMLAPS_TENANT_UNREACHABLE, 1);
    assert_non_null(strstr(world->error.detail, "127.0.0.1:"));
}

static void only_http_is_spoken(void **state)
{
    world_t *world = *state;
    const char *const urls[] = {"file:///etc/hostname", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "dict://127.0.0.1/"};

    for (int i = 0; i < 4; i++) {
        world->request.url = urls[i];
        fails(world, AMLAPS_TENANT_ERROR, 0);
    }
    world->request.url = apr_psprintf(world->pool, "https://127.0.0.1:%d/", http_fake_port(world->server));
    world->request.bearer = secret(world, "eyJ.TOKEN");
    world->request.timeout = apr_time_from_msec(300); /* the server waits for the rest of what it cannot understand */
    fails(world, AMLAPS_TENANT_UNREACHABLE, 1);
    assert_int_equal(http_fake_requests(world->server), 0);
}

static void clear_text_never_goes_to_a_proxy(void **state)
{
    world_t *world = *state;

    setenv("http_proxy", "http://127.0.0.1:9", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:9", 1);
    http_fake_answers(world->server, OK, HTTP_KEEP);
    const apr_status_t status = ask(world);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    assert_int_equal(status, APR_SUCCESS);
}

static void is_refused_by_proxy(world_t *world, const char *answer, int repeated)
{
    world->request.url = "https://graph.invalid/v1.0/x";
    setenv("https_proxy", http_fake_root(world->server), 1);
    http_fake_answers(world->server, answer, HTTP_CLOSE);
    fails(world, AMLAPS_TENANT_UNREACHABLE, repeated);
    unsetenv("https_proxy");
}

/* It is there and answers: neither the network nor whoever was asked for is in trouble. */
static void a_proxy_that_refuses_is_told(void **state)
{
    world_t *world = *state;

    is_refused_by_proxy(world, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nRetry-After: 7\r\n\r\n", 0);
    assert_non_null(strstr(http_fake_request(world->server, 0), "CONNECT graph.invalid:443 "));
    assert_non_null(strstr(world->error.detail, "graph.invalid: the proxy refuses with 407: check https_proxy in httpd's environment"));
    assert_null(world->response.retry_after);
}

/* Its own trouble may pass; nothing broke, so the log must not add that a connection was reset. */
static void a_proxy_in_trouble_is_asked_again(void **state)
{
    world_t *world = *state;

    is_refused_by_proxy(world, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", 1);
    assert_non_null(strstr(world->error.detail, "graph.invalid: the proxy refuses with 503"));
    assert_int_equal(amlaps_error_cause(world->error.status), APR_SUCCESS);
}

static void *ask_other(void *data)
{
    world_t *world = data;

    ask(world);
    return NULL;
}

static void a_full_pool_is_busy_at_once(void **state)
{
    world_t *world = *state;
    world_t other = *world;
    pthread_t thread;
    const apr_time_t start = apr_time_now();

    apr_pool_create_unmanaged_ex(&other.pool, NULL, NULL);
    other.request.timeout = apr_time_from_sec(2);
    http_fake_answers(world->server, "", HTTP_STALL);
    assert_int_equal(pthread_create(&thread, NULL, ask_other, &other), 0);
    http_fake_wait(world->server, 1);
    const apr_time_t asked = apr_time_now();
    fails(world, AMLAPS_BUSY, 1);
    assert_in_range(apr_time_now() - asked, 1, apr_time_from_sec(1));
    assert_int_equal(world->error.retry_after, apr_time_from_sec(1));
    pthread_join(thread, NULL);
    assert_true(apr_time_now() - start >= apr_time_from_msec(1900));
    assert_int_equal(other.error.code, AMLAPS_TENANT_UNREACHABLE);
    apr_pool_destroy(other.pool);
}

static int init_curl(void **state)
{
    (void)state;
    return amlaps_transport_global_init() == APR_SUCCESS ? 0 : -1;
}

static int end_curl(void **state)
{
    (void)state;
    amlaps_transport_global_cleanup();
    return 0;
}

#define world_test(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(sends_what_is_asked_and_nothing_else),
        world_test(five_hosts_keep_their_connections),
        world_test(the_target_is_sent_as_it_stands_in_the_url),
        world_test(no_url_holds_what_ends_a_line_or_a_word),
        world_test(posts_a_body),
        world_test(reads_the_headers_of_the_last_answer),
        world_test(redirects_are_not_followed),
        world_test(compressed_answers_are_neither_asked_for_nor_unpacked),
        world_test(oversized_answers_are_refused),
        world_test(silence_ends_in_time),
        world_test(broken_connections_may_be_repeated),
        world_test(an_idle_connection_that_died_costs_nothing),
        world_test(no_server_no_answer),
        world_test(only_http_is_spoken),
        world_test(clear_text_never_goes_to_a_proxy),
        world_test(a_proxy_that_refuses_is_told),
        world_test(a_proxy_in_trouble_is_asked_again),
        world_test(a_full_pool_is_busy_at_once),
    };

    return cmocka_run_group_tests(tests, init_curl, end_curl);
}
