/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <pthread.h>
#include <string.h>

#include "graph_fake.h"

#define NONE          \
    {                 \
        .status = 404 \
    }
#define TOKEN_URL "POST " FAKE_LOGIN "/" FAKE_TENANT_ID "/oauth2/v2.0/token"

/* One request to Graph with a token that is there. */
static void works(fake_t *fake, const char *bearer)
{
    fake_begin(fake);
    fake_answers(fake, (fake_step_t)NONE);
    fake_ask(fake);
    assert_string_equal(amlaps_code_word(fake->error.code), "no_password");
    assert_string_equal(fake->seen[fake->seen_count - 1].bearer, bearer);
}

static void fails(fake_t *fake, amlaps_code_t code)
{
    const int before = fake->seen_count;

    fake_begin(fake);
    fake_ask(fake);
    assert_string_equal(amlaps_code_word(fake->error.code), amlaps_code_word(code));
    assert_int_equal(fake->seen_count, before);
}

static void login(fake_t *fake, const char *body)
{
    fake_login_answers(fake, (fake_step_t){.status = 200, .body = body});
}

static void the_request_is_as_documented(void **state)
{
    fake_t *fake = *state;

    works(fake, "TOKEN-1");
    assert_string_equal(fake->login_seen.line, TOKEN_URL);
    assert_string_equal(fake->login_seen.content_type, "application/x-www-form-urlencoded");
    assert_string_equal(fake->login_seen.body, "client_id=" FAKE_CLIENT_ID "&scope=https%3A%2F%2Fgraph.test%2F.default"
                                               "&client_secret=geheim~%2B%2F%20%26%3D&grant_type=client_credentials");
    assert_null(fake->login_seen.bearer);
    works(fake, "TOKEN-1");
    assert_int_equal(fake->login_asked, 1);
}

static void renewed_five_minutes_before_its_end(void **state)
{
    fake_t *fake = *state;

    works(fake, "TOKEN-1");
    fake_advance(fake, apr_time_from_sec(3298));
    works(fake, "TOKEN-1");
    fake_advance(fake, apr_time_from_sec(1));
    works(fake, "TOKEN-2");
}

static void a_short_one_at_half_its_life(void **state)
{
    fake_t *fake = *state;

    login(fake, "{\"expires_in\":\"100\",\"access_token\":\"TOKEN-A\"}"); /* a text, as from others than Entra */
    login(fake, "{\"expires_in\":1,\"access_token\":\"TOKEN-B\"}");
    login(fake, "{\"expires_in\":100,\"access_token\":\"TOKEN-C\"}");
    works(fake, "TOKEN-A");
    fake_advance(fake, apr_time_from_sec(49));
    works(fake, "TOKEN-A");
    fake_advance(fake, apr_time_from_sec(1));
    works(fake, "TOKEN-B");
    fake_advance(fake, apr_time_from_sec(1));
    works(fake, "TOKEN-C");
}

static void one_that_is_over_on_arrival_is_used_once(void **state)
{
    fake_t *fake = *state;

    for (int i = 0; i < 2; i++) {
        fake_login_answers(fake, (fake_step_t){.status = 200,
                                               .body = "{\"expires_in\":1,\"access_token\":\"TOKEN-A\"}",
                                               .takes = apr_time_from_sec(2)});
    }
    works(fake, "TOKEN-A");
    works(fake, "TOKEN-A");
    assert_int_equal(fake->login_asked, 2);
}

static void odd_lives(void **state)
{
    fake_t *fake = *state;
    const char *const short_ones[] = {"",
                                      "\"expires_in\":-5,",
                                      "\"expires_in\":0,",
                                      "\"expires_in\":\"-5\",",
                                      "\"expires_in\":\"1e9\",",
                                      "\"expires_in\":null,",
                                      "\"expires_in\":[],"};

    for (int i = 0; i < 7; i++) {
        login(fake, apr_psprintf(fake->own, "{%s\"access_token\":\"TOKEN-%d\"}", short_ones[i], i));
        works(fake, apr_psprintf(fake->own, "TOKEN-%d", i));
        fake_advance(fake, apr_time_from_sec(29));
        works(fake, apr_psprintf(fake->own, "TOKEN-%d", i));
        fake_advance(fake, apr_time_from_sec(31));
    }
    login(fake, "{\"expires_in\":\"99999999999999999999\",\"access_token\":\"TOKEN-L\"}");
    login(fake, "{\"expires_in\":999999999999,\"access_token\":\"TOKEN-M\"}");
    works(fake, "TOKEN-L");
    fake_advance(fake, apr_time_from_sec(28 * 3600 - 300));
    works(fake, "TOKEN-M");
}

