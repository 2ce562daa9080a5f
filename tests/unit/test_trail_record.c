/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "trail_world.h"

#include "amlaps/policy.h"

#include "../../src/trail/limits.h"
#include "../../src/trail/record.h"

static const amlaps_record_t full = {
    .id = "0c6a0f0e-1111-4222-8333-444444444444", .stage = AMLAPS_STAGE_OUTCOME, .event = AMLAPS_EVENT_PASSWORD,
    .outcome = AMLAPS_OUTCOME_GRANTED, .code = "ok", .oid = "o-1", .tid = "t-1", .issuer = "https://i", .subject = "s-1",
    .username = "alice@contoso.com", .name = "Alice \"A\" \xC3\x9C\n", .address = "10.1.2.3", .tenant = "contoso", .device_id = "d-1",
    .device_name = "LON-001", .rule = "London helpdesk", .reason = "INC0012345", .graph_request_id = "g-1", .graph_status = 200,
    .graph_attempts = 1, .account = "Administrator", .backed_up = APR_INT64_C(1763632800000000)
};

static const char full_text[] =
    "{\"actor\":{\"name\":\"Alice \\\"A\\\" \xC3\x9C\\n\",\"oid\":\"o-1\",\"tid\":\"t-1\",\"username\":\"alice@contoso.com\"},"
    "\"address\":\"10.1.2.3\",\"code\":\"ok\",\"credential\":{\"account\":\"Administrator\",\"backedUp\":\"2025-11-20T10:00:00Z\"},"
    "\"device\":{\"deviceId\":\"d-1\",\"name\":\"LON-001\",\"tenant\":\"contoso\"},\"event\":\"password\","
    "\"graph\":{\"attempts\":1,\"requestId\":\"g-1\",\"status\":200},\"id\":\"0c6a0f0e-1111-4222-8333-444444444444\","
    "\"outcome\":\"granted\",\"reason\":\"INC0012345\",\"rule\":\"London helpdesk\",\"stage\":\"outcome\",\"v\":1}";

/** What is written of the record without what the writer adds. Canonical, which jansson shows. */
static const char *written(const amlaps_record_t *record, apr_pool_t *pool)
{
    const char *value[AMLAPS_SLOTS] = { NULL };
    amlaps_json_t *json;
    amlaps_line_t line;
    apr_size_t length;
    const char *text;

    value[AMLAPS_SLOT_CODE] = amlaps_record_code(record, pool);
    value[AMLAPS_SLOT_OUTCOME] = apr_pstrcat(pool, "\"", amlaps_record_outcome(record->outcome), "\"", NULL);
    value[AMLAPS_SLOT_STAGE] = apr_pstrcat(pool, "\"", amlaps_record_stage(record->stage), "\"", NULL);
    amlaps_record_line(&line, record, pool);
    text = amlaps_line_join(&length, &line, value, pool);
    assert_int_equal(amlaps_json_parse(&json, NULL, text, length, pool), APR_SUCCESS);
    assert_string_equal(text, amlaps_json_canonical(json, pool));
    return text;
}

static amlaps_json_t *parsed(const amlaps_record_t *record, apr_pool_t *pool)
{
    const char *text = written(record, pool);
    amlaps_json_t *json;

    assert_int_equal(amlaps_json_parse(&json, NULL, text, strlen(text), pool), APR_SUCCESS);
    return json;
}

static void test_full_record(void **state)
{
    world_t *world = *state;

    assert_string_equal(written(&full, world->pool), full_text);
}

static void test_unknown_is_left_out(void **state)
{
    world_t *world = *state;
    amlaps_record_t record = { .id = "x", .event = AMLAPS_EVENT_START, .issuer = NULL };

    assert_string_equal(written(&record, world->pool),
                        "{\"event\":\"start\",\"id\":\"x\",\"outcome\":\"pending\",\"stage\":\"intent\",\"v\":1}");
    record.issuer = "https://i";
    record.subject = "s";
    record.search = "LON";
    record.event = AMLAPS_EVENT_SEARCH;
    assert_string_equal(written(&record, world->pool),
                        "{\"actor\":{\"issuer\":\"https://i\",\"subject\":\"s\"},\"event\":\"search\",\"id\":\"x\",\"outcome\":\"pending\","
                        "\"search\":\"LON\",\"stage\":\"intent\",\"v\":1}");
}

