/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "token_fetch.h"

#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "assertion.h"
#include "credential_file.h"
#include "identity.h"
#include "lift.h"
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

/* The secret as its file holds it now, where this process may read it; else as at start. */
static const amlaps_secret_t *current_secret(const amlaps_tenant_t *tenant, apr_pool_t *pool)
{
    amlaps_secret_t *read = NULL;

    if (!tenant->secret_file || amlaps_credential_file(&read, tenant->secret_file, AMLAPS_FILE_SECRET, pool)) {
        return tenant->client_secret;
    }
    while (read->length > 0 && (unsigned char)read->bytes[read->length - 1] <= ' ') {
        read->bytes[--read->length] = '\0';
    }
    return read->length > 0 ? read : tenant->client_secret;
}

/* Adds what the app proves itself with. */
static apr_status_t add_proof(amlaps_secret_t *body, amlaps_fetched_t *fetched, amlaps_error_t *error, const amlaps_graph_t *graph,
                              const amlaps_tenant_t *tenant, const char *url, apr_pool_t *pool)
{
    static const char type[] = "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    const int by_secret = tenant->credential == AMLAPS_CREDENTIAL_SECRET;
    const amlaps_secret_t *proof = by_secret ? current_secret(tenant, pool) : NULL;
    amlaps_secret_t *assertion = NULL;

    if (!by_secret) {
        if (amlaps_assertion_make(&assertion, &fetched->credential_expires, error, tenant, url, amlaps_clock_wall(graph->clock), pool)
            != APR_SUCCESS) {
            return error->status;
        }
        proof = assertion;
    }
    fetched->secret = by_secret ? proof : NULL;
    const int added = add(body, by_secret ? "" : type) && add(body, by_secret ? "&client_secret=" : "&client_assertion=")
                      && (!proof || add_encoded(body, proof->bytes, proof->length)) && add(body, "&grant_type=client_credentials");
    if (assertion) {
        amlaps_secret_wipe(assertion);
    }
    if (added) {
        return APR_SUCCESS;
    }
    return amlaps_error_set(error, AMLAPS_BUSY, "AML0302", APR_ENOMEM, "no memory to ask for the token of tenant %s", tenant->name);
}

static apr_status_t make_body(amlaps_secret_t **body, amlaps_fetched_t *fetched, amlaps_error_t *error, const amlaps_graph_t *graph,
                              const amlaps_tenant_t *tenant, const char *url, apr_pool_t *pool)
{
    const char *scope = amlaps_text_percent(apr_pstrcat(pool, tenant->graph_url, "/.default", NULL), pool);

    *body = amlaps_secret_make(4096, pool);
    if (*body && add(*body, "client_id=") && add(*body, amlaps_text_percent(tenant->client_id, pool)) && add(*body, "&scope=")
        && add(*body, scope)) {
        return add_proof(*body, fetched, error, graph, tenant, url, pool);
    }
    return amlaps_error_set(error, AMLAPS_BUSY, "AML0302", APR_ENOMEM, "no memory to ask for the token of tenant %s", tenant->name);
}

static apr_int64_t number_of(const amlaps_json_t *json, const char *name)
{
    const amlaps_json_t *member = amlaps_json_member(json, name);
    const char *text = amlaps_json_text(member);
    apr_int64_t number = 0;

    if (text && *text && strspn(text, "0123456789") == strlen(text)) {
        number = apr_atoi64(text);
    }
    else {
        amlaps_json_integer(member, &number);
    }
    return number;
}

