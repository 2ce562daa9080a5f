/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/base.h"

#include <stdarg.h>
#include <stdio.h>

#include "text_internal.h"

#define LOG_BYTES 1024

/* Plain variables: set before the first thread runs, only read afterwards. */
static amlaps_log_fn_t log_write;
static void *log_baton;
static amlaps_log_level_t log_least = AMLAPS_LOG_DEBUG;

void amlaps_log_set(amlaps_log_fn_t write, void *baton)
{
    log_write = write;
    log_baton = baton;
}

void amlaps_log_limit(amlaps_log_level_t least)
{
    log_least = least;
}

int amlaps_log_has(amlaps_log_level_t level)
{
    return log_write != NULL && level <= log_least;
}

void amlaps_log(amlaps_log_level_t level, const char *id, apr_status_t status, const char *format, ...)
{
    char raw[LOG_BYTES + 1];
    char message[LOG_BYTES + 1];
    va_list arguments;
    int written;

    if (!amlaps_log_has(level)) {
        return;
    }
    va_start(arguments, format);
    written = vsnprintf(raw, sizeof(raw), format, arguments);
    va_end(arguments);
    if (written < 0) {
        raw[0] = '\0';
    }
    /* A character cut in half at the end is left out here, since its first byte written out has no room any more. */
    message[amlaps_text_escape_controls(message, LOG_BYTES, raw)] = '\0';
    log_write(log_baton, level, id, status, message);
}
