/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "sink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <apr_strings.h>

/*
 * The local socket of syslog, one datagram a record, in the form that syslog(3) writes and rsyslog, syslog-ng and journald read there. It is
 * our own socket, not syslog(3)'s: that one belongs to the whole process, and hides failures. Sent means that the datagram is in the
 * receiver's queue; whether it stores it, nobody says.
 */

#define SEVERITY 5 /* notice */

const char *amlaps_trail_syslog_priority(int *priority, const char *facility, apr_pool_t *pool)
{
    static const struct {
        const char *name;
        int code;
    } known[] = {
        { "auth", 4 }, { "authpriv", 10 }, { "daemon", 3 }, { "user", 1 }, { "local0", 16 }, { "local1", 17 }, { "local2", 18 },
        { "local3", 19 }, { "local4", 20 }, { "local5", 21 }, { "local6", 22 }, { "local7", 23 },
    };
    size_t i;

    for (i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (strcmp(facility, known[i].name) == 0) {
            *priority = known[i].code * 8 + SEVERITY;
            return NULL;
        }
    }
    return apr_psprintf(pool, "'%s' is no facility; write auth, authpriv, daemon, user, or local0 to local7", facility);
}

static void disconnect(amlaps_sink_t *sink)
{
    close(sink->fd);
    sink->fd = -1;
}

/** @return 0, or errno */
static int connect_socket(amlaps_sink_t *sink)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int reason;

    if (strlen(sink->socket) >= sizeof(address.sun_path)) {
        return ENAMETOOLONG;
    }
    strcpy(address.sun_path, sink->socket);
    sink->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (sink->fd < 0) {
        return errno;
    }
    if (connect(sink->fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        reason = errno;
        disconnect(sink);
        return reason;
    }
    return 0;
}

/** @return 0, or errno */
static int send_one(amlaps_sink_t *sink, const char *text, apr_size_t length, apr_time_t until)
{
    int fresh = 0;

    for (;;) {
        int reason;

        if (sink->fd < 0) {
            if (fresh++ || (reason = connect_socket(sink)) != 0) {
                return fresh > 1 ? ECONNREFUSED : reason;
            }
        }
        if (send(sink->fd, text, length, MSG_NOSIGNAL) >= 0) {
            return 0;
        }
        reason = errno;
        if (reason == EAGAIN || reason == ENOBUFS) {
            if (!amlaps_sink_wait(sink->fd, until)) {
                return EAGAIN;
            }
        } else if (reason == ECONNREFUSED || reason == ENOTCONN || reason == ECONNRESET || reason == EPIPE) {
            /* The receiver was started anew and has another socket under the same name. */
            disconnect(sink);
        } else if (reason != EINTR) {
            return reason;
        }
    }
}

/* "<85>Nov 22 16:00:01 amlaps[4711]: " */
static const char *head_of(const amlaps_sink_t *sink, apr_pool_t *pool)
{
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t now = time(NULL);
    struct tm local;

    localtime_r(&now, &local);
    return apr_psprintf(pool, "<%d>%s %2d %02d:%02d:%02d amlaps[%d]: ", sink->priority, months[local.tm_mon], local.tm_mday, local.tm_hour,
                        local.tm_min, local.tm_sec, (int)getpid());
}

static apr_status_t failed(const amlaps_sink_t *sink, int reason, amlaps_error_t *error)
{
    if (reason != EAGAIN) {
        return amlaps_sink_failed(sink, reason, error);
    }
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, sink->required ? "AML0208" : "AML0209", APR_TIMEUP,
                            "the audit copy %s cannot be written: the receiver at %s does not read", sink->name, sink->socket);
}

apr_status_t amlaps_sink_put_syslog(apr_size_t *done, amlaps_sink_t *sink, amlaps_copy_state_t *state, const amlaps_copies_t *copies,
                                    apr_size_t from, apr_time_t until, amlaps_error_t *error, apr_pool_t *pool)
{
    const char *head = head_of(sink, pool);
    apr_size_t start = strlen(head);
    int reason = 0;

    (void)state;
    for (*done = 0; from + *done < copies->count; (*done)++) {
        apr_size_t place = from + *done;
        char *text = apr_palloc(pool, start + copies->length[place]);

        memcpy(text, head, start);
        memcpy(text + start, copies->line[place], copies->length[place]);
        if ((reason = send_one(sink, text, start + copies->length[place], until)) != 0) {
            break;
        }
    }
    return reason == 0 ? APR_SUCCESS : failed(sink, reason, error);
}
