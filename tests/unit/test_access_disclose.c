/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The order of the steps of a disclosure, and of showing a device. */

#include "access_scene.h"

static void the_intent_is_on_disk_before_graph_is_asked(void **state)
{
    scene_t *scene = *state;
    amlaps_disclosure_t *disclosure;

    add_rule(scene, "London", 0, NULL);
    start(scene);
    device_answers(scene);
    credentials_answer(scene);
    assert_int_equal(disclose(scene, &disclosure, AMLAPS_PERMISSION_PASSWORD, "INC1"), AMLAPS_OK);
    assert_int_equal(scene->on_disk, 1);
    assert_int_equal(scene->asked, 1);
    assert_int_equal(count(scene, "stage='outcome' AND outcome='granted'"), 1);
    assert_int_equal(count(scene, "1"), 2);
    assert_int_equal(disclosure->count, 1);
    assert_true(disclosure->current);
    assert_string_equal(disclosure->credentials[0].password->bytes, "P\xc3\xa4ssw\xc3\xb6rd<b>&'\"1");
    assert_string_equal(amlaps_rule_description(disclosure->rule), "London");
}

static void history_gives_the_older_ones_and_wipes_the_current(void **state)
{
    scene_t *scene = *state;
    amlaps_disclosure_t *disclosure;

    add_rule(scene, "London", 0, NULL);
    start(scene);
    device_answers(scene);
    credentials_answer(scene);
    assert_int_equal(disclose(scene, &disclosure, AMLAPS_PERMISSION_HISTORY, NULL), AMLAPS_OK);
    assert_int_equal(disclosure->count, 1);
    assert_false(disclosure->current);
    assert_string_equal(disclosure->credentials[0].password->bytes, "g4q22s");
    assert_int_equal(disclosure->credentials[-1].password->length, 0);
}

static void an_older_one_is_given_alone_by_its_number(void **state)
{
    scene_t *scene = *state;
    amlaps_disclosure_t *disclosure;

    add_rule(scene, "London", 0, NULL);
    start(scene);
    device_answers(scene);
    credentials_answer(scene);
    scene->nth = 1;
    assert_int_equal(disclose(scene, &disclosure, AMLAPS_PERMISSION_HISTORY, NULL), AMLAPS_OK);
    assert_int_equal(disclosure->count, 1);
    assert_int_equal(disclosure->older, 0);
    assert_string_equal(disclosure->credentials[0].password->bytes, "g4q22s");
    credentials_answer(scene);
    scene->nth = 2;
    assert_int_equal(disclose(scene, &disclosure, AMLAPS_PERMISSION_HISTORY, NULL), AMLAPS_OK);
    assert_int_equal(disclosure->count, 0);
    assert_int_equal(disclosure->credentials[-1].password->length, 0);
    assert_int_equal(count(scene, "stage='outcome' AND event='history' AND outcome='granted'"), 2);
}

static void without_a_store_graph_is_not_asked_for_passwords(void **state)
{
    scene_t *scene = *state;
    amlaps_disclosure_t *disclosure;

    add_rule(scene, "London", 0, NULL);
    start(scene);
    assert_int_equal(remove(scene->world->path), 0);
    device_answers(scene);
    assert_int_equal(disclose(scene, &disclosure, AMLAPS_PERMISSION_PASSWORD, "INC1"), AMLAPS_AUDIT_UNAVAILABLE);
    assert_int_equal(scene->asked, 0);
}

static void an_outcome_that_is_not_on_disk_discloses_nothing(void **state)
{
    scene_t *scene = *state;
    amlaps_disclosure_t *disclosure;

    add_rule(scene, "London", 0, NULL);
    start(scene);
    scene->lose_store = 1;
    device_answers(scene);
    credentials_answer(scene);
    assert_int_equal(disclose(scene, &disclosure, AMLAPS_PERMISSION_PASSWORD, "INC1"), AMLAPS_AUDIT_UNAVAILABLE);
    assert_int_equal(scene->asked, 1);
}

