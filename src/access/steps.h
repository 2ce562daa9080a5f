/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_ACCESS_STEPS_H
#define AMLAPS_ACCESS_STEPS_H

#include "amlaps/access.h"
#include "findings.h"

/* The steps that searching, showing and disclosing a device share. */

/** One permission's decisions on one device. */
typedef struct ruling_t {
    amlaps_decision_t password, history;
} ruling_t;

/* A worker waits no longer than that on the outside world, for all of one request; some of it is the store's, as AMLapsStoreTimeout has it
 * where nobody sets it. */
#define AMLAPS_WHOLE_INTERACTION apr_time_from_sec(8)
#define AMLAPS_TIME_TO_RECORD apr_time_from_sec(2)

/** When Graph must have answered for a request that begins now: as AMLapsGraphTimeout has it, and so that `rest` is left for what follows.
 *  Steady clock. */
apr_time_t amlaps_access_deadline(const amlaps_access_t *access, apr_interval_time_t rest);

/**
 * Whether the asker has a role. Groups that the token left out are asked for until `deadline` (steady clock).
 * @return APR_SUCCESS, AMLAPS_NOT_AUTHORIZED, or why it cannot be known
 */
apr_status_t amlaps_access_require_role(amlaps_error_t *error, const amlaps_access_t *access, const amlaps_asker_t *asker,
                                        amlaps_role_t role, apr_time_t deadline, apr_pool_t *pool);

/** Fills actor, address and id; the rest is the caller's. */
void amlaps_access_begin(amlaps_record_t *record, amlaps_event_t event, const amlaps_asker_t *asker);

/** Adds the device and, from the call, what Graph said. */
void amlaps_access_note_device(amlaps_record_t *record, const amlaps_graph_device_t *device);
void amlaps_access_note_call(amlaps_record_t *record, const amlaps_call_t *call);

/** Decides on one device as far as it is known. */
void amlaps_access_decide(ruling_t *ruling, const amlaps_findings_t *findings, const amlaps_device_t *device);

/** Tells the log, for whom LogLevel debug is set, what was decided by which rule; one line for each permission that was asked for. */
void amlaps_access_log_ruling(const amlaps_findings_t *findings, const amlaps_device_t *device, const ruling_t *ruling);

/**
 * Records a refusal and counts it. The person's code is in `error`; `audit_code` is what the record says instead (NULL: the same).
 * @return never APR_SUCCESS; `error` becomes AMLAPS_RATE_LIMITED or AMLAPS_AUDIT_UNAVAILABLE where that is the better answer
 */
apr_status_t amlaps_access_refuse(amlaps_error_t *error, const amlaps_access_t *access, amlaps_record_t *record,
                                  const char *audit_code, apr_pool_t *pool);

/** The channels that are told of a request for a password: everybody's, and those of the rule that decides (NULL: none does yet). */
void amlaps_access_set_channels(amlaps_record_t *record, const amlaps_access_t *access, const amlaps_rule_t *rule, apr_pool_t *pool);

/**
 * Tells the channels that must confirm a disclosure before anything is shown; the record then names the others, which are queued with it.
 * @param deadline steady clock @return APR_SUCCESS, or AMLAPS_NOTIFICATION_FAILED
 */
apr_status_t amlaps_access_tell(amlaps_error_t *error, const amlaps_access_t *access, amlaps_record_t *record, apr_time_t deadline,
                                apr_pool_t *pool);

/** Sets the error of a decision that is not AMLAPS_ALLOW. */
apr_status_t amlaps_access_deny(amlaps_error_t *error, const amlaps_decision_t *decision, const amlaps_error_t *lookup);

#endif
