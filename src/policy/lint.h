/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_POLICY_LINT_H
#define AMLAPS_POLICY_LINT_H

/* The parts of amlaps_policy_lint that look at more, or at less, than one rule. */

#include "rule.h"

/** @return what is doubtful about the value at this place of the line, with the remedy; NULL where nothing is */
const char *amlaps_lint_value(const amlaps_entry_t *entry, apr_size_t place, apr_pool_t *pool);

/** @return what is doubtful about the pattern at this place of an `AMLapsDevice name`, with the remedy; NULL where nothing is */
const char *amlaps_lint_pattern(const amlaps_line_t *line, apr_size_t place, apr_pool_t *pool);

/** Permissions that the rule's own lines take from everybody; bits. */
int amlaps_lint_closed(const amlaps_rule_t *rule);

typedef struct amlaps_shadows_t amlaps_shadows_t;

/** Gathers what rules take from everybody without a condition, by device. Lives in `pool`. */
amlaps_shadows_t *amlaps_shadows_gather(const amlaps_policy_t *policy, apr_time_t now, apr_pool_t *pool);

/**
 * @param permissions bits, at least one
 * @param before only rules that stand before this position cast a shadow
 * @return a rule that takes some of the permissions, where rules take all of them from everybody on each device that `rule` can match, and
 * for as long as it counts; NULL where something is left, or may be
 */
const amlaps_rule_t *amlaps_shadows_cover(amlaps_shadows_t *shadows, const amlaps_rule_t *rule, int permissions, apr_size_t before);

#endif
