/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "tool.h"

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

/** The last one must be on disk before the store forgets them; of a pipe nobody can know. */
static int write_safely(void *baton, apr_int64_t seq, const char *json)
{
    if (json != NULL) {
        return write_line(baton, seq, json);
    }
    amlaps_tool_go_through();
    return fflush(stdout) == 0 && !ferror(stdout) && (lseek(STDOUT_FILENO, 0, SEEK_CUR) < 0 || fsync(STDOUT_FILENO) == 0);
}

static int read_date(apr_time_t *time, const char *text, apr_pool_t *pool)
{
    return amlaps_text_read_time(time, strchr(text, 'T') != NULL ? text : apr_pstrcat(pool, text, "T00:00:00Z", NULL));
}

static int retain(const char *store, const amlaps_tool_options_t *options, apr_pool_t *pool)
{
    amlaps_error_t error = { 0 };
    amlaps_retained_t retained;
    apr_time_t before;

    if (options->format != NULL && strcmp(options->format, "jsonl") != 0) {
        return amlaps_tool_misuse("what is removed from the store must be exported as jsonl, which can be verified", "");
    }
    if (!read_date(&before, options->before, pool)) {
        return amlaps_tool_misuse("--before takes a day, as in 2026-01-31, or a time, as in 2026-01-31T12:00:00Z: ", options->before);
    }
    if (isatty(STDOUT_FILENO)) {
        return amlaps_tool_misuse("what is removed from the store must go to a file: write > FILE.jsonl after it", "");
    }
    if (amlaps_trail_retain(&retained, &error, store, options->state != NULL ? amlaps_tool_path(options->state, pool) : NULL, before,
                            amlaps_tool_who(pool), write_safely, NULL, pool) != APR_SUCCESS) {
        const int code = amlaps_tool_failed(&error);

        fputs(retained.told ? "amlaps-audit: but the export is whole, and a record tells of it: keep the file. Records before that day which the store still has\n"
                              "amlaps-audit: go with the next export, into another file\n"
                            : "amlaps-audit: nothing was removed from the store; throw away what was written\n", stderr);
        return code;
    }
    if (retained.last == 0) {
        fputs("amlaps-audit: there are no records before that, or only the newest one, which always stays; the export is empty\n", stderr);
    } else {
        fprintf(stderr, "amlaps-audit: records %" APR_INT64_T_FMT " to %" APR_INT64_T_FMT " were exported and removed; the last has hash %s\n",
                retained.first, retained.last, retained.hash);
    }
    return AMLAPS_TOOL_GOOD;
}

int amlaps_tool_export(const char *target, const amlaps_tool_options_t *options, apr_pool_t *pool)
{
    const char *store = amlaps_tool_store(target, pool);
    const char *format = options->format != NULL ? options->format : "jsonl";
    amlaps_error_t error = { 0 };
    apr_status_t status;
    apr_pool_t *row;

    if (strcmp(format, "jsonl") != 0 && strcmp(format, "csv") != 0) {
        return amlaps_tool_misuse("no such format: ", format);
    }
    if (options->state != NULL && options->before == NULL) {
        return amlaps_tool_misuse("--state goes with --before here", "");
    }
    if (store == NULL) {
        return amlaps_tool_no_store(target);
    }
    if (options->before != NULL) {
        return retain(store, options, pool);
    }
    if (apr_pool_create(&row, pool) != APR_SUCCESS) {
        return AMLAPS_TOOL_UNREADABLE;
    }
    if (strcmp(format, "csv") == 0) {
        fputs(amlaps_trail_csv_head(row), stdout);
        status = amlaps_trail_each(&error, store, write_row, row, pool);
    } else {
        status = amlaps_trail_each(&error, store, write_line, NULL, pool);
    }
    return amlaps_tool_flush(status == APR_SUCCESS ? AMLAPS_TOOL_GOOD : amlaps_tool_failed(&error));
}
