/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_POLICY_MATCH_H
#define AMLAPS_POLICY_MATCH_H

/* Does a rule count for the device of a question, now? Nothing here looks at allow and deny. */

#include "rule.h"

#define AMLAPS_SET_SLOTS 1024u /* a power of two */
#define AMLAPS_SET_MOST 768u   /* values beyond these are compared one by one */
#define AMLAPS_MEMO_SLOTS 128u /* a power of two */

/** Texts of a question, hashed when first asked for; lives on the stack. */
typedef struct amlaps_set_t {
    const char *const *texts;
    apr_size_t count;
    int filled;
    apr_uint32_t slots[AMLAPS_SET_SLOTS]; /* high half: of the hash; low half: index + 1, 0 empty */
} amlaps_set_t;

typedef struct amlaps_matched_t {
    amlaps_known_t known;
    amlaps_selector_t selector; /* where known is AMLAPS_YES */
} amlaps_matched_t;

typedef struct amlaps_memo_t {
    const amlaps_rule_t *rule;
    amlaps_matched_t matched;
} amlaps_memo_t;

/** What a question costs once, whatever the number of rules: 10 KiB of stack. One thread. */
typedef struct amlaps_match_t {
    const amlaps_question_t *question;
    apr_uint64_t device_hash;
    amlaps_set_t groups, units;
    amlaps_memo_t memo[AMLAPS_MEMO_SLOTS];
} amlaps_match_t;

void amlaps_match_begin(amlaps_match_t *match, const amlaps_question_t *question);

/** Tenant, expiry, device and condition together; remembered, since a person may meet a rule through several groups. */
amlaps_matched_t amlaps_match_rule(amlaps_match_t *match, const amlaps_rule_t *rule);

/** The parts, for explanations. */
amlaps_known_t amlaps_match_tenant(const amlaps_match_t *match, const amlaps_rule_t *rule);
amlaps_known_t amlaps_match_condition(const amlaps_match_t *match, const amlaps_rule_t *rule);
/** @param value the value that matches; NULL where the kind has none, or the line does not match */
amlaps_known_t amlaps_match_line(amlaps_match_t *match, const amlaps_line_t *line, const amlaps_value_t **value);

/** What becomes of a rule once facts are looked up. */
typedef struct amlaps_outlook_t {
    amlaps_matched_t matched; /* as things are known now */
    int can_match;            /* is certain, or may become so */
    amlaps_selector_t best;   /* the most specific it may become; where can_match */
    int decides;              /* AMLAPS_NEED_* that settle whether the rule counts */
    int ranks;                /* AMLAPS_NEED_* that settle how specific it is */
} amlaps_outlook_t;

void amlaps_match_outlook(amlaps_outlook_t *outlook, amlaps_match_t *match, const amlaps_rule_t *rule);

/** @return AMLAPS_NEED_* bits of the facts that the question does not know */
int amlaps_match_unknown(const amlaps_question_t *question);

#endif
