/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include "amlaps/json.h"
#include "graph_fake.h"

#define GROUP "f448435d-3ca7-4073-8152-a1fd73c0fd09"
#define UNIT "bd7c6263-4dd5-4ae8-8c96-556e1c0bece6"
#define GROUP_JSON "{\"@odata.type\":\"#microsoft.graph.group\",\"id\":\"F448435D-3CA7-4073-8152-A1FD73C0FD09\"}"
#define UNIT_JSON "{\"@odata.type\":\"#microsoft.graph.administrativeUnit\",\"id\":\"" UNIT "\"}"
#define ROLE_JSON "{\"@odata.type\":\"#microsoft.graph.directoryRole\",\"id\":\"" UNIT "\"}"
#define PATH "/devices(deviceId='%s')/transitiveMemberOf?$select=id&$top=999"
#define MOST 45

static const amlaps_graph_device_t *devices[MOST];
static const amlaps_memberships_t *found[MOST];

static const char *object_of(fake_t *fake, int i)
{
    return apr_psprintf(fake->own, "000005c3-b7a6-4c61-89fc-%012d", i);
}

static apr_status_t ask(fake_t *fake, int count)
{
    for (int i = 0; i < count; i++) {
        amlaps_graph_device_t *device = apr_pcalloc(fake->own, sizeof *device);
        device->device_id = object_of(fake, i);
        devices[i] = device;
    }
    fake_begin(fake);
    return amlaps_graph_memberships(found, &fake->error, fake->graph, &fake->call, "contoso", devices, (apr_size_t)count,
                                    fake->pool);
}

static const char *single_url(fake_t *fake, int i)
{
    return apr_psprintf(fake->own, "GET " FAKE_GRAPH "/v1.0" PATH, object_of(fake, i));
}

static void single(fake_t *fake, int i, const char *values)
{
    fake_answers(fake, (fake_step_t){.expect = single_url(fake, i),
                                     .status = 200,
                                     .body = apr_pstrcat(fake->own, "{\"value\":[", values, "]}", NULL)});
}

static void has(int i, apr_size_t groups, apr_size_t units)
{
    assert_non_null(found[i]);
    assert_int_equal(found[i]->group_count, groups);
    assert_int_equal(found[i]->unit_count, units);
    if (groups) {
        assert_string_equal(found[i]->groups[0], GROUP);
    }
    if (units) {
        assert_string_equal(found[i]->units[0], UNIT);
    }
}

static void groups_and_units_are_told_apart(void **state)
{
    fake_t *fake = *state;

    single(fake, 0, ROLE_JSON "," GROUP_JSON "," UNIT_JSON);
    assert_int_equal(ask(fake, 1), APR_SUCCESS);
    has(0, 1, 1);
    assert_int_equal(fake->call.attempts, 1);
    assert_int_equal(ask(fake, 1), APR_SUCCESS); /* kept */
    has(0, 1, 1);
    assert_int_equal(fake->call.attempts, 0);
    fake_advance(fake, apr_time_from_sec(60));
    single(fake, 0, "");
    assert_int_equal(ask(fake, 1), APR_SUCCESS);
    has(0, 0, 0);
    assert_int_equal(ask(fake, 0), APR_SUCCESS);
}

static void pages_are_followed_to_their_end(void **state)
{
    fake_t *fake = *state;

    fake_answers(fake, (fake_step_t){.status = 200,
                                     .body = "{\"value\":[],\"@odata.nextLink\":\"" FAKE_GRAPH "/v1.0/x?$skiptoken=1\"}"});
    fake_answers(fake, (fake_step_t){.expect = "GET " FAKE_GRAPH "/v1.0/x?$skiptoken=1",
                                     .status = 200,
                                     .body = "{\"value\":[" UNIT_JSON "]}"});
    assert_int_equal(ask(fake, 1), APR_SUCCESS);
    has(0, 0, 1);
    fake_advance(fake, apr_time_from_sec(60));
    for (int i = 0; i < 20; i++) {
        fake_answers(fake,
                     (fake_step_t){.status = 200,
                                   .body = "{\"value\":[],\"@odata.nextLink\":\"" FAKE_GRAPH "/v1.0/x?$skiptoken=1\"}"});
    }
    assert_int_not_equal(ask(fake, 1), APR_SUCCESS); /* part of the groups is not the groups */
    assert_null(found[0]);
    assert_string_equal(fake->error.id, "AML0343");
}

