/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "store.h"

#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include <apr_strings.h>

#include "amlaps/secret.h"
#include "pgsql.h"
#include "sqlite.h"

#define LONGEST_CONNINFO 4096

static const char sqlite[] = "sqlite3:";
static const char pgsql[] = "pgsql:";
static const char file[] = "pgsql:file:";

/** @return what follows the kind of store, NULL where it is another kind */
static const char *after(const char *name, const char *prefix)
{
    size_t length = strlen(prefix);

    return strncmp(name, prefix, length) == 0 ? name + length : NULL;
}

void amlaps_store_complete(const char *name)
{
    const char *path = after(name, sqlite);

    if (path != NULL) {
        amlaps_sqlite_complete(path);
    }
}

void amlaps_store_owner(const char *name, uid_t *uid, gid_t *gid)
{
    const char *path = after(name, sqlite);
    struct stat info;
    int known = path != NULL && geteuid() == 0 && lstat(path, &info) == 0;

    *uid = known ? info.st_uid : (uid_t)-1;
    *gid = known ? info.st_gid : (gid_t)-1;
}

apr_time_t amlaps_store_time(apr_int64_t milliseconds)
{
    return milliseconds > APR_INT64_MIN / 1000 && milliseconds < APR_INT64_MAX / 1000 ? milliseconds * 1000 : APR_INT64_MIN;
}

const char *amlaps_store_label(const char *name)
{
    const char *path = after(name, sqlite);

    return path != NULL ? path : "in PostgreSQL";
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
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0201", APR_EINVAL,
                            "\"%.16s\" begins no store: write sqlite3:PATH or pgsql:CONNINFO", name);
}

const char *amlaps_trail_read_store(const char **name, const char *store, apr_pool_t *pool)
{
    const char *path = after(store, file);
    amlaps_secret_t *conninfo;
    const char *mistake;

    *name = store;
    if (path == NULL) {
        return NULL;
    }
    if (path[0] != '/') {
        return "write the full path of the file after pgsql:file:, as in pgsql:file:/etc/amlaps/store.conninfo";
    }
    conninfo = amlaps_secret_make(LONGEST_CONNINFO, pool);
    if (conninfo == NULL || amlaps_secret_append(conninfo, pgsql, sizeof(pgsql) - 1) != APR_SUCCESS) {
        return "out of memory";
    }
    mistake = amlaps_secret_read_file(conninfo, path, AMLAPS_FILE_SECRET, pool);
    while (conninfo->length > 0 && strchr(" \t\r\n", conninfo->bytes[conninfo->length - 1]) != NULL) {
        conninfo->bytes[--conninfo->length] = '\0';
    }
    if (mistake == NULL) {
        mistake = amlaps_pgsql_check(conninfo->bytes + sizeof(pgsql) - 1, 1, pool);
    }
    *name = conninfo->bytes;
    return mistake != NULL ? apr_psprintf(pool, "%s: %s", path, mistake) : NULL;
}

const char *amlaps_trail_check_store(const char *store, apr_pool_t *pool)
{
    const char *name;

    if (amlaps_store_is_off(store)) {
        return NULL;
    }
    if (after(store, file) != NULL) {
        return amlaps_trail_read_store(&name, store, pool);
    }
    if ((name = after(store, pgsql)) != NULL) {
        return amlaps_pgsql_check(name, 0, pool);
    }
    if ((name = after(store, sqlite)) != NULL) {
        return amlaps_sqlite_check(name, pool);
    }
    return "write sqlite3: and the full path of the store's file, as in sqlite3:/var/lib/amlaps/amlaps.db, or pgsql: and how to reach the "
           "database, as in \"pgsql:host=/run/postgresql dbname=amlaps user=amlaps\"";
}

apr_status_t amlaps_trail_prepare(amlaps_error_t *error, const char *store, uid_t uid, gid_t gid, apr_pool_t *pool)
{
    const char *path = after(store, sqlite);
    const char *conninfo = after(store, pgsql);
    const char *mistake;

    if (amlaps_store_is_off(store)) {
        return APR_SUCCESS;
    }
    if (conninfo != NULL) {
        return amlaps_pgsql_prepare(conninfo, error, pool);
    }
    if (path == NULL) {
        return unknown(store, error);
    }
    if ((mistake = amlaps_sqlite_check(path, pool)) != NULL) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0215", APR_EINVAL, "%s", mistake);
    }
    return amlaps_sqlite_prepare(path, uid, gid, error, pool);
}

amlaps_store_t *amlaps_store_make(const char *name, amlaps_trail_shared_t *shared, apr_interval_time_t timeout, apr_pool_t *pool)
{
    const char *path = after(name, sqlite);
    const char *conninfo = after(name, pgsql);

    if (path != NULL) {
        return amlaps_sqlite_make(path, shared, pool);
    }
    return conninfo != NULL ? amlaps_pgsql_make(conninfo, shared, timeout, pool) : NULL;
}

apr_status_t amlaps_store_each(const char *name, const amlaps_range_t *range, amlaps_row_visit_t visit, void *baton, amlaps_error_t *error)
{
    static const amlaps_range_t all = { 0 };
    const char *path = after(name, sqlite);
    const char *conninfo = after(name, pgsql);

    range = range != NULL ? range : &all;
    if (path != NULL) {
        return amlaps_sqlite_each(path, range, visit, baton, error);
    }
    return conninfo != NULL ? amlaps_pgsql_each(conninfo, range, visit, baton, error) : unknown(name, error);
}
