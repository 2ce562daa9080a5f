/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "token.h"

#include <apr_atomic.h>

#include "token_fetch.h"
#include "token_news.h"

#define EARLY apr_time_from_sec(300)          /* renewed so long before its end */
#define REMEMBER apr_time_from_sec(30)        /* a refusal is told to others for so long before the login is asked again */
#define REMEMBER_SILENCE apr_time_from_sec(5) /* no answer may be a passing fault of the network */
#define RENEW_MOST apr_time_from_sec(2)       /* while the old one still works, its renewal delays one person by no more */
#define LACKING_AGE apr_time_from_sec(60)

static apr_time_t renew_time(apr_time_t issued, apr_interval_time_t life)
{
    return issued + (life > 2 * EARLY ? life - EARLY : life / 2);
}

/* Called with the mutex held. */
static apr_status_t keep_token(amlaps_token_t *token, const amlaps_secret_t *fresh, apr_time_t issued,
                               apr_interval_time_t life)
{
    amlaps_secret_wipe(token->text);
    if (amlaps_secret_append(token->text, fresh->bytes, fresh->length) != APR_SUCCESS) {
        return APR_ENOMEM;
    }
    token->generation++;
    token->issued = issued;
    token->expires = issued + life;
    token->renew_at = renew_time(issued, life);
    token->accepted = 0;
    token->failed_until = 0;
    return APR_SUCCESS;
}

/* What is this caller's own trouble (a full pool, little time left) says nothing about the login. */
static int is_own_trouble(const amlaps_error_t *failure, apr_interval_time_t most)
{
    return failure->code == AMLAPS_BUSY || (APR_STATUS_IS_TIMEUP(failure->status) && most < RENEW_MOST);
}

/* Called with the mutex held. */
static void keep_failure(amlaps_tenant_state_t *tenant, const amlaps_fault_t *failure, apr_interval_time_t most)
{
    amlaps_token_t *token = &tenant->token;
    const amlaps_error_t *error = &failure->error;
    apr_interval_time_t time = error->code == AMLAPS_TENANT_UNREACHABLE ? REMEMBER_SILENCE : REMEMBER;

    if (error->retry_after > 0) { /* the login said so itself, throttled or down */
        time = error->retry_after;
    }
    if (is_own_trouble(error, most)) {
        time = 0;
    }
    else {
        amlaps_standing_no_token(tenant->row, failure, token->text->length == 0 || failure->time >= token->expires,
                                 failure->time + time);
    }
    token->failure = *failure;
    token->failed_until = failure->time + time;
    if (token->text->length > 0) {
        token->renew_at = failure->time + (time > 0 ? time : APR_USEC_PER_SEC);
    }
}

static int is_stopping(const amlaps_graph_t *graph)
{
    return graph->stop && apr_atomic_read32(graph->stop);
}

/* Fetches without the mutex, stores with it. Called with the mutex held, returns with it held. */
static apr_status_t renew(amlaps_fault_t *failure, const amlaps_graph_t *graph, amlaps_tenant_state_t *tenant,
                          const char *client_request_id, apr_interval_time_t most, apr_pool_t *pool)
{
    amlaps_token_t *token = &tenant->token;
    const apr_time_t issued = amlaps_clock_steady(graph->clock);
    amlaps_fetched_t fetched;

    token->renewing = 1;
    apr_thread_mutex_unlock(tenant->mutex);
    apr_status_t status = amlaps_token_fetch(&fetched, &failure->error, graph, tenant->config, client_request_id, most, pool);
    if (status == APR_SUCCESS) {
        amlaps_token_news(tenant, graph, &fetched, pool);
    }
    apr_thread_mutex_lock(tenant->mutex);
    if (status == APR_SUCCESS && keep_token(token, fetched.token, issued, fetched.life) != APR_SUCCESS) {
        status = amlaps_error_set(&failure->error, AMLAPS_BUSY, "AML0302", APR_ENOMEM, "no memory for the token of tenant %s",
                                  tenant->config->name);
    }
    if (fetched.token) {
        amlaps_secret_wipe(fetched.token);
    }
    if (status == APR_SUCCESS) {
        amlaps_standing_token(tenant->row, issued, fetched.life);
    }
    else if (!is_stopping(graph)) {
        failure->trace = fetched.trace;
        failure->time = amlaps_clock_steady(graph->clock);
        keep_failure(tenant, failure, most);
    }
    token->renewing = 0;
    apr_thread_cond_broadcast(tenant->renewed);
    return status;
}

