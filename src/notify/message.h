/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_NOTIFY_MESSAGE_H
#define AMLAPS_NOTIFY_MESSAGE_H

/* An audit record as something to be told. */

#include "amlaps/json.h"
#include "neutral.h"

/** What templates may name: placeholders in the order of amlaps_message_word. */
typedef enum amlaps_fact_t {
    AMLAPS_FACT_TITLE,
    AMLAPS_FACT_EVENT,
    AMLAPS_FACT_OUTCOME,
    AMLAPS_FACT_CODE,
    AMLAPS_FACT_TIME,
    AMLAPS_FACT_ID,
    AMLAPS_FACT_ACTOR,
    AMLAPS_FACT_ACTOR_NAME,
    AMLAPS_FACT_ACTOR_USERNAME,
    AMLAPS_FACT_ADDRESS,
    AMLAPS_FACT_DEVICE,
    AMLAPS_FACT_DEVICE_NAME,
    AMLAPS_FACT_DEVICE_ID,
    AMLAPS_FACT_TENANT,
    AMLAPS_FACT_RULE,
    AMLAPS_FACT_REASON,
    AMLAPS_FACT_ACCOUNT,
    AMLAPS_FACTS
} amlaps_fact_t;

typedef struct amlaps_message_t {
    amlaps_json_t *record;
    const char *id;                 /* of the message: the record's and its outcome, the same at each attempt */
    const char *type;               /* laps.EVENT.revealed, denied, limited or failed */
    apr_time_t time;                /* of the record; 0: it has none */
    const char *fact[AMLAPS_FACTS]; /* as recorded, "" unknown: not to be shown, see amlaps_message_text */
} amlaps_message_t;

/** @return NULL where the text is no record */
const amlaps_message_t *amlaps_message_make(const char *record, apr_pool_t *pool);

/** "title", "actor.name", … */
const char *amlaps_message_word(amlaps_fact_t fact);

/** @return the fact of a placeholder's word, AMLAPS_FACTS where there is none */
amlaps_fact_t amlaps_message_fact(const char *word, apr_size_t length);

/** What a placeholder becomes; "" where it is not known. */
const char *amlaps_message_text(const amlaps_message_t *message, amlaps_fact_t fact, amlaps_neutral_t how, apr_pool_t *pool);

#endif
