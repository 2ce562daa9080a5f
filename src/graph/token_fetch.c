/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "token_fetch.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "lift.h"
#include "retry.h"
#include "token_problem.h"

#define ANSWER_MOST ((apr_size_t)256 << 10)    /* tokens with many roles reach a few KiB */
#define LIFE_MOST apr_time_from_sec(28 * 3600) /* the longest that Entra gives */
#define LIFE_UNKNOWN apr_time_from_sec(60)

static int add(amlaps_secret_t *body, const char *text)
{
    return amlaps_secret_append(body, text, strlen(text)) == APR_SUCCESS;
}

static int add_encoded(amlaps_secret_t *body, const char *bytes, apr_size_t length)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

    for (apr_size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)bytes[i];
        const char encoded[3] = {'%', digits[c >> 4], digits[c & 15]};
        const int keep = c && strchr(plain, c) != NULL;
        if (amlaps_secret_append(body, keep ? &bytes[i] : encoded, keep ? 1 : 3) != APR_SUCCESS) {
            return 0;
        }
    }
    return 1;
}

static amlaps_secret_t *make_body(const amlaps_tenant_t *tenant, apr_pool_t *pool)
{
    const amlaps_secret_t *secret = tenant->client_secret;
    amlaps_secret_t *body = amlaps_secret_make(1024 + 3 * (secret ? secret->length : 0), pool);
    const char *scope = amlaps_text_percent(apr_pstrcat(pool, tenant->graph_url, "/.default", NULL), pool);

    if (body && add(body, "client_id=") && add(body, amlaps_text_percent(tenant->client_id, pool)) && add(body, "&scope=")
        && add(body, scope) && add(body, "&client_secret=") && (!secret || add_encoded(body, secret->bytes, secret->length))
        && add(body, "&grant_type=client_credentials")) {
        return body;
    }
    return NULL;
}

/* An integer from the token endpoint, a text of digits from others; Microsoft's own clients accept both. */
static apr_interval_time_t life_of(const amlaps_json_t *json)
{
    const amlaps_json_t *member = amlaps_json_member(json, "expires_in");
    const char *text = amlaps_json_text(member);
    apr_int64_t seconds = 0;

    if (text && *text && strspn(text, "0123456789") == strlen(text)) {
        seconds = apr_atoi64(text);
    }
    else {
        amlaps_json_integer(member, &seconds);
    }
    if (seconds <= 0) {
        return LIFE_UNKNOWN;
    }
    return seconds < apr_time_sec(LIFE_MOST) ? apr_time_from_sec(seconds) : LIFE_MOST;
}

static int is_bearer(const char *value, apr_size_t length)
{
    for (apr_size_t i = 0; i < length; i++) {
        if ((unsigned char)value[i] <= ' ' || (unsigned char)value[i] >= 0x7F) {
            return 0;
        }
    }
    return length > 0;
}

static apr_status_t read_answer(amlaps_secret_t **token, apr_interval_time_t *life, amlaps_error_t *error,
                                const amlaps_graph_t *graph, const amlaps_tenant_t *tenant,
                                const amlaps_http_response_t *response, apr_pool_t *pool)
{
    static const char *const secrets[] = {"access_token",  "refresh_token",    "id_token",
                                          "client_secret", "client_assertion", NULL};
    amlaps_lifted_t lifted;
    amlaps_json_t *json = NULL;
    const char *value;
    apr_size_t length;

    if (response->body && response->body->length > 0 && amlaps_lift(&lifted, response->body, secrets, pool) == APR_SUCCESS) {
        amlaps_json_parse(&json, NULL, response->body->bytes, response->body->length, pool);
    }
    if (response->status != 200) {
        return amlaps_token_problem(error, tenant, response, json, graph->clock, pool);
    }
    const amlaps_json_t *placeholder = amlaps_json_member(json, "access_token");
    if (!json || !amlaps_lift_value(&value, &length, &lifted, placeholder) || !is_bearer(value, length)) {
        return amlaps_error_set(error, AMLAPS_TENANT_ERROR, "AML0313", APR_EGENERAL,
                                "tenant %s: the login's answer holds no token: check AMLapsLoginURL and a proxy in between",
                                tenant->name);
    }
    *token = amlaps_secret_make(length, pool);
    *life = life_of(json);
    if (*token && amlaps_secret_append(*token, value, length) == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    *token = NULL;
    return amlaps_error_set(error, AMLAPS_BUSY, "AML0302", APR_ENOMEM, "no memory for the token of tenant %s", tenant->name);
}

static apr_status_t ask(amlaps_secret_t **token, apr_interval_time_t *life, int *again, amlaps_error_t *error,
                        const amlaps_graph_t *graph, const amlaps_tenant_t *tenant, apr_interval_time_t most,
                        apr_pool_t *pool)
{
    static const char *const headers[] = {"Accept: application/json",
                                          "User-Agent: mod_amlaps/" AMLAPS_VERSION " (Apache httpd)", NULL};
    amlaps_http_response_t response = {0};
    const amlaps_http_request_t request = {.method = "POST",
                                           .url = apr_pstrcat(pool, tenant->login_url, "/",
                                                              amlaps_text_percent(tenant->tenant_id, pool),
                                                              "/oauth2/v2.0/token", NULL),
                                           .headers = headers,
                                           .body = make_body(tenant, pool),
                                           .content_type = "application/x-www-form-urlencoded",
                                           .ca_file = tenant->ca_file,
                                           .timeout = most,
                                           .most = ANSWER_MOST};

    *again = 0;
    if (!request.body) {
        return amlaps_error_set(error, AMLAPS_BUSY, "AML0302", APR_ENOMEM, "no memory to ask for the token of tenant %s",
                                tenant->name);
    }
    apr_status_t status = graph->transport->exchange(&response, error, graph->transport->baton, &request, pool);
    if (status == APR_SUCCESS) {
        status = read_answer(token, life, error, graph, tenant, &response, pool);
        *again = response.status >= 500 && !response.retry_after;
        amlaps_log(AMLAPS_LOG_DEBUG, "AML0316", APR_SUCCESS, "tenant %s: token: login answered %d, request-id %s",
                   tenant->name, response.status, response.request_id ? response.request_id : "-");
    }
    else {
        *again = error->code == AMLAPS_TENANT_UNREACHABLE && error->status != APR_EGENERAL;
    }
    if (response.body) {
        amlaps_secret_wipe(response.body);
    }
    return status;
}

apr_status_t amlaps_token_fetch(amlaps_secret_t **token, apr_interval_time_t *life, amlaps_error_t *error,
                                const amlaps_graph_t *graph, const amlaps_tenant_t *tenant, apr_interval_time_t most,
                                apr_pool_t *pool)
{
    const apr_time_t until = amlaps_clock_steady(graph->clock) + most;
    amlaps_error_t first = {0};
    int again;

    if (ask(token, life, &again, &first, graph, tenant, most, pool) == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    const apr_interval_time_t wait = amlaps_retry_backoff(graph->clock);
    if (!again || amlaps_clock_steady(graph->clock) + wait + AMLAPS_GRAPH_TRY_LEAST > until) {
        return amlaps_graph_pass(error, &first);
    }
    amlaps_graph_pause(graph, wait);
    return ask(token, life, &again, error, graph, tenant, until - amlaps_clock_steady(graph->clock), pool);
}
