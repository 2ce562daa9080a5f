/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/text.h"

#include <string.h>

#define SECONDS_PER_DAY 86400
/* 0000-01-01T00:00:00Z and the last microsecond of 9999, in microseconds since 1970. */
#define TIME_LEAST (APR_INT64_C(-62167219200) * APR_USEC_PER_SEC)
#define TIME_MOST (APR_INT64_C(253402300800) * APR_USEC_PER_SEC - 1)

/* The proleptic Gregorian calendar by arithmetic, because the C library's functions look at the process's time zone. Years
 * are counted from March, which puts the leap day last; an era is the 400 years after which the calendar repeats. */

static apr_int64_t days_from_date(int year, int month, int day)
{
    apr_int64_t march_year = month > 2 ? year : year - 1;
    apr_int64_t era = (march_year >= 0 ? march_year : march_year - 399) / 400;
    apr_int64_t year_of_era = march_year - era * 400;
    apr_int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static void date_from_days(int *year, int *month, int *day, apr_int64_t days)
{
    apr_int64_t shifted = days + 719468;
    apr_int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    apr_int64_t day_of_era = shifted - era * 146097;
    apr_int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    apr_int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    apr_int64_t march_month = (5 * day_of_year + 2) / 153;

    *day = (int)(day_of_year - (153 * march_month + 2) / 5 + 1);
    *month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

static void put_digits(char *at, int count, apr_int64_t value)
{
    while (count-- > 0) {
        at[count] = (char)('0' + value % 10);
        value /= 10;
    }
}

const char *amlaps_text_time(apr_time_t time, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, AMLAPS_TIME_LENGTH + 1);
    apr_int64_t seconds;
    apr_int64_t micros;
    apr_int64_t days;
    int year;
    int month;
    int day;

    /* What four digits of year cannot say becomes the nearest that they can. */
    time = time < TIME_LEAST ? TIME_LEAST : time > TIME_MOST ? TIME_MOST : time;
    micros = (time - TIME_LEAST) % APR_USEC_PER_SEC;
    seconds = (time - micros) / APR_USEC_PER_SEC;
    days = (seconds - TIME_LEAST / APR_USEC_PER_SEC) / SECONDS_PER_DAY + TIME_LEAST / APR_USEC_PER_SEC / SECONDS_PER_DAY;
    seconds -= days * SECONDS_PER_DAY;
    date_from_days(&year, &month, &day, days);
    memcpy(text, "0000-00-00T00:00:00.000Z", AMLAPS_TIME_LENGTH + 1);
    put_digits(text, 4, year);
    put_digits(text + 5, 2, month);
    put_digits(text + 8, 2, day);
    put_digits(text + 11, 2, seconds / 3600);
    put_digits(text + 14, 2, seconds / 60 % 60);
    put_digits(text + 17, 2, seconds % 60);
    put_digits(text + 20, 3, micros / 1000);
    return text;
}

/** Reads exactly `count` digits and, where it is not NUL, the character after them. */
static int read_number(int *value, const char **at, int count, char after)
{
    *value = 0;
    for (; count > 0; count--) {
        if (**at < '0' || **at > '9') {
            return 0;
        }
        *value = *value * 10 + (*(*at)++ - '0');
    }
    return after == '\0' || *(*at)++ == after;
}

static int days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return month == 2 && leap ? 29 : days[month - 1];
}

/** An optional fraction: a dot and 1 to 9 digits, cut after the microseconds. */
static int read_fraction(apr_int64_t *micros, const char **at)
{
    apr_int64_t value = 0;
    int digits = 0;

    *micros = 0;
    if (**at != '.') {
        return 1;
    }
    for ((*at)++; **at >= '0' && **at <= '9'; (*at)++) {
        if (++digits <= 6) {
            value = value * 10 + (**at - '0');
        }
    }
    if (digits == 0 || digits > 9) {
        return 0;
    }
    for (; digits < 6; digits++) {
        value *= 10;
    }
    *micros = value;
    return 1;
}

/** What stands at the end: Z, +hh:mm, -hh:mm or nothing. */
static int read_zone(int *offset_seconds, const char *at)
{
    int sign = *at == '-' ? -1 : 1;
    int hours;
    int minutes;

    *offset_seconds = 0;
    if (*at == '\0' || (at[0] == 'Z' && at[1] == '\0')) {
        return 1;
    }
    if (*at != '+' && *at != '-') {
        return 0;
    }
    at++;
    if (!read_number(&hours, &at, 2, ':') || !read_number(&minutes, &at, 2, '\0') || *at != '\0' || hours > 23 || minutes > 59) {
        return 0;
    }
    *offset_seconds = sign * (hours * 3600 + minutes * 60);
    return 1;
}

/* hh:mm, or hh:mm:ss with a fraction where there is one; then the zone. @param micros of the day, in UTC, which may lie beyond it */
static int read_clock(apr_int64_t *micros, const char *at)
{
    int hour, minute, second = 0, offset;

    *micros = 0;
    if (!read_number(&hour, &at, 2, ':') || !read_number(&minute, &at, 2, '\0')) {
        return 0;
    }
    if (*at == ':') {
        at++;
        if (!read_number(&second, &at, 2, '\0') || !read_fraction(micros, &at)) {
            return 0;
        }
    }
    if (!read_zone(&offset, at) || hour > 23 || minute > 59 || second > 59) {
        return 0;
    }
    *micros += (hour * 3600 + minute * 60 + second - offset) * APR_USEC_PER_SEC;
    return 1;
}

int amlaps_text_read_time(apr_time_t *time, const char *text)
{
    int year, month, day;
    apr_int64_t micros = 0;

    if (text == NULL || !read_number(&year, &text, 4, '-') || !read_number(&month, &text, 2, '-') || !read_number(&day, &text, 2, '\0')) {
        return 0;
    }
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) {
        return 0;
    }
    if (*text != '\0' && (*text != 'T' || !read_clock(&micros, text + 1))) {
        return 0;
    }
    *time = days_from_date(year, month, day) * SECONDS_PER_DAY * APR_USEC_PER_SEC + micros;
    return 1;
}
