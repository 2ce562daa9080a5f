/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_TOKEN_PROBLEM_H
#define AMLAPS_GRAPH_TOKEN_PROBLEM_H

#include "amlaps/graph.h"
#include "amlaps/json.h"

/**
 * What an answer of the login other than 200 means, with the directive to look at.
 * @param json its body, NULL where that is no JSON
 * @param sent the client secret that the login was given, of which nothing may be told; NULL: none
 * @return error->status
 */
apr_status_t amlaps_token_problem(amlaps_error_t *error, const amlaps_tenant_t *tenant,
                                  const amlaps_http_response_t *response, const amlaps_json_t *json,
                                  const amlaps_secret_t *sent, const amlaps_clock_t *clock, apr_pool_t *pool);

#endif
