/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_NOTIFY_TEMPLATE_H
#define AMLAPS_NOTIFY_TEMPLATE_H

/*
 * Texts that an administrator can change. `{word}` stands for a fact, `{{` for a brace. For Slack and Teams a template is JSON, and facts are
 * put into its texts alone, so that none can become JSON; for mail it is a subject and lines. An item of a list, and a line, in which
 * every placeholder is empty is left out.
 */

#include "amlaps/notify.h"
#include "message.h"

struct amlaps_template_t {
    amlaps_channel_kind_t kind;
    const amlaps_json_t *json;  /* Slack and Teams */
    const char *subject;        /* mail */
    const char *const *lines;
    apr_size_t line_count;
};

/** @param text NULL-terminated, kept. @return NULL, or what is wrong and what to write instead */
const char *amlaps_template_read(const amlaps_template_t **read, amlaps_channel_kind_t kind, const char *text, apr_size_t length,
                                 apr_pool_t *pool);

/** The message as JSON, for Slack and Teams. */
amlaps_json_t *amlaps_template_json(const amlaps_template_t *template, const amlaps_message_t *message, apr_pool_t *pool);

/** Fills in one text. @param filled counts the placeholders that are not empty, `found` all; may be NULL */
const char *amlaps_template_fill(const char *text, const amlaps_message_t *message, amlaps_neutral_t how, int *found, int *filled,
                                 apr_pool_t *pool);

/** The templates that are shipped in conf/notify, made by the build. */
extern const char amlaps_template_slack[], amlaps_template_teams[], amlaps_template_mail[];

#endif
