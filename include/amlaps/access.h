/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_ACCESS_H
#define AMLAPS_ACCESS_H

/*
 * The use case: someone asks for the password of a device. The only place where the steps stand in order – locate, decide, admit,
 * fetch, tell, record – and so the only way to a disclosure, for the page, the API and everything to come. Thread-safe: what is shared
 * between requests are the rooms below, each of which is.
 */

#include <apr_tables.h>

#include "amlaps/base.h"
#include "amlaps/graph.h"
#include "amlaps/notify.h"
#include "amlaps/policy.h"
#include "amlaps/trail.h"

/** What some people may do beside what the rules say. */
typedef enum amlaps_role_t { AMLAPS_ROLE_AUDITOR, AMLAPS_ROLE_OPERATOR, AMLAPS_ROLES } amlaps_role_t;

/** The rooms that one virtual host uses in one child. Borrowed; they live as long as the child. */
typedef struct amlaps_access_t {
    const amlaps_policy_t *policy;
    const amlaps_policy_t *roles[AMLAPS_ROLES]; /* who has them: allow entries on every device */
    amlaps_graph_t *graph;
    amlaps_trail_t *trail;
    const amlaps_notify_t *notify; /* NULL: there are no channels */
    const amlaps_tell_t *tell;     /* who is told of every request for a password; with `notify` */
    const amlaps_channel_t *const *channels; /* of this server, in the order of the configuration; `notify` has those of all */
    amlaps_queue_meter_t *const *queues; /* what waits for them in this server's store; an item is NULL where nobody measures */
    apr_size_t channel_count;
    const amlaps_clock_t *clock;
    amlaps_groups_from_t groups_from; /* whether the token's claim of groups counts */
    const char *const *tenants;   /* names, in the order of the configuration */
    apr_size_t tenant_count;
} amlaps_access_t;

/** Who asks, from where; checked and typed by src/httpd. */
typedef struct amlaps_asker_t {
    const amlaps_person_t *person;
    const char *address;          /* the client's, as text */
    const char *id;               /* GUID of this request: audit id and client-request-id */
    void *request;                /* handed to the rules' conditions */
} amlaps_asker_t;

/** A device and what the asker may do with it. */
typedef struct amlaps_found_t {
    const amlaps_graph_device_t *device;
    const amlaps_rule_t *password; /* the rule whose settings count; NULL: not permitted */
    const amlaps_rule_t *history;
    amlaps_backup_t backup;        /* of amlaps_access_device alone */
} amlaps_found_t;

#define AMLAPS_SEARCH_MOST 50

/** A tenant that could not be searched while others could, or of which a failed look-up may hide devices. */
typedef struct amlaps_search_gap_t {
    const char *tenant;
    amlaps_code_t code;
} amlaps_search_gap_t;

typedef struct amlaps_search_result_t {
    apr_array_header_t *found;     /* amlaps_found_t, by name, newest sign-in first among equal names; at most AMLAPS_SEARCH_MOST */
    apr_array_header_t *gaps;      /* amlaps_search_gap_t */
    int more;                      /* there are others */
} amlaps_search_result_t;

/**
 * Devices whose name begins with `text` on which the asker has a permission. Counted and recorded before Graph is asked.
 * @param tenant NULL: all; else one of access->tenants
 */
apr_status_t amlaps_access_search(amlaps_search_result_t **result, amlaps_error_t *error, const amlaps_access_t *access,
                                  const amlaps_asker_t *asker, const char *tenant, const char *text, apr_pool_t *pool);

/** One device, if the asker has a permission on it, and when its password was backed up as far as that can be found out soon.
 *  AMLAPS_NOT_AUTHORIZED for any other, existing or not; that is recorded and counts as a search. */
apr_status_t amlaps_access_device(amlaps_found_t **found, amlaps_error_t *error, const amlaps_access_t *access,
                                  const amlaps_asker_t *asker, const char *tenant, const char *device_id, apr_pool_t *pool);

typedef struct amlaps_disclosure_t {
    const amlaps_graph_device_t *device;
    const amlaps_rule_t *rule;
    const amlaps_credential_t *credentials; /* the current one, or the older ones, newest first; passwords wiped with the pool */
    apr_size_t count;              /* 0 for a history without older passwords */
    apr_time_t expires;            /* of the current one; 0 unknown */
    int current;                   /* 1: `credentials` is the current one */
    apr_size_t older;              /* how many are older than the one asked for by its number */
} amlaps_disclosure_t;

/**
 * The disclosure. When it returns APR_SUCCESS, intent and outcome are on disk and the answer may leave; in every other case nothing was
 * disclosed and nothing of it is left in memory.
 * @param permission AMLAPS_PERMISSION_PASSWORD or AMLAPS_PERMISSION_HISTORY
 * @param nth of the older passwords: 1 is the newest of them; 0 all
 * @param reason NULL: none given
 */