static void what_is_not_understood_is_unknown(void **state)
{
    fake_t *fake = *state;
    const char *const bodies[] = {"",
                                  "{}",
                                  "{\"value\":{}}",
                                  "{\"value\":[5]}",
                                  "{\"value\":[{\"id\":\"" GROUP "\"}]}",
                                  "{\"value\":[{\"@odata.type\":\"#microsoft.graph.group\"}]}",
                                  "{\"value\":[" GROUP_JSON ",{\"@odata.type\":\"#microsoft.graph.group\",\"id\":\"x\"}]}",
                                  "{\"value\":[" GROUP_JSON "],\"@odata.nextLink\":\"https://evil.test/v1.0/x\"}",
                                  "{\"value\":[" GROUP_JSON "],\"@odata.nextLink\":5}"};

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        fake_answers(fake, (fake_step_t){.status = 200, .body = bodies[i]});
        assert_int_not_equal(ask(fake, 1), APR_SUCCESS);
        assert_null(found[0]);
        assert_int_equal(fake->error.code, AMLAPS_TENANT_ERROR);
    }
    fake_answers(fake, (fake_step_t){.status = 404});
    assert_int_not_equal(ask(fake, 1), APR_SUCCESS);
    assert_null(found[0]);
}

/* What Graph answers to a batch, last part first. `odd` replaces the part of one device. */
static const char *batch_answer(fake_t *fake, int count, int which, const char *odd)
{
    const char *text = "{\"responses\":[";

    for (int i = count - 1; i >= 0; i--) {
        text = apr_pstrcat(
            fake->own, text, i == count - 1 ? "" : ",",
            i == which
                ? odd
                : apr_psprintf(fake->own,
                               "{\"id\":\"%d\",\"status\":200,\"headers\":{},\"body\":{\"value\":[" GROUP_JSON "]}}", i),
            NULL);
    }
    return apr_pstrcat(fake->own, text, "]}", NULL);
}

static void batch(fake_t *fake, int count, int which, const char *odd)
{
    fake_answers(fake, (fake_step_t){.expect = "POST " FAKE_GRAPH "/v1.0/$batch",
                                     .status = 200,
                                     .body = batch_answer(fake, count, which, odd)});
}

static void many_are_asked_in_batches_of_twenty(void **state)
{
    fake_t *fake = *state;

    batch(fake, 20, -1, NULL);
    batch(fake, 20, -1, NULL);
    batch(fake, 5, -1, NULL);
    assert_int_equal(ask(fake, 45), APR_SUCCESS);
    for (int i = 0; i < 45; i++) {
        has(i, 1, 0);
    }
    assert_int_equal(fake->seen_count, 3);
    assert_string_equal(fake->seen[0].content_type, "application/json");
    amlaps_json_t *json = NULL;
    assert_int_equal(amlaps_json_parse(&json, NULL, fake->seen[0].body, strlen(fake->seen[0].body), fake->pool), APR_SUCCESS);
    const amlaps_json_t *requests = amlaps_json_member(json, "requests");
    assert_int_equal(amlaps_json_length(requests), 20);
    const amlaps_json_t *part = amlaps_json_item(requests, 7), *headers = amlaps_json_member(part, "headers");
    assert_string_equal(amlaps_json_member_text(part, "id"), "7");
    assert_string_equal(amlaps_json_member_text(part, "method"), "GET");
    assert_string_equal(amlaps_json_member_text(part, "url"), apr_psprintf(fake->own, PATH, object_of(fake, 7)));
    assert_string_equal(amlaps_json_member_text(headers, "User-Agent"), "mod_amlaps/" AMLAPS_VERSION " (Apache httpd)");
    assert_string_equal(amlaps_json_member_text(headers, "client-request-id"), FAKE_CALL_ID);
    assert_null(strstr(fake->seen[0].body, "TOKEN"));
    assert_int_equal(ask(fake, 45), APR_SUCCESS); /* all kept */
    assert_int_equal(fake->seen_count, 3);
}

static void only_what_is_not_kept_is_asked(void **state)
{
    fake_t *fake = *state;

    single(fake, 0, UNIT_JSON);
    assert_int_equal(ask(fake, 1), APR_SUCCESS);
    single(fake, 1, GROUP_JSON);
    assert_int_equal(ask(fake, 2), APR_SUCCESS);
    has(0, 0, 1);
    has(1, 1, 0);
}

