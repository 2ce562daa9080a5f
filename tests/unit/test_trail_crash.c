/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* kill -9 at any moment: what was answered is there, what is there is whole, and nobody is held up by the dead. */

#include "trail_sealed.h"

#define CRASHES 50
#define THREADS 4

typedef struct client_t {
    world_t *world;
    int answers;
} client_t;

static void *write_for_ever(void *baton)
{
    const client_t *client = baton;

    for (;;) {
        if (world_admit(client->world, "alice", NULL) != AMLAPS_OK || write(client->answers, "a", 1) != 1
            || world_conclude(client->world, "alice") != AMLAPS_OK || write(client->answers, "c", 1) != 1) {
            _exit(1);
        }
    }
    return NULL;
}

static pid_t start_child(world_t *world, int answers[2])
{
    client_t client = { world, answers[1] };
    pthread_t thread;
    pid_t child = fork();
    int i;

    if (child == 0) {
        close(answers[0]);
        world_open(world);
        for (i = 0; i < THREADS - 1; i++) {
            pthread_create(&thread, NULL, write_for_ever, &client);
        }
        write_for_ever(&client);
    }
    return child;
}

/** How many answers came, once everybody who could write one is gone. */
static long count_answers(int fd)
{
    char bytes[4096];
    long count = 0;
    ssize_t length;

    while ((length = read(fd, bytes, sizeof(bytes))) > 0) {
        count += length;
    }
    return count;
}

static void test_killed_at_any_moment(void **state)
{
    world_t *world = *state;
    unsigned seed = (unsigned)time(NULL);
    long answered = 0;
    int crash;

    print_message("seed %u\n", seed);
    for (crash = 0; crash < CRASHES; crash++) {
        long before = world_records(world);
        int answers[2], status;
        char first;
        pid_t child;
        long records;

        assert_int_equal(pipe(answers), 0);
        child = start_child(world, answers);
        close(answers[1]);
        /* The first answer must come soon, although the one before died in the middle of something. */
        assert_int_equal(read(answers[0], &first, 1), 1);
        usleep((useconds_t)(rand_r(&seed) % 20000));
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        answered = 1 + count_answers(answers[0]);
        close(answers[0]);
        world_settle(world);
        records = world_records(world);
        world_verify_good(world, records);
        /* At most one batch, of one record of each thread, was stored without its answer. */
        assert_in_range(records - before, answered, answered + THREADS);
    }
}

/* ---- the same with a seal: the store, the state and the copy are three files that no power cut or kill writes together ---- */

#define VERIFY_EVERY 25

static int followed_fd;

/** Runs in the child: tells the parent what it would find in the log. */
static void tell_of_following(void *baton, amlaps_log_level_t level, const char *id, apr_status_t status, const char *message)
{
    (void)baton;
    (void)level;
    (void)status;
    (void)message;
    if (strcmp(id, "AML0237") == 0 && write(followed_fd, "f", 1) != 1) {
        _exit(1);
    }
}

static void expect_sealed(const world_t *world, long records)
{
    amlaps_verify_t result = sealed_verify(world, WITH_ALL);

    if (result.first_bad != 0) {
        fail_msg("record %ld: %s", (long)result.first_bad, result.problem);
    }
    assert_int_equal(result.records, records);
}

static long read_answers(int fd, long *followed)
{
    char bytes[4096];
    long count = 0;
    ssize_t length, i;

    while ((length = read(fd, bytes, sizeof(bytes))) > 0) {
        for (i = 0; i < length; i++) {
            *followed += bytes[i] == 'f';
            count += bytes[i] != 'f';
        }
    }
    return count;
}

static void test_sealed_killed_at_any_moment(void **state)
{
    const char *asked = getenv("AMLAPS_CRASHES");
    int crashes = asked != NULL ? atoi(asked) : CRASHES;
    world_t *world = *state;
    unsigned seed = (unsigned)time(NULL);
    long followed = 0, records = 1;
    int crash;

    print_message("seed %u, %d crashes\n", seed, crashes);
    for (crash = 0; crash < crashes; crash++) {
        int answers[2], status;
        long answered, before = records;
        char first = 'f';
        pid_t child;

        assert_int_equal(pipe(answers), 0);
        followed_fd = answers[1];
        amlaps_log_set(tell_of_following, NULL);
        child = start_child(world, answers);
        close(answers[1]);
        while (first == 'f') {
            /* A false alarm would be an answer that does not come. */
            assert_int_equal(read(answers[0], &first, 1), 1);
            followed += first == 'f';
        }
        usleep((useconds_t)(rand_r(&seed) % 20000));
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        answered = 1 + read_answers(answers[0], &followed);
        close(answers[0]);
        records = world_records(world);
        /* A server ends what a killed child sent last, perhaps only after the look at the end of the round before. */
        assert_in_range(records - before, answered, answered + (world->conninfo != NULL ? 2 : 1) * THREADS);
        if (crash % VERIFY_EVERY == 0 || crash == crashes - 1) {
            expect_sealed(world, records);
        }
    }
    print_message("%ld records; the state had to follow the store %ld times\n", records, followed);
}

static const struct CMUnitTest tests[] = { WORLD_TEST(test_killed_at_any_moment), SEALED_TEST(test_sealed_killed_at_any_moment) };

WORLD_MAIN(tests)
