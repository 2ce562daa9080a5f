/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "blocked.h"

#include <pthread.h>
#include <string.h>

#define SETS 256
#define WAYS 4

typedef struct entry_t {
    amlaps_touch_t touch;
    apr_time_t until; /* of the steady clock; 0: free */
} entry_t;

struct amlaps_blocked_t {
    pthread_mutex_t mutex;
    _Atomic apr_time_t until; /* the latest of all that were ever noted; changed under the mutex */
    entry_t entry[SETS][WAYS];
};

amlaps_blocked_t *amlaps_blocked_make(apr_pool_t *pool)
{
    amlaps_blocked_t *blocked = apr_pcalloc(pool, sizeof(*blocked));

    pthread_mutex_init(&blocked->mutex, NULL);
    return blocked;
}

/** Keys are hexadecimal digits of a hash, so any two bytes of one spread well. */
static entry_t *set_of(amlaps_blocked_t *blocked, const amlaps_touch_t *touch)
{
    unsigned a = (unsigned char)touch->key[0], b = (unsigned char)touch->key[1];

    return blocked->entry[((a & 0xF) + (a >> 6) * 9 + (((b & 0xF) + (b >> 6) * 9) << 4)) % SETS];
}

static int is_same(const entry_t *entry, const amlaps_touch_t *touch)
{
    return entry->until != 0 && entry->touch.scope == touch->scope && strcmp(entry->touch.key, touch->key) == 0;
}

void amlaps_blocked_note(amlaps_blocked_t *blocked, const amlaps_touch_t *touch, apr_interval_time_t time, apr_time_t now)
{
    entry_t *set = set_of(blocked, touch);
    entry_t *place = &set[0];
    int i;

    pthread_mutex_lock(&blocked->mutex);
    for (i = 1; i < WAYS && !is_same(place, touch); i++) {
        if (is_same(&set[i], touch) || set[i].until < place->until) {
            place = &set[i];
        }
    }
    place->touch = *touch;
    place->until = now + time;
    if (place->until > blocked->until) {
        blocked->until = place->until;
    }
    pthread_mutex_unlock(&blocked->mutex);
}

int amlaps_blocked_any(amlaps_blocked_t *blocked, apr_time_t now)
{
    return blocked->until > now;
}

apr_interval_time_t amlaps_blocked_left(amlaps_blocked_t *blocked, const amlaps_touch_t *touch, apr_time_t now)
{
    const entry_t *set = set_of(blocked, touch);
    apr_interval_time_t left = 0;
    int i;

    pthread_mutex_lock(&blocked->mutex);
    for (i = 0; i < WAYS; i++) {
        if (is_same(&set[i], touch) && set[i].until > now) {
            left = set[i].until - now;
        }
    }
    pthread_mutex_unlock(&blocked->mutex);
    return left;
}
