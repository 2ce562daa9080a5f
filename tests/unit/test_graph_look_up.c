/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include "graph_fake.h"

#define OID "aaaaaaaa-0000-4000-8000-000000000001"
#define OWNER "bbbbbbbb-0000-4000-8000-000000000001"
#define GROUP "f448435d-3ca7-4073-8152-a1fd73c0fd09"
#define BATCH "POST " FAKE_GRAPH "/v1.0/$batch"
#define PART(id, status, body) "{\"id\":\"" id "\",\"status\":" status ",\"body\":" body "}"
#define GROUP_LIST "{\"value\":[{\"@odata.type\":\"#microsoft.graph.group\",\"id\":\"" GROUP "\"}]}"
#define ALL (AMLAPS_LOOK_AT_DEVICE | AMLAPS_LOOK_AT_MEMBERSHIPS | AMLAPS_LOOK_AT_OWNERS)

static amlaps_look_t look;
static amlaps_look_up_t look_up;

static apr_status_t ask(fake_t *fake, int wanted, const char *oid)
{
    fake_begin(fake);
    look = (amlaps_look_t){.device_id = FAKE_DEVICE, .wanted = wanted};
    look_up = (amlaps_look_up_t){.devices = &look, .count = wanted ? 1 : 0, .oid = oid};
    return amlaps_graph_look_up(&look_up, &fake->error, fake->graph, &fake->call, "contoso", fake->pool);
}

static void answers(fake_t *fake, const char *parts)
{
    fake_answers(fake, (fake_step_t){.expect = BATCH, .status = 200, .body = apr_pstrcat(fake->own, "{\"responses\":[", parts, "]}", NULL)});
}

static void all_in_one_request(void **state)
{
    fake_t *fake = *state;

    answers(fake, PART("2", "200", "{\"value\":[\"" GROUP "\"]}") "," PART("1", "200", GROUP_LIST) "," PART(
                      "3", "200", "{\"value\":[{\"id\":\"" OWNER "\"}]}") "," PART("0", "200", FAKE_DEVICE_JSON));
    assert_int_equal(ask(fake, ALL, OID), APR_SUCCESS);
    assert_int_equal(look_up.gap.code, AMLAPS_OK);
    assert_int_equal(look.found, ALL);
    assert_string_equal(look.device->object_id, FAKE_OBJECT);
    assert_string_equal(look.memberships->groups[0], GROUP);
    assert_int_equal(look.owners->count, 1);
    assert_string_equal(look.owners->ids[0], OWNER);
    assert_string_equal(look_up.groups->ids[0], GROUP);
    const char *body = fake->seen[0].body;
    assert_non_null(strstr(body, "\"body\":{\"securityEnabledOnly\":false}"));
    assert_non_null(strstr(body, "\"method\":\"POST\",\"url\":\"/users/" OID "/getMemberGroups\""));
    assert_non_null(strstr(body, "\"url\":\"/devices(deviceId='" FAKE_DEVICE "')/registeredOwners?$select=id\""));
    assert_non_null(strstr(body, "\"Content-Type\":\"application/json\""));
    assert_int_equal(ask(fake, ALL, OID), APR_SUCCESS); /* all of it is kept */
    assert_int_equal(look.found, ALL);
    assert_string_equal(look_up.groups->ids[0], GROUP);
    assert_int_equal(fake->call.attempts, 0);
}

static void one_thing_needs_no_batch(void **state)
{
    fake_t *fake = *state;

    fake_answers(fake, (fake_step_t){.expect = "POST " FAKE_GRAPH "/v1.0/users/" OID "/getMemberGroups", .status = 200, .body = "{\"value\":[]}"});
    assert_int_equal(ask(fake, 0, OID), APR_SUCCESS);
    assert_int_equal(look_up.groups->count, 0);
    assert_string_equal(fake->seen[0].body, "{\"securityEnabledOnly\":false}");
    assert_string_equal(fake->seen[0].content_type, "application/json");
}

