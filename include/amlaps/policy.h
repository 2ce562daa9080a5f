/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_POLICY_H
#define AMLAPS_POLICY_H

/*
 * Who may read what: rules × person × device → decision. Pure: no I/O, no clock, no httpd. A rule set is built while the
 * configuration is read (one thread, configuration pool), compiled once, and then only read, by any number of threads.
 *
 * What is not known is never guessed. Each fact about person or device is known or unknown; an unknown that could matter makes
 * the rule unknown. An unknown rule never grants, and where it could have denied this person, the decision is `undecidable`.
 * A rule that certainly does not count (another tenant, expired, another device, condition false, nobody of its people) is out,
 * whatever else is unknown.
 *
 * What equals what: user names, group names and device names fold letter case as amlaps_text_fold does; GUIDs stand in any case;
 * roles, claim names and claim values are exact. A `user` value that is a GUID is an object id and never a user name. The claim `groups` is
 * what the token says and the person's groups: it is unknown while they are.
 */

#include <apr_tables.h>

#include "amlaps/base.h"
#include "amlaps/json.h"

typedef enum amlaps_known_t { AMLAPS_UNKNOWN = -1, AMLAPS_NO = 0, AMLAPS_YES = 1 } amlaps_known_t;

/** Bits; "all" is both. */
typedef enum amlaps_permission_t {
    AMLAPS_PERMISSION_PASSWORD = 1,
    AMLAPS_PERMISSION_HISTORY = 2,
    AMLAPS_PERMISSION_ALL = 3
} amlaps_permission_t;

typedef struct amlaps_person_t {
    const char *oid, *tid;            /* NULL where the claims have none */
    const char *issuer, *subject;
    const char *username, *name;
    const char *const *groups;        /* as the claim carries them: GUIDs or names */
    apr_size_t group_count;
    int groups_known;                 /* 0: overage or look-up failed; `groups` may still hold some */
    const char *const *roles;
    apr_size_t role_count;
    const amlaps_json_t *claims;      /* the whole object, for `claim NAME`; NULL: the person has none */
} amlaps_person_t;

typedef struct amlaps_device_t {
    const char *tenant;               /* the tenant's NAME; this and the next two: NULL unknown, which a look-up must not leave so */
    const char *device_id;            /* GUID in lower case */
    const char *name;                 /* "" where the directory has none */
    const char *os, *join;            /* NULL unknown */
    amlaps_known_t enabled, compliant;
    amlaps_known_t owner;             /* is the person asking the registered owner? */
    const char *const *groups;        /* GUIDs in lower case, transitive */
    apr_size_t group_count;
    int groups_known;
    const char *const *units;
    apr_size_t unit_count;
    int units_known;
    int unseen;                       /* 1: nothing but tenant and device_id is known yet, and what is unknown will be looked up */
} amlaps_device_t;

typedef enum amlaps_selector_t { /* from the most to the least specific: the order settles whose settings count */
    AMLAPS_SELECT_ID,
    AMLAPS_SELECT_OWNER,
    AMLAPS_SELECT_NAME,
    AMLAPS_SELECT_GROUP,
    AMLAPS_SELECT_UNIT,
    AMLAPS_SELECT_ALL
} amlaps_selector_t;

typedef enum amlaps_principal_t {
    AMLAPS_PRINCIPAL_USER,
    AMLAPS_PRINCIPAL_GROUP,
    AMLAPS_PRINCIPAL_ROLE,
    AMLAPS_PRINCIPAL_CLAIM,
    AMLAPS_PRINCIPAL_ANYONE
} amlaps_principal_t;

typedef enum amlaps_reason_mode_t {
    AMLAPS_REASON_OPTIONAL,
    AMLAPS_REASON_HIDDEN,
    AMLAPS_REASON_REQUIRED_MODE
} amlaps_reason_mode_t;

/** Facts that a look-up can still supply; bits. */
typedef enum amlaps_need_t {
    AMLAPS_NEED_NOTHING = 0,
    AMLAPS_NEED_DEVICE_GROUPS = 1,
    AMLAPS_NEED_DEVICE_UNITS = 2,
    AMLAPS_NEED_DEVICE_OWNER = 4,
    AMLAPS_NEED_PERSON_GROUPS = 8
} amlaps_need_t;

typedef struct amlaps_rule_t amlaps_rule_t;
typedef struct amlaps_policy_t amlaps_policy_t;

/**
 * A condition of src/httpd (AMLapsWhen): AMLAPS_YES, AMLAPS_NO, or AMLAPS_UNKNOWN after an evaluation error or where it met a fact that
 * is unknown. The same question gets the same answer; it may be asked more than once, and not at all where the rule is out anyway.
 */
