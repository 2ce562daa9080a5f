/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "shared.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <sys/mman.h>

#include "amlaps/digest.h"
#include "amlaps/meter.h"
#include "amlaps/thread.h"

#define CONDEMNED 16
#define KNOWN 64
/* Of many virtual hosts, and of reloads with other names: a copier may be at work with one of them, so that none should be forgotten. */
#define COPIES 1024

struct amlaps_trail_shared_t {
    pthread_mutex_t mutex;
    atomic_uint generation;
    atomic_uint told;
    struct {
        pthread_mutex_t mutex;
        amlaps_shared_key_t name; /* "": free */
    } lead[AMLAPS_LEADS];
    apr_int64_t offset; /* of the limits' clock to the steady one */
    int has_offset;
    int condemned_count;
    amlaps_shared_key_t condemned[CONDEMNED];
    int known_count;
    amlaps_shared_key_t known[KNOWN];
    int last_count;
    amlaps_shared_last_t last[KNOWN];
    amlaps_count_t written, refused;
    int copy_count;
    amlaps_copy_state_t copy[COPIES];
};

apr_size_t amlaps_trail_shared_size(void)
{
    return sizeof(amlaps_trail_shared_t);
}

amlaps_trail_shared_t *amlaps_trail_share(void)
{
    amlaps_trail_shared_t *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attributes;
    int failed;
    int i;

    if (shared == MAP_FAILED) {
        return NULL;
    }
    pthread_mutexattr_init(&attributes);
    failed = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED)
             || pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) || pthread_mutex_init(&shared->mutex, &attributes);
    for (i = 0; i < AMLAPS_LEADS && !failed; i++) {
        failed = pthread_mutex_init(&shared->lead[i].mutex, &attributes);
    }
    pthread_mutexattr_destroy(&attributes);
    if (failed) {
        munmap(shared, sizeof(*shared));
        return NULL;
    }
    return shared;
}

void amlaps_trail_restarted(amlaps_trail_shared_t *shared)
{
    atomic_fetch_add(&shared->generation, 1);
}

unsigned amlaps_shared_generation(const amlaps_trail_shared_t *shared)
{
    return atomic_load(&shared->generation);
}

/** @param died set to 1 where the last holder died */
static apr_status_t lock(pthread_mutex_t *mutex, apr_interval_time_t patience, int *died)
{
    const struct timespec until = amlaps_thread_until(patience);
    int failed = pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &until);

    *died = failed == EOWNERDEAD;
    if (*died) {
        failed = pthread_mutex_consistent(mutex);
    }
    return failed == 0 ? APR_SUCCESS : failed == ETIMEDOUT ? APR_TIMEUP : APR_FROM_OS_ERROR(failed);
}

apr_status_t amlaps_shared_lock(amlaps_trail_shared_t *shared, apr_interval_time_t patience, int *died)
{
    return lock(&shared->mutex, patience, died);
}

void amlaps_shared_unlock(amlaps_trail_shared_t *shared)
{
    pthread_mutex_unlock(&shared->mutex);
}

apr_time_t amlaps_shared_limit_time(amlaps_trail_shared_t *shared, const amlaps_clock_t *clock, apr_time_t wall, apr_time_t newest)
{
    apr_time_t steady = amlaps_clock_steady(clock);

    if (!shared->has_offset) {
        shared->offset = wall - steady;
        shared->has_offset = 1;
    }
    if (steady + shared->offset < newest) {
        shared->offset = newest - steady;
    }
    return steady + shared->offset;
}

void amlaps_shared_tell(amlaps_trail_shared_t *shared)
{
    atomic_fetch_add(&shared->told, 1);
}

unsigned amlaps_shared_told(const amlaps_trail_shared_t *shared)
{
    return atomic_load(&shared->told);
}

apr_status_t amlaps_shared_lead(amlaps_trail_shared_t *shared, int lead, apr_interval_time_t patience)
{
    int died;

    return lock(&shared->lead[lead].mutex, patience, &died);
}

void amlaps_shared_follow(amlaps_trail_shared_t *shared, int lead)
{
    pthread_mutex_unlock(&shared->lead[lead].mutex);
}