static void a_device_that_is_not_there_is_no_error(void **state)
{
    fake_t *fake = *state;

    answers(fake, PART("0", "404", "{}") "," PART("1", "404", "{}") "," PART("2", "400", "{}"));
    assert_int_equal(ask(fake, ALL, NULL), APR_SUCCESS);
    assert_int_equal(look.found, AMLAPS_LOOK_AT_DEVICE);
    assert_null(look.device);
    assert_int_equal(look_up.gap.code, AMLAPS_OK);
    assert_int_equal(ask(fake, ALL, NULL), APR_SUCCESS); /* kept, but not for long */
    assert_int_equal(fake->call.attempts, 0);
    fake_advance(fake, apr_time_from_sec(10));
    answers(fake, PART("0", "200", FAKE_DEVICE_JSON) "," PART("1", "200", GROUP_LIST) "," PART("2", "200", "{\"value\":[]}"));
    assert_int_equal(ask(fake, ALL, NULL), APR_SUCCESS);
    assert_int_equal(look.found, ALL);
}

static void what_cannot_be_had_stays_unknown(void **state)
{
    fake_t *fake = *state;

    answers(fake, PART("0", "200", FAKE_DEVICE_JSON) "," PART("1", "200", GROUP_LIST) "," PART("2", "403", "{}") "," PART("3", "403", "{}"));
    assert_int_equal(ask(fake, ALL, OID), APR_SUCCESS);
    assert_int_equal(look.found, AMLAPS_LOOK_AT_DEVICE | AMLAPS_LOOK_AT_MEMBERSHIPS);
    assert_null(look.owners);
    assert_null(look_up.groups);
    assert_int_equal(look_up.gap.code, AMLAPS_TENANT_PERMISSION_MISSING);
    answers(fake, PART("1", "200", "{\"value\":[{\"id\":\"" OWNER "\"}]}") "," PART("0", "403", "{}"));
    assert_int_equal(ask(fake, ALL, OID), APR_SUCCESS); /* only what is unknown is asked again */
    assert_int_equal(look.found, ALL);
    assert_non_null(strstr(look_up.gap.detail, "GroupMember.Read.All and User.ReadBasic.All"));
}

static void lists_that_are_not_understood(void **state)
{
    fake_t *fake = *state;
    const char *const bodies[] = {"",
                                  "{}",
                                  "{\"value\":{}}",
                                  "{\"value\":[5]}",
                                  "{\"value\":[{\"id\":\"" GROUP "\"}]}",
                                  "{\"value\":[\"" GROUP "\",\"x\"]}",
                                  "{\"value\":[\"" GROUP "\"],\"@odata.nextLink\":\"" FAKE_GRAPH "/v1.0/x\"}"};

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        fake_answers(fake, (fake_step_t){.status = 200, .body = bodies[i]});
        assert_int_equal(ask(fake, 0, OID), APR_SUCCESS);
        assert_null(look_up.groups);
        assert_int_equal(look_up.gap.code, AMLAPS_TENANT_ERROR);
    }
}

static void a_person_who_is_not_known(void **state)
{
    fake_t *fake = *state;

    fake_answers(fake, (fake_step_t){.status = 404, .body = "{}"});
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask(fake, 0, OID), APR_SUCCESS);
        assert_null(look_up.groups);
        assert_string_equal(look_up.gap.id, "AML0345");
    }
    assert_int_equal(fake->seen_count, 1);
}

static void the_wrong_device_is_an_error(void **state)
{
    fake_t *fake = *state;

    answers(fake, PART("0", "200", "{\"id\":\"" FAKE_OBJECT "\",\"deviceId\":\"" OID "\"}") "," PART("1", "200", GROUP_LIST));
    assert_int_not_equal(ask(fake, AMLAPS_LOOK_AT_DEVICE | AMLAPS_LOOK_AT_MEMBERSHIPS, NULL), APR_SUCCESS);
    assert_string_equal(fake->error.id, "AML0340");
    assert_null(look.device);
}

