/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include "steps.h"

int amlaps_access_is_operator(const amlaps_access_t *access, const amlaps_person_t *person)
{
    const amlaps_device_t any = { .tenant = "", .device_id = "", .name = "", .groups_known = 1, .units_known = 1 };
    const amlaps_question_t question = { .person = person, .device = &any, .now = amlaps_clock_wall(access->clock) };
    amlaps_decision_t decision;

    amlaps_policy_decide(&decision, access->operators, AMLAPS_PERMISSION_PASSWORD, &question);
    return decision.verdict == AMLAPS_ALLOW;
}

/* An explanation is about every rule, so every fact is asked for; what can't be had stays unknown, and the explanation says so. */
static apr_status_t look_up(amlaps_error_t *error, const amlaps_access_t *access, amlaps_call_t *call, amlaps_record_t *record,
                            const amlaps_inquiry_t *inquiry, apr_pool_t *pool)
{
    amlaps_device_t *device = inquiry->device;
    const amlaps_graph_device_t *facts;
    const amlaps_memberships_t *memberships = NULL;
    amlaps_error_t gap = { 0 };

    if (amlaps_graph_device(&facts, error, access->graph, call, device->tenant, device->device_id, pool) != APR_SUCCESS) {
        return error->status;
    }
    if (!facts) {
        return amlaps_error_set(error, AMLAPS_NOT_FOUND, "AML0407", APR_EGENERAL, "Tenant %s has no device %s.", device->tenant,
                                device->device_id);
    }
    amlaps_access_note_device(record, facts);
    amlaps_access_describe(device, facts);
    if (amlaps_graph_memberships(&memberships, &gap, access->graph, call, device->tenant, &facts, 1, pool) == APR_SUCCESS) {
        amlaps_access_add_memberships(device, memberships);
    }
    return APR_SUCCESS;
}

static amlaps_explanation_t *answer(const amlaps_access_t *access, const amlaps_inquiry_t *inquiry, apr_pool_t *pool)
{
    const amlaps_question_t question = {
        .person = inquiry->person, .device = inquiry->device, .now = inquiry->now, .request = inquiry->circumstances,
    };
    amlaps_explanation_t *explanation = apr_pcalloc(pool, sizeof(*explanation));

    amlaps_policy_decide(&explanation->password, access->policy, AMLAPS_PERMISSION_PASSWORD, &question);
    amlaps_policy_decide(&explanation->history, access->policy, AMLAPS_PERMISSION_HISTORY, &question);
    explanation->rules = amlaps_policy_explain(access->policy, &question, pool);
    return explanation;
}

apr_status_t amlaps_access_explain(amlaps_explanation_t **explanation, amlaps_error_t *error, const amlaps_access_t *access,
                                   const amlaps_asker_t *asker, const amlaps_inquiry_t *inquiry, apr_pool_t *pool)
{
    amlaps_call_t call = { .client_request_id = asker->id };
    amlaps_record_t record;

    *explanation = NULL;
    amlaps_access_begin(&record, AMLAPS_EVENT_EXPLAIN, asker);
    record.tenant = inquiry->device->tenant;
    record.device_id = inquiry->device->device_id && *inquiry->device->device_id ? inquiry->device->device_id : NULL;
    record.device_name = inquiry->device->name;
    if (!amlaps_access_is_operator(access, asker->person)) {
        amlaps_error_set(error, AMLAPS_NOT_AUTHORIZED, "AML0408", APR_EGENERAL, "explanations are for operators (AMLapsOperator)");
        return amlaps_access_refuse(error, access, &record, NULL, pool);
    }
    if (!inquiry->device->name && look_up(error, access, &call, &record, inquiry, pool) != APR_SUCCESS) {
        amlaps_access_note_call(&record, &call);
        return amlaps_access_refuse(error, access, &record, NULL, pool);
    }
    amlaps_access_note_call(&record, &call);
    record.stage = AMLAPS_STAGE_OUTCOME;
    record.outcome = AMLAPS_OUTCOME_GRANTED;
    if (amlaps_trail_admit(error, access->trail, &record, pool) != APR_SUCCESS) {
        return error->status;
    }
    *explanation = answer(access, inquiry, pool);
    return APR_SUCCESS;
}
