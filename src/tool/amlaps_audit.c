/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "amlaps/trail.h"

/* Exit codes, named in the usage text. */
enum { GOOD = 0, BAD = 1, USAGE = 2, UNREADABLE = 3 };

static const char usage[] =
    "usage: amlaps-audit verify STORE|FILE.jsonl [--after HASH]\n"
    "       amlaps-audit export STORE [--format jsonl|csv]\n"
    "\n"
    "verify  checks every record of the trail and names the first bad one\n"
    "export  writes every record to standard output, oldest first\n"
    "\n"
    "STORE        what AMLapsStore names: the file, with or without sqlite3: before it, pgsql:CONNINFO or pgsql:file:PATH\n"
    "FILE.jsonl   an export, or a copy that AMLapsAuditLog wrote\n"
    "--after      HASH of the last record of the file that this one continues\n"
    "--format     jsonl (default): one JSON object a line; csv: for spreadsheets, formulas made harmless\n"
    "\n"
    "exit code: 0 done, and the trail is good; 1 a record is bad; 2 wrong use; 3 not readable or not writable\n";

static int misuse(const char *what, const char *which)
{
    fprintf(stderr, "amlaps-audit: %s%s\n\n%s", what, which, usage);
    return USAGE;
}

static int failed(const amlaps_error_t *error)
{
    fprintf(stderr, "amlaps-audit: %s: %s\n", error->id, error->detail);
    return UNREADABLE;
}

