/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "tool.h"

static const char usage[] =
    "usage: amlaps-audit init STATE STORE\n"
    "       amlaps-audit verify STORE|FILE.jsonl [--key WHERE] [--anchor FILE] [--state STATE] [--after HASH]\n"
    "       amlaps-audit export STORE [--format jsonl|csv]\n"
    "       amlaps-audit export STORE --before DATE [--state STATE] > FILE.jsonl\n"
    "       amlaps-audit recover STATE STORE\n"
    "\n"
    "init     seals the trail from now on: makes STATE for AMLapsAuditSeal, and prints the verification key, once\n"
    "verify   checks every record of the trail and names the first bad one\n"
    "export   writes every record to standard output, oldest first; with --before removes them from the store afterwards\n"
    "recover  begins the sealing anew after STATE or STORE was lost or replaced, records that, and prints another key\n"
    "\n"
    "STORE        what AMLapsStore names: the file, with or without sqlite3: before it, pgsql:CONNINFO or pgsql:file:PATH\n"
    "STATE        the sealing state, as AMLapsAuditSeal names it\n"
    "FILE.jsonl   an export, or a copy that AMLapsAuditLog wrote\n"
    "--key        file:PATH with the verification key, or - to be asked for it; after recoveries all keys, a line each\n"
    "--anchor     a copy that AMLapsAuditLog wrote, kept where nobody who can change the store can reach it\n"
    "--state      verify: compare with the sealing state; export --before: the state of a sealed trail\n"
    "--after      HASH of the last record of the file that this one continues\n"
    "--format     jsonl (default): one JSON object a line; csv: for spreadsheets, formulas made harmless\n"
    "--before     a day (UTC) or time; older records go to the file, which must be a new one, and leave the store\n"
    "\n"
    "exit code: 0 done, and the trail is good; 1 a record is bad; 2 wrong use; 3 not readable or not writable\n";

int amlaps_tool_misuse(const char *what, const char *which)
{
    fprintf(stderr, "amlaps-audit: %s%s\n\n%s", what, which, usage);
    return AMLAPS_TOOL_USAGE;
}

int amlaps_tool_failed(const amlaps_error_t *error)
{
    fprintf(stderr, "amlaps-audit: %s: %s\n", error->id, error->detail);
    return AMLAPS_TOOL_UNREADABLE;
}

int amlaps_tool_flush(int code)
{
    const int reason = fflush(stdout) == 0 ? 0 : errno;

    if (reason == 0 && !ferror(stdout)) {
        return code;
    }
    /* What failed on the way left a reason that others have overwritten since. */
    fprintf(stderr, "amlaps-audit: standard output: %s\n", reason != 0 ? strerror(reason) : "it did not take everything; see whether its disk is full");
    return AMLAPS_TOOL_UNREADABLE;
}

void amlaps_tool_go_through(void)
{
    static const int ends[] = { SIGHUP, SIGINT, SIGPIPE, SIGTERM };
    size_t i;

    for (i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        signal(ends[i], SIG_IGN);
    }
}

/* ---- commands and their options ---- */

typedef struct option_t {
    const char *name;
    const char **value;
} option_t;

/** Takes "NAME VALUE" and "NAME=VALUE" out of the arguments. @return 1, or 0 where the value is missing */
static int take_option(const option_t *option, int *count, char **arguments)
{
    size_t length = strlen(option->name);
    int taken = 1;
    int i = 0;

    while (i < *count
           && !(strncmp(arguments[i], option->name, length) == 0 && (arguments[i][length] == '\0' || arguments[i][length] == '='))) {
        i++;
    }
    if (i == *count) {
        return 1;
    }
    if (arguments[i][length] == '=') {
        *option->value = arguments[i] + length + 1;
    } else if (i + 1 < *count) {
        *option->value = arguments[i + 1];
        taken = 2;
    } else {
        return 0;
    }
    *count -= taken;
    memmove(&arguments[i], &arguments[i + taken], (size_t)(*count - i) * sizeof(*arguments));
    return 1;
}

