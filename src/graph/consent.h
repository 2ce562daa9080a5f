/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_CONSENT_H
#define AMLAPS_GRAPH_CONSENT_H

#include "amlaps/graph.h"

/** Where an admin of the tenant gives permissions to its app or managed identity: the end of a sentence, after "give it them". */
const char *amlaps_consent_where(const amlaps_tenant_t *tenant, apr_pool_t *pool);

#endif
