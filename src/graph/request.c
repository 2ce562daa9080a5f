/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "request.h"

#include <string.h>
#include <strings.h>

#include <apr_atomic.h>
#include <apr_strings.h>

#include "amlaps/text.h"
#include "problem.h"
#include "token.h"

#define WAIT_MOST apr_time_from_sec(5) /* longest wait of a person for Graph to be asked again */
#define BLOCK_LEAST apr_time_from_sec(1)
#define SILENT_AFTER 4 /* so many silences in a row are no accident */
#define SILENT_MOST 4  /* requests at a time while that lasts */
#define LINK_MOST 8192

typedef struct attempt_t {
    amlaps_graph_t *graph;
    amlaps_tenant_state_t *tenant;
    amlaps_call_t *call;
    const amlaps_ask_t *ask;
    const char *const *headers;
    int repeated; /* the one repetition is used up */
    int renewed;  /* and the one after a 401 */
    apr_uint32_t generation;
    amlaps_trace_t login; /* what the login said, where it gave no token */
    amlaps_http_response_t response;
    apr_pool_t *pool;
} attempt_t;

static const char *const *make_headers(const amlaps_call_t *call, int advanced, apr_pool_t *pool)
{
    const char **headers = apr_pcalloc(pool, 7 * sizeof *headers);
    int count = 4;

    headers[0] = "Accept: application/json";
    headers[1] = "User-Agent: " AMLAPS_USER_AGENT;
    headers[2] = "ocp-client-name: mod_amlaps";
    headers[3] = "ocp-client-version: " AMLAPS_VERSION;
    if (call->client_request_id) {
        headers[count++] = apr_pstrcat(pool, "client-request-id: ", call->client_request_id, NULL);
    }
    if (advanced) {
        headers[count++] = "ConsistencyLevel: eventual";
    }
    return headers;
}

apr_interval_time_t amlaps_request_block(amlaps_tenant_state_t *tenant, const amlaps_graph_t *graph, const char *retry_after,
                                         const char *date)
{
    apr_interval_time_t wait = 0;

    if (!amlaps_retry_after(&wait, retry_after, date, amlaps_clock_wall(graph->clock)) || wait < BLOCK_LEAST) {
        wait = BLOCK_LEAST;
    }
    amlaps_standing_block(tenant->row, amlaps_clock_steady(graph->clock), wait);
    return wait;
}

static apr_status_t check_blocked(amlaps_error_t *error, const amlaps_graph_t *graph, amlaps_tenant_state_t *tenant)
{
    const apr_interval_time_t left = amlaps_standing_blocked(tenant->row, amlaps_clock_steady(graph->clock));

    if (left == 0) {
        return APR_SUCCESS;
    }
    amlaps_error_set(error, AMLAPS_TENANT_THROTTLED, "AML0322", APR_EGENERAL,
                     "tenant %s: Graph throttles this app and is not asked again for %" APR_TIME_T_FMT
                     " s; this passes by itself, raise AMLapsCacheTime if it comes back",
                     tenant->config->name, apr_time_sec(left) + 1);
    error->retry_after = left;
    return error->status;
}

/* A Graph that is silent keeps connections for as long as people wait. Those of all tenants come from one pool, so a few requests at a
 * time are enough to see whether it answers again. */
static apr_status_t enter(amlaps_error_t *error, amlaps_tenant_state_t *tenant, int spare)
{
    const apr_uint32_t before = apr_atomic_inc32(&tenant->in_flight);
    const int is_silent = apr_atomic_read32(&tenant->silent) >= SILENT_AFTER
                          || (spare && apr_atomic_read32(&tenant->silent_spare) >= SILENT_AFTER);

    if (before < SILENT_MOST || !is_silent) {
        return APR_SUCCESS;
    }
    apr_atomic_dec32(&tenant->in_flight);
    amlaps_error_set(error, AMLAPS_TENANT_UNREACHABLE, "AML0361", APR_EGENERAL,
                     "tenant %s: Graph at %s has not answered for a while, and enough requests try whether it does again: check network, "
                     "firewall and proxy",
                     tenant->config->name, tenant->config->graph_url);
    error->retry_after = BLOCK_LEAST;
    return error->status;
}

