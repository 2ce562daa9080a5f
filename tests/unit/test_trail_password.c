/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The password of a store's connection string stands in memory for secrets alone, as far as it is ours. */

#include <fcntl.h>

#include "amlaps/secret.h"
#include "trail_world.h"

#define PASSWORD (64 * 1024)
#define LETTER 'Q'
#define RUN 4096

/* libpq keeps copies of its own, which nobody can wipe; it has no part in this. */
static int asked_libpq;

PQconninfoOption *PQconninfoParse(const char *conninfo, char **errmsg)
{
    static PQconninfoOption none[1];

    (void)conninfo;
    (void)errmsg;
    asked_libpq = 1;
    return none;
}

void PQconninfoFree(PQconninfoOption *options)
{
    (void)options;
}

PGconn *PQconnectStartParams(const char *const *keywords, const char *const *values, int expand_dbname)
{
    (void)keywords;
    (void)values;
    (void)expand_dbname;
    return NULL;
}

/** @param buffer a secret, so that what it holds is not found itself */
static int holds_password(int memory, unsigned long from, unsigned long to, amlaps_secret_t *buffer)
{
    ssize_t got, i;
    int run = 0;

    for (; from < to; from += (unsigned long)got) {
        const size_t most = to - from < buffer->room ? to - from : buffer->room;

        if ((got = pread(memory, buffer->bytes, most, (off_t)from)) <= 0) {
            return 0;
        }
        for (i = 0; i < got; i++) {
            run = buffer->bytes[i] == LETTER ? run + 1 : 0;
            if (run == RUN) {
                return 1;
            }
        }
    }
    return 0;
}

/** How many parts of this process' memory hold the password, of those that a core dump would have: "dd" says that it would not. */
static int ordinary_copies(world_t *world)
{
    amlaps_secret_t *buffer = amlaps_secret_make(1024 * 1024, world->pool);
    FILE *maps = fopen("/proc/self/smaps", "r");
    const int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    unsigned long from = 0, to = 0, next_from, next_to;
    char line[512];
    int found = 0;

    assert_non_null(buffer);
    assert_non_null(maps);
    assert_true(memory >= 0);
    while (fgets(line, sizeof(line), maps) != NULL) {
        if (sscanf(line, "%lx-%lx ", &next_from, &next_to) == 2) {
            from = next_from;
            to = next_to;
        } else if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " rd wr ") != NULL && strstr(line, " dd") == NULL) {
            found += holds_password(memory, from, to, buffer);
        }
    }
    close(memory);
    fclose(maps);
    return found;
}

static amlaps_secret_t *conninfo(world_t *world)
{
    static const char start[] = "pgsql:dbname=amlaps password=";
    amlaps_secret_t *secret = amlaps_secret_make(PASSWORD + sizeof(start), world->pool);
    const char letter = LETTER;
    int i;

    assert_non_null(secret);
    assert_int_equal(amlaps_secret_append(secret, start, sizeof(start) - 1), APR_SUCCESS);
    for (i = 0; i < PASSWORD; i++) {
        assert_int_equal(amlaps_secret_append(secret, &letter, 1), APR_SUCCESS);
    }
    return secret;
}

static void test_no_ordinary_copy(void **state)
{
    world_t *world = *state;
    amlaps_secret_t *secret = conninfo(world);
    amlaps_error_t error;
    char *ordinary;

    assert_int_equal(ordinary_copies(world), 0);
    ordinary = apr_pstrdup(world->pool, secret->bytes);
    assert_int_equal(ordinary_copies(world), 1);
    memset(ordinary, 0, strlen(ordinary));

    world->config.store = secret->bytes;
    world->config.seal = "/nowhere/state";
    world->config.host = "test";
    world->sinks[world->config.sink_count++] = (amlaps_trail_sink_t){ .name = "/nowhere/copy", .kind = AMLAPS_SINK_FILE, .fd = -1 };
    world_open(world);
    assert_string_equal(amlaps_trail_store(world->trail), secret->bytes);
    assert_ptr_not_equal(amlaps_trail_store(world->trail), secret->bytes);
    assert_int_equal(world_admit(world, "alice", &error), AMLAPS_AUDIT_UNAVAILABLE);
    assert_true(asked_libpq);
    assert_int_equal(ordinary_copies(world), 0);
}

static const struct CMUnitTest tests[] = { WORLD_TEST(test_no_ordinary_copy) };

WORLD_MAIN(tests)
