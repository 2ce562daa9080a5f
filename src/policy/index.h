/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_POLICY_INDEX_H
#define AMLAPS_POLICY_INDEX_H

/* From a person to the rules that mention them: by hash, so that others' rules cost nothing. */

#include "rule.h"

/** What one rule gives and takes from whoever matches one value; permission bits. */
typedef struct amlaps_posting_t {
    const amlaps_rule_t *rule;
    apr_uint32_t position; /* of the rule in the policy */
    apr_byte_t allows, denies;
} amlaps_posting_t;

#define AMLAPS_KEY_ROOM 39

/** One cache line: who finds a key reads its value next, and most values are GUIDs. */
typedef struct amlaps_key_t {
    const char *claim;
    const char *value;         /* `here`, where it fits */
    apr_uint32_t first, count; /* of its postings */
    apr_byte_t kind;           /* amlaps_principal_t */
    char here[AMLAPS_KEY_ROOM];
} amlaps_key_t;

typedef struct amlaps_slot_t {
    apr_uint32_t tag; /* low half of the hash of claim and value */
    apr_uint32_t key; /* index + 1; 0 empty */
} amlaps_slot_t;

struct amlaps_policy_t {
    apr_pool_t *pool;
    apr_array_header_t *rules; /* of amlaps_rule_t * */
    int compiled;

    amlaps_slot_t *slots;
    apr_uint32_t mask; /* slots - 1 */
    amlaps_key_t *keys;
    amlaps_posting_t *postings;
    apr_array_header_t *anyone;   /* of amlaps_posting_t: entries for everybody */
    apr_array_header_t *by_group; /* of amlaps_posting_t, in the order of the rules: all entries that are unknown while groups are */
    apr_array_header_t *claims;   /* of const char *: the NAMEs that rules look at */
};

#define AMLAPS_POLICY_RULE(policy, index) (((amlaps_rule_t *const *)(policy)->rules->elts)[index])

/** Called with the postings of one value that the person has. */
typedef void (*amlaps_index_visit_t)(void *baton, const amlaps_posting_t *postings, apr_size_t count);

/** Visits what is known to mention the person, in no promised order; a rule may come several times. No allocation. */
void amlaps_index_visit(const amlaps_policy_t *policy, const amlaps_person_t *person, amlaps_index_visit_t visit, void *baton);

void amlaps_index_build(amlaps_policy_t *policy);

/** Room for the text of a claim that is a number. */
#define AMLAPS_CLAIM_SCRATCH 24

/** The text that a claim, or an item of one that is an array, is compared by. @return NULL where it has no such text */
const char *amlaps_claim_text(char scratch[AMLAPS_CLAIM_SCRATCH], const amlaps_json_t *item);

#endif
