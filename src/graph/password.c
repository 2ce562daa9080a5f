/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "password.h"

#include <string.h>

#include "amlaps/text.h"

static const char no_memory[] = "no memory";

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648 to the letter: whole groups, padding, unused bits zero. A text that is almost base64 was damaged on its way. */
static const char *decode_base64(amlaps_secret_t *raw, const char *text, apr_size_t length)
{
    apr_size_t padding = 0;
    unsigned long group = 0;

    if (length % 4 != 0) {
        return "its base64 is incomplete";
    }
    while (padding < 2 && padding < length && text[length - 1 - padding] == '=') {
        padding++;
    }
    for (apr_size_t i = 0; i < length; i++) {
        const int value = i < length - padding ? value_of(text[i]) : 0;
        if (value < 0) {
            return "it is not base64";
        }
        group = group << 6 | (unsigned long)value;
        if (i % 4 != 3) {
            continue;
        }
        const apr_size_t bytes = i == length - 1 ? 3 - padding : 3;
        const char out[3] = {(char)(group >> 16), (char)(group >> 8), (char)group};
        if ((bytes < 3 && out[2]) || (bytes < 2 && out[1])) {
            return "its base64 is damaged";
        }
        if (amlaps_secret_append(raw, out, bytes) != APR_SUCCESS) {
            return no_memory;
        }
        group = 0;
    }
    return NULL;
}

static unsigned unit_at(const amlaps_secret_t *raw, apr_size_t at)
{
    return (unsigned char)raw->bytes[at] | (unsigned)(unsigned char)raw->bytes[at + 1] << 8;
}

/*
 * UTF-16LE of ASCII is valid UTF-8 with NULs, so trying UTF-8 first would be wrong. Even length and NULs say UTF-16LE; a
 * password that merely holds a NUL is told apart by where they are: in UTF-16LE of what people use they are the high bytes of
 * most units, and never low bytes.
 */
static int is_utf16(const amlaps_secret_t *raw)
{
    apr_size_t zeros = 0;

    if (raw->length % 2 != 0 || raw->length < 2) {
        return 0;
    }
    if (unit_at(raw, 0) == 0xFEFF) {
        return 1;
    }
    for (apr_size_t i = 0; i < raw->length; i++) {
        if (raw->bytes[i] != '\0') {
            continue;
        }
        if (i % 2 == 0) {
            return 0;
        }
        zeros++;
    }
    return zeros * 4 > raw->length;
}

static int append_point(amlaps_secret_t *password, unsigned long point)
{
    const char two[2] = {(char)(0xC0 | point >> 6), (char)(0x80 | (point & 0x3F))};
    const char three[3] = {(char)(0xE0 | point >> 12), (char)(0x80 | (point >> 6 & 0x3F)), two[1]};
    const char four[4] = {(char)(0xF0 | point >> 18), (char)(0x80 | (point >> 12 & 0x3F)), three[1], two[1]};
    const char one = (char)point;

    if (point < 0x80) {
        return amlaps_secret_append(password, &one, 1) == APR_SUCCESS;
    }
    if (point < 0x800) {
        return amlaps_secret_append(password, two, 2) == APR_SUCCESS;
    }
    if (point < 0x10000) {
        return amlaps_secret_append(password, three, 3) == APR_SUCCESS;
    }
    return amlaps_secret_append(password, four, 4) == APR_SUCCESS;
}

static const char *from_utf16(amlaps_secret_t *password, const amlaps_secret_t *raw)
{
    for (apr_size_t i = unit_at(raw, 0) == 0xFEFF ? 2 : 0; i < raw->length; i += 2) {
        unsigned long point = unit_at(raw, i);
        if (point >= 0xD800 && point <= 0xDBFF && i + 2 < raw->length) {
            const unsigned low = unit_at(raw, i + 2);
            if (low < 0xDC00 || low > 0xDFFF) {
                return "its UTF-16 is broken";
            }
            point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
            i += 2;
        }
        else if (point >= 0xD800 && point <= 0xDFFF) {
            return "its UTF-16 is broken";
        }
        if (point == 0) {
            return "it holds a NUL";
        }
        if (!append_point(password, point)) {
            return no_memory;
        }
    }
    return NULL;
}

/* In place: it is what Graph gives for nearly every device. */
static const char *from_utf8(amlaps_secret_t *raw)
{
    if (memchr(raw->bytes, '\0', raw->length)) {
        return "it holds a NUL";
    }
    if (!amlaps_text_is_utf8(raw->bytes, raw->length)) {
        return "it is neither UTF-8 nor UTF-16";
    }
    if (raw->length >= 3 && memcmp(raw->bytes, "\xEF\xBB\xBF", 3) == 0) {
        raw->length -= 3;
        memmove(raw->bytes, raw->bytes + 3, raw->length + 1);
    }
    return NULL;
}

const char *amlaps_password_decode(amlaps_secret_t **password, const char *base64, apr_size_t length, apr_pool_t *pool)
{
    amlaps_secret_t *raw = amlaps_secret_make(length + 1, pool), *made = raw;

    *password = NULL;
    if (!raw) {
        return no_memory;
    }
    const char *why = decode_base64(raw, base64, length);
    if (!why && is_utf16(raw)) {
        made = amlaps_secret_make(2 * length + 1, pool);
        why = made ? from_utf16(made, raw) : no_memory;
        amlaps_secret_wipe(raw);
    }
    else if (!why && raw->length > 0) {
        why = from_utf8(raw);
    }
    if (!why && made->length == 0) {
        why = "it is empty";
    }
    if (!why && (amlaps_text_has_controls(made->bytes) || strchr(made->bytes, 0x7F))) {
        why = "it holds control characters";
    }
    if (!why) {
        *password = made;
    }
    else if (made) {
        amlaps_secret_wipe(made);
    }
    return why;
}