static void leave(amlaps_tenant_state_t *tenant, amlaps_code_t code, int spare)
{
    apr_atomic_dec32(&tenant->in_flight);
    if (code == AMLAPS_TENANT_UNREACHABLE) {
        apr_atomic_inc32(spare ? &tenant->silent_spare : &tenant->silent);
    }
    else if (code != AMLAPS_BUSY) {
        apr_atomic_set32(&tenant->silent, 0);
        apr_atomic_set32(&tenant->silent_spare, 0);
    }
}

static amlaps_answer_t answer_of(int status)
{
    return status == 429 ? AMLAPS_ANSWER_THROTTLED : status >= 500 ? AMLAPS_ANSWER_FAILED : status >= 400 ? AMLAPS_ANSWER_REFUSED : AMLAPS_ANSWER_GOOD;
}

static void begin_asking(const amlaps_graph_config_t *config)
{
    if (config->asking) {
        atomic_fetch_add(config->asking, 1);
    }
}

/* @param status 0: there was no answer */
static void end_asking(const amlaps_graph_config_t *config, int status, apr_interval_time_t took)
{
    if (config->asking) {
        atomic_fetch_sub(config->asking, 1);
    }
    if (config->meter) {
        amlaps_count_add(&config->meter->answers[status ? answer_of(status) : AMLAPS_ANSWER_NONE]);
        amlaps_histogram_add(&config->meter->took, took);
    }
}

/* One exchange, with the token of now. */
static apr_status_t exchange(attempt_t *attempt, amlaps_error_t *error)
{
    const amlaps_graph_t *graph = attempt->graph;
    const amlaps_ask_t *ask = attempt->ask;
    amlaps_secret_t *bearer = NULL, *body = NULL;
    amlaps_fault_t login = {0};
    apr_status_t status =
        amlaps_token_get(&bearer, &attempt->generation, &login, attempt->graph, attempt->tenant, attempt->call, attempt->pool);

    if (status != APR_SUCCESS) {
        attempt->login = login.trace;
        return amlaps_graph_pass(error, &login.error);
    }
    const apr_interval_time_t left = amlaps_graph_left(graph, attempt->call);
    if (left == 0) {
        return amlaps_error_set(error, AMLAPS_TENANT_UNREACHABLE, "AML0326", APR_TIMEUP,
                                "tenant %s: no time was left to ask Graph for %s: what came before, mostly the login, took too long; "
                                "look at the network and a proxy, or raise AMLapsGraphTimeout",
                                attempt->tenant->config->name, ask->what);
    }
    if (ask->json) {
        body = amlaps_secret_make(strlen(ask->json), attempt->pool);
        if (!body || amlaps_secret_append(body, ask->json, strlen(ask->json)) != APR_SUCCESS) {
            return amlaps_error_set(error, AMLAPS_BUSY, "AML0302", APR_ENOMEM, "no memory to ask Graph for %s", ask->what);
        }
    }
    const amlaps_http_request_t request = {.method = ask->method,
                                           .url = ask->url,
                                           .headers = attempt->headers,
                                           .bearer = bearer,
                                           .body = body,
                                           .content_type = "application/json",
                                           .whom = apr_pstrcat(attempt->pool, "tenant ", attempt->tenant->config->name, ": Graph", NULL),
                                           .ca_file = attempt->tenant->config->ca_file,
                                           .timeout = left,
                                           .most = ask->most};
    memset(&attempt->response, 0, sizeof attempt->response);
    if (enter(error, attempt->tenant, ask->spare) != APR_SUCCESS) {
        amlaps_secret_wipe(bearer);
        return error->status;
    }
    attempt->call->attempts++;
    const apr_time_t start = amlaps_clock_steady(graph->clock);
    begin_asking(graph->config);
    status = graph->transport->exchange(&attempt->response, error, graph->transport->baton, &request, attempt->pool);
    amlaps_secret_wipe(bearer);
    const apr_time_t now = amlaps_clock_steady(graph->clock);
    end_asking(graph->config, status == APR_SUCCESS ? attempt->response.status : 0, now - start);
    leave(attempt->tenant, status == APR_SUCCESS ? AMLAPS_OK : error->code, ask->spare);
    if (status == APR_SUCCESS) {
        amlaps_standing_answer(attempt->tenant->row, now, now - start, attempt->response.status, attempt->response.request_id);
    }
    if (status != APR_SUCCESS && error->code == AMLAPS_BUSY) {
        attempt->call->attempts--; /* it never left */
    }
    attempt->call->status = status == APR_SUCCESS ? attempt->response.status : 0;
    attempt->call->request_id = status == APR_SUCCESS ? attempt->response.request_id : NULL;
    return status;
}

