/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "message.h"

#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"

static const char *const words[AMLAPS_FACTS] = {
    "title", "event", "outcome", "code", "time", "id", "actor", "actor.name", "actor.username", "address", "device", "device.name", "device.id",
    "tenant", "rule", "reason", "account"
};

const char *amlaps_message_word(amlaps_fact_t fact)
{
    return words[fact];
}

amlaps_fact_t amlaps_message_fact(const char *word, apr_size_t length)
{
    int fact = 0;

    while (fact < AMLAPS_FACTS && (strlen(words[fact]) != length || memcmp(words[fact], word, length) != 0)) {
        fact++;
    }
    return (amlaps_fact_t)fact;
}

static const char *text_of(const amlaps_json_t *object, const char *member)
{
    const char *text = amlaps_json_member_text(object, member);

    return text != NULL ? text : "";
}

static const char *first_of(const char *a, const char *b)
{
    return *a != '\0' ? a : b;
}

static const char *type_of(const amlaps_message_t *message, apr_pool_t *pool)
{
    const char *outcome = message->fact[AMLAPS_FACT_OUTCOME];
    const char *word = outcome;

    if (strcmp(outcome, "granted") == 0) {
        word = "revealed";
    } else if (strcmp(message->fact[AMLAPS_FACT_CODE], "rate_limited") == 0) {
        word = "limited";
    }
    return apr_pstrcat(pool, "laps.", message->fact[AMLAPS_FACT_EVENT], ".", word, NULL);
}

const amlaps_message_t *amlaps_message_make(const char *record, apr_pool_t *pool)
{
    amlaps_message_t *message = apr_pcalloc(pool, sizeof(*message));
    const amlaps_json_t *person, *device;
    const char **fact = message->fact;

    if (amlaps_json_parse(&message->record, NULL, record, strlen(record), pool) != APR_SUCCESS
        || amlaps_json_kind(message->record) != AMLAPS_JSON_OBJECT) {
        return NULL;
    }
    person = amlaps_json_member(message->record, "actor");
    device = amlaps_json_member(message->record, "device");
    fact[AMLAPS_FACT_EVENT] = text_of(message->record, "event");
    fact[AMLAPS_FACT_OUTCOME] = text_of(message->record, "outcome");
    fact[AMLAPS_FACT_CODE] = text_of(message->record, "code");
    fact[AMLAPS_FACT_TIME] = text_of(message->record, "time");
    fact[AMLAPS_FACT_ID] = text_of(message->record, "id");
    fact[AMLAPS_FACT_ADDRESS] = text_of(message->record, "address");
    fact[AMLAPS_FACT_RULE] = text_of(message->record, "rule");
    fact[AMLAPS_FACT_REASON] = text_of(message->record, "reason");
    fact[AMLAPS_FACT_ACTOR_NAME] = text_of(person, "name");
    fact[AMLAPS_FACT_ACTOR_USERNAME] = text_of(person, "username");
    fact[AMLAPS_FACT_ACTOR] = first_of(text_of(person, "oid"), text_of(person, "subject"));
    fact[AMLAPS_FACT_TENANT] = text_of(device, "tenant");
    fact[AMLAPS_FACT_DEVICE_ID] = text_of(device, "deviceId");
    fact[AMLAPS_FACT_DEVICE_NAME] = text_of(device, "name");
    fact[AMLAPS_FACT_DEVICE] = first_of(fact[AMLAPS_FACT_DEVICE_NAME], fact[AMLAPS_FACT_DEVICE_ID]);
    fact[AMLAPS_FACT_ACCOUNT] = text_of(amlaps_json_member(message->record, "credential"), "account");
    fact[AMLAPS_FACT_TITLE] = "";
    message->type = type_of(message, pool);
    message->id = apr_pstrcat(pool, fact[AMLAPS_FACT_ID], "-", fact[AMLAPS_FACT_OUTCOME], NULL);
    if (!amlaps_text_read_time(&message->time, fact[AMLAPS_FACT_TIME])) {
        message->time = 0;
    }
    return message;
}

static const char *actor(const amlaps_message_t *message, amlaps_neutral_t how, apr_pool_t *pool)
{
    const char *name = amlaps_message_text(message, AMLAPS_FACT_ACTOR_NAME, how, pool);
    const char *username = amlaps_message_text(message, AMLAPS_FACT_ACTOR_USERNAME, how, pool);

    if (*name != '\0' && *username != '\0') {
        return apr_pstrcat(pool, name, " (", username, ")", NULL);
    }
    return first_of(first_of(username, name), amlaps_neutral_text(message->fact[AMLAPS_FACT_ACTOR], how, 0, pool));
}

static const char *title(const amlaps_message_t *message, amlaps_neutral_t how, apr_pool_t *pool)
{
    const int older = strcmp(message->fact[AMLAPS_FACT_EVENT], "history") == 0;
    const char *outcome = message->fact[AMLAPS_FACT_OUTCOME];
    const char *what = strcmp(outcome, "granted") == 0 ? "shown to" : strcmp(outcome, "denied") == 0 ? "refused to" : "could not be shown to";

    return apr_psprintf(pool, "%s of %s %s %s", older ? "Older passwords" : "The password",
                        first_of(amlaps_message_text(message, AMLAPS_FACT_DEVICE, how, pool), "a device"), what,
                        first_of(actor(message, how, pool), "somebody"));
}

const char *amlaps_message_text(const amlaps_message_t *message, amlaps_fact_t fact, amlaps_neutral_t how, apr_pool_t *pool)
{
    if (fact == AMLAPS_FACT_TITLE) {
        return title(message, how, pool);
    }
    if (fact == AMLAPS_FACT_ACTOR) {
        return actor(message, how, pool);
    }
    return amlaps_neutral_text(message->fact[fact], how, fact == AMLAPS_FACT_ACTOR_USERNAME || fact == AMLAPS_FACT_ADDRESS, pool);
}
