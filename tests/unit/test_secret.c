/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/secret.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test_base_pool.h"

/* The pages that a test watches, and what was in them when they were given back. */
static const char *watched;
static int given_back;
static size_t bytes_left_in_it;

/** Stands in for the C library's, because after it nobody can look whether the pages had been wiped. */
int munmap(void *address, size_t length)
{
    if (address != NULL && address == (const void *)watched) {
        size_t i;

        given_back++;
        for (i = 0; i < length; i++) {
            bytes_left_in_it += watched[i] != 0;
        }
    }
    return (int)syscall(SYS_munmap, address, length);
}

static void watch(const char *pages)
{
    watched = pages;
    given_back = 0;
    bytes_left_in_it = 0;
}

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static void an_empty_secret_needs_no_pages(void **state)
{
    amlaps_secret_t *secret = amlaps_secret_make(0, *state);

    assert_non_null(secret);
    assert_null(secret->bytes);
    assert_int_equal(secret->length, 0);
    assert_int_equal(secret->room, 0);
    amlaps_secret_wipe(secret);
    assert_int_equal(amlaps_secret_reserve(secret, 0), APR_SUCCESS);
    assert_null(secret->bytes);
}

static void bytes_are_added_and_ended_with_nul(void **state)
{
    amlaps_secret_t *secret = amlaps_secret_make(10, *state);

    assert_non_null(secret->bytes);
    assert_true(secret->room >= 10);
    assert_string_equal(secret->bytes, "");
    assert_int_equal(amlaps_secret_append(secret, "pass", 4), APR_SUCCESS);
    assert_int_equal(amlaps_secret_append(secret, "word", 4), APR_SUCCESS);
    assert_int_equal(amlaps_secret_append(secret, NULL, 0), APR_SUCCESS);
    assert_int_equal(secret->length, 8);
    assert_string_equal(secret->bytes, "password");
    assert_int_equal((uintptr_t)secret->bytes % page_size(), 0);
    secret->length = 2;
    assert_int_equal(amlaps_secret_append(secret, "t", 1), APR_SUCCESS);
    assert_string_equal(secret->bytes, "pat");
}

static void a_secret_without_pages_gets_them(void **state)
{
    amlaps_secret_t *secret = amlaps_secret_make(0, *state);

    assert_int_equal(amlaps_secret_append(secret, "", 0), APR_SUCCESS);
    assert_string_equal(secret->bytes, "");
    assert_int_equal(amlaps_secret_append(secret, "abc", 3), APR_SUCCESS);
    assert_string_equal(secret->bytes, "abc");
}

static void the_room_is_kept_to_the_byte(void **state)
{
    amlaps_secret_t *secret = amlaps_secret_make(1, *state);
    const char *before = secret->bytes;
    size_t room = secret->room;

    assert_int_equal(room, page_size() - 1);
    while (secret->length < room) {
        assert_int_equal(amlaps_secret_append(secret, "x", 1), APR_SUCCESS);
    }
    assert_ptr_equal(secret->bytes, before);
    assert_int_equal(secret->bytes[room], '\0');
    assert_int_equal(amlaps_secret_append(secret, "y", 1), APR_SUCCESS);
    assert_true(secret->room > room);
    assert_int_equal(secret->length, room + 1);
    assert_int_equal(secret->bytes[room - 1], 'x');
    assert_int_equal(secret->bytes[room], 'y');
    assert_int_equal(secret->bytes[room + 1], '\0');
}

static void growing_keeps_the_bytes_and_wipes_the_old_pages(void **state)
{
    amlaps_secret_t *secret = amlaps_secret_make(100, *state);
    size_t pieces = 5 * page_size() / 16;
    size_t i;

    assert_int_equal(amlaps_secret_append(secret, "0123456789abcdef", 16), APR_SUCCESS);
    watch(secret->bytes);
    for (i = 1; i < pieces; i++) {
        assert_int_equal(amlaps_secret_append(secret, "0123456789abcdef", 16), APR_SUCCESS);
    }
    assert_int_equal(given_back, 1);
    assert_int_equal(bytes_left_in_it, 0);
    assert_int_equal(secret->length, 16 * pieces);
    for (i = 0; i < secret->length; i++) {
        assert_int_equal(secret->bytes[i], "0123456789abcdef"[i % 16]);
    }
    watch(NULL);
}

