/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_IDENTITY_H
#define AMLAPS_GRAPH_IDENTITY_H

#include "client.h"

#define AMLAPS_ARC_KEYS "/var/opt/azcmagent/tokens"

/**
 * Asks the metadata service of the machine for a token of its managed identity.
 * @param response out: its last answer, whatever the status
 * @param most the longest that it may take
 */
apr_status_t amlaps_identity_ask(amlaps_http_response_t *response, amlaps_error_t *error, const amlaps_graph_t *graph,
                                 const amlaps_tenant_t *tenant, apr_interval_time_t most, apr_pool_t *pool);

/**
 * The key file that Arc's challenge names ("Basic realm=PATH"): only directly in `folder`, ending in ".key".
 * @return the path, or NULL: whoever answered must not learn what else this process can read
 */
const char *amlaps_identity_key_path(const char *challenge, const char *folder, apr_pool_t *pool);

#endif
