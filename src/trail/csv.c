/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include <apr_strings.h>

#include "amlaps/trail.h"

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

/** Where semicolons or tabs separate, as in much of Europe, spreadsheets end cells at them in spite of the quotes, and begin new ones behind them. */
static int begins_formula(const char *separator)
{
    const char *text = separator + 1;

    return strchr(";\t\r\n", *separator) != NULL && is_formula(text + strspn(text, " \t\r\n\""));
}

/** Appends a quoted cell, which takes at most twice the text and three bytes more. */
static char *write_cell(char *end, const char *text)
{
    const char *first = text + strspn(text, " \t\r\n"); /* what stands before it has its apostrophe */

    *end++ = '"';
    if (is_formula(text)) {
        *end++ = '\'';
    }
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            *end++ = '"';
        }
        *end++ = *text;
        if (text >= first && begins_formula(text)) {
            *end++ = '\'';
        }
    }
    *end++ = '"';
    return end;
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

const char *amlaps_trail_csv_head(apr_pool_t *pool)
{
    const char *row = columns[0].name;
    size_t i;

    for (i = 1; i < COLUMNS; i++) {
        row = apr_pstrcat(pool, row, ",", columns[i].name, NULL);
    }
    return apr_pstrcat(pool, row, "\r\n", NULL);
}

const char *amlaps_trail_csv_row(apr_int64_t seq, const char *json, apr_pool_t *pool)
{
    amlaps_json_t *record = NULL;
    const char *text[COLUMNS];
    size_t room = sizeof("\r\n");
    char *row, *end;
    size_t i;

    if (amlaps_json_parse(&record, NULL, json, strlen(json), pool) != APR_SUCCESS) {
        /* Every row of the store gets one here; verify says what is wrong with it. */
        record = amlaps_json_make_object(pool);
        amlaps_json_set_integer(record, "seq", seq);
    }
    for (i = 0; i < COLUMNS; i++) {
        text[i] = cell(record, &columns[i], pool);
        room += 2 * strlen(text[i]) + sizeof("\"'\",");
    }
    end = row = apr_palloc(pool, room);
    for (i = 0; i < COLUMNS; i++) {
        if (i > 0) {
            *end++ = ',';
        }
        end = write_cell(end, text[i]);
    }
    strcpy(end, "\r\n");
    return row;
}
