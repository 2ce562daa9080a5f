/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Copies of the audit for programs and syslog that do not read, and what comes after. */

#include "trail_sinks_world.h"

#include <sys/socket.h>
#include <sys/un.h>

static apr_int64_t head_of(const world_t *world)
{
    amlaps_error_t error = { 0 };
    apr_int64_t seq;

    assert_int_equal(amlaps_trail_last(&seq, &error, world->store), APR_SUCCESS);
    return seq;
}

static void wait_until_healthy(world_t *world)
{
    double start = world_now();

    while (!amlaps_trail_healthy(world->trail)) {
        assert_true(world_now() - start < world_patience(20));
        usleep(20000);
    }
}

/* ---- programs ---- */

static int open_pipe(world_t *world, int required)
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    add_sink(world, AMLAPS_SINK_PIPE, "|/usr/bin/program", ends[1], required);
    world_open(world);
    return ends[0];
}

typedef struct reader_t {
    pthread_t thread;
    int fd;
    char *text;
    size_t length;
} reader_t;

static void *read_pipe(void *baton)
{
    reader_t *reader = baton;
    ssize_t length;

    while ((length = read(reader->fd, reader->text + reader->length, 4096)) > 0) {
        reader->length += (size_t)length;
    }
    return NULL;
}

static void start_reading(reader_t *reader, int fd)
{
    reader->fd = fd;
    reader->text = malloc(16 << 20);
    reader->length = 0;
    pthread_create(&reader->thread, NULL, read_pipe, reader);
}

static void end_reading(got_t *got, reader_t *reader, world_t *world)
{
    world_close(world);
    close(world->sinks[0].fd);
    pthread_join(reader->thread, NULL);
    memset(got, 0, sizeof(*got));
    add_text(got, reader->text, reader->length, world->pool);
    close(reader->fd);
    free(reader->text);
}

static void test_program_that_does_not_read(void **state)
{
    world_t *world = *state;
    int fd = open_pipe(world, 1);
    amlaps_error_t error;
    reader_t reader;
    got_t got;
    int i;

    for (i = 0; i < 1000 && world_admit(world, "alice", &error) == AMLAPS_OK; i++) {
    }
    assert_in_range(i, 20, 999);
    assert_string_equal(error.id, "AML0208");
    for (i = 0; i < 5; i++) {
        expect_unavailable(world, "AML0208");
    }
    assert_int_equal(world_logged("AML0208"), 1);
    start_reading(&reader, fd);
    /* It gets all that it lacks without another record, and that is told. */
    wait_until_healthy(world);
    assert_int_equal(world_logged("AML0282"), 1);
    expect_service(world);
    end_reading(&got, &reader, world);
    assert_int_equal(got.broken, 0);
    assert_all(&got, 1, head_of(world));
}

static void test_long_lines_in_a_pipe(void **state)
{
    world_t *world = *state;
    int fd = open_pipe(world, 1);
    amlaps_record_t record = world_record(AMLAPS_EVENT_PASSWORD, AMLAPS_STAGE_INTENT, "alice");
    char *reason = malloc(2001);
    amlaps_error_t error = { 0 };
    reader_t reader;
    got_t got;
    int i;

    memset(reason, '\x01', 2000);
    reason[2000] = '\0';
    record.reason = record.search = record.rule = reason; /* 36 KB as JSON */
    for (i = 0; i < 20 && amlaps_trail_admit(&error, world->trail, &record, world->pool) == APR_SUCCESS; i++) {
    }
    assert_in_range(i, 1, 10);
    assert_string_equal(error.id, "AML0208");
    start_reading(&reader, fd);
    wait_until_healthy(world);
    assert_int_equal(amlaps_trail_admit(&error, world->trail, &record, world->pool), APR_SUCCESS);
    end_reading(&got, &reader, world);
    /* A line that did not go in whole was ended, and came again. */
    assert_in_range(got.broken, 1, 3);
    assert_all(&got, 1, head_of(world));
    free(reason);
}

