/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/notify.h"

#include <string.h>

#include <apr_strings.h>

#include "test_base_pool.h"

static amlaps_secret_t *secret(apr_pool_t *pool, const char *text)
{
    amlaps_secret_t *made = amlaps_secret_make(strlen(text) + 1, pool);

    assert_int_equal(amlaps_secret_append(made, text, strlen(text)), APR_SUCCESS);
    return made;
}

static void kinds(void **state)
{
    amlaps_channel_t channel = { 0 };

    assert_null(amlaps_channel_set_kind(&channel, "Teams", *state));
    assert_int_equal(channel.kind, AMLAPS_CHANNEL_TEAMS);
    assert_null(amlaps_channel_set_kind(&channel, "json", *state));
    assert_int_equal(channel.kind, AMLAPS_CHANNEL_JSON);
    assert_non_null(strstr(amlaps_channel_set_kind(&channel, "mail", *state), "json, slack or teams"));
}

static void urls(void **state)
{
    static const char *const good[] = { "https://hooks.example/x?sig=a%20b&c=d", "https://h:8443/", "http://127.0.0.1:9/x", "http://localhost/x", "http://[::1]:1/" };
    static const char *const bad[][2] = {
        { "http://hooks.example/x", "in clear" }, { "ftp://hooks.example/", "no URL" }, { "hooks.example", "no URL" }, { "https:///x", "no URL" },
        { "https://u:p@hooks.example/", "user name" }, { "https://hooks.example/#x", "fragment" }, { "https://hooks.example:0/", "port" },
        { "https://hooks.example:99999/", "port" }, { "https://hooks.example/a b", "percent-encoded" }, { "https://hooks.example/\"", "percent-encoded" },
        { "http://127.0.0.1.evil.example/", "in clear" }, { "file:///etc/passwd", "no URL" }
    };
    amlaps_channel_t channel = { 0 };
    size_t i;

    for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
        const char *mistake = amlaps_channel_set_url(&channel, secret(*state, good[i]), *state);

        if (mistake != NULL) {
            fail_msg("%s: %s", good[i], mistake);
        }
    }
    for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        const char *mistake = amlaps_channel_set_url(&channel, secret(*state, bad[i][0]), *state);

        if (mistake == NULL || strstr(mistake, bad[i][1]) == NULL) {
            fail_msg("%s: %s", bad[i][0], mistake != NULL ? mistake : "accepted");
        }
        /* The URL may be a secret, so the message doesn't show it. */
        assert_null(strstr(mistake, "hooks.example"));
    }
}

static void keys(void **state)
{
    static const char *const bad[] = { "", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64 at all!", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS" };
    amlaps_channel_t channel = { 0 };
    size_t i;

    assert_null(amlaps_channel_set_key(&channel, secret(*state, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), *state));
    assert_int_equal(channel.key->length, 24);
    assert_int_equal((unsigned char)channel.key->bytes[0], 0x31);
    for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        const char *mistake = amlaps_channel_set_key(&channel, secret(*state, bad[i]), *state);

        assert_non_null(mistake);
        assert_non_null(strstr(mistake, "openssl rand -base64 32"));
    }
}

static const char *set_mail(amlaps_channel_t *channel, apr_pool_t *pool, const char *a, const char *b, const char *c)
{
    const char **words = apr_pcalloc(pool, 3 * sizeof(*words));

    words[0] = a;
    words[1] = b;
    words[2] = c;
    return amlaps_channel_set_mail(channel, words, 3, pool);
}

static void mails(void **state)
{
    static const char *const addresses[] = { "x", "@x", "x@", "a b@c", "<a@b>", "a@b\r\nRCPT TO:<c@d>", "a@b,c@d", "a@b c", "Alice <a@b>", "a@b..c", "a@.b", "a@b.",
                                             "\"a\"@b", "\xC3\xA4@b", "a@b>" };
    static const char *const servers[] = { "mail.example", "http://mail.example", "smtp://", "smtp://u:p@mail.example", "smtp://mail.example/x", "smtp://mail.example:0",
                                           "smtp://mail.example:587?x", "smtp://mail.example#x", "smtp://mail\r\nQUIT" };
    amlaps_channel_t channel = { 0 };
    size_t i;

    assert_null(set_mail(&channel, *state, "SMTPS://mail.example:465", "laps+x@contoso.com", "soc@contoso.com"));
    assert_int_equal(channel.kind, AMLAPS_CHANNEL_MAIL);
    assert_int_equal(channel.loopback, 0);
    assert_string_equal(channel.from, "laps+x@contoso.com");
    assert_string_equal(channel.to[0], "soc@contoso.com");
    assert_null(channel.to[1]);
    assert_null(set_mail(&channel, *state, "smtp://127.0.0.1", "a@b", "c@d"));
    assert_int_equal(channel.loopback, 1);
    assert_non_null(amlaps_channel_set_mail(&channel, (const char *const[]){ "smtp://x", "a@b" }, 2, *state));
    for (i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
        if (set_mail(&channel, *state, "smtp://x", addresses[i], "c@d") == NULL || set_mail(&channel, *state, "smtp://x", "a@b", addresses[i]) == NULL) {
            fail_msg("accepted: %s", addresses[i]);
        }
    }
    for (i = 0; i < sizeof(servers) / sizeof(*servers); i++) {
        if (set_mail(&channel, *state, servers[i], "a@b", "c@d") == NULL) {
            fail_msg("accepted: %s", servers[i]);
        }
    }
}

