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

/* Bytes of the last word are put together in a register: copying so few would cost more than all the rest. */
static apr_uint64_t finish(apr_uint64_t hash, const unsigned char *rest, apr_size_t length)
{
    apr_uint64_t word = 0;
    apr_size_t i;

    for (i = 0; i < length % WORD; i++) {
        word = word << 8 | rest[i] | 0x20;
    }
    return mix(mix(hash, word), length);
}

/* Bytes that go into the hash one at a time, packed as the fast path packs them. */
typedef struct stream_t {
    apr_uint64_t hash;
    apr_size_t length;
    unsigned char bytes[WORD];
} stream_t;

static void put(stream_t *stream, unsigned char byte)
{
    apr_uint64_t word;

    stream->bytes[stream->length++ % WORD] = byte;
    if (stream->length % WORD == 0) {
        memcpy(&word, stream->bytes, WORD);
        stream->hash = mix(stream->hash, word | LOWER_EIGHT);
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
    stream_t stream = {0, 0, {0}};

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
    return finish(stream.hash, stream.bytes, stream.length);
}

apr_uint64_t amlaps_hash_folded(const char *text)
{
    apr_size_t length = strlen(text), at;
    apr_uint64_t hash = 0, word, all = 0;
    const char *rest;

    /* Setting bit 5 lowers the letters of ASCII and merges some other characters, which a hash may do. */
    for (at = 0; at + WORD <= length; at += WORD) {
        memcpy(&word, text + at, WORD);
        all |= word;
        hash = mix(hash, word | LOWER_EIGHT);
    }
    for (rest = text + at; *rest; rest++) {
        all |= (unsigned char)*rest;
    }
    if (all & HIGH_EIGHT) {
        return hash_unicode(text);
    }
    return finish(hash, (const unsigned char *)text + at, length);
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
