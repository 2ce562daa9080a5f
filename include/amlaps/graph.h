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
#include "amlaps/meter.h"
#include "amlaps/secret.h"
#include "amlaps/transport.h"

#define AMLAPS_REQUEST_ID_MOST 80   /* bytes of an id of Microsoft's that are kept */
#define AMLAPS_PERMISSIONS_MOST 400 /* bytes of a list of permissions */

/* ---- configuration: plain data, filled by src/httpd, constant afterwards ---- */

/** What an app proves itself with; one for each tenant. */
typedef enum amlaps_credential_kind_t {
    AMLAPS_CREDENTIAL_SECRET,
    AMLAPS_CREDENTIAL_CERTIFICATE,
    AMLAPS_CREDENTIAL_FEDERATED,
    AMLAPS_CREDENTIAL_IDENTITY
} amlaps_credential_kind_t;

/** Where a managed identity's tokens come from: filled by amlaps_graph_find_identity. */
typedef struct amlaps_identity_t {
    enum { AMLAPS_IDENTITY_VM, AMLAPS_IDENTITY_APP_SERVICE, AMLAPS_IDENTITY_ARC } host;
    const char *endpoint;          /* without a query */
    const amlaps_secret_t *header; /* App Service's "X-IDENTITY-HEADER: value" */
    const char *client_id;         /* NULL: the system-assigned one */
    const char *key_folder;        /* Arc: the only folder that its key is read from */
} amlaps_identity_t;

typedef struct amlaps_tenant_t {
    const char *name;      /* the word used in rules, API and audit */
    const char *tenant_id; /* GUID or verified domain */
    const char *client_id; /* GUID in lower case; with a managed identity perhaps a word for messages alone */
    const amlaps_secret_t *client_secret;
    const char *login_url; /* root without a slash at the end */
    const char *graph_url;
    const char *ca_file; /* NULL: the system's */
    amlaps_credential_kind_t credential;
    const char *secret_file;                    /* read again for each token where this process may; NULL: never */
    const char *certificate_file, *key_file;    /* the same; equal where one file holds both */
    const amlaps_secret_t *certificate, *key;   /* both in PEM, as read at start */
    int rs256;                                  /* 1: RS256 and x5t instead of PS256 and x5t#S256 */
    const char *token_file;                     /* federated token, read for each token */
    const amlaps_identity_t *identity;
} amlaps_tenant_t;

/** How the groups of people get known; says which permissions the app needs. */
typedef enum amlaps_groups_from_t { AMLAPS_GROUPS_FROM_TOKEN, AMLAPS_GROUPS_FROM_GRAPH } amlaps_groups_from_t;

/**
 * Memory in which the children of one generation tell each other how each tenant stands. Made by the parent before it makes children;
 * each (re)start makes another, since what was known is of the configuration before. The parent's hold on it ends with `pool`.
 * @return NULL without memory
 */
typedef struct amlaps_graph_shared_t amlaps_graph_shared_t;
amlaps_graph_shared_t *amlaps_graph_share(apr_size_t tenant_count, apr_pool_t *pool);

/** What start found of a tenant's certificate and warned of: known from the first moment, and not told again until it is nearer. */
void amlaps_graph_share_expiry(amlaps_graph_shared_t *shared, apr_size_t tenant, apr_time_t expires, apr_time_t now);

/** How Graph's answers are counted. */
typedef enum amlaps_answer_t {
    AMLAPS_ANSWER_NONE,      /* none in time, or none that is HTTP */
    AMLAPS_ANSWER_GOOD,      /* below 400 */
    AMLAPS_ANSWER_REFUSED,   /* 4xx, the next one apart */
    AMLAPS_ANSWER_THROTTLED, /* 429 */
    AMLAPS_ANSWER_FAILED,    /* 5xx */
    AMLAPS_ANSWERS
} amlaps_answer_t;

/** What was asked of Graph, all tenants together; may be shared by several processes. */
typedef struct amlaps_graph_meter_t {
    amlaps_count_t answers[AMLAPS_ANSWERS];
    amlaps_histogram_t took;
} amlaps_graph_meter_t;

typedef struct amlaps_graph_config_t {
    const amlaps_tenant_t *const *tenants;
    apr_size_t tenant_count;
    int connections;                /* most at once, per child */
    apr_interval_time_t timeout;    /* of one whole interaction */
    apr_interval_time_t cache_time; /* facts and memberships; 0: none kept */
    const amlaps_clock_t *clock;
    amlaps_groups_from_t groups_from;
    amlaps_graph_shared_t *shared; /* made for these tenants; NULL: this client knows of no other */
    amlaps_graph_meter_t *meter;   /* NULL: nothing is counted */
    _Atomic int *asking;           /* how many requests are at Graph now; NULL: nobody wants to know */
} amlaps_graph_config_t;

