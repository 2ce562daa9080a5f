/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "steps.h"

static const struct {
    const char *directive;
    const char *what;
    const char *told;
} words[AMLAPS_ROLES] = {
    [AMLAPS_ROLE_AUDITOR] = { "AMLapsAuditor", "the audit is for auditors",
                              "The audit is for auditors. Ask your administrator for that role (AMLapsAuditor)." },
    [AMLAPS_ROLE_OPERATOR] = { "AMLapsOperator", "this is for operators",
                               "This is for operators. Ask your administrator for that role (AMLapsOperator)." },
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

typedef enum standing_t { LACKS, HOLDS, UNKNOWN } standing_t;

/* The person's groups are asked for where they could change the answer, and once for all roles. */
static standing_t look(amlaps_findings_t *findings, amlaps_role_t role)
{
    const amlaps_policy_t *policy = findings->access->roles[role];
    int needs;

    if (decide(policy, &needs, findings) == AMLAPS_ALLOW) {
        return HOLDS;
    }
    if (!(needs & AMLAPS_NEED_PERSON_GROUPS)) {
        return LACKS;
    }
    amlaps_findings_complete_person(findings);
    if (decide(policy, &needs, findings) == AMLAPS_ALLOW) {
        return HOLDS;
    }
    return findings->gap.code ? UNKNOWN : LACKS;
}

apr_status_t amlaps_access_require_role(amlaps_error_t *error, const amlaps_access_t *access, const amlaps_asker_t *asker,
                                        amlaps_role_t role, apr_time_t deadline, apr_pool_t *pool)
{
    amlaps_call_t call = { .client_request_id = asker->id, .deadline = deadline };
    amlaps_findings_t findings;

    amlaps_findings_begin(&findings, access, asker, &call, AMLAPS_PERMISSION_PASSWORD, pool);
    switch (look(&findings, role)) {
    case HOLDS:
        return APR_SUCCESS;
    case UNKNOWN:
        /* The cause helps more than "not authorized" where a grant may be hidden behind it. */
        *error = findings.gap;
        return error->status;
    default:
        amlaps_error_set(error, AMLAPS_NOT_AUTHORIZED, "AML0408", APR_EGENERAL, "%s (%s)", words[role].what, words[role].directive);
        error->told = words[role].told;
        return error->status;
    }
}

void amlaps_access_roles(int has[AMLAPS_ROLES], const amlaps_access_t *access, const amlaps_asker_t *asker, apr_pool_t *pool)
{
    amlaps_call_t call = { .client_request_id = asker->id, .deadline = amlaps_access_deadline(access, 0) };
    amlaps_findings_t findings;
    int role;

    amlaps_findings_begin(&findings, access, asker, &call, AMLAPS_PERMISSION_PASSWORD, pool);
    for (role = 0; role < AMLAPS_ROLES; role++) {
        const standing_t standing = look(&findings, (amlaps_role_t)role);

        has[role] = standing == HOLDS;
        /* The page shows less than it could, and nobody would know why. */
        if (standing == UNKNOWN) {
            amlaps_log(AMLAPS_LOG_WARNING, "AML0411", findings.gap.status, "whether somebody is named by %s cannot be found out: %s: %s [id %s]",
                       words[role].directive, findings.gap.id, findings.gap.detail, asker->id);
        }
    }
}
