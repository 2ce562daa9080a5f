/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include "../../src/graph/device_json.h"
#include "graph_fake.h"

#define IDS "\"id\":\"" FAKE_OBJECT "\",\"deviceId\":\"" FAKE_DEVICE "\""

static const amlaps_graph_device_t *read_device(fake_t *fake, const char *text)
{
    amlaps_json_t *json = NULL;

    assert_int_equal(amlaps_json_parse(&json, NULL, text, strlen(text), fake->pool), APR_SUCCESS);
    return amlaps_device_read(json, "contoso", fake->pool);
}

static void every_property(void **state)
{
    const amlaps_graph_device_t *device = read_device(
        *state, "{\"@odata.context\":\"x\",\"id\":\"000005C3-B7A6-4C61-89FC-80BF5CCFC366\",\"deviceId\":\"6FA60D52-01E7-4B18-"
                "8055-4759461FC16B\","
                "\"displayName\":\"DESKTOP-\\\"<&'\\u202e\",\"operatingSystem\":\"Windows\",\"operatingSystemVersion\":\"10."
                "0\",\"trustType\":\"AzureAd\","
                "\"accountEnabled\":false,\"isCompliant\":true,\"isManaged\":null,\"manufacturer\":\"Dell\",\"model\":\"X1\","
                "\"approximateLastSignInDateTime\":\"2026-11-22T17:00:00Z\",\"other\":[1]}");

    assert_string_equal(device->tenant, "contoso");
    assert_string_equal(device->object_id, FAKE_OBJECT);
    assert_string_equal(device->device_id, FAKE_DEVICE);
    assert_string_equal(device->name, "DESKTOP-\"<&'\xE2\x80\xAE");
    assert_string_equal(device->os, "Windows");
    assert_string_equal(device->os_version, "10.0");
    assert_string_equal(device->join, "AzureAd");
    assert_string_equal(device->manufacturer, "Dell");
    assert_string_equal(device->model, "X1");
    assert_int_equal(device->enabled, 0);
    assert_int_equal(device->compliant, 1);
    assert_int_equal(device->managed, -1);
    assert_int_equal(device->last_seen, apr_time_from_sec(1795366800));
}

static void what_is_missing_or_of_another_type_is_unknown(void **state)
{
    const char *const texts[] = {
        "{" IDS "}", "{" IDS ",\"approximateLastSignInDateTime\":\"0001-01-01T00:00:00Z\"}",
        "{" IDS ",\"displayName\":5,\"operatingSystem\":null,\"trustType\":[],\"accountEnabled\":\"true\",\"isCompliant\":1,"
        "\"isManaged\":{},\"approximateLastSignInDateTime\":\"yesterday\"}"};

    for (int i = 0; i < 3; i++) {
        const amlaps_graph_device_t *device = read_device(*state, texts[i]);
        assert_non_null(device);
        assert_null(device->name);
        assert_null(device->os);
        assert_null(device->join);
        assert_int_equal(device->enabled, -1);
        assert_int_equal(device->compliant, -1);
        assert_int_equal(device->managed, -1);
        assert_int_equal(device->last_seen, 0);
    }
}

static void without_ids_it_is_none(void **state)
{
    const char *const texts[] = {
        "null",
        "[]",
        "\"x\"",
        "{}",
        "{\"id\":\"" FAKE_OBJECT "\"}",
        "{\"deviceId\":\"" FAKE_DEVICE "\"}",
        "{\"id\":\"" FAKE_OBJECT "\",\"deviceId\":\"00000000-0000-0000-0000-000000000000\"}",
        "{\"id\":\"" FAKE_OBJECT "\",\"deviceId\":\"" FAKE_DEVICE "/x\"}",
        "{\"id\":7,\"deviceId\":\"" FAKE_DEVICE "\"}",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_null(read_device(*state, texts[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {fake_test(every_property), fake_test(what_is_missing_or_of_another_type_is_unknown),
                                       fake_test(without_ids_it_is_none)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
