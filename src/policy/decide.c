/* Licensed under the Apache License, Version 2.0; see LICENSE. */

#include "decide.h"

#include <assert.h>

int amlaps_rank_better(amlaps_rank_t a, amlaps_rank_t b)
{
    return a.selector < b.selector || (a.selector == b.selector && a.rule < b.rule);
}

/* @param rule comes before the first denying rule that is known so far */
static void count_deny(amlaps_tally_t *tally, apr_uint32_t rule, amlaps_known_t matched)
{
    if (matched == AMLAPS_YES) {
        tally->denying = rule;
    }
    if (matched == AMLAPS_UNKNOWN && rule < tally->unsure) {
        tally->unsure = rule;
    }
}

static void count_allow(amlaps_tally_t *tally, apr_uint32_t rule, amlaps_matched_t matched)
{
    amlaps_rank_t rank = {matched.selector, rule};

    if (matched.known == AMLAPS_YES && amlaps_rank_better(rank, tally->grant)) {
        tally->grant = rank;
    }
}

static void count_postings(void *baton, const amlaps_posting_t *postings, apr_size_t count)
{
    amlaps_tally_t *tally = baton;
    apr_size_t i;

    for (i = 0; i < count; i++) {
        const amlaps_posting_t *posting = &postings[i];
        int denies = (posting->denies & tally->permission) && posting->position < tally->denying;
        int allows = (posting->allows & tally->permission) && tally->denying == AMLAPS_NO_RULE;

        if (denies || allows) {
            amlaps_matched_t matched = amlaps_match_rule(tally->match, posting->rule);

            if (denies) {
                count_deny(tally, posting->position, matched.known);
            }
            if (allows) {
                count_allow(tally, posting->position, matched);
            }
        }
    }
}

void amlaps_decide_tally(amlaps_tally_t *tally, const amlaps_policy_t *policy, amlaps_permission_t permission, amlaps_match_t *match)
{
    tally->policy = policy;
    tally->match = match;
    tally->permission = (int)permission;
    tally->denying = tally->unsure = tally->grant.rule = AMLAPS_NO_RULE;
    tally->grant.selector = AMLAPS_SELECT_ALL;
    amlaps_index_visit(policy, match->question->person, count_postings, tally);
}

/* Groups that could not be looked up: whoever they deny might be this person. A rule that is known to count and to deny is in the
 * tally already, so what is found here is unsure. */
static void count_unknown_groups(amlaps_tally_t *tally)
{
    const amlaps_posting_t *postings = (const amlaps_posting_t *)tally->policy->by_group->elts;
    int i;

    for (i = 0; i < tally->policy->by_group->nelts && postings[i].position < tally->unsure; i++) {
        if ((postings[i].denies & tally->permission)
            && amlaps_match_rule(tally->match, postings[i].rule).known != AMLAPS_NO) {
            tally->unsure = postings[i].position;
        }
    }
}

void amlaps_policy_decide(amlaps_decision_t *decision, const amlaps_policy_t *policy, amlaps_permission_t permission,
                          const amlaps_question_t *question)
{
    amlaps_match_t match;
    amlaps_tally_t tally;
    apr_uint32_t rule;

    assert(policy->compiled);
    amlaps_match_begin(&match, question);
    amlaps_decide_tally(&tally, policy, permission, &match);
    decision->verdict = AMLAPS_DENY;
    rule = tally.denying;
    if (rule == AMLAPS_NO_RULE && tally.grant.rule != AMLAPS_NO_RULE) {
        if (!question->person->groups_known) {
            count_unknown_groups(&tally);
        }
        decision->verdict = tally.unsure == AMLAPS_NO_RULE ? AMLAPS_ALLOW : AMLAPS_UNDECIDABLE;
        rule = tally.unsure == AMLAPS_NO_RULE ? tally.grant.rule : tally.unsure;
    }
    decision->rule = rule == AMLAPS_NO_RULE ? NULL : AMLAPS_POLICY_RULE(policy, rule);
}