static void a_batch_that_fails_fails_the_device(void **state)
{
    fake_t *fake = *state;

    fake_answers(fake, (fake_step_t){.status = 429, .retry_after = "30"});
    assert_int_not_equal(ask(fake, ALL, OID), APR_SUCCESS);
    assert_int_equal(fake->error.code, AMLAPS_TENANT_THROTTLED);
    assert_int_equal(look.found, 0);
}

/* As a request of its own would be; the others of the same answer count. */
static void parts_that_fail_for_a_moment_are_asked_for_once_more(void **state)
{
    static const struct {
        const char *part;
        apr_interval_time_t least, most;
    } passing[] = {
        {PART("1", "503", "{}"), apr_time_from_msec(500), apr_time_from_msec(750)},
        {PART("1", "500", "{}"), apr_time_from_msec(500), apr_time_from_msec(750)},
        {PART("1", "401", "{}"), apr_time_from_msec(500), apr_time_from_msec(750)},
        {"{\"id\":\"1\",\"status\":504,\"headers\":{\"retry-after\":\"2\"}}", apr_time_from_sec(2), apr_time_from_sec(2)},
        {"{\"id\":\"1\",\"status\":429,\"headers\":{\"Retry-After\":\"1.5\"}}", apr_time_from_msec(1500), apr_time_from_msec(1500)},
    };
    fake_t *fake = *state;

    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        const apr_interval_time_t before = fake->paused;
        answers(fake, apr_pstrcat(fake->own, PART("0", "200", FAKE_DEVICE_JSON) ",", passing[i].part, NULL));
        answers(fake, PART("0", "200", GROUP_LIST));
        assert_int_equal(ask(fake, AMLAPS_LOOK_AT_DEVICE | AMLAPS_LOOK_AT_MEMBERSHIPS, NULL), APR_SUCCESS);
        assert_int_equal(look.found, AMLAPS_LOOK_AT_DEVICE | AMLAPS_LOOK_AT_MEMBERSHIPS);
        assert_string_equal(look.memberships->groups[0], GROUP);
        assert_int_equal(look_up.gap.code, AMLAPS_OK);
        assert_int_equal(fake->call.attempts, 2);
        assert_in_range(fake->paused - before, passing[i].least, passing[i].most);
        assert_null(strstr(fake->seen[fake->seen_count - 1].body, "$select=id,deviceId"));
        fake_advance(fake, apr_time_from_sec(120)); /* nothing is kept any more */
    }
}

static void parts_that_fail_again_or_for_long_are_not(void **state)
{
    fake_t *fake = *state;

    answers(fake, PART("0", "200", FAKE_DEVICE_JSON) "," PART("1", "503", "{}"));
    answers(fake, PART("0", "503", "{}"));
    assert_int_equal(ask(fake, AMLAPS_LOOK_AT_DEVICE | AMLAPS_LOOK_AT_MEMBERSHIPS, NULL), APR_SUCCESS);
    assert_int_equal(look.found, AMLAPS_LOOK_AT_DEVICE);
    assert_int_equal(look_up.gap.code, AMLAPS_TENANT_ERROR);
    fake_advance(fake, apr_time_from_sec(120));
    answers(fake, PART("0", "200", FAKE_DEVICE_JSON) ",{\"id\":\"1\",\"status\":429,\"headers\":{\"Retry-After\":\"60\"}}");
    assert_int_equal(ask(fake, AMLAPS_LOOK_AT_DEVICE | AMLAPS_LOOK_AT_MEMBERSHIPS, NULL), APR_SUCCESS);
    assert_int_equal(look_up.gap.code, AMLAPS_TENANT_THROTTLED);
    assert_int_equal(fake->call.attempts, 1);
}

