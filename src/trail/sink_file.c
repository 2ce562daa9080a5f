/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include <apr_strings.h>

#include "look.h"

/* Longer than any record, so that the last one is found whole. */
#define TAIL ((off_t)256 * 1024)

apr_status_t amlaps_sink_failed(const amlaps_sink_t *sink, int reason, amlaps_error_t *error)
{
    /* No descriptor came from the parent, which has said why. */
    const int closed = reason == EBADF && sink->fd < 0;

    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, sink->required ? "AML0208" : "AML0209", closed ? APR_EGENERAL : APR_FROM_OS_ERROR(reason),
                            "the audit copy %s cannot be written: %s", sink->name,
                            closed ? "it could not be opened when httpd was reloaded (AML0110); mend that, then reload httpd" : strerror(reason));
}

int amlaps_sink_wait(int fd, apr_time_t until)
{
    struct pollfd poller = { .fd = fd, .events = POLLOUT };
    apr_interval_time_t left = until - amlaps_clock_steady(amlaps_clock_system());

    return left > 0 && poll(&poller, 1, (int)(left / 1000) + 1) > 0;
}

/** @return 0, or errno; then how much was written is in `written` */
static int write_all(apr_size_t *written, int fd, const char *text, apr_size_t length)
{
    *written = 0;
    while (*written < length) {
        ssize_t bytes = write(fd, text + *written, length - *written);

        if (bytes < 0 && errno != EINTR) {
            return errno;
        }
        *written += bytes > 0 ? (apr_size_t)bytes : 0;
    }
    return 0;
}

/** Takes back the beginning of a write that failed, so that every line of the copy stays whole. */
static void take_back(const amlaps_sink_t *sink, amlaps_copy_state_t *state, const struct stat *before, apr_size_t written)
{
    if (written > 0 && !(S_ISREG(before->st_mode) && ftruncate(sink->fd, before->st_size) == 0)) {
        state->torn = 1;
    }
}

static apr_status_t refuse(const amlaps_sink_t *sink, const char *id, const char *what, amlaps_error_t *error)
{
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, id, APR_EGENERAL, "the audit copy %s %s", sink->name, what);
}

/** Where the descriptor leads now: the file's name of today, whoever may look into its folder. @return NULL where it cannot be known */
static const char *place_of(int fd, apr_pool_t *pool)
{
    char place[4096];
    ssize_t length = readlink(apr_psprintf(pool, "/proc/self/fd/%d", fd), place, sizeof(place));

    return length > 0 && length < (ssize_t)sizeof(place) ? apr_pstrmemdup(pool, place, (apr_size_t)length) : NULL;
}

/** Somebody did something to the file that makes the copy one that nobody will find, or that everybody can change. */
static apr_status_t check_file(const amlaps_sink_t *sink, amlaps_copy_state_t *state, const struct stat *now, amlaps_error_t *error,
                               apr_pool_t *pool)
{
    const char *place;

    if ((now->st_mode & S_IWOTH) != 0) {
        return refuse(sink, "AML0283", "may be written by everybody; find out who did that, then chmod 0640", error);
    }
    if (now->st_nlink == 0) {
        return refuse(sink, "AML0284", "was removed; reload httpd to begin a new file", error);
    }
    place = sink->place != NULL ? place_of(sink->fd, pool) : NULL;
    if (place != NULL && strcmp(place, sink->place) != 0) {
        return refuse(sink, "AML0284", apr_psprintf(pool, "is now %s; reload httpd to begin a new file, as conf/logrotate-amlaps does", place),
                      error);
    }
    if (state->device == now->st_dev && state->inode == now->st_ino && state->generation == sink->generation
        && now->st_size < state->size) {
        return refuse(sink, "AML0285", "was cut, so records are missing from it; rotate by renaming and reloading (no copytruncate), then reload "
                      "httpd", error);
    }
    return APR_SUCCESS;
}

