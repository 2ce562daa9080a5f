/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_H
#define AMLAPS_GRAPH_H

/*
 * Microsoft Graph for one child process: tokens, devices, memberships, credentials. Opened in child_init, used by any number
 * of threads, closed with its pool. Every call has one deadline for all it does (look-ups, retries, waiting for a
 * connection), and ends in one code of the contract: no call leaves a person without an answer. Facts: shared Graph notes;
 * Microsoft's reference of `device` and `deviceLocalCredentialInfo`.
 */

#include <apr_tables.h>

#include "amlaps/base.h"
#include "amlaps/secret.h"

/* ---- configuration: plain data, filled by src/httpd, constant afterwards ---- */

typedef struct amlaps_tenant_t {
    const char *name;      /* the word used in rules, API and audit */
    const char *tenant_id; /* GUID or verified domain */
    const char *client_id; /* GUID in lower case */
    const amlaps_secret_t *client_secret;
    const char *login_url; /* root without a slash at the end */
    const char *graph_url;
    const char *ca_file; /* NULL: the system's */
} amlaps_tenant_t;

typedef struct amlaps_graph_config_t {
    const amlaps_tenant_t *const *tenants;
    apr_size_t tenant_count;
    int connections;                /* most at once, per child */
    apr_interval_time_t timeout;    /* of one whole interaction */
    apr_interval_time_t cache_time; /* facts and memberships; 0: none kept */
    const amlaps_clock_t *clock;
} amlaps_graph_config_t;

/**
 * Roots of a cloud by AMLapsCloud's word (global, usgov, usgov-dod, china, bleu, delos, govsg).
 * @return 1, or 0 for a word that is none; then `*login_url` lists the words
 */
int amlaps_graph_cloud(const char **login_url, const char **graph_url, const char *word);

/* ---- transport: the only way out; unit tests put a table of their own here ---- */

typedef struct amlaps_http_request_t {
    const char *method, *url;
    const char *const *headers;    /* "Name: value" without secrets; NULL-terminated */
    const amlaps_secret_t *bearer; /* NULL: none */
    const amlaps_secret_t *body;   /* NULL: none; may hold the client secret */
    const char *content_type;      /* of the body */
    const char *ca_file;
    apr_interval_time_t timeout; /* of this exchange */
    apr_size_t most;             /* bytes of answer body accepted */
} amlaps_http_request_t;

typedef struct amlaps_http_response_t {
    int status;
    amlaps_secret_t *body;   /* always in wiped memory: it may hold a password or a token */
    const char *retry_after; /* header's text or NULL */
    const char *request_id;  /* header's text or NULL */
    const char *date;
    apr_time_t received; /* steady clock */
} amlaps_http_response_t;

typedef struct amlaps_transport_t {
    /**
     * One exchange, no retry, no redirect. Codes: AMLAPS_BUSY (no free connection in time), AMLAPS_TENANT_UNREACHABLE (no
     * answer), AMLAPS_TENANT_ERROR (an answer that is none: too large, broken). With AMLAPS_TENANT_UNREACHABLE the status
     * says whether asking again may help: APR_EGENERAL where it cannot (an untrusted certificate), anything else where it
     * may. Any thread.
     */
    apr_status_t (*exchange)(amlaps_http_response_t *response, amlaps_error_t *error, void *baton,
                             const amlaps_http_request_t *request, apr_pool_t *pool);
    /** Waits before an exchange is repeated; NULL: apr_sleep. Here so that tests can move their clock instead. */
    void (*pause)(void *baton, apr_interval_time_t time);
    void *baton;
} amlaps_transport_t;

/**
 * What libcurl needs once per process before any thread runs (post_config), and its counterpart. Counted by libcurl, so other
 * modules that do the same are not disturbed. The counterpart must run after every transport is closed.
 */
apr_status_t amlaps_transport_global_init(void);
void amlaps_transport_global_cleanup(void);

/** libcurl behind a bounded pool of handles. @param connections as in the configuration; freed with `pool` (child_init) */
apr_status_t amlaps_transport_open(const amlaps_transport_t **transport, amlaps_error_t *error, int connections,
                                   apr_pool_t *pool);

/* ---- the client ---- */

typedef struct amlaps_graph_t amlaps_graph_t;

apr_status_t amlaps_graph_open(amlaps_graph_t **graph, amlaps_error_t *error, const amlaps_graph_config_t *config,
                               const amlaps_transport_t *transport, apr_pool_t *pool);

