/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../../src/httpd/claims_keep.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "test_base_pool.h"

#define TID "\"tid\":\"8aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11\""
#define MANY (20 * AMLAPS_CLAIMS_KEEP_PEOPLE)

static const amlaps_person_t *read_both(amlaps_claims_keep_t *keep, const char *id_token, const char *userinfo, apr_pool_t *pool)
{
    const amlaps_person_t *person = NULL;
    amlaps_error_t error = { 0 };

    assert_int_equal(amlaps_claims_keep_read(&person, &error, keep, id_token, userinfo, pool), APR_SUCCESS);
    assert_int_equal(error.code, AMLAPS_OK);
    assert_non_null(person);
    return person;
}

static const amlaps_person_t *read_one(amlaps_claims_keep_t *keep, const char *id_token, apr_pool_t *pool)
{
    return read_both(keep, id_token, NULL, pool);
}

static apr_pool_t *make_request(apr_pool_t *parent)
{
    apr_pool_t *request = NULL;

    assert_int_equal(apr_pool_create(&request, parent), APR_SUCCESS);
    return request;
}

/* Texts of one length, so that all that share a place differ in their bytes alone. */
static const char *claims_of(int number, apr_pool_t *pool)
{
    return apr_psprintf(pool, "{\"oid\":\"person-%08d\"," TID ",\"groups\":[\"group-%08d\"]}", number, number);
}

static void expect_person(const amlaps_person_t *person, int number)
{
    char oid[32], group[32];

    apr_snprintf(oid, sizeof(oid), "person-%08d", number);
    apr_snprintf(group, sizeof(group), "group-%08d", number);
    assert_string_equal(person->oid, oid);
    assert_int_equal(person->group_count, 1);
    assert_string_equal(person->groups[0], group);
    assert_string_equal(amlaps_json_member_text(person->claims, "oid"), oid);
}

static void the_same_texts_are_read_once(void **state)
{
    apr_pool_t *pool = *state, *first = make_request(pool), *second = make_request(pool);
    amlaps_claims_keep_t *keep = amlaps_claims_keep_make(pool);
    char *text = apr_pstrdup(first, claims_of(1, pool));
    const amlaps_person_t *person = read_one(keep, text, first);

    memset(text, 'x', strlen(text));
    apr_pool_destroy(first);
    assert_ptr_equal(read_one(keep, claims_of(1, pool), second), person);
    assert_ptr_equal(read_both(keep, claims_of(1, pool), "", second), person);
    expect_person(person, 1);
}

static void a_change_of_either_text_is_seen_at_once(void **state)
{
    apr_pool_t *pool = *state;
    amlaps_claims_keep_t *keep = amlaps_claims_keep_make(pool);
    static const char both[] = "{\"oid\":\"o\",\"sub\":\"s\"," TID ",\"groups\":[\"g1\",\"g2\"]}";
    static const char one[] = "{\"oid\":\"o\",\"sub\":\"s\"," TID ",\"groups\":[\"g1\"]}";
    static const char other[] = "{\"oid\":\"o\",\"sub\":\"s\"," TID ",\"groups\":[\"g1\",\"g3\"]}";

    assert_int_equal(read_one(keep, both, pool)->group_count, 2);
    assert_int_equal(read_one(keep, one, pool)->group_count, 1);
    assert_string_equal(read_one(keep, other, pool)->groups[1], "g3");
    assert_string_equal(read_one(keep, both, pool)->groups[1], "g2");
    assert_null(read_one(keep, both, pool)->name);
    assert_string_equal(read_both(keep, both, "{\"sub\":\"s\",\"name\":\"Alice\"}", pool)->name, "Alice");
    assert_string_equal(read_both(keep, both, "{\"sub\":\"s\",\"name\":\"Alina\"}", pool)->name, "Alina");
    assert_null(read_one(keep, both, pool)->name);
}

static void expect_refusal(amlaps_claims_keep_t *keep, const char *id_token, const char *userinfo, apr_pool_t *pool)
{
    const amlaps_person_t *person = NULL;
    amlaps_error_t error = { 0 };

    assert_int_not_equal(amlaps_claims_keep_read(&person, &error, keep, id_token, userinfo, pool), APR_SUCCESS);
    assert_int_equal(error.code, AMLAPS_NOT_AUTHENTICATED);
    assert_null(person);
}

static void what_names_nobody_is_refused_each_time(void **state)
{
    apr_pool_t *pool = *state;
    amlaps_claims_keep_t *keep = amlaps_claims_keep_make(pool);
    static const char good[] = "{\"oid\":\"o\",\"sub\":\"s\"," TID "}";
    int i;

    read_one(keep, good, pool);
    for (i = 0; i < 2; i++) {
        expect_refusal(keep, "{\"oid\":\"o\"}", NULL, pool);
        expect_refusal(keep, "", NULL, pool);
        expect_refusal(keep, good, "{\"sub\":\"t\"}", pool);
        /* The same bytes, but cut elsewhere. */
        expect_refusal(keep, "{\"oid\":\"o\",\"sub\":\"s\"," TID, "}", pool);
    }
}

