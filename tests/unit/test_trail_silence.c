/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* A sealed trail that is silent says that it is alive, so that whoever watches its copies can tell a quiet day from a trail that was cut off. */

#include "trail_sealed.h"

#include <sys/prctl.h>

static long beats_of(world_t *world)
{
    return world_number(world, "SELECT count(*) FROM record WHERE body LIKE '%\"code\":\"alive\"%'");
}

#define SILENCE 0.3 /* seconds */

/** Records for a second, and no beat among them but where this machine itself paused for long enough. @return when the last began */
static double be_busy(world_t *world)
{
    const double began = world_now();
    double before, last = began, pause = 0;
    long beats;

    do {
        before = last;
        last = world_now();
        sealed_write(world, 1);
        beats = beats_of(world);
        pause = world_now() - before > pause ? world_now() - before : pause;
        usleep(20000);
    } while (world_now() - began < 1.0);
    assert_true(beats == 0 || pause >= SILENCE);
    return last;
}

/** A quiet trail says that it is alive, whatever the number of children; a busy one need not. */
static void test_silence_is_broken(void **state)
{
    world_t *world = *state;
    double began;
    pid_t child;
    long beats;

    world->config.silence = apr_time_from_msec(300);
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        world_open(world);
        pause();
    }
    world_open(world);
    began = be_busy(world);
    while ((beats = beats_of(world)) < 4) {
        assert_true(world_now() - began < world_patience(20));
        usleep(20000);
    }
    assert_true((double)beats * SILENCE <= world_now() - began + SILENCE);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    world_close(world);
    sealed_verify_good(world, world_records(world));
}

/** What health and channels ask of the writer again and again leaves no record, so the trail is as silent as without. */
static void test_errands_break_no_silence(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    double began;

    world->config.silence = apr_time_from_msec(300);
    world_open(world);
    sealed_write(world, 1);
    for (began = world_now(); beats_of(world) < 3;) {
        assert_true(world_now() - began < world_patience(20));
        assert_int_equal(amlaps_trail_tidy(&error, world->trail), APR_SUCCESS);
        usleep(50000);
    }
    world_close(world);
    sealed_verify_good(world, world_records(world));
}

static void test_missing_copy_breaks_no_silence(void **state)
{
    world_t *world = *state;
    double began;

    world->config.silence = apr_time_from_msec(300);
    world->sinks[1] = (amlaps_trail_sink_t){ .name = "syslog:user:/none", .kind = AMLAPS_SINK_SYSLOG, .socket = "/none", .fd = -1 };
    world->config.sink_count = 2;
    world_open(world);
    sealed_write(world, 1);
    for (began = world_now(); beats_of(world) < 3;) {
        assert_true(world_now() - began < world_patience(20));
        usleep(50000);
    }
    world_close(world);
    sealed_verify_good(world, world_records(world));
}

static _Atomic apr_interval_time_t set_back;

static apr_time_t wall_set_back(void *baton)
{
    (void)baton;
    return apr_time_now() - atomic_load(&set_back);
}

static apr_time_t steady_of_system(void *baton)
{
    (void)baton;
    return amlaps_clock_steady(amlaps_clock_system());
}

/** Records keep the last one's time until the clock has passed it; the receivers of the copies must not hear silence until then. */
static void test_clock_set_back_is_no_silence(void **state)
{
    static const amlaps_clock_t clock = { wall_set_back, steady_of_system, NULL };
    world_t *world = *state;
    double began;
    long beats;

    world->config.silence = apr_time_from_msec(300);
    world->config.clock = &clock;
    atomic_store(&set_back, 0);
    world_open(world);
    began = world_now();
    sealed_write(world, 1);
    atomic_store(&set_back, SECONDS(86400));
    while ((beats = beats_of(world)) < 3) {
        assert_true(world_now() - began < world_patience(20));
        usleep(20000);
    }
    assert_true((double)beats * SILENCE <= world_now() - began + SILENCE);
    world_close(world);
    sealed_verify_good(world, world_records(world));
}

static const struct CMUnitTest tests[] = {
    SEALED_TEST(test_silence_is_broken), SEALED_TEST(test_errands_break_no_silence), SEALED_TEST(test_missing_copy_breaks_no_silence),
    SEALED_TEST(test_clock_set_back_is_no_silence)
};

WORLD_MAIN(tests)
