/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "steps.h"

#include <string.h>

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

static amlaps_known_t known(int value)
{
    return value < 0 ? AMLAPS_UNKNOWN : value ? AMLAPS_YES : AMLAPS_NO;
}

void amlaps_access_describe(amlaps_device_t *device, const amlaps_graph_device_t *facts)
{
    memset(device, 0, sizeof(*device));
    device->tenant = facts->tenant;
    device->device_id = facts->device_id;
    device->name = facts->name;
    device->os = facts->os;
    device->join = facts->join;
    device->enabled = known(facts->enabled);
    device->compliant = known(facts->compliant);
    device->owner = AMLAPS_UNKNOWN;
}

void amlaps_access_add_memberships(amlaps_device_t *device, const amlaps_memberships_t *memberships)
{
    device->groups = memberships->groups;
    device->group_count = memberships->group_count;
    device->groups_known = 1;
    device->units = memberships->units;
    device->unit_count = memberships->unit_count;
    device->units_known = 1;
}

/* Asks once for the memberships of all devices whose decision hangs on them. */
static void look_up(amlaps_device_t *devices, amlaps_error_t *lookup, const amlaps_access_t *access, amlaps_call_t *call,
                    const amlaps_graph_device_t *const *facts, const amlaps_question_t *questions, apr_size_t count, apr_pool_t *pool)
{
    const amlaps_graph_device_t **wanted = apr_pcalloc(pool, count * sizeof(*wanted));
    const amlaps_memberships_t **memberships = apr_pcalloc(pool, count * sizeof(*memberships));
    apr_size_t *place = apr_pcalloc(pool, count * sizeof(*place));
    apr_size_t asked = 0, i;

    for (i = 0; i < count; i++) {
        int needs = amlaps_policy_needs(access->policy, AMLAPS_PERMISSION_ALL, &questions[i]);

        if (needs & (AMLAPS_NEED_DEVICE_GROUPS | AMLAPS_NEED_DEVICE_UNITS)) {
            place[asked] = i;
            wanted[asked++] = facts[i];
        }
    }
    if (!asked) {
        return;
    }
    amlaps_graph_memberships(memberships, lookup, access->graph, call, facts[0]->tenant, wanted, asked, pool);
    for (i = 0; i < asked; i++) {
        if (memberships[i]) {
            amlaps_access_add_memberships(&devices[place[i]], memberships[i]);
        }
    }
}

void amlaps_access_decide(ruling_t *rulings, amlaps_error_t *lookup, const amlaps_access_t *access, const amlaps_asker_t *asker,
                          amlaps_call_t *call, const amlaps_graph_device_t *const *facts, apr_size_t count, apr_pool_t *pool)
{
    amlaps_device_t *devices = apr_pcalloc(pool, (count ? count : 1) * sizeof(*devices));
    amlaps_question_t *questions = apr_pcalloc(pool, (count ? count : 1) * sizeof(*questions));
    apr_time_t now = amlaps_clock_wall(access->clock);
    apr_size_t i;

    memset(lookup, 0, sizeof(*lookup));
    for (i = 0; i < count; i++) {
        amlaps_access_describe(&devices[i], facts[i]);
        questions[i].person = asker->person;
        questions[i].device = &devices[i];
        questions[i].now = now;
        questions[i].request = asker->request;
    }
    look_up(devices, lookup, access, call, facts, questions, count, pool);
    for (i = 0; i < count; i++) {
        amlaps_policy_decide(&rulings[i].password, access->policy, AMLAPS_PERMISSION_PASSWORD, &questions[i]);
        amlaps_policy_decide(&rulings[i].history, access->policy, AMLAPS_PERMISSION_HISTORY, &questions[i]);
    }
}

apr_status_t amlaps_access_deny(amlaps_error_t *error, const amlaps_decision_t *decision, const amlaps_error_t *lookup)
{
    if (decision->verdict == AMLAPS_UNDECIDABLE) {
        return amlaps_error_set(error, AMLAPS_POLICY_UNDECIDABLE, "AML0401", APR_EGENERAL,
                                "rule \"%s\" could deny this and could not be evaluated%s%s",
                                decision->rule ? amlaps_rule_description(decision->rule) : "?", lookup->code ? ": " : "",
                                lookup->code ? lookup->detail : "");
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