static void note_size(const amlaps_sink_t *sink, amlaps_copy_state_t *state, const struct stat *before, off_t size)
{
    state->device = before->st_dev;
    state->inode = before->st_ino;
    state->generation = sink->generation;
    state->size = size;
}

/** A line feed stands before the text, for a file that ends in half a line. */
static const char *join(apr_size_t *length, const amlaps_copies_t *copies, apr_size_t from, apr_pool_t *pool)
{
    apr_size_t room = 1;
    char *text, *end;
    apr_size_t i;

    for (i = from; i < copies->count; i++) {
        room += copies->length[i] + 1;
    }
    text = apr_palloc(pool, room);
    *text++ = '\n';
    end = text;
    for (i = from; i < copies->count; i++) {
        memcpy(end, copies->line[i], copies->length[i]);
        end += copies->length[i];
        *end++ = '\n';
    }
    *length = (apr_size_t)(end - text);
    return text;
}

/** Where the file ended when somebody last knew that it did so with a whole line; now's end where that is not to be read or nothing came since. */
static off_t known_end(const amlaps_sink_t *sink, const amlaps_copy_state_t *state, const struct stat *now)
{
    const int seen = state->device == now->st_dev && state->inode == now->st_ino && state->size <= now->st_size;
    const off_t end = seen ? state->size : sink->whole;

    return S_ISREG(now->st_mode) && sink->reader >= 0 && end < now->st_size ? end : now->st_size;
}

/** A child that was killed, or a power cut, left a write half done. @return how much of the text stands at `start` already; 0 where other things do */
static apr_size_t count_there(const amlaps_sink_t *sink, const struct stat *now, off_t start, const char *text, apr_size_t length, apr_pool_t *pool)
{
    const apr_size_t more = (apr_size_t)(now->st_size - start);
    const apr_size_t there = more < length ? more : length;
    char *bytes;

    if (there == 0) {
        return 0;
    }
    bytes = apr_palloc(pool, there);
    return pread(sink->reader, bytes, there, start) == (ssize_t)there && memcmp(bytes, text, there) == 0 ? there : 0;
}

static int ends_torn(const amlaps_sink_t *sink, const amlaps_copy_state_t *state, const struct stat *now, off_t start)
{
    char last;

    return start < now->st_size && pread(sink->reader, &last, 1, now->st_size - 1) == 1 ? last != '\n' : state->torn;
}

/** Writes the text behind what the file has, or what is missing of it. @param end out: where the text ends in it. @return 0, or errno */
static int append(off_t *end, amlaps_sink_t *sink, amlaps_copy_state_t *state, const struct stat *before, const char *text, apr_size_t length,
                  apr_pool_t *pool)
{
    off_t start = known_end(sink, state, before);
    const apr_size_t there = count_there(sink, before, start, text, length, pool);
    apr_size_t written;
    int reason;

    if (there == 0) {
        const int torn = ends_torn(sink, state, before, start);

        text -= torn;
        length += (apr_size_t)torn;
        start = before->st_size;
    }
    if ((reason = write_all(&written, sink->fd, text + there, length - there)) != 0) {
        take_back(sink, state, before, written);
        return reason;
    }
    state->torn = 0;
    *end = start + (off_t)length;
    return 0;
}

const char *amlaps_sink_half_line(apr_size_t *length, const amlaps_sink_t *sink, apr_pool_t *pool)
{
    struct stat now;
    char *text;

    *length = 0;
    if (sink->reader < 0 || !amlaps_look_open(&now, sink->reader) || now.st_size <= sink->whole || now.st_size - sink->whole > TAIL) {
        return NULL;
    }
    *length = (apr_size_t)(now.st_size - sink->whole);
    text = apr_palloc(pool, *length);
    return pread(sink->reader, text, *length, sink->whole) == (ssize_t)*length ? text : NULL;
}

