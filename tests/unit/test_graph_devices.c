/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include "graph_fake.h"

#define SELECT                                                                                                               \
    "$select=id,deviceId,displayName,operatingSystem,operatingSystemVersion,trustType,accountEnabled,isCompliant,isManaged," \
    "approximateLastSignInDateTime,manufacturer,model"
#define ONE_URL "GET " FAKE_GRAPH "/v1.0/devices(deviceId='" FAKE_DEVICE "')?" SELECT
#define SEARCH_URL "GET " FAKE_GRAPH "/v1.0/devices?$filter="

typedef struct visits_t {
    int pages, devices, stop_after;
    const amlaps_graph_device_t *last;
} visits_t;

static int visit(void *baton, const amlaps_graph_device_t *const *page, apr_size_t count)
{
    visits_t *visits = baton;

    assert_true(count > 0);
    visits->pages++;
    visits->devices += (int)count;
    visits->last = page[count - 1];
    return visits->pages != visits->stop_after;
}

static apr_status_t search(int *complete, visits_t *visits, fake_t *fake, const char *text)
{
    fake_begin(fake);
    *complete = -1;
    return amlaps_graph_search(complete, &fake->error, fake->graph, &fake->call, "contoso", text, visit, visits, fake->pool);
}

static apr_status_t get(const amlaps_graph_device_t **device, fake_t *fake, const char *id)
{
    fake_begin(fake);
    return amlaps_graph_device(device, &fake->error, fake->graph, &fake->call, "contoso", id, fake->pool);
}

static void asks(fake_t *fake, const char *text, const char *encoded)
{
    visits_t visits = {0};
    int complete;

    fake_answers(fake, (fake_step_t){.expect = apr_pstrcat(fake->own, SEARCH_URL "startswith%28displayName%2C%27", encoded,
                                                           "%27%29&" SELECT "&$orderby=displayName&$count=true&$top=100", NULL),
                                     .status = 200,
                                     .body = "{\"value\":[]}"});
    assert_int_equal(search(&complete, &visits, fake, text), APR_SUCCESS);
    assert_int_equal(complete, 1);
    assert_int_equal(visits.pages, 0);
    assert_non_null(strstr(fake->seen[fake->seen_count - 1].headers, "ConsistencyLevel: eventual\n"));
}

static void names_are_quoted_and_encoded(void **state)
{
    asks(*state, "LON", "LON");
    asks(*state, "O'Neil''s", "O%27%27Neil%27%27%27%27s");
    asks(*state, "a b&c%d=e+f#g?h/i", "a%20b%26c%25d%3De%2Bf%23g%3Fh%2Fi");
    asks(*state, "B\xC3\xBCro\xE2\x80\xAE", "B%C3%BCro%E2%80%AE");
    asks(*state, "')or(true", "%27%27%29or%28true");
    asks(*state, "x\"<\n", "x%22%3C%0A");
    asks(*state, "00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000");
}

static fake_step_t page(fake_t *fake, const char *expect, const char *values, const char *next)
{
    const char *link = next ? apr_pstrcat(fake->own, ",\"@odata.nextLink\":\"", next, "\"", NULL) : "";

    return (fake_step_t){
        .expect = expect, .status = 200, .body = apr_pstrcat(fake->own, "{\"value\":[", values, "]", link, "}", NULL)};
}

static void pages_are_followed(void **state)
{
    fake_t *fake = *state;
    visits_t visits = {0};
    int complete;

    fake_answers(fake, page(fake, NULL, FAKE_DEVICE_JSON, FAKE_GRAPH "/v1.0/devices?$skiptoken=A%25b"));
    fake_answers(fake,
                 page(fake, "GET " FAKE_GRAPH "/v1.0/devices?$skiptoken=A%25b", "", FAKE_GRAPH "/v1.0/devices?$skiptoken=B"));
    fake_answers(fake, page(fake, "GET " FAKE_GRAPH "/v1.0/devices?$skiptoken=B", "{},null," FAKE_DEVICE_JSON, NULL));
    assert_int_equal(search(&complete, &visits, fake, "DESK"), APR_SUCCESS);
    assert_int_equal(complete, 1);
    assert_int_equal(visits.pages, 2);
    assert_int_equal(visits.devices, 2);
    assert_string_equal(visits.last->name, "DESKTOP-858MANH");
    assert_int_equal(fake->call.attempts, 3);
    assert_string_equal(fake->call.request_id, "request-1");
    assert_int_equal(fake->login_asked, 1);
}

