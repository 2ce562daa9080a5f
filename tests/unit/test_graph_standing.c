/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/graph/skew.h"
#include "../../src/graph/standing.h"
#include "graph_fake.h"

/* How a tenant stands, as all children of a generation know it. */

static const amlaps_standing_t *look(fake_t *fake)
{
    static amlaps_standing_t standing;

    assert_int_equal(amlaps_graph_standing(&standing, fake->graph, "contoso"), 1);
    return &standing;
}

static void nothing_is_known_at_first(void **state)
{
    fake_t *fake = *state;
    amlaps_standing_t standing;

    assert_int_equal(look(fake)->token, AMLAPS_TOKEN_UNKNOWN);
    assert_int_equal(look(fake)->token_issued, 0);
    assert_int_equal(look(fake)->answered, 0);
    assert_int_equal(look(fake)->fault.time, 0);
    assert_int_equal(look(fake)->permissions_known, 0);
    assert_int_equal(amlaps_graph_standing(&standing, fake->graph, "fabrikam"), 0);
}

/* Times are told on the clock that people read. */
static void a_token_and_an_answer_are_known(void **state)
{
    fake_t *fake = *state;

    fake->wall = apr_time_from_sec(1700000000);
    fake_answers(fake, (fake_step_t){.status = 404, .takes = apr_time_from_msec(30)});
    fake_ask(fake);
    assert_int_equal(look(fake)->token, AMLAPS_TOKEN_USABLE);
    assert_int_equal(look(fake)->token_issued, apr_time_from_sec(1700000000));
    assert_int_equal(look(fake)->token_expires, apr_time_from_sec(1700003599));
    assert_int_equal(look(fake)->answered, apr_time_from_sec(1700000000) + apr_time_from_msec(30));
    assert_int_equal(look(fake)->took, apr_time_from_msec(30));
    assert_int_equal(look(fake)->status, 404);
    assert_int_equal(look(fake)->fault.time, 0); /* no password is an answer, no fault */
    fake_advance(fake, apr_time_from_sec(3599));
    assert_int_equal(look(fake)->token, AMLAPS_TOKEN_UNKNOWN); /* it has ended, and nobody has asked since */
}

static void a_refused_login_is_known_until_there_is_a_token(void **state)
{
    fake_t *fake = *state;

    fake_login_answers(fake, (fake_step_t){.status = 401, .body = "{\"error\":\"invalid_client\",\"error_codes\":[7000222]}"});
    fake_ask(fake);
    assert_int_equal(look(fake)->token, AMLAPS_TOKEN_FAILING);
    assert_string_equal(look(fake)->login.error.id, "AML0310");
    assert_int_equal(look(fake)->login.trace.status, 401);
    assert_int_equal(look(fake)->login.trace.attempts, 1);
    assert_string_equal(look(fake)->login.trace.client_request_id, FAKE_CALL_ID);
    assert_string_equal(look(fake)->fault.error.id, "AML0310");
    fake_advance(fake, apr_time_from_sec(31));
    fake_begin(fake);
    fake_login_answers(fake, (fake_step_t){.status = 200, .body = "{\"expires_in\":3599,\"access_token\":\"TOKEN-A\"}"});
    fake_answers(fake, (fake_step_t){.status = 404});
    fake_ask(fake);
    assert_int_equal(look(fake)->token, AMLAPS_TOKEN_USABLE);
    assert_int_equal(look(fake)->login.time, 0);
    assert_string_equal(look(fake)->fault.error.id, "AML0310"); /* the last one stays */
}

/* Nobody goes without while the old token works. */
static void a_renewal_that_fails_is_told_and_harms_nobody(void **state)
{
    fake_t *fake = *state;

    fake_answers(fake, (fake_step_t){.status = 404});
    fake_ask(fake);
    fake_advance(fake, apr_time_from_sec(3500));
    fake_login_answers(fake, (fake_step_t){.status = 401, .body = "{\"error\":\"invalid_client\",\"error_codes\":[7000222]}"});
    fake_begin(fake);
    fake_answers(fake, (fake_step_t){.status = 404});
    fake_ask(fake);
    assert_int_equal(look(fake)->token, AMLAPS_TOKEN_USABLE);
    assert_string_equal(look(fake)->login.error.id, "AML0310");
    fake_advance(fake, apr_time_from_sec(100));
    assert_int_equal(look(fake)->token, AMLAPS_TOKEN_FAILING); /* now it has ended */
}

static void the_last_fault_of_graph_is_known(void **state)
{
    fake_t *fake = *state;

    fake_answers(fake, (fake_step_t){.status = 429, .retry_after = "60"});
    fake_ask(fake);
    assert_string_equal(look(fake)->fault.error.id, "AML0322");
    assert_int_equal(look(fake)->fault.error.code, AMLAPS_TENANT_THROTTLED);
    assert_int_equal(look(fake)->fault.trace.status, 429);
    assert_int_equal(look(fake)->throttled_until - amlaps_clock_wall(&fake->clock), apr_time_from_sec(60));
}

