/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../../src/notify/letter.h"
#include "../../src/notify/webhook.h"

#include <string.h>
#include <sys/resource.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "amlaps/text.h"
#include "test_base_pool.h"

#define RECORD(reason, name)                                                                                                                 \
    "{\"actor\":{\"name\":\"" name "\",\"oid\":\"o\",\"username\":\"alice@contoso.com\"},\"address\":\"10.1.2.3\",\"code\":\"ok\","          \
    "\"credential\":{\"account\":\"Administrator\"},\"device\":{\"deviceId\":\"d-1\",\"name\":\"LON-001\",\"tenant\":\"contoso\"},"          \
    "\"event\":\"password\",\"id\":\"0c6a0f0e-0000-4000-8000-000000000001\",\"outcome\":\"granted\"," reason                                 \
    "\"rule\":\"London\",\"time\":\"2026-11-22T16:00:01.234Z\"}"

static const char *mistake(apr_pool_t *pool, amlaps_channel_kind_t kind, const char *text)
{
    amlaps_channel_t channel = { .kind = kind };
    const char *found = amlaps_channel_set_template(&channel, text, strlen(text), pool);

    assert_true((found == NULL) == (channel.template != NULL));
    return found != NULL ? found : "";
}

static const amlaps_message_t *message(apr_pool_t *pool, const char *record)
{
    const amlaps_message_t *made = amlaps_message_make(record, pool);

    assert_non_null(made);
    return made;
}

static const char *body(apr_pool_t *pool, amlaps_channel_kind_t kind, const char *template, const char *record)
{
    amlaps_channel_t channel = { .kind = kind };

    assert_null(amlaps_channel_set_template(&channel, template, template != NULL ? strlen(template) : 0, pool));
    return amlaps_webhook_body(&channel, message(pool, record), pool);
}

static void a_mark_of_the_byte_order_is_passed_over(void **state)
{
    amlaps_channel_t channel = { .kind = AMLAPS_CHANNEL_MAIL };

    assert_string_equal(mistake(*state, AMLAPS_CHANNEL_MAIL, "\xEF\xBB\xBF" "Subject: {title}\r\n\r\ntext\r\n"), "");
    assert_string_equal(body(*state, AMLAPS_CHANNEL_SLACK, "\xEF\xBB\xBF{\"text\":\"x\"}", "{}"), "{\"text\":\"x\"}");
    assert_non_null(amlaps_channel_set_template(&channel, "\xEF\xBB", 2, *state));
}

static void what_is_shipped_is_right(void **state)
{
    static const amlaps_channel_kind_t kinds[] = { AMLAPS_CHANNEL_SLACK, AMLAPS_CHANNEL_TEAMS, AMLAPS_CHANNEL_MAIL };
    size_t i;

    for (i = 0; i < 3; i++) {
        amlaps_channel_t channel = { .kind = kinds[i] };

        assert_null(amlaps_channel_set_template(&channel, NULL, 0, *state));
        assert_non_null(channel.template);
    }
    assert_non_null(strstr(amlaps_template_slack, "\"blocks\""));
}

static void mistakes_are_named(void **state)
{
    static const struct {
        amlaps_channel_kind_t kind;
        const char *text, *says;
    } cases[] = {
        { AMLAPS_CHANNEL_SLACK, "{\"text\":\"{titel}\"}", "no placeholder '{titel}'; write one of {title}, {event}" },
        { AMLAPS_CHANNEL_SLACK, "{\"text\":[{\"x\":\"{}\"}]}", "no placeholder '{}'" },
        { AMLAPS_CHANNEL_TEAMS, "{\"text\":\"{title\"}", "no placeholder '{title'" },
        { AMLAPS_CHANNEL_SLACK, "{\"text\":", "no JSON" },
        { AMLAPS_CHANNEL_SLACK, "[]", "one JSON object" },
        { AMLAPS_CHANNEL_TEAMS, "{\"version\":1.4}", "must be whole" },
        { AMLAPS_CHANNEL_TEAMS, "{\"a\":\"\xFF\"}", "UTF-8" },
        { AMLAPS_CHANNEL_MAIL, "Password\n\ntext\n", "Subject:" },
        { AMLAPS_CHANNEL_MAIL, "Subject: x\ntext\n", "Subject:" },
        { AMLAPS_CHANNEL_MAIL, "Subject: x\n\n", "Subject:" },
        { AMLAPS_CHANNEL_MAIL, "Subject: {x}\n\ntext\n", "no placeholder '{x}'" },
        { AMLAPS_CHANNEL_MAIL, "Subject: x\n\n{password}\n", "no placeholder '{password}'" },
        { AMLAPS_CHANNEL_JSON, "{}", "has no template" }
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *found = mistake(*state, cases[i].kind, cases[i].text);

        if (strstr(found, cases[i].says) == NULL) {
            fail_msg("%s: %s", cases[i].text, found);
        }
    }
}

