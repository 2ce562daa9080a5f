/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <pthread.h>
#include <string.h>

#include "graph_fake.h"

/* The thread that renews tokens, with a clock that the test moves. */

typedef struct seen_t {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int logins;
    int in_time;
} seen_t;

static void count_login(fake_t *fake)
{
    seen_t *seen = fake->baton;

    pthread_mutex_lock(&seen->mutex);
    seen->logins++;
    pthread_cond_broadcast(&seen->changed);
    pthread_mutex_unlock(&seen->mutex);
}

static void until(seen_t *seen, int logins)
{
    pthread_mutex_lock(&seen->mutex);
    while (seen->logins < logins) {
        pthread_cond_wait(&seen->changed, &seen->mutex);
    }
    pthread_mutex_unlock(&seen->mutex);
}

static void ask(fake_t *fake)
{
    fake_begin(fake);
    fake_answers(fake, (fake_step_t){.status = 404});
    fake_ask(fake);
    assert_int_equal(fake->error.code, AMLAPS_NO_PASSWORD);
}

/* The first token takes half of its life to arrive: it is due at once, so the thread goes on by itself. */
static void tokens_are_renewed_without_anybody_asking(void **state)
{
    fake_t *fake = *state;
    seen_t seen = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    apr_pool_t *child;

    fake->baton = &seen;
    fake->on_login = count_login;
    apr_pool_create(&child, fake->own);
    assert_int_equal(amlaps_graph_renew_in_background(fake->graph, child), APR_SUCCESS);
    fake_login_answers(fake, (fake_step_t){.status = 200, .body = "{\"expires_in\":10,\"access_token\":\"TOKEN-A\"}", .takes = apr_time_from_sec(5)});
    fake_login_answers(fake, (fake_step_t){.status = 200, .body = "{\"expires_in\":3599,\"access_token\":\"TOKEN-B\"}"});
    assert_int_equal(seen.logins, 0); /* none before somebody needs one */
    ask(fake);
    until(&seen, 2);
    apr_pool_destroy(child); /* ends the thread and waits for it */
    ask(fake);
    assert_string_equal(fake->seen[fake->seen_count - 1].bearer, "TOKEN-B");
    assert_int_equal(seen.logins, 2);
}

/* The login of a tenant whose token is due says nothing until that of another, wanted only meanwhile, was asked. */
static void silent_until_another_is_asked(fake_t *fake)
{
    seen_t *seen = fake->baton;
    struct timespec end;

    count_login(fake);
    pthread_mutex_lock(&seen->mutex);
    const int is_second = seen->logins == 2;
    pthread_mutex_unlock(&seen->mutex);
    if (!is_second) {
        return;
    }
    amlaps_graph_probe(fake->graph, 0);
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 20;
    pthread_mutex_lock(&seen->mutex);
    while (seen->logins < 3 && pthread_cond_timedwait(&seen->changed, &seen->mutex, &end) == 0) {
    }
    seen->in_time = seen->logins == 3;
    seen->logins++;
    pthread_cond_broadcast(&seen->changed);
    pthread_mutex_unlock(&seen->mutex);
}

static void a_silent_login_keeps_no_other_tenant_waiting(void **state)
{
    fake_t *fake = *state;
    seen_t seen = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    amlaps_tenant_t other = fake->tenant;
    const amlaps_tenant_t *both[] = {&fake->tenant, &other};
    apr_pool_t *child;

    other.name = "fabrikam";
    fake->config.tenants = both;
    fake->config.tenant_count = 2;
    fake_reopen(fake);
    fake->baton = &seen;
    fake->on_login = silent_until_another_is_asked;
    apr_pool_create(&child, fake->own);
    assert_int_equal(amlaps_graph_renew_in_background(fake->graph, child), APR_SUCCESS);
    fake_login_answers(fake, (fake_step_t){.status = 200, .body = "{\"expires_in\":10,\"access_token\":\"TOKEN-A\"}", .takes = apr_time_from_sec(5)});
    fake_login_answers(fake, (fake_step_t){.status = 200, .body = "{\"expires_in\":3599,\"access_token\":\"TOKEN-B\"}"});
    fake_login_answers(fake, (fake_step_t){.status = 200, .body = "{\"expires_in\":3599,\"access_token\":\"TOKEN-C\"}"});
    ask(fake);
    until(&seen, 4);
    apr_pool_destroy(child);
    assert_true(seen.in_time);
}

static void it_ends_with_its_pool(void **state)
{
    fake_t *fake = *state;

    for (int i = 0; i < 20; i++) {
        apr_pool_t *child;
        apr_pool_create(&child, fake->own);
        assert_int_equal(amlaps_graph_renew_in_background(fake->graph, child), APR_SUCCESS);
        if (i % 2) {
            ask(fake);
        }
        apr_pool_destroy(child);
    }
    assert_int_equal(fake->login_asked, 1);
}

/* Health asks for it, nobody waits for the login, and it is asked once. */
static void a_probe_has_the_login_tried(void **state)
{
    fake_t *fake = *state;
    amlaps_standing_t standing;
    apr_pool_t *child;

    amlaps_graph_probe(fake->graph, 0); /* without the thread nothing happens */
    apr_pool_create(&child, fake->own);
    assert_int_equal(amlaps_graph_renew_in_background(fake->graph, child), APR_SUCCESS);
    amlaps_graph_probe(fake->graph, apr_time_from_sec(20));
    amlaps_graph_standing(&standing, fake->graph, "contoso");
    assert_int_equal(standing.token, AMLAPS_TOKEN_USABLE);
    amlaps_graph_probe(fake->graph, apr_time_from_sec(20));
    apr_pool_destroy(child);
    assert_int_equal(fake->login_asked, 1);
    ask(fake);
    assert_int_equal(fake->login_asked, 1); /* the person takes that token */
}

static void a_probe_that_is_refused_is_told_and_not_repeated(void **state)
{
    fake_t *fake = *state;
    amlaps_standing_t standing;
    apr_pool_t *child;

    fake_login_answers(fake, (fake_step_t){.status = 401, .body = "{\"error\":\"invalid_client\",\"error_codes\":[7000222]}"});
    apr_pool_create(&child, fake->own);
    assert_int_equal(amlaps_graph_renew_in_background(fake->graph, child), APR_SUCCESS);
    for (int i = 0; i < 5; i++) {
        amlaps_graph_probe(fake->graph, apr_time_from_sec(20));
    }
    amlaps_graph_standing(&standing, fake->graph, "contoso");
    assert_int_equal(standing.token, AMLAPS_TOKEN_FAILING);
    apr_pool_destroy(child);
    assert_int_equal(fake->login_asked, 1);
    assert_non_null(strstr(fake->log, "AML0360"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fake_test(tokens_are_renewed_without_anybody_asking),
        fake_test(a_silent_login_keeps_no_other_tenant_waiting),
        fake_test(it_ends_with_its_pool),
        fake_test(a_probe_has_the_login_tried),
        fake_test(a_probe_that_is_refused_is_told_and_not_repeated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
