/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_NOTIFY_WEBHOOK_H
#define AMLAPS_NOTIFY_WEBHOOK_H

#include "template.h"

/** What is posted: the record with its type and time (JSON), Slack's blocks, or Teams' card. */
const char *amlaps_webhook_body(const amlaps_channel_t *channel, const amlaps_message_t *message, apr_pool_t *pool);

/**
 * The headers of Standard Webhooks. @param now of this attempt: receivers refuse old ones. @return "Name: value", NULL-terminated; the
 * signature is there where the channel has a key
 */
const char *const *amlaps_webhook_headers(const amlaps_channel_t *channel, const amlaps_message_t *message, const char *body, apr_time_t now,
                                          apr_pool_t *pool);

/** What the receiver's answer means. @param body its beginning; length may be 0 @param now for a Retry-After that is a date */
void amlaps_webhook_judge(amlaps_delivery_t *delivery, const amlaps_channel_t *channel, const amlaps_http_response_t *response, apr_time_t now,
                          apr_pool_t *pool);

#endif
