/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The order of the steps, with a real policy, a real trail and a scripted Graph: what is on disk is looked at in the very moment in which
 * Graph is asked for a password.
 */

#include "graph_fake.h"
#include "trail_world.h"

#include "amlaps/access.h"

#define ID "0c6a0f0e-0000-4000-8000-000000000001"
#define NEW "UADkAHMAcwB3APYAcgBkADwAYgA+ACYAJwAiADEA"
#define OLD "ZzRxMjJz"
#define CREDENTIALS                                                                                                                          \
    "{\"id\":\"" FAKE_DEVICE "\",\"refreshDateTime\":\"2026-12-20T10:00:00Z\",\"credentials\":["                                              \
    "{\"accountName\":\"Administrator\",\"accountSid\":\"S-1-5-500\",\"backupDateTime\":\"2026-10-20T10:00:00Z\",\"passwordBase64\":\"" OLD "\"}," \
    "{\"accountName\":\"Administrator\",\"accountSid\":\"S-1-5-500\",\"backupDateTime\":\"2026-11-20T10:00:00Z\",\"passwordBase64\":\"" NEW "\"}]}"

typedef struct scene_t {
    fake_t *fake;
    world_t *world;
    amlaps_transport_t watched;    /* the fake's, with a look at the store before each request for passwords */
    amlaps_graph_t *graph;
    amlaps_policy_t *policy;
    amlaps_person_t person;
    amlaps_asker_t asker;
    amlaps_access_t access;
    const char *tenant;
    int asked;                     /* requests for passwords */
    int on_disk;                   /* intents on disk when the first came */
    apr_size_t nth;                /* of the older passwords */
    int lose_store;                /* 1: the store is gone when Graph has answered */
} scene_t;

