/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "token_news.h"

#include <string.h>

#include <apr_strings.h>

#include "assertion.h"
#include "consent.h"

#define DAY apr_time_from_sec(86400)

static void tell_permissions(const amlaps_tenant_t *tenant, const amlaps_token_claims_t *claims, apr_pool_t *pool)
{
    if (claims->missing[0]) {
        amlaps_log(AMLAPS_LOG_WARNING, "AML0348", APR_SUCCESS,
                   "tenant %s: the app %s lacks the application permissions %s; give them to it %s", tenant->name, tenant->client_id,
                   claims->missing, amlaps_consent_where(tenant, pool));
    }
    if (claims->excess[0]) {
        amlaps_log(AMLAPS_LOG_NOTICE, "AML0349", APR_SUCCESS,
                   "tenant %s: the app %s has application permissions that nothing here uses: %s; take them away", tenant->name,
                   tenant->client_id, claims->excess);
    }
}

static void tell_expiry(const amlaps_tenant_t *tenant, apr_interval_time_t left)
{
    amlaps_log(AMLAPS_LOG_WARNING, "AML0336", APR_SUCCESS,
               "tenant %s: the certificate of AMLapsClientCertificate ends in %" APR_TIME_T_FMT
               " days; make a new pair, add it to the app registration, then replace the files",
               tenant->name, left > 0 ? left / DAY : 0);
}

void amlaps_token_news(amlaps_tenant_state_t *tenant, const amlaps_graph_t *graph, const amlaps_fetched_t *fetched, apr_pool_t *pool)
{
    const apr_time_t now = amlaps_clock_wall(graph->clock);
    amlaps_token_claims_t claims;

    amlaps_token_claims(&claims, fetched->token, graph->config->groups_from, pool);
    if (claims.readable) {
        apr_thread_mutex_lock(tenant->mutex);
        memcpy(tenant->tid, claims.tid, sizeof tenant->tid);
        apr_thread_mutex_unlock(tenant->mutex);
    }
    if (amlaps_standing_permissions(tenant->row, &claims)) {
        tell_permissions(tenant->config, &claims, pool);
    }
    if (amlaps_standing_expiry(tenant->row, fetched->credential_expires, now)) {
        tell_expiry(tenant->config, fetched->credential_expires - now);
    }
}

void amlaps_token_news_of_time(amlaps_tenant_state_t *tenant, const amlaps_graph_t *graph, apr_pool_t *pool)
{
    const apr_time_t now = amlaps_clock_wall(graph->clock);

    if (!amlaps_standing_expiry_is_near(tenant->row, now)) {
        return;
    }
    /* It may have been replaced since. */
    const apr_time_t expires = amlaps_assertion_expires(tenant->config, now, pool);
    if (amlaps_standing_expiry(tenant->row, expires, now)) {
        tell_expiry(tenant->config, expires - now);
    }
}
