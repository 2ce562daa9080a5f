/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "expect.h"

#include <apr_strings.h>
#include <stdio.h>

#include "amlaps/text.h"
#include "scenario.h"

#define LONGEST_LINE 8192

static const char *check_permission(const amlaps_config_t *config, const amlaps_expectation_t *expectation, amlaps_permission_t permission,
                                    const amlaps_scenario_t *scenario, server_rec *server, apr_pool_t *pool)
{
    amlaps_decision_t decision;

    amlaps_policy_decide(&decision, config->policy, permission, &scenario->question);
    if (decision.verdict == expectation->verdict) {
        return NULL;
    }
    return apr_psprintf(pool, "%s: AMLapsExpect %s: the rules%s%s answer %s for %s%s%s%s; mend the rules or the expectation. What they say:\n%s",
                        expectation->origin, expectation->text, server->is_virtual ? " of the virtual host " : "",
                        server->is_virtual ? server->server_hostname : "", amlaps_scenario_verdict(decision.verdict),
                        permission == AMLAPS_PERMISSION_PASSWORD ? "password" : "history", decision.rule ? " by \"" : ", no rule grants it",
                        decision.rule ? amlaps_rule_description(decision.rule) : "", decision.rule ? "\"" : "",
                        amlaps_scenario_explain(scenario, config->policy, pool));
}

static const char *check_one(const amlaps_config_t *config, const amlaps_expectation_t *expectation, server_rec *server, apr_pool_t *pool)
{
    amlaps_scenario_t *scenario;
    const char *mistake = amlaps_scenario_read(&scenario, expectation->words, expectation->count, server, pool);
    int permission;

    if (mistake) {
        return apr_psprintf(pool, "%s: AMLapsExpect %s: %s", expectation->origin, expectation->text, mistake);
    }
    if (!amlaps_config_active(config)) {
        return NULL;
    }
    for (permission = AMLAPS_PERMISSION_PASSWORD; permission <= AMLAPS_PERMISSION_HISTORY && !mistake; permission <<= 1) {
        if (expectation->permission & permission) {
            mistake = check_permission(config, expectation, (amlaps_permission_t)permission, scenario, server, pool);
        }
    }
    return mistake;
}

const char *amlaps_expect_check(server_rec *server, int first, apr_pool_t *pool)
{
    const amlaps_config_t *config = amlaps_config_of(server);
    apr_pool_t *each;
    int i;

    for (i = first; i < config->expectations->nelts; i++) {
        const char *mistake;

        apr_pool_create(&each, pool);
        mistake = check_one(config, APR_ARRAY_IDX(config->expectations, i, amlaps_expectation_t *), server, each);
        if (mistake) {
            return mistake;
        }
        apr_pool_destroy(each);
    }
    return NULL;
}

/* Where an answer would stand, since a LogLevel may leave out warnings. */
static const char *answer(const amlaps_config_t *config, const amlaps_scenario_t *scenario, apr_pool_t *pool)
{
    return amlaps_config_active(config) ? amlaps_scenario_explain(scenario, config->policy, pool)
                                        : "AML0185: nothing can be explained, because there is no tenant and so no rule decides; write a section "
                                          "<AMLapsTenant NAME>";
}

const char *amlaps_expect_explain(server_rec *server, int first, apr_pool_t *pool)
{
    const amlaps_config_t *config = amlaps_config_of(server);
    int i;

    for (i = first; i < config->explanations->nelts; i++) {
        const amlaps_expectation_t *asked = APR_ARRAY_IDX(config->explanations, i, amlaps_expectation_t *);
        amlaps_scenario_t *scenario;
        const char *mistake = amlaps_scenario_read(&scenario, asked->words, asked->count, server, pool);

        if (mistake) {
            return apr_psprintf(pool, "%s: AMLapsExplain: %s", asked->origin, mistake);
        }
        printf("%s%s%s%s\n%s\n", server->is_virtual ? "virtual host " : "", server->is_virtual ? server->server_hostname : "",
               server->is_virtual ? ": " : "", amlaps_text_printable(asked->text, LONGEST_LINE, pool), answer(config, scenario, pool));
    }
    fflush(stdout);
    return NULL;
}
