/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_SINK_H
#define AMLAPS_TRAIL_SINK_H

/* Copies of the records as JSON lines, written in chain order under the shared mutex, after the store took them. */

#include "shared.h"
#include "trouble.h"

typedef struct amlaps_sinks_t amlaps_sinks_t;

typedef struct amlaps_copies_t {
    const char **line;  /* without line feed */
    apr_size_t *length;
    apr_size_t count;
} amlaps_copies_t;

/** The descriptors stay the caller's. */
amlaps_sinks_t *amlaps_sinks_make(const amlaps_trail_sink_t *sinks, apr_size_t count, amlaps_trail_shared_t *shared,
                                  amlaps_trouble_t *trouble, apr_pool_t *pool);

/** Writes to every sink, one write each. @return an error where a required one failed; the others are only logged */
apr_status_t amlaps_sinks_write(amlaps_sinks_t *sinks, const amlaps_copies_t *copies, amlaps_error_t *error, apr_pool_t *pool);

#endif
