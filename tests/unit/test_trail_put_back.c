/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Files of a SQLite store that are put back to what they were, or replaced by older ones, while a child has them open. */

#include "trail_trouble.h"

#include <sys/mman.h>

static const char *const suffixes[] = { "", "-wal", "-shm" };
#define FILES (sizeof(suffixes) / sizeof(*suffixes))
#define ROOM (1 << 20)

typedef struct files_t {
    char *bytes[FILES];
    size_t length[FILES];
} files_t;

static FILE *open_file(const world_t *world, size_t which, const char *mode)
{
    FILE *file = fopen(apr_pstrcat(world->pool, world->path, suffixes[which], NULL), mode);

    if (file == NULL) {
        _exit(2);
    }
    return file;
}

/** In a process of its own: closing a descriptor here would drop the locks of the child that is tested. */
static void put_back(const world_t *world, const files_t *files)
{
    pid_t child = fork();
    size_t i;

    for (i = 0; child == 0 && i < FILES; i++) {
        FILE *file = open_file(world, i, "r+");

        if (fwrite(files->bytes[i], 1, files->length[i], file) != files->length[i] || ftruncate(fileno(file), (off_t)files->length[i]) != 0
            || fclose(file) != 0) {
            _exit(3);
        }
    }
    if (child == 0) {
        _exit(0);
    }
    world_wait(child);
}

/** What another process found in the files, handed over through memory that both have. */
static files_t *take(const world_t *world)
{
    files_t *files = apr_palloc(world->pool, sizeof(*files));
    size_t *length = mmap(NULL, FILES * ROOM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();
    size_t i;

    for (i = 0; i < FILES; i++) {
        files->bytes[i] = (char *)length + i * ROOM + sizeof(size_t);
        if (child == 0) {
            *(size_t *)(void *)((char *)length + i * ROOM) = fread(files->bytes[i], 1, ROOM - sizeof(size_t), open_file(world, i, "r"));
        }
    }
    if (child == 0) {
        _exit(0);
    }
    world_wait(child);
    for (i = 0; i < FILES; i++) {
        files->length[i] = *(size_t *)(void *)((char *)length + i * ROOM);
        assert_in_range(files->length[i], 1, ROOM - sizeof(size_t) - 1);
    }
    return files;
}

/** All files as they were when this child wrote last: to its SQLite nobody has written since, but another child has. */
static void test_what_another_child_wrote_is_missed(void **state)
{
    world_t *world = *state;
    files_t *before;
    pid_t child;

    world_open(world);
    expect_service(world);
    before = take(world);
    child = fork();
    if (child == 0) {
        world_open(world);
        _exit(world_admit(world, "bob", NULL) == AMLAPS_OK ? 0 : 1);
    }
    world_wait(child);
    put_back(world, before);
    expect_unavailable(world, "AML0206");
    expect_unavailable(world, "AML0206");
    assert_int_equal(world_records(world), 1);
}

/** SQLite counts anew for each connection: what it said of another file may be said of this one by and by. */
static void test_another_file_is_not_taken_for_the_one_of_before(void **state)
{
    world_t *world = *state;
    const char *copy = apr_pstrcat(world->pool, world->directory, "/old.db", NULL);
    amlaps_error_t error = { 0 };
    size_t i;

    world_open(world);
    expect_service(world);
    world_tamper(world, apr_psprintf(world->pool, "VACUUM INTO '%s'", copy));
    assert_int_equal(amlaps_trail_prepare(&error, apr_pstrcat(world->pool, "sqlite3:", copy, NULL), (uid_t)-1, (gid_t)-1, world->pool), APR_SUCCESS);
    for (i = 0; i < 5; i++) {
        expect_service(world);
    }
    for (i = 0; i < FILES; i++) {
        assert_int_equal(rename(apr_pstrcat(world->pool, copy, suffixes[i], NULL), apr_pstrcat(world->pool, world->path, suffixes[i], NULL)), 0);
    }
    for (i = 0; i < 20; i++) {
        expect_unavailable(world, "AML0206");
        world_tamper(world, "CREATE TABLE noise(x); DROP TABLE noise");
    }
    assert_int_equal(world_records(world), 1);
}

static const struct CMUnitTest tests[] = {
    WORLD_TEST(test_what_another_child_wrote_is_missed), WORLD_TEST(test_another_file_is_not_taken_for_the_one_of_before)
};

WORLD_MAIN(tests)
