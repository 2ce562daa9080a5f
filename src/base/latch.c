/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/thread.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <unistd.h>

#include <linux/futex.h>
#include <sys/syscall.h>

unsigned amlaps_latch_look(amlaps_latch_t *latch)
{
    return atomic_load(&latch->place[0].turns);
}

static amlaps_latch_place_t *place_of_this_processor(amlaps_latch_t *latch)
{
    const int processor = sched_getcpu();

    return &latch->place[processor < 0 ? 0 : processor % AMLAPS_LATCH_PLACES];
}

static void wake(amlaps_latch_place_t *place, int most)
{
    (void)syscall(SYS_futex, &place->turns, FUTEX_WAKE_PRIVATE, most, NULL, NULL, 0);
}

int amlaps_latch_wait(amlaps_latch_t *latch, unsigned seen, const struct timespec *until)
{
    amlaps_latch_place_t *place = place_of_this_processor(latch);
    int late;

    atomic_fetch_add(&place->waiting, 1);
    late = syscall(SYS_futex, &place->turns, FUTEX_WAIT_BITSET_PRIVATE, seen, until, NULL, FUTEX_BITSET_MATCH_ANY) != 0 && errno == ETIMEDOUT;
    if (atomic_fetch_sub(&place->waiting, 1) > 1 && atomic_load(&place->first) && atomic_exchange(&place->first, 0)) {
        wake(place, INT_MAX);
    }
    return !late;
}

void amlaps_latch_turn(amlaps_latch_t *latch)
{
    int i;

    for (i = 0; i < AMLAPS_LATCH_PLACES; i++) {
        atomic_fetch_add(&latch->place[i].turns, 1);
    }
    for (i = 0; i < AMLAPS_LATCH_PLACES; i++) {
        if (atomic_load(&latch->place[i].waiting) > 0) {
            atomic_store(&latch->place[i].first, 1);
            wake(&latch->place[i], 1);
        }
    }
}