typedef amlaps_known_t (*amlaps_condition_t)(void *request, const void *condition, const amlaps_person_t *person,
                                             const amlaps_device_t *device);

/** Names of the channels that are told of what comes of a request; NULL-terminated, NULL: none. */
typedef struct amlaps_tell_t {
    const char *const *on_success, *const *on_failure;
} amlaps_tell_t;

/** Adds what AMLapsNotify says: success, failure or all, then names, which are not compared with anything here.
 *  @return NULL, or what to write instead */
const char *amlaps_tell_add(amlaps_tell_t *tell, const char *const *words, int count, apr_pool_t *pool);

/** All of both, each once. `joined` may be one of them. */
void amlaps_tell_join(amlaps_tell_t *joined, const amlaps_tell_t *a, const amlaps_tell_t *b, apr_pool_t *pool);

/* ---- building, while the configuration is read ---- */

amlaps_policy_t *amlaps_policy_make(apr_pool_t *pool);

/**
 * A new rule, not yet part of a policy. All strings are copied.
 * @param description shown in the audit and on the page; not empty
 * @param tenant NULL: every tenant
 * @param origin "file:line" for messages and explanations
 */
amlaps_rule_t *amlaps_rule_make(const char *description, const char *tenant, const char *origin, apr_pool_t *pool);

/** Where the directive stands that the next setter is called for: "file:line", for explanations. Without it that of the rule is told. */
void amlaps_rule_at(amlaps_rule_t *rule, const char *origin);

/**
 * Setters take the words of the directive's arguments and return NULL, or a message for configtest that says what to write instead
 * (it does not name the directive; src/httpd does). Words stay case-insensitive where httpd's are: kinds and permissions.
 */
const char *amlaps_rule_add_device(amlaps_rule_t *rule, const char *kind, const char *const *values, int count);
/** `words` as in AMLapsAllow: PERMISSION[,PERMISSION…] KIND VALUE… ; @param deny 1 for AMLapsDeny */
const char *amlaps_rule_add_entry(amlaps_rule_t *rule, int deny, const char *const *words, int count);
/** @param pattern as amlaps_pattern_make takes it, found anywhere in the reason; NULL or "": any text @param hint NULL or "": none */
const char *amlaps_rule_set_reason(amlaps_rule_t *rule, const char *mode, const char *pattern, const char *hint);
/** Reasons to choose from by one press, in the order given; adds to those before. */
const char *amlaps_rule_add_choices(amlaps_rule_t *rule, const char *const *texts, int count);
/** @param word "on" or "off", the default: whether the page may draw the password as a QR code */
const char *amlaps_rule_set_qr(amlaps_rule_t *rule, const char *word);
/** @param day YYYY-MM-DD, the last day (UTC) on which the rule counts */
const char *amlaps_rule_set_expires(amlaps_rule_t *rule, const char *day);
/** @param needs AMLAPS_NEED_* bits of the facts that the condition reads: AMLAPS_UNKNOWN while one of them is unknown asks for a look-up,
 *  otherwise it is an error. @param condition kept, not copied @param text as written, for explanations */
const char *amlaps_rule_set_condition(amlaps_rule_t *rule, amlaps_condition_t holds, const void *condition, int needs,
                                      const char *text);
/** @param words as in AMLapsNotify: success, failure or all, then channels */
const char *amlaps_rule_add_notify(amlaps_rule_t *rule, const char *const *words, int count);
/** @return NULL, or what a whole rule lacks (description, device, allow or deny). Call at the end of the section. */
const char *amlaps_rule_check(const amlaps_rule_t *rule);

const char *amlaps_rule_description(const amlaps_rule_t *rule);
const char *amlaps_rule_tenant(const amlaps_rule_t *rule);
const char *amlaps_rule_origin(const amlaps_rule_t *rule);
/** @return 1 where the rule has AMLapsExpires and its last day is over. */
int amlaps_rule_is_expired(const amlaps_rule_t *rule, apr_time_t now);

/** Adds a finished rule; one rule may stand in several policies (a virtual host inherits the main server's). */
void amlaps_policy_add(amlaps_policy_t *policy, amlaps_rule_t *rule);
apr_size_t amlaps_policy_count(const amlaps_policy_t *policy);
const amlaps_rule_t *amlaps_policy_rule(const amlaps_policy_t *policy, apr_size_t index);

/** Builds the index by principal, so that a decision costs what the rules that mention this person cost. Once, after the last rule;
 *  an empty policy too. Deciding and explaining ask for a compiled policy (assert). */
void amlaps_policy_compile(amlaps_policy_t *policy);

/* ---- deciding, at request time, any thread ---- */

