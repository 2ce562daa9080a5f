/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_TOKEN_FETCH_H
#define AMLAPS_GRAPH_TOKEN_FETCH_H

#include "client.h"

/**
 * Asks the login for a token with the client secret; once more after no answer or a 5xx without Retry-After, where the time
 * allows.
 * @param token out: in wiped memory of `pool`
 * @param life out: how long it lives from the moment of asking, at least a second
 * @param most the longest that all of it may take
 */
apr_status_t amlaps_token_fetch(amlaps_secret_t **token, apr_interval_time_t *life, amlaps_error_t *error,
                                const amlaps_graph_t *graph, const amlaps_tenant_t *tenant, apr_interval_time_t most,
                                apr_pool_t *pool);

#endif