/**
 * Credentials at configtest and start, as root: checked, and what root alone may read is kept in wiped memory of `pool`.
 * @return NULL, or what is wrong and what to do, without any of the secret
 */
const char *amlaps_graph_read_certificate(amlaps_tenant_t *tenant, apr_time_t now, apr_pool_t *pool);
const char *amlaps_graph_read_federated_token(const amlaps_tenant_t *tenant, apr_pool_t *pool);

/** When the certificate ends; 0: the credential is none, or its end is not known. */
apr_time_t amlaps_graph_certificate_expires(const amlaps_tenant_t *tenant, apr_pool_t *pool);

/**
 * Finds the managed identity of this machine from the environment, in the order of Microsoft's own libraries: App Service, Arc, Azure VM.
 * @param client_id NULL: the system-assigned one
 */
const char *amlaps_graph_find_identity(amlaps_tenant_t *tenant, const char *client_id, apr_pool_t *pool);

/**
 * Roots of a cloud by AMLapsCloud's word (global, usgov, usgov-dod, china, bleu, delos, govsg).
 * @return 1, or 0 for a word that is none; then `*login_url` lists the words
 */
int amlaps_graph_cloud(const char **login_url, const char **graph_url, const char *word);

/* ---- transport ---- */

/** What amlaps_transport_open is told for Graph: the codes and message ids of this room. */
extern const amlaps_transport_faults_t amlaps_graph_faults;

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
    const char *failing;           /* the tenant whose look-ups failed even when they were asked for once more, or NULL */
} amlaps_call_t;

typedef struct amlaps_graph_device_t { /* texts are NULL and times 0 where Graph gives none */
    const char *tenant;
    const char *object_id, *device_id; /* GUIDs in lower case */
    const char *name, *os, *os_version, *join, *manufacturer, *model;
    int enabled, compliant, managed; /* 1, 0, -1 unknown */
    apr_time_t last_seen;
} amlaps_graph_device_t;

/**
 * Starts a thread that renews the tokens once one was needed, before they end, so that no person waits for it. It ends, and is waited for,
 * with `pool`. Without it the first request after a renewal is due makes it.
 */
apr_status_t amlaps_graph_renew_in_background(amlaps_graph_t *graph, apr_pool_t *pool);

/** When an interaction that begins now has to be over: for those that are made of several calls. Steady clock. */
apr_time_t amlaps_graph_deadline(const amlaps_graph_t *graph);

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

/** GUIDs in lower case. */
typedef struct amlaps_ids_t {
    const char *const *ids;
    apr_size_t count;
} amlaps_ids_t;

/** What is to be found out about one device; bits. */
typedef enum amlaps_look_at_t {
    AMLAPS_LOOK_AT_DEVICE = 1,      /* its facts */
    AMLAPS_LOOK_AT_MEMBERSHIPS = 2, /* its groups and administrative units */
    AMLAPS_LOOK_AT_OWNERS = 4       /* its registered owners' object ids */
} amlaps_look_at_t;

typedef struct amlaps_look_t {
    const char *device_id;
    int wanted;                              /* AMLAPS_LOOK_AT_* */
    int found;                               /* out: those that are known now */
    const amlaps_graph_device_t *device;     /* out: NULL although it was found: the tenant has none of that id */
    const amlaps_memberships_t *memberships; /* out: NULL unknown */
    const amlaps_ids_t *owners;              /* out: NULL unknown */
} amlaps_look_t;

typedef struct amlaps_look_up_t {
    amlaps_look_t *devices;
    apr_size_t count;
    const char *oid;            /* object id of a person of this tenant whose groups are wanted; NULL: nobody */
    const amlaps_ids_t *groups; /* out: all groups, nested ones included; NULL unknown */
    amlaps_error_t gap;         /* out: the first reason why memberships, owners or groups are unknown */
} amlaps_look_up_t;

/**
 * Facts about devices and the person asking, side by side: what is kept from before costs nothing, the rest goes in $batch
 * requests of twenty parts (one by one where this Graph has none). What could not be had stays unknown. A device that does
 * not exist is no error, and then nothing else of it is one.
 * @return APR_SUCCESS; an error where a device's own facts were wanted and could not be had, or an id is no GUID
 */
