/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_POLICY_DECIDE_H
#define AMLAPS_POLICY_DECIDE_H

/* The tally that a decision is made of; `needs` starts from the same one. */

#include "index.h"
#include "match.h"

#define AMLAPS_NO_RULE APR_UINT32_MAX

/** How a granting rule ranks: the less, the better. */
typedef struct amlaps_rank_t {
    amlaps_selector_t selector;
    apr_uint32_t rule;
} amlaps_rank_t;

typedef struct amlaps_tally_t {
    const amlaps_policy_t *policy;
    amlaps_match_t *match;
    int permission;
    apr_uint32_t denying; /* first rule that certainly denies, or AMLAPS_NO_RULE; once it is set, grants are no longer sought */
    apr_uint32_t unsure;  /* first rule known to deny this person, if only it were known to count */
    amlaps_rank_t grant;  /* best certain grant; rule AMLAPS_NO_RULE: none */
} amlaps_tally_t;

int amlaps_rank_better(amlaps_rank_t a, amlaps_rank_t b);

/** Counts what is known of the person. */
void amlaps_decide_tally(amlaps_tally_t *tally, const amlaps_policy_t *policy, amlaps_permission_t permission, amlaps_match_t *match);

#endif
