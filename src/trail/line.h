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

/** A line while it is written: one text with a NUL behind each part. */
typedef struct amlaps_line_out_t {
    char *bytes;
    apr_size_t length, room;
    apr_size_t start[AMLAPS_SLOTS + 1];
    int part;                  /* the one that is being written */
    apr_size_t before, inside; /* of an object that is open: where it, and its members, begin; `inside` 0: none is */
    apr_pool_t *pool;
} amlaps_line_out_t;

void amlaps_line_begin(amlaps_line_out_t *out, apr_pool_t *pool);

/** Members, none of them a slot, in canonical order. What is NULL is left out. @param json JSON text */
void amlaps_line_put_text(amlaps_line_out_t *out, const char *name, const char *text, apr_size_t length);
void amlaps_line_put_json(amlaps_line_out_t *out, const char *name, const char *json);

/** A member that is an object of those put until it is closed; without any it is left out. Objects hold no others. */
void amlaps_line_open(amlaps_line_out_t *out, const char *name);
void amlaps_line_close(amlaps_line_out_t *out);

/** @param line points into memory of the pool */
void amlaps_line_end(amlaps_line_t *line, amlaps_line_out_t *out);

/** Joins the line with JSON texts for the slots; a slot that is NULL is left out. */
const char *amlaps_line_join(apr_size_t *length, const amlaps_line_t *line, const char *const value[AMLAPS_SLOTS], apr_pool_t *pool);

#endif