apr_status_t amlaps_graph_look_up(amlaps_look_up_t *look_up, amlaps_error_t *error, amlaps_graph_t *graph, amlaps_call_t *call,
                                  const char *tenant, apr_pool_t *pool);

/** @return the device's facts where they are kept, NULL otherwise; no request */
const amlaps_graph_device_t *amlaps_graph_kept_device(amlaps_graph_t *graph, const char *tenant, const char *device_id,
                                                      apr_pool_t *pool);

/**
 * The tenant that a person of the claim `tid` belongs to. For tenants configured by domain their own token tells the id, so
 * this may fetch tokens.
 * @return its name, NULL where it is none of ours
 */
const char *amlaps_graph_home(amlaps_graph_t *graph, amlaps_call_t *call, const char *tid, apr_pool_t *pool);

/**
 * Memberships alone. `memberships` has room for `count`; `memberships[i]` is NULL where that device's could not be had;
 * `error` then says why, and the status is not APR_SUCCESS.
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

/** What is known of a device's password without reading it. */
typedef struct amlaps_backup_t {
    int there;            /* 1: Entra holds one, 0: it holds none, -1 unknown */
    apr_time_t backed_up; /* lastBackupDateTime; 0: none, or unknown */
    apr_time_t expires;   /* refreshDateTime: when it is due to change, perhaps long ago; 0 the same */
} amlaps_backup_t;

/**
 * When a device's password was backed up and is due to change. Discloses nothing: no secret is asked for, and Microsoft's audit has no event
 * of it. Kept for ten seconds. With an error, which is in the log by then, all of it is unknown.
 */
apr_status_t amlaps_graph_backup(amlaps_backup_t *backup, amlaps_error_t *error, amlaps_graph_t *graph, amlaps_call_t *call,
                                 const char *tenant, const char *device_id, apr_pool_t *pool);

/* ---- how the tenants stand, for operators ---- */

/** What Microsoft's support asks for. */
typedef struct amlaps_trace_t {
    int status;   /* HTTP, 0: no answer */
    int attempts; /* requests that were made, 0: none */
    char request_id[AMLAPS_REQUEST_ID_MOST], client_request_id[AMLAPS_REQUEST_ID_MOST]; /* "" unknown */
} amlaps_trace_t;

/** Something that went wrong with a tenant. */
typedef struct amlaps_fault_t {
    apr_time_t time; /* 0: nothing did */
    amlaps_error_t error;
    amlaps_trace_t trace;
} amlaps_fault_t;

typedef enum amlaps_token_state_t {
    AMLAPS_TOKEN_UNKNOWN, /* none was asked for, or the last has ended and nobody has asked since */
    AMLAPS_TOKEN_USABLE,
    AMLAPS_TOKEN_FAILING  /* somebody went without one, see `login` */
} amlaps_token_state_t;

/** As all children of this generation know it. Times on the wall clock, 0: never; texts "" where unknown. */
typedef struct amlaps_standing_t {
    amlaps_token_state_t token;
    apr_time_t token_issued, token_expires;  /* of the newest */
    amlaps_fault_t login;                    /* why there was none, since the newest */
    int permissions_known;                   /* a token could be read */
    char missing[AMLAPS_PERMISSIONS_MOST];   /* permissions that are needed and not there, separated by ", " */
    char excess[AMLAPS_PERMISSIONS_MOST];    /* those that nothing here uses */
    apr_time_t credential_expires;           /* 0: not known, or it does not */
    apr_time_t answered;                     /* Graph's last answer, whatever it was */
    apr_interval_time_t took;
    int status;
    char request_id[AMLAPS_REQUEST_ID_MOST];
    amlaps_fault_t fault;                    /* the last request that came to nothing */
    apr_time_t throttled_until;              /* Graph wants silence until then; may be over */
} amlaps_standing_t;

/** @return 1, or 0 and nothing known where there is no such tenant. Any thread; no request, no waiting. */
int amlaps_graph_standing(amlaps_standing_t *standing, const amlaps_graph_t *graph, const char *tenant);

/** @return 1 where a tenant's last request or login came to nothing within the last minute, as far as any child knows: better asked after others */
int amlaps_graph_is_ailing(const amlaps_graph_t *graph, const char *tenant);

/**
 * Has the login tried in the background where no usable token is known, by one child and at most every ten seconds. Needs the thread
 * of amlaps_graph_renew_in_background.
 * @param patience waits so long for tenants of which nothing is known yet, as after a start; 0: not at all
 */
void amlaps_graph_probe(amlaps_graph_t *graph, apr_interval_time_t patience);

#endif