/* A search looks up slice by slice: what fails in each of them does not take the time of all. */
static void once_in_vain_is_enough_for_a_call(void **state)
{
    fake_t *fake = *state;

    answers(fake, PART("0", "200", FAKE_DEVICE_JSON) "," PART("1", "503", "{}") "," PART("2", "503", "{}"));
    answers(fake, PART("0", "503", "{}") "," PART("1", "503", "{}"));
    assert_int_equal(ask(fake, ALL, NULL), APR_SUCCESS);
    assert_int_equal(fake->call.attempts, 2);
    const apr_interval_time_t before = fake->paused;
    answers(fake, PART("0", "503", "{}") "," PART("1", "200", "{\"value\":[{\"id\":\"" OWNER "\"}]}"));
    look.wanted = AMLAPS_LOOK_AT_MEMBERSHIPS | AMLAPS_LOOK_AT_OWNERS;
    assert_int_equal(amlaps_graph_look_up(&look_up, &fake->error, fake->graph, &fake->call, "contoso", fake->pool), APR_SUCCESS);
    assert_int_equal(look.found, AMLAPS_LOOK_AT_OWNERS);
    assert_int_equal(look_up.gap.code, AMLAPS_TENANT_ERROR);
    assert_int_equal(fake->call.attempts, 1);
    assert_int_equal(fake->paused, before);
}

#define MANY 32
#define OWNED(id) "{\"id\":\"" FAKE_OBJECT "\",\"deviceId\":\"" id "\",\"registeredOwners\":[{\"id\":\"" OWNER "\"}]}"

static amlaps_look_t looks[MANY];

static apr_status_t ask_owners(fake_t *fake, apr_size_t count)
{
    fake_begin(fake);
    for (apr_size_t i = 0; i < count; i++) {
        looks[i] = (amlaps_look_t){.device_id = apr_psprintf(fake->own, "cccccccc-0000-4000-8000-0000000000%02x", (unsigned)i),
                                   .wanted = AMLAPS_LOOK_AT_OWNERS};
    }
    look_up = (amlaps_look_up_t){.devices = looks, .count = count};
    return amlaps_graph_look_up(&look_up, &fake->error, fake->graph, &fake->call, "contoso", fake->pool);
}

/* The answer for the devices from `first` to `last`, each owned; the other way round, since Graph promises no order. */
static const char *owned_list(fake_t *fake, int first, int last)
{
    const char *list = "";

    for (int i = last; i >= first; i--) {
        list = apr_psprintf(fake->own, "%s%s{\"deviceId\":\"CCCCCCCC-0000-4000-8000-0000000000%02x\",\"registeredOwners\":[{\"id\":\"" OWNER "\"}]}",
                            list, *list ? "," : "", (unsigned)i);
    }
    return apr_pstrcat(fake->own, "{\"value\":[", list, "]}", NULL);
}

static void owners_of_many_are_asked_for_in_fifteens(void **state)
{
    fake_t *fake = *state;

    answers(fake, apr_pstrcat(fake->own, "{\"id\":\"0\",\"status\":200,\"body\":", owned_list(fake, 0, 14), "},{\"id\":\"1\",\"status\":200,\"body\":",
                              owned_list(fake, 15, 29), "},{\"id\":\"2\",\"status\":200,\"body\":{\"value\":[", "]}}", NULL));
    assert_int_equal(ask_owners(fake, MANY), APR_SUCCESS);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(looks[i].owners->count, 1);
        assert_string_equal(looks[i].owners->ids[0], OWNER);
    }
    assert_null(looks[30].owners); /* the answer does not hold it */
    assert_string_equal(look_up.gap.id, "AML0346");
    assert_non_null(strstr(fake->seen[0].body, "/devices?$filter=deviceId%20eq%20%27cccccccc-0000-4000-8000-000000000000%27%20or%20deviceId"));
    assert_non_null(strstr(fake->seen[0].body, "&$select=id,deviceId&$expand=registeredOwners($select=id)\""));
    assert_int_equal(ask_owners(fake, 30), APR_SUCCESS); /* kept, each of them */
    assert_int_equal(fake->call.attempts, 0);
}

