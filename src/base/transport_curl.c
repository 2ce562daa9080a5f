/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>
#include <strings.h>

#include <apr_atomic.h>
#include <apr_strings.h>

#include "amlaps/text.h"
#include "amlaps/transport.h"
#include "curl_pool.h"

#define BUSY_AFTER apr_time_from_msec(250)
#define CONNECT_MOST apr_time_from_sec(2)
#define RETRY_SOON apr_time_from_sec(1)
#define HEADER_MOST 128

/* Azure's load balancers drop idle connections after about four minutes, many firewalls after two: ours go before that. */
#define IDLE_SECONDS 100L
#define LIFE_SECONDS 110L

typedef struct curl_transport_t {
    amlaps_transport_t face;
    const amlaps_transport_faults_t *faults;
    amlaps_curl_pool_t *curls;
} curl_transport_t;

typedef struct exchange_t {
    const amlaps_http_request_t *request;
    amlaps_http_response_t *response;
    const amlaps_transport_faults_t *faults;
    CURL *handle;
    struct curl_slist *headers;
    int too_large;
    char reason[CURL_ERROR_SIZE];
} exchange_t;

apr_status_t amlaps_transport_global_init(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? APR_SUCCESS : APR_EGENERAL;
}

void amlaps_transport_global_cleanup(void)
{
    curl_global_cleanup();
}

static size_t receive(char *bytes, size_t size, size_t count, void *baton)
{
    exchange_t *exchange = baton;
    amlaps_secret_t *body = exchange->response->body;
    const size_t length = size * count;

    if (length > exchange->request->most || body->length > exchange->request->most - length) {
        exchange->too_large = 1;
        return 0;
    }
    return amlaps_secret_append(body, bytes, length) == APR_SUCCESS ? length : 0;
}

static int add_header(exchange_t *exchange, const char *line)
{
    struct curl_slist *more = curl_slist_append(exchange->headers, line);

    if (more) {
        exchange->headers = more;
    }
    return more != NULL;
}

/* curl copies each line into memory of its own: the copy that holds the token is wiped by free_headers. */
static int add_bearer(exchange_t *exchange, apr_pool_t *pool)
{
    static const char prefix[] = "Authorization: Bearer ";
    const amlaps_secret_t *bearer = exchange->request->bearer;

    if (!bearer) {
        return 1;
    }
    amlaps_secret_t *line = amlaps_secret_make(sizeof prefix + bearer->length, pool);
    if (!line || amlaps_secret_append(line, prefix, sizeof prefix - 1) != APR_SUCCESS
        || amlaps_secret_append(line, bearer->bytes, bearer->length) != APR_SUCCESS) {
        return 0;
    }
    const int added = add_header(exchange, line->bytes);
    amlaps_secret_wipe(line);
    return added;
}

static void free_headers(exchange_t *exchange)
{
    for (struct curl_slist *line = exchange->headers; line; line = line->next) {
        explicit_bzero(line->data, strlen(line->data));
    }
    curl_slist_free_all(exchange->headers);
    exchange->headers = NULL;
}

static int set_headers(exchange_t *exchange, apr_pool_t *pool)
{
    const amlaps_http_request_t *request = exchange->request;

    for (const char *const *line = request->headers; line && *line; line++) {
        if (!add_header(exchange, *line)) {
            return 0;
        }
    }
    if (request->body && !add_header(exchange, apr_pstrcat(pool, "Content-Type: ", request->content_type, NULL))) {
        return 0;
    }
    if (request->secret_header && !add_header(exchange, request->secret_header->bytes)) {
        return 0;
    }
    return add_bearer(exchange, pool);
}

static CURLcode set_where(const exchange_t *exchange)
{
    CURL *handle = exchange->handle;
    const amlaps_http_request_t *request = exchange->request;
    const int clear = strncasecmp(request->url, "http://", 7) == 0;
    CURLcode code = curl_easy_setopt(handle, CURLOPT_URL, request->url);

    /* Clear text is for loopback (the configuration sees to that) and the metadata service of the machine, so it never goes to a
     * proxy. */
    code = code ? code : curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, clear ? "http" : "https");
    code = code ? code : curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    if (clear) {
        code = code ? code : curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
    }
    code = code ? code : curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    if (request->ca_file) {
        code = code ? code : curl_easy_setopt(handle, CURLOPT_CAINFO, request->ca_file);
        /* curl would go on trusting the system's directory beside the file. */
        code = code ? code : curl_easy_setopt(handle, CURLOPT_CAPATH, NULL);
    }
    return code;
}