/** Every member that there is, in records of other kinds too. */
static void test_start_and_seal(void **state)
{
    world_t *world = *state;
    const amlaps_record_t start = { .id = "x", .event = AMLAPS_EVENT_START, .host = "web\"1\"", .generation = 4294967295u, .seal = "{\"first\":1}",
                                    .graph_attempts = 2, .account = "a", .search = "s" };

    assert_string_equal(written(&start, world->pool),
                        "{\"credential\":{\"account\":\"a\"},\"event\":\"start\",\"graph\":{\"attempts\":2},\"id\":\"x\",\"outcome\":\"pending\","
                        "\"seal\":{\"first\":1},\"search\":\"s\",\"server\":{\"generation\":4294967295,\"host\":\"web\\\"1\\\"\",\"version\":\""
                        AMLAPS_VERSION "\"},\"stage\":\"intent\",\"v\":1}");
}

/** Texts as long as they may be, of letters that take most as JSON. */
static void test_much_text(void **state)
{
    world_t *world = *state;
    char longest[2049];
    amlaps_record_t record = { .username = longest, .name = longest, .address = longest, .device_name = longest, .rule = longest,
                               .reason = longest, .search = longest, .id = "x" };
    amlaps_json_t *json;

    memset(longest, '\x01', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    json = parsed(&record, world->pool);
    assert_string_equal(amlaps_json_member_text(amlaps_json_member(json, "actor"), "name"), longest);
    assert_string_equal(amlaps_json_member_text(json, "reason"), longest);
    assert_string_equal(amlaps_json_member_text(json, "search"), longest);
}

/** So many characters of so many bytes. */
static const char *repeated(const char *character, int times, apr_pool_t *pool)
{
    size_t length = strlen(character);
    char *text = apr_palloc(pool, (size_t)times * length + 1);
    int i;

    for (i = 0; i < times; i++) {
        memcpy(text + (size_t)i * length, character, length);
    }
    text[(size_t)times * length] = '\0';
    return text;
}

static void test_long_text_is_cut_at_a_character(void **state)
{
    world_t *world = *state;
    amlaps_record_t record = { .id = "x", .search = repeated("\xC3\x9C", 2500, world->pool),
                               .reason = repeated("\xE2\x82\xAC", 6000, world->pool) };
    amlaps_json_t *json = parsed(&record, world->pool);
    const char *search = amlaps_json_member_text(json, "search"), *reason = amlaps_json_member_text(json, "reason");

    assert_in_range(strlen(search), 2000, 2048);
    assert_true(amlaps_text_is_utf8(search, strlen(search)));
    assert_string_equal(search + strlen(search) - 3, "\xE2\x80\xA6");
    assert_in_range(strlen(reason), 16300, 16384);
    assert_true(amlaps_text_is_utf8(reason, strlen(reason)));
    assert_string_equal(reason + strlen(reason) - 3, "\xE2\x80\xA6");
}

/** Escaped it would be six times as long in a copy, beyond what receivers take, so that a refusal could be hidden from them. */
static void test_what_a_copy_escapes_is_cut_sooner(void **state)
{
    world_t *world = *state;
    amlaps_record_t record = { .id = "x", .reason = repeated("\x7F", 16384, world->pool) };
    const char *reason = amlaps_json_member_text(parsed(&record, world->pool), "reason");

    assert_in_range(strlen(reason), 4090, 4096);
    assert_string_equal(reason + strlen(reason) - 3, "\xE2\x80\xA6");
}

/** What a rule accepts as a reason is recorded as it was given. */
static void test_reason_is_recorded_whole(void **state)
{
    static const char *const characters[] = { "x", "\"", "\n", "\xC3\x9C", "\xE2\x82\xAC", "\xE2\x80\xAE", "\xF0\x9F\x94\x91" };
    world_t *world = *state;
    amlaps_rule_t *rule = amlaps_rule_make("any", NULL, NULL, world->pool);
    size_t i;

    for (i = 0; i < sizeof(characters) / sizeof(*characters); i++) {
        const char *reason = repeated(characters[i], 4096, world->pool);
        amlaps_record_t record = { .id = "x", .reason = apr_pstrcat(world->pool, "a", reason + strlen(characters[i]), NULL) };

        assert_int_equal(amlaps_rule_check_reason(rule, record.reason), AMLAPS_OK);
        assert_string_equal(amlaps_json_member_text(parsed(&record, world->pool), "reason"), record.reason);
        record.reason = reason;
        assert_string_equal(amlaps_json_member_text(parsed(&record, world->pool), "reason"), reason);
    }
}

/* Computed with Python's hashlib over 64 zeros and the text. */
static void test_hash(void **state)
{
    world_t *world = *state;
    char zeros[65];
    char hex[65];

    memset(zeros, '0', 64);
    zeros[64] = '\0';
    amlaps_record_hash(hex, amlaps_digest_make(world->pool), zeros, "{\"seq\":1}", 9);
    assert_string_equal(hex, "0a00898550374c41186879d92f30325cd0a550ce8c5da4d9aeef34a95c0b85ea");
}

/** The columns say what the record says, whatever bytes claims and Graph bring along. */
static void test_columns_are_what_is_recorded(void **state)
{
    static const char *const names[] = { "Alice", "\xFF\xFE", "caf\xC3", "\xED\xA0\x80x", "a\"b\\c\x01", "" };
    world_t *world = *state;
    char longest[5000];
    size_t i;

    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    for (i = 0; i <= sizeof(names) / sizeof(*names); i++) {
        const char *name = i < sizeof(names) / sizeof(*names) ? names[i] : longest;
        const amlaps_record_t records[] = { { .id = "x", .username = name, .device_id = name }, { .id = "x", .name = name, .device_name = name } };
        size_t r;

        for (r = 0; r < 2; r++) {
            amlaps_json_t *json = parsed(&records[r], world->pool);

            assert_string_equal(amlaps_record_who(&records[r], world->pool), amlaps_record_actor(json));
            assert_string_equal(amlaps_record_what(&records[r], world->pool), amlaps_record_device(json));
        }
    }
}

static void test_line_is_canonical(void **state)
{
    static const char *const value[AMLAPS_SLOTS] = { "\"A\"", "\"C\"", "\"H\"", "\"O\"", "\"P\"", "7", "\"S\"", "\"T\"" };
    static const char *const nothing[AMLAPS_SLOTS] = { NULL };
    world_t *world = *state;
    amlaps_json_t *json;
    amlaps_line_t line;
    apr_size_t length;
    const char *text;

    amlaps_record_line(&line, &full, world->pool);
    text = amlaps_line_join(&length, &line, value, world->pool);
    assert_int_equal(length, strlen(text));
    assert_int_equal(amlaps_json_parse(&json, NULL, text, length, world->pool), APR_SUCCESS);
    assert_string_equal(text, amlaps_json_canonical(json, world->pool));
    amlaps_line_clear(&line);
    assert_string_equal(amlaps_line_join(&length, &line, nothing, world->pool), "{}");
    assert_string_equal(amlaps_line_join(&length, &line, value, world->pool),
                        "{\"anchor\":\"A\",\"code\":\"C\",\"hash\":\"H\",\"outcome\":\"O\",\"prev\":\"P\",\"seq\":7,\"stage\":\"S\",\"time\":\"T\"}");
}

static void test_limit_parse(void **state)
{
    static const char *const wrong[] = { "", "10", "/minute", "0/minute", "1000001/hour", "-1/day", "10/week", "10/minutes", "1.5/day",
                                         "99999999999999999999/day", "10 /minute", "10/Minute", "0x10/day" };
    world_t *world = *state;
    amlaps_limit_t limit;
    size_t i;

    assert_null(amlaps_limit_parse(&limit, AMLAPS_LIMIT_ADDRESS, "50/hour", world->pool));
    assert_int_equal(limit.scope, AMLAPS_LIMIT_ADDRESS);
    assert_int_equal(limit.most, 50);
    assert_int_equal(limit.period, SECONDS(3600));
    assert_null(amlaps_limit_parse(&limit, AMLAPS_LIMIT_USER, "1000000/day", world->pool));
    assert_int_equal(limit.period, SECONDS(86400));
    assert_null(amlaps_limit_parse(&limit, AMLAPS_LIMIT_USER, "1/minute", world->pool));
    assert_int_equal(limit.period, SECONDS(60));
    for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        const char *say = amlaps_limit_parse(&limit, AMLAPS_LIMIT_USER, wrong[i], world->pool);

        assert_non_null(say);
        assert_non_null(strstr(say, "write"));
    }
}

