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

#define LOOK_LEAST apr_time_from_msec(100)
#define LOOK_MOST apr_time_from_sec(60)
#define HELPERS 7 /* threads beside this one, for the moment that several tenants are due */
#define KNOWN_EVERY apr_time_from_msec(10)

typedef struct renewal_t {
    amlaps_graph_t *graph;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    int woken; /* since it looked last, under the mutex */
    volatile apr_uint32_t stop;
} renewal_t;

/* What is due in one go: tenants go side by side, so that one whose login is silent keeps no other waiting. */
typedef struct round_t {
    renewal_t *renewal;
    volatile apr_uint32_t taken; /* tenants that somebody looks after */
    pthread_mutex_t mutex;
    apr_interval_time_t next; /* under the mutex: until something is due again */
} round_t;

static void *renew_some(void *data)
{
    round_t *round = data;
    amlaps_graph_t *graph = round->renewal->graph;
    apr_pool_t *pool;
    apr_size_t i;

    /* A pool with an allocator of its own: the child's pools are other threads'. */
    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS) {
        return NULL;
    }
    while ((i = apr_atomic_inc32(&round->taken)) < graph->tenant_count && !apr_atomic_read32(&round->renewal->stop)) {
        const apr_interval_time_t due = amlaps_token_renew(graph, &graph->tenants[i], pool);
        pthread_mutex_lock(&round->mutex);
        round->next = due < round->next ? due : round->next;
        pthread_mutex_unlock(&round->mutex);
        amlaps_token_news_of_time(&graph->tenants[i], graph, pool);
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
    return NULL;
}

/* One less than are due, since this thread helps too. */
static int helpers_of(const amlaps_graph_t *graph)
{
    int due = 0;

    for (apr_size_t i = 0; i < graph->tenant_count && due < HELPERS + 1; i++) {
        due += amlaps_token_is_due(graph, &graph->tenants[i]);
    }
    return due > 1 ? due - 1 : 0;
}

static apr_interval_time_t renew_all(renewal_t *renewal)
{
    round_t round = {.renewal = renewal, .mutex = PTHREAD_MUTEX_INITIALIZER, .next = LOOK_MOST};
    const int wanted = helpers_of(renewal->graph);
    pthread_t helpers[HELPERS];
    int count = 0;

    while (count < wanted && pthread_create(&helpers[count], NULL, renew_some, &round) == 0) {
        count++;
    }
    renew_some(&round);
    while (count > 0) {
        pthread_join(helpers[--count], NULL);
    }
    pthread_mutex_destroy(&round.mutex);
    return round.next > LOOK_LEAST ? round.next : LOOK_LEAST;
}

static void *run(void *data)
{
    renewal_t *renewal = data;

    pthread_mutex_lock(&renewal->mutex);
    while (!apr_atomic_read32(&renewal->stop)) {
        renewal->woken = 0;
        pthread_mutex_unlock(&renewal->mutex);
        const apr_interval_time_t wait = renew_all(renewal);
        pthread_mutex_lock(&renewal->mutex);
        const struct timespec until = amlaps_thread_until(wait);
        if (!apr_atomic_read32(&renewal->stop) && !renewal->woken) {
            pthread_cond_timedwait(&renewal->wake, &renewal->mutex, &until);
        }
    }
    pthread_mutex_unlock(&renewal->mutex);
    return NULL;
}

static void wake(void *baton)
{
    renewal_t *renewal = baton;

    pthread_mutex_lock(&renewal->mutex);
    renewal->woken = 1;
    pthread_cond_signal(&renewal->wake);
    pthread_mutex_unlock(&renewal->mutex);
}

/* Before the client's own cleanups, so that nothing that the thread uses is gone. */
static apr_status_t stop(void *data)
{
    renewal_t *renewal = data;

    apr_atomic_set32(&renewal->stop, 1);
    wake(renewal);
    pthread_join(renewal->thread, NULL);
    renewal->graph->wake = NULL;
    renewal->graph->stop = NULL;
    pthread_cond_destroy(&renewal->wake);
    pthread_mutex_destroy(&renewal->mutex);
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
    int failed = amlaps_thread_condition(&renewal->wake);

    if (failed) {
        return APR_FROM_OS_ERROR(failed);
    }
    renewal->graph = graph;
    pthread_mutex_init(&renewal->mutex, NULL);
    graph->wake = wake;
    graph->wake_baton = renewal;
    graph->stop = &renewal->stop;
    failed = amlaps_thread_start(&renewal->thread, run, renewal);
    if (failed) {
        graph->wake = NULL;
        graph->stop = NULL;
        pthread_cond_destroy(&renewal->wake);
        pthread_mutex_destroy(&renewal->mutex);
        return APR_FROM_OS_ERROR(failed);
    }
    apr_pool_pre_cleanup_register(pool, renewal, stop);
    return APR_SUCCESS;
}
