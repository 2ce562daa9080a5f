/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/notify.h"

#include <string.h>

#include <apr_atomic.h>
#include <apr_strings.h>

#include "letter.h"
#include "webhook.h"

/* Enough for what a receiver has to say; more of its answer is not read. */
#define ANSWER_MOST 4096

#define BACKOFF_FIRST apr_time_from_sec(1)
#define BACKOFF_MOST apr_time_from_sec(900)

struct amlaps_notify_t {
    const amlaps_channel_t *const *channels;
    apr_size_t count;
    const amlaps_transport_t *transport;
    const amlaps_clock_t *clock;
};

const amlaps_transport_faults_t amlaps_notify_faults = {
    .unreachable = AMLAPS_NOTIFICATION_FAILED,
    .broken = AMLAPS_NOTIFICATION_FAILED,
    .unreachable_id = "AML0510",
    .broken_id = "AML0510",
    .tls_id = "AML0510",
    .busy_id = "AML0511",
    .busy = "too many notifications are being delivered at this moment"
};

apr_status_t amlaps_notify_open(amlaps_notify_t **notify, const amlaps_channel_t *const *channels, apr_size_t count,
                                const amlaps_transport_t *transport, const amlaps_clock_t *clock, apr_pool_t *pool)
{
    *notify = apr_pcalloc(pool, sizeof(**notify));
    (*notify)->channels = channels;
    (*notify)->count = count;
    (*notify)->transport = transport;
    (*notify)->clock = clock;
    return APR_SUCCESS;
}

apr_size_t amlaps_notify_count(const amlaps_notify_t *notify)
{
    return notify->count;
}

const amlaps_channel_t *amlaps_notify_channel(const amlaps_notify_t *notify, apr_size_t index)
{
    return notify->channels[index];
}

const amlaps_channel_t *amlaps_notify_find(const amlaps_notify_t *notify, const char *name)
{
    apr_size_t i;

    for (i = 0; i < notify->count; i++) {
        if (strcmp(notify->channels[i]->name, name) == 0) {
            return notify->channels[i];
        }
    }
    return NULL;
}

static void set_why(amlaps_delivery_t *delivery, amlaps_delivery_end_t end, const char *why)
{
    delivery->end = end;
    apr_cpystrn(delivery->why, why, sizeof(delivery->why));
}

static void post(amlaps_delivery_t *delivery, const amlaps_notify_t *notify, const amlaps_channel_t *channel, const amlaps_message_t *message,
                 apr_interval_time_t timeout, volatile apr_uint32_t *stop, apr_pool_t *pool)
{
    const apr_time_t now = amlaps_clock_wall(notify->clock);
    const char *body = amlaps_webhook_body(channel, message, pool);
    amlaps_secret_t *bytes = amlaps_secret_make(strlen(body) + 1, pool);
    amlaps_http_response_t response = { 0 };
    amlaps_error_t error = { 0 };
    const amlaps_http_request_t request = {
        .method = "POST", .url = channel->url->bytes, .headers = amlaps_webhook_headers(channel, message, body, now, pool), .body = bytes,
        .content_type = "application/json", .ca_file = channel->ca_file, .timeout = timeout, .most = ANSWER_MOST, .stop = stop
    };

    if (bytes == NULL || amlaps_secret_append(bytes, body, strlen(body)) != APR_SUCCESS) {
        set_why(delivery, AMLAPS_DELIVERY_LATER, "no memory for the message");
        return;
    }
    /* A receiver that took it, or said why not and when to come again, and then says too much or breaks off, has said it all the same. */
    if (notify->transport->exchange(&response, &error, notify->transport->baton, &request, pool) == APR_SUCCESS || response.status >= 200) {
        amlaps_webhook_judge(delivery, channel, &response, now, pool);
    } else {
        set_why(delivery, AMLAPS_DELIVERY_LATER, error.detail);
    }
}

static void mail(amlaps_delivery_t *delivery, const amlaps_notify_t *notify, const amlaps_channel_t *channel, const amlaps_message_t *message,
                 apr_interval_time_t timeout, volatile apr_uint32_t *stop, apr_pool_t *pool)
{
    const char *text = amlaps_letter_write(channel, message, pool);
    const amlaps_mail_t letter = {
        /* On this machine TLS protects nothing, and mail servers there have certificates that nobody signed. */
        .url = channel->server, .clear = channel->loopback && channel->user == NULL && channel->ca_file == NULL, .user = channel->user,
        .password = channel->password, .from = channel->from, .to = channel->to, .text = text, .length = strlen(text),
        .ca_file = channel->ca_file, .timeout = timeout, .stop = stop
    };
    amlaps_error_t error = { 0 };
    int reply;

    if (notify->transport->send(&reply, &error, notify->transport->baton, &letter, pool) == APR_SUCCESS) {
        delivery->end = AMLAPS_DELIVERY_DONE;
        return;
    }
    /* 53x is about the login, which an administrator mends; other codes of 500 are the server's last word. */
    set_why(delivery, reply >= 500 && reply < 600 && reply / 10 != 53 ? AMLAPS_DELIVERY_NEVER : AMLAPS_DELIVERY_LATER, error.detail);
}

/* An attempt that ended because its child ends says nothing of the channel. */
static void count(const amlaps_channel_t *channel, const amlaps_delivery_t *delivery, volatile apr_uint32_t *stop)
{
    if (channel->meter == NULL) {
        return;
    }
    if (delivery->end == AMLAPS_DELIVERY_DONE) {
        amlaps_count_add(&channel->meter->delivered);
    } else if (stop == NULL || !apr_atomic_read32(stop)) {
        amlaps_count_add(&channel->meter->failed);
    }
}

void amlaps_notify_deliver(amlaps_delivery_t *delivery, const amlaps_notify_t *notify, const amlaps_channel_t *channel, const char *record,
                           apr_interval_time_t timeout, volatile apr_uint32_t *stop, apr_pool_t *pool)
{
    const amlaps_message_t *message = amlaps_message_make(record, pool);

    memset(delivery, 0, sizeof(*delivery));
    if (message == NULL) {
        set_why(delivery, AMLAPS_DELIVERY_NEVER, "what is queued is no audit record");
    } else if (channel->kind == AMLAPS_CHANNEL_MAIL) {
        mail(delivery, notify, channel, message, timeout, stop, pool);
    } else {
        post(delivery, notify, channel, message, timeout, stop, pool);
    }
    count(channel, delivery, stop);
}

const char *amlaps_notify_id(const char *record, apr_pool_t *pool)
{
    const amlaps_message_t *message = amlaps_message_make(record, pool);

    return message != NULL && *message->fact[AMLAPS_FACT_ID] != '\0' ? message->fact[AMLAPS_FACT_ID] : "?";
}

apr_interval_time_t amlaps_notify_backoff(int attempts, apr_interval_time_t after, unsigned chance)
{
    apr_interval_time_t wait = BACKOFF_FIRST;

    while (--attempts > 0 && wait < BACKOFF_MOST) {
        wait *= 2;
    }
    if (wait > BACKOFF_MOST) {
        wait = BACKOFF_MOST;
    }
    wait += wait / 4 * (apr_interval_time_t)(chance % 513) / 256 - wait / 4;
    return wait > after ? wait : after;
}