/* ---- deliveries over a transport that does as it is told ---- */

typedef struct wire_t {
    amlaps_transport_t transport;
    int status;              /* of the answer, 0: none comes */
    apr_status_t result;
    amlaps_http_request_t request;
    amlaps_mail_t mail;
    int asked;
} wire_t;

static apr_status_t exchange(amlaps_http_response_t *response, amlaps_error_t *error, void *baton, const amlaps_http_request_t *request, apr_pool_t *pool)
{
    wire_t *wire = baton;

    (void)pool;
    memset(response, 0, sizeof(*response));
    wire->request = *request;
    wire->asked++;
    response->status = wire->status;
    return wire->result == APR_SUCCESS ? APR_SUCCESS
                                       : amlaps_error_set(error, AMLAPS_NOTIFICATION_FAILED, "AML0510", wire->result, "hooks.example: no answer in time");
}

static apr_status_t send_mail(int *reply, amlaps_error_t *error, void *baton, const amlaps_mail_t *mail, apr_pool_t *pool)
{
    wire_t *wire = baton;

    (void)pool;
    wire->mail = *mail;
    wire->asked++;
    *reply = wire->status;
    return wire->result == APR_SUCCESS ? APR_SUCCESS : amlaps_error_set(error, AMLAPS_NOTIFICATION_FAILED, "AML0510", wire->result, "refused");
}

static amlaps_delivery_t deliver(wire_t *wire, const amlaps_channel_t *channel, const char *record, apr_pool_t *pool)
{
    amlaps_delivery_t delivery;
    amlaps_notify_t *notify;

    wire->transport = (amlaps_transport_t){ .exchange = exchange, .send = send_mail, .baton = wire };
    assert_int_equal(amlaps_notify_open(&notify, &channel, 1, &wire->transport, amlaps_clock_system(), pool), APR_SUCCESS);
    assert_ptr_equal(amlaps_notify_find(notify, channel->name), channel);
    assert_null(amlaps_notify_find(notify, "nobody"));
    amlaps_notify_deliver(&delivery, notify, channel, record, apr_time_from_sec(3), NULL, pool);
    return delivery;
}

#define RECORD "{\"event\":\"password\",\"id\":\"i-1\",\"outcome\":\"granted\",\"time\":\"2026-11-22T16:00:01.234Z\"}"

static void counts(void **state)
{
    amlaps_channel_meter_t meter = { 0 };
    const amlaps_channel_t channel = { .name = "soc", .kind = AMLAPS_CHANNEL_JSON, .url = secret(*state, "https://hooks.example/x"), .meter = &meter };
    volatile apr_uint32_t stop = 0;
    amlaps_delivery_t delivery;
    amlaps_notify_t *notify;
    const amlaps_channel_t *all = &channel;
    wire_t wire = { .status = 200 };

    deliver(&wire, &channel, RECORD, *state);
    deliver(&wire, &channel, RECORD, *state);
    wire.status = 500;
    deliver(&wire, &channel, RECORD, *state);
    assert_int_equal(amlaps_count_read(&meter.delivered), 2);
    assert_int_equal(amlaps_count_read(&meter.failed), 1);
    /* That a child ends is no fault of the channel. */
    assert_int_equal(amlaps_notify_open(&notify, &all, 1, &wire.transport, amlaps_clock_system(), *state), APR_SUCCESS);
    amlaps_notify_deliver(&delivery, notify, &channel, RECORD, apr_time_from_sec(3), &stop, *state);
    assert_int_equal(amlaps_count_read(&meter.failed), 2);
    stop = 1;
    amlaps_notify_deliver(&delivery, notify, &channel, RECORD, apr_time_from_sec(3), &stop, *state);
    assert_int_equal(delivery.end, AMLAPS_DELIVERY_LATER);
    assert_int_equal(amlaps_count_read(&meter.failed), 2);
}

