/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "amlaps/meter.h"

static void test_bounds(void **state)
{
    amlaps_histogram_t histogram = { 0 };
    double before = 0;
    int i;

    (void)state;
    for (i = 0; i < AMLAPS_HISTOGRAM_BOUNDS; i++) {
        double bound = strtod(amlaps_histogram_bound(i), NULL);
        apr_interval_time_t exact = (apr_interval_time_t)(bound * 1000000 + 0.5);

        assert_true(bound > before);
        before = bound;
        /* A bound belongs to its bucket, what is above it to the next. */
        amlaps_histogram_add(&histogram, exact);
        amlaps_histogram_add(&histogram, exact + 1);
    }
    assert_int_equal(amlaps_count_read(&histogram.bucket[0]), 1);
    for (i = 1; i < AMLAPS_HISTOGRAM_BOUNDS; i++) {
        assert_int_equal(amlaps_count_read(&histogram.bucket[i]), 2);
    }
    assert_int_equal(amlaps_count_read(&histogram.bucket[AMLAPS_HISTOGRAM_BOUNDS]), 1);
}

static void test_what_is_no_time(void **state)
{
    amlaps_histogram_t histogram = { 0 };

    (void)state;
    amlaps_histogram_add(&histogram, 0);
    amlaps_histogram_add(&histogram, -5);
    assert_int_equal(amlaps_count_read(&histogram.bucket[0]), 2);
    assert_int_equal(amlaps_count_read(&histogram.microseconds), 0);
}

/** Processes that count at the same time, one of which is killed in the middle, lose nothing of the others'. */
static void test_processes(void **state)
{
    amlaps_count_t *count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t children[4], killed;
    int i, j, status;

    (void)state;
    assert_true(count != MAP_FAILED);
    killed = fork();
    if (killed == 0) {
        for (;;) {
            amlaps_count_add(count + 0);
            amlaps_count_add(count + 1);
        }
    }
    for (i = 0; i < 4; i++) {
        if ((children[i] = fork()) == 0) {
            for (j = 0; j < 100000; j++) {
                amlaps_count_add(count + 2);
            }
            _exit(0);
        }
    }
    kill(killed, SIGKILL);
    waitpid(killed, &status, 0);
    for (i = 0; i < 4; i++) {
        waitpid(children[i], &status, 0);
    }
    assert_int_equal(amlaps_count_read(count + 2), 400000);
    assert_in_range(amlaps_count_read(count + 0) - amlaps_count_read(count + 1), 0, 1);
    munmap(count, sizeof(*count));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_bounds), cmocka_unit_test(test_what_is_no_time), cmocka_unit_test(test_processes) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
