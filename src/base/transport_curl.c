/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "amlaps/transport.h"
#include "transport_curl.h"

#define CONNECT_MOST apr_time_from_sec(2)
#define HEADER_MOST 128
#define ANSWER_ROOM 4000 /* within a page, as most answers are */

typedef struct exchange_t {
    const amlaps_http_request_t *request;
    amlaps_http_response_t *response;
    amlaps_curl_exchange_t curl;
    struct curl_slist *headers, **end; /* nodes of the pool: curl neither copies nor changes them */
    amlaps_secret_t *bearer; /* the line that holds the token; NULL: none */
    const char *target; /* path and query (RFC 9112, section 3.2.1) */
} exchange_t;

apr_status_t amlaps_transport_global_init(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? APR_SUCCESS : APR_EGENERAL;
}

void amlaps_transport_global_cleanup(void)
{
    curl_global_cleanup();
}

/*
 * A thread that still looks up a name outlives its exchange (CURLOPT_QUICK_EXIT), and may outlive the module in a child that ends: curl's code must then
 * be there, up to the end of the process.
 */
static void keep_curl(void)
{
    Dl_info curl;

    if (dladdr((void *)(uintptr_t)curl_easy_init, &curl) && curl.dli_fname) {
        dlopen(curl.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    }
}

static size_t receive(char *bytes, size_t size, size_t count, void *baton)
{
    exchange_t *exchange = baton;
    amlaps_secret_t *body = exchange->response->body;
    const size_t length = size * count;

    if (length > exchange->request->most || body->length > exchange->request->most - length) {
        exchange->curl.too_large = 1;
        return 0;
    }
    return amlaps_secret_append(body, bytes, length) == APR_SUCCESS ? length : 0;
}

static void add_header(exchange_t *exchange, const char *line, apr_pool_t *pool)
{
    struct curl_slist *node = apr_pcalloc(pool, sizeof *node);

    node->data = (char *)line;
    *exchange->end = node;
    exchange->end = &node->next;
}

static int add_bearer(exchange_t *exchange, apr_pool_t *pool)
{
    static const char prefix[] = "Authorization: Bearer ";
    const amlaps_secret_t *bearer = exchange->request->bearer;

    if (!bearer) {
        return 1;
    }
    exchange->bearer = amlaps_secret_make(sizeof prefix + bearer->length, pool);
    if (!exchange->bearer || amlaps_secret_append(exchange->bearer, prefix, sizeof prefix - 1) != APR_SUCCESS
        || amlaps_secret_append(exchange->bearer, bearer->bytes, bearer->length) != APR_SUCCESS) {
        return 0;
    }
    add_header(exchange, exchange->bearer->bytes, pool);
    return 1;
}

static int set_headers(exchange_t *exchange, apr_pool_t *pool)
{
    const amlaps_http_request_t *request = exchange->request;

    for (const char *const *line = request->headers; line && *line; line++) {
        add_header(exchange, *line, pool);
    }
    if (request->body) {
        add_header(exchange, apr_pstrcat(pool, "Content-Type: ", request->content_type, NULL), pool);
    }
    if (request->secret_header) {
        add_header(exchange, request->secret_header->bytes, pool);
    }
    return add_bearer(exchange, pool);
}

/*
 * curl would parse the whole URL, write it anew letter by letter, and take it apart again: a quarter of all it does for a request. It gets what stands
 * before the path, and the target as it is; so no byte may pass here that ends a line or a word.
 */
static int split_url(exchange_t *exchange, apr_pool_t *pool)
{
    const char *url = exchange->request->url, *rest = amlaps_curl_target(url);
    const apr_size_t length = strcspn(rest, "#");

    exchange->curl.url = apr_pstrmemdup(pool, url, (apr_size_t)(rest - url));
    exchange->target = apr_pstrcat(pool, *rest == '/' ? "" : "/", apr_pstrmemdup(pool, rest, length), NULL);
    for (apr_size_t i = 0; i < length; i++) {
        if ((unsigned char)rest[i] <= ' ' || rest[i] == 0x7F) {
            return 0;
        }
    }
    return 1;
}

static CURLcode set_where(const exchange_t *exchange)
{
    CURL *handle = exchange->curl.handle;
    const int clear = strncasecmp(exchange->request->url, "http://", 7) == 0;
    CURLcode code = amlaps_curl_secure(&exchange->curl, clear);

    code = code ? code : curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, clear ? "http" : "https");
    code = code ? code : curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    code = code ? code : curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_REQUEST_TARGET, exchange->target);
    return code ? code : curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
}

