/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_REQUEST_H
#define AMLAPS_GRAPH_REQUEST_H

/* One request to Graph with all that every request needs: headers, token, deadline, one repetition, throttling, codes, log.
 */

#include "amlaps/json.h"
#include "client.h"
#include "lift.h"

#define AMLAPS_USER_AGENT "mod_amlaps/" AMLAPS_VERSION " (Apache httpd)"

typedef struct amlaps_ask_t {
    const char *method, *url;   /* repeated only where this is safe, which it is for all that this room asks */
    const char *json;           /* body, NULL: none; never a secret */
    const char *what;           /* for log and error: "the device" */
    const char *permission;     /* what Graph wants to see granted for it */
    const int *expected;        /* statuses besides 2xx that are an answer and no error; 0-terminated; NULL: none */
    int bare;                   /* an expected status counts also with a body that is no JSON, so whoever answers in Graph's place */
    const char *const *secrets; /* members to lift out of the answer; NULL: none */
    apr_size_t most;            /* bytes of answer */
    int advanced;               /* an advanced query: Graph wants ConsistencyLevel: eventual with it, on every page */
    int spare;                  /* people can do without, so that they wait less: no answer in time says nothing to those who cannot */
} amlaps_ask_t;

typedef struct amlaps_reply_t {
    int status;
    amlaps_json_t *json;    /* NULL: no body, or (only with `bare`) none that is JSON */
    amlaps_lifted_t lifted; /* with ask->secrets */
} amlaps_reply_t;

/**
 * @param reply out: valid only with APR_SUCCESS; lives as long as `pool`
 * @return APR_SUCCESS with a status of 2xx or an expected one
 */
apr_status_t amlaps_request(amlaps_reply_t *reply, amlaps_error_t *error, amlaps_graph_t *graph,
                            amlaps_tenant_state_t *tenant, amlaps_call_t *call, const amlaps_ask_t *ask, apr_pool_t *pool);

/** Remembers that Graph asked for silence. @return how long, at least a second */
apr_interval_time_t amlaps_request_block(amlaps_tenant_state_t *tenant, const amlaps_graph_t *graph, const char *retry_after,
                                         const char *date);

/** @return 1 where Graph may answer otherwise when it is asked again */
int amlaps_request_is_passing(int status);

/**
 * @param asked what Graph wants to see waited, 0: it did not say
 * @return how long to wait before it is asked again; 0: longer than the call has time, so not at all
 */
apr_interval_time_t amlaps_request_wait(const amlaps_graph_t *graph, const amlaps_call_t *call, apr_interval_time_t asked);

/**
 * The next page of an answer, NULL where this was the last.
 * @return APR_SUCCESS; an error where the link leaves the tenant's Graph root: the token must not go there
 */
apr_status_t amlaps_request_next(const char **url, amlaps_error_t *error, const amlaps_tenant_t *tenant,
                                 const amlaps_json_t *page, apr_pool_t *pool);

#endif
