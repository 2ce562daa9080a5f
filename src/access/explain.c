/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include "steps.h"

/* An explanation is about every rule, so every fact is asked for; what can't be had stays unknown, and the explanation says so. */
static apr_status_t look_up(amlaps_error_t *error, amlaps_findings_t *findings, amlaps_record_t *record, amlaps_device_t *device)
{
    const amlaps_graph_device_t *facts;

    if (amlaps_graph_device(&facts, error, findings->access->graph, findings->call, device->tenant, device->device_id, findings->pool) !=
        APR_SUCCESS) {
        return error->status;
    }
    if (!facts) {
        return amlaps_error_set(error, AMLAPS_NOT_FOUND, "AML0407", APR_EGENERAL, "Tenant %s has no device %s.", device->tenant,
                                device->device_id);
    }
    amlaps_access_note_device(record, facts);
    amlaps_access_describe(device, facts);
    amlaps_findings_complete_all(findings, device);
    return APR_SUCCESS;
}

/* Of a device that is given there is nothing to look up, but of the person there may be. */
static void look_up_person(amlaps_findings_t *findings)
{
    if (!findings->person.groups_known) {
        amlaps_findings_complete_person(findings);
    }
}

static amlaps_explanation_t *answer(const amlaps_findings_t *findings, const amlaps_inquiry_t *inquiry)
{
    const amlaps_policy_t *policy = findings->access->policy;
    amlaps_explanation_t *explanation = apr_pcalloc(findings->pool, sizeof(*explanation));
    amlaps_question_t question = amlaps_findings_question(findings, inquiry->device);

    question.now = inquiry->now;
    amlaps_policy_decide(&explanation->password, policy, AMLAPS_PERMISSION_PASSWORD, &question);
    amlaps_policy_decide(&explanation->history, policy, AMLAPS_PERMISSION_HISTORY, &question);
    explanation->rules = amlaps_policy_explain(policy, &question, findings->pool);
    return explanation;
}

apr_status_t amlaps_access_explain(amlaps_explanation_t **explanation, amlaps_error_t *error, const amlaps_access_t *access,
                                   const amlaps_asker_t *asker, const amlaps_inquiry_t *inquiry, apr_pool_t *pool)
{
    const amlaps_asker_t about = { inquiry->person, asker->address, asker->id, inquiry->circumstances };
    amlaps_call_t call = { .client_request_id = asker->id, .deadline = amlaps_access_deadline(access, AMLAPS_TIME_TO_RECORD) };
    amlaps_findings_t findings;
    amlaps_record_t record;

    *explanation = NULL;
    amlaps_findings_begin(&findings, access, &about, &call, AMLAPS_PERMISSION_ALL, pool);
    /* What is said of somebody made up stands, wherever the groups of people come from. */
    if (inquiry->groups_given) {
        findings.person = *inquiry->person;
    }
    amlaps_access_begin(&record, AMLAPS_EVENT_EXPLAIN, asker);
    record.tenant = inquiry->device->tenant;
    record.device_id = inquiry->device->device_id && *inquiry->device->device_id ? inquiry->device->device_id : NULL;
    /* A name that is supposed of a device, like all that is said of it, would stand in the trail as that device's. */
    record.device_name = record.device_id ? NULL : inquiry->device->name;
    if (amlaps_access_require_role(error, access, asker, AMLAPS_ROLE_OPERATOR, call.deadline, pool) != APR_SUCCESS) {
        return amlaps_access_refuse(error, access, &record, NULL, pool);
    }
    if (inquiry->device->name) {
        look_up_person(&findings);
    } else if (look_up(error, &findings, &record, inquiry->device) != APR_SUCCESS) {
        amlaps_access_note_call(&record, &call);
        return amlaps_access_refuse(error, access, &record, NULL, pool);
    }
    amlaps_access_note_call(&record, &call);
    record.stage = AMLAPS_STAGE_OUTCOME;
    record.outcome = AMLAPS_OUTCOME_GRANTED;
    if (amlaps_trail_admit(error, access->trail, &record, pool) != APR_SUCCESS) {
        return error->status;
    }
    *explanation = answer(&findings, inquiry);
    return APR_SUCCESS;
}
