/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_PROBLEM_H
#define AMLAPS_GRAPH_PROBLEM_H

#include "amlaps/json.h"
#include "client.h"

/** An answer of Graph that is an error. */
typedef struct amlaps_refusal_t {
    int status;
    const amlaps_json_t *json;    /* the body, NULL where that is no JSON */
    const char *date;             /* header's text or NULL */
    apr_interval_time_t wait;     /* what Graph asked for, 0: nothing */
    const char *what, *permission; /* as in amlaps_ask_t */
} amlaps_refusal_t;

/** What it means, by status and code, never by its message; and what an admin should do. @return error->status */
apr_status_t amlaps_problem(amlaps_error_t *error, const amlaps_graph_t *graph, const amlaps_tenant_state_t *tenant,
                            const amlaps_refusal_t *refusal, apr_pool_t *pool);

#endif
