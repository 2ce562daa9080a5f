/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_HTTPD_SCENARIO_H
#define AMLAPS_HTTPD_SCENARIO_H

#include "when.h"

/* A person, a device and circumstances that somebody made up, to ask the rules about: AMLapsExpect, AMLapsExplain, POST api/v1/explain. */
typedef struct amlaps_scenario_t {
    amlaps_person_t person;
    amlaps_device_t device;
    amlaps_circumstances_t circumstances;
    amlaps_question_t question;    /* points at the three above */
} amlaps_scenario_t;

/**
 * From the words KEY=VALUE of AMLapsExpect and AMLapsExplain. What is not given is known to be absent.
 * @return NULL, or the mistake
 */
const char *amlaps_scenario_read(amlaps_scenario_t **scenario, const char *const *words, int count, server_rec *server, apr_pool_t *pool);

/**
 * Claims as mod_auth_openidc would have passed them for such a person, so that conditions read of a made-up person what they read of a real one.
 * @param given an object, whose members count first, or NULL
 */
const amlaps_json_t *amlaps_scenario_claims(const amlaps_json_t *given, const amlaps_person_t *person, apr_pool_t *pool);

/** For a terminal: every rule in order, what it gave and why, then the decisions. */
const char *amlaps_scenario_explain(const amlaps_scenario_t *scenario, const amlaps_policy_t *policy, apr_pool_t *pool);

/** The word of the contract: allow, deny or undecidable. */
const char *amlaps_scenario_verdict(amlaps_verdict_t verdict);

#endif
