/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "letter.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "amlaps/text.h"

/* Bytes of UTF-8 in one encoded word: with "Subject: " before it the line has less than 76 characters, and in base64 it needs no padding. */
#define WORD_BYTES 39
#define LINE_BYTES 57

/** Cut at whole characters. @return how many bytes of the text the next piece has */
static apr_size_t piece_of(const char *text, apr_size_t most)
{
    apr_size_t length = strnlen(text, most + 1);

    if (length > most) {
        length = most;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) {
            length--;
        }
    }
    return length;
}

/** Always encoded: then nothing in it can be a header, or look like a word that is encoded already. */
static const char *encoded_words(const char *text, apr_pool_t *pool)
{
    apr_array_header_t *words = apr_array_make(pool, 4, sizeof(const char *));

    while (*text != '\0') {
        const apr_size_t length = piece_of(text, WORD_BYTES);

        APR_ARRAY_PUSH(words, const char *) = apr_pstrcat(pool, words->nelts > 0 ? "\r\n " : "", "=?UTF-8?B?",
                                                          amlaps_text_base64(text, length, pool), "?=", NULL);
        text += length;
    }
    return apr_array_pstrcat(pool, words, '\0');
}

static const char *list_of(const char *const *addresses, apr_pool_t *pool)
{
    const char *list = *addresses;

    while (*++addresses != NULL) {
        list = apr_pstrcat(pool, list, ",\r\n ", *addresses, NULL);
    }
    return list;
}

static const char *date_of(apr_time_t time, apr_pool_t *pool)
{
    char date[APR_RFC822_DATE_LEN];

    apr_rfc822_date(date, time);
    /* "GMT" is the obsolete form of the zone. */
    return apr_pstrcat(pool, apr_pstrmemdup(pool, date, strlen(date) - 3), "+0000", NULL);
}

static const char *text_of(const amlaps_template_t *template, const amlaps_message_t *message, apr_pool_t *pool)
{
    apr_array_header_t *lines = apr_array_make(pool, (int)template->line_count, sizeof(const char *));
    apr_size_t i;

    for (i = 0; i < template->line_count; i++) {
        int found = 0, filled = 0;
        const char *line = amlaps_template_fill(template->lines[i], message, AMLAPS_NEUTRAL_PLAIN, &found, &filled, pool);

        if (found == 0 || filled > 0) {
            APR_ARRAY_PUSH(lines, const char *) = apr_pstrcat(pool, line, "\r\n", NULL);
        }
    }
    return apr_array_pstrcat(pool, lines, '\0');
}

static const char *in_base64(const char *text, apr_pool_t *pool)
{
    apr_size_t left = strlen(text);
    apr_array_header_t *lines = apr_array_make(pool, (int)(left / LINE_BYTES) + 1, sizeof(const char *));

    while (left > 0) {
        const apr_size_t length = left < LINE_BYTES ? left : LINE_BYTES;

        APR_ARRAY_PUSH(lines, const char *) = apr_pstrcat(pool, amlaps_text_base64(text, length, pool), "\r\n", NULL);
        text += length;
        left -= length;
    }
    return apr_array_pstrcat(pool, lines, '\0');
}

/** Letters, digits and hyphens of a text that should have nothing else. */
static const char *token_of(const char *text, apr_pool_t *pool)
{
    char *token = apr_pstrdup(pool, text);
    char *c;

    for (c = token; *c != '\0'; c++) {
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", *c) == NULL) {
            *c = '-';
        }
    }
    return token;
}

const char *amlaps_letter_write(const amlaps_channel_t *channel, const amlaps_message_t *message, apr_pool_t *pool)
{
    int found = 0, filled = 0;
    const char *subject = amlaps_template_fill(channel->template->subject, message, AMLAPS_NEUTRAL_PLAIN, &found, &filled, pool);

    return apr_pstrcat(pool, "Date: ", date_of(message->time, pool), "\r\n"
                       "From: ", channel->from, "\r\n"
                       "To: ", list_of(channel->to, pool), "\r\n"
                       "Subject: ", encoded_words(subject, pool), "\r\n"
                       "Message-ID: <", token_of(message->id, pool), ".", token_of(channel->name, pool), strchr(channel->from, '@'), ">\r\n"
                       "MIME-Version: 1.0\r\n"
                       "Content-Type: text/plain; charset=utf-8\r\n"
                       "Content-Transfer-Encoding: base64\r\n"
                       "Auto-Submitted: auto-generated\r\n"
                       "\r\n",
                       in_base64(text_of(channel->template, message, pool), pool), NULL);
}
