/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "neutral.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "amlaps/text.h"

#define CUT "\xE2\x80\xA6"
/* The longest that one byte becomes: a wide form, or an entity, between brackets. */
#define GROWTH 8

static int is_letter(char c)
{
    return apr_isalpha(c) || ((unsigned char)c & 0x80);
}

static int is_word(char c)
{
    return apr_isdigit(c) || is_letter(c);
}

/** A user name as Entra makes them. IP addresses need no exception: what follows their dots begins with a digit. */
static int has_form_of_name(const char *text)
{
    const char *at = strchr(text, '@');
    const size_t local = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._'-");

    return at != NULL && text + local == at && at[1 + strspn(at + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-")] == '\0';
}

static apr_size_t length_of(const char *text)
{
    const unsigned char first = (unsigned char)*text;
    apr_size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;

    return strnlen(text, length);
}

/** How many characters one becomes. Slack counts entities as they are sent, and refuses a message with a text that is too long: nobody shall keep
 *  a channel from being told of them by a reason of 500 ampersands. */
static int cost_of(char c, amlaps_neutral_t how)
{
    return how != AMLAPS_NEUTRAL_SLACK ? 1 : c == '&' ? 5 : c == '<' || c == '>' ? 4 : 1;
}

/** One line, cut: every character that is none to a reader becomes a blank. */
static const char *one_line(const char *text, amlaps_neutral_t how, apr_pool_t *pool)
{
    char *line = apr_palloc(pool, strlen(text) + sizeof(CUT));
    char *end = line;
    int characters = 0;

    while (*text != '\0') {
        apr_size_t length = length_of(text);
        char character[5] = "";

        if ((characters += cost_of(*text, how)) > AMLAPS_NEUTRAL_MOST) {
            memcpy(end, CUT, sizeof(CUT) - 1);
            end += sizeof(CUT) - 1;
            break;
        }
        memcpy(character, text, length);
        if (amlaps_text_has_controls(character)) {
            *end++ = ' ';
        } else {
            memcpy(end, character, length);
            end += length;
        }
        text += length;
    }
    *end = '\0';
    return line;
}

/** Dots that browsers take for one: ideographic, fullwidth, halfwidth. */
static apr_size_t other_dot(const char *text)
{
    return strncmp(text, "\xE3\x80\x82", 3) == 0 || strncmp(text, "\xEF\xBC\x8E", 3) == 0 || strncmp(text, "\xEF\xBD\xA1", 3) == 0 ? 3 : 0;
}

static int begins_with(const char *text, const char *word)
{
    return strncmp(text, word, strlen(word)) == 0;
}

static int stands_before(const char *word, const char *text, const char *start)
{
    const size_t length = strlen(word);

    return (size_t)(text - start) >= length && strncasecmp(text - length, word, length) == 0;
}

/** @return how many bytes at `text` would make an address of it; they are put between brackets, as security people write them */
static apr_size_t address_part(const char *text, const char *start, int is_name)
{
    if (begins_with(text, "://") || begins_with(text, "\\\\")) {
        return 1;
    }
    if (*text == ':') {
        return stands_before("mailto", text, start) || stands_before("tel", text, start) || stands_before("callto", text, start) ? 1 : 0;
    }
    if (is_name || text == start || !is_word(text[-1])) {
        return 0;
    }
    if (*text == '.') {
        return is_letter(text[1]) && is_letter(text[2]) ? 1 : 0;
    }
    return other_dot(text);
}

static char *put(char *end, const char *bytes, apr_size_t length)
{
    memcpy(end, bytes, length);
    return end + length;
}

static const char *without_addresses(const char *text, int is_name, apr_pool_t *pool)
{
    char *made = apr_palloc(pool, 3 * strlen(text) + 1);
    const char *start = text;
    char *end = made;

    while (*text != '\0') {
        apr_size_t part = address_part(text, start, is_name);

        if (part == 0) {
            *end++ = *text++;
        } else {
            *end++ = '[';
            end = put(end, part == 3 ? "." : text, 1);
            *end++ = ']';
            text += part;
        }
    }
    *end = '\0';
    return made;
}

/** The wide form of an ASCII character, U+FF01 to U+FF5E: no program reads it as markup. */
static char *put_wide(char *end, char c)
{
    const unsigned code = 0xFF01 + ((unsigned)(unsigned char)c - '!');

    *end++ = (char)(0xE0 | (code >> 12));
    *end++ = (char)(0x80 | ((code >> 6) & 0x3F));
    *end++ = (char)(0x80 | (code & 0x3F));
    return end;
}

/** Lists and headings begin at the beginning: "- x", "1. x". */
static int begins_list(const char *text, const char *start)
{
    if (text == start) {
        return *text != '\0' && strchr("-+=", *text) != NULL;
    }
    return (*text == '.' || *text == ')') && text == start + strspn(start, "0123456789");
}

static const char *without_markup(const char *text, apr_pool_t *pool)
{
    char *made = apr_palloc(pool, GROWTH * strlen(text) + 1);
    const char *start = text;
    char *end = made;

    for (; *text != '\0'; text++) {
        if (strchr("&<>*_~`[]()#@!|\\", *text) != NULL || begins_list(text, start)) {
            end = put_wide(end, *text);
        } else {
            *end++ = *text;
        }
    }
    *end = '\0';
    return made;
}

static const char *with_entities(const char *text, apr_pool_t *pool)
{
    char *made = apr_palloc(pool, GROWTH * strlen(text) + 1);
    char *end = made;

    for (; *text != '\0'; text++) {
        if (*text == '&') {
            end = put(end, "&amp;", 5);
        } else if (*text == '<') {
            end = put(end, "&lt;", 4);
        } else if (*text == '>') {
            end = put(end, "&gt;", 4);
        } else {
            *end++ = *text;
        }
    }
    *end = '\0';
    return made;
}

const char *amlaps_neutral_text(const char *text, amlaps_neutral_t how, int is_name, apr_pool_t *pool)
{
    if (text == NULL || *text == '\0') {
        return "";
    }
    text = one_line(text, how, pool);
    text = without_addresses(text, is_name && has_form_of_name(text), pool);
    if (how == AMLAPS_NEUTRAL_MARKUP) {
        return without_markup(text, pool);
    }
    return how == AMLAPS_NEUTRAL_SLACK ? with_entities(text, pool) : text;
}
