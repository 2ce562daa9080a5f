/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_NOTIFY_LETTER_H
#define AMLAPS_NOTIFY_LETTER_H

#include "template.h"

/**
 * The message as a mail (RFC 5322): headers of our own words and encoded ones (RFC 2047), the text in base64, every line ended by CRLF and
 * shorter than 77 bytes but for addresses and the Message-ID. The same message has the same Message-ID and Date each time.
 */
const char *amlaps_letter_write(const amlaps_channel_t *channel, const amlaps_message_t *message, apr_pool_t *pool);

#endif
