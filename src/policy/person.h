/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_POLICY_PERSON_H
#define AMLAPS_POLICY_PERSON_H

/* One entry and one person, without an index: for explanations, and where a rule must be looked at as a whole. */

#include "rule.h"

/** @param value the value that matches; NULL for `anyone`, or where none is known to */
amlaps_known_t amlaps_person_matches(const amlaps_person_t *person, const amlaps_entry_t *entry, const amlaps_value_t **value);

/** @return 1 where an entry of the rule is known to give (or, with `deny`, take) the permission */
int amlaps_person_has(const amlaps_person_t *person, const amlaps_rule_t *rule, int deny, amlaps_permission_t permission);

#endif