/* Two clients over the same memory, as two children have it. */
static void children_tell_each_other(void **state)
{
    fake_t *fake = *state;

    fake->config.shared = amlaps_graph_share(1, fake->own);
    assert_non_null(fake->config.shared);
    fake_reopen(fake);
    amlaps_graph_t *first = fake->graph;
    fake_answers(fake, (fake_step_t){.status = 429, .retry_after = "60"});
    fake_ask(fake);
    fake_reopen(fake);
    assert_ptr_not_equal(fake->graph, first);
    assert_int_equal(look(fake)->token, AMLAPS_TOKEN_USABLE);
    fake_begin(fake);
    assert_int_not_equal(fake_ask(fake), APR_SUCCESS); /* the silence that one was asked for is kept by all */
    assert_int_equal(fake->error.code, AMLAPS_TENANT_THROTTLED);
    assert_int_equal(fake->call.attempts, 0);
}

/* However many children there are, a login that refuses is asked by one, and after half a minute by one again. */
static void a_refused_login_is_asked_for_all_children(void **state)
{
    fake_t *fake = *state;

    fake->config.shared = amlaps_graph_share(1, fake->own);
    for (int i = 0; i < 2; i++) {
        fake_login_answers(fake, (fake_step_t){.status = 401, .body = "{\"error\":\"invalid_client\",\"error_codes\":[7000222]}"});
        for (int child = 0; child < 5; child++) {
            fake_reopen(fake);
            fake_begin(fake);
            assert_int_not_equal(fake_ask(fake), APR_SUCCESS);
            assert_string_equal(fake->error.id, "AML0310");
            assert_int_equal(fake->login_asked, i + 1);
        }
        fake_advance(fake, apr_time_from_sec(30));
    }
}

static void a_shorter_refusal_leaves_a_longer_one_as_it_is(void **state)
{
    fake_t *fake = *state;
    amlaps_row_t *row = amlaps_standing_row(amlaps_graph_share(1, fake->pool), 0);
    const apr_time_t now = apr_time_from_sec(1000);
    amlaps_fault_t throttled = {.time = now}, silent = {.time = now}, found;

    amlaps_error_set(&throttled.error, AMLAPS_TENANT_THROTTLED, "AML0311", APR_EGENERAL, "too many");
    throttled.error.retry_after = apr_time_from_sec(90);
    amlaps_error_set(&silent.error, AMLAPS_TENANT_UNREACHABLE, "AML0312", APR_TIMEUP, "no answer");
    amlaps_standing_no_token(row, &throttled, 1, now + apr_time_from_sec(90));
    amlaps_standing_no_token(row, &silent, 1, now + apr_time_from_sec(5));
    assert_int_equal(amlaps_standing_refused(&found, row, now + apr_time_from_sec(30)), 1);
    assert_string_equal(found.error.id, "AML0311");
    assert_int_equal(found.error.retry_after, apr_time_from_sec(60));
    /* Once that is over, the next one counts. */
    amlaps_standing_no_token(row, &silent, 1, now + apr_time_from_sec(95));
    assert_int_equal(amlaps_standing_refused(&found, row, now + apr_time_from_sec(91)), 1);
    assert_string_equal(found.error.id, "AML0312");
}

