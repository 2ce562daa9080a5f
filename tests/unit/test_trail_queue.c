/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "trail_world.h"

static const char *const soc[] = { "soc", NULL };
static const char *const both[] = { "soc", "mail", NULL };

static void conclude_telling(world_t *world, amlaps_outcome_t outcome, const char *const *on_success, const char *const *on_failure)
{
    amlaps_record_t record = world_record(AMLAPS_EVENT_PASSWORD, AMLAPS_STAGE_OUTCOME, "alice");
    amlaps_error_t error = { 0 };

    record.outcome = outcome;
    record.on_success = on_success;
    record.on_failure = on_failure;
    assert_int_equal(amlaps_trail_conclude(&error, world->trail, &record, world->pool), APR_SUCCESS);
}

static amlaps_notice_t *take_waiting(apr_interval_time_t *wait, world_t *world, const char *channel)
{
    amlaps_error_t error = { 0 };
    amlaps_notice_t *notice;

    if (amlaps_trail_take_notice(&notice, wait, &error, world->trail, channel, world->pool) != APR_SUCCESS) {
        fail_msg("%s", error.detail);
    }
    return notice;
}

static amlaps_notice_t *take(world_t *world, const char *channel)
{
    apr_interval_time_t wait;

    return take_waiting(&wait, world, channel);
}

static void end(world_t *world, const amlaps_notice_t *notice, amlaps_notice_end_t how, apr_interval_time_t again, const char *why)
{
    amlaps_error_t error = { 0 };

    assert_int_equal(amlaps_trail_end_notice(&error, world->trail, notice, how, again, why), APR_SUCCESS);
}

static amlaps_channel_standing_t standing(world_t *world, const char *channel)
{
    amlaps_channel_standing_t standing;
    amlaps_error_t error = { 0 };

    assert_int_equal(amlaps_trail_channel(&standing, &error, world->trail, channel, world->pool), APR_SUCCESS);
    return standing;
}

static void test_outcome_decides_who_is_told(void **state)
{
    world_t *world = *state;
    amlaps_record_t intent = world_record(AMLAPS_EVENT_PASSWORD, AMLAPS_STAGE_INTENT, "alice");
    amlaps_error_t error = { 0 };
    unsigned news;

    world_open(world);
    news = amlaps_trail_news(world->trail);
    intent.on_success = intent.on_failure = both;
    assert_int_equal(amlaps_trail_admit(&error, world->trail, &intent, world->pool), APR_SUCCESS);
    assert_int_equal(world_number(world, "SELECT count(*) FROM notification"), 0);
    assert_int_equal(amlaps_trail_news(world->trail), news);
    conclude_telling(world, AMLAPS_OUTCOME_GRANTED, both, soc);
    assert_int_equal(world_number(world, "SELECT count(*) FROM notification"), 2);
    assert_int_not_equal(amlaps_trail_news(world->trail), news);
    conclude_telling(world, AMLAPS_OUTCOME_DENIED, both, soc);
    conclude_telling(world, AMLAPS_OUTCOME_FAILED, both, soc);
    conclude_telling(world, AMLAPS_OUTCOME_FAILED, both, NULL);
    assert_int_equal(world_number(world, "SELECT count(*) FROM notification"), 4);
    assert_int_equal(world_number(world, "SELECT count(*) FROM notification WHERE channel = 'soc'"), 3);
    world_verify_good(world, 5);
}

static void test_refused_by_a_limit_is_a_failure(void **state)
{
    world_t *world = *state;
    amlaps_record_t intent = world_record(AMLAPS_EVENT_PASSWORD, AMLAPS_STAGE_INTENT, "alice");
    amlaps_error_t error = { 0 };

    world_limit(world, AMLAPS_LIMIT_USER, "1/hour");
    world_open(world);
    intent.on_failure = soc;
    assert_int_equal(amlaps_trail_admit(&error, world->trail, &intent, world->pool), APR_SUCCESS);
    assert_null(take(world, "soc"));
    amlaps_trail_admit(&error, world->trail, &intent, world->pool);
    assert_int_equal(error.code, AMLAPS_RATE_LIMITED);
    assert_non_null(strstr(take(world, "soc")->record, "\"code\":\"rate_limited\""));
}

static void test_what_is_taken_is_the_record(void **state)
{
    world_t *world = *state;
    amlaps_notice_t *notice;

    world_open(world);
    conclude_telling(world, AMLAPS_OUTCOME_GRANTED, soc, NULL);
    notice = take(world, "soc");
    assert_non_null(notice);
    assert_string_equal(notice->channel, "soc");
    assert_int_equal(notice->attempts, 1);
    assert_int_equal(notice->queued, WORLD_START);
    assert_null(notice->why);
    assert_int_equal(world_number(world, "SELECT count(*) FROM record JOIN notification ON record.body = notification.body"), 1);
    assert_non_null(strstr(notice->record, "\"hash\":\""));
    end(world, notice, AMLAPS_NOTICE_DELIVERED, 0, NULL);
    assert_null(take(world, "soc"));
    assert_int_equal(world_number(world, "SELECT count(*) FROM notification"), 0);
    assert_int_equal(standing(world, "soc").delivered, WORLD_START);
}

