/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_MARK_H
#define AMLAPS_TRAIL_MARK_H

/*
 * Records are found by what their text says. A look goes through all of them, and most lack what is looked for: the bytes of a line show
 * that, so that few lines are read. Pure.
 */

#include "view.h"

/** A text that a record may have in one of its fields. */
typedef struct amlaps_mark_t {
    amlaps_field_t field;
    const char *text;
    const char *member; /* as a canonical record has it: "name":"text" */
    apr_size_t length;
} amlaps_mark_t;

/** @param text lives as long as the mark */
void amlaps_mark_make(amlaps_mark_t *mark, amlaps_field_t field, const char *text, apr_pool_t *pool);

/** @return 0: the line has no such field; 1: amlaps_mark_is decides, once the line was read */
int amlaps_mark_may_be(const amlaps_mark_t *mark, const char *line, apr_size_t length);

int amlaps_mark_is(const amlaps_mark_t *mark, const amlaps_view_t *view);

#endif
