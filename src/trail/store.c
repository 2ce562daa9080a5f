/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "store.h"

#include <string.h>

#include "sqlite.h"

static const char *sqlite_path(const char *name)
{
    static const char prefix[] = "sqlite3:";

    return strncmp(name, prefix, sizeof(prefix) - 1) == 0 ? name + sizeof(prefix) - 1 : NULL;
}

int amlaps_store_is_off(const char *name)
{
#ifdef AMLAPS_BENCH_STORE_OFF
    return strcmp(name, "off") == 0;
#else
    (void)name;
    return 0;
#endif
}

static apr_status_t unknown(const char *name, amlaps_error_t *error)
{
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0201", APR_EINVAL, "\"%.200s\" is no store: write sqlite3:PATH", name);
}

const char *amlaps_trail_check_store(const char *store, apr_pool_t *pool)
{
    const char *path = sqlite_path(store);

    if (amlaps_store_is_off(store)) {
        return NULL;
    }
    if (path == NULL) {
        return "write sqlite3: and the full path of the store's file, as in sqlite3:/var/lib/amlaps/amlaps.db";
    }
    return amlaps_sqlite_check(path, pool);
}

apr_status_t amlaps_trail_prepare(amlaps_error_t *error, const char *store, uid_t uid, gid_t gid, apr_pool_t *pool)
{
    const char *path = sqlite_path(store);
    const char *mistake;

    if (amlaps_store_is_off(store)) {
        return APR_SUCCESS;
    }
    if (path == NULL) {
        return unknown(store, error);
    }
    if ((mistake = amlaps_sqlite_check(path, pool)) != NULL) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0215", APR_EINVAL, "%s", mistake);
    }
    return amlaps_sqlite_prepare(path, uid, gid, error, pool);
}

amlaps_store_t *amlaps_store_make(const char *name, amlaps_trail_shared_t *shared, apr_pool_t *pool)
{
    const char *path = sqlite_path(name);

    return path != NULL ? amlaps_sqlite_make(path, shared, pool) : NULL;
}

apr_status_t amlaps_store_each(const char *name, const amlaps_range_t *range, amlaps_row_visit_t visit, void *baton, amlaps_error_t *error)
{
    static const amlaps_range_t all = { 0 };
    const char *path = sqlite_path(name);

    return path != NULL ? amlaps_sqlite_each(path, range != NULL ? range : &all, visit, baton, error) : unknown(name, error);
}
