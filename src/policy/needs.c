/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Which look-ups are worth their time. Every rule is judged by the best and the worst that may become of it: a rule that may yet deny
 * matters as soon as anything may grant, one that may yet grant matters where it would outrank what is certain.
 */

#include <assert.h>

#include "decide.h"
#include "person.h"

typedef struct needs_t {
    amlaps_tally_t tally;
    int may_grant; /* some rule grants, or may yet */
    int rivals;    /* some rule may yet outrank the best certain grant */
    int denying;   /* facts that settle rules that may deny */
    int granting;  /* facts that settle the rivals, and how specific the best certain grant is */
} needs_t;

static void weigh_deny(needs_t *needs, const amlaps_outlook_t *outlook, int person)
{
    needs->denying |= person | outlook->decides;
}

static void weigh_allow(needs_t *needs, apr_uint32_t rule, const amlaps_outlook_t *outlook, int person)
{
    amlaps_rank_t rank = {outlook->best, rule};

    if (!outlook->can_match) {
        return;
    }
    needs->may_grant = 1;
    if (rule == needs->tally.grant.rule) {
        needs->granting |= outlook->ranks;
    }
    else if (amlaps_rank_better(rank, needs->tally.grant)) {
        needs->rivals = 1;
        needs->granting |= person | outlook->decides | outlook->ranks;
    }
}

/* Rules that are known to mention the person. */
static void weigh_postings(void *baton, const amlaps_posting_t *postings, apr_size_t count)
{
    needs_t *needs = baton;
    apr_size_t i;

    for (i = 0; i < count; i++) {
        const amlaps_posting_t *posting = &postings[i];
        int denies = posting->denies & needs->tally.permission, allows = posting->allows & needs->tally.permission;
        amlaps_outlook_t outlook;

        if (!denies && !allows) {
            continue;
        }
        amlaps_match_outlook(&outlook, needs->tally.match, posting->rule);
        if (outlook.matched.known != AMLAPS_NO && denies) {
            weigh_deny(needs, &outlook, AMLAPS_NEED_NOTHING);
        }
        if (outlook.matched.known != AMLAPS_NO && allows) {
            weigh_allow(needs, posting->position, &outlook, AMLAPS_NEED_NOTHING);
        }
    }
}

/* Rules that mention the person if they are in a group that could not be looked up. Those that mention them anyway have been weighed. */
static void weigh_unknown_groups(needs_t *needs)
{
    const amlaps_tally_t *tally = &needs->tally;
    const amlaps_posting_t *postings = (const amlaps_posting_t *)tally->policy->by_group->elts;
    const amlaps_person_t *person = tally->match->question->person;
    int i;

    for (i = 0; i < tally->policy->by_group->nelts; i++) {
        const amlaps_rule_t *rule = postings[i].rule;
        int denies = postings[i].denies & tally->permission, allows = postings[i].allows & tally->permission;
        amlaps_outlook_t outlook;

        if (!denies && !allows) {
            continue;
        }
        amlaps_match_outlook(&outlook, tally->match, rule);
        if (outlook.matched.known == AMLAPS_NO) {
            continue;
        }
        if (denies && !amlaps_person_has(person, rule, 1, (amlaps_permission_t)tally->permission)) {
            weigh_deny(needs, &outlook, AMLAPS_NEED_PERSON_GROUPS);
        }
        if (allows && !amlaps_person_has(person, rule, 0, (amlaps_permission_t)tally->permission)) {
            weigh_allow(needs, postings[i].position, &outlook, AMLAPS_NEED_PERSON_GROUPS);
        }
    }
}

static int needs_of(const amlaps_policy_t *policy, amlaps_permission_t permission, amlaps_match_t *match)
{
    needs_t needs = {.may_grant = 0};

    amlaps_decide_tally(&needs.tally, policy, permission, match);
    if (needs.tally.denying != AMLAPS_NO_RULE) {
        return AMLAPS_NEED_NOTHING;
    }
    amlaps_index_visit(policy, match->question->person, weigh_postings, &needs);
    if (!match->question->person->groups_known) {
        weigh_unknown_groups(&needs);
    }
    if (!needs.may_grant) {
        return AMLAPS_NEED_NOTHING;
    }
    return needs.denying | (needs.rivals ? needs.granting : AMLAPS_NEED_NOTHING);
}

int amlaps_policy_needs(const amlaps_policy_t *policy, int permissions, const amlaps_question_t *question)
{
    amlaps_match_t match;
    int needs = AMLAPS_NEED_NOTHING, permission;

    assert(policy->compiled);
    if (amlaps_match_unknown(question) == AMLAPS_NEED_NOTHING) {
        return AMLAPS_NEED_NOTHING;
    }
    amlaps_match_begin(&match, question);
    for (permission = AMLAPS_PERMISSION_PASSWORD; permission <= AMLAPS_PERMISSION_HISTORY; permission <<= 1) {
        if (permissions & permission) {
            needs |= needs_of(policy, (amlaps_permission_t)permission, &match);
        }
    }
    return needs;
}
