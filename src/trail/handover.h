/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_HANDOVER_H
#define AMLAPS_TRAIL_HANDOVER_H

/* Gives one copy some lines, and what it missed of the records before them, in order and without a gap. */

#include "sink.h"
#include "trouble.h"

typedef struct amlaps_handover_t {
    const char *store; /* its name, to read what the copy missed */
    amlaps_trouble_t *trouble;
    amlaps_sink_t *sink;
    amlaps_copy_state_t *state;
    amlaps_copies_t copies; /* those new; `first` counts also where there are none */
    apr_time_t until;       /* steady */
    amlaps_error_t error;   /* out */
    apr_pool_t *pool;
} amlaps_handover_t;

/** One thread of all children at a time: under the shared mutex, and of a file under the copy's lead. @return error.status */
apr_status_t amlaps_hand_over(amlaps_handover_t *handover);

#endif
