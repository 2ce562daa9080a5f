/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_SINKS_H
#define AMLAPS_TRAIL_SINKS_H

/*
 * Copies of the records as JSON lines, in chain order and without a gap: what a copy missed is read from the store and comes first. The
 * writer's thread, under the shared mutex, after the store took the records.
 */

#include "sink.h"

typedef struct amlaps_sinks_t amlaps_sinks_t;

/** The descriptors stay the caller's. @param store its name, to read what a copy missed; kept, as it may hold a password */
amlaps_sinks_t *amlaps_sinks_make(const char *store, const amlaps_trail_sink_t *sinks, apr_size_t count, amlaps_trail_shared_t *shared,
                                  apr_pool_t *pool);

/**
 * Gives the lines to every copy.
 * @param patience how long required ones may take, all together; of optional ones, a file is waited for at most a quarter of a second, others not
 * @return an error where a required one has not taken all of them. That is logged here, as those of the others are: see amlaps_sinks_said
 */
apr_status_t amlaps_sinks_write(amlaps_sinks_t *sinks, const amlaps_copies_t *copies, apr_interval_time_t patience, amlaps_error_t *error,
                                apr_pool_t *pool);

/** @return 1 where that is the error with which amlaps_sinks_write failed last: it was logged then, unless it had been within the last minute */
int amlaps_sinks_said(const amlaps_sinks_t *sinks, const amlaps_error_t *error);
/** Forgets that, as each batch must first: the store's own trouble may be the same, and is nobody else's to tell. @param sinks or NULL */
void amlaps_sinks_forget(amlaps_sinks_t *sinks);

/** @return 0 where no copy lacks records that should be tried again before the next record comes, 1 where only optional ones do, 2 */
int amlaps_sinks_behind(const amlaps_sinks_t *sinks);

/** Gives copies what they lack, as amlaps_sinks_write without lines. */
apr_status_t amlaps_sinks_catch_up(amlaps_sinks_t *sinks, apr_interval_time_t patience, amlaps_error_t *error, apr_pool_t *pool);

/** Closes what the sinks opened themselves. */
void amlaps_sinks_close(amlaps_sinks_t *sinks);

#endif
