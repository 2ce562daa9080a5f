/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "record.h"

/* Keeps one claim or header from filling the store. */
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

/** The text as it is recorded: cut where it is too long, and always UTF-8. */
static const char *clean(const char *text, apr_pool_t *pool)
{
    apr_size_t length = text != NULL ? strnlen(text, LONGEST + 1) : 0;

    if (length > LONGEST) {
        length = LONGEST - (sizeof(CUT) - 1);
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) {
            length--;
        }
        text = apr_pstrcat(pool, apr_pstrmemdup(pool, text, length), CUT, NULL);
    }
    if (text != NULL && !amlaps_text_is_utf8(text, strlen(text))) {
        amlaps_json_t *mended = amlaps_json_make_object(pool);

        amlaps_json_set_text(mended, "text", text);
        text = amlaps_json_member_text(mended, "text");
        return text != NULL ? text : "?";
    }
    return text;
}

/** `text` as JSON, NULL for NULL. */
static const char *quoted(const char *text, apr_pool_t *pool)
{
    apr_size_t length;
    char *json;

    if (text == NULL) {
        return NULL;
    }
    text = clean(text, pool);
    length = strlen(text);
    json = apr_palloc(pool, 6 * length + 3);
    json[amlaps_json_write_text(json, text, length)] = '\0';
    return json;
}

static const char *number(int value, apr_pool_t *pool)
{
    return apr_itoa(pool, value);
}

typedef struct member_t {
    const char *name;  /* in canonical order */
    const char *value; /* as JSON; NULL: left out */
} member_t;

/** @return the object of what is known, NULL where nothing is */
static const char *object(const member_t *members, size_t count, apr_pool_t *pool)
{
    const char *text = "{";
    size_t i;

    for (i = 0; i < count; i++) {
        if (members[i].value != NULL) {
            text = apr_pstrcat(pool, text, text[1] != '\0' ? ",\"" : "\"", members[i].name, "\":", members[i].value, NULL);
        }
    }
    return text[1] != '\0' ? apr_pstrcat(pool, text, "}", NULL) : NULL;
}

static const char *actor(const amlaps_record_t *record, apr_pool_t *pool)
{
    const int known = record->oid != NULL;
    const member_t members[] = {
        { "issuer", quoted(known ? NULL : record->issuer, pool) }, { "name", quoted(record->name, pool) }, { "oid", quoted(record->oid, pool) },
        { "subject", quoted(known ? NULL : record->subject, pool) }, { "tid", quoted(record->tid, pool) },
        { "username", quoted(record->username, pool) }
    };

    return object(members, sizeof(members) / sizeof(*members), pool);
}

static const char *device(const amlaps_record_t *record, apr_pool_t *pool)
{
    const member_t members[] = {
        { "deviceId", quoted(record->device_id, pool) }, { "name", quoted(record->device_name, pool) }, { "tenant", quoted(record->tenant, pool) }
    };

    return object(members, sizeof(members) / sizeof(*members), pool);
}

static const char *graph(const amlaps_record_t *record, apr_pool_t *pool)
{
    const member_t members[] = {
        { "attempts", number(record->graph_attempts, pool) }, { "requestId", quoted(record->graph_request_id, pool) },
        { "status", record->graph_status != 0 ? number(record->graph_status, pool) : NULL }
    };

    return record->graph_attempts != 0 ? object(members, sizeof(members) / sizeof(*members), pool) : NULL;
}

/** Graph gives whole seconds; the contract shows them without a fraction. */
static const char *time_text(apr_time_t time, apr_pool_t *pool)
{
    const char *text = amlaps_text_time(time, pool);

    return strcmp(text + 19, ".000Z") == 0 ? apr_pstrcat(pool, apr_pstrmemdup(pool, text, 19), "Z", NULL) : text;
}

static const char *credential(const amlaps_record_t *record, apr_pool_t *pool)
{
    const member_t members[] = {
        { "account", quoted(record->account, pool) },
        { "backedUp", record->backed_up != 0 ? quoted(time_text(record->backed_up, pool), pool) : NULL }
    };

    return object(members, sizeof(members) / sizeof(*members), pool);
}

static const char *server(const amlaps_record_t *record, apr_pool_t *pool)
{
    const member_t members[] = {
        { "generation", apr_psprintf(pool, "%u", record->generation) }, { "host", quoted(record->host, pool) },
        { "version", quoted(AMLAPS_VERSION, pool) }
    };

    return record->host != NULL ? object(members, sizeof(members) / sizeof(*members), pool) : NULL;
}

void amlaps_record_line(amlaps_line_t *line, const amlaps_record_t *record, apr_pool_t *pool)
{
    const member_t members[] = {
        { "actor", actor(record, pool) }, { "address", quoted(record->address, pool) }, { "credential", credential(record, pool) },
        { "device", device(record, pool) }, { "event", quoted(events[record->event], pool) }, { "graph", graph(record, pool) },
        { "id", quoted(record->id, pool) }, { "reason", quoted(record->reason, pool) }, { "rule", quoted(record->rule, pool) },
        { "seal", record->seal }, { "search", quoted(record->search, pool) }, { "server", server(record, pool) },
        { "v", number(AMLAPS_RECORD_VERSION, pool) }
    };
    size_t i;

    amlaps_line_clear(line);
    for (i = 0; i < sizeof(members) / sizeof(*members); i++) {
        if (members[i].value != NULL) {
            amlaps_line_add(line, members[i].name, members[i].value, pool);
        }
    }
}

const char *amlaps_record_code(const amlaps_record_t *record, apr_pool_t *pool)
{
    return quoted(record->code, pool);
}

const char *amlaps_trail_foretell(const amlaps_record_t *record, apr_time_t time, apr_pool_t *pool)
{
    const char *value[AMLAPS_SLOTS] = { NULL };
    apr_size_t length;
    amlaps_line_t line;

    amlaps_record_line(&line, record, pool);
    value[AMLAPS_SLOT_CODE] = quoted(record->code, pool);
    value[AMLAPS_SLOT_OUTCOME] = quoted(outcomes[record->outcome], pool);
    value[AMLAPS_SLOT_STAGE] = quoted(stages[record->stage], pool);
    value[AMLAPS_SLOT_TIME] = quoted(amlaps_text_time(time, pool), pool);
    return amlaps_line_join(&length, &line, value, pool);
}

void amlaps_record_hash(char hex[65], const char *prev, const char *body, apr_size_t length)
{
    amlaps_text_sha256(hex, prev, strlen(prev), body, length);
}

const char *amlaps_record_who(const amlaps_record_t *record, apr_pool_t *pool)
{
    const char *text = record->username != NULL ? record->username : record->oid != NULL ? record->oid : record->subject;

    return clean(text != NULL ? text : record->name, pool);
}

const char *amlaps_record_what(const amlaps_record_t *record, apr_pool_t *pool)
{
    return clean(record->device_id != NULL ? record->device_id : record->device_name, pool);
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
    const char *text = body;
    amlaps_json_t *json;

    /* What is no JSON is copied as it is: it is bad with an anchor and without one. */
    if (anchor != NULL && amlaps_json_parse(&json, NULL, body, body_length, pool) == APR_SUCCESS) {
        amlaps_json_set_text(json, "anchor", anchor);
        text = amlaps_json_canonical(json, pool);
        *length = strlen(text);
    } else {
        text = apr_pstrmemdup(pool, body, body_length);
        *length = body_length;
    }
    return text;
}