static void posts(void **state)
{
    const amlaps_channel_t channel = { .name = "soc", .kind = AMLAPS_CHANNEL_JSON, .url = secret(*state, "https://hooks.example/secret-path") };
    wire_t wire = { .status = 200 };

    assert_int_equal(deliver(&wire, &channel, RECORD, *state).end, AMLAPS_DELIVERY_DONE);
    assert_string_equal(wire.request.method, "POST");
    assert_string_equal(wire.request.url, "https://hooks.example/secret-path");
    assert_int_equal(wire.request.timeout, apr_time_from_sec(3));
    assert_string_equal(wire.request.body->bytes, "{\"data\":" RECORD ",\"timestamp\":\"2026-11-22T16:00:01.234Z\",\"type\":\"laps.password.revealed\"}");
    /* The receiver had it, whatever else it said. */
    wire.result = APR_EGENERAL;
    assert_int_equal(deliver(&wire, &channel, RECORD, *state).end, AMLAPS_DELIVERY_DONE);
    wire.status = 0;
    assert_int_equal(deliver(&wire, &channel, RECORD, *state).end, AMLAPS_DELIVERY_LATER);
    assert_string_equal(deliver(&wire, &channel, RECORD, *state).why, "hooks.example: no answer in time");
    wire.status = 500;
    assert_int_equal(deliver(&wire, &channel, RECORD, *state).end, AMLAPS_DELIVERY_LATER);
    wire.asked = 0;
    assert_int_equal(deliver(&wire, &channel, "nonsense", *state).end, AMLAPS_DELIVERY_NEVER);
    assert_int_equal(wire.asked, 0);
    assert_string_equal(amlaps_notify_id(RECORD, *state), "i-1");
    assert_string_equal(amlaps_notify_id("nonsense", *state), "?");
}

static void clear_mail_stays_on_the_machine(void **state)
{
    static const char *const to[] = { "b@c.example", NULL };
    amlaps_channel_t channel = { .name = "m", .kind = AMLAPS_CHANNEL_MAIL, .server = "smtp://mail.example", .from = "a@c.example", .to = to };
    wire_t wire = { 0 };

    assert_null(amlaps_channel_set_template(&channel, NULL, 0, *state));
    assert_int_equal(deliver(&wire, &channel, RECORD, *state).end, AMLAPS_DELIVERY_DONE);
    assert_int_equal(wire.mail.clear, 0);
    channel.loopback = 1;
    deliver(&wire, &channel, RECORD, *state);
    assert_int_equal(wire.mail.clear, 1);
    channel.ca_file = "/ca.pem";
    deliver(&wire, &channel, RECORD, *state);
    assert_int_equal(wire.mail.clear, 0);
    channel.ca_file = NULL;
    channel.user = "laps";
    deliver(&wire, &channel, RECORD, *state);
    assert_int_equal(wire.mail.clear, 0);
}

static void replies_of_mail_servers(void **state)
{
    static const struct {
        int reply;
        amlaps_delivery_end_t end;
    } cases[] = { { 0, AMLAPS_DELIVERY_LATER }, { 421, AMLAPS_DELIVERY_LATER }, { 450, AMLAPS_DELIVERY_LATER }, { 535, AMLAPS_DELIVERY_LATER },
                  { 530, AMLAPS_DELIVERY_LATER }, { 550, AMLAPS_DELIVERY_NEVER }, { 554, AMLAPS_DELIVERY_NEVER } };
    static const char *const to[] = { "b@c.example", NULL };
    amlaps_channel_t channel = { .name = "m", .kind = AMLAPS_CHANNEL_MAIL, .server = "smtp://mail.example", .from = "a@c.example", .to = to };
    size_t i;

    assert_null(amlaps_channel_set_template(&channel, NULL, 0, *state));
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        wire_t wire = { .status = cases[i].reply, .result = APR_EGENERAL };

        assert_int_equal(deliver(&wire, &channel, RECORD, *state).end, cases[i].end);
    }
}

static void waits_double_and_vary(void **state)
{
    apr_interval_time_t previous = 0;
    int attempts;

    (void)state;
    for (attempts = 1; attempts < 40; attempts++) {
        const apr_interval_time_t least = amlaps_notify_backoff(attempts, 0, 0), most = amlaps_notify_backoff(attempts, 0, 512);

        assert_true(least < most && most - least >= least / 3);
        assert_true(least >= previous);
        assert_true(most <= apr_time_from_sec(900) * 5 / 4);
        previous = least;
    }
    assert_in_range(amlaps_notify_backoff(1, 0, 256), apr_time_from_msec(990), apr_time_from_msec(1010));
    assert_in_range(amlaps_notify_backoff(5, 0, 256), apr_time_from_msec(15900), apr_time_from_msec(16100));
    assert_int_equal(amlaps_notify_backoff(1, apr_time_from_sec(120), 7), apr_time_from_sec(120));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        pool_test(kinds), pool_test(urls), pool_test(keys), pool_test(mails), pool_test(posts), pool_test(counts), pool_test(clear_mail_stays_on_the_machine),
        pool_test(replies_of_mail_servers), pool_test(waits_double_and_vary)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
