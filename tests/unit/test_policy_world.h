/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TEST_POLICY_WORLD_H
#define AMLAPS_TEST_POLICY_WORLD_H

/* Alice, the device LON-001 and an empty policy, fresh for each test of src/policy; the test's state. */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "amlaps/policy.h"
#include "amlaps/text.h"

#define OID "11111111-2222-4333-8444-55555555555a"
#define DEVICE_ID "d0000000-0000-4000-8000-00000000000d"
#define GUID_A "aaaaaaaa-0000-4000-8000-000000000001"
#define GUID_B "bbbbbbbb-0000-4000-8000-000000000002"
#define GUID_C "cccccccc-0000-4000-8000-000000000003"

typedef struct world_t {
    apr_pool_t *pool;
    amlaps_policy_t *policy;
    amlaps_person_t person;
    amlaps_device_t device;
    amlaps_question_t question;
    const char *wrong; /* what the last setter said */
} world_t;

static inline int open_world(void **state)
{
    static const char *const groups[] = {"Helpdesk", GUID_A};
    static const char *const roles[] = {"Operator"};
    static const char *const memberships[] = {GUID_B};
    static const char *const units[] = {GUID_C};
    apr_pool_t *pool = NULL;
    world_t *world;

    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return -1;
    }
    world = apr_pcalloc(pool, sizeof(*world));
    world->pool = pool;
    world->policy = amlaps_policy_make(pool);
    world->person = (amlaps_person_t){.oid = OID, .username = "alice@contoso.com", .groups = groups, .group_count = 2,
                                      .groups_known = 1, .roles = roles, .role_count = 1};
    world->device = (amlaps_device_t){.tenant = "contoso", .device_id = DEVICE_ID, .name = "LON-001", .groups = memberships,
                                      .group_count = 1, .groups_known = 1, .units = units, .unit_count = 1, .units_known = 1};
    world->question = (amlaps_question_t){&world->person, &world->device, apr_time_from_sec(1700000000), NULL};
    *state = world;
    return 0;
}

static inline int close_world(void **state)
{
    apr_pool_destroy(((world_t *)*state)->pool);
    apr_terminate();
    return 0;
}

#define world_test(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

/* One directive as text, words apart by single spaces: "device name LON-*", "allow password group x", "deny …", "expires …". */
static inline const char *set(amlaps_rule_t *rule, const char *directive, apr_pool_t *pool)
{
    const char *words[32];
    char *rest = apr_pstrdup(pool, directive), *word;
    int count = 0;

    while (rest && count < 32) {
        word = rest;
        rest = strchr(rest, ' ');
        if (rest) {
            *rest++ = '\0';
        }
        words[count++] = word;
    }
    if (strcmp(words[0], "device") == 0) {
        return amlaps_rule_add_device(rule, words[1], words + 2, count - 2);
    }
    if (strcmp(words[0], "expires") == 0) {
        return amlaps_rule_set_expires(rule, words[1]);
    }
    assert_true(strcmp(words[0], "allow") == 0 || strcmp(words[0], "deny") == 0);
    return amlaps_rule_add_entry(rule, words[0][0] == 'd', words + 1, count - 1);
}

/* A rule from directives, ended by NULL; added to the policy. Fails the test where a directive is refused. */
static inline amlaps_rule_t *rule_of(world_t *world, const char *description, const char *tenant, ...)
{
    amlaps_rule_t *rule = amlaps_rule_make(description, tenant, "rules.conf:12", world->pool);
    const char *directive, *wrong;
    va_list directives;

    va_start(directives, tenant);
    while ((directive = va_arg(directives, const char *)) != NULL) {
        wrong = set(rule, directive, world->pool);
        if (wrong) {
            fail_msg("%s: %s", directive, wrong);
        }
    }
    va_end(directives);
    amlaps_policy_add(world->policy, rule);
    return rule;
}

/* "allow RULE", "deny RULE", "deny -" or "undecidable RULE". Compiles the policy first. */
static inline const char *answer(world_t *world, amlaps_permission_t permission)
{
    static const char *const verdicts[] = {"deny", "allow", "undecidable"};
    amlaps_decision_t decision;

    amlaps_policy_compile(world->policy);
    amlaps_policy_decide(&decision, world->policy, permission, &world->question);
    return apr_psprintf(world->pool, "%s %s", verdicts[decision.verdict],
                        decision.rule ? amlaps_rule_description(decision.rule) : "-");
}

#define assert_answer(world, expected) assert_string_equal(answer(world, AMLAPS_PERMISSION_PASSWORD), expected)
#define assert_history(world, expected) assert_string_equal(answer(world, AMLAPS_PERMISSION_HISTORY), expected)

static inline const amlaps_json_t *json_of(world_t *world, const char *text)
{
    amlaps_json_t *json = NULL;

    assert_int_equal(amlaps_json_parse(&json, NULL, text, strlen(text), world->pool), APR_SUCCESS);
    return json;
}

static sigjmp_buf aborted;

static inline void jump_back(int signal_number)
{
    siglongjmp(aborted, signal_number);
}

/* Runs `statement`, which must abort; the message of assert goes to the standard error. */
#define assert_aborts(statement)                   \
    do {                                           \
        void (*before)(int) = signal(SIGABRT, jump_back); \
        if (sigsetjmp(aborted, 1) == 0) {          \
            statement;                             \
            signal(SIGABRT, before);               \
            fail_msg("%s goes through", #statement); \
        }                                          \
        signal(SIGABRT, before);                   \
    } while (0)

/* A condition whose data is the answer. */
static inline amlaps_known_t constant(void *request, const void *condition, const amlaps_person_t *person,
                                      const amlaps_device_t *device)
{
    (void)request;
    (void)person;
    (void)device;
    return *(const amlaps_known_t *)condition;
}

static const amlaps_known_t is_true = AMLAPS_YES, is_false = AMLAPS_NO, is_unsure = AMLAPS_UNKNOWN;

static inline void fill_known(world_t *world, int known)
{
    world->device.groups_known = world->device.units_known = world->person.groups_known = known;
    world->device.owner = known ? AMLAPS_NO : AMLAPS_UNKNOWN;
}

#endif
