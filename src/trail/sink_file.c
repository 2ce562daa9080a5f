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
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, sink->required ? "AML0208" : "AML0209", APR_FROM_OS_ERROR(reason),
                            "the audit copy %s cannot be written: %s", sink->name, strerror(reason));
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

static void note_size(const amlaps_sink_t *sink, amlaps_copy_state_t *state, const struct stat *before, apr_size_t written)
{
    state->device = before->st_dev;
    state->inode = before->st_ino;
    state->generation = sink->generation;
    state->size = before->st_size + (off_t)written;
}

static const char *join(apr_size_t *length, const amlaps_copies_t *copies, apr_size_t from, int torn, apr_pool_t *pool)
{
    apr_size_t room = 1;
    char *text, *end;
    apr_size_t i;

    for (i = from; i < copies->count; i++) {
        room += copies->length[i] + 1;
    }
    end = text = apr_palloc(pool, room);
    if (torn) {
        *end++ = '\n';
    }
    for (i = from; i < copies->count; i++) {
        memcpy(end, copies->line[i], copies->length[i]);
        end += copies->length[i];
        *end++ = '\n';
    }
    *length = (apr_size_t)(end - text);
    return text;
}

/* All lines or none, in one write. */
apr_status_t amlaps_sink_put_file(apr_size_t *done, amlaps_sink_t *sink, amlaps_copy_state_t *state, const amlaps_copies_t *copies,
                                  apr_size_t from, apr_time_t until, amlaps_error_t *error, apr_pool_t *pool)
{
    apr_size_t length, written;
    struct stat before;
    const char *text;
    int reason;

    (void)until;
    *done = 0;
    if (amlaps_shared_is_condemned(sink->shared, sink->name)) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0210", EIO,
                                "the disk under the audit copy %s failed to write what it had taken; check it, then stop httpd and start it", sink->name);
    }
    if (!amlaps_look_open(&before, sink->fd)) {
        return amlaps_sink_failed(sink, errno, error);
    }
    if (S_ISREG(before.st_mode) && check_file(sink, state, &before, error, pool) != APR_SUCCESS) {
        return error->status;
    }
    text = join(&length, copies, from, state->torn, pool);
    if ((reason = write_all(&written, sink->fd, text, length)) != 0) {
        take_back(sink, state, &before, written);
        return amlaps_sink_failed(sink, reason, error);
    }
    state->torn = 0;
    note_size(sink, state, &before, written);
    if (sink->required && S_ISREG(before.st_mode) && fdatasync(sink->fd) != 0) {
        reason = errno;
        amlaps_shared_condemn(sink->shared, sink->name);
        return amlaps_sink_failed(sink, reason, error);
    }
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

/** The last line of a text that is whole. */
static apr_int64_t last_seq(const char *text, apr_size_t length, apr_pool_t *pool)
{
    apr_int64_t seq = 0;

    while (length > 0 && seq == 0) {
        const char *end = memrchr(text, '\n', length);
        const char *start;

        if (end == NULL) {
            return 0;
        }
        start = memrchr(text, '\n', (apr_size_t)(end - text));
        start = start != NULL ? start + 1 : text;
        seq = seq_of(start, (apr_size_t)(end - start), pool);
        length = (apr_size_t)(start - text);
    }
    return seq;
}

void amlaps_trail_sink_opened(amlaps_trail_sink_t *sink, apr_pool_t *pool)
{
    struct stat info;
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
    start = info.st_size > TAIL ? info.st_size - TAIL : 0;
    text = malloc((size_t)TAIL);
    length = text != NULL ? pread(fd, text, (size_t)(info.st_size - start), start) : 0;
    sink->last = length > 0 ? last_seq(text, (apr_size_t)length, pool) : 0;
    free(text);
    close(fd);
}
