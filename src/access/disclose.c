/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "steps.h"

#include <string.h>

/* Who looks at a device waits no longer than that for what they can do without. */
#define TIME_FOR_BACKUP apr_time_from_sec(2)

static const amlaps_rule_t *granting(const amlaps_decision_t *decision)
{
    return decision->verdict == AMLAPS_ALLOW ? decision->rule : NULL;
}

/* Steps 1 and 2: the device's facts and the decisions on it. An asker who is beyond a limit already does not reach Graph. */
static apr_status_t locate_and_decide(const amlaps_graph_device_t **device, ruling_t *ruling, amlaps_error_t *error,
                                      const char **audit_code, amlaps_findings_t *findings, amlaps_record_t *record, const char *tenant,
                                      const char *device_id)
{
    /* To look at a device that one may see does not count, so it is not refused either. */
    apr_interval_time_t blocked = record->event == AMLAPS_EVENT_SEARCH ? 0 : amlaps_trail_blocked(findings->access->trail, record, findings->pool);
    amlaps_device_t known;

    record->tenant = tenant;
    record->device_id = device_id;
    if (blocked > 0) {
        amlaps_error_set(error, AMLAPS_RATE_LIMITED, "AML0404", APR_EGENERAL, "beyond a limit of AMLapsLimit");
        error->retry_after = blocked;
        return error->status;
    }
    if (amlaps_findings_locate(device, &known, error, findings, tenant, device_id) != APR_SUCCESS) {
        amlaps_access_note_call(record, findings->call);
        return error->status;
    }
    if (!*device) {
        *audit_code = "device_not_found";
        /* What could not be found out about the person is told for every device alike, or it would tell which ones exist. */
        if (findings->gap.code) {
            *error = findings->gap;
            return error->status;
        }
        return amlaps_error_set(error, AMLAPS_NOT_AUTHORIZED, "AML0405", APR_EGENERAL, "tenant %s has no device %s", tenant,
                                device_id);
    }
    amlaps_access_note_device(record, *device);
    amlaps_access_decide(ruling, findings, &known);
    amlaps_access_log_ruling(findings, &known, ruling);
    if (!granting(&ruling->password) && !granting(&ruling->history)) {
        amlaps_findings_complete_alike(findings, tenant, device_id);
    }
    return APR_SUCCESS;
}

/*
 * Asked for once the rules have granted something, and not side by side with the other look-ups: of a device that may not be seen nothing more is
 * asked than of one that does not exist. The room below has told the log why there is none; the device is shown without.
 */
static amlaps_backup_t seek_backup(const amlaps_access_t *access, amlaps_call_t *call, const amlaps_graph_device_t *device, apr_pool_t *pool)
{
    const apr_time_t soon = amlaps_clock_steady(access->clock) + TIME_FOR_BACKUP;
    amlaps_error_t error = { 0 };
    amlaps_backup_t backup;

    if (!call->deadline) {
        call->deadline = amlaps_graph_deadline(access->graph);
    }
    if (call->deadline > soon) {
        call->deadline = soon;
    }
    amlaps_graph_backup(&backup, &error, access->graph, call, device->tenant, device->device_id, pool);
    return backup;
}

apr_status_t amlaps_access_device(amlaps_found_t **found, amlaps_error_t *error, const amlaps_access_t *access,
                                  const amlaps_asker_t *asker, const char *tenant, const char *device_id, apr_pool_t *pool)
{
    amlaps_call_t call = { .client_request_id = asker->id };
    const amlaps_graph_device_t *device = NULL;
    const char *audit_code = NULL;
    amlaps_findings_t findings;
    amlaps_record_t record;
    ruling_t ruling = { 0 };

    *found = NULL;
    amlaps_access_begin(&record, AMLAPS_EVENT_SEARCH, asker);
    amlaps_findings_begin(&findings, access, asker, &call, AMLAPS_PERMISSION_ALL, pool);
    if (locate_and_decide(&device, &ruling, error, &audit_code, &findings, &record, tenant, device_id) == APR_SUCCESS) {
        const amlaps_rule_t *password = granting(&ruling.password), *history = granting(&ruling.history);

        if (password || history) {
            *found = apr_pcalloc(pool, sizeof(**found));
            (*found)->device = device;
            (*found)->password = password;
            (*found)->history = history;
            (*found)->backup = seek_backup(access, &call, device, pool);
            return APR_SUCCESS;
        }
        /* Undecidable for either permission is worth more to the person than a plain refusal. */
        const amlaps_decision_t *refusing = ruling.history.verdict == AMLAPS_UNDECIDABLE ? &ruling.history : &ruling.password;

        record.rule = refusing->rule ? amlaps_rule_description(refusing->rule) : NULL;
        amlaps_access_deny(error, refusing, &findings.gap);
    }
    return amlaps_access_refuse(error, access, &record, audit_code, pool);
}

/* What is asked for out of what Graph gave; the rest is wiped at once. */
static amlaps_disclosure_t *select_credentials(const amlaps_credentials_t *credentials, amlaps_permission_t permission, apr_size_t nth,
                                               apr_pool_t *pool)
{
    amlaps_disclosure_t *disclosure = apr_pcalloc(pool, sizeof(*disclosure));
    apr_size_t older = credentials->count - 1, first = 0, count = 1, i;

    if (permission == AMLAPS_PERMISSION_HISTORY) {
        first = nth ? nth : 1;
        count = nth ? nth <= older : older;
        disclosure->older = nth && nth < older ? older - nth : 0;
    }
    for (i = 0; i < credentials->count; i++) {
        if (i < first || i >= first + count) {
            amlaps_secret_wipe(credentials->items[i].password);
        }
    }
    disclosure->credentials = credentials->items + first;
    disclosure->count = count;
    disclosure->current = permission == AMLAPS_PERMISSION_PASSWORD;
    disclosure->expires = credentials->expires;
    return disclosure;
}

