/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "csv.h"

#include <string.h>

#include <apr_strings.h>

typedef struct column_t {
    const char *name;
    const char *object; /* NULL: the record itself */
    const char *member;
} column_t;

static const column_t columns[] = {
    { "seq", NULL, "seq" }, { "time", NULL, "time" }, { "id", NULL, "id" }, { "stage", NULL, "stage" }, { "event", NULL, "event" },
    { "outcome", NULL, "outcome" }, { "code", NULL, "code" }, { "username", "actor", "username" }, { "name", "actor", "name" },
    { "oid", "actor", "oid" }, { "tid", "actor", "tid" }, { "issuer", "actor", "issuer" }, { "subject", "actor", "subject" },
    { "address", NULL, "address" }, { "tenant", "device", "tenant" }, { "deviceId", "device", "deviceId" },
    { "deviceName", "device", "name" }, { "rule", NULL, "rule" }, { "reason", NULL, "reason" }, { "search", NULL, "search" },
    { "graphRequestId", "graph", "requestId" }, { "graphStatus", "graph", "status" }, { "graphAttempts", "graph", "attempts" },
    { "account", "credential", "account" }, { "backedUp", "credential", "backedUp" }, { "prev", NULL, "prev" }, { "hash", NULL, "hash" }
};

#define COLUMNS (sizeof(columns) / sizeof(*columns))

/** Spreadsheets look past white space, and some take full-width signs for plain ones. */
static int is_formula(const char *text)
{
    static const char *const wide[] = { "\xEF\xBC\x9D", "\xEF\xBC\x8B", "\xEF\xBC\x8D", "\xEF\xBC\xA0" };
    size_t i;

    if (*text == '\t' || *text == '\r' || *text == '\n') {
        return 1;
    }
    text += strspn(text, " \t\r\n");
    if (*text != '\0' && strchr("=+-@", *text) != NULL) {
        return 1;
    }
    for (i = 0; i < sizeof(wide) / sizeof(*wide); i++) {
        if (strncmp(text, wide[i], 3) == 0) {
            return 1;
        }
    }
    return 0;
}

static void write_cell(FILE *file, const char *text)
{
    putc('"', file);
    if (is_formula(text)) {
        putc('\'', file);
    }
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            putc('"', file);
        }
        putc(*text, file);
    }
    putc('"', file);
}

static const char *cell(const amlaps_json_t *record, const column_t *column, apr_pool_t *pool)
{
    const amlaps_json_t *object = column->object != NULL ? amlaps_json_member(record, column->object) : record;
    const amlaps_json_t *value = amlaps_json_member(object, column->member);
    const char *text = amlaps_json_text(value);

    if (text != NULL) {
        return text;
    }
    return value != NULL ? amlaps_json_canonical(value, pool) : "";
}

static int end_row(FILE *file)
{
    fputs("\r\n", file);
    return !ferror(file);
}

int amlaps_csv_head(FILE *file)
{
    size_t i;

    for (i = 0; i < COLUMNS; i++) {
        fputs(i > 0 ? "," : "", file);
        fputs(columns[i].name, file);
    }
    return end_row(file);
}

int amlaps_csv_row(FILE *file, apr_int64_t seq, const char *json, apr_pool_t *pool)
{
    amlaps_json_t *record = NULL;
    size_t i;

    apr_pool_clear(pool);
    if (amlaps_json_parse(&record, NULL, json, strlen(json), pool) != APR_SUCCESS) {
        /* Every row of the store gets one here; verify says what is wrong with it. */
        record = amlaps_json_make_object(pool);
        amlaps_json_set_integer(record, "seq", seq);
    }
    for (i = 0; i < COLUMNS; i++) {
        fputs(i > 0 ? "," : "", file);
        write_cell(file, cell(record, &columns[i], pool));
    }
    return end_row(file);
}
