/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "record.h"

/* Keeps one claim or header from filling the store; longer than anything a person reads. */
#define LONGEST 2048
#define CUT "\xE2\x80\xA6"

static const char *const stages[] = { "intent", "outcome" };
static const char *const events[] = { "password", "history", "search", "audit", "explain", "start" };
static const char *const outcomes[] = { "pending", "granted", "denied", "failed" };

const char *amlaps_record_stage(amlaps_stage_t stage)
{
    return stages[stage];
}

const char *amlaps_record_event(amlaps_event_t event)
{
    return events[event];
}

const char *amlaps_record_outcome(amlaps_outcome_t outcome)
{
    return outcomes[outcome];
}

static const char *find_word(const char *const *words, size_t count, const char *word)
{
    size_t i = 0;

    while (i < count && strcmp(words[i], word) != 0) {
        i++;
    }
    return i < count ? words[i] : NULL;
}

const char *amlaps_record_known_event(const char *word)
{
    return find_word(events, sizeof(events) / sizeof(*events), word);
}

const char *amlaps_record_known_outcome(const char *word)
{
    return find_word(outcomes, sizeof(outcomes) / sizeof(*outcomes), word);
}

static const char *bounded(const char *text, apr_pool_t *pool)
{
    size_t length;

    if (text == NULL || (length = strnlen(text, LONGEST + 1)) <= LONGEST) {
        return text;
    }
    length = LONGEST - (sizeof(CUT) - 1);
    while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) {
        length--;
    }
    return apr_pstrcat(pool, apr_pstrmemdup(pool, text, length), CUT, NULL);
}

static void put(amlaps_json_t *object, const char *name, const char *text, apr_pool_t *pool)
{
    amlaps_json_set_known(object, name, bounded(text, pool));
}

static int is_empty(void *baton, const char *name, amlaps_json_t *value)
{
    (void)name;
    (void)value;
    *(int *)baton = 0;
    return 0;
}

static void put_object(amlaps_json_t *record, const char *name, amlaps_json_t *object)
{
    int empty = 1;

    amlaps_json_each(object, is_empty, &empty);
    if (!empty) {
        amlaps_json_set(record, name, object);
    }
}

static amlaps_json_t *actor(const amlaps_record_t *record, apr_pool_t *pool)
{
    amlaps_json_t *object = amlaps_json_make_object(pool);

    put(object, "oid", record->oid, pool);
    put(object, "tid", record->tid, pool);
    if (record->oid == NULL) {
        put(object, "issuer", record->issuer, pool);
        put(object, "subject", record->subject, pool);
    }
    put(object, "username", record->username, pool);
    put(object, "name", record->name, pool);
    return object;
}

static amlaps_json_t *device(const amlaps_record_t *record, apr_pool_t *pool)
{
    amlaps_json_t *object = amlaps_json_make_object(pool);

    put(object, "tenant", record->tenant, pool);
    put(object, "deviceId", record->device_id, pool);
    put(object, "name", record->device_name, pool);
    return object;
}

static amlaps_json_t *graph(const amlaps_record_t *record, apr_pool_t *pool)
{
    amlaps_json_t *object = amlaps_json_make_object(pool);

    if (record->graph_attempts != 0) {
        put(object, "requestId", record->graph_request_id, pool);
        if (record->graph_status != 0) {
            amlaps_json_set_integer(object, "status", record->graph_status);
        }
        amlaps_json_set_integer(object, "attempts", record->graph_attempts);
    }
    return object;
}

/** Graph gives whole seconds; the contract shows them without a fraction. */
static const char *time_text(apr_time_t time, apr_pool_t *pool)
{
    const char *text = amlaps_text_time(time, pool);

    return strcmp(text + 19, ".000Z") == 0 ? apr_pstrcat(pool, apr_pstrmemdup(pool, text, 19), "Z", NULL) : text;
}

static amlaps_json_t *credential(const amlaps_record_t *record, apr_pool_t *pool)
{
    amlaps_json_t *object = amlaps_json_make_object(pool);

    put(object, "account", record->account, pool);
    if (record->backed_up != 0) {
        amlaps_json_set_text(object, "backedUp", time_text(record->backed_up, pool));
    }
    return object;
}

amlaps_json_t *amlaps_record_json(const amlaps_record_t *record, apr_pool_t *pool)
{
    amlaps_json_t *json = amlaps_json_make_object(pool);

    amlaps_json_set_integer(json, "v", AMLAPS_RECORD_VERSION);
    put(json, "id", record->id, pool);
    amlaps_json_set_text(json, "stage", stages[record->stage]);
    amlaps_json_set_text(json, "event", events[record->event]);
    amlaps_json_set_text(json, "outcome", outcomes[record->outcome]);
    put(json, "code", record->code, pool);
    put_object(json, "actor", actor(record, pool));
    put(json, "address", record->address, pool);
    put_object(json, "device", device(record, pool));
    put(json, "rule", record->rule, pool);
    put(json, "reason", record->reason, pool);
    put(json, "search", record->search, pool);
    put_object(json, "graph", graph(record, pool));
    put_object(json, "credential", credential(record, pool));
    return json;
}

void amlaps_record_hash(char hex[65], const char *prev, const char *body, apr_size_t length)
{
    amlaps_text_sha256(hex, prev, strlen(prev), body, length);
}

const char *amlaps_record_actor(const amlaps_json_t *json)
{
    static const char *const names[] = { "username", "oid", "subject", "name" };
    const amlaps_json_t *person = amlaps_json_member(json, "actor");
    const char *text = NULL;
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(*names) && text == NULL; i++) {
        text = amlaps_json_member_text(person, names[i]);
    }
    return text;
}

const char *amlaps_record_device(const amlaps_json_t *json)
{
    const amlaps_json_t *target = amlaps_json_member(json, "device");
    const char *text = amlaps_json_member_text(target, "deviceId");

    return text != NULL ? text : amlaps_json_member_text(target, "name");
}

const char *amlaps_record_copy(apr_size_t *length, const char *body, apr_size_t body_length, const char *anchor, apr_pool_t *pool)
{
    const char *text = apr_pstrmemdup(pool, body, body_length);

    if (anchor != NULL && body_length > 2 && *body == '{') {
        text = apr_pstrcat(pool, "{\"anchor\":\"", anchor, "\",", text + 1, NULL);
    }
    *length = strlen(text);
    return text;
}
