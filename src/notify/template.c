/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "template.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "amlaps/text.h"

/* Longer than any text that a chat would show. */
#define MOST 65536
#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

/* ---- one text ---- */

static const char *words_of_facts(apr_pool_t *pool)
{
    const char *list = "";
    int fact;

    for (fact = 0; fact < AMLAPS_FACTS; fact++) {
        list = apr_pstrcat(pool, list, fact > 0 ? ", {" : "{", amlaps_message_word((amlaps_fact_t)fact), "}", NULL);
    }
    return list;
}

/** Finds the next placeholder. @param text out: behind it, or behind an escaped brace. @return how many bytes stand before it */
static apr_size_t next(amlaps_fact_t *fact, apr_size_t *length, const char **text)
{
    const char *brace = strchr(*text, '{');
    const apr_size_t before = brace != NULL ? (apr_size_t)(brace - *text) : strlen(*text);

    *fact = AMLAPS_FACTS;
    *length = 0;
    if (brace == NULL) {
        *text += before;
    } else if (brace[1] == '{') {
        *text = brace + 2;
        return before + 1;
    } else {
        *length = strcspn(brace + 1, "{}");
        if (brace[1 + *length] == '}') {
            *fact = amlaps_message_fact(brace + 1, *length);
        }
        *text = brace + 1 + *length + (brace[1 + *length] == '}');
        *length += 1;
    }
    return before;
}

static const char *check_text(const char *text, apr_pool_t *pool)
{
    while (*text != '\0') {
        const char *start = text;
        amlaps_fact_t fact;
        apr_size_t length;
        apr_size_t before = next(&fact, &length, &text);

        if (length > 0 && fact == AMLAPS_FACTS) {
            return apr_psprintf(pool, "there is no placeholder '%s'; write one of %s, or {{ for a brace",
                                amlaps_text_printable(apr_pstrmemdup(pool, start + before, (apr_size_t)(text - start) - before), 40, pool),
                                words_of_facts(pool));
        }
    }
    return NULL;
}

const char *amlaps_template_fill(const char *text, const amlaps_message_t *message, amlaps_neutral_t how, int *found, int *filled,
                                 apr_pool_t *pool)
{
    /* Joined once: a template may have thousands of placeholders, and a pool gives nothing back. */
    apr_array_header_t *pieces = apr_array_make(pool, 8, sizeof(const char *));

    while (*text != '\0') {
        const char *start = text;
        amlaps_fact_t fact;
        apr_size_t length;
        apr_size_t before = next(&fact, &length, &text);
        const char *value = "";

        if (fact != AMLAPS_FACTS) {
            value = amlaps_message_text(message, fact, how, pool);
            *found += 1;
            *filled += *value != '\0';
        }
        APR_ARRAY_PUSH(pieces, const char *) = apr_pstrmemdup(pool, start, before);
        APR_ARRAY_PUSH(pieces, const char *) = value;
    }
    return apr_array_pstrcat(pool, pieces, '\0');
}

/* ---- JSON ---- */

typedef struct walk_t {
    const amlaps_template_t *template;
    const amlaps_message_t *message;
    amlaps_json_t *target;
    amlaps_neutral_t how;
    const char *mistake;
    int found, filled;
    apr_pool_t *pool;
} walk_t;

static int check_member(void *baton, const char *name, amlaps_json_t *value);

static const char *check_value(amlaps_json_t *value, apr_pool_t *pool)
{
    walk_t walk = { .pool = pool };
    apr_size_t i;

    switch (amlaps_json_kind(value)) {
    case AMLAPS_JSON_TEXT:
        return check_text(amlaps_json_text(value), pool);
    case AMLAPS_JSON_REAL:
        return "numbers must be whole; write a number with a fraction as text in quotes";
    case AMLAPS_JSON_ARRAY:
        for (i = 0; i < amlaps_json_length(value) && walk.mistake == NULL; i++) {
            walk.mistake = check_value(amlaps_json_item(value, i), pool);
        }
        return walk.mistake;
    case AMLAPS_JSON_OBJECT:
        amlaps_json_each(value, check_member, &walk);
        return walk.mistake;
    default:
        return NULL;
    }
}

static int check_member(void *baton, const char *name, amlaps_json_t *value)
{
    walk_t *walk = baton;

    (void)name;
    walk->mistake = check_value(value, walk->pool);
    return walk->mistake == NULL;
}

/** Where the texts of an object go: both have kinds of objects in which nothing is read as markup. */
static amlaps_neutral_t how_in(const amlaps_json_t *object, amlaps_channel_kind_t kind)
{
    const char *type = amlaps_json_member_text(object, "type");

    if (type != NULL && kind == AMLAPS_CHANNEL_SLACK && strcmp(type, "plain_text") == 0) {
        return AMLAPS_NEUTRAL_SLACK;
    }
    return type != NULL && kind == AMLAPS_CHANNEL_TEAMS && strcmp(type, "TextRun") == 0 ? AMLAPS_NEUTRAL_PLAIN : AMLAPS_NEUTRAL_MARKUP;
}

static amlaps_json_t *fill_value(walk_t *walk, const amlaps_json_t *value);