static void a_secret_can_be_added_to_itself(void **state)
{
    amlaps_secret_t *secret = amlaps_secret_make(1, *state);
    size_t length = page_size() / 2 + 10;
    size_t i;

    for (i = 0; i < length; i++) {
        char letter = (char)('a' + i % 26);

        assert_int_equal(amlaps_secret_append(secret, &letter, 1), APR_SUCCESS);
    }
    assert_int_equal(amlaps_secret_append(secret, secret->bytes, secret->length), APR_SUCCESS);
    assert_int_equal(secret->length, 2 * length);
    assert_memory_equal(secret->bytes, secret->bytes + length, length);
    assert_int_equal(secret->bytes[1], 'b');
}

static void reserving_makes_room_once(void **state)
{
    amlaps_secret_t *secret = amlaps_secret_make(0, *state);
    const char *pages;

    assert_int_equal(amlaps_secret_reserve(secret, 100), APR_SUCCESS);
    assert_int_equal(amlaps_secret_append(secret, "kept", 4), APR_SUCCESS);
    pages = secret->bytes;
    watch(pages);
    assert_int_equal(amlaps_secret_reserve(secret, 50), APR_SUCCESS);
    assert_ptr_equal(secret->bytes, pages);
    assert_int_equal(amlaps_secret_reserve(secret, 3 * page_size()), APR_SUCCESS);
    assert_true(secret->room >= 3 * page_size());
    assert_string_equal(secret->bytes, "kept");
    assert_int_equal(secret->length, 4);
    assert_int_equal(given_back, 1);
    assert_int_equal(bytes_left_in_it, 0);
    watch(NULL);
}

static void wiping_leaves_nothing_in_the_room(void **state)
{
    amlaps_secret_t *secret = amlaps_secret_make(64, *state);
    const char *pages = secret->bytes;
    size_t i;

    assert_int_equal(amlaps_secret_append(secret, "Tr0ub4dor&3", 11), APR_SUCCESS);
    secret->bytes[secret->room - 1] = 'z';
    amlaps_secret_wipe(secret);
    assert_ptr_equal(secret->bytes, pages);
    assert_int_equal(secret->length, 0);
    for (i = 0; i <= secret->room; i++) {
        assert_int_equal(pages[i], 0);
    }
    assert_int_equal(amlaps_secret_append(secret, "new", 3), APR_SUCCESS);
    assert_string_equal(secret->bytes, "new");
}

static void the_pool_wipes_and_gives_back(void **state)
{
    apr_pool_t *pool = NULL;
    amlaps_secret_t *secret;

    assert_int_equal(apr_pool_create(&pool, *state), APR_SUCCESS);
    secret = amlaps_secret_make(64, pool);
    assert_int_equal(amlaps_secret_append(secret, "Tr0ub4dor&3", 11), APR_SUCCESS);
    watch(secret->bytes);
    apr_pool_destroy(pool);
    assert_int_equal(given_back, 1);
    assert_int_equal(bytes_left_in_it, 0);
    watch(NULL);
}

static void too_much_is_refused_and_changes_nothing(void **state)
{
    amlaps_secret_t *secret = amlaps_secret_make(64, *state);

    assert_int_equal(amlaps_secret_append(secret, "kept", 4), APR_SUCCESS);
    assert_int_equal(amlaps_secret_append(secret, "x", SIZE_MAX), APR_ENOMEM);
    assert_int_equal(amlaps_secret_append(secret, "x", SIZE_MAX / 8), APR_ENOMEM);
    assert_int_equal(amlaps_secret_reserve(secret, SIZE_MAX), APR_ENOMEM);
    assert_int_equal(amlaps_secret_reserve(secret, SIZE_MAX / 8), APR_ENOMEM);
    assert_string_equal(secret->bytes, "kept");
    assert_int_equal(secret->length, 4);
    assert_null(amlaps_secret_make(SIZE_MAX, *state));
}

/** @return 1 where the kernel says that core dumps leave out ("dd") the mapping at `pages` */
static int is_out_of_core_dumps(const char *pages)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    char line[1024];
    int inside = 0;
    int found = 0;

    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps) != NULL) {
        unsigned long from;
        unsigned long to;

        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
            inside = (uintptr_t)pages >= from && (uintptr_t)pages < to;
        }
        else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
            found = strstr(line, " dd") != NULL;
        }
    }
    fclose(maps);
    return found;
}