static void test_optional_program_delays_nobody(void **state)
{
    world_t *world = *state;
    int fd = open_pipe(world, 0);
    reader_t reader;
    got_t got;
    double start;
    int i;

    for (i = 0; i < 300; i++) {
        expect_service(world);
    }
    assert_int_equal(world_logged("AML0209"), 1);
    start = world_now();
    for (i = 0; i < 50; i++) {
        expect_service(world);
    }
    assert_true(world_now() - start < world_patience(5));
    start_reading(&reader, fd);
    while (world_logged("AML0282") == 0) {
        usleep(20000);
    }
    end_reading(&got, &reader, world);
    assert_int_equal(got.broken, 0);
    assert_all(&got, 1, head_of(world));
}

static void test_program_that_is_gone(void **state)
{
    world_t *world = *state;

    close(open_pipe(world, 1));
    expect_unavailable(world, "AML0208");
}

/* ---- syslog ---- */

static int listen_at(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    apr_cpystrn(address.sun_path, path, sizeof(address.sun_path));
    unlink(path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void receive(got_t *got, const world_t *world, int fd)
{
    static char text[65536];
    ssize_t length;

    while ((length = recv(fd, text, sizeof(text), 0)) > 0) {
        assert_memory_equal(text, "<85>", 4);
        assert_non_null(memmem(text, (size_t)length, " amlaps[", 8));
        assert_null(memchr(text, '\n', (size_t)length));
        add_line(got, text, (size_t)length, world->pool);
    }
}

static const char *open_syslog(world_t *world, int required)
{
    amlaps_trail_sink_t *sink = add_sink(world, AMLAPS_SINK_SYSLOG, "syslog:authpriv", -1, required);

    sink->socket = apr_pstrcat(world->pool, world->directory, "/log", NULL);
    assert_null(amlaps_trail_syslog_priority(&sink->priority, "authpriv", world->pool));
    return sink->socket;
}

static void test_syslog_comes_and_goes(void **state)
{
    world_t *world = *state;
    const char *path = open_syslog(world, 1);
    int fd = listen_at(path);
    got_t got = { 0 };

    world_open(world);
    expect_service(world);
    receive(&got, world, fd);
    close(fd);
    expect_unavailable(world, "AML0208");
    unlink(path);
    expect_unavailable(world, "AML0208");
    fd = listen_at(path);
    wait_until_healthy(world);
    expect_service(world);
    receive(&got, world, fd);
    assert_int_equal(got.broken, 0);
    assert_all(&got, 1, 4);
    close(fd);
}

static void test_syslog_that_does_not_read(void **state)
{
    world_t *world = *state;
    int fd = listen_at(open_syslog(world, 1));
    amlaps_error_t error;
    got_t got = { 0 };
    double start = world_now();
    int i;

    world_open(world);
    for (i = 0; i < 2000 && world_admit(world, "alice", &error) == AMLAPS_OK; i++) {
        start = world_now();
    }
    assert_in_range(i, 1, 1999);
    assert_string_equal(error.id, "AML0208");
    assert_true(world_now() - start < world_patience(3));
    while (got.count < i + 1) {
        receive(&got, world, fd);
    }
    wait_until_healthy(world);
    receive(&got, world, fd);
    assert_all(&got, 1, head_of(world));
    close(fd);
}

static void test_facilities(void **state)
{
    const world_t *world = *state;
    int priority = 0;

    assert_null(amlaps_trail_syslog_priority(&priority, "local7", world->pool));
    assert_int_equal(priority, 23 * 8 + 5);
    assert_non_null(strstr(amlaps_trail_syslog_priority(&priority, "kern", world->pool), "authpriv"));
    assert_non_null(amlaps_trail_syslog_priority(&priority, "", world->pool));
}

static const struct CMUnitTest tests[] = {
    WORLD_TEST(test_program_that_does_not_read), WORLD_TEST(test_long_lines_in_a_pipe), WORLD_TEST(test_optional_program_delays_nobody),
    WORLD_TEST(test_program_that_is_gone), WORLD_TEST(test_syslog_comes_and_goes), WORLD_TEST(test_syslog_that_does_not_read),
    WORLD_TEST(test_facilities)
};

WORLD_MAIN(tests)
