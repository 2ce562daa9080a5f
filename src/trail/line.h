/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_LINE_H
#define AMLAPS_TRAIL_LINE_H

/*
 * A record's canonical JSON, cut at the members that only the writer knows. Workers render the rest, each on its own core, so that the one
 * writer of the machine only joins texts and hashes. Pure; any thread.
 */

#include "amlaps/json.h"

/** Members that the writer fills in, in canonical order. */
typedef enum amlaps_slot_t {
    AMLAPS_SLOT_ANCHOR,
    AMLAPS_SLOT_CODE,
    AMLAPS_SLOT_HASH,
    AMLAPS_SLOT_OUTCOME,
    AMLAPS_SLOT_PREV,
    AMLAPS_SLOT_SEQ,
    AMLAPS_SLOT_STAGE,
    AMLAPS_SLOT_TIME,
    AMLAPS_SLOTS
} amlaps_slot_t;

typedef struct amlaps_line_t {
    const char *part[AMLAPS_SLOTS + 1]; /* members before, between and after the slots, without braces; "" where there are none */
} amlaps_line_t;

/** Makes it a line without any members. */
void amlaps_line_clear(amlaps_line_t *line);

/** Adds a member whose name is no slot's. Members come in canonical order. @param value JSON text */
void amlaps_line_add(amlaps_line_t *line, const char *name, const char *value, apr_pool_t *pool);

/** Joins the line with JSON texts for the slots; a slot that is NULL is left out. */
const char *amlaps_line_join(apr_size_t *length, const amlaps_line_t *line, const char *const value[AMLAPS_SLOTS], apr_pool_t *pool);

#endif
