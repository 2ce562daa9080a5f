/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "pace.h"

/* What counts as lately: longer than Graph takes for an answer, so that those who come in waves count as what they are on average. */
#define LATELY 100000.0 /* microseconds */
/* A transaction takes a few tenths of a millisecond: below this, those who come meanwhile are few. */
#define BUSY 5.0 /* records in a millisecond */
#define LONGEST apr_time_from_msec(4)
/* On disks of its own machine a transaction ends sooner, even where all processors are busy. */
#define SLOW 2000.0 /* microseconds */

void amlaps_pace_note(amlaps_pace_t *pace, apr_time_t began, apr_time_t ended, apr_size_t records, apr_size_t waiting)
{
    const double passed = began > pace->began ? (double)(began - pace->began) : 1.0;
    const double weight = passed / (passed + LATELY);
    const double crowd = (double)(records + waiting);

    pace->rate += weight * (1000.0 * (double)records / passed - pace->rate);
    pace->took += weight * ((double)(ended - began) - pace->took);
    pace->crowd -= weight * pace->crowd;
    if (pace->crowd < crowd) {
        pace->crowd = crowd;
    }
    pace->began = began;
}

int amlaps_pace_is_slow(const amlaps_pace_t *pace)
{
    return pace->took > SLOW;
}

apr_size_t amlaps_pace_goal(const amlaps_pace_t *pace)
{
    return pace->rate < BUSY || amlaps_pace_is_slow(pace) ? 0 : (apr_size_t)(pace->crowd / 2);
}

apr_interval_time_t amlaps_pace_left(const amlaps_pace_t *pace, apr_time_t now)
{
    return pace->began + LONGEST - now;
}