static void refusals_are_one_record_each(void **state)
{
    scene_t *scene = *state;
    amlaps_disclosure_t *disclosure;

    add_rule(scene, "London", 0, "required");
    add_rule(scene, "No VIP", 1, NULL);
    start(scene);
    device_answers(scene);
    assert_int_equal(disclose(scene, &disclosure, AMLAPS_PERMISSION_PASSWORD, "INC1"), AMLAPS_NOT_AUTHORIZED);
    assert_int_equal(count(scene, "stage='outcome' AND outcome='denied' AND body LIKE '%\"rule\":\"No VIP\"%'"), 1);
    assert_int_equal(count(scene, "1"), 1);
    assert_int_equal(scene->asked, 0);
}

static void a_device_that_is_not_there_is_told_apart_in_the_audit_alone(void **state)
{
    scene_t *scene = *state;
    amlaps_disclosure_t *disclosure;

    add_rule(scene, "London", 0, NULL);
    start(scene);
    fake_answers(scene->fake, (fake_step_t){ .status = 404, .body = "{\"error\":{\"code\":\"Request_ResourceNotFound\"}}" });
    assert_int_equal(disclose(scene, &disclosure, AMLAPS_PERMISSION_PASSWORD, "INC1"), AMLAPS_NOT_AUTHORIZED);
    assert_int_equal(count(scene, "body LIKE '%\"code\":\"device_not_found\"%'"), 1);
}

static void the_reason_is_asked_for_after_the_decision_and_before_the_intent(void **state)
{
    scene_t *scene = *state;
    amlaps_disclosure_t *disclosure;

    add_rule(scene, "London", 0, "required");
    start(scene);
    device_answers(scene);
    assert_int_equal(disclose(scene, &disclosure, AMLAPS_PERMISSION_PASSWORD, " "), AMLAPS_REASON_REQUIRED);
    assert_int_equal(disclose(scene, &disclosure, AMLAPS_PERMISSION_PASSWORD, "because"), AMLAPS_REASON_INVALID);
    assert_int_equal(count(scene, "stage='intent'"), 0);
    assert_int_equal(count(scene, "outcome='denied'"), 2);
    assert_int_equal(scene->asked, 0);
}

static void a_hidden_reason_is_not_recorded(void **state)
{
    scene_t *scene = *state;
    amlaps_disclosure_t *disclosure;

    add_rule(scene, "London", 0, "hidden");
    start(scene);
    device_answers(scene);
    credentials_answer(scene);
    assert_int_equal(disclose(scene, &disclosure, AMLAPS_PERMISSION_PASSWORD, "typed all the same"), AMLAPS_OK);
    assert_int_equal(count(scene, "body LIKE '%typed all%'"), 0);
}

static void beyond_the_limit_graph_is_not_asked_at_all(void **state)
{
    scene_t *scene = *state;
    amlaps_disclosure_t *disclosure;
    int before;

    world_limit(scene->world, AMLAPS_LIMIT_USER, "1/minute");
    add_rule(scene, "London", 0, NULL);
    start(scene);
    device_answers(scene);
    credentials_answer(scene);
    assert_int_equal(disclose(scene, &disclosure, AMLAPS_PERMISSION_PASSWORD, NULL), AMLAPS_OK);
    assert_int_equal(disclose(scene, &disclosure, AMLAPS_PERMISSION_PASSWORD, NULL), AMLAPS_RATE_LIMITED);
    before = scene->fake->seen_count;
    assert_int_equal(disclose(scene, &disclosure, AMLAPS_PERMISSION_PASSWORD, NULL), AMLAPS_RATE_LIMITED);
    assert_int_equal(scene->fake->seen_count, before);
    assert_int_equal(scene->asked, 1);
    assert_int_equal(count(scene, "body LIKE '%\"code\":\"rate_limited\"%'"), 2);
}

static amlaps_code_t show(scene_t *scene, amlaps_found_t **found)
{
    amlaps_error_t error = { 0 };

    amlaps_access_device(found, &error, &scene->access, &scene->asker, scene->tenant, FAKE_DEVICE, scene->fake->pool);
    assert_int_equal(*found != NULL, error.code == AMLAPS_OK);
    return error.code;
}