static int take_options(const option_t *options, int *count, char **arguments)
{
    for (; options->name != NULL; options++) {
        if (!take_option(options, count, arguments)) {
            return amlaps_tool_misuse("a value is missing after ", options->name);
        }
    }
    return AMLAPS_TOOL_GOOD;
}

/** @return AMLAPS_TOOL_GOOD where so many arguments are left, and none is an option that was not understood */
static int expect_arguments(int expected, int count, char **arguments, const char *missing)
{
    int i;

    for (i = 0; i < count; i++) {
        if (i >= expected || (arguments[i][0] == '-' && arguments[i][1] != '\0')) {
            return amlaps_tool_misuse("not understood: ", arguments[i]);
        }
    }
    return count < expected ? amlaps_tool_misuse(missing, "") : AMLAPS_TOOL_GOOD;
}

static int run_on_one(const char *command, int count, char **arguments, apr_pool_t *pool)
{
    amlaps_tool_options_t given = { 0 };
    const option_t verify[] = { { "--after", &given.after }, { "--anchor", &given.anchor }, { "--key", &given.key }, { "--state", &given.state },
                                { NULL, NULL } };
    const option_t export[] = { { "--before", &given.before }, { "--format", &given.format }, { "--state", &given.state }, { NULL, NULL } };
    int verifying = strcmp(command, "verify") == 0;
    int code = take_options(verifying ? verify : export, &count, arguments);

    if (code != AMLAPS_TOOL_GOOD || (code = expect_arguments(1, count, arguments, "name the store")) != AMLAPS_TOOL_GOOD
        || (code = amlaps_tool_check_store(arguments[0], 0, pool)) != AMLAPS_TOOL_GOOD) {
        return code;
    }
    return verifying ? amlaps_tool_verify(arguments[0], &given, pool) : amlaps_tool_export(arguments[0], &given, pool);
}

static int run_on_both(const char *command, int count, char **arguments, apr_pool_t *pool)
{
    const int beginning = strcmp(command, "init") == 0;
    int code = expect_arguments(2, count, arguments, "name the sealing state, then the store");

    if (code != AMLAPS_TOOL_GOOD || (code = amlaps_tool_check_state(arguments[0], pool)) != AMLAPS_TOOL_GOOD
        || (code = amlaps_tool_check_store(arguments[1], beginning, pool)) != AMLAPS_TOOL_GOOD) {
        return code;
    }
    return beginning ? amlaps_tool_init(arguments[0], arguments[1], pool) : amlaps_tool_recover(arguments[0], arguments[1], pool);
}

static int run(int count, char **arguments, apr_pool_t *pool)
{
    const char *command = count > 0 ? arguments[0] : "";

    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0) {
        fputs(usage, stdout);
        return amlaps_tool_flush(AMLAPS_TOOL_GOOD);
    }
    if (strcmp(command, "--version") == 0) {
        puts("amlaps-audit " AMLAPS_VERSION);
        return amlaps_tool_flush(AMLAPS_TOOL_GOOD);
    }
    if (strcmp(command, "verify") == 0 || strcmp(command, "export") == 0) {
        return run_on_one(command, count - 1, arguments + 1, pool);
    }
    if (strcmp(command, "init") == 0 || strcmp(command, "recover") == 0) {
        return run_on_both(command, count - 1, arguments + 1, pool);
    }
    return count > 0 ? amlaps_tool_misuse("no such command: ", command) : amlaps_tool_misuse("what shall be done?", "");
}

int main(int argc, char **argv)
{
    apr_pool_t *pool;
    int code = AMLAPS_TOOL_UNREADABLE;

    if (apr_initialize() == APR_SUCCESS && apr_pool_create(&pool, NULL) == APR_SUCCESS) {
        code = run(argc - 1, argv + 1, pool);
        apr_pool_destroy(pool);
    }
    apr_terminate();
    return code;
}
