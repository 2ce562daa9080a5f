/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_CLIENT_H
#define AMLAPS_GRAPH_CLIENT_H

/* What the files of this room share: the client, what it knows of each tenant, and the deadline of a call. */

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include "amlaps/graph.h"
#include "amlaps/text.h"
#include "cache.h"
#include "standing.h"

#define AMLAPS_GRAPH_PAGES 20                          /* pages of one answer that are followed */
#define AMLAPS_GRAPH_TRY_LEAST apr_time_from_msec(300) /* with less time left, asking again is not worth it */

/** The token of one tenant; everything under the tenant's mutex. Times on the steady clock. */
typedef struct amlaps_token_t {
    amlaps_secret_t *text;   /* empty: none */
    apr_uint32_t generation; /* counts the tokens, so that a late 401 does not drop a newer one */
    apr_time_t issued, renew_at, expires;
    int renewing;           /* one thread is asking for one */
    int replacement;        /* fetched because Graph had answered 401 */
    int accepted;           /* Graph has answered something else than 401 to it */
    amlaps_fault_t failure; /* of the last attempt, told to others until failed_until */
    apr_time_t failed_until;
} amlaps_token_t;

typedef struct amlaps_tenant_state_t {
    const amlaps_tenant_t *config;
    apr_thread_mutex_t *mutex;
    apr_thread_cond_t *renewed;
    amlaps_token_t token;
    volatile apr_uint32_t wanted; /* 1: the thread that renews tokens is to try the login, whether it is due or not */
    char tid[AMLAPS_GUID_LENGTH + 1]; /* the tenant's id as the last token that could be read names it, "" unknown */
    volatile apr_uint32_t silent;    /* requests in a row to which Graph gave no answer */
    volatile apr_uint32_t silent_spare; /* the same of those for what people can do without, which wait less than others do */
    volatile apr_uint32_t in_flight; /* requests that wait for Graph */
    apr_time_t single_until;      /* $batch was refused: ask one by one */
    apr_time_t owners_singly_until; /* the owners of several devices at once were refused */
    amlaps_row_t *row;            /* what all children know */
} amlaps_tenant_state_t;

struct amlaps_graph_t {
    const amlaps_graph_config_t *config;
    const amlaps_transport_t *transport;
    const amlaps_clock_t *clock;
    amlaps_cache_t *devices;
    amlaps_cache_t *links; /* what is whose: memberships, owners, groups of people */
    amlaps_tenant_state_t *tenants;
    apr_size_t tenant_count;
    void (*wake)(void *baton);   /* tells the thread that renews tokens that there is a new one; NULL: there is no such thread */
    void *wake_baton;
    volatile apr_uint32_t *stop; /* becomes 1 when that thread is to end; NULL as above */
};

/** Begins an operation: finds the tenant, sets the deadline at the first use of the call, and its counters to nothing. */
apr_status_t amlaps_graph_begin(amlaps_tenant_state_t **tenant, amlaps_error_t *error, amlaps_graph_t *graph,
                                amlaps_call_t *call, const char *name);

/** Time until the deadline, 0 when it has passed. */
apr_interval_time_t amlaps_graph_left(const amlaps_graph_t *graph, const amlaps_call_t *call);

/** Waits; the caller has made sure that it ends before the deadline. */
void amlaps_graph_pause(const amlaps_graph_t *graph, apr_interval_time_t time);

/** Copies what a request wrote into the call, before the pool of that request goes. */
void amlaps_graph_keep(amlaps_call_t *call, apr_pool_t *pool);

/** Makes `error` the one of an inner step, unless it is set already. @return error->status */
apr_status_t amlaps_graph_pass(amlaps_error_t *error, const amlaps_error_t *inner);

#endif
