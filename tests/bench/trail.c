/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Records a second with many threads whose records share transactions, against one transaction for each record, in the same run on the same
 * disk; then how fast the trail is verified. usage: trail [SECONDS [DIRECTORY]]; without DIRECTORY beside the program, since a temporary directory may be no disk
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "amlaps/text.h"
#include "amlaps/trail.h"

#define MOST_THREADS 64

typedef struct load_t {
    amlaps_trail_t *trail;
    atomic_int stop;
    atomic_long records;
    pthread_mutex_t *alone; /* NULL, or what makes each record wait for the one before */
} load_t;

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int write_one(load_t *load, const amlaps_record_t *record, apr_pool_t *pool)
{
    amlaps_error_t error = { 0 };
    apr_status_t status;

    if (load->alone != NULL) {
        pthread_mutex_lock(load->alone);
    }
    status = record->stage == AMLAPS_STAGE_INTENT ? amlaps_trail_admit(&error, load->trail, record, pool)
                                                  : amlaps_trail_conclude(&error, load->trail, record, pool);
    if (load->alone != NULL) {
        pthread_mutex_unlock(load->alone);
    }
    if (status != APR_SUCCESS) {
        fprintf(stderr, "%s\n", error.detail);
        exit(1);
    }
    atomic_fetch_add(&load->records, 1);
    return 1;
}

static void *work(void *baton)
{
    load_t *load = baton;
    char id[AMLAPS_GUID_LENGTH + 1];
    char person[32];
    apr_pool_t *pool;

    apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
    while (!atomic_load(&load->stop)) {
        amlaps_record_t record = { .id = id, .event = AMLAPS_EVENT_PASSWORD, .oid = person, .tid = "8aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11",
                                   .username = "alice@contoso.com", .name = "Alice", .address = person, .tenant = "contoso",
                                   .device_id = id, .device_name = "LON-001", .rule = "London helpdesk", .reason = "INC0012345" };

        amlaps_text_new_guid(id);
        snprintf(person, sizeof(person), "person-%u", (unsigned)id[0] * 256U + (unsigned)id[1]);
        write_one(load, &record, pool);
        record.stage = AMLAPS_STAGE_OUTCOME;
        record.outcome = AMLAPS_OUTCOME_GRANTED;
        record.code = "ok";
        write_one(load, &record, pool);
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
    return NULL;
}

static double measure(amlaps_trail_t *trail, int threads, pthread_mutex_t *alone, double seconds)
{
    load_t load = { .trail = trail, .alone = alone };
    pthread_t thread[MOST_THREADS];
    struct timespec pause = { (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) };
    double start = now();
    int i;

    for (i = 0; i < threads; i++) {
        pthread_create(&thread[i], NULL, work, &load);
    }
    nanosleep(&pause, NULL);
    atomic_store(&load.stop, 1);
    for (i = 0; i < threads; i++) {
        pthread_join(thread[i], NULL);
    }
    return (double)atomic_load(&load.records) / (now() - start);
}

static void check(apr_status_t status, const amlaps_error_t *error)
{
    if (status != APR_SUCCESS) {
        fprintf(stderr, "%s\n", error->detail);
        exit(1);
    }
}

static void verify(const char *store, apr_pool_t *pool)
{
    amlaps_error_t error = { 0 };
    amlaps_verify_t result;
    double start = now();

    check(amlaps_trail_verify(&result, &error, store, pool), &error);
    if (result.first_bad != 0) {
        fprintf(stderr, "record %ld: %s\n", (long)result.first_bad, result.problem);
        exit(1);
    }
    printf("verified                     %9.0f records/s (%ld records)\n", (double)result.records / (now() - start), (long)result.records);
}

int main(int argc, char **argv)
{
    static pthread_mutex_t alone = PTHREAD_MUTEX_INITIALIZER;
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    static const char *const limit_texts[] = { "1000000/minute", "1000000/hour", "1000000/day" };
    amlaps_limit_t limits[6];
    amlaps_trail_config_t config = { .timeout = apr_time_from_sec(10), .limits = limits, .limit_count = 6, .clock = amlaps_clock_system() };
    amlaps_error_t error = { 0 };
    amlaps_trail_t *trail;
    apr_pool_t *pool;
    apr_pool_t *child;
    double seconds = argc > 1 ? atof(argv[1]) : 3;
    char *directory;
    double single, group;
    int i;

    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return 1;
    }
    directory = argc > 2 ? apr_pstrcat(pool, argv[2], "/trail-XXXXXX", NULL) : apr_pstrcat(pool, argv[0], "-XXXXXX", NULL);
    if (mkdtemp(directory) == NULL) {
        perror(directory);
        return 1;
    }
    for (i = 0; i < 6; i++) {
        amlaps_limit_parse(&limits[i], i < 3 ? AMLAPS_LIMIT_USER : AMLAPS_LIMIT_ADDRESS, limit_texts[i % 3], pool);
    }
    config.store = apr_psprintf(pool, "sqlite3:%s/bench.db", realpath(directory, NULL));
    check(amlaps_trail_prepare(&error, config.store, (uid_t)-1, (gid_t)-1, pool), &error);
    apr_pool_create(&child, pool);
    check(amlaps_trail_open(&trail, &error, &config, amlaps_trail_share(), child), &error);
    single = measure(trail, MOST_THREADS, &alone, seconds);
    printf("one transaction a record     %9.0f records/s\n", single);
    for (i = 1; i <= MOST_THREADS; i *= 4) {
        group = measure(trail, i, NULL, seconds);
        printf("grouped, %2d threads          %9.0f records/s (%.1f times)\n", i, group, group / single);
    }
    apr_pool_destroy(child);
    verify(config.store, pool);
    for (i = 0; i < 3; i++) {
        unlink(apr_pstrcat(pool, config.store + sizeof("sqlite3:") - 1, suffixes[i], NULL));
    }
    rmdir(directory);
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}