static void the_visitor_stops_it(void **state)
{
    fake_t *fake = *state;
    visits_t visits = {.stop_after = 1};
    int complete;

    fake_answers(fake, page(fake, NULL, FAKE_DEVICE_JSON, FAKE_GRAPH "/v1.0/devices?$skiptoken=A"));
    assert_int_equal(search(&complete, &visits, fake, "DESK"), APR_SUCCESS);
    assert_int_equal(complete, 0);
    visits = (visits_t){.stop_after = 1};
    fake_answers(fake, page(fake, NULL, FAKE_DEVICE_JSON, NULL));
    assert_int_equal(search(&complete, &visits, fake, "DESK"), APR_SUCCESS);
    assert_int_equal(complete, 0);
}

static void endless_pages_end(void **state)
{
    fake_t *fake = *state;
    visits_t visits = {0};
    int complete;

    for (int i = 0; i < 20; i++) {
        fake_answers(fake, page(fake, NULL, FAKE_DEVICE_JSON, FAKE_GRAPH "/v1.0/devices?$skiptoken=A"));
    }
    assert_int_equal(search(&complete, &visits, fake, "DESK"), APR_SUCCESS);
    assert_int_equal(complete, 0);
    assert_int_equal(visits.pages, 20);
}

static void foreign_pages_are_not_asked_for(void **state)
{
    static const char *const links[] = {"https://evil.test/v1.0/devices", FAKE_GRAPH "/v1.0/../../other", FAKE_GRAPH "/v1.0/devices/..",
                                        FAKE_GRAPH "/v1.0/%2E./other?$skiptoken=A"};
    fake_t *fake = *state;
    visits_t visits = {0};
    int complete;

    for (int i = 0; i < 4; i++) {
        fake_answers(fake, page(fake, NULL, FAKE_DEVICE_JSON, links[i]));
        assert_int_not_equal(search(&complete, &visits, fake, "DESK"), APR_SUCCESS);
        assert_int_equal(fake->error.code, AMLAPS_TENANT_ERROR);
        assert_int_equal(complete, 0);
        assert_int_equal(fake->seen_count, i + 1);
        assert_non_null(strstr(fake->log, "AML0329"));
    }
    fake_answers(fake, page(fake, NULL, FAKE_DEVICE_JSON, FAKE_GRAPH "/v1.0/devices?$skiptoken=A/../.%2e"));
    fake_answers(fake, page(fake, NULL, FAKE_DEVICE_JSON, NULL));
    assert_int_equal(search(&complete, &visits, fake, "DESK"), APR_SUCCESS);
    assert_int_equal(complete, 1);
}

static void no_list_is_an_error(void **state)
{
    fake_t *fake = *state;
    const char *const bodies[] = {"{}", "{\"value\":{}}", "[]", ""};
    visits_t visits = {0};
    int complete;

    for (int i = 0; i < 4; i++) {
        fake_answers(fake, (fake_step_t){.status = 200, .body = bodies[i]});
        assert_int_not_equal(search(&complete, &visits, fake, "DESK"), APR_SUCCESS);
        assert_int_equal(fake->error.code, AMLAPS_TENANT_ERROR);
    }
}

static void an_id_is_looked_up_directly(void **state)
{
    fake_t *fake = *state;
    visits_t visits = {0};
    int complete;

    fake_answers(fake, (fake_step_t){.expect = ONE_URL, .status = 200, .body = FAKE_DEVICE_JSON});
    assert_int_equal(search(&complete, &visits, fake, "6FA60D52-01E7-4B18-8055-4759461FC16B"), APR_SUCCESS);
    assert_int_equal(complete, 1);
    assert_int_equal(visits.devices, 1);
    fake_answers(
        fake, (fake_step_t){.expect = ONE_URL, .status = 404, .body = "{\"error\":{\"code\":\"Request_ResourceNotFound\"}}"});
    assert_int_equal(search(&complete, &visits, fake, FAKE_DEVICE), APR_SUCCESS);
    assert_int_equal(complete, 1);
    assert_int_equal(visits.devices, 1);
}

