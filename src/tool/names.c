/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include <apr_strings.h>

#include "tool.h"

static const char sqlite[] = "sqlite3:";
static const char conninfo_file[] = "pgsql:file:/";

static int is_pgsql(const char *argument)
{
    return strncmp(argument, "pgsql:", 6) == 0;
}

const char *amlaps_tool_path(const char *argument, apr_pool_t *pool)
{
    char *current;
    const char *full = argument;

    if (argument[0] != '/' && (current = getcwd(NULL, 0)) != NULL) {
        full = apr_pstrcat(pool, current, "/", argument, NULL);
        free(current);
    }
    return full;
}

/** What is read from a pipe is gone: then the file would be verified without its beginning. */
static int is_regular(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static int is_database(const char *path)
{
    static const char magic[] = "SQLite format 3";
    char start[sizeof(magic)] = "";
    FILE *file = is_regular(path) ? fopen(path, "re") : NULL;
    int is = file != NULL && fread(start, 1, sizeof(start), file) == sizeof(start) && memcmp(start, magic, sizeof(magic)) == 0;

    if (file != NULL) {
        fclose(file);
    }
    return is;
}

int amlaps_tool_check_store(const char *argument, int is_new, apr_pool_t *pool)
{
    const char *colon = strchr(argument, ':');
    const char *mistake = NULL;

    if (is_pgsql(argument)) {
        mistake = amlaps_trail_check_store(argument, pool);
    } else if (is_new && strncmp(argument, sqlite, sizeof(sqlite) - 1) != 0 && colon != NULL
               && memchr(argument, '/', (size_t)(colon - argument)) == NULL && access(argument, F_OK) != 0) {
        mistake = "write the store's file, or pgsql: and how to reach the database; before the name of a file with a colon, ./ or the folder";
    }
    if (mistake == NULL) {
        return AMLAPS_TOOL_GOOD;
    }
    /* Without the argument: it may hold a password. */
    fprintf(stderr, "amlaps-audit: %s\n", mistake);
    return strncmp(argument, conninfo_file, sizeof(conninfo_file) - 1) == 0 ? AMLAPS_TOOL_UNREADABLE : AMLAPS_TOOL_USAGE;
}

const char *amlaps_tool_store(const char *argument, apr_pool_t *pool)
{
    const char *name;

    if (is_pgsql(argument)) {
        return amlaps_trail_read_store(&name, argument, pool) == NULL ? name : NULL;
    }
    if (strncmp(argument, sqlite, sizeof(sqlite) - 1) == 0) {
        argument += sizeof(sqlite) - 1;
    } else if (!is_database(argument)) {
        return NULL;
    }
    return apr_pstrcat(pool, sqlite, amlaps_tool_path(argument, pool), NULL);
}

int amlaps_tool_check_state(const char *state, apr_pool_t *pool)
{
    return amlaps_tool_store(state, pool) == NULL ? AMLAPS_TOOL_GOOD : amlaps_tool_misuse("this is a store; name the sealing state first, then the store: ", state);
}

int amlaps_tool_no_store(const char *argument)
{
    if (!is_pgsql(argument) && access(argument, R_OK) != 0) {
        fprintf(stderr, "amlaps-audit: AML0219: cannot read %s: %s\n", argument, strerror(errno));
    } else {
        fprintf(stderr, "amlaps-audit: %s is no store\n", argument);
    }
    return AMLAPS_TOOL_UNREADABLE;
}

const char *amlaps_tool_new_store(const char *argument, apr_pool_t *pool)
{
    if (is_pgsql(argument)) {
        return amlaps_tool_store(argument, pool);
    }
    argument += strncmp(argument, sqlite, sizeof(sqlite) - 1) == 0 ? sizeof(sqlite) - 1 : 0;
    return apr_pstrcat(pool, sqlite, amlaps_tool_path(argument, pool), NULL);
}

const char *amlaps_tool_who(apr_pool_t *pool)
{
    const struct passwd *user = getpwuid(getuid());

    return user != NULL ? apr_pstrdup(pool, user->pw_name) : apr_psprintf(pool, "uid %lu", (unsigned long)getuid());
}
