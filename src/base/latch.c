/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/thread.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include <linux/futex.h>
#include <sys/syscall.h>

unsigned amlaps_latch_look(amlaps_latch_t *latch)
{
    return atomic_load(&latch->turns);
}

static void wake(amlaps_latch_t *latch, int most)
{
    (void)syscall(SYS_futex, &latch->turns, FUTEX_WAKE_PRIVATE, most, NULL, NULL, 0);
}

int amlaps_latch_wait(amlaps_latch_t *latch, unsigned seen, const struct timespec *until)
{
    if (syscall(SYS_futex, &latch->turns, FUTEX_WAIT_BITSET_PRIVATE, seen, until, NULL, FUTEX_BITSET_MATCH_ANY) == 0) {
        if (atomic_exchange(&latch->first, 0)) {
            wake(latch, INT_MAX);
        }
        return 1;
    }
    return errno != ETIMEDOUT;
}

void amlaps_latch_turn(amlaps_latch_t *latch)
{
    atomic_store(&latch->first, 1);
    atomic_fetch_add(&latch->turns, 1);
    wake(latch, 1);
}