static void a_part_that_fails_leaves_one_unknown(void **state)
{
    fake_t *fake = *state;
    const struct {
        const char *part;
        amlaps_code_t code;
    } parts[] = {
        {"{\"id\":\"1\",\"status\":503,\"headers\":{\"Retry-After\":\"30\"},\"body\":{}}", AMLAPS_TENANT_ERROR},
        {"{\"id\":\"1\",\"status\":403,\"body\":{\"error\":{\"code\":\"Authorization_RequestDenied\"}}}",
         AMLAPS_TENANT_PERMISSION_MISSING},
        {"{\"id\":\"1\",\"status\":200,\"body\":{}}", AMLAPS_TENANT_ERROR},
        {"{\"id\":\"1\",\"status\":\"200\",\"body\":{\"value\":[]}}", AMLAPS_TENANT_ERROR},
        {"{\"id\":\"01x\",\"status\":200,\"body\":{\"value\":[]}}", AMLAPS_TENANT_ERROR},
        {"{\"id\":\"3\",\"status\":200,\"body\":{\"value\":[]}}", AMLAPS_TENANT_ERROR},
        {"{\"id\":\"1\",\"status\":200,\"body\":{\"value\":[]}},{\"id\":\"1\",\"status\":200,\"body\":{\"value\":[]}}",
         AMLAPS_TENANT_ERROR},
        {"{\"id\":\"1\",\"status\":429,\"headers\":{\"retry-after\":\"7\"},\"body\":{}}", AMLAPS_TENANT_THROTTLED},
    };

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        fake_advance(fake, apr_time_from_sec(60));
        batch(fake, 3, 1, parts[i].part);
        assert_int_not_equal(ask(fake, 3), APR_SUCCESS);
        assert_int_equal(fake->error.code, parts[i].code);
        assert_null(found[1]);
        has(0, 1, 0);
        has(2, 1, 0);
    }
    assert_int_equal(fake->error.retry_after, apr_time_from_sec(7));
    assert_int_not_equal(ask(fake, 3), APR_SUCCESS); /* and Graph is left alone meanwhile, but what is kept is there */
    assert_int_equal(fake->error.code, AMLAPS_TENANT_THROTTLED);
    has(0, 1, 0);
}

static void pages_of_a_part_are_followed(void **state)
{
    fake_t *fake = *state;

    batch(fake, 2, 1,
          "{\"id\":\"1\",\"status\":200,\"body\":{\"value\":[" GROUP_JSON "],\"@odata.nextLink\":\"" FAKE_GRAPH
          "/v1.0/y\"}}");
    fake_answers(fake,
                 (fake_step_t){.expect = "GET " FAKE_GRAPH "/v1.0/y", .status = 200, .body = "{\"value\":[" UNIT_JSON "]}"});
    assert_int_equal(ask(fake, 2), APR_SUCCESS);
    has(0, 1, 0);
    has(1, 1, 1);
    assert_int_equal(fake->call.attempts, 2);
}

static void without_batch_one_by_one(void **state)
{
    const int statuses[] = {400, 404, 405, 501};
    fake_t *fake = *state;

    for (int i = 0; i < 4; i++) {
        fake_answers(fake, (fake_step_t){.expect = "POST " FAKE_GRAPH "/v1.0/$batch", .status = statuses[i], .body = i % 2 ? "<html>" : NULL});
        single(fake, 0, GROUP_JSON);
        single(fake, 1, UNIT_JSON);
        assert_int_equal(ask(fake, 2), APR_SUCCESS);
        has(0, 1, 0);
        has(1, 0, 1);
        fake_advance(fake, apr_time_from_sec(60));
        single(fake, 0, GROUP_JSON); /* $batch is not tried again for a while */
        single(fake, 1, UNIT_JSON);
        assert_int_equal(ask(fake, 2), APR_SUCCESS);
        fake_advance(fake, apr_time_from_sec(600));
    }
}

static void a_whole_batch_that_fails_leaves_all_unknown(void **state)
{
    fake_t *fake = *state;

    fake_answers(fake, (fake_step_t){.status = 403, .body = "{}"});
    assert_int_not_equal(ask(fake, 45), APR_SUCCESS); /* the second batch would fare no better */
    assert_int_equal(fake->error.code, AMLAPS_TENANT_PERMISSION_MISSING);
    assert_non_null(strstr(fake->error.detail, "Device.Read.All"));
    for (int i = 0; i < 45; i++) {
        assert_null(found[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fake_test(groups_and_units_are_told_apart),
        fake_test(pages_are_followed_to_their_end),
        fake_test(what_is_not_understood_is_unknown),
        fake_test(many_are_asked_in_batches_of_twenty),
        fake_test(only_what_is_not_kept_is_asked),
        fake_test(a_part_that_fails_leaves_one_unknown),
        fake_test(pages_of_a_part_are_followed),
        fake_test(without_batch_one_by_one),
        fake_test(a_whole_batch_that_fails_leaves_all_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
