/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The thread of a child that renews its tokens. A token that was needed once is renewed from then on, five minutes before its end, so
 * that no person ever waits for the login but the first of a child. One request an hour for each tenant is the whole cost.
 */

#include <apr_atomic.h>

#include "amlaps/thread.h"

#include "client.h"
#include "token.h"
#include "token_news.h"

#define LOOK_MOST apr_time_from_sec(60)
#define HANDS 8 /* tenants that are asked at once */
#define KNOWN_EVERY apr_time_from_msec(10)

struct renewal_t;

/* A thread for one tenant, so that a login that is silent keeps no other tenant waiting, nor one that is wanted meanwhile. */
typedef struct hand_t {
    struct renewal_t *renewal;
    amlaps_tenant_state_t *tenant; /* NULL: free */
    pthread_t thread;
    volatile apr_uint32_t done;
} hand_t;

typedef struct renewal_t {
    amlaps_graph_t *graph;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    int woken; /* since it looked last, under the mutex, which is never held while a tenant's is asked for: wake() is called with that */
    hand_t hands[HANDS]; /* of the thread that looks, as is the pool */
    apr_pool_t *pool;
    volatile apr_uint32_t stop;
} renewal_t;

static void wake(void *baton)
{
    renewal_t *renewal = baton;

    pthread_mutex_lock(&renewal->mutex);
    renewal->woken = 1;
    pthread_cond_signal(&renewal->wake);
    pthread_mutex_unlock(&renewal->mutex);
}

/* A pool with an allocator of its own: the child's pools are other threads'. */
static apr_status_t make_pool(apr_pool_t **pool)
{
    return apr_pool_create_unmanaged_ex(pool, NULL, NULL);
}

static void *renew_one(void *data)
{
    hand_t *hand = data;
    renewal_t *renewal = hand->renewal;
    apr_pool_t *pool;
    const int made = make_pool(&pool) == APR_SUCCESS;

    if (made) {
        amlaps_token_renew(renewal->graph, hand->tenant, pool);
        apr_pool_destroy(pool);
    }
    apr_atomic_set32(&hand->done, 1);
    /* Without memory the next look is soon enough. */
    if (made) {
        wake(renewal);
    }
    return NULL;
}

static void take_back(renewal_t *renewal, int all)
{
    for (int i = 0; i < HANDS; i++) {
        hand_t *hand = &renewal->hands[i];

        if (hand->tenant && (all || apr_atomic_read32(&hand->done))) {
            pthread_join(hand->thread, NULL);
            hand->tenant = NULL;
        }
    }
}

/* @return NULL where none is free, or one has this tenant already */
static hand_t *free_hand(renewal_t *renewal, const amlaps_tenant_state_t *tenant)
{
    hand_t *unused = NULL;

    for (int i = 0; i < HANDS; i++) {
        if (renewal->hands[i].tenant == tenant) {
            return NULL;
        }
        unused = renewal->hands[i].tenant ? unused : &renewal->hands[i];
    }
    return unused;
}

/* Without a hand there is nothing to do: the end of one wakes this thread. */
static void hand_over(renewal_t *renewal, amlaps_tenant_state_t *tenant)
{
    hand_t *hand = free_hand(renewal, tenant);

    if (!hand) {
        return;
    }
    hand->renewal = renewal;
    hand->tenant = tenant;
    apr_atomic_set32(&hand->done, 0);
    if (pthread_create(&hand->thread, NULL, renew_one, hand) != 0) {
        hand->tenant = NULL;
        amlaps_token_renew(renewal->graph, tenant, renewal->pool);
    }
}

