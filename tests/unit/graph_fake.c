/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "graph_fake.h"

#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

static apr_time_t read_steady(void *baton)
{
    fake_t *fake = baton;

    apr_thread_mutex_lock(fake->mutex);
    const apr_time_t now = fake->steady;
    apr_thread_mutex_unlock(fake->mutex);
    return now;
}

static apr_time_t read_wall(void *baton)
{
    fake_t *fake = baton;

    apr_thread_mutex_lock(fake->mutex);
    const apr_time_t now = fake->wall;
    apr_thread_mutex_unlock(fake->mutex);
    return now;
}

void fake_advance(fake_t *fake, apr_interval_time_t time)
{
    apr_thread_mutex_lock(fake->mutex);
    fake->steady += time;
    fake->wall += time;
    apr_thread_mutex_unlock(fake->mutex);
}

static void pause_fake(void *baton, apr_interval_time_t time)
{
    fake_t *fake = baton;

    fake_advance(fake, time);
    apr_thread_mutex_lock(fake->mutex);
    fake->paused += time;
    apr_thread_mutex_unlock(fake->mutex);
}

static void take_log(void *baton, amlaps_log_level_t level, const char *id, apr_status_t status, const char *message)
{
    fake_t *fake = baton;

    (void)status;
    apr_thread_mutex_lock(fake->mutex);
    fake->log_length += (apr_size_t)apr_snprintf(fake->log + fake->log_length, sizeof fake->log - fake->log_length,
                                                 "%d %s %s\n", level, id, message);
    if (fake->log_length > sizeof fake->log - 2048) {
        fake->log_length = 0;
    }
    apr_thread_mutex_unlock(fake->mutex);
}

static fake_seen_t look(apr_pool_t *pool, const amlaps_http_request_t *request)
{
    fake_seen_t seen = {.line = apr_pstrcat(pool, request->method, " ", request->url, NULL),
                        .headers = "",
                        .bearer = request->bearer ? apr_pstrdup(pool, request->bearer->bytes) : NULL,
                        .body = request->body ? apr_pstrdup(pool, request->body->bytes) : NULL,
                        .content_type = apr_pstrdup(pool, request->content_type),
                        .ca_file = request->ca_file,
                        .timeout = request->timeout,
                        .most = request->most};

    for (const char *const *header = request->headers; header && *header; header++) {
        seen.headers = apr_pstrcat(pool, seen.headers, *header, "\n", NULL);
    }
    return seen;
}

/* Called with the mutex held. */
static fake_step_t next_step(fake_t *fake, int login, const char *line)
{
    static const fake_step_t nothing = {.fail = AMLAPS_TENANT_ERROR, .fail_status = APR_EGENERAL};
    fake_step_t step;

    if (login && fake->login_count == 0) {
        step = (fake_step_t){.status = 200};
        step.body = apr_psprintf(fake->own, "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"TOKEN-%d\"}",
                                 fake->login_asked);
        return step;
    }
    if (login ? fake->login_next >= fake->login_count : fake->step_next >= fake->step_count) {
        fake->unexpected++;
        return nothing;
    }
    step = login ? fake->logins[fake->login_next++] : fake->steps[fake->step_next++];
    if (step.expect && strcmp(step.expect, line) != 0) {
        print_error("expected: %s\nasked:    %s\n", step.expect, line);
        fake->unexpected++;
    }
    return step;
}

static apr_status_t exchange_fake(amlaps_http_response_t *response, amlaps_error_t *error, void *baton,
                                  const amlaps_http_request_t *request, apr_pool_t *pool)
{
    fake_t *fake = baton;
    const int login = strncmp(request->url, FAKE_LOGIN "/", strlen(FAKE_LOGIN "/")) == 0;

    memset(response, 0, sizeof *response);
    apr_thread_mutex_lock(fake->mutex);
    const fake_seen_t seen = look(fake->own, request);
    if (login) {
        fake->login_seen = seen;
        fake->login_asked++;
    }
    else if (fake->seen_count < FAKE_MOST) {
        fake->seen[fake->seen_count++] = seen;
    }
    const fake_step_t step = next_step(fake, login, seen.line);
    fake->steady += step.takes;
    fake->wall += step.takes;
    apr_thread_mutex_unlock(fake->mutex);
    if (login && fake->on_login) {
        fake->on_login(fake);
    }
    if (step.status == 0) {
        return amlaps_error_set(error, step.fail, "FAKE", step.fail_status, "scripted: no answer");
    }
    response->status = step.status;
    response->retry_after = step.retry_after;
    response->date = step.date;
    response->request_id = "request-1";
    response->body = amlaps_secret_make(64, pool);
    if (step.body) {
        amlaps_secret_append(response->body, step.body, strlen(step.body));
    }
    return APR_SUCCESS;
}

