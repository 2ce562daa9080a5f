/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "lift.h"

#include <string.h>

#define DEPTH_MOST 128
#define SHORTEST (sizeof "\"\":\"1234\"" - 1) /* what a value takes that is lifted, with its name and colon */

/*
 * A walk over the tokens of a JSON text with a stack of "object or array" bits. It is at least as strict as the parser behind
 * it about where texts begin and end, which is all that matters: both must see the same members.
 */
typedef struct walk_t {
    char *at, *end;
    const char *const *names;
    amlaps_lifted_t *lifted;
    amlaps_secret_t *scratch; /* for names with escapes, which hardly any document has; NULL until the first */
    apr_pool_t *pool;
    char in_object[DEPTH_MOST];
    int depth;
} walk_t;

static void skip_space(walk_t *walk)
{
    while (walk->at < walk->end && (*walk->at == ' ' || *walk->at == '\t' || *walk->at == '\n' || *walk->at == '\r')) {
        walk->at++;
    }
}

static int hex4(unsigned *unit, const char *text, const char *end)
{
    *unit = 0;
    if (end - text < 4) {
        return 0;
    }
    for (int i = 0; i < 4; i++) {
        const char c = text[i];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0) {
            return 0;
        }
        *unit = *unit * 16 + (unsigned)digit;
    }
    return 1;
}

/* @param target NULL: what is read need not be kept */
static int add(amlaps_secret_t *target, const char *bytes, apr_size_t length)
{
    return !target || amlaps_secret_append(target, bytes, length) == APR_SUCCESS;
}

static int add_point(amlaps_secret_t *target, unsigned point)
{
    char utf8[4];
    apr_size_t length;

    if (point < 0x80) {
        utf8[0] = (char)point;
        length = 1;
    }
    else if (point < 0x800) {
        utf8[0] = (char)(0xC0 | point >> 6);
        utf8[1] = (char)(0x80 | (point & 0x3F));
        length = 2;
    }
    else if (point < 0x10000) {
        utf8[0] = (char)(0xE0 | point >> 12);
        utf8[1] = (char)(0x80 | (point >> 6 & 0x3F));
        utf8[2] = (char)(0x80 | (point & 0x3F));
        length = 3;
    }
    else {
        utf8[0] = (char)(0xF0 | point >> 18);
        utf8[1] = (char)(0x80 | (point >> 12 & 0x3F));
        utf8[2] = (char)(0x80 | (point >> 6 & 0x3F));
        utf8[3] = (char)(0x80 | (point & 0x3F));
        length = 4;
    }
    return add(target, utf8, length);
}

/* At the u of \u; leaves the position behind the escape. A surrogate must come with its other half, and NUL must not come. */
static int read_unicode(walk_t *walk, amlaps_secret_t *target)
{
    unsigned point, low;

    if (!hex4(&point, walk->at + 1, walk->end)) {
        return 0;
    }
    walk->at += 5;
    if (point >= 0xD800 && point <= 0xDBFF) {
        if (walk->end - walk->at < 6 || walk->at[0] != '\\' || walk->at[1] != 'u' || !hex4(&low, walk->at + 2, walk->end)
            || low < 0xDC00 || low > 0xDFFF) {
            return 0;
        }
        point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
        walk->at += 6;
    }
    else if (point == 0 || (point >= 0xDC00 && point <= 0xDFFF)) {
        return 0;
    }
    return add_point(target, point);
}

static int read_escape(walk_t *walk, amlaps_secret_t *target)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";

    if (walk->at >= walk->end) {
        return 0;
    }
    if (*walk->at == 'u') {
        return read_unicode(walk, target);
    }
    const char *found = *walk->at ? strchr(names, *walk->at) : NULL;
    if (!found) {
        return 0;
    }
    walk->at++;
    return add(target, &values[found - names], 1);
}

/* At the opening quote; adds the text to `target`, where it is not NULL, and leaves the position behind the closing quote. */
static int read_text(walk_t *walk, amlaps_secret_t *target)
{
    walk->at++;
    while (walk->at < walk->end && *walk->at != '"') {
        const char *plain = walk->at;
        while (walk->at < walk->end && *walk->at != '"' && *walk->at != '\\' && (unsigned char)*walk->at >= 0x20) {
            walk->at++;
        }
        if (walk->at > plain && !add(target, plain, (apr_size_t)(walk->at - plain))) {
            return 0;
        }
        if (walk->at >= walk->end || *walk->at == '"') {
            break;
        }
        if (*walk->at++ != '\\' || !read_escape(walk, target)) {
            return 0;
        }
    }
    if (walk->at >= walk->end) {
        return 0;
    }
    walk->at++;
    return 1;
}

static int is_named(const walk_t *walk, const char *text, apr_size_t length)
{
    for (const char *const *name = walk->names; *name; name++) {
        if (length == strlen(*name) && memcmp(text, *name, length) == 0) {
            return 1;
        }
    }
    return 0;
}

/* At the opening quote of a member's name; leaves the position behind the closing quote. */
static int read_name(walk_t *walk, int *named)
{
    char *quote = walk->at;

    if (!read_text(walk, NULL)) {
        return 0;
    }
    const apr_size_t length = (apr_size_t)(walk->at - quote) - 2;
    if (!memchr(quote, '\\', length + 1)) {
        *named = is_named(walk, quote + 1, length);
        return 1;
    }
    if (!walk->scratch && !(walk->scratch = amlaps_secret_make(length, walk->pool))) {
        return 0;
    }
    amlaps_secret_wipe(walk->scratch);
    walk->at = quote;
    if (!read_text(walk, walk->scratch)) {
        return 0;
    }
    *named = is_named(walk, walk->scratch->bytes, walk->scratch->length);
    return 1;
}