static void owners_that_are_not_told_together_are_asked_for_singly(void **state)
{
    fake_t *fake = *state;

    fake_answers(fake, (fake_step_t){.status = 400, .body = "{\"error\":{\"code\":\"Request_UnsupportedQuery\"}}"});
    answers(fake, PART("0", "200", "{\"value\":[{\"id\":\"" OWNER "\"}]}") "," PART("1", "200", "{\"value\":[]}"));
    assert_int_equal(ask_owners(fake, 2), APR_SUCCESS);
    assert_int_equal(looks[0].owners->count, 1);
    assert_int_equal(looks[1].owners->count, 0);
    assert_int_equal(look_up.gap.code, AMLAPS_OK);
    assert_non_null(strstr(fake->log, "AML0380"));
    answers(fake, PART("0", "200", "{\"value\":[]}") "," PART("1", "403", "{}"));
    fake_advance(fake, apr_time_from_sec(61)); /* the lists are not kept any longer, the refusal is */
    assert_int_equal(ask_owners(fake, 2), APR_SUCCESS);
    assert_int_equal(looks[0].owners->count, 0);
    assert_null(looks[1].owners);
    assert_int_equal(look_up.gap.code, AMLAPS_TENANT_PERMISSION_MISSING);
}

static void owners_that_are_not_understood_are_unknown(void **state)
{
    fake_t *fake = *state;
    const char *const bodies[] = {"", "{}", "{\"value\":{}}", "{\"value\":[5]}", "{\"value\":[{\"deviceId\":\"cccccccc-0000-4000-8000-000000000000\"}]}",
                                  "{\"value\":[" OWNED("cccccccc-0000-4000-8000-000000000000") "," OWNED("cccccccc-0000-4000-8000-000000000000") "]}",
                                  "{\"value\":[{\"deviceId\":\"cccccccc-0000-4000-8000-000000000000\",\"registeredOwners\":[{}]}]}",
                                  "{\"value\":[{\"deviceId\":\"cccccccc-0000-4000-8000-000000000000\",\"registeredOwners\":[],"
                                  "\"registeredOwners@odata.nextLink\":\"" FAKE_GRAPH "/v1.0/x\"}]}"};

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        fake_answers(fake, (fake_step_t){.status = 200, .body = bodies[i]});
        assert_int_equal(ask_owners(fake, 2), APR_SUCCESS);
        assert_null(looks[0].owners);
        assert_int_equal(look_up.gap.code, AMLAPS_TENANT_ERROR);
    }
    /* a refusal that is no 400 says nothing of the form of the request */
    fake_answers(fake, (fake_step_t){.status = 403, .body = "{}"});
    assert_int_equal(ask_owners(fake, 2), APR_SUCCESS);
    assert_int_equal(look_up.gap.code, AMLAPS_TENANT_PERMISSION_MISSING);
    assert_null(strstr(fake->log, "AML0380"));
}

/* Graph expands twenty at most, without a word on the others. */
static void owners_that_may_be_cut_off_are_unknown(void **state)
{
    fake_t *fake = *state;
    const char *list = "{\"id\":\"" OWNER "\"}";

    for (int i = 1; i < 20; i++) {
        list = apr_pstrcat(fake->own, list, ",{\"id\":\"" OWNER "\"}", NULL);
    }
    fake_answers(fake, (fake_step_t){.status = 200,
                                     .body = apr_pstrcat(fake->own, "{\"value\":[{\"deviceId\":\"cccccccc-0000-4000-8000-000000000000\","
                                                         "\"registeredOwners\":[", list, "]}," OWNED("cccccccc-0000-4000-8000-000000000001") "]}", NULL)});
    assert_int_equal(ask_owners(fake, 2), APR_SUCCESS);
    assert_null(looks[0].owners);
    assert_int_equal(looks[1].owners->count, 1);
}

