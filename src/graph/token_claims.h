/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_TOKEN_CLAIMS_H
#define AMLAPS_GRAPH_TOKEN_CLAIMS_H

/*
 * What an access token says of itself. Microsoft calls tokens for Graph opaque, so this is advice for an admin and never a reason to
 * refuse: the signature is not looked at, and a token that cannot be read says nothing.
 */

#include "amlaps/graph.h"
#include "amlaps/json.h"

typedef struct amlaps_token_claims_t {
    int readable;                          /* 0: the rest is empty */
    char tid[37];                          /* the tenant's id, "" unknown */
    char missing[AMLAPS_PERMISSIONS_MOST]; /* permissions that are needed and not there, separated by ", " */
    char excess[AMLAPS_PERMISSIONS_MOST];  /* those that nothing here uses */
    char served[AMLAPS_PERMISSIONS_MOST];  /* the least permission for each thing that the app may do, also where a larger one grants it */
} amlaps_token_claims_t;

void amlaps_token_claims(amlaps_token_claims_t *claims, const amlaps_secret_t *token, amlaps_groups_from_t groups_from, apr_pool_t *pool);

#endif
