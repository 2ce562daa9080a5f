/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What a person wrote as reason and name, in a message to each kind of channel: it must stay where it is put. */
#include "../../src/notify/letter.h"
#include "../../src/notify/webhook.h"
#include "amlaps/text.h"
#include "fuzz.h"

static const char *record_of(const char *text, apr_pool_t *pool)
{
    amlaps_json_t *record = amlaps_json_make_object(pool), *actor = amlaps_json_make_object(pool), *device = amlaps_json_make_object(pool);

    amlaps_json_set_text(actor, "name", text);
    amlaps_json_set_text(actor, "username", text);
    amlaps_json_set_text(device, "name", text);
    amlaps_json_set(record, "actor", actor);
    amlaps_json_set(record, "device", device);
    amlaps_json_set_text(record, "event", "password");
    amlaps_json_set_text(record, "outcome", "granted");
    amlaps_json_set_text(record, "id", "0c6a0f0e-0000-4000-8000-000000000001");
    amlaps_json_set_text(record, "reason", text);
    amlaps_json_set_text(record, "rule", text);
    amlaps_json_set_text(record, "time", "2026-11-22T16:00:01.234Z");
    return amlaps_json_canonical(record, pool);
}

/** JSON of as many blocks as without the text, and no address that a program would make a link of. */
static void check_chat(const char *body, apr_pool_t *pool)
{
    amlaps_json_t *json;

    fuzz_check(amlaps_json_parse(&json, NULL, body, strlen(body), pool) == APR_SUCCESS);
    fuzz_check(strstr(body, "mailto:") == NULL);
}

/** Nine headers, one empty line, nothing that ends a mail. */
static void check_letter(const char *letter)
{
    int headers = 0, empty = 0;

    while (*letter) {
        const char *end = strstr(letter, "\r\n");

        fuzz_check(end != NULL && *letter != '.');
        if (!empty) {
            headers += *letter != ' ' && end > letter;
            empty = end == letter;
        }
        letter = end + 2;
    }
    fuzz_check(headers == 9 && empty);
}

void fuzz_one(const uint8_t *bytes, size_t length, apr_pool_t *pool)
{
    static const char *const to[] = {"b@c.example", NULL};
    const amlaps_message_t *message = amlaps_message_make(record_of(fuzz_text(bytes, length, pool), pool), pool);

    fuzz_check(message != NULL);
    for (int kind = AMLAPS_CHANNEL_JSON; kind <= AMLAPS_CHANNEL_MAIL; kind++) {
        amlaps_channel_t channel = {.name = "soc", .kind = (amlaps_channel_kind_t)kind, .from = "a@c.example", .to = to};

        fuzz_check(amlaps_channel_set_template(&channel, NULL, 0, pool) == NULL);
        if (kind == AMLAPS_CHANNEL_MAIL) {
            check_letter(amlaps_letter_write(&channel, message, pool));
        }
        else if (kind != AMLAPS_CHANNEL_JSON) {
            check_chat(amlaps_webhook_body(&channel, message, pool), pool);
        }
    }
}
