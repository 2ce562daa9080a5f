/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_BASE_JSON_INTERNAL_H
#define AMLAPS_BASE_JSON_INTERNAL_H

#include "amlaps/json.h"

/** Hands the caller's one reference to `json` over to the pool. */
void amlaps_json_keep(amlaps_json_t *json, apr_pool_t *pool);

#endif
