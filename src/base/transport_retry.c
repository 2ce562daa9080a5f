/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/transport.h"

#include <curl/curl.h>

#define BACKOFF_MSEC 500

/* 1 where all of `text` is digits with at most one fraction. Stops counting at the limit, so that no number overflows. */
static int read_seconds(apr_interval_time_t *wait, const char *text)
{
    apr_interval_time_t whole = 0, unit = APR_USEC_PER_SEC;
    const char *start = text;

    for (; *text >= '0' && *text <= '9'; text++) {
        if (whole <= AMLAPS_RETRY_MOST) {
            whole = whole * 10 + apr_time_from_sec(*text - '0');
        }
    }
    if (text == start) {
        return 0;
    }
    if (*text == '.') {
        for (text++; *text >= '0' && *text <= '9'; text++) {
            unit /= 10;
            whole += (*text - '0') * unit;
        }
    }
    while (*text == ' ' || *text == '\t') {
        text++;
    }
    *wait = whole;
    return *text == '\0';
}

static int read_date(apr_interval_time_t *wait, const char *text, const char *date, apr_time_t now)
{
    const time_t when = curl_getdate(text, NULL);
    const time_t answered = date ? curl_getdate(date, NULL) : -1;

    if (when == -1 || *text < 'A') {
        return 0;
    }
    /* a year that no clock reaches is still a date; in microseconds it would overflow */
    const apr_int64_t seconds = (apr_int64_t)when - (answered == -1 ? apr_time_sec(now) : (apr_int64_t)answered);
    const apr_int64_t most = apr_time_sec(AMLAPS_RETRY_MOST);
    *wait = apr_time_from_sec(seconds < 0 ? 0 : seconds > most ? most : seconds);
    return 1;
}

int amlaps_retry_after(apr_interval_time_t *wait, const char *text, const char *date, apr_time_t now)
{
    if (!text) {
        return 0;
    }
    while (*text == ' ' || *text == '\t') {
        text++;
    }
    if (!read_seconds(wait, text) && !read_date(wait, text, date, now)) {
        return 0;
    }
    if (*wait < 0) {
        *wait = 0;
    }
    if (*wait > AMLAPS_RETRY_MOST) {
        *wait = AMLAPS_RETRY_MOST;
    }
    return 1;
}

apr_interval_time_t amlaps_retry_backoff(const amlaps_clock_t *clock)
{
    return apr_time_from_msec(BACKOFF_MSEC + amlaps_clock_steady(clock) % (BACKOFF_MSEC / 2));
}