apr_status_t amlaps_access_disclose(amlaps_disclosure_t **disclosure, amlaps_error_t *error, const amlaps_access_t *access,
                                    const amlaps_asker_t *asker, const char *tenant, const char *device_id,
                                    amlaps_permission_t permission, apr_size_t nth, const char *reason, apr_pool_t *pool);

/**
 * Which roles the asker is known to have. Groups that the token left out are asked for, once for all roles; where they cannot be had, the log
 * says why.
 * @param has out: 1 for each role
 */
void amlaps_access_roles(int has[AMLAPS_ROLES], const amlaps_access_t *access, const amlaps_asker_t *asker, apr_pool_t *pool);

/**
 * Starts a thread that delivers the notifications queued in the trail's store, in the one child of this machine that leads. It ends, and is
 * waited for, with `pool`, before the trail and the transport of `notify` close.
 * @param queues where it notes what waits, one for each channel of `notify`; an item may be NULL
 */
apr_status_t amlaps_access_deliver_in_background(amlaps_trail_t *trail, const amlaps_notify_t *notify,
                                                 amlaps_queue_meter_t *const *queues, const amlaps_clock_t *clock, apr_pool_t *pool);

/** A decision that an operator asks about, for a person and a device that may be made up. */
typedef struct amlaps_inquiry_t {
    const amlaps_person_t *person; /* about whom */
    int groups_given;              /* 1: the person's groups are part of the question, and are not looked up */
    amlaps_device_t *device;       /* what is given of it; where it has no name, tenant and device_id are looked up */
    apr_time_t now;
    void *circumstances;           /* handed to the rules' conditions */
} amlaps_inquiry_t;

typedef struct amlaps_explanation_t {
    amlaps_decision_t password, history;
    apr_array_header_t *rules;     /* amlaps_rule_explanation_t */
} amlaps_explanation_t;

/** Answers an inquiry of an operator; recorded like everything else, and discloses nothing. AMLAPS_NOT_AUTHORIZED for anybody else. */
apr_status_t amlaps_access_explain(amlaps_explanation_t **explanation, amlaps_error_t *error, const amlaps_access_t *access,
                                   const amlaps_asker_t *asker, const amlaps_inquiry_t *inquiry, apr_pool_t *pool);

/*
 * Reading the audit. For auditors; AMLAPS_NOT_AUTHORIZED for anybody else. Each reading is recorded, with what was asked, before anything is
 * read. None takes a worker for more than some seconds: what is longer comes in parts.
 */

/** One page, newest first, without this reading's own record. @param from `next` of the page before, 0: the first page @param most 1 or more */
apr_status_t amlaps_access_audit(amlaps_records_t **records, amlaps_error_t *error, const amlaps_access_t *access,
                                 const amlaps_asker_t *asker, const amlaps_filter_t *filter, apr_int64_t from, apr_size_t most,
                                 apr_pool_t *pool);

/** Verifies the trail, or goes on where `result` ended. @param more set to 1 where there is more to verify */
apr_status_t amlaps_access_audit_verify(amlaps_verify_t *result, int *more, amlaps_error_t *error, const amlaps_access_t *access,
                                        const amlaps_asker_t *asker, apr_pool_t *pool);

/** Takes a page of an export, whose memory is used again for the next. @return 1 to go on, 0 to stop */
typedef int (*amlaps_access_visit_t)(void *baton, const amlaps_records_t *records, apr_pool_t *pool);

/**
 * Every record that matches, oldest first, up to and with this reading's own. An error may come after pages were taken. @param format for the
 * record
 */
apr_status_t amlaps_access_audit_export(amlaps_error_t *error, const amlaps_access_t *access, const amlaps_asker_t *asker,
                                        const amlaps_filter_t *filter, const char *format, amlaps_access_visit_t visit, void *baton,
                                        apr_pool_t *pool);

/** How the rooms stand that a request needs. */
typedef struct amlaps_status_t {
    const amlaps_standing_t *tenants; /* in the order of access->tenants */
    int store;                        /* records can be written, as far as is known */
    amlaps_seal_standing_t seal;
    /* In the order of access->channels; of amlaps_access_status alone. NULL: the store, which knows, did not answer */
    const amlaps_channel_standing_t *channels;
} amlaps_status_t;

/** For operators; AMLAPS_NOT_AUTHORIZED for anybody else. Not recorded: nothing of people or devices is in it. */
apr_status_t amlaps_access_status(amlaps_status_t *status, amlaps_error_t *error, const amlaps_access_t *access,
                                  const amlaps_asker_t *asker, apr_pool_t *pool);

/** The same for machines that watch this server; the caller must tell nothing of it but codes. */
void amlaps_access_health(amlaps_status_t *status, const amlaps_access_t *access, apr_pool_t *pool);

#endif