/* {"aud":"x","tid":"9AA4C1A8-0D5E-4F3B-9A0C-1F2F4B0A7C11"} */
#define TOKEN_OF_TENANT "e30.eyJhdWQiOiJ4IiwidGlkIjoiOUFBNEMxQTgtMEQ1RS00RjNCLTlBMEMtMUYyRjRCMEE3QzExIn0.sig"

static void home_is_the_tenant_of_that_id(void **state)
{
    fake_t *fake = *state;

    assert_string_equal(amlaps_graph_home(fake->graph, &fake->call, "8AA4C1A8-0D5E-4F3B-9A0C-1F2F4B0A7C11", fake->pool), "contoso");
    assert_null(amlaps_graph_home(fake->graph, &fake->call, "9aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11", fake->pool));
    assert_null(amlaps_graph_home(fake->graph, &fake->call, "contoso.com", fake->pool));
    assert_int_equal(fake->login_asked, 0);
    fake->tenant.tenant_id = "contoso.com";
    fake_reopen(fake);
    fake_login_answers(fake, (fake_step_t){.status = 200, .body = "{\"expires_in\":3599,\"access_token\":\"" TOKEN_OF_TENANT "\"}"});
    assert_string_equal(amlaps_graph_home(fake->graph, &fake->call, "9aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11", fake->pool), "contoso");
    assert_null(amlaps_graph_home(fake->graph, &fake->call, FAKE_TENANT_ID, fake->pool));
    assert_int_equal(fake->login_asked, 1);
}

/* A tenant that is known by its domain alone, and whose login fails, costs people of others no time but now and then. */
static void a_failing_login_is_not_asked_whose_home_it_is(void **state)
{
    static const char *const other = "9aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11";
    fake_t *fake = *state;
    const fake_step_t refused = {.status = 401, .body = "{\"error\":\"invalid_client\",\"error_codes\":[7000222]}"};

    fake->tenant.tenant_id = "contoso.com";
    fake_reopen(fake);
    fake_login_answers(fake, refused);
    assert_null(amlaps_graph_home(fake->graph, &fake->call, other, fake->pool));
    fake_advance(fake, apr_time_from_sec(59)); /* the refusal itself is remembered for half of that */
    fake_begin(fake);
    assert_null(amlaps_graph_home(fake->graph, &fake->call, other, fake->pool));
    assert_int_equal(fake->login_asked, 1);
    fake_advance(fake, apr_time_from_sec(1));
    fake_begin(fake);
    fake_login_answers(fake, refused);
    assert_null(amlaps_graph_home(fake->graph, &fake->call, other, fake->pool));
    assert_int_equal(fake->login_asked, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fake_test(all_in_one_request),
        fake_test(one_thing_needs_no_batch),
        fake_test(a_device_that_is_not_there_is_no_error),
        fake_test(what_cannot_be_had_stays_unknown),
        fake_test(lists_that_are_not_understood),
        fake_test(a_person_who_is_not_known),
        fake_test(the_wrong_device_is_an_error),
        fake_test(a_batch_that_fails_fails_the_device),
        fake_test(parts_that_fail_for_a_moment_are_asked_for_once_more),
        fake_test(parts_that_fail_again_or_for_long_are_not),
        fake_test(once_in_vain_is_enough_for_a_call),
        fake_test(owners_of_many_are_asked_for_in_fifteens),
        fake_test(owners_that_are_not_told_together_are_asked_for_singly),
        fake_test(owners_that_are_not_understood_are_unknown),
        fake_test(owners_that_may_be_cut_off_are_unknown),
        fake_test(home_is_the_tenant_of_that_id),
        fake_test(a_failing_login_is_not_asked_whose_home_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
