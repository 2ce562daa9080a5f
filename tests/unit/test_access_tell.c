/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Channels that are told of a disclosure: when, and what it means where they are not. */

#include "access_scene.h"

/* A channel's transport: what is on disk is looked at in the moment in which it is told. */
typedef struct wire_t {
    amlaps_transport_t transport;
    scene_t *scene;
    amlaps_channel_t channels[2]; /* "must", which is required, and "may" */
    const amlaps_channel_t *list[2];
    amlaps_tell_t tell;
    int status;                   /* that the channel answers */
    int told, outcomes;           /* how often; outcomes on disk then */
    apr_interval_time_t timeout;  /* that it was given */
    char body[2048];
} wire_t;

static apr_status_t tell_wire(amlaps_http_response_t *response, amlaps_error_t *error, void *baton, const amlaps_http_request_t *request,
                              apr_pool_t *pool)
{
    wire_t *wire = baton;

    (void)error;
    (void)pool;
    memset(response, 0, sizeof(*response));
    response->status = wire->status;
    wire->told++;
    wire->timeout = request->timeout;
    wire->outcomes = count(wire->scene, "stage='outcome'");
    apr_cpystrn(wire->body, request->body->bytes, sizeof(wire->body));
    return APR_SUCCESS;
}

static void add_channels(wire_t *wire, scene_t *scene)
{
    static const char *const both[] = { "must", "may", NULL }, *const may[] = { "may", NULL };
    amlaps_secret_t *url = amlaps_secret_make(32, scene->fake->own);
    amlaps_notify_t *notify;

    assert_int_equal(amlaps_secret_append(url, "http://127.0.0.1/", 17), APR_SUCCESS);
    wire->scene = scene;
    wire->status = 200;
    wire->transport = (amlaps_transport_t){ .exchange = tell_wire, .baton = wire };
    wire->channels[0] = (amlaps_channel_t){ .name = "must", .kind = AMLAPS_CHANNEL_JSON, .required = 1, .url = url };
    wire->channels[1] = (amlaps_channel_t){ .name = "may", .kind = AMLAPS_CHANNEL_JSON, .url = url };
    wire->list[0] = &wire->channels[0];
    wire->list[1] = &wire->channels[1];
    wire->tell = (amlaps_tell_t){ both, may };
    assert_int_equal(amlaps_notify_open(&notify, wire->list, 2, &wire->transport, &scene->fake->clock, scene->fake->own), APR_SUCCESS);
    scene->access.notify = notify;
    scene->access.tell = &wire->tell;
}

/** London's helpdesk asks for a device that is there, with channels that want to know. */
static void begin(wire_t *wire, scene_t *scene)
{
    add_rule(scene, "London", 0, NULL);
    start(scene);
    add_channels(wire, scene);
    device_answers(scene);
}

static long queued(const scene_t *scene, const char *where)
{
    return world_number(scene->world, apr_psprintf(scene->fake->pool, "SELECT count(*) FROM notification WHERE %s", where));
}

static void a_required_channel_is_told_before_the_outcome_is_on_disk(void **state)
{
    scene_t *scene = *state;
    amlaps_disclosure_t *disclosure;
    wire_t wire = { .told = 0 };

    begin(&wire, scene);
    credentials_answer(scene);
    assert_int_equal(disclose(scene, &disclosure, AMLAPS_PERMISSION_PASSWORD, "INC1"), AMLAPS_OK);
    assert_int_equal(wire.told, 1);
    assert_int_equal(wire.outcomes, 0);
    assert_non_null(strstr(wire.body, "\"type\":\"laps.password.revealed\""));
    assert_non_null(strstr(wire.body, "\"reason\":\"INC1\""));
    assert_null(strstr(wire.body, "ssw\xc3\xb6rd"));
    assert_int_equal(count(scene, "stage='outcome' AND outcome='granted'"), 1);
    assert_int_equal(queued(scene, "channel = 'may'"), 1);
    assert_int_equal(queued(scene, "channel = 'must'"), 0);
}

static void without_it_nothing_is_shown_and_the_trail_does_not_say_granted(void **state)
{
    scene_t *scene = *state;
    amlaps_disclosure_t *disclosure;
    wire_t wire = { .told = 0 };

    add_rule(scene, "London", 0, NULL);
    start(scene);
    add_channels(&wire, scene);
    wire.status = 500;
    device_answers(scene);
    credentials_answer(scene);
    assert_int_equal(disclose(scene, &disclosure, AMLAPS_PERMISSION_PASSWORD, "INC1"), AMLAPS_NOTIFICATION_FAILED);
    assert_int_equal(count(scene, "outcome='granted'"), 0);
    assert_int_equal(count(scene, "stage='outcome' AND outcome='failed' AND body LIKE '%notification_failed%'"), 1);
    assert_int_equal(queued(scene, "channel = 'may' AND body LIKE '%notification_failed%'"), 1);
    assert_int_equal(queued(scene, "1"), 1);
}

static void the_deciding_rule_adds_its_channels(void **state)
{
    static const char *const words[] = { "failure", "must", "may" };
    scene_t *scene = *state;
    amlaps_disclosure_t *disclosure;
    wire_t wire = { .told = 0 };

    add_rule(scene, "London", 0, NULL);
    assert_null(amlaps_rule_add_notify(add_rule(scene, "No", 1, NULL), words, 3));
    start(scene);
    add_channels(&wire, scene);
    device_answers(scene);
    assert_int_equal(disclose(scene, &disclosure, AMLAPS_PERMISSION_PASSWORD, "INC1"), AMLAPS_NOT_AUTHORIZED);
    /* A refusal shows nothing, so nobody must confirm it. */
    assert_int_equal(wire.told, 0);
    assert_int_equal(queued(scene, "channel = 'must'"), 1);
    assert_int_equal(queued(scene, "channel = 'may'"), 1);
}

static void a_request_that_took_too_long_asks_no_channel(void **state)
{
    scene_t *scene = *state;
    amlaps_disclosure_t *disclosure;
    wire_t wire = { .told = 0 };

    begin(&wire, scene);
    fake_answers(scene->fake, (fake_step_t){ .status = 200, .body = CREDENTIALS, .takes = apr_time_from_sec(7) });
    assert_int_equal(disclose(scene, &disclosure, AMLAPS_PERMISSION_PASSWORD, "INC1"), AMLAPS_NOTIFICATION_FAILED);
    assert_int_equal(wire.told, 0);
}

/** Eight seconds in all, and two of them the store's, which still has to take the outcome. */
static void a_channel_leaves_the_store_its_time(void **state)
{
    scene_t *scene = *state;
    amlaps_disclosure_t *disclosure;
    wire_t wire = { .told = 0 };

    begin(&wire, scene);
    fake_answers(scene->fake, (fake_step_t){ .status = 200, .body = CREDENTIALS, .takes = apr_time_from_sec(4) });
    assert_int_equal(disclose(scene, &disclosure, AMLAPS_PERMISSION_PASSWORD, "INC1"), AMLAPS_OK);
    assert_int_equal(wire.told, 1);
    assert_in_range(wire.timeout, apr_time_from_sec(1), apr_time_from_sec(8 - 2 - 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(a_required_channel_is_told_before_the_outcome_is_on_disk),
        scene_test(without_it_nothing_is_shown_and_the_trail_does_not_say_granted),
        scene_test(the_deciding_rule_adds_its_channels),
        scene_test(a_channel_leaves_the_store_its_time),
        scene_test(a_request_that_took_too_long_asks_no_channel),
    };

    return cmocka_run_group_tests_name("access/tell", tests, NULL, NULL);
}
