/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "text_internal.h"

static const char hex_lower[] = "0123456789abcdef";
static const char hex_upper[] = "0123456789ABCDEF";

apr_size_t amlaps_text_decode(apr_uint32_t *point, const char *text, apr_size_t left)
{
    const unsigned char *bytes = (const unsigned char *)text;
    apr_uint32_t value;
    apr_uint32_t least;
    apr_size_t length;
    apr_size_t i;

    if (left == 0) {
        return 0;
    }
    if (bytes[0] < 0x80) {
        *point = bytes[0];
        return 1;
    }
    if (bytes[0] >= 0xC2 && bytes[0] <= 0xDF) {
        length = 2;
        least = 0x80;
        value = bytes[0] & 0x1Fu;
    }
    else if (bytes[0] >= 0xE0 && bytes[0] <= 0xEF) {
        length = 3;
        least = 0x800;
        value = bytes[0] & 0x0Fu;
    }
    else if (bytes[0] >= 0xF0 && bytes[0] <= 0xF4) {
        length = 4;
        least = 0x10000;
        value = bytes[0] & 0x07u;
    }
    else {
        return 0;
    }
    if (left < length) {
        return 0;
    }
    for (i = 1; i < length; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
        value = value << 6 | (bytes[i] & 0x3Fu);
    }
    if (value < least || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
        return 0;
    }
    *point = value;
    return length;
}

apr_size_t amlaps_text_encode(char target[AMLAPS_UTF8_MOST], apr_uint32_t point)
{
    if (point < 0x80) {
        target[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        target[0] = (char)(0xC0 | point >> 6);
        target[1] = (char)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        target[0] = (char)(0xE0 | point >> 12);
        target[1] = (char)(0x80 | (point >> 6 & 0x3F));
        target[2] = (char)(0x80 | (point & 0x3F));
        return 3;
    }
    target[0] = (char)(0xF0 | point >> 18);
    target[1] = (char)(0x80 | (point >> 12 & 0x3F));
    target[2] = (char)(0x80 | (point >> 6 & 0x3F));
    target[3] = (char)(0x80 | (point & 0x3F));
    return 4;
}

/** Eight bytes at a time: most texts are ASCII from end to end, and all that is recorded or answered comes through here. */
static apr_size_t ascii_words_length(const char *text, apr_size_t length)
{
    apr_size_t i = 0;
    apr_uint64_t word;

    for (; i + sizeof(word) <= length; i += sizeof(word)) {
        memcpy(&word, text + i, sizeof(word));
        if (word & APR_UINT64_C(0x8080808080808080)) {
            break;
        }
    }
    return i;
}

int amlaps_text_is_utf8(const char *text, apr_size_t length)
{
    apr_uint32_t point;

    while (length > 0) {
        apr_size_t size = ascii_words_length(text, length);

        if (size == 0) {
            size = amlaps_text_decode(&point, text, length);
        }

        if (size == 0) {
            return 0;
        }
        text += size;
        length -= size;
    }
    return 1;
}

int amlaps_text_is_control(apr_uint32_t point)
{
    return point < 0x20 || (point >= 0x7F && point <= 0x9F) || point == 0x2028 || point == 0x2029 || point == 0x061C
           || point == 0x200E || point == 0x200F || (point >= 0x202A && point <= 0x202E)
           || (point >= 0x2066 && point <= 0x2069);
}

/** Most texts are nothing but ASCII, where no byte needs to be decoded. @return how many bytes of that the text begins with */
static apr_size_t plain_length(const char *text)
{
    const char *at = text;

    while (*at >= ' ' && *at < 0x7F) {
        at++;
    }
    return (apr_size_t)(at - text);
}

int amlaps_text_has_controls(const char *text)
{
    const char *end;
    apr_uint32_t point;

    if (text == NULL) {
        return 0;
    }
    text += plain_length(text);
    end = text + strlen(text);
    while (text < end) {
        apr_size_t size = amlaps_text_decode(&point, text, (apr_size_t)(end - text));

        if (size == 0 || amlaps_text_is_control(point)) {
            return 1;
        }
        text += size;
    }
    return 0;
}

apr_size_t amlaps_text_escape_controls(char *target, apr_size_t most, const char *text)
{
    const char *end = text + strlen(text);
    apr_size_t written = 0;

    while (text < end) {
        apr_uint32_t point = 0;
        apr_size_t size = amlaps_text_decode(&point, text, (apr_size_t)(end - text));
        int escaped = size == 0 || amlaps_text_is_control(point);
        apr_size_t source = size == 0 ? 1 : size;
        apr_size_t room = escaped ? 4 * source : source;
        apr_size_t i;

        if (room > most - written) {
            break;
        }
        for (i = 0; target != NULL && i < source; i++) {
            unsigned char byte = (unsigned char)text[i];

            if (escaped) {
                char *at = target + written + 4 * i;

                at[0] = '\\';
                at[1] = 'x';
                at[2] = hex_lower[byte >> 4];
                at[3] = hex_lower[byte & 0x0F];
            }
            else {
                target[written + i] = (char)byte;
            }
        }
        written += room;
        text += source;
    }
    return written;
}

void amlaps_text_trim_half(char *text)
{
    apr_size_t length = strlen(text);
    apr_size_t back = 0;
    apr_size_t need;
    unsigned char lead;

    while (back < length && back < AMLAPS_UTF8_MOST - 1 && ((unsigned char)text[length - 1 - back] & 0xC0) == 0x80) {
        back++;
    }
    if (back == length) {
        return;
    }
    lead = (unsigned char)text[length - 1 - back];
    need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (need > back + 1) {
        text[length - 1 - back] = '\0';
    }
}

const char *amlaps_text_printable(const char *text, apr_size_t most, apr_pool_t *pool)
{
    apr_size_t length;
    char *copy;

    if (text == NULL) {
        return "";
    }
    length = plain_length(text);
    if (text[length] == '\0' && length <= most) {
        return apr_pstrmemdup(pool, text, length);
    }
    length = amlaps_text_escape_controls(NULL, most, text);
    copy = apr_palloc(pool, length + 1);
    copy[amlaps_text_escape_controls(copy, length, text)] = '\0';
    return copy;
}

static int is_unreserved(unsigned char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-'
           || byte == '.' || byte == '_' || byte == '~';
}

const char *amlaps_text_percent(const char *text, apr_pool_t *pool)
{
    const unsigned char *byte;
    apr_size_t length = 0;
    char *copy;
    char *at;

    if (text == NULL) {
        return "";
    }
    for (byte = (const unsigned char *)text; *byte != '\0'; byte++) {
        length += is_unreserved(*byte) ? 1 : 3;
    }
    at = copy = apr_palloc(pool, length + 1);
    for (byte = (const unsigned char *)text; *byte != '\0'; byte++) {
        if (is_unreserved(*byte)) {
            *at++ = (char)*byte;
        }
        else {
            *at++ = '%';
            *at++ = hex_upper[*byte >> 4];
            *at++ = hex_upper[*byte & 0x0F];
        }
    }
    *at = '\0';
    return copy;
}

int amlaps_text_is_loopback(const char *host)
{
    int a, b, c, d, end = 0;

    /* Numbers as getaddrinfo reads them are enough. */
    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 || strcmp(host, "[::1]") == 0) {
        return 1;
    }
    return sscanf(host, "%3d.%3d.%3d.%3d%n", &a, &b, &c, &d, &end) == 4 && host[end] == '\0' && a == 127 && b >= 0 && b < 256 && c >= 0 &&
           c < 256 && d >= 0 && d < 256;
}