static void one_device_is_kept_for_the_cache_time(void **state)
{
    fake_t *fake = *state;
    const amlaps_graph_device_t *device;

    fake_answers(fake, (fake_step_t){.expect = ONE_URL, .status = 200, .body = FAKE_DEVICE_JSON});
    assert_int_equal(get(&device, fake, FAKE_DEVICE), APR_SUCCESS);
    assert_string_equal(device->object_id, FAKE_OBJECT);
    assert_int_equal(fake->call.attempts, 1);
    fake_advance(fake, apr_time_from_sec(59));
    assert_int_equal(get(&device, fake, "6FA60D52-01E7-4B18-8055-4759461FC16B"), APR_SUCCESS);
    assert_string_equal(device->name, "DESKTOP-858MANH");
    assert_int_equal(fake->call.attempts, 0);
    fake_advance(fake, apr_time_from_sec(1));
    fake_answers(fake, (fake_step_t){.expect = ONE_URL, .status = 404});
    assert_int_equal(get(&device, fake, FAKE_DEVICE), APR_SUCCESS);
    assert_null(device);
}

static void a_search_fills_the_cache(void **state)
{
    fake_t *fake = *state;
    const amlaps_graph_device_t *device;
    visits_t visits = {0};
    int complete;

    fake_answers(fake, page(fake, NULL, FAKE_DEVICE_JSON, NULL));
    search(&complete, &visits, fake, "DESK");
    assert_int_equal(get(&device, fake, FAKE_DEVICE), APR_SUCCESS);
    assert_string_equal(device->name, "DESKTOP-858MANH");
    assert_int_equal(fake->seen_count, 1);
}

static void another_device_is_an_error(void **state)
{
    fake_t *fake = *state;
    const char *const bodies[] = {"{\"id\":\"" FAKE_OBJECT "\",\"deviceId\":\"" FAKE_OBJECT "\"}", "{}", "",
                                  "{\"value\":[" FAKE_DEVICE_JSON "]}"};
    const amlaps_graph_device_t *device;

    for (int i = 0; i < 4; i++) {
        fake_answers(fake, (fake_step_t){.status = 200, .body = bodies[i]});
        assert_int_not_equal(get(&device, fake, FAKE_DEVICE), APR_SUCCESS);
        assert_string_equal(fake->error.id, "AML0340");
        assert_null(device);
    }
}

static void bad_ids_cost_nothing(void **state)
{
    fake_t *fake = *state;
    const char *const ids[] = {"", "x", FAKE_DEVICE "'", "00000000-0000-0000-0000-000000000000", "{" FAKE_DEVICE "}", NULL};
    const amlaps_graph_device_t *device;

    for (int i = 0; i < 6; i++) {
        assert_int_not_equal(get(&device, fake, ids[i]), APR_SUCCESS);
        assert_int_equal(fake->error.code, AMLAPS_BAD_REQUEST);
    }
    assert_int_equal(fake->seen_count, 0);
}

static void a_warm_reveal_is_one_request(void **state)
{
    fake_t *fake = *state;
    const amlaps_graph_device_t *device;
    amlaps_credentials_t *credentials;
    visits_t visits = {0};
    int complete;

    fake_answers(fake, page(fake, NULL, FAKE_DEVICE_JSON, NULL));
    search(&complete, &visits, fake, "DESK");
    fake_answers(fake, (fake_step_t){.status = 200,
                                     .body = "{\"id\":\"" FAKE_DEVICE "\",\"credentials\":[{\"passwordBase64\":\"QUJD\"}]}"});
    const int before = fake->seen_count;
    assert_int_equal(get(&device, fake, FAKE_DEVICE), APR_SUCCESS);
    assert_int_equal(amlaps_graph_credentials(&credentials, &fake->error, fake->graph, &fake->call, "contoso",
                                              device->device_id, fake->pool),
                     APR_SUCCESS);
    assert_int_equal(fake->seen_count - before, 1);
    assert_int_equal(fake->call.attempts, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fake_test(names_are_quoted_and_encoded),
        fake_test(pages_are_followed),
        fake_test(the_visitor_stops_it),
        fake_test(endless_pages_end),
        fake_test(foreign_pages_are_not_asked_for),
        fake_test(no_list_is_an_error),
        fake_test(an_id_is_looked_up_directly),
        fake_test(one_device_is_kept_for_the_cache_time),
        fake_test(a_search_fills_the_cache),
        fake_test(another_device_is_an_error),
        fake_test(bad_ids_cost_nothing),
        fake_test(a_warm_reveal_is_one_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
