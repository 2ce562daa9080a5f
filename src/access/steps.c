/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "steps.h"

#include <string.h>

#include <apr_strings.h>

apr_time_t amlaps_access_deadline(const amlaps_access_t *access, apr_interval_time_t rest)
{
    const apr_time_t graph = amlaps_graph_deadline(access->graph);
    const apr_time_t whole = amlaps_clock_steady(access->clock) + AMLAPS_WHOLE_INTERACTION - rest;

    return graph < whole ? graph : whole;
}

void amlaps_access_begin(amlaps_record_t *record, amlaps_event_t event, const amlaps_asker_t *asker)
{
    const amlaps_person_t *person = asker->person;

    memset(record, 0, sizeof(*record));
    record->id = asker->id;
    record->stage = AMLAPS_STAGE_INTENT;
    record->event = event;
    record->outcome = AMLAPS_OUTCOME_PENDING;
    record->code = amlaps_code_word(AMLAPS_OK);
    record->oid = person->oid;
    record->tid = person->tid;
    record->issuer = person->issuer;
    record->subject = person->subject;
    record->username = person->username;
    record->name = person->name;
    record->address = asker->address;
}

void amlaps_access_note_device(amlaps_record_t *record, const amlaps_graph_device_t *device)
{
    record->tenant = device->tenant;
    record->device_id = device->device_id;
    record->device_name = device->name;
}

void amlaps_access_note_call(amlaps_record_t *record, const amlaps_call_t *call)
{
    record->graph_request_id = call->request_id;
    record->graph_status = call->status;
    record->graph_attempts = call->attempts;
}

void amlaps_access_decide(ruling_t *ruling, const amlaps_findings_t *findings, const amlaps_device_t *device)
{
    const amlaps_question_t question = amlaps_findings_question(findings, device);

    amlaps_policy_decide(&ruling->password, findings->access->policy, AMLAPS_PERMISSION_PASSWORD, &question);
    amlaps_policy_decide(&ruling->history, findings->access->policy, AMLAPS_PERMISSION_HISTORY, &question);
}

/* "allow by rule "London helpdesk" (amlaps.conf:12)" */
static const char *describe(const amlaps_decision_t *decision, apr_pool_t *pool)
{
    static const char *const verdicts[] = { [AMLAPS_DENY] = "deny", [AMLAPS_ALLOW] = "allow", [AMLAPS_UNDECIDABLE] = "undecidable" };

    if (!decision->rule) {
        return apr_pstrcat(pool, verdicts[decision->verdict], ", no rule grants it", NULL);
    }
    return apr_psprintf(pool, "%s by rule \"%s\" (%s)", verdicts[decision->verdict], amlaps_rule_description(decision->rule),
                        amlaps_rule_origin(decision->rule));
}

void amlaps_access_log_ruling(const amlaps_findings_t *findings, const amlaps_device_t *device, const ruling_t *ruling)
{
    apr_pool_t *pool = findings->pool;

    if (!amlaps_log_has(AMLAPS_LOG_DEBUG)) {
        return;
    }
    if (findings->permissions & AMLAPS_PERMISSION_PASSWORD) {
        amlaps_log(AMLAPS_LOG_DEBUG, "AML0409", APR_SUCCESS, "request %s: password of device %s of tenant %s: %s", findings->asker->id,
                   device->device_id, device->tenant, describe(&ruling->password, pool));
    }
    if (findings->permissions & AMLAPS_PERMISSION_HISTORY) {
        amlaps_log(AMLAPS_LOG_DEBUG, "AML0409", APR_SUCCESS, "request %s: history of device %s of tenant %s: %s", findings->asker->id,
                   device->device_id, device->tenant, describe(&ruling->history, pool));
    }
}

apr_status_t amlaps_access_deny(amlaps_error_t *error, const amlaps_decision_t *decision, const amlaps_error_t *lookup)
{
    if (decision->verdict == AMLAPS_UNDECIDABLE) {
        amlaps_error_set(error, AMLAPS_POLICY_UNDECIDABLE, "AML0401", APR_EGENERAL,
                         "rule \"%s\" could deny this and could not be evaluated%s%s",
                         decision->rule ? amlaps_rule_description(decision->rule) : "?", lookup->code ? ": " : "",
                         lookup->code ? lookup->detail : "");
        error->retry_after = lookup->retry_after;
        return error->status;
    }
    /* A grant may be hidden behind the look-up that failed: the cause helps more than "not authorized". */
    if (!decision->rule && lookup->code) {
        *error = *lookup;
        return error->status;
    }
    if (decision->rule) {
        return amlaps_error_set(error, AMLAPS_NOT_AUTHORIZED, "AML0402", APR_EGENERAL, "rule \"%s\" denies this",
                                amlaps_rule_description(decision->rule));
    }
    return amlaps_error_set(error, AMLAPS_NOT_AUTHORIZED, "AML0403", APR_EGENERAL, "no rule grants this");
}

apr_status_t amlaps_access_refuse(amlaps_error_t *error, const amlaps_access_t *access, amlaps_record_t *record,
                                  const char *audit_code, apr_pool_t *pool)
{
    amlaps_error_t trail = { 0 };
    int denied = error->code == AMLAPS_NOT_AUTHORIZED || error->code == AMLAPS_REASON_REQUIRED ||
                 error->code == AMLAPS_REASON_INVALID || error->code == AMLAPS_POLICY_UNDECIDABLE ||
                 error->code == AMLAPS_RATE_LIMITED;

    record->stage = AMLAPS_STAGE_OUTCOME;
    record->outcome = denied ? AMLAPS_OUTCOME_DENIED : AMLAPS_OUTCOME_FAILED;
    record->code = audit_code ? audit_code : amlaps_code_word(error->code);
    if (amlaps_trail_admit(&trail, access->trail, record, pool) != APR_SUCCESS) {
        *error = trail;
    }
    return error->status;
}
