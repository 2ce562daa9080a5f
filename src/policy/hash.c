/* Licensed under the Apache License, Version 2.0; see LICENSE. */

#include "hash.h"

#include <string.h>

#include "amlaps/text.h"

#define LOWER_EIGHT 0x2020202020202020ULL
#define HIGH_EIGHT 0x8080808080808080ULL
#define WORD sizeof(apr_uint64_t)

static apr_uint64_t mix(apr_uint64_t hash, apr_uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
    return hash ^ (hash >> 32);
}

/* Words go to two lanes by turns, so that the processor multiplies both at once. */
typedef struct lanes_t {
    apr_uint64_t lane[2];
} lanes_t;

/* The last word overlaps the one before it; what is shorter than a word is put together in a register, since copying so few bytes would
 * cost more than all the rest. @param last the last bytes of the text, a word of them or the whole text */
static apr_uint64_t finish(lanes_t lanes, const unsigned char *last, apr_size_t length)
{
    apr_uint64_t word = 0;
    apr_size_t i;

    if (length >= WORD) {
        memcpy(&word, last, WORD);
    }
    else {
        for (i = 0; i < length; i++) {
            word = word << 8 | last[i];
        }
    }
    return mix(mix(lanes.lane[0], lanes.lane[1]), mix(word | LOWER_EIGHT, length));
}

/* Bytes that go into the hash one at a time, packed as the fast path packs them. */
typedef struct stream_t {
    lanes_t lanes;
    apr_size_t length;
    unsigned char last[WORD];
} stream_t;

static void put(stream_t *stream, unsigned char byte)
{
    apr_size_t words = stream->length / WORD;
    apr_uint64_t word;

    if (stream->length >= WORD) {
        memmove(stream->last, stream->last + 1, WORD - 1);
    }
    stream->last[stream->length < WORD ? stream->length : WORD - 1] = byte;
    stream->length++;
    if (stream->length % WORD == 0) {
        memcpy(&word, stream->last, WORD);
        stream->lanes.lane[words % 2] = mix(stream->lanes.lane[words % 2], word | LOWER_EIGHT);
    }
}

static int is_continuation(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

/* First bytes of UTF-8 whose characters have no letter case: Hebrew to N'Ko, Indic scripts, Kana, Han, Hangul. */
static int is_caseless(unsigned char lead)
{
    return (lead >= 0xd7 && lead <= 0xe0) || (lead >= 0xe3 && lead <= 0xe9) || (lead >= 0xeb && lead <= 0xed);
}

/*
 * Outside ASCII only what folding leaves alone counts; a letter that has a case counts for nothing, which costs at most a longer
 * chain. Two letters fold into ASCII: U+017F long s and U+212A Kelvin sign.
 */
static apr_uint64_t hash_unicode(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    stream_t stream = {.length = 0};

    while (*at) {
        if (*at < 0x80) {
            put(&stream, *at++);
        }
        else if (at[0] == 0xc5 && at[1] == 0xbf) {
            put(&stream, 's');
            at += 2;
        }
        else if (at[0] == 0xe2 && at[1] == 0x84 && at[2] == 0xaa) {
            put(&stream, 'k');
            at += 3;
        }
        else {
            int counts = is_caseless(*at);

            do {
                if (counts) {
                    put(&stream, *at);
                }
                at++;
            } while (is_continuation(*at));
        }
    }
    return finish(stream.lanes, stream.last, stream.length);
}

apr_uint64_t amlaps_hash_folded(const char *text)
{
    apr_size_t length = strlen(text), at;
    apr_uint64_t words[2], all = 0;
    lanes_t lanes = {{0, 0}};
    const char *rest;

    /* Setting bit 5 lowers the letters of ASCII and merges some other characters, which a hash may do. */
    for (at = 0; at + 2 * WORD <= length; at += 2 * WORD) {
        memcpy(words, text + at, 2 * WORD);
        all |= words[0] | words[1];
        lanes.lane[0] = mix(lanes.lane[0], words[0] | LOWER_EIGHT);
        lanes.lane[1] = mix(lanes.lane[1], words[1] | LOWER_EIGHT);
    }
    if (at + WORD <= length) {
        memcpy(words, text + at, WORD);
        all |= words[0];
        lanes.lane[0] = mix(lanes.lane[0], words[0] | LOWER_EIGHT);
        at += WORD;
    }
    for (rest = text + at; *rest; rest++) {
        all |= (unsigned char)*rest;
    }
    if (all & HIGH_EIGHT) {
        return hash_unicode(text);
    }
    return finish(lanes, (const unsigned char *)(length >= WORD ? text + length - WORD : text), length);
}

int amlaps_hash_equal_folded(const char *a, const char *b)
{
    if (strcmp(a, b) == 0) {
        return 1;
    }
    for (; !((*a | *b) & 0x80); a++, b++) {
        if (amlaps_hash_lower(*a) != amlaps_hash_lower(*b)) {
            return 0;
        }
        if (*a == '\0') {
            return 1;
        }
    }
    return amlaps_text_equal_folded(a, b);
}
