/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "line.h"

#include <string.h>

#include <apr_strings.h>

static const char *const names[AMLAPS_SLOTS] = { "anchor", "code", "hash", "outcome", "prev", "seq", "stage", "time" };

void amlaps_line_clear(amlaps_line_t *line)
{
    int i;

    for (i = 0; i <= AMLAPS_SLOTS; i++) {
        line->part[i] = "";
    }
}

void amlaps_line_add(amlaps_line_t *line, const char *name, const char *value, apr_pool_t *pool)
{
    int part = 0;

    while (part < AMLAPS_SLOTS && strcmp(name, names[part]) > 0) {
        part++;
    }
    line->part[part] = apr_pstrcat(pool, line->part[part], *line->part[part] != '\0' ? ",\"" : "\"", name, "\":", value, NULL);
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
