/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "record.h"

/* Keeps one claim or header from filling the store. */
#define LONGEST 2048
/* What a rule accepts is recorded whole: 4096 characters of 4 bytes, which is also what a body of the API may have. */
#define LONGEST_REASON 16384
/* Of what is refused, a copy must not be made so long by escapes that its receiver cuts it. These are 4096 of them, so that what is accepted stays whole. */
#define LONGEST_COPIED 24576
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

/** The text as it is recorded, cut where it is longer than so many bytes. @param length out */
static const char *cut(apr_size_t *length, const char *text, apr_size_t most, apr_pool_t *pool)
{
    *length = text != NULL ? strnlen(text, most + 1) : 0;
    if (*length > most) {
        *length = most - (sizeof(CUT) - 1);
        while (*length > 0 && ((unsigned char)text[*length] & 0xC0) == 0x80) {
            (*length)--;
        }
        text = apr_pstrcat(pool, apr_pstrmemdup(pool, text, *length), CUT, NULL);
        *length += sizeof(CUT) - 1;
    }
    return text;
}

/** The same where it is no JSON yet, and always UTF-8, as writing JSON makes it. */
static const char *clean(const char *text, apr_pool_t *pool)
{
    apr_size_t length;

    text = cut(&length, text, LONGEST, pool);
    if (text != NULL && !amlaps_text_is_utf8(text, length)) {
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

    text = cut(&length, text, LONGEST, pool);
    if (text == NULL) {
        return NULL;
    }
    json = apr_palloc(pool, 6 * length + 3);
    json[amlaps_json_write_text(json, text, length)] = '\0';
    return json;
}

static void put_cut(amlaps_line_out_t *out, const char *name, const char *text, apr_size_t most)
{
    apr_size_t length;

    text = cut(&length, text, most, out->pool);
    amlaps_line_put_text(out, name, text, length);
}

static void put(amlaps_line_out_t *out, const char *name, const char *text)
{
    put_cut(out, name, text, LONGEST);
}

static void put_reason(amlaps_line_out_t *out, const char *text)
{
    const apr_size_t length = text != NULL ? strnlen(text, LONGEST_REASON + 1) : 0;
    const apr_size_t fitting = text != NULL ? amlaps_json_legible_prefix(text, length, LONGEST_COPIED) : 0;

    put_cut(out, "reason", text, fitting < length ? fitting : LONGEST_REASON);
}

static void put_number(amlaps_line_out_t *out, const char *name, unsigned long value)
{
    char digits[24];

    apr_snprintf(digits, sizeof(digits), "%lu", value);
    amlaps_line_put_json(out, name, digits);
}

/** Graph gives whole seconds; the contract shows them without a fraction. */
static const char *time_text(apr_time_t time, apr_pool_t *pool)
{
    const char *text = amlaps_text_time(time, pool);

    return strcmp(text + 19, ".000Z") == 0 ? apr_pstrcat(pool, apr_pstrmemdup(pool, text, 19), "Z", NULL) : text;
}

static void put_actor(amlaps_line_out_t *out, const amlaps_record_t *record)
{
    const int known = record->oid != NULL;

    amlaps_line_open(out, "actor");
    put(out, "issuer", known ? NULL : record->issuer);
    put(out, "name", record->name);
    put(out, "oid", record->oid);
    put(out, "subject", known ? NULL : record->subject);
    put(out, "tid", record->tid);
    put(out, "username", record->username);
    amlaps_line_close(out);
}

static void put_device(amlaps_line_out_t *out, const amlaps_record_t *record)
{
    amlaps_line_open(out, "device");
    put(out, "deviceId", record->device_id);
    put(out, "name", record->device_name);
    put(out, "tenant", record->tenant);
    amlaps_line_close(out);
}

static void put_credential(amlaps_line_out_t *out, const amlaps_record_t *record)
{
    amlaps_line_open(out, "credential");
    put(out, "account", record->account);
    put(out, "backedUp", record->backed_up != 0 ? time_text(record->backed_up, out->pool) : NULL);
    amlaps_line_close(out);
}

static void put_graph(amlaps_line_out_t *out, const amlaps_record_t *record)
{
    if (record->graph_attempts == 0) {
        return;
    }
    amlaps_line_open(out, "graph");
    put_number(out, "attempts", (unsigned long)record->graph_attempts);
    put(out, "requestId", record->graph_request_id);
    if (record->graph_status != 0) {
        put_number(out, "status", (unsigned long)record->graph_status);
    }
    amlaps_line_close(out);
}

static void put_server(amlaps_line_out_t *out, const amlaps_record_t *record)
{
    if (record->host == NULL) {
        return;
    }
    amlaps_line_open(out, "server");
    put_number(out, "generation", record->generation);
    put(out, "host", record->host);
    put(out, "version", AMLAPS_VERSION);
    amlaps_line_close(out);
}

void amlaps_record_line(amlaps_line_t *line, const amlaps_record_t *record, apr_pool_t *pool)
{
    amlaps_line_out_t out;

    amlaps_line_begin(&out, pool);
    put_actor(&out, record);
    put(&out, "address", record->address);
    put_credential(&out, record);
    put_device(&out, record);
    put(&out, "event", events[record->event]);
    put_graph(&out, record);
    put(&out, "id", record->id);
    put_reason(&out, record->reason);
    put(&out, "rule", record->rule);
    amlaps_line_put_json(&out, "seal", record->seal);
    put(&out, "search", record->search);
    put_server(&out, record);
    put_number(&out, "v", AMLAPS_RECORD_VERSION);
    amlaps_line_end(line, &out);
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

void amlaps_record_hash(char hex[AMLAPS_RECORD_HASH + 1], amlaps_digest_t *digest, const char *prev, const char *body, apr_size_t length)
{
    const amlaps_piece_t pieces[] = { { prev, strlen(prev) }, { body, length } };
    unsigned char sum[AMLAPS_DIGEST_BYTES];

    amlaps_digest_sum(sum, digest, pieces, 2);
    amlaps_digest_hex(hex, sum);
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
    return amlaps_json_legible(length, text, *length, pool);
}