static void kept_until_its_end_when_renewal_fails(void **state)
{
    fake_t *fake = *state;
    const fake_step_t refusal = {.status = 401, .body = "{\"error\":\"invalid_client\",\"error_codes\":[7000222]}"};

    login(fake, "{\"expires_in\":100,\"access_token\":\"TOKEN-A\"}");
    works(fake, "TOKEN-A");
    fake_advance(fake, apr_time_from_sec(60));
    fake_login_answers(fake, refusal);
    works(fake, "TOKEN-A");
    assert_non_null(strstr(fake->log, "AML0315"));
    works(fake, "TOKEN-A"); /* no new attempt within 30 s */
    assert_int_equal(fake->login_asked, 2);
    fake_advance(fake, apr_time_from_sec(31));
    fake_login_answers(fake, refusal);
    works(fake, "TOKEN-A");
    fake_advance(fake, apr_time_from_sec(10));
    fails(fake, AMLAPS_TENANT_CREDENTIAL_INVALID);
}

static void a_silent_login_delays_nobody_whose_token_works(void **state)
{
    fake_t *fake = *state;

    login(fake, "{\"expires_in\":100,\"access_token\":\"TOKEN-A\"}");
    works(fake, "TOKEN-A");
    fake_advance(fake, apr_time_from_sec(60));
    fake_login_answers(
        fake, (fake_step_t){.fail = AMLAPS_TENANT_UNREACHABLE, .fail_status = APR_TIMEUP, .takes = apr_time_from_sec(2)});
    works(fake, "TOKEN-A");
    assert_int_equal(fake->login_seen.timeout, apr_time_from_sec(2));
    works(fake, "TOKEN-A");
    assert_int_equal(fake->login_asked, 2);
}

static void refusals_are_remembered(void **state)
{
    fake_t *fake = *state;
    const fake_step_t refusal = {.status = 401, .body = "{\"error\":\"invalid_client\",\"error_codes\":[7000215]}"};

    fake_login_answers(fake, refusal);
    fails(fake, AMLAPS_TENANT_CREDENTIAL_INVALID);
    fake_advance(fake, apr_time_from_sec(29));
    fails(fake, AMLAPS_TENANT_CREDENTIAL_INVALID);
    assert_non_null(strstr(fake->error.detail, "AMLapsClientSecret"));
    assert_int_equal(fake->login_asked, 1);
    fake_advance(fake, apr_time_from_sec(1));
    login(fake, "{\"expires_in\":100,\"access_token\":\"TOKEN-A\"}");
    works(fake, "TOKEN-A");
}

static void silence_is_asked_again_once_and_remembered_shortly(void **state)
{
    fake_t *fake = *state;
    const fake_step_t silence = {.fail = AMLAPS_TENANT_UNREACHABLE, .fail_status = APR_INCOMPLETE};

    fake_login_answers(fake, silence);
    fake_login_answers(fake, silence);
    fails(fake, AMLAPS_TENANT_UNREACHABLE);
    fails(fake, AMLAPS_TENANT_UNREACHABLE);
    assert_int_equal(fake->login_asked, 2);
    fake_advance(fake, apr_time_from_sec(5));
    fake_login_answers(fake, silence);
    login(fake, "{\"expires_in\":100,\"access_token\":\"TOKEN-A\"}");
    works(fake, "TOKEN-A");
}

static void a_full_pool_is_not_remembered(void **state)
{
    fake_t *fake = *state;

    fake_login_answers(fake, (fake_step_t){.fail = AMLAPS_BUSY, .fail_status = APR_TIMEUP});
    login(fake, "{\"expires_in\":100,\"access_token\":\"TOKEN-A\"}");
    fails(fake, AMLAPS_BUSY);
    works(fake, "TOKEN-A");
}

static void throttling_is_kept_to(void **state)
{
    fake_t *fake = *state;

    fake_login_answers(fake, (fake_step_t){.status = 429, .retry_after = "90"});
    fails(fake, AMLAPS_TENANT_THROTTLED);
    assert_int_equal(fake->error.retry_after, apr_time_from_sec(90));
    fake_advance(fake, apr_time_from_sec(89));
    fails(fake, AMLAPS_TENANT_THROTTLED);
    assert_int_equal(fake->error.retry_after, apr_time_from_sec(1)); /* what is left of it */
    fake_advance(fake, apr_time_from_sec(1));
    login(fake, "{\"expires_in\":100,\"access_token\":\"TOKEN-A\"}");
    works(fake, "TOKEN-A");
}

/* A login that is down and says for how long is asked neither earlier nor later, and nobody is told to come when it is not asked. */
static void a_login_that_names_its_time_is_believed(void **state)
{
    fake_t *fake = *state;
    const struct {
        const char *said;
        int seconds;
    } times[] = {{"3", 3}, {"120", 120}, {"0", 1}};

    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        fake_login_answers(fake, (fake_step_t){.status = 503, .retry_after = times[i].said});
        fails(fake, AMLAPS_TENANT_ERROR);
        assert_int_equal(fake->error.retry_after, apr_time_from_sec(times[i].seconds));
        fake_advance(fake, apr_time_from_sec(times[i].seconds) - apr_time_from_msec(1));
        fails(fake, AMLAPS_TENANT_ERROR);
        assert_int_equal(fake->error.retry_after, apr_time_from_msec(1));
        fake_advance(fake, apr_time_from_msec(1));
    }
    login(fake, "{\"expires_in\":100,\"access_token\":\"TOKEN-A\"}");
    works(fake, "TOKEN-A");
}

