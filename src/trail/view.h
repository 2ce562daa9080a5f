/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_VIEW_H
#define AMLAPS_TRAIL_VIEW_H

/*
 * What a verifier needs of one record's line. Two ways lead to it: a scanner that knows canonical JSON alone, and for every line that it does
 * not understand the strict parser, which is the judge. The scanner may only say yes where the parser would. Pure.
 */

#include "amlaps/digest.h"
#include "amlaps/json.h"

typedef struct amlaps_slice_t {
    const char *text; /* NULL: the record has no such text */
    apr_size_t length;
} amlaps_slice_t;

typedef enum amlaps_field_t {
    AMLAPS_FIELD_ACTOR_NAME,
    AMLAPS_FIELD_ACTOR_OID,
    AMLAPS_FIELD_ACTOR_SUBJECT,
    AMLAPS_FIELD_ACTOR_USERNAME,
    AMLAPS_FIELD_ANCHOR,
    AMLAPS_FIELD_CODE,
    AMLAPS_FIELD_DEVICE_ID,
    AMLAPS_FIELD_DEVICE_NAME,
    AMLAPS_FIELD_EVENT,
    AMLAPS_FIELD_HASH,
    AMLAPS_FIELD_ID,
    AMLAPS_FIELD_OUTCOME,
    AMLAPS_FIELD_PREV,
    AMLAPS_FIELD_SEAL_ANCHOR,
    AMLAPS_FIELD_SEAL_HASH,
    AMLAPS_FIELD_STAGE,
    AMLAPS_FIELD_TIME,
    AMLAPS_FIELDS
} amlaps_field_t;

#define AMLAPS_VIEW_PIECES 3

typedef struct amlaps_view_t {
    amlaps_slice_t field[AMLAPS_FIELDS];  /* unescaped; in the line itself or in the pool */
    apr_int64_t seq, version;             /* 0: none */
    apr_int64_t seal_first, seal_last;    /* 0: none */
    amlaps_piece_t hashed[AMLAPS_VIEW_PIECES]; /* the canonical text without hash and anchor */
    apr_size_t pieces;
} amlaps_view_t;

/** @return NULL, or why the line is no canonical record */
const char *amlaps_view_read(amlaps_view_t *view, const char *line, apr_size_t length, apr_pool_t *pool);

/** A record that left the store, and may have been written anew by another program: members in any order, white space, other escapes.
 *  The hash is over the canonical text, so that nothing of the record's meaning can change unseen. @return NULL, or why it is no record */
const char *amlaps_view_read_copy(amlaps_view_t *view, const char *line, apr_size_t length, apr_pool_t *pool);

/** The scanner alone, for its tests. @return 1, or 0: the parser must decide */
int amlaps_view_scan(amlaps_view_t *view, const char *line, apr_size_t length);

/** The parser alone. @return as amlaps_view_read */
const char *amlaps_view_parse(amlaps_view_t *view, const char *line, apr_size_t length, apr_pool_t *pool);

/** @return the name of the field's member, in the record or in one of its objects */
const char *amlaps_view_member(amlaps_field_t field);

/** @return 1 where both are the same text, or both are none */
int amlaps_slice_is(const amlaps_slice_t *slice, const char *text);

#endif