/* A renewal that nobody waits for: what comes of it stands in the log. */
static void renew_early(const amlaps_graph_t *graph, amlaps_tenant_state_t *tenant, apr_interval_time_t most, apr_pool_t *pool)
{
    const int had = tenant->token.text->length > 0;
    amlaps_fault_t failure = {0};

    if (renew(&failure, graph, tenant, NULL, most, pool) == APR_SUCCESS || is_stopping(graph)) {
        return;
    }
    /* Whoever watches health asks again and again; people who go without have their own lines. */
    if (!had && !amlaps_standing_is_news(tenant->row, &failure)) {
        return;
    }
    const amlaps_error_t *error = &failure.error;
    const amlaps_trace_t *trace = &failure.trace;
    amlaps_log(error->code == AMLAPS_TENANT_CREDENTIAL_INVALID ? AMLAPS_LOG_ERROR : AMLAPS_LOG_WARNING, had ? "AML0315" : "AML0360",
               error->status, "tenant %s: %s: %s (status %d, attempts %d, request-id %s, client-request-id %s)", tenant->config->name,
               had ? "the token could not be renewed and goes on until it ends" : "no token is to be had", error->detail,
               trace->status, trace->attempts, trace->request_id[0] ? trace->request_id : "-", trace->client_request_id);
}

/* A token is there and valid: renews it where that is due and nobody does. With a thread for that nobody else has to. */
static void refresh(const amlaps_graph_t *graph, amlaps_tenant_state_t *tenant, apr_time_t now, apr_interval_time_t left,
                    apr_pool_t *pool)
{
    const amlaps_token_t *token = &tenant->token;
    const apr_interval_time_t most = left / 2 < RENEW_MOST ? left / 2 : RENEW_MOST;

    if (!graph->wake && !token->renewing && now >= token->renew_at && most >= AMLAPS_GRAPH_TRY_LEAST) {
        renew_early(graph, tenant, most, pool);
    }
}

/* Called with the mutex held. What another child was refused is refused here too: the login is asked for all, not for each. */
static int is_refused(amlaps_fault_t *fault, const amlaps_tenant_state_t *tenant, apr_time_t now)
{
    const amlaps_token_t *token = &tenant->token;

    if (now < token->failed_until) {
        *fault = token->failure;
        amlaps_standing_rest(fault, token->failed_until, now);
        return 1;
    }
    return amlaps_standing_refused(fault, tenant->row, now);
}

/* Called with the mutex held. */
static int is_due(const amlaps_tenant_state_t *tenant, int wanted, apr_time_t now)
{
    const amlaps_token_t *token = &tenant->token;
    amlaps_fault_t ignored;

    return !token->renewing
           && ((token->text->length > 0 && now >= token->renew_at) || (wanted && !is_refused(&ignored, tenant, now)));
}

apr_interval_time_t amlaps_token_due(const amlaps_graph_t *graph, amlaps_tenant_state_t *tenant)
{
    const amlaps_token_t *token = &tenant->token;
    apr_interval_time_t due = apr_time_from_sec(3600);

    apr_thread_mutex_lock(tenant->mutex);
    const apr_time_t now = amlaps_clock_steady(graph->clock);
    const int wanted = apr_atomic_read32(&tenant->wanted) != 0;
    if (is_due(tenant, wanted, now)) {
        due = 0;
    }
    else {
        if (wanted) {
            apr_atomic_set32(&tenant->wanted, 0);
        }
        if (token->text->length > 0 && !token->renewing) {
            due = token->renew_at - now;
        }
    }
    apr_thread_mutex_unlock(tenant->mutex);
    return due;
}

void amlaps_token_renew(amlaps_graph_t *graph, amlaps_tenant_state_t *tenant, apr_pool_t *pool)
{
    const int wanted = apr_atomic_xchg32(&tenant->wanted, 0) != 0;

    apr_thread_mutex_lock(tenant->mutex);
    if (is_due(tenant, wanted, amlaps_clock_steady(graph->clock))) {
        renew_early(graph, tenant, graph->config->timeout, pool);
    }
    apr_thread_mutex_unlock(tenant->mutex);
}

static apr_status_t late(amlaps_fault_t *fault, const amlaps_tenant_state_t *tenant)
{
    return amlaps_error_set(&fault->error, AMLAPS_TENANT_UNREACHABLE, "AML0314", APR_TIMEUP,
                            "tenant %s: the login at %s did not answer in time: check that this server reaches it, and a proxy or "
                            "firewall in between",
                            tenant->config->name, tenant->config->login_url);
}

