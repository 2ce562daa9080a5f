/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_BASE_H
#define AMLAPS_BASE_H

/*
 * What every room shares: the codes of the contract, one error value, the seam to the log, the clock.
 * No function here knows of httpd; src/httpd/ connects the seams in child_init, before the first thread runs.
 */

#include <apr.h>
#include <apr_errno.h>
#include <apr_pools.h>
#include <apr_time.h>

#define AMLAPS_VERSION "0.1.0"

/** Outcome of a request, one for each code of the contract; only src/httpd/ turns them into HTTP statuses. */
typedef enum amlaps_code_t {
    AMLAPS_OK,
    AMLAPS_BAD_REQUEST,
    AMLAPS_CROSS_SITE,
    AMLAPS_NOT_FOUND,
    AMLAPS_METHOD_NOT_ALLOWED,
    AMLAPS_NOT_AUTHENTICATED,
    AMLAPS_NOT_AUTHORIZED,
    AMLAPS_REASON_REQUIRED,
    AMLAPS_REASON_INVALID,
    AMLAPS_RATE_LIMITED,
    AMLAPS_NO_PASSWORD,
    AMLAPS_POLICY_UNDECIDABLE,
    AMLAPS_TENANT_CREDENTIAL_INVALID,
    AMLAPS_TENANT_PERMISSION_MISSING,
    AMLAPS_TENANT_THROTTLED,
    AMLAPS_TENANT_UNREACHABLE,
    AMLAPS_TENANT_ERROR,
    AMLAPS_AUDIT_UNAVAILABLE,
    AMLAPS_NOTIFICATION_FAILED,
    AMLAPS_BUSY,
    AMLAPS_CODES
} amlaps_code_t;

/** @return the code's word of the contract ("ok", "not_authorized", …), a constant. */
const char *amlaps_code_word(amlaps_code_t code);

/**
 * Why something did not work. Lives wherever the caller puts it, needs no pool and no cleanup; all zero means no error.
 * `detail` is plain text for an administrator: what happened, to what, and what to do. It never holds a secret, and it may be
 * shown to the person only where the contract says so (tenant_*).
 */
typedef struct amlaps_error_t {
    apr_status_t status;
    amlaps_code_t code;
    const char *id;             /* message id, "AML0301"; a constant, explained in docs/messages.md */
    apr_interval_time_t retry_after; /* microseconds until asking again makes sense; 0 unknown */
    const char *told;           /* what the person reads in place of what is usual for the code; a constant, NULL: that */
    char detail[480];
} amlaps_error_t;

/**
 * Says what went wrong, once, where it happens. An error that is set already stays as it is: the first cause counts.
 * @param error may not be NULL
 * @param status APR_EGENERAL where no system error is behind it; APR_INCOMPLETE where the same may well succeed on a second try
 * @return error->status, never APR_SUCCESS, so that callers can `return amlaps_error_set(…)`
 */
apr_status_t amlaps_error_set(amlaps_error_t *error, amlaps_code_t code, const char *id, apr_status_t status,
                              const char *format, ...) __attribute__((format(printf, 5, 6)));

/** @return what a log may add as the system's cause; APR_SUCCESS where `status` is a word between rooms alone, of which APR would say something else */
apr_status_t amlaps_error_cause(apr_status_t status);

typedef enum amlaps_log_level_t {
    AMLAPS_LOG_ERROR,
    AMLAPS_LOG_WARNING,
    AMLAPS_LOG_NOTICE,
    AMLAPS_LOG_INFO,
    AMLAPS_LOG_DEBUG
} amlaps_log_level_t;

typedef void (*amlaps_log_fn_t)(void *baton, amlaps_log_level_t level, const char *id, apr_status_t status,
                                const char *message);

/** Sets where messages go; NULL drops them. Called while one thread runs (child_init, or a test's setup). */
void amlaps_log_set(amlaps_log_fn_t write, void *baton);

/** What is less urgent than `least` is dropped before it is formatted; at first nothing is. Called as amlaps_log_set is. */
void amlaps_log_limit(amlaps_log_level_t least);

/** @return 1 where a message of that level is not dropped: for those whose arguments take work. Any thread. */
int amlaps_log_has(amlaps_log_level_t level);

/** One message, at most 1 KiB, control characters escaped. Never a secret, never a claim. Any thread. */
void amlaps_log(amlaps_log_level_t level, const char *id, apr_status_t status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** Both clocks that the rooms use, so that tests can move them. `wall` is UTC; `steady` never steps back. */
typedef struct amlaps_clock_t {
    apr_time_t (*wall)(void *baton);
    apr_time_t (*steady)(void *baton);
    void *baton;
} amlaps_clock_t;

/** @return the clock of the system; a constant, any thread. */
const amlaps_clock_t *amlaps_clock_system(void);

apr_time_t amlaps_clock_wall(const amlaps_clock_t *clock);
apr_time_t amlaps_clock_steady(const amlaps_clock_t *clock);

#endif
