/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "trail_world.h"

#include <openssl/sha.h>

#include "../../src/trail/record.h"

#define RECORDS 12

static void write_some(world_t *world)
{
    int i;

    world_open(world);
    for (i = 0; i < RECORDS / 2; i++) {
        assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
        world_pass(SECONDS(1));
        assert_int_equal(world_conclude(world, "alice"), AMLAPS_OK);
    }
    world_close(world);
}

typedef struct walk_t {
    apr_int64_t seq;
    char head[65];
} walk_t;

/** The hash by other means: text surgery and OpenSSL's one-shot function. */
static void hash_independently(char hex[65], const char *prev, const char *line)
{
    unsigned char sum[SHA256_DIGEST_LENGTH];
    const char *member = strstr(line, ",\"hash\":\"");
    char text[8192];
    int length = snprintf(text, sizeof(text), "%s%.*s%s", prev, (int)(member - line), line, member + sizeof(",\"hash\":\"\"") - 1 + 64);
    int i;

    SHA256((const unsigned char *)text, (size_t)length, sum);
    for (i = 0; i < SHA256_DIGEST_LENGTH; i++) {
        sprintf(hex + (ptrdiff_t)2 * i, "%02x", sum[i]);
    }
}

static int walk(void *baton, apr_int64_t seq, const char *json)
{
    walk_t *walk = baton;
    char hex[65];
    char member[96];

    assert_int_equal(seq, walk->seq + 1);
    snprintf(member, sizeof(member), ",\"prev\":\"%s\",", walk->head);
    assert_non_null(strstr(json, member));
    snprintf(member, sizeof(member), ",\"seq\":%ld,", (long)seq);
    assert_non_null(strstr(json, member));
    hash_independently(hex, walk->head, json);
    snprintf(member, sizeof(member), ",\"hash\":\"%s\",", hex);
    assert_non_null(strstr(json, member));
    strcpy(walk->head, hex);
    walk->seq = seq;
    return 1;
}

static void test_chain_by_other_means(void **state)
{
    world_t *world = *state;
    walk_t chain = { 0 };
    amlaps_error_t error = { 0 };
    amlaps_verify_t result;

    memset(chain.head, '0', 64);
    write_some(world);
    assert_int_equal(amlaps_trail_each(&error, world->store, walk, &chain, world->pool), APR_SUCCESS);
    assert_int_equal(chain.seq, RECORDS);
    assert_int_equal(amlaps_trail_verify(&result, &error, world->store, NULL, world->pool), APR_SUCCESS);
    assert_int_equal(result.first_bad, 0);
    assert_int_equal(result.records, RECORDS);
    assert_int_equal(result.last, RECORDS);
    assert_string_equal(result.head, chain.head);
}

static int first_line(void *baton, apr_int64_t seq, const char *json)
{
    strcpy(baton, json);
    return seq < 1;
}

static void test_first_record_word_for_word(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    char line[4096] = "";
    char expected[4096];
    char hash[65];

    write_some(world);
    assert_int_equal(amlaps_trail_each(&error, world->store, first_line, line, world->pool), APR_SUCCESS);
    memcpy(hash, strstr(line, "\"hash\":\"") + 8, 64);
    hash[64] = '\0';
    snprintf(expected, sizeof(expected),
             "{\"actor\":{\"oid\":\"alice\",\"tid\":\"tenant\",\"username\":\"alice\"},\"address\":\"10.1.2.3\","
             "\"device\":{\"deviceId\":\"device-1\",\"name\":\"LON-001\",\"tenant\":\"contoso\"},\"event\":\"password\",\"hash\":\"%s\","
             "\"id\":\"0c6a0f0e-0000-4000-8000-000000000001\",\"outcome\":\"pending\",\"prev\":\"%064d\",\"reason\":\"INC0012345\","
             "\"rule\":\"London\",\"seq\":1,\"stage\":\"intent\",\"time\":\"2030-03-17T17:46:40.000Z\",\"v\":1}", hash, 0);
    assert_string_equal(line, expected);
    assert_int_equal(world_number(world, "SELECT count(*) FROM record WHERE time / 1000 BETWEEN 1900000000 AND 1900000006"), RECORDS);
    if (world->conninfo != NULL) {
        assert_int_equal(world_number(world, "SELECT count(*) FROM record WHERE id = '0c6a0f0e-0000-4000-8000-000000000001'"
                                             " AND actor = 'alice' AND device = 'device-1' AND event = 'password'"), RECORDS);
    }
}

