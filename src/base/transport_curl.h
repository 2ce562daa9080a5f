/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_BASE_TRANSPORT_CURL_H
#define AMLAPS_BASE_TRANSPORT_CURL_H

/* What HTTP exchanges (transport_curl.c) and mail (transport_mail.c) have in common: a handle of the pool, TLS, limits of time, and what failed. */

#include "amlaps/transport.h"
#include "curl_pool.h"

typedef struct amlaps_curl_transport_t {
    amlaps_transport_t face;
    const amlaps_transport_faults_t *faults;
    amlaps_curl_pool_t *curls;
} amlaps_curl_transport_t;

typedef struct amlaps_curl_exchange_t {
    const char *whom;                    /* as in a request */
    const char *url, *ca_file;           /* ca_file: NULL the system's */
    apr_interval_time_t timeout, connect; /* of all, and of the part before anything of ours is sent */
    volatile apr_uint32_t *stop;         /* NULL: nobody stops it */
    int too_large;                       /* set by whoever refuses an answer for that */
    const int *over;                     /* becomes 1 where nothing that is still said matters; NULL: never */
    /* Filled in by amlaps_curl_begin: */
    const amlaps_transport_faults_t *faults;
    amlaps_curl_lease_t *lease;
    CURL *handle;
    apr_time_t until;                    /* steady: curl has given up long before, unless it says goodbye */
    char reason[CURL_ERROR_SIZE];
} amlaps_curl_exchange_t;

/** Takes a handle; the wait for it counts. @return APR_SUCCESS, or AMLAPS_BUSY */
apr_status_t amlaps_curl_begin(amlaps_curl_exchange_t *exchange, amlaps_error_t *error, const amlaps_curl_transport_t *transport,
                               apr_pool_t *pool);

/** @return where the path of the URL begins, or its query or fragment where there is no path, or its end */
const char *amlaps_curl_target(const char *url);

/** @return host and port of the URL */
const char *amlaps_curl_host(const char *url, apr_pool_t *pool);

/** Sets where to, certificates, and that clear text never goes through a proxy. @param clear 1: without TLS */
CURLcode amlaps_curl_secure(const amlaps_curl_exchange_t *exchange, int clear);

CURLcode amlaps_curl_perform(amlaps_curl_exchange_t *exchange);

/** Says what curl's code means. @return error->status */
apr_status_t amlaps_curl_fail(amlaps_error_t *error, const amlaps_curl_exchange_t *exchange, CURLcode code, apr_pool_t *pool);

/** Gives the handle back. @param code what came of it: a handle that failed is thrown away */
void amlaps_curl_end(amlaps_curl_exchange_t *exchange, CURLcode code, apr_pool_t *pool);

/** amlaps_transport_t.send */
apr_status_t amlaps_curl_send(int *reply, amlaps_error_t *error, void *baton, const amlaps_mail_t *mail, apr_pool_t *pool);

#endif