/* More people than there are places: each set overflows with texts that share it, so neither its number nor a length may be trusted. */
static void many_people_are_never_mixed_up(void **state)
{
    apr_pool_t *pool = *state;
    amlaps_claims_keep_t *keep = amlaps_claims_keep_make(pool);
    int shared = 0, i;

    for (i = 0; i < MANY; i++) {
        apr_pool_t *request = make_request(pool), *next = make_request(pool);
        const amlaps_person_t *person = read_one(keep, claims_of(i, request), request);

        expect_person(person, i);
        shared += read_one(keep, claims_of(i, next), next) == person;
        expect_person(read_one(keep, claims_of(i / 2, request), request), i / 2);
        apr_pool_destroy(request);
        apr_pool_destroy(next);
    }
    assert_int_equal(shared, MANY);
}

static void names_of_userinfo_are_never_mixed_up(void **state)
{
    apr_pool_t *pool = *state;
    amlaps_claims_keep_t *keep = amlaps_claims_keep_make(pool);
    int i;

    for (i = 0; i < MANY; i++) {
        const char *name = apr_psprintf(pool, "Alice %08d", i);
        const char *userinfo = apr_psprintf(pool, "{\"sub\":\"s\",\"name\":\"%s\"}", name);

        assert_string_equal(read_both(keep, "{\"oid\":\"o\",\"sub\":\"s\"," TID "}", userinfo, pool)->name, name);
    }
}

static void those_not_used_for_longest_go_and_stay_for_who_uses_them(void **state)
{
    apr_pool_t *pool = *state, *long_one = make_request(pool);
    amlaps_claims_keep_t *keep = amlaps_claims_keep_make(pool);
    const amlaps_person_t *held = read_one(keep, claims_of(MANY, pool), long_one), *used;
    apr_pool_t *using = make_request(pool);
    int i;

    used = read_one(keep, claims_of(MANY + 1, pool), using);
    for (i = 0; i < MANY; i++) {
        apr_pool_t *request = make_request(pool);

        read_one(keep, claims_of(i, request), request);
        assert_ptr_equal(read_one(keep, claims_of(MANY + 1, request), request), used);
        apr_pool_destroy(request);
    }
    expect_person(held, MANY);
    assert_ptr_not_equal(read_one(keep, claims_of(MANY, pool), pool), held);
    apr_pool_destroy(long_one);
}

static void long_texts_are_not_kept(void **state)
{
    apr_pool_t *pool = *state;
    amlaps_claims_keep_t *keep = amlaps_claims_keep_make(pool);
    char *fits = apr_psprintf(pool, "%s%*s", claims_of(1, pool), AMLAPS_CLAIMS_KEEP_LONGEST, "");
    char *long_one = apr_pstrcat(pool, claims_of(1, pool), fits, NULL);

    fits[AMLAPS_CLAIMS_KEEP_LONGEST] = '\0';
    memset(long_one, ' ', strlen(long_one));
    memcpy(long_one, fits, strlen(claims_of(1, pool)));
    long_one[AMLAPS_CLAIMS_KEEP_LONGEST + 1] = '\0';
    assert_ptr_equal(read_one(keep, fits, pool), read_one(keep, fits, pool));
    assert_ptr_not_equal(read_one(keep, long_one, pool), read_one(keep, long_one, pool));
    expect_person(read_one(keep, long_one, pool), 1);
    assert_ptr_not_equal(read_one(NULL, fits, pool), read_one(NULL, fits, pool));
}

static void a_person_outlives_the_keep_while_used(void **state)
{
    apr_pool_t *pool = *state, *child = make_request(pool), *request = make_request(pool);
    const amlaps_person_t *person = read_one(amlaps_claims_keep_make(child), claims_of(1, pool), request);

    apr_pool_destroy(child);
    expect_person(person, 1);
    apr_pool_destroy(request);
}

typedef struct worker_t {
    pthread_t thread;
    amlaps_claims_keep_t *keep;
    unsigned seed;
    int wrong;
} worker_t;

static int is_person(const amlaps_person_t *person, int number)
{
    return person && atoi(person->oid + strlen("person-")) == number && atoi(person->groups[0] + strlen("group-")) == number &&
           atoi(amlaps_json_member_text(person->claims, "oid") + strlen("person-")) == number;
}

static void *work(void *baton)
{
    worker_t *worker = baton;
    int i;

    for (i = 0; i < 4000; i++) {
        /* Some come often, so that threads share them; the rest drives others out. */
        int number = rand_r(&worker->seed) % (i % 4 ? 8 : MANY);
        const amlaps_person_t *person = NULL;
        amlaps_error_t error = { 0 };
        apr_pool_t *request;

        apr_pool_create_unmanaged_ex(&request, NULL, NULL);
        amlaps_claims_keep_read(&person, &error, worker->keep, claims_of(number, request), NULL, request);
        worker->wrong += !is_person(person, number);
        apr_pool_destroy(request);
    }
    return NULL;
}

static void threads_share_it(void **state)
{
    worker_t workers[8] = { 0 };
    amlaps_claims_keep_t *keep = amlaps_claims_keep_make(*state);
    unsigned i;

    for (i = 0; i < 8; i++) {
        workers[i].keep = keep;
        workers[i].seed = i;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (i = 0; i < 8; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].wrong, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        pool_test(the_same_texts_are_read_once),
        pool_test(a_change_of_either_text_is_seen_at_once),
        pool_test(what_names_nobody_is_refused_each_time),
        pool_test(many_people_are_never_mixed_up),
        pool_test(names_of_userinfo_are_never_mixed_up),
        pool_test(those_not_used_for_longest_go_and_stay_for_who_uses_them),
        pool_test(long_texts_are_not_kept),
        pool_test(a_person_outlives_the_keep_while_used),
        pool_test(threads_share_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
