/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_TOKEN_NEWS_H
#define AMLAPS_GRAPH_TOKEN_NEWS_H

#include "client.h"
#include "token_fetch.h"

/**
 * What an admin should hear when a token has come: permissions that are missing or not needed (again only when they change), and a
 * certificate that ends in 30, 7 or 1 days. Called by the one thread that renews, without the mutex.
 */
void amlaps_token_news(amlaps_tenant_state_t *tenant, const amlaps_graph_t *graph, const amlaps_fetched_t *fetched, apr_pool_t *pool);

/** The same of a certificate whose end comes nearer while no token is asked for. Now and then, by the thread that renews tokens. */
void amlaps_token_news_of_time(amlaps_tenant_state_t *tenant, const amlaps_graph_t *graph, apr_pool_t *pool);

#endif
