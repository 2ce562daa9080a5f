/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "microsoft.h"

#include <strings.h>

#include <apr_strings.h>

static apr_time_t read_steady(void *baton)
{
    return ((fuzz_microsoft_t *)baton)->steady;
}

static apr_time_t read_wall(void *baton)
{
    return ((fuzz_microsoft_t *)baton)->steady + apr_time_from_sec(1795366800); /* 2026-11-22 */
}

static void pause_fuzz(void *baton, apr_interval_time_t time)
{
    fuzz_check(time >= 0);
    ((fuzz_microsoft_t *)baton)->steady += time;
}

/* The bearer goes to Graph alone, and no text of an answer can end a header's line. */
static void check_request(const amlaps_http_request_t *request)
{
    const int graph = strncasecmp(request->url, FUZZ_GRAPH "/v1.0/", strlen(FUZZ_GRAPH "/v1.0/")) == 0;

    fuzz_check(graph || (strncmp(request->url, FUZZ_LOGIN "/", strlen(FUZZ_LOGIN "/")) == 0 && !request->bearer));
    fuzz_check(request->timeout > 0 && request->most > 0);
    for (const char *c = request->url; *c; c++) {
        fuzz_check((unsigned char)*c > ' ' && (unsigned char)*c < 0x7F);
    }
    for (const char *const *line = request->headers; line && *line; line++) {
        fuzz_check(strcspn(*line, "\r\n") == strlen(*line));
    }
}

static const char *value_of(const char *line, const char *name, apr_pool_t *pool)
{
    const size_t length = strlen(name);

    if (strncasecmp(line, name, length) != 0 || line[length] != ':') {
        return NULL;
    }
    return apr_pstrmemdup(pool, line + length + 1, strcspn(line + length + 1, "\n"));
}

static void read_piece(amlaps_http_response_t *response, const char *piece, apr_pool_t *pool)
{
    const char *value, *line = piece;

    response->status = atoi(piece) % 1000;
    for (line += strcspn(line, "\n"); *line && line[1] && line[1] != '\n'; line += 1 + strcspn(line + 1, "\n")) {
        if ((value = value_of(line + 1, "Retry-After", pool))) {
            response->retry_after = value;
        }
        else if ((value = value_of(line + 1, "Date", pool))) {
            response->date = value;
        }
        else if ((value = value_of(line + 1, "WWW-Authenticate", pool))) {
            response->authenticate = value;
        }
        else if ((value = value_of(line + 1, "request-id", pool))) {
            response->request_id = value;
        }
    }
    const char *body = *line && line[1] ? line + 2 : "";
    fuzz_check(amlaps_secret_append(response->body, body, strlen(body)) == APR_SUCCESS);
}

static apr_status_t exchange_fuzz(amlaps_http_response_t *response, amlaps_error_t *error, void *baton, const amlaps_http_request_t *request,
                                  apr_pool_t *pool)
{
    static const char token[] = "200\n\n{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"a.b.c\"}";
    fuzz_microsoft_t *microsoft = baton;
    const char *piece = token;

    check_request(request);
    fuzz_check(++microsoft->asked < 200);
    memset(response, 0, sizeof *response);
    if (microsoft->login || strncmp(request->url, FUZZ_LOGIN, strlen(FUZZ_LOGIN)) != 0) {
        piece = fuzz_piece(&microsoft->rest);
        piece = microsoft->last = piece ? piece : microsoft->last;
    }
    microsoft->steady += 1000;
    if (!piece || atoi(piece) < 100) {
        return amlaps_error_set(error, AMLAPS_TENANT_UNREACHABLE, "AML0303", APR_ECONNRESET, "no answer");
    }
    response->body = amlaps_secret_make(64, pool);
    read_piece(response, piece, pool);
    if (response->body->length > request->most) {
        return amlaps_error_set(error, AMLAPS_TENANT_ERROR, "AML0304", APR_EGENERAL, "too large");
    }
    return APR_SUCCESS;
}

fuzz_microsoft_t *fuzz_microsoft(char *input, apr_pool_t *pool)
{
    fuzz_microsoft_t *made = apr_pcalloc(pool, sizeof *made);
    amlaps_secret_t *secret = amlaps_secret_make(16, pool);

    fuzz_check(secret && amlaps_secret_append(secret, "a secret", 8) == APR_SUCCESS);
    made->rest = input;
    made->pool = pool;
    made->steady = apr_time_from_sec(1000);
    made->clock = (amlaps_clock_t){read_wall, read_steady, made};
    made->transport = (amlaps_transport_t){.exchange = exchange_fuzz, .pause = pause_fuzz, .baton = made};
    made->tenant = (amlaps_tenant_t){.name = "contoso",
                                     .tenant_id = "8aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11",
                                     .client_id = "535fb089-9ff3-47b6-9bfb-4f1264799865",
                                     .client_secret = secret,
                                     .login_url = FUZZ_LOGIN,
                                     .graph_url = FUZZ_GRAPH};
    made->tenants[0] = &made->tenant;
    made->config = (amlaps_graph_config_t){.tenants = made->tenants,
                                           .tenant_count = 1,
                                           .connections = 1,
                                           .timeout = apr_time_from_sec(6),
                                           .cache_time = apr_time_from_sec(60),
                                           .clock = &made->clock};
    made->call.client_request_id = "0c6a0f0e-0000-4000-8000-000000000001";
    fuzz_check(amlaps_graph_open(&made->graph, &made->error, &made->config, &made->transport, pool) == APR_SUCCESS);
    return made;
}
