/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_NOTIFY_NEUTRAL_H
#define AMLAPS_NOTIFY_NEUTRAL_H

/*
 * Text of people and devices on its way into a message: one line, not too long, and nothing in it that a reader's program would make markup,
 * a mention or a link of. What it looks like to a person stays. Pure; any thread.
 */

#include "amlaps/base.h"

#define AMLAPS_NEUTRAL_MOST 500 /* characters, entities counted as they are written */

typedef enum amlaps_neutral_t {
    AMLAPS_NEUTRAL_PLAIN,  /* for places without markup: a mail, a TextRun of a card */
    AMLAPS_NEUTRAL_SLACK,  /* for Slack's plain_text, where &, < and > are escaped all the same */
    AMLAPS_NEUTRAL_MARKUP  /* for places that read some kind of Markdown: its characters become their wide forms */
} amlaps_neutral_t;

/** @param is_name 1 for user names and IP addresses: their dots stay where they have the form of one. @param text NULL becomes "" */
const char *amlaps_neutral_text(const char *text, amlaps_neutral_t how, int is_name, apr_pool_t *pool);

#endif