static void a_child_that_dies_leaves_the_memory_usable(void **state)
{
    fake_t *fake = *state;
    amlaps_graph_shared_t *shared = amlaps_graph_share(1, fake->own);
    amlaps_row_t *row = amlaps_standing_row(shared, 0);
    int status;

    const pid_t child = fork();
    if (child == 0) {
        amlaps_standing_answer(row, 5, 3, 200, "request");
        pthread_mutex_lock((pthread_mutex_t *)row); /* the row begins with it */
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    amlaps_standing_block(row, 10, 5);
    assert_int_equal(amlaps_standing_blocked(row, 12), 3);
}

static void one_child_tries_the_login_for_all(void **state)
{
    fake_t *fake = *state;
    amlaps_row_t *row = amlaps_standing_row(amlaps_graph_share(1, fake->own), 0);
    const apr_time_t now = apr_time_from_sec(1000);

    assert_int_equal(amlaps_standing_claim(row, now), 1);
    assert_int_equal(amlaps_standing_claim(row, now + apr_time_from_sec(9)), 0);
    assert_int_equal(amlaps_standing_claim(row, now + apr_time_from_sec(10)), 1);
    amlaps_standing_token(row, now, apr_time_from_sec(3600));
    assert_int_equal(amlaps_standing_claim(row, now + apr_time_from_sec(3599)), 0); /* none is needed */
    assert_int_equal(amlaps_standing_claim(row, now + apr_time_from_sec(3600)), 1);
}

/* As the days pass: 30, 7, 1 and 0 are each told once, by whichever child comes first. */
static void the_end_of_a_certificate_is_told_four_times(void **state)
{
    fake_t *fake = *state;
    amlaps_graph_shared_t *shared = amlaps_graph_share(2, fake->own);
    amlaps_row_t *row = amlaps_standing_row(shared, 0);
    const apr_time_t hour = apr_time_from_sec(3600), end = 1000 * 24 * hour;
    const int days[] = {30, 7, 1, 0};
    int told = 0;

    assert_int_equal(amlaps_standing_expiry(row, end, end - 40 * 24 * hour), 0);
    for (apr_time_t now = end - 40 * 24 * hour; now < end + 48 * hour; now += hour) {
        const int near = amlaps_standing_expiry_is_near(row, now);
        assert_int_equal(amlaps_standing_expiry(row, end, now), near);
        if (near) {
            assert_true(told < 4);
            assert_int_equal(end - now, days[told++] * 24 * hour);
        }
    }
    assert_int_equal(told, 4);
    assert_int_equal(amlaps_standing_expiry(row, end + 400 * 24 * hour, end), 0); /* replaced: it begins again */
    assert_int_equal(amlaps_standing_expiry(row, end + 6 * 24 * hour, end), 1);
    amlaps_graph_share_expiry(shared, 1, end, end - 20 * 24 * hour); /* start has told of 30 days */
    row = amlaps_standing_row(shared, 1);
    assert_int_equal(amlaps_standing_expiry(row, end, end - 19 * 24 * hour), 0);
    assert_int_equal(amlaps_standing_expiry(row, end, end - 7 * 24 * hour), 1);
    assert_int_equal(amlaps_standing_expiry(row, 0, end), 0); /* a credential without an end */
}

static void a_fault_that_lasts_is_logged_now_and_then(void **state)
{
    fake_t *fake = *state;
    amlaps_row_t *row = amlaps_standing_row(amlaps_graph_share(1, fake->own), 0);
    amlaps_fault_t refused = {.time = apr_time_from_sec(1000), .error = {.id = "AML0310"}}, silent = {.error = {.id = "AML0303"}};
    int told = 0;

    for (int i = 0; i < 60; i++, refused.time += apr_time_from_sec(30)) {
        told += amlaps_standing_is_news(row, &refused);
    }
    assert_int_equal(told, 3); /* half an hour */
    silent.time = refused.time;
    assert_int_equal(amlaps_standing_is_news(row, &silent), 1);
    assert_int_equal(amlaps_standing_is_news(row, &refused), 1);
    amlaps_standing_token(row, refused.time, apr_time_from_sec(5)); /* there was one in between */
    assert_int_equal(amlaps_standing_is_news(row, &refused), 1);
    assert_int_equal(amlaps_standing_is_news(row, &refused), 0);
}

static void clocks_are_compared(void **state)
{
    fake_t *fake = *state;
    const apr_time_t now = apr_time_from_sec(1000000000); /* Sun, 09 Sep 2001 01:46:40 GMT */
    static const struct {
        const char *date, *says;
    } rows[] = {
        {"Sun, 09 Sep 2001 01:46:40 GMT", NULL},
        {"Sun, 09 Sep 2001 01:41:40 GMT", NULL},
        {"Sun, 09 Sep 2001 01:51:40 GMT", NULL},
        {"Sun, 09 Sep 2001 01:41:39 GMT", "this server's clock is 5 minutes fast"},
        {"Sun, 09 Sep 2001 01:52:40 GMT", "this server's clock is 6 minutes slow"},
        {"Sat, 08 Sep 2001 01:46:40 GMT", "this server's clock is 24 hours fast"},
        {"Thu, 09 Sep 2010 01:46:40 GMT", "this server's clock is 3287 days slow"},
        {"yesterday", NULL},
        {NULL, NULL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *says = amlaps_skew(rows[i].date, now, fake->pool);
        if (rows[i].says) {
            assert_string_equal(says, rows[i].says);
        }
        else {
            assert_null(says);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fake_test(nothing_is_known_at_first),
        fake_test(a_token_and_an_answer_are_known),
        fake_test(a_refused_login_is_known_until_there_is_a_token),
        fake_test(a_renewal_that_fails_is_told_and_harms_nobody),
        fake_test(the_last_fault_of_graph_is_known),
        fake_test(children_tell_each_other),
        fake_test(a_refused_login_is_asked_for_all_children),
        fake_test(a_shorter_refusal_leaves_a_longer_one_as_it_is),
        fake_test(a_child_that_dies_leaves_the_memory_usable),
        fake_test(one_child_tries_the_login_for_all),
        fake_test(the_end_of_a_certificate_is_told_four_times),
        fake_test(a_fault_that_lasts_is_logged_now_and_then),
        fake_test(clocks_are_compared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