/** The store's name as the library wants it; NULL where the argument is a file of JSON lines. */
static const char *store_name(const char *argument, apr_pool_t *pool)
{
    static const char magic[] = "SQLite format 3";
    char start[sizeof(magic)] = "";
    char *full;
    FILE *file;

    if (strncmp(argument, "pgsql:", 6) == 0) {
        return argument;
    }
    if (strncmp(argument, "sqlite3:", 8) == 0) {
        argument += 8;
    } else {
        file = fopen(argument, "re");
        if (file == NULL || fread(start, 1, sizeof(start), file) != sizeof(start) || memcmp(start, magic, sizeof(magic)) != 0) {
            argument = NULL;
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    if (argument == NULL) {
        return NULL;
    }
    full = argument[0] == '/' ? NULL : realpath(argument, NULL);
    argument = apr_pstrcat(pool, "sqlite3:", full != NULL ? full : argument, NULL);
    free(full);
    return argument;
}

static int verify(const char *target, const char *after, apr_pool_t *pool)
{
    const char *store = store_name(target, pool);
    amlaps_error_t error = { 0 };
    const amlaps_verify_with_t with = { .after = after };
    amlaps_verify_t result;
    apr_status_t status;

    if (store != NULL && after != NULL) {
        return misuse("--after is for files; a store begins with record 1", "");
    }
    status = store != NULL ? amlaps_trail_verify(&result, &error, store, &with, pool)
                           : amlaps_trail_verify_file(&result, &error, target, &with, pool);
    if (status != APR_SUCCESS) {
        return failed(&error);
    }
    if (result.first_bad != 0) {
        printf("BAD record %" APR_INT64_T_FMT ": %s\n", result.first_bad, result.problem);
        printf("%" APR_INT64_T_FMT " records before it are good\n", result.records);
    } else {
        printf("good: %" APR_INT64_T_FMT " records, the last is %" APR_INT64_T_FMT " with hash %s\n", result.records, result.last, result.head);
    }
    if (fflush(stdout) != 0) {
        perror("amlaps-audit: standard output");
        return UNREADABLE;
    }
    return result.first_bad != 0 ? BAD : GOOD;
}

static int write_line(void *baton, apr_int64_t seq, const char *json)
{
    (void)baton;
    (void)seq;
    return fputs(json, stdout) >= 0 && putchar('\n') != EOF;
}

static int write_row(void *baton, apr_int64_t seq, const char *json)
{
    apr_pool_clear(baton);
    return fputs(amlaps_trail_csv_row(seq, json, baton), stdout) >= 0;
}

static int export_all(const char *target, const char *format, apr_pool_t *pool)
{
    const char *store = store_name(target, pool);
    amlaps_error_t error = { 0 };
    apr_status_t status;
    apr_pool_t *row;

    if (format != NULL && strcmp(format, "jsonl") != 0 && strcmp(format, "csv") != 0) {
        return misuse("no such format: ", format);
    }
    if (store == NULL) {
        fprintf(stderr, "amlaps-audit: %s is no store\n", target);
        return UNREADABLE;
    }
    if (apr_pool_create(&row, pool) != APR_SUCCESS) {
        return UNREADABLE;
    }
    if (format != NULL && strcmp(format, "csv") == 0) {
        fputs(amlaps_trail_csv_head(row), stdout);
        status = amlaps_trail_each(&error, store, write_row, row, pool);
    } else {
        status = amlaps_trail_each(&error, store, write_line, NULL, pool);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("amlaps-audit: standard output");
        return UNREADABLE;
    }
    return status == APR_SUCCESS ? GOOD : failed(&error);
}

/** Takes "NAME VALUE" and "NAME=VALUE" out of the arguments. @return 1, or 0 where the value is missing */
static int take_option(const char **value, int *count, char **arguments, const char *name)
{
    size_t length = strlen(name);
    int taken = 1;
    int i = 0;

    while (i < *count && !(strncmp(arguments[i], name, length) == 0 && (arguments[i][length] == '\0' || arguments[i][length] == '='))) {
        i++;
    }
    if (i == *count) {
        return 1;
    }
    if (arguments[i][length] == '=') {
        *value = arguments[i] + length + 1;
    } else if (i + 1 < *count) {
        *value = arguments[i + 1];
        taken = 2;
    } else {
        return 0;
    }
    *count -= taken;
    memmove(&arguments[i], &arguments[i + taken], (size_t)(*count - i) * sizeof(*arguments));
    return 1;
}

/** Puts the content of the file in place of pgsql:file:PATH. @return NULL, or what to write instead */
static const char *open_target(const char **target, const char *argument, apr_pool_t *pool)
{
    const char *mistake = strncmp(argument, "pgsql:", 6) == 0 ? amlaps_trail_check_store(argument, pool) : NULL;

    return mistake != NULL ? mistake : amlaps_trail_read_store(target, argument, pool);
}

static int is_hash(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static int run(int count, char **arguments, apr_pool_t *pool)
{
    const char *command = count > 0 ? arguments[0] : "";
    int verifying = strcmp(command, "verify") == 0;
    const char *option = verifying ? "--after" : "--format";
    const char *value = NULL;
    const char *target, *mistake;

    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0) {
        return fputs(usage, stdout) < 0 || fflush(stdout) != 0 ? UNREADABLE : GOOD;
    }
    if (strcmp(command, "--version") == 0) {
        return puts("amlaps-audit " AMLAPS_VERSION) < 0 || fflush(stdout) != 0 ? UNREADABLE : GOOD;
    }
    if (!verifying && strcmp(command, "export") != 0) {
        return count > 0 ? misuse("no such command: ", command) : misuse("what shall be done?", "");
    }
    count--;
    arguments++;
    if (!take_option(&value, &count, arguments, option)) {
        return misuse("a value is missing after ", option);
    }
    if (count != 1 || arguments[0][0] == '-') {
        return misuse(count == 0 ? "name the store" : "not understood: ", count == 0 ? "" : arguments[count - 1]);
    }
    if (verifying && value != NULL && !is_hash(value)) {
        return misuse("a hash has 64 hexadecimal digits in lower case: ", value);
    }
    if ((mistake = open_target(&target, arguments[0], pool)) != NULL) {
        return misuse(mistake, "");
    }
    return verifying ? verify(target, value, pool) : export_all(target, value, pool);
}

int main(int argc, char **argv)
{
    apr_pool_t *pool;
    int code = UNREADABLE;

    if (apr_initialize() == APR_SUCCESS && apr_pool_create(&pool, NULL) == APR_SUCCESS) {
        code = run(argc - 1, argv + 1, pool);
        apr_pool_destroy(pool);
    }
    apr_terminate();
    return code;
}