void amlaps_shared_key(amlaps_shared_key_t key, const char *store)
{
    const amlaps_piece_t piece = { store, strlen(store) };

    amlaps_digest_text(key, &piece, 1);
}

int amlaps_shared_lead_of(amlaps_trail_shared_t *shared, const char *name)
{
    amlaps_shared_key_t hash;
    int i;

    amlaps_shared_key(hash, name);
    for (i = 0; i < AMLAPS_LEADS && shared->lead[i].name[0] != '\0'; i++) {
        if (strcmp(shared->lead[i].name, hash) == 0) {
            return i;
        }
    }
    if (i == AMLAPS_LEADS) {
        return hash[0] % AMLAPS_LEADS;
    }
    memcpy(shared->lead[i].name, hash, sizeof(hash));
    return i;
}

static int is_among(const amlaps_shared_key_t *names, int count, const char *name)
{
    amlaps_shared_key_t hash;
    int i;

    if (count == 0) {
        return 0;
    }
    amlaps_shared_key(hash, name);
    for (i = 0; i < count && strcmp(names[i], hash) != 0; i++) {
    }
    return i < count;
}

void amlaps_shared_condemn(amlaps_trail_shared_t *shared, const char *name)
{
    if (amlaps_shared_is_condemned(shared, name)) {
        return;
    }
    if (shared->condemned_count < CONDEMNED) {
        amlaps_shared_key(shared->condemned[shared->condemned_count], name);
    }
    shared->condemned_count++;
}

int amlaps_shared_is_condemned(amlaps_trail_shared_t *shared, const char *name)
{
    /* Beyond what there is room for, nothing is trusted. */
    return shared->condemned_count > CONDEMNED || is_among(shared->condemned, shared->condemned_count, name);
}

int amlaps_trail_is_prepared(const amlaps_trail_shared_t *shared, const char *name)
{
    return is_among(shared->known, shared->known_count, name);
}

void amlaps_trail_note_prepared(amlaps_trail_shared_t *shared, const char *name)
{
    if (shared->known_count < KNOWN && !amlaps_trail_is_prepared(shared, name)) {
        amlaps_shared_key(shared->known[shared->known_count++], name);
    }
}

amlaps_shared_last_t *amlaps_shared_last(amlaps_trail_shared_t *shared, const amlaps_shared_key_t store)
{
    amlaps_shared_last_t *last;
    int i;

    for (i = 0; i < KNOWN && i < shared->last_count; i++) {
        if (strcmp(shared->last[i].store, store) == 0) {
            return &shared->last[i];
        }
    }
    last = &shared->last[shared->last_count++ % KNOWN];
    memset(last, 0, sizeof(*last));
    memcpy(last->store, store, sizeof(last->store));
    return last;
}

void amlaps_copy_key(char key[AMLAPS_COPY_KEY + 1], const char *store, const char *name)
{
    const amlaps_piece_t pieces[] = { { store, strlen(store) + 1 }, { name, strlen(name) } };

    amlaps_digest_text(key, pieces, 2);
}

amlaps_copy_state_t *amlaps_shared_copy(amlaps_trail_shared_t *shared, const char *key)
{
    amlaps_copy_state_t *copy;
    int i;

    for (i = 0; i < COPIES && i < shared->copy_count; i++) {
        if (strcmp(shared->copy[i].key, key) == 0) {
            return &shared->copy[i];
        }
    }
    copy = &shared->copy[shared->copy_count++ % COPIES];
    memset(copy, 0, sizeof(*copy));
    memcpy(copy->key, key, AMLAPS_COPY_KEY);
    return copy;
}

void amlaps_shared_count(amlaps_trail_shared_t *shared, int written)
{
    amlaps_count_add(written ? &shared->written : &shared->refused);
}

void amlaps_trail_counts(amlaps_trail_counts_t *counts, const amlaps_trail_shared_t *shared)
{
    counts->records = amlaps_count_read(&shared->written);
    counts->failures = amlaps_count_read(&shared->refused);
}
