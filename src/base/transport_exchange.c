/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "transport_curl.h"

#include <string.h>

#include <apr_atomic.h>
#include <apr_strings.h>

#include "amlaps/text.h"

#define BUSY_AFTER apr_time_from_msec(250)
#define RETRY_SOON apr_time_from_sec(1)
/* Late enough for curl to find by itself that the time is over, and to say so. */
#define GOODBYE_AFTER apr_time_from_msec(500)

/* In milliseconds. curl comes back earlier where it has something to do. */
#define POLL_MOST 1000

/* Azure's load balancers drop idle connections after about four minutes, many firewalls after two: ours go before that. */
#define IDLE_SECONDS 100L
#define LIFE_SECONDS 110L

apr_status_t amlaps_curl_begin(amlaps_curl_exchange_t *exchange, amlaps_error_t *error, const amlaps_curl_transport_t *transport,
                               apr_pool_t *pool)
{
    const apr_time_t start = amlaps_clock_steady(amlaps_clock_system());

    exchange->faults = transport->faults;
    exchange->lease = amlaps_curl_pool_take(transport->curls, exchange->timeout < BUSY_AFTER ? exchange->timeout : BUSY_AFTER, pool);
    if (!exchange->lease) {
        amlaps_error_set(error, AMLAPS_BUSY, transport->faults->busy_id, APR_TIMEUP, "%s", transport->faults->busy);
        error->retry_after = RETRY_SOON;
        return error->status;
    }
    exchange->handle = exchange->lease->handle;
    exchange->timeout -= amlaps_clock_steady(amlaps_clock_system()) - start;
    if (exchange->timeout < 0) {
        exchange->timeout = 0;
    }
    if (exchange->connect > exchange->timeout) {
        exchange->connect = exchange->timeout;
    }
    return APR_SUCCESS;
}

CURLcode amlaps_curl_secure(const amlaps_curl_exchange_t *exchange, int clear)
{
    CURL *handle = exchange->handle;
    CURLcode code = curl_easy_setopt(handle, CURLOPT_URL, exchange->url);

    /* Clear text is for loopback (the configuration sees to that) and the metadata service of the machine, so it never goes to a
     * proxy. */
    if (clear) {
        code = code ? code : curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
    }
    code = code ? code : curl_easy_setopt(handle, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
    if (exchange->ca_file) {
        code = code ? code : curl_easy_setopt(handle, CURLOPT_CAINFO, exchange->ca_file);
        /* curl would go on trusting the system's directory beside the file. */
        code = code ? code : curl_easy_setopt(handle, CURLOPT_CAPATH, NULL);
    }
    return code;
}

/* curl calls this about once a second, also while it waits for a mail server's goodbye, for which it has a limit of its own: two minutes. */
static int look_at_end(void *baton, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
    const amlaps_curl_exchange_t *exchange = baton;

    (void)total, (void)now, (void)up_total, (void)up_now;
    return (exchange->stop && apr_atomic_read32(exchange->stop) != 0) || (exchange->over && *exchange->over)
           || amlaps_clock_steady(amlaps_clock_system()) > exchange->until;
}

static CURLcode set_limits(amlaps_curl_exchange_t *exchange)
{
    CURL *handle = exchange->handle;
    CURLcode code = curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);

    code = code ? code : curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)apr_time_as_msec(exchange->timeout) + 1L);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, (long)apr_time_as_msec(exchange->connect) + 1L);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_MAXAGE_CONN, IDLE_SECONDS);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_MAXLIFETIME_CONN, LIFE_SECONDS);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    /* Names are looked up in a thread of curl's, for which it would wait when the time is over: half a minute where DNS is silent. */
    code = code ? code : curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);
    if (exchange->stop || exchange->over) {
        exchange->until = amlaps_clock_steady(amlaps_clock_system()) + exchange->timeout + GOODBYE_AFTER;
        code = code ? code : curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
        code = code ? code : curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, look_at_end);
        code = code ? code : curl_easy_setopt(handle, CURLOPT_XFERINFODATA, (void *)exchange);
    }
    return code ? code : curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, exchange->reason);
}

