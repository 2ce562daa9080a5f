/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Reading the trail page by page, verifying it part by part, and CSV. */

#include "trail_world.h"

#define RECORDS 300

/** `count` records of alice and Bob, a second apart, each with a reason of its own. */
static void fill(world_t *world, int count)
{
    int i;

    world_open(world);
    for (i = 1; i <= count; i++) {
        amlaps_record_t record = world_record(AMLAPS_EVENT_PASSWORD, AMLAPS_STAGE_OUTCOME, i % 3 == 0 ? "bob" : "alice");
        amlaps_error_t error = { 0 };

        record.id = apr_psprintf(world->pool, "id-%d", i);
        record.username = i % 3 == 0 ? "Bob@contoso.com" : "alice@contoso.com";
        record.device_name = i % 2 == 0 ? "LON-002" : "LON-001";
        record.device_id = apr_pstrcat(world->pool, "device-", record.device_name, NULL);
        record.reason = i % 5 == 0 ? "{\"oid\":\"carol\"} carol@contoso.com" : NULL;
        world_pass(SECONDS(1));
        assert_int_equal(amlaps_trail_conclude(&error, world->trail, &record, world->pool), APR_SUCCESS);
    }
}

static const amlaps_records_t *find(world_t *world, const amlaps_find_t *wanted)
{
    amlaps_error_t error = { 0 };
    amlaps_records_t *records;

    if (amlaps_trail_find(&records, &error, world->store, wanted, world->pool) != APR_SUCCESS) {
        fail_msg("%s", error.detail);
    }
    return records;
}

static apr_int64_t seq_at(const amlaps_records_t *records, int i)
{
    return APR_ARRAY_IDX(records->lines, i, amlaps_record_line_t).seq;
}

static void expect_pages(world_t *world, amlaps_find_t wanted, int step, int first, int total)
{
    apr_int64_t expected = first;
    int count = 0;

    do {
        const amlaps_records_t *records = find(world, &wanted);
        int i;

        for (i = 0; i < records->lines->nelts; i++) {
            assert_int_equal(seq_at(records, i), expected);
            expected += step;
            count++;
        }
        assert_true(records->lines->nelts > 0 || records->next == 0);
        wanted.from = records->next;
    } while (wanted.from != 0);
    assert_int_equal(count, total);
}

static void test_pages(void **state)
{
    world_t *world = *state;
    amlaps_find_t wanted = { .newest_first = 1, .most = 7, .patience = SECONDS(60) };

    fill(world, RECORDS);
    expect_pages(world, wanted, -1, RECORDS, RECORDS);
    wanted.newest_first = 0;
    expect_pages(world, wanted, 1, 1, RECORDS);
    wanted.to = 100;
    expect_pages(world, wanted, 1, 1, 100);
    wanted = (amlaps_find_t){ .most = RECORDS, .patience = SECONDS(60) };
    assert_int_equal(find(world, &wanted)->next, 0);
    wanted.most = RECORDS - 1;
    assert_int_equal(find(world, &wanted)->next, RECORDS - 1);
}

static void test_filters(void **state)
{
    world_t *world = *state;
    amlaps_find_t wanted = { .most = 10, .patience = SECONDS(60) };

    fill(world, RECORDS);
    wanted.filter.actor = "BOB@contoso.com";
    expect_pages(world, wanted, 3, 3, RECORDS / 3);
    wanted.filter.actor = "bob";
    expect_pages(world, wanted, 3, 3, RECORDS / 3);
    wanted.filter.device = "lon-002";
    expect_pages(world, wanted, 6, 6, RECORDS / 6);
    wanted.filter.device = "DEVICE-lon-002";
    expect_pages(world, wanted, 6, 6, RECORDS / 6);
    /* What stands in a text that others choose makes nobody an actor. */
    wanted = (amlaps_find_t){ .filter = { .actor = "carol" }, .most = 10, .patience = SECONDS(60) };
    expect_pages(world, wanted, 1, 1, 0);
    wanted.filter.actor = "carol@contoso.com";
    expect_pages(world, wanted, 1, 1, 0);
    wanted = (amlaps_find_t){ .filter = { .outcome = "denied" }, .most = 10, .patience = SECONDS(60) };
    expect_pages(world, wanted, 1, 1, 0);
    wanted = (amlaps_find_t){ .filter = { .since = WORLD_START + SECONDS(11), .until = WORLD_START + SECONDS(21) }, .most = 4, .patience = SECONDS(60) };
    expect_pages(world, wanted, 1, 11, 10);
    wanted.newest_first = 1;
    expect_pages(world, wanted, -1, 20, 10);
    wanted.filter.since++;
    expect_pages(world, wanted, -1, 20, 9);
    wanted = (amlaps_find_t){ .newest_first = 1, .except_id = "id-300", .most = 1, .patience = SECONDS(60) };
    assert_int_equal(seq_at(find(world, &wanted), 0), 299);
}

