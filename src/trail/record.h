/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_RECORD_H
#define AMLAPS_TRAIL_RECORD_H

/* What the room itself needs of a record beyond the face: its words, and what PostgreSQL keeps in columns beside it. */

#include "amlaps/digest.h"
#include "amlaps/trail.h"
#include "line.h"

#define AMLAPS_RECORD_VERSION 1
#define AMLAPS_RECORD_HASH 64

/* Codes of the records of event `audit` that amlaps-audit writes. */
#define AMLAPS_RECORD_SEALED "sealed"
#define AMLAPS_RECORD_RECOVERED "recovered"
#define AMLAPS_RECORD_EXPORTED "exported"
/* And of the one that a silent trail gets. */
#define AMLAPS_RECORD_ALIVE "alive"

const char *amlaps_record_stage(amlaps_stage_t stage);
const char *amlaps_record_event(amlaps_event_t event);
const char *amlaps_record_outcome(amlaps_outcome_t outcome);

/** The hash of a record: SHA-256 over the text of `prev` and the canonical JSON without `hash`. @param body canonical, without hash */
void amlaps_record_hash(char hex[AMLAPS_RECORD_HASH + 1], amlaps_digest_t *digest, const char *prev, const char *body, apr_size_t length);

/** The record's members but time, seq, prev and hash, which the writer adds; stage, outcome and code are the writer's too, since it may deny. */
void amlaps_record_line(amlaps_line_t *line, const amlaps_record_t *record, apr_pool_t *pool);

/** The record's code as JSON text; NULL: it has none. */
const char *amlaps_record_code(const amlaps_record_t *record, apr_pool_t *pool);

/** The words of the next two functions, before the record is JSON. */
const char *amlaps_record_who(const amlaps_record_t *record, apr_pool_t *pool);
const char *amlaps_record_what(const amlaps_record_t *record, apr_pool_t *pool);

/** Who acted and on which device, in the one word that the store's columns hold; NULL where the record names none. Borrowed from `json`. */
const char *amlaps_record_actor(const amlaps_json_t *json);
const char *amlaps_record_device(const amlaps_json_t *json);

/** The line of a copy: the record, and its anchor where the trail is sealed, legible. Its hash is over the canonical text. @param anchor NULL: unsealed */
const char *amlaps_record_copy(apr_size_t *length, const char *body, apr_size_t body_length, const char *anchor, apr_pool_t *pool);

#endif
