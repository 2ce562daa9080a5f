/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_POLICY_RULE_H
#define AMLAPS_POLICY_RULE_H

/* What a rule consists of, for the files of this room. Written while the configuration is read, then only read. */

#include "amlaps/policy.h"

/** A value of a directive. Its hash is amlaps_hash_folded(text), so that requests need not compute it. */
typedef struct amlaps_value_t {
    apr_uint64_t hash;
    const char *text;    /* as it is compared: folded where letter case does not count; a name's glob as written */
    const char *written; /* for explanations */
} amlaps_value_t;

/** One AMLapsDevice. */
typedef struct amlaps_line_t {
    amlaps_selector_t selector;
    apr_uint32_t count;
    const amlaps_value_t *values;
    apr_uint64_t first_hash; /* of values[0]: most lines have one value, and most devices don't match it */
} amlaps_line_t;

typedef struct amlaps_line_origin_t {
    amlaps_selector_t selector;
    const amlaps_value_t *values; /* of the line; NULL for kinds without values */
    const char *origin;
} amlaps_line_origin_t;

/** One AMLapsAllow or AMLapsDeny. */
typedef struct amlaps_entry_t {
    int deny;
    int permissions;
    amlaps_principal_t kind;
    const char *claim; /* the NAME of kind CLAIM */
    int of_groups;     /* kind GROUP, or the claim `groups`: unknown as long as the person's groups are */
    apr_size_t count;
    const amlaps_value_t *values;
    const char *origin; /* "file:line"; NULL: not known */
} amlaps_entry_t;

/** What every decision reads comes first and shares one cache line: with thousands of rules, memory is what a decision waits for. */
struct amlaps_rule_t {
    const char *tenant;
    apr_time_t until;                 /* first moment at which the rule no longer counts; AMLAPS_FOREVER */
    amlaps_condition_t condition;     /* NULL: none */
    const amlaps_line_t *lines;       /* the most specific first */
    apr_uint32_t line_count;
    int condition_needs;
    amlaps_line_t only_line;          /* `lines` of a rule that has but one */

    const void *condition_data;
    const amlaps_entry_t *entries;    /* as written */
    apr_size_t entry_count;

    apr_pool_t *pool;
    apr_array_header_t *line_array, *entry_array; /* hold several `lines`, and `entries`; NULL while there are none */
    const char *description, *origin;
    const char *here;                 /* origin of the directive that is being read */
    apr_array_header_t *line_origins; /* amlaps_line_origin_t: apart from the lines, which decisions read */
    const char *expires, *condition_text, *expires_origin, *condition_origin;
    amlaps_tell_t tell;
    amlaps_reason_t reason;
    int reason_set;
    int qr, qr_set;
    const amlaps_pattern_t *pattern;  /* reason.pattern, where that is not NULL */
};

/** The one claim that a token may leave out for its size; what a look-up finds counts as if it stood there. */
#define AMLAPS_CLAIM_GROUPS "groups"

#define AMLAPS_CACHE_LINE 64
#define AMLAPS_FOREVER APR_INT64_MAX

/**
 * Values of a directive, checked: none empty, UTF-8, no control characters.
 * @param what names the kind in messages
 * @param fold 1 where letter case does not count
 * @return NULL, or a message
 */
const char *amlaps_rule_read_values(const amlaps_value_t **values, const amlaps_rule_t *rule, const char *what, int fold,
                                    const char *const *words, int count);

/** A word of the configuration, fit to stand between quotes in a message. */
const char *amlaps_rule_quote(const amlaps_rule_t *rule, const char *word);

/** Words of the contract. */
const char *amlaps_selector_word(amlaps_selector_t selector);
const char *amlaps_principal_word(amlaps_principal_t kind);
const char *amlaps_permission_words(int permissions);

/**
 * Translates what PCRE and POSIX write differently: \d and its like, (?:…), a leading (?i).
 * @param fold out: 1 where letter case is to be ignored
 * @return NULL, or what has no twin and what to write instead
 */
const char *amlaps_pattern_posix(const char **posix, int *fold, const char *pattern, apr_pool_t *pool);

/** @return NULL, or why this pattern (POSIX extended) is refused: a back-reference, or repetitions that multiply. */
const char *amlaps_pattern_refuse(const char *pattern);

#endif