static void expect_bad(world_t *world, const char *attack, long record)
{
    amlaps_error_t error = { 0 };
    amlaps_verify_t result;

    world_tamper(world, attack);
    assert_int_equal(amlaps_trail_verify(&result, &error, world->store, NULL, world->pool), APR_SUCCESS);
    if (result.first_bad != record || result.records != record - 1 || result.last != record - 1 || result.problem[0] == '\0') {
        fail_msg("%s: first bad is %ld (%s)", attack, (long)result.first_bad, result.problem);
    }
}

typedef struct attack_t {
    const char *sql;
    long first_bad;
} attack_t;

static void attack_each(world_t *world, const attack_t *attacks, size_t count)
{
    size_t i;

    world_verify_good(world, RECORDS);
    world_tamper(world, "CREATE TABLE good AS SELECT * FROM record");
    for (i = 0; i < count; i++) {
        expect_bad(world, attacks[i].sql, attacks[i].first_bad);
        world_tamper(world, "DELETE FROM record; INSERT INTO record SELECT * FROM good ORDER BY seq");
        world_verify_good(world, RECORDS);
    }
}

/* The same record once more under another number, whatever columns there are. */
#define TWIN(of, as) \
    "CREATE TABLE twin AS SELECT * FROM record WHERE seq = " of "; UPDATE twin SET seq = " as ";" \
    "INSERT INTO record SELECT * FROM twin; DROP TABLE twin"

static void test_attacks(void **state)
{
    static const attack_t attacks[] = {
        { "UPDATE record SET body = replace(body, 'INC0012345', 'INC0012346') WHERE seq = 5", 5 },
        { "UPDATE record SET body = replace(body, 'granted', 'denied') WHERE seq = 12", 12 },
        { "UPDATE record SET body = body || ' ' WHERE seq = 4", 4 },
        { "UPDATE record SET body = replace(body, ',\"v\":1', ',\"v\":1,\"v\":1') WHERE seq = 4", 4 },
        { "UPDATE record SET body = '' WHERE seq = 1", 1 },
        { "DELETE FROM record WHERE seq = 1", 1 },
        { "DELETE FROM record WHERE seq = 7", 7 },
        { "DELETE FROM record WHERE seq = 7; UPDATE record SET seq = seq - 1 WHERE seq > 7", 7 },
        { "UPDATE record SET seq = -seq WHERE seq > 6; UPDATE record SET seq = 1 - seq WHERE seq < 0;"
          TWIN("6", "7"), 7 },
        { TWIN("1", "0"), 1 },
        { TWIN("12", "13"), 13 },
        { "UPDATE record SET seq = 100 WHERE seq = 8; UPDATE record SET seq = 8 WHERE seq = 9; UPDATE record SET seq = 9 WHERE seq = 100", 8 },
        { "UPDATE record SET time = time + 1 WHERE seq = 9", 9 },
        { "UPDATE record SET hash = upper(hash) WHERE seq = 9", 9 },
        { "UPDATE record SET anchor = hash WHERE seq = 9", 9 }
    };
    world_t *world = *state;

    write_some(world);
    attack_each(world, attacks, sizeof(attacks) / sizeof(*attacks));
}

/** What a store keeps beside the record must not say anything else, whatever the store: PostgreSQL's, or an older one of SQLite's. */
static void test_attacks_on_columns(void **state)
{
    static const attack_t attacks[] = {
        { "UPDATE record SET actor = 'bob' WHERE seq = 3", 3 },
        { "UPDATE record SET actor = NULL WHERE seq = 12", 12 },
        { "UPDATE record SET device = NULL WHERE seq = 3", 3 },
        { "UPDATE record SET outcome = 'failed' WHERE seq = 2", 2 },
        { "UPDATE record SET stage = 'outcome' WHERE seq = 1", 1 },
        { "UPDATE record SET event = '' WHERE seq = 5", 5 },
        { "UPDATE record SET time = time + 1 WHERE seq = 9", 9 },
        { "UPDATE record SET id = 'x' WHERE seq = 10", 10 }
    };
    world_t *world = *state;

    write_some(world);
    if (world->conninfo == NULL) {
        world_make_schema_5(world);
    }
    attack_each(world, attacks, sizeof(attacks) / sizeof(*attacks));
}

typedef struct lines_t {
    char *line[RECORDS];
    int count;
} lines_t;

static int keep_line(void *baton, apr_int64_t seq, const char *json)
{
    lines_t *lines = baton;

    (void)seq;
    lines->line[lines->count++] = strdup(json);
    return 1;
}

