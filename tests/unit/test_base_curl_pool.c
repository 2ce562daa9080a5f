/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <pthread.h>

#include "../../src/base/curl_pool.h"
#include "test_base_pool.h"

static amlaps_curl_pool_t *open_curls(int most, apr_pool_t *pool)
{
    amlaps_curl_pool_t *curls = NULL;

    assert_int_equal(amlaps_curl_pool_open(&curls, most, pool), APR_SUCCESS);
    return curls;
}

static apr_pool_t *make_pool(void)
{
    apr_pool_t *pool;

    apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
    return pool;
}

static void handles_are_reused(void **state)
{
    apr_pool_t *pool = *state;
    amlaps_curl_pool_t *curls = open_curls(2, pool);
    amlaps_curl_lease_t *first = amlaps_curl_pool_take(curls, 0, pool), *second = amlaps_curl_pool_take(curls, 0, pool);
    CURL *handle = first->handle;

    assert_ptr_not_equal(first->handle, second->handle);
    amlaps_curl_pool_give(first, pool);
    first = amlaps_curl_pool_take(curls, 0, pool);
    assert_ptr_equal(first->handle, handle);
    amlaps_curl_pool_give(first, pool);
    amlaps_curl_pool_give(second, pool);
}

static void nothing_of_the_last_use_is_left(void **state)
{
    apr_pool_t *pool = *state;
    amlaps_curl_pool_t *curls = open_curls(1, pool);
    amlaps_curl_lease_t *lease = amlaps_curl_pool_take(curls, 0, pool);
    char *mark = NULL;

    curl_easy_setopt(lease->handle, CURLOPT_PRIVATE, "mark");
    amlaps_curl_pool_give(lease, pool);
    lease = amlaps_curl_pool_take(curls, 0, pool);
    curl_easy_getinfo(lease->handle, CURLINFO_PRIVATE, &mark);
    assert_null(mark);
    amlaps_curl_pool_give(lease, pool);
}

static void no_more_than_allowed(void **state)
{
    apr_pool_t *pool = *state;
    amlaps_curl_pool_t *curls = open_curls(2, pool);
    amlaps_curl_lease_t *first = amlaps_curl_pool_take(curls, 0, pool), *second = amlaps_curl_pool_take(curls, 0, pool);
    const apr_time_t start = apr_time_now();

    assert_null(amlaps_curl_pool_take(curls, apr_time_from_msec(50), pool));
    assert_true(apr_time_now() - start >= apr_time_from_msec(49));
    amlaps_curl_pool_give(first, pool);
    first = amlaps_curl_pool_take(curls, 0, pool);
    assert_non_null(first);
    amlaps_curl_pool_give(first, pool);
    amlaps_curl_pool_give(second, pool);
}

static void a_broken_one_leaves_its_place(void **state)
{
    apr_pool_t *pool = *state;
    amlaps_curl_pool_t *curls = open_curls(1, pool);

    for (int i = 0; i < 3; i++) {
        amlaps_curl_lease_t *lease = amlaps_curl_pool_take(curls, 0, pool);
        assert_non_null(lease);
        /* An idle handle that was broken would keep its connection to nowhere. */
        curl_easy_setopt(lease->handle, CURLOPT_PRIVATE, "mark");
        lease->broken = 1;
        amlaps_curl_pool_give(lease, pool);
        assert_null(lease->handle);
    }
}

static void the_pool_of_a_request_gives_back(void **state)
{
    amlaps_curl_pool_t *curls = open_curls(1, *state);
    apr_pool_t *request = make_pool();

    assert_non_null(amlaps_curl_pool_take(curls, 0, request));
    apr_pool_destroy(request);
    request = make_pool();
    assert_non_null(amlaps_curl_pool_take(curls, 0, request));
    apr_pool_destroy(request);
}

static void a_late_one_comes_back_after_closing(void **state)
{
    apr_pool_t *child = make_pool(), *request = make_pool();
    amlaps_curl_pool_t *curls = open_curls(2, child);
    amlaps_curl_lease_t *lease = amlaps_curl_pool_take(curls, 0, request);
    amlaps_curl_lease_t *idle = amlaps_curl_pool_take(curls, 0, request);

    (void)state;
    amlaps_curl_pool_give(idle, request);
    apr_pool_destroy(child);
    assert_null(amlaps_curl_pool_take(curls, 0, request));
    assert_int_equal(curl_easy_setopt(lease->handle, CURLOPT_NOSIGNAL, 1L), CURLE_OK);
    apr_pool_destroy(request);
}

static void one_that_performs_is_not_touched(void **state)
{
    apr_pool_t *request = make_pool();
    amlaps_curl_pool_t *curls = open_curls(1, *state);
    amlaps_curl_lease_t *lease = amlaps_curl_pool_take(curls, 0, request);

    curl_easy_setopt(lease->handle, CURLOPT_PRIVATE, "mark");
    lease->performing = 1;
    amlaps_curl_pool_give(lease, request);
    char *mark = NULL;
    curl_easy_getinfo(lease->handle, CURLINFO_PRIVATE, &mark);
    assert_string_equal(mark, "mark");
    assert_null(amlaps_curl_pool_take(curls, 0, request));
    lease->performing = 0;
    amlaps_curl_pool_give(lease, request);
    apr_pool_destroy(request);
}

#define MOST 3
#define THREADS 12
#define ROUNDS 300

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int in_use, highest, served;

static void count(int change)
{
    pthread_mutex_lock(&mutex);
    in_use += change;
    highest = in_use > highest ? in_use : highest;
    served += change > 0;
    pthread_mutex_unlock(&mutex);
}

static void *hammer(void *data)
{
    for (int i = 0; i < ROUNDS; i++) {
        apr_pool_t *pool = make_pool();
        amlaps_curl_lease_t *lease = amlaps_curl_pool_take(data, apr_time_from_sec(20), pool);
        if (lease) {
            count(1);
            curl_easy_setopt(lease->handle, CURLOPT_NOSIGNAL, 1L);
            lease->broken = i % 7 == 0;
            count(-1);
        }
        apr_pool_destroy(pool);
    }
    return NULL;
}

static void threads_share_it(void **state)
{
    pthread_t threads[THREADS];
    amlaps_curl_pool_t *curls = open_curls(MOST, *state);

    in_use = highest = served = 0;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, curls), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(served, THREADS * ROUNDS);
    assert_in_range(highest, 1, MOST);
    assert_int_equal(in_use, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        pool_test(handles_are_reused),
        pool_test(nothing_of_the_last_use_is_left),
        pool_test(no_more_than_allowed),
        pool_test(a_broken_one_leaves_its_place),
        pool_test(the_pool_of_a_request_gives_back),
        pool_test(a_late_one_comes_back_after_closing),
        pool_test(one_that_performs_is_not_touched),
        pool_test(threads_share_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
