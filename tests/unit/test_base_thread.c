/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "amlaps/base.h"
#include "amlaps/thread.h"

static void *read_mask(void *baton)
{
    pthread_sigmask(SIG_SETMASK, NULL, baton);
    return NULL;
}

static void a_thread_takes_no_signals_and_its_maker_still_does(void **state)
{
    sigset_t inside, before, after;
    pthread_t thread;
    int number;

    (void)state;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_int_equal(amlaps_thread_start(&thread, read_mask, &inside), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_int_equal(sigismember(&inside, SIGTERM), 1);
    assert_int_equal(sigismember(&inside, SIGUSR1), 1);
    for (number = 1; number < SIGRTMIN; number++) {
        assert_int_equal(sigismember(&after, number), sigismember(&before, number));
    }
}

static apr_time_t time_of(struct timespec time)
{
    return apr_time_from_sec(time.tv_sec) + time.tv_nsec / 1000;
}

static void a_moment_is_on_the_steady_clock(void **state)
{
    static const apr_interval_time_t waits[] = { 0, 1, 999999, 1000000, 1999999, 8000000 };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
        const apr_time_t before = amlaps_clock_steady(amlaps_clock_system());
        const struct timespec until = amlaps_thread_until(waits[i]);
        const apr_time_t after = amlaps_clock_steady(amlaps_clock_system());

        assert_in_range(until.tv_nsec, 0, 999999999);
        assert_true(time_of(until) - waits[i] >= before && time_of(until) - waits[i] <= after);
    }
}

static void a_wait_ends_on_the_steady_clock(void **state)
{
    const apr_time_t start = amlaps_clock_steady(amlaps_clock_system());
    const struct timespec until = amlaps_thread_until(20000);
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition;
    int failed = 0;

    (void)state;
    assert_int_equal(amlaps_thread_condition(&condition), 0);
    pthread_mutex_lock(&mutex);
    while (!failed) {
        failed = pthread_cond_timedwait(&condition, &mutex, &until);
    }
    pthread_mutex_unlock(&mutex);
    pthread_cond_destroy(&condition);
    assert_int_equal(failed, ETIMEDOUT);
    /* On the wall clock that moment was decades ago, and the wait would have ended at once. */
    assert_true(amlaps_clock_steady(amlaps_clock_system()) - start >= 20000);
}

static void a_latch_that_was_turned_lets_go_on_at_once(void **state)
{
    const struct timespec until = amlaps_thread_until(apr_time_from_sec(20));
    amlaps_latch_t latch = { 0 };
    const unsigned seen = amlaps_latch_look(&latch);

    (void)state;
    amlaps_latch_turn(&latch);
    assert_int_equal(amlaps_latch_wait(&latch, seen, &until), 1);
}

static void a_latch_that_nobody_turns_ends_with_its_time(void **state)
{
    const apr_time_t start = amlaps_clock_steady(amlaps_clock_system());
    const struct timespec until = amlaps_thread_until(20000);
    amlaps_latch_t latch = { 0 };

    (void)state;
    while (amlaps_latch_wait(&latch, 0, &until)) {
    }
    assert_true(amlaps_clock_steady(amlaps_clock_system()) - start >= 20000);
}

#define MOST_WAITERS 64
#define ROUNDS 200

typedef struct gate_t {
    amlaps_latch_t latch;
    atomic_int round; /* how often it was opened */
    atomic_int there; /* who goes to wait for the next time */
    atomic_int late;  /* who was not woken in time */
    atomic_int started;
    int processors;
} gate_t;

static void *pass_rounds(void *baton)
{
    gate_t *gate = baton;
    cpu_set_t set;
    int i;

    /* Wherever the system lets them run: threads of several processors wait at several places. */
    CPU_ZERO(&set);
    CPU_SET((atomic_fetch_add(&gate->started, 1)) % gate->processors, &set);
    (void)pthread_setaffinity_np(pthread_self(), sizeof(set), &set);

    for (i = 0; i < ROUNDS; i++) {
        const struct timespec until = amlaps_thread_until(apr_time_from_sec(20));

        atomic_fetch_add(&gate->there, 1);
        for (;;) {
            const unsigned seen = amlaps_latch_look(&gate->latch);

            if (atomic_load(&gate->round) > i) {
                break;
            }
            if (!amlaps_latch_wait(&gate->latch, seen, &until)) {
                atomic_fetch_add(&gate->late, 1);
                return NULL;
            }
        }
    }
    return NULL;
}

static void go_on_together(int waiters, int processors)
{
    pthread_t threads[MOST_WAITERS];
    gate_t gate = { .processors = processors };
    int i;

    for (i = 0; i < waiters; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, pass_rounds, &gate), 0);
    }
    for (i = 0; i < ROUNDS; i++) {
        while (atomic_load(&gate.there) < waiters * (i + 1) && atomic_load(&gate.late) == 0) {
            sched_yield();
        }
        atomic_store(&gate.round, i + 1);
        amlaps_latch_turn(&gate.latch);
    }
    for (i = 0; i < waiters; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&gate.late), 0);
}

static void a_latch_lets_all_go_on(void **state)
{
    (void)state;
    go_on_together(24, (int)sysconf(_SC_NPROCESSORS_ONLN));
}

static void a_latch_lets_one_or_two_of_a_processor_go_on(void **state)
{
    const int online = (int)sysconf(_SC_NPROCESSORS_ONLN);
    const int processors = online < MOST_WAITERS / 2 ? online : MOST_WAITERS / 2;

    (void)state;
    go_on_together(processors, processors);
    go_on_together(2 * processors, processors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_takes_no_signals_and_its_maker_still_does),
        cmocka_unit_test(a_moment_is_on_the_steady_clock),
        cmocka_unit_test(a_wait_ends_on_the_steady_clock),
        cmocka_unit_test(a_latch_that_was_turned_lets_go_on_at_once),
        cmocka_unit_test(a_latch_that_nobody_turns_ends_with_its_time),
        cmocka_unit_test(a_latch_lets_all_go_on),
        cmocka_unit_test(a_latch_lets_one_or_two_of_a_processor_go_on),
    };

    return cmocka_run_group_tests_name("base/thread", tests, NULL, NULL);
}