/** One interaction of one person: its deadline, its id for Microsoft's log, and what came of it for the audit. */
typedef struct amlaps_call_t {
    apr_time_t deadline;           /* steady clock; 0: now + timeout at the first use */
    const char *client_request_id; /* the audit id; a GUID */
    const char *request_id;        /* out: Graph's id of the last answer, or NULL */
    int status;                    /* out: its HTTP status, 0: none */
    int attempts;                  /* out: Graph requests of the last operation, retries included; 0: from the cache */
} amlaps_call_t;

typedef struct amlaps_graph_device_t { /* texts are NULL and times 0 where Graph gives none */
    const char *tenant;
    const char *object_id, *device_id; /* GUIDs in lower case */
    const char *name, *os, *os_version, *join, *manufacturer, *model;
    int enabled, compliant, managed; /* 1, 0, -1 unknown */
    apr_time_t last_seen;
} amlaps_graph_device_t;

/** @return the tenant, or NULL */
const amlaps_tenant_t *amlaps_graph_tenant(const amlaps_graph_t *graph, const char *name);

/**
 * Devices whose name begins with `text` (any letter case), or the one with that deviceId where `text` is a GUID, page by page
 * as Graph gives them; it stops where `visit` returns 0, at the end, or after 20 pages. Facts of every visited device are
 * kept for AMLapsCacheTime. `visit` is never called with an empty page; devices live as long as `pool`. Those without a
 * usable id or deviceId are left out.
 * @param complete out: 1 where every page was visited and `visit` never returned 0
 */
typedef int (*amlaps_graph_visit_t)(void *baton, const amlaps_graph_device_t *const *page, apr_size_t count);
apr_status_t amlaps_graph_search(int *complete, amlaps_error_t *error, amlaps_graph_t *graph, amlaps_call_t *call,
                                 const char *tenant, const char *text, amlaps_graph_visit_t visit, void *baton,
                                 apr_pool_t *pool);

/**
 * One device by its deviceId, from the cache where it is fresh (a cached one costs no request). `*device` is NULL where the
 * tenant has none (no error). An id that is no GUID is AMLAPS_BAD_REQUEST, an unknown tenant AMLAPS_NOT_FOUND, here and
 * below.
 */
apr_status_t amlaps_graph_device(const amlaps_graph_device_t **device, amlaps_error_t *error, amlaps_graph_t *graph,
                                 amlaps_call_t *call, const char *tenant, const char *device_id, apr_pool_t *pool);

/** Transitive groups and administrative units of a device: GUIDs in lower case. */
typedef struct amlaps_memberships_t {
    const char *const *groups;
    apr_size_t group_count;
    const char *const *units;
    apr_size_t unit_count;
} amlaps_memberships_t;

/**
 * Memberships of several devices of one tenant, from the cache where fresh; the rest in as few requests as Graph allows
 * ($batch of 20 from two devices on). `memberships` has room for `count`; `memberships[i]` is NULL where that device's could
 * not be had; `error` then says why, and the status is not APR_SUCCESS.
 */
apr_status_t amlaps_graph_memberships(const amlaps_memberships_t **memberships, amlaps_error_t *error, amlaps_graph_t *graph,
                                      amlaps_call_t *call, const char *tenant, const amlaps_graph_device_t *const *devices,
                                      apr_size_t count, apr_pool_t *pool);

typedef struct amlaps_credential_t {
    const char *account, *sid;
    amlaps_secret_t *password; /* UTF-8; wiped with the pool at the latest */
    apr_time_t backed_up;      /* 0: Graph names none */
} amlaps_credential_t;

typedef struct amlaps_credentials_t {
    amlaps_credential_t *items; /* newest first; those without a time last */
    apr_size_t count;           /* at least 1 */
    apr_time_t expires;         /* refreshDateTime: when the newest is due to change; 0 unknown */
} amlaps_credentials_t;

/**
 * The passwords of a device: exactly one Graph GET while Graph behaves, never cached. AMLAPS_NO_PASSWORD for every form of
 * "none". The id in the answer must be `device_id`, else AMLAPS_TENANT_ERROR and a log line.
 */
apr_status_t amlaps_graph_credentials(amlaps_credentials_t **credentials, amlaps_error_t *error, amlaps_graph_t *graph,
                                      amlaps_call_t *call, const char *tenant, const char *device_id, apr_pool_t *pool);

#endif
