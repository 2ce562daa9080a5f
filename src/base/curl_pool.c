/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "curl_pool.h"

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

/* Open connections of a handle, of which each host takes one. By itself a multi handle keeps four for each handle, and a handle alone five. */
#define CONNECTIONS 5L

typedef struct pair_t {
    CURL *handle; /* NULL: a slot without one */
    CURLM *multi;
} pair_t;

/*
 * Not apr_reslist: it aborts the child when a handle is out while the pool is destroyed, which prefork does on every stop
 * under load. Here the structure has a pool of its own that goes with the last lease, so a thread that comes late finds
 * everything in place.
 */
struct amlaps_curl_pool_t {
    apr_pool_t *own;
    apr_thread_mutex_t *mutex;
    apr_thread_cond_t *freed;
    pair_t *idle; /* a stack: the handle used last has the warmest connection */
    int idle_count;
    int in_use;
    int most;
    int closed;
};

static pair_t make_pair(void)
{
    pair_t pair = {curl_easy_init(), curl_multi_init()};

    if (pair.handle && pair.multi && curl_multi_setopt(pair.multi, CURLMOPT_MAXCONNECTS, CONNECTIONS) == CURLM_OK) {
        return pair;
    }
    curl_easy_cleanup(pair.handle);
    curl_multi_cleanup(pair.multi);
    return (pair_t){NULL, NULL};
}

/* The multi handle is the last: it closes the connections. */
static void end_pair(pair_t pair)
{
    curl_easy_cleanup(pair.handle);
    curl_multi_cleanup(pair.multi);
}

static apr_status_t close_pool(void *data)
{
    amlaps_curl_pool_t *curls = data;

    apr_thread_mutex_lock(curls->mutex);
    curls->closed = 1;
    const int idle = curls->idle_count;
    const int last = curls->in_use == 0;
    curls->idle_count = 0;
    apr_thread_cond_broadcast(curls->freed);
    apr_thread_mutex_unlock(curls->mutex);

    for (int i = 0; i < idle; i++) {
        end_pair(curls->idle[i]);
    }
    if (last) {
        apr_pool_destroy(curls->own);
    }
    return APR_SUCCESS;
}

apr_status_t amlaps_curl_pool_open(amlaps_curl_pool_t **curls, int most, apr_pool_t *pool)
{
    apr_pool_t *own;
    apr_status_t status = apr_pool_create_unmanaged_ex(&own, NULL, NULL);

    if (status != APR_SUCCESS) {
        return status;
    }
    amlaps_curl_pool_t *made = apr_pcalloc(own, sizeof *made);
    made->own = own;
    made->most = most > 0 ? most : 1;
    made->idle = apr_pcalloc(own, (apr_size_t)made->most * sizeof *made->idle);
    status = apr_thread_mutex_create(&made->mutex, APR_THREAD_MUTEX_DEFAULT, own);
    if (status == APR_SUCCESS) {
        status = apr_thread_cond_create(&made->freed, own);
    }
    if (status != APR_SUCCESS) {
        apr_pool_destroy(own);
        return status;
    }
    apr_pool_cleanup_register(pool, made, close_pool, apr_pool_cleanup_null);
    *curls = made;
    return APR_SUCCESS;
}

/* Returns the slot, and the handle where it may be used again. */
static void put_back(amlaps_curl_pool_t *curls, pair_t pair)
{
    apr_thread_mutex_lock(curls->mutex);
    const int keep = pair.handle && !curls->closed;
    if (keep) {
        curls->idle[curls->idle_count++] = pair;
    }
    curls->in_use--;
    const int last = curls->closed && curls->in_use == 0;
    apr_thread_cond_signal(curls->freed);
    apr_thread_mutex_unlock(curls->mutex);

    if (pair.handle && !keep) {
        end_pair(pair);
    }
    if (last) {
        apr_pool_destroy(curls->own);
    }
}

static apr_status_t give_back(void *data)
{
    amlaps_curl_lease_t *lease = data;

    /* Only a signal handler that ends a prefork child in the middle of a request comes here while curl runs: the process is
     * about to end, and nothing of curl's may be touched. */
    if (lease->performing || !lease->from) {
        return APR_SUCCESS;
    }
    amlaps_curl_pool_t *curls = lease->from;
    pair_t pair = {lease->handle, lease->multi};
    lease->from = NULL;
    lease->handle = NULL;
    lease->multi = NULL;
    if (lease->broken) {
        end_pair(pair);
        pair.handle = NULL;
    }
    else {
        curl_easy_reset(pair.handle);
    }
    put_back(curls, pair);
    return APR_SUCCESS;
}

/* Waits until a slot is free and takes it. The pair may stay empty: then there is a slot, but no handle yet. */
static int take_slot(pair_t *pair, amlaps_curl_pool_t *curls, apr_interval_time_t wait)
{
    const amlaps_clock_t *clock = amlaps_clock_system();
    const apr_time_t until = amlaps_clock_steady(clock) + wait;

    apr_thread_mutex_lock(curls->mutex);
    while (curls->in_use >= curls->most && !curls->closed) {
        const apr_interval_time_t left = until - amlaps_clock_steady(clock);
        if (left <= 0) {
            break;
        }
        apr_thread_cond_timedwait(curls->freed, curls->mutex, left);
    }
    const int got = curls->in_use < curls->most && !curls->closed;
    if (got) {
        curls->in_use++;
        if (curls->idle_count) {
            *pair = curls->idle[--curls->idle_count];
        }
    }
    apr_thread_mutex_unlock(curls->mutex);
    return got;
}

amlaps_curl_lease_t *amlaps_curl_pool_take(amlaps_curl_pool_t *curls, apr_interval_time_t wait, apr_pool_t *pool)
{
    pair_t pair = {NULL, NULL};

    if (!take_slot(&pair, curls, wait)) {
        return NULL;
    }
    if (!pair.handle) {
        pair = make_pair();
    }
    if (!pair.handle) {
        put_back(curls, pair);
        return NULL;
    }
    amlaps_curl_lease_t *lease = apr_pcalloc(pool, sizeof *lease);
    lease->handle = pair.handle;
    lease->multi = pair.multi;
    lease->from = curls;
    apr_pool_cleanup_register(pool, lease, give_back, apr_pool_cleanup_null);
    return lease;
}

void amlaps_curl_pool_give(amlaps_curl_lease_t *lease, apr_pool_t *pool)
{
    apr_pool_cleanup_run(pool, lease, give_back);
}
