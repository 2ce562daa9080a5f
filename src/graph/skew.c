/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "skew.h"

#include <apr_date.h>
#include <apr_strings.h>

#define GRANTED apr_time_from_sec(300)
#define MINUTE apr_time_from_sec(60)
#define HOUR apr_time_from_sec(3600)
#define DAY apr_time_from_sec(86400)

const char *amlaps_skew(const char *date, apr_time_t now, apr_pool_t *pool)
{
    const apr_time_t theirs = date ? apr_date_parse_http(date) : APR_DATE_BAD;
    const char *way = now > theirs ? "fast" : "slow";
    const apr_interval_time_t off = now > theirs ? now - theirs : theirs - now;

    if (theirs == APR_DATE_BAD || off <= GRANTED) {
        return NULL;
    }
    const apr_interval_time_t unit = off < 2 * HOUR ? MINUTE : off < 2 * DAY ? HOUR : DAY;
    return apr_psprintf(pool, "this server's clock is %" APR_TIME_T_FMT " %s %s", off / unit,
                        unit == MINUTE ? "minutes" : unit == HOUR ? "hours" : "days", way);
}