static void core_dumps_leave_it_out(void **state)
{
    amlaps_secret_t *secret = amlaps_secret_make(64, *state);

    assert_true(is_out_of_core_dumps(secret->bytes));
    assert_int_equal(amlaps_secret_reserve(secret, 3 * page_size()), APR_SUCCESS);
    assert_true(is_out_of_core_dumps(secret->bytes));
}

/** The next secret's pages after one of `bytes` is gone: the same ones where they were kept, and then wiped. */
static void kept_pages_are_wiped_and_used_again(void **state)
{
    apr_pool_t *keeping = NULL, *pool = NULL;
    amlaps_secret_t *secret;
    char *pages;
    size_t i;

    assert_int_equal(apr_pool_create(&keeping, *state), APR_SUCCESS);
    assert_int_equal(apr_pool_create(&pool, *state), APR_SUCCESS);
    amlaps_secret_keep_pages(keeping);
    secret = amlaps_secret_make(64, pool);
    assert_int_equal(amlaps_secret_append(secret, "Tr0ub4dor&3", 11), APR_SUCCESS);
    pages = secret->bytes;
    watch(pages);
    apr_pool_clear(pool);
    assert_int_equal(given_back, 0);
    secret = amlaps_secret_make(64, pool);
    assert_ptr_equal(secret->bytes, pages);
    for (i = 0; i <= secret->room; i++) {
        assert_int_equal(secret->bytes[i], 0);
    }
    assert_true(is_out_of_core_dumps(secret->bytes));
    apr_pool_clear(pool);
    apr_pool_destroy(keeping);
    assert_int_equal(given_back, 1);
    assert_int_equal(bytes_left_in_it, 0);
    watch(NULL);
}

/** Wiping once is enough only where nothing was added since. */
static void what_is_added_after_wiping_is_wiped_too(void **state)
{
    apr_pool_t *pool = NULL;
    amlaps_secret_t *secret;
    int way;

    assert_int_equal(apr_pool_create(&pool, *state), APR_SUCCESS);
    for (way = 0; way < 3; way++) {
        secret = amlaps_secret_make(64, pool);
        assert_int_equal(amlaps_secret_append(secret, "first", 5), APR_SUCCESS);
        amlaps_secret_wipe(secret);
        if (way == 0) {
            assert_int_equal(amlaps_secret_append(secret, "Tr0ub4dor&3", 11), APR_SUCCESS);
        } else if (way == 1) {
            assert_int_equal(amlaps_secret_reserve(secret, 64), APR_SUCCESS);
            strcpy(secret->bytes, "Tr0ub4dor&3");
        } else {
            strcpy(secret->bytes, "Tr0ub4dor&3");
            secret->length = 11;
        }
        watch(secret->bytes);
        apr_pool_clear(pool);
        assert_int_equal(given_back, 1);
        assert_int_equal(bytes_left_in_it, 0);
        watch(NULL);
    }
}

static void pages_are_not_kept_for_ever_nor_large_ones(void **state)
{
    apr_pool_t *keeping = NULL, *pool = NULL;

    assert_int_equal(apr_pool_create(&keeping, *state), APR_SUCCESS);
    assert_int_equal(apr_pool_create(&pool, *state), APR_SUCCESS);
    amlaps_secret_keep_pages(keeping);
    watch(amlaps_secret_make(3 * page_size(), pool)->bytes);
    apr_pool_clear(pool);
    assert_int_equal(given_back, 1);
    apr_pool_destroy(keeping);
    watch(amlaps_secret_make(64, pool)->bytes);
    apr_pool_destroy(pool);
    assert_int_equal(given_back, 1);
    assert_int_equal(bytes_left_in_it, 0);
    watch(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        pool_test(an_empty_secret_needs_no_pages),
        pool_test(bytes_are_added_and_ended_with_nul),
        pool_test(a_secret_without_pages_gets_them),
        pool_test(the_room_is_kept_to_the_byte),
        pool_test(growing_keeps_the_bytes_and_wipes_the_old_pages),
        pool_test(a_secret_can_be_added_to_itself),
        pool_test(reserving_makes_room_once),
        pool_test(wiping_leaves_nothing_in_the_room),
        pool_test(the_pool_wipes_and_gives_back),
        pool_test(too_much_is_refused_and_changes_nothing),
        pool_test(core_dumps_leave_it_out),
        pool_test(kept_pages_are_wiped_and_used_again),
        pool_test(what_is_added_after_wiping_is_wiped_too),
        pool_test(pages_are_not_kept_for_ever_nor_large_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
