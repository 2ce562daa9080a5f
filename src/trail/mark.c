/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "mark.h"

#include <string.h>

#include <apr_strings.h>

void amlaps_mark_make(amlaps_mark_t *mark, amlaps_field_t field, const char *text, apr_pool_t *pool)
{
    const apr_size_t length = strlen(text);
    const char *name = apr_pstrcat(pool, "\"", amlaps_view_member(field), "\":", NULL);
    const apr_size_t before = strlen(name);
    char *member = apr_palloc(pool, before + 6 * length + 3);

    memcpy(member, name, before);
    mark->field = field;
    mark->text = text;
    mark->member = member;
    mark->length = before + amlaps_json_write_text(member + before, text, length);
}

/* Canonical JSON has one way to write a text, and its names have no white space behind them. */
int amlaps_mark_may_be(const amlaps_mark_t *mark, const char *line, apr_size_t length)
{
    return memmem(line, length, mark->member, mark->length) != NULL;
}

int amlaps_mark_is(const amlaps_mark_t *mark, const amlaps_view_t *view)
{
    return amlaps_slice_is(&view->field[mark->field], mark->text);
}