static amlaps_verify_t verify_lines(const world_t *world, char *const *line, int count, const char *end, const char *after)
{
    amlaps_error_t error = { 0 };
    const amlaps_verify_with_t with = { .after = after };
    amlaps_verify_t result;
    char *path = apr_pstrcat(world->pool, world->directory, "/copy.jsonl", NULL);
    FILE *file = fopen(path, "w");
    int i;

    assert_non_null(file);
    for (i = 0; i < count; i++) {
        fprintf(file, "%s%s", line[i], i + 1 < count ? "\n" : end);
    }
    fclose(file);
    assert_int_equal(amlaps_trail_verify_file(&result, &error, path, &with, world->pool), APR_SUCCESS);
    return result;
}

static void test_files(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    amlaps_verify_t result;
    lines_t lines = { .count = 0 };
    char *swap;
    char head[65];
    int i;

    write_some(world);
    assert_int_equal(amlaps_trail_each(&error, world->store, keep_line, &lines, world->pool), APR_SUCCESS);
    result = verify_lines(world, lines.line, RECORDS, "\n", NULL);
    assert_int_equal(result.first_bad, 0);
    assert_int_equal(result.records, RECORDS);
    result = verify_lines(world, lines.line, 4, "\n", NULL);
    strcpy(head, result.head);
    result = verify_lines(world, lines.line + 4, RECORDS - 4, "\n", head);
    assert_int_equal(result.first_bad, 0);
    assert_int_equal(result.last, RECORDS);
    result = verify_lines(world, lines.line + 5, RECORDS - 5, "\n", head);
    assert_int_equal(result.first_bad, 6);
    result = verify_lines(world, lines.line + 4, RECORDS - 4, "\n", NULL);
    assert_int_equal(result.first_bad, 1);
    swap = lines.line[6];
    lines.line[6] = lines.line[7];
    lines.line[7] = swap;
    result = verify_lines(world, lines.line, RECORDS, "\n", NULL);
    assert_int_equal(result.first_bad, 7);
    for (i = 0; i < RECORDS; i++) {
        free(lines.line[i]);
    }
}

/** The end of the last line may be missing, and nothing else of it. */
static void test_last_line_without_end(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    amlaps_verify_t result;
    lines_t lines = { .count = 0 };
    char *last, *place;
    size_t length;
    int i;

    write_some(world);
    assert_int_equal(amlaps_trail_each(&error, world->store, keep_line, &lines, world->pool), APR_SUCCESS);
    result = verify_lines(world, lines.line, RECORDS, "", NULL);
    assert_int_equal(result.first_bad, 0);
    assert_int_equal(result.records, RECORDS);
    last = lines.line[RECORDS - 1];
    place = strstr(last, "alice");
    assert_non_null(place);
    *place = 'b';
    result = verify_lines(world, lines.line, RECORDS, "", NULL);
    assert_int_equal(result.first_bad, RECORDS);
    assert_non_null(strstr(result.problem, "its hash does not fit"));
    *place = 'a';
    for (length = strlen(last) - 1; length > 0; length -= length > 10 ? 7 : 1) {
        last[length] = '\0';
        result = verify_lines(world, lines.line, RECORDS, "", NULL);
        assert_int_equal(result.first_bad, RECORDS);
        assert_non_null(strstr(result.problem, "it is cut off"));
    }
    for (i = 0; i < RECORDS; i++) {
        free(lines.line[i]);
    }
}

/** A record with its members in another order, white space and an escape; of the same meaning. */
static const char *write_anew(const char *line, const char *version, apr_pool_t *pool)
{
    amlaps_json_t *json;
    const char *rest;

    assert_int_equal(amlaps_json_parse(&json, NULL, line, strlen(line), pool), APR_SUCCESS);
    amlaps_json_remove(json, "v");
    amlaps_json_remove(json, "event");
    rest = amlaps_json_canonical(json, pool);
    return apr_psprintf(pool, "{ \"v\": %s,\t\"event\": \"p\\u0061ssword\", %s", version, rest + 1);
}