static void put(amlaps_json_t *target, const char *name, walk_t *walk, const amlaps_json_t *value)
{
    amlaps_json_t *made;
    apr_int64_t number;
    int truth;

    if (amlaps_json_kind(value) == AMLAPS_JSON_TEXT) {
        amlaps_json_set_text(target, name, amlaps_template_fill(amlaps_json_text(value), walk->message, walk->how, &walk->found, &walk->filled,
                                                                walk->pool));
    } else if (amlaps_json_integer(value, &number)) {
        amlaps_json_set_integer(target, name, number);
    } else if (amlaps_json_bool(value, &truth)) {
        amlaps_json_set_bool(target, name, truth);
    } else if ((made = fill_value(walk, value)) != NULL) {
        amlaps_json_set(target, name, made);
    } else {
        amlaps_json_set_null(target, name);
    }
}

static int fill_member(void *baton, const char *name, amlaps_json_t *value)
{
    walk_t *walk = baton;

    put(walk->target, name, walk, value);
    return 1;
}

static void fill_items(walk_t *walk, const amlaps_json_t *array)
{
    apr_size_t i;

    for (i = 0; i < amlaps_json_length(array); i++) {
        walk_t item = *walk;
        amlaps_json_t *holder = amlaps_json_make_object(walk->pool);

        item.found = item.filled = 0;
        put(holder, "item", &item, amlaps_json_item(array, i));
        walk->found += item.found;
        walk->filled += item.filled;
        if (item.found == 0 || item.filled > 0) {
            amlaps_json_add(walk->target, amlaps_json_member(holder, "item"));
        }
    }
}

/** @return a copy of an object or array, NULL for anything else */
static amlaps_json_t *fill_value(walk_t *walk, const amlaps_json_t *value)
{
    walk_t inner = *walk;

    if (amlaps_json_kind(value) == AMLAPS_JSON_OBJECT) {
        inner.target = amlaps_json_make_object(walk->pool);
        inner.how = how_in(value, walk->template->kind);
        amlaps_json_each(value, fill_member, &inner);
    } else if (amlaps_json_kind(value) == AMLAPS_JSON_ARRAY) {
        inner.target = amlaps_json_make_array(walk->pool);
        fill_items(&inner, value);
    } else {
        return NULL;
    }
    walk->found = inner.found;
    walk->filled = inner.filled;
    return inner.target;
}

amlaps_json_t *amlaps_template_json(const amlaps_template_t *template, const amlaps_message_t *message, apr_pool_t *pool)
{
    walk_t walk = { .template = template, .message = message, .how = AMLAPS_NEUTRAL_MARKUP, .pool = pool };

    return fill_value(&walk, template->json);
}

static const char *read_json(amlaps_template_t *template, const char *text, apr_size_t length, apr_pool_t *pool)
{
    amlaps_json_t *json;
    char why[160];

    if (amlaps_json_parse(&json, why, text, length, pool) != APR_SUCCESS) {
        return apr_psprintf(pool, "this is no JSON: %s", why);
    }
    if (amlaps_json_kind(json) != AMLAPS_JSON_OBJECT) {
        return "the template must be one JSON object, as the one in conf/notify is";
    }
    template->json = json;
    return check_value(json, pool);
}

/* ---- mail ---- */

static const char *read_mail(amlaps_template_t *template, const char *text, apr_pool_t *pool)
{
    static const char subject[] = "Subject: ";
    apr_array_header_t *lines = apr_array_make(pool, 16, sizeof(const char *));
    const char *mistake;

    while (*text != '\0') {
        const apr_size_t length = strcspn(text, "\n");
        char *line = apr_pstrmemdup(pool, text, length);

        if (length > 0 && line[length - 1] == '\r') {
            line[length - 1] = '\0';
        }
        if ((mistake = check_text(line, pool)) != NULL) {
            return mistake;
        }
        APR_ARRAY_PUSH(lines, const char *) = line;
        text += length + (text[length] == '\n');
    }
    if (lines->nelts < 3 || strncmp(APR_ARRAY_IDX(lines, 0, const char *), subject, sizeof(subject) - 1) != 0
        || *APR_ARRAY_IDX(lines, 1, const char *) != '\0') {
        return "the template of a mail begins with a line \"Subject: ...\", then an empty line, then the text";
    }
    template->subject = APR_ARRAY_IDX(lines, 0, const char *) + sizeof(subject) - 1;
    template->lines = (const char *const *)lines->elts + 2;
    template->line_count = (apr_size_t)lines->nelts - 2;
    return NULL;
}

const char *amlaps_template_read(const amlaps_template_t **read, amlaps_channel_kind_t kind, const char *text, apr_size_t length,
                                 apr_pool_t *pool)
{
    amlaps_template_t *template = apr_pcalloc(pool, sizeof(*template));
    const char *mistake;

    template->kind = kind;
    /* Editors on Windows begin a text in UTF-8 with a mark that nobody sees. */
    if (strncmp(text, BYTE_ORDER_MARK, sizeof(BYTE_ORDER_MARK) - 1) == 0) {
        text += sizeof(BYTE_ORDER_MARK) - 1;
        length -= sizeof(BYTE_ORDER_MARK) - 1;
    }
    if (length > MOST) {
        return "the template is larger than 64 KiB; is it the right file?";
    }
    if (!amlaps_text_is_utf8(text, length) || strlen(text) != length) {
        return "the template is no text in UTF-8; save it as such";
    }
    mistake = kind == AMLAPS_CHANNEL_MAIL ? read_mail(template, text, pool) : read_json(template, text, length, pool);
    if (mistake == NULL) {
        *read = template;
    }
    return mistake;
}
