/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Eleven attacks on a sealed trail by two attackers. One can write to the store's file and knows how records are chained and sealed. The other
 * one was root at some moment: he has the sealing state of that moment too, its key, and may write another. Neither has the copies, which are
 * elsewhere, nor the first key. Everything that they can compute, they compute right.
 */

#include "trail_sealed.h"

#include "../../src/trail/record.h"
#include "../../src/trail/seal_file.h"

#define RECORDS 101
#define VICTIM 40  /* the record that is about the attacker */
#define SNAPSHOT 61

typedef enum attacker_t { WITH_THE_FILE, ROOT, ATTACKERS } attacker_t;

typedef struct forged_t {
    amlaps_json_t *json;
    char hash[65], anchor[65];
} forged_t;

typedef struct trail_t {
    world_t *world;
    amlaps_digest_t *digest;
    forged_t record[2 * RECORDS];
    int count;
    amlaps_seal_t state;     /* of the moment of the attack */
    amlaps_seal_t now;       /* what root will leave as the state */
    char *old_store, *old_state;
    size_t old_store_length, old_state_length;
} trail_t;

/* ---- what any attacker can do ---- */

static int take_record(void *baton, apr_int64_t seq, const char *line)
{
    trail_t *trail = baton;
    forged_t *record = &trail->record[seq - 1];

    assert_int_equal(amlaps_json_parse(&record->json, NULL, line, strlen(line), trail->world->pool), APR_SUCCESS);
    snprintf(record->hash, 65, "%s", amlaps_json_member_text(record->json, "hash"));
    snprintf(record->anchor, 65, "%s", amlaps_json_member_text(record->json, "anchor"));
    amlaps_json_remove(record->json, "hash");
    amlaps_json_remove(record->json, "anchor");
    trail->count = (int)seq;
    return 1;
}

static void read_trail(trail_t *trail)
{
    amlaps_error_t error = { 0 };

    assert_int_equal(amlaps_trail_each(&error, trail->world->store, take_record, trail, trail->world->pool), APR_SUCCESS);
    assert_int_equal(trail->count, RECORDS);
    assert_int_equal(amlaps_seal_file_peek(&trail->state, sealed_state, &error, trail->world->pool), APR_SUCCESS);
    trail->now = trail->state;
}

static amlaps_json_t *copy_of(const trail_t *trail, int index)
{
    const char *text = amlaps_json_canonical(trail->record[index].json, trail->world->pool);
    amlaps_json_t *json;

    assert_int_equal(amlaps_json_parse(&json, NULL, text, strlen(text), trail->world->pool), APR_SUCCESS);
    return json;
}

/** Chains from a record on as the module would, and seals with the best key that the attacker has. */
static void chain_again(trail_t *trail, int from, attacker_t attacker)
{
    amlaps_seal_t seal = trail->state;
    int i;

    if (attacker == WITH_THE_FILE) {
        memset(seal.key, 'k', sizeof(seal.key));
    }
    memset(seal.anchor, 0, sizeof(seal.anchor));
    if (from > 0) {
        assert_true(amlaps_digest_read_hex(seal.anchor, trail->record[from - 1].anchor));
    }
    seal.seq = from;
    for (i = from; i < trail->count; i++) {
        forged_t *record = &trail->record[i];
        const char *body;
        char zeros[65];

        snprintf(zeros, sizeof(zeros), "%064d", 0);
        amlaps_json_set_integer(record->json, "seq", i + 1);
        amlaps_json_set_text(record->json, "prev", i > 0 ? trail->record[i - 1].hash : zeros);
        body = amlaps_json_canonical(record->json, trail->world->pool);
        amlaps_record_hash(record->hash, trail->digest, i > 0 ? trail->record[i - 1].hash : zeros, body, strlen(body));
        amlaps_seal_step(&seal, trail->digest, record->hash);
        amlaps_seal_anchor(record->anchor, &seal);
    }
    trail->now = seal;
    trail->now.first = 1;
}

/** The state that ends where the records do. */
static void end_state(trail_t *trail)
{
    const forged_t *last = &trail->record[trail->count - 1];

    trail->now.seq = trail->count;
    memcpy(trail->now.head, last->hash, sizeof(last->hash));
    assert_true(amlaps_digest_read_hex(trail->now.anchor, last->anchor));
}

static void bind_text(sqlite3_stmt *statement, int place, const char *text)
{
    sqlite3_bind_text(statement, place, text, -1, SQLITE_TRANSIENT);
}