static void who_may_see_a_device_sees_when_its_password_was_backed_up(void **state)
{
    scene_t *scene = *state;
    amlaps_found_t *found;

    add_rule(scene, "London", 0, NULL);
    start(scene);
    device_answers(scene);
    fake_answers(scene->fake, (fake_step_t){ .status = 200, .body = "{\"id\":\"" FAKE_DEVICE "\",\"lastBackupDateTime\":\"2026-11-20T10:00:00Z\","
                                             "\"refreshDateTime\":\"2026-12-20T10:00:00Z\"}" });
    assert_int_equal(show(scene, &found), AMLAPS_OK);
    assert_int_equal(found->backup.there, 1);
    assert_int_equal(found->backup.backed_up, apr_time_from_sec(1795168800));
    assert_int_equal(found->backup.expires, apr_time_from_sec(1797760800));
    assert_null(strstr(scene->fake->seen[1].line, "credentials"));
    assert_int_equal(count(scene, "1"), 0);
}

static void a_device_is_shown_without_what_graph_does_not_tell_soon(void **state)
{
    scene_t *scene = *state;
    amlaps_found_t *found;

    scene->fake->config.timeout = apr_time_from_sec(6);
    add_rule(scene, "London", 0, NULL);
    start(scene);
    device_answers(scene);
    fake_answers(scene->fake, (fake_step_t){ .status = 0, .fail = AMLAPS_TENANT_UNREACHABLE, .fail_status = APR_TIMEUP, .takes = apr_time_from_sec(2) });
    assert_int_equal(show(scene, &found), AMLAPS_OK);
    assert_int_equal(found->backup.there, -1);
    assert_true(scene->fake->seen[1].timeout > 0 && scene->fake->seen[1].timeout <= apr_time_from_sec(2));
    assert_int_equal(scene->fake->seen_count, 2);
}

/* Of a device whose facts are kept nothing else has begun to wait. */
static void nobody_waits_for_a_backup_longer_than_for_graph(void **state)
{
    scene_t *scene = *state;
    amlaps_found_t *found;

    scene->fake->config.timeout = apr_time_from_sec(1);
    add_rule(scene, "London", 0, NULL);
    start(scene);
    device_answers(scene);
    fake_answers(scene->fake, (fake_step_t){ .status = 403, .body = "{}" });
    assert_int_equal(show(scene, &found), AMLAPS_OK);
    fake_answers(scene->fake, (fake_step_t){ .status = 404, .body = "{}" });
    assert_int_equal(show(scene, &found), AMLAPS_OK);
    assert_int_equal(scene->fake->seen_count, 3);
    assert_int_equal(found->backup.there, 0);
    assert_true(scene->fake->seen[2].timeout > 0 && scene->fake->seen[2].timeout <= apr_time_from_sec(1));
}

static void of_a_device_that_may_not_be_seen_no_more_is_asked_than_of_none(void **state)
{
    scene_t *scene = *state;
    amlaps_found_t *found;

    add_rule(scene, "London", 0, NULL);
    add_rule(scene, "No VIP", 1, NULL);
    start(scene);
    device_answers(scene);
    assert_int_equal(show(scene, &found), AMLAPS_NOT_AUTHORIZED);
    assert_int_equal(scene->fake->seen_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(the_intent_is_on_disk_before_graph_is_asked),
        scene_test(history_gives_the_older_ones_and_wipes_the_current),
        scene_test(an_older_one_is_given_alone_by_its_number),
        scene_test(without_a_store_graph_is_not_asked_for_passwords),
        scene_test(an_outcome_that_is_not_on_disk_discloses_nothing),
        scene_test(refusals_are_one_record_each),
        scene_test(a_device_that_is_not_there_is_told_apart_in_the_audit_alone),
        scene_test(the_reason_is_asked_for_after_the_decision_and_before_the_intent),
        scene_test(a_hidden_reason_is_not_recorded),
        scene_test(beyond_the_limit_graph_is_not_asked_at_all),
        scene_test(who_may_see_a_device_sees_when_its_password_was_backed_up),
        scene_test(a_device_is_shown_without_what_graph_does_not_tell_soon),
        scene_test(nobody_waits_for_a_backup_longer_than_for_graph),
        scene_test(of_a_device_that_may_not_be_seen_no_more_is_asked_than_of_none),
    };

    return cmocka_run_group_tests_name("access/disclose", tests, NULL, NULL);
}