static CURLcode set_what(exchange_t *exchange)
{
    CURL *handle = exchange->handle;
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

/* curl calls this about once a second. */
static int look_at_stop(void *baton, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
    const exchange_t *exchange = baton;

    (void)total, (void)now, (void)up_total, (void)up_now;
    return apr_atomic_read32(exchange->request->stop) != 0;
}

static CURLcode set_limits(exchange_t *exchange)
{
    CURL *handle = exchange->handle;
    const apr_interval_time_t timeout = exchange->request->timeout;
    const apr_interval_time_t connect = timeout < CONNECT_MOST ? timeout : CONNECT_MOST;
    CURLcode code = curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);

    code = code ? code : curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)apr_time_as_msec(timeout) + 1L);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, (long)apr_time_as_msec(connect) + 1L);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_MAXAGE_CONN, IDLE_SECONDS);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_MAXLIFETIME_CONN, LIFE_SECONDS);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (exchange->request->stop) {
        code = code ? code : curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
        code = code ? code : curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, look_at_stop);
        code = code ? code : curl_easy_setopt(handle, CURLOPT_XFERINFODATA, (void *)exchange);
    }
    return code ? code : curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, exchange->reason);
}

static const char *header(CURL *handle, const char *name, apr_pool_t *pool)
{
    struct curl_header *found;

    if (curl_easy_header(handle, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK) {
        return NULL;
    }
    return amlaps_text_printable(found->value, HEADER_MOST, pool);
}

typedef enum fault_t { UNREACHABLE, NO_TLS, BROKEN, NO_MEMORY } fault_t;

/* `again` is 1 where the same request may well succeed on a second try. */
static const struct {
    CURLcode curl;
    fault_t fault;
    int again;
    const char *text;
} failures[] = {
    {CURLE_COULDNT_RESOLVE_HOST, UNREACHABLE, 1, "the host's name cannot be resolved: check DNS, and the address in the configuration"},
    {CURLE_COULDNT_RESOLVE_PROXY, UNREACHABLE, 1, "the proxy's name cannot be resolved: check https_proxy in httpd's environment"},
    {CURLE_COULDNT_CONNECT, UNREACHABLE, 1, "no connection: check firewall, proxy (https_proxy in httpd's environment) and SELinux"},
    {CURLE_OPERATION_TIMEDOUT, UNREACHABLE, 1, "no answer in time: check network, firewall and proxy"},
    {CURLE_SEND_ERROR, UNREACHABLE, 1, "the connection broke while sending: try again; if this lasts, look for a firewall or proxy that cuts connections"},
    {CURLE_RECV_ERROR, UNREACHABLE, 1, "the connection broke before the answer was complete: try again; if this lasts, look for a firewall or proxy that cuts connections"},
    {CURLE_PARTIAL_FILE, UNREACHABLE, 1, "the connection broke before the answer was complete: try again; if this lasts, look for a firewall or proxy that cuts connections"},
    {CURLE_GOT_NOTHING, UNREACHABLE, 1, "the connection was closed without an answer: try again; if this lasts, look for a firewall or proxy that cuts connections"},
    {CURLE_HTTP2, UNREACHABLE, 1, "the HTTP/2 connection broke: try again; if this lasts, look for a proxy in between"},
    {CURLE_HTTP2_STREAM, UNREACHABLE, 1, "the HTTP/2 stream was reset: try again; if this lasts, look for a proxy in between"},
    {CURLE_SSL_CONNECT_ERROR, NO_TLS, 1, "no TLS connection: 1.2 or newer is needed; check a proxy that opens TLS"},
    {CURLE_PEER_FAILED_VERIFICATION, NO_TLS, 0,
     "the server's certificate is not trusted, nothing was sent: check this server's clock, AMLapsCAFile, the system's CA bundle and a "
     "proxy that opens TLS"},
    {CURLE_SSL_CACERT_BADFILE, NO_TLS, 0, "the CA bundle cannot be read: check AMLapsCAFile"},
    {CURLE_FILESIZE_EXCEEDED, BROKEN, 0, "the answer is larger than any that is meant for us: check the address in the configuration and a proxy in between"},
    {CURLE_WRITE_ERROR, BROKEN, 0, "the answer could not be kept: check this server's memory"},
    {CURLE_WEIRD_SERVER_REPLY, BROKEN, 0, "the answer is not HTTP: check the address in the configuration and a proxy in between"},
    {CURLE_URL_MALFORMAT, BROKEN, 0, "the URL is malformed: check the addresses in the configuration"},
    {CURLE_UNSUPPORTED_PROTOCOL, BROKEN, 0, "only https URLs are used: check the addresses in the configuration"},
    {CURLE_OUT_OF_MEMORY, NO_MEMORY, 0, "out of memory"},
};

static const char *host(const char *url, apr_pool_t *pool)
{
    const char *start = strstr(url, "://");

    start = start ? start + 3 : url;
    return apr_pstrmemdup(pool, start, strcspn(start, "/?#"));
}

static apr_status_t fail(amlaps_error_t *error, const exchange_t *exchange, CURLcode code, apr_pool_t *pool)
{
    const amlaps_transport_faults_t *faults = exchange->faults;
    const struct {
        amlaps_code_t code;
        const char *id;
    } said[] = {
        [UNREACHABLE] = {faults->unreachable, faults->unreachable_id},
        [NO_TLS] = {faults->unreachable, faults->tls_id},
        [BROKEN] = {faults->broken, faults->broken_id},
        [NO_MEMORY] = {AMLAPS_BUSY, faults->busy_id},
    };
    const char *whom = exchange->request->whom, *name = host(exchange->request->url, pool);
    const char *where = whom ? apr_pstrcat(pool, whom, " at ", name, NULL) : name;
    const char *reason = amlaps_text_printable(exchange->reason[0] ? exchange->reason : curl_easy_strerror(code), 160, pool);
    size_t i = 0;

    if (exchange->too_large) {
        code = CURLE_FILESIZE_EXCEEDED;
    }
    while (i < sizeof failures / sizeof *failures && failures[i].curl != code) {
        i++;
    }
    if (i == sizeof failures / sizeof *failures) {
        return amlaps_error_set(error, faults->unreachable, faults->unreachable_id, APR_EGENERAL, "%s: %s (curl %d): check network and proxy",
                                where, reason, code);
    }
    const apr_status_t again = code == CURLE_OPERATION_TIMEDOUT ? APR_TIMEUP : APR_ECONNRESET;
    return amlaps_error_set(error, said[failures[i].fault].code, said[failures[i].fault].id, failures[i].again ? again : APR_EGENERAL,
                            "%s: %s (curl %d: %s)", where, failures[i].text, code, reason);
}

static apr_status_t finish(amlaps_http_response_t *response, amlaps_error_t *error, const exchange_t *exchange, CURLcode code,
                           apr_pool_t *pool)
{
    long status = 0;

    response->received = amlaps_clock_steady(amlaps_clock_system());
    if (code != CURLE_OK) {
        return fail(error, exchange, code, pool);
    }
    curl_easy_getinfo(exchange->handle, CURLINFO_RESPONSE_CODE, &status);
    response->status = (int)status;
    response->retry_after = header(exchange->handle, "Retry-After", pool);
    response->request_id = header(exchange->handle, "request-id", pool);
    if (!response->request_id) {
        response->request_id = header(exchange->handle, "x-ms-request-id", pool);
    }
    response->date = header(exchange->handle, "Date", pool);
    response->authenticate = header(exchange->handle, "WWW-Authenticate", pool);
    return APR_SUCCESS;
}

static apr_status_t exchange_curl(amlaps_http_response_t *response, amlaps_error_t *error, void *baton,
                                  const amlaps_http_request_t *request, apr_pool_t *pool)
{
    const curl_transport_t *transport = baton;
    const apr_time_t start = amlaps_clock_steady(amlaps_clock_system());
    amlaps_curl_lease_t *lease =
        amlaps_curl_pool_take(transport->curls, request->timeout < BUSY_AFTER ? request->timeout : BUSY_AFTER, pool);

    memset(response, 0, sizeof *response);
    if (!lease) {
        amlaps_error_set(error, AMLAPS_BUSY, transport->faults->busy_id, APR_TIMEUP, "%s", transport->faults->busy);
        error->retry_after = RETRY_SOON;
        return error->status;
    }
    amlaps_http_request_t rest = *request;
    rest.timeout -= amlaps_clock_steady(amlaps_clock_system()) - start;
    if (rest.timeout < 0) {
        rest.timeout = 0;
    }
    exchange_t exchange = {.request = &rest, .response = response, .faults = transport->faults, .handle = lease->handle};
    CURLcode code = CURLE_OUT_OF_MEMORY;
    response->body = amlaps_secret_make(4096, pool);
    if (response->body && set_headers(&exchange, pool)) {
        code = set_where(&exchange);
        code = code ? code : set_what(&exchange);
        code = code ? code : set_limits(&exchange);
        lease->performing = 1;
        code = code ? code : curl_easy_perform(lease->handle);
        lease->performing = 0;
    }
    const apr_status_t status = finish(response, error, &exchange, code, pool);
    lease->broken = code != CURLE_OK;
    amlaps_curl_pool_give(lease, pool);
    free_headers(&exchange);
    return status;
}

apr_status_t amlaps_transport_open(const amlaps_transport_t **transport, amlaps_error_t *error, int connections,
                                   const amlaps_transport_faults_t *faults, apr_pool_t *pool)
{
    curl_transport_t *made = apr_pcalloc(pool, sizeof *made);
    const apr_status_t status = amlaps_curl_pool_open(&made->curls, connections, pool);

    if (status != APR_SUCCESS) {
        return amlaps_error_set(error, AMLAPS_BUSY, faults->busy_id, status, "the pool of connections cannot be made");
    }
    made->faults = faults;
    made->face.exchange = exchange_curl;
    made->face.baton = made;
    *transport = &made->face;
    return APR_SUCCESS;
}
