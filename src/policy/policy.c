/* Licensed under the Apache License, Version 2.0; see LICENSE. */

#include "amlaps/policy.h"

#include "index.h"

amlaps_policy_t *amlaps_policy_make(apr_pool_t *pool)
{
    amlaps_policy_t *policy = apr_pcalloc(pool, sizeof(*policy));

    policy->pool = pool;
    policy->rules = apr_array_make(pool, 16, sizeof(amlaps_rule_t *));
    return policy;
}

void amlaps_policy_add(amlaps_policy_t *policy, amlaps_rule_t *rule)
{
    *(amlaps_rule_t **)apr_array_push(policy->rules) = rule;
}

apr_size_t amlaps_policy_count(const amlaps_policy_t *policy)
{
    return (apr_size_t)policy->rules->nelts;
}

const amlaps_rule_t *amlaps_policy_rule(const amlaps_policy_t *policy, apr_size_t index)
{
    return AMLAPS_POLICY_RULE(policy, index);
}

void amlaps_policy_compile(amlaps_policy_t *policy)
{
    amlaps_index_build(policy);
    policy->compiled = 1;
}
