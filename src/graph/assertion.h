/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_ASSERTION_H
#define AMLAPS_GRAPH_ASSERTION_H

#include "amlaps/graph.h"

/**
 * What the app shows to the login instead of a secret: the federated token as its file holds it now, or a JWT signed with the
 * certificate's key (Microsoft identity platform, certificate credentials).
 * @param assertion out: in wiped memory of `pool`
 * @param expires out: when the certificate ends, 0 for a federated token
 * @param url of the token endpoint, the audience
 * @param now wall clock
 */
apr_status_t amlaps_assertion_make(amlaps_secret_t **assertion, apr_time_t *expires, amlaps_error_t *error,
                                   const amlaps_tenant_t *tenant, const char *url, apr_time_t now, apr_pool_t *pool);

/** When the certificate ends that an assertion would be signed with now; `now` where there is none that is good. */
apr_time_t amlaps_assertion_expires(const amlaps_tenant_t *tenant, apr_time_t now, apr_pool_t *pool);

#endif