/* All lines or none, in one write. */
apr_status_t amlaps_sink_put_file(apr_size_t *done, amlaps_sink_t *sink, amlaps_copy_state_t *state, const amlaps_copies_t *copies,
                                  apr_size_t from, apr_time_t until, amlaps_error_t *error, apr_pool_t *pool)
{
    apr_size_t length;
    struct stat before;
    const char *text;
    off_t end;
    int reason;

    (void)until;
    *done = 0;
    if (!amlaps_look_open(&before, sink->fd)) {
        return amlaps_sink_failed(sink, errno, error);
    }
    if (S_ISREG(before.st_mode) && check_file(sink, state, &before, error, pool) != APR_SUCCESS) {
        return error->status;
    }
    text = join(&length, copies, from, pool);
    if ((reason = append(&end, sink, state, &before, text, length, pool)) != 0) {
        return amlaps_sink_failed(sink, reason, error);
    }
    if (sink->required && S_ISREG(before.st_mode) && fdatasync(sink->fd) != 0) {
        reason = errno;
        amlaps_shared_condemn(sink->shared, sink->name);
        return amlaps_sink_failed(sink, reason, error);
    }
    /* Only now: what was not synced is compared with what should be there, after a reload. */
    note_size(sink, state, &before, end);
    *done = copies->count - from;
    return APR_SUCCESS;
}

/* ---- in the parent, when it was opened ---- */

/** The sequence number in a line of a copy, 0 where it has none. */
static apr_int64_t seq_of(const char *line, apr_size_t length, apr_pool_t *pool)
{
    amlaps_json_t *json = NULL;
    apr_int64_t seq = 0;

    if (amlaps_json_parse(&json, NULL, line, length, pool) != APR_SUCCESS || !amlaps_json_integer(amlaps_json_member(json, "seq"), &seq)) {
        return 0;
    }
    return seq > 0 ? seq : 0;
}

/** The last line of a text that is whole and a record. @param whole out: how much of the text it is the end of; where there is none, all whole lines */
static apr_int64_t last_seq(apr_size_t *whole, const char *text, apr_size_t length, apr_pool_t *pool)
{
    const char *end = memrchr(text, '\n', length);
    apr_int64_t seq = 0;

    *whole = end != NULL ? (apr_size_t)(end + 1 - text) : 0;
    while (end != NULL && seq == 0) {
        const char *before = memrchr(text, '\n', (apr_size_t)(end - text));
        const char *start = before != NULL ? before + 1 : text;

        seq = seq_of(start, (apr_size_t)(end - start), pool);
        *whole = seq != 0 ? (apr_size_t)(end + 1 - text) : *whole;
        end = before;
    }
    return seq;
}

static apr_status_t close_reader(void *baton)
{
    close(((amlaps_trail_end_t *)baton)->fd);
    return APR_SUCCESS;
}

void amlaps_trail_sink_opened(amlaps_trail_sink_t *sink, apr_pool_t *pool)
{
    amlaps_trail_end_t *end;
    struct stat info;
    apr_size_t whole = 0;
    off_t start;
    ssize_t length;
    char *text;
    int fd;

    if (fstat(sink->fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return;
    }
    sink->place = place_of(sink->fd, pool);
    if ((fd = open(sink->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)) < 0) {
        return;
    }
    /* The children may write the file, but mostly not open it. */
    end = apr_palloc(pool, sizeof(*end));
    end->fd = fd;
    apr_pool_cleanup_register(pool, end, close_reader, apr_pool_cleanup_null);
    start = info.st_size > TAIL ? info.st_size - TAIL : 0;
    text = malloc((size_t)TAIL);
    length = text != NULL ? pread(fd, text, (size_t)(info.st_size - start), start) : 0;
    sink->last = length > 0 ? last_seq(&whole, text, (apr_size_t)length, pool) : 0;
    end->whole = start + (off_t)whole;
    sink->end = end;
    free(text);
}
