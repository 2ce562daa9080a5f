/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TEST_BASE_POOL_H
#define AMLAPS_TEST_BASE_POOL_H

/* A pool of its own for each test of src/base, as the test's state. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_pools.h>

static inline int open_pool(void **state)
{
    apr_pool_t *pool = NULL;

    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return -1;
    }
    *state = pool;
    return 0;
}

static inline int close_pool(void **state)
{
    apr_pool_destroy(*state);
    apr_terminate();
    return 0;
}

#define pool_test(name) cmocka_unit_test_setup_teardown(name, open_pool, close_pool)

#endif
