/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_TOKEN_FETCH_H
#define AMLAPS_GRAPH_TOKEN_FETCH_H

#include "client.h"

typedef struct amlaps_fetched_t {
    amlaps_secret_t *token;         /* in wiped memory of the pool */
    apr_interval_time_t life;       /* from the moment of asking, at least a second */
    const amlaps_secret_t *secret;  /* the client secret that was sent; NULL: none */
    apr_time_t credential_expires;  /* wall clock; 0 unknown */
    amlaps_trace_t trace;           /* of the last answer, also where there is no token */
} amlaps_fetched_t;

/**
 * Asks the login for a token with the tenant's credential, or the machine for one of its managed identity; once more after no
 * answer or a passing fault without Retry-After, where the time allows.
 * @param client_request_id goes to the login, so that its logs can be joined with ours; NULL: nobody's, one is made
 * @param most the longest that all of it may take
 */
apr_status_t amlaps_token_fetch(amlaps_fetched_t *fetched, amlaps_error_t *error, const amlaps_graph_t *graph,
                                const amlaps_tenant_t *tenant, const char *client_request_id, apr_interval_time_t most,
                                apr_pool_t *pool);

#endif
