/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "steps.h"

static const struct {
    const char *directive;
    const char *what;
} words[AMLAPS_ROLES] = {
    [AMLAPS_ROLE_AUDITOR] = { "AMLapsAuditor", "the audit is for auditors" },
    [AMLAPS_ROLE_OPERATOR] = { "AMLapsOperator", "this is for operators" },
};

/* Roles are rules about every device: an allow entry for each line, and people are matched as everywhere. */
static amlaps_verdict_t decide(const amlaps_policy_t *policy, int *needs, const amlaps_findings_t *findings)
{
    const amlaps_device_t any = { .tenant = "", .device_id = "", .name = "", .groups_known = 1, .units_known = 1 };
    const amlaps_question_t question = amlaps_findings_question(findings, &any);
    amlaps_decision_t decision;

    amlaps_policy_decide(&decision, policy, AMLAPS_PERMISSION_PASSWORD, &question);
    *needs = amlaps_policy_needs(policy, AMLAPS_PERMISSION_PASSWORD, &question);
    return decision.verdict;
}

apr_status_t amlaps_access_require_role(amlaps_error_t *error, const amlaps_access_t *access, const amlaps_asker_t *asker,
                                        amlaps_role_t role, apr_pool_t *pool)
{
    amlaps_call_t call = { .client_request_id = asker->id };
    amlaps_findings_t findings;
    int needs;

    amlaps_findings_begin(&findings, access, asker, &call, AMLAPS_PERMISSION_PASSWORD, pool);
    if (decide(access->roles[role], &needs, &findings) == AMLAPS_ALLOW) {
        return APR_SUCCESS;
    }
    if (needs & AMLAPS_NEED_PERSON_GROUPS) {
        amlaps_findings_complete_person(&findings);
        if (decide(access->roles[role], &needs, &findings) == AMLAPS_ALLOW) {
            return APR_SUCCESS;
        }
    }
    /* The cause helps more than "not authorized" where a grant may be hidden behind it. */
    if (findings.gap.code) {
        *error = findings.gap;
        return error->status;
    }
    return amlaps_error_set(error, AMLAPS_NOT_AUTHORIZED, "AML0408", APR_EGENERAL, "%s (%s)", words[role].what, words[role].directive);
}

int amlaps_access_has_role(const amlaps_access_t *access, const amlaps_asker_t *asker, amlaps_role_t role, apr_pool_t *pool)
{
    amlaps_error_t error = { 0 };

    if (amlaps_access_require_role(&error, access, asker, role, pool) == APR_SUCCESS) {
        return 1;
    }
    /* The page shows less than it could, and nobody would know why. */
    if (error.code != AMLAPS_NOT_AUTHORIZED) {
        amlaps_log(AMLAPS_LOG_WARNING, "AML0411", error.status, "whether somebody is named by %s cannot be found out: %s: %s [id %s]",
                   words[role].directive, error.id, error.detail, asker->id);
    }
    return 0;
}
