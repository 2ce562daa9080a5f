/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TEST_ACCESS_SCENE_H
#define AMLAPS_TEST_ACCESS_SCENE_H

/*
 * A scene for disclosures, with a real policy, a real trail and a scripted Graph: what is on disk is looked at in the very moment in which
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

static inline int count(const scene_t *scene, const char *where)
{
    sqlite3_stmt *statement = NULL;
    sqlite3 *db = NULL;
    char sql[400];
    int found = -1;

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM (SELECT body, json_extract(body, '$.stage') AS stage, json_extract(body, '$.event') AS event,"
                               " json_extract(body, '$.outcome') AS outcome FROM record) WHERE %s", where);
    assert_int_equal(sqlite3_open_v2(scene->world->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_busy_timeout(db, 5000), SQLITE_OK);
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

    if (strstr(request->url, "$select=credentials") && scene->asked++ == 0) {
        scene->on_disk = count(scene, "stage='intent' AND outcome='pending' AND event IN ('password','history')");
    }
    status = scene->fake->transport.exchange(response, error, scene->fake->transport.baton, request, pool);
    if (strstr(request->url, "$select=credentials") && scene->lose_store) {
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

static inline amlaps_code_t disclose(scene_t *scene, amlaps_disclosure_t **disclosure, amlaps_permission_t permission, const char *reason)
{
    amlaps_error_t error = { 0 };
    apr_status_t status = amlaps_access_disclose(disclosure, &error, &scene->access, &scene->asker, scene->tenant, FAKE_DEVICE, permission, scene->nth,
                                                 reason, scene->fake->pool);

    assert_int_equal(status == APR_SUCCESS, error.code == AMLAPS_OK);
    assert_int_equal(*disclosure != NULL, error.code == AMLAPS_OK);
    return error.code;
}

static inline void device_answers(scene_t *scene)
{
    fake_answers(scene->fake, (fake_step_t){ .status = 200, .body = FAKE_DEVICE_JSON });
}

static inline void credentials_answer(scene_t *scene)
{
    fake_answers(scene->fake, (fake_step_t){ .status = 200, .body = CREDENTIALS });
}

#define scene_test(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

#endif