static void test_held_until_its_holder_is_given_up(void **state)
{
    world_t *world = *state;
    amlaps_notice_t *first, *again;
    apr_interval_time_t wait;

    world_open(world);
    conclude_telling(world, AMLAPS_OUTCOME_GRANTED, soc, NULL);
    first = take(world, "soc");
    assert_null(take_waiting(&wait, world, "soc"));
    assert_int_equal(wait, SECONDS(30));
    world_pass(SECONDS(31));
    again = take(world, "soc");
    assert_int_equal(again->number, first->number);
    assert_int_equal(again->attempts, 2);
    /* The first holder comes back late: it must not end what is another's now. */
    end(world, first, AMLAPS_NOTICE_DELIVERED, 0, NULL);
    assert_int_equal(standing(world, "soc").queued, 1);
    end(world, first, AMLAPS_NOTICE_DEAD, 0, "late");
    assert_int_equal(standing(world, "soc").dead, 0);
    end(world, again, AMLAPS_NOTICE_DELIVERED, 0, NULL);
    assert_int_equal(standing(world, "soc").queued, 0);
}

static void test_survives_its_child(void **state)
{
    world_t *world = *state;
    int status;
    pid_t child = fork();

    if (child == 0) {
        world_open(world);
        conclude_telling(world, AMLAPS_OUTCOME_GRANTED, soc, NULL);
        if (amlaps_trail_lead(world->trail, SECONDS(1)) != APR_SUCCESS || take(world, "soc") == NULL) {
            _exit(1);
        }
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    world_open(world);
    assert_int_equal(amlaps_trail_lead(world->trail, SECONDS(1)), APR_SUCCESS);
    assert_null(take(world, "soc"));
    world_pass(SECONDS(31));
    assert_int_equal(take(world, "soc")->attempts, 2);
    amlaps_trail_follow(world->trail);
}

static void test_one_thread_of_all_children_leads(void **state)
{
    world_t *world = *state;
    int status;
    pid_t child;

    world_open(world);
    assert_int_equal(amlaps_trail_lead(world->trail, SECONDS(1)), APR_SUCCESS);
    if ((child = fork()) == 0) {
        /* Not through world->trail: its writer's thread was not forked. The lead itself is what the children share. */
        _exit(amlaps_trail_lead(world->trail, apr_time_from_msec(50)) == APR_TIMEUP ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    amlaps_trail_follow(world->trail);
    if ((child = fork()) == 0) {
        _exit(amlaps_trail_lead(world->trail, SECONDS(1)) == APR_SUCCESS ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(amlaps_trail_is_over(world->trail), 0);
    amlaps_trail_restarted(world->shared);
    assert_int_equal(amlaps_trail_is_over(world->trail), 1);
}

static void test_postponed_and_dead(void **state)
{
    world_t *world = *state;
    amlaps_notice_t *notice;
    apr_interval_time_t wait;
    amlaps_channel_standing_t now;

    world_open(world);
    conclude_telling(world, AMLAPS_OUTCOME_GRANTED, soc, NULL);
    conclude_telling(world, AMLAPS_OUTCOME_GRANTED, soc, NULL);
    notice = take(world, "soc");
    end(world, notice, AMLAPS_NOTICE_POSTPONED, SECONDS(5), "answered 503");
    /* Others of the channel go first meanwhile. */
    assert_int_equal(take(world, "soc")->number, notice->number + 1);
    assert_null(take_waiting(&wait, world, "soc"));
    assert_int_equal(wait, SECONDS(5));
    world_pass(SECONDS(5));
    notice = take(world, "soc");
    assert_string_equal(notice->why, "answered 503");
    end(world, notice, AMLAPS_NOTICE_DEAD, 0, "given up");
    now = standing(world, "soc");
    assert_int_equal(now.queued, 1);
    assert_int_equal(now.dead, 1);
    assert_int_equal(now.oldest, WORLD_START);
    assert_int_equal(now.failed, WORLD_START + SECONDS(5));
    assert_int_equal(now.delivered, 0);
    assert_string_equal(now.why, "given up");
    now = standing(world, "nobody");
    assert_int_equal(now.queued + now.dead + now.oldest + now.failed + now.delivered, 0);
    assert_null(now.why);
}

static void test_clock_set_back_delays_nothing_for_long(void **state)
{
    world_t *world = *state;

    world_open(world);
    conclude_telling(world, AMLAPS_OUTCOME_GRANTED, soc, NULL);
    world_pass(-SECONDS(86400));
    assert_non_null(take(world, "soc"));
}

/** Whoever reads the status believes the later of the two. */
static void test_clock_set_back_turns_no_standing_around(void **state)
{
    world_t *world = *state;
    amlaps_channel_standing_t now;
    int i;

    world_open(world);
    for (i = 0; i < 4; i++) {
        conclude_telling(world, AMLAPS_OUTCOME_GRANTED, soc, NULL);
    }
    end(world, take(world, "soc"), AMLAPS_NOTICE_DELIVERED, 0, NULL);
    now = standing(world, "soc");
    assert_int_equal(now.failed, 0);
    world_pass(-SECONDS(86400));
    end(world, take(world, "soc"), AMLAPS_NOTICE_DEAD, 0, "answered 410");
    now = standing(world, "soc");
    assert_int_equal(now.failed, WORLD_START - SECONDS(86400));
    assert_true(now.delivered != 0 && now.delivered < now.failed);
    world_pass(-SECONDS(86400));
    end(world, take(world, "soc"), AMLAPS_NOTICE_DELIVERED, 0, NULL);
    now = standing(world, "soc");
    assert_int_equal(now.delivered, WORLD_START - SECONDS(2 * 86400));
    assert_true(now.failed != 0 && now.failed <= now.delivered);
    world_pass(SECONDS(1));
    end(world, take(world, "soc"), AMLAPS_NOTICE_DEAD, 0, "answered 410");
    assert_int_equal(standing(world, "soc").delivered, WORLD_START - SECONDS(2 * 86400));
}

static void test_channels_do_not_wait_for_each_other(void **state)
{
    world_t *world = *state;

    world_open(world);
    conclude_telling(world, AMLAPS_OUTCOME_GRANTED, both, NULL);
    assert_non_null(take(world, "soc"));
    assert_non_null(take(world, "mail"));
    assert_null(take(world, "mail"));
}

static void test_the_queue_is_bounded(void **state)
{
    world_t *world = *state;

    world_open(world);
    world_tamper(world, "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 9999)"
                 " INSERT INTO notification(channel, body, queued, due, attempts, dead) SELECT 'soc', '{}', 1900000000000, 1900000000000, 0, 0 FROM c");
    conclude_telling(world, AMLAPS_OUTCOME_GRANTED, soc, NULL);
    assert_int_equal(standing(world, "soc").dead, 0);
    conclude_telling(world, AMLAPS_OUTCOME_GRANTED, both, NULL);
    assert_int_equal(standing(world, "soc").queued, 10000);
    assert_int_equal(standing(world, "soc").dead, 1);
    assert_int_equal(standing(world, "mail").queued, 1);
}

static void test_old_ones_are_tidied_away(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };

    world_open(world);
    conclude_telling(world, AMLAPS_OUTCOME_GRANTED, both, NULL);
    end(world, take(world, "mail"), AMLAPS_NOTICE_DEAD, 0, "x");
    assert_int_equal(amlaps_trail_tidy(&error, world->trail), APR_SUCCESS);
    assert_int_equal(standing(world, "soc").queued, 1);
    assert_int_equal(standing(world, "mail").dead, 1);
    world_pass(SECONDS(8 * 86400));
    assert_int_equal(amlaps_trail_tidy(&error, world->trail), APR_SUCCESS);
    assert_int_equal(standing(world, "soc").queued, 0);
    assert_int_equal(standing(world, "soc").dead, 1);
    world_pass(SECONDS(23 * 86400));
    assert_int_equal(amlaps_trail_tidy(&error, world->trail), APR_SUCCESS);
    assert_int_equal(world_number(world, "SELECT count(*) FROM notification"), 0);
}

static void test_an_unusable_store_says_so(void **state)
{
    world_t *world = *state;
    amlaps_error_t error = { 0 };
    amlaps_notice_t *notice;
    apr_interval_time_t wait;

    world_open(world);
    world_conclude(world, "alice");
    if (world->conninfo != NULL) {
        world_tamper(world, "ALTER TABLE notification RENAME TO away");
    } else {
        assert_int_equal(rename(world->path, apr_pstrcat(world->pool, world->path, "-away", NULL)), 0);
    }
    assert_int_not_equal(amlaps_trail_take_notice(&notice, &wait, &error, world->trail, "soc", world->pool), APR_SUCCESS);
    assert_int_equal(error.code, AMLAPS_AUDIT_UNAVAILABLE);
    assert_null(notice);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

static const struct CMUnitTest tests[] = {
    TEST(test_outcome_decides_who_is_told), TEST(test_refused_by_a_limit_is_a_failure), TEST(test_what_is_taken_is_the_record),
    TEST(test_held_until_its_holder_is_given_up), TEST(test_survives_its_child), TEST(test_one_thread_of_all_children_leads),
    TEST(test_postponed_and_dead), TEST(test_clock_set_back_delays_nothing_for_long),
    TEST(test_clock_set_back_turns_no_standing_around), TEST(test_channels_do_not_wait_for_each_other),
    TEST(test_the_queue_is_bounded), TEST(test_old_ones_are_tidied_away), TEST(test_an_unusable_store_says_so)
};

WORLD_MAIN(tests)