/* No token is there. @return 1 where it is worth looking again, 0 with `fault` set */
static int obtain(amlaps_fault_t *fault, const amlaps_graph_t *graph, amlaps_tenant_state_t *tenant, apr_time_t now,
                  const amlaps_call_t *call, apr_pool_t *pool)
{
    amlaps_token_t *token = &tenant->token;
    const apr_interval_time_t left = amlaps_graph_left(graph, call);

    if (is_refused(fault, tenant, now)) {
        return 0;
    }
    if (left == 0) {
        late(fault, tenant);
        return 0;
    }
    if (token->renewing) {
        if (APR_STATUS_IS_TIMEUP(apr_thread_cond_timedwait(tenant->renewed, tenant->mutex, left))) {
            late(fault, tenant);
            return 0;
        }
        return 1;
    }
    amlaps_fault_t failure = {0};
    if (renew(&failure, graph, tenant, call->client_request_id, left, pool) == APR_SUCCESS) {
        if (graph->wake) {
            graph->wake(graph->wake_baton);
        }
        return 1;
    }
    *fault = failure;
    return 0;
}

apr_status_t amlaps_token_get(amlaps_secret_t **bearer, apr_uint32_t *generation, amlaps_fault_t *fault,
                              amlaps_graph_t *graph, amlaps_tenant_state_t *tenant, const amlaps_call_t *call,
                              apr_pool_t *pool)
{
    amlaps_token_t *token = &tenant->token;
    apr_status_t status = APR_EGENERAL;

    *bearer = NULL;
    apr_thread_mutex_lock(tenant->mutex);
    const apr_uint32_t known = token->generation;
    for (;;) {
        const apr_time_t now = amlaps_clock_steady(graph->clock);
        if (token->text->length > 0 && now < token->expires) {
            refresh(graph, tenant, now, amlaps_graph_left(graph, call), pool);
        }
        else if (!obtain(fault, graph, tenant, now, call, pool)) {
            break;
        }
        /* One that came just now is used even where its life is so short that it is over. */
        if (token->text->length == 0 || (token->generation == known && amlaps_clock_steady(graph->clock) >= token->expires)) {
            continue;
        }
        *bearer = amlaps_secret_make(token->text->length, pool);
        *generation = token->generation;
        status = *bearer ? amlaps_secret_append(*bearer, token->text->bytes, token->text->length) : APR_ENOMEM;
        break;
    }
    apr_thread_mutex_unlock(tenant->mutex);
    if (status == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    return amlaps_error_set(&fault->error, AMLAPS_BUSY, "AML0302", status, "no memory for the token of tenant %s",
                            tenant->config->name);
}

void amlaps_token_accepted(amlaps_tenant_state_t *tenant, apr_uint32_t generation)
{
    apr_thread_mutex_lock(tenant->mutex);
    if (tenant->token.generation == generation) {
        tenant->token.accepted = 1;
        tenant->token.replacement = 0;
    }
    apr_thread_mutex_unlock(tenant->mutex);
}

int amlaps_token_refused(amlaps_tenant_state_t *tenant, apr_uint32_t generation, const amlaps_graph_t *graph)
{
    amlaps_token_t *token = &tenant->token;
    int again = 1;

    apr_thread_mutex_lock(tenant->mutex);
    if (token->generation == generation && token->text->length > 0) {
        again = !token->replacement || amlaps_clock_steady(graph->clock) - token->issued >= REMEMBER;
        if (again) {
            amlaps_secret_wipe(token->text);
            token->replacement = 1;
            token->failed_until = 0;
        }
    }
    apr_thread_mutex_unlock(tenant->mutex);
    return again;
}

int amlaps_token_lacking(amlaps_tenant_state_t *tenant, apr_uint32_t generation, const amlaps_graph_t *graph)
{
    amlaps_token_t *token = &tenant->token;

    apr_thread_mutex_lock(tenant->mutex);
    const int goes = (!generation || token->generation == generation) && token->text->length > 0
                     && amlaps_clock_steady(graph->clock) - token->issued >= LACKING_AGE;
    if (goes) {
        amlaps_secret_wipe(token->text);
        token->failed_until = 0;
    }
    apr_thread_mutex_unlock(tenant->mutex);
    return goes;
}
