/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* kill -9 at any moment: what was answered is there, what is there is whole, and nobody is held up by the dead. */

#include "trail_world.h"

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

static const struct CMUnitTest tests[] = { WORLD_TEST(test_killed_at_any_moment) };

WORLD_MAIN(tests)