static CURLcode set_what(exchange_t *exchange)
{
    CURL *handle = exchange->curl.handle;
    const amlaps_http_request_t *request = exchange->request;
    CURLcode code = curl_easy_setopt(handle, CURLOPT_HTTPHEADER, exchange->headers);

    if (request->body) {
        code = code ? code : curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request->body->bytes ? request->body->bytes : "");
        code = code ? code : curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body->length);
    }
    else {
        code = code ? code : curl_easy_setopt(handle, CURLOPT_HTTPGET, 1L);
    }
    code = code ? code : curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request->method);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, receive);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_WRITEDATA, exchange);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)request->most);
    return code ? code : curl_easy_setopt(handle, CURLOPT_HTTP_CONTENT_DECODING, 0L);
}

static const char *header(CURL *handle, const char *name, apr_pool_t *pool)
{
    struct curl_header *found;

    if (curl_easy_header(handle, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK) {
        return NULL;
    }
    return amlaps_text_printable(found->value, HEADER_MOST, pool);
}

static apr_status_t finish(amlaps_http_response_t *response, amlaps_error_t *error, const exchange_t *exchange, CURLcode code,
                           apr_pool_t *pool)
{
    long status = 0;

    response->received = amlaps_clock_steady(amlaps_clock_system());
    curl_easy_getinfo(exchange->curl.handle, CURLINFO_RESPONSE_CODE, &status);
    response->status = (int)status;
    response->retry_after = header(exchange->curl.handle, "Retry-After", pool);
    response->request_id = header(exchange->curl.handle, "request-id", pool);
    if (!response->request_id) {
        response->request_id = header(exchange->curl.handle, "x-ms-request-id", pool);
    }
    response->date = header(exchange->curl.handle, "Date", pool);
    response->authenticate = header(exchange->curl.handle, "WWW-Authenticate", pool);
    return code == CURLE_OK ? APR_SUCCESS : amlaps_curl_fail(error, &exchange->curl, code, pool);
}

static apr_status_t exchange_curl(amlaps_http_response_t *response, amlaps_error_t *error, void *baton,
                                  const amlaps_http_request_t *request, apr_pool_t *pool)
{
    exchange_t exchange = {.request = request,
                           .response = response,
                           .curl = {.whom = request->whom, .ca_file = request->ca_file, .timeout = request->timeout,
                                    .connect = CONNECT_MOST, .stop = request->stop}};
    CURLcode code = CURLE_OUT_OF_MEMORY;

    memset(response, 0, sizeof *response);
    exchange.end = &exchange.headers;
    if (amlaps_curl_begin(&exchange.curl, error, baton, pool) != APR_SUCCESS) {
        return error->status;
    }
    response->body = amlaps_secret_make(ANSWER_ROOM, pool);
    if (!split_url(&exchange, pool)) {
        code = CURLE_URL_MALFORMAT;
    }
    else if (response->body && set_headers(&exchange, pool)) {
        code = set_where(&exchange);
        code = code ? code : set_what(&exchange);
        code = code ? code : amlaps_curl_perform(&exchange.curl);
    }
    const apr_status_t status = finish(response, error, &exchange, code, pool);
    amlaps_curl_end(&exchange.curl, code, pool);
    if (exchange.bearer) {
        amlaps_secret_wipe(exchange.bearer);
    }
    return status;
}

apr_status_t amlaps_transport_open(const amlaps_transport_t **transport, amlaps_error_t *error, int connections,
                                   const amlaps_transport_faults_t *faults, apr_pool_t *pool)
{
    amlaps_curl_transport_t *made = apr_pcalloc(pool, sizeof *made);
    const apr_status_t status = amlaps_curl_pool_open(&made->curls, connections, pool);

    if (status != APR_SUCCESS) {
        return amlaps_error_set(error, AMLAPS_BUSY, faults->busy_id, status, "the pool of connections cannot be made");
    }
    keep_curl();
    made->faults = faults;
    made->face.exchange = exchange_curl;
    made->face.send = amlaps_curl_send;
    made->face.baton = made;
    *transport = &made->face;
    return APR_SUCCESS;
}