/** The hash is over the canonical text, whatever program wrote the copy last; what it says must be the same. */
static void test_copies_written_anew(void **state)
{
    static const char *const edits[] = { "2", "1.0", "1e0", "null", "true", "\"1\"" };
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    amlaps_verify_t result;
    lines_t lines = { .count = 0 };
    char *anew[RECORDS];
    size_t edit;
    int i;

    write_some(world);
    assert_int_equal(amlaps_trail_each(&error, world->store, keep_line, &lines, world->pool), APR_SUCCESS);
    for (i = 0; i < RECORDS; i++) {
        anew[i] = strdup(write_anew(lines.line[i], "1", world->pool));
        free(lines.line[i]);
    }
    result = verify_lines(world, anew, RECORDS, "\n", NULL);
    assert_int_equal(result.first_bad, 0);
    assert_int_equal(result.records, RECORDS);
    for (edit = 0; edit < sizeof(edits) / sizeof(*edits); edit++) {
        char *good = anew[2];

        anew[2] = apr_pstrdup(world->pool, write_anew(good, edits[edit], world->pool));
        result = verify_lines(world, anew, RECORDS, "\n", NULL);
        assert_int_equal(result.first_bad, 3);
        anew[2] = good;
    }
    for (i = 0; i < RECORDS; i++) {
        free(anew[i]);
    }
}

/** A sealed trail's copies carry an anchor that is not part of the hash. */
static void test_anchor_is_not_hashed(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    amlaps_verify_t result;
    lines_t lines = { .count = 0 };
    amlaps_json_t *json;
    char *anchored;
    int i;

    write_some(world);
    assert_int_equal(amlaps_trail_each(&error, world->store, keep_line, &lines, world->pool), APR_SUCCESS);
    assert_int_equal(amlaps_json_parse(&json, NULL, lines.line[0], strlen(lines.line[0]), world->pool), APR_SUCCESS);
    amlaps_json_set_text(json, "anchor", apr_psprintf(world->pool, "%064d", 7));
    anchored = apr_pstrdup(world->pool, amlaps_json_canonical(json, world->pool));
    result = verify_lines(world, &anchored, 1, "\n", NULL);
    assert_int_equal(result.first_bad, 0);
    assert_int_equal(result.records, 1);
    for (i = 0; i < RECORDS; i++) {
        free(lines.line[i]);
    }
}

/** The hash is over the record before, whatever `prev` says: both must be the same. */
static void test_false_prev(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    amlaps_verify_t result;
    char line[4096] = "";
    char zeros[65];
    char hash[65];
    amlaps_json_t *json;
    const char *body;
    char *forged;

    write_some(world);
    memset(zeros, '0', 64);
    zeros[64] = '\0';
    assert_int_equal(amlaps_trail_each(&error, world->store, first_line, line, world->pool), APR_SUCCESS);
    assert_int_equal(amlaps_json_parse(&json, NULL, line, strlen(line), world->pool), APR_SUCCESS);
    amlaps_json_remove(json, "hash");
    amlaps_json_set_text(json, "prev", "ffff");
    body = amlaps_json_canonical(json, world->pool);
    amlaps_record_hash(hash, amlaps_digest_make(world->pool), zeros, body, strlen(body));
    amlaps_json_set_text(json, "hash", hash);
    forged = apr_pstrdup(world->pool, amlaps_json_canonical(json, world->pool));
    result = verify_lines(world, &forged, 1, "\n", NULL);
    assert_int_equal(result.first_bad, 1);
    assert_int_equal(result.records, 0);
}

static void test_goes_on_after_restart(void **state)
{
    world_t *world = *state;

    write_some(world);
    write_some(world);
    world_verify_good(world, 2L * RECORDS);
}

/** A probe writes, and nothing of it is in the trail. */
static void test_probe_leaves_no_trace(void **state)
{
    world_t *world = *state;

    world_open(world);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    assert_int_equal(amlaps_trail_probe(world->trail), 1);
    world_pass(SECONDS(10));
    assert_int_equal(amlaps_trail_probe(world->trail), 1);
    assert_int_equal(world_admit(world, "alice", NULL), AMLAPS_OK);
    world_close(world);
    world_verify_good(world, 2);
}

static const struct CMUnitTest tests[] = {
    WORLD_TEST(test_chain_by_other_means), WORLD_TEST(test_first_record_word_for_word), WORLD_TEST(test_attacks), WORLD_TEST(test_attacks_on_columns),
    WORLD_TEST(test_files),
    WORLD_TEST(test_last_line_without_end), WORLD_TEST(test_copies_written_anew),
    WORLD_TEST(test_anchor_is_not_hashed), WORLD_TEST(test_false_prev), WORLD_TEST(test_goes_on_after_restart),
    WORLD_TEST(test_probe_leaves_no_trace)
};

WORLD_MAIN(tests)