static void log_attempt(const attempt_t *attempt, amlaps_log_level_t level, const char *id, const char *words)
{
    const amlaps_call_t *call = attempt->call;

    amlaps_log(level, id, APR_SUCCESS, "tenant %s: %s: %s (status %d, attempt %d, request-id %s, client-request-id %s)",
               attempt->tenant->config->name, attempt->ask->what, words, call->status, call->attempts,
               call->request_id ? call->request_id : "-", call->client_request_id ? call->client_request_id : "-");
}

/* Once per operation that fails, with all that Microsoft's support asks for. What an admin must mend is an error, what passes
 * a warning. */
static void report(const amlaps_error_t *failure, const attempt_t *attempt)
{
    const int lasting =
        failure->code == AMLAPS_TENANT_PERMISSION_MISSING || failure->code == AMLAPS_TENANT_CREDENTIAL_INVALID;
    const amlaps_call_t *call = attempt->call;
    const char *mine = call->client_request_id ? call->client_request_id : "";
    amlaps_fault_t fault = {.time = amlaps_clock_steady(attempt->graph->clock), .error = *failure, .trace = attempt->login};

    if (fault.trace.attempts == 0) {
        fault.trace.status = call->status;
        fault.trace.attempts = call->attempts;
        apr_cpystrn(fault.trace.request_id, call->request_id ? call->request_id : "", AMLAPS_REQUEST_ID_MOST);
    }
    apr_cpystrn(fault.trace.client_request_id, mine, AMLAPS_REQUEST_ID_MOST);
    amlaps_standing_fault(attempt->tenant->row, &fault);
    amlaps_log(lasting ? AMLAPS_LOG_ERROR : AMLAPS_LOG_WARNING, failure->id, failure->status,
               "%s (status %d, attempts %d, request-id %s, client-request-id %s)", failure->detail, fault.trace.status,
               fault.trace.attempts, fault.trace.request_id[0] ? fault.trace.request_id : "-", mine[0] ? mine : "-");
}

static int is_answer(const amlaps_ask_t *ask, int status)
{
    for (const int *expected = ask->expected; expected && *expected; expected++) {
        if (*expected == status) {
            return 1;
        }
    }
    return status >= 200 && status < 300;
}