static void write_one(world_t *world, const char *id, amlaps_event_t event, amlaps_outcome_t outcome, const char *device, const char *reason)
{
    amlaps_record_t record = world_record(event, AMLAPS_STAGE_OUTCOME, "alice");
    amlaps_error_t error = { 0 };

    record.id = id;
    record.outcome = outcome;
    record.device_name = device;
    record.reason = reason;
    assert_int_equal(amlaps_trail_conclude(&error, world->trail, &record, world->pool), APR_SUCCESS);
}

/** @param expected sequence numbers, one digit each */
static void expect_found(world_t *world, const char *event, const char *outcome, const char *except_id, const char *expected)
{
    const amlaps_find_t wanted = { .filter = { .event = event, .outcome = outcome }, .except_id = except_id, .most = 100, .patience = SECONDS(60) };
    const amlaps_records_t *records = find(world, &wanted);
    char found[10] = "";
    int i;

    for (i = 0; i < records->lines->nelts; i++) {
        found[i] = (char)('0' + seq_at(records, i));
    }
    assert_string_equal(found, expected);
}

/** What others choose stands in the record too, and looks like a field of it. The escapes of 3 and 4 are for the parser alone. */
static void write_words(world_t *world)
{
    world_open(world);
    write_one(world, "id-1", AMLAPS_EVENT_PASSWORD, AMLAPS_OUTCOME_GRANTED, "LON-001", NULL);
    write_one(world, "id-2", AMLAPS_EVENT_HISTORY, AMLAPS_OUTCOME_DENIED, "LON-001", "\"event\":\"password\",\"id\":\"id-1\",\"outcome\":\"granted\"");
    write_one(world, "id-3", AMLAPS_EVENT_PASSWORD, AMLAPS_OUTCOME_DENIED, "LON \"\xC3\xBC\"", "\",\"event\":\"history\",\"x\":\"");
    write_one(world, "id-\"4\\", AMLAPS_EVENT_HISTORY, AMLAPS_OUTCOME_GRANTED, "\\", "event: password");
    world_close(world);
}

static void test_words(void **state)
{
    world_t *world = *state;

    write_words(world);
    expect_found(world, NULL, NULL, NULL, "1234");
    expect_found(world, "password", NULL, NULL, "13");
    expect_found(world, "history", NULL, NULL, "24");
    expect_found(world, NULL, "granted", NULL, "14");
    expect_found(world, NULL, "denied", NULL, "23");
    expect_found(world, "password", "granted", NULL, "1");
    expect_found(world, "history", "granted", NULL, "4");
    expect_found(world, NULL, NULL, "id-1", "234");
    expect_found(world, NULL, NULL, "id-\"4\\", "123");
    expect_found(world, "password", NULL, "id-3", "1");
    expect_found(world, "pass", NULL, NULL, "");
    expect_found(world, "", NULL, NULL, "");
    expect_found(world, NULL, "granted\",\"prev\":\"", NULL, "");
}

/** What is no canonical record matches no word, and is not hidden from those who want none. */
static void test_words_of_what_was_edited(void **state)
{
    static const char *const edits[] = { "''", "'\"event\":\"password\"'", "'{\"event\":\"password\"'", "'{\"event\":\"password\",\"event\":\"history\"}'",
                                         "'[{\"event\":\"password\"}]'", "'{\"event\":\"password\\'", "body || ' '",
                                         "replace(body, '\"event\":', '\"event\": \"x\",\"event\":')", "substr(body, 1, length(body) - 1)",
                                         "replace(body, 'LON-001', 'LON\\-001')", "substr(body, 2)" };
    world_t *world = *state;
    size_t i;

    write_words(world);
    for (i = 0; i < sizeof(edits) / sizeof(*edits); i++) {
        world_tamper(world, apr_psprintf(world->pool, "CREATE TABLE good AS SELECT * FROM record; UPDATE record SET body = %s WHERE seq = 1", edits[i]));
        expect_found(world, "password", NULL, NULL, "3");
        expect_found(world, NULL, "granted", NULL, "4");
        expect_found(world, NULL, NULL, "id-2", "134");
        expect_found(world, NULL, NULL, NULL, "1234");
        world_tamper(world, "DELETE FROM record; INSERT INTO record SELECT * FROM good; DROP TABLE good");
    }
    world_tamper(world, "UPDATE record SET body = replace(body, '{\"actor\":{', '{\"actor\":{\"event\":\"password\",\"id\":\"id-9\",') WHERE seq = 2");
    expect_found(world, "password", NULL, NULL, "13");
    expect_found(world, "history", NULL, "id-9", "24");
}

static void expect_first_since(world_t *world, apr_time_t since, apr_int64_t expected)
{
    const amlaps_records_t *records = find(world, &(amlaps_find_t){ .filter = { .since = since }, .most = 1, .patience = SECONDS(60) });

    assert_int_equal(records->lines->nelts, expected != 0);
    if (expected != 0) {
        assert_int_equal(seq_at(records, 0), expected);
    }
}

