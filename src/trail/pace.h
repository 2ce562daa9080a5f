/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_PACE_H
#define AMLAPS_TRAIL_PACE_H

/*
 * When the writer begins its next transaction. Where records come so fast that transactions are what people wait for, one that begins a little later
 * holds more of them, costs hardly more, and so all are done sooner: it then waits for half of those who lately waited at the same time, while the
 * other half is at work elsewhere. Where fewer come, each begins at once, and so it does where the disk takes so long that more come meanwhile than
 * any wait would bring. Not thread-safe.
 */

#include <apr.h>
#include <apr_time.h>

typedef struct amlaps_pace_t {
    apr_time_t began; /* the last transaction, on the steady clock */
    double rate;      /* records in a millisecond, lately */
    double crowd;     /* the most records that waited at the same time, lately */
    double took;      /* microseconds a transaction, lately */
} amlaps_pace_t;

/** Notes a transaction. @param began, ended on the steady clock @param records in it @param waiting for the next one when it was over */
void amlaps_pace_note(amlaps_pace_t *pace, apr_time_t began, apr_time_t ended, apr_size_t records, apr_size_t waiting);

/** @return 1 where transactions lately took so long that people wait for the disk, not for a processor */
int amlaps_pace_is_slow(const amlaps_pace_t *pace);

/** @return how many records the next transaction shall wait for; 0: it begins at once */
apr_size_t amlaps_pace_goal(const amlaps_pace_t *pace);

/** @return for how long at most, in microseconds from `now`; 0 or less: no longer */
apr_interval_time_t amlaps_pace_left(const amlaps_pace_t *pace, apr_time_t now);

#endif