void fake_reopen(fake_t *fake)
{
    assert_int_equal(amlaps_graph_open(&fake->graph, &fake->error, &fake->config, &fake->transport, fake->own), APR_SUCCESS);
}

int fake_open(void **state)
{
    apr_pool_t *own;

    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&own, NULL) != APR_SUCCESS) {
        return -1;
    }
    fake_t *fake = calloc(1, sizeof *fake);
    if (!fake) {
        return -1;
    }
    fake->own = own;
    apr_pool_create(&fake->pool, NULL);
    apr_thread_mutex_create(&fake->mutex, APR_THREAD_MUTEX_DEFAULT, own);
    fake->steady = apr_time_from_sec(1000);
    fake->wall = apr_time_from_sec(1795366800); /* 2026-11-22T17:00:00Z */
    fake->clock = (amlaps_clock_t){read_wall, read_steady, fake};
    fake->transport = (amlaps_transport_t){.exchange = exchange_fake, .pause = pause_fake, .baton = fake};
    amlaps_secret_t *secret = amlaps_secret_make(64, own);
    amlaps_secret_append(secret, FAKE_SECRET, strlen(FAKE_SECRET));
    fake->tenant = (amlaps_tenant_t){.name = "contoso",
                                     .tenant_id = FAKE_TENANT_ID,
                                     .client_id = FAKE_CLIENT_ID,
                                     .client_secret = secret,
                                     .login_url = FAKE_LOGIN,
                                     .graph_url = FAKE_GRAPH};
    fake->tenants[0] = &fake->tenant;
    fake->config = (amlaps_graph_config_t){.tenants = fake->tenants,
                                           .tenant_count = 1,
                                           .connections = 4,
                                           .timeout = apr_time_from_sec(6),
                                           .cache_time = apr_time_from_sec(60),
                                           .clock = &fake->clock};
    amlaps_log_set(take_log, fake);
    fake_begin(fake);
    fake_reopen(fake);
    *state = fake;
    return 0;
}

static int tells_secret(const char *text)
{
    return strstr(text, FAKE_SECRET) != NULL || strstr(text, "TOKEN-") != NULL;
}

int fake_close(void **state)
{
    fake_t *fake = *state;
    int wrong = fake->unexpected;

    if (wrong) {
        print_error("%d requests were not as scripted\n", wrong);
    }
    if (fake->step_next != fake->step_count || fake->login_next != fake->login_count) {
        print_error("%d of %d answers of Graph and %d of %d of the login were fetched\n", fake->step_next, fake->step_count,
                    fake->login_next, fake->login_count);
        wrong++;
    }
    if (tells_secret(fake->log) || tells_secret(fake->error.detail)) {
        print_error("a secret was told: %s%s\n", fake->log, fake->error.detail);
        wrong++;
    }
    amlaps_log_set(NULL, NULL);
    apr_pool_destroy(fake->pool);
    apr_pool_destroy(fake->own);
    free(fake);
    apr_terminate();
    return wrong ? -1 : 0;
}

void fake_answers(fake_t *fake, fake_step_t step)
{
    assert_true(fake->step_count < FAKE_MOST);
    fake->steps[fake->step_count++] = step;
}

void fake_login_answers(fake_t *fake, fake_step_t step)
{
    assert_true(fake->login_count < FAKE_MOST);
    fake->logins[fake->login_count++] = step;
}

void fake_begin(fake_t *fake)
{
    memset(&fake->call, 0, sizeof fake->call);
    memset(&fake->error, 0, sizeof fake->error);
    fake->call.client_request_id = FAKE_CALL_ID;
}

apr_status_t fake_ask(fake_t *fake)
{
    amlaps_credentials_t *credentials;

    return amlaps_graph_credentials(&credentials, &fake->error, fake->graph, &fake->call, "contoso", FAKE_DEVICE, fake->pool);
}
