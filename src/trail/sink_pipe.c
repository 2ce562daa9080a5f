/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "sink.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

/*
 * httpd's parent holds the pipe's other end and starts the program again when it ends, so that a program that died looks like one that does
 * not read: the pipe fills up. The descriptor does not block. Up to PIPE_BUF bytes go in whole or not at all.
 */

/** @return the number of lines from `from` on that go in with one write, 1 for a line that is too long for it */
static apr_size_t gather(char text[PIPE_BUF], apr_size_t *length, const amlaps_copies_t *copies, apr_size_t from)
{
    apr_size_t i;

    *length = 0;
    for (i = from; i < copies->count && *length + copies->length[i] + 1 <= PIPE_BUF; i++) {
        memcpy(text + *length, copies->line[i], copies->length[i]);
        *length += copies->length[i];
        text[(*length)++] = '\n';
    }
    return i > from ? i - from : 1;
}

/** @return 0, or errno; EAGAIN: time is over */
static int write_until(apr_size_t *written, int fd, const char *text, apr_size_t length, apr_time_t until)
{
    *written = 0;
    while (*written < length) {
        ssize_t bytes = write(fd, text + *written, length - *written);

        if (bytes > 0) {
            *written += (apr_size_t)bytes;
        } else if (bytes < 0 && errno == EAGAIN && amlaps_sink_wait(fd, until)) {
            continue;
        } else if (bytes < 0 && errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

static apr_status_t failed(const amlaps_sink_t *sink, int reason, amlaps_error_t *error)
{
    if (reason != EAGAIN) {
        return amlaps_sink_failed(sink, reason, error);
    }
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, sink->required ? "AML0208" : "AML0209", APR_TIMEUP,
                            "the audit copy %s cannot be written: the program does not read, and its pipe is full", sink->name);
}

/** A line that is longer than what goes in whole. Its beginning cannot be taken back: it is ended, and the line is sent anew. */
static int write_long(amlaps_copy_state_t *state, int fd, const char *line, apr_size_t length, apr_time_t until)
{
    apr_size_t written;
    int reason = write_until(&written, fd, line, length, until);

    state->torn |= written > 0;
    if (reason == 0 && (reason = write_until(&written, fd, "\n", 1, until)) == 0) {
        state->torn = 0;
    }
    return reason;
}

apr_status_t amlaps_sink_put_pipe(apr_size_t *done, amlaps_sink_t *sink, amlaps_copy_state_t *state, const amlaps_copies_t *copies,
                                  apr_size_t from, apr_time_t until, amlaps_error_t *error, apr_pool_t *pool)
{
    apr_size_t length, written;
    char text[PIPE_BUF];
    int reason = 0;

    (void)pool;
    *done = 0;
    while (from + *done < copies->count) {
        apr_size_t place = from + *done;
        apr_size_t lines = gather(text, &length, copies, place);

        if (state->torn && (reason = write_until(&written, sink->fd, "\n", 1, until)) != 0) {
            break;
        }
        state->torn = 0;
        reason = length > 0 ? write_until(&written, sink->fd, text, length, until)
                            : write_long(state, sink->fd, copies->line[place], copies->length[place], until);
        if (reason != 0) {
            break;
        }
        *done += lines;
    }
    return reason == 0 ? APR_SUCCESS : failed(sink, reason, error);
}