static void key_of(char key[AMLAPS_LIMIT_KEY + 1], const char *tid, const char *oid, const char *issuer, const char *subject, apr_pool_t *pool)
{
    amlaps_record_t record = { .event = AMLAPS_EVENT_PASSWORD, .tid = tid, .oid = oid, .issuer = issuer, .subject = subject };
    amlaps_touch_t touch[AMLAPS_LIMIT_TOUCHES];

    assert_int_equal(amlaps_limit_touches(touch, &record, pool), 2);
    memcpy(key, touch[0].key, AMLAPS_LIMIT_KEY + 1);
}

static void test_keys_of_people(void **state)
{
    apr_pool_t *pool = ((world_t *)*state)->pool;
    char a[AMLAPS_LIMIT_KEY + 1], b[AMLAPS_LIMIT_KEY + 1];

    key_of(a, "ab", "c", NULL, NULL, pool);
    key_of(b, "a", "bc", NULL, NULL, pool);
    assert_string_not_equal(a, b);
    key_of(b, NULL, NULL, "ab", "c", pool);
    assert_string_not_equal(a, b);
    key_of(b, "ab", "c", "other", "other", pool);
    assert_string_equal(a, b);
    key_of(a, "ab", NULL, "i", "s", pool);
    key_of(b, "xy", NULL, "i", "s", pool);
    assert_string_equal(a, b);
}

