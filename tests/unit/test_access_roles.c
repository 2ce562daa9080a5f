/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "access_scene.h"

/* Who has a role by a group that the token leaves out, and how long Graph may take to say so. */

#define GROUP "4f0c8c55-7a9e-4b0e-8a57-51f2c1a4c0de"
#define GROUPS_OF_ALICE "POST " FAKE_GRAPH "/v1.0/users/" FAKE_OBJECT "/getMemberGroups"
#define MILLISECONDS(time) ((int)((time) / 1000))

static const amlaps_policy_t *by_group(scene_t *scene)
{
    static const char *const entry[] = { "all", "group", GROUP };
    amlaps_policy_t *policy = amlaps_policy_make(scene->fake->own);
    amlaps_rule_t *rule = amlaps_rule_make("role", NULL, "test:1", scene->fake->own);

    assert_null(amlaps_rule_add_device(rule, "all", NULL, 0));
    assert_null(amlaps_rule_add_entry(rule, 0, entry, 3));
    amlaps_policy_add(policy, rule);
    amlaps_policy_compile(policy);
    return policy;
}

static void begin(scene_t *scene)
{
    add_rule(scene, "Desktops", 0, NULL);
    start(scene);
    scene->person.oid = FAKE_OBJECT;
    scene->person.tid = FAKE_TENANT_ID;
    scene->person.groups_known = 0;
    scene->access.roles[AMLAPS_ROLE_AUDITOR] = by_group(scene);
    scene->access.roles[AMLAPS_ROLE_OPERATOR] = by_group(scene);
}

static void is_silent(scene_t *scene)
{
    fake_answers(scene->fake, (fake_step_t){ .expect = GROUPS_OF_ALICE, .fail = AMLAPS_TENANT_UNREACHABLE, .fail_status = APR_TIMEUP, .takes = SECONDS(8) });
}

static void answers_after(scene_t *scene, apr_interval_time_t time)
{
    fake_answers(scene->fake, (fake_step_t){ .expect = GROUPS_OF_ALICE, .status = 200, .body = "{\"value\":[\"" GROUP "\"]}", .takes = time });
}

static void are_asked_for_once(void **state)
{
    scene_t *scene = *state;
    int has[AMLAPS_ROLES];

    begin(scene);
    answers_after(scene, 0);
    amlaps_access_roles(has, &scene->access, &scene->asker, scene->fake->pool);
    assert_true(has[AMLAPS_ROLE_AUDITOR] && has[AMLAPS_ROLE_OPERATOR]);
    assert_int_equal(scene->fake->seen_count, 1);
}

static void a_silent_graph_is_waited_for_once(void **state)
{
    scene_t *scene = *state;
    int has[AMLAPS_ROLES];

    begin(scene);
    is_silent(scene);
    amlaps_access_roles(has, &scene->access, &scene->asker, scene->fake->pool);
    assert_false(has[AMLAPS_ROLE_AUDITOR] || has[AMLAPS_ROLE_OPERATOR]);
    assert_int_equal(scene->fake->seen_count, 1);
    assert_int_equal(MILLISECONDS(scene->fake->seen[0].timeout), 6000);
    assert_int_equal(world_logged("AML0411"), 2);
}

/* The store may take two seconds for each of its parts, and eight are the whole. */
static void leave_time_for_what_follows(void **state)
{
    scene_t *scene = *state;
    amlaps_filter_t filter = { 0 };
    amlaps_verify_t result = { 0 };
    amlaps_records_t *records;
    amlaps_status_t status;
    int more;

    begin(scene);
    is_silent(scene);
    is_silent(scene);
    is_silent(scene);
    assert_int_not_equal(amlaps_access_status(&status, &scene->fake->error, &scene->access, &scene->asker, scene->fake->pool), APR_SUCCESS);
    assert_int_equal(scene->fake->error.code, AMLAPS_TENANT_UNREACHABLE);
    fake_begin(scene->fake);
    assert_int_not_equal(amlaps_access_audit(&records, &scene->fake->error, &scene->access, &scene->asker, &filter, 0, 10, scene->fake->pool), APR_SUCCESS);
    assert_int_equal(scene->fake->error.code, AMLAPS_TENANT_UNREACHABLE);
    fake_begin(scene->fake);
    assert_int_not_equal(amlaps_access_audit_verify(&result, &more, &scene->fake->error, &scene->access, &scene->asker, scene->fake->pool), APR_SUCCESS);
    assert_int_equal(scene->fake->error.code, AMLAPS_TENANT_UNREACHABLE);
    assert_int_equal(MILLISECONDS(scene->fake->seen[0].timeout), 3500);
    assert_int_equal(MILLISECONDS(scene->fake->seen[1].timeout), 5000);
    assert_int_equal(MILLISECONDS(scene->fake->seen[2].timeout), 5000);
}

static void an_explanation_has_one_deadline_for_role_and_device(void **state)
{
    scene_t *scene = *state;
    amlaps_device_t device = { .tenant = scene->tenant, .device_id = FAKE_DEVICE };
    amlaps_inquiry_t inquiry = { .person = &scene->person, .device = &device };
    amlaps_explanation_t *explanation;

    begin(scene);
    answers_after(scene, SECONDS(4));
    fake_answers(scene->fake, (fake_step_t){ .fail = AMLAPS_TENANT_UNREACHABLE, .fail_status = APR_TIMEUP, .takes = SECONDS(8) });
    assert_int_not_equal(amlaps_access_explain(&explanation, &scene->fake->error, &scene->access, &scene->asker, &inquiry, scene->fake->pool), APR_SUCCESS);
    assert_int_equal(scene->fake->error.code, AMLAPS_TENANT_UNREACHABLE);
    assert_int_equal(MILLISECONDS(scene->fake->seen[0].timeout), 6000);
    assert_int_equal(MILLISECONDS(scene->fake->seen[1].timeout), 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(are_asked_for_once),
        scene_test(a_silent_graph_is_waited_for_once),
        scene_test(leave_time_for_what_follows),
        scene_test(an_explanation_has_one_deadline_for_role_and_device),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
