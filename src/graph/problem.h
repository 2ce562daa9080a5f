/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_PROBLEM_H
#define AMLAPS_GRAPH_PROBLEM_H

#include "amlaps/graph.h"
#include "amlaps/json.h"

/**
 * What an answer of Graph that is an error means, by status and code, never by its message.
 * @param json the body, NULL where that is no JSON
 * @param what,permission as in amlaps_ask_t
 * @param retry_after what Graph asked for, 0: nothing
 * @return error->status
 */
apr_status_t amlaps_problem(amlaps_error_t *error, const amlaps_tenant_t *tenant, int status, const amlaps_json_t *json,
                            const char *what, const char *permission, apr_interval_time_t retry_after, apr_pool_t *pool);

#endif