typedef enum amlaps_verdict_t { AMLAPS_DENY, AMLAPS_ALLOW, AMLAPS_UNDECIDABLE } amlaps_verdict_t;

typedef struct amlaps_decision_t {
    amlaps_verdict_t verdict;
    /** The granting rule whose settings count (ALLOW); the first denying rule, or NULL where no rule grants (DENY); the first rule that
     *  could deny and could not be evaluated (UNDECIDABLE). First means in the order of the configuration. */
    const amlaps_rule_t *rule;
} amlaps_decision_t;

/** What is asked about beside person and device. */
typedef struct amlaps_question_t {
    const amlaps_person_t *person;
    const amlaps_device_t *device;
    apr_time_t now;
    void *request;             /* handed to conditions */
} amlaps_question_t;

/**
 * Decides one permission (one bit). No allocation. In this order: a deny that certainly counts denies; no grant that certainly counts
 * denies, whatever is unknown, so that a person without rights learns nothing; a deny that might count is undecidable; else allow.
 */
void amlaps_policy_decide(amlaps_decision_t *decision, const amlaps_policy_t *policy, amlaps_permission_t permission,
                          const amlaps_question_t *question);

/**
 * @param permissions bits
 * @return AMLAPS_NEED_* bits: the unknown facts of the question that could change the answer for any of the permissions. A rule whose people
 * cannot match, or whose device is known not to match, needs none; nor does anything once a deny is certain, or while no rule could
 * grant. 0: decide now. Looked up together, these facts settle the verdict and, where it is ALLOW, the rule; which of several denying
 * rules is named may still depend on others.
 */
int amlaps_policy_needs(const amlaps_policy_t *policy, int permissions, const amlaps_question_t *question);

/* ---- explaining ---- */

typedef struct amlaps_rule_explanation_t {
    const amlaps_rule_t *rule;
    amlaps_known_t matched;    /* device and time and condition */
    int allows, denies;        /* permissions that this rule gives or takes for this person and device; known ones only */
    const char *why;           /* one sentence: which line, which value; control characters escaped */
} amlaps_rule_explanation_t;

/** Every rule of the policy in order. @return an array of amlaps_rule_explanation_t */
apr_array_header_t *amlaps_policy_explain(const amlaps_policy_t *policy, const amlaps_question_t *question, apr_pool_t *pool);

/* ---- looking for what is surely not meant, when the configuration is read ---- */

/** @param id message id, "AML0501"; a constant @param text what is wrong with the rule, and the remedy; control characters escaped */
typedef void (*amlaps_lint_report_t)(void *baton, const amlaps_rule_t *rule, const char *id, const char *text);

/**
 * Reports rules that can never matter, are over, or name people in a way that matches nobody. Nothing is guessed: a rule of which it is not
 * certain is not reported. The time taken grows with the rules, not with their square. Rules in order; one may be reported several times.
 */
void amlaps_policy_lint(const amlaps_policy_t *policy, apr_time_t now, amlaps_lint_report_t report, void *baton, apr_pool_t *pool);

/* ---- regular expressions ---- */

typedef struct amlaps_pattern_t amlaps_pattern_t;

/**
 * What PCRE and POSIX extended expressions share, and of PCRE alone \d and its like, (?:…) and a leading (?i); compares bytes. What takes an
 * engine that backtracks exponential time is refused, since browsers try the same patterns; the one that matches here needs time linear
 * in the text.
 * @param pattern lives in `pool`; any thread
 * @return NULL, or a message for configtest that says what to write instead
 */
const char *amlaps_pattern_make(const amlaps_pattern_t **pattern, const char *text, apr_pool_t *pool);

/** Is it found anywhere in the text? AMLAPS_UNKNOWN where memory ran out. */
amlaps_known_t amlaps_pattern_find(const amlaps_pattern_t *pattern, const char *text);

/* ---- settings of a granting rule ---- */

typedef struct amlaps_reason_t {
    amlaps_reason_mode_t mode;
    const char *pattern;       /* as written; NULL: any text */
    const char *hint;          /* NULL: none */
    apr_array_header_t *choices; /* const char *; NULL: none */
} amlaps_reason_t;

const amlaps_tell_t *amlaps_rule_tell(const amlaps_rule_t *rule);

const amlaps_reason_t *amlaps_rule_reason(const amlaps_rule_t *rule);

int amlaps_rule_qr(const amlaps_rule_t *rule);

/** At most 4096 characters of UTF-8; NULL, and white space alone, is no reason.
 *  @return AMLAPS_OK, AMLAPS_REASON_REQUIRED, or AMLAPS_REASON_INVALID (pattern, length, not UTF-8, control characters but \n and \t) */
amlaps_code_t amlaps_rule_check_reason(const amlaps_rule_t *rule, const char *reason);

#endif
