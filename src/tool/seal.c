/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

/** To standard output alone, so that it can go where it belongs; everything else is said on standard error. */
static int show_key(void *baton, const char *key)
{
    (void)baton;
    return fputs(key, stdout) >= 0 && putchar('\n') != EOF && fflush(stdout) == 0 && !ferror(stdout);
}

static void say_what_to_do(const char *state)
{
    fprintf(stderr, "amlaps-audit: the line on standard output is the verification key. It is not kept anywhere here. Whoever checks the audit keeps it\n"
                    "amlaps-audit: where nobody who works on this machine can read it. For httpd: AMLapsAuditSeal %s\n", state);
}

/** A store that is not where it was meant to be would be made there, sealed, and never used. */
static int is_to_be_made(const char *name)
{
    static const char sqlite[] = "sqlite3:";

    return strncmp(name, sqlite, sizeof(sqlite) - 1) == 0 && access(name + sizeof(sqlite) - 1, F_OK) != 0;
}

int amlaps_tool_init(const char *state, const char *store, apr_pool_t *pool)
{
    const char *name = amlaps_tool_new_store(store, pool);
    const int fresh = is_to_be_made(name);
    amlaps_error_t error = { 0 };
    int had;

    amlaps_tool_go_through();
    state = amlaps_tool_path(state, pool);
    had = access(state, F_OK) == 0;
    if (amlaps_trail_seal(&error, name, state, amlaps_tool_who(pool), show_key, NULL, pool) != APR_SUCCESS) {
        const int code = amlaps_tool_failed(&error);

        if (!had && access(state, F_OK) == 0) {
            fputs("amlaps-audit: but the store took the record of this sealing, or may have: the state stays, and the key that was shown counts. Run\n"
                  "amlaps-audit: verify with both\n", stderr);
        }
        return code;
    }
    if (fresh) {
        fprintf(stderr, "amlaps-audit: there was no store %s; it was made\n", store);
    }
    say_what_to_do(state);
    return AMLAPS_TOOL_GOOD;
}

static void say_what_was_kept(const char *kept, const char *state)
{
    fprintf(stderr, "amlaps-audit: what was there is no whole state, or ends with a record which this store does not have; it is kept as\n"
                    "amlaps-audit: %s. If it is the state of another store, that store refuses now: rename it back to\n"
                    "amlaps-audit: %s, and run recover again with the right one. Else destroy it once it is no evidence: it may hold a key.\n", kept, state);
}

int amlaps_tool_recover(const char *state, const char *store, apr_pool_t *pool)
{
    const char *name = amlaps_tool_store(store, pool);
    amlaps_recovered_t recovered;
    amlaps_error_t error = { 0 };

    if (name == NULL) {
        return amlaps_tool_no_store(store);
    }
    amlaps_tool_go_through();
    state = amlaps_tool_path(state, pool);
    if (amlaps_trail_recover(&recovered, &error, name, state, amlaps_tool_who(pool), show_key, NULL, pool) != APR_SUCCESS) {
        const int code = amlaps_tool_failed(&error);

        if (recovered.told) {
            fputs("amlaps-audit: but the store took the record of this recovery, or may have: keep the key that was shown. Run recover again, and\n"
                  "amlaps-audit: keep the next one too\n", stderr);
        }
        if (recovered.kept != NULL) {
            say_what_was_kept(recovered.kept, state);
        }
        return code;
    }
    fputs("amlaps-audit: a record tells of this recovery. Keep the old key too: it is for the records before.\n", stderr);
    if (recovered.kept != NULL) {
        say_what_was_kept(recovered.kept, state);
    }
    say_what_to_do(state);
    return AMLAPS_TOOL_GOOD;
}
