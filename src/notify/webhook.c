/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "webhook.h"

#include <string.h>

#include <apr_strings.h>

#include "amlaps/digest.h"
#include "amlaps/text.h"

#define CHAT_PAUSE apr_time_from_sec(30)

const char *amlaps_webhook_body(const amlaps_channel_t *channel, const amlaps_message_t *message, apr_pool_t *pool)
{
    amlaps_json_t *body;

    if (channel->kind != AMLAPS_CHANNEL_JSON) {
        return amlaps_json_canonical(amlaps_template_json(channel->template, message, pool), pool);
    }
    body = amlaps_json_make_object(pool);
    amlaps_json_set_text(body, "type", message->type);
    amlaps_json_set_text(body, "timestamp", message->fact[AMLAPS_FACT_TIME]);
    amlaps_json_set(body, "data", message->record);
    return amlaps_json_canonical(body, pool);
}

const char *const *amlaps_webhook_headers(const amlaps_channel_t *channel, const amlaps_message_t *message, const char *body, apr_time_t now,
                                          apr_pool_t *pool)
{
    const char **headers = apr_pcalloc(pool, 5 * sizeof(*headers));
    const char *time = apr_psprintf(pool, "%" APR_TIME_T_FMT, apr_time_sec(now));
    unsigned char mac[AMLAPS_DIGEST_BYTES];

    headers[0] = "User-Agent: mod_amlaps/" AMLAPS_VERSION;
    headers[1] = apr_pstrcat(pool, "webhook-id: ", message->id, NULL);
    headers[2] = apr_pstrcat(pool, "webhook-timestamp: ", time, NULL);
    if (channel->key != NULL) {
        const char *text = apr_pstrcat(pool, message->id, ".", time, ".", body, NULL);

        amlaps_digest_sign(mac, channel->key->bytes, channel->key->length, text, strlen(text));
        headers[3] = apr_pstrcat(pool, "webhook-signature: v1,", amlaps_text_base64(mac, sizeof(mac), pool), NULL);
    }
    return headers;
}

/** The connectors before Workflows say so in the text of an answer 200. */
static int is_throttled_quietly(const amlaps_channel_t *channel, const amlaps_http_response_t *response)
{
    return channel->kind == AMLAPS_CHANNEL_TEAMS && response->body != NULL && response->body->bytes != NULL
           && strstr(response->body->bytes, "HTTP error 429") != NULL;
}

void amlaps_webhook_judge(amlaps_delivery_t *delivery, const amlaps_channel_t *channel, const amlaps_http_response_t *response, apr_time_t now,
                          apr_pool_t *pool)
{
    const int status = response->status;
    const char *said = "";

    memset(delivery, 0, sizeof(*delivery));
    if (status >= 200 && status < 300 && !is_throttled_quietly(channel, response)) {
        delivery->end = AMLAPS_DELIVERY_DONE;
        return;
    }
    delivery->end = status == 410 ? AMLAPS_DELIVERY_NEVER : AMLAPS_DELIVERY_LATER;
    if (status >= 200 && status < 300) {
        delivery->after = CHAT_PAUSE;
        said = ": Teams wants fewer messages";
    } else if (!amlaps_retry_after(&delivery->after, response->retry_after, response->date, now)) {
        delivery->after = 0;
    }
    if (status >= 300 && status < 400) {
        said = ", a redirect, which is not followed; write the URL that it leads to";
    } else if (status == 410) {
        said = ": the receiver is gone for good";
    } else if (status >= 400 && response->body != NULL && response->body->length > 0) {
        said = apr_pstrcat(pool, ": ", amlaps_text_printable(response->body->bytes, 80, pool), NULL);
    }
    apr_snprintf(delivery->why, sizeof(delivery->why), "the receiver answered %d%s", status, said);
}