static int lift_value(walk_t *walk)
{
    amlaps_lifted_t *lifted = walk->lifted;
    char *quote = walk->at;
    const apr_size_t start = lifted->text->length;

    if (*quote != '"') { /* null is no secret; anything else that is no text may be one in disguise */
        return walk->end - quote >= 4 && memcmp(quote, "null", 4) == 0;
    }
    if (lifted->count >= AMLAPS_LIFT_MOST || !read_text(walk, lifted->text)) {
        return 0;
    }
    const apr_size_t length = lifted->text->length - start, room = (apr_size_t)(walk->at - quote);
    walk->at = quote;
    if (length == 0) {
        return 1;
    }
    memset(quote, ' ', room);
    if (length < 4 || amlaps_secret_append(lifted->text, "", 1) != APR_SUCCESS) {
        return 0;
    }
    quote[0] = quote[4] = '"';
    quote[1] = (char)('0' + lifted->count / 100);
    quote[2] = (char)('0' + lifted->count / 10 % 10);
    quote[3] = (char)('0' + lifted->count % 10);
    lifted->start[lifted->count] = start;
    lifted->length[lifted->count++] = length;
    return 1;
}

/* Numbers and words are left to the parser: here it only matters where they end. */
static int skip_scalar(walk_t *walk)
{
    const char *start = walk->at;

    while (walk->at < walk->end && *walk->at
           && strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", *walk->at)) {
        walk->at++;
    }
    return walk->at > start;
}

/* The name of a member and its colon; lifts the value where it is a secret. */
static int read_member(walk_t *walk)
{
    int named = 0;

    if (walk->at >= walk->end || *walk->at != '"' || !read_name(walk, &named)) {
        return 0;
    }
    skip_space(walk);
    if (walk->at >= walk->end || *walk->at != ':') {
        return 0;
    }
    walk->at++;
    skip_space(walk);
    if (walk->at >= walk->end) {
        return 0;
    }
    return !named || lift_value(walk);
}

/* At the start of a value. @return 1 where the value is complete, 2 where it opened a level whose first value follows, 0
 * broken */
static int read_value(walk_t *walk)
{
    const char c = walk->at < walk->end ? *walk->at : '\0';

    if (c == '"') {
        return read_text(walk, NULL);
    }
    if (c != '{' && c != '[') {
        return skip_scalar(walk);
    }
    if (walk->depth >= DEPTH_MOST) {
        return 0;
    }
    walk->in_object[walk->depth++] = c == '{';
    walk->at++;
    skip_space(walk);
    if (walk->at < walk->end && *walk->at == (c == '{' ? '}' : ']')) {
        walk->depth--;
        walk->at++;
        return 1;
    }
    return c == '{' && !read_member(walk) ? 0 : 2;
}

/* After a value: closes levels until another value follows. @return 1 where one does, 0 at the end, -1 broken */
static int next_value(walk_t *walk)
{
    for (;;) {
        skip_space(walk);
        if (walk->depth == 0) {
            return walk->at == walk->end ? 0 : -1;
        }
        const int object = walk->in_object[walk->depth - 1];
        const char c = walk->at < walk->end ? *walk->at++ : '\0';
        if (c == ',') {
            skip_space(walk);
            return object && !read_member(walk) ? -1 : 1;
        }
        if (c != (object ? '}' : ']')) {
            return -1;
        }
        walk->depth--;
    }
}

static int walk_document(walk_t *walk)
{
    int more = 1;

    skip_space(walk);
    while (more > 0) {
        const int value = read_value(walk);
        if (value == 0) {
            return 0;
        }
        if (value == 2) {
            skip_space(walk);
            continue;
        }
        more = next_value(walk);
    }
    return more == 0;
}

apr_status_t amlaps_lift(amlaps_lifted_t *lifted, amlaps_secret_t *body, const char *const *names, apr_pool_t *pool)
{
    walk_t walk = {.at = body->bytes, .end = body->bytes + body->length, .names = names, .lifted = lifted, .pool = pool};
    const apr_size_t most = body->length / SHORTEST < AMLAPS_LIFT_MOST ? body->length / SHORTEST : AMLAPS_LIFT_MOST;

    lifted->count = 0;
    lifted->start = apr_palloc(pool, (most + 1) * sizeof *lifted->start);
    lifted->length = apr_palloc(pool, (most + 1) * sizeof *lifted->length);
    lifted->text = amlaps_secret_make(body->length + 1, pool);
    if (!lifted->text) {
        return APR_ENOMEM;
    }
    const int whole = walk_document(&walk);
    if (walk.scratch) {
        amlaps_secret_wipe(walk.scratch);
    }
    if (whole) {
        return APR_SUCCESS;
    }
    amlaps_secret_wipe(body);
    return APR_EGENERAL;
}

int amlaps_lift_value(const char **value, apr_size_t *length, const amlaps_lifted_t *lifted, const amlaps_json_t *placeholder)
{
    const char *text = amlaps_json_text(placeholder);
    apr_size_t number = 0;

    if (!text) {
        return 0;
    }
    if (*text == '\0') {
        *value = text;
        *length = 0;
        return 1;
    }
    if (strlen(text) != 3 || strspn(text, "0123456789") != 3) {
        return 0;
    }
    for (int i = 0; i < 3; i++) {
        number = number * 10 + (apr_size_t)(text[i] - '0');
    }
    if (number >= lifted->count) {
        return 0;
    }
    *value = lifted->text->bytes + lifted->start[number];
    *length = lifted->length[number];
    return 1;
}