/* Integers from the token endpoint, texts of digits from managed identities, of which some name the end alone. */
static apr_interval_time_t life_of(const amlaps_json_t *json, const amlaps_graph_t *graph)
{
    apr_int64_t seconds = number_of(json, "expires_in");

    if (seconds <= 0 && amlaps_json_member(json, "expires_on")) {
        seconds = number_of(json, "expires_on") - apr_time_sec(amlaps_clock_wall(graph->clock));
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

static apr_status_t read_answer(amlaps_fetched_t *fetched, amlaps_error_t *error, const amlaps_graph_t *graph, const amlaps_tenant_t *tenant,
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
        return amlaps_token_problem(error, tenant, response, json, fetched->secret, graph->clock, pool);
    }
    const amlaps_json_t *placeholder = amlaps_json_member(json, "access_token");
    if (!json || !amlaps_lift_value(&value, &length, &lifted, placeholder) || !is_bearer(value, length)) {
        return amlaps_error_set(error, AMLAPS_TENANT_ERROR, "AML0313", APR_EGENERAL,
                                "tenant %s: the login's answer holds no token: check AMLapsLoginURL (%s) and a proxy in between", tenant->name,
                                tenant->login_url);
    }
    fetched->token = amlaps_secret_make(length, pool);
    fetched->life = life_of(json, graph);
    if (fetched->token && amlaps_secret_append(fetched->token, value, length) == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    fetched->token = NULL;
    return amlaps_error_set(error, AMLAPS_BUSY, "AML0302", APR_ENOMEM, "no memory for the token of tenant %s", tenant->name);
}

static apr_status_t ask_login(amlaps_http_response_t *response, amlaps_fetched_t *fetched, amlaps_error_t *error,
                              const amlaps_graph_t *graph, const amlaps_tenant_t *tenant, apr_interval_time_t most, apr_pool_t *pool)
{
    const char *const headers[] = {"Accept: application/json", "User-Agent: mod_amlaps/" AMLAPS_VERSION " (Apache httpd)",
                                   apr_pstrcat(pool, "client-request-id: ", fetched->trace.client_request_id, NULL), NULL};
    const char *url =
        apr_pstrcat(pool, tenant->login_url, "/", amlaps_text_percent(tenant->tenant_id, pool), "/oauth2/v2.0/token", NULL);
    amlaps_secret_t *body = NULL;

    if (make_body(&body, fetched, error, graph, tenant, url, pool) != APR_SUCCESS) {
        return error->status;
    }
    const amlaps_http_request_t request = {.method = "POST",
                                           .url = url,
                                           .headers = headers,
                                           .body = body,
                                           .content_type = "application/x-www-form-urlencoded",
                                           .whom = apr_pstrcat(pool, "tenant ", tenant->name, ": the login", NULL),
                                           .ca_file = tenant->ca_file,
                                           .timeout = most,
                                           .most = ANSWER_MOST,
                                           .stop = graph->stop};
    fetched->trace.attempts++;
    const apr_status_t status = graph->transport->exchange(response, error, graph->transport->baton, &request, pool);
    amlaps_secret_wipe(body);
    return status;
}

/* The metadata service of a machine is away for a moment after the machine starts, and says so by 404 and 410 too. */
static int is_passing(const amlaps_tenant_t *tenant, const amlaps_http_response_t *response)
{
    const int status = response->status;

    return !response->retry_after
           && (status >= 500 || (tenant->credential == AMLAPS_CREDENTIAL_IDENTITY && (status == 404 || status == 410 || status == 429)));
}

static apr_status_t ask(amlaps_fetched_t *fetched, int *again, amlaps_error_t *error, const amlaps_graph_t *graph,
                        const amlaps_tenant_t *tenant, apr_interval_time_t most, apr_pool_t *pool)
{
    amlaps_http_response_t response = {0};
    apr_status_t status = tenant->credential == AMLAPS_CREDENTIAL_IDENTITY
                              ? amlaps_identity_ask(&response, error, graph, tenant, most, pool)
                              : ask_login(&response, fetched, error, graph, tenant, most, pool);

    fetched->trace.attempts += tenant->credential == AMLAPS_CREDENTIAL_IDENTITY;
    fetched->trace.status = response.status;
    apr_cpystrn(fetched->trace.request_id, response.request_id ? response.request_id : "", AMLAPS_REQUEST_ID_MOST);
    if (status == APR_SUCCESS) {
        status = read_answer(fetched, error, graph, tenant, &response, pool);
        *again = is_passing(tenant, &response);
        amlaps_log(AMLAPS_LOG_DEBUG, "AML0316", APR_SUCCESS,
                   "tenant %s: token: login answered %d, request-id %s",
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

apr_status_t amlaps_token_fetch(amlaps_fetched_t *fetched, amlaps_error_t *error, const amlaps_graph_t *graph,
                                const amlaps_tenant_t *tenant, const char *client_request_id, apr_interval_time_t most,
                                apr_pool_t *pool)
{
    const apr_time_t until = amlaps_clock_steady(graph->clock) + most;
    amlaps_error_t first = {0};
    char guid[AMLAPS_GUID_LENGTH + 1] = "";
    int again;

    memset(fetched, 0, sizeof *fetched);
    if (!client_request_id) {
        amlaps_text_new_guid(guid);
    }
    apr_cpystrn(fetched->trace.client_request_id, client_request_id ? client_request_id : guid, AMLAPS_REQUEST_ID_MOST);
    if (ask(fetched, &again, &first, graph, tenant, most, pool) == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    const apr_interval_time_t wait = amlaps_retry_backoff(graph->clock);
    if (!again || amlaps_clock_steady(graph->clock) + wait + AMLAPS_GRAPH_TRY_LEAST > until) {
        return amlaps_graph_pass(error, &first);
    }
    amlaps_graph_pause(graph, wait);
    return ask(fetched, &again, error, graph, tenant, until - amlaps_clock_steady(graph->clock), pool);
}
