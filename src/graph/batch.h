/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_BATCH_H
#define AMLAPS_GRAPH_BATCH_H

/* Several small requests to Graph side by side, in as few of its requests as it allows. */

#include "amlaps/json.h"
#include "client.h"

#define AMLAPS_BATCH_MOST 20 /* parts of one $batch (Microsoft's reference of JSON batching) */

typedef struct amlaps_part_t {
    const char *method, *path;       /* path and query below "/v1.0" */
    amlaps_json_t *body;             /* NULL: none */
    const char *what, *permission;   /* as in amlaps_ask_t */
    int may_be_absent;               /* 1: a 404 is an answer and no error */
    int status;                      /* out: 2xx, or 404 where that is an answer; 0: none, `error` says why */
    const amlaps_json_t *json;       /* out: its body, NULL where it has none */
    int refusal;                     /* out: the HTTP status by which Graph refused this part; 0: it did not */
    amlaps_error_t error;            /* out */
} amlaps_part_t;

/**
 * Asks for all parts, up to twenty at a time; one by one where there is only one, or where this Graph has no $batch (which is
 * remembered for ten minutes). Parts of a batch that fail for a moment are asked for once more, until that was in vain
 * within the call. After an error that concerns all parts alike those left are not asked, and carry that error.
 * @param parts with all that is `out` zero
 */
void amlaps_batch(amlaps_part_t *parts, apr_size_t count, amlaps_graph_t *graph, amlaps_tenant_state_t *tenant,
                  amlaps_call_t *call, apr_pool_t *pool);

#endif
