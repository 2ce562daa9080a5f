/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_BASE_CURL_POOL_H
#define AMLAPS_BASE_CURL_POOL_H

/*
 * A bounded pool of curl handles. Each has a multi handle of its own, which keeps its connections, so reusing a handle reuses its connection;
 * nothing is shared between two of them. Any thread.
 */

#include <curl/curl.h>

#include "amlaps/base.h"

typedef struct amlaps_curl_pool_t amlaps_curl_pool_t;

/** One handle in use by one thread. */
typedef struct amlaps_curl_lease_t {
    CURL *handle;
    CURLM *multi;   /* performs the handle; of nobody else */
    int broken;     /* set after a transport error: the handle is thrown away instead of reused */
    int performing; /* set while curl runs: see amlaps_curl_pool_give */
    amlaps_curl_pool_t *from;
} amlaps_curl_lease_t;

/** @param most handles in use at once, at least 1. Closed with `pool`, which waits for nobody: leases that are out stay
 * valid. */
apr_status_t amlaps_curl_pool_open(amlaps_curl_pool_t **curls, int most, apr_pool_t *pool);

/**
 * Takes a handle, fresh from curl_easy_init or curl_easy_reset; given back with `pool` at the latest.
 * @param wait longest time to wait for one
 * @return NULL where none came free
 */
amlaps_curl_lease_t *amlaps_curl_pool_take(amlaps_curl_pool_t *curls, apr_interval_time_t wait, apr_pool_t *pool);

/** Gives it back now. */
void amlaps_curl_pool_give(amlaps_curl_lease_t *lease, apr_pool_t *pool);

#endif
