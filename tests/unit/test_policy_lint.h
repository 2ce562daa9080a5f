/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TEST_POLICY_LINT_H
#define AMLAPS_TEST_POLICY_LINT_H

/* What tests of doubtful rules share: what is reported of a policy. */

#include "test_policy_world.h"

#define NOW apr_time_from_sec(1700000000) /* 2023-11-14 */

typedef struct heard_t {
    world_t *world;
    const char *all; /* "ID RULE: text" lines */
} heard_t;

static void hear(void *baton, const amlaps_rule_t *rule, const char *id, const char *text)
{
    heard_t *heard = baton;

    heard->all = apr_psprintf(heard->world->pool, "%s%s %s: %s\n", heard->all, id, amlaps_rule_description(rule), text);
}

/* All that is reported of the policy, which is then forgotten. */
static const char *lint(world_t *world)
{
    heard_t heard = {world, ""};

    amlaps_policy_compile(world->policy);
    amlaps_policy_lint(world->policy, NOW, hear, &heard, world->pool);
    world->policy = amlaps_policy_make(world->pool);
    return heard.all;
}

/* Exactly one report, which begins so. */
#define assert_one(world, beginning)                                                           \
    do {                                                                                       \
        const char *heard_ = lint(world);                                                      \
        if (strncmp(heard_, beginning, strlen(beginning)) != 0 || strchr(heard_, '\n') != strrchr(heard_, '\n')) { \
            fail_msg("reported:\n%s", heard_);                                                 \
        }                                                                                      \
    } while (0)

#define assert_none(world) assert_string_equal(lint(world), "")

#endif
