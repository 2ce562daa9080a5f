/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRANSPORT_H
#define AMLAPS_TRANSPORT_H

/*
 * The only way out, and the one door to libcurl: HTTP exchanges and mail over a bounded pool of handles. Unit tests put a table of their own here.
 */

#include "amlaps/base.h"
#include "amlaps/secret.h"

typedef struct amlaps_http_request_t {
    const char *method, *url;
    const char *whom;              /* who is asked, for messages: "tenant contoso: Graph"; NULL: the host says it */
    const char *const *headers;    /* "Name: value" without secrets; NULL-terminated */
    const amlaps_secret_t *bearer; /* NULL: none */
    const amlaps_secret_t *secret_header; /* one more "Name: value", NULL: none */
    const amlaps_secret_t *body;   /* NULL: none; may hold the client secret */
    const char *content_type;      /* of the body */
    const char *ca_file;
    apr_interval_time_t timeout; /* of this exchange */
    apr_size_t most;             /* bytes of answer body accepted */
    volatile apr_uint32_t *stop; /* the exchange is given up within a second or so of this becoming 1; NULL: never */
} amlaps_http_request_t;

typedef struct amlaps_http_response_t {
    int status;              /* known as soon as it was read, even where what follows is refused */
    amlaps_secret_t *body;   /* always in wiped memory: it may hold a password or a token */
    const char *retry_after; /* header's text or NULL; headers too are known where what follows is refused */
    const char *request_id;  /* header's text or NULL */
    const char *date;
    const char *authenticate; /* WWW-Authenticate or NULL */
    apr_time_t received; /* steady clock */
} amlaps_http_response_t;

typedef struct amlaps_mail_t {
    const char *url;                /* smtp://HOST[:PORT] or smtps://HOST[:PORT] */
    int clear;                      /* 1: smtp without STARTTLS, for loopback; else nothing is said without TLS */
    const char *user;               /* NULL: no login */
    const amlaps_secret_t *password;
    const char *from;               /* addresses alone */
    const char *const *to;          /* NULL-terminated */
    const char *text;               /* RFC 5322 with CRLF */
    apr_size_t length;
    const char *ca_file;
    apr_interval_time_t timeout;
    volatile apr_uint32_t *stop;    /* as in a request */
} amlaps_mail_t;

typedef struct amlaps_transport_t {
    /**
     * One exchange, no retry, no redirect. Codes: AMLAPS_BUSY (no free connection in time), and from the faults that the transport was
     * opened with `unreachable` (no answer) and `broken` (an answer that is none: too large, broken). With `unreachable` the status
     * says whether asking again may help: APR_EGENERAL where it cannot (an untrusted certificate), anything else where it
     * may. Any thread.
     */
    apr_status_t (*exchange)(amlaps_http_response_t *response, amlaps_error_t *error, void *baton,
                             const amlaps_http_request_t *request, apr_pool_t *pool);
    /**
     * Hands one mail to its server; all recipients are taken or none. @param reply out: the code that the server gave to the mail, its sender or a
     * recipient; 0: none, or it refused this client before. Codes and status as for `exchange`.
     */
    apr_status_t (*send)(int *reply, amlaps_error_t *error, void *baton, const amlaps_mail_t *mail, apr_pool_t *pool);
    /** Waits before an exchange is repeated; NULL: apr_sleep. Here so that tests can move their clock instead. */
    void (*pause)(void *baton, apr_interval_time_t time);
    void *baton;
} amlaps_transport_t;

/** How the room that uses a transport calls what goes wrong: codes of the contract and its own message ids. Constant. */
typedef struct amlaps_transport_faults_t {
    amlaps_code_t unreachable, broken;
    const char *unreachable_id, *broken_id, *tls_id, *busy_id;
    const char *busy; /* what to say, and what to do, where no connection comes free */
} amlaps_transport_faults_t;

/**
 * What libcurl needs once per process before any thread runs (post_config), and its counterpart. Counted by libcurl, so other
 * modules that do the same are not disturbed. The counterpart must run after every transport is closed.
 */
apr_status_t amlaps_transport_global_init(void);
void amlaps_transport_global_cleanup(void);

/** libcurl behind a bounded pool of handles. @param connections most at once; freed with `pool` (child_init) */
apr_status_t amlaps_transport_open(const amlaps_transport_t **transport, amlaps_error_t *error, int connections,
                                   const amlaps_transport_faults_t *faults, apr_pool_t *pool);

/* ---- asking again ---- */

#define AMLAPS_RETRY_MOST apr_time_from_sec(300) /* nobody is sent away for longer, whatever the server says */

/**
 * Reads Retry-After: seconds, also with a fraction (Graph sends them), or an HTTP date, which counts from `date` (the
 * answer's own) where that can be read, so that a wrong clock of ours does no harm, else from `now` (wall).
 * @return 1 and 0 to AMLAPS_RETRY_MOST, or 0 where it is absent or makes no sense
 */
int amlaps_retry_after(apr_interval_time_t *wait, const char *text, const char *date, apr_time_t now);

/** Where the server says nothing: 500 ms, and up to half of that more, so that many do not come back at once. */
apr_interval_time_t amlaps_retry_backoff(const amlaps_clock_t *clock);

/** Whether a file is a bundle of certificates as `ca_file` wants it. For configtest. @return NULL, or what is wrong, to follow the file's name */
const char *amlaps_certificates_check(const char *path);

#endif
