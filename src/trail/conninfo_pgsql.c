/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "pgsql.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#define SETTINGS 64

static const char example[] = "\"pgsql:host=/run/postgresql dbname=amlaps user=amlaps\"";

/** What libpq would take where the string says nothing: from the environment, and its own defaults. */
static const char *value_of(const PQconninfoOption *given, const PQconninfoOption *defaults, const char *keyword)
{
    const PQconninfoOption *option;

    for (option = given; option->keyword != NULL; option++) {
        if (strcmp(option->keyword, keyword) == 0 && option->val != NULL && option->val[0] != '\0') {
            return option->val;
        }
    }
    return defaults != NULL ? value_of(defaults, NULL, keyword) : NULL;
}

/** Frees what was parsed; it may hold a password. */
static void forget(PQconninfoOption *options)
{
    PQconninfoOption *option;

    for (option = options; option != NULL && option->keyword != NULL; option++) {
        if (option->val != NULL) {
            explicit_bzero(option->val, strlen(option->val));
        }
    }
    PQconninfoFree(options);
}

static int count_items(const char *list)
{
    int count = 1;

    while (list != NULL && (list = strchr(list, ',')) != NULL) {
        list++;
        count++;
    }
    return count;
}

/** Cuts one item out of a list with commas, the only one of a list with one. @return NULL where there is no list */
static char *take_item(const char *list, int place)
{
    const char *end;

    if (list == NULL) {
        return NULL;
    }
    while (place-- > 0 && strchr(list, ',') != NULL) {
        list = strchr(list, ',') + 1;
    }
    end = strchr(list, ',');
    return end != NULL ? strndup(list, (size_t)(end - list)) : strdup(list);
}

