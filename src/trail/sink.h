/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_SINK_H
#define AMLAPS_TRAIL_SINK_H

/*
 * One way out for copies: a file, a piped program, or syslog. The writer's thread, under the shared mutex; of a file that is optional, its copier's,
 * without that mutex. Of every file also under the copy's lead.
 */

#include "copier.h"

/** Lines of records that follow each other. */
typedef struct amlaps_copies_t {
    const char **line;  /* without line feed */
    apr_size_t *length;
    apr_size_t count;
    apr_int64_t first;  /* sequence number of the first line */
} amlaps_copies_t;

typedef struct amlaps_sink_t {
    const char *name;
    int required;
    int fd;                     /* -1: syslog that is not connected */
    const char *place;          /* of a file: where its descriptor led when it was opened; NULL: not known */
    const char *socket;         /* of syslog */
    int priority;               /* of syslog: facility and severity, as in its lines */
    apr_int64_t last;           /* of a file: the last record in it at start; 0: not known */
    int reader;                 /* of a file: to read it by; -1: none */
    off_t whole;                /* of a file: see amlaps_trail_end_t */
    char key[AMLAPS_COPY_KEY + 1]; /* of what is shared about it */
    amlaps_trail_shared_t *shared;
    unsigned generation;
    apr_time_t pause_until;     /* steady: an optional one that failed is left in peace until then */
    int failing;                /* the last try did */
    int told;                   /* of that, in the log: then also of its end */
    int behind;                 /* it lacks records that are in the store */
    amlaps_copier_t *copier;    /* of an optional file, which may be on a disk that hangs; NULL: the writer's thread hands over itself */
    int lead;                   /* of the copy, for the copier; -1: not looked up */
    /**
     * Hands over lines from `from` on, in order, waiting at most until `until` (steady).
     * @param done out: how many were handed over whole, also after an error
     */
    apr_status_t (*put)(apr_size_t *done, struct amlaps_sink_t *sink, amlaps_copy_state_t *state, const amlaps_copies_t *copies,
                        apr_size_t from, apr_time_t until, amlaps_error_t *error, apr_pool_t *pool);
} amlaps_sink_t;

apr_status_t amlaps_sink_put_file(apr_size_t *done, amlaps_sink_t *sink, amlaps_copy_state_t *state, const amlaps_copies_t *copies,
                                  apr_size_t from, apr_time_t until, amlaps_error_t *error, apr_pool_t *pool);
apr_status_t amlaps_sink_put_pipe(apr_size_t *done, amlaps_sink_t *sink, amlaps_copy_state_t *state, const amlaps_copies_t *copies,
                                  apr_size_t from, apr_time_t until, amlaps_error_t *error, apr_pool_t *pool);
apr_status_t amlaps_sink_put_syslog(apr_size_t *done, amlaps_sink_t *sink, amlaps_copy_state_t *state, const amlaps_copies_t *copies,
                                    apr_size_t from, apr_time_t until, amlaps_error_t *error, apr_pool_t *pool);

/** What stands in a file after its last whole line, as it was opened. @return NULL where nothing does or it is not to be read */
const char *amlaps_sink_half_line(apr_size_t *length, const amlaps_sink_t *sink, apr_pool_t *pool);

/** Says that it cannot be written and why. @return error->status */
apr_status_t amlaps_sink_failed(const amlaps_sink_t *sink, int reason, amlaps_error_t *error);

/** Waits until the descriptor takes more, or `until` is over. @return 1 where it does */
int amlaps_sink_wait(int fd, apr_time_t until);

#endif