static apr_status_t read_body(amlaps_reply_t *reply, amlaps_error_t *error, const attempt_t *attempt)
{
    const amlaps_ask_t *ask = attempt->ask;
    amlaps_secret_t *body = attempt->response.body;
    apr_status_t status = APR_SUCCESS;
    char why[160] = "not JSON";

    reply->status = attempt->response.status;
    reply->json = NULL;
    if (!body || body->length == 0) {
        return APR_SUCCESS;
    }
    if (ask->secrets) {
        status = amlaps_lift(&reply->lifted, body, ask->secrets, attempt->pool);
    }
    if (status == APR_SUCCESS) {
        status = amlaps_json_parse(&reply->json, why, body->bytes, body->length, attempt->pool);
    }
    amlaps_secret_wipe(body);
    if (status == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    reply->json = NULL;
    return amlaps_error_set(
        error, AMLAPS_TENANT_ERROR, "AML0325", status,
        "tenant %s: Graph's answer (%d) for %s cannot be read: %s; check AMLapsGraphURL and a proxy in between",
        attempt->tenant->config->name, reply->status, ask->what, why);
}

int amlaps_request_is_passing(int status)
{
    return status == 429 || status == 509 || status == 500 || (status >= 502 && status <= 504);
}

apr_interval_time_t amlaps_request_wait(const amlaps_graph_t *graph, const amlaps_call_t *call, apr_interval_time_t asked)
{
    const apr_interval_time_t wait = asked > 0 ? asked : amlaps_retry_backoff(graph->clock);

    return wait > WAIT_MOST || wait + AMLAPS_GRAPH_TRY_LEAST > amlaps_graph_left(graph, call) ? 0 : wait;
}

/* 0: not to be repeated; else the wait before, at least a microsecond. */
static apr_interval_time_t wait_before_repeat(const attempt_t *attempt, apr_interval_time_t asked, int has_answer,
                                              const amlaps_error_t *failure)
{
    if (attempt->repeated) {
        return 0;
    }
    if (!has_answer && (failure->code != AMLAPS_TENANT_UNREACHABLE || failure->status == APR_EGENERAL)) {
        return 0;
    }
    if (has_answer && !amlaps_request_is_passing(attempt->response.status)) {
        return 0;
    }
    return amlaps_request_wait(attempt->graph, attempt->call, asked);
}

static int ask_with_new_token(attempt_t *attempt)
{
    attempt->renewed = 1;
    log_attempt(attempt, AMLAPS_LOG_INFO, "AML0327", "asked again with a new token");
    return 1;
}

/* @return 1 where the request is to be made again, 0 where `error` is set. */
static int handle_refusal(attempt_t *attempt, amlaps_error_t *error)
{
    const amlaps_graph_t *graph = attempt->graph;
    const amlaps_http_response_t *response = &attempt->response;
    apr_interval_time_t asked = 0;
    amlaps_error_t unread = {0};
    amlaps_reply_t reply = {0};

    if (response->status == 401 && !attempt->renewed && amlaps_token_refused(attempt->tenant, attempt->generation, graph)) {
        return ask_with_new_token(attempt);
    }
    if (response->status == 403 && amlaps_token_lacking(attempt->tenant, attempt->generation, graph) && !attempt->renewed) {
        return ask_with_new_token(attempt);
    }
    if (response->status == 429 || response->status == 509) {
        asked = amlaps_request_block(attempt->tenant, graph, response->retry_after, response->date);
    }
    else if (response->status >= 500) {
        amlaps_retry_after(&asked, response->retry_after, response->date, amlaps_clock_wall(graph->clock));
    }
    const apr_interval_time_t wait = wait_before_repeat(attempt, asked, 1, NULL);
    if (wait > 0) {
        attempt->repeated = 1;
        log_attempt(attempt, AMLAPS_LOG_INFO, "AML0327", "asked again");
        amlaps_graph_pause(graph, wait);
        return 1;
    }
    /* Graph refuses in JSON: a firewall's page says nothing of a permission or a token. */
    if (read_body(&reply, &unread, attempt) != APR_SUCCESS && answer_of(response->status) == AMLAPS_ANSWER_REFUSED) {
        amlaps_graph_pass(error, &unread);
        return 0;
    }
    const amlaps_refusal_t refusal = {.status = response->status,
                                      .json = reply.json,
                                      .date = response->date,
                                      .wait = asked,
                                      .what = attempt->ask->what,
                                      .permission = attempt->ask->permission};
    amlaps_problem(error, graph, attempt->tenant, &refusal, attempt->pool);
    return 0;
}

/* The same for no answer at all. */
static int handle_silence(attempt_t *attempt, amlaps_error_t *error, const amlaps_error_t *failure, int asked)
{
    const apr_interval_time_t wait = asked ? wait_before_repeat(attempt, 0, 0, failure) : 0;

    if (wait > 0) {
        attempt->repeated = 1;
        log_attempt(attempt, AMLAPS_LOG_INFO, "AML0327", failure->detail);
        amlaps_graph_pause(attempt->graph, wait);
        return 1;
    }
    amlaps_graph_pass(error, failure);
    return 0;
}

static apr_status_t perform(amlaps_reply_t *reply, amlaps_error_t *error, attempt_t *attempt)
{
    for (;;) {
        amlaps_error_t failure = {0};
        const int before = attempt->call->attempts;
        if (exchange(attempt, &failure) != APR_SUCCESS) {
            if (!handle_silence(attempt, error, &failure, attempt->call->attempts > before)) {
                return error->status;
            }
            continue;
        }
        if (attempt->response.status != 401) {
            amlaps_token_accepted(attempt->tenant, attempt->generation);
        }
        if (is_answer(attempt->ask, attempt->response.status)) {
            log_attempt(attempt, AMLAPS_LOG_DEBUG, "AML0328", "answered");
            if (read_body(reply, &failure, attempt) == APR_SUCCESS || (attempt->response.status >= 300 && attempt->ask->bare)) {
                return APR_SUCCESS;
            }
            return amlaps_graph_pass(error, &failure);
        }
        if (!handle_refusal(attempt, error)) {
            return error->status;
        }
    }
}

apr_status_t amlaps_request(amlaps_reply_t *reply, amlaps_error_t *error, amlaps_graph_t *graph,
                            amlaps_tenant_state_t *tenant, amlaps_call_t *call, const amlaps_ask_t *ask, apr_pool_t *pool)
{
    attempt_t attempt = {
        .graph = graph, .tenant = tenant, .call = call, .ask = ask, .headers = make_headers(call, ask->advanced, pool), .pool = pool};
    amlaps_error_t failure = {0};

    memset(reply, 0, sizeof *reply);
    apr_status_t status = check_blocked(&failure, graph, tenant);
    if (status == APR_SUCCESS) {
        status = perform(reply, &failure, &attempt);
    }
    if (attempt.response.body) {
        amlaps_secret_wipe(attempt.response.body);
    }
    if (status == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    report(&failure, &attempt);
    return amlaps_graph_pass(error, &failure);
}

/* A segment of dots, which whoever answers would take away with the one before it: where the root has a path, the token could leave it. */
static int climbs(const char *path)
{
    for (; *path && *path != '?'; path++) {
        if ((path[0] == '/' && path[1] == '.') || strncasecmp(path, "%2e", 3) == 0) {
            return 1;
        }
    }
    return 0;
}

apr_status_t amlaps_request_next(const char **url, amlaps_error_t *error, const amlaps_tenant_t *tenant,
                                 const amlaps_json_t *page, apr_pool_t *pool)
{
    const amlaps_json_t *member = amlaps_json_member(page, "@odata.nextLink");
    const amlaps_json_kind_t kind = amlaps_json_kind(member);
    const char *link = amlaps_json_text(member);
    const apr_size_t root = strlen(tenant->graph_url);

    *url = NULL;
    if (kind == AMLAPS_JSON_NONE || kind == AMLAPS_JSON_NULL) {
        return APR_SUCCESS;
    }
    int inside = link && strlen(link) < LINK_MOST && strncasecmp(link, tenant->graph_url, root) == 0
                 && strncmp(link + root, "/v1.0/", 6) == 0 && !climbs(link + root);
    for (const char *c = link; inside && *c; c++) {
        if ((unsigned char)*c <= ' ' || *c == '\\' || *c == '#' || (unsigned char)*c >= 0x7F) {
            inside = 0;
        }
    }
    if (inside) {
        *url = apr_pstrdup(pool, link);
        return APR_SUCCESS;
    }
    const char *shown = amlaps_text_printable(link ? link : "no text", 100, pool);
    amlaps_log(AMLAPS_LOG_ERROR, "AML0329", APR_EGENERAL, "tenant %s: a next page outside %s was not asked for: %s",
               tenant->name, tenant->graph_url, shown);
    return amlaps_error_set(error, AMLAPS_TENANT_ERROR, "AML0329", APR_EGENERAL,
                            "tenant %s: Graph names a next page outside %s, where the token does not go: check AMLapsGraphURL and a "
                            "proxy that changes answers",
                            tenant->name, tenant->graph_url);
}
