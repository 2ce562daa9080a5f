/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "line.h"

#include <string.h>

#include <apr_strings.h>

static const char *const names[AMLAPS_SLOTS] = { "code", "hash", "outcome", "prev", "seq", "stage", "time" };

typedef struct cutting_t {
    amlaps_json_t *part[AMLAPS_SLOTS + 1];
} cutting_t;

static int sort_member(void *baton, const char *name, amlaps_json_t *value)
{
    cutting_t *cutting = baton;
    int part = 0;

    while (part < AMLAPS_SLOTS && strcmp(name, names[part]) > 0) {
        part++;
    }
    if (part == AMLAPS_SLOTS || strcmp(name, names[part]) != 0) {
        amlaps_json_set(cutting->part[part], name, value);
    }
    return 1;
}

void amlaps_line_cut(amlaps_line_t *line, const amlaps_json_t *record, apr_pool_t *pool)
{
    cutting_t cutting;
    int i;

    for (i = 0; i <= AMLAPS_SLOTS; i++) {
        cutting.part[i] = amlaps_json_make_object(pool);
    }
    amlaps_json_each(record, sort_member, &cutting);
    for (i = 0; i <= AMLAPS_SLOTS; i++) {
        const char *text = amlaps_json_canonical(cutting.part[i], pool);

        line->part[i] = apr_pstrmemdup(pool, text + 1, strlen(text) - 2);
    }
}

static char *append(char *end, const char *text)
{
    size_t length = strlen(text);

    memcpy(end, text, length);
    return end + length;
}

static char *append_part(char *end, const char *start, const char *text)
{
    if (*text != '\0') {
        if (end - start > 1) {
            *end++ = ',';
        }
        end = append(end, text);
    }
    return end;
}

const char *amlaps_line_join(apr_size_t *length, const amlaps_line_t *line, const char *const value[AMLAPS_SLOTS], apr_pool_t *pool)
{
    size_t room = 3;
    char *text;
    char *end;
    int i;

    for (i = 0; i <= AMLAPS_SLOTS; i++) {
        room += strlen(line->part[i]) + 1;
        if (i < AMLAPS_SLOTS && value[i] != NULL) {
            room += strlen(names[i]) + strlen(value[i]) + sizeof("\"\":,");
        }
    }
    text = apr_palloc(pool, room);
    end = append(text, "{");
    for (i = 0; i <= AMLAPS_SLOTS; i++) {
        end = append_part(end, text, line->part[i]);
        if (i < AMLAPS_SLOTS && value[i] != NULL) {
            end = append_part(end, text, "\"");
            end = append(append(append(end, names[i]), "\":"), value[i]);
        }
    }
    *end++ = '}';
    *end = '\0';
    *length = (apr_size_t)(end - text);
    return text;
}
