/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "sink.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include <apr_strings.h>

typedef struct sink_t {
    const char *name;
    int fd;
    int required;
    int torn; /* half a line stands at the end and could not be taken back */
} sink_t;

struct amlaps_sinks_t {
    sink_t *sink;
    apr_size_t count;
    amlaps_trail_shared_t *shared;
    unsigned generation;
    amlaps_trouble_t *trouble;
};

amlaps_sinks_t *amlaps_sinks_make(const amlaps_trail_sink_t *sinks, apr_size_t count, amlaps_trail_shared_t *shared,
                                  amlaps_trouble_t *trouble, apr_pool_t *pool)
{
    amlaps_sinks_t *made = apr_pcalloc(pool, sizeof(*made));
    apr_size_t i;

    made->sink = apr_pcalloc(pool, (count + 1) * sizeof(*made->sink));
    made->count = count;
    made->shared = shared;
    made->generation = amlaps_shared_generation(shared);
    made->trouble = trouble;
    for (i = 0; i < count; i++) {
        made->sink[i].name = apr_pstrdup(pool, sinks[i].name);
        made->sink[i].fd = sinks[i].fd;
        made->sink[i].required = sinks[i].required;
    }
    return made;
}

static apr_status_t failed(const sink_t *sink, int reason, amlaps_error_t *error)
{
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, sink->required ? "AML0208" : "AML0209", APR_FROM_OS_ERROR(reason),
                            "the audit copy %s cannot be written: %s", sink->name, strerror(reason));
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
static void take_back(sink_t *sink, const struct stat *before, apr_size_t written)
{
    if (written > 0 && !(S_ISREG(before->st_mode) && ftruncate(sink->fd, before->st_size) == 0)) {
        sink->torn = 1;
    }
}

static apr_status_t write_sink(amlaps_sinks_t *sinks, sink_t *sink, const char *text, apr_size_t length, amlaps_error_t *error)
{
    int skip = sink->torn ? 0 : 1; /* the line feed that ends a torn line */
    struct stat before;
    apr_size_t written;
    int reason;

    if (amlaps_shared_is_condemned(sinks->shared, sinks->generation, sink->name)) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0210", EIO,
                                "the disk under the audit copy %s failed to write what it had taken; check it, then restart httpd", sink->name);
    }
    if (fstat(sink->fd, &before) != 0) {
        return failed(sink, errno, error);
    }
    reason = write_all(&written, sink->fd, text + skip, length - (apr_size_t)skip);
    if (reason != 0) {
        take_back(sink, &before, written);
        return failed(sink, reason, error);
    }
    sink->torn = 0;
    if (sink->required && S_ISREG(before.st_mode) && fdatasync(sink->fd) != 0) {
        reason = errno;
        amlaps_shared_condemn(sinks->shared, sinks->generation, sink->name);
        return failed(sink, reason, error);
    }
    return APR_SUCCESS;
}

apr_status_t amlaps_sinks_write(amlaps_sinks_t *sinks, const amlaps_copies_t *copies, amlaps_error_t *error, apr_pool_t *pool)
{
    apr_size_t length = 1;
    apr_status_t status = APR_SUCCESS;
    char *text;
    char *end;
    apr_size_t i;

    if (sinks->count == 0) {
        return APR_SUCCESS;
    }
    for (i = 0; i < copies->count; i++) {
        length += copies->length[i] + 1;
    }
    text = apr_palloc(pool, length);
    end = text;
    *end++ = '\n';
    for (i = 0; i < copies->count; i++) {
        memcpy(end, copies->line[i], copies->length[i]);
        end += copies->length[i];
        *end++ = '\n';
    }
    for (i = 0; i < sinks->count; i++) {
        amlaps_error_t one = { 0 };

        if (write_sink(sinks, &sinks->sink[i], text, length, &one) == APR_SUCCESS) {
            continue;
        }
        if (!sinks->sink[i].required) {
            amlaps_trouble_say(sinks->trouble, AMLAPS_LOG_WARNING, &one);
        } else if (status == APR_SUCCESS) {
            *error = one;
            status = one.status;
        }
    }
    return status;
}