static void facts_are_put_into_texts(void **state)
{
    assert_string_equal(body(*state, AMLAPS_CHANNEL_TEAMS, "{\"n\":1,\"b\":true,\"z\":null,\"type\":\"TextRun\",\"text\":\"{device} {{x}} by {actor}: {reason}\"}",
                             RECORD("\"reason\":\"INC1\",", "Alice")),
                        "{\"b\":true,\"n\":1,\"text\":\"LON-001 {x}} by Alice (alice@contoso.com): INC1\",\"type\":\"TextRun\",\"z\":null}");
}

static void items_without_a_fact_are_left_out(void **state)
{
    static const char template[] = "{\"a\":[\"{reason}\",\"fixed\",1,{\"l\":\"Reason\",\"v\":[\"{reason}\"]},\"{device}{reason}\"],\"o\":\"{reason}\"}";

    assert_string_equal(body(*state, AMLAPS_CHANNEL_SLACK, template, RECORD("", "Alice")), "{\"a\":[\"fixed\",1,\"LON-001\"],\"o\":\"\"}");
    assert_string_equal(body(*state, AMLAPS_CHANNEL_SLACK, template, RECORD("\"reason\":\"r\",", "Alice")),
                        "{\"a\":[\"r\",\"fixed\",1,{\"l\":\"Reason\",\"v\":[\"r\"]},\"LON-001r\"],\"o\":\"r\"}");
}

static void the_place_decides_how_text_is_escaped(void **state)
{
    static const char slack[] = "{\"a\":{\"type\":\"plain_text\",\"text\":\"{reason}\"},\"b\":{\"type\":\"mrkdwn\",\"text\":\"{reason}\"},\"c\":\"{reason}\"}";
    static const char teams[] = "{\"a\":{\"type\":\"TextRun\",\"text\":\"{reason}\"},\"b\":{\"type\":\"TextBlock\",\"text\":\"{reason}\"}}";

    assert_string_equal(body(*state, AMLAPS_CHANNEL_SLACK, slack, RECORD("\"reason\":\"<*>\",", "A")),
                        "{\"a\":{\"text\":\"&lt;*&gt;\",\"type\":\"plain_text\"},\"b\":{\"text\":\"\xEF\xBC\x9C\xEF\xBC\x8A\xEF\xBC\x9E\",\"type\":\"mrkdwn\"},"
                        "\"c\":\"\xEF\xBC\x9C\xEF\xBC\x8A\xEF\xBC\x9E\"}");
    assert_string_equal(body(*state, AMLAPS_CHANNEL_TEAMS, teams, RECORD("\"reason\":\"<*>\",", "A")),
                        "{\"a\":{\"text\":\"<*>\",\"type\":\"TextRun\"},\"b\":{\"text\":\"\xEF\xBC\x9C\xEF\xBC\x8A\xEF\xBC\x9E\",\"type\":\"TextBlock\"}}");
}

static void types_follow_the_outcome(void **state)
{
    static const char *const cases[][2] = {
        { "{\"event\":\"password\",\"outcome\":\"granted\",\"code\":\"ok\",\"id\":\"i\"}", "laps.password.revealed" },
        { "{\"event\":\"history\",\"outcome\":\"granted\",\"code\":\"ok\"}", "laps.history.revealed" },
        { "{\"event\":\"password\",\"outcome\":\"denied\",\"code\":\"not_authorized\"}", "laps.password.denied" },
        { "{\"event\":\"password\",\"outcome\":\"denied\",\"code\":\"rate_limited\"}", "laps.password.limited" },
        { "{\"event\":\"password\",\"outcome\":\"failed\",\"code\":\"no_password\"}", "laps.password.failed" }
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_string_equal(message(*state, cases[i][0])->type, cases[i][1]);
    }
    assert_string_equal(message(*state, cases[0][0])->id, "i-granted");
    assert_null(amlaps_message_make("[]", *state));
    assert_null(amlaps_message_make("{", *state));
}