static void test_what_counts_where(void **state)
{
    apr_pool_t *pool = ((world_t *)*state)->pool;
    amlaps_touch_t touch[AMLAPS_LIMIT_TOUCHES];
    amlaps_record_t record = { .tid = "t", .oid = "o", .address = "10.0.0.1" };

    record.event = AMLAPS_EVENT_HISTORY;
    assert_int_equal(amlaps_limit_touches(touch, &record, pool), 2);
    assert_int_equal(touch[0].scope, AMLAPS_LIMIT_USER);
    assert_int_equal(touch[1].scope, AMLAPS_LIMIT_ADDRESS);
    record.event = AMLAPS_EVENT_SEARCH;
    assert_int_equal(amlaps_limit_touches(touch, &record, pool), 1);
    assert_int_equal(touch[0].scope, AMLAPS_LIMIT_SEARCH);
    for (record.event = AMLAPS_EVENT_AUDIT; record.event <= AMLAPS_EVENT_START; record.event++) {
        assert_int_equal(amlaps_limit_touches(touch, &record, pool), 0);
    }
}

static const struct CMUnitTest tests[] = {
    WORLD_TEST(test_full_record), WORLD_TEST(test_unknown_is_left_out), WORLD_TEST(test_start_and_seal), WORLD_TEST(test_much_text),
    WORLD_TEST(test_long_text_is_cut_at_a_character), WORLD_TEST(test_what_a_copy_escapes_is_cut_sooner), WORLD_TEST(test_reason_is_recorded_whole),
    WORLD_TEST(test_hash), WORLD_TEST(test_line_is_canonical), WORLD_TEST(test_columns_are_what_is_recorded), WORLD_TEST(test_limit_parse), WORLD_TEST(test_keys_of_people),
    WORLD_TEST(test_what_counts_where)
};

WORLD_MAIN(tests)