/* @return the time until it is worth looking again, unless woken before */
static apr_interval_time_t look(renewal_t *renewal)
{
    amlaps_graph_t *graph = renewal->graph;
    apr_interval_time_t next = LOOK_MOST;

    take_back(renewal, 0);
    for (apr_size_t i = 0; i < graph->tenant_count; i++) {
        amlaps_tenant_state_t *tenant = &graph->tenants[i];
        const apr_interval_time_t due = amlaps_token_due(graph, tenant);

        if (due == 0) {
            hand_over(renewal, tenant);
        }
        else {
            next = due < next ? due : next;
        }
        amlaps_token_news_of_time(tenant, graph, renewal->pool);
        apr_pool_clear(renewal->pool);
    }
    return next;
}

static void *run(void *data)
{
    renewal_t *renewal = data;

    pthread_mutex_lock(&renewal->mutex);
    while (!apr_atomic_read32(&renewal->stop)) {
        renewal->woken = 0;
        pthread_mutex_unlock(&renewal->mutex);
        const struct timespec until = amlaps_thread_until(look(renewal));
        pthread_mutex_lock(&renewal->mutex);
        if (!apr_atomic_read32(&renewal->stop) && !renewal->woken) {
            pthread_cond_timedwait(&renewal->wake, &renewal->mutex, &until);
        }
    }
    pthread_mutex_unlock(&renewal->mutex);
    take_back(renewal, 1);
    return NULL;
}

/* The thread is not there, or no longer. */
static void let_go(renewal_t *renewal)
{
    renewal->graph->wake = NULL;
    renewal->graph->stop = NULL;
    apr_pool_destroy(renewal->pool);
    pthread_cond_destroy(&renewal->wake);
    pthread_mutex_destroy(&renewal->mutex);
}

/* Before the client's own cleanups, so that nothing that the thread uses is gone. */
static apr_status_t stop(void *data)
{
    renewal_t *renewal = data;

    apr_atomic_set32(&renewal->stop, 1);
    wake(renewal);
    pthread_join(renewal->thread, NULL);
    let_go(renewal);
    return APR_SUCCESS;
}

static int is_known(const amlaps_graph_t *graph)
{
    amlaps_standing_t standing;

    for (apr_size_t i = 0; i < graph->tenant_count; i++) {
        amlaps_graph_standing(&standing, graph, graph->tenants[i].config->name);
        if (standing.token == AMLAPS_TOKEN_UNKNOWN) {
            return 0;
        }
    }
    return 1;
}

void amlaps_graph_probe(amlaps_graph_t *graph, apr_interval_time_t patience)
{
    int claimed = 0;

    if (!graph->wake) {
        return;
    }
    for (apr_size_t i = 0; i < graph->tenant_count; i++) {
        if (amlaps_standing_claim(graph->tenants[i].row, amlaps_clock_steady(graph->clock))) {
            apr_atomic_set32(&graph->tenants[i].wanted, 1);
            claimed = 1;
        }
    }
    if (claimed) {
        graph->wake(graph->wake_baton);
    }
    /* Another child may be the one that asks, so there is nothing of ours to wait on. */
    for (; patience > 0 && !is_known(graph); patience -= KNOWN_EVERY) {
        apr_sleep(KNOWN_EVERY);
    }
}

apr_status_t amlaps_graph_renew_in_background(amlaps_graph_t *graph, apr_pool_t *pool)
{
    renewal_t *renewal = apr_pcalloc(pool, sizeof *renewal);
    const apr_status_t status = make_pool(&renewal->pool);

    if (status != APR_SUCCESS) {
        return status;
    }
    int failed = amlaps_thread_condition(&renewal->wake);
    if (failed) {
        apr_pool_destroy(renewal->pool);
        return APR_FROM_OS_ERROR(failed);
    }
    renewal->graph = graph;
    pthread_mutex_init(&renewal->mutex, NULL);
    graph->wake = wake;
    graph->wake_baton = renewal;
    graph->stop = &renewal->stop;
    failed = amlaps_thread_start(&renewal->thread, run, renewal);
    if (failed) {
        let_go(renewal);
        return APR_FROM_OS_ERROR(failed);
    }
    apr_pool_pre_cleanup_register(pool, renewal, stop);
    return APR_SUCCESS;
}