static void wipe(const amlaps_credentials_t *credentials)
{
    apr_size_t i;

    for (i = 0; i < credentials->count; i++) {
        amlaps_secret_wipe(credentials->items[i].password);
    }
}

/*
 * Steps 4 to 6, after the intent is on disk. Channels that must confirm are told before the outcome is recorded, so that the trail never says
 * "granted" of what nobody saw; the answer still waits for both.
 */
static apr_status_t fetch_tell_and_record(amlaps_disclosure_t **disclosure, amlaps_error_t *error, const amlaps_access_t *access,
                                     amlaps_record_t *record, amlaps_call_t *call, amlaps_permission_t permission,
                                     apr_size_t nth, apr_time_t deadline, apr_pool_t *pool)
{
    amlaps_credentials_t *credentials = NULL;
    amlaps_error_t trail = { 0 };
    apr_status_t status = amlaps_graph_credentials(&credentials, error, access->graph, call, record->tenant, record->device_id, pool);

    amlaps_access_note_call(record, call);
    record->stage = AMLAPS_STAGE_OUTCOME;
    record->outcome = AMLAPS_OUTCOME_GRANTED;
    if (status == APR_SUCCESS) {
        *disclosure = select_credentials(credentials, permission, nth, pool);
        if ((*disclosure)->count) {
            record->account = (*disclosure)->credentials[0].account;
            record->backed_up = (*disclosure)->credentials[0].backed_up;
        }
        status = amlaps_access_tell(error, access, record, deadline - AMLAPS_TIME_TO_RECORD, pool);
    }
    if (status != APR_SUCCESS) {
        record->outcome = AMLAPS_OUTCOME_FAILED;
        record->code = amlaps_code_word(error->code);
    }
    if (amlaps_trail_conclude(&trail, access->trail, record, pool) != APR_SUCCESS && status == APR_SUCCESS) {
        *error = trail;
        status = error->status;
    }
    if (status != APR_SUCCESS && credentials) {
        wipe(credentials);
        *disclosure = NULL;
    }
    return status;
}

/* Where no form is asked for, only the bounds of every reason are left to offend. */
static void refuse_reason(amlaps_error_t *error, amlaps_code_t code, const amlaps_reason_t *asked)
{
    const char *what = code == AMLAPS_REASON_REQUIRED ? "This device needs a reason"
                       : asked->pattern               ? "The reason does not have the form that is asked for"
                                                      : "The reason has more than 4096 characters, or control characters beside line feeds and tabs";

    amlaps_error_set(error, code, "AML0406", APR_EGENERAL, "%s%s%s", what, asked->hint ? ": " : ".", asked->hint ? asked->hint : "");
}

apr_status_t amlaps_access_disclose(amlaps_disclosure_t **disclosure, amlaps_error_t *error, const amlaps_access_t *access,
                                    const amlaps_asker_t *asker, const char *tenant, const char *device_id,
                                    amlaps_permission_t permission, apr_size_t nth, const char *reason, apr_pool_t *pool)
{
    const apr_time_t started = amlaps_clock_steady(access->clock);
    amlaps_call_t call = { .client_request_id = asker->id };
    const amlaps_graph_device_t *device = NULL;
    const amlaps_decision_t *decision;
    const char *audit_code = NULL;
    amlaps_findings_t findings;
    amlaps_record_t record;
    amlaps_code_t code;
    ruling_t ruling = { 0 };

    *disclosure = NULL;
    amlaps_access_begin(&record, permission == AMLAPS_PERMISSION_HISTORY ? AMLAPS_EVENT_HISTORY : AMLAPS_EVENT_PASSWORD, asker);
    record.reason = reason;
    amlaps_access_set_channels(&record, access, NULL, pool);
    amlaps_findings_begin(&findings, access, asker, &call, (int)permission, pool);
    if (locate_and_decide(&device, &ruling, error, &audit_code, &findings, &record, tenant, device_id) != APR_SUCCESS) {
        return amlaps_access_refuse(error, access, &record, audit_code, pool);
    }
    decision = permission == AMLAPS_PERMISSION_HISTORY ? &ruling.history : &ruling.password;
    record.rule = decision->rule ? amlaps_rule_description(decision->rule) : NULL;
    amlaps_access_set_channels(&record, access, decision->rule, pool);
    if (decision->verdict != AMLAPS_ALLOW) {
        amlaps_access_deny(error, decision, &findings.gap);
        return amlaps_access_refuse(error, access, &record, NULL, pool);
    }
    if (amlaps_rule_reason(decision->rule)->mode == AMLAPS_REASON_HIDDEN) {
        record.reason = NULL;
    } else if ((code = amlaps_rule_check_reason(decision->rule, reason)) != AMLAPS_OK) {
        refuse_reason(error, code, amlaps_rule_reason(decision->rule));
        return amlaps_access_refuse(error, access, &record, NULL, pool);
    }
    if (amlaps_trail_admit(error, access->trail, &record, pool) != APR_SUCCESS) {
        return error->status;
    }
    if (fetch_tell_and_record(disclosure, error, access, &record, &call, permission, nth, started + AMLAPS_WHOLE_INTERACTION, pool) != APR_SUCCESS) {
        return error->status;
    }
    (*disclosure)->device = device;
    (*disclosure)->rule = decision->rule;
    return APR_SUCCESS;
}