static int count(const scene_t *scene, const char *where)
{
    sqlite3_stmt *statement = NULL;
    sqlite3 *db = NULL;
    char sql[200];
    int found = -1;

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM record WHERE %s", where);
    assert_int_equal(sqlite3_open_v2(scene->world->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    found = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return found;
}

static apr_status_t watch(amlaps_http_response_t *response, amlaps_error_t *error, void *baton, const amlaps_http_request_t *request,
                          apr_pool_t *pool)
{
    scene_t *scene = baton;
    apr_status_t status;

    if (strstr(request->url, "deviceLocalCredentials") && scene->asked++ == 0) {
        scene->on_disk = count(scene, "stage='intent' AND outcome='pending' AND event IN ('password','history')");
    }
    status = scene->fake->transport.exchange(response, error, scene->fake->transport.baton, request, pool);
    if (strstr(request->url, "deviceLocalCredentials") && scene->lose_store) {
        assert_int_equal(remove(scene->world->path), 0);
    }
    return status;
}

static amlaps_rule_t *add_rule(scene_t *scene, const char *description, int deny, const char *mode)
{
    static const char *const names[] = { "DESKTOP-*" }, *const entry[] = { "all", "user", "alice@contoso.com" };
    amlaps_rule_t *rule = amlaps_rule_make(description, NULL, "test:1", scene->fake->own);

    assert_null(amlaps_rule_add_device(rule, "name", names, 1));
    assert_null(amlaps_rule_add_entry(rule, deny, entry, 3));
    if (mode) {
        assert_null(amlaps_rule_set_reason(rule, mode, strcmp(mode, "hidden") ? "^INC" : NULL, NULL));
    }
    assert_null(amlaps_rule_check(rule));
    amlaps_policy_add(scene->policy, rule);
    return rule;
}

static void start(scene_t *scene)
{
    amlaps_policy_compile(scene->policy);
    world_open(scene->world);
    scene->access.policy = scene->policy;
    scene->access.graph = scene->graph;
    scene->access.trail = scene->world->trail;
    scene->access.clock = &scene->fake->clock;
    scene->access.tenants = &scene->tenant;
    scene->access.tenant_count = 1;
}

static int scene_open(void **state)
{
    scene_t *scene = calloc(1, sizeof(*scene));
    void *part = NULL;

    if (!scene || fake_open(&part) != 0) {
        return -1;
    }
    scene->fake = part;
    if (world_setup(&part) != 0) {
        return -1;
    }
    scene->world = part;
    scene->watched = scene->fake->transport;
    scene->watched.exchange = watch;
    scene->watched.baton = scene;
    assert_int_equal(amlaps_graph_open(&scene->graph, &scene->fake->error, &scene->fake->config, &scene->watched, scene->fake->own), APR_SUCCESS);
    scene->tenant = scene->fake->tenant.name;
    scene->policy = amlaps_policy_make(scene->fake->own);
    scene->person = (amlaps_person_t){ .oid = "a", .tid = "t", .username = "alice@contoso.com", .name = "Alice", .groups_known = 1 };
    scene->asker = (amlaps_asker_t){ &scene->person, "10.1.2.3", ID, NULL };
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    scene_t *scene = *state;
    void *fake = scene->fake, *world = scene->world;
    int wrong;

    /* The fake ends APR, so it goes last. */
    world_teardown(&world);
    wrong = fake_close(&fake);
    free(scene);
    return wrong;
}

static amlaps_code_t disclose(scene_t *scene, amlaps_disclosure_t **disclosure, amlaps_permission_t permission, const char *reason)
{
    amlaps_error_t error = { 0 };
    apr_status_t status = amlaps_access_disclose(disclosure, &error, &scene->access, &scene->asker, scene->tenant, FAKE_DEVICE, permission, scene->nth,
                                                 reason, scene->fake->pool);

    assert_int_equal(status == APR_SUCCESS, error.code == AMLAPS_OK);
    assert_int_equal(*disclosure != NULL, error.code == AMLAPS_OK);
    return error.code;
}

static void device_answers(scene_t *scene)
{
    fake_answers(scene->fake, (fake_step_t){ .status = 200, .body = FAKE_DEVICE_JSON });
}

static void credentials_answer(scene_t *scene)
{
    fake_answers(scene->fake, (fake_step_t){ .status = 200, .body = CREDENTIALS });
}

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

/* ---- channels ---- */

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

static long queued(const scene_t *scene, const char *where)
{
    return world_number(scene->world, apr_psprintf(scene->fake->pool, "SELECT count(*) FROM notification WHERE %s", where));
}

static void a_required_channel_is_told_before_the_outcome_is_on_disk(void **state)
{
    scene_t *scene = *state;
    amlaps_disclosure_t *disclosure;
    wire_t wire = { .told = 0 };

    add_rule(scene, "London", 0, NULL);
    start(scene);
    add_channels(&wire, scene);
    device_answers(scene);
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

    add_rule(scene, "London", 0, NULL);
    start(scene);
    add_channels(&wire, scene);
    device_answers(scene);
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

    add_rule(scene, "London", 0, NULL);
    start(scene);
    add_channels(&wire, scene);
    device_answers(scene);
    fake_answers(scene->fake, (fake_step_t){ .status = 200, .body = CREDENTIALS, .takes = apr_time_from_sec(4) });
    assert_int_equal(disclose(scene, &disclosure, AMLAPS_PERMISSION_PASSWORD, "INC1"), AMLAPS_OK);
    assert_int_equal(wire.told, 1);
    assert_in_range(wire.timeout, apr_time_from_sec(1), apr_time_from_sec(8 - 2 - 4));
}

#define scene_test(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

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
        scene_test(a_required_channel_is_told_before_the_outcome_is_on_disk),
        scene_test(without_it_nothing_is_shown_and_the_trail_does_not_say_granted), scene_test(the_deciding_rule_adds_its_channels),
        scene_test(a_channel_leaves_the_store_its_time),
        scene_test(a_request_that_took_too_long_asks_no_channel),
    };

    return cmocka_run_group_tests_name("access/disclose", tests, NULL, NULL);
}
