/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * How fast a sealed trail is verified, with and without key and anchor file, against what any verifier must do at least, in the same run over
 * the same bytes: SHA-256 of them, and parsing them as JSON; and what sealing costs the writer. usage: verify [RECORDS [DIRECTORY]]
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "../../src/trail/batch.h"
#include "amlaps/sealing.h"
#include "amlaps/text.h"

typedef struct bench_t {
    const char *directory, *store, *state, *copy;
    amlaps_keys_t *keys;
    long records;
    apr_pool_t *pool;
} bench_t;

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void check(apr_status_t status, const amlaps_error_t *error)
{
    if (status != APR_SUCCESS) {
        fprintf(stderr, "%s\n", error->detail);
        exit(1);
    }
}

static void show(const char *what, long records, double seconds, double least)
{
    printf("%-44s %9.0f records/s  %5.2f µs each  %5.2f times the SHA-256\n", what, (double)records / seconds, 1e6 * seconds / (double)records,
           seconds / least);
}

static int keep_key(void *baton, const char *key)
{
    return amlaps_keys_add(((bench_t *)baton)->keys, key) == NULL;
}

/** Fills a trail batch by batch, as the writer does. @return seconds for each record without what the disk takes */
static double fill(bench_t *bench, const char *store, const char *state)
{
    amlaps_trail_shared_t *shared = amlaps_trail_share();
    amlaps_trail_sink_t sink = { .name = bench->copy, .fd = open(bench->copy, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600) };
    amlaps_batch_t batch = { .store = amlaps_store_make(store, shared, apr_time_from_sec(10), bench->pool), .shared = shared,
                             .digest = amlaps_digest_make(bench->pool), .clock = amlaps_clock_system() };
    char id[AMLAPS_GUID_LENGTH + 1];
    amlaps_record_t record = { .id = id, .stage = AMLAPS_STAGE_OUTCOME, .event = AMLAPS_EVENT_PASSWORD, .outcome = AMLAPS_OUTCOME_GRANTED,
                               .code = "ok", .oid = "4f0c8c55-7a9e-4b0e-8a57-51f2c1a4c0de", .tid = "8aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11",
                               .username = "alice@contoso.com", .name = "Alice Smith", .address = "10.1.2.3", .tenant = "contoso",
                               .device_id = "11111111-2222-4333-8444-555555555555", .device_name = "LON-001", .rule = "London helpdesk",
                               .reason = "INC0012345 \"VPN\" does not start" };
    amlaps_job_t *jobs[AMLAPS_BATCH_MOST];
    amlaps_error_t error = { 0 };
    apr_interval_time_t behind;
    struct timespec before, after;
    apr_pool_t *pool;
    long done;
    int i;

    apr_pool_create(&pool, bench->pool);
    batch.sinks = amlaps_sinks_make(store, &sink, 1, shared, bench->pool);
    batch.sealer = state != NULL ? amlaps_sealer_make(state, store, shared, bench->pool) : NULL;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    for (done = 0; done < bench->records; done += AMLAPS_BATCH_MOST) {
        for (i = 0; i < AMLAPS_BATCH_MOST; i++) {
            amlaps_text_new_guid(id);
            jobs[i] = amlaps_job_make(&record, 0, pool);
        }
        check(amlaps_batch_run(&batch, jobs, AMLAPS_BATCH_MOST, apr_time_from_sec(10), &behind, &error, pool), &error);
        check(batch.store->ops->tend(batch.store, &error), &error);
        for (i = 0; i < AMLAPS_BATCH_MOST; i++) {
            amlaps_job_free(jobs[i]);
        }
        apr_pool_clear(pool);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    batch.store->ops->close(batch.store);
    close(sink.fd);
    return ((double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9) / (double)done;
}

/* ---- what any verifier must do at least ---- */

typedef struct lines_t {
    amlaps_digest_t *digest;
    apr_pool_t *pool;
    long count;
} lines_t;

static double each_line(const bench_t *bench, void (*work)(lines_t *lines, const char *line, size_t length), long *count)
{
    lines_t lines = { amlaps_digest_make(bench->pool), NULL, 0 };
    FILE *file = fopen(bench->copy, "re");
    double start = now();
    char *line = NULL;
    size_t room = 0;
    ssize_t length;

    apr_pool_create(&lines.pool, bench->pool);
    while ((length = getline(&line, &room, file)) > 0) {
        work(&lines, line, (size_t)length - 1);
        lines.count++;
    }
    start = now() - start;
    free(line);
    fclose(file);
    *count = lines.count;
    return start;
}

static void hash_line(lines_t *lines, const char *line, size_t length)
{
    const amlaps_piece_t piece = { line, length };
    unsigned char sum[AMLAPS_DIGEST_BYTES];

    amlaps_digest_sum(sum, lines->digest, &piece, 1);
}

static void parse_line(lines_t *lines, const char *line, size_t length)
{
    amlaps_json_t *json;

    if (amlaps_json_parse(&json, NULL, line, length, lines->pool) != APR_SUCCESS) {
        exit(1);
    }
    if (lines->count % 64 == 0) {
        apr_pool_clear(lines->pool);
    }
}

/** Exits where it is not good. @return seconds */
static double verify(const bench_t *bench, const amlaps_verify_with_t *with, const char *file, long *records)
{
    amlaps_error_t error = { 0 };
    amlaps_verify_t result;
    double start = now();

    check(file != NULL ? amlaps_trail_verify_file(&result, &error, file, with, bench->pool)
                       : amlaps_trail_verify(&result, &error, bench->store, with, bench->pool), &error);
    if (result.first_bad != 0) {
        fprintf(stderr, "record %ld: %s\n", (long)result.first_bad, result.problem);
        exit(1);
    }
    *records = (long)result.records;
    return now() - start;
}

static void compare(bench_t *bench)
{
    amlaps_verify_with_t with = { .keys = bench->keys, .anchors = bench->copy, .state = bench->state };
    amlaps_verify_with_t key = { .keys = bench->keys };
    double least, other;
    long count;

    least = each_line(bench, hash_line, &count);
    show("SHA-256 of the lines alone", count, least, least);
    other = each_line(bench, parse_line, &count);
    show("the lines parsed by jansson alone", count, other, least);
    other = verify(bench, NULL, NULL, &count);
    show("verify the store", count, other, least);
    other = verify(bench, &key, NULL, &count);
    show("verify the store, with key", count, other, least);
    other = verify(bench, &with, NULL, &count);
    show("verify the store, with key, state, anchor file", count, other, least);
    /* The copy begins with record 2: amlaps-audit wrote the first one. */
    {
        char first[128] = "";
        amlaps_verify_with_t after = { .keys = bench->keys, .after = first };
        FILE *file = fopen(bench->copy, "re");
        char *line = NULL;
        size_t room = 0;

        if (getline(&line, &room, file) > 0) {
            snprintf(first, 65, "%s", strstr(line, "\"prev\":\"") + 8);
        }
        free(line);
        fclose(file);
        other = verify(bench, &after, bench->copy, &count);
        show("verify the copy, with key", count, other, least);
    }
}

int main(int argc, char **argv)
{
    bench_t bench = { .records = argc > 1 ? atol(argv[1]) : 200000 };
    amlaps_error_t error = { 0 };
    double plain, sealed;
    char *directory;

    apr_initialize();
    apr_pool_create(&bench.pool, NULL);
    directory = apr_pstrcat(bench.pool, argc > 2 ? argv[2] : P_tmpdir, "/amlaps-bench-XXXXXX", NULL);
    if (mkdtemp(directory) == NULL) {
        perror(directory);
        return 1;
    }
    bench.directory = directory;
    bench.copy = apr_pstrcat(bench.pool, directory, "/copy.jsonl", NULL);
    bench.store = apr_pstrcat(bench.pool, "sqlite3:", directory, "/plain.db", NULL);
    check(amlaps_trail_prepare(&error, bench.store, (uid_t)-1, (gid_t)-1, bench.pool), &error);
    plain = fill(&bench, bench.store, NULL);
    bench.store = apr_pstrcat(bench.pool, "sqlite3:", directory, "/amlaps.db", NULL);
    bench.state = apr_pstrcat(bench.pool, directory, "/amlaps.seal", NULL);
    bench.keys = amlaps_keys_make(bench.pool);
    check(amlaps_trail_seal(&error, bench.store, bench.state, "bench", keep_key, &bench, bench.pool), &error);
    sealed = fill(&bench, bench.store, bench.state);
    printf("writing costs %.2f µs of CPU a record, %.2f µs sealed (%.2f times)\n", 1e6 * plain, 1e6 * sealed, sealed / plain);
    compare(&bench);
    if (system(apr_pstrcat(bench.pool, "rm -rf '", directory, "'", NULL)) != 0) {
        return 1;
    }
    apr_terminate();
    return 0;
}