static void write_row(sqlite3_stmt *statement, const trail_t *trail, int index)
{
    const forged_t *record = &trail->record[index];
    amlaps_json_t *json = copy_of(trail, index);
    apr_time_t time = 0;

    assert_true(amlaps_text_read_time(&time, amlaps_json_member_text(json, "time")));
    amlaps_json_set_text(json, "hash", record->hash);
    sqlite3_bind_int64(statement, 1, index + 1);
    sqlite3_bind_int64(statement, 2, time / 1000);
    bind_text(statement, 3, amlaps_json_canonical(json, trail->world->pool));
    bind_text(statement, 4, record->hash);
    bind_text(statement, 5, record->anchor);
    assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
    sqlite3_reset(statement);
}

static void write_state(const trail_t *trail)
{
    amlaps_error_t error = { 0 };

    amlaps_seal_file_remove(sealed_state);
    assert_int_equal(amlaps_seal_file_create(sealed_state, &trail->now, (uid_t)-1, (gid_t)-1, &error, trail->world->pool), APR_SUCCESS);
}

static void write_trail(trail_t *trail, attacker_t attacker)
{
    sqlite3_stmt *statement;
    sqlite3 *db;
    int i;

    assert_int_equal(sqlite3_open(trail->world->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN; DELETE FROM record", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "INSERT INTO record(seq, time, body, hash, anchor) VALUES(?, ?, ?, ?, ?)", -1, &statement, NULL),
                     SQLITE_OK);
    for (i = 0; i < trail->count; i++) {
        write_row(statement, trail, i);
    }
    sqlite3_finalize(statement);
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    if (attacker == ROOT) {
        end_state(trail);
        write_state(trail);
    }
}

static void whitewash(trail_t *trail, int index)
{
    amlaps_json_t *actor = amlaps_json_member(trail->record[index].json, "actor");

    amlaps_json_set_text(actor, "username", "bob");
}

/* ---- the eleven; each returns the first record that is not what it was ---- */

static int edit_in_place(trail_t *trail, attacker_t attacker)
{
    whitewash(trail, VICTIM - 1);
    write_trail(trail, attacker);
    return VICTIM;
}

static int edit(trail_t *trail, attacker_t attacker)
{
    whitewash(trail, VICTIM - 1);
    chain_again(trail, VICTIM - 1, attacker);
    write_trail(trail, attacker);
    return VICTIM;
}

static int delete(trail_t *trail, attacker_t attacker)
{
    memmove(&trail->record[VICTIM - 1], &trail->record[VICTIM], (size_t)(trail->count - VICTIM) * sizeof(forged_t));
    trail->count--;
    chain_again(trail, VICTIM - 1, attacker);
    write_trail(trail, attacker);
    return VICTIM;
}

static int insert(trail_t *trail, attacker_t attacker)
{
    memmove(&trail->record[VICTIM], &trail->record[VICTIM - 1], (size_t)(trail->count - VICTIM + 1) * sizeof(forged_t));
    trail->count++;
    trail->record[VICTIM - 1].json = copy_of(trail, VICTIM);
    whitewash(trail, VICTIM - 1);
    chain_again(trail, VICTIM - 1, attacker);
    write_trail(trail, attacker);
    return VICTIM;
}

static int reorder(trail_t *trail, attacker_t attacker)
{
    amlaps_json_t *first = trail->record[VICTIM - 1].json;
    amlaps_json_t *time = amlaps_json_member(first, "time");

    trail->record[VICTIM - 1].json = trail->record[VICTIM].json;
    trail->record[VICTIM].json = first;
    amlaps_json_set_text(trail->record[VICTIM - 1].json, "time", apr_pstrdup(trail->world->pool, amlaps_json_text(time)));
    chain_again(trail, VICTIM - 1, attacker);
    write_trail(trail, attacker);
    return VICTIM;
}

static int rewrite(trail_t *trail, attacker_t attacker)
{
    int i;

    for (i = 1; i < trail->count; i++) {
        whitewash(trail, i);
    }
    amlaps_json_set_text(trail->record[0].json, "id", "0c6a0f0e-0000-4000-8000-00000000ffff");
    chain_again(trail, 0, attacker);
    write_trail(trail, attacker);
    return 1;
}

static int truncate_tail(trail_t *trail, attacker_t attacker)
{
    trail->count = RECORDS - 10;
    write_trail(trail, attacker);
    return RECORDS - 9;
}

static int truncate_to_one(trail_t *trail, attacker_t attacker)
{
    trail->count = 1;
    write_trail(trail, attacker);
    return 2;
}

static int truncate_and_go_on(trail_t *trail, attacker_t attacker)
{
    int i;

    for (i = VICTIM - 1; i < trail->count; i++) {
        whitewash(trail, i);
        amlaps_json_set_text(trail->record[i].json, "reason", "INC0099999");
    }
    chain_again(trail, VICTIM - 1, attacker);
    write_trail(trail, attacker);
    return VICTIM;
}

static int restore(trail_t *trail, attacker_t attacker)
{
    sealed_put(trail->world->path, trail->old_store, trail->old_store_length);
    unlink(apr_pstrcat(trail->world->pool, trail->world->path, "-wal", NULL));
    unlink(apr_pstrcat(trail->world->pool, trail->world->path, "-shm", NULL));
    if (attacker == ROOT) {
        sealed_put(sealed_state, trail->old_state, trail->old_state_length);
    }
    return SNAPSHOT + 1;
}

static int begin_anew(trail_t *trail, attacker_t attacker)
{
    trail->count = 21;
    amlaps_json_set_text(trail->record[0].json, "id", "0c6a0f0e-0000-4000-8000-00000000fffe");
    memset(trail->state.key, 'n', sizeof(trail->state.key));
    chain_again(trail, 0, attacker);
    write_trail(trail, attacker);
    return 1;
}

/* ---- what finds them ---- */

typedef struct attack_t {
    const char *name;
    int (*run)(trail_t *trail, attacker_t attacker);
} attack_t;

static const attack_t attacks[] = {
    { "edit in place", edit_in_place }, { "edit, chained again", edit }, { "delete, chained again", delete },
    { "insert, chained again", insert }, { "reorder, chained again", reorder }, { "whole rewrite", rewrite },
    { "cut the end off", truncate_tail }, { "cut to one record", truncate_to_one }, { "cut and go on", truncate_and_go_on },
    { "restore an old copy", restore }, { "new key, new beginning", begin_anew }
};

#define ATTACKS (sizeof(attacks) / sizeof(*attacks))

/** The record that is named by a check with each means; 0: not found. */
typedef struct found_t {
    int expected;
    long chain, key, key_and_state, anchor, all;
} found_t;

static void snapshot(trail_t *trail)
{
    world_tamper(trail->world, "PRAGMA wal_checkpoint(TRUNCATE)");
    trail->old_store = sealed_take(trail->world, trail->world->path, &trail->old_store_length);
    trail->old_state = sealed_take(trail->world, sealed_state, &trail->old_state_length);
}

static found_t run_attack(const attack_t *attack, attacker_t attacker)
{
    void *state = NULL;
    static trail_t trail;
    found_t found;

    assert_int_equal(sealed_setup(&state), 0);
    memset(&trail, 0, sizeof(trail));
    trail.world = state;
    trail.digest = amlaps_digest_make(trail.world->pool);
    world_open(trail.world);
    sealed_write(trail.world, (SNAPSHOT - 1) / 2);
    world_close(trail.world);
    snapshot(&trail);
    world_open(trail.world);
    sealed_write(trail.world, (RECORDS - SNAPSHOT) / 2);
    world_close(trail.world);
    assert_int_equal(sealed_verify(trail.world, WITH_ALL).first_bad, 0);
    read_trail(&trail);
    found.expected = attack->run(&trail, attacker);
    found.chain = (long)sealed_verify(trail.world, 0).first_bad;
    found.key = (long)sealed_verify(trail.world, WITH_KEY).first_bad;
    found.key_and_state = (long)sealed_verify(trail.world, WITH_KEY | WITH_STATE).first_bad;
    found.anchor = (long)sealed_verify(trail.world, WITH_ANCHOR).first_bad;
    found.all = (long)sealed_verify(trail.world, WITH_ALL).first_bad;
    sealed_teardown(&state);
    return found;
}

static void test_all_are_found_and_named(void **state)
{
    int missed_by_chain = 0, missed_by_key = 0, missed_by_key_and_state = 0;
    size_t i;
    int attacker;

    (void)state;
    print_message("%-24s %-8s first changed, then named by: chain, key, key and state, anchor, all\n", "attack", "by");
    for (i = 0; i < ATTACKS; i++) {
        for (attacker = 0; attacker < ATTACKERS; attacker++) {
            found_t found = run_attack(&attacks[i], (attacker_t)attacker);

            print_message("%-24s %-8s %3d: %3ld %3ld %3ld %3ld %3ld\n", attacks[i].name, attacker == ROOT ? "root" : "file", found.expected,
                          found.chain, found.key, found.key_and_state, found.anchor, found.all);
            missed_by_chain += found.chain == 0;
            missed_by_key += found.key == 0;
            missed_by_key_and_state += found.key_and_state == 0;
            assert_int_equal(found.all, found.expected);
            /* The copy begins with httpd's first record; the one before it is amlaps-audit's. */
            assert_int_equal(found.anchor, found.expected < 2 ? 2 : found.expected);
        }
    }
    /* As docs/audit.md says. */
    assert_int_equal(missed_by_chain, 20);
    assert_int_equal(missed_by_key, 6);
    assert_int_equal(missed_by_key_and_state, 1);
}

static const struct CMUnitTest tests[] = { cmocka_unit_test(test_all_are_found_and_named) };

WORLD_MAIN(tests)