/* As curl_easy_perform does it, but that one waits for an answer before it has asked. */
static CURLcode perform(CURLM *multi, CURL *handle)
{
    CURLMcode failed = curl_multi_add_handle(multi, handle);
    CURLcode code = CURLE_OUT_OF_MEMORY;
    int running = 1, left;

    while (!failed && running) {
        failed = curl_multi_perform(multi, &running);
        if (!failed && running) {
            failed = curl_multi_poll(multi, NULL, 0, POLL_MOST, NULL);
        }
    }
    const CURLMsg *said = failed ? NULL : curl_multi_info_read(multi, &left);
    if (said) {
        code = said->data.result;
    }
    curl_multi_remove_handle(multi, handle);
    return code;
}

CURLcode amlaps_curl_perform(amlaps_curl_exchange_t *exchange)
{
    CURLcode code = set_limits(exchange);

    exchange->lease->performing = 1;
    code = code ? code : perform(exchange->lease->multi, exchange->handle);
    exchange->lease->performing = 0;
    return code;
}

void amlaps_curl_end(amlaps_curl_exchange_t *exchange, CURLcode code, apr_pool_t *pool)
{
    exchange->lease->broken = code != CURLE_OK;
    amlaps_curl_pool_give(exchange->lease, pool);
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
    {CURLE_OPERATION_TIMEDOUT, UNREACHABLE, 1, "no answer in time: check DNS, network, firewall and proxy"},
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
    /* Our URLs are of protocols that curl knows: it says this of answers without a status that HTTP has. */
    {CURLE_UNSUPPORTED_PROTOCOL, BROKEN, 0, "the answer is not HTTP: check the address in the configuration and a proxy in between"},
    {CURLE_USE_SSL_FAILED, NO_TLS, 1, "the mail server offers no STARTTLS, so nothing was sent: ask for it there, or write smtps://"},
    {CURLE_LOGIN_DENIED, UNREACHABLE, 1, "the mail server refuses the login: check AMLapsMailLogin"},
    {CURLE_ABORTED_BY_CALLBACK, UNREACHABLE, 1, "stopped, because this child of httpd ends"},
    {CURLE_OUT_OF_MEMORY, NO_MEMORY, 0, "out of memory"},
};

static const char *authority(const char *url)
{
    const char *scheme_end = strstr(url, "://");

    return scheme_end ? scheme_end + 3 : url;
}

const char *amlaps_curl_target(const char *url)
{
    const char *start = authority(url);

    return start + strcspn(start, "/?#");
}

const char *amlaps_curl_host(const char *url, apr_pool_t *pool)
{
    const char *start = authority(url);

    return apr_pstrmemdup(pool, start, (apr_size_t)(amlaps_curl_target(url) - start));
}

apr_status_t amlaps_curl_fail(amlaps_error_t *error, const amlaps_curl_exchange_t *exchange, CURLcode code, apr_pool_t *pool)
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
    const char *whom = exchange->whom, *name = amlaps_curl_host(exchange->url, pool);
    const char *where = whom ? apr_pstrcat(pool, whom, " at ", name, NULL) : name;
    long proxy = 0; /* what it answered to CONNECT, which curl tells as a connection that broke */
    const char *reason = amlaps_text_printable(exchange->reason[0] ? exchange->reason : curl_easy_strerror(code), 160, pool);
    size_t i = 0;

    curl_easy_getinfo(exchange->handle, CURLINFO_HTTP_CONNECTCODE, &proxy);
    if (proxy >= 300) {
        return amlaps_error_set(error, faults->unreachable, faults->unreachable_id, proxy >= 500 ? APR_INCOMPLETE : APR_EGENERAL,
                                "%s: the proxy refuses with %ld: check https_proxy in httpd's environment, with its user and password, and what "
                                "the proxy lets through (curl %d: %s)",
                                where, proxy, code, reason);
    }
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
    const apr_status_t again = code == CURLE_OPERATION_TIMEDOUT ? APR_TIMEUP : APR_INCOMPLETE;
    return amlaps_error_set(error, said[failures[i].fault].code, said[failures[i].fault].id, failures[i].again ? again : APR_EGENERAL,
                            "%s: %s (curl %d: %s)", where, failures[i].text, code, reason);
}
