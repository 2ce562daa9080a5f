/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "line.h"

#include <string.h>

#include <apr_strings.h>

static const char *const names[AMLAPS_SLOTS] = { "code", "hash", "outcome", "prev", "seq", "stage", "time" };

/** @return the end of the member that begins at `text`: its comma, or the brace that closes the object */
static char *end_of_member(char *text)
{
    int depth = 0;
    int quoted = 0;

    for (; quoted || depth > 0 || (*text != ',' && *text != '}'); text++) {
        if (quoted && *text == '\\') {
            text++;
        } else if (*text == '"') {
            quoted = !quoted;
        } else if (!quoted) {
            depth += (*text == '{' || *text == '[') - (*text == '}' || *text == ']');
        }
    }
    return text;
}

/** Where in the line the member belongs whose name begins at `name` and ends with a quote. */
static int part_of(const char *name)
{
    size_t length = strcspn(name, "\"");
    int part = 0;

    while (part < AMLAPS_SLOTS && strncmp(name, names[part], length) > 0) {
        part++;
    }
    return part;
}

void amlaps_line_cut(amlaps_line_t *line, amlaps_json_t *record, apr_pool_t *pool)
{
    char *text;
    int part;
    int i;

    for (i = 0; i < AMLAPS_SLOTS; i++) {
        amlaps_json_remove(record, names[i]);
        line->part[i] = "";
    }
    line->part[AMLAPS_SLOTS] = "";
    text = apr_pstrdup(pool, amlaps_json_canonical(record, pool)) + 1;
    while (*text == '"') {
        char *end = end_of_member(text);

        part = part_of(text + 1);
        if (*line->part[part] == '\0') {
            line->part[part] = text;
            if (text[-1] == ',') {
                text[-1] = '\0';
            }
        }
        text = *end == ',' ? end + 1 : end;
    }
    if (*text == '}') {
        *text = '\0';
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