static void titles_say_what_happened(void **state)
{
    apr_pool_t *pool = *state;
    const amlaps_message_t *made = message(pool, "{\"event\":\"history\",\"outcome\":\"denied\",\"device\":{\"deviceId\":\"d-1\"},\"actor\":{\"subject\":\"s\"}}");

    assert_string_equal(amlaps_message_text(made, AMLAPS_FACT_TITLE, AMLAPS_NEUTRAL_PLAIN, pool), "Older passwords of d-1 refused to s");
    made = message(pool, "{\"event\":\"password\",\"outcome\":\"failed\"}");
    assert_string_equal(amlaps_message_text(made, AMLAPS_FACT_TITLE, AMLAPS_NEUTRAL_PLAIN, pool), "The password of a device could not be shown to somebody");
}

static void a_letter_has_only_its_own_headers(void **state)
{
    static const char *const to[] = { "soc@contoso.com", "leads@contoso.com", NULL };
    amlaps_channel_t channel = { .name = "soc", .kind = AMLAPS_CHANNEL_MAIL, .from = "laps@contoso.com", .to = to };
    const char *letter, *line, *next;
    int empty = 0;

    assert_null(amlaps_channel_set_template(&channel, NULL, 0, *state));
    letter = amlaps_letter_write(&channel, message(*state, RECORD("\"reason\":\"x\\n.\\nBcc: e@e.example\",", "A\\r\\nBcc: e@e.example\\r\\n\\r\\n.\\r\\n")), *state);
    assert_int_equal(strncmp(letter, "Date: Sun, 22 Nov 2026 16:00:01 +0000\r\nFrom: laps@contoso.com\r\nTo: soc@contoso.com,\r\n leads@contoso.com\r\nSubject: =?UTF-8?B?", 120), 0);
    assert_non_null(strstr(letter, "\r\nMessage-ID: <0c6a0f0e-0000-4000-8000-000000000001-granted.soc@contoso.com>\r\n"));
    assert_null(strstr(letter, "Bcc"));
    for (line = letter; *line != '\0'; line = next + 2) {
        next = strstr(line, "\r\n");
        assert_non_null(next);
        assert_in_range(next - line, 0, 76);
        empty += next == line;
        assert_int_not_equal(*line, '.');
        assert_null(memchr(line, '\n', (size_t)(next - line)));
    }
    assert_int_equal(empty, 1);
}