/* Twenty threads at once; the login answers when all of them have set out. */
#define THREADS 20

typedef struct race_t {
    fake_t *fake;
    pthread_mutex_t mutex;
    pthread_cond_t arrived;
    int started;
    int fine;
} race_t;

static void wait_for_all(fake_t *fake)
{
    race_t *race = fake->baton;

    pthread_mutex_lock(&race->mutex);
    while (race->started < THREADS) {
        pthread_cond_wait(&race->arrived, &race->mutex);
    }
    pthread_mutex_unlock(&race->mutex);
}

static void *run_one(void *data)
{
    race_t *race = data;
    apr_pool_t *pool;
    amlaps_error_t error = {0};
    amlaps_call_t call = {0};
    const amlaps_graph_device_t *device = NULL;

    pthread_mutex_lock(&race->mutex);
    race->started++;
    pthread_cond_broadcast(&race->arrived);
    pthread_mutex_unlock(&race->mutex);
    apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
    const apr_status_t status = amlaps_graph_device(&device, &error, race->fake->graph, &call, "contoso", FAKE_DEVICE, pool);
    pthread_mutex_lock(&race->mutex);
    race->fine += status == APR_SUCCESS && device != NULL;
    pthread_mutex_unlock(&race->mutex);
    apr_pool_destroy(pool);
    return NULL;
}

static void race(race_t *race, fake_t *fake)
{
    pthread_t threads[THREADS];

    *race = (race_t){.fake = fake, .mutex = PTHREAD_MUTEX_INITIALIZER, .arrived = PTHREAD_COND_INITIALIZER};
    fake->baton = race;
    fake->on_login = wait_for_all;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_one, race), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void many_threads_fetch_one(void **state)
{
    fake_t *fake = *state;
    race_t result;

    fake->config.cache_time = 0;
    fake_reopen(fake);
    for (int i = 0; i < THREADS; i++) {
        fake_answers(fake, (fake_step_t){.status = 200, .body = FAKE_DEVICE_JSON});
    }
    race(&result, fake);
    assert_int_equal(result.fine, THREADS);
    assert_int_equal(fake->login_asked, 1);
}

static void many_threads_share_one_failure(void **state)
{
    fake_t *fake = *state;
    race_t result;

    login(fake, "{\"expires_in\":100,\"access_token\":\"TOKEN-A\"}");
    works(fake, "TOKEN-A");
    fake_advance(fake, apr_time_from_sec(100)); /* over: nobody may go on with it */
    fake_login_answers(fake,
                       (fake_step_t){.status = 401, .body = "{\"error\":\"invalid_client\",\"error_codes\":[7000215]}"});
    race(&result, fake);
    assert_int_equal(result.fine, 0);
    assert_int_equal(fake->login_asked, 2);
    assert_int_equal(fake->seen_count, 1);
}

static void while_one_renews_others_go_on(void **state)
{
    fake_t *fake = *state;
    race_t result;
    int old = 0, renewed = 0;

    fake->config.cache_time = 0;
    fake_reopen(fake);
    works(fake, "TOKEN-1");
    fake_advance(fake, apr_time_from_sec(3400));
    for (int i = 0; i < THREADS; i++) {
        fake_answers(fake, (fake_step_t){.status = 200, .body = FAKE_DEVICE_JSON});
    }
    race(&result, fake);
    assert_int_equal(result.fine, THREADS);
    assert_int_equal(fake->login_asked, 2);
    for (int i = 1; i <= THREADS; i++) {
        old += strcmp(fake->seen[i].bearer, "TOKEN-1") == 0;
        renewed += strcmp(fake->seen[i].bearer, "TOKEN-2") == 0;
    }
    assert_int_equal(old + renewed, THREADS);
    assert_true(renewed >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fake_test(the_request_is_as_documented),
        fake_test(renewed_five_minutes_before_its_end),
        fake_test(a_short_one_at_half_its_life),
        fake_test(one_that_is_over_on_arrival_is_used_once),
        fake_test(odd_lives),
        fake_test(kept_until_its_end_when_renewal_fails),
        fake_test(a_silent_login_delays_nobody_whose_token_works),
        fake_test(refusals_are_remembered),
        fake_test(silence_is_asked_again_once_and_remembered_shortly),
        fake_test(a_full_pool_is_not_remembered),
        fake_test(throttling_is_kept_to),
        fake_test(a_login_that_names_its_time_is_believed),
        fake_test(many_threads_fetch_one),
        fake_test(many_threads_share_one_failure),
        fake_test(while_one_renews_others_go_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
