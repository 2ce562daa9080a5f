/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_WRITER_H
#define AMLAPS_TRAIL_WRITER_H

/* The thread that writes, and the queue before it. */

#include "batch.h"
#include "trouble.h"

typedef struct amlaps_writer_t amlaps_writer_t;

/**
 * Starts the thread. `pool` must be nobody's child: where the thread is stuck in the kernel when the child ends, it is never destroyed.
 * @param timeout how long a worker waits for its record
 */
apr_status_t amlaps_writer_start(amlaps_writer_t **writer, const amlaps_batch_t *batch, apr_interval_time_t timeout,
                                 amlaps_trouble_t *trouble, apr_pool_t *pool);

/**
 * Hands the job to the writer and waits. Takes the job over in any case.
 * @param job to be freed by amlaps_job_free where it returns 1
 * @param error set where it returns 0: no answer in time, or the writer has no hope of one
 * @return 1 where the job is done, with what came of it inside
 */
int amlaps_writer_do(amlaps_writer_t *writer, amlaps_job_t *job, amlaps_error_t *error);

int amlaps_writer_healthy(amlaps_writer_t *writer);

/** How the seal stood with the last batch. */
amlaps_seal_standing_t amlaps_writer_seal(amlaps_writer_t *writer);

/** Takes no more, lets the thread finish within `patience`. @return 1 where nothing of it runs any more, 0 where it must be left alone */
int amlaps_writer_stop(amlaps_writer_t *writer, apr_interval_time_t patience);

#endif
