/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_RECORD_H
#define AMLAPS_TRAIL_RECORD_H

/* What the room itself needs of a record beyond the face: its words and the columns that auditors filter by. */

#include "amlaps/trail.h"

#define AMLAPS_RECORD_VERSION 1
#define AMLAPS_RECORD_HASH 64

const char *amlaps_record_stage(amlaps_stage_t stage);
const char *amlaps_record_event(amlaps_event_t event);
const char *amlaps_record_outcome(amlaps_outcome_t outcome);

/** Who acted and on which device, in the one word that the store's columns hold; NULL where the record names none. Borrowed from `json`. */
const char *amlaps_record_actor(const amlaps_json_t *json);
const char *amlaps_record_device(const amlaps_json_t *json);

/** The line of a copy: the record, and its anchor where the trail is sealed. @param anchor NULL: unsealed */
const char *amlaps_record_copy(apr_size_t *length, const char *body, apr_size_t body_length, const char *anchor, apr_pool_t *pool);

#endif
