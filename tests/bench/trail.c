/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Records a second with many threads whose records share transactions, against one transaction for each record, in the same run on the same
 * disk; then how fast the trail is verified. Over SQLite, and beside it over the database that AMLAPS_TEST_PGSQL names (tests/lib/with-postgres.mjs).
 * usage: trail [SECONDS [DIRECTORY]]; without DIRECTORY beside the program, since a temporary directory may be no disk
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
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

/** Exits where the trail is not good. @return records a second */
static double verify(const char *store, apr_pool_t *pool)
{
    amlaps_error_t error = { 0 };
    amlaps_verify_t result;
    double start = now();

    check(amlaps_trail_verify(&result, &error, store, NULL, pool), &error);
    if (result.first_bad != 0) {
        fprintf(stderr, "record %ld: %s\n", (long)result.first_bad, result.problem);
        exit(1);
    }
    return (double)result.records / (now() - start);
}

#define STORES 2
#define GROUPS 4 /* 1, 4, 16, 64 threads */

typedef struct figures_t {
    double single, group[GROUPS], verified;
} figures_t;

static void measure_store(figures_t *figures, const char *store, double seconds, apr_pool_t *pool)
{
    static pthread_mutex_t alone = PTHREAD_MUTEX_INITIALIZER;
    static const char *const limit_texts[] = { "1000000/minute", "1000000/hour", "1000000/day" };
    amlaps_limit_t limits[6];
    amlaps_trail_config_t config = { .store = store, .timeout = apr_time_from_sec(10), .limits = limits, .limit_count = 6,
                                     .clock = amlaps_clock_system() };
    amlaps_error_t error = { 0 };
    amlaps_trail_t *trail;
    apr_pool_t *child;
    int i;

    for (i = 0; i < 6; i++) {
        amlaps_limit_parse(&limits[i], i < 3 ? AMLAPS_LIMIT_USER : AMLAPS_LIMIT_ADDRESS, limit_texts[i % 3], pool);
    }
    check(amlaps_trail_prepare(&error, store, (uid_t)-1, (gid_t)-1, pool), &error);
    apr_pool_create(&child, pool);
    check(amlaps_trail_open(&trail, &error, &config, amlaps_trail_share(), child), &error);
    figures->single = measure(trail, MOST_THREADS, &alone, seconds);
    for (i = 0; i < GROUPS; i++) {
        figures->group[i] = measure(trail, 1 << 2 * i, NULL, seconds);
    }
    apr_pool_destroy(child);
    figures->verified = verify(store, pool);
}

static void print_row(const char *what, const figures_t *figures, int stores, apr_size_t place)
{
    int i;

    printf("%-28s", what);
    for (i = 0; i < stores; i++) {
        const char *start = (const char *)&figures[i];
        double figure;

        memcpy(&figure, start + place, sizeof(figure));
        printf(" %9.0f (%4.1f times)", figure, figure / figures[i].single);
    }
    putchar('\n');
}

static void print_all(const figures_t *figures, int stores)
{
    char what[32];
    apr_size_t i;

    printf("%-28s%23s%s\n", "records/s", "SQLite", stores > 1 ? "             PostgreSQL" : "");
    print_row("one transaction a record", figures, stores, offsetof(figures_t, single));
    for (i = 0; i < GROUPS; i++) {
        snprintf(what, sizeof(what), "grouped, %2d threads", 1 << 2 * i);
        print_row(what, figures, stores, offsetof(figures_t, group) + i * sizeof(double));
    }
    print_row("verified", figures, stores, offsetof(figures_t, verified));
}

int main(int argc, char **argv)
{
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    const char *conninfo = getenv("AMLAPS_TEST_PGSQL");
    double seconds = argc > 1 ? atof(argv[1]) : 3;
    figures_t figures[STORES];
    const char *file;
    char *directory;
    apr_pool_t *pool;
    int i;

    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return 1;
    }
    directory = argc > 2 ? apr_pstrcat(pool, argv[2], "/trail-XXXXXX", NULL) : apr_pstrcat(pool, argv[0], "-XXXXXX", NULL);
    if (mkdtemp(directory) == NULL) {
        perror(directory);
        return 1;
    }
    file = apr_pstrcat(pool, realpath(directory, NULL), "/bench.db", NULL);
    measure_store(&figures[0], apr_pstrcat(pool, "sqlite3:", file, NULL), seconds, pool);
    if (conninfo != NULL) {
        measure_store(&figures[1], apr_pstrcat(pool, "pgsql:", conninfo, NULL), seconds, pool);
    }
    print_all(figures, conninfo != NULL ? 2 : 1);
    for (i = 0; i < 3; i++) {
        unlink(apr_pstrcat(pool, file, suffixes[i], NULL));
    }
    rmdir(directory);
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}