static int is_local(const char *host)
{
    return host == NULL || host[0] == '\0' || host[0] == '/' || host[0] == '@' || strcasecmp(host, "localhost") == 0
           || strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

static const char *first_remote(const char *hosts, apr_pool_t *pool)
{
    int count = count_items(hosts);
    int i;

    for (i = 0; i < count; i++) {
        char *host = take_item(hosts, i);
        const char *remote = is_local(host) ? NULL : apr_pstrdup(pool, host);

        free(host);
        if (remote != NULL) {
            return remote;
        }
    }
    return NULL;
}

/** Whoever stands between could read the trail, and say that records were committed that nobody has. */
static const char *check_way(const PQconninfoOption *given, const PQconninfoOption *defaults, apr_pool_t *pool)
{
    const char *address = value_of(given, defaults, "hostaddr");
    const char *remote = first_remote(address != NULL ? address : value_of(given, defaults, "host"), pool);
    const char *mode = value_of(given, defaults, "sslmode");
    const char *authority = value_of(given, defaults, "sslrootcert");

    if (remote == NULL) {
        return NULL;
    }
    if (mode == NULL || strcmp(mode, "verify-full") != 0) {
        return apr_psprintf(pool, "the connection to %s could be read and forged on its way; write sslmode=verify-full and "
                            "sslrootcert=PATH of the authority's certificate after pgsql:", remote);
    }
    if (authority == NULL) {
        return "sslmode=verify-full needs the authority that signed the server's certificate; write sslrootcert=PATH, such as "
               "sslrootcert=/etc/ssl/certs/ca-certificates.crt";
    }
    return access(authority, R_OK) == 0 ? NULL : apr_psprintf(pool, "sslrootcert %s can't be read; write the path of the certificate of the "
                                                              "authority that signed the server's", authority);
}

static const char *check_lists(const PQconninfoOption *given, const PQconninfoOption *defaults)
{
    const char *host = value_of(given, defaults, "host");
    const char *address = value_of(given, defaults, "hostaddr");
    const char *port = value_of(given, defaults, "port");
    int hosts = count_items(host != NULL ? host : address);

    if ((host != NULL && address != NULL && count_items(address) != hosts) || (count_items(port) != 1 && count_items(port) != hosts)) {
        return "host, hostaddr and port name different numbers of servers; write as many of each, with commas between";
    }
    return NULL;
}

static const char *check_settings(const PQconninfoOption *given, const PQconninfoOption *defaults, int secret, apr_pool_t *pool)
{
    const char *attributes = value_of(given, NULL, "target_session_attrs");

    if (!secret && (value_of(given, NULL, "password") != NULL || value_of(given, NULL, "sslpassword") != NULL)) {
        return "a password inside the configuration would show in backups and mod_info; put all that stands after pgsql: into a file that only "
               "root may read, and write pgsql:file: and its path";
    }
    if (value_of(given, defaults, "service") != NULL) {
        return "a service is not looked up; write what it stands for, as in host=/run/postgresql dbname=amlaps user=amlaps";
    }
    if (value_of(given, defaults, "dbname") == NULL) {
        return apr_psprintf(pool, "the database is missing; write dbname=NAME, as in %s", example);
    }
    if (attributes != NULL && strcmp(attributes, "read-write") != 0 && strcmp(attributes, "primary") != 0 && strcmp(attributes, "any") != 0) {
        return "records are written to the server that takes writes; write target_session_attrs=read-write, or leave it out";
    }
    return NULL;
}

const char *amlaps_pgsql_check(const char *conninfo, int secret, apr_pool_t *pool)
{
    static const char unknown[] = "invalid connection option";
    char *says = NULL;
    PQconninfoOption *given = PQconninfoParse(conninfo, &says);
    PQconninfoOption *defaults = PQconndefaults();
    const char *mistake;

    if (given == NULL) {
        /* Other texts of libpq repeat what stands there, which may be a password. */
        int told = says != NULL && strncmp(says, unknown, sizeof(unknown) - 1) == 0;

        mistake = apr_psprintf(pool, "this is no connection string%s%.*s; write KEYWORD=VALUE with blanks between, as in %s", told ? ": " : "",
                               told ? (int)strcspn(says, "\n") : 0, told ? says : "", example);
    } else if ((mistake = check_settings(given, defaults, secret, pool)) == NULL && (mistake = check_lists(given, defaults)) == NULL) {
        mistake = check_way(given, defaults, pool);
    }
    if (says != NULL) {
        explicit_bzero(says, strlen(says));
    }
    PQfreemem(says);
    forget(given);
    forget(defaults);
    return mistake;
}

int amlaps_pgsql_hosts(const char *conninfo)
{
    PQconninfoOption *given = PQconninfoParse(conninfo, NULL);
    const char *host = given != NULL ? value_of(given, NULL, "host") : NULL;
    int count = given == NULL ? 1 : count_items(host != NULL ? host : value_of(given, NULL, "hostaddr"));

    forget(given);
    return count;
}

PGconn *amlaps_pgsql_dial(const char *conninfo, int host, int reads)
{
    /* What the string says comes after what it may change, and before what it may not. */
    const char *keyword[SETTINGS + 6] = { "fallback_application_name", "gssencmode" };
    const char *value[SETTINGS + 6] = { "mod_amlaps", "disable" };
    PQconninfoOption *given = PQconninfoParse(conninfo, NULL);
    const PQconninfoOption *option;
    char *item[3] = { NULL };
    PGconn *conn;
    int items = 0;
    int count = 2;

    for (option = given; option != NULL && option->keyword != NULL && count < SETTINGS; option++) {
        int list = strcmp(option->keyword, "host") == 0 || strcmp(option->keyword, "hostaddr") == 0 || strcmp(option->keyword, "port") == 0;

        if (option->val == NULL) {
            continue;
        }
        keyword[count] = option->keyword;
        value[count++] = list && items < 3 ? item[items++] = take_item(option->val, host) : option->val;
    }
    keyword[count] = "client_encoding";
    value[count++] = "UTF8";
    keyword[count] = "target_session_attrs";
    value[count++] = reads ? "any" : "read-write";
    conn = given != NULL ? PQconnectStartParams(keyword, value, 0) : NULL;
    while (items > 0) {
        free(item[--items]);
    }
    forget(given);
    return conn;
}

const char *amlaps_pgsql_name(const char *conninfo, apr_pool_t *pool)
{
    PQconninfoOption *given = PQconninfoParse(conninfo, NULL);
    const char *host = given != NULL ? value_of(given, NULL, "host") : NULL;
    const char *database = given != NULL ? value_of(given, NULL, "dbname") : NULL;
    const char *name;

    host = host == NULL && given != NULL ? value_of(given, NULL, "hostaddr") : host;
    name = apr_psprintf(pool, "pgsql:host=%.120s dbname=%.64s", host != NULL ? host : "", database != NULL ? database : "");
    forget(given);
    return name;
}