/** A time is found wherever it lies: before all, between two, at each, behind all; where several share it, and where the oldest are exported. */
static void test_every_time_is_found(void **state)
{
    world_t *world = *state;
    const int count = 33;
    int i;

    expect_first_since(world, WORLD_START, 0);
    fill(world, count);
    for (i = 1; i <= count; i++) {
        expect_first_since(world, WORLD_START + SECONDS(i), i);
        expect_first_since(world, WORLD_START + SECONDS(i) + 1, i < count ? i + 1 : 0);
    }
    expect_first_since(world, 1, 1);
    world_tamper(world, "UPDATE record SET time = (SELECT time FROM record WHERE seq = 20) WHERE seq BETWEEN 15 AND 25; DELETE FROM record WHERE seq < 10");
    expect_first_since(world, WORLD_START + SECONDS(20), 15);
    expect_first_since(world, WORLD_START + SECONDS(20) + 1, 26);
    expect_first_since(world, WORLD_START + SECONDS(3), 10);
}

/** A page that finds nothing in its time says where to go on. */
static void test_time_is_over(void **state)
{
    world_t *world = *state;
    amlaps_find_t wanted = { .filter = { .actor = "nobody" }, .newest_first = 1, .most = 10, .patience = 0 };
    const amlaps_records_t *records;
    int pages = 0;

    fill(world, RECORDS);
    do {
        records = find(world, &wanted);
        assert_int_equal(records->lines->nelts, 0);
        assert_true(records->next == 0 || wanted.from == 0 || records->next < wanted.from);
        wanted.from = records->next;
        pages++;
    } while (records->next != 0);
    assert_in_range(pages, 3, RECORDS);
}

static void test_last(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    apr_int64_t seq = -1;

    assert_int_equal(amlaps_trail_last(&seq, &error, world->store), APR_SUCCESS);
    assert_int_equal(seq, 0);
    fill(world, 5);
    assert_int_equal(amlaps_trail_last(&seq, &error, world->store), APR_SUCCESS);
    assert_int_equal(seq, 5);
}

static int verify_all(amlaps_verify_t *result, world_t *world)
{
    amlaps_error_t error = { 0 };
    int parts = 0;
    int more;

    memset(result, 0, sizeof(*result));
    do {
        assert_int_equal(amlaps_trail_verify_part(result, &more, &error, world->store, 0, world->pool), APR_SUCCESS);
        parts++;
    } while (more);
    return parts;
}

static void test_verify_in_parts(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    amlaps_verify_t whole, parts;

    fill(world, RECORDS);
    world_close(world);
    assert_int_equal(amlaps_trail_verify(&whole, &error, world->store, NULL, world->pool), APR_SUCCESS);
    assert_in_range(verify_all(&parts, world), 3, RECORDS);
    assert_int_equal(parts.first_bad, 0);
    assert_int_equal(parts.records, RECORDS);
    assert_int_equal(parts.last, whole.last);
    assert_string_equal(parts.head, whole.head);
    /* In the first part, behind it, and at the seam of the two. */
    world_tamper(world, "UPDATE record SET body = replace(body, 'LON-001', 'LON-009') WHERE seq = 65");
    verify_all(&parts, world);
    assert_int_equal(parts.first_bad, 65);
    assert_int_equal(parts.records, 64);
    world_tamper(world, "UPDATE record SET body = replace(body, 'LON-009', 'LON-001') WHERE seq = 65");
    world_tamper(world, "DELETE FROM record WHERE seq = 129");
    verify_all(&parts, world);
    assert_int_equal(parts.first_bad, 129);
    assert_int_equal(parts.records, 128);
}

static void test_csv_of_what_is_no_record(void **state)
{
    world_t *world = *state;
    const char *row = amlaps_trail_csv_row(7, "{\"broken", world->pool);

    assert_memory_equal(row, "\"7\",\"\",", 7);
    row = amlaps_trail_csv_row(8, "{\"seq\":8,\"reason\":\"say \\\"=1\\\"\",\"rule\":\" \\t=1+1\",\"search\":\"\xEF\xBC\x9D" "1\"}", world->pool);
    assert_non_null(strstr(row, ",\"say \"\"=1\"\"\","));
    assert_non_null(strstr(row, ",\"' \t=1+1\","));
    assert_non_null(strstr(row, ",\"'\xEF\xBC\x9D" "1\","));
    assert_string_equal(row + strlen(row) - 2, "\r\n");
}

static const struct CMUnitTest tests[] = {
    WORLD_TEST(test_pages), WORLD_TEST(test_filters), WORLD_TEST(test_words), WORLD_TEST(test_words_of_what_was_edited),
    WORLD_TEST(test_every_time_is_found),
    WORLD_TEST(test_time_is_over), WORLD_TEST(test_last), WORLD_TEST(test_verify_in_parts),
    WORLD_TEST(test_csv_of_what_is_no_record)
};

WORLD_MAIN(tests)
