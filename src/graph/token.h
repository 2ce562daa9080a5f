/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_TOKEN_H
#define AMLAPS_GRAPH_TOKEN_H

/* The access token of each tenant: fetched by one thread at a time, renewed before it ends, kept until it really ends. Any
 * thread. */

#include "client.h"

/**
 * The token to use now, fetched where there is none. While one is valid nobody waits for more than its renewal, and only one
 * thread does.
 * @param bearer out: a copy in wiped memory of `pool`
 * @param generation out: which one it is, for the two functions below
 * @param fault out: with an error, also what the login said when it was asked last
 */
apr_status_t amlaps_token_get(amlaps_secret_t **bearer, apr_uint32_t *generation, amlaps_fault_t *fault,
                              amlaps_graph_t *graph, amlaps_tenant_state_t *tenant, const amlaps_call_t *call,
                              apr_pool_t *pool);

/**
 * For the thread that does nothing else: whether amlaps_token_renew would ask the login now. A wish for a token that the login
 * refused just now, or that is on its way, is forgotten.
 * @return 0: it would; else the time until it is due, a long one where there is no token
 */
apr_interval_time_t amlaps_token_due(const amlaps_graph_t *graph, amlaps_tenant_state_t *tenant);

/** Renews a token that is there where that is due, and gets one where it is wanted; nobody waits for it. */
void amlaps_token_renew(amlaps_graph_t *graph, amlaps_tenant_state_t *tenant, apr_pool_t *pool);

/** Graph has taken it: a later 401 means that it was revoked. */
void amlaps_token_accepted(amlaps_tenant_state_t *tenant, apr_uint32_t generation);

/**
 * Graph has answered 401: drops it, unless another thread was faster.
 * @return 1 where asking again is worth it; 0 where this token was itself fetched after a 401 and never accepted: a new one
 * would fare no better, and the login would be asked for one with every request
 */
int amlaps_token_refused(amlaps_tenant_state_t *tenant, apr_uint32_t generation, const amlaps_graph_t *graph);

/**
 * Graph has answered 403: a token that is older than a minute goes, so that a permission just granted works at once.
 * @param generation 0: whichever there is
 * @return 1 where it went and asking again with a new one is worth it
 */
int amlaps_token_lacking(amlaps_tenant_state_t *tenant, apr_uint32_t generation, const amlaps_graph_t *graph);

#endif
