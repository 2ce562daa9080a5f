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

int amlaps_latch_wait(amlaps_latch_t *latch, unsigned seen, const struct timespec *until)
{
    return syscall(SYS_futex, &latch->turns, FUTEX_WAIT_BITSET_PRIVATE, seen, until, NULL, FUTEX_BITSET_MATCH_ANY) == 0 || errno != ETIMEDOUT;
}

void amlaps_latch_turn(amlaps_latch_t *latch)
{
    atomic_fetch_add(&latch->turns, 1);
    (void)syscall(SYS_futex, &latch->turns, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