/* The vector of the specification's reference libraries (Standard Webhooks, "msg_p5jXN8AQM9LWM0D4loKWxJek"). */
static void signatures_are_those_of_the_specification(void **state)
{
    amlaps_secret_t *written = amlaps_secret_make(100, *state);
    amlaps_channel_t channel = { .kind = AMLAPS_CHANNEL_JSON };
    const amlaps_message_t made = { .id = "msg_p5jXN8AQM9LWM0D4loKWxJek" };
    const char *const *headers;

    assert_int_equal(amlaps_secret_append(written, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 38), APR_SUCCESS);
    assert_null(amlaps_channel_set_key(&channel, written, *state));
    assert_int_equal(channel.key->length, 24);
    headers = amlaps_webhook_headers(&channel, &made, "{\"test\": 2432232314}", apr_time_from_sec(1614265330), *state);
    assert_string_equal(headers[1], "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek");
    assert_string_equal(headers[2], "webhook-timestamp: 1614265330");
    assert_string_equal(headers[3], "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    assert_null(headers[4]);
    channel.key = NULL;
    assert_null(amlaps_webhook_headers(&channel, &made, "{}", 0, *state)[3]);
}

static amlaps_delivery_t judge(apr_pool_t *pool, amlaps_channel_kind_t kind, int status, const char *retry_after, const char *text)
{
    const amlaps_channel_t channel = { .kind = kind };
    amlaps_http_response_t response = { .status = status, .retry_after = retry_after, .body = amlaps_secret_make(100, pool) };
    amlaps_delivery_t delivery;

    assert_int_equal(amlaps_secret_append(response.body, text, strlen(text)), APR_SUCCESS);
    amlaps_webhook_judge(&delivery, &channel, &response, apr_time_from_sec(1614265330), pool);
    return delivery;
}

static void answers_are_understood(void **state)
{
    amlaps_delivery_t delivery;

    assert_int_equal(judge(*state, AMLAPS_CHANNEL_JSON, 200, NULL, "").end, AMLAPS_DELIVERY_DONE);
    assert_int_equal(judge(*state, AMLAPS_CHANNEL_TEAMS, 202, NULL, "").end, AMLAPS_DELIVERY_DONE);
    assert_int_equal(judge(*state, AMLAPS_CHANNEL_TEAMS, 200, NULL, "1").end, AMLAPS_DELIVERY_DONE);
    assert_int_equal(judge(*state, AMLAPS_CHANNEL_JSON, 410, NULL, "").end, AMLAPS_DELIVERY_NEVER);
    delivery = judge(*state, AMLAPS_CHANNEL_TEAMS, 200, NULL, "Microsoft Teams endpoint returned HTTP error 429 with ContextId x");
    assert_int_equal(delivery.end, AMLAPS_DELIVERY_LATER);
    assert_int_equal(delivery.after, apr_time_from_sec(30));
    assert_int_equal(judge(*state, AMLAPS_CHANNEL_SLACK, 200, NULL, "HTTP error 429").end, AMLAPS_DELIVERY_DONE);
    delivery = judge(*state, AMLAPS_CHANNEL_SLACK, 429, "7", "");
    assert_int_equal(delivery.end, AMLAPS_DELIVERY_LATER);
    assert_int_equal(delivery.after, apr_time_from_sec(7));
    delivery = judge(*state, AMLAPS_CHANNEL_SLACK, 403, NULL, "action_prohibited\n");
    assert_int_equal(delivery.after, 0);
    assert_string_equal(delivery.why, "the receiver answered 403: action_prohibited\\x0a");
    assert_non_null(strstr(judge(*state, AMLAPS_CHANNEL_JSON, 302, NULL, "").why, "not followed"));
}

static long peak(void)
{
    struct rusage usage;

    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

/** What configtest takes may not need a child's memory: it is made for each notification. */
static void large_templates_cost_what_they_are_long(void **state)
{
    static const char *const to[] = { "soc@contoso.com", NULL };
    apr_array_header_t *lines = apr_array_make(*state, 2000, sizeof(const char *));
    amlaps_channel_t channel = { .name = "soc", .from = "laps@contoso.com", .to = to };
    const char *text, *record = RECORD("\"reason\":\"x\",", "Alice");
    const long before = peak();
    int i;

    for (i = 0; i < 2000; i++) {
        APR_ARRAY_PUSH(lines, const char *) = "{title} {id} {title} {id}";
    }
    text = apr_pstrcat(*state, "{\"text\":\"", apr_array_pstrcat(*state, lines, ' '), "\"}", NULL);
    assert_in_range(strlen(body(*state, AMLAPS_CHANNEL_SLACK, text, record)), 200000, 1000000);
    text = apr_pstrcat(*state, "Subject: {title}\n\n", apr_array_pstrcat(*state, lines, '\n'), NULL);
    channel.kind = AMLAPS_CHANNEL_MAIL;
    assert_null(amlaps_channel_set_template(&channel, text, strlen(text), *state));
    assert_in_range(strlen(amlaps_letter_write(&channel, message(*state, record), *state)), 200000, 1000000);
    assert_in_range(peak() - before, 0, 65536);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        pool_test(what_is_shipped_is_right), pool_test(a_mark_of_the_byte_order_is_passed_over),
        pool_test(mistakes_are_named), pool_test(facts_are_put_into_texts), pool_test(items_without_a_fact_are_left_out),
        pool_test(the_place_decides_how_text_is_escaped), pool_test(types_follow_the_outcome), pool_test(titles_say_what_happened),
        pool_test(a_letter_has_only_its_own_headers), pool_test(signatures_are_those_of_the_specification), pool_test(answers_are_understood),
        pool_test(large_templates_cost_what_they_are_long)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
